//! The control words of what an operator may configure.

use std::net::IpAddr;
use std::sync::atomic::{Ordering, fence};

use edge_authority::{Cookies, Options};
use edge_common::abi::{Control, CookieKeys, Nsid, NtpLimits, RateLimits};
use edge_common::cookie::Cookie;
use edge_common::limit::{NtpRate, Rate};
use edge_common::service;
use edge_common::tables::GOLDEN;
use edge_tables::jiffies;
use edge_tables::store::Store;
use zerocopy::FromZeros as _;

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
        set_configured(store, &before);
        done
    }

    /// Writes the control words; gives what they were.
    pub(crate) fn write(&self, store: &Store) -> Control {
        let limits =
            self.limits.map_or_else(RateLimits::new_zeroed, |(per_second, burst, slip)| {
                let rate = Rate { per_second, burst, slip, prefix4: 24, prefix6: 56 };
                rate.limits(jiffies::per_second(), [0x11c5_eed1, 0x0b5e_ed03])
            });
        let ntp_limits = self.time.map_or_else(NtpLimits::new_zeroed, |(rate, seed)| {
            let seeds = [1, 2].map(|row: u64| row.wrapping_add(seed << 8).wrapping_mul(GOLDEN));
            rate.limits(jiffies::per_second(), seeds)
        });
        let before = store.control.read();
        let configured = Control {
            switches: self.switches,
            unix_seconds: NOW.into(),
            cookies: self.keys(),
            nsid: self.identifier(),
            limits,
            ntp_limits,
            ..before
        };
        set_configured(store, &configured);
        before
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

/// Writes the words that [`Controls`] may change, and no others, before anything that follows.
fn set_configured(store: &Store, to: &Control) {
    let control = store.control;
    control.set_switches(to.switches);
    control.set_unix_seconds(u32::try_from(to.unix_seconds).expect("modulo 2³²"));
    for (side, secrets) in (0..).zip(&to.cookies.secrets) {
        control.set_cookie_secrets(side, secrets);
    }
    control.set_cookie_state(to.cookies.state);
    control.set_nsid(&to.nsid);
    control.set_limits(&to.limits);
    control.set_ntp_limits(&to.ntp_limits);
    fence(Ordering::SeqCst);
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
