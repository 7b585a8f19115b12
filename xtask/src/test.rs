//! `cargo xtask test`: lints and the tiers of tests.
//!
//! Every step runs, whatever failed before it, unless it needs the result of a step that failed. A
//! table at the end has the result, the number of tests and the time of each. A tier that needs
//! root and can't have it fails, and so does one in which no test ran: nothing is skipped quietly.
//!
//! All tests are built in one profile and with the same packages selected (`--workspace`), so that
//! cargo compiles nothing twice. The netns tier runs the program as it is shipped, from the release
//! build.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::builder::PossibleValuesParser;

use crate::build;
use crate::cmd::Cmd;
use crate::facts::Facts;
use crate::lint;
use crate::requirement::Purpose;
use crate::setup;
use crate::steps::{self, Step};
use crate::system::Privilege;

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run one tier only, or all with the long one
    ///
    /// Without it lints, unit, kernel, netns and nats run: what a change has to pass, and what
    /// .ci/run runs. `long` has what takes too long for every change: ten million frames through
    /// the kernel, and clients that have to be built first. `all` is everything.
    #[arg(long, value_parser = PossibleValuesParser::new(tier_names()))]
    tier: Option<String>,
}

const ALL: &str = "all";
const LONG: &str = "long";
/// The step that builds the program as it is shipped.
const BUILD: &str = "build";

/// A kind of tests.
struct Tier {
    name: &'static str,
    /// Whether the tests need root and the BPF object; if not, lints belong to the tier.
    root: bool,
    /// What runs, in this order.
    runs: &'static [Run],
}

/// One command of a tier.
struct Run {
    name: &'static str,
    /// Cargo's arguments.
    cargo: &'static [&'static str],
    /// An environment variable and its value.
    env: Option<(&'static str, &'static str)>,
    /// Whether the tests start the program `edge`.
    program: bool,
}

/// How many tests of the netns tier run at once. They mostly wait.
const THREADS: &str = "--test-threads=6";

/// All tiers, in the order in which they run.
const TIERS: &[Tier] = &[
    Tier {
        name: "unit",
        root: false,
        runs: &[Run {
            name: "unit",
            cargo: &["test", "--workspace", "--no-fail-fast"],
            env: None,
            program: false,
        }],
    },
    Tier {
        name: "kernel",
        root: true,
        runs: &[Run {
            name: "kernel",
            cargo: &["test", "--workspace", "--test", "kernel"],
            env: None,
            program: false,
        }],
    },
    Tier {
        name: "netns",
        root: true,
        runs: &[
            Run {
                name: "netns",
                cargo: &[
                    "test",
                    "--workspace",
                    "--test",
                    "netns",
                    "--",
                    THREADS,
                    "--skip=alone::",
                    "--skip=long::",
                ],
                env: None,
                program: true,
            },
            Run {
                name: "netns alone",
                cargo: &[
                    "test",
                    "--workspace",
                    "--test",
                    "netns",
                    "--",
                    "--test-threads=1",
                    "alone::",
                ],
                env: None,
                program: true,
            },
            Run {
                name: "conformance",
                cargo: &["test", "--workspace", "--test", "conformance", "--", THREADS],
                env: Some(("EDGE_STAGE", "veth")),
                program: true,
            },
        ],
    },
    // Loopback alone, but with a server that is a package.
    Tier {
        name: "nats",
        root: true,
        runs: &[Run {
            name: "nats",
            cargo: &["test", "--workspace", "--test", "nats"],
            env: None,
            program: false,
        }],
    },
    Tier {
        name: LONG,
        root: true,
        runs: &[
            Run {
                name: "long frames",
                cargo: &["test", "--workspace", "--test", "kernel", "--", "many::"],
                env: Some(("EDGE_PACKETS", "10000000")),
                program: false,
            },
            Run {
                name: "long clients",
                cargo: &[
                    "test",
                    "--workspace",
                    "--test",
                    "netns",
                    "--",
                    THREADS,
                    "--skip=long::replies",
                    "long::",
                ],
                env: None,
                program: true,
            },
            Run {
                name: "long replies",
                cargo: &["test", "--workspace", "--test", "netns", "--", "long::replies"],
                env: None,
                program: true,
            },
        ],
    },
];

