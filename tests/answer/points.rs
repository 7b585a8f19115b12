//! Servers' points against a log of every answer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use edge_tables::compile::amend;
use edge_tables::publish::{NoKernel, Publishable, Publisher};
use edge_tables::store::{HostTables, Store};
use edge_tests::engine::{self, grant_lease};
use edge_tests::fixture::{self, A};
use edge_tests::frames::{Query, open_reply};
use edge_tests::node;
use edge_zone::AnyPolicy;
use edge_zone::targets::{NOWHERE, country};
use edge_zone::{Name, RecordKind, Targets, Zone};

/// Answers, unless `EDGE_ANSWERS` says how many; every so many are followed by a deal, an amendment
/// or a generation.
const ANSWERS: usize = 1_000_000;
const DEAL: usize = 5_000;
const AMENDMENT: usize = 70_000;
const GENERATION: usize = 150_000;

/// What is asked for: a name whose answer depends on the client, and one whose doesn't.
const NAMES: [&str; 2] = ["pool.example", "few.pool.example"];
/// Prefixes of clients, and their countries.
const CLIENTS: [(&str, &str); 3] =
    [("198.18.0.1", "de"), ("198.18.1.1", "us"), ("198.18.2.1", "-")];

/// A version of the zone: weights differ from version to version.
fn zone(version: u64) -> Zone {
    let records = |label: u64, n: u64| -> String {
        let of = |at: u64| {
            let weight = 1 + (at * at + 13 * version * (at + label)) % 997;
            format!(r#"["192.0.{label}.{at}",{weight}]"#)
        };
        (1..=n).map(of).collect::<Vec<_>>().join(",")
    };
    let json = format!(
        r#"{{"serial":{version},"ttl":60,"max_hosts":4,"targeting":"country @","data":{{
            "":{{"a":[{}]}},"de":{{"a":[{}]}},"few":{{"a":[{}]}}}}}}"#,
        records(0, 40),
        records(1, 7),
        records(2, 2),
    );
    node::zone("pool.example", &json)
}

