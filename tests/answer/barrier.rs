//! A packet that is slower than a publication.
//!
//! It stops at each of its lookups in turn while zones are published and dealt, and continues
//! when the publisher waits for it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use edge_common::abi::TableId;
use edge_tables::publish::{Backend, BackendError, Publishable, Publisher};
use edge_tables::store::{HostTables, Store};
use edge_tests::engine::{self, Outcome, grant_lease};
use edge_tests::fixture::{server4, server6};
use edge_tests::frames::Query;
use edge_tests::node;
use edge_tests::paused::Paused;
use edge_tests::versions::{queries, version, version_of};

/// How the publisher lets the packet go on, and hears that it is through.
type Packet = (Sender<()>, Receiver<Outcome>);

/// What the publisher does at its barrier.
#[derive(Clone, Default)]
struct Gate {
    packet: Arc<Mutex<Option<Packet>>>,
    outcome: Arc<Mutex<Option<Outcome>>>,
    /// A barrier that doesn't wait, to see that waiting is what helps.
    broken: bool,
}

impl Gate {
    /// Lets the packet go on to its end.
    fn open(&self) {
        if let Some((go, done)) = self.packet.lock().unwrap().take() {
            go.send(()).unwrap();
            *self.outcome.lock().unwrap() = Some(done.recv().unwrap());
        }
    }
}

impl Backend for Gate {
    fn insert(&mut self, _: TableId) -> Result<(), BackendError> {
        Ok(())
    }

    fn barrier(&mut self) -> Result<(), BackendError> {
        if !self.broken {
            self.open();
        }
        Ok(())
    }

    fn name(&mut self, _: &str, _: Option<TableId>) -> Result<(), BackendError> {
        Ok(())
    }
}

struct Node {
    gate: Gate,
    publisher: Publisher,
    tables: HostTables,
    zones: [Vec<Publishable>; 2],
}

impl Node {
    fn new(gate: Gate) -> Self {
        let store = Store::in_memory();
        let listen = [server4(), server6()];
        let mut publisher = node::publisher(store.clone(), Box::new(gate.clone()), &listen);
        grant_lease(&store);
        let databases = node::countries(&[("192.0.2.0/24", "DE"), ("2400::/16", "DE")]);
        // Compiled apart, so that tries and tables are new each time they take turns.
        let zones = [1, 2].map(|n| node::compiled(&[version(n)], &databases));
        node::publish(&mut publisher, &zones[0]);
        Self { gate, publisher, tables: node::host(&store, 9), zones }
    }

    /// What becomes of a packet that stops before lookup `at` while `act` happens; `None` when it
    /// has fewer lookups.
    fn during(&mut self, query: &Query, at: u32, act: fn(&mut Self)) -> Option<Outcome> {
        let tables = HostTables::new(self.tables.store().clone(), 9, false);
        let (stop, stopped) = channel();
        let (go, gone) = channel();
        let (finish, done) = channel();
        let frame = query.frame();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let pause = || {
                    stop.send(()).unwrap();
                    gone.recv().unwrap();
                };
                let outcome = engine::run(&Paused::new(&tables, at, pause), &frame);
                drop(finish.send(outcome));
                // Only now, so that a packet that never stopped differs from one that did.
                drop(stop);
            });
            stopped.recv().ok()?;
            *self.gate.packet.lock().unwrap() = Some((go, done));
            act(self);
            // What has no barrier has nothing to wait for; a broken one didn't.
            self.gate.open();
            self.gate.outcome.lock().unwrap().take()
        })
    }

    /// The other version, then back, so that whatever can be reused is.
    fn publish(&mut self) {
        for zones in [1, 0] {
            node::publish(&mut self.publisher, &self.zones[zones]);
        }
    }

    fn deal(&mut self) {
        for _ in 0..2 {
            assert!(self.publisher.deal_again().unwrap() > 0);
        }
    }

    /// Stops each query at each of its lookups; gives how many replies were of the version that
    /// was served before and of the one that came, and how many of neither.
    fn count(&mut self, queries: &[Query], act: fn(&mut Self)) -> [usize; 3] {
        let mut counts = [0; 3];
        for query in queries {
            for at in 0.. {
                let Some(outcome) = self.during(query, at, act) else {
                    assert!(at > 5, "{at} lookups");
                    break;
                };
                match version_of(query, &outcome.frame) {
                    Ok(version) => counts[usize::from(version) - 1] += 1,
                    Err(_) => counts[2] += 1,
                }
            }
        }
        counts
    }
}

#[test]
fn a_packet_slower_than_a_publication_answers_from_the_generation_it_began_with() {
    let mut node = Node::new(Gate::default());
    let [old, new, neither] = node.count(&queries()[..14], Node::publish);
    assert_eq!(neither, 0, "{old} of the old, {new} of the new");
    // Only those that stopped before they read the generation see the new one.
    assert!(old > new && new > 0, "{old} of the old, {new} of the new");
}

#[test]
fn a_packet_slower_than_a_deal_answers_from_cards_that_are_whole() {
    let mut node = Node::new(Gate::default());
    let [old, new, neither] = node.count(&queries()[..14], Node::deal);
    assert_eq!((new, neither), (0, 0));
    assert!(old > 100, "{old}");
}

#[test]
fn without_the_barrier_a_slow_packet_would_be_lost() {
    let mut node = Node::new(Gate { broken: true, ..Gate::default() });
    let [old, new, neither] = node.count(&queries()[..3], |node| {
        node.publish();
        node.publish();
    });
    assert!(neither > 0, "the tests above see nothing: {old} old, {new} new");
}
