//! Rate limits of responses, by client prefix (RRL).
//!
//! The kernel and the authority use the same functions, each over buckets of its own. NTP's
//! buckets, in two more rows, have owners: [`crate::ntp`] describes them.
//!
//! A client is a prefix. It has a token bucket in each of two rows, at the slots that two keyed
//! hashes point to. Nothing is inserted, so nothing can fill up, and every packet takes the same
//! few steps.
//!
//! **A bucket** is one word: the time at which it will be full again, in 2⁻²⁴ jiffies, modulo 2⁶⁴
//! (34 years at 1000 jiffies a second). The distance from now to that time is the bucket's debt: 0
//! when it is full, `capacity` when it is empty. An answer adds `cost`; time takes away. A word
//! that is past, or further ahead than an empty bucket's (after other limits, or another clock),
//! counts as a full bucket. Nothing is divided, and nothing has to be filled up.
//!
//! **Both rows** hold at least the debt of each client that shares them, so the smaller debt is the
//! nearest to the truth. Only that one counts: a client is limited when *all* of its buckets are
//! empty. An answer raises the smaller debt by `cost`, and the other one no further than to the
//! same value. So a client never gets more than its rate, as it would if it emptied one bucket
//! after the other, and it burdens the clients that share a bucket with it no more than necessary
//! (the conservative update of a count-min sketch, Estan and Varghese 2002). A limited query
//! changes nothing.
//!
//! **Under a flood**, `K` prefixes over their rate share both buckets of a given other client with
//! a probability of about (1 − e^(−K/2¹⁶))²: 0.5 % for 5,000. If all sources are different, about
//! 2¹⁶ × `per_second` queries a second empty hardly any bucket. At most some 1.5 times as many come
//! through; a greater flood takes all clients' answers in the same proportion, because nothing
//! distinguishes them. Clients that show a good cookie, that are on the list, or that follow a slip
//! to TCP still get their answers.
//!
//! CPUs race for a bucket without a lock: two that read the same word may both answer.

use crate::abi::{NtpLimits, RateLimits, maps, switches};
use crate::tables::{GOLDEN, Tables};
use crate::verdict::Verdict;

/// In `PREFIXES`: never limited.
pub const EXEMPT: u32 = 1;
/// In `PREFIXES`: never answered.
pub const DENIED: u32 = 2;

/// Bits of a jiffy's fraction.
pub(crate) const FRACTION: u32 = 24;

/// Response-rate limits in the units of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Responses a second that fill a bucket, 1–1,000,000.
    pub per_second: u32,
    /// Responses that a full bucket holds, 1–1,000,000. A bucket holds at least what one jiffy
    /// adds, or the rate isn't reached.
    pub burst: u32,
    /// Slip: one in so many limited responses is sent, truncated. 0: none.
    pub slip: u32,
    /// Bits of an IPv4 address that make a client, 0–32.
    pub prefix4: u32,
    /// Bits of an IPv6 address that make a client, 0–64.
    pub prefix6: u32,
}

impl Rate {
    /// The same as packets read it, with a random seed for each row.
    #[must_use]
    pub const fn limits(self, jiffies_per_second: u32, seeds: [u64; 2]) -> RateLimits {
        let per_second = if self.per_second == 0 { 1 } else { self.per_second as u64 };
        let second = (jiffies_per_second as u64) << FRACTION;
        let cost = (second + per_second / 2) / per_second;
        let limits = buckets(cost, self.burst, [self.prefix4, self.prefix6], seeds);
        RateLimits { slip: self.slip, jiffies_per_second, ..limits }
    }
}

/// Limits of NTP in the units of chrony's `ratelimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NtpRate {
    /// Seconds from answer to answer on average, as a power of two, -19–12.
    pub interval: i8,
    /// Answers that a full bucket holds, 1–255. No client gets more in a jiffy.
    pub burst: u8,
    /// Leak: one in 2ⁿ limited requests is still answered, n 1–4.
    pub leak: u8,
    /// One in 2ⁿ of the other limited requests is answered with the kiss code RATE, n 1–4; 0: none.
    pub kod: u8,
    /// Bits of an IPv4 address that make a client, 0–32.
    pub prefix4: u32,
    /// Bits of an IPv6 address that make a client, 0–64.
    pub prefix6: u32,
}

impl NtpRate {
    /// The same as packets read it, with a random seed for each row.
    #[must_use]
    pub const fn limits(self, jiffies_per_second: u32, seeds: [u64; 2]) -> NtpLimits {
        let second = (jiffies_per_second as u64) << FRACTION;
        let power = self.interval.unsigned_abs() as u32 & 31;
        let cost = if self.interval < 0 { second >> power } else { second << power };
        let limits = buckets(cost, self.burst as u32, [self.prefix4, self.prefix6], seeds);
        NtpLimits {
            limits: RateLimits { slip: 1 << (self.leak & 7), jiffies_per_second, ..limits },
            kod: if self.kod == 0 { 0 } else { 1 << (self.kod & 7) },
            poll: self.interval as i32,
        }
    }
}

/// Limits by what an answer costs, how many answers a bucket holds, and the bits of an address that
/// make a client.
const fn buckets(cost: u64, burst: u32, prefixes: [u32; 2], seeds: [u64; 2]) -> RateLimits {
    let cost = if cost == 0 { 1 } else { cost };
    RateLimits {
        seeds: [seeds[0] | 1, seeds[1] | 1],
        cost,
        capacity: cost.saturating_mul(burst as u64),
        // The address is the word's last four octets.
        mask4: mask(prefixes[0], u32::MAX as u64).to_be(),
        mask6: mask(prefixes[1], u64::MAX).to_be(),
        slip: 0,
        jiffies_per_second: 0,
    }
}

