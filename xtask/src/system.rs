//! Facts about the operating system, for [`crate::requirement`].
//!
//! Everything is read from files and from dpkg's own database; no package manager is started.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cmd::Cmd;

/// Folders of administrators' tools, which a user's `PATH` may leave out.
const ADMIN_PATH: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// What only the tests use and no package manager knows of: packages that are unpacked only, and
/// programs built from crates.
pub(crate) const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked");

/// Folders of programs in [`OWN`], and of systemd's programs in the system.
const HIDDEN: &[&str] = &[
    "/usr/lib/systemd",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/bin"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/usr/sbin"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/usr/bin"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/usr/lib/systemd"),
    // The folder of older systemd packages.
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/unpacked/lib/systemd"),
];

/// Capabilities that the root tiers need, as bit numbers: network administration, system
/// administration (namespaces), BPF.
const CAPABILITIES: &[u32] = &[12, 21, 39];

/// The way to run commands as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// We are root.
    Root,
    /// We are not, but there is sudo.
    Sudo,
    /// Neither.
    None,
}

/// The running kernel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kernel {
    /// As in `uname -r`; empty if unknown.
    pub(crate) release: String,
    /// Whether it publishes its types.
    pub(crate) btf: bool,
    /// Whether this process holds what namespaces and XDP need.
    pub(crate) capable: bool,
}

/// The machine.
#[derive(Clone, Debug)]
pub(crate) struct System {
    /// Its name in os-release.
    pub(crate) name: String,
    /// Installed packages with their versions; `None` without dpkg and apt.
    pub(crate) packages: Option<BTreeMap<String, String>>,
    /// Commands that were asked for and found.
    pub(crate) commands: BTreeMap<&'static str, PathBuf>,
    /// How to become root.
    pub(crate) privilege: Privilege,
    /// Whether systemd runs it, and starts what packages bring.
    pub(crate) systemd: bool,
    /// The kernel.
    pub(crate) kernel: Kernel,
}

impl System {
    /// Reads the facts, looking for these commands and asking dpkg about these packages.
    pub(crate) fn read(commands: &[&'static str], packages: &[&str]) -> Self {
        let managed = which("apt-get").is_some() && which("dpkg-query").is_some();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            name: ["/etc/os-release", "/usr/lib/os-release"]
                .iter()
                .find_map(|path| os_name(&fs::read_to_string(path).ok()?))
                .unwrap_or_else(|| env::consts::OS.to_owned()),
            packages: managed.then(|| installed_packages(packages)),
            commands: commands
                .iter()
                .filter_map(|name| Some((*name, which(name).or_else(|| hidden(name))?)))
                .collect(),
            privilege: match (effective_uid(&status), which("sudo")) {
                (Some(0), _) => Privilege::Root,
                (_, Some(_)) => Privilege::Sudo,
                (_, None) => Privilege::None,
            },
            systemd: Path::new("/run/systemd/system").exists(),
            kernel: Kernel {
                release: fs::read_to_string("/proc/sys/kernel/osrelease")
                    .map(|text| text.trim().to_owned())
                    .unwrap_or_default(),
                btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
                capable: has_capabilities(&status),
            },
        }
    }

    /// The version of a package that is installed.
    pub(crate) fn package(&self, name: &str) -> Option<&str> {
        self.packages.as_ref()?.get(name).map(String::as_str)
    }
}

/// The first executable of this name in `PATH` or among the administrators' tools.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let admin = ADMIN_PATH.iter().map(PathBuf::from);
    env::split_paths(&path).chain(admin).map(|folder| folder.join(name)).find(|at| executable(at))
}

/// The first executable of this name in the folders for the tests alone.
fn hidden(name: &str) -> Option<PathBuf> {
    HIDDEN.iter().map(|folder| Path::new(folder).join(name)).find(|at| executable(at))
}

/// Whether the file's folder is in `PATH` itself.
pub(crate) fn in_search_path(path: &Path) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| path.parent() == Some(&folder))
}

/// Whether this is a file that someone may execute.
pub(crate) fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn installed_packages(names: &[&str]) -> BTreeMap<String, String> {
    let format = "-f=${Package}\t${db:Status-Status}\t${Version}\n";
    let query = Cmd::new("dpkg-query").args(["-W", format]).args(names.iter().copied());
    // It exits with 1 when one of the names is unknown to it, and answers about the others.
    parse_packages(&query.read_anyway().unwrap_or_default())
}

/// Lines of name, status and version, tab-separated, as asked of dpkg-query.
fn parse_packages(text: &str) -> BTreeMap<String, String> {
    let fields = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    fields
        .filter_map(|line| match line[..] {
            [name, "installed", version] => Some((name.to_owned(), version.to_owned())),
            _ => None,
        })
        .collect()
}

/// `PRETTY_NAME` of an os-release file, or its `ID` (os-release(5)).
fn os_name(text: &str) -> Option<String> {
    let field = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    field("PRETTY_NAME").or_else(|| field("ID"))
}

/// The effective user id of a `/proc/PID/status` text: the second of four on its line.
fn effective_uid(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().nth(1)?.parse().ok()
}

fn has_capabilities(status: &str) -> bool {
    let hex = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or("0");
    let held = u64::from_str_radix(hex.trim(), 16).unwrap_or(0);
    CAPABILITIES.iter().all(|bit| held >> bit & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fully_installed_packages_count() {
        let text = "gcc\tinstalled\t4:12.2.0-3\ndnsperf\tconfig-files\t2.10.0-2\n\
                    dnsutils\tnot-installed\t\nbroken line\nclang\thalf-configured\t1:14.0\n";
        let packages = parse_packages(text);
        assert_eq!(packages.len(), 1);
        assert_eq!(packages["gcc"], "4:12.2.0-3");
    }

    #[test]
    fn the_system_is_called_by_its_pretty_name_or_its_id() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian\"\nID=debian\n";
        assert_eq!(os_name(debian).as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(os_name("ID='alpine'\n").as_deref(), Some("alpine"));
        assert_eq!(os_name("PRETTY_NAME=\"\"\nID=arch\n").as_deref(), Some("arch"));
        assert_eq!(os_name("HOME_URL=x\n"), None);
    }

    #[test]
    fn the_effective_user_decides_and_not_the_real_one() {
        assert_eq!(effective_uid("Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some(0));
        assert_eq!(effective_uid("Uid:\t0\t1000\t0\t0\n"), Some(1000));
        assert_eq!(effective_uid(""), None);
    }

    #[test]
    fn every_needed_capability_must_be_held() {
        assert!(has_capabilities("CapEff:\t000001ffffffffff\n"));
        assert!(has_capabilities("CapEff:\t0000008000201000\n"));
        // What a container gets by default: no network or system administration.
        assert!(!has_capabilities("CapEff:\t00000000a80425fb\n"));
        assert!(!has_capabilities("CapEff:\t0000000000201000\n"));
        assert!(!has_capabilities(""));
    }

    #[test]
    fn commands_are_found_by_name_and_must_be_executable() {
        assert!(which("sh").is_some());
        assert_eq!(which("no-such-command-here"), None);
        assert!(!executable(Path::new("/etc/passwd")));
        assert!(!executable(Path::new("/etc")));
    }
}
