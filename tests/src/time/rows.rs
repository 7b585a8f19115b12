//! Requests and what only looks like one, each with what ought to become of it.

use std::net::{IpAddr, SocketAddr};

use edge_common::abi::{Clock, switches};
use edge_common::verdict::Verdict;

use edge_common::limit::NtpRate;
use edge_tables::prefixes::{Prefixes, Rule};

use super::admission::{Held, LISTS, RATE, Told};
use super::{Ask, BOOT, NOW, SECOND, WHOLE, clock, elsewhere6, reply_frame_as, services};
use crate::cases::mend4;
use crate::controls::Controls;
use crate::frames::{ends, network};

/// What ought to become of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It becomes its reply.
    Reply(Verdict),
    /// It stays as it was.
    Same(Verdict),
}

/// A frame, the clock, and what ought to become of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// In words.
    pub what: String,
    /// The frame.
    pub frame: Vec<u8>,
    /// The clock; none is published without.
    pub clock: Option<Clock>,
    /// When it comes, in nanoseconds of `CLOCK_MONOTONIC`.
    pub now: u64,
    /// Bits of [`switches`].
    pub switches: u64,
    /// What its client is held to.
    pub held: Option<Held>,
    /// What ought to become of it.
    pub wanted: Wanted,
}

impl Row {
    fn new(what: impl Into<String>, frame: Vec<u8>, wanted: Wanted) -> Self {
        let (clock, now) = (Some(clock()), NOW);
        Self { what: what.into(), frame, clock, now, switches: 0, held: None, wanted }
    }

    /// The frame that it becomes, by a random generator in the state `seed` when nothing else is
    /// said of that.
    ///
    /// # Panics
    /// When it is to be answered without a clock.
    #[must_use]
    pub fn after(&self, seed: u64) -> Vec<u8> {
        let Wanted::Reply(verdict) = self.wanted else { return self.frame.clone() };
        let clock = self.clock.expect("a clock");
        let rate = self.held.filter(|_| self.switches & RATE != 0).map(|held| held.rate);
        let told = Told::of(verdict, rate);
        let seed = self.held.map_or(seed, |held| held.stamped());
        reply_frame_as(&self.frame, &clock, self.now, seed, told)
    }

    /// What is configured for it; `nth` sets its client apart from other rows'.
    #[must_use]
    pub fn controls(&self, nth: u64) -> Controls {
        let time = self.held.map(|held| (held.rate, nth));
        Controls { time, ..Controls::default().switched(self.switches) }
    }

    /// What the lists have to say for it.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn prefixes(&self) -> Prefixes {
        let listed = self.held.and_then(|held| held.listed);
        let client = listed.map(|rule| (ends(&self.frame).expect("addresses").0.ip(), rule));
        client.into_iter().map(|(ip, rule)| (super::admission::address(ip), rule)).collect()
    }
}

const ANSWER: Wanted = Wanted::Reply(Verdict::NtpAnswer);

/// A client of each family.
const CLIENTS: [&str; 2] = ["198.18.0.1:40123", "[2400::1]:999"];

/// Requests that are answered, in all their shapes.
fn answered(rows: &mut Vec<Row>, client: &str) {
    let tags = [vec![], vec![(0x8100, 5)], vec![(0x88a8, 6)], vec![(0x88a8, 7), (0x8100, 0x6fff)]];
    for tags in tags {
        for version in 1..=4 {
            for leap in [0, 3] {
                for padding in [0, 1, 2, 9, 200] {
                    let first = leap << 6 | version << 3 | 3;
                    let poll = version + 7 * leap;
                    let ask = Ask { first, poll, padding, tags: tags.clone(), ..Ask::new(client) };
                    let what = format!("{client} {tags:x?} version {version} LI {leap} +{padding}");
                    rows.push(Row::new(what, ask.frame(), ANSWER));
                }
            }
        }
    }
    for transmit in [0, 1, u64::MAX, clock().utc, 0x8000_0000_0000_0000] {
        let ask = Ask { transmit, ..Ask::new(client) };
        rows.push(Row::new(format!("{client} transmit {transmit:x}"), ask.frame(), ANSWER));
    }
    for poll in [0, 3, 17, 0x80, 0xff] {
        let ask = Ask { poll, ..Ask::new(client) };
        rows.push(Row::new(format!("{client} poll {poll}"), ask.frame(), ANSWER));
    }
    for port in [1, 53, 123, 0xffff] {
        let ask = Ask { client: with_port(client, port), ..Ask::new(client) };
        rows.push(Row::new(format!("{client} from port {port}"), ask.frame(), ANSWER));
    }
}