fn tier_names() -> impl Iterator<Item = &'static str> {
    TIERS.iter().map(|tier| tier.name).chain([ALL])
}

/// Runs `cargo xtask test`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = args.tier.as_deref();
    let facts = setup::ensure(&purposes(wanted))?;
    steps::run(&plan(wanted, &facts, &build::program()?)?)
}

/// The tiers of a name; without one, those that a change has to pass.
fn chosen(wanted: Option<&str>) -> impl Iterator<Item = &'static Tier> {
    TIERS.iter().filter(move |tier| match wanted {
        None => tier.name != LONG,
        Some(wanted) => wanted == ALL || wanted == tier.name,
    })
}

/// What the chosen tiers need: without a root tier neither packages nor bpf-linker.
fn purposes(wanted: Option<&str>) -> Vec<Purpose> {
    let mut purposes = Vec::new();
    if chosen(wanted).any(|tier| !tier.root) {
        purposes.push(Purpose::Lint);
    }
    if chosen(wanted).any(|tier| tier.root) {
        purposes.extend([Purpose::Build, Purpose::Network, Purpose::Clients]);
    }
    if chosen(wanted).any(|tier| tier.name == LONG) {
        purposes.push(Purpose::Long);
    }
    purposes
}

/// The steps; `program` is where the release build leaves `edge`.
fn plan(wanted: Option<&str>, facts: &Facts, program: &Path) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut built = false;
    for tier in chosen(wanted) {
        if !tier.root {
            steps.extend(lint::plan(facts));
        }
        for run in tier.runs {
            if run.program && !built {
                steps.push(Step::new(BUILD, build::command(facts)));
                built = true;
            }
            steps.push(step(tier, run, facts, program)?);
        }
    }
    Ok(steps)
}

fn step(tier: &Tier, run: &Run, facts: &Facts, program: &Path) -> Result<Step> {
    let mut cmd = facts.host_cargo(run.cargo);
    if let Some((name, value)) = run.env {
        cmd = cmd.env(name, value);
    }
    if run.program {
        cmd = cmd.env("EDGE_BIN", program);
    }
    if tier.root {
        let Some(by_root) = as_root(cmd, facts)? else {
            bail!(
                "tier {}: needs root, and this is neither root nor has it sudo; run as root, or \
                 only `cargo xtask test --tier unit`",
                tier.name
            );
        };
        cmd = by_root;
    }
    let needs = run.program.then_some(BUILD);
    Ok(Step { name: run.name.to_owned(), cmd, tests: true, needs })
}

/// A cargo command whose programs run as root; `None` if they can't.
///
/// Cargo builds as the user and starts only the programs as root: no files of root's are left in
/// the target folder, and root needs no Rust.
pub(crate) fn as_root(cargo: Cmd, facts: &Facts) -> Result<Option<Cmd>> {
    Ok(match facts.system.privilege {
        Privilege::Root => Some(cargo),
        Privilege::Sudo => {
            let rustc = facts.toolchain.rustc.as_ref().context("rustc does not run")?;
            Some(cargo.env(&runner(&rustc.host), "sudo -E"))
        }
        Privilege::None => None,
    })
}

