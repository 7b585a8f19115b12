//! Everything that may stand behind a client's question.

use std::net::IpAddr;

use crate::controls::{SECRETS, server_cookie};
use crate::frames::Query;
use crate::message::{OptAsked, option, subnet};

/// What is behind a question.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// ARCOUNT.
    additionals: u16,
    octets: Option<Vec<u8>>,
}

impl Shape {
    /// The query with this behind its question.
    pub(super) fn around(&self, query: &Query) -> Query {
        let additionals = Some(self.additionals);
        Query { opt: self.octets.clone(), additionals, ..query.clone() }
    }

    fn new(additionals: u16, octets: Vec<u8>) -> Self {
        Self { additionals, octets: Some(octets) }
    }

    fn opt(opt: &OptAsked) -> Self {
        Self::new(1, opt.octets())
    }

    fn with(options: &[(u16, &[u8])]) -> Self {
        Self::opt(&OptAsked { size: 1232, ..OptAsked::with(options) })
    }
}

/// Client subnets: of each place and of none, special ones, of all lengths.
const SUBNETS: [&str; 44] = [
    "192.0.2.0/24",
    "192.0.2.0/23",
    "192.0.2.128/25",
    "192.0.2.10/32",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "11.0.0.0/8",
    "11.0.0.0/9",
    "11.128.0.0/9",
    "11.128.0.0/16",
    "11.127.255.0/24",
    "11.129.0.0/20",
    "5.8.0.0/16",
    "198.18.0.0/15",
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "10.0.0.0/8",
    "10.49.1.0/24",
    "127.49.0.0/16",
    "169.254.1.1/32",
    "172.16.0.0/12",
    "172.32.0.0/16",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "0.0.0.0/32",
    "2001:db8:de::/48",
    "2001:db8:de::/56",
    "2001:db8:b0::/47",
    "2001:db8:6b::1/128",
    "2001:db8:6a::/64",
    "2400::/12",
    "2000::/3",
    "::/0",
    "::/1",
    "::/128",
    "::1/128",
    "fe80::/10",
    "fc00::/7",
    "::ffff:192.0.2.0/120",
    "::ffff:198.51.100.7/128",
    "::ffff:10.0.0.0/104",
    "::ffff:0:0/96",
];

/// For a client.
pub(super) fn shapes(client: IpAddr) -> Vec<Shape> {
    let mut shapes = vec![Shape { additionals: 0, octets: None }; 3];
    for (size, version, flags) in [
        (1232, 0, 0),
        (4096, 0, 0x8000),
        (0, 0, 0x7fff),
        (511, 0, 0),
        (512, 0, 0x8000),
        (513, 0, 0),
        (65_535, 0, 0),
        (512, 1, 0),
        (1232, 255, 0x8000),
    ] {
        shapes.push(Shape::opt(&OptAsked { size, version, flags, ..OptAsked::default() }));
        let options = vec![(option::NSID, Vec::new()), (option::SUBNET, vec![9])];
        let options = if version == 0 { options[..1].to_vec() } else { options };
        shapes.push(Shape::opt(&OptAsked { size, version, flags, options, ..OptAsked::default() }));
    }
    for prefix in SUBNETS {
        shapes.push(Shape::with(&[(option::SUBNET, &subnet(prefix))]));
    }
    malformed(&mut shapes);
    cookies(&mut shapes, client);
    mixed(&mut shapes);
    shapes
}

fn malformed(shapes: &mut Vec<Shape>) {
    for data in [
        &[][..],
        &[0, 1, 24],
        &[0, 1, 24, 0, 192, 0],
        &[0, 1, 23, 0, 192, 0, 3],
        &[0, 1, 33, 0, 192, 0, 2, 1, 0],
        &[0, 3, 0, 0],
        &[0, 0, 8, 0, 1],
    ] {
        shapes.push(Shape::with(&[(option::SUBNET, data)]));
    }
    for data in [&[0, 0, 0, 0][..], &[0, 1, 24, 99, 192, 0, 2]] {
        shapes.push(Shape::with(&[(option::SUBNET, data)]));
    }
    for octets in [0, 7, 9, 15, 41] {
        shapes.push(Shape::with(&[(option::COOKIE, &vec![3; octets])]));
    }
    let junk = OptAsked { junk: vec![0, 3, 0], ..OptAsked::default() };
    let (plain, other) = (OptAsked::default().octets(), b"\0\0\x10\0\x01\0\0\0\0\0\x02\x01x");
    let pointing = b"\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x02\x01x";
    shapes.extend([
        Shape::opt(&junk),
        Shape::new(2, [&plain[..], &plain].concat()),
        Shape::new(2, [&plain[..], other].concat()),
        Shape::new(2, [&other[..], &plain].concat()),
        Shape::new(2, [&plain[..], pointing].concat()),
        Shape::new(2, [&pointing[..], &plain].concat()),
        Shape::new(1, other.to_vec()),
        Shape::new(1, Vec::new()),
        Shape::new(2, plain.clone()),
        Shape::new(0, plain.clone()),
        Shape::new(1, [&plain[..], &[0]].concat()),
        Shape::new(1, [&[1, b'a'][..], &plain].concat()),
    ]);
}

fn cookies(shapes: &mut Vec<Shape>, client: IpAddr) {
    let part = *b"a client";
    let with = |server: &[u8]| Shape::with(&[(option::COOKIE, &[&part[..], server].concat())]);
    shapes.push(with(&[]));
    for (secret, age) in [(0, 0), (0, 1800), (0, 1801), (0, 3600), (0, 3601), (1, 60), (1, 4000)] {
        shapes.push(with(&server_cookie(part, &SECRETS[secret], age, client)));
    }
    for ahead in [300_u32, 301] {
        shapes.push(with(&server_cookie(part, &SECRETS[0], ahead.wrapping_neg(), client)));
    }
    let mut wrong = server_cookie(part, &SECRETS[0], 0, client);
    wrong[15] ^= 0x80;
    shapes.push(with(&wrong));
    for octets in [8, 15, 17, 32] {
        shapes.push(with(&vec![7; octets]));
    }
}

fn mixed(shapes: &mut Vec<Shape>) {
    let here = subnet("203.0.113.0/24");
    let six = subnet("2001:db8:de::/48");
    let nsid: (u16, &[u8]) = (option::NSID, &[]);
    let place: (u16, &[u8]) = (option::SUBNET, &here);
    let cookie: (u16, &[u8]) = (option::COOKIE, b"a client");
    let padding: (u16, &[u8]) = (option::PADDING, &[0; 9]);
    let unknown: (u16, &[u8]) = (65_001, &[0, 3, 0, 0]);
    let keepalive: (u16, &[u8]) = (option::KEEPALIVE, &[]);
    for options in [
        &[nsid, place, cookie][..],
        &[cookie, place, nsid],
        &[place, cookie],
        &[padding, place, padding],
        &[unknown, nsid, keepalive, cookie],
        &[keepalive],
        &[place, (option::SUBNET, &six)],
        &[(option::SUBNET, &six), place],
        &[cookie, (option::COOKIE, &[1; 8])],
        &[nsid, nsid],
    ] {
        shapes.push(Shape::with(options));
    }
    let flags = OptAsked { flags: 0x8000, size: 4096, ..OptAsked::with(&[place, nsid]) };
    shapes.push(Shape::opt(&flags));
}
