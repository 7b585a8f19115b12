//! A frame comes in; the engine answers it or leaves it as it was, and never has a fault.
#![no_main]

use std::cell::OnceCell;

use edge_common::verdict::Action;
use edge_tests::engine::{self, grant_lease};
use edge_tests::frames::open_reply_to;
use edge_tests::message::Reply;
use edge_tests::{fixture, node};
use edge_user::publish::NoKernel;
use edge_user::store::{HostTables, Store};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static TABLES: OnceCell<HostTables> = const { OnceCell::new() };
}

fn tables() -> HostTables {
    let store = Store::in_memory();
    drop(fixture::publisher(&store, Box::new(NoKernel)));
    grant_lease(&store);
    node::host(&store, 1)
}

fuzz_target!(init: edge_fuzz::seed("frame"), |frame: &[u8]| {
    TABLES.with(|cell| {
        let tables = cell.get_or_init(tables);
        tables.seed(7);
        let outcome = engine::run(tables, frame);
        match outcome.verdict.action() {
            Action::Pass => assert_eq!(outcome.frame, frame, "touched"),
            Action::Tx => {
                let reply = open_reply_to(frame, &outcome.frame).expect("a reply");
                let reply = Reply::read(&reply).expect("a message");
                assert!(reply.answers.len() + reply.authorities.len() > 0);
            }
            Action::Aborted => panic!("{:?}", outcome.verdict),
        }
    });
});
