//! The report on the clock, as `edge status` and `edge explain-time` show it.

use serde::{Deserialize, Serialize};

use super::policy::Judgement;
use super::reason::seconds;
use super::state::{Service, State};
use super::timestamp::{SECOND, Short, nanoseconds};
use edge_leaves::text_table::{Align, indented};

/// The time that clients get, and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether time is being served.
    pub synchronised: bool,
    /// The stratum that clients get; 0 when unsynchronised.
    pub stratum: u8,
    /// Seconds until it would stop by itself; 0 when unsynchronised.
    pub lease_seconds: u64,
    /// What becomes of requests: `answer`, `flag`, `pass` or `drop`.
    pub service: String,
    /// Why no time is served; empty if it is.
    pub reason: String,
    /// The same in a word, as metrics have it.
    pub reason_kind: String,
    /// What is wrong although time is served; empty if nothing is.
    pub remark: String,
    /// How often something was published.
    pub publications: u64,
    /// How often the kernel reported that the clock was set.
    pub steps: u64,
    /// The fields of a reply.
    pub fields: Vec<Field>,
}

/// A field of the replies to clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, as in RFC 5905 where it has one there.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub source: String,
    /// Seconds since it was learnt; none if it doesn't age.
    pub age_seconds: Option<f64>,
}

/// Where a field comes from.
#[derive(Clone, Copy)]
enum Source {
    Daemon,
    DaemonAndUs,
    Clock,
    Kernel,
    Policy,
    Request,
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::DaemonAndUs => "daemon, its age, our clock's distance",
            Self::Clock => "clock_gettime",
            Self::Kernel => "adjtimex",
            Self::Policy => "policy",
            Self::Request => "request",
        }
    }
}

fn short(span: Short) -> String {
    seconds(i64::try_from(span.nanoseconds()).unwrap_or(i64::MAX))
}

fn refid(octets: [u8; 4], stratum: u8) -> String {
    let text: Vec<u8> = octets.into_iter().take_while(|octet| *octet != 0).collect();
    // RFC 5905 §7.3: four characters at stratum 0 and 1, an address or the hash of one else.
    if stratum <= 1 && !text.is_empty() && text.iter().all(u8::is_ascii_graphic) {
        String::from_utf8_lossy(&text).into_owned()
    } else {
        octets.map(|octet| octet.to_string()).join(".")
    }
}

/// Seconds from one nanosecond to another.
pub(super) fn age(now: u64, then: u64) -> f64 {
    (now.saturating_sub(then) / 1000) as f64 / 1e6
}

impl Report {
    /// Of the last judgement, at a nanosecond of the monotonic clock.
    #[must_use]
    pub fn new(judgement: Option<&Judgement>, now: u64, publications: u64, steps: u64) -> Self {
        let Some(judgement) = judgement else {
            let [service, reason, reason_kind] =
                ["pass", "the daemon hasn't been asked yet", "unasked"].map(str::to_owned);
            return Self { service, reason, reason_kind, publications, steps, ..Self::default() };
        };
        let Judgement { state, reason, remark, .. } = judgement;
        let lapsed = now >= state.lease;
        let synchronised = state.is_synchronised() && !lapsed;
        let service = match state.service {
            _ if lapsed => "pass",
            Service::Answer => "answer",
            Service::Flag => "flag",
            Service::Pass => "pass",
            Service::Drop => "drop",
        };
        let mut words = reason.as_ref().map(ToString::to_string).unwrap_or_default();
        if lapsed && words.is_empty() {
            words = "the lease has ended: nothing was published since".into();
        }
        Self {
            synchronised,
            stratum: if synchronised { state.stratum } else { 0 },
            lease_seconds: if synchronised { state.lease_seconds(now) } else { 0 },
            service: service.into(),
            reason: words,
            reason_kind: match reason {
                Some(reason) => reason.kind().into(),
                None if lapsed => "lease".into(),
                None => String::new(),
            },
            remark: remark.as_ref().map(ToString::to_string).unwrap_or_default(),
            publications,
            steps,
            fields: fields(judgement, now),
        }
    }

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self { stratum, lease_seconds, .. } = self;
        let mut text = if self.synchronised {
            format!("serving time: stratum {stratum}, for {lease_seconds} s\n")
        } else {
            format!("NOT serving time (requests: {}): {}\n", self.service, self.reason)
        };
        if !self.remark.is_empty() {
            text.push_str(&format!("warning: {}\n", self.remark));
        }
        let mut rows = vec![["FIELD", "VALUE", "SOURCE", "AGE"].map(str::to_owned).to_vec()];
        rows.extend(self.fields.iter().map(|field| {
            let age = field.age_seconds.map(|age| format!("{age:.3} s")).unwrap_or_default();
            vec![field.name.clone(), field.value.clone(), field.source.clone(), age]
        }));
        text.push_str(&indented(&rows, Align::Numbers, 2));
        text
    }
}

