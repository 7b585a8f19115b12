//! The zone for each server, and the queries of each mix.
//!
//! The zone has four rows of 24 addresses of each family, of which a client gets four, and 80
//! vendors' aliases of each row. Servers that select nothing have four addresses of each family
//! at all these names, so that answers are equally long.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fastrand::Rng;

/// The zone's name.
pub(super) const APEX: &str = "pool.example";
/// Mixes of queries, which the functions of this file know by these names.
pub(super) const MIXES: [&str; 3] = ["A and AAAA", "NXDOMAIN", "other types"];

const ROWS: [&str; 4] = ["0", "1", "2", "3"];
/// Lines in a file of queries; dnsperf begins again at its end.
const QUERIES: usize = 20_000;

fn vendors() -> impl Iterator<Item = String> {
    (b'a'..=b'j').flat_map(|letter| (0..8).map(move |n| format!("{}{n}", char::from(letter))))
}

/// A row and its aliases.
fn names(row: &str) -> impl Iterator<Item = String> {
    std::iter::once(row.to_owned()).chain(vendors().map(move |vendor| format!("{row}.{vendor}")))
}

/// The file of a mix.
pub(super) fn queries(folder: &Path, mix: &str) -> PathBuf {
    folder.join(format!("{mix}.queries"))
}

/// Writes everything.
pub(super) fn write(folder: &Path) -> Result<()> {
    let mut rng = Rng::with_seed(1);
    let (json, text) = zone(&mut rng);
    for name in ["zones", "geoip", "knot"] {
        fs::create_dir(folder.join(name)).context("make a folder")?;
    }
    fs::write(folder.join(format!("zones/{APEX}.json")), json)?;
    fs::write(folder.join(format!("{APEX}.zone")), text)?;
    for mix in MIXES {
        let mut lines = String::new();
        for _ in 0..QUERIES {
            writeln!(lines, "{}", query(mix, &mut rng))?;
        }
        fs::write(queries(folder, mix), lines)?;
    }
    Ok(())
}

/// The zone for `edge`, and for the others.
fn zone(rng: &mut Rng) -> (String, String) {
    let mut labels = vec![
        "\"\":{\"ns\":[\"ns1.example.\",\"ns2.example.\"]}".to_owned(),
        "\"text\":{\"txt\":\"a pool of time servers that do not exist\"}".to_owned(),
        "\"mail\":{\"mx\":[{\"mx\":\"mail.example.\",\"preference\":10}]}".to_owned(),
    ];
    let mut text = format!(
        "$ORIGIN {APEX}.\n$TTL 150\n\
         @ 1500 SOA ns1.example. hostmaster.{APEX}. 1 5400 5400 1209600 3600\n\
         @ NS ns1.example.\n@ NS ns2.example.\n\
         text TXT \"a pool of time servers that do not exist\"\nmail MX 10 mail.example.\n"
    );
    for row in ROWS {
        let some = rng.u32(..1 << 16);
        let fours: Vec<_> =
            (0..24).map(|n| format!("203.{}.{}.{n}", some >> 8, some & 255)).collect();
        let sixes: Vec<_> = (0..24).map(|n| format!("2001:db8::{some:x}:{n:x}")).collect();
        let mut set = |addresses: &[String]| {
            let weighted = |address| format!("[\"{address}\",{}]", rng.u32(10..1_000));
            addresses.iter().map(weighted).collect::<Vec<_>>().join(",")
        };
        labels.push(format!("\"{row}\":{{\"a\":[{}],\"aaaa\":[{}]}}", set(&fours), set(&sixes)));
        for name in names(row) {
            if name != row {
                labels.push(format!("\"{name}\":{{\"alias\":\"{row}\"}}"));
            }
            for (four, six) in fours.iter().zip(&sixes).take(4) {
                writeln!(text, "{name} A {four}\n{name} AAAA {six}").ok();
            }
        }
    }
    let json =
        format!("{{\"ttl\":150,\"max_hosts\":4,\"serial\":1,\"data\":{{{}}}}}", labels.join(","));
    (json, text)
}

fn query(mix: &str, rng: &mut Rng) -> String {
    let name = rng.choice(ROWS).and_then(|row| rng.choice(names(row).collect::<Vec<_>>()));
    let name = format!("{}.{APEX}", name.unwrap_or_default());
    match mix {
        // As a pool is asked: seven of ten for IPv4.
        "A and AAAA" => format!("{name} {}", if rng.u32(..10) < 7 { "A" } else { "AAAA" }),
        "NXDOMAIN" if rng.u32(..10) < 8 => format!("n{}.{APEX} A", rng.u32(..1_000_000)),
        "NXDOMAIN" => format!("{name} A"),
        _ => match rng.u32(..5) {
            0 => format!("{APEX} NS"),
            1 => format!("{APEX} SOA"),
            2 => format!("text.{APEX} TXT"),
            3 => format!("mail.{APEX} MX"),
            _ => format!("{name} TXT"),
        },
    }
}
