//! `cargo xtask build`: target/release/edge with the BPF object inside.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::cmd::Cmd;
use crate::facts::Facts;
use crate::print;
use crate::requirement::Purpose;
use crate::setup;

/// Arguments of `cargo xtask build`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs `cargo xtask build`.
pub(crate) fn run(_: &Args) -> Result<()> {
    let facts = setup::ensure(&[Purpose::Build])?;
    command(&facts).run()?;
    let path = program()?;
    let size = fs::metadata(&path).with_context(|| format!("find {}", path.display()))?.len();
    print::line(format_args!("{} ({})", path.display(), print::size(size)));
    Ok(())
}

/// The release build.
pub(crate) fn command(facts: &Facts) -> Cmd {
    with_object(facts.cargo(&["build", "--release", "-p", "edge-user"]))
}

/// Sets the environment of all commands that compile edge-user in the release profile. With
/// different environments one step would make the next one compile it again. The object is
/// required.
pub(crate) fn with_object(cargo: Cmd) -> Cmd {
    cargo.env("EDGE_EBPF", "build")
}

/// Where the build puts the program: beside our own profile's folder, wherever cargo's target
/// folder is configured to be.
pub(crate) fn program() -> Result<PathBuf> {
    let own = std::env::current_exe().context("find the running program")?;
    let target = own.ancestors().nth(2).context("find the target folder")?;
    Ok(target.join("release/edge"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::tests::debian;

    #[test]
    fn the_release_build_demands_the_object() {
        assert_eq!(
            command(&debian()).to_string(),
            "EDGE_EBPF=build cargo build --release -p edge-user"
        );
    }

    #[test]
    fn a_linker_outside_of_the_search_path_is_named_to_cargo() {
        let mut facts = debian();
        facts.toolchain.linker.as_mut().unwrap().found_by_cargo = false;
        let line = command(&facts).to_string();
        let named = "CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER=/root/.cargo/bin/bpf-linker ";
        assert!(line.starts_with(named), "{line}");
    }
}
