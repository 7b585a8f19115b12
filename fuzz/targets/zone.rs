//! A zone file: refused with a place and a reason, or served whole.
#![no_main]

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use edge_tests::message::{Ask, Reply};
use edge_tests::{node, space};
use edge_authority::{Answerer, Asked, Options, Serving};
use edge_zone::geo::Databases;
use edge_zone::geo::GeoLocator;
use edge_zone::{self as zone, Zone};
use libfuzzer_sys::fuzz_target;

/// Names that are asked of one zone.
const NAMES: usize = 20;
const TYPES: [u16; 9] = [1, 28, 5, 6, 16, 43, 65, 255, 257];

thread_local! {
    static DATABASES: Arc<Databases> = Arc::new(space::databases());
}

/// A label's text, as far as a question can be written without escapes.
fn plain(zone: &Zone, label: &str) -> Option<String> {
    let name = format!("{label}.{}", zone.apex);
    let fits = name.len() < 250 && name.split('.').all(|part| part.len() < 64);
    (fits && !name.contains('\\')).then_some(name)
}

fuzz_target!(init: edge_fuzz::seed("zone"), |text: &[u8]| {
    let zone = match zone::parse("fuzz.example", text, UNIX_EPOCH, Path::new("fuzz.json")) {
        Ok(zone) => zone,
        Err(error) => {
            let told = error.to_string();
            assert!(told.starts_with("fuzz.json:") && told.len() > 15, "{told}");
            return;
        }
    };
    let databases = DATABASES.with(Arc::clone);
    if zone.labels.len() < 200 {
        drop(node::compiled(std::slice::from_ref(&zone), &databases));
    }
    let names: Vec<String> =
        zone.labels.iter().filter_map(|label| plain(&zone, &label.name)).take(NAMES).collect();
    let places = GeoLocator { databases, ..GeoLocator::default() };
    let serving = Serving::new([Arc::new(zone)], Arc::new(places));
    let mut answerer = Answerer::new(space::random());
    let server = SocketAddr::from(([192, 0, 2, 53], 53));
    let mut out = Vec::new();
    for (at, name) in names.iter().enumerate() {
        for (rtype, stream) in TYPES.into_iter().zip([true, false].into_iter().cycle()) {
            let client =
                IpAddr::from([[192, 0, 2, 10], [198, 51, 100, 7], [198, 18, 0, 1]][at % 3]);
            let asked = Asked { client: SocketAddr::new(client, 4000), server, stream };
            let message = Ask::new(name, rtype).edns(1232).octets();
            answerer.answer(&serving, &Options::default(), &message, &asked, &mut out);
            let reply = Reply::read(&out).expect("a message");
            assert!(reply.rcode == 0 || reply.rcode == 3, "{reply:?}");
            assert!(stream || out.len() <= 1232);
        }
    }
});
