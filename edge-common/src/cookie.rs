//! DNS cookies (RFC 7873, RFC 9018).
//!
//! Servers that share a secret accept each other's cookies. The caller gives the time, in seconds
//! of Unix time modulo 2³² (serial number arithmetic, RFC 9018 §4.3). Words are octets in memory
//! order. The kernel and the authority use the same functions.

use crate::abi::CookieSecrets;
use crate::service::ipv4;
use crate::siphash::SipHash;

/// Octets of a client cookie.
pub const CLIENT_OCTETS: u32 = 8;
/// Octets of the server cookies that we make: version, reserved, timestamp, hash.
pub const SERVER_OCTETS: u32 = 16;
/// Seconds after which a cookie is no longer taken.
pub const LIFETIME: u32 = 3600;
/// Seconds by which the clock of the server that made a cookie may be ahead of ours.
pub const AHEAD: u32 = 300;
/// Seconds after which a cookie that is still good is replaced.
pub const RENEWAL: u32 = 1800;
/// The only version (RFC 9018 §4.1).
const VERSION: u64 = 1;
/// The longest server cookie of anybody (RFC 7873 §4).
const LONGEST: u32 = 32;

/// Bits of [`CookieKeys::state`](crate::abi::CookieKeys::state).
pub mod state {
    /// The side in use.
    pub const SIDE: u64 = 1;
    /// How many secrets it has, 0–2, from this bit on.
    pub const SECRETS: u32 = 1;
    /// Queries over UDP with a cookie that isn't good are answered BADCOOKIE.
    pub const ENFORCED: u64 = 1 << 3;

    /// The side in use, 0 or 1.
    #[inline(always)]
    #[must_use]
    pub const fn side(state: u64) -> u64 {
        state & SIDE
    }
}

/// What a COOKIE option holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The client's part, which every answer repeats.
    pub client: u64,
    /// The server's part if it has [`SERVER_OCTETS`]; anything if not.
    pub server: [u64; 2],
    /// Octets of the server's part: 0 if the client has none, else 8–32.
    pub server_octets: u32,
}

/// What becomes of a query with a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whether the client showed a good server cookie, and so that it receives what is sent to its
    /// address.
    pub is_good: bool,
    /// The server's part of the answer's cookie.
    pub server: [u64; 2],
}

impl Cookie {
    /// Of an option's data of `octets` octets, that begin with `client` and `server`. What of these
    /// is past the data's end may be anything. `None` for a length that no cookie has: FORMERR (RFC
    /// 7873 §5.2.2).
    #[inline(always)]
    #[must_use]
    pub const fn new(octets: u32, client: u64, server: [u64; 2]) -> Option<Self> {
        let server_octets = octets.wrapping_sub(CLIENT_OCTETS);
        // Of 8 to 32 octets, or none.
        if server_octets != 0 && server_octets.wrapping_sub(8) > LONGEST - 8 {
            return None;
        }
        Some(Self { client, server, server_octets })
    }

