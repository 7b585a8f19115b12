//! The checks that the node's health is made of.
//!
//! Each look at the node gives a list of [`Finding`]s. [`Checks`] turns them into [`Check`]s: a
//! check fails after [`FALL`] bad looks in a row and is well again after [`RISE`] good ones, so
//! that one look at a bad moment doesn't move a route. The loop looks once a second.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Bad looks in a row after which a check fails.
pub const FALL: u32 = 2;
/// Good looks in a row after which a failed check is well again.
pub const RISE: u32 = 2;

/// What a node serves, by protocol and family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// DNS over IPv4.
    Dns4,
    /// DNS over IPv6.
    Dns6,
    /// NTP over IPv4.
    Ntp4,
    /// NTP over IPv6.
    Ntp6,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dns4, Self::Dns6, Self::Ntp4, Self::Ntp6];
    /// DNS.
    pub const DNS: [Self; 2] = [Self::Dns4, Self::Dns6];
    /// NTP.
    pub const NTP: [Self; 2] = [Self::Ntp4, Self::Ntp6];

    /// Its name in `/health?service=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns4 => "dns4",
            Self::Dns6 => "dns6",
            Self::Ntp4 => "ntp4",
            Self::Ntp6 => "ntp6",
        }
    }

    /// DNS at an address.
    #[must_use]
    pub const fn dns(at: IpAddr) -> Self {
        if at.is_ipv4() { Self::Dns4 } else { Self::Dns6 }
    }

    /// NTP at an address.
    #[must_use]
    pub const fn ntp(at: IpAddr) -> Self {
        if at.is_ipv4() { Self::Ntp4 } else { Self::Ntp6 }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|service| service.name() == text);
        found.ok_or_else(|| format!("no service {text:?}; write dns4, dns6, ntp4 or ntp6"))
    }
}

/// What a failed check means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Clients get no answers, or wrong ones: the route should be withdrawn.
    #[default]
    Fatal,
    /// Clients get answers, but slower or older ones: somebody should look.
    Warning,
}

/// What one look found of one thing.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The kind of check, a word.
    pub check: &'static str,
    /// Which of several things; empty if there is only one.
    pub of: String,
    /// What it means if it is bad.
    pub weight: Weight,
    /// The services that it concerns.
    pub services: Vec<Service>,
    /// Why it is bad, for people; `None` if it is good.
    pub bad: Option<String>,
}

/// A check, as status, metrics and the health page show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The kind, a word.
    pub check: String,
    /// Which of several things; empty if there is only one.
    pub of: String,
    /// What it means when it fails.
    pub weight: Weight,
    /// The services that it concerns.
    pub services: Vec<Service>,
    /// Whether it is well.
    pub ok: bool,
    /// Why it isn't, or why the last look was bad; empty otherwise.
    pub reason: String,
}

impl Check {
    /// Whether it concerns a service; every check concerns a node asked without one.
    #[must_use]
    pub fn concerns(&self, service: Option<Service>) -> bool {
        service.is_none_or(|service| self.services.contains(&service))
    }
}

/// The checks, and how their last looks ended.
#[derive(Debug, Default)]
pub struct Checks {
    runs: BTreeMap<(&'static str, String), Run>,
}

/// The looks in a row that ended in the same way.
#[derive(Clone, Copy, Debug)]
struct Run {
    is_failed: bool,
    was_bad: bool,
    looks: u32,
}

impl Checks {
    /// Takes a look's findings. What isn't among them is forgotten. The first look of a thing
    /// counts at once.
    pub fn judge(&mut self, findings: Vec<Finding>) -> Vec<Check> {
        let mut runs = BTreeMap::new();
        let mut checks = Vec::with_capacity(findings.len());
        for Finding { check, of, weight, services, bad } in findings {
            let key = (check, of);
            let is_bad = bad.is_some();
            let run = match self.runs.get(&key) {
                None => Run { is_failed: is_bad, was_bad: is_bad, looks: 1 },
                Some(run) => {
                    let looks = if run.was_bad == is_bad { run.looks.saturating_add(1) } else { 1 };
                    let needed = if is_bad { FALL } else { RISE };
                    let is_failed = if looks >= needed { is_bad } else { run.is_failed };
                    Run { is_failed, was_bad: is_bad, looks }
                }
            };
            checks.push(Check {
                check: check.to_owned(),
                of: key.1.clone(),
                weight,
                services,
                ok: !run.is_failed,
                reason: bad.unwrap_or_else(|| match run.is_failed {
                    true => format!("{check} is good again, for {} s so far", run.looks),
                    false => String::new(),
                }),
            });
            runs.insert(key, run);
        }
        self.runs = runs;
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::{Checks, FALL, Finding, RISE, Service, Weight};

    fn look(of: &str, bad: bool) -> Finding {
        Finding {
            check: "attached",
            of: of.into(),
            weight: Weight::Fatal,
            services: vec![Service::Dns4],
            bad: bad.then(|| "gone".to_owned()),
        }
    }

    fn is_ok(checks: &mut Checks, bad: bool) -> bool {
        let [check] = &*checks.judge(vec![look("srv", bad)]) else { panic!("one check") };
        assert!(check.ok || !check.reason.is_empty());
        check.ok
    }

    #[test]
    fn a_check_fails_and_rises_after_so_many_looks_in_a_row() {
        let mut checks = Checks::default();
        assert!(is_ok(&mut checks, false));
        for _ in 1..FALL {
            assert!(is_ok(&mut checks, true));
            assert!(is_ok(&mut checks, false));
        }
        for look in 1..=FALL {
            assert_eq!(is_ok(&mut checks, true), look < FALL);
        }
        for look in 1..=RISE {
            assert_eq!(is_ok(&mut checks, false), look == RISE);
        }
    }

    #[test]
    fn the_first_look_counts_and_what_is_gone_is_forgotten() {
        let mut checks = Checks::default();
        assert!(!is_ok(&mut checks, true));
        assert!(checks.judge(vec![]).is_empty());
        assert!(is_ok(&mut checks, false));
        let two = checks.judge(vec![look("srv", false), look("alt", true)]);
        assert_eq!(two.iter().map(|check| check.ok).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_service_is_read_as_it_is_written() {
        for service in Service::ALL {
            assert_eq!(service.name().parse(), Ok(service));
        }
        let error = "dns5".parse::<Service>().unwrap_err();
        assert!(error.contains("dns4, dns6, ntp4 or ntp6"), "{error}");
        let check = look("srv", true);
        let checks = Checks::default().judge(vec![check]);
        assert!(checks[0].concerns(None) && checks[0].concerns(Some(Service::Dns4)));
        assert!(!checks[0].concerns(Some(Service::Dns6)));
    }
}
