//! Clocks published in quick succession: no reply is of two of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use edge_tables::jiffies::monotonic;
use edge_tests::frames::payload;
use edge_tests::kernel::Shared;
use edge_tests::time::{self, Ask, SECOND};
use edge_user::ntp::Publish as _;
use edge_user::ntp::published::Published;
use edge_user::ntp::state::{PHI, Service, Smear, State};
use edge_user::ntp::timestamp::{Short, Timestamp};

/// Publications, without a pause between them.
const PUBLICATIONS: u8 = 200;

/// A state whose fields all say which it is.
fn state(n: u8) -> State {
    let now = monotonic();
    State {
        monotonic: now,
        utc: Timestamp(u64::from(n) << 56),
        uncertainty: 0,
        lease: now + 60 * SECOND,
        service: Service::Answer,
        leap: 0,
        stratum: n % 15 + 1,
        precision: -25,
        refid: [n; 4],
        root_delay: Short(n.into()),
        root_dispersion: Short(1 << 16),
        dispersion_rate: PHI,
        reference: Timestamp(u64::from_be_bytes([n; 8])),
        leap_at: u64::MAX,
        leap_step: 0,
        smear: Smear::default(),
    }
}

#[test]
fn no_reply_is_made_of_two_clocks_however_quickly_they_follow_each_other() {
    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let _publisher = time::publisher(&store, shared.backend());
    let runner = shared.lock().runner().unwrap();
    let mut barrier = shared.lock().own_barrier().unwrap();
    let barrier = Box::new(move || barrier.wait().map_err(|error| error.to_string()));
    let mut published = Published::new(store, barrier, false);
    published.publish(&state(0));
    let frame = Ask::new("198.18.0.1:40123").frame();
    let done = AtomicBool::new(false);
    let (replies, longest) = thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut replies, mut last) = (0_u32, 0);
            while !done.load(Ordering::Relaxed) {
                let run = runner.run(&frame, 1).unwrap();
                assert_eq!(run.action, 3);
                let octets = payload(&run.frame).unwrap();
                let n = octets[12];
                assert!(n >= last, "{n} after {last}");
                assert_eq!(octets[1], n % 15 + 1);
                assert_eq!(octets[4..8], [0, 0, 0, n]);
                assert_eq!(octets[12..24], [n; 12]);
                assert_eq!((octets[32], octets[40]), (n, n));
                (replies, last) = (replies + 1, n);
            }
            replies
        });
        let mut longest = Duration::ZERO;
        for n in 1..=PUBLICATIONS {
            let begun = Instant::now();
            published.publish(&state(n));
            longest = longest.max(begun.elapsed());
        }
        done.store(true, Ordering::Relaxed);
        (asking.join().unwrap(), longest)
    });
    assert!(replies > u32::from(PUBLICATIONS), "{replies}");
    published.end();
    assert_eq!(shared.lock().run(&frame, 1).unwrap().action, 2, "nothing is left of it");
    println!("{replies} replies during {PUBLICATIONS} publications, of which one took {longest:?}");
}
