//! Tests of the hand-over, both ends in one process.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

use super::{Estate, HandoverError, Predecessor, expect, hand_over, read_line, refuse};

/// What [`hand_over`] returned, and what it called `pause` with.
type Ended = (Result<(), HandoverError>, Vec<bool>);

/// A node's control socket that hands over once.
fn node(estate: Estate) -> (tempfile::TempDir, PathBuf, JoinHandle<Ended>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let handing = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert_eq!(read_line(&mut stream).unwrap(), "{\"command\":\"take_over\"}");
        let paused = Arc::new(Mutex::new(Vec::new()));
        let ended = hand_over(stream, estate, |is_paused| paused.lock().unwrap().push(is_paused));
        let paused = paused.lock().unwrap().clone();
        (ended, paused)
    });
    (folder, path, handing)
}

#[test]
fn sockets_and_the_lock_go_to_the_next_node_however_many_there_are() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let lock = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut &lock, b"locked").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    // More than one message carries.
    let many = (0..200).map(|_| OwnedFd::from(udp.try_clone().unwrap()));
    let sockets = many.chain([tcp.into()]).collect();
    let (_folder, path, handing) = node(Estate { lock: Some(lock.into()), sockets });

    let mut taken = Predecessor::ask(&path).unwrap().unwrap();
    let lock = std::fs::File::from(taken.lock.unwrap());
    assert_eq!(lock.metadata().unwrap().len(), 6);
    assert!(taken.sockets.take_tcp(address).is_some());
    assert!(taken.sockets.take_tcp(address).is_none());
    taken.predecessor.attach().unwrap();
    taken.predecessor.done().unwrap();
    let (ended, paused) = handing.join().unwrap();
    ended.unwrap();
    assert_eq!(paused, [true]);
}

#[test]
fn a_node_goes_on_if_the_next_one_gives_up_before_or_after_it_attached() {
    for attached in [false, true] {
        let (_folder, path, handing) = node(Estate::default());
        let mut taken = Predecessor::ask(&path).unwrap().unwrap();
        assert!(taken.lock.is_none());
        if attached {
            taken.predecessor.attach().unwrap();
        }
        drop(taken);
        let (ended, paused) = handing.join().unwrap();
        assert!(ended.unwrap_err().to_string().contains("it gave up before"));
        assert_eq!(paused, if attached { vec![true, false] } else { vec![] });
    }
}

#[test]
fn where_no_node_is_there_is_nothing_to_take_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge.sock");
    assert!(Predecessor::ask(&path).unwrap().is_none());
    // A dead node left its socket.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert!(Predecessor::ask(&path).unwrap().is_none());
}

#[test]
fn a_node_that_refuses_is_named_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let refusing = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_line(&mut stream).unwrap();
        refuse(stream, "not a request");
    });
    let error = Predecessor::ask(&path).unwrap_err().to_string();
    refusing.join().unwrap();
    assert!(error.contains("edge.sock: it refuses: not a request; stop it"), "{error}");
}

#[test]
fn what_is_no_line_of_the_hand_over_is_named() {
    let (mut here, there) = UnixStream::pair().unwrap();
    std::io::Write::write_all(&mut &there, b"what\n").unwrap();
    let error = expect(&mut here, "attach").unwrap_err().to_string();
    assert_eq!(error, "it sent \"what\" instead of \"attach\"");
}