fn with_port(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse::<SocketAddr>().expect("an address").ip(), port)
}

/// Datagrams that aren't ordinary requests.
fn other_datagrams(rows: &mut Vec<Row>, client: &str) {
    let mut row = |what: String, frame: Vec<u8>, verdict| {
        rows.push(Row::new(format!("{client} {what}"), frame, Wanted::Same(verdict)));
    };
    for version in 0..8 {
        for mode in 0..8 {
            for more in [0, 20] {
                let first = version << 3 | mode;
                let ask = Ask { first, more: vec![0x5a; more], ..Ask::new(client) };
                let verdict = match (mode, version, more) {
                    (6 | 7, ..) => Verdict::NtpControl,
                    (3, 0 | 5.., _) => Verdict::NtpVersion,
                    (3, _, 0) => continue,
                    (3, ..) => Verdict::NtpLength,
                    _ => Verdict::NtpMode,
                };
                row(format!("version {version} mode {mode} +{more}"), ask.frame(), verdict);
            }
        }
    }
    let ask = Ask::new(client);
    let shaped =
        |payload: &[u8]| crate::frames::frame(ask.client, ask.server, payload, &ask.tags, 60);
    for octets in 0..100 {
        if octets == 48 {
            continue;
        }
        let mut payload = ask.payload();
        payload.resize(octets, 0x77);
        row(format!("{octets} octets"), shaped(&payload), Verdict::NtpLength);
        if octets >= 4 {
            payload[0] = 0x16;
            row(format!("{octets} octets of control"), shaped(&payload), Verdict::NtpControl);
        }
    }
    for port in [0, 122, 124, 0x7b00] {
        let server = SocketAddr::new(ask.server.ip(), port);
        let frame = Ask { server, ..ask.clone() }.frame();
        row(format!("to port {port}"), frame, Verdict::Service);
    }
    let elsewhere = match ask.server.ip() {
        IpAddr::V4(_) => IpAddr::from([10, 53, 0, 3]),
        IpAddr::V6(_) => IpAddr::from(elsewhere6()),
    };
    let server = SocketAddr::new(elsewhere, 123);
    row("to another address".into(), Ask { server, ..ask.clone() }.frame(), Verdict::Service);
    let nobody = Ask { client: with_port(client, 0), ..ask.clone() };
    row("from port 0".into(), nobody.frame(), Verdict::Source);
    for ours in services().into_iter().filter(|ours| ours.is_ipv4() == ask.client.is_ipv4()) {
        let frame = Ask { client: ours, ..ask.clone() }.frame();
        row(format!("from {ours}"), frame, Verdict::Source);
    }
}

