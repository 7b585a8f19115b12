//! An NTP message (RFC 5905 §7.3), and the checks of a client on it.

use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::timestamp::{SECOND, Short, Timestamp};

/// Octets of a message without extensions.
pub const OCTETS: usize = 48;
/// The version that is asked with.
const VERSION: u8 = 4;
/// `MODE_CLIENT`
const CLIENT: u8 = 3;
/// `MODE_SERVER`
const SERVER: u8 = 4;
/// The leap indicator of a clock that isn't synchronised.
pub const UNSYNCHRONISED: u8 = 3;
/// `MAXSTRAT`: no server's stratum.
const STRATA: u8 = 16;
/// `MAXDISP`: a root distance that is too large to be used, in nanoseconds.
const MOST_DISTANCE: u64 = 16 * SECOND;

/// As on the wire.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Wire {
    /// Leap indicator (2 bits), version (3), mode (3).
    pub(super) first: u8,
    pub(super) stratum: u8,
    pub(super) poll: i8,
    pub(super) precision: i8,
    pub(super) root_delay: U32,
    pub(super) root_dispersion: U32,
    pub(super) refid: [u8; 4],
    pub(super) reference: U64,
    pub(super) origin: U64,
    pub(super) receive: U64,
    pub(super) transmit: U64,
}

/// A server's account of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Leap indicator: 0 none, 1 a second is inserted, 2 one is deleted.
    pub leap: u8,
    /// 1–15.
    pub stratum: u8,
    /// log₂ of seconds.
    pub precision: i8,
    /// Reference identifier.
    pub refid: [u8; 4],
    /// Round trip to the root.
    pub root_delay: Short,
    /// Greatest error against the root.
    pub root_dispersion: Short,
    /// When its clock was last set or corrected.
    pub reference: Timestamp,
    /// When it had the request.
    pub receive: Timestamp,
    /// When it sent the reply.
    pub transmit: Timestamp,
}

/// Why a message isn't believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no reply to this request.
    #[error("its answers don't belong to our requests: {0}")]
    Foreign(&'static str),
    /// It reports that it isn't synchronised.
    #[error("it reports that it isn't synchronised itself (leap indicator 3 or stratum 0)")]
    Unsynchronised,
    /// It has no stratum that a server may have.
    #[error("it has stratum {0}, and the greatest of a synchronised server is 15")]
    Stratum(u8),
    /// A kiss code (RFC 5905 §7.4).
    #[error("it sends the kiss code {}{}", code(.0), advice(.0))]
    Kiss([u8; 4]),
    /// It is too far from the root.
    #[error("its root distance is 16 s or more")]
    RootDistance,
    /// Timestamps that can't be.
    #[error("its timestamps are impossible: {0}")]
    Timestamps(&'static str),
}

fn code(code: &[u8; 4]) -> String {
    code.escape_ascii().to_string()
}

fn advice(code: &[u8; 4]) -> &'static str {
    match code {
        b"RATE" => {
            ", we ask too often: exempt this host from its rate limit, or raise ntp.lease_seconds"
        }
        b"DENY" | b"RSTR" => {
            ", we may not ask: allow this host's loopback address in its configuration"
        }
        _ => "",
    }
}

impl Refusal {
    /// Whether the daemon has taken back what it sent before. A message without information on
    /// its clock doesn't.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Foreign(_) => false,
            Self::Kiss(code) => !matches!(code, b"RATE" | b"DENY" | b"RSTR"),
            _ => true,
        }
    }
}

/// A request that reveals nothing else of us. `cookie` stands where a client's time
/// may: the reply has to bring it back.
#[must_use]
pub fn request(cookie: u64) -> [u8; OCTETS] {
    let wire = Wire {
        first: (VERSION << 3) | CLIENT,
        stratum: 0,
        poll: 0,
        precision: 0,
        root_delay: U32::ZERO,
        root_dispersion: U32::ZERO,
        refid: [0; 4],
        reference: U64::ZERO,
        origin: U64::ZERO,
        receive: U64::ZERO,
        transmit: U64::new(cookie),
    };
    zerocopy::transmute!(wire)
}

