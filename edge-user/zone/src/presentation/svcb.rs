//! Service parameters (RFC 9460 §2.1), translated to wire format.
//!
//! They are written in the order of their numbers (§2.2). Refused are unknown names, values that
//! aren't their parameter's, the same parameter twice, and sets that contradict themselves (§7.1.1,
//! §8).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::error::{KeyError, ParamsError, ValueError, WordsError};
use super::{number, push_string, unescape, words};
use crate::name::quote;

/// A parameter and its value, if it has one.
type Param = (String, Option<String>);

const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;
const OHTTP: u16 = 8;

/// Names by number.
const NAMES: [&str; 9] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
];

/// Takes `name=value` apart, for all that stand in a row.
pub(super) fn split(text: &str) -> Result<Vec<Param>, WordsError> {
    let params = words(text)?.into_iter().map(|word| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word, None),
    });
    Ok(params.collect())
}

/// Writes parameters; values are in presentation format.
pub(super) fn write(params: &[Param], out: &mut Vec<u8>) -> Result<(), ParamsError> {
    let mut written: Vec<(u16, Vec<u8>)> = Vec::with_capacity(params.len());
    for (name, value) in params {
        let key = key(name)?;
        if written.iter().any(|(other, _)| *other == key) {
            return Err(ParamsError::Twice(name.clone()));
        }
        let octets = value_of(key, value.as_deref())
            .map_err(|cause| ParamsError::Value { name: name.clone(), cause })?;
        written.push((key, octets));
    }
    written.sort_unstable_by_key(|(key, _)| *key);
    let has = |wanted: u16| written.iter().any(|(key, _)| *key == wanted);
    if has(NO_DEFAULT_ALPN) && !has(ALPN) {
        return Err(ParamsError::NoDefaultAlpn);
    }
    if let Some((_, named)) = written.iter().find(|(key, _)| *key == MANDATORY) {
        let named = named.as_chunks::<2>().0.iter().map(|octets| u16::from_be_bytes(*octets));
        if let Some(missing) = named.into_iter().find(|key| *key == MANDATORY || !has(*key)) {
            return Err(ParamsError::Mandatory(missing));
        }
    }
    for (key, octets) in &written {
        let length = u16::try_from(octets.len()).ok().ok_or(ParamsError::TooLong)?;
        out.extend(key.to_be_bytes());
        out.extend(length.to_be_bytes());
        out.extend_from_slice(octets);
    }
    Ok(())
}

fn key(name: &str) -> Result<u16, KeyError> {
    let known = NAMES.iter().position(|known| *known == name).and_then(|at| u16::try_from(at).ok());
    // 65535 is reserved.
    let generic = || name.strip_prefix("key")?.parse().ok().filter(|key| *key != u16::MAX);
    known.or_else(generic).ok_or_else(|| KeyError { text: quote(name), names: &NAMES })
}

fn value_of(key: u16, value: Option<&str>) -> Result<Vec<u8>, ValueError> {
    match (key, value) {
        (NO_DEFAULT_ALPN | OHTTP, None | Some("")) => return Ok(Vec::new()),
        (NO_DEFAULT_ALPN | OHTTP, Some(_)) => {
            return Err(ValueError::NoValue);
        }
        (..=IPV6_HINT, None | Some("")) => return Err(ValueError::Missing),
        _ => {}
    }
    let octets = unescape(value.unwrap_or_default())?;
    if !matches!(key, MANDATORY | ALPN | PORT | IPV4_HINT | ECH | IPV6_HINT) {
        return Ok(octets);
    }
    let mut out = Vec::new();
    if key == ALPN {
        for id in list(&octets) {
            if id.is_empty() {
                return Err(ValueError::EmptyProtocol);
            }
            push_string(&id, &mut out)?;
        }
        return Ok(out);
    }
    let text = str::from_utf8(&octets).ok().ok_or(ValueError::NotText)?;
    match key {
        PORT => out.extend(number::<u16>(text)?.to_be_bytes()),
        ECH => out = base64(text).ok_or_else(|| ValueError::Base64(quote(text)))?,
        MANDATORY => {
            let mut keys = text.split(',').map(self::key).collect::<Result<Vec<u16>, _>>()?;
            keys.sort_unstable();
            keys.dedup();
            out.extend(keys.into_iter().flat_map(u16::to_be_bytes));
        }
        _ => {
            for each in text.split(',') {
                if key == IPV4_HINT {
                    let ip: Option<Ipv4Addr> = each.parse().ok();
                    out.extend(ip.ok_or_else(|| ValueError::Ipv4(quote(each)))?.octets());
                } else {
                    let ip: Option<Ipv6Addr> = each.parse().ok();
                    out.extend(ip.ok_or_else(|| ValueError::Ipv6(quote(each)))?.octets());
                }
            }
        }
    }
    Ok(out)
}

/// The items of a list: commas between, unless a backslash is in front (RFC 9460 appendix A.1).
fn list(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut items = vec![Vec::new()];
    let mut rest = octets.iter().copied();
    while let Some(octet) = rest.next() {
        let octet = match octet {
            b',' => {
                items.push(Vec::new());
                continue;
            }
            b'\\' => rest.next().unwrap_or(b'\\'),
            octet => octet,
        };
        if let Some(item) = items.last_mut() {
            item.push(octet);
        }
    }
    items
}

/// RFC 4648 §4, padded.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len() / 4 * 3);
    let (groups, []) = text.as_bytes().as_chunks::<4>() else { return None };
    for (nth, group) in groups.iter().enumerate() {
        let n_padding = group.iter().rev().take_while(|digit| **digit == b'=').count();
        if n_padding > 2 || n_padding > 0 && nth + 1 < groups.len() {
            return None;
        }
        let mut bits = 0_u32;
        for (at, digit) in group.iter().enumerate() {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' if at >= 4 - n_padding => 0,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        let [_, all @ ..] = bits.to_be_bytes();
        octets.extend_from_slice(all.get(..3 - n_padding)?);
    }
    Some(octets)
}