/// Frames that are changed after their checksums were right.
fn changed(rows: &mut Vec<Row>, client: &str) {
    let good = Ask::new(client).frame();
    let (at, four) = network(&good).expect("a network header");
    let udp = at + if four { 20 } else { 40 };
    let mut row = |what: &str, wanted, change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = good.clone();
        change(&mut frame);
        if four && what != "a wrong header checksum" {
            mend4(&mut frame, at);
        }
        rows.push(Row::new(format!("{client} {what}"), frame, wanted));
    };
    let same = Wanted::Same;
    row("another's link address", same(Verdict::Link), &|frame| frame[0] ^= 2);
    row("another ethertype", same(Verdict::EtherType), &|frame| frame[13] ^= 1);
    row("another protocol", same(Verdict::Transport), &|frame| {
        frame[at + if four { 9 } else { 6 }] = 6;
    });
    row("a UDP length too short", same(Verdict::Length), &|frame| frame[udp + 5] -= 1);
    row("a UDP length too long", same(Verdict::Length), &|frame| frame[udp + 5] += 1);
    row("less than its lengths say", same(Verdict::Length), &|frame| {
        frame.pop();
    });
    let zero = if four { ANSWER } else { same(Verdict::Checksum) };
    row("no UDP checksum", zero, &|frame| frame[udp + 6..udp + 8].fill(0));
    // Nobody can tell what the network card has yet to compute.
    row("a UDP checksum that isn't right", ANSWER, &|frame| frame[udp + 6] ^= 0x40);
    if four {
        row("options", same(Verdict::Ip4Header), &|frame| frame[at] = 0x46);
        row("a first fragment", same(Verdict::Fragment), &|frame| frame[at + 6] |= 0x20);
        row("a later fragment", same(Verdict::Fragment), &|frame| frame[at + 7] = 1);
        row("a wrong header checksum", same(Verdict::Checksum), &|frame| frame[at + 10] ^= 1);
        row("TTL 1 and a DSCP", ANSWER, &|frame| {
            frame[at + 8] = 1;
            frame[at + 1] = 0xb8;
        });
        row("from loopback", same(Verdict::Source), &|frame| frame[at + 12] = 127);
    } else {
        row("a fragment header", same(Verdict::Transport), &|frame| frame[at + 6] = 44);
        row("hop limit 1 and a flow", ANSWER, &|frame| {
            frame[at + 7] = 1;
            frame[at + 1..at + 4].copy_from_slice(&[0x2f, 0xed, 0xcb]);
        });
        row("from multicast", same(Verdict::Source), &|frame| frame[at + 8] = 0xff);
    }
    for octets in 14..good.len() {
        row(
            &format!("cut to {octets} octets"),
            same(if octets < udp + 20 { Verdict::Truncated } else { Verdict::Length }),
            &|frame| frame.truncate(octets),
        );
    }
}

/// Clocks of all kinds.
fn clocks(rows: &mut Vec<Row>, client: &str) {
    let good = clock();
    let ask = Ask::new(client);
    let mut row = |what: &str, clock: Option<Clock>, now, wanted| {
        let what = format!("{client} {what}");
        rows.push(Row { clock, now, ..Row::new(what, ask.frame(), wanted) });
    };
    let lease = Wanted::Same(Verdict::NtpLease);
    row("without a clock", None, NOW, lease);
    for (what, now, wanted) in [
        ("at the clock's first moment", BOOT, ANSWER),
        ("before it", BOOT - 1, lease),
        ("at its last moment", good.lease - 1, ANSWER),
        ("after it", good.lease, lease),
        ("long after it", u64::MAX - 1, lease),
    ] {
        row(what, Some(good), now, wanted);
    }
    for (what, state, wanted) in [
        ("from a zeroed state", Clock::PASSES, Wanted::Same(Verdict::NtpPass)),
        ("to nobody", Clock::DROPS, Wanted::Same(Verdict::NtpDrop)),
        ("unknown", 99, Wanted::Same(Verdict::NtpPass)),
        (
            "told to be out of order",
            Clock::UNSYNCHRONISED,
            Wanted::Reply(Verdict::NtpUnsynchronised),
        ),
    ] {
        row(what, Some(Clock { state, ..good }), NOW, wanted);
    }
    for leap in 0..=3 {
        let header = Clock::header(leap, 1 + leap, -20);
        row(&format!("LI {leap}"), Some(Clock { header, ..good }), NOW, ANSWER);
    }
    for bits in [0, 1, 8, 24, 32] {
        let fuzz = (1 << bits) - 1;
        row(&format!("{bits} random bits"), Some(Clock { fuzz, ..good }), NOW, ANSWER);
    }
    let header = Clock::header(1, 2, -25);
    for step in [-WHOLE.cast_signed(), WHOLE.cast_signed()] {
        let leap_at = BOOT + SECOND;
        let leaping = Clock { leap_at, leap_step: step, header, ..good };
        for now in [leap_at - 1, leap_at, leap_at + 1] {
            row(&format!("a leap of {step:x} at {now}"), Some(leaping), now, ANSWER);
        }
    }
    let smearing = Clock {
        smear_from: BOOT + SECOND,
        smear_until: BOOT + 2 * SECOND,
        smear_rate: -213_503,
        ..good
    };
    for now in [0, 999_999_999, SECOND, SECOND + 1, 2 * SECOND, 2 * SECOND + 1, 3 * SECOND] {
        row(&format!("a smear after {now} ns"), Some(smearing), BOOT + now, ANSWER);
    }
    let late = Clock { utc: u64::MAX - WHOLE / 3, ..good };
    for now in [0, SECOND / 3 - 1, SECOND / 3, SECOND] {
        row(&format!("an era's end after {now} ns"), Some(late), BOOT + now, ANSWER);
    }
    let grown = Clock { root_dispersion: u32::MAX - 2, ..good };
    row("the most dispersion", Some(grown), NOW, ANSWER);
}

