//! Audit of promised against delivered answers per server, with error bars.
//!
//! The caller enters the share of answers that each server was promised and the number of answers
//! that it was in. The report compares the two.
//!
//! The error bars are Wilson's of 95 %. Of servers that are treated fairly, one in twenty lies
//! outside by chance; the report gives the number to expect. A difference of [`ALARM`] standard
//! deviations is no chance.
//!
//! Counts are of observed answers. With a query log that holds one answer in a hundred, they are of
//! the logged ones. Counts from [`points`](crate::points) leave out the chance of the draw, so that
//! the bars are wider than necessary.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::float::float;
use crate::text_table::{Align, columns, percent, row};

/// Standard deviations within which 95 % lie.
const Z95: f64 = 1.959_963_984_540_054;

/// Standard deviations from which on a difference is an alarm: one fair server in 1.7 million has
/// that by chance.
pub const ALARM: f64 = 5.0;

/// Upper limit of the reported standard deviations, for a deviation of 0.
const MOST_SIGMAS: f64 = 999.0;

/// Shares that differ by less are equal: sums of many small numbers are no more exact.
const EQUAL: f64 = 1e-9;

/// Promised and delivered answers, added up.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    accounts: BTreeMap<IpAddr, ServerAccount>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ServerAccount {
    /// Answers that the server could have been in.
    answers: f64,
    promised: f64,
    delivered: f64,
}

/// Promised against delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditReport {
    /// How many servers there are.
    pub judged: usize,
    /// The servers, or the first of them; the one with the largest difference first.
    pub servers: Vec<ServerAudit>,
    /// Servers outside their error bars.
    pub outside: usize,
    /// How many there would be by chance if all were treated fairly.
    pub by_chance: f64,
    /// Servers whose difference can't be chance.
    pub alarms: usize,
}

/// One server's promised and delivered share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerAudit {
    /// Its address.
    pub ip: IpAddr,
    /// Answers that it could have been in.
    pub answers: f64,
    /// The share of them that it was promised, from 0 to 1.
    pub promised: f64,
    /// The share of them that it was in, from 0 to 1.
    pub delivered: f64,
    /// The error bar of the delivered share: its low end.
    pub low: f64,
    /// Its high end.
    pub high: f64,
    /// The difference in standard deviations: positive when the server got more than promised.
    pub sigmas: f64,
    /// Whether the promised share is outside the error bar.
    pub outside: bool,
    /// Whether that can't be chance.
    pub alarm: bool,
}

impl Audit {
    /// Promises a server this share, from 0 to 1, of so many answers. Promises of several decks and
    /// times add up.
    pub fn promise(&mut self, ip: IpAddr, answers: u64, share: f64) {
        let account = self.accounts.entry(ip).or_default();
        account.answers += float(answers);
        account.promised += float(answers) * if share >= 0.0 { share.min(1.0) } else { 0.0 };
    }

    /// Adds answers that a server was in.
    pub fn deliver(&mut self, ip: IpAddr, answers: f64) {
        if answers > 0.0 && answers.is_finite() {
            self.accounts.entry(ip).or_default().delivered += answers;
        }
    }

    /// Promised against delivered, so far.
    #[must_use]
    pub fn report(&self) -> AuditReport {
        let accounts = self.accounts.iter();
        let mut servers: Vec<ServerAudit> =
            accounts.map(|(&ip, account)| account.line(ip)).collect();
        servers.sort_by(|a, b| b.sigmas.abs().total_cmp(&a.sigmas.abs()));
        let count = |of: fn(&ServerAudit) -> bool| servers.iter().filter(|line| of(line)).count();
        // A server that is promised all or nothing can't be off by chance.
        let open = count(|line| line.promised > 0.0 && line.promised < 1.0);
        AuditReport {
            outside: count(|line| line.outside),
            by_chance: float(u64::try_from(open).unwrap_or(u64::MAX)) * 0.05,
            alarms: count(|line| line.alarm),
            judged: servers.len(),
            servers,
        }
    }
}

impl ServerAccount {
    fn line(self, ip: IpAddr) -> ServerAudit {
        let Self { answers, promised, delivered } = self;
        let of = |count: f64| if answers > 0.0 { (count / answers).min(1.0) } else { 0.0 };
        let share = of(promised);
        let (low, high) = wilson(of(delivered), answers);
        let deviation = (answers * share * (1.0 - share)).sqrt();
        let off = delivered - promised;
        let sigmas = match deviation {
            // The server was promised nothing and got answers, or was promised all and got fewer.
            _ if deviation < EQUAL && off.abs() >= 0.5 => MOST_SIGMAS.copysign(off),
            _ if deviation < EQUAL => 0.0,
            _ => (off / deviation).clamp(-MOST_SIGMAS, MOST_SIGMAS),
        };
        let alarm = sigmas.abs() >= ALARM;
        let outside = alarm || share < low - EQUAL || share > high + EQUAL;
        ServerAudit {
            ip,
            answers,
            promised: share,
            delivered: of(delivered),
            low,
            high,
            sigmas,
            outside,
            alarm,
        }
    }
}