/// What every answer held: by server and country.
#[derive(Default)]
struct Log {
    answers: BTreeMap<(IpAddr, &'static str), u32>,
    /// Questions, by name and country.
    asked: BTreeMap<(&'static str, &'static str), u64>,
    n: usize,
}

impl Log {
    fn ask(&mut self, tables: &HostTables, n: usize) {
        for _ in 0..n {
            let (client, country) = CLIENTS[self.n % 3];
            // Of seven names one has one answer for all countries.
            let name = if self.n.is_multiple_of(7) { NAMES[1] } else { NAMES[0] };
            let client = format!("{client}:4321").parse().unwrap();
            let query = Query::new(name, A, client, fixture::server4());
            let reply = engine::run(tables, &query.frame()).frame;
            if self.n.is_multiple_of(1_000) {
                open_reply(&query, &reply).unwrap();
            }
            let records = if name.starts_with("few") { 2 } else { 4 };
            let country = if records == 2 { "-" } else { country };
            *self.asked.entry((name, country)).or_default() += 1;
            for record in reply[reply.len() - 16 * records..].chunks(16) {
                let octets: [u8; 4] = record[12..].try_into().unwrap();
                *self.answers.entry((octets.into(), country)).or_default() += 1;
            }
            self.n += 1;
        }
    }
}

fn start() -> (Publisher, HostTables) {
    let store = Store::in_memory();
    let publisher = node::publisher(store.clone(), Box::new(NoKernel), &[fixture::server4()]);
    grant_lease(&store);
    (publisher, node::host(&store, 0x51ed))
}

#[test]
fn points_are_those_of_a_log_through_deals_amendments_and_generations() {
    let (mut publisher, tables) = start();
    let databases = node::countries(&[("198.18.0.0/24", "DE"), ("198.18.1.0/24", "US")]);
    let mut was = zone(1);
    let mut served = node::compiled(&[was.clone()], &databases);
    node::publish(&mut publisher, &served);
    let mut log = Log::default();
    let (mut generations, mut amendments) = (0, 0);
    let wanted = std::env::var("EDGE_ANSWERS").map_or(ANSWERS, |n| n.parse().unwrap());
    while log.n < wanted {
        log.ask(&tables, DEAL);
        let version = u64::try_from(log.n).unwrap();
        if log.n.is_multiple_of(GENERATION) {
            was = zone(version);
            served = node::compiled(&[was.clone()], &databases);
            node::publish(&mut publisher, &served);
            generations += 1;
        } else if log.n.is_multiple_of(AMENDMENT) {
            let now = zone(version);
            let before = publisher.store().generation();
            let trie = Arc::clone(&served[0].trie);
            let amended =
                amend(&served[0].compiled, &was, &now, &node::soa(&now), AnyPolicy::Minimal);
            served = vec![Publishable { compiled: Arc::new(amended.unwrap()), trie }];
            node::publish(&mut publisher, &served);
            assert_eq!(publisher.store().generation(), before);
            was = now;
            amendments += 1;
        } else {
            publisher.deal_again().unwrap();
        }
    }
    assert!(generations > 5 && amendments > 10);

    publisher.collect_counts();
    let report = publisher.answer_counts().points(usize::MAX);
    assert_eq!(report.answers, u64::try_from(log.n).unwrap());
    assert_eq!(report.servers, 49);
    let (mut all, mut off) = (0.0, 0.0);
    let mut told = BTreeMap::new();
    for server in &report.top {
        for cell in &server.countries {
            told.insert((server.ip, cell.country.as_str()), (cell.answers, cell.sigma));
        }
    }
    assert_eq!(told.len(), log.answers.len());
    for (key, seen) in &log.answers {
        let seen = f64::from(*seen);
        let (answers, sigma) = told[&(key.0, key.1)];
        assert!((answers - seen).abs() <= 5.0 * sigma + 1.0, "{key:?}: {answers} {sigma} {seen}");
        all += seen;
        off += answers - seen;
    }
    let sum: f64 = told.values().map(|(answers, _)| answers).sum();
    assert!((sum - all).abs() < 1.0 && off.abs() < 0.005 * all, "{sum} {all}");
    // The farther an address's points are off, the fewer it has: in total half a per cent.
    let mut by_server: BTreeMap<IpAddr, f64> = BTreeMap::new();
    for ((ip, _), seen) in &log.answers {
        *by_server.entry(*ip).or_default() += f64::from(*seen);
    }
    let error: f64 = report.top.iter().map(|s| (s.answers - by_server[&s.ip]).abs()).sum();
    assert!(error < 0.005 * all, "{error} of {all}");

    // Questions are known over all versions of the zone.
    let observed = publisher.observed(&was.apex).unwrap();
    let mut asked = BTreeMap::new();
    for question in &observed {
        assert_eq!(question.kind, RecordKind::A);
        let name = if *question.name == *was.apex.folded() { NAMES[0] } else { NAMES[1] };
        let targets = question.targets.iter().flat_map(Targets::iter);
        *asked.entry((name, country(targets).unwrap_or(NOWHERE))).or_default() += question.answers;
    }
    assert_eq!(asked, log.asked);
    assert!(publisher.observed(&Name::parse("other.example").unwrap()).is_none());

    let audit = publisher.audit();
    assert_eq!((audit.servers.len(), audit.alarms), (49, 0), "{}", audit.first(10).table());
}

#[test]
fn a_zone_whose_counters_find_no_room_is_answered_and_said_to_be_uncounted() {
    let (mut publisher, tables) = start();
    // Each country has its own answer for each of many names.
    let countries = ["de", "us", "fr", "gb", "nl", "jp"];
    let labels = (0..2_600_u16).map(|n| {
        let [high, low] = n.to_be_bytes();
        countries.iter().zip(1..).map(move |(country, at)| {
            let records =
                format!(r#""a":[["10.{high}.{low}.{at}",1]],"aaaa":[["fd00:{n}::{at}",1]]"#);
            format!(r#""n{n}.{country}":{{{records}}}"#)
        })
    });
    let labels: Vec<String> = labels.flatten().collect();
    let json = format!(
        r#"{{"serial":1,"targeting":"country @","data":{{"":{{"a":[["192.0.2.1",1]]}},{}}}}}"#,
        labels.join(",")
    );
    let prefixes: Vec<(String, String)> = (0..)
        .zip(countries)
        .map(|(n, country)| (format!("198.18.{n}.0/24"), country.to_uppercase()))
        .collect();
    let prefixes: Vec<_> = prefixes.iter().map(|(p, c)| (p.as_str(), c.as_str())).collect();
    let zones = [node::zone("large.example", &json), zone(1)];
    node::publish(&mut publisher, &node::compiled(&zones, &node::countries(&prefixes)));
    assert_eq!(publisher.uncounted(), ["large.example"]);
    let mut log = Log::default();
    log.ask(&tables, 700);
    let client = "198.18.0.1:4321".parse().unwrap();
    for _ in 0..30 {
        let query = Query::new("n7.large.example", A, client, fixture::server4());
        open_reply(&query, &engine::run(&tables, &query.frame()).frame).unwrap();
    }
    publisher.collect_counts();
    assert_eq!(publisher.answer_counts().points(1).answers, 700);
    assert_eq!(tables.store().hits(0, 1), [[0, 30]]);
}
