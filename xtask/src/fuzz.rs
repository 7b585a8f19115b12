//! `cargo xtask fuzz`: the fuzz targets, built and run for some seconds.
//!
//! The corpus begins with seeds from the tests' fixtures and is kept under the target folder. A
//! crash ends the run; its input is kept there, too. Everything is stable Rust: the
//! instrumentation is a pass of LLVM's that rustc has a switch for, the driver is libFuzzer,
//! which comes with the crate libfuzzer-sys and needs a C++ compiler.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;

use crate::build;
use crate::cmd::Cmd;
use crate::facts::Facts;
use crate::requirement::Purpose;
use crate::setup;
use crate::steps::{self, Step};

/// The targets, each a file in `fuzz/targets`.
const TARGETS: [&str; 6] = ["zone", "message", "subnet", "stream", "frame", "wire"];

/// Compiler options that report coverage to libFuzzer.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg=fuzzing";

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The target; all of them, one after another, if none is named
    #[arg(value_parser = PossibleValuesParser::new(TARGETS))]
    target: Option<String>,
    /// Seconds of each target's run
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Runs `cargo xtask fuzz`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let facts = setup::ensure(&[Purpose::Lint])?;
    let program = build::program()?;
    let target = program.ancestors().nth(2).context("find the target folder")?.join("fuzz");
    let chosen =
        TARGETS.into_iter().filter(|name| args.target.as_deref().is_none_or(|t| t == *name));
    let chosen: Vec<&str> = chosen.collect();
    for name in &chosen {
        let folder = corpus(&target, name);
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    }
    steps::run(&plan(&chosen, args.seconds, &facts, &target)?)
}

fn corpus(target: &Path, name: &str) -> PathBuf {
    target.join("corpus").join(name)
}

fn plan(chosen: &[&str], seconds: u32, facts: &Facts, target: &Path) -> Result<Vec<Step>> {
    let host = &facts.toolchain.rustc.as_ref().context("rustc does not run")?.host;
    // With a target named, build scripts and macros are left without instrumentation.
    let mut build = facts
        .cargo(&[
            "build",
            "--release",
            "--locked",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--target",
            host.as_str(),
        ])
        .args(["--target-dir".into(), target.as_os_str().to_owned()])
        .env("RUSTFLAGS", FLAGS)
        .env("EDGE_EBPF", "skip");
    for name in chosen {
        build = build.args(["--bin", name]);
    }
    let programs = target.join(host).join("release");
    let mut steps = vec![Step::new("build", build)];
    for name in chosen {
        let crashes = target.join(format!("crash-{name}-"));
        let fuzz = Cmd::new(programs.join(name))
            .env("EDGE_FUZZ_CORPORA", target.join("corpus"))
            .args([corpus(target, name)])
            .args([format!("-max_total_time={seconds}"), "-timeout=10".into()])
            .args([format!("-artifact_prefix={}", crashes.display())])
            .args(["-print_final_stats=1", "-max_len=4096", "-rss_limit_mb=4096"]);
        steps.push(Step::new(name, fuzz));
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::tests::debian;

    #[test]
    fn a_target_is_built_seeded_and_run_for_its_time() {
        let steps = plan(&["zone"], 5, &debian(), Path::new("/t/fuzz")).unwrap();
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["build", "zone"]);
        let run = steps[1].cmd.to_string();
        assert!(run.contains("/release/zone /t/fuzz/corpus/zone -max_total_time=5 "), "{run}");
        let build = steps[0].cmd.to_string();
        assert!(build.contains("--bin zone"), "{build}");
    }

    #[test]
    fn every_target_has_a_file() {
        for name in TARGETS {
            let file =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fuzz/targets/{name}.rs"));
            assert!(file.is_file(), "{}", file.display());
        }
    }
}
