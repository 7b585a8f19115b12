//! A folder comes in; it gets a corpus for each target, made from the tests' fixtures.

use std::fs;
use std::path::Path;

use edge_tests::message::{Ask, rtype, subnet};
use edge_tests::stage::{framed, zones};
use edge_tests::{cases, space};

fn write(folder: &Path, target: &str, seeds: impl IntoIterator<Item = Vec<u8>>) {
    let folder = folder.join(target);
    fs::create_dir_all(&folder).expect("a folder");
    for (n, seed) in seeds.into_iter().enumerate() {
        fs::write(folder.join(format!("seed-{n:05}")), seed).expect("write");
    }
}

fn main() {
    let folder = std::env::args_os().nth(1).expect("a folder");
    let folder = Path::new(&folder);
    let files = fs::read_dir(zones::folder()).expect("fixtures");
    write(folder, "zone", files.map(|file| fs::read(file.expect("an entry").path()).expect("read")));
    write(folder, "frame", cases::corpus().into_iter().step_by(3));
    // One of some hundred questions is enough of each kind.
    let messages: Vec<Vec<u8>> = space::questions().step_by(97).map(|query| query.message()).collect();
    let asked = |(n, message): (usize, &Vec<u8>)| {
        let who = [u8::try_from(n % 256).expect("a remainder"), u8::from(n % 5 == 0)];
        [&who, message.as_slice()].concat()
    };
    write(folder, "message", messages.iter().enumerate().map(asked));
    let prefixes = ["192.0.2.0/24", "198.51.100.7/32", "0.0.0.0/0", "2001:db8:de::/48", "10.0.0.0/8"];
    let options = prefixes.iter().enumerate().flat_map(|(who, prefix)| {
        let who = u8::try_from(who).expect("few");
        (0..32).map(move |which| [&[who, which], subnet(prefix).as_slice()].concat())
    });
    write(folder, "subnet", options);
    let one = framed(&Ask::new("www.geo.example", rtype::A).octets());
    let two = framed(&Ask::new("nobody.geo.example", rtype::TXT).subnet("192.0.2.0/24").octets());
    let streams = [
        Vec::new(),
        [&[0], one.as_slice()].concat(),
        [&[1], one.as_slice(), &two].concat(),
        [&[40], two.as_slice(), &one, &[0, 0], &one].concat(),
        [&[7], one.as_slice(), &[0, 200, 1, 2]].concat(),
    ];
    write(folder, "stream", streams);
}
