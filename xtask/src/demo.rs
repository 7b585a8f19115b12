//! `cargo xtask demo`: real queries over a veth pair, and who answered them.
//!
//! The setup, the build and the clean-up are part of it.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::cmd::Cmd;
use crate::facts::Facts;
use crate::print;
use crate::requirement::Purpose;
use crate::setup;
use crate::system::Privilege;

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs `cargo xtask demo`.
pub(crate) fn run(_: &Args) -> Result<()> {
    let facts = setup::ensure(&[Purpose::Build, Purpose::Network])?;
    let program = program()?;
    let demo = as_root(program, facts.system.privilege)?;
    print::line("build:   edge and edge-demo; the first time takes a few minutes");
    command(&facts).run()?;
    demo.run()
}

/// The release build of the program and of what shows it, at once: cargo then compiles what both
/// need only once. Of the tests' harness, it builds only what the demonstration needs.
fn command(facts: &Facts) -> Cmd {
    let args = ["build", "--release", "-p", "edge-user", "-p", "edge-tests", "--bin", "edge"];
    build::with_object(facts.cargo(&args).args(["--bin", "edge-demo", "--no-default-features"]))
}

fn program() -> Result<PathBuf> {
    let edge = build::program()?;
    Ok(edge.parent().context("find the release folder")?.join("edge-demo"))
}

fn as_root(program: PathBuf, privilege: Privilege) -> Result<Cmd> {
    match privilege {
        Privilege::Root => Ok(Cmd::new(program)),
        Privilege::Sudo => Ok(Cmd::new("sudo").args(["-E"]).args([program])),
        Privilege::None => bail!(
            "the demonstration makes network namespaces and needs root, and this is neither root \
             nor has it sudo; run as root"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::tests::debian;

    #[test]
    fn both_programs_are_built_at_once_and_with_the_object() {
        assert_eq!(
            command(&debian()).to_string(),
            "EDGE_EBPF=build cargo build --release -p edge-user -p edge-tests \
             --bin edge --bin edge-demo --no-default-features"
        );
    }

    #[test]
    fn only_the_demonstration_itself_runs_as_root() {
        let demo = |privilege| as_root("/x/edge-demo".into(), privilege).map(|cmd| cmd.to_string());
        assert_eq!(demo(Privilege::Root).unwrap(), "/x/edge-demo");
        assert_eq!(demo(Privilege::Sudo).unwrap(), "sudo -E /x/edge-demo");
        assert!(demo(Privilege::None).unwrap_err().to_string().contains("needs root"));
    }
}
