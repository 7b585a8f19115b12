//! `edge explain`: why a client gets its answer, and who gives it.

use std::net::{IpAddr, SocketAddr};

use edge_common::abi::GeoLeaf;
use edge_common::verdict::Verdict;
use edge_common::wire::dns::UDP_PAYLOAD_OCTETS;
use hickory_proto::rr::RecordType;
use serde::{Deserialize, Serialize};

use crate::node::controller::Controller;
use edge_authority::{Answerer, Asked, Engine, Options};
use edge_leaves::text_table::{Align, indented};
use edge_tables::deal::shares::shares;
use edge_tables::live::switches::Switches;
use edge_zone::geo::{ClientLocator as _, GeoLocator};
use edge_zone::name::bare;
use edge_zone::wire::Reader;
use edge_zone::{Found, Label, Name, RecordKind, Targets, find, split};

/// The question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// The name, in text.
    pub name: String,
    /// The type, by name or as `TYPE65`.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The client.
    pub client: IpAddr,
}

/// The explanation of an answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The client.
    pub client: String,
    /// The zone that the name is in.
    pub zone: Option<String>,
    /// The label that is looked for, relative to the zone.
    pub label: Option<String>,
    /// The targets that are tried, in order.
    pub targets: Vec<String>,
    /// The client's class in the tables.
    pub class: Option<u32>,
    /// The longest prefix around the client that has this class: the ECS scope.
    pub scope_prefix: Option<u32>,
    /// The label whose records are the answer.
    pub answer_label: Option<String>,
    /// The deck that is dealt from.
    pub deck: Option<Deck>,
    /// The records and how often they are in an answer.
    pub shares: Vec<Share>,
    /// The kind of answer, in a word or two.
    #[serde(default)]
    pub answer: String,
    /// `xdp` or `authority`.
    pub answered_by: String,
    /// Why.
    pub why: String,
}

/// A deck.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deck {
    /// Records on a card.
    pub records: usize,
    /// Seconds.
    pub ttl: u32,
}

/// A record of the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Share {
    /// The address.
    pub data: String,
    /// Its weight.
    pub weight: u32,
    /// The part of answers that it is in.
    pub inclusion: f64,
    /// The part of answers that it is first in.
    pub first: f64,
}

/// Explains an answer. `server` is an address that we serve; `xdp` is whether XDP is on.
///
/// # Errors
/// When the name or type isn't one.
pub fn explain(
    controller: &Controller,
    question: &Question,
    server: SocketAddr,
    xdp: bool,
) -> Result<Explanation, String> {
    let name =
        Name::parse(&question.name).map_err(|error| format!("{}: {error}", question.name))?;
    let rtype = rtype(&question.rtype)?;
    let mut explanation = Explanation {
        name: bare(&name),
        rtype: question.rtype.to_ascii_uppercase(),
        client: question.client.to_string(),
        ..Explanation::default()
    };
    let databases = std::sync::Arc::clone(controller.databases());
    if let Some(ready) = controller.zone_of(name.folded()).cloned() {
        explanation.zone = Some(bare(&ready.zone.apex));
        let label = split(&ready.zone, name.folded()).unwrap_or_default();
        let locator = GeoLocator { databases, ..GeoLocator::default() };
        let (place, _) = locator.place(question.client, &ready.zone);
        let targets = Targets::new(ready.zone.targeting, &place);
        explanation.targets = targets.iter().map(str::to_owned).collect();
        let leaf = ready.trie.lookup(question.client);
        if leaf.class != GeoLeaf::UNKNOWABLE {
            explanation.class = Some(leaf.class);
            explanation.scope_prefix = Some(leaf.prefix);
        }
        if let Found::Records { label, kind } = find(&ready.zone, &label, &targets, rtype) {
            explanation.answer_label = Some(label.name.to_string());
            explanation.shares = record_shares(label, kind);
            if !explanation.shares.is_empty() {
                let records = label.max_hosts.min(explanation.shares.len());
                explanation.deck = Some(Deck { records, ttl: ready.zone.ttl_of(label, kind) });
            }
        }
        explanation.label = Some(label);
    }
    let message = message(&name, rtype);
    let client = SocketAddr::new(question.client, 53_053);
    explanation.answer = by_authority(controller, &message, client, server);
    (explanation.answered_by, explanation.why) =
        match who(controller, &name, xdp, || by_tables(controller, &message, client, server)) {
            Ok(answer) => {
                let why = why_tables(&answer, !explanation.shares.is_empty());
                explanation.answer = answer;
                ("xdp".to_owned(), why.to_owned())
            }
            Err(why) => ("authority".to_owned(), why),
        };
    Ok(explanation)
}

