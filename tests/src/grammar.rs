//! Frames by a grammar of queries, from a seed.
//!
//! Most of them are good enough to be read to their end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use fastrand::Rng;

use crate::controls::{SECRETS, server_cookie};
use crate::fixture::{CLIENTS, server_for};
use crate::frames::{frame, wire_name};
use crate::message::{Ask, OptAsked, option};

/// Types, the frequent ones more than once.
const TYPES: [u16; 24] =
    [1, 1, 1, 1, 1, 28, 28, 28, 65, 65, 16, 16, 15, 2, 6, 5, 257, 255, 43, 0, 12, 33, 251, 252];
/// Numbers at the ends of ranges.
const ENDS: [u16; 10] = [0, 1, 2, 3, 41, 0xff, 0x100, 0x7fff, 0x8000, 0xffff];
/// What a subnet may be of.
const SUBNETS4: [[u8; 4]; 10] = [
    [192, 0, 2, 0],
    [198, 51, 100, 64],
    [203, 0, 113, 7],
    [11, 0, 0, 0],
    [11, 128, 0, 0],
    [100, 64, 16, 0],
    [10, 1, 2, 3],
    [127, 0, 0, 1],
    [172, 16, 0, 0],
    [224, 0, 0, 1],
];

/// An endless source of questions.
#[derive(Debug)]
pub struct Grammar {
    rng: Rng,
    /// Names that exist, on the wire.
    names: Vec<Vec<u8>>,
}

impl Grammar {
    /// About these names (in text).
    #[must_use]
    pub fn new(seed: u64, names: &[String]) -> Self {
        assert!(!names.is_empty(), "there is nothing to ask for");
        let names = names.iter().map(|name| wire_name(name)).collect();
        Self { rng: Rng::with_seed(seed), names }
    }

    /// The next frame. One in some ten is malformed somewhere.
    pub fn frame(&mut self) -> Vec<u8> {
        let client = self.client();
        let message = self.ask(client.ip()).octets();
        let (tags, padding): (&[(u16, u16)], usize) = match self.rng.u8(..16) {
            0 => (&[(0x8100, 0x6005)], 0),
            1 => (&[(0x88a8, 5)], 7),
            2 => (&[(0x88a8, 5), (0x8100, 7)], 0),
            3 => (&[], self.rng.usize(1..60)),
            _ => (&[], 0),
        };
        frame(client, server_for(client.ip()), &message, tags, padding)
    }

    fn client(&mut self) -> SocketAddr {
        let ip = match self.rng.u8(..8) {
            0 => IpAddr::from(Ipv4Addr::from(self.rng.u32(0x0100_0000..0x0a00_0000))),
            1 => IpAddr::from(Ipv6Addr::from(self.rng.u128(0x2000 << 112..0x3000 << 112))),
            _ => {
                let (client, _) = CLIENTS[self.rng.usize(..CLIENTS.len())];
                client.parse().expect("an address")
            }
        };
        SocketAddr::new(ip, self.rng.u16(1..))
    }

    fn rare(&mut self) -> bool {
        self.rng.u8(..48) == 0
    }

    fn ask(&mut self, client: IpAddr) -> Ask {
        let mut ask = Ask::new("", TYPES[self.rng.usize(..TYPES.len())]);
        ask.raw_name = Some(self.name());
        ask.id = self.rng.u16(..);
        ask.flags = [0x0100, 0, 0x0110, 0x0120, 0x0010][self.rng.usize(..5)];
        if self.rare() {
            ask.rtype = self.rng.u16(..);
        }
        if self.rare() {
            ask.class = ENDS[self.rng.usize(..ENDS.len())];
        }
        if self.rare() {
            ask.flags = self.rng.u16(..);
        }
        if self.rare() {
            ask.counts[self.rng.usize(..4)] = ENDS[self.rng.usize(..ENDS.len())];
        }
        if self.rng.u8(..8) < 6 {
            ask.opts.push(self.opt(client));
        }
        if self.rare() {
            let opt = self.opt(client);
            ask.opts.push(opt);
        }
        match self.rng.u8(..48) {
            0 => ask = ask.before(b"\0\0\x10\0\x01\0\0\0\0\0\x02\x01x"),
            1 => ask = ask.after(b"\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x02\x01x"),
            2 => ask = ask.before(b"\x01a\x02bc\0\0\x10\0\x01\0\0\0\0\0\0"),
            3 => ask.junk = self.octets(40),
            _ => {}
        }
        ask
    }

    fn octets(&mut self, most: usize) -> Vec<u8> {
        let n = self.rng.usize(..=most);
        (0..n).map(|_| self.rng.u8(..)).collect()
    }

