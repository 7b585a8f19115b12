//! Frames to send and replies to read.
//!
//! They are built and read here by hand, apart from the product's own wire code, so that both
//! can't be wrong in the same way.

use std::net::{IpAddr, SocketAddr};

/// The link-layer address that frames are sent to.
pub const SERVER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// The link-layer address that frames come from.
pub const CLIENT_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];

/// A query and the frame around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Where it comes from.
    pub client: SocketAddr,
    /// Where it goes to.
    pub server: SocketAddr,
    /// The name, as [`wire_name`] reads it; letters are sent as they stand.
    pub name: String,
    /// QTYPE.
    pub rtype: u16,
    /// QCLASS.
    pub class: u16,
    /// Message ID.
    pub id: u16,
    /// The header's flags word.
    pub flags: u16,
    /// What is behind the question, if anything is: the OPT record's octets, and others'.
    pub opt: Option<Vec<u8>>,
    /// ARCOUNT; by itself 1 if there is anything behind the question, or 0.
    pub additionals: Option<u16>,
    /// VLAN tags: ethertype and tag, outermost first.
    pub tags: Vec<(u16, u16)>,
    /// Octets behind the datagram.
    pub padding: usize,
}

/// An OPT record without options: size 4096, the given extended flags.
#[must_use]
pub fn opt(flags: u16) -> Vec<u8> {
    let [high, low] = flags.to_be_bytes();
    vec![0, 0, 41, 0x10, 0, 0, 0, high, low, 0, 0]
}

/// A name in text as it stands on the wire: labels with dots between, `\\` and three decimal digits
/// for any octet, `\\` and any other character for that one (RFC 1035 §5.1).
///
/// # Panics
/// When a label is longer than its length octet can say.
#[must_use]
pub fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut label = Vec::new();
    let mut end = |label: &mut Vec<u8>| {
        if !label.is_empty() {
            wire.push(u8::try_from(label.len()).expect("labels are short"));
            wire.append(label);
        }
    };
    let mut octets = name.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b'.' => end(&mut label),
            b'\\' => {
                let escaped = octets.next().expect("something behind the backslash");
                if escaped.is_ascii_digit() {
                    let digits = [Some(escaped), octets.next(), octets.next()];
                    let value = |sum: u16, digit: Option<u8>| {
                        sum * 10 + u16::from(digit.expect("three digits") - b'0')
                    };
                    let octet = digits.into_iter().fold(0, value);
                    label.push(u8::try_from(octet).expect("an octet"));
                } else {
                    label.push(escaped);
                }
            }
            plain => label.push(plain),
        }
    }
    end(&mut label);
    wire.push(0);
    wire
}

/// The one's-complement sum of octets, in wire order.
#[must_use]
pub fn ones_sum(octets: &[u8]) -> u32 {
    let words = octets.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.fold(0, |sum, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    sum = (sum & 0xffff) + (sum >> 16);
    sum
}

fn address_octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

fn pseudo_header(source: IpAddr, destination: IpAddr, octets: usize) -> Vec<u8> {
    let mut pseudo = address_octets(source);
    pseudo.extend(address_octets(destination));
    let length = u16::try_from(octets).expect("datagrams are short").to_be_bytes();
    pseudo.extend([0, 17, length[0], length[1]]);
    pseudo
}

impl Query {
    /// An A query for `name` from `client` to `server`, RD set, no EDNS.
    #[must_use]
    pub fn new(name: &str, rtype: u16, client: SocketAddr, server: SocketAddr) -> Self {
        Self {
            client,
            server,
            name: name.to_owned(),
            rtype,
            class: 1,
            id: 0x1234,
            flags: 0x0100,
            opt: None,
            additionals: None,
            tags: Vec::new(),
            padding: 0,
        }
    }

    /// The same with an OPT record without options.
    #[must_use]
    pub fn with_edns(self, flags: u16) -> Self {
        Self { opt: Some(opt(flags)), ..self }
    }

    /// The DNS message.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let mut message = self.id.to_be_bytes().to_vec();
        message.extend(self.flags.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 0]);
        let additionals = self.additionals.unwrap_or_else(|| self.opt.is_some().into());
        message.extend(additionals.to_be_bytes());
        message.extend(wire_name(&self.name));
        message.extend(self.rtype.to_be_bytes());
        message.extend(self.class.to_be_bytes());
        message.extend(self.opt.iter().flatten());
        message
    }

    /// The frame, all checksums right.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        frame(self.client, self.server, &self.message(), &self.tags, self.padding)
    }
}

/// A frame around any UDP payload.
#[must_use]
pub fn frame(
    client: SocketAddr,
    server: SocketAddr,
    payload: &[u8],
    tags: &[(u16, u16)],
    padding: usize,
) -> Vec<u8> {
    let mut frame = SERVER_MAC.to_vec();
    frame.extend(CLIENT_MAC);
    for (ethertype, tag) in tags {
        frame.extend(ethertype.to_be_bytes());
        frame.extend(tag.to_be_bytes());
    }
    let mut udp = client.port().to_be_bytes().to_vec();
    udp.extend(server.port().to_be_bytes());
    let length = u16::try_from(8 + payload.len()).expect("datagrams are short");
    udp.extend(length.to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    let mut sum = ones_sum(&pseudo_header(client.ip(), server.ip(), udp.len())) + ones_sum(&udp);
    sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from(sum & 0xffff).expect("masked");
    udp[6..8].copy_from_slice(&(if sum == 0 { 0xffff } else { sum }).to_be_bytes());
    match (client.ip(), server.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            frame.extend([0x08, 0x00]);
            let total = (20 + length).to_be_bytes();
            let mut ip = vec![0x45, 0, total[0], total[1], 0x12, 0x34, 0, 0, 57, 17, 0, 0];
            ip.extend(source.octets());
            ip.extend(destination.octets());
            let sum = !u16::try_from(ones_sum(&ip)).expect("folded");
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
            frame.extend(ip);
        }
        (source, destination) => {
            frame.extend([0x86, 0xdd, 0x60, 0x01, 0x02, 0x03]);
            frame.extend(length.to_be_bytes());
            frame.extend([17, 57]);
            frame.extend(address_octets(source));
            frame.extend(address_octets(destination));
        }
    }
    frame.extend(udp);
    frame.extend(std::iter::repeat_n(0xee, padding));
    frame
}

