//! Tests with lines as chronyc prints them, and others.

use super::{ChronyReport, FRESH, LeapStatus, Tracking};
use crate::ntp::report::Report;
use crate::ntp::timestamp::SECOND;
use crate::ntp::tracking::Fault;

/// Of chrony 4.3, with numbers put in.
pub(crate) const LINE: &str = "C0000201,192.0.2.1,2,1795384290.199316430,-0.000029277,+0.000012000,0.000020500,\
                    10.000,-0.125,0.050,0.001500000,0.000250000,64.5,Normal\n";

/// The same with another column.
fn with(column: usize, text: &str) -> String {
    let mut columns: Vec<_> = LINE.trim_end().split(',').collect();
    columns[column] = text;
    format!("{}\n", columns.join(","))
}

fn chrony_report(line: &str, synchronised: bool) -> ChronyReport {
    ChronyReport {
        result: Tracking::read(line).ok_or(Fault::Foreign),
        monotonic: SECOND,
        synchronised,
    }
}

fn report(chrony: &ChronyReport, now: u64) -> Report {
    let mut report = Report { synchronised: true, ..Report::default() };
    chrony.add_to(&mut report, now);
    report
}

#[test]
fn each_column_has_its_meaning() {
    let tracking = Tracking {
        system_time: -0.000_029_277,
        last_offset: 0.000_012,
        rms_offset: 0.000_020_5,
        frequency: 10.0,
        residual: -0.125,
        skew: 0.05,
        interval: 64.5,
        leap: LeapStatus::Normal,
    };
    assert_eq!(Tracking::read(LINE), Some(tracking));
    for (text, leap) in [
        ("Insert second", LeapStatus::Insert),
        ("Delete second", LeapStatus::Delete),
        ("Not synchronised", LeapStatus::Unsynchronised),
    ] {
        assert_eq!(Tracking::read(&with(13, text)).unwrap().leap, leap);
    }
}

#[test]
fn whatever_else_is_printed_is_nothing() {
    for line in [
        "",
        "\n",
        "506 Cannot talk to daemon\n",
        LINE.trim_end(),
        &format!("{LINE}{LINE}"),
        &format!("1,{LINE}"),
        &LINE.replacen("192.0.2.1,", "", 1),
        &with(0, "C000020"),
        &with(0, "C000020G"),
        &with(2, "256"),
        &with(3, "now"),
        &with(4, "nan"),
        &with(5, "inf"),
        &with(6, "1e3"),
        &with(7, ""),
        &with(8, "1.5 ppm"),
        &with(9, "1234567890123456789012345"),
        &with(10, "--1"),
        &with(12, "."),
        &with(13, "Invalid"),
    ] {
        assert_eq!(Tracking::read(line), None, "{line:?}");
    }
}

#[test]
fn people_read_it_with_its_source_and_age_and_only_while_it_is_fresh() {
    let chrony = chrony_report(LINE, true);
    let fields = report(&chrony, 5 * SECOND).fields;
    let rows: Vec<_> = fields.iter().map(|field| (&*field.name, &*field.value)).collect();
    assert_eq!(
        rows,
        [
            ("chrony's system time", "0.000029277 s fast"),
            ("chrony's last offset", "+0.000012000 s"),
            ("chrony's RMS offset", "0.000020500 s"),
            ("chrony's frequency", "10.000 ppm fast"),
            ("chrony's residual freq", "-0.125 ppm"),
            ("chrony's skew", "0.050 ppm"),
            ("chrony's update interval", "64.5 s"),
            ("chrony's leap status", "Normal"),
        ]
    );
    assert!(fields.iter().all(|field| field.source == "chronyc" && field.age_seconds == Some(4.0)));
    assert!(chrony.tracking(SECOND + FRESH - 1).is_some());
    assert!(chrony.tracking(SECOND + FRESH).is_none());
    assert!(report(&chrony, SECOND + FRESH).fields.is_empty());
}

#[test]
fn a_chrony_that_contradicts_its_answers_causes_a_warning() {
    let denying = with(13, "Not synchronised");
    let remark = |chrony: &ChronyReport| report(chrony, 2 * SECOND).remark;
    assert!(
        remark(&chrony_report(&denying, true)).starts_with("chronyc reports that chrony isn't")
    );
    // Its answers agreed with that then, and no longer do.
    assert_eq!(remark(&chrony_report(&denying, false)), "");
    assert_eq!(remark(&chrony_report(LINE, true)), "");
    let mut report =
        Report { remark: "it is late".into(), ..report(&chrony_report(LINE, true), 0) };
    chrony_report(&denying, true).add_to(&mut report, 2 * SECOND);
    assert!(report.remark.starts_with("it is late; chronyc reports"), "{}", report.remark);
}

#[test]
fn why_nothing_is_known_is_reported() {
    let fields = report(&chrony_report("?\n", true), 2 * SECOND).fields;
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[0].value, "unknown: its output doesn't have tracking's 14 columns");
}