/// What the operator has switched on.
fn switched(rows: &mut Vec<Row>, client: &str) {
    let ask = Ask::new(client);
    let control = Ask { first: 0x16, ..ask.clone() };
    let tags = vec![(0x88a8, 7), (0x8100, 0x6fff)];
    let tagged = Ask { tags, ..ask.clone() };
    let mut row = |what: &str, ask: &Ask, switches, wanted| {
        let what = format!("{client} {what}");
        rows.push(Row { switches, ..Row::new(what, ask.frame(), wanted) });
    };
    row("a bypass", &ask, switches::BYPASS, Wanted::Same(Verdict::Bypass));
    row("control in a bypass", &control, switches::BYPASS, Wanted::Same(Verdict::Bypass));
    row("a dry run", &ask, switches::DRY_RUN, Wanted::Same(Verdict::DryRun));
    row("control in a dry run", &control, switches::DRY_RUN, Wanted::Same(Verdict::DryRun));
    row("a detour", &ask, switches::PREFIXES, ANSWER);
    row("a tagged detour", &tagged, switches::PREFIXES, ANSWER);
    row("limits of DNS", &ask, switches::LIMIT, ANSWER);
    let passing = Clock { passes_control: 1, ..clock() };
    let ended = NOW + 10 * SECOND;
    for (what, clock, now, verdict) in [
        ("control that passes", Some(passing), NOW, Verdict::NtpMode),
        ("control after the lease", Some(clock()), ended, Verdict::NtpControl),
        ("control that passes after it", Some(passing), ended, Verdict::NtpMode),
        ("control without a clock", None, NOW, Verdict::NtpMode),
    ] {
        let what = format!("{client} {what}");
        let row = Row::new(what, control.frame(), Wanted::Same(verdict));
        rows.push(Row { clock, now, ..row });
    }
}

/// A rate whose buckets don't fill up while a test lasts.
const SLOW: NtpRate = NtpRate { interval: 12, burst: 2, leak: 2, kod: 2, prefix4: 32, prefix6: 64 };

