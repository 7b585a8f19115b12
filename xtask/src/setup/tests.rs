//! Tests of judging, planning and the table, with machines that don't exist.

use std::path::{Path, PathBuf};

use super::*;
use crate::system::{Kernel, Privilege, System};
use crate::toolchain::{Linker, Origin, Rustc, Toolchain};

const DEFAULT: &[Purpose] = &[Purpose::Lint, Purpose::Build, Purpose::Network, Purpose::Clients];
const BENCH: &[Purpose] =
    &[Purpose::Lint, Purpose::Build, Purpose::Network, Purpose::Clients, Purpose::Bench];

/// A Debian machine with rustup on which nothing is missing.
pub(crate) fn debian() -> Facts {
    let sysroot = PathBuf::from("/root/.rustup/toolchains/stable-x86_64-unknown-linux-gnu");
    let commands = requirement::commands();
    let package = |name: &str| (name.to_owned(), "1.2-3".to_owned());
    let packages = requirement::packages().into_iter().filter(|name| !name.starts_with("rustc"));
    Facts {
        system: System {
            name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            packages: Some(packages.map(package).collect()),
            commands: commands
                .iter()
                .map(|&name| (name, Path::new("/usr/bin").join(name)))
                .collect(),
            privilege: Privilege::Root,
            systemd: false,
            kernel: Kernel { release: "6.18.44-cloud".to_owned(), btf: true, capable: true },
        },
        toolchain: Toolchain {
            rustc: Some(Rustc {
                release: "1.95.0".to_owned(),
                host: "x86_64-unknown-linux-gnu".to_owned(),
                llvm_major: 22,
            }),
            origin: Origin::Rustup("stable-x86_64-unknown-linux-gnu".to_owned()),
            sources: Some(sysroot.join("lib/rustlib/src/rust/library")),
            fmt: Some(sysroot.join("bin/cargo-fmt")),
            clippy: Some(sysroot.join("bin/cargo-clippy")),
            linker: Some(Linker {
                path: "/root/.cargo/bin/bpf-linker".into(),
                version: "0.13.0".to_owned(),
                found_by_cargo: true,
            }),
            sysroot,
        },
    }
}

/// The same machine as it comes, with a minimal Rust and no packages of ours.
fn fresh() -> Facts {
    let mut facts = debian();
    facts.system.packages = Some([].into());
    facts.system.commands.retain(|&name, _| name == "cc");
    facts.toolchain.sources = None;
    facts.toolchain.fmt = None;
    facts.toolchain.clippy = None;
    facts.toolchain.linker = None;
    facts
}

fn missing_names(facts: &Facts, purposes: &[Purpose]) -> String {
    names(&missing(&requirement::judge(facts, purposes)))
}

/// The plan for what `facts` lack, one command line each.
fn commands(facts: &Facts) -> Vec<String> {
    let steps = install::plan(&facts.system, &requirement::judge(facts, DEFAULT)).unwrap();
    steps.iter().map(|step| step.cmd.to_string()).collect()
}

fn refusal(facts: &Facts) -> String {
    install::plan(&facts.system, &requirement::judge(facts, DEFAULT)).unwrap_err().to_string()
}

#[test]
fn a_complete_machine_lacks_nothing() {
    assert_eq!(missing_names(&debian(), BENCH), "");
}

#[test]
fn each_purpose_asks_only_for_its_own() {
    let facts = fresh();
    assert_eq!(missing_names(&facts, &[Purpose::Lint]), "rust-src, rustfmt, clippy");
    assert_eq!(missing_names(&facts, &[Purpose::Network]), "ip, ethtool, dig, bpftool");
    let clients = "kdig, drill, unbound, named, kresd, ntpdig, chronyd, ntpd, \
                   systemd-timesyncd, perl, rdate, nats-server, promtool, systemd-analyze";
    assert_eq!(missing_names(&facts, &[Purpose::Clients]), clients);
    assert_eq!(missing_names(&facts, &[Purpose::Long]), "ntp-daemon, strace");
    let bench = "chronyd, nats-server, clang, libbpf-dev, libelf-dev, dnsperf, knotd, nsd";
    assert_eq!(missing_names(&facts, &[Purpose::Bench]), bench);
    assert!(!missing_names(&facts, DEFAULT).contains("clang"));
}