fn fields(judgement: &Judgement, now: u64) -> Vec<Field> {
    let Judgement { state, answer, moment, .. } = judgement;
    let published = Some(age(now, state.monotonic));
    let answered = answer.map(|answer| age(now, answer.monotonic));
    let copied = if state.is_synchronised() { Source::Daemon } else { Source::Policy };
    let grown = if state.is_synchronised() { Source::DaemonAndUs } else { Source::Policy };
    let since = |source: Source| match source {
        Source::Daemon | Source::DaemonAndUs => answered,
        Source::Clock | Source::Kernel => published,
        Source::Policy | Source::Request => None,
    };
    let field = |name: &str, value: String, source: Source| Field {
        name: name.to_owned(),
        value,
        source: source.name().to_owned(),
        age_seconds: since(source),
    };
    let utc = state.utc_at(now);
    let pivot = moment.pair.seconds;
    let ago = |state: &State| match state.reference.is_unknown() {
        true => "none".to_owned(),
        false => format!("{} s ago", seconds(nanoseconds(utc.since(state.reference)))),
    };
    let fraction = nanoseconds((utc.0 & 0xFFFF_FFFF).cast_signed());
    let mut fields = vec![
        field("leap", state.leap.to_string(), copied),
        field("version", "the client's".into(), Source::Request),
        field("mode", "4".into(), Source::Policy),
        field("stratum", state.stratum.to_string(), copied),
        field("poll", "the client's".into(), Source::Request),
        field("precision", state.precision.to_string(), copied),
        field("rootdelay", format!("{} s", short(state.root_delay)), copied),
        field("rootdisp", format!("{} s", short(state.root_dispersion_at(now))), grown),
        field("refid", refid(state.refid, state.stratum), copied),
        field("reftime", ago(state), copied),
        field("org", "the client's transmit timestamp".into(), Source::Request),
        field(
            "rec, xmt",
            format!("{}.{fraction:09} since 1970", utc.unix_near(pivot)),
            Source::Clock,
        ),
        field("uncertainty", format!("{} ns", state.uncertainty), Source::Clock),
    ];
    if state.leap_at != u64::MAX {
        let ahead = state.leap_at.saturating_sub(now) / SECOND;
        let sign = if state.leap_step < 0 { "inserted" } else { "deleted" };
        fields.push(field("leap second", format!("{sign} in {ahead} s"), copied));
    }
    if state.smear.rate != 0 {
        // Parts of 2³² to parts of 10⁹.
        let rate = nanoseconds(state.smear.rate);
        fields.push(field("smear", format!("{rate} ns a second"), Source::Daemon));
    }
    if let Some(answer) = answer {
        let value = format!("{} s", seconds(nanoseconds(answer.offset)));
        fields.push(field("daemon's time less ours", value, Source::Daemon));
        fields.push(field("daemon's round trip", format!("{} ns", answer.delay), Source::Daemon));
    }
    if let Some(kernel) = moment.kernel {
        for (name, value) in [
            ("kernel's state", kernel.state_name().to_owned()),
            ("kernel's status", format!("{:#06x}", kernel.status)),
            ("kernel's maxerror", format!("{} us", kernel.max_error)),
            ("kernel's esterror", format!("{} us", kernel.estimated_error)),
            ("TAI - UTC", format!("{} s (not used)", kernel.tai)),
        ] {
            fields.push(field(name, value, Source::Kernel));
        }
    }
    fields
}

#[cfg(test)]
mod tests;
