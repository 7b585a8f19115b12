//! chrony's `tracking` report, from its comma-separated values.

use std::io;
use std::time::Duration;

use super::report::{Field, Report, age};
use super::timestamp::SECOND;

/// How long an answer is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Octets that are read; the report has some two hundred.
pub(super) const MOST: usize = 4096;

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The system doesn't let us.
    #[error("it can't be run: {0}")]
    Run(String),
    /// It didn't end.
    #[error("it didn't end within {} s", PATIENCE.as_secs())]
    Slow,
    /// It ended and reports that it failed.
    #[error("{0}; run `chronyc tracking` by hand")]
    Failed(String),
    /// It printed too much.
    #[error("it printed more than {MOST} octets")]
    Long,
    /// It printed something else.
    #[error("its output doesn't have tracking's 14 columns")]
    Foreign,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Run(error.to_string())
    }
}

/// The age from which a result isn't shown, in nanoseconds: then chrony isn't asked any longer.
const FRESH: u64 = 60 * SECOND;
/// Octets of a number, at most.
const DIGITS: usize = 24;

/// chrony's account of its clock: the report `tracking` of chronyc(1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tracking {
    /// Seconds of NTP time less the system's, which are still to be corrected.
    pub system_time: f64,
    /// Seconds of the system's time less NTP time, at the last update.
    pub last_offset: f64,
    /// Seconds: the long-term average of that.
    pub rms_offset: f64,
    /// By how much the clock would be fast if it weren't corrected, in parts of a million.
    pub frequency: f64,
    /// What the selected source would have besides, in parts of a million.
    pub residual: f64,
    /// How wrong the frequency may be, in parts of a million.
    pub skew: f64,
    /// Seconds between the last two updates.
    pub interval: f64,
    /// chrony's report on leap seconds, and whether it is synchronised.
    pub leap: LeapStatus,
}

/// Leap status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeapStatus {
    /// Nothing is to come.
    Normal,
    /// A second is going to be inserted.
    Insert,
    /// A second is going to be deleted.
    Delete,
    /// The clock isn't synchronised.
    Unsynchronised,
}

impl LeapStatus {
    const ALL: [Self; 4] = [Self::Normal, Self::Insert, Self::Delete, Self::Unsynchronised];

    /// As chronyc prints it.
    const fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Insert => "Insert second",
            Self::Delete => "Delete second",
            Self::Unsynchronised => "Not synchronised",
        }
    }
}

impl Tracking {
    /// Reads one line of 14 columns; nothing if it is another, or any column isn't what it has to
    /// be.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let line = text.strip_suffix('\n')?;
        let columns: Vec<_> = line.split(',').collect();
        let [
            refid,
            _name,
            stratum,
            reference,
            system_time,
            last_offset,
            rms_offset,
            frequency,
            residual,
            skew,
            root_delay,
            root_dispersion,
            interval,
            leap,
        ] = *columns.as_slice()
        else {
            return None;
        };
        let is_refid = refid.len() == 8 && refid.bytes().all(|octet| octet.is_ascii_hexdigit());
        let unused =
            [reference, root_delay, root_dispersion].into_iter().all(|text| number(text).is_some());
        if !is_refid || stratum.parse::<u8>().is_err() || !unused {
            return None;
        }
        Some(Self {
            system_time: number(system_time)?,
            last_offset: number(last_offset)?,
            rms_offset: number(rms_offset)?,
            frequency: number(frequency)?,
            residual: number(residual)?,
            skew: number(skew)?,
            interval: number(interval)?,
            leap: LeapStatus::ALL.into_iter().find(|status| status.name() == leap)?,
        })
    }

    /// Names and values, as chronyc prints them for people.
    fn rows(&self) -> [(&'static str, String); 8] {
        let system = if self.system_time < 0.0 { "fast" } else { "slow" };
        let frequency = if self.frequency < 0.0 { "slow" } else { "fast" };
        [
            ("chrony's system time", format!("{:.9} s {system}", self.system_time.abs())),
            ("chrony's last offset", format!("{:+.9} s", self.last_offset)),
            ("chrony's RMS offset", format!("{:.9} s", self.rms_offset)),
            ("chrony's frequency", format!("{:.3} ppm {frequency}", self.frequency.abs())),
            ("chrony's residual freq", format!("{:+.3} ppm", self.residual)),
            ("chrony's skew", format!("{:.3} ppm", self.skew)),
            ("chrony's update interval", format!("{:.1} s", self.interval)),
            ("chrony's leap status", self.leap.name().to_owned()),
        ]
    }
}

/// Digits with a sign and a point, and nothing else that the parser of floats would take.
fn number(text: &str) -> Option<f64> {
    let fits = |octet: u8| octet.is_ascii_digit() || b"+-.".contains(&octet);
    if text.len() > DIGITS || !text.bytes().all(fits) {
        return None;
    }
    text.parse().ok()
}

/// The result of asking chrony.
#[derive(Clone, Debug, PartialEq)]
pub struct ChronyReport {
    /// Its report, or why there is none.
    pub result: Result<Tracking, Fault>,
    /// When, in nanoseconds of the monotonic clock.
    pub monotonic: u64,
    /// Whether its answers to clients were good then.
    pub synchronised: bool,
}

impl ChronyReport {
    /// Its report, if that isn't old.
    #[must_use]
    pub fn tracking(&self, now: u64) -> Option<&Tracking> {
        self.result.as_ref().ok().filter(|_| self.is_fresh(now))
    }

    const fn is_fresh(&self, now: u64) -> bool {
        now.saturating_sub(self.monotonic) < FRESH
    }

    /// Adds it to the report on the time.
    pub(super) fn add_to(&self, report: &mut Report, now: u64) {
        if !self.is_fresh(now) {
            return;
        }
        let rows = match &self.result {
            Ok(tracking) => tracking.rows().to_vec(),
            Err(fault) => vec![("chrony's tracking", format!("unknown: {fault}"))],
        };
        report.fields.extend(rows.into_iter().map(|(name, value)| Field {
            name: name.to_owned(),
            value,
            source: "chronyc".to_owned(),
            age_seconds: Some(age(now, self.monotonic)),
        }));
        // Both, at that time: chrony may have been synchronised since.
        let denies = matches!(&self.result, Ok(Tracking { leap: LeapStatus::Unsynchronised, .. }));
        if denies && self.synchronised && report.synchronised {
            if !report.remark.is_empty() {
                report.remark.push_str("; ");
            }
            report.remark.push_str(
                "chronyc reports that chrony isn't synchronised, but the answers of ntp.source are synchronised: \
                 check that both are one daemon",
            );
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
