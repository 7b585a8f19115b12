//! The rate limit of NTP clients, as the documentation has it.
//!
//! It is a count of each client's tokens, and of the lots that are drawn.

use std::collections::HashMap;
use std::net::IpAddr;

use edge_common::abi::switches;
use edge_common::limit::NtpRate;
use edge_common::tables::xorshift;
use edge_common::verdict::Verdict;
use edge_tables::prefixes::{Prefix, Rule};

/// What a reply says beside the time.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The kiss code.
    pub kiss: Option<&'static [u8; 4]>,
    /// The least poll.
    pub poll: i8,
}

impl Default for Told {
    fn default() -> Self {
        Self { kiss: None, poll: i8::MIN }
    }
}

impl Told {
    /// By the verdict, where there is a rate or not.
    #[must_use]
    pub fn of(verdict: Verdict, rate: Option<NtpRate>) -> Self {
        let kiss = match verdict {
            Verdict::NtpRate => Some(b"RATE"),
            Verdict::NtpDeny => Some(b"DENY"),
            _ => None,
        };
        Self { kiss, poll: rate.map_or(i8::MIN, |rate| rate.interval) }
    }
}

/// What a row's client is held to.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Its rate.
    pub rate: NtpRate,
    /// What it has asked before.
    pub before: u32,
    /// What the lists say of it.
    pub listed: Option<Rule>,
    /// The random generator's state when it asks.
    pub seed: u64,
    /// Lots that are drawn for it before its reply is stamped.
    pub draws: u32,
}

/// A lot in so many from the generator; never drawn when there are none.
fn is_drawn(state: &mut u64, lots: u64) -> bool {
    let (next, bits) = xorshift(*state);
    *state = next;
    lots != 0 && (u64::from(bits) * lots) >> 32 == 0
}

impl Held {
    /// A client that has asked so often and isn't listed.
    #[must_use]
    pub const fn new(rate: NtpRate, before: u32) -> Self {
        Self { rate, before, listed: None, seed: 1, draws: 0 }
    }

    /// One over its rate whose lots are these: whether it is answered all the same, and whether
    /// else with a kiss.
    #[must_use]
    pub fn over(rate: NtpRate, leaks: bool, kissed: bool) -> Self {
        let fits = |seed: &u64| {
            let mut state = *seed;
            let leaked = is_drawn(&mut state, 1 << rate.leak);
            let lots = if rate.kod == 0 { 0 } else { 1 << rate.kod };
            leaked == leaks && (leaks || is_drawn(&mut state, lots) == kissed)
        };
        let seed = (1..).find(fits).expect("some seed");
        let draws = if leaks { 1 } else { 2 };
        Self { seed, draws, ..Self::new(rate, rate.burst.into()) }
    }

    /// The generator's state when the reply is stamped.
    #[must_use]
    pub fn stamped(&self) -> u64 {
        (0..self.draws).fold(self.seed, |state, _| xorshift(state).0)
    }
}

/// All clients, while no time passes.
#[derive(Debug)]
pub struct Admission {
    rate: NtpRate,
    taken: HashMap<IpAddr, u8>,
}

impl Admission {
    /// Of clients that were quiet.
    #[must_use]
    pub fn new(rate: NtpRate) -> Self {
        Self { rate, taken: HashMap::new() }
    }

    /// What becomes of an ordinary request, and the generator's state afterwards.
    pub fn rule(&mut self, client: IpAddr, seed: u64) -> (Verdict, u64) {
        let client = match client {
            IpAddr::V6(address) => IpAddr::from((address.to_bits() >> 64 << 64).to_be_bytes()),
            four @ IpAddr::V4(_) => four,
        };
        let taken = self.taken.entry(client).or_default();
        let mut state = seed;
        if *taken < self.rate.burst {
            *taken += 1;
            return (Verdict::NtpAnswer, state);
        }
        let lots = if self.rate.kod == 0 { 0 } else { 1 << self.rate.kod };
        let verdict = if is_drawn(&mut state, 1 << self.rate.leak) {
            Verdict::NtpAnswer
        } else if is_drawn(&mut state, lots) {
            Verdict::NtpRate
        } else {
            Verdict::NtpLimited
        };
        (verdict, state)
    }
}

/// An address as a prefix of its own.
#[must_use]
pub fn address(ip: IpAddr) -> Prefix {
    let octets = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    Prefix { bits: 128, octets }
}

/// Bits of [`switches`] that a rate and lists go with.
pub(super) const RATE: u64 = switches::NTP_LIMIT;
/// The same with lists.
pub(super) const LISTS: u64 = RATE | switches::PREFIXES;
