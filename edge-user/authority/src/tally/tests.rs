//! Tests of what is counted, under which names, and of the limit.

use hickory_proto::op::ResponseCode;

use super::{DETAILED_ROWS, MOST_ROWS, Tallies, Tally};

const APEX: &str = "pool.example";
/// Octets of [`APEX`] on the wire.
const OCTETS: u8 = 14;

fn message(name: &str, rtype: u16) -> Vec<u8> {
    let mut message = vec![0; 12];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend(rtype.to_be_bytes());
    message.extend([0, 1]);
    message
}

fn count(tally: &mut Tally, name: &str, rtype: u16, code: ResponseCode) {
    tally.count(&message(name, rtype), OCTETS, code);
}

fn rows(tallies: &Tallies) -> Vec<String> {
    let row = |(kind, n)| {
        let super::Kind { zone, qtype, qname, rcode } = kind;
        format!("{zone} {qtype} {qname} {rcode} {n}")
    };
    tallies.sum().into_iter().map(row).collect()
}

#[test]
fn labels_are_told_apart_only_when_wanted() {
    for (detailed, expect) in [
        (false, &["pool.example A _ NOERROR 4", "pool.example AAAA _ NOERROR 1"][..]),
        (
            true,
            &[
                "pool.example A  NOERROR 1",
                "pool.example A 2.de NOERROR 3",
                "pool.example AAAA 2.de NOERROR 1",
            ],
        ),
    ] {
        let tallies = Tallies::default();
        let mut tally = tallies.join(detailed);
        for name in ["2.de.pool.example", "2.DE.pool.example", "2.de.POOL.example", APEX] {
            count(&mut tally, name, 1, ResponseCode::NoError);
        }
        count(&mut tally, "2.de.pool.example", 28, ResponseCode::NoError);
        assert_eq!(rows(&tallies), expect);
    }
}

#[test]
fn names_that_do_not_exist_are_one_row_and_zones_that_are_not_served_none() {
    let tallies = Tallies::default();
    let mut tally = tallies.join(true);
    for n in 0..100 {
        count(&mut tally, &format!("n{n}.pool.example"), 1, ResponseCode::NXDomain);
    }
    tally.count(&message("elsewhere.example", 1), 0, ResponseCode::Refused);
    assert_eq!(rows(&tallies), ["pool.example A _error NXDOMAIN 100"]);
}

#[test]
fn types_have_their_names_and_those_without_are_one() {
    let tallies = Tallies::default();
    let mut tally = tallies.join(false);
    for rtype in [65, 255, 61_000, 61_001] {
        count(&mut tally, APEX, rtype, ResponseCode::NoError);
    }
    assert_eq!(
        rows(&tallies),
        [
            "pool.example ANY _ NOERROR 1",
            "pool.example HTTPS _ NOERROR 1",
            "pool.example _ _ NOERROR 2",
        ]
    );
}

#[test]
fn the_root_zone_has_a_name() {
    let tallies = Tallies::default();
    let mut tally = tallies.join(true);
    tally.count(&message("", 2), 1, ResponseCode::NoError);
    tally.count(&message("se", 2), 1, ResponseCode::NoError);
    assert_eq!(rows(&tallies), [". NS  NOERROR 1", ". NS se NOERROR 1"]);
}

#[test]
fn workers_are_summed_and_what_they_counted_stays_when_they_go() {
    let tallies = Tallies::default();
    for _ in 0..3 {
        count(&mut tallies.join(false), APEX, 1, ResponseCode::NoError);
    }
    assert_eq!(rows(&tallies), ["pool.example A _ NOERROR 3"]);
}

#[test]
fn no_client_makes_a_table_grow_and_nothing_goes_uncounted() {
    let tallies = Tallies::default();
    let mut tally = tallies.join(true);
    let n = 3 * DETAILED_ROWS as u64;
    for label in 0..n {
        count(&mut tally, &format!("{label}.pool.example"), 1, ResponseCode::NoError);
    }
    let sums = tallies.sum();
    assert!(sums.len() <= DETAILED_ROWS + 1, "{}", sums.len());
    assert_eq!(sums.values().sum::<u64>(), n);

    for zone in 0..n {
        let name = format!("{zone:0>8}.example");
        tally.count(&message(&name, 1), 18, ResponseCode::NoError);
    }
    let sums = tallies.sum();
    assert!(sums.len() <= MOST_ROWS + 1, "{}", sums.len());
    assert_eq!(sums.values().sum::<u64>(), 2 * n);
    assert!(rows(&tallies).iter().any(|row| row.starts_with("_ _ _ _ ")));
}

#[test]
fn what_is_no_question_is_not_counted() {
    let tallies = Tallies::default();
    let mut tally = tallies.join(false);
    let whole = message(APEX, 1);
    for cut in 0..whole.len() - 2 {
        tally.count(&whole[..cut], OCTETS, ResponseCode::NoError);
    }
    assert_eq!(rows(&tallies), [""; 0]);
}