impl Message {
    /// Reads a reply to the request with this cookie.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn read(octets: &[u8], cookie: u64) -> Result<Self, Refusal> {
        let Ok((wire, _)) = Wire::ref_from_prefix(octets) else {
            return Err(Refusal::Foreign("they are shorter than 48 octets"));
        };
        let (leap, version, mode) = (wire.first >> 6, wire.first >> 3 & 7, wire.first & 7);
        if mode != SERVER {
            return Err(Refusal::Foreign("their mode isn't 4 (server)"));
        }
        if version != VERSION {
            return Err(Refusal::Foreign("their version isn't ours"));
        }
        if wire.origin.get() != cookie {
            return Err(Refusal::Foreign("their origin timestamp isn't ours"));
        }
        let stamp = |of: U64| Timestamp(of.get());
        let message = Self {
            leap,
            stratum: wire.stratum,
            precision: wire.precision,
            refid: wire.refid,
            root_delay: Short(wire.root_delay.get()),
            root_dispersion: Short(wire.root_dispersion.get()),
            reference: stamp(wire.reference),
            receive: stamp(wire.receive),
            transmit: stamp(wire.transmit),
        };
        message.believed()
    }

    fn believed(self) -> Result<Self, Refusal> {
        // A daemon that waits for its first source reports that by codes such as INIT.
        if self.stratum == 0 && self.refid.iter().all(u8::is_ascii_uppercase) {
            return Err(Refusal::Kiss(self.refid));
        }
        if self.stratum == 0 || self.leap == UNSYNCHRONISED {
            return Err(Refusal::Unsynchronised);
        }
        if self.stratum >= STRATA {
            return Err(Refusal::Stratum(self.stratum));
        }
        if self.root_distance() >= MOST_DISTANCE {
            return Err(Refusal::RootDistance);
        }
        if self.receive.is_unknown() || self.transmit.is_unknown() {
            return Err(Refusal::Timestamps("receive or transmit is zero"));
        }
        if self.transmit.since(self.receive) < 0 {
            return Err(Refusal::Timestamps("it answered before it was asked"));
        }
        if self.transmit.since(self.reference) < 0 {
            return Err(Refusal::Timestamps("its reference time is in the future"));
        }
        Ok(self)
    }

    /// Half the root delay, and the root dispersion: how wrong it may be, in nanoseconds.
    #[must_use]
    pub fn root_distance(&self) -> u64 {
        self.root_delay.nanoseconds() / 2 + self.root_dispersion.nanoseconds()
    }

    /// Whether its time is smeared over a leap second: chrony marks that by 127.127.1.255, ntpd by
    /// 254.x.x.x.
    #[must_use]
    pub const fn is_smeared(&self) -> bool {
        matches!(self.refid, [127, 127, 1, 255] | [254, ..])
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, OCTETS, Refusal, Wire, request};
    use crate::ntp::timestamp::Timestamp;
    use zerocopy::IntoBytes as _;
    use zerocopy::big_endian::{U32, U64};

    const COOKIE: u64 = 0x0123_4567_89AB_CDEF;

    fn good() -> Wire {
        Wire {
            first: 0x24,
            stratum: 2,
            poll: 0,
            precision: -24,
            root_delay: U32::new(0x0000_1000),
            root_dispersion: U32::new(0x0000_0800),
            refid: [192, 0, 2, 1],
            reference: U64::new(0xE000_0000_0000_0000),
            origin: U64::new(COOKIE),
            receive: U64::new(0xE000_0010_0000_0000),
            transmit: U64::new(0xE000_0010_0000_1000),
        }
    }

    fn read(change: impl FnOnce(&mut Wire)) -> Result<Message, Refusal> {
        let mut wire = good();
        change(&mut wire);
        Message::read(wire.as_bytes(), COOKIE)
    }

    #[test]
    fn a_request_holds_nothing_besides_its_cookie() {
        let octets = request(COOKIE);
        assert_eq!(octets[0], 0x23);
        assert_eq!(octets[1..40], [0; 39]);
        assert_eq!(octets[40..], COOKIE.to_be_bytes());
    }

    #[test]
    fn a_good_reply_is_read_field_by_field() {
        let message = read(|_| ()).unwrap();
        assert_eq!((message.leap, message.stratum, message.precision), (0, 2, -24));
        assert_eq!(message.refid, [192, 0, 2, 1]);
        assert_eq!(message.reference, Timestamp(0xE000_0000_0000_0000));
        assert_eq!(message.transmit, Timestamp(0xE000_0010_0000_1000));
        // Half of 1/16 s and 1/32 s.
        assert_eq!(message.root_distance(), 62_500_000);
        let longer = [good().as_bytes(), &[0; 20]].concat();
        assert_eq!(Message::read(&longer, COOKIE), Ok(message));
    }

    #[test]
    fn a_message_that_is_no_reply_to_us_changes_nothing_about_the_daemon() {
        for refusal in [
            Message::read(&good().as_bytes()[..OCTETS - 1], COOKIE),
            read(|wire| wire.first = 0x23),
            read(|wire| wire.first = 0x25),
            read(|wire| wire.first = 0x1C),
            read(|wire| wire.origin = U64::new(COOKIE ^ 1)),
            read(|wire| wire.origin = U64::ZERO),
        ] {
            let refusal = refusal.unwrap_err();
            assert!(matches!(refusal, Refusal::Foreign(_)), "{refusal}");
            assert!(!refusal.is_final());
        }
    }

    #[test]
    fn a_daemon_that_doesnt_know_the_time_isnt_believed() {
        for (result, expect) in [
            (read(|wire| wire.first = 0xE4), Refusal::Unsynchronised),
            (read(|wire| (wire.stratum, wire.refid) = (0, [0; 4])), Refusal::Unsynchronised),
            (read(|wire| wire.stratum = 16), Refusal::Stratum(16)),
            (read(|wire| (wire.stratum, wire.refid) = (0, *b"INIT")), Refusal::Kiss(*b"INIT")),
            (read(|wire| wire.root_dispersion = U32::new(16 << 16)), Refusal::RootDistance),
            (read(|wire| wire.root_delay = U32::new(32 << 16)), Refusal::RootDistance),
            (
                read(|wire| wire.reference = U64::new(0xE000_0010_0000_1001)),
                Refusal::Timestamps("its reference time is in the future"),
            ),
            (
                read(|wire| wire.transmit = U64::new(0xE000_000F_0000_0000)),
                Refusal::Timestamps("it answered before it was asked"),
            ),
            (
                read(|wire| wire.receive = U64::ZERO),
                Refusal::Timestamps("receive or transmit is zero"),
            ),
        ] {
            assert_eq!(result.as_ref().unwrap_err(), &expect);
            assert!(expect.is_final(), "{expect}");
        }
    }

    #[test]
    fn a_daemon_that_wont_be_asked_has_taken_nothing_back_and_the_way_out_is_shown() {
        for (code, words) in [(*b"RATE", "raise ntp.lease_seconds"), (*b"DENY", "allow this host")]
        {
            let refusal = read(|wire| {
                (wire.first, wire.stratum, wire.refid) = (0xE4, 0, code);
            });
            let refusal = refusal.unwrap_err();
            assert_eq!(refusal, Refusal::Kiss(code));
            assert!(!refusal.is_final());
            assert!(refusal.to_string().contains(words), "{refusal}");
        }
    }

    #[test]
    fn smeared_time_is_known_by_its_reference_identifier() {
        for (refid, is_smeared) in [
            ([127, 127, 1, 255], true),
            ([254, 0, 1, 2], true),
            ([127, 127, 1, 1], false),
            ([192, 0, 2, 1], false),
        ] {
            assert_eq!(read(|wire| wire.refid = refid).unwrap().is_smeared(), is_smeared);
        }
    }
}
