//! The control words of what an operator may configure.

use std::mem::offset_of;
use std::net::IpAddr;
use std::sync::atomic::Ordering;

use edge_authority::{Cookies, Options};
use edge_common::abi::{Control, CookieKeys, Nsid, NtpLimits, RateLimits};
use edge_common::cookie::Cookie;
use edge_common::limit::{NtpRate, Rate};
use edge_common::service;
use edge_tables::jiffies;
use edge_tables::store::Store;
use zerocopy::{FromZeros as _, Immutable, IntoBytes};

/// The second at which all tests of cookies happen.
pub const NOW: u32 = 1_790_000_000;
/// The secret that makes cookies, and the one before it, which is taken, too.
pub const SECRETS: [[u8; 16]; 2] = [[0x5e; 16], *b"the former one.."];
/// The identifier that NSID carries.
pub const NSID: &str = "tests";

/// What is configured. Cookies and NSID are those of [`SECRETS`] and [`NSID`], or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// Bits of [`edge_common::abi::switches`].
    pub switches: u64,
    /// Whether NSID is answered.
    pub nsid: bool,
    /// Whether there are cookies.
    pub cookies: bool,
    /// Whether one that isn't good is answered BADCOOKIE.
    pub enforce: bool,
    /// Limits: responses a second, burst, one in so many slips.
    pub limits: Option<(u32, u32, u32)>,
    /// Limits of NTP, and the seed that places clients.
    pub time: Option<(NtpRate, u64)>,
}

impl Controls {
    /// Everything that adds to answers, nothing that withholds them.
    pub const OPEN: Self =
        Self { switches: 0, nsid: true, cookies: true, enforce: false, limits: None, time: None };

    /// With switches.
    #[must_use]
    pub const fn switched(self, switches: u64) -> Self {
        Self { switches, ..self }
    }

    /// The same for an authority with these control words.
    #[must_use]
    pub fn options(&self, store: &Store) -> Options {
        let id = if self.nsid { NSID } else { "" };
        Options { cookies: Cookies::of(store), ..Options::new(id) }
    }

    /// Does something while the control words say this; then they are as before.
    pub fn during<T>(&self, store: &Store, act: impl FnOnce() -> T) -> T {
        let before = self.write(store);
        let done = act();
        for (at, word) in before {
            store.control_word(at).store(word, Ordering::SeqCst);
        }
        done
    }

    /// Writes the control words; gives what they were.
    pub(crate) fn write(&self, store: &Store) -> Vec<(usize, u64)> {
        let limits =
            self.limits.map_or_else(RateLimits::new_zeroed, |(per_second, burst, slip)| {
                let rate = Rate { per_second, burst, slip, prefix4: 24, prefix6: 56 };
                rate.limits(jiffies::per_second(), [0x11c5_eed1, 0x0b5e_ed03])
            });
        let ntp_limits = self.time.map_or_else(NtpLimits::new_zeroed, |(rate, seed)| {
            let seeds = [1, 2]
                .map(|row: u64| row.wrapping_add(seed << 8).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            rate.limits(jiffies::per_second(), seeds)
        });
        let parts = [
            words(offset_of!(Control, switches), &self.switches),
            words(offset_of!(Control, unix_seconds), &u64::from(NOW)),
            words(offset_of!(Control, cookies), &self.keys()),
            words(offset_of!(Control, nsid), &self.identifier()),
            words(offset_of!(Control, limits), &limits),
            words(offset_of!(Control, ntp_limits), &ntp_limits),
        ];
        let swap = |(at, word)| (at, store.control_word(at).swap(word, Ordering::SeqCst));
        parts.into_iter().flatten().map(swap).collect()
    }

    fn keys(&self) -> CookieKeys {
        if !self.cookies {
            return CookieKeys::new_zeroed();
        }
        let secrets = SECRETS.map(halves);
        let state = (SECRETS.len() as u64) << 1 | u64::from(self.enforce) << 3;
        CookieKeys { state, secrets: [secrets, [[0; 2]; 2]] }
    }

    fn identifier(&self) -> Nsid {
        let mut nsid = Nsid::new_zeroed();
        if self.nsid {
            nsid.octets_used = NSID.len() as u64;
            nsid.octets[..NSID.len()].copy_from_slice(NSID.as_bytes());
        }
        nsid
    }
}

/// A part of the control words, word by word.
fn words<T: IntoBytes + Immutable>(at: usize, part: &T) -> Vec<(usize, u64)> {
    let words = part.as_bytes().chunks_exact(8);
    let words = words.map(|octets| u64::from_ne_bytes(octets.try_into().expect("eight octets")));
    (at..).step_by(8).zip(words).collect()
}

/// Sixteen octets as two words in memory order.
fn halves(octets: [u8; 16]) -> [u64; 2] {
    let word = |octets: &[u8]| u64::from_ne_bytes(octets.try_into().expect("eight octets"));
    [word(&octets[..8]), word(&octets[8..])]
}

/// The server's part of a cookie that `secret` made `age` seconds before [`NOW`] for a client's
/// part and address.
///
/// # Panics
/// Never.
#[must_use]
pub fn server_cookie(client: [u8; 8], secret: &[u8; 16], age: u32, address: IpAddr) -> [u8; 16] {
    let cookie = Cookie::read(&client).expect("a client's part");
    let made = cookie.make(halves(*secret), NOW.wrapping_sub(age), service::words(address));
    let octets = made.map(u64::to_ne_bytes).concat();
    octets.try_into().expect("sixteen octets")
}
