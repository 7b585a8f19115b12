//! A Client Subnet option: the same subnet comes back, or FORMERR.
//!
//! The first two octets choose client and name, the others are the option's data.
#![no_main]

use std::cell::RefCell;

use edge_tests::message::{Ask, option, rcode, rtype};
use edge_tests::served::Served;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SERVED: RefCell<Served> = RefCell::new(Served::new());
}

const NAMES: [&str; 8] = [
    "www.geo.example",
    "geo.example",
    "0.debian.geo.example",
    "t0.target.example",
    "six.target.example",
    "one.near.example",
    "_country.geo.example",
    "nobody.geo.example",
];

fuzz_target!(init: edge_fuzz::seed("subnet"), |input: &[u8]| {
    let [who, which, data @ ..] = input else { return };
    let Ok(_) = u16::try_from(data.len() + 4) else { return };
    let name = NAMES[usize::from(which % 8)];
    let kind = if which & 8 == 0 { rtype::A } else { rtype::TXT };
    let message = Ask::new(name, kind).option(option::SUBNET, data).octets();
    SERVED.with_borrow_mut(|served| {
        let reply = served.ask(*who, which & 16 != 0, &message).expect("a reply");
        let told = reply.opt.as_ref().and_then(|opt| opt.option(option::SUBNET));
        match (reply.rcode, told) {
            (rcode::FORMERR, _) => assert!(reply.answers.is_empty()),
            (_, Some([high, low, source, scope, address @ ..])) => {
                assert_eq!(
                    ([*high, *low], *source),
                    ([data[0], data[1]], data[2]),
                    "another prefix"
                );
                assert_eq!(address, &data[4..], "another address");
                assert!(*scope <= if data[1] == 1 { 32 } else { 128 }, "scope {scope}");
            }
            (code, told) => panic!("{code} {told:?}"),
        }
    });
});
