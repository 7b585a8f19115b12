//! Metrics of the NTP service and its clock.
//!
//! They have our names, and those that the exporters of ntpd-rs and chrony have for the same
//! things, so that their dashboards and alerts go on working.

use edge_common::verdict::Verdict;
use prometheus::proto::MetricFamily;

use super::family::{Family, float};
use crate::ntp::policy::Judgement;
use crate::ntp::report::Report;
use crate::ntp::timestamp::{Short, nanoseconds};
use crate::ntp::{Look, View};

/// Requests that XDP answered.
const ACCEPTED: &[Verdict] = &[Verdict::NtpAnswer, Verdict::NtpUnsynchronised];
/// Requests that it dropped because of the clock.
const DROPPED: &[Verdict] = &[Verdict::NtpDrop];
/// Requests that it answered with DENY. Requests that are denied by silence are counted with those
/// of DNS, as `denied`.
const DENIED: &[Verdict] = &[Verdict::NtpDeny];
/// Requests that it answered with RATE.
const KISSED: &[Verdict] = &[Verdict::NtpRate];
/// Requests that it dropped because of a client's rate.
const LIMITED: &[Verdict] = &[Verdict::NtpLimited];
/// Control and private messages that it dropped: they are the operator's.
const CONTROL: &[Verdict] = &[Verdict::NtpControl];
/// Requests that it passed to the daemon.
const PASSED: &[Verdict] = &[
    Verdict::NtpVersion,
    Verdict::NtpMode,
    Verdict::NtpLength,
    Verdict::NtpLease,
    Verdict::NtpPass,
];

pub(super) fn add(families: &mut Vec<MetricFamily>, view: &View, verdicts: Option<&[u64]>) {
    if let Some(verdicts) = verdicts {
        add_packets(families, verdicts);
    }
    let look = view.look();
    let report = look.report();
    add_service(families, &look, &report);
    if let Some(judgement) = &look.judgement {
        add_reply(families, &look, &report, judgement);
        add_daemon(families, judgement);
    }
    add_tracking(families, &look);
}

fn add_packets(families: &mut Vec<MetricFamily>, verdicts: &[u64]) {
    let sum = |of: &[Verdict]| -> u64 {
        of.iter().filter_map(|verdict| verdicts.get(verdict.index() as usize)).sum()
    };
    let [accepted, denied, kissed, limited, dropped, control, passed] =
        [ACCEPTED, DENIED, KISSED, LIMITED, DROPPED, CONTROL, PASSED].map(sum);
    let requests = accepted + denied + kissed + limited + dropped + passed;
    for (name, help, n) in [
        (
            "ntp_server_received_packets_total",
            "NTP packets to service addresses",
            requests + control,
        ),
        ("ntp_server_accepted_packets_total", "NTP requests that XDP answered", accepted),
        ("ntp_server_denied_packets_total", "NTP requests that XDP answered DENY", denied),
        (
            "ntp_server_rate_limited_packets_total",
            "NTP requests over their client's rate, dropped or answered RATE",
            kissed + limited,
        ),
        (
            "ntp_server_ignored_packets_total",
            "NTP packets that XDP dropped, without those over a rate",
            dropped + control,
        ),
        (
            "chrony_serverstats_ntp_packets_received_total",
            "NTP requests to service addresses",
            requests,
        ),
        (
            "chrony_serverstats_ntp_packets_dropped_total",
            "NTP requests that XDP dropped",
            dropped + limited,
        ),
    ] {
        families.push(Family::counter(name, help).count(&[], n).done());
    }
}

fn add_service(families: &mut Vec<MetricFamily>, look: &Look, report: &Report) {
    let lease = match &look.judgement {
        Some(Judgement { state, .. }) if report.synchronised => {
            state.lease.saturating_sub(look.now)
        }
        _ => 0,
    };
    for (name, help, value) in [
        (
            "edge_ntp_synchronised",
            "Whether the time is served",
            u8::from(report.synchronised).into(),
        ),
        (
            "edge_ntp_lease_seconds",
            "Seconds until no time is served, unless the daemon answers",
            float(lease) / 1e9,
        ),
    ] {
        families.push(Family::gauge(name, help).sample(&[], value).done());
    }
    let mut reason = Family::gauge("edge_ntp_reason", "Why no time is served");
    if !report.synchronised {
        reason.add(&[("reason", &*report.reason_kind)], 1.0);
    }
    families.push(reason.done());
    for (name, help, n) in [
        ("edge_ntp_publications_total", "Publications of the clock", look.publications),
        ("edge_ntp_steps_total", "Steps of the clock that the kernel reported", look.steps),
    ] {
        families.push(Family::counter(name, help).count(&[], n).done());
    }
}

