//! A network namespace with a name of its own, removed when it is dropped.
//!
//! What a namespace inherits from the machine's own (forwarding, reverse-path filters) is set to
//! the kernel's defaults, so that tests see the same on every machine.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// What all names begin with; the process that made a namespace comes next.
const PREFIX: &str = "edge-test-";
/// Where iproute2 keeps namespaces.
const FOLDER: &str = "/run/netns";

/// Settings of a new namespace: the kernel's defaults, which the machine's own would replace.
const SETTINGS: [(&str, &str); 4] = [
    ("ipv4/ip_forward", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv6/conf/all/forwarding", "0"),
];

/// `ip netns add` mounts [`FOLDER`] the first time, so only one may run at a time.
static ADDING: Mutex<()> = Mutex::new(());

/// A network namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

/// A number that nothing else in this process has.
pub(super) fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What this process calls one of its things.
pub(crate) fn unique(what: &str) -> String {
    format!("{PREFIX}{}-{}-{what}", std::process::id(), number())
}

/// The process in a name by [`unique`].
fn maker(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()
}

/// Removes what processes left behind that ended without tidying up. With `is_first`, what has our
/// own number is another process's, too.
fn sweep(folder: &Path, is_first: bool, remove: impl Fn(&Path)) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let left = |process: u32| {
            let is_namesake = is_first && process == std::process::id();
            is_namesake || !Path::new(&format!("/proc/{process}")).exists()
        };
        if entry.file_name().to_str().and_then(maker).is_some_and(left) {
            remove(&entry.path());
        }
    }
}

impl Namespace {
    /// A new one, its loopback interface up.
    #[must_use]
    pub fn new(role: &str) -> Self {
        static FIRST: Once = Once::new();
        let remove = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            drop(Command::new("ip").args([OsStr::new("netns"), OsStr::new("del"), name]).output());
        };
        FIRST.call_once(|| sweep(Path::new(FOLDER), true, remove));
        sweep(Path::new(FOLDER), false, remove);
        let namespace = Self { name: unique(role) };
        {
            let _turn = ADDING.lock().unwrap_or_else(PoisonError::into_inner);
            output(Command::new("ip").args(["netns", "add", &namespace.name]));
        }
        namespace.enter(|| {
            for (name, value) in SETTINGS {
                let path = format!("/proc/sys/net/{name}");
                std::fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
            }
        });
        namespace.run("ip link set lo up");
        namespace
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(&self.name)
    }

    /// A program that will run inside, with all file systems as they are outside.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.command_by(&[], program)
    }

    /// The same with more of nsenter's options.
    pub(super) fn command_by(&self, more: &[String], program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        // A terminal's control-C is for us, who have to tidy up, not for what we started.
        command.process_group(0).arg(format!("--net={}", self.path().display()));
        command.args(more).arg("--").arg(program);
        command
    }

    /// Runs a line of words inside and gives what it printed.
    #[must_use]
    pub fn read(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        output(self.command(words.next().expect("a program")).args(words))
    }

    /// Runs a line of words inside.
    pub fn run(&self, line: &str) {
        drop(self.read(line));
    }

    /// Does some work on a thread inside.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let inside = File::open(self.path()).expect("the namespace is there");
        let thread = || {
            move_into_link_name_space(inside.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may enter");
            work()
        };
        thread::scope(|scope| match scope.spawn(thread).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["netns", "del", &self.name]).output());
    }
}

/// What a program printed that has to end well.
pub(super) fn output(command: &mut Command) -> String {
    let output =
        command.process_group(0).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{maker, unique};

    #[test]
    fn a_name_tells_whose_it_is() {
        assert_eq!(maker(&unique("server")), Some(std::process::id()));
        assert_eq!(maker("edge-test-"), None);
        assert_eq!(maker("blue"), None);
        assert_ne!(unique("a"), unique("a"));
    }
}
