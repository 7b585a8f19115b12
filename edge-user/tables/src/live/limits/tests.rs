//! Tests of what the store and the authority's tables do with limits.

use edge_common::abi::{maps, switches};
use edge_common::limit::{Rate, admit, listed};
use edge_common::tables::Tables as _;
use edge_common::verdict::Verdict;

use super::{denies, set, set_prefixes, set_rate};
use crate::jiffies;
use crate::live::limits::Limits;
use crate::prefixes::{Prefix, Rule};
use crate::store::{HostTables, Store};
use edge_common::service::words;

const RATE: Rate = Rate { per_second: 10, burst: 20, slip: 0, prefix4: 24, prefix6: 56 };

fn ask(tables: &HostTables, client: &str) -> Result<(), Verdict> {
    let switches = tables.switches();
    let client: std::net::IpAddr = client.parse().unwrap();
    let exempt = listed(tables, switches, words(client))?;
    admit(tables, switches, words(client), client.is_ipv6(), exempt, 7)
}

fn answered(tables: &HostTables, client: &str) -> usize {
    (0..100).filter(|_| ask(tables, client).is_ok()).count()
}

fn switched_on(store: &Store) -> u64 {
    store.control.switches()
}

#[test]
fn a_rate_holds_over_the_time_that_a_test_sets() {
    let store = Store::in_memory();
    set_rate(&store, Some(RATE));
    let tables = HostTables::new(store, 1, true);
    tables.set_now(1000);
    assert_eq!(answered(&tables, "192.0.2.1"), 20);
    assert_eq!(answered(&tables, "192.0.2.2"), 0);
    assert_eq!(answered(&tables, "2001:db8::1"), 20);
    tables.set_now(1000 + u64::from(jiffies::per_second()));
    assert_eq!(answered(&tables, "192.0.2.2"), 10);
}

#[test]
fn threads_of_the_authority_share_buckets_and_a_store_of_the_same_memory_does_not() {
    let store = Store::in_memory();
    set_rate(&store, Some(RATE));
    let [one, other] = [1, 2].map(|seed| HostTables::new(store.clone(), seed, true));
    for tables in [&one, &other] {
        tables.set_now(1000);
    }
    assert_eq!(answered(&one, "192.0.2.1"), 20);
    assert_eq!(answered(&other, "192.0.2.1"), 0);
    assert_eq!(store.buckets.entries(), (maps::BUCKET_ROWS * maps::BUCKETS) as usize);
}

#[test]
fn the_authority_needs_a_clock_for_limits_only() {
    let store = Store::in_memory();
    let tables = HostTables::new(store.clone(), 1, true);
    assert_eq!(tables.now(), 0);
    set_rate(&store, Some(RATE));
    let per_second = jiffies::per_second();
    let (before, now, after) = (jiffies::now(per_second), tables.now(), jiffies::now(per_second));
    assert!((before..=after).contains(&now));
    assert_eq!(HostTables::new(store.clone(), 1, false).now(), 0);
    set_rate(&store, None);
    assert_eq!(tables.now(), 0);
}

#[test]
fn limits_come_and_go_and_leave_the_other_switches_alone() {
    let store = Store::in_memory();
    store.control.set_switches(switches::FIB | switches::REFUSE);
    let others = switched_on(&store);
    let tables = HostTables::new(store.clone(), 1, true);
    tables.set_now(1000);

    let text =
        "responses_per_second = 10\nexempt = [\"192.0.2.128/25\"]\ndeny = [\"192.0.2.0/24\"]\n";
    let limits: Limits = toml::from_str(text).unwrap();
    set(&limits, &store, None).unwrap();
    assert_eq!(switched_on(&store), others | switches::LIMIT | switches::PREFIXES);
    assert_eq!(ask(&tables, "192.0.2.1"), Err(Verdict::Denied));
    assert_eq!(
        ["192.0.2.1", "192.0.2.200"].map(|ip| denies(&store, ip.parse().unwrap())),
        [true, false]
    );
    assert_eq!(answered(&tables, "192.0.2.200"), 100);
    assert_eq!(answered(&tables, "198.51.100.1"), 20);

    // Whoever reads a rate that has changed finds its seeds as they were.
    let before = store.control.limits();
    set_rate(&store, Some(Rate { burst: 40, ..RATE }));
    let after = store.control.limits();
    assert_eq!(before.seeds, after.seeds);
    assert_eq!(before.capacity * 2, after.capacity);
    assert_eq!(answered(&tables, "198.51.100.1"), 20);

    set(&Limits::default(), &store, None).unwrap();
    assert_eq!(switched_on(&store), others);
    assert!(!denies(&store, [192, 0, 2, 1].into()));
    assert_eq!(answered(&tables, "192.0.2.1"), 100);
}

#[test]
fn what_tables_ignore_looks_switched_off() {
    let store = Store::in_memory();
    set_rate(&store, Some(RATE));
    let deny = (Prefix::from("192.0.2.0/24".parse::<ipnet::IpNet>().unwrap()), Rule::Deny);
    set_prefixes(&store, None, [deny].into_iter().collect()).unwrap();
    let tables = HostTables::new(store, 1, true);
    tables.set_now(1000);
    tables.ignore(switches::LIMIT);
    assert_eq!(answered(&tables, "198.51.100.1"), 100);
    assert_eq!(ask(&tables, "192.0.2.1"), Err(Verdict::Denied));
    tables.ignore(0);
    assert_eq!(answered(&tables, "198.51.100.1"), 20);
}