/// Wilson's 95 % interval of a share that was observed in so many trials.
fn wilson(share: f64, trials: f64) -> (f64, f64) {
    if trials <= 0.0 {
        return (0.0, 1.0);
    }
    let square = Z95 * Z95 / trials;
    let middle = (share + square / 2.0) / (1.0 + square);
    let spread = (share * (1.0 - share) / trials + square / (4.0 * trials)).sqrt();
    let half = Z95 * spread / (1.0 + square);
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

impl AuditReport {
    /// The same report with at most `n` servers.
    #[must_use]
    pub fn first(mut self, n: usize) -> Self {
        self.servers.truncate(n);
        self
    }

    /// As a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "{} servers: {} outside their error bars, {:.0} by chance; {} that can't be chance\n\n",
            self.judged, self.outside, self.by_chance, self.alarms
        );
        let mut table =
            vec![row(["server", "answers", "promised", "delivered", "from", "to", "sigmas", ""])];
        table.extend(self.servers.iter().map(|line| {
            let flag = match (line.alarm, line.outside) {
                (true, _) => "ALARM",
                (false, true) => "outside",
                (false, false) => "",
            };
            vec![
                line.ip.to_string(),
                format!("{:.0}", line.answers),
                percent(line.promised),
                percent(line.delivered),
                percent(line.low),
                percent(line.high),
                format!("{:+.1}", line.sigmas),
                flag.to_owned(),
            ]
        }));
        text += &columns(&table, Align::FirstLeft);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Audit, ServerAudit, wilson};
    use std::net::{IpAddr, Ipv4Addr};

    fn ip(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(0xc000_0200 + n).into()
    }

    fn line(answers: u64, share: f64, delivered: f64) -> ServerAudit {
        let mut audit = Audit::default();
        audit.promise(ip(1), answers, share);
        audit.deliver(ip(1), delivered);
        audit.report().servers.remove(0)
    }

    #[test]
    fn error_bars_are_wilsons() {
        for (share, trials, low, high) in [
            (0.1, 100.0, 0.0552, 0.1744),
            (0.0, 10.0, 0.0, 0.2775),
            (1.0, 10.0, 0.7225, 1.0),
            (0.5, 4.0, 0.15, 0.85),
        ] {
            let got = wilson(share, trials);
            assert!((got.0 - low).abs() < 1e-4 && (got.1 - high).abs() < 1e-4, "{got:?}");
        }
        assert_eq!(wilson(0.0, 0.0), (0.0, 1.0));
    }

    #[test]
    fn what_lies_outside_is_flagged_and_what_cannot_be_chance_is_an_alarm() {
        let kept = line(10_000, 0.5, 5_050.0);
        assert!(!kept.outside && !kept.alarm && (kept.sigmas - 1.0).abs() < 1e-9);
        let outside = line(10_000, 0.5, 4_880.0);
        assert!(outside.outside && !outside.alarm && outside.sigmas < -2.0);
        let alarm = line(10_000, 0.5, 5_300.0);
        assert!(alarm.outside && alarm.alarm);
    }

    #[test]
    fn all_nothing_and_what_nobody_promised_are_judged_without_chance() {
        assert!(!line(1_000, 1.0, 1_000.0).outside);
        assert!(!line(1_000, 1.0, 999.999_999_9).outside);
        assert!(line(1_000, 1.0, 999.0).alarm);
        assert!(!line(1_000, 0.0, 0.0).outside);
        assert!(line(1_000, 0.0, 1.0).alarm);
        assert!(!line(0, 0.5, 0.0).outside);
        let mut audit = Audit::default();
        audit.deliver(ip(1), 3.0);
        audit.deliver(ip(2), f64::NAN);
        let report = audit.report();
        assert_eq!((report.servers.len(), report.alarms, report.outside), (1, 1, 1));
        assert!(serde_json::to_string(&report).unwrap().contains(r#""sigmas":999.0"#));
        audit.promise(ip(3), 10, f64::NAN);
        assert_eq!(audit.report().servers.last().unwrap().promised, 0.0);
    }

    #[test]
    fn promises_of_several_decks_add_up() {
        let mut audit = Audit::default();
        audit.promise(ip(1), 1_000, 0.1);
        audit.promise(ip(1), 3_000, 0.5);
        audit.deliver(ip(1), 600.0);
        audit.deliver(ip(1), 1_000.0);
        let report = audit.report();
        assert_eq!((report.servers[0].promised, report.servers[0].delivered), (0.4, 0.4));
    }

    #[test]
    fn of_fair_servers_one_in_twenty_is_outside_and_none_is_an_alarm() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut audit = Audit::default();
        for server in 0..1_000 {
            let share = 0.002 + 0.5 * rng.f64();
            audit.promise(ip(server), 5_000, share);
            let drawn: u32 = (0..5_000).map(|_| u32::from(rng.f64() < share)).sum();
            audit.deliver(ip(server), f64::from(drawn));
        }
        let report = audit.report();
        assert!((25..=80).contains(&report.outside), "{}", report.outside);
        assert!((report.by_chance - 50.0).abs() < 1e-9);
        assert_eq!(report.alarms, 0);
    }

    #[test]
    fn a_draw_that_favours_the_first_of_two_equal_servers_is_found() {
        // As geodns draws, from 0 to the sum inclusive: two of three go to the first.
        let mut rng = fastrand::Rng::with_seed(4);
        let mut audit = Audit::default();
        let mut counts = [0.0; 2];
        for _ in 0..3_000 {
            counts[usize::from(rng.u8(0..=2) == 2)] += 1.0;
        }
        for (server, count) in (0..).zip(counts) {
            audit.promise(ip(server), 3_000, 0.5);
            audit.deliver(ip(server), count);
        }
        let report = audit.report();
        assert_eq!((report.alarms, report.outside), (2, 2));
        let text = report.first(1).table();
        assert!(text.starts_with(
            "2 servers: 2 outside their error bars, 0 by chance; 2 that can't be chance\n"
        ));
        assert!(text.contains("50.00 %") && text.ends_with("ALARM\n"), "{text}");
        assert_eq!(text.lines().count(), 4);
    }
}
