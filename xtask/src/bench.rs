//! `cargo xtask bench`: times and rates of XDP programs and authority.
//!
//! They are printed as a table, and written as JSON if asked for. What is measured, and how, is
//! in the package edge-tests: its benchmark is built here, with the object, and run as root.

use std::path::{self, Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::cmd::Cmd;
use crate::facts::Facts;
use crate::requirement::Purpose;
use crate::setup;
use crate::test;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the report as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often everything is measured
    #[arg(long, default_value_t = 15)]
    rounds: u32,
    /// Seconds of each run over a veth pair and of dnsperf; 0 leaves them out
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Measure only this: program, link, mix, authority, ntp, offset, feed or fleet
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// A folder with C programs to compare with: anchor.bpf.c and bench.c
    #[arg(long, value_name = "DIR")]
    anchor: Option<PathBuf>,
}

/// Runs `cargo xtask bench`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let facts = setup::ensure(&[Purpose::Build, Purpose::Network, Purpose::Bench])?;
    let bench = command(args, &facts)?;
    let program = build::program()?;
    let target = program.ancestors().nth(2).context("find the target folder")?;
    object(&facts, target).run()?;
    bench.run()
}

/// The build of the object with what the shipped program is measured against; as edge-user's build
/// script makes the shipped one, and where it leaves that.
fn object(facts: &Facts, target: &Path) -> Cmd {
    let what = ["build", "--package", "edge-ebpf", "--bin", "edge-bench", "--profile", "bpf"];
    let cargo = facts.cargo(&what).args(["--target", "bpfel-unknown-none", "-Zbuild-std=core"]);
    cargo.args(["--locked", "--target-dir"]).args([target.join("bpf")]).env("RUSTC_BOOTSTRAP", "1")
}

/// Cargo runs it in the package's folder: paths have to be absolute.
fn absolute(name: &str, given: Option<&PathBuf>) -> Result<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    let path = path::absolute(given).with_context(|| format!("{name} {}", given.display()))?;
    Ok(Some(format!("{name}={}", path.display())))
}

fn command(args: &Args, facts: &Facts) -> Result<Cmd> {
    let cargo = facts.cargo(&["bench", "-p", "edge-tests", "--features", "bench"]);
    let numbers = [format!("--rounds={}", args.rounds), format!("--seconds={}", args.seconds)];
    let cargo = cargo
        .args(["--bench", "bench", "--"])
        .args(numbers)
        .args(args.only.as_ref().map(|part| format!("--only={part}")))
        .args(absolute("--json", args.json.as_ref())?)
        .args(absolute("--anchor", args.anchor.as_ref())?);
    let Some(cmd) = test::as_root(build::with_object(cargo), facts)? else {
        bail!("bench: needs root, and this is neither root nor has it sudo; run as root");
    };
    Ok(cmd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::tests::debian;
    use crate::system::Privilege;

    fn args() -> Args {
        let json = Some(PathBuf::from("/tmp/report.json"));
        Args { json, rounds: 15, seconds: 1.5, only: None, anchor: None }
    }

    #[test]
    fn the_benchmark_is_built_with_the_object_and_told_what_was_asked() {
        assert_eq!(
            command(&args(), &debian()).unwrap().to_string(),
            "EDGE_EBPF=build cargo bench -p edge-tests --features bench --bench bench -- \
             --rounds=15 --seconds=1.5 --json=/tmp/report.json"
        );
    }

    #[test]
    fn the_object_of_the_benchmark_is_built_where_the_shipped_one_is() {
        assert_eq!(
            object(&debian(), Path::new("/x")).to_string(),
            "RUSTC_BOOTSTRAP=1 cargo build --package edge-ebpf --bin edge-bench --profile bpf \
             --target bpfel-unknown-none -Zbuild-std=core --locked --target-dir /x/bpf"
        );
    }

    #[test]
    fn a_part_can_be_measured_by_itself() {
        let args = Args { only: Some("authority".into()), json: None, ..args() };
        let line = command(&args, &debian()).unwrap().to_string();
        assert!(line.ends_with("--rounds=15 --seconds=1.5 --only=authority"), "{line}");
    }

    #[test]
    fn a_folder_is_named_from_the_root() {
        let args = Args { anchor: Some("x".into()), ..args() };
        let line = command(&args, &debian()).unwrap().to_string();
        let wanted = format!("--anchor={}/x", std::env::current_dir().unwrap().display());
        assert!(line.ends_with(&wanted), "{line}");
    }

    #[test]
    fn without_root_and_sudo_there_is_no_benchmark() {
        let mut facts = debian();
        facts.system.privilege = Privilege::None;
        assert!(command(&args(), &facts).unwrap_err().to_string().contains("needs root"));
    }
}