    /// Reads an option's data; as [`Self::new`]. For the host.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            let octets = data.get(at..)?.first_chunk()?;
            Some(u64::from_ne_bytes(*octets))
        };
        let server = [8, 16].map(|at| word(at).unwrap_or_default());
        Self::new(u32::try_from(data.len()).ok()?, word(0)?, server)
    }

    /// Rules on the cookie of a query that came at `now` from `address` (two words, IPv4 in its
    /// mapped form).
    ///
    /// `state` is [`CookieKeys::state`](crate::abi::CookieKeys::state), read once, and `secrets`
    /// are those of [`state::side`]. The first one makes cookies; either may have made the client's
    /// (RFC 9018 §5). `None` without secrets: the option is ignored.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "there are two secrets, and two rounds")]
    pub const fn rule(
        &self,
        state: u64,
        secrets: &CookieSecrets,
        now: u32,
        address: [u64; 2],
    ) -> Option<Ruling> {
        let in_use = (state >> state::SECRETS & 3) as usize;
        if in_use == 0 {
            return None;
        }
        let front = u64::from_be(self.server[0]);
        #[expect(clippy::cast_possible_truncation, reason = "the timestamp is the last half")]
        let age = now.wrapping_sub(front as u32);
        let is_in_time = age <= LIFETIME || age.wrapping_neg() <= AHEAD;
        let mut is_good = false;
        if is_in_time && front >> 56 == VERSION && self.server_octets == SERVER_OCTETS {
            let mut nth = 0;
            while nth < 2 {
                if nth < in_use && !is_good {
                    is_good = self.hash(secrets[nth], self.server[0], address) == self.server[1];
                }
                nth += 1;
            }
        }
        // What another server of ours just made stands, its clock being ahead or not.
        let server = if is_good && (age <= RENEWAL || age > LIFETIME) {
            self.server
        } else {
            self.make(secrets[0], now, address)
        };
        Some(Ruling { is_good, server })
    }

    /// A new server cookie for this client.
    #[inline(always)]
    #[must_use]
    pub const fn make(&self, secret: [u64; 2], now: u32, address: [u64; 2]) -> [u64; 2] {
        let front = (VERSION << 56 | now as u64).to_be();
        [front, self.hash(secret, front, address)]
    }

    /// RFC 9018 §4.4: SipHash-2-4 over client cookie, version, reserved octets, timestamp and
    /// address.
    #[inline(always)]
    const fn hash(&self, secret: [u64; 2], front: u64, address: [u64; 2]) -> u64 {
        let hash = SipHash::new(secret).add(self.client).add(front);
        let (hash, last, octets) = match ipv4(address) {
            Some(address) => (hash, (u32::from_le(address) as u64).to_le(), 20),
            None => (hash.add(address[0]).add(address[1]), 0, 32),
        };
        hash.finish(last, octets)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cookie, Ruling, state};
    use crate::abi::{CookieKeys, CookieSecrets};
    use crate::service::words;

    /// The secret of RFC 9018, appendices A.1 to A.3.
    const SECRET: u128 = 0xe5e9_73e5_a6b2_a43f_48e7_dc84_9e37_bfcf;
    const A1: u128 = 0x0100_0000_5cf7_9f11_1f81_30c3_eee2_9480;

    /// A number's octets in two words.
    fn octets(number: u128) -> [u64; 2] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = number.to_be_bytes();
        let front = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        [front, u64::from_ne_bytes([i, j, k, l, m, n, o, p])]
    }

    fn cookie(client: u64, server: Option<u128>) -> Cookie {
        let octets = server.map_or([0; 2], octets);
        Cookie::new(if server.is_some() { 24 } else { 8 }, client.to_be(), octets).unwrap()
    }

    fn at(text: &str) -> [u64; 2] {
        words(text.parse().unwrap())
    }

    fn ruling(is_good: bool, server: u128) -> Option<Ruling> {
        Some(Ruling { is_good, server: octets(server) })
    }

    /// Keys with these secrets on one side, and others on the other.
    fn keys(side: u64, secrets: &[u128]) -> CookieKeys {
        let mut keys = CookieKeys { state: 0, secrets: [[[7; 2]; 2]; 2] };
        let at = usize::try_from(side).unwrap();
        for (to, from) in keys.secrets[at].iter_mut().zip(secrets) {
            *to = octets(*from);
        }
        keys.state = side | (secrets.len() as u64) << state::SECRETS;
        keys
    }

    fn in_use(keys: &CookieKeys) -> &CookieSecrets {
        &keys.secrets[usize::try_from(state::side(keys.state)).unwrap()]
    }

    fn rule(cookie: &Cookie, secrets: &[u128], now: u32, from: [u64; 2]) -> Option<Ruling> {
        let [one, other] = [0, 1].map(|side| {
            let keys = keys(side, secrets);
            cookie.rule(keys.state, in_use(&keys), now, from)
        });
        assert_eq!(one, other, "by the sides");
        one
    }

    #[test]
    fn a_client_learns_a_cookie_as_in_rfc_9018_a_1() {
        let new = cookie(0x2464_c4ab_cf10_c957, None);
        let learnt = rule(&new, &[SECRET], 1_559_731_985, at("198.51.100.100"));
        assert_eq!(learnt, ruling(false, A1));
    }

    #[test]
    fn a_cookie_is_renewed_as_in_rfc_9018_a_2() {
        let old = cookie(0x2464_c4ab_cf10_c957, Some(A1));
        let renewed = 0x0100_0000_5cf7_a871_d4a5_64a1_442a_ca77;
        let new = rule(&old, &[SECRET], 1_559_734_385, at("198.51.100.100"));
        assert_eq!(new, ruling(true, renewed));
    }

    #[test]
    fn reserved_octets_are_taken_as_they_came_as_in_rfc_9018_a_3() {
        let shown = 0x01ab_cdef_5cf7_8f71_a314_227b_6679_ebf5;
        let old = cookie(0xfc93_fc62_807d_db86, Some(shown));
        let from = at("203.0.113.203");
        assert_eq!(rule(&old, &[SECRET], 0x5cf7_8f71 + 60, from), ruling(true, shown));
        // The appendix has the cookie too old by now to be good, and so a new one.
        let renewed = 0x0100_0000_5cf7_a9ac_f73a_7810_aca2_381e;
        assert_eq!(rule(&old, &[SECRET], 1_559_734_700, from).unwrap().server, octets(renewed));
    }

    #[test]
    fn a_former_secret_is_taken_and_the_first_one_used_as_in_rfc_9018_a_4() {
        let former = 0xdd3b_df93_44b6_78b1_85a6_f5cb_60fc_a715;
        let new = 0x4455_36bc_d251_3298_075a_5d37_9663_c962;
        let from = at("2001:db8:220:1:59de:d0f4:8769:82b8");
        let made = 0x0100_0000_5cf7_c579_2655_6bd0_934c_72f8;
        let now = 1_559_741_961;
        let old = cookie(0x2268_1ab9_7d52_c298, Some(made));
        assert_eq!(rule(&old, &[new, former], now, from), ruling(true, made));
        assert!(!rule(&old, &[new], now, from).unwrap().is_good);
        let renewed = 0x0100_0000_5cf7_c609_a6bb_79d1_6625_507a;
        assert_eq!(old.make(octets(new), now, from), octets(renewed));
        assert_eq!(rule(&old, &[new], now, from), ruling(false, renewed));
    }

    #[test]
    fn a_cookie_is_good_for_an_hour_and_five_minutes_ahead_of_time() {
        let made = 1_559_731_985_u32;
        let from = at("198.51.100.100");
        let shown = cookie(0x2464_c4ab_cf10_c957, Some(A1));
        for (now, is_good, is_kept) in [
            (made, true, true),
            (made + 1800, true, true),
            (made + 1801, true, false),
            (made + 3600, true, false),
            (made + 3601, false, false),
            (made - 300, true, true),
            (made - 301, false, false),
        ] {
            let Ruling { is_good: good, server } = rule(&shown, &[SECRET], now, from).unwrap();
            assert_eq!((good, server == octets(A1)), (is_good, is_kept), "{now}");
        }
    }

    #[test]
    fn time_may_wrap_around() {
        let from = at("192.0.2.1");
        let new = cookie(7, None);
        let made = new.make(octets(SECRET), u32::MAX - 10, from);
        let shown = Cookie { server: made, server_octets: 16, ..new };
        assert!(rule(&shown, &[SECRET], 5, from).unwrap().is_good);
    }

    #[test]
    fn any_other_octet_address_or_client_makes_a_cookie_bad() {
        let (now, address) = (1_559_731_985, at("198.51.100.100"));
        let is_good = |cookie: Cookie, from| rule(&cookie, &[SECRET], now, from).unwrap().is_good;
        let client = 0x2464_c4ab_cf10_c957;
        assert!(is_good(cookie(client, Some(A1)), address));
        for bit in 0..128 {
            assert!(!is_good(cookie(client, Some(A1 ^ 1 << bit)), address), "{bit}");
        }
        assert!(!is_good(cookie(client ^ 1, Some(A1)), address));
        assert!(!is_good(cookie(client, Some(A1)), at("198.51.100.101")));
        // Of another length, though it begins as a good one does.
        for octets in [0, 8, 15, 17, 32] {
            let other = Cookie { server_octets: octets, ..cookie(client, Some(A1)) };
            assert!(!is_good(other, address), "{octets}");
        }
    }

    #[test]
    fn without_secrets_nothing_is_ruled_and_what_isnt_counted_is_no_secret() {
        let (now, from) = (1_559_731_985, at("198.51.100.100"));
        let shown = cookie(0x2464_c4ab_cf10_c957, Some(A1));
        assert_eq!(rule(&shown, &[], now, from), None);
        let mut one = keys(0, &[SECRET ^ 1, SECRET]);
        assert!(shown.rule(one.state, in_use(&one), now, from).unwrap().is_good);
        one.state = 1 << state::SECRETS;
        assert!(!shown.rule(one.state, in_use(&one), now, from).unwrap().is_good);
    }

    #[test]
    fn a_cookie_has_8_or_16_to_40_octets() {
        for octets in 0..64 {
            let is_cookie = octets == 8 || (16..=40).contains(&octets);
            assert_eq!(Cookie::read(&[7; 64][..octets]).is_some(), is_cookie, "{octets}");
        }
        assert_eq!(Cookie::new(u32::MAX, 0, [0; 2]), None);
        let data = core::array::from_fn::<u8, 24, _>(|at| at.try_into().unwrap());
        let read = Cookie::read(&data).unwrap();
        assert_eq!(read.client.to_ne_bytes(), data[..8]);
        assert_eq!(read.server.map(u64::to_ne_bytes).concat(), data[8..]);
        for (octets, server) in [(8, 0), (16, 8), (24, 16), (40, 32)] {
            assert_eq!(Cookie::read(&[7; 64][..octets]).unwrap().server_octets, server);
        }
    }
}
