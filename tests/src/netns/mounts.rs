//! A mount namespace whose /sys/fs/bpf is as the test wants it.
//!
//! Whatever this machine has mounted there: a node in such a namespace finds an empty BPF file
//! system of its own at /sys/fs/bpf, or none. The namespace lives as long as the value, so pins
//! outlive the node that made them; it ends with this process, too, and all pins with it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Namespace;

/// Where the system's BPF file system is, if it has one.
pub(super) const SYSTEM: &str = "/sys/fs/bpf";

/// What a node finds at /sys/fs/bpf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bpffs {
    /// A BPF file system, as systemd mounts it.
    System,
    /// Something else: the node has to mount a BPF file system of its own.
    Missing,
}

impl Bpffs {
    /// Both cases.
    pub const BOTH: [Self; 2] = [Self::System, Self::Missing];
}

/// A mount namespace.
#[derive(Debug)]
pub struct Mounts {
    /// A process inside that only waits: it keeps the namespace, and shows its files.
    keeper: Child,
}

impl Mounts {
    /// A new namespace. Mounts from outside still arrive in it; its own stay inside.
    ///
    /// # Panics
    /// When it can't be made: it needs root.
    #[must_use]
    pub fn new(bpffs: Bpffs) -> Self {
        let kind = match bpffs {
            Bpffs::System => "bpf",
            Bpffs::Missing => "tmpfs",
        };
        // It ends with its input, which is open as long as this process lives.
        let words = format!("mount -t {kind} edge-test {SYSTEM} && echo made && exec cat");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "slave", "sh", "-c", &words]);
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let keeper = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut mounts = Self { keeper };
        let mut line = String::new();
        let output = mounts.keeper.stdout.as_mut().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line, "made\n", "{command:?} needs root");
        mounts
    }

    /// A path inside, as it can be reached from outside.
    #[must_use]
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// A program that will run inside, and in a network namespace. Its working directory is `/`.
    #[must_use]
    pub fn command(&self, network: &Namespace, program: impl AsRef<OsStr>) -> Command {
        network.command_by(&[format!("--mount=/proc/{}/ns/mnt", self.keeper.id())], program)
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        drop(self.keeper.kill());
        drop(self.keeper.wait());
    }
}
