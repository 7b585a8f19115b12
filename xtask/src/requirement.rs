//! What the machine needs: one table, and a judgement of each row by the facts.
//!
//! Nothing here looks at the machine: [`judge`] is a function of its arguments.

use std::path::Path;
use std::slice;

use crate::facts::Facts;
use crate::system::Privilege;
use crate::toolchain::{LINKER_VERSION, LLVM_MAJOR, Origin, RUST};

/// What a requirement is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Formatting and lints.
    Lint,
    /// The BPF object and the program.
    Build,
    /// Namespaces, real queries, and a look into the kernel: root tiers and demo.
    Network,
    /// Clients and resolvers that people use: the root tiers ask by them.
    Clients,
    /// The long tier: clients that are in no package and take minutes to build.
    Long,
    /// The benchmarks: a load generator, and the C yardstick.
    Bench,
}
use Purpose::{Bench, Build, Clients, Lint, Long, Network};

/// How a requirement is looked for.
#[derive(Clone, Copy, Debug)]
enum Check {
    Rustc,
    Sources,
    Fmt,
    Clippy,
    Linker,
    /// A command, wherever it is from; else the packages that bring it on Debian.
    Command(&'static str, &'static [&'static str]),
    /// The same, but only while bpf-linker is still to be built.
    LinkerCommand(&'static str, &'static [&'static str]),
    /// A command of a package that is unpacked only. If it were installed, it would take the place
    /// of the daemon that keeps this machine's time, or start a server that nobody needs.
    Unpacked(&'static str, &'static [&'static str]),
    /// A command of a crate, with its version.
    Crate(&'static str, &'static str, &'static str),
    /// A package with headers and libraries.
    Library,
    /// The same, but only while bpf-linker is still to be built.
    LinkerLibrary,
    KernelRelease,
    KernelTypes,
    KernelRights,
}

/// One line of the table.
struct Requirement {
    /// Also the package's name for libraries.
    name: &'static str,
    /// What to look for on a system without Debian's packages.
    upstream: &'static str,
    purposes: &'static [Purpose],
    check: Check,
}

const fn need(
    name: &'static str,
    upstream: &'static str,
    purposes: &'static [Purpose],
    check: Check,
) -> Requirement {
    Requirement { name, upstream, purposes, check }
}

const EVERY: &[Purpose] = &[Lint, Build, Network, Clients, Long, Bench];

/// Everything that is needed, in the order of the table.
const REQUIREMENTS: &[Requirement] = &[
    need("rustc", "Rust 1.95 or newer with LLVM 22", EVERY, Check::Rustc),
    need("rust-src", "the sources of Rust's standard library", &[Lint, Build], Check::Sources),
    need("rustfmt", "rustfmt of the same Rust", &[Lint], Check::Fmt),
    need("clippy", "clippy of the same Rust", &[Lint], Check::Clippy),
    need("cc", "a C compiler and linker", &[Build], Check::Command("cc", &["gcc", "libc6-dev"])),
    need("pkg-config", "pkg-config", &[Build], Check::LinkerCommand("pkg-config", &["pkg-config"])),
    need("llvm-22-dev", "LLVM 22 with its headers", &[Build], Check::LinkerLibrary),
    need("libpolly-22-dev", "LLVM 22's Polly", &[Build], Check::LinkerLibrary),
    need("libzstd-dev", "zstd with its headers", &[Build], Check::LinkerLibrary),
    need("zlib1g-dev", "zlib with its headers", &[Build], Check::LinkerLibrary),
    need("libxml2-dev", "libxml2 with its headers", &[Build], Check::LinkerLibrary),
    need("bpf-linker", "bpf-linker 0.13.0 built with LLVM 22", &[Build], Check::Linker),
    need("ip", "iproute2", &[Network], Check::Command("ip", &["iproute2"])),
    need("ethtool", "ethtool", &[Network], Check::Command("ethtool", &["ethtool"])),
    need("dig", "dig of BIND 9", &[Network], Check::Command("dig", &["bind9-dnsutils"])),
    need("kdig", "kdig of Knot DNS", &[Clients], Check::Command("kdig", &["knot-dnsutils"])),
    need("drill", "drill of ldns", &[Clients], Check::Command("drill", &["ldnsutils"])),
    need("unbound", "unbound", &[Clients], Check::Command("unbound", &["unbound"])),
    need("named", "BIND 9", &[Clients], Check::Command("named", &["bind9"])),
    need("kresd", "Knot Resolver", &[Clients], Check::Command("kresd", &["knot-resolver"])),
    need("ntpdig", "ntpdig of NTPsec", &[Clients], Check::Command("ntpdig", &["ntpsec-ntpdig"])),
    need("chronyd", "chrony", &[Clients, Bench], Check::Unpacked("chronyd", &["chrony"])),
    need("ntpd", "ntpd of NTPsec", &[Clients], Check::Unpacked("ntpq", &["ntpsec"])),
    need(
        "systemd-timesyncd",
        "systemd-timesyncd",
        &[Clients],
        Check::Unpacked("systemd-timesyncd", &["systemd-timesyncd"]),
    ),
    need("perl", "Perl", &[Clients], Check::Command("perl", &["perl-base"])),
    need("rdate", "rdate of OpenBSD", &[Clients], Check::Command("rdate", &["rdate"])),
    need("ntp-daemon", "ntpd-rs", &[Long], Check::Crate("ntp-daemon", "ntpd", "1.9.0")),
    need("nats-server", "NATS", &[Clients, Bench], Check::Command("nats-server", &["nats-server"])),
    need("promtool", "Prometheus", &[Clients], Check::Unpacked("promtool", &["prometheus"])),
    need("systemd-analyze", "systemd", &[Clients], Check::Command("systemd-analyze", &["systemd"])),
    need("strace", "strace", &[Long], Check::Command("strace", &["strace"])),
    need("bpftool", "bpftool", &[Network], Check::Command("bpftool", &["bpftool"])),
    need("clang", "clang with the BPF target", &[Bench], Check::Command("clang", &["clang"])),
    need("libbpf-dev", "libbpf with its headers", &[Bench], Check::Library),
    need("libelf-dev", "libelf with its headers", &[Bench], Check::Library),
    need("dnsperf", "dnsperf", &[Bench], Check::Command("dnsperf", &["dnsperf"])),
    need("knotd", "Knot DNS", &[Bench], Check::Command("knotd", &["knot"])),
    need("nsd", "NSD", &[Bench], Check::Command("nsd", &["nsd"])),
    need("kernel", "Linux 6.1 or newer", &[Network, Bench], Check::KernelRelease),
    need("kernel types", "a kernel with BTF", &[Network, Bench], Check::KernelTypes),
    need("kernel rights", "root", &[Network, Bench], Check::KernelRights),
];

/// The oldest kernel that the tests are meant for.
const KERNEL: (u32, u32) = (6, 1);

/// How a missing requirement is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// A component of this rustup toolchain.
    Component { toolchain: String, component: &'static str },
    /// Packages of the distribution.
    Packages(&'static [&'static str]),
    /// Packages of the distribution, unpacked and not installed.
    Unpack(&'static [&'static str]),
    /// `cargo install` of this crate and version, for the tests alone.
    Crate(&'static str, &'static str),
    /// `cargo install bpf-linker`.
    Linker,
    /// The user has to act; the text says how.
    ByHand(String),
}

/// What was found out about a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is there.
    Found,
    /// It is not there and not needed, for the reason in the row.
    Unneeded,
    /// It is reported, but setup can't change it and a build doesn't need it.
    Note,
    /// It is not there.
    Missing(Remedy),
}

/// One judged requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The requirement's name.
    pub(crate) name: &'static str,
    /// What to look for on a system without Debian's packages.
    pub(crate) upstream: &'static str,
    /// Whether it is there.
    pub(crate) state: State,
    /// The version, as far as it is known.
    pub(crate) version: String,
    /// A path, a package, or how it can be had.
    pub(crate) from: String,
}

/// The commands that [`judge`] asks about.
pub(crate) fn commands() -> Vec<&'static str> {
    let command = |need: &Requirement| match need.check {
        Check::Command(name, _)
        | Check::LinkerCommand(name, _)
        | Check::Unpacked(name, _)
        | Check::Crate(name, ..) => Some(name),
        _ => None,
    };
    REQUIREMENTS.iter().filter_map(command).collect()
}

/// The packages that [`judge`] asks about.
pub(crate) fn packages() -> Vec<&'static str> {
    let mut names = vec!["rustc-web", "rustc"];
    for need in REQUIREMENTS {
        match need.check {
            Check::Command(_, packages)
            | Check::LinkerCommand(_, packages)
            | Check::Unpacked(_, packages) => {
                names.extend(packages);
            }
            Check::Library | Check::LinkerLibrary => names.push(need.name),
            _ => {}
        }
    }
    names
}

/// The rows of all requirements for these purposes.
pub(crate) fn judge(facts: &Facts, purposes: &[Purpose]) -> Vec<Row> {
    let wanted = |need: &&'static Requirement| {
        need.purposes.iter().any(|purpose| purposes.contains(purpose))
    };
    REQUIREMENTS.iter().filter(wanted).map(|need| row(need, facts)).collect()
}

