//! Metrics of queries: who answered them, and why not XDP.

use edge_common::verdict::{Action, Verdict};
use prometheus::proto::MetricFamily;

use super::family::{Family, float};
use edge_authority::Counters;
use edge_authority::tally::Kind;
use edge_tables::answer_counts::AnswerCounts;

pub(super) fn add(
    families: &mut Vec<MetricFamily>,
    authority: &Counters,
    verdicts: Option<&[u64]>,
    answer_counts: &AnswerCounts,
) {
    families.push(queries(authority, verdicts.unwrap_or_default(), answer_counts));
    if let Some(verdicts) = verdicts {
        add_verdicts(families, verdicts);
    }
    add_authority(families, authority);
}

/// geodns's metric. XDP counts its answers from decks by zone, some of them not at all, and other
/// replies by RCODE. So the sum over all rows is right, except for answers since decks were last
/// dealt, a second ago at most.
fn queries(authority: &Counters, verdicts: &[u64], answer_counts: &AnswerCounts) -> MetricFamily {
    let mut sums = authority.tallies.sum();
    for (verdict, n) in Verdict::ALL.iter().zip(verdicts) {
        if let Some(rcode) = rcode(*verdict) {
            *sums.entry(Kind::untold(rcode)).or_default() += n;
        }
    }
    for (zone, answered) in answer_counts.zones() {
        for (rcode, n) in [("NOERROR", answered.noerror), ("NXDOMAIN", answered.nxdomain)] {
            if n > 0 {
                *sums.entry(Kind { zone: zone.clone(), ..Kind::untold(rcode) }).or_default() += n;
            }
        }
    }
    if answer_counts.rest() > 0 {
        *sums.entry(Kind::untold("_")).or_default() += answer_counts.rest();
    }
    let mut family = Family::counter("dns_queries_total", "Number of served queries");
    for (Kind { zone, qtype, qname, rcode }, n) in &sums {
        let labels = [("zone", zone), ("qtype", qtype), ("qname", qname), ("rcode", rcode)];
        family.add(&labels.map(|(name, value)| (name, value.as_str())), float(*n));
    }
    family.done()
}

fn named(verdicts: &[u64], action: Action) -> impl Iterator<Item = (&'static str, u64)> {
    let all = Verdict::ALL.iter().zip(verdicts.iter().copied());
    all.filter(move |(verdict, _)| verdict.action() == action)
        .map(|(verdict, n)| (verdict.name(), n))
}

/// The RCODE of what XDP replies without a deck, where it answers DNS.
const fn rcode(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Refused => Some("REFUSED"),
        Verdict::Badvers => Some("BADVERS"),
        Verdict::Badcookie => Some("BADCOOKIE"),
        Verdict::Answer
        | Verdict::Nodata
        | Verdict::Nxdomain
        | Verdict::NtpAnswer
        | Verdict::NtpUnsynchronised
        | Verdict::NtpRate
        | Verdict::NtpDeny => None,
        other if matches!(other.action(), Action::Tx) => Some("NOERROR"),
        _ => None,
    }
}

fn add_verdicts(families: &mut Vec<MetricFamily>, verdicts: &[u64]) {
    for (actions, name, label, help) in [
        (
            &[Action::Tx][..],
            "edge_xdp_answered_total",
            "answer",
            "Queries and NTP requests that XDP answered",
        ),
        (
            &[Action::Pass],
            "edge_passed_total",
            "reason",
            "Frames that XDP passed to the network stack, with all that are neither DNS nor NTP",
        ),
        (
            &[Action::Drop, Action::Aborted],
            "edge_dropped_total",
            "reason",
            "Frames that XDP dropped",
        ),
    ] {
        let mut family = Family::counter(name, help);
        for (reason, n) in actions.iter().flat_map(|action| named(verdicts, *action)) {
            family.add(&[(label, reason)], float(n));
        }
        families.push(family.done());
    }
}

fn add_authority(families: &mut Vec<MetricFamily>, authority: &Counters) {
    families.push(
        Family::counter("edge_authority_answered_total", "Answers sent over sockets")
            .count(&[("transport", "udp")], authority.udp_answered.get())
            .count(&[("transport", "tcp")], authority.tcp_answered.get())
            .done(),
    );
    for (name, help, n) in [
        (
            "edge_authority_engine_answered_total",
            "Answers of the authority by the engine that XDP runs, too",
            &authority.engine_answered,
        ),
        ("edge_authority_truncated_total", "Answers with the TC bit", &authority.truncated),
        (
            "edge_authority_dropped_total",
            "Messages without an answer: responses, shorter than a header, from port 0",
            &authority.dropped,
        ),
        (
            "edge_authority_send_failed_total",
            "Answers that could not be sent",
            &authority.send_failed,
        ),
        (
            "edge_authority_receive_failed_total",
            "Errors of receiving or accepting",
            &authority.receive_failed,
        ),
        ("edge_authority_connections_total", "TCP connections accepted", &authority.connections),
        (
            "edge_authority_connections_refused_total",
            "TCP connections closed at once because there were too many",
            &authority.connections_refused,
        ),
    ] {
        families.push(Family::counter(name, help).count(&[], n.get()).done());
    }
    families.push(
        Family::counter("edge_authority_errors_total", "Answers with an error's RCODE, by RCODE")
            .count(&[("rcode", "FORMERR")], authority.formerr.get())
            .count(&[("rcode", "NXDOMAIN")], authority.nxdomain.get())
            .count(&[("rcode", "NOTIMP")], authority.notimp.get())
            .count(&[("rcode", "REFUSED")], authority.refused.get())
            .done(),
    );
}
