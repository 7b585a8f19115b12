//! Effect of a new zone on the load of servers and countries.
//!
//! The input is the observed queries, the zone that is served and the zone that would replace it.
//! The result is the load of each server and country before and after, and the servers that a
//! country would depend on.
//!
//! The load of a server is the number of answers that it is in. Its share of a country is counted
//! in addresses: a server that is alone in an answer has all of it, one of four servers a quarter.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use crate::float::float;
use crate::text_table::{Align, columns, country, percent, row};

/// Observed clients that get the same answers to the same question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewClass {
    /// The label of their queries: "" for the apex.
    pub label: String,
    /// Their country.
    pub country: String,
    /// The number of their queries.
    pub queries: u64,
}

/// The records of a label, of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviewDeck {
    /// The label, such as `uk` or `2.uk`.
    pub label: String,
    /// The servers' addresses and weights.
    pub records: Vec<(IpAddr, u64)>,
    /// Records in an answer at most.
    pub max_hosts: usize,
}

/// The answers of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviewZone {
    /// Its decks.
    pub decks: Vec<PreviewDeck>,
    /// The index of the deck that each class gets, in the order of the classes; `None` when it gets
    /// no address.
    pub gets: Vec<Option<usize>>,
}

/// The effect of a new zone. Arrays are before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preview {
    /// Queries that were observed.
    pub queries: u64,
    /// Those of them that get an address.
    pub answered: [u64; 2],
    /// Each server's load, the largest change first.
    pub servers: Vec<ServerLoad>,
    /// Each country's, the most queries first.
    pub countries: Vec<CountryLoad>,
    /// Each label's, the largest change first.
    pub labels: Vec<LabelLoad>,
    /// The share of a country's addresses from which on a server is a monopoly, from 0 to 1.
    pub monopoly: f64,
    /// Servers that have more than that, before or after.
    pub monopolies: Vec<Monopoly>,
}

/// A server's load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerLoad {
    /// Its address.
    pub ip: IpAddr,
    /// Answers that it is in.
    pub answers: [f64; 2],
}

/// A country's load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CountryLoad {
    /// The country of the users.
    pub country: String,
    /// Their queries.
    pub queries: u64,
    /// Those of them that get an address.
    pub answered: [u64; 2],
    /// How many servers their answers hold.
    pub servers: [usize; 2],
    /// The largest share of their addresses that one server has, from 0 to 1.
    pub largest: [f64; 2],
}

/// A label's load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabelLoad {
    /// The label that answers.
    pub label: String,
    /// Answers from it.
    pub answers: [u64; 2],
}

/// A server on which a country depends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Monopoly {
    /// The country of the users.
    pub country: String,
    /// The server.
    pub ip: IpAddr,
    /// Its share of their addresses, from 0 to 1.
    pub share: [f64; 2],
}

impl Monopoly {
    /// Whether the new zone makes it one.
    #[must_use]
    pub fn is_new(&self, above: f64) -> bool {
        self.share[0] <= above && self.share[1] > above
    }
}

#[derive(Default)]
struct CountrySums {
    queries: u64,
    answered: [u64; 2],
    /// Addresses handed out, by server.
    addresses: [BTreeMap<IpAddr, f64>; 2],
}

