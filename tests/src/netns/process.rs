//! A running program whose log is kept; it is killed when it is dropped.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take that is waited for, unless a test says otherwise. It ought to be
/// seconds; tests run beside each other, and others may use the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a program may take to end after it was asked to: less than the lease of XDP.
const END: Duration = Duration::from_secs(20);

/// What a process has said on stderr.
#[derive(Debug, Default)]
struct Said {
    lines: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, (Vec<String>, bool)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: Option<String>) {
        let mut lines = self.lock();
        match line {
            Some(line) => lines.0.push(line),
            None => lines.1 = true,
        }
        drop(lines);
        self.changed.notify_all();
    }
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    said: Arc<Said>,
}

/// The program under test: `EDGE_BIN`, or `edge` beside this program or in the folder above.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("EDGE_BIN").map(PathBuf::from) {
        assert!(
            path.is_absolute() && path.is_file(),
            "EDGE_BIN={}: no absolute path of a program",
            path.display()
        );
        return path;
    }
    let own = std::env::current_exe().expect("a program knows its path");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("edge"));
    found.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "no edge beside {} or above; build it by `cargo xtask build`, or name it by EDGE_BIN",
            own.display()
        )
    })
}

/// Where programs may be that aren't in `PATH`: administrators' tools, systemd's own, and what
/// `cargo xtask setup` has unpacked or built for the tests alone.
const FOLDERS: [&str; 8] = [
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/lib/systemd",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/bin"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/usr/sbin"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/usr/bin"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/usr/lib/systemd"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/lib/systemd"),
];

/// Another program, by its name.
#[must_use]
pub fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file()).unwrap_or_else(|| {
        // Only the long tier's are built from source.
        let long = if program.starts_with("ntp-") { " --long" } else { "" };
        panic!("there is no {program}; run `cargo xtask setup{long}`")
    })
}

/// Copies a program.
///
/// `cp` does it: were the copy open for writing here, a child that another test starts at the same
/// time would hold it open, too, and the kernel refuses to run a file that somebody may write.
///
/// # Panics
/// When it can't be copied.
pub fn copy(program: &Path, to: &Path) {
    let status = Command::new("cp").arg(program).arg(to).status().expect("cp runs");
    assert!(status.success(), "cp {} {}: {status}", program.display(), to.display());
}

impl Process {
    /// Starts a program.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::new(Said::default());
        let (stderr, heard) = (child.stderr.take().expect("piped"), Arc::clone(&said));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.add(Some(line));
            }
            heard.add(None);
        });
        Self { child, said }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.said.lock().0.clone()
    }

    /// Waits until it says a line that contains `text`, and gives it.
    ///
    /// # Panics
    /// When it ends before, or doesn't within [`PATIENCE`].
    #[must_use]
    pub fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut lines = self.said.lock();
        loop {
            if let Some(line) = lines.0.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!lines.1 && !left.is_zero(), "no {text:?} in: {:#?}", lines.0);
            lines = self
                .said
                .changed
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(id, signal).expect("it is ours");
    }

    /// Waits for its end; gives how it ended and all that it said.
    ///
    /// # Panics
    /// When that takes longer than 20 seconds.
    #[must_use]
    pub fn end(mut self) -> (ExitStatus, Vec<String>) {
        let end = Instant::now() + END;
        let mut lines = self.said.lock();
        while !lines.1 {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it does not end: {:#?}", lines.0);
            lines = self
                .said
                .changed
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        drop(lines);
        let status = self.child.wait().expect("it is our child");
        (status, self.log())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
