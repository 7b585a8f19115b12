//! The status of the NTP service, as `edge status` shows it.

use std::collections::BTreeMap;

use edge_common::verdict::Verdict;
use serde::{Deserialize, Serialize};

use super::report::Report;

/// The NTP service, as `edge status` shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NtpStatus {
    /// Whether NTP is served.
    #[serde(default)]
    pub enabled: bool,
    /// At which addresses and ports.
    #[serde(default)]
    pub listen: Vec<String>,
    /// Whether time is being served.
    pub synchronised: bool,
    /// The stratum that clients get; 0 when unsynchronised.
    pub stratum: u8,
    /// Seconds until it would stop by itself.
    pub lease_seconds: u64,
    /// What becomes of requests: `answer`, `flag`, `pass` or `drop`; empty when NTP isn't served.
    #[serde(default)]
    pub service: String,
    /// Why no time is served; empty if it is.
    #[serde(default)]
    pub reason: String,
    /// The same in a word, as metrics have it.
    #[serde(default)]
    pub reason_kind: String,
    /// Requests that XDP answered with the time.
    #[serde(default)]
    pub answered: u64,
    /// Requests that XDP answered as not synchronised.
    #[serde(default)]
    pub unsynchronised: u64,
}

impl NtpStatus {
    /// Fills in what was answered: how often each verdict was given, by its name.
    pub fn count(&mut self, answered: &BTreeMap<String, u64>) {
        let number = |verdict: Verdict| answered.get(verdict.name()).copied();
        self.answered = number(Verdict::NtpAnswer).unwrap_or_default();
        self.unsynchronised = number(Verdict::NtpUnsynchronised).unwrap_or_default();
    }

    /// A line for people; nothing when NTP isn't served.
    #[must_use]
    pub fn to_line(&self) -> String {
        if !self.enabled {
            return String::new();
        }
        let Self { stratum, lease_seconds, service, reason, answered, .. } = self;
        let listen = self.listen.join(", ");
        if self.synchronised {
            format!(
                "NTP at {listen}: serving time, stratum {stratum}, for {lease_seconds} s; {answered} requests answered\n"
            )
        } else {
            format!(
                "NTP at {listen}: NOT serving time (requests: {service}): {reason}; {answered} requests answered\n"
            )
        }
    }
}

impl From<&Report> for NtpStatus {
    fn from(report: &Report) -> Self {
        let Report { synchronised, stratum, lease_seconds, .. } = *report;
        let [service, reason, reason_kind] =
            [&report.service, &report.reason, &report.reason_kind].map(String::clone);
        Self {
            synchronised,
            stratum,
            lease_seconds,
            service,
            reason,
            reason_kind,
            ..Self::default()
        }
    }
}
