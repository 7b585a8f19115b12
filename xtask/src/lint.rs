//! `cargo xtask lint`: formatting and lints of host and kernel code.

use anyhow::Result;

use crate::facts::Facts;
use crate::requirement::Purpose;
use crate::setup;
use crate::steps::{self, Step};

/// Arguments of `cargo xtask lint`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs `cargo xtask lint`.
pub(crate) fn run(_: &Args) -> Result<()> {
    steps::run(&plan(&setup::ensure(&[Purpose::Lint])?))
}

/// The commands, none of which links for BPF.
pub(crate) fn plan(facts: &Facts) -> Vec<Step> {
    let deny = ["--", "-D", "warnings"];
    let host = facts.host_cargo(&["clippy", "--workspace", "--all-targets"]).args(deny);
    // These run only when they are named, and `--all-targets` doesn't name them.
    let named = ["clippy", "--workspace", "--test", "kernel", "--test", "netns", "--test", "nats"];
    let root = facts.host_cargo(&named).args(deny);
    let bpf = ["clippy", "-p", "edge-ebpf", "--target", "bpfel-unknown-none", "-Zbuild-std=core"];
    let bpf = facts.cargo(&bpf).args(["--bins"]).args(deny);
    vec![
        Step::new("fmt", facts.cargo(&["fmt", "--all", "--check"])),
        Step::new("clippy", host),
        Step::new("clippy root", root),
        Step::new("clippy bpf", bpf.env("RUSTC_BOOTSTRAP", "1")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::tests::debian;

    #[test]
    fn host_and_kernel_code_are_linted_with_warnings_denied() {
        let lines: Vec<String> = plan(&debian()).iter().map(|step| step.cmd.to_string()).collect();
        assert_eq!(lines[0], "cargo fmt --all --check");
        assert_eq!(lines[1], "cargo clippy --workspace --all-targets -- -D warnings");
        assert_eq!(
            lines[2],
            "cargo clippy --workspace --test kernel --test netns --test nats -- -D warnings"
        );
        assert_eq!(
            lines[3],
            "RUSTC_BOOTSTRAP=1 cargo clippy -p edge-ebpf --target bpfel-unknown-none \
             -Zbuild-std=core --bins -- -D warnings"
        );
    }

    #[test]
    fn without_a_linker_the_object_is_left_out() {
        let mut facts = debian();
        facts.toolchain.linker = None;
        let line = plan(&facts)[1].cmd.to_string();
        assert!(line.starts_with("EDGE_EBPF=skip cargo clippy "), "{line}");
    }
}
