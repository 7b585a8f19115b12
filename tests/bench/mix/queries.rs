//! A deck of frames, as a pool is asked, with some random subdomains.
//!
//! Of all queries 48 % ask for A, 44 % for AAAA, 4 % for HTTPS, the others for NS, SOA and TXT; 5
//! % ask for names that don't exist. A half has an OPT record, a third a Client Subnet, a tenth a
//! cookie (of which a half is a good one of this server). A fifth comes over IPv6. Names that are
//! made for one frame come over IPv4 only, without checksum.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use edge_tests::frames::Query;
use edge_tests::message::{OptAsked, option, rtype, subnet};
use fastrand::Rng;

use crate::pool::{APEX, SERVER4, SERVER6, good_cookie, hot_name, mixed_case};

/// Frames of a deck; see edge-ebpf's `bench/state.rs`.
pub(crate) const FRAMES: usize = 4_096;
/// Queries of a pool's mix for names that don't exist.
const MISSING: f64 = 0.05;
/// Letters that the generator makes up.
const LETTERS: &str = "--------";

/// A frame to send.
pub(crate) struct Sent {
    /// Its octets.
    pub octets: Vec<u8>,
    /// Where the letters of its first label stand, if they are made up for every frame.
    pub letters: Option<usize>,
}

/// Frames to send one after the other.
pub(super) struct Deck {
    /// All of them.
    pub frames: Vec<Sent>,
    /// Those for names that exist.
    pub hot: usize,
}

/// Who asks.
fn client(six: bool, rng: &mut Rng) -> IpAddr {
    if six {
        // Of the networks that the pool's world has.
        Ipv6Addr::from(u128::from(0x2400_0000 | rng.u32(..0x0800_0000)) << 96 | rng.u128(..1 << 64))
            .into()
    } else {
        // Neither ours nor loopback's; neither the first nor the last of any network.
        let first = if rng.u8(..4) == 0 { rng.u8(11..=126) } else { rng.u8(128..=223) };
        Ipv4Addr::new(first, rng.u8(..), rng.u8(..), rng.u8(1..=254)).into()
    }
}

fn asked_subnet(six: bool, rng: &mut Rng) -> Vec<u8> {
    let (usual, any) = if six { (56, 64) } else { (24, 32) };
    let length = if rng.u8(..4) > 0 { usual } else { rng.u8(..=any) };
    match client(six, rng) {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            subnet(&format!("{}/{length}", Ipv4Addr::from(u32::from(ip) & mask)))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            subnet(&format!("{}/{length}", Ipv6Addr::from(u128::from(ip) & mask)))
        }
    }
}

fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

/// The OPT record, if there is one.
fn opt(client: IpAddr, rng: &mut Rng) -> Option<Vec<u8>> {
    if rng.bool() {
        return None;
    }
    let mut options = Vec::new();
    // Two thirds of a half.
    if rng.u8(..3) > 0 {
        // Resolvers mostly have clients of their own family.
        let six = client.is_ipv6() != (rng.u8(..5) == 0);
        options.push((option::SUBNET, asked_subnet(six, rng)));
    }
    // A fifth of a half.
    if rng.u8(..5) == 0 {
        let mut own = [0; 8];
        rng.fill(&mut own);
        let data = if rng.bool() { good_cookie(own, now(), client) } else { own.to_vec() };
        options.push((option::COOKIE, data));
    }
    rng.shuffle(&mut options);
    let size = rng.choice([512, 1_232, 1_400, 4_096]).unwrap_or_default();
    let flags = if rng.bool() { 0x8000 } else { 0 };
    Some(OptAsked { size, flags, options, ..OptAsked::default() }.octets())
}

/// A query; letters of its name are to be made up if it says so.
fn query(missing: bool, six: bool, rng: &mut Rng) -> Query {
    let share = rng.f64();
    let (name, rtype) = if missing {
        // Below the apex, and below a vendor's name, which has no records of its own.
        let below = if rng.u8(..4) == 0 { format!("a{}.{APEX}", rng.u8(..8)) } else { APEX.into() };
        (format!("{LETTERS}.{below}"), if share < 0.52 { rtype::A } else { rtype::AAAA })
    } else if share < 0.48 {
        (hot_name(rng), rtype::A)
    } else if share < 0.92 {
        (hot_name(rng), rtype::AAAA)
    } else if share < 0.96 {
        (hot_name(rng), rtype::HTTPS)
    } else {
        let kinds = [rtype::NS, rtype::SOA, rtype::TXT];
        (APEX.to_owned(), rng.choice(kinds).unwrap_or_default())
    };
    let name = mixed_case(&name, rng);
    let (address, server) = (client(six, rng), if six { SERVER6 } else { SERVER4 });
    let opt = opt(address, rng);
    let query = Query::new(&name, rtype, SocketAddr::new(address, rng.u16(1_024..)), server);
    // Resolvers don't ask for recursion.
    Query { id: rng.u16(..), flags: 0, opt, ..query }
}

/// What stands before the message: Ethernet, IP and UDP headers.
const fn headers(six: bool) -> usize {
    14 + if six { 40 } else { 20 } + 8
}

fn sent(missing: bool, rng: &mut Rng) -> Result<Sent> {
    let six = !missing && rng.u8(..5) == 0;
    let mut octets = query(missing, six, rng).frame();
    let letters = missing.then_some(headers(six) + 12 + 1);
    if let Some(at) = letters {
        octets.get_mut(headers(six) - 2..headers(six)).context("a checksum")?.fill(0);
        let label = octets.get(at..at + LETTERS.len());
        anyhow::ensure!(
            label == Some(LETTERS.as_bytes()),
            "the letters aren't where they should be"
        );
    }
    Ok(Sent { octets, letters })
}

/// A pool's mix, or that after so large a share of random subdomains.
pub(super) fn deck(random: f64) -> Result<Deck> {
    let mut rng = Rng::with_seed(4);
    let missing = (FRAMES as f64 * (random + (1.0 - random) * MISSING)).round();
    let mut frames = Vec::with_capacity(FRAMES);
    for at in 0..FRAMES {
        frames.push(sent((at as f64) < missing, &mut rng)?);
    }
    rng.shuffle(&mut frames);
    let hot = frames.iter().filter(|frame| frame.letters.is_none()).count();
    Ok(Deck { frames, hot })
}