impl Preview {
    /// The effect of `new` in place of `old`.
    ///
    /// `inclusion` takes the weights of records and the number of records in an answer, and returns
    /// the chance of each record to be in an answer, from 0 to 1. A server with more than the share
    /// `monopoly` of a country's addresses is flagged.
    #[must_use]
    pub fn new(
        classes: &[PreviewClass],
        old: &PreviewZone,
        new: &PreviewZone,
        inclusion: impl Fn(&[u64], usize) -> Vec<f64>,
        monopoly: f64,
    ) -> Self {
        let mut servers: BTreeMap<IpAddr, [f64; 2]> = BTreeMap::new();
        let mut labels: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
        let mut countries: BTreeMap<&str, CountrySums> = BTreeMap::new();
        for class in classes {
            let country = countries.entry(&class.country).or_default();
            country.queries = country.queries.saturating_add(class.queries);
        }
        for (side, zone) in [old, new].into_iter().enumerate() {
            // Many classes get one deck: its shares are worked out once.
            let used: BTreeSet<usize> = zone.gets.iter().flatten().copied().collect();
            let shares = used.into_iter().filter_map(|index| {
                let deck = zone.decks.get(index).filter(|deck| !deck.records.is_empty())?;
                let weights: Vec<u64> = deck.records.iter().map(|&(_, weight)| weight).collect();
                Some((index, inclusion(&weights, deck.max_hosts)))
            });
            let shares: BTreeMap<usize, Vec<f64>> = shares.collect();
            for (class, deck) in classes.iter().zip(&zone.gets) {
                let Some((deck, shares)) =
                    deck.and_then(|deck| Some((zone.decks.get(deck)?, shares.get(&deck)?)))
                else {
                    continue;
                };
                let queries = float(class.queries);
                let count = |sums: &mut [u64; 2]| {
                    if let Some(sum) = sums.get_mut(side) {
                        *sum = sum.saturating_add(class.queries);
                    }
                };
                count(labels.entry(&deck.label).or_default());
                let country = countries.entry(&class.country).or_default();
                count(&mut country.answered);
                for (&(ip, _), share) in deck.records.iter().zip(shares) {
                    let answers = queries * share;
                    if let Some(sum) = servers.entry(ip).or_default().get_mut(side) {
                        *sum += answers;
                    }
                    if let Some(addresses) = country.addresses.get_mut(side) {
                        *addresses.entry(ip).or_default() += answers;
                    }
                }
            }
        }
        Self::collect(servers, labels, countries, monopoly)
    }

    fn collect(
        servers: BTreeMap<IpAddr, [f64; 2]>,
        labels: BTreeMap<&str, [u64; 2]>,
        countries: BTreeMap<&str, CountrySums>,
        monopoly: f64,
    ) -> Self {
        let mut monopolies = Vec::new();
        let mut loads = Vec::new();
        for (name, country) in countries {
            let shares = country.addresses.each_ref().map(shares_of);
            let [before, after] = &shares;
            let all: BTreeSet<IpAddr> = before.keys().chain(after.keys()).copied().collect();
            for ip in all {
                let share = shares.each_ref().map(|side| side.get(&ip).copied().unwrap_or(0.0));
                if share.iter().any(|&share| share > monopoly) {
                    monopolies.push(Monopoly { country: name.to_owned(), ip, share });
                }
            }
            loads.push(CountryLoad {
                country: name.to_owned(),
                queries: country.queries,
                answered: country.answered,
                servers: shares.each_ref().map(BTreeMap::len),
                largest: shares.each_ref().map(|side| side.values().copied().fold(0.0, f64::max)),
            });
        }
        loads.sort_by(|a, b| b.queries.cmp(&a.queries).then(a.country.cmp(&b.country)));
        monopolies.sort_by(|a, b| {
            let new = |it: &Monopoly| it.is_new(monopoly);
            new(b).cmp(&new(a)).then(b.share[1].total_cmp(&a.share[1]))
        });
        let mut servers: Vec<ServerLoad> =
            servers.into_iter().map(|(ip, answers)| ServerLoad { ip, answers }).collect();
        let change = |load: &ServerLoad| (load.answers[1] - load.answers[0]).abs();
        servers.sort_by(|a, b| change(b).total_cmp(&change(a)));
        let labels = labels.into_iter();
        let mut labels: Vec<LabelLoad> =
            labels.map(|(label, answers)| LabelLoad { label: label.to_owned(), answers }).collect();
        labels.sort_by_key(|load| std::cmp::Reverse(load.answers[1].abs_diff(load.answers[0])));
        let sum = |of: fn(&CountryLoad) -> u64| {
            loads.iter().map(of).fold(0_u64, |sum, count| sum.saturating_add(count))
        };
        Self {
            queries: sum(|load| load.queries),
            answered: [sum(|load| load.answered[0]), sum(|load| load.answered[1])],
            servers,
            countries: loads,
            labels,
            monopoly,
            monopolies,
        }
    }

