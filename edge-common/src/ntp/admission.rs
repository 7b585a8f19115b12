//! Who asks and what it would get come in; whether it gets that goes out, as chrony has it.
//!
//! **A client over its rate** is answered all the same one time in so many, at random: who asks in its name can't keep it
//! from the time, only make it wait. Of its other requests some are answered with the kiss code RATE (RFC 5905 §7.4), if
//! the operator wants that, and the rest are dropped. A reply is as long as its request: nothing is amplified.
//!
//! **A client that is never answered** is dropped, or told so with the kiss code DENY as often as its rate allows.

use crate::abi::{TimeLimits, switches};
use crate::limit::{DENIED, EXEMPT, TIME_ROW, client, is_drawn, take};
use crate::tables::Tables;
use crate::verdict::Verdict;

/// What becomes of an ordinary request that would get the verdict `good`, from a source (as
/// [`crate::abi::Service::address`]; IPv6 if `six`) of which the lists say `listed`.
///
/// # Errors
/// [`Verdict::TimeLimited`] and [`Verdict::Denied`].
#[inline(always)]
pub(super) fn admit<T: Tables>(
    tables: &T,
    switches: u64,
    listed: u32,
    source: [u64; 2],
    six: bool,
    good: Verdict,
) -> Result<Verdict, Verdict> {
    let is_denied = listed == DENIED;
    if switches & switches::TIME_LIMIT == 0 {
        return if is_denied { Err(Verdict::Denied) } else { Ok(good) };
    }
    if listed == EXEMPT {
        return Ok(good);
    }
    let TimeLimits { limits, kod, .. } = &tables.control().time_limits;
    let leaks = || !is_denied && is_drawn(tables.random(), limits.slip);
    let is_within = take(tables, limits, TIME_ROW, client(limits, source, six), leaks);
    match (is_within, is_denied) {
        (true, false) => Ok(good),
        (true, true) => Ok(Verdict::TimeDeny),
        (false, true) => Err(Verdict::Denied),
        (false, false) if is_drawn(tables.random(), *kod) => Ok(Verdict::TimeRate),
        (false, false) => Err(Verdict::TimeLimited),
    }
}
