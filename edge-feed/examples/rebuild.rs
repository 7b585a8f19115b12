//! Measures the processor time of a pool of the NTP Pool's size.
//!
//! It applies deltas, updates without a change, and updates that build a zone.
//!
//! `cargo run --release -p edge-feed --example rebuild`; with a path after `--`, the zone is
//! written there.
#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use edge_feed::delta::Change;
use edge_feed::policy::{Backfill, Cap, Hysteresis, PolicyState, Ramp, ZonePolicy};
use edge_feed::snapshot::Root;
use edge_feed::{Delta, Pool, Server, Snapshot, Zones};

const SERVERS_4: u32 = 3_700;
const SERVERS_6: u32 = 2_000;
const COUNTRIES: usize = 230;
const VENDORS: usize = 500;
const ROUNDS: u32 = 200;
const NOW: i64 = 1_800_000_000;
const CONTINENTS: [&str; 6] =
    ["africa", "asia", "europe", "north-america", "oceania", "south-america"];

fn main() {
    let mut rng = fastrand::Rng::with_seed(57);
    let snapshot = snapshot(&mut rng);
    let start = cpu();
    let pool = Pool::new(snapshot).expect("a sound snapshot");
    println!(
        "{:>14?}  reading a snapshot of {} servers",
        cpu().saturating_sub(start),
        pool.servers().count()
    );
    measure("without options", ZonePolicy::default(), pool.clone());
    let all = ZonePolicy {
        ramp: Some(Ramp { from: 10.0, to: 15.0, floor_percent: 5 }),
        hysteresis: Some(Hysteresis { enter: 12.0, leave: 9.0, dwell_seconds: 1_800 }),
        stable_split: true,
        backfill: Some(Backfill { below: 8, share_percent: 50 }),
        cap: Some(Cap { below: 8, share_percent: 40 }),
        aaaa_everywhere: true,
        ..ZonePolicy::default()
    };
    measure("with all options", all, pool);
}

/// A delta for each of many servers in turn, and an update after each, or after a hundred.
fn measure(what: &str, policy: ZonePolicy, mut pool: Pool) {
    let mut rng = fastrand::Rng::with_seed(4);
    let zones = Zones::new(policy, PolicyState::default(), fastrand::Rng::with_seed(3));
    let mut zones = zones.expect("a sound policy");
    println!("{what}:");
    let start = cpu();
    let built = zones.update(&pool, NOW);
    let octets = built.first().map_or(0, |zone| zone.text.len());
    println!("{:>14?}  the first zone, {octets} octets", cpu().saturating_sub(start));
    if let (Some(path), Some(zone)) = (std::env::args().nth(1), built.first()) {
        std::fs::write(format!("{path}.{}.json", what.replace(' ', "-")), &zone.text)
            .expect("a file that can be written");
    }
    let ids: Vec<u64> = pool.servers().map(|server| server.id).collect();
    let (mut applying, mut same, mut n_same, mut anew, mut n_anew) =
        (Duration::ZERO, Duration::ZERO, 0_u32, Duration::ZERO, 0_u32);
    for round in 0..ROUNDS {
        // A server that was well stays so, or one falls and comes back.
        let server_id = ids.get(rng.usize(..ids.len())).copied().unwrap_or(1);
        let score = if round % 2 == 0 { 19.5 } else { 3.0 };
        let delta = Delta {
            id: pool.cursor() + 1,
            ts: NOW + i64::from(round),
            change: Change::Score { server_id, score },
        };
        let start = cpu();
        pool.apply(&delta).expect("a sound delta");
        applying += cpu().saturating_sub(start);
        let start = cpu();
        let built = zones.update(&pool, NOW + i64::from(round));
        let took = cpu().saturating_sub(start);
        if built.is_empty() {
            same += took;
            n_same += 1;
        } else {
            anew += took;
            n_anew += 1;
        }
    }
    println!("{:>14?}  applying a delta", applying / ROUNDS);
    println!("{:>14?}  an update that changes nothing, of {n_same}", same / n_same.max(1));
    println!("{:>14?}  an update of one server, of {n_anew}", anew / n_anew.max(1));
}

/// The processor time that this thread has used: other programs' load doesn't count.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn snapshot(rng: &mut fastrand::Rng) -> Snapshot {
    let countries: Vec<String> = (0..COUNTRIES)
        .map(|at| {
            let letter = |at: usize| char::from(b'a' + u8::try_from(at % 26).unwrap_or(0));
            [letter(at / 26), letter(at)].into_iter().collect()
        })
        .collect();
    let servers = (0..SERVERS_4 + SERVERS_6)
        .map(|at| {
            let ip = if at < SERVERS_4 {
                Ipv4Addr::from(0x2d00_0000 + at * 7_919).into()
            } else {
                let high = u128::from(at) * 0x1_0003_0005_0007;
                Ipv6Addr::from((0x2a00_u128 << 112) + (high << 32) + 0x1234_5678).into()
            };
            // A few countries have most of them.
            let most = 1 + rng.usize(..COUNTRIES);
            let country = rng.usize(..most);
            let zones = [
                countries.get(country).map_or("", String::as_str),
                CONTINENTS.get(country % 6).copied().unwrap_or(""),
                "@",
            ];
            Server {
                id: at.into(),
                ip,
                netspeed: *rng.choice(&[1_000, 25_000, 100_000, 1_000_000]).unwrap_or(&1),
                score: if rng.u8(..10) == 0 { 5.0 } else { 20.0 - 7.0 * rng.f64() },
                score_ts: NOW,
                in_pool: true,
                deletion_on: None,
                zones: zones.map(str::to_owned).to_vec(),
            }
        })
        .collect();
    let vendors = (0..VENDORS).map(|at| edge_feed::snapshot::Vendor {
        zone_name: format!("vendor{at:03}"),
        apex: "pool.example".to_owned(),
        client_type: edge_feed::snapshot::ClientType::Ntp,
    });
    let root = Root {
        apex: "pool.example".to_owned(),
        ns: vec!["a.ntpns.example.".to_owned()],
        ttl: 150,
        vendor_available: true,
        ..Root::default()
    };
    let zones = countries.iter().cloned().chain(CONTINENTS.map(str::to_owned));
    Snapshot {
        serial: 1_800_000_000,
        roots: vec![root],
        zones: zones.collect(),
        vendors: vendors.collect(),
        servers,
        ..Snapshot::default()
    }
}
