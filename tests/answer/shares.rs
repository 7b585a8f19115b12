//! How often each record is answered, over the whole path and many deals.

use std::collections::HashMap;
use std::net::IpAddr;

use edge_tables::deal::shares::shares;
use edge_tables::publish::NoKernel;
use edge_tables::store::Store;
use edge_tests::chi::assert_agree;
use edge_tests::engine::{self, grant_lease};
use edge_tests::fixture::{self, A};
use edge_tests::frames::{Query, open_reply};
use edge_tests::node;

const ANSWERS: u32 = 1_000_000;
const RECORDS: u8 = 20;
const MAX_HOSTS: usize = 4;

#[test]
fn a_million_answers_have_each_record_and_each_first_place_by_its_exact_share() {
    // From 1 to some 2,000, as netspeeds are.
    let weights: Vec<u64> =
        (0..RECORDS).map(|at| 3_u64.pow(u32::from(at) / 3) + u64::from(at)).collect();
    let records = (0..RECORDS).zip(&weights);
    let records: Vec<_> =
        records.map(|(at, weight)| format!(r#"["192.0.2.{at}",{weight}]"#)).collect();
    let json =
        format!(r#"{{"max_hosts":{MAX_HOSTS},"data":{{"":{{"a":[{}]}}}}}}"#, records.join(","));
    let store = Store::in_memory();
    let mut publisher = node::publisher(store.clone(), Box::new(NoKernel), &[fixture::server4()]);
    let zones = node::compiled(&[node::zone("pool.example", &json)], &node::countries(&[]));
    node::publish(&mut publisher, &zones);
    grant_lease(&store);
    let tables = node::host(&store, 0x9e37);

    let client = "198.18.0.1:4321".parse().unwrap();
    let query = Query::new("pool.example", A, client, fixture::server4());
    let frame = query.frame();
    let (mut included, mut first) = (vec![0_u32; RECORDS.into()], vec![0_u32; RECORDS.into()]);
    for answer in 0..ANSWERS {
        // As often as a deck has cards.
        if answer % 64 == 0 {
            assert_eq!(publisher.deal_again().unwrap(), 1);
        }
        let reply = engine::run(&tables, &frame).frame;
        if answer % 1_000 == 0 {
            open_reply(&query, &reply).unwrap();
        }
        // Four records of sixteen octets end the message.
        let records = &reply[reply.len() - 16 * MAX_HOSTS..];
        for (place, record) in records.chunks(16).enumerate() {
            let record = usize::from(record[15]);
            included[record] += 1;
            first[record] += u32::from(place == 0);
        }
    }
    let exact = shares(&weights, MAX_HOSTS);
    let expect = |shares: &[f64]| -> Vec<f64> {
        shares.iter().map(|share| share * f64::from(ANSWERS)).collect()
    };
    assert_agree(&included, &expect(&exact.inclusion), "included");
    assert_agree(&first, &expect(&exact.first), "first");
    assert_eq!(included.iter().sum::<u32>(), 4 * ANSWERS);
}

#[test]
fn names_and_types_are_dealt_apart_but_no_record_is_left_out() {
    let store = Store::in_memory();
    let mut publisher = fixture::publisher(&store, Box::new(NoKernel));
    grant_lease(&store);
    let tables = node::host(&store, 7);
    let client = "198.18.0.1:4321".parse().unwrap();
    let mut seen: HashMap<IpAddr, u32> = HashMap::new();
    for _ in 0..100 {
        assert!(publisher.deal_again().unwrap() > 100);
        for n in 5..=13_u16 {
            let name = format!("m{n}.counts.example");
            let query = Query::new(&name, A, client, fixture::server4());
            let reply = engine::run(&tables, &query.frame()).frame;
            let set = fixture::Set { k: 0x200 + n, n: n.into() };
            let expect = edge_tests::reader::Reply::Addresses {
                from: set.addresses(A),
                n: fixture::MAX_HOSTS,
                ttl: fixture::TTL,
            };
            for address in edge_tests::reader::read(&query, &reply, &expect) {
                *seen.entry(address).or_default() += 1;
            }
        }
    }
    for n in 5..=13_u16 {
        let set = fixture::Set { k: 0x200 + n, n: n.into() };
        assert!(set.addresses(A).iter().all(|address| seen.contains_key(address)), "{n}");
    }
}