#[test]
fn a_fresh_machine_gets_components_then_packages_then_the_linker() {
    let commands = commands(&fresh());
    let stable = "--toolchain stable-x86_64-unknown-linux-gnu";
    assert_eq!(commands[0], format!("rustup component add rust-src {stable}"));
    assert_eq!(commands[1], format!("rustup component add rustfmt {stable}"));
    assert_eq!(commands[2], format!("rustup component add clippy {stable}"));
    let apt = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120";
    assert_eq!(commands[3], format!("{apt} update"));
    assert_eq!(
        commands[4],
        format!(
            "{apt} install -y --no-install-recommends pkg-config llvm-22-dev libpolly-22-dev \
             libzstd-dev zlib1g-dev libxml2-dev iproute2 ethtool bind9-dnsutils knot-dnsutils \
             ldnsutils unbound bind9 knot-resolver ntpsec-ntpdig perl-base rdate nats-server \
             systemd bpftool"
        )
    );
    assert!(commands[5].starts_with("sh -c"), "{}", commands[5]);
    assert!(commands[5].ends_with("target/unpacked chrony ntpsec systemd-timesyncd prometheus"));
    assert!(commands[6].contains("cargo install bpf-linker --version 0.13.0 --locked"));
    assert!(commands[6].contains("--no-default-features --features llvm-22"));
    assert_eq!(commands.len(), 7);
}

#[test]
fn what_takes_minutes_to_build_is_built_only_for_the_long_tier() {
    let mut facts = debian();
    facts.system.commands.remove("ntp-daemon");
    assert_eq!(missing_names(&facts, DEFAULT), "");
    let rows = requirement::judge(&facts, &[Purpose::Long]);
    let steps = install::plan(&facts.system, &rows).unwrap();
    let [step] = &steps[..] else { panic!("{steps:?}") };
    let line = step.cmd.to_string();
    assert!(line.starts_with("cargo install ntpd --version 1.9.0 --locked --root"), "{line}");
}

#[test]
fn one_missing_command_installs_one_package_and_nothing_else() {
    let mut facts = debian();
    facts.system.commands.remove("bpftool");
    let commands = commands(&facts);
    assert_eq!(commands.len(), 2);
    assert!(commands[1].ends_with("--no-install-recommends bpftool"));
}

#[test]
fn another_daemon_for_the_time_is_unpacked_and_never_installed() {
    let mut facts = debian();
    facts.system.commands.remove("chronyd");
    facts.system.systemd = true;
    let with_root = commands(&facts);
    assert!(with_root[0].ends_with(" update"), "{with_root:?}");
    assert!(with_root[1].ends_with("target/unpacked chrony"), "{with_root:?}");
    assert_eq!(with_root.len(), 2);
    facts.system.privilege = Privilege::None;
    assert_eq!(commands(&facts), with_root[1..]);
}

#[test]
fn servers_that_come_with_packages_are_stopped_where_systemd_started_them() {
    let mut facts = debian();
    for command in ["unbound", "kresd"] {
        facts.system.commands.remove(command);
    }
    assert_eq!(commands(&facts).len(), 2);
    facts.system.systemd = true;
    let stop = "systemctl disable --now unbound.service kresd.target kres-cache-gc.service";
    assert_eq!(commands(&facts)[2], stop);
    facts.system.privilege = Privilege::Sudo;
    assert_eq!(commands(&facts)[2], format!("sudo {stop}"));
    facts.system.commands = debian().system.commands;
    facts.system.commands.remove("drill");
    assert_eq!(commands(&facts).len(), 2);
}

#[test]
fn llvm_is_not_needed_beside_a_linker_that_runs() {
    let mut facts = debian();
    facts.system.packages = Some([].into());
    assert_eq!(missing_names(&facts, DEFAULT), "");
    let rows = requirement::judge(&facts, DEFAULT);
    let llvm = rows.iter().find(|row| row.name == "llvm-22-dev").unwrap();
    assert_eq!(llvm.state, State::Unneeded);
}