    /// A name that exists, one below or above one, or one spliced of two.
    fn name(&mut self) -> Vec<u8> {
        let mut name = self.names[self.rng.usize(..self.names.len())].clone();
        match self.rng.u8(..24) {
            15.. => {}
            0..8 => self.label_in_front(&mut name),
            9 => (0..self.rng.usize(1..127)).for_each(|_| self.label_in_front(&mut name)),
            10 => {
                // Without its first label.
                let cut = 1 + usize::from(name[0]);
                name = name.get(cut..).filter(|rest| !rest.is_empty()).unwrap_or(&[0]).to_vec();
            }
            11 => {
                let other = self.names[self.rng.usize(..self.names.len())].clone();
                name.truncate(name.len() - 1);
                name.extend(other);
            }
            12 => {
                let special: [&[u8]; 3] = [b"\x07_status", b"\x07_health", b"\x08_country"];
                name.splice(0..0, special[self.rng.usize(..3)].iter().copied());
            }
            13 => {
                // All of it in one label.
                let octets = u8::try_from(name.len() - 1).unwrap_or(u8::MAX);
                name.insert(0, octets);
            }
            8 => {
                let at = self.rng.usize(..name.len());
                name[at] ^= 1 << self.rng.u8(..8);
            }
            14 => {
                let at = self.rng.usize(..name.len());
                let octets = self.octets(3);
                name.splice(at..at, octets);
            }
        }
        if self.rng.bool() {
            for octet in &mut name {
                if octet.is_ascii_lowercase() && self.rng.bool() {
                    *octet = octet.to_ascii_uppercase();
                }
            }
        }
        name
    }

    fn label_in_front(&mut self, name: &mut Vec<u8>) {
        let n = if self.rng.u8(..4) == 0 { self.rng.u8(1..=63) } else { self.rng.u8(1..=8) };
        let letters = (0..n).map(|_| self.rng.u8(b'a'..=b'z'));
        let label: Vec<u8> = std::iter::once(n).chain(letters).collect();
        if name.len() + label.len() <= 255 {
            name.splice(0..0, label);
        }
    }

    fn opt(&mut self, client: IpAddr) -> OptAsked {
        let mut opt = OptAsked {
            size: [1232, 4096, 512, 0, 600, 65_535][self.rng.usize(..6)],
            flags: [0, 0x8000][self.rng.usize(..2)],
            ..OptAsked::default()
        };
        let n = [0, 0, 1, 1, 1, 2, 3, 4][self.rng.usize(..8)];
        for _ in 0..n {
            let option = self.option(client);
            opt.options.push(option);
        }
        if self.rare() {
            opt.version = self.rng.u8(..);
        }
        if self.rare() {
            opt.flags = self.rng.u16(..);
        }
        if self.rare() {
            opt.junk = self.octets(5);
        }
        opt
    }

    fn option(&mut self, client: IpAddr) -> (u16, Vec<u8>) {
        let (code, mut data) = match self.rng.u8(..16) {
            0..3 => (option::NSID, Vec::new()),
            3..8 => (option::SUBNET, self.subnet()),
            8..12 => (option::COOKIE, self.cookie(client)),
            12 => (option::PADDING, vec![0; self.rng.usize(..200)]),
            13 => (option::KEEPALIVE, Vec::new()),
            _ => (self.rng.u16(..), self.octets(20)),
        };
        if self.rare() {
            data.truncate(data.len() / 2);
        }
        if self.rare() {
            data.push(self.rng.u8(..));
        }
        (code, data)
    }

    /// A Client Subnet option's data: mostly no bits past the prefix.
    fn subnet(&mut self) -> Vec<u8> {
        let six = self.rng.u8(..3) == 0;
        let (family, bits, address): (u8, u8, u128) = if six {
            let v4 = Ipv4Addr::from(SUBNETS4[self.rng.usize(..SUBNETS4.len())]);
            let address = match self.rng.u8(..5) {
                0 => v4.to_ipv6_mapped().to_bits(),
                1 => self.rng.u128(..),
                2 => u128::from(self.rng.u8(..2)),
                _ => 0x2001_0db8_0000_0000_u128 << 64 | u128::from(self.rng.u64(..)) << 56,
            };
            (2, 128, address)
        } else {
            let address = match self.rng.u8(..4) {
                0 => self.rng.u32(..),
                _ => u32::from_be_bytes(SUBNETS4[self.rng.usize(..SUBNETS4.len())]),
            };
            (1, 32, u128::from(address) << 96)
        };
        let length = match self.rng.u8(..8) {
            0 => 0,
            1 => bits,
            2 | 3 => [24, 56][usize::from(six)],
            _ => self.rng.u8(..=bits),
        };
        let kept = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        let address = if self.rare() { address } else { address & kept };
        let mut data = vec![0, family, length, 0];
        data.extend(&address.to_be_bytes()[..usize::from(length.div_ceil(8))]);
        if self.rare() {
            let at = self.rng.usize(..4);
            data[at] = self.rng.u8(..);
        }
        data
    }

    fn cookie(&mut self, client: IpAddr) -> Vec<u8> {
        let part: [u8; 8] = self.rng.u64(..).to_be_bytes();
        let mut data = part.to_vec();
        match self.rng.u8(..8) {
            0..3 => {}
            3..6 => {
                let secret = &SECRETS[self.rng.usize(..2)];
                let age = [0, 100, 1801, 3601, u32::MAX - 100][self.rng.usize(..5)];
                data.extend(server_cookie(part, secret, age, client));
            }
            6 => data.extend([self.rng.u8(..); 16]),
            _ => {
                let n = self.rng.usize(8..=32);
                data.extend(vec![self.rng.u8(..); n]);
            }
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::Grammar;

    #[test]
    fn the_same_seed_gives_the_same_frames() {
        let names = ["www.example".to_owned(), String::new()];
        let frames = |seed| {
            let mut grammar = Grammar::new(seed, &names);
            (0..1000).map(|_| grammar.frame()).collect::<Vec<_>>()
        };
        assert_eq!(frames(7), frames(7));
        assert_ne!(frames(7), frames(8));
    }
}
