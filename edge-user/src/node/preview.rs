//! The changes that a new version of a zone makes for observed questions.
//!
//! The node counts answers by name, type and client class. Each such question is looked up in the
//! zone that is served and in the new one, with the same targets. Clients of one class in
//! this node stay together, even if the new zone has them in several.

use std::collections::HashMap;
use std::net::IpAddr;

use edge_leaves::preview::{Preview, PreviewClass, PreviewDeck, PreviewZone as Effect};
use serde::{Deserialize, Serialize};

use edge_tables::deal::shares::shares;
use edge_tables::publish::observed::Observed;
use edge_zone::name::bare;
use edge_zone::targets::{NOWHERE, country};
use edge_zone::{Found, RecordKind, Targeting, Targets, Zone, find, split};

/// A node's account of a zone that it serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedZone {
    /// The zone's name.
    pub zone: String,
    /// Its serial.
    pub serial: u32,
    /// The decks that it answers from.
    pub decks: Vec<Records>,
    /// The questions, and how often each was asked since the process began.
    pub asked: Vec<ObservedQuestion>,
}

/// The addresses of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The label, such as `uk`; the empty one is the apex.
    pub label: String,
    /// Addresses, with weights.
    pub records: Vec<(IpAddr, u32)>,
    /// Records in an answer at most.
    pub max_hosts: usize,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedQuestion {
    /// The label, relative to the zone.
    pub label: String,
    /// Whether it was for AAAA, not A.
    pub six: bool,
    /// The targets of the clients that asked, most specific first; none if the answer doesn't
    /// depend on them.
    pub targets: Vec<String>,
    /// How often it was answered.
    pub answers: u64,
    /// Which of the decks answered; none of them if there were no addresses.
    pub deck: Option<usize>,
}

/// The decks of a zone that questions led to, each once.
struct Decks<'z> {
    zone: &'z Zone,
    numbers: HashMap<(&'z str, RecordKind), usize>,
    decks: Vec<Records>,
}

impl<'z> Decks<'z> {
    fn of(zone: &'z Zone) -> Self {
        Self { zone, numbers: HashMap::new(), decks: Vec::new() }
    }

    /// The number of the deck that answers.
    fn look(&mut self, label: &str, targets: &Targets, kind: RecordKind) -> Option<usize> {
        let Found::Records { label, kind } = find(self.zone, label, targets, kind.number()) else {
            return None;
        };
        let records: Vec<(IpAddr, u32)> = match kind {
            RecordKind::A => {
                label.a.iter().flatten().map(|record| (record.data.into(), record.weight)).collect()
            }
            RecordKind::Aaaa => label
                .aaaa
                .iter()
                .flatten()
                .map(|record| (record.data.into(), record.weight))
                .collect(),
            _ => return None,
        };
        let next = self.decks.len();
        let number = *self.numbers.entry((&label.name, kind)).or_insert(next);
        if number == next {
            let (label, max_hosts) = (label.name.to_string(), label.max_hosts);
            self.decks.push(Records { label, records, max_hosts });
        }
        Some(number)
    }
}

/// The targets of clients of which nothing is known.
fn everybody() -> Targets {
    Targets::of(["@".to_owned()])
}

impl ServedZone {
    /// What a zone that is served has been asked.
    #[must_use]
    pub fn new(zone: &Zone, observed: &[Observed]) -> Self {
        let mut decks = Decks::of(zone);
        let asked = observed.iter().filter_map(|observed| {
            let label = split(zone, &observed.name)?;
            let targets = observed.targets.clone().unwrap_or_else(everybody);
            let deck = decks.look(&label, &targets, observed.kind);
            let targets = observed.targets.iter().flat_map(Targets::iter).map(str::to_owned);
            Some(ObservedQuestion {
                six: observed.kind == RecordKind::Aaaa,
                targets: targets.collect(),
                answers: observed.answers,
                deck,
                label,
            })
        });
        let asked = asked.collect();
        let (zone, serial) = (bare(&zone.apex), zone.serial);
        Self { zone, serial, decks: decks.decks, asked }
    }

    /// What the same questions would get from another version of the zone. A server with more than
    /// the part `monopoly`, from 0 to 1, of a country's addresses is flagged.
    #[must_use]
    pub fn predict(&self, next: &Zone, monopoly: f64) -> Preview {
        let classes: Vec<PreviewClass> = self.asked.iter().map(ObservedQuestion::class).collect();
        let mut decks = Decks::of(next);
        let after = self.asked.iter().map(|asked| {
            let kind = if asked.six { RecordKind::Aaaa } else { RecordKind::A };
            decks.look(&asked.label, &asked.known(next.targeting), kind)
        });
        let after = after.collect();
        let new = Effect { decks: decks.decks.iter().map(Records::deck).collect(), gets: after };
        let old = Effect {
            decks: self.decks.iter().map(Records::deck).collect(),
            gets: self.asked.iter().map(|asked| asked.deck).collect(),
        };
        let inclusion = |weights: &[u64], n: usize| shares(weights, n.min(weights.len())).inclusion;
        Preview::new(&classes, &old, &new, inclusion, monopoly)
    }
}

impl ObservedQuestion {
    fn class(&self) -> PreviewClass {
        let country = country(self.targets.iter().map(String::as_str)).unwrap_or(NOWHERE);
        PreviewClass {
            label: self.label.clone(),
            country: country.to_owned(),
            queries: self.answers,
        }
    }

