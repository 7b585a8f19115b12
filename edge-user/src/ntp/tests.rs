//! Tests of the clock's whole task.
//!
//! The host is staged, the daemon is on loopback, and the published clock is checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use zerocopy::IntoBytes as _;

use super::daemon::tests::reply;
use super::fixture::Staged;
use super::state::{Service, State};
use super::step::Alarm;
use super::timestamp::SECOND;
use super::{Clock, PERIOD, Publish, Runner, View};
use crate::settings::{Ntp, Unsynchronised};

/// States, and `None` for the end.
#[derive(Debug)]
struct Sent(mpsc::UnboundedSender<Option<State>>);

impl Publish for Sent {
    fn publish(&mut self, state: &State) {
        self.0.send(Some(*state)).unwrap_or_default();
    }

    fn end(&mut self) {
        self.0.send(None).unwrap_or_default();
    }
}

struct Rung(Arc<Notify>);

impl Alarm for Rung {
    fn stepped(&mut self) -> impl Future<Output = ()> + Send {
        self.0.notified()
    }
}

struct Stage {
    host: Staged,
    view: View,
    alarm: Arc<Notify>,
    states: mpsc::UnboundedReceiver<Option<State>>,
    runner: JoinHandle<()>,
    daemon: JoinHandle<()>,
    /// Whether the daemon sends nothing.
    hangs: Arc<AtomicBool>,
}

impl Stage {
    async fn start() -> Self {
        Self::start_with(Unsynchronised::Pass, PERIOD).await
    }

    async fn start_with(unsynchronised: Unsynchronised, period: Duration) -> Self {
        let host = Staged::at(100 * SECOND);
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let source = socket.local_addr().unwrap();
        let config = Ntp { source, unsynchronised, ..Ntp::default() };
        let server = host.clone();
        let hangs = Arc::new(AtomicBool::new(false));
        let hung = Arc::clone(&hangs);
        let daemon = tokio::spawn(async move {
            let mut octets = [0; 512];
            loop {
                let (n, client) = socket.recv_from(&mut octets).await.unwrap();
                if hung.load(Ordering::SeqCst) {
                    continue;
                }
                let reply = reply(&server, &octets[..n]);
                drop(socket.send_to(reply.as_bytes(), client).await);
            }
        });
        let (sender, states) = mpsc::unbounded_channel();
        let view = Clock::new(&config).view();
        let runner = Runner::new(&config, view.clone(), host.clone(), Sent(sender));
        let runner = Runner { period, ..runner };
        let alarm = Arc::new(Notify::new());
        let runner = tokio::spawn(runner.run(Rung(Arc::clone(&alarm))));
        Self { host, view, alarm, states, runner, daemon, hangs }
    }

    async fn next(&mut self) -> State {
        self.states.recv().await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn the_first_state_waits_for_the_daemon_and_not_for_a_second() {
    let mut stage = Stage::start().await;
    let state = stage.next().await;
    assert_eq!((state.service, state.stratum), (Service::Answer, 3));
    let report = stage.view.report_at(state.monotonic);
    assert!(report.synchronised);
    assert_eq!((report.publications, report.steps, report.stratum), (1, 0, 3));
}

#[tokio::test]
async fn a_step_is_published_at_once_and_the_daemon_asked_at_once() {
    let mut stage = Stage::start().await;
    let before = stage.next().await;
    stage.host.step(-5_000_000_000);
    stage.alarm.notify_one();
    let stepped = stage.next().await;
    assert_eq!((stepped.service, stepped.leap), (Service::Pass, 3));
    let after = stage.next().await;
    assert_eq!(after.service, Service::Answer);
    assert!(after.utc.since(before.utc) < 0);
    // No staged second has gone by.
    assert!(after.monotonic - before.monotonic < SECOND);
    assert_eq!(stage.view.report_at(after.monotonic).steps, 1);
}

#[tokio::test]
async fn when_the_daemon_stops_time_is_served_until_the_lease_ends() {
    let mut stage = Stage::start().await;
    let first = stage.next().await;
    stage.daemon.abort();
    // Its socket is closed once it has ended.
    assert!((&mut stage.daemon).await.unwrap_err().is_cancelled());
    stage.host.advance(3 * SECOND);
    let held = stage.next().await;
    assert_eq!((held.service, held.lease), (Service::Answer, first.lease));
    stage.host.advance(2 * SECOND);
    let ended = stage.next().await;
    assert_eq!((ended.service, ended.stratum), (Service::Pass, 0));
    assert_eq!(stage.view.report_at(ended.monotonic).reason_kind, "refused");
}

/// No second tick comes as long as a test runs.
const NEVER: Duration = Duration::from_secs(1 << 30);

#[tokio::test]
async fn the_end_of_a_lease_is_published_when_it_ends_and_not_at_the_next_tick() {
    for (unsynchronised, service) in
        [(Unsynchronised::Flag, Service::Flag), (Unsynchronised::Drop, Service::Drop)]
    {
        let mut stage = Stage::start_with(unsynchronised, NEVER).await;
        let served = stage.next().await;
        assert_eq!(served.service, Service::Answer);
        stage.host.advance(served.lease - served.monotonic);
        let ended = stage.next().await;
        assert_eq!((ended.service, ended.stratum), (service, 0));
        assert!(ended.monotonic >= served.lease && ended.lease > ended.monotonic);
        let report = stage.view.report_at(ended.monotonic);
        assert_eq!((report.publications, &*report.reason_kind), (2, "late"));
    }
}

#[tokio::test]
async fn the_end_of_a_lease_moves_with_each_answer_and_is_published_once() {
    let mut stage = Stage::start_with(Unsynchronised::Drop, NEVER).await;
    let first = stage.next().await;
    stage.host.advance(3 * SECOND);
    // Without a step: what is known is published, and the daemon asked.
    stage.alarm.notify_one();
    let held = stage.next().await;
    assert_eq!((held.service, held.lease), (Service::Answer, first.lease));
    let renewed = stage.next().await;
    assert!(renewed.lease >= first.lease + 3 * SECOND);
    stage.hangs.store(true, Ordering::SeqCst);
    // Past the first lease, and not past the one that counts: what comes next is the alarm's.
    stage.host.advance(3 * SECOND);
    stage.alarm.notify_one();
    assert_eq!(stage.next().await.service, Service::Answer);
    stage.host.advance(2 * SECOND);
    let ended = stage.next().await;
    assert_eq!(ended.service, Service::Drop);
    assert!(ended.monotonic >= renewed.lease);
    assert_eq!(stage.view.report_at(ended.monotonic).publications, 5);
    // Then the reason is the daemon's silence.
    assert_eq!(stage.next().await.service, Service::Drop);
    assert_eq!(stage.view.report_at(ended.monotonic).reason_kind, "silent");
}

#[tokio::test]
async fn whoever_stops_it_takes_the_time_away() {
    let mut stage = Stage::start().await;
    stage.next().await;
    stage.runner.abort();
    assert!((&mut stage.runner).await.unwrap_err().is_cancelled());
    assert_eq!(stage.states.recv().await, Some(None));
}