    /// The preview as tables of at most `rows` rows each.
    #[must_use]
    pub fn table(&self, rows: usize) -> String {
        let mut text = format!("{} queries", self.queries);
        if self.answered != [self.queries; 2] {
            let [before, after] = self.answered;
            text += &format!(", {before} answered before, {after} after");
        }
        text += "\n\n";
        let mut table = vec![row(["server", "before", "after", "change"])];
        table.extend(self.servers.iter().take(rows).map(|load| {
            let [before, after] = load.answers;
            let change =
                if before > 0.0 { percent(after / before - 1.0) } else { "new".to_owned() };
            vec![load.ip.to_string(), format!("{before:.0}"), format!("{after:.0}"), change]
        }));
        text += &columns(&table, Align::FirstLeft);
        text += &rest(self.servers.len(), rows, "servers");

        let head =
            ["country", "queries", "answered", "then", "servers", "then", "largest share", "then"];
        let mut table = vec![row(head)];
        table.extend(self.countries.iter().take(rows).map(|load| {
            let [answered, then] = load.answered;
            let ([few, many], [least, most]) = (load.servers, load.largest);
            vec![
                country(&load.country).to_owned(),
                load.queries.to_string(),
                answered.to_string(),
                then.to_string(),
                few.to_string(),
                many.to_string(),
                percent(least),
                percent(most),
            ]
        }));
        text += "\n";
        text += &columns(&table, Align::FirstLeft);
        text += &rest(self.countries.len(), rows, "countries");

        if !self.monopolies.is_empty() {
            let part = percent(self.monopoly);
            text += &format!("\nservers with more than {part} of a country's addresses\n");
            let mut table = vec![row(["country", "server", "before", "after", ""])];
            table.extend(self.monopolies.iter().take(rows).map(|it| {
                let new = if it.is_new(self.monopoly) { "NEW" } else { "" };
                let [before, after] = it.share;
                let ip = it.ip.to_string();
                vec![
                    country(&it.country).to_owned(),
                    ip,
                    percent(before),
                    percent(after),
                    new.to_owned(),
                ]
            }));
            text += &columns(&table, Align::FirstLeft);
            text += &rest(self.monopolies.len(), rows, "of them");
        }
        text
    }
}

fn rest(count: usize, rows: usize, what: &str) -> String {
    match count.saturating_sub(rows) {
        0 => String::new(),
        more => format!("… and {more} more {what}\n"),
    }
}

