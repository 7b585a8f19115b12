//! DNS cookies (RFC 7873, RFC 9018): an option's data, a secret, the time and an address in; a verdict and the cookie to
//! answer with out.
//!
//! Servers that share a secret take each other's cookies. Time comes from outside, in seconds of Unix time modulo 2³²
//! (serial number arithmetic, RFC 9018 §4.3).

use core::net::IpAddr;

use siphasher::sip::SipHasher24;

/// The COOKIE option (RFC 7873 §4).
pub const OPTION: u16 = 10;
/// Octets of a client cookie.
pub const CLIENT_OCTETS: usize = 8;
/// Octets of the server cookies that we make: version, reserved, timestamp, hash.
pub const SERVER_OCTETS: usize = 16;
/// Seconds after which a cookie is no longer taken.
pub const LIFETIME: u32 = 3600;
/// Seconds by which the clock of the server that made a cookie may be ahead of ours.
pub const AHEAD: u32 = 300;
/// Seconds after which a cookie that is still good is replaced.
pub const RENEWAL: u32 = 1800;
/// The only version (RFC 9018 §4.1).
const VERSION: u8 = 1;
/// The longest server cookie of anybody (RFC 7873 §4).
const LONGEST: usize = 32;

/// What servers of one service share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 16]);

impl core::fmt::Debug for Secret {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// What a COOKIE option holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The client's part, which every answer repeats.
    pub client: [u8; CLIENT_OCTETS],
    /// The server's part, if the client has one.
    pub server: Option<Server>,
}

/// A server's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// In the form that we make.
    Ours([u8; SERVER_OCTETS]),
    /// Of another length.
    Other,
}

/// What becomes of a query with a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whether the client showed a good server cookie, and so that it receives what is sent to its address.
    pub is_good: bool,
    /// The server's part of the answer's cookie.
    pub server: [u8; SERVER_OCTETS],
}

impl Cookie {
    /// Reads an option's data. `None` for a length that no cookie has: FORMERR (RFC 7873 §5.2.2).
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
        let (client, rest) = data.split_first_chunk()?;
        let server = match (rest.len(), rest.first_chunk()) {
            (0, _) => None,
            (SERVER_OCTETS, Some(server)) => Some(Server::Ours(*server)),
            (CLIENT_OCTETS..=LONGEST, _) => Some(Server::Other),
            _ => return None,
        };
        Some(Self { client: *client, server })
    }

    /// Rules on the cookie of a query that came at `now` from `address`. The first secret makes cookies; any of them
    /// may have made the client's (RFC 9018 §5). `None` without secrets.
    #[must_use]
    pub fn rule(&self, secrets: &[Secret], now: u32, address: IpAddr) -> Option<Ruling> {
        let make = secrets.first()?;
        if let Some(Server::Ours(server)) = self.server
            && let [VERSION, a, b, c, t0, t1, t2, t3, ..] = server
        {
            let timestamp = u32::from_be_bytes([t0, t1, t2, t3]);
            let age = now.wrapping_sub(timestamp);
            let is_good = (age <= LIFETIME || age.wrapping_neg() <= AHEAD)
                && secrets
                    .iter()
                    .any(|secret| self.compute(secret, [a, b, c], timestamp, address) == server);
            if is_good {
                // What another server of ours just made stands, its clock being ahead or not.
                let stands = age <= RENEWAL || age > LIFETIME;
                let server = if stands { server } else { self.make(make, now, address) };
                return Some(Ruling { is_good, server });
            }
        }
        Some(Ruling { is_good: false, server: self.make(make, now, address) })
    }

    /// A new server cookie for this client.
    #[must_use]
    pub fn make(&self, secret: &Secret, now: u32, address: IpAddr) -> [u8; SERVER_OCTETS] {
        self.compute(secret, [0; 3], now, address)
    }

    /// RFC 9018 §4.4: SipHash-2-4 over client cookie, version, reserved octets, timestamp and address.
    fn compute(
        &self,
        Secret(key): &Secret,
        reserved: [u8; 3],
        timestamp: u32,
        address: IpAddr,
    ) -> [u8; SERVER_OCTETS] {
        let [a, b, c] = reserved;
        let [t0, t1, t2, t3] = timestamp.to_be_bytes();
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.client;
        let front = [c0, c1, c2, c3, c4, c5, c6, c7, VERSION, a, b, c, t0, t1, t2, t3];
        let hasher = SipHasher24::new_with_key(key);
        let hash = match address {
            IpAddr::V4(address) => hasher.hash(&joined::<20>(&front, &address.octets())),
            IpAddr::V6(address) => hasher.hash(&joined::<32>(&front, &address.octets())),
        };
        let [h0, h1, h2, h3, h4, h5, h6, h7] = hash.to_le_bytes();
        [VERSION, a, b, c, t0, t1, t2, t3, h0, h1, h2, h3, h4, h5, h6, h7]
    }
}

