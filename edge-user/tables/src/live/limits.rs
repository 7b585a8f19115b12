//! Admission, from userspace: what is configured comes in; limits and lists that packets and the
//! authority obey go out, live.

mod options;
mod time;

use std::net::IpAddr;
use std::sync::PoisonError;

use edge_common::abi::{RateLimits, switches};
use edge_common::limit::{DENIED, Rate};
use zerocopy::FromZeros as _;

pub use options::{Limits, NtpLimits};
pub use time::{set_time_denial, set_time_rate};

use crate::jiffies;
use crate::prefixes::{PrefixMap, PrefixMapError, Prefixes};
use crate::store::Store;

/// Sets what `[limits]` says: the rates first, then the lists.
///
/// # Errors
/// When the kernel refuses a list's entry. Those that were denied and still are have been denied
/// all the time.
pub fn set(
    limits: &Limits,
    store: &Store,
    kernel: Option<&mut dyn PrefixMap>,
) -> Result<(), PrefixMapError> {
    set_rate(store, limits.rate());
    set_time_rate(store, limits.ntp.rate());
    set_prefixes(store, kernel, limits.prefixes())
}

/// Limits responses from now on to this rate; no longer if there is none. What clients have used up
/// stays so, as far as the new rate's buckets hold it.
pub fn set_rate(store: &Store, rate: Option<Rate>) {
    let Some(rate) = rate else {
        store.control.publish_switch(switches::LIMIT, false);
        store.control.set_limits(&RateLimits::new_zeroed());
        return;
    };
    let seeds = seeds(&store.control.limits());
    store.control.set_limits(&rate.limits(jiffies::per_second(), seeds));
    store.control.publish_switch(switches::LIMIT, true);
}

/// The seeds that limits had, or new ones.
fn seeds(before: &RateLimits) -> [u64; 2] {
    match before.jiffies_per_second {
        0 => [fastrand::u64(..), fastrand::u64(..)],
        _ => before.seeds,
    }
}

/// Replaces the lists, in the kernel if there is one and for the authority.
///
/// # Errors
/// When the kernel refuses an entry; then the authority still obeys the old lists, and packets
/// something between old and new. To be called again.
pub fn set_prefixes(
    store: &Store,
    kernel: Option<&mut dyn PrefixMap>,
    prefixes: Prefixes,
) -> Result<(), PrefixMapError> {
    let on = !prefixes.is_empty();
    if let Some(kernel) = kernel {
        kernel.set_prefixes(&prefixes)?;
    }
    *store.prefixes.write().unwrap_or_else(PoisonError::into_inner) = prefixes;
    store.control.publish_switch(switches::PREFIXES, on);
    Ok(())
}

/// Whether a client is never answered.
#[must_use]
pub fn denies(store: &Store, client: IpAddr) -> bool {
    store.control.switches() & switches::PREFIXES != 0
        && store.listed(edge_common::service::words(client)) == DENIED
}

#[cfg(test)]
mod tests;