/// The share of each address.
fn shares_of(addresses: &BTreeMap<IpAddr, f64>) -> BTreeMap<IpAddr, f64> {
    let all: f64 = addresses.values().sum();
    let given = addresses.iter().filter(|&(_, &count)| count > 0.0);
    given.map(|(&ip, &count)| (ip, count / all)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Preview, PreviewClass, PreviewDeck, PreviewZone};
    use std::net::{IpAddr, Ipv4Addr};

    fn ip(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(0xc000_0200 + n).into()
    }

    fn class(country: &str, queries: u64) -> PreviewClass {
        PreviewClass { label: String::new(), country: country.to_owned(), queries }
    }

    fn deck(label: &str, records: &[(u32, u64)]) -> PreviewDeck {
        let records = records.iter().map(|&(n, weight)| (ip(n), weight)).collect();
        PreviewDeck { label: label.to_owned(), records, max_hosts: 4 }
    }

    /// Correct where all records fit, or where one is drawn.
    fn inclusion(weights: &[u64], hosts: usize) -> Vec<f64> {
        let all: u64 = weights.iter().sum();
        let part = |&weight| super::float(weight) / super::float(all);
        if weights.len() <= hosts {
            vec![1.0; weights.len()]
        } else {
            weights.iter().map(part).collect()
        }
    }

    fn preview(classes: &[PreviewClass], old: &PreviewZone, new: &PreviewZone) -> Preview {
        Preview::new(classes, old, new, inclusion, 0.5)
    }

    #[test]
    fn load_moves_from_the_servers_that_lose_a_class_to_those_that_get_it() {
        let classes = [class("cm", 100), class("de", 900)];
        let world = deck("@", &[(1, 10), (2, 10)]);
        let old = PreviewZone { decks: vec![world.clone()], gets: vec![Some(0), Some(0)] };
        let new =
            PreviewZone { decks: vec![world, deck("cm", &[(3, 1)])], gets: vec![Some(1), Some(0)] };
        let preview = preview(&classes, &old, &new);
        let servers: Vec<_> = preview.servers.iter().map(|load| (load.ip, load.answers)).collect();
        assert_eq!(
            servers,
            [(ip(1), [1_000.0, 900.0]), (ip(2), [1_000.0, 900.0]), (ip(3), [0.0, 100.0])]
        );
        let labels: Vec<_> =
            preview.labels.iter().map(|load| (load.label.as_str(), load.answers)).collect();
        assert_eq!(labels, [("@", [1_000, 900]), ("cm", [0, 100])]);
        assert_eq!((preview.queries, preview.answered), (1_000, [1_000, 1_000]));
        let cm = &preview.countries[1];
        assert_eq!((cm.country.as_str(), cm.servers, cm.largest), ("cm", [2, 1], [0.5, 1.0]));
    }

    #[test]
    fn a_server_that_a_country_comes_to_depend_on_is_flagged_as_new() {
        let classes = [class("cm", 100), class("ng", 10), class("de", 900)];
        let world = deck("@", &[(1, 10), (2, 10)]);
        let (cm, ng) = (deck("cm", &[(3, 1)]), deck("ng", &[(4, 1)]));
        let decks = vec![world, cm, ng];
        let old = PreviewZone { decks: decks.clone(), gets: vec![Some(0), Some(2), Some(0)] };
        let new = PreviewZone { decks, gets: vec![Some(1), Some(2), Some(0)] };
        let preview = preview(&classes, &old, &new);
        let found: Vec<_> = preview
            .monopolies
            .iter()
            .map(|it| (it.country.as_str(), it.ip, it.share, it.is_new(0.5)))
            .collect();
        assert_eq!(found, [("cm", ip(3), [0.0, 1.0], true), ("ng", ip(4), [1.0, 1.0], false)]);
        let text = preview.table(2);
        assert!(text.contains("cm       192.0.2.3    0.00 %  100.00 %  NEW\n"), "{text}");
        assert!(text.contains("… and 2 more servers\n"), "{text}");
    }

    #[test]
    fn shares_of_a_country_are_added_up_over_its_classes() {
        // 30 answers of one server alone, 70 of it and another.
        let classes = [class("cm", 30), class("cm", 70)];
        let decks = vec![deck("cm", &[(1, 5)]), deck("0.cm", &[(1, 5), (2, 5)])];
        let zone = PreviewZone { decks, gets: vec![Some(0), Some(1)] };
        let preview = preview(&classes, &zone, &zone);
        let [ref only] = preview.countries[..] else { panic!("{preview:?}") };
        let expect = 100.0 / 170.0;
        assert!(
            (only.largest[0] - expect).abs() < 1e-12 && (only.largest[1] - expect).abs() < 1e-12
        );
        assert_eq!(preview.monopolies.len(), 1);
        assert!(!preview.monopolies[0].is_new(0.5));
    }

    #[test]
    fn weights_change_load_where_not_all_fit_into_an_answer() {
        let classes = [class("de", 1_000)];
        let zone = |first| {
            let records: Vec<_> = (0..10).map(|n| (n, if n == 0 { first } else { 10 })).collect();
            PreviewZone { decks: vec![deck("de", &records)], gets: vec![Some(0)] }
        };
        let preview = preview(&classes, &zone(10), &zone(90));
        assert_eq!(preview.servers[0].ip, ip(0));
        assert_eq!(preview.servers[0].answers, [100.0, 500.0]);
        let text = preview.table(1);
        assert!(text.contains("192.0.2.0     100    500  400.00 %\n"), "{text}");
    }

    #[test]
    fn classes_without_an_answer_are_counted_and_wrong_numbers_do_no_harm() {
        let classes = [class("de", 10), class("uk", 20), class("fr", 30)];
        let old = PreviewZone { decks: vec![deck("@", &[(1, 1)])], gets: vec![Some(0); 3] };
        let empty = vec![deck("@", &[])];
        let new = PreviewZone { decks: empty, gets: vec![None, Some(0), Some(9)] };
        let preview = preview(&classes, &old, &new);
        assert_eq!(preview.answered, [60, 0]);
        assert!(preview.table(9).starts_with("60 queries, 60 answered before, 0 after\n"));
        let text = serde_json::to_string(&preview).unwrap();
        assert!(
            text.contains(r#""country":"fr","queries":30,"answered":[30,0],"servers":[1,0]"#),
            "{text}"
        );
        let short = PreviewZone { decks: Vec::new(), gets: Vec::new() };
        assert_eq!(Preview::new(&classes, &short, &short, inclusion, 0.5).answered, [0, 0]);
    }
}