/// The fields that clients get.
fn add_reply(
    families: &mut Vec<MetricFamily>,
    look: &Look,
    report: &Report,
    judgement: &Judgement,
) {
    let Judgement { state, moment, .. } = judgement;
    let span = |span: Short| f64::from(span.0) / 65_536.0;
    let leap = if report.synchronised { state.leap } else { 3 };
    let (delay, dispersion) = (span(state.root_delay), span(state.root_dispersion_at(look.now)));
    let mut gauges = vec![
        ("ntp_system_stratum", "Stratum in replies to clients", report.stratum.into()),
        ("ntp_system_leap_indicator", "Leap indicator in replies to clients", leap.into()),
        ("ntp_system_root_delay_seconds", "Root delay", delay),
        ("ntp_system_root_dispersion_seconds", "Root dispersion", dispersion),
        ("chrony_tracking_stratum", "Stratum in replies to clients", report.stratum.into()),
        ("chrony_tracking_root_delay_seconds", "Root delay", delay),
        ("chrony_tracking_root_dispersion_seconds", "Root dispersion", dispersion),
        (
            "edge_ntp_uncertainty_seconds",
            "Uncertainty of the difference between the monotonic and the real-time clock",
            float(state.uncertainty) / 1e9,
        ),
    ];
    if !state.reference.is_unknown() {
        let unix = state.reference.unix_near(moment.pair.seconds);
        gauges.push((
            "chrony_tracking_reference_timestamp_seconds",
            "When the clock was last set or corrected",
            // Seconds since 1970 are exact.
            float(unix.unsigned_abs()),
        ));
    }
    for (name, help, value) in gauges {
        families.push(Family::gauge(name, help).sample(&[], value).done());
    }
}

/// The daemon's last good answer.
fn add_daemon(families: &mut Vec<MetricFamily>, judgement: &Judgement) {
    let Some(answer) = &judgement.answer else { return };
    let offset = signed(nanoseconds(answer.offset)) / 1e9;
    for (name, help, value) in [
        ("ntp_source_offset_seconds", "The daemon's time less this host's", offset),
        ("ntp_source_delay_seconds", "Round trip to the daemon", float(answer.delay) / 1e9),
    ] {
        families.push(Family::gauge(name, help).sample(&[], value).done());
    }
}

/// chrony's report on its own clock. Where it gives no last offset, that is the one we measure.
fn add_tracking(families: &mut Vec<MetricFamily>, look: &Look) {
    let tracking = look.chrony.as_ref().and_then(|chrony| chrony.tracking(look.now));
    let answer = look.judgement.as_ref().and_then(|judgement| judgement.answer);
    let measured = answer.map(|answer| -signed(nanoseconds(answer.offset)) / 1e9);
    let mut gauges = Vec::new();
    if let Some(offset) = tracking.map(|tracking| tracking.last_offset).or(measured) {
        let help = "This host's time less the daemon's, by chrony or as measured";
        gauges.push(("chrony_tracking_last_offset_seconds", help, offset));
    }
    if let Some(tracking) = tracking {
        gauges.extend([
            (
                "chrony_tracking_system_time_seconds",
                "NTP time less this host's, still to be corrected",
                tracking.system_time,
            ),
            (
                "chrony_tracking_rms_offset_seconds",
                "Long-term average of the offset",
                tracking.rms_offset,
            ),
            (
                "chrony_tracking_frequency_ppms",
                "How fast the clock would be if chrony didn't correct it",
                tracking.frequency,
            ),
            (
                "chrony_tracking_residual_frequency_ppms",
                "Frequency by the selected source less the frequency in use",
                tracking.residual,
            ),
            ("chrony_tracking_skew_ppms", "Error bound of the frequency", tracking.skew),
            (
                "chrony_tracking_update_interval_seconds",
                "Seconds between the last two updates",
                tracking.interval,
            ),
        ]);
    }
    for (name, help, value) in gauges {
        families.push(Family::gauge(name, help).sample(&[], value).done());
    }
}

/// A span that is far from 2⁵³ ns.
#[expect(clippy::cast_precision_loss, reason = "samples are floats")]
const fn signed(nanoseconds: i64) -> f64 {
    nanoseconds as f64
}

#[cfg(test)]
mod tests;
