//! Tests of the policy while clocks, kernel and daemon do as they please.

use super::{Judgement, Moment, Policy, Reason};
use crate::ntp::daemon::{Answer, Fault};
use crate::ntp::fixture::{DAY, READ, Staged, answer, smeared};
use crate::ntp::host::Host as _;
use crate::ntp::kernel::Kernel;
use crate::ntp::message::{Message, Refusal};
use crate::ntp::state::{Service, State};
use crate::ntp::timestamp::{ONE, SECOND, Short, Timestamp, fractions, nanoseconds};
use crate::settings::{Ntp, Unsynchronised};

/// Seconds from [`DAY`] to 2026-12-31 23:59:50.
const EVE: i64 = 3_455_990;
/// 2027-01-01 00:00:00 UTC.
const NEW_YEAR: i64 = DAY + EVE + 10;
const MS: u64 = 1_000_000;

struct Stage {
    host: Staged,
    policy: Policy,
}

impl Stage {
    fn new() -> Self {
        Self::with(Unsynchronised::Pass)
    }

    fn with(unsynchronised: Unsynchronised) -> Self {
        let config = Ntp { unsynchronised, ..Ntp::default() };
        let host = Staged::at(100 * SECOND);
        let policy = Policy::new(&config, host.precision());
        Self { host, policy }
    }

    /// Ten seconds before the end of the year.
    fn on_the_eve() -> Self {
        let stage = Self::new();
        stage.host.step((EVE - 100) * 1_000_000_000);
        stage
    }

    fn judge(&mut self) -> Judgement {
        self.policy.judge(Moment::now(&self.host))
    }

    /// The daemon answers as set.
    fn hear(&mut self, change: impl FnOnce(&mut Answer)) -> Judgement {
        let mut answer = answer(self.host.monotonic(), 0);
        // A daemon's clock was always set before now.
        answer.message.reference = self.host.utc().plus(-20 * ONE);
        change(&mut answer);
        self.policy.hear(Ok(answer));
        self.judge()
    }

    fn fail(&mut self, fault: impl Into<Fault>) -> Judgement {
        self.policy.hear(Err(fault.into()));
        self.judge()
    }

    fn kernel(&self, state: i32, status: i32) {
        self.host.set_kernel(Some(Kernel { state, status, ..Kernel::default() }));
    }
}

fn leap(indicator: u8) -> impl Fn(&mut Answer) {
    move |answer| answer.message.leap = indicator
}

fn kind(judgement: &Judgement) -> &'static str {
    judgement.reason.as_ref().map_or("", Reason::kind)
}

/// Seconds since 1970 and nanoseconds that are served at a moment.
fn served(state: &State, monotonic: u64) -> (i64, i64) {
    let since = nanoseconds(state.utc_at(monotonic).since(Timestamp::from_unix(NEW_YEAR, 0)));
    (NEW_YEAR + since.div_euclid(1_000_000_000), since.rem_euclid(1_000_000_000))
}

#[test]
fn nothing_is_served_before_the_daemon_has_answered() {
    let mut stage = Stage::new();
    let judgement = stage.judge();
    assert_eq!(kind(&judgement), "unheard");
    let state = judgement.state;
    assert_eq!((state.service, state.leap, state.stratum), (Service::Pass, 3, 0));
    assert_eq!((state.root_delay, state.root_dispersion), (Short(1 << 16), Short(1 << 16)));
    assert_eq!((state.refid, state.reference), ([0; 4], Timestamp::default()));
}

#[test]
fn a_good_answer_is_served_in_the_daemons_name_by_our_clock() {
    let mut stage = Stage::new();
    let judgement = stage.hear(|_| ());
    let (state, answer) = (judgement.state, judgement.answer.unwrap());
    assert_eq!(judgement.reason, None);
    assert!(state.is_synchronised());
    let Message { stratum, refid, root_delay, reference, .. } = answer.message;
    assert_eq!((state.leap, state.stratum, state.refid), (0, stratum, refid));
    assert_eq!((state.root_delay, state.reference), (root_delay, reference));
    // The daemon's precision is the coarser one.
    assert_eq!(state.precision, -23);
    // The clock's uncertainty is rounded up to one unit.
    assert_eq!(state.root_dispersion, Short((1 << 9) + 1));
    assert_eq!(state.uncertainty, READ);
    assert_eq!(state.utc, stage.host.real(state.monotonic).utc());
    assert_eq!(state.lease, answer.monotonic + 5 * SECOND);
    assert_eq!((state.leap_at, state.leap_step), (u64::MAX, 0));
    let later = state.monotonic + 3 * SECOND + 123_456_789;
    let error = nanoseconds(state.utc_at(later).since(stage.host.real(later).utc()));
    assert!(error.abs() <= 1, "{error} ns");
}

