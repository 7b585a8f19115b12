//! The product's engine on the host: a frame's verdict and new octets.

use std::sync::atomic::{Ordering, fence};

use edge_common::frame::SliceFrame;
use edge_common::ingress::ingress;
use edge_common::tables::Tables;
use edge_common::verdict::Verdict;
use edge_tables::store::{ControlBlock, Store};

use crate::controls::Controls;
use crate::node::TEST_IFINDEX;

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub verdict: Verdict,
    /// The frame afterwards.
    pub frame: Vec<u8>,
}

/// Runs the engine over a frame with the head room of native drivers.
#[must_use]
pub fn run<T: Tables>(tables: &T, frame: &[u8]) -> Outcome {
    run_in(tables, frame, SliceFrame::HEAD_ROOM)
}

/// Runs the engine over a frame with so many octets of head room.
#[must_use]
pub fn run_in<T: Tables>(tables: &T, frame: &[u8], head_room: usize) -> Outcome {
    // What isn't written shows.
    let mut buffer = vec![0xa5; head_room];
    buffer.extend_from_slice(frame);
    let end = buffer.len();
    let mut slice = SliceFrame::new(&mut buffer, head_room, end, TEST_IFINDEX).expect("inside");
    let verdict = ingress(&mut slice, tables);
    Outcome { verdict, frame: slice.as_octets().to_vec() }
}

/// What the control words say when a frame comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As the publisher left them, with a lease.
    Serving,
    /// As before the first publication.
    Unpublished,
    /// After the end of the lease.
    LeaseEnded,
    /// With something configured.
    With(Controls),
}

impl State {
    /// What is configured.
    #[must_use]
    pub fn controls(self) -> Controls {
        match self {
            Self::With(controls) => controls,
            _ => Controls::default(),
        }
    }

    /// Does something while the control words say this; then they are as before.
    pub fn during<T>(self, store: &Store, act: impl FnOnce() -> T) -> T {
        let control = store.control;
        let (before, set): (_, fn(ControlBlock, u64)) = match self {
            Self::Serving => return act(),
            Self::Unpublished => (control.generation(), ControlBlock::set_generation),
            Self::LeaseEnded => (control.lease(), ControlBlock::set_lease),
            Self::With(controls) => return controls.during(store, act),
        };
        set(control, 0);
        fence(Ordering::SeqCst);
        let done = act();
        set(control, before);
        fence(Ordering::SeqCst);
        done
    }
}

/// Gives a store that no kernel renews a lease without end.
pub fn grant_lease(store: &Store) {
    store.control.set_lease(u64::MAX);
}
