//! `cargo xtask test`: lints and tests, up to a tier.
//!
//! The first failure ends the run. A tier that needs root and can't have it fails, and so does a
//! tier in which no test ran: nothing is skipped silently.

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
    /// The tier to run
    #[arg(long, default_value = ALL, value_parser = PossibleValuesParser::new(tier_names()))]
    tier: String,
}

const ALL: &str = "all";

/// A kind of tests that runs by one command.
struct Tier {
    name: &'static str,
    /// Cargo's arguments.
    cargo: &'static [&'static str],
    /// Whether the tests need root and the BPF object; if not, lints belong to the tier.
    root: bool,
}

/// All tiers, in the order in which they run.
const TIERS: &[Tier] = &[
    Tier { name: "unit", cargo: &["test", "--workspace"], root: false },
    Tier {
        name: "kernel",
        cargo: &[
            "test",
            "-p",
            "edge-tests",
            "--release",
            "--features",
            "kernel",
            "--test",
            "kernel",
        ],
        root: true,
    },
    Tier {
        name: "netns",
        cargo: &[
            "test",
            "-p",
            "edge-tests",
            "--release",
            "--features",
            "netns",
            "--test",
            "netns",
            "--test",
            "conformance",
            "--",
            "--test-threads=1",
        ],
        root: true,
    },
    // Loopback alone, but with a server that is a package.
    Tier {
        name: "nats",
        cargo: &["test", "-p", "edge-feed", "--features", "nats", "--test", "nats"],
        root: true,
    },
];

fn tier_names() -> impl Iterator<Item = &'static str> {
    TIERS.iter().map(|tier| tier.name).chain([ALL])
}

/// Runs `cargo xtask test`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let facts = setup::ensure(&purposes(&args.tier))?;
    steps::run(&plan(&args.tier, &facts)?)
}

fn chosen(wanted: &str) -> impl Iterator<Item = &'static Tier> {
    TIERS.iter().filter(move |tier| wanted == ALL || wanted == tier.name)
}

/// What the chosen tiers need: without a root tier neither packages nor bpf-linker.
fn purposes(wanted: &str) -> Vec<Purpose> {
    let mut purposes = Vec::new();
    if chosen(wanted).any(|tier| !tier.root) {
        purposes.push(Purpose::Lint);
    }
    if chosen(wanted).any(|tier| tier.root) {
        purposes.extend([Purpose::Build, Purpose::Network, Purpose::Clients]);
    }
    purposes
}

fn plan(wanted: &str, facts: &Facts) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut built = false;
    for tier in chosen(wanted) {
        if !tier.root {
            steps.extend(lint::plan(facts));
        } else if !built {
            steps.push(Step::new("build", build::command(facts)));
            built = true;
        }
        steps.push(step(tier, facts)?);
    }
    Ok(steps)
}

fn step(tier: &Tier, facts: &Facts) -> Result<Step> {
    let cargo = facts.cargo(tier.cargo);
    if !tier.root {
        // Like the lints' build, so that one doesn't undo the other.
        let cmd = cargo.env("EDGE_EBPF", "skip");
        return Ok(Step { name: tier.name.to_owned(), cmd, tests: true });
    }
    let Some(cmd) = as_root(cargo, facts)? else {
        bail!(
            "tier {}: needs root, and this is neither root nor has it sudo; run as root, or only \
             `cargo xtask test --tier unit`",
            tier.name
        );
    };
    Ok(Step { name: tier.name.to_owned(), cmd, tests: true })
}

/// A cargo command whose programs run as root, with the object; `None` if they can't.
///
/// Cargo builds as the user and starts only the programs as root: no files of root's are left in
/// the target folder, and root needs no Rust.
pub(crate) fn as_root(cargo: Cmd, facts: &Facts) -> Result<Option<Cmd>> {
    let cargo = build::with_object(cargo);
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

    fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    #[test]
    fn all_is_lints_then_unit_then_the_root_tiers_over_one_build() {
        let steps = plan(ALL, &debian()).unwrap();
        let wanted = ["fmt", "clippy", "clippy bpf", "unit", "build", "kernel", "netns", "nats"];
        assert_eq!(names(&steps), wanted);
        assert!(steps.iter().filter(|step| step.tests).count() == TIERS.len());
    }

    #[test]
    fn one_root_tier_needs_only_the_build() {
        assert_eq!(names(&plan("netns", &debian()).unwrap()), ["build", "netns"]);
        assert_eq!(names(&plan("unit", &debian()).unwrap()).last(), Some(&"unit"));
    }

    #[test]
    fn the_unit_tier_asks_for_no_packages() {
        assert_eq!(purposes("unit"), [Purpose::Lint]);
        let root = [Purpose::Build, Purpose::Network, Purpose::Clients];
        assert_eq!(purposes("netns"), root);
        assert_eq!(purposes(ALL), [[Purpose::Lint].as_slice(), &root].concat());
    }

    #[test]
    fn only_the_tests_themselves_go_through_sudo() {
        let mut facts = debian();
        facts.system.privilege = Privilege::Sudo;
        let steps = plan("kernel", &facts).unwrap();
        assert_eq!(steps[0].cmd, build::command(&debian()));
        assert_eq!(
            steps[1].cmd.to_string(),
            "EDGE_EBPF=build \
             CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER='sudo -E' \
             cargo test -p edge-tests --release --features kernel --test kernel"
        );
    }

    #[test]
    fn without_root_and_sudo_the_root_tiers_fail_and_unit_runs() {
        let mut facts = debian();
        facts.system.privilege = Privilege::None;
        let message = plan(ALL, &facts).unwrap_err().to_string();
        assert!(message.starts_with("tier kernel: needs root"), "{message}");
        assert!(plan("unit", &facts).is_ok());
    }
}