#[test]
fn a_silent_daemon_is_trusted_until_the_lease_ends_and_ever_less() {
    let mut stage = Stage::new();
    let first = stage.hear(|_| ()).state;
    for second in 1..5 {
        stage.host.advance(SECOND - 10 * READ);
        let judgement = stage.fail(Fault::Silent);
        assert_eq!(kind(&judgement), "", "{second}");
        assert_eq!(judgement.state.lease, first.lease);
        assert!(matches!(judgement.remark, Some(Reason::Daemon(_, Fault::Silent))));
        let dispersion = judgement.state.root_dispersion.0;
        assert!(dispersion.abs_diff(first.root_dispersion.0 + second) <= 1, "{dispersion}");
    }
    stage.host.advance(SECOND + MS);
    let judgement = stage.fail(Fault::Silent);
    assert_eq!((kind(&judgement), judgement.state.service), ("silent", Service::Pass));
    let again = stage.hear(|_| ());
    assert_eq!((kind(&again), again.remark), ("", None));
}

#[test]
fn a_node_that_was_too_busy_to_ask_reports_that() {
    let mut stage = Stage::new();
    stage.hear(|_| ());
    stage.host.advance(9 * SECOND);
    let judgement = stage.judge();
    let reason = judgement.reason.unwrap().to_string();
    assert!(reason.contains("last asked 9 s ago"), "{reason}");
}

#[test]
fn without_synchronisation_requests_pass_are_flagged_or_dropped_as_configured() {
    for (unsynchronised, service) in [
        (Unsynchronised::Pass, Service::Pass),
        (Unsynchronised::Flag, Service::Flag),
        (Unsynchronised::Drop, Service::Drop),
    ] {
        let mut stage = Stage::with(unsynchronised);
        assert_eq!(stage.hear(|_| ()).state.service, Service::Answer);
        let state = stage.fail(Refusal::Unsynchronised).state;
        assert_eq!(state.service, service);
        assert_eq!((state.leap, state.stratum), (3, 0));
        // That has a lease, too: a dead node flags and drops nothing.
        assert_eq!(state.lease, state.monotonic + 5 * SECOND);
    }
}

#[test]
fn what_the_daemon_takes_back_isnt_served_any_more() {
    for (refusal, expect) in [
        (Refusal::Unsynchronised, "unsynchronised"),
        (Refusal::Stratum(16), "stratum"),
        (Refusal::Kiss(*b"INIT"), "kiss"),
        (Refusal::RootDistance, "distance"),
        (Refusal::Kiss(*b"RATE"), ""),
        (Refusal::Kiss(*b"DENY"), ""),
        (Refusal::Foreign("they are strange"), ""),
    ] {
        let mut stage = Stage::new();
        stage.hear(|_| ());
        assert_eq!(kind(&stage.fail(refusal)), expect);
    }
}

#[test]
fn a_daemon_with_another_time_than_the_clock_doesnt_discipline_it() {
    let mut stage = Stage::new();
    for offset in [2_000_000_000, -2_000_000_000, 16_000_000, -16_000_000] {
        let judgement = stage.hear(|answer| answer.offset = fractions(offset));
        assert_eq!(kind(&judgement), "disagrees", "{offset}");
        assert_eq!(judgement.state.service, Service::Pass);
    }
    // The root distance is 15.6 ms.
    for offset in [15_000_000, -15_000_000] {
        let judgement = stage.hear(|answer| answer.offset = fractions(offset));
        assert_eq!(kind(&judgement), "", "{offset}");
        // The real clock is served, and how far it is from what the daemon means: 14.98 ms are
        // 981.7 units.
        assert_eq!(judgement.state.utc, stage.host.real(judgement.state.monotonic).utc());
        assert_eq!(judgement.state.root_dispersion, Short((1 << 9) + 982));
    }
}

