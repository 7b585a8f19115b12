//! A client of the TCP listener: whole messages come back, then the end.
#![no_main]

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use edge_tests::message::Reply;
use edge_tests::stage::{Loopback, Stage};
use libfuzzer_sys::fuzz_target;

static SERVER: LazyLock<Loopback> = LazyLock::new(Loopback::start);
/// Each connection has an address of its own: ports rest for a minute after use.
static NEXT: AtomicU32 = AtomicU32::new(0x7f01_0001);

fuzz_target!(init: edge_fuzz::seed("stream"), |input: &[u8]| {
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let client = IpAddr::from((0x7f01_0000 | next & 0x007f_ffff).to_be_bytes());
    let mut stream = SERVER.connection(client);
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
    // In two pieces, the first octet saying where.
    let (at, octets) =
        input.split_first().map_or((0, input), |(at, rest)| (usize::from(*at), rest));
    let (one, two) = octets.split_at(at.min(octets.len()));
    // The server may have heard enough.
    drop(stream.write_all(one).and_then(|()| stream.write_all(two)));
    drop(stream.shutdown(Shutdown::Write));
    let mut answers = Vec::new();
    match stream.read_to_end(&mut answers) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
        Err(error) => panic!("the connection doesn't end: {error}"),
    }
    let mut rest = answers.as_slice();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (message, behind) = behind.split_at(u16::from_be_bytes(*length).into());
        Reply::read(message).expect("a message");
        rest = behind;
    }
    assert!(rest.is_empty(), "half a length");
});
