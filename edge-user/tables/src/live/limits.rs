//! Admission, from userspace: what is configured comes in; limits and lists that packets and the authority obey go
//! out, live.

mod options;
mod time;

use std::mem::offset_of;
use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use edge_common::abi::{Control, RateLimits, switches};
use edge_common::limit::{DENIED, Rate};
use zerocopy::{FromZeros as _, Immutable, IntoBytes};

pub use options::{Limits, NtpLimits};
pub use time::{set_time_denial, set_time_rate};

use crate::jiffies;
use crate::prefixes::{PrefixMap, PrefixMapError, Prefixes};
use crate::store::Store;

/// Sets what `[limits]` says: the rates first, then the lists.
///
/// # Errors
/// When the kernel refuses a list's entry. Those that were denied and still are have been denied all the time.
pub fn set(
    limits: &Limits,
    store: &Store,
    kernel: Option<&mut dyn PrefixMap>,
) -> Result<(), PrefixMapError> {
    set_rate(store, limits.rate());
    set_time_rate(store, limits.ntp.rate());
    set_prefixes(store, kernel, limits.prefixes())
}

/// Limits responses from now on to this rate; no longer if there is none. What clients have used up stays so, as far as
/// the new rate's buckets hold it.
pub fn set_rate(store: &Store, rate: Option<Rate>) {
    let Some(rate) = rate else {
        switch(store, switches::LIMIT, false);
        write(store, LIMITS, &RateLimits::new_zeroed());
        return;
    };
    let before = store.control.read(0).map(|control| control.limits);
    write(store, LIMITS, &rate.limits(jiffies::per_second(), seeds(before)));
    switch(store, switches::LIMIT, true);
}

/// Where the limits of DNS stand.
const LIMITS: usize = offset_of!(Control, limits);

/// The seeds that limits had, or new ones.
fn seeds(before: Option<RateLimits>) -> [u64; 2] {
    match before {
        Some(limits) if limits.jiffies_per_second != 0 => limits.seeds,
        _ => [fastrand::u64(..), fastrand::u64(..)],
    }
}

/// Writes a part of [`Control`] word by word, as packets read it.
fn write<T: IntoBytes + Immutable>(store: &Store, at: usize, part: &T) {
    for (at, octets) in (at..).step_by(8).zip(part.as_bytes().chunks_exact(8)) {
        let mut word = [0; 8];
        word.copy_from_slice(octets);
        store.control_word(at).store(u64::from_ne_bytes(word), Ordering::Relaxed);
    }
}

/// Replaces the lists, in the kernel if there is one and for the authority.
///
/// # Errors
/// When the kernel refuses an entry; then the authority still obeys the old lists, and packets something between old
/// and new. To be called again.
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
    switch(store, switches::PREFIXES, on);
    Ok(())
}

/// Whether a client is never answered.
#[must_use]
pub fn denies(store: &Store, client: IpAddr) -> bool {
    let switches = store.control_word(offset_of!(Control, switches)).load(Ordering::Relaxed);
    switches & switches::PREFIXES != 0
        && store.listed(edge_common::service::words(client)) == DENIED
}

/// Others set other bits of the same word.
fn switch(store: &Store, bit: u64, on: bool) {
    let word = store.control_word(offset_of!(Control, switches));
    if on {
        word.fetch_or(bit, Ordering::Release);
    } else {
        word.fetch_and(!bit, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