#[test]
fn a_daemon_that_is_very_sure_may_still_be_leading_the_clock() {
    let mut stage = Stage::new();
    let sure = |offset: i64| {
        move |answer: &mut Answer| {
            (answer.message.root_delay, answer.message.root_dispersion) = (Short(0), Short(1));
            answer.offset = fractions(offset);
        }
    };
    let judgement = stage.hear(sure(900_000));
    assert_eq!(kind(&judgement), "");
    // 880 µs and a unit.
    assert_eq!(judgement.state.root_dispersion, Short(1 + 58));
    assert_eq!(kind(&stage.hear(sure(1_100_000))), "disagrees");
}

#[test]
fn a_step_ends_what_was_known_until_the_daemon_answers_again() {
    for by in [10_000_000_000, -10_000_000_000, 2_000_000] {
        let mut stage = Stage::new();
        let before = stage.hear(|_| ()).state;
        stage.host.step(by);
        let judgement = stage.judge();
        assert_eq!(kind(&judgement), "stepped");
        assert!(matches!(judgement.reason, Some(Reason::Stepped(step)) if (step - by).abs() < 10));
        let judgement = stage.hear(|_| ());
        assert_eq!(kind(&judgement), "");
        let now = judgement.state.monotonic;
        let moved = nanoseconds(judgement.state.utc.since(before.utc_at(now)));
        assert!((moved - by).abs() < 10, "{moved}");
    }
}

#[test]
fn what_is_no_step_is_followed_at_once() {
    let mut stage = Stage::new();
    stage.hear(|_| ());
    stage.host.step(-400_000);
    let judgement = stage.judge();
    assert_eq!(kind(&judgement), "");
    assert_eq!(judgement.state.utc, stage.host.real(judgement.state.monotonic).utc());
}

#[test]
fn a_suspension_ends_what_was_known_until_the_daemon_answers_again() {
    let mut stage = Stage::new();
    stage.hear(|_| ());
    stage.host.suspend(3600 * SECOND);
    let judgement = stage.judge();
    let reason = judgement.reason.unwrap().to_string();
    assert!(reason.contains("suspended for 3600.000000 s"), "{reason}");
    assert_eq!(kind(&stage.hear(|_| ())), "");
}

#[test]
fn an_unwilling_kernel_its_offset_of_tai_and_its_opinion_of_the_clock_change_nothing() {
    let mut states = Vec::new();
    for kernel in [
        None,
        Some(Kernel::default()),
        Some(Kernel { tai: 37, ..Kernel::default() }),
        Some(Kernel {
            state: 5,
            status: libc::STA_UNSYNC,
            max_error: 16_000_000,
            ..Kernel::default()
        }),
    ] {
        let mut stage = Stage::new();
        stage.host.set_kernel(kernel);
        states.push(stage.hear(|_| ()).state);
    }
    assert!(states[0].is_synchronised());
    assert!(states.iter().all(|state| *state == states[0]), "{states:?}");
}

#[test]
fn an_inserted_second_is_served_at_midnight_before_anyone_looks_and_never_twice() {
    let mut stage = Stage::on_the_eve();
    stage.kernel(libc::TIME_INS, libc::STA_INS);
    let state = stage.hear(leap(1)).state;
    assert_eq!((state.leap, state.leap_step), (1, -ONE));
    let midnight = state.leap_at;
    assert_eq!(served(&state, midnight - 1).0, NEW_YEAR - 1);
    assert_eq!(served(&state, midnight), (NEW_YEAR - 1, 0));
    assert_eq!(served(&state, midnight + SECOND - 1).0, NEW_YEAR - 1);
    assert_eq!(served(&state, midnight + SECOND), (NEW_YEAR, 0));
    // The kernel is late by a tick: its clock isn't believed just then.
    stage.host.advance(midnight + 3 * MS - stage.host.monotonic());
    assert_eq!(stage.hear(leap(1)).state, state);
    stage.host.step(-1_000_000_000);
    stage.kernel(libc::TIME_OOP, libc::STA_INS);
    stage.host.advance(100 * MS);
    // That step was expected; and what is still announced has happened.
    for (kernel, seconds) in [(libc::TIME_OOP, 0), (libc::TIME_WAIT, 2), (libc::TIME_ERROR, 20)] {
        stage.kernel(kernel, libc::STA_INS);
        stage.host.advance(seconds * SECOND);
        let judgement = stage.hear(leap(1));
        assert_eq!(kind(&judgement), "", "{seconds}");
        assert_eq!((judgement.state.leap, judgement.state.leap_at), (0, u64::MAX));
        let now = judgement.state.monotonic;
        assert!(nanoseconds(state.utc_at(now).since(judgement.state.utc)).abs() <= 2);
    }
}