/// The first `bits` of the ones in `all`, which end it.
const fn mask(bits: u32, all: u64) -> u64 {
    match all.checked_shr(bits) {
        Some(rest) => all & !rest,
        None => all,
    }
}

/// Looks a client up in the prefix lists, if they are switched on; returns whether it is never
/// limited. `source` is as [`crate::abi::Service::address`].
///
/// # Errors
/// [`Verdict::Denied`] if it is never answered.
#[inline(always)]
pub fn listed<T: Tables>(tables: &T, switches: u64, source: [u64; 2]) -> Result<bool, Verdict> {
    if switches & switches::PREFIXES == 0 {
        return Ok(false);
    }
    match tables.listed(source) {
        DENIED => Err(Verdict::Denied),
        listed => Ok(listed == EXEMPT),
    }
}

/// Takes a response from a client's buckets, if the limits are switched on. `source` is as
/// [`crate::abi::Service::address`], IPv6 if `six`; `switches` are the bits of [`switches`]. An
/// exempt client, by the lists or by a good cookie, has no rate. Whether a limited query slips
/// depends on [`slip_hash`] and the time: for the same query in the same jiffy the answer is the
/// same.
///
/// # Errors
/// [`Verdict::Limited`], or [`Verdict::Slip`] for an answer that is to be sent truncated.
#[inline(always)]
pub fn admit<T: Tables>(
    tables: &T,
    switches: u64,
    source: [u64; 2],
    six: bool,
    is_exempt: bool,
    slip_hash: u64,
) -> Result<(), Verdict> {
    if switches & switches::LIMIT == 0 || is_exempt {
        return Ok(());
    }
    let limits = &tables.limits();
    if take(tables, limits, client(limits, source, six)) {
        return Ok(());
    }
    // Another one at another time, for a client that repeats a query.
    let slip_hash = slip_hash ^ tables.now() << u32::BITS ^ limits.seeds[1];
    let bits = (slip_hash.wrapping_mul(GOLDEN) >> u32::BITS) as u32;
    Err(if is_one_in(bits, limits.slip) { Verdict::Slip } else { Verdict::Limited })
}

/// Whether 32 random bits say yes, as they do once in `n` times; never if `n` is 0.
#[inline(always)]
pub(crate) const fn is_one_in(bits: u32, n: u32) -> bool {
    n != 0 && (bits as u64).wrapping_mul(n as u64) >> u32::BITS == 0
}

/// The client of a source (as [`crate::abi::Service::address`]): the bits of its prefix.
#[inline(always)]
pub(crate) const fn client(limits: &RateLimits, source: [u64; 2], six: bool) -> u64 {
    if six { source[0] & limits.mask6 } else { source[1] & limits.mask4 }
}

/// The hash of a query that decides whether it slips, of its first eight octets of DNS and its
/// ports.
#[inline(always)]
#[must_use]
pub const fn slip_hash(front: u64, ports: u32) -> u64 {
    front ^ (ports as u64) << 16
}

/// Takes a response from a client's buckets; false if all are empty.
#[inline(always)]
fn take<T: Tables>(tables: &T, limits: &RateLimits, client: u64) -> bool {
    let [first, second] = slots(limits, client);
    let one = tables.bucket(0, first).unwrap_or_default();
    let other = tables.bucket(1, second).unwrap_or_default();
    // The clock after the buckets: what another CPU wrote at a later time would look too far ahead.
    let now = tables.now() << FRACTION;
    let (one, other) = (debt(one, now, limits.capacity), debt(other, now, limits.capacity));
    let owed = if one < other { one } else { other }.wrapping_add(limits.cost);
    if owed > limits.capacity {
        return false;
    }
    let full = now.wrapping_add(owed);
    if one < owed {
        tables.set_bucket(0, first, full);
    }
    if other < owed {
        tables.set_bucket(1, second, full);
    }
    true
}

/// Where both rows have a client's bucket.
#[inline(always)]
pub(crate) const fn slots(limits: &RateLimits, client: u64) -> [u32; 2] {
    [slot(client, limits.seeds[0]), slot(client, limits.seeds[1])]
}

/// The debt now of a bucket that will be full at `full`; a debt above `capacity` is none.
#[inline(always)]
const fn debt(full: u64, now: u64, capacity: u64) -> u64 {
    let ahead = full.wrapping_sub(now);
    if ahead > capacity { 0 } else { ahead }
}

/// Where a row, by its seed, has a client's bucket.
#[inline(always)]
const fn slot(client: u64, seed: u64) -> u32 {
    // An IPv4 client is in the high half only, on which the low half of a product doesn't depend.
    let product = (client ^ client >> 32).wrapping_mul(seed);
    let hash = (product ^ product >> 32).wrapping_mul(GOLDEN);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the shift leaves as many bits as slots need"
    )]
    let slot = (hash >> (u64::BITS - maps::BUCKETS.trailing_zeros())) as u32;
    slot
}

const _: () = assert!(maps::BUCKET_ROWS == 4 && maps::BUCKETS.is_power_of_two());

#[cfg(test)]
mod tests;