fn row(need: &'static Requirement, facts: &Facts) -> Row {
    let Verdict { state, version, from } = match need.check {
        Check::Rustc => rustc(facts),
        Check::Sources => component(facts, facts.toolchain.sources.as_deref(), "rust-src"),
        Check::Fmt => component(facts, facts.toolchain.fmt.as_deref(), "rustfmt"),
        Check::Clippy => component(facts, facts.toolchain.clippy.as_deref(), "clippy"),
        Check::Linker => linker(facts),
        Check::Command(name, packages) => command(facts, name, packages),
        Check::Unpacked(name, packages) => match command(facts, name, packages) {
            Verdict { state: State::Missing(_), .. } => Verdict::missing(Remedy::Unpack(packages)),
            found => found,
        },
        Check::Crate(name, crate_, version) => match facts.system.commands.get(name) {
            Some(path) => Verdict::found("", path.display()),
            None => Verdict::missing(Remedy::Crate(crate_, version)),
        },
        Check::LinkerCommand(name, packages) => {
            unless_linked(facts, command(facts, name, packages))
        }
        Check::Library => library(facts, need),
        Check::LinkerLibrary => unless_linked(facts, library(facts, need)),
        Check::KernelRelease => kernel_release(facts),
        Check::KernelTypes => {
            let path = "/sys/kernel/btf/vmlinux";
            noted(facts.system.kernel.btf, path, "no BTF: the XDP program can't be attached")
        }
        Check::KernelRights => match facts.system.privilege {
            Privilege::Sudo => noted(true, "through sudo", ""),
            _ => noted(
                facts.system.kernel.capable,
                "root",
                "neither root's capabilities nor sudo: no namespaces, no XDP",
            ),
        },
    };
    Row { name: need.name, upstream: need.upstream, state, version, from }
}