#[test]
fn a_deleted_second_is_skipped() {
    let mut stage = Stage::on_the_eve();
    stage.kernel(libc::TIME_DEL, libc::STA_DEL);
    let state = stage.hear(leap(2)).state;
    assert_eq!((state.leap, state.leap_step), (2, ONE));
    assert_eq!(served(&state, state.leap_at - 1).0, NEW_YEAR - 2);
    assert_eq!(served(&state, state.leap_at), (NEW_YEAR, 0));
    stage.host.advance(state.leap_at + 60 * MS - stage.host.monotonic());
    stage.host.step(1_000_000_000);
    stage.kernel(libc::TIME_WAIT, libc::STA_DEL);
    let judgement = stage.hear(leap(2));
    assert_eq!((kind(&judgement), judgement.state.leap), ("", 0));
    assert_eq!(served(&judgement.state, judgement.state.monotonic).0, NEW_YEAR);
}

#[test]
fn a_leap_second_that_the_daemon_hides_behind_is_still_expected() {
    // As chrony: not synchronised from half a second before to two seconds after.
    let mut stage = Stage::on_the_eve();
    stage.kernel(libc::TIME_INS, libc::STA_INS);
    let midnight = stage.hear(leap(1)).state.leap_at;
    stage.host.advance(midnight - 300 * MS - stage.host.monotonic());
    assert_eq!(kind(&stage.fail(Refusal::Unsynchronised)), "unsynchronised");
    stage.host.advance(500 * MS);
    stage.host.step(-1_000_000_000);
    stage.kernel(libc::TIME_OOP, libc::STA_INS);
    assert_eq!(kind(&stage.fail(Refusal::Unsynchronised)), "unsynchronised");
    stage.host.advance(2 * SECOND);
    stage.kernel(libc::TIME_ERROR, libc::STA_INS | libc::STA_UNSYNC);
    let judgement = stage.hear(leap(1));
    assert_eq!((kind(&judgement), judgement.state.leap_at), ("", u64::MAX));
    assert_eq!(judgement.state.leap, 0);
}

#[test]
fn a_leap_second_that_the_clock_doesnt_make_ends_what_was_known() {
    let mut stage = Stage::on_the_eve();
    let midnight = stage.hear(leap(1)).state.leap_at;
    stage.host.advance(midnight + 60 * MS - stage.host.monotonic());
    assert_eq!(kind(&stage.judge()), "stepped");
    // A daemon that slews it away serves the right time, which the clock doesn't show yet.
    let judgement = stage.hear(|answer| answer.offset = -ONE);
    assert_eq!(kind(&judgement), "disagrees");
}

#[test]
fn where_daemon_and_kernel_dont_agree_on_a_leap_second_the_lease_ends_before_it() {
    let mut stage = Stage::on_the_eve();
    stage.kernel(libc::TIME_INS, libc::STA_INS);
    stage.host.advance(8 * SECOND);
    let judgement = stage.hear(leap(0));
    assert_eq!((kind(&judgement), judgement.state.leap_at), ("", u64::MAX));
    let state = judgement.state;
    assert_eq!(served(&state, state.lease - 1).0, NEW_YEAR - 1);
    assert_eq!(served(&state, state.lease), (NEW_YEAR, 0));
    // Nobody judges at that moment: the clock may not have stepped yet.
    assert_eq!(stage.policy.end(), None);
}