/// What XDP answers, or why it doesn't.
fn who(
    controller: &Controller,
    name: &Name,
    xdp: bool,
    by_tables: impl FnOnce() -> Result<String, Verdict>,
) -> Result<String, String> {
    let switches = Switches::read(controller.store());
    if !xdp {
        return Err("xdp.mode is \"off\"".to_owned());
    }
    if switches.bypass {
        return Err("bypass is on: XDP passes everything".to_owned());
    }
    let zone = controller.zone_of(name.folded()).map(|ready| &ready.zone.apex);
    if let Some(apex) = zone.filter(|apex| !controller.is_in_xdp(apex)) {
        return Err(format!("XDP is switched off for zone {}", bare(apex)));
    }
    match by_tables() {
        Ok(_) | Err(Verdict::DryRun) if switches.dry_run => {
            Err("dry run is on: XDP would answer this, but only counts it".to_owned())
        }
        Ok(answer) => Ok(answer),
        Err(verdict) => Err(format!("XDP passes it: {}", reason(verdict))),
    }
}

/// What the authority answers.
fn by_authority(
    controller: &Controller,
    message: &[u8],
    client: SocketAddr,
    server: SocketAddr,
) -> String {
    let mut out = Vec::new();
    let (asked, options) = (Asked { client, server, stream: false }, Options::default());
    let serving = controller.serving();
    let mut answerer = Answerer::new(fastrand::Rng::new());
    let written = answerer.answer(&serving, &options, message, &asked, &mut out);
    if written.is_some() { outcome(&out) } else { "none".to_owned() }
}

/// What the program in the driver answers from the tables, or why it doesn't.
fn by_tables(
    controller: &Controller,
    message: &[u8],
    client: SocketAddr,
    server: SocketAddr,
) -> Result<String, Verdict> {
    let engine = Engine::uncounted(controller.store().clone(), fastrand::u64(1..));
    let mut buffer = vec![0; Engine::ROOM];
    buffer.extend_from_slice(message);
    // Some answers grow at their tail.
    buffer.resize(Engine::ROOM + usize::from(UDP_PAYLOAD_OCTETS), 0);
    let asked = Asked { client, server, stream: false };
    let (answer, _) = engine.answer(&mut buffer, message.len(), &asked)?;
    Ok(outcome(buffer.get(answer).unwrap_or_default()))
}

/// A response's RCODE and number of answers, by their usual names (RFC 9499 §3).
fn outcome(response: &[u8]) -> String {
    let header = Reader::new(response).header().unwrap_or_default();
    match (header.rcode(), header.answers) {
        (0, 0) => NODATA.to_owned(),
        (0, 1) => "1 record".to_owned(),
        (0, n) => format!("{n} records"),
        (3, _) => NXDOMAIN.to_owned(),
        (4, _) => "NOTIMP".to_owned(),
        (5, _) => REFUSED.to_owned(),
        (rcode, _) => format!("RCODE {rcode}"),
    }
}

const NODATA: &str = "NODATA";
const NXDOMAIN: &str = "NXDOMAIN";
const REFUSED: &str = "REFUSED";

/// Why XDP can answer. `dealt` is whether addresses are dealt for it.
fn why_tables(answer: &str, dealt: bool) -> &'static str {
    match answer {
        NODATA => "the tables know that the name has no records of this type",
        NXDOMAIN => "the tables know that there is no such name",
        REFUSED => "the name is in no zone, and refuse-unknown is on",
        _ if dealt => "the name has a deck for this type and client",
        _ => "the tables have the whole answer, ready-made",
    }
}

