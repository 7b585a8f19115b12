//! The limits and client lists that packets and the authority obey.
//!
//! They are set from the configuration, while the node runs.

mod ntp;
mod options;

use std::net::IpAddr;
use std::sync::PoisonError;

use edge_common::abi::{RateLimits, switches};
use edge_common::limit::{DENIED, Rate};
use zerocopy::FromZeros as _;

pub use ntp::{set_ntp_denial, set_ntp_rate};
pub use options::{Limits, LimitsError, NtpLimits};

use crate::backend_error::BackendError;
use crate::jiffies;
use crate::prefixes::{PrefixMap, Prefixes};
use crate::store::Store;

/// Sets the options `[limits]`: the rates first, then the lists.
///
/// # Errors
/// When the kernel refuses a list's entry. Clients that both old and new lists deny have been
/// denied all the time.
pub fn set(
    limits: &Limits,
    store: &Store,
    kernel: Option<&mut dyn PrefixMap>,
) -> Result<(), BackendError> {
    set_rate(store, limits.rate());
    set_ntp_rate(store, limits.ntp.rate());
    set_prefixes(store, kernel, limits.prefixes())
}

/// Limits responses to this rate from now on, or ends the limit if there is none.
///
/// What clients have used up is still used up, as far as the new rate's buckets hold it.
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

/// The seeds of the limits before, or new ones if they had none.
fn seeds(before: &RateLimits) -> [u64; 2] {
    match before.jiffies_per_second {
        0 => [fastrand::u64(..), fastrand::u64(..)],
        _ => before.seeds,
    }
}

/// Replaces the lists, in the kernel if there is one and for the authority.
///
/// # Errors
/// When the kernel refuses an entry. Then the authority still obeys the old lists, and packets
/// obey parts of the old and the new ones. The caller has to call it again.
pub fn set_prefixes(
    store: &Store,
    kernel: Option<&mut dyn PrefixMap>,
    prefixes: Prefixes,
) -> Result<(), BackendError> {
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