/// Two arrays as one; `N` is the sum of their lengths.
fn joined<const N: usize>(front: &[u8; 16], back: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    for (to, from) in all.iter_mut().zip(front.iter().chain(back)) {
        *to = *from;
    }
    all
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::{Cookie, Ruling, Secret, Server};

    /// The secret of RFC 9018, appendices A.1 to A.3.
    const SECRET: Secret = Secret(0xe5e9_73e5_a6b2_a43f_48e7_dc84_9e37_bfcf_u128.to_be_bytes());
    const A1: u128 = 0x0100_0000_5cf7_9f11_1f81_30c3_eee2_9480;

    fn cookie(client: u64, server: Option<u128>) -> Cookie {
        let server = server.map(|server| Server::Ours(server.to_be_bytes()));
        Cookie { client: client.to_be_bytes(), server }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ruling(is_good: bool, server: u128) -> Option<Ruling> {
        Some(Ruling { is_good, server: server.to_be_bytes() })
    }

    #[test]
    fn a_client_learns_a_cookie_as_in_rfc_9018_a_1() {
        let new = cookie(0x2464_c4ab_cf10_c957, None);
        assert_eq!(new.rule(&[SECRET], 1_559_731_985, ip("198.51.100.100")), ruling(false, A1));
    }

    #[test]
    fn a_cookie_is_renewed_as_in_rfc_9018_a_2() {
        let old = cookie(0x2464_c4ab_cf10_c957, Some(A1));
        let renewed = 0x0100_0000_5cf7_a871_d4a5_64a1_442a_ca77;
        assert_eq!(old.rule(&[SECRET], 1_559_734_385, ip("198.51.100.100")), ruling(true, renewed));
    }

    #[test]
    fn reserved_octets_are_taken_as_they_came_as_in_rfc_9018_a_3() {
        let old = cookie(0xfc93_fc62_807d_db86, Some(0x01ab_cdef_5cf7_8f71_a314_227b_6679_ebf5));
        let kept = old.rule(&[SECRET], 0x5cf7_8f71 + 60, ip("203.0.113.203"));
        assert_eq!(kept, ruling(true, 0x01ab_cdef_5cf7_8f71_a314_227b_6679_ebf5));
        // The appendix has the cookie too old by now to be good, and so a new one.
        let renewed = 0x0100_0000_5cf7_a9ac_f73a_7810_aca2_381e;
        let new = old.rule(&[SECRET], 1_559_734_700, ip("203.0.113.203")).unwrap();
        assert_eq!(new.server, u128::to_be_bytes(renewed));
    }

    #[test]
    fn a_former_secret_is_taken_and_the_first_one_used_as_in_rfc_9018_a_4() {
        let old_secret = Secret(0xdd3b_df93_44b6_78b1_85a6_f5cb_60fc_a715_u128.to_be_bytes());
        let new_secret = Secret(0x4455_36bc_d251_3298_075a_5d37_9663_c962_u128.to_be_bytes());
        let address = ip("2001:db8:220:1:59de:d0f4:8769:82b8");
        let made = 0x0100_0000_5cf7_c579_2655_6bd0_934c_72f8;
        let old = cookie(0x2268_1ab9_7d52_c298, Some(made));
        let secrets = [new_secret, old_secret];
        assert_eq!(old.rule(&secrets, 1_559_741_961, address), ruling(true, made));
        assert!(!old.rule(&[new_secret], 1_559_741_961, address).unwrap().is_good);
        let new = 0x0100_0000_5cf7_c609_a6bb_79d1_6625_507a_u128;
        assert_eq!(old.make(&new_secret, 1_559_741_961, address), new.to_be_bytes());
    }

    #[test]
    fn a_cookie_is_good_for_an_hour_and_five_minutes_ahead_of_time() {
        let made = 1_559_731_985_u32;
        let address = ip("198.51.100.100");
        let shown = cookie(0x2464_c4ab_cf10_c957, Some(A1));
        let at = |now: u32| shown.rule(&[SECRET], now, address).unwrap();
        for (now, is_good, is_kept) in [
            (made, true, true),
            (made + 1800, true, true),
            (made + 1801, true, false),
            (made + 3600, true, false),
            (made + 3601, false, false),
            (made - 300, true, true),
            (made - 301, false, false),
        ] {
            let Ruling { is_good: good, server } = at(now);
            assert_eq!((good, server == A1.to_be_bytes()), (is_good, is_kept), "{now}");
        }
    }

    #[test]
    fn time_may_wrap_around() {
        let address = ip("192.0.2.1");
        let new = cookie(7, None);
        let made = new.make(&SECRET, u32::MAX - 10, address);
        let shown = Cookie { server: Some(Server::Ours(made)), ..new };
        assert!(shown.rule(&[SECRET], 5, address).unwrap().is_good);
    }

    #[test]
    fn any_other_octet_address_or_client_makes_a_cookie_bad() {
        let (now, address) = (1_559_731_985, ip("198.51.100.100"));
        let is_good = |cookie: Cookie, from| cookie.rule(&[SECRET], now, from).unwrap().is_good;
        let client = 0x2464_c4ab_cf10_c957;
        assert!(is_good(cookie(client, Some(A1)), address));
        for bit in 0..128 {
            assert!(!is_good(cookie(client, Some(A1 ^ 1 << bit)), address), "{bit}");
        }
        assert!(!is_good(cookie(client ^ 1, Some(A1)), address));
        assert!(!is_good(cookie(client, Some(A1)), ip("198.51.100.101")));
        assert!(!is_good(Cookie { server: Some(Server::Other), ..cookie(client, None) }, address));
        assert_eq!(cookie(client, None).rule(&[], now, address), None);
    }

    #[test]
    fn a_cookie_has_8_or_16_to_40_octets() {
        for octets in 0..64 {
            let is_cookie = octets == 8 || (16..=40).contains(&octets);
            assert_eq!(Cookie::read(&[7; 64][..octets]).is_some(), is_cookie, "{octets}");
        }
        assert_eq!(Cookie::read(&[7; 8]).unwrap().server, None);
        assert_eq!(Cookie::read(&[7; 24]).unwrap().server, Some(Server::Ours([7; 16])));
        assert_eq!(Cookie::read(&[7; 40]).unwrap().server, Some(Server::Other));
    }
}