    /// The targets of the clients that asked, in a zone with this targeting.
    fn known(&self, targeting: Targeting) -> Targets {
        let given = self.targets.iter().filter(|target| targeting.could_give(target)).cloned();
        let all = targeting.contains(Targeting::GLOBAL).then(|| "@".to_owned());
        Targets::of(given.chain(all))
    }
}

impl Records {
    fn deck(&self) -> PreviewDeck {
        let records = self.records.iter().map(|(ip, weight)| (*ip, u64::from(*weight))).collect();
        PreviewDeck { label: self.label.clone(), records, max_hosts: self.max_hosts }
    }
}

#[cfg(test)]
mod tests {
    use super::{ServedZone, country};
    use edge_tables::publish::observed::Observed;
    use edge_zone::{self as zone, RecordKind, Targets, Zone};
    use std::path::Path;
    use std::time::SystemTime;

    fn zone(data: &str) -> Zone {
        let text = format!(r#"{{"serial": 3, "max_hosts": 2, "data": {data}}}"#);
        let name = "pool.example";
        zone::parse(name, text.as_bytes(), SystemTime::UNIX_EPOCH, Path::new(name)).unwrap()
    }

    fn asked(name: &str, targets: Option<&[&str]>, answers: u64) -> Observed {
        let name = zone::Name::parse(name).unwrap().folded().into();
        let targets = targets.map(|all| Targets::of(all.iter().map(|one| (*one).to_owned())));
        Observed { name, kind: RecordKind::A, targets, answers }
    }

    const OLD: &str = r#"{
        "": {"a": [["192.0.2.1", 10], ["192.0.2.2", 10], ["192.0.2.3", 10], ["192.0.2.4", 10]]},
        "cm": {"a": [["192.0.2.5", 1]]}}"#;
    const NEW: &str = r#"{
        "": {"a": [["192.0.2.1", 10], ["192.0.2.2", 10]]},
        "europe": {"a": [["192.0.2.3", 10], ["192.0.2.4", 10]]},
        "cm": {"a": [["192.0.2.5", 1], ["192.0.2.6", 1]]}}"#;

    #[test]
    fn what_was_asked_is_looked_up_in_the_new_zone_with_the_same_targets() {
        let observed = [
            asked("pool.example", Some(&["de", "europe", "@"]), 100),
            asked("pool.example", Some(&["us", "north-america", "@"]), 40),
            asked("cm.pool.example", None, 10),
        ];
        let served = ServedZone::new(&zone(OLD), &observed);
        assert_eq!(
            (served.zone.as_str(), served.serial, served.decks.len()),
            ("pool.example", 3, 2)
        );
        // Over the control socket.
        let served: ServedZone =
            serde_json::from_str(&serde_json::to_string(&served).unwrap()).unwrap();
        let preview = served.predict(&zone(NEW), 0.9);
        assert_eq!((preview.queries, preview.answered), (150, [150, 150]));
        let load = |last: u8| {
            let ip = std::net::IpAddr::from([192, 0, 2, last]);
            preview.servers.iter().find(|load| load.ip == ip).unwrap().answers
        };
        // Two of four for all before; then the first two for those who aren't in Europe.
        for (server, expect) in
            [(1, [70.0, 40.0]), (3, [70.0, 100.0]), (5, [10.0, 10.0]), (6, [0.0, 10.0])]
        {
            let off = [0, 1].map(|side: usize| (load(server)[side] - expect[side]).abs());
            assert!(off.iter().all(|off| *off < 1e-6), "{server}: {:?}", load(server));
        }
        // Of those who asked for cm it isn't known where they are.
        let lone: Vec<_> = preview.monopolies.iter().map(|it| it.country.as_str()).collect();
        assert_eq!(lone, ["-"]);
        assert!(preview.monopolies[0].share[1] < 0.9);
    }

    #[test]
    fn targets_that_the_new_zone_does_not_look_at_are_left_out() {
        let served =
            ServedZone::new(&zone(OLD), &[asked("pool.example", Some(&["cm", "africa", "@"]), 5)]);
        assert_eq!(served.asked[0].deck.map(|deck| served.decks[deck].label.as_str()), Some("cm"));
        let text = r#"{"targeting": "continent @", "data": {"": {"a": [["192.0.2.9", 1]]},
            "cm": {"a": [["192.0.2.8", 1]]}, "africa": {"a": [["192.0.2.7", 1]]}}}"#;
        let next =
            zone::parse("pool.example", text.as_bytes(), SystemTime::UNIX_EPOCH, Path::new("x"));
        let preview = served.predict(&next.unwrap(), 0.5);
        let after: Vec<_> = preview.servers.iter().filter(|load| load.answers[1] > 0.0).collect();
        assert!(matches!(after[..], [load] if load.ip == std::net::IpAddr::from([192, 0, 2, 7])));
    }

    #[test]
    fn a_question_without_an_answer_any_more_is_reported() {
        let served = ServedZone::new(&zone(OLD), &[asked("cm.pool.example", None, 10)]);
        let preview = served.predict(&zone(r#"{"": {"a": [["192.0.2.1", 1]]}}"#), 0.5);
        assert_eq!(preview.answered, [10, 0]);
    }

    #[test]
    fn a_country_is_two_letters() {
        let of = |all: &[&'static str]| country(all.iter().copied());
        assert_eq!(of(&["as1", "us-ca", "us-west", "us", "north-america", "@"]), Some("us"));
        assert_eq!(of(&["[192.0.2.0]", "@"]), None);
    }
}
