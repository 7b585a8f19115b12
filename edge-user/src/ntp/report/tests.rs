//! Tests of the report that operators read.

use super::{Report, refid};
use crate::ntp::NtpStatus;
use crate::ntp::daemon::Fault;
use crate::ntp::fixture::{Staged, answer};
use crate::ntp::host::Host as _;
use crate::ntp::policy::{Judgement, Moment, Policy};
use crate::ntp::timestamp::{ONE, SECOND};
use crate::settings::Ntp;

fn policy() -> (Staged, Policy) {
    let host = Staged::at(100 * SECOND);
    let policy = Policy::new(&Ntp::default(), host.precision());
    (host, policy)
}

fn good() -> (Judgement, u64) {
    let (host, mut policy) = policy();
    policy.hear(Ok(answer(host.monotonic(), ONE / 1000)));
    (policy.judge(Moment::now(&host)), host.monotonic())
}

fn value<'a>(report: &'a Report, name: &str) -> (&'a str, &'a str, Option<f64>) {
    let field = report.fields.iter().find(|field| field.name == name).unwrap();
    (&field.value, &field.source, field.age_seconds)
}

#[test]
fn each_field_has_its_source_and_age() {
    let (judgement, now) = good();
    let report = Report::new(Some(&judgement), now + 2 * SECOND, 7, 1);
    assert!(report.synchronised);
    assert_eq!((report.stratum, report.lease_seconds, &*report.service), (2, 2, "answer"));
    assert_eq!((report.publications, report.steps), (7, 1));
    let status = NtpStatus::from(&report);
    assert_eq!((status.synchronised, status.stratum, status.lease_seconds), (true, 2, 2));
    assert_eq!(value(&report, "stratum"), ("2", "daemon", Some(2.0)));
    assert_eq!(value(&report, "refid").0, "192.0.2.1");
    assert_eq!(value(&report, "rootdelay").0, "0.015625 s");
    assert_eq!(value(&report, "daemon's time less ours").0, "0.001000 s");
    assert_eq!(value(&report, "reftime").0, "102.000000 s ago");
    let (time, source, _) = value(&report, "rec, xmt");
    assert!(time.starts_with("1795305702.0000"), "{time}");
    assert_eq!(source, "clock_gettime");
    assert_eq!(value(&report, "TAI - UTC"), ("0 s (not used)", "adjtimex", Some(2.0)));
    assert_eq!(value(&report, "poll").1, "request");
    let text = report.to_text();
    assert!(text.starts_with("serving time: stratum 2, for 2 s\n"), "{text}");
    assert!(text.contains("2.000 s"), "{text}");
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

#[test]
fn a_lease_that_has_ended_is_reported_although_nobody_judges_any_more() {
    let (judgement, now) = good();
    let report = Report::new(Some(&judgement), now + 6 * SECOND, 1, 0);
    assert!(!report.synchronised);
    assert_eq!((report.stratum, report.lease_seconds, &*report.service), (0, 0, "pass"));
    assert_eq!(report.reason_kind, "lease");
}

#[test]
fn the_reason_is_reported_in_words_and_in_a_word() {
    let (host, mut policy) = policy();
    policy.hear(Err(Fault::Refused));
    let judgement = policy.judge(Moment::now(&host));
    let report = Report::new(Some(&judgement), host.monotonic(), 1, 0);
    assert_eq!((report.synchronised, report.lease_seconds), (false, 0));
    assert_eq!(report.reason_kind, "refused");
    let text = report.to_text();
    assert!(text.contains("the daemon at 127.0.0.1:123: no process has that port"), "{text}");
    assert_eq!(value(&report, "leap").1, "policy");
}

#[test]
fn before_anything_is_published_requests_pass_and_the_reason_is_reported() {
    let report = Report::new(None, 0, 0, 0);
    assert_eq!((report.synchronised, &*report.service), (false, "pass"));
    assert_eq!(&*report.reason_kind, "unasked");
    let text = report.to_text();
    let line = "NOT serving time (requests: pass): the daemon hasn't been asked yet\n";
    assert!(text.starts_with(line), "{text}");
    let status = NtpStatus::from(&report);
    assert_eq!((status.reason, status.reason_kind), (report.reason, report.reason_kind));
}

#[test]
fn a_reference_identifier_is_text_at_stratum_one_and_an_address_behind() {
    assert_eq!(refid(*b"GPS\0", 1), "GPS");
    assert_eq!(refid(*b"GPS\0", 2), "71.80.83.0");
    assert_eq!(refid([0; 4], 0), "0.0.0.0");
}
