//! Daemons on loopback that answer well, badly, late or not at all.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;
use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::{Answer, Fault, ask, measure, step};
use crate::ntp::fixture::{Staged, answer};
use crate::ntp::host::Host as _;
use crate::ntp::message::{Refusal, Wire};
use crate::ntp::timestamp::{ONE, SECOND, fractions, nanoseconds};

const COOKIE: u64 = 0xFEDC_BA98_7654_3210;

/// What a good daemon with a staged host's clock replies.
pub(in crate::ntp) fn reply(host: &Staged, request: &[u8]) -> Wire {
    let request = Wire::read_from_bytes(request).unwrap();
    let stamp = || U64::new(host.utc().0);
    Wire {
        first: 0x24,
        stratum: 3,
        poll: request.poll,
        precision: -25,
        root_delay: U32::new(1 << 10),
        root_dispersion: U32::new(1 << 9),
        refid: [192, 0, 2, 9],
        reference: U64::new(host.utc().plus(-7 * ONE).0),
        origin: request.transmit,
        receive: stamp(),
        transmit: stamp(),
    }
}

/// A daemon that replies to each request with these datagrams.
async fn daemon(
    host: &Staged,
    replies: impl Fn(Wire) -> Vec<Vec<u8>> + Send + 'static,
) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let host = host.clone();
    tokio::spawn(async move {
        let mut octets = [0; 512];
        while let Ok((n, client)) = socket.recv_from(&mut octets).await {
            for datagram in replies(reply(&host, &octets[..n])) {
                socket.send_to(&datagram, client).await.unwrap();
            }
        }
    });
    address
}

async fn asked(change: impl Fn(&mut Wire) + Send + 'static) -> Result<Answer, Fault> {
    let host = Staged::at(50 * SECOND);
    let source = daemon(&host, move |mut wire| {
        change(&mut wire);
        vec![wire.as_bytes().to_vec()]
    });
    let source = source.await;
    ask(source, COOKIE, &host).await
}

#[tokio::test]
async fn a_good_daemon_is_heard_and_its_offset_is_that_of_its_clock() {
    let answer = asked(|_| ()).await.unwrap();
    assert_eq!((answer.message.stratum, answer.message.refid), (3, [192, 0, 2, 9]));
    assert!(nanoseconds(answer.offset).abs() < 1000, "{answer:?}");
    assert!(answer.delay < 1000, "{answer:?}");
    assert!(answer.monotonic > 50 * SECOND);
}

#[tokio::test]
async fn a_daemon_that_lies_by_seconds_is_measured_as_lying_by_seconds() {
    for seconds in [3, -3] {
        let answer = asked(move |wire| {
            for stamp in [&mut wire.receive, &mut wire.transmit, &mut wire.reference] {
                *stamp = U64::new(stamp.get().wrapping_add_signed(seconds * ONE));
            }
        });
        let offset = nanoseconds(answer.await.unwrap().offset) - seconds * 1_000_000_000;
        assert!(offset.abs() < 1000, "{offset}");
    }
}

#[tokio::test]
async fn a_daemon_that_isnt_synchronised_or_sends_a_kiss_is_refused_at_once() {
    let unsynchronised = asked(|wire| (wire.first, wire.stratum, wire.refid) = (0xE4, 0, [0; 4]));
    assert_eq!(unsynchronised.await, Err(Refusal::Unsynchronised.into()));
    let kiss = asked(|wire| (wire.first, wire.stratum, wire.refid) = (0xE4, 0, *b"RATE")).await;
    let kiss = kiss.unwrap_err();
    assert_eq!(kiss, Refusal::Kiss(*b"RATE").into());
    assert!(kiss.is_rate());
}

#[tokio::test]
async fn answers_to_other_requests_are_passed_over_and_reported_if_nothing_else_comes() {
    let host = Staged::at(50 * SECOND);
    let foreign = |wire: &Wire| {
        let other = Wire { origin: U64::new(wire.origin.get() ^ 1), ..*wire };
        let request = Wire { first: 0x23, ..*wire };
        [other, request].map(|wire| wire.as_bytes().to_vec()).to_vec()
    };
    let source = daemon(&host, move |wire| foreign(&wire)).await;
    let fault = ask(source, COOKIE, &host).await.unwrap_err();
    assert!(matches!(fault, Fault::Refusal(Refusal::Foreign(_))), "{fault}");
    let source = daemon(&host, move |wire| {
        let good = wire.as_bytes().to_vec();
        [foreign(&wire), vec![good]].concat()
    });
    let source = source.await;
    assert_eq!(ask(source, COOKIE, &host).await.unwrap().message.stratum, 3);
}

