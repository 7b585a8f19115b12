//! Publication under load: what is answered meanwhile is of one generation, whole.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use edge_tests::fixture::{A, AAAA, Set, server4, server6};
use edge_tests::frames::{Query, open_reply};
use edge_tests::kernel::Shared;
use edge_tests::node;
use edge_user::kernel::Runner;
use edge_user::publish::Publishable;
use edge_user::zone::Zone;

/// Replies that are checked, unless `EDGE_REPLIES` says how many.
const REPLIES: u64 = 1_000_000;
/// Publications and deals at least.
const PUBLICATIONS: u64 = 1_000;
/// Threads that ask.
const THREADS: u64 = 2;

/// A version of the zone: addresses, TTL and serial all tell which.
fn version(version: u16) -> Zone {
    let set = |n| Set { k: version, n };
    let v4 = |n| set(n).json(A);
    let v6 = |n| set(n).json(AAAA);
    node::zone(
        "pool.example",
        &format!(
            r#"{{"serial":{version},"ttl":{},"max_hosts":4,"data":{{
                "":{{"a":{},"aaaa":{},"ns":["ns1.example.net."]}},
                "de":{{"a":{}}},"many":{{"max_hosts":12,"a":{}}},"seven":{{"max_hosts":7,"aaaa":{}}},
                "a-name-that-takes-the-longer-walk.of-two":{{"a":{}}}}}}}"#,
            100 + version,
            v4(40),
            v6(30),
            v4(10),
            v4(20),
            v6(9),
            v4(1),
        ),
    )
}

fn queries() -> Vec<Query> {
    let v4 = ["198.18.0.1:4321", "192.0.2.1:53"].map(|client| (client, server4()));
    let v6 = [("[2400::1]:999", server6())];
    let names = [
        ("pool.example", A),
        ("pool.example", AAAA),
        ("many.pool.example", A),
        ("seven.pool.example", AAAA),
        ("seven.pool.example", A),
        ("A-Name-that-takes-the-longer-walk.of-two.pool.example", A),
    ];
    let clients = v4.into_iter().chain(v6);
    let queries = clients.flat_map(|(client, server)| {
        names.map(|(name, rtype)| Query::new(name, rtype, client.parse().unwrap(), server))
    });
    let queries: Vec<_> = queries.collect();
    let edns = queries.iter().cloned().map(|query| query.with_edns(0x8000));
    queries.iter().cloned().chain(edns).collect()
}

/// The version that a reply is of.
///
/// # Errors
/// When it is of none, or of several.
fn version_of(query: &Query, reply: &[u8]) -> Result<u16, String> {
    let message = open_reply(query, reply)?;
    let number =
        |at: usize| message.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    let n_answers = usize::from(number(6).ok_or("short")?);
    let question = 12 + query.name.len() + 2 + 4;
    let octets = if query.rtype == A { 16 } else { 28 };
    if n_answers == 0 {
        // The SOA's TTL is ten times the zone's; its serial stands 20 octets before its end.
        let opt = query.opt.as_ref().map_or(0, Vec::len);
        let serial = number(message.len() - opt - 18).ok_or("short")?;
        let ttl = number(question + 8).ok_or("short")?;
        return if ttl == 10 * (100 + serial) {
            Ok(serial)
        } else {
            Err(format!("TTL {ttl} and serial {serial}"))
        };
    }
    let records = message.get(question..question + n_answers * octets).ok_or("short")?;
    let mut versions = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for record in records.chunks(octets) {
        let ttl = u32::from_be_bytes([record[6], record[7], record[8], record[9]]);
        let address = &record[12..];
        let (fixed, version) = if octets == 16 {
            (address[0] == 10, &address[1..3])
        } else {
            (address[..2] == [0xfd, 0], &address[2..4])
        };
        let version = u16::from_be_bytes([version[0], version[1]]);
        if !fixed || record[..2] != [0xc0, 12] || ttl != u32::from(100 + version) {
            return Err(format!("a record {record:02x?}"));
        }
        versions.insert(version);
        addresses.insert(address);
    }
    match versions.first() {
        Some(version) if versions.len() == 1 && addresses.len() == n_answers => Ok(*version),
        _ => Err(format!("records of {versions:?}: {addresses:02x?}")),
    }
}

/// Asks until `enough`; gives how many replies of each version there were.
fn ask(runner: &Runner, queries: &[Query], asked: &AtomicU64, enough: &AtomicBool) -> [u64; 3] {
    let frames: Vec<_> = queries.iter().map(Query::frame).collect();
    let mut seen = [0; 3];
    while !enough.load(Ordering::Relaxed) {
        for (query, frame) in queries.iter().zip(&frames) {
            let run = runner.run(frame, 1).unwrap();
            assert_eq!(run.action, 3, "{query:?}");
            let version = version_of(query, &run.frame);
            let version = version.unwrap_or_else(|fault| panic!("{query:?}: {fault}"));
            seen[usize::from(version)] += 1;
        }
        asked.fetch_add(frames.len() as u64, Ordering::Relaxed);
    }
    seen
}

#[test]
fn replies_are_of_one_generation_while_zones_are_published_and_dealt() {
    let replies = std::env::var("EDGE_REPLIES").map_or(REPLIES, |text| text.parse().unwrap());
    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let mut publisher = node::publisher(store.clone(), shared.backend(), &[server4(), server6()]);
    let databases = node::countries(&[("192.0.2.0/24", "DE"), ("2400::/16", "DE")]);
    // Compiled each time: a zone that is the very same keeps its tables.
    let compiled = |n| -> Vec<Publishable> { node::compiled(&[version(n)], &databases) };
    node::publish(&mut publisher, &compiled(1));
    shared.lock().renew_lease().unwrap();

    let queries = queries();
    let (asked, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    let (mut publications, mut deals) = (0, 0);
    let seen = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..THREADS)
            .map(|_| {
                let runner = shared.lock().runner().unwrap();
                let (queries, asked, enough) = (&queries, &asked, &enough);
                scope.spawn(move || ask(&runner, queries, asked, enough))
            })
            .collect();
        while publications < PUBLICATIONS || asked.load(Ordering::Relaxed) < replies {
            if askers.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                break; // An assertion failed there.
            }
            publications += 1;
            let n = if publications % 2 == 0 { 1 } else { 2 };
            node::publish(&mut publisher, &compiled(n));
            if publications % 4 == 0 {
                deals += publisher.deal_anew().unwrap();
            }
            shared.lock().renew_lease().unwrap();
        }
        enough.store(true, Ordering::Relaxed);
        let seen = askers.into_iter().map(|asker| asker.join().unwrap());
        seen.fold([0; 3], |sums: [u64; 3], seen| [0, 1, 2].map(|at| sums[at] + seen[at]))
    });
    println!(
        "{} replies ({} of one version, {} of the other) during {publications} publications and \
         {deals} deals of decks in {:?}",
        seen.iter().sum::<u64>(),
        seen[1],
        seen[2],
        begun.elapsed()
    );
    assert_eq!(seen[0], 0);
    assert!(seen[1] > replies / 10 && seen[2] > replies / 10, "{seen:?}");
    assert!(seen[1] + seen[2] >= replies);
    assert_eq!(store.generation(), publications + 1);
}
