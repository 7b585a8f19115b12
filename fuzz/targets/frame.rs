//! A frame: answered or left unmodified by the engine, never with a fault.
#![no_main]

use std::cell::OnceCell;

use edge_common::abi::switches::REFUSE;
use edge_common::verdict::Action;
use edge_tests::engine::{self, grant_lease};
use edge_tests::frames::open_reply_to;
use edge_tests::message::Reply;
use edge_tests::oracle::verdict;
use edge_tests::{controls::Controls, fixture, node};
use edge_tables::publish::NoKernel;
use edge_tables::store::{HostTables, Store};
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
        let run = || engine::run(tables, frame);
        let outcome = Controls::OPEN.switched(REFUSE).during(tables.store(), run);
        match outcome.verdict.action() {
            Action::Pass | Action::Drop => assert_eq!(outcome.frame, frame, "touched"),
            Action::Tx => {
                let reply = open_reply_to(frame, &outcome.frame).expect("a reply");
                let reply = Reply::read(&reply).expect("a message");
                assert_eq!(verdict(&reply), Some(outcome.verdict), "{reply:?}");
            }
            Action::Aborted => panic!("{:?}", outcome.verdict),
        }
    });
});
