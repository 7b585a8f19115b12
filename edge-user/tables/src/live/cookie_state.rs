//! The EDNS part of the control block: cookie secrets, server identifier, time.
//!
//! The program in the kernel and the authority both read it there, so they always agree.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use edge_common::abi::Nsid;
use edge_common::cookie::state;
use serde::Deserialize;
use tracing::{error, info};
use zerocopy::{FromZeros as _, transmute};

use crate::store::{ControlBlock, Store};

mod secrets;

pub use secrets::MOST as MOST_SECRETS;
pub use secrets::{Secret, SecretError, Secrets};

/// DNS cookies (RFC 7873).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CookieOptions {
    /// Files of 32 hexadecimal digits, at most two. The first makes cookies, both verify them. They
    /// are read again when they change. If empty, the secret is random.
    pub secrets: Vec<PathBuf>,
    /// Whether UDP clients with a cookie that isn't valid get BADCOOKIE instead of an answer.
    pub enforce: bool,
}

/// The words of the tables for EDNS, kept up to date.
#[derive(Debug)]
pub struct CookieState {
    control: ControlBlock,
    secrets: Secrets,
    enforce: bool,
    /// When secrets were written last.
    written: Instant,
}

/// Between two writings of secrets: no packet takes so long.
const SPACING: Duration = Duration::from_secs(1);

impl CookieState {
    /// Writes everything for the first time. `nsid` is the server's identifier.
    ///
    /// # Errors
    /// When there is no secret.
    pub fn start(store: &Store, cookies: &CookieOptions, nsid: &str) -> Result<Self, SecretError> {
        let secrets = Secrets::load(&cookies.secrets)?;
        let cookies = Self {
            control: store.control,
            secrets,
            enforce: cookies.enforce,
            written: Instant::now(),
        };
        write_nsid(cookies.control, nsid);
        cookies.control.set_unix_seconds(now());
        write_keys(cookies.control, cookies.secrets.get(), cookies.enforce);
        Ok(cookies)
    }

    /// Takes new secrets from their files, which may wait for a disk. Call it about once a second.
    ///
    /// Within a second of the last new secrets it does nothing: a packet may still be reading the
    /// side that would be filled.
    pub fn refresh(&mut self) {
        self.refresh_at(Instant::now());
    }

    fn refresh_at(&mut self, now: Instant) {
        if now.saturating_duration_since(self.written) < SPACING || !self.secrets.refresh() {
            return;
        }
        self.written = now;
        match self.secrets.error() {
            Some(error) => error!("{error}"),
            None => info!("cookies.secrets: read again"),
        }
        write_keys(self.control, self.secrets.get(), self.enforce);
    }

    /// What is wrong with the secrets' files now.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.secrets.error().map(str::to_owned)
    }
}

/// Seconds of Unix time modulo 2³².
fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs() & u64::from(u32::MAX)).unwrap_or_default()
}

/// Writes the present time. Call it about once a second.
pub fn refresh_time(store: &Store) {
    store.control.set_unix_seconds(now());
}

/// Writes the server's identifier, before anything is published. If it is longer than
/// [`Nsid::MOST`], only its length is used: queries for it pass.
pub fn write_nsid(control: ControlBlock, text: &str) {
    let mut nsid = Nsid { octets_used: text.len() as u64, ..Nsid::new_zeroed() };
    for (to, from) in nsid.octets.iter_mut().zip(text.as_bytes()) {
        *to = *from;
    }
    control.set_nsid(&nsid);
}

