//! Verdicts: every way out of the program has a name and a counter.

/// What the driver is to do with the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send it back out of the interface it came in by.
    Tx,
    /// Pass it unmodified to the network stack and the authority.
    Pass,
    /// Throw it away.
    Drop,
    /// A fault of ours after the first octet was written. Never caused by traffic.
    Aborted,
}

macro_rules! verdicts {
    ($($(#[$doc:meta])* $variant:ident $action:ident $name:literal,)*) => {
        /// Why a frame left the program; the counter's index and the metric's label.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Verdict { $($(#[$doc])* $variant,)* }

        impl Verdict {
            /// All of them, by index.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What the driver is to do.
            #[inline(always)]
            #[must_use]
            pub const fn action(self) -> Action {
                match self { $(Self::$variant => Action::$action,)* }
            }

            /// The label of its counter.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

verdicts! {
    /// Answered with address records.
    Answer Tx "answer",
    /// The name exists and has no records of the type; answered with the zone's SOA.
    Nodata Tx "nodata",
    /// The name doesn't exist; answered with the zone's SOA.
    Nxdomain Tx "nxdomain",
    /// An EDNS version other than 0; answered BADVERS (RFC 6891 §6.1.3).
    Badvers Tx "badvers",
    /// A cookie that isn't good, where one is asked for; answered BADCOOKIE (RFC 7873 §5.2.3).
    Badcookie Tx "badcookie",
    /// A name of no zone; answered REFUSED, because the switch for that is on.
    Refused Tx "refused",
    /// Over the client's rate; answered without records, truncated.
    Slip Tx "slip",
    /// Over the client's rate.
    Limited Drop "limited",
    /// From a denied client.
    Denied Drop "denied",
    /// Bypass is on: every frame passes.
    Bypass Pass "bypass",
    /// The query would have been answered, but dry run is on.
    DryRun Pass "dry_run",
    /// By the routing table the reply would leave by another interface than the query came in.
    Route Pass "route",
    /// The answer is longer than the client accepts, or than we make.
    Size Pass "size",
    /// The next program isn't in `PROGRAMS`.
    General Pass "general",
    /// The frame is shorter than its headers say, or than they have to be.
    Truncated Pass "truncated",
    /// Neither IPv4 nor IPv6, or behind more than two VLAN tags.
    EtherType Pass "ethertype",
    /// Not sent to this interface's own link-layer address.
    Link Pass "link",
    /// IPv4 with options, or not version 4.
    Ip4Header Pass "ip4_header",
    /// A fragment.
    Fragment Pass "fragment",
    /// IPv6 that isn't version 6.
    Ip6Header Pass "ip6_header",
    /// Not UDP, or UDP behind extension headers.
    Transport Pass "transport",
    /// Lengths that contradict each other.
    Length Pass "length",
    /// IPv4 header checksum wrong, or IPv6 UDP without checksum.
    Checksum Pass "checksum",
    /// A source address that no host can have, or that is ours, or source port 0.
    Source Pass "source",
    /// An address or port that isn't served here.
    Service Pass "service",
    /// A response, not a query.
    Response Pass "response",
    /// An opcode other than QUERY.
    Opcode Pass "opcode",
    /// Not one question, or records other than one in the additional section.
    Sections Pass "sections",
    /// The question doesn't end where the datagram says.
    Question Pass "question",
    /// A class other than IN.
    Class Pass "class",
    /// A type that has no decks.
    Type Pass "type",
    /// Additional records or options that aren't what they should be, or more of them than we read.
    Edns Pass "edns",
    /// Nothing is published yet.
    Unpublished Pass "unpublished",
    /// The lease of what is published has run out.
    Lease Pass "lease",
    /// The name isn't in the tables.
    UnknownName Pass "name",
    /// The tables don't know the client's class.
    ClientClass Pass "place",
    /// The name has no deck for this type and client.
    NoDeck Pass "deck",
    /// No room before the frame for the answer.
    Room Pass "room",
    /// An NTP request was answered with the time.
    NtpAnswer Tx "ntp",
    /// An NTP request was answered by a clock that isn't synchronised: LI 3, stratum 0.
    NtpUnsynchronised Tx "ntp_unsynchronised",
    /// An NTP client over its rate was answered with the kiss code RATE.
    NtpRate Tx "ntp_rate",
    /// A denied NTP client was answered with the kiss code DENY.
    NtpDeny Tx "ntp_deny",
    /// An NTP client over its rate.
    NtpLimited Drop "ntp_limited",
    /// An NTP version other than 1 to 4.
    NtpVersion Pass "ntp_version",
    /// An NTP mode other than client.
    NtpMode Pass "ntp_mode",
    /// An NTP request of another length than 48 octets: with a MAC, NTS or other extension fields,
    /// or too short.
    NtpLength Pass "ntp_length",
    /// NTP mode 6 or 7, which are for the operator.
    NtpControl Drop "ntp_control",
    /// No clock is published, or its lease has run out.
    NtpLease Pass "ntp_lease",
    /// The clock isn't synchronised, and requests pass then.
    NtpPass Pass "ntp_unsynchronised_pass",
    /// The clock isn't synchronised, and requests are dropped then.
    NtpDrop Drop "ntp_unsynchronised_drop",
    /// The frame changed while the program wrote it. Never caused by traffic.
    Fault Aborted "fault",
}

impl Verdict {
    /// The counter's index.
    #[inline(always)]
    #[must_use]
    pub const fn index(self) -> u32 {
        self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;
    use std::collections::BTreeSet;

    #[test]
    fn every_verdict_has_its_own_index_and_label() {
        let names: BTreeSet<_> = Verdict::ALL.iter().map(|verdict| verdict.name()).collect();
        assert_eq!(names.len(), Verdict::ALL.len());
        for (index, verdict) in (0..).zip(Verdict::ALL) {
            assert_eq!(verdict.index(), index);
        }
    }
}
