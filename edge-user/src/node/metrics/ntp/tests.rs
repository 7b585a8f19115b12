//! Tests of the clock's metrics, synchronised and not.

use std::collections::HashMap;

use edge_common::verdict::Verdict;
use prometheus::TextEncoder;

use super::{add, signed};
use crate::ntp::View;
use crate::ntp::daemon::Fault;
use crate::ntp::fixture::{DAY, answer};
use crate::ntp::host::{Host as _, This};
use crate::ntp::policy::{Moment, Policy};
use crate::ntp::timestamp::ONE;
use crate::ntp::tracking::Tracking;
use crate::ntp::tracking::tests::LINE;
use crate::settings::Ntp;

/// By name and labels.
fn samples(view: &View, verdicts: Option<&[u64]>) -> HashMap<String, f64> {
    let mut families = Vec::new();
    add(&mut families, view, verdicts);
    families.retain(|family| !family.get_metric().is_empty());
    let text = TextEncoder::new().encode_to_string(&families).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parts = lines.map(|line| line.rsplit_once(' ').unwrap());
    parts.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

fn policy() -> Policy {
    Policy::new(&Ntp { lease_seconds: 60, ..Ntp::default() }, This.precision())
}

/// A clock whose daemon has just answered that it is a millisecond ahead.
fn synchronised() -> View {
    let mut policy = policy();
    policy.hear(Ok(answer(This.monotonic(), ONE / 1000)));
    View::of(policy.judge(Moment::now(&This)))
}

#[test]
fn a_clock_that_is_served_has_the_numbers_that_clients_get() {
    let samples = samples(&synchronised(), None);
    for (name, value) in [
        ("edge_ntp_synchronised", 1.0),
        ("edge_ntp_publications_total", 1.0),
        ("edge_ntp_steps_total", 0.0),
        ("ntp_system_stratum", 2.0),
        ("ntp_system_leap_indicator", 0.0),
        ("ntp_system_root_delay_seconds", 1.0 / 64.0),
        ("ntp_source_delay_seconds", 40e-6),
        ("chrony_tracking_stratum", 2.0),
        ("chrony_tracking_root_delay_seconds", 1.0 / 64.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in {samples:?}");
    }
    let near = |name: &str, value: f64, by: f64| {
        let sample = samples[name];
        assert!((sample - value).abs() < by, "{name} is {sample}, not {value}");
    };
    near("ntp_source_offset_seconds", 1e-3, 1e-8);
    near("chrony_tracking_last_offset_seconds", -1e-3, 1e-8);
    // 1/128 s, what the clocks are apart by, and what has come to it since.
    near("ntp_system_root_dispersion_seconds", 1.0 / 128.0 + 1e-3, 1e-3);
    near("edge_ntp_lease_seconds", 60.0, 30.0);
    assert_eq!(samples["chrony_tracking_reference_timestamp_seconds"], signed(DAY));
    assert!(!samples.keys().any(|name| name.starts_with("edge_ntp_reason")), "{samples:?}");
}

#[test]
fn chronys_report_of_its_clock_has_the_names_of_its_exporter() {
    let view = synchronised();
    view.track(Tracking::read(LINE).map(Ok));
    let samples = samples(&view, None);
    for (name, value) in [
        ("chrony_tracking_system_time_seconds", -0.000_029_277),
        ("chrony_tracking_last_offset_seconds", 0.000_012),
        ("chrony_tracking_rms_offset_seconds", 0.000_020_5),
        ("chrony_tracking_frequency_ppms", 10.0),
        ("chrony_tracking_residual_frequency_ppms", -0.125),
        ("chrony_tracking_skew_ppms", 0.05),
        ("chrony_tracking_update_interval_seconds", 64.5),
        // The fields that clients get.
        ("chrony_tracking_stratum", 2.0),
        ("chrony_tracking_root_delay_seconds", 1.0 / 64.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in {samples:?}");
    }
    assert!(!self::samples(&synchronised(), None).contains_key("chrony_tracking_skew_ppms"));
}

#[test]
fn a_clock_that_is_not_served_has_the_reason() {
    let mut policy = policy();
    policy.hear(Err(Fault::Refused));
    let samples = samples(&View::of(policy.judge(Moment::now(&This))), None);
    for (name, value) in [
        ("edge_ntp_synchronised", 0.0),
        ("edge_ntp_lease_seconds", 0.0),
        ("edge_ntp_reason{reason=\"refused\"}", 1.0),
        ("ntp_system_stratum", 0.0),
        ("ntp_system_leap_indicator", 3.0),
        ("chrony_tracking_stratum", 0.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in {samples:?}");
    }
    assert!(!samples.contains_key("ntp_source_offset_seconds"), "nothing was measured");
}

#[test]
fn before_the_first_answer_there_is_a_reason_and_no_stratum() {
    let samples = samples(&View::default(), None);
    assert_eq!(samples["edge_ntp_reason{reason=\"unasked\"}"], 1.0);
    assert!(!samples.contains_key("ntp_system_stratum"), "{samples:?}");
}

#[test]
fn packets_are_counted_under_the_names_of_both_daemons() {
    let mut verdicts = vec![1_000_000; Verdict::ALL.len()];
    for (verdict, n) in [
        (Verdict::NtpAnswer, 100),
        (Verdict::NtpUnsynchronised, 20),
        (Verdict::NtpRate, 700),
        (Verdict::NtpDeny, 2000),
        (Verdict::NtpLimited, 40_000),
        (Verdict::NtpDrop, 3),
        (Verdict::NtpControl, 4),
        (Verdict::NtpVersion, 1),
        (Verdict::NtpMode, 2),
        (Verdict::NtpLength, 30),
        (Verdict::NtpLease, 5),
        (Verdict::NtpPass, 6),
    ] {
        verdicts[verdict.index() as usize] = n;
    }
    let samples = samples(&View::default(), Some(&verdicts));
    for (name, value) in [
        ("ntp_server_received_packets_total", 42_871.0),
        ("ntp_server_accepted_packets_total", 120.0),
        ("ntp_server_denied_packets_total", 2000.0),
        ("ntp_server_rate_limited_packets_total", 40_700.0),
        ("ntp_server_ignored_packets_total", 7.0),
        ("chrony_serverstats_ntp_packets_received_total", 42_867.0),
        ("chrony_serverstats_ntp_packets_dropped_total", 40_003.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in {samples:?}");
    }
    // What is an NTP verdict's is in one of the lists.
    let answered = [super::ACCEPTED, super::DENIED, super::KISSED].concat();
    let dropped = [super::LIMITED, super::DROPPED, super::CONTROL].concat();
    let listed = [&*answered, &*dropped, super::PASSED].concat();
    let named = Verdict::ALL.iter().filter(|verdict| verdict.name().starts_with("ntp"));
    assert_eq!(named.filter(|verdict| !listed.contains(verdict)).count(), 0);
}
