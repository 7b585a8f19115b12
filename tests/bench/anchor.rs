//! A C program tuned by hand, measured in the same minute as a yardstick.
//!
//! Its folder has `anchor.bpf.c`, which makes a program of each set of definitions, and
//! `bench.c`, which loads and times them. Neither is part of the product.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::figures::Pairs;

/// Programs, and the definitions that make them.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("prelude", &["-DSTOP=0"]),
    ("reflector", &["-DREFLECT"]),
    ("robust", &["-DRNG=3", "-DCARD=1", "-DHEAD=1", "-DCS=2"]),
];

/// The built programs.
pub(crate) struct Anchor {
    folder: TempDir,
    cpu: usize,
}

/// What is known of the anchor in a case.
#[derive(Default)]
pub(crate) struct Times {
    /// Its bare reflector.
    pub reflector: Pairs,
    /// Its program with checksums of its own, which grows frames at their head.
    pub robust: Pairs,
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds what is in `folder`.
pub(crate) fn build(folder: &Path, cpu: usize) -> Result<Anchor> {
    let out = TempDir::new().context("make a temporary folder")?;
    let loader = out.path().join("bench");
    run(Command::new("clang")
        .args(["-O2", "-w", "-o"])
        .arg(&loader)
        .arg(folder.join("bench.c"))
        .args(["-lbpf", "-lelf", "-lz"]))?;
    let multiarch = run(Command::new("clang").arg("-print-multiarch")).unwrap_or_default();
    let headers = match multiarch.trim() {
        "" => format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH),
        name => format!("/usr/include/{name}"),
    };
    for (name, definitions) in PROGRAMS {
        run(Command::new("clang")
            .args(["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-w", "-DBENCH=1", "-DNOVLAN"])
            .args(definitions)
            .args(["-I", &headers, "-c"])
            .arg(folder.join("anchor.bpf.c"))
            .arg("-o")
            .arg(out.path().join(format!("{name}.o"))))?;
    }
    Ok(Anchor { folder: out, cpu })
}

impl Anchor {
    /// Least nanoseconds of three means, of each program, behind its own prelude.
    pub(crate) fn run(&self, profile: &str) -> Result<[f64; 3]> {
        let mut command = Command::new(self.folder.path().join("bench"));
        command.env("ROWS", "16").env("DC", "16").current_dir(self.folder.path());
        command.args(["-c", &self.cpu.to_string(), "-r", "3", "-n", "40000", "-p", profile]);
        command.args(["-s", "43.250.0.0/20"]);
        command.args(PROGRAMS.map(|(name, _)| format!("{name}.o")));
        let output = run(&mut command)?;
        let mut times = [0.0; 3];
        for (time, (name, _)) in times.iter_mut().zip(PROGRAMS) {
            let line = output.lines().find(|line| line.starts_with(&format!("{name}.o")));
            let least = line.and_then(|line| {
                line.split_whitespace().skip_while(|word| *word != "min").nth(1)?.parse().ok()
            });
            *time = least.with_context(|| format!("no time of {name} in:\n{output}"))?;
        }
        Ok(times)
    }
}
