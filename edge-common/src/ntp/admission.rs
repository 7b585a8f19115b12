//! Rate limits of NTP requests, as chrony has them.
//!
//! **A client over its rate** is still answered once in so many requests, at random (the leak): an
//! attacker that uses its address can't keep it from the time, only make it wait. Some of its other
//! requests are answered with the kiss code RATE (RFC 5905 §7.4), if that is configured; the rest
//! are dropped. A reply is as long as its request: nothing is amplified.
//!
//! **Buckets have owners here.** Answers are seconds apart and clients are many. If all clients
//! shared the buckets, together they would get no more answers than 2¹⁶ buckets fill up with: 8,192
//! a second if each client has one in eight seconds. So a bucket belongs to one client, whose tag
//! is in it. A client whose tag is in neither of its two places begins with a full bucket, and
//! takes the place with the smaller debt. That forgets one bucket of 2¹⁷ and its owner's debt.
//! Under a flood of sources that are all different nobody is limited, as each of them is within its
//! rate.
//!
//! **A bucket** is one word: 48 bits of the time at which it will be full again, in 2⁻¹⁶ jiffies
//! modulo 2⁴⁸ (49 days at 1000 jiffies a second), and 16 bits of the tag. A time that is past,
//! or further ahead than an empty bucket's, is a full bucket.
//!
//! **A denied client** is dropped, or answered with the kiss code DENY as often as its rate allows.

use crate::abi::{NtpLimits, RateLimits};
use crate::limit::{DENIED, EXEMPT, FRACTION, client, is_one_in, slots};
use crate::tables::{GOLDEN, Tables};
use crate::verdict::Verdict;

/// The verdict on an ordinary request that would get the verdict `good`, from a source (as
/// [`crate::abi::Service::address`]; IPv6 if `six`) that has the rule `listed` in `PREFIXES`.
/// Called only while NTP has a rate.
///
/// # Errors
/// [`Verdict::NtpLimited`] and [`Verdict::Denied`].
#[inline(always)]
pub(super) fn admit<T: Tables>(
    tables: &T,
    limits: &NtpLimits,
    listed: u32,
    source: [u64; 2],
    six: bool,
    good: Verdict,
) -> Result<Verdict, Verdict> {
    let is_denied = listed == DENIED;
    if listed == EXEMPT {
        return Ok(good);
    }
    let NtpLimits { limits, kod, .. } = limits;
    let leaks = || !is_denied && is_one_in(tables.random(), limits.slip);
    let is_within = take(tables, limits, client(limits, source, six), leaks);
    match (is_within, is_denied) {
        (true, false) => Ok(good),
        (true, true) => Ok(Verdict::NtpDeny),
        (false, true) => Err(Verdict::Denied),
        (false, false) if is_one_in(tables.random(), *kod) => Ok(Verdict::NtpRate),
        (false, false) => Err(Verdict::NtpLimited),
    }
}

/// The rows of NTP's buckets.
const ROWS: [u32; 2] = [2, 3];
/// Bits of a bucket that are its owner's tag.
const TAG: u64 = 0xffff;
/// Bits of a jiffy's fraction that a bucket has no room for.
const UNKEPT: u32 = FRACTION - 16;

/// Takes an answer from a client's bucket; false if the bucket is empty. If it is empty and `leaks`
/// returns true, it returns true and the bucket stays empty.
#[inline(always)]
fn take<T: Tables>(
    tables: &T,
    limits: &RateLimits,
    client: u64,
    leaks: impl FnOnce() -> bool,
) -> bool {
    let [first, second] = slots(limits, client);
    let one = tables.bucket(ROWS[0], first).unwrap_or_default();
    let other = tables.bucket(ROWS[1], second).unwrap_or_default();
    let tag = tag(client, limits.seeds);
    // The clock after the buckets: what another CPU wrote at a later time would look too far ahead.
    let now = tables.now() << FRACTION >> UNKEPT;
    let capacity = limits.capacity >> UNKEPT;
    let (first_owes, second_owes) = (debt(one, now, capacity), debt(other, now, capacity));
    let is_first = (one & TAG) == tag;
    let is_known = is_first || (other & TAG) == tag;
    let (row, slot, owed) = if is_first || !is_known && first_owes <= second_owes {
        (ROWS[0], first, first_owes)
    } else {
        (ROWS[1], second, second_owes)
    };
    let cost = limits.cost >> UNKEPT;
    let mut owed = if is_known { owed } else { 0 }.wrapping_add(if cost == 0 { 1 } else { cost });
    if owed > capacity {
        if !leaks() {
            return false;
        }
        owed = capacity;
    }
    tables.set_bucket(row, slot, now.wrapping_add(owed) << 16 | tag);
    true
}

/// A bucket's debt at `now`; a debt above `capacity` is none. All in 2⁻¹⁶ jiffies.
#[inline(always)]
const fn debt(bucket: u64, now: u64, capacity: u64) -> u64 {
    let ahead = (bucket & !TAG).wrapping_sub(now << 16) >> 16;
    if ahead > capacity { 0 } else { ahead }
}

/// A client's tag, which is another hash of it than its places are.
#[inline(always)]
const fn tag(client: u64, seeds: [u64; 2]) -> u64 {
    let product = (client ^ client >> 32 ^ seeds[1] >> 7).wrapping_mul(seeds[0] ^ (GOLDEN ^ 1));
    (product ^ product >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 48
}
