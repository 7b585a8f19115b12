//! A reply in one line of words.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::message::{Opt, Record, Reply, flag, option, rcode, rtype};

/// In words: RCODE and flags; the answers, of addresses only how many; whose SOA; EDNS and its
/// options. `NOERROR AA, 4 A, EDNS, nsid tests, subnet 192.0.2.0/24/24, cookie 24`.
#[must_use]
pub fn tell(reply: &Reply) -> String {
    let mut words = vec![code(reply)];
    words.extend(answers(&reply.answers));
    words.extend(reply.authorities.iter().map(|record| match record.rtype {
        rtype::SOA => format!("SOA of {}", record.owner),
        other => format!("type {other} in the authority section"),
    }));
    words.extend(reply.additionals.iter().map(|record| format!("additional {record:?}")));
    if let Some(opt) = &reply.opt {
        words.extend(edns(opt));
    }
    words.join(", ")
}

fn code(reply: &Reply) -> String {
    let mut words = match reply.rcode {
        rcode::NOERROR => "NOERROR".to_owned(),
        rcode::NXDOMAIN => "NXDOMAIN".to_owned(),
        rcode::REFUSED => "REFUSED".to_owned(),
        rcode::BADVERS => "BADVERS".to_owned(),
        rcode::BADCOOKIE => "BADCOOKIE".to_owned(),
        other => format!("RCODE {other}"),
    };
    for (bit, name) in [(flag::AA, " AA"), (flag::TC, " TC"), (flag::RA, " RA"), (flag::AD, " AD")]
    {
        if reply.has(bit) {
            words.push_str(name);
        }
    }
    words
}

fn answers(records: &[Record]) -> Vec<String> {
    let of = |kind| records.iter().filter(move |record| record.rtype == kind);
    let addresses = [(rtype::A, "A"), (rtype::AAAA, "AAAA")].into_iter();
    let addresses = addresses.map(|(kind, name)| (of(kind).count(), name));
    let mut words: Vec<String> =
        addresses.filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    let others = records.iter().filter(|r| !matches!(r.rtype, rtype::A | rtype::AAAA));
    let mut others: Vec<_> =
        others.map(|r| format!("{} {} for {} s", name_of(r.rtype), r.data, r.ttl)).collect();
    others.sort();
    words.extend(others);
    words
}

fn name_of(kind: u16) -> String {
    match kind {
        rtype::NS => "NS".to_owned(),
        rtype::CNAME => "CNAME".to_owned(),
        rtype::SOA => "SOA".to_owned(),
        rtype::MX => "MX".to_owned(),
        rtype::TXT => "TXT".to_owned(),
        rtype::CAA => "CAA".to_owned(),
        rtype::HTTPS => "HTTPS".to_owned(),
        other => format!("type {other}"),
    }
}

fn edns(opt: &Opt) -> Vec<String> {
    let mut words = vec![match (opt.size, opt.version, opt.flags) {
        (1232, 0, 0) => "EDNS".to_owned(),
        (1232, 0, 0x8000) => "EDNS DO".to_owned(),
        other => format!("EDNS {other:?}"),
    }];
    words.extend(opt.options.iter().map(|(code, data)| match *code {
        option::NSID => format!("nsid {}", String::from_utf8_lossy(data)),
        option::SUBNET => subnet(data),
        option::COOKIE => format!("cookie {}", data.len()),
        other => format!("option {other}"),
    }));
    words
}

/// Address, source prefix length and scope of a Client Subnet option.
fn subnet(data: &[u8]) -> String {
    let [_, family, source, scope, given @ ..] = data else { return format!("subnet {data:?}") };
    let mut octets = [0; 16];
    octets[..given.len()].copy_from_slice(given);
    let address = match family {
        1 => Ipv4Addr::from([octets[0], octets[1], octets[2], octets[3]]).to_string(),
        2 => Ipv6Addr::from(octets).to_string(),
        _ => "-".to_owned(),
    };
    format!("subnet {address}/{source}/{scope}")
}