/// A row without its names.
struct Verdict {
    state: State,
    version: String,
    from: String,
}

impl Verdict {
    fn found(version: impl Into<String>, from: impl ToString) -> Self {
        Self { state: State::Found, version: version.into(), from: from.to_string() }
    }

    fn missing(remedy: Remedy) -> Self {
        let from = match &remedy {
            Remedy::Component { component, .. } => format!("rustup component {component}"),
            Remedy::Packages([one]) => format!("package {one}"),
            Remedy::Packages(several) => format!("packages {}", several.join(" ")),
            Remedy::Unpack(packages) => format!("package {}, unpacked", packages.join(" ")),
            Remedy::Crate(..) | Remedy::Linker => "cargo install".to_owned(),
            Remedy::ByHand(how) => how.clone(),
        };
        Self { state: State::Missing(remedy), version: String::new(), from }
    }
}

fn noted(good: bool, found: &str, note: &str) -> Verdict {
    if good {
        return Verdict::found("", found);
    }
    Verdict { state: State::Note, version: String::new(), from: note.to_owned() }
}

fn rustc(facts: &Facts) -> Verdict {
    let toolchain = &facts.toolchain;
    let (major, minor) = RUST;
    let way_out = match toolchain.origin {
        Origin::Rustup(_) => {
            format!(
                "run `rustup toolchain install {major}.{minor} && rustup default {major}.{minor}`"
            )
        }
        _ => format!(
            "install Rust {major}.{minor} by rustup (https://rustup.rs), or a package of it"
        ),
    };
    let Some(rustc) = &toolchain.rustc else {
        return Verdict::missing(Remedy::ByHand(format!("rustc does not run: {way_out}")));
    };
    let problem = if rustc.version() < RUST {
        format!("{} is older than {major}.{minor}: {way_out}", rustc.release)
    } else if rustc.llvm_major > LLVM_MAJOR {
        let llvm = rustc.llvm_major;
        format!("{} has LLVM {llvm}, bpf-linker reads up to {LLVM_MAJOR}: {way_out}", rustc.release)
    } else {
        return Verdict::found(&rustc.release, toolchain.sysroot.display());
    };
    Verdict::missing(Remedy::ByHand(problem))
}