/// A verdict that a question can get, with what it means.
fn reason(verdict: Verdict) -> String {
    let meaning = match verdict {
        Verdict::UnknownName => "the tables don't have the name",
        Verdict::Type => "the tables have nothing for this type",
        Verdict::NoDeck => "the tables have no answer for this name, type and client",
        Verdict::ClientClass => "the tables don't have the client's class",
        Verdict::Size => "the answer is too long for the tables or for UDP",
        Verdict::Source => "no frame comes from such an address",
        Verdict::Unpublished => "nothing is published yet",
        other => return other.name().to_owned(),
    };
    format!("{}, {meaning}", verdict.name())
}

fn rtype(text: &str) -> Result<u16, String> {
    let upper = text.to_ascii_uppercase();
    let number = upper.strip_prefix("TYPE").and_then(|number| number.parse().ok());
    let named = || upper.parse::<RecordType>().ok().map(u16::from);
    number.or_else(named).ok_or_else(|| {
        format!("{text}: not a record type; write one such as A, AAAA, TXT or TYPE65")
    })
}

/// A query's message.
fn message(name: &Name, rtype: u16) -> Vec<u8> {
    let mut message = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name.wire());
    message.extend(rtype.to_be_bytes());
    message.extend([0, 1]);
    message
}

fn record_shares(label: &Label, kind: RecordKind) -> Vec<Share> {
    let records: Vec<(String, u32)> = match kind {
        RecordKind::A => label
            .a
            .iter()
            .flatten()
            .map(|record| (record.data.to_string(), record.weight))
            .collect(),
        RecordKind::Aaaa => {
            label.aaaa.iter().flatten().map(|r| (r.data.to_string(), r.weight)).collect()
        }
        _ => return Vec::new(),
    };
    let weights: Vec<u64> = records.iter().map(|(_, weight)| u64::from(*weight)).collect();
    let shares = shares(&weights, label.max_hosts.min(weights.len()));
    records
        .into_iter()
        .zip(shares.inclusion.into_iter().zip(shares.first))
        .map(|((data, weight), (inclusion, first))| Share { data, weight, inclusion, first })
        .collect()
}

/// Records that a person is shown at most.
const SHOWN: usize = 20;

impl Explanation {
    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let optional = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
        let label = match self.answer_label.as_deref() {
            Some("") => "the apex".to_owned(),
            Some(label) => label.to_owned(),
            None => "none".to_owned(),
        };
        let mut rows = vec![
            vec!["question".into(), format!("{} {} from {}", self.name, self.rtype, self.client)],
            vec!["zone".into(), optional(&self.zone)],
            vec!["targets tried".into(), self.targets.join(" ")],
        ];
        if let (Some(class), Some(prefix)) = (self.class, self.scope_prefix) {
            rows.push(vec![
                "client class".into(),
                format!("{class}, the same for the whole /{prefix}"),
            ]);
        }
        rows.push(vec!["records of label".into(), label]);
        if let Some(deck) = &self.deck {
            let text = format!("{} on each card, TTL {} s", deck.records, deck.ttl);
            rows.push(vec!["records".into(), text]);
        }
        if !self.answer.is_empty() {
            rows.push(vec!["answer".into(), self.answer.clone()]);
        }
        rows.push(vec!["answered by".into(), format!("{} ({})", self.answered_by, self.why)]);
        let mut text = indented(&rows, Align::Numbers, 2);
        if !self.shares.is_empty() {
            let head = ["RECORD", "WEIGHT", "IN % OF ANSWERS", "FIRST IN %"];
            let mut rows = vec![head.map(str::to_owned).to_vec()];
            let mut shares: Vec<&Share> = self.shares.iter().collect();
            shares.sort_by(|a, b| b.inclusion.total_cmp(&a.inclusion));
            rows.extend(shares.iter().take(SHOWN).map(|share| {
                let percent = |part: f64| format!("{:.3}", part * 100.0);
                let weight = share.weight.to_string();
                vec![share.data.clone(), weight, percent(share.inclusion), percent(share.first)]
            }));
            text.push_str(&indented(&rows, Align::Numbers, 2));
            if shares.len() > SHOWN {
                text.push_str(&format!("  … and {} more; --json has all\n", shares.len() - SHOWN));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests;