#[test]
fn a_distribution_toolchain_gets_its_own_packages() {
    let mut facts = fresh();
    facts.toolchain.origin = Origin::DebianWeb;
    assert!(commands(&facts)[1].contains(" rust-web-src rustfmt-web rust-web-clippy "));
    facts.toolchain.origin = Origin::Debian;
    assert!(commands(&facts)[1].contains(" rust-src rustfmt rust-clippy "));
    facts.toolchain.origin = Origin::Other;
    assert!(refusal(&facts).contains("rust-src: add rust-src to the toolchain in /root/.rustup"));
}

#[test]
fn a_rust_that_is_too_old_or_too_new_stops_with_the_way_out() {
    let mut facts = fresh();
    let rustc = facts.toolchain.rustc.as_mut().unwrap();
    rustc.release = "1.94.1".to_owned();
    assert_eq!(
        refusal(&facts),
        "nothing was changed, this needs you first\n  rustc: 1.94.1 is older than 1.95: run \
         `rustup toolchain install 1.95 && rustup default 1.95`"
    );
    let rustc = facts.toolchain.rustc.as_mut().unwrap();
    rustc.release = "1.99.0".to_owned();
    rustc.llvm_major = 23;
    assert!(refusal(&facts).contains("1.99.0 has LLVM 23, bpf-linker reads up to 22"));
    facts.toolchain.rustc = None;
    assert!(refusal(&facts).contains("rustc does not run"));
}

#[test]
fn packages_go_through_sudo_or_the_user_is_told_the_command() {
    let mut facts = debian();
    facts.system.commands.remove("dig");
    facts.system.privilege = Privilege::Sudo;
    assert!(commands(&facts)[1].starts_with("sudo env DEBIAN_FRONTEND=noninteractive apt-get"));
    facts.system.privilege = Privilege::None;
    let refusal = refusal(&facts);
    assert!(refusal.contains("nothing was changed"), "{refusal}");
    assert!(refusal.contains("install -y --no-install-recommends bind9-dnsutils\n"), "{refusal}");
}

#[test]
fn an_unknown_system_is_told_the_upstream_names() {
    let mut facts = fresh();
    facts.system.packages = None;
    facts.system.name = "Alpine Linux v3.22".to_owned();
    let refusal = refusal(&facts);
    let lines: Vec<&str> = refusal.lines().collect();
    assert_eq!(
        lines[0],
        "Alpine Linux v3.22 has no apt-get and dpkg-query, so nothing was changed; install these, \
         then run `cargo xtask setup` again"
    );
    assert!(lines[1].contains("the sources of Rust's standard library: `rustup component add"));
    assert!(lines.contains(&"  LLVM 22 with its headers"), "{refusal}");
    assert!(lines.contains(&"  dig of BIND 9"), "{refusal}");
    assert!(refusal.contains("bpf-linker 0.13.0 built with LLVM 22: `LLVM_PREFIX="), "{refusal}");
}

#[test]
fn an_unknown_system_with_everything_in_place_is_fine() {
    let mut facts = debian();
    facts.system.packages = None;
    assert_eq!(missing_names(&facts, DEFAULT), "");
}

#[test]
fn the_kernel_is_reported_but_never_missing() {
    let mut facts = debian();
    facts.system.kernel = Kernel::default();
    facts.system.privilege = Privilege::None;
    assert_eq!(missing_names(&facts, DEFAULT), "");
    let notes = |facts: &Facts| {
        let rows = requirement::judge(facts, DEFAULT);
        rows.iter().filter(|row| row.state == State::Note).count()
    };
    assert_eq!(notes(&facts), 3);
    facts.system.kernel.release = "5.15.0-101-generic".to_owned();
    facts.system.privilege = Privilege::Sudo;
    assert_eq!(notes(&facts), 2);
    assert_eq!(notes(&debian()), 0);
}

#[test]
fn the_table_tells_installed_from_found() {
    let mut facts = debian();
    facts.system.commands.remove("bpftool");
    let before = requirement::judge(&facts, &[Purpose::Network]);
    let after = requirement::judge(&debian(), &[Purpose::Network]);
    let text = print::table(&table(&after, &before));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "requirement    state      version        from");
    assert!(lines.contains(&"bpftool        installed  1.2-3          /usr/bin/bpftool"), "{text}");
    assert!(lines.contains(&"dig            found      1.2-3          /usr/bin/dig"), "{text}");
}