#[test]
fn a_lease_ends_for_want_of_an_answer_as_long_as_time_is_served() {
    let mut stage = Stage::new();
    assert_eq!(stage.policy.end(), None);
    let state = stage.hear(|_| {}).state;
    assert_eq!(stage.policy.end(), Some(state.lease));
    stage.host.advance(5 * SECOND);
    assert_eq!(kind(&stage.judge()), "late");
    assert_eq!(stage.policy.end(), None);
}

#[test]
fn a_leap_second_announced_a_month_ahead_is_announced_but_not_made() {
    let mut stage = Stage::new();
    let state = stage.hear(leap(1)).state;
    assert_eq!((state.leap, state.leap_at), (1, u64::MAX));
}

#[test]
fn smeared_time_is_served_as_the_daemon_smears_it() {
    // chrony after a leap second: the clock is right, and clients are led there over hours.
    let mut stage = Stage::on_the_eve();
    let rate = fractions(50_000);
    let mut states = Vec::new();
    for second in 0..20 {
        let offset = fractions(900_000_000) - second * rate;
        let judgement = stage.hear(|answer| {
            *answer = smeared(answer.monotonic, offset);
            answer.message.leap = 0;
        });
        if second < 2 {
            assert_eq!(kind(&judgement), "smear");
        } else {
            assert_eq!(kind(&judgement), "", "{second}");
            states.push((judgement.state, offset));
        }
        stage.host.advance(SECOND - 3 * READ);
    }
    for (state, offset) in &states {
        assert_eq!((state.leap, state.leap_at, state.refid), (0, u64::MAX, [127, 127, 1, 255]));
        let real = stage.host.real(state.monotonic).utc();
        let error = nanoseconds(state.utc.since(real) - offset);
        assert!(error.abs() < 100, "{error} ns");
        // The daemon does as expected, so that the dispersion is its own.
        assert_eq!(state.root_dispersion, Short((1 << 9) + 1));
    }
    // Each state serves, a second later, what the next one does.
    for pair in states.windows(2) {
        let next = pair[1].0;
        let error = nanoseconds(pair[0].0.utc_at(next.monotonic).since(next.utc));
        assert!(error.abs() < 100, "{error} ns");
    }
}

#[test]
fn a_smear_ends_when_the_daemon_ends_it() {
    let mut stage = Stage::new();
    for _ in 0..4 {
        stage.hear(|answer| *answer = smeared(answer.monotonic, fractions(100_000_000)));
        stage.host.advance(SECOND);
    }
    let state = stage.hear(|_| ()).state;
    assert_eq!((state.smear.rate, state.refid), (0, [192, 0, 2, 1]));
    assert_eq!(state.utc, stage.host.real(state.monotonic).utc());
    let judgement = stage.hear(|answer| *answer = smeared(answer.monotonic, 3 * ONE));
    assert_eq!(kind(&judgement), "disagrees");
}

#[test]
fn time_is_served_across_the_end_of_the_era() {
    let mut stage = Stage::new();
    // 2036-02-07 06:28:16 UTC is in two seconds.
    let end = 2_085_978_496;
    stage.host.step((end - 2 - DAY - 100) * 1_000_000_000);
    let state = stage.hear(|_| ()).state;
    assert!(state.utc.0 > u64::MAX - (3 << 32));
    let later = state.utc_at(state.monotonic + 3 * SECOND);
    assert_eq!((later.0 >> 32, later.unix_near(end)), (1, end + 1));
    stage.host.advance(3 * SECOND);
    // Of the era before.
    let judgement = stage.hear(|answer| answer.message.reference = state.utc);
    assert_eq!((kind(&judgement), judgement.state.reference), ("", state.utc));
    assert_eq!(judgement.state.utc.0 >> 32, 1);
}

#[test]
fn a_reference_time_is_never_in_the_future_of_the_time_served() {
    let mut stage = Stage::new();
    let utc = stage.host.utc();
    let judgement = stage.hear(|answer| answer.message.reference = utc.plus(fractions(5_000_000)));
    assert_eq!(judgement.state.reference, judgement.state.utc);
}