/// Clients that are held to a rate.
fn held(rows: &mut Vec<Row>, client: &str) {
    let rate = Wanted::Reply(Verdict::NtpRate);
    let limited = Wanted::Same(Verdict::NtpLimited);
    let mut row = |what: &str, ask: &Ask, held, switches, wanted| {
        let what = format!("{client} {what}");
        rows.push(Row { held: Some(held), switches, ..Row::new(what, ask.frame(), wanted) });
    };
    let ask = Ask::new(client);
    let silent = NtpRate { kod: 0, ..SLOW };
    for before in 0..2 {
        row("within its rate", &ask, Held::new(SLOW, before), RATE, ANSWER);
    }
    row("over its rate", &ask, Held::over(SLOW, false, false), RATE, limited);
    row("over its rate, without kisses", &ask, Held::over(silent, false, false), RATE, limited);
    row("over its rate, let through", &ask, Held::over(SLOW, true, false), RATE, ANSWER);
    row("over its rate, told so", &ask, Held::over(SLOW, false, true), RATE, rate);
    let off = Held { draws: 0, ..Held::over(SLOW, false, true) };
    row("over a rate that is off", &ask, off, 0, ANSWER);
    for (poll, interval) in
        [(3, 12), (6, 6), (10, 6), (0x80, 3), (0xff, -19), (0xe0, -19), (0x7f, 12)]
    {
        let ask = Ask { poll, ..ask.clone() };
        let fast = NtpRate { interval, burst: 255, ..SLOW };
        let what = format!("poll {poll} where {interval} is least");
        row(&what, &ask, Held::new(fast, 0), RATE, ANSWER);
    }
    let tags = vec![(0x88a8, 7), (0x8100, 0x6fff)];
    for first in [0x0b, 0x13, 0x1b, 0xe3] {
        let ask = Ask { first, padding: 7, tags: tags.clone(), ..ask.clone() };
        row(&format!("told so, {first:x}"), &ask, Held::over(SLOW, false, true), RATE, rate);
    }
    let over = Held::over(SLOW, false, false);
    let [bypass, dry] = [switches::BYPASS, switches::DRY_RUN].map(|switch| RATE | switch);
    row("over its rate in a bypass", &ask, over, bypass, Wanted::Same(Verdict::Bypass));
    row("over its rate in a dry run", &ask, over, dry, Wanted::Same(Verdict::DryRun));
    for (first, more, verdict) in [
        (0x16, 0, Verdict::NtpControl),
        (0x24, 0, Verdict::NtpMode),
        (0x2b, 0, Verdict::NtpVersion),
        (0x23, 20, Verdict::NtpLength),
    ] {
        let ask = Ask { first, more: vec![0; more], ..ask.clone() };
        row(&format!("{verdict:?} over its rate"), &ask, over, RATE, Wanted::Same(verdict));
        let denied = Held { listed: Some(Rule::Deny), ..Held::new(SLOW, 0) };
        let what = format!("{verdict:?} denied");
        row(&what, &ask, denied, LISTS | switches::NTP_DENY, Wanted::Same(Verdict::Denied));
    }
    let exempt = |held| Held { listed: Some(Rule::Exempt), draws: 0, ..held };
    row("exempt", &ask, exempt(Held::new(SLOW, 0)), LISTS, ANSWER);
    row("exempt, over its rate", &ask, exempt(over), LISTS, ANSWER);
    let deny = |held| Held { listed: Some(Rule::Deny), draws: 0, ..held };
    let (fresh, told) = (deny(Held::new(SLOW, 0)), switches::NTP_DENY);
    let denied = Wanted::Same(Verdict::Denied);
    row("denied", &ask, fresh, LISTS, denied);
    row("denied and told so", &ask, fresh, LISTS | told, Wanted::Reply(Verdict::NtpDeny));
    row(
        "denied, told so in a dry run",
        &ask,
        fresh,
        LISTS | told | switches::DRY_RUN,
        Wanted::Same(Verdict::DryRun),
    );
    row("denied, told so too often", &ask, deny(over), LISTS | told, denied);
    row("denied, told so without a rate", &ask, fresh, switches::PREFIXES | told, denied);
    let mut row = |what: &str, clock: Clock, now, held, switches, wanted| {
        let what = format!("{client} {what}");
        let row = Row::new(what, ask.frame(), wanted);
        rows.push(Row { held: Some(held), clock: Some(clock), now, switches, ..row });
    };
    let ended = NOW + 10 * SECOND;
    row(
        "over its rate after the lease",
        clock(),
        ended,
        over,
        RATE,
        Wanted::Same(Verdict::NtpLease),
    );
    row("denied after the lease", clock(), ended, fresh, LISTS | told, denied);
    for (state, verdict) in [
        (Clock::PASSES, Wanted::Same(Verdict::NtpPass)),
        (Clock::DROPS, Wanted::Same(Verdict::NtpDrop)),
        (Clock::UNSYNCHRONISED, limited),
    ] {
        let clock = Clock { state, ..clock() };
        row(&format!("over its rate, state {state}"), clock, NOW, over, RATE, verdict);
    }
    let clock = Clock { state: Clock::UNSYNCHRONISED, ..clock() };
    let within = Wanted::Reply(Verdict::NtpUnsynchronised);
    row("within its rate, unsynchronised", clock, NOW, Held::new(SLOW, 1), RATE, within);
    row("told so, unsynchronised", clock, NOW, Held::over(SLOW, false, true), RATE, rate);
}

/// All of them, over both families.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for client in CLIENTS {
        answered(&mut rows, client);
        other_datagrams(&mut rows, client);
        changed(&mut rows, client);
        clocks(&mut rows, client);
        switched(&mut rows, client);
        held(&mut rows, client);
    }
    rows
}

/// What mutations start from: those that are answered, and fewer of the others.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let mut nth = 0;
    let chosen = rows().into_iter().filter(|row| {
        nth += 1;
        matches!(row.wanted, Wanted::Reply(_)) || nth % 5 == 0
    });
    chosen.map(|row| row.frame).collect()
}