/// A part of the toolchain: at a path, or to be had from where the toolchain is from.
fn component(facts: &Facts, found: Option<&Path>, component: &'static str) -> Verdict {
    let toolchain = &facts.toolchain;
    if let Some(path) = found {
        let release = toolchain.rustc.as_ref().map(|rustc| rustc.release.as_str());
        return Verdict::found(release.unwrap_or_default(), path.display());
    }
    if toolchain.rustc.is_none() {
        return Verdict::missing(Remedy::ByHand(format!("add {component} to the same Rust")));
    }
    Verdict::missing(match (&toolchain.origin, component) {
        (Origin::Rustup(toolchain), _) => {
            Remedy::Component { toolchain: toolchain.clone(), component }
        }
        (Origin::DebianWeb, "rust-src") => Remedy::Packages(&["rust-web-src"]),
        (Origin::DebianWeb, "rustfmt") => Remedy::Packages(&["rustfmt-web"]),
        (Origin::DebianWeb, "clippy") => Remedy::Packages(&["rust-web-clippy"]),
        (Origin::Debian, "rust-src") => Remedy::Packages(&["rust-src"]),
        (Origin::Debian, "rustfmt") => Remedy::Packages(&["rustfmt"]),
        (Origin::Debian, "clippy") => Remedy::Packages(&["rust-clippy"]),
        (Origin::Debian | Origin::DebianWeb | Origin::Other, _) => Remedy::ByHand(format!(
            "add {component} to the toolchain in {}, or use rustup (https://rustup.rs)",
            toolchain.sysroot.display()
        )),
    })
}

fn linker(facts: &Facts) -> Verdict {
    match &facts.toolchain.linker {
        Some(linker) => Verdict::found(&linker.version, linker.path.display()),
        None => Verdict::missing(Remedy::Linker),
    }
}

fn command(facts: &Facts, name: &str, packages: &'static [&'static str]) -> Verdict {
    match facts.system.commands.get(name) {
        Some(path) => {
            let version = packages.first().and_then(|package| facts.system.package(package));
            Verdict::found(version.unwrap_or_default(), path.display())
        }
        None => Verdict::missing(Remedy::Packages(packages)),
    }
}

fn library(facts: &Facts, need: &'static Requirement) -> Verdict {
    match facts.system.package(need.name) {
        Some(version) => Verdict::found(version, format_args!("package {}", need.name)),
        None => Verdict::missing(Remedy::Packages(slice::from_ref(&need.name))),
    }
}

/// What is only for building bpf-linker isn't missing once there is one.
fn unless_linked(facts: &Facts, verdict: Verdict) -> Verdict {
    if facts.toolchain.linker.is_some() && verdict.state != State::Found {
        let from = "only for building bpf-linker".to_owned();
        return Verdict { state: State::Unneeded, version: String::new(), from };
    }
    verdict
}

fn kernel_release(facts: &Facts) -> Verdict {
    let release = &facts.system.kernel.release;
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    let version = numbers.next().flatten().zip(numbers.next().flatten());
    if version.is_some_and(|version| version >= KERNEL) {
        return Verdict::found(release, "running");
    }
    let (major, minor) = KERNEL;
    let from = format!("not known to be Linux {major}.{minor} or newer: the root tiers may fail");
    Verdict { state: State::Note, version: release.clone(), from }
}

/// The version of bpf-linker to install.
pub(crate) fn linker_version() -> String {
    let (major, minor, patch) = LINKER_VERSION;
    format!("{major}.{minor}.{patch}")
}