#[tokio::test]
async fn an_answer_from_elsewhere_isnt_heard() {
    let host = Staged::at(50 * SECOND);
    let asked = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let source = asked.local_addr().unwrap();
    let server = host.clone();
    tokio::spawn(async move {
        let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut octets = [0; 512];
        let (n, client) = asked.recv_from(&mut octets).await.unwrap();
        let wire = reply(&server, &octets[..n]);
        other.send_to(wire.as_bytes(), client).await.unwrap();
        // Until the test is over.
        asked.recv_from(&mut octets).await.unwrap();
    });
    assert_eq!(ask(source, COOKIE, &host).await, Err(Fault::Silent));
}

#[tokio::test]
async fn a_silent_daemon_is_not_waited_for_and_a_late_answer_harms_nobody() {
    let host = Staged::at(50 * SECOND);
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let source = socket.local_addr().unwrap();
    let mut octets = [0; 512];
    let (fault, request) = tokio::join!(ask(source, COOKIE, &host), socket.recv_from(&mut octets));
    assert_eq!(fault, Err(Fault::Silent));
    // The first request is answered only now, and the second one in time.
    let (n, first) = request.unwrap();
    let late = reply(&host, &octets[..n]);
    let server = async {
        let mut octets = [0; 512];
        let (n, second) = socket.recv_from(&mut octets).await.unwrap();
        // Its port may be gone; then the kernel may return an error.
        drop(socket.send_to(late.as_bytes(), first).await);
        drop(socket.send_to(late.as_bytes(), second).await);
        let good = reply(&host, &octets[..n]);
        socket.send_to(good.as_bytes(), second).await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask(source, COOKIE + 1, &host), server);
    assert_eq!(answer.unwrap().message.stratum, 3);
}

#[tokio::test]
async fn a_port_that_no_process_has_is_reported_at_once() {
    let host = Staged::at(50 * SECOND);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let source = socket.local_addr().unwrap();
    drop(socket);
    assert_eq!(ask(source, COOKIE, &host).await, Err(Fault::Refused));
}

#[tokio::test]
async fn a_step_while_the_daemon_is_asked_spoils_the_measurement() {
    let host = Staged::at(50 * SECOND);
    let stepping = host.clone();
    let source = daemon(&host, move |wire| {
        stepping.step(-5_000_000_000);
        vec![wire.as_bytes().to_vec()]
    });
    let source = source.await;
    assert_eq!(ask(source, COOKIE, &host).await, Err(Fault::Stepped));
}

#[tokio::test]
async fn an_answer_that_took_too_long_shows_nothing_about_the_clock() {
    let host = Staged::at(50 * SECOND);
    let clock = host.clone();
    let source = daemon(&host, move |wire| {
        clock.advance(SECOND / 10);
        vec![wire.as_bytes().to_vec()]
    });
    let fault = ask(source.await, COOKIE, &host).await.unwrap_err();
    assert!(matches!(fault, Fault::Slow(100_000_000..101_000_000)), "{fault}");
    assert!(!fault.is_final());
}

#[test]
fn offset_and_delay_are_those_of_the_four_timestamps() {
    let host = Staged::at(1000 * SECOND);
    let pair = host.pair();
    let sent = pair.monotonic + 10_000;
    let received = sent + 700_000;
    let mut message = answer(0, 0).message;
    // There 300 µs, 200 µs with the daemon, back 200 µs; its clock is 2 s ahead.
    message.receive = host.real(sent + 300_000).utc().plus(2 * ONE);
    message.transmit = host.real(sent + 500_000).utc().plus(2 * ONE);
    let answer = measure(message, pair, [sent, received], host.real(received + 50)).unwrap();
    assert!((nanoseconds(answer.offset) - 2_000_050_000).abs() <= 1, "{answer:?}");
    assert!(answer.delay.abs_diff(500_000) <= 1, "{answer:?}");
    assert_eq!(answer.monotonic, received);
}

#[test]
fn offsets_are_right_across_the_end_of_an_era() {
    let host = Staged::at(1000 * SECOND);
    host.step((2_085_978_496 - crate::ntp::fixture::DAY - 1000) * 1_000_000_000);
    let pair = host.pair();
    let (sent, received) = (pair.monotonic - 2000, pair.monotonic + 2000);
    let mut message = answer(0, 0).message;
    message.receive = host.real(sent).utc().plus(fractions(1000));
    message.transmit = host.real(received).utc().plus(-fractions(1000));
    assert!(message.receive.0 > message.transmit.0);
    let answer = measure(message, pair, [sent, received], host.real(received + 50)).unwrap();
    assert!(nanoseconds(answer.offset).abs() <= 1, "{answer:?}");
}

#[test]
fn two_pairs_show_by_how_much_the_clock_was_stepped() {
    let host = Staged::at(1000 * SECOND);
    let before = host.pair();
    host.advance(3600 * SECOND);
    assert!(step(before, host.pair()).abs() <= 1);
    host.step(-250_000_000);
    assert!((step(before, host.pair()) + 250_000_000).abs() <= 1);
}