/// Cargo's variable for what starts a host's programs.
fn runner(host: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace(['-', '.'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::tests::debian;

    fn planned(wanted: Option<&str>) -> Vec<Step> {
        plan(wanted, &debian(), Path::new("/t/release/edge")).unwrap()
    }

    fn names(wanted: Option<&str>) -> Vec<String> {
        planned(wanted).into_iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_change_has_to_pass_lints_and_every_tier_except_the_long_one() {
        let wanted = [
            "fmt",
            "clippy",
            "clippy root",
            "clippy bpf",
            "unit",
            "kernel",
            "build",
            "netns",
            "netns alone",
            "conformance",
            "nats",
        ];
        assert_eq!(names(None), wanted);
        let all = names(Some(ALL));
        assert_eq!(all[..wanted.len()], wanted);
        assert_eq!(all[wanted.len()..], ["long frames", "long clients", "long replies"]);
    }

    #[test]
    fn one_tier_runs_only_what_it_needs() {
        assert_eq!(names(Some("kernel")), ["kernel"]);
        assert_eq!(names(Some("netns")), ["build", "netns", "netns alone", "conformance"]);
        assert_eq!(names(Some("unit")).last().map(String::as_str), Some("unit"));
        assert_eq!(names(Some(LONG)), ["long frames", "build", "long clients", "long replies"]);
    }

    #[test]
    fn only_tests_that_start_the_program_need_it_and_are_told_where_it_is() {
        for step in planned(Some(ALL)).iter().filter(|step| step.tests) {
            let line = step.cmd.to_string();
            let starts = line.contains("EDGE_BIN=/t/release/edge ");
            assert_eq!(step.needs, starts.then_some(BUILD), "{line}");
            let wanted = line.contains("--test netns") || line.contains("--test conformance");
            assert_eq!(starts, wanted, "{line}");
        }
    }

    #[test]
    fn all_tests_are_built_with_the_same_packages_and_profile() {
        for step in planned(Some(ALL)).iter().filter(|step| step.tests) {
            let line = step.cmd.to_string();
            assert!(line.contains("cargo test --workspace "), "{line}");
            for other in ["--release", "--features", "--profile", "EDGE_EBPF"] {
                assert!(!line.contains(other), "{line}");
            }
        }
    }

    #[test]
    fn every_test_of_the_netns_tier_runs_in_one_of_its_steps() {
        let lines: Vec<String> = planned(Some(ALL)).iter().map(|it| it.cmd.to_string()).collect();
        let of = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
        assert_eq!(of("--test netns -- --test-threads=6 --skip=alone:: --skip=long::"), 1);
        assert_eq!(of("--test netns -- --test-threads=1 alone::"), 1);
        assert_eq!(of("--test netns -- --test-threads=6 --skip=long::replies long::"), 1);
        assert_eq!(of("--test netns -- long::replies"), 1);
    }

    #[test]
    fn each_tier_asks_only_for_what_it_needs() {
        assert_eq!(purposes(Some("unit")), [Purpose::Lint]);
        let root = [Purpose::Build, Purpose::Network, Purpose::Clients];
        assert_eq!(purposes(Some("netns")), root);
        assert_eq!(purposes(None), [[Purpose::Lint].as_slice(), &root].concat());
        assert_eq!(purposes(Some(LONG)), [root.as_slice(), &[Purpose::Long]].concat());
        assert_eq!(purposes(Some(ALL)).len(), 5);
    }

    #[test]
    fn only_the_tests_themselves_go_through_sudo() {
        let mut facts = debian();
        facts.system.privilege = Privilege::Sudo;
        let steps = plan(Some("netns"), &facts, Path::new("/t/release/edge")).unwrap();
        assert_eq!(steps[0].cmd, build::command(&debian()));
        assert_eq!(
            steps[2].cmd.to_string(),
            "EDGE_BIN=/t/release/edge \
             CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER='sudo -E' \
             cargo test --workspace --test netns -- --test-threads=1 alone::"
        );
    }

    #[test]
    fn without_root_and_sudo_the_root_tiers_fail_and_unit_runs() {
        let mut facts = debian();
        facts.system.privilege = Privilege::None;
        let message = plan(None, &facts, Path::new("edge")).unwrap_err().to_string();
        assert!(message.starts_with("tier kernel: needs root"), "{message}");
        assert!(plan(Some("unit"), &facts, Path::new("edge")).is_ok());
    }
}
