//! The pool's generator written a second time, as plainly as possible.
//!
//! It makes a query for each zone, and lists.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Server, Snapshot};

/// A record: its address and its weight.
pub(super) type Record = (String, u64);

/// What a zone's labels are.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// What is at each label: its A and its AAAA records.
    pub(super) exact: BTreeMap<String, [BTreeSet<Record>; 2]>,
    /// Zones of eight servers or more: how many each number has of which.
    pub(super) split: BTreeMap<String, (usize, BTreeSet<Record>)>,
}

/// `SELECT ip, netspeed …` of the generator.
fn active(servers: &[Server], zone: &str, six: bool, now: i64) -> BTreeSet<Record> {
    let mut found = BTreeSet::new();
    for server in servers {
        let in_zone = server.zones.iter().any(|each| each == zone);
        let stays = match server.deletion_on {
            None => true,
            Some(day) => {
                let epoch = jiff::civil::date(1970, 1, 1);
                let days = day.since(epoch).unwrap().get_days();
                i64::from(days) * 86_400 > now + 14 * 86_400
            }
        };
        if in_zone
            && server.in_pool
            && server.ip.is_ipv6() == six
            && server.score >= 10.0
            && server.netspeed > 0
            && stays
        {
            found.insert((server.ip.to_string(), u64::from(server.netspeed)));
        }
    }
    found
}

/// What `populate_country_zones` makes.
pub(super) fn generate(snapshot: &Snapshot, now: i64) -> Expected {
    let mut names: BTreeSet<&str> = snapshot.zones.iter().map(String::as_str).collect();
    if names.is_empty() {
        names = snapshot.servers.iter().flat_map(|each| &each.zones).map(String::as_str).collect();
        names.remove(".");
        names.insert("@");
    }
    let mut expected = Expected::default();
    for zone in names {
        let name = if zone == "@" { String::new() } else { zone.to_owned() };
        let numbered = |number: u8| match name.as_str() {
            "" => number.to_string(),
            name => format!("{number}.{name}"),
        };
        let four = active(&snapshot.servers, zone, false, now);
        let six = active(&snapshot.servers, zone, true, now);
        let n = four.len();
        let mut per = 2;
        if n / 4 > 2 {
            per = n / 4;
        }
        for number in 0..4 {
            let aaaa = if number == 2 { six.clone() } else { BTreeSet::new() };
            let a = if n < per * 4 { four.clone() } else { BTreeSet::new() };
            expected.exact.insert(numbered(number), [a, aaaa]);
        }
        if n >= per * 4 {
            expected.split.insert(name.clone(), (per, four.clone()));
        }
        expected.exact.insert(name, [four, BTreeSet::new()]);
    }
    expected
}
