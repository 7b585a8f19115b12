//! A record's data as zone files write it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::reader::{Malformed, Reader};
use super::rtype;

/// A character-string in quotes.
fn quoted(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    let octets = reader.octet()?;
    Ok(in_quotes(reader.take(octets.into())?))
}

fn in_quotes(octets: &[u8]) -> String {
    let mut text = String::from('"');
    for octet in octets {
        match octet {
            b'\\' | b'"' => text.extend(['\\', char::from(*octet)]),
            0x20..=0x7e => text.push(char::from(*octet)),
            other => write!(text, "\\{other:03}").expect("a string"),
        }
    }
    text.push('"');
    text
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02x}").expect("a string");
        text
    })
}

/// What is left of a record's data.
fn rest<'m>(reader: &mut Reader<'m>, end: usize) -> Result<&'m [u8], Malformed> {
    let octets = end.checked_sub(reader.at).ok_or("its data are too short")?;
    reader.take(octets)
}

/// The data of a record up to `end`.
pub(super) fn text(kind: u16, reader: &mut Reader<'_>, end: usize) -> Result<String, Malformed> {
    Ok(match kind {
        rtype::A => {
            let octets: [u8; 4] = rest(reader, end)?.try_into().or(Err("an A record's length"))?;
            Ipv4Addr::from(octets).to_string()
        }
        rtype::AAAA => {
            let octets: [u8; 16] =
                rest(reader, end)?.try_into().or(Err("an AAAA record's length"))?;
            Ipv6Addr::from(octets).to_string()
        }
        rtype::NS | rtype::CNAME | rtype::PTR => reader.name()?,
        rtype::MX => format!("{} {}", reader.word()?, reader.name()?),
        rtype::SRV => {
            let [priority, weight, port] = [reader.word()?, reader.word()?, reader.word()?];
            format!("{priority} {weight} {port} {}", reader.name()?)
        }
        rtype::SOA => {
            let (mname, rname) = (reader.name()?, reader.name()?);
            let mut text = format!("{mname} {rname}");
            for _ in 0..5 {
                write!(text, " {}", reader.long()?).expect("a string");
            }
            text
        }
        rtype::TXT | rtype::SPF | rtype::HINFO => {
            let mut strings = Vec::new();
            while reader.at < end {
                strings.push(quoted(reader)?);
            }
            strings.join(" ")
        }
        rtype::NAPTR => {
            let (order, preference) = (reader.word()?, reader.word()?);
            let [flags, services, expression] = [quoted(reader)?, quoted(reader)?, quoted(reader)?];
            format!("{order} {preference} {flags} {services} {expression} {}", reader.name()?)
        }
        rtype::CAA => {
            let flags = reader.octet()?;
            let octets = reader.octet()?;
            let tag = String::from_utf8_lossy(reader.take(octets.into())?).into_owned();
            format!("{flags} {tag} {}", in_quotes(rest(reader, end)?))
        }
        rtype::DS => {
            let (tag, algorithm, digest) = (reader.word()?, reader.octet()?, reader.octet()?);
            format!("{tag} {algorithm} {digest} {}", hex(rest(reader, end)?))
        }
        rtype::TLSA => {
            let [usage, selector, matching] = [reader.octet()?, reader.octet()?, reader.octet()?];
            format!("{usage} {selector} {matching} {}", hex(rest(reader, end)?))
        }
        rtype::SVCB | rtype::HTTPS => {
            let (priority, target) = (reader.word()?, reader.name()?);
            let mut text = format!("{priority} {target}");
            let mut before = None;
            while reader.at < end {
                let (key, octets) = (reader.word()?, reader.word()?);
                if before.replace(key).is_some_and(|before| before >= key) {
                    return Err("parameters that aren't in ascending order".to_owned());
                }
                write!(text, " key{key}={}", hex(reader.take(octets.into())?)).expect("a string");
            }
            text
        }
        _ => {
            let octets = rest(reader, end)?;
            format!("\\# {} {}", octets.len(), hex(octets))
        }
    })
}