/// Replaces the secrets by the first two of `secrets`, as
/// [`ControlBlock::replace_cookie_secrets`] does: at most once a second.
pub fn write_keys(control: ControlBlock, secrets: &[Secret], enforce: bool) {
    let mut octets = [[0; 16]; MOST_SECRETS];
    let mut n = 0_u64;
    for (to, Secret(from)) in octets.iter_mut().zip(secrets) {
        *to = *from;
        n += 1;
    }
    let enforced = if enforce { state::ENFORCED } else { 0 };
    control.replace_cookie_secrets(&transmute!(octets), n << state::SECRETS | enforced);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use edge_common::abi::{Control, CookieKeys, Nsid};
    use edge_common::cookie::{Cookie, state};
    use zerocopy::IntoBytes as _;

    use super::{CookieOptions, CookieState, SPACING, Secret, write_keys, write_nsid};
    use crate::store::{ControlBlock, Store};
    use std::time::Instant;

    #[test]
    fn secrets_take_turns_on_two_sides_and_the_rest_stays_zero() {
        let control = ControlBlock::default();
        for (turn, secrets) in
            [(1, vec![[1; 16]]), (0, vec![[2; 16], [1; 16]]), (1, vec![[3; 16], [2; 16]])]
        {
            let secrets: Vec<_> = secrets.into_iter().map(Secret).collect();
            write_keys(control, &secrets, turn == 0);
            let keys = control.read().cookies;
            let enforced = if turn == 0 { 8 } else { 0 };
            assert_eq!(keys.state, turn | (secrets.len() as u64) << 1 | enforced);
            let side = keys.secrets[usize::try_from(turn).unwrap()];
            let held: Vec<_> = secrets.iter().map(|secret| &secret.0[..]).collect();
            assert_eq!(side.as_bytes()[..16 * secrets.len()], held.concat());
        }
        let all = control.read();
        assert_eq!(all.cookies.secrets[0].as_bytes(), [[2; 16], [1; 16]].concat());
        let rest = Control { cookies: CookieKeys { state: 0, secrets: [[[0; 2]; 2]; 2] }, ..all };
        assert!(rest.as_bytes().iter().all(|octet| *octet == 0));
    }

    #[test]
    fn an_identifier_that_does_not_fit_is_known_by_its_length() {
        for (octets, kept) in [(0, 0), (5, 5), (64, 64), (65, 64), (128, 64)] {
            let control = ControlBlock::default();
            write_nsid(control, &"x".repeat(octets));
            let nsid = control.nsid();
            assert_eq!(nsid.octets_used, octets as u64);
            let mut expect = [0; Nsid::MOST];
            expect[..kept].fill(b'x');
            assert_eq!(nsid.octets, expect);
        }
    }

    #[test]
    fn a_cookie_of_the_former_secret_is_good_after_a_rollover_and_the_next_one_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        let [first, second, third] = ["1", "2", "3"].map(|digit| digit.repeat(32));
        fs::write(&new, &first).unwrap();
        fs::write(&old, &first).unwrap();
        let store = Store::in_memory();
        let secrets = vec![new.clone(), old.clone()];
        let cookies = CookieOptions { secrets, enforce: true };
        let start = Instant::now();
        let mut cookies = CookieState::start(&store, &cookies, "edge1").unwrap();
        let from = edge_common::service::words("192.0.2.1".parse().unwrap());
        let rule = |cookie: &Cookie| {
            let Control { cookies: keys, unix_seconds, .. } = store.control.read();
            let secrets = if state::side(keys.state) == 0 { 0 } else { 1 };
            let secrets = &keys.secrets[secrets];
            cookie.rule(keys.state, secrets, unix_seconds.try_into().unwrap(), from).unwrap()
        };
        let client = Cookie { client: 7, server: [0; 2], server_octets: 0 };
        let shown = Cookie { server: rule(&client).server, server_octets: 16, ..client };
        assert!(rule(&shown).is_good);
        let roll = |to: &str| {
            fs::copy(&new, &old).unwrap();
            fs::write(&new, to).unwrap();
        };
        roll(&second);
        cookies.refresh_at(start + 2 * SPACING);
        assert!(rule(&shown).is_good);
        assert_ne!(rule(&client).server, shown.server);
        fs::remove_file(&new).unwrap();
        cookies.refresh_at(start + 4 * SPACING);
        assert!(cookies.error().is_some() && rule(&shown).is_good);
        fs::write(&new, &second).unwrap();
        roll(&third);
        cookies.refresh_at(start + 6 * SPACING);
        assert_eq!((cookies.error(), rule(&shown).is_good), (None, false));
    }
}
