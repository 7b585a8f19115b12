//! The NTP daemon behind the node, in the server's namespace.
//!
//! It is a real chronyd, which says that it is synchronised to this machine's clock and never sets
//! it, or a made-up daemon that gives another time.

use std::fs::Permissions;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use edge_common::time::SECOND;
use rustix::process::Signal;
use tempfile::TempDir;

use super::{PATIENCE, Process, Rig, copy, find};

/// Where the node asks.
const ASKED: &str = "127.0.0.1:123";
/// Octets of an NTP header.
const HEADER_OCTETS: usize = 48;
/// From NTP's first second to Unix's.
const UNIX_OFFSET: u64 = 2_208_988_800;

/// A running chronyd; it ends when it is dropped.
#[derive(Debug)]
pub struct Source {
    process: Process,
    folder: TempDir,
}

/// A folder of one's own: chronyd makes no socket in one that others may read.
pub(super) fn folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("edge-test-").permissions(Permissions::from_mode(0o700));
    builder.tempdir().expect("a folder")
}

/// A command that can't set the clock, and ends with us.
pub(super) fn harmless(mut command: Command) -> Command {
    command.args(["--pdeathsig", "TERM", "--bounding-set", "-sys_time"]);
    command
}

/// Copies a program into a folder: `AppArmor`'s rules for it go by its path, and allow only the
/// system's folders.
pub(super) fn own_copy(program: &str, folder: &Path) -> PathBuf {
    let to = folder.join(program);
    copy(&find(program), &to);
    to
}

/// A report of chronyd's, as comma-separated values, from its socket in a folder.
pub(super) fn chronyc(folder: &Path, report: &str) -> Option<String> {
    let mut command = Command::new(find("chronyc"));
    command.arg("-h").arg(folder.join("socket")).args(["-c", "-n"]).args(report.split(' '));
    let printed = command.output().expect("chronyc runs");
    printed.status.success().then(|| String::from_utf8_lossy(&printed.stdout).into_owned())
}

/// The configuration that every chronyd here has in common.
pub(super) fn own(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "bindcmdaddress {folder}/socket\ncmdport 0\npidfile {folder}/pid\nuser root\nkeyfile {folder}/keys\n"
    )
}

/// The key that some clients sign with.
pub(super) const KEY: &str =
    "1 SHA256 HEX:000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n";

impl Source {
    /// Starts one that answers at all addresses of the server's, and waits until it says that it is
    /// synchronised.
    #[must_use]
    pub fn start(rig: &Rig) -> Self {
        Self::start_with(rig, "")
    }

    /// The same with more lines of configuration.
    #[must_use]
    pub fn start_with(rig: &Rig, lines: &str) -> Self {
        let folder = folder();
        let path = folder.path();
        let config = format!("local stratum 2\nallow all\n{}{lines}\n", own(path));
        std::fs::write(path.join("config"), config).expect("write");
        std::fs::write(path.join("keys"), KEY).expect("write");
        let mut command = harmless(rig.server.command("setpriv"));
        command.arg(own_copy("chronyd", path)).args(["-x", "-d", "-f"]).arg(path.join("config"));
        let source = Self { process: Process::start(&mut command), folder };
        let end = Instant::now() + PATIENCE;
        while chronyc(source.folder.path(), "tracking").is_none() {
            assert!(Instant::now() < end, "it doesn't start: {:#?}", source.process.log());
            thread::sleep(Duration::from_millis(20));
        }
        source
    }

    /// Keys of `[ntp]` by which the node asks it what it knows of its clock.
    #[must_use]
    pub fn keys(&self) -> String {
        let (program, folder) = (find("chronyc"), self.folder.path());
        format!(
            "chronyc = \"{}\"\nchrony_socket = \"{}/socket\"",
            program.display(),
            folder.display()
        )
    }

    /// Stops it, as a machine that is too busy would: its sockets stay.
    pub fn stop(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.signal(Signal::CONT);
    }

    /// The addresses that have asked it for the time.
    ///
    /// # Panics
    /// When it doesn't tell.
    #[must_use]
    pub fn clients(&self) -> Vec<String> {
        let report = chronyc(self.folder.path(), "clients").expect("it runs");
        let asked = report.lines().filter_map(|line| {
            let mut columns = line.split(',');
            let (address, requests) = (columns.next()?, columns.next()?);
            (requests != "0").then(|| address.to_owned())
        });
        asked.collect()
    }
}

/// A daemon that answers the node in the other's place, and tells the time some seconds late or
/// early.
#[derive(Debug)]
pub struct WrongClock {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl WrongClock {
    /// Tells a time that is `ahead` of this machine's clock.
    #[must_use]
    pub fn start(rig: &Rig, ahead: Duration) -> Self {
        // A socket stays in the namespace in which it was made.
        let socket = rig.server.enter(|| UdpSocket::bind(ASKED).expect("nobody is there"));
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let done = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&done);
        let thread = thread::spawn(move || {
            let mut request = [0; HEADER_OCTETS];
            while !told.load(Ordering::Relaxed) {
                if let Ok((HEADER_OCTETS, from)) = socket.recv_from(&mut request) {
                    let _sent = socket.send_to(&wrong_reply(&request, ahead), from);
                }
            }
        });
        Self { done, thread: Some(thread) }
    }
}

impl Drop for WrongClock {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// A reply of stratum 1 with all timestamps alike.
fn wrong_reply(request: &[u8; HEADER_OCTETS], ahead: Duration) -> [u8; HEADER_OCTETS] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970") + ahead;
    let seconds = (now.as_secs() + UNIX_OFFSET) << 32;
    let time = (seconds | ((u64::from(now.subsec_nanos()) << 32) / SECOND)).to_be_bytes();
    let mut reply = [0; HEADER_OCTETS];
    // RFC 5905 §7.3: version 4, mode 4; stratum 1; poll as asked; 2^-20 s.
    reply[..4].copy_from_slice(&[0x24, 1, request[2], 0xec]);
    reply[12..16].copy_from_slice(b"LIE\0");
    reply[16..24].copy_from_slice(&time);
    reply[24..32].copy_from_slice(&request[40..]);
    reply[32..40].copy_from_slice(&time);
    reply[40..].copy_from_slice(&time);
    reply
}