/// Where a frame's network header stands, and whether it is IPv4's.
pub(crate) fn network(frame: &[u8]) -> Option<(usize, bool)> {
    let mut at = 12;
    while matches!(frame.get(at..at + 2)?, [0x81, 0] | [0x88, 0xa8]) {
        at += 4;
    }
    Some((at + 2, frame.get(at..at + 2)? == [0x08, 0]))
}

/// Source and destination of a frame.
#[must_use]
pub fn ends(frame: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let (at, four) = network(frame)?;
    let (header, first, octets) = if four { (20, 12, 4) } else { (40, 8, 16) };
    let end = |n: usize| {
        let ip = frame.get(at + first + n * octets..)?.get(..octets)?;
        let ip = match <[u8; 4]>::try_from(ip) {
            Ok(ip) => IpAddr::from(ip),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
        };
        let port = frame.get(at + header + 2 * n..)?.first_chunk()?;
        Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
    };
    Some((end(0)?, end(1)?))
}

/// The octets behind the UDP header of a frame as long as its headers say.
#[must_use]
pub fn payload(frame: &[u8]) -> Option<Vec<u8>> {
    let (at, four) = network(frame)?;
    let udp = frame.get(at + if four { 20 } else { 40 }..)?;
    let octets = usize::from(u16::from_be_bytes([*udp.get(4)?, *udp.get(5)?]));
    Some(udp.get(8..octets)?.to_vec())
}

/// A reply taken apart: its message, once everything around it has been found right.
///
/// # Errors
/// What is wrong: addresses, ports, lengths, TTL, checksums.
pub fn open_reply(query: &Query, reply: &[u8]) -> Result<Vec<u8>, String> {
    open_reply_to(&query.frame(), reply)
}

/// As [`open_reply`], for the reply to any frame.
///
/// # Errors
/// As there.
pub fn open_reply_to(query: &[u8], reply: &[u8]) -> Result<Vec<u8>, String> {
    let check = |right: bool, what: &str| if right { Ok(()) } else { Err(what.to_owned()) };
    let span = |from: usize, n: usize| query.get(from..from + n).ok_or("short query");
    check(reply.get(..6) == Some(span(6, 6)?), "destination MAC")?;
    check(reply.get(6..12) == Some(span(0, 6)?), "source MAC")?;
    let mut at = 12;
    while matches!(span(at, 2)?, [0x81, 0] | [0x88, 0xa8]) {
        check(reply.get(at..at + 4) == Some(span(at, 4)?), "VLAN tag")?;
        at += 4;
    }
    let ethertype = span(at, 2)?;
    check(reply.get(at..at + 2) == Some(ethertype), "ethertype")?;
    let four = ethertype == [0x08, 0];
    at += 2;
    let network = reply.get(at..).ok_or("short")?;
    // Where the addresses and the UDP header stand, and how long an address is.
    let (header, first, octets) = if four { (20, 12, 4) } else { (40, 8, 16) };
    let fixed = network.get(..header).ok_or("short network header")?;
    let (source, destination) = (&fixed[first..first + octets], &fixed[first + octets..][..octets]);
    check(source == span(at + first + octets, octets)?, "source address")?;
    check(destination == span(at + first, octets)?, "destination address")?;
    if four {
        check(fixed[0] == 0x45 && fixed[8] == 64 && fixed[9] == 17, "IPv4 header")?;
        check(ones_sum(fixed) == 0xffff, "IPv4 checksum")?;
        let total = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
        check(total == network.len(), "IPv4 total length")?;
    } else {
        check(fixed[0] == 0x60 && fixed[6] == 17 && fixed[7] == 64, "IPv6 header")?;
        let payload = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
        check(payload + 40 == network.len(), "IPv6 payload length")?;
    }
    let udp = &network[header..];
    let fixed = udp.get(..8).ok_or("short UDP header")?;
    check(fixed[..2] == *span(at + header + 2, 2)?, "source port")?;
    check(fixed[2..4] == *span(at + header, 2)?, "destination port")?;
    check(usize::from(u16::from_be_bytes([fixed[4], fixed[5]])) == udp.len(), "UDP length")?;
    check(fixed[6..8] != [0, 0], "UDP checksum missing")?;
    let length = u16::try_from(udp.len()).expect("datagrams are short").to_be_bytes();
    let pseudo = [source, destination, &[0, 17, length[0], length[1]]].concat();
    let sum = ones_sum(&pseudo) + ones_sum(udp);
    check((sum & 0xffff) + (sum >> 16) == 0xffff, "UDP checksum")?;
    Ok(udp[8..].to_vec())
}
