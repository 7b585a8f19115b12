//! DNS cookies: the check of a query's cookie, and the cookie of the answer.
//!
//! The secrets and the clock are those of the program in the kernel.

use std::net::IpAddr;

use edge_common::cookie::{Cookie, Ruling, state};
use edge_common::service::words;

use edge_tables::store::{ControlBlock, Store};

/// The cookies that the tables have now: their secrets may change between two queries.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    control: Option<ControlBlock>,
}

impl Cookies {
    /// No cookies at all: the option is ignored.
    #[must_use]
    pub const fn none() -> Self {
        Self { control: None }
    }

    /// Cookies by the secrets in `store`; none as long as it has no secret.
    #[must_use]
    pub const fn of(store: &Store) -> Self {
        Self::over(store.control)
    }

    /// As [`Self::of`], from the control words alone.
    #[must_use]
    pub const fn over(control: ControlBlock) -> Self {
        Self { control: Some(control) }
    }

    fn state(&self) -> u64 {
        self.control.map_or(0, ControlBlock::cookie_state)
    }

    /// Whether a client that shows a cookie over UDP, but not a good one from us, gets BADCOOKIE
    /// (RFC 7873 §5.2.3).
    pub(super) fn enforces(&self) -> bool {
        self.state() & state::ENFORCED != 0
    }

    /// Rules on a query's cookie. `None` if there are no cookies.
    pub(super) fn rule(&self, cookie: &Cookie, address: IpAddr) -> Option<Ruling> {
        // Before the secrets that it speaks of.
        let control = self.control?;
        let state = control.cookie_state();
        let secrets = control.cookie_secrets(state::side(state));
        let now = u32::try_from(control.unix_seconds() & u64::from(u32::MAX)).ok()?;
        cookie.rule(state, &secrets, now, words(address))
    }
}

#[cfg(test)]
impl Cookies {
    /// With these secrets, at this time.
    pub(super) fn fixed(secrets: &[[u8; 16]], enforce: bool, now: u32) -> Self {
        let control = ControlBlock::default();
        let secrets: Vec<_> =
            secrets.iter().copied().map(edge_tables::live::cookie_state::Secret).collect();
        edge_tables::live::cookie_state::write_keys(control, &secrets, enforce);
        control.set_unix_seconds(now);
        Self { control: Some(control) }
    }
}
