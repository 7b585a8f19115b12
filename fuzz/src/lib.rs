//! Seeds of the corpora: what the fixtures of the tests give each target.

use std::fs;
use std::path::Path;

use edge_tests::grammar::Grammar;
use edge_tests::message::{Ask, rtype, subnet};
use edge_tests::served::Served;
use edge_tests::stage::{framed, zones};
use edge_tests::{cases, fixture, space};

/// The variable that names the folder of corpora; without it, none is written.
pub const CORPORA: &str = "EDGE_FUZZ_CORPORA";

/// Writes the seeds of a target into its corpus, before that is read.
///
/// # Panics
/// When a folder or file can't be made.
pub fn seed(target: &str) {
    let Some(folder) = std::env::var_os(CORPORA) else { return };
    let folder = Path::new(&folder).join(target);
    fs::create_dir_all(&folder).expect("a folder");
    for (n, seed) in seeds(target).into_iter().enumerate() {
        fs::write(folder.join(format!("seed-{n:05}")), seed).expect("write");
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "zone" => {
            let files = fs::read_dir(zones::folder()).expect("fixtures");
            files.map(|file| fs::read(file.expect("an entry").path()).expect("read")).collect()
        }
        "frame" => frames(),
        "message" => messages(),
        "subnet" => subnets(),
        "wire" => replies(),
        _ => streams(),
    }
}

/// Some of the cases, and some of what the grammar makes of the fixture's names.
fn frames() -> Vec<Vec<u8>> {
    let mut grammar = Grammar::new(1, &fixture::names());
    let made = (0..1_000).map(|_| grammar.frame());
    cases::corpus().into_iter().step_by(7).chain(made).collect()
}

/// One of some hundred questions, which is enough of each kind.
fn messages() -> Vec<Vec<u8>> {
    let questions = (0..=255_u8).cycle().zip(space::questions().step_by(97));
    questions
        .map(|(n, query)| [&[n, u8::from(n % 5 == 0)], query.message().as_slice()].concat())
        .collect()
}

/// The replies to these questions.
fn replies() -> Vec<Vec<u8>> {
    let mut served = Served::new();
    let mut ask = |seed: &[u8]| match seed {
        [who, _, message @ ..] => served.ask(*who, false, message).map(|reply| reply.octets),
        _ => None,
    };
    messages().iter().filter_map(|seed| ask(seed)).collect()
}

fn subnets() -> Vec<Vec<u8>> {
    let prefixes =
        ["192.0.2.0/24", "198.51.100.7/32", "0.0.0.0/0", "2001:db8:de::/48", "10.0.0.0/8"];
    let asked = (0..=255_u8).zip(prefixes).flat_map(|(who, prefix)| {
        (0..32).map(move |which| [&[who, which], subnet(prefix).as_slice()].concat())
    });
    asked.collect()
}

fn streams() -> Vec<Vec<u8>> {
    let one = framed(&Ask::new("www.geo.example", rtype::A).octets());
    let two = framed(&Ask::new("nobody.geo.example", rtype::TXT).subnet("192.0.2.0/24").octets());
    vec![
        Vec::new(),
        [&[0], one.as_slice()].concat(),
        [&[1], one.as_slice(), &two].concat(),
        [&[40], two.as_slice(), &one, &[0, 0], &one].concat(),
        [&[7], one.as_slice(), &[0, 200, 1, 2]].concat(),
    ]
}
