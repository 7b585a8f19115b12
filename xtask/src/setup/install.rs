//! The commands that install what is missing.
//!
//! All refusals come from [`plan`], before anything is changed.

use std::env;
use std::ffi::OsString;

use anyhow::{Result, anyhow, bail};

use crate::cmd::Cmd;
use crate::print;
use crate::requirement::{Remedy, Row, State, linker_version};
use crate::system::{OWN, Privilege, System};
use crate::toolchain::{LLVM_MAJOR, install_root};

/// One command of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) label: String,
    pub(super) cmd: Cmd,
    /// What to try when it fails.
    pub(super) hint: &'static str,
    /// Whether the step is moot if bpf-linker runs by now.
    pub(super) builds_linker: bool,
}

const APT_HINT: &str = "if a package is unknown here: LLVM 22 is in Debian's security updates and \
                        at https://apt.llvm.org";
const RUSTUP_HINT: &str = "rustup needs https://static.rust-lang.org";
const CARGO_HINT: &str = "it needs https://crates.io and LLVM 22 with its headers; LLVM_PREFIX \
                          names its folder if that isn't /usr/lib/llvm-22";

const CRATE_HINT: &str = "it needs https://crates.io and a C compiler";

const UNIT_HINT: &str =
    "these servers were started by Debian and aren't needed: stop them yourself";

/// Servers that Debian starts when it installs them, and at each boot: package and units.
const DAEMONS: &[(&str, &[&str])] = &[
    ("unbound", &["unbound.service"]),
    ("bind9", &["named.service"]),
    ("knot-resolver", &["kresd.target", "kres-cache-gc.service"]),
    ("knot", &["knot.service"]),
    ("nsd", &["nsd.service"]),
];

/// The commands that install what is missing.
pub(super) fn plan(system: &System, rows: &[Row]) -> Result<Vec<Step>> {
    let missing: Vec<(&Row, &Remedy)> = rows
        .iter()
        .filter_map(|row| match &row.state {
            State::Missing(remedy) => Some((row, remedy)),
            _ => None,
        })
        .collect();
    if system.packages.is_none() {
        bail!(unknown_system(system, &missing));
    }
    let by_hand = missing.iter().filter_map(|(row, remedy)| match remedy {
        Remedy::ByHand(how) => Some(format!("{}: {how}", row.name)),
        _ => None,
    });
    let by_hand: Vec<String> = by_hand.collect();
    if !by_hand.is_empty() {
        bail!("nothing was changed, this needs you first\n  {}", by_hand.join("\n  "));
    }

    let mut steps = Vec::new();
    for (_, remedy) in &missing {
        if let Remedy::Component { toolchain, component } = remedy {
            let args = ["component", "add", component, "--toolchain", toolchain];
            let cmd = Cmd::new("rustup").args(args);
            let label = format!("rustup component {component}");
            steps.push(Step { label, cmd, hint: RUSTUP_HINT, builds_linker: false });
        }
    }
    steps.extend(packages(system, &missing)?);
    steps.extend(unpacked(&missing));
    for (_, remedy) in &missing {
        if let Remedy::Crate(name, version) = remedy {
            let label = format!("{name} {version}");
            steps.push(Step {
                label,
                cmd: built(name, version),
                hint: CRATE_HINT,
                builds_linker: false,
            });
        }
    }
    if missing.iter().any(|(_, remedy)| **remedy == Remedy::Linker) {
        let label = format!("bpf-linker {}", linker_version());
        steps.push(Step { label, cmd: linker(), hint: CARGO_HINT, builds_linker: true });
    }
    Ok(steps)
}

/// Runs the steps, saying what is done.
pub(super) fn run(steps: &[Step], has_linker: impl Fn() -> bool) -> Result<()> {
    for step in steps {
        // Packages may have brought back the LLVM library that an existing bpf-linker lacked.
        if step.builds_linker && has_linker() {
            continue;
        }
        print::line(format_args!("  {}", step.cmd));
        step.cmd.watch(&step.label).map_err(|error| anyhow!("{error:#}; {}", step.hint))?;
    }
    Ok(())
}

fn packages(system: &System, missing: &[(&Row, &Remedy)]) -> Result<Vec<Step>> {
    let privilege = system.privilege;
    let mut names: Vec<&str> = Vec::new();
    for (_, remedy) in missing {
        if let Remedy::Packages(packages) = remedy {
            names.extend(*packages);
        }
    }
    let unpacks = missing.iter().any(|(_, remedy)| matches!(remedy, Remedy::Unpack(_)));
    // Who unpacks needs no rights, but should know the newest packages if he has them.
    if names.is_empty() && (!unpacks || privilege == Privilege::None) {
        return Ok(Vec::new());
    }
    let root = |program: &str| match privilege {
        Privilege::Root => Cmd::new(program),
        Privilege::Sudo | Privilege::None => Cmd::new("sudo").args([program]),
    };
    let apt = |args: &[&str]| {
        // sudo drops the environment, so it is set behind it.
        let cmd = root("env");
        // A fresh machine's first update may hold dpkg's lock for a while.
        cmd.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120"])
            .args(args.iter().copied())
    };
    let update = apt(&["update"]);
    let install = apt(&["install", "-y", "--no-install-recommends"]).args(names.iter().copied());
    if privilege == Privilege::None {
        bail!(
            "packages are missing, and this is neither root nor has it sudo; nothing was changed. \
             As root, run\n  {update}\n  {install}\nand then `cargo xtask setup` again"
        );
    }
    let step = |label: &str, cmd| Step {
        label: label.to_owned(),
        cmd,
        hint: APT_HINT,
        builds_linker: false,
    };
    let mut steps = vec![step("apt-get update", update)];
    if names.is_empty() {
        return Ok(steps);
    }
    steps.push(step("apt-get install", install));
    let units: Vec<&str> = DAEMONS
        .iter()
        .filter(|(package, _)| names.contains(package))
        .flat_map(|(_, units)| units.iter().copied())
        .collect();
    if system.systemd && !units.is_empty() {
        let cmd = root("systemctl").args(["disable", "--now"]).args(units);
        let label = "systemctl disable".to_owned();
        steps.push(Step { label, cmd, hint: UNIT_HINT, builds_linker: false });
    }
    Ok(steps)
}

/// Downloads the packages of its arguments and unpacks them into the folder before those.
const UNPACK: &str = "mkdir -p \"$0\" && cd \"$0\" && apt-get download \"$@\" && \
                      for package in *.deb; do dpkg-deb -x \"$package\" . || exit; done && rm ./*.deb";

/// The packages that are unpacked only.
fn unpacked(missing: &[(&Row, &Remedy)]) -> Option<Step> {
    let packages = missing.iter().filter_map(|(_, remedy)| match remedy {
        Remedy::Unpack(packages) => Some(*packages),
        _ => None,
    });
    let names: Vec<&str> = packages.flatten().copied().collect();
    (!names.is_empty()).then(|| Step {
        label: "apt-get download".to_owned(),
        cmd: Cmd::new("sh").args(["-c", UNPACK, OWN]).args(names),
        hint: APT_HINT,
        builds_linker: false,
    })
}

/// A crate's programs, for the tests alone.
fn built(name: &str, version: &str) -> Cmd {
    Cmd::new("cargo").args(["install", name, "--version", version, "--locked", "--root", OWN])
}

fn linker() -> Cmd {
    let prefix = env::var_os("LLVM_PREFIX")
        .unwrap_or_else(|| OsString::from(format!("/usr/lib/llvm-{LLVM_MAJOR}")));
    let features = format!("llvm-{LLVM_MAJOR}");
    let args = ["install", "bpf-linker", "--version", &linker_version(), "--locked"];
    // LLVM, a library that is there already, does the work: what is compiled here needs no
    // optimisation, and nobody debugs it.
    Cmd::new("cargo")
        .env("LLVM_PREFIX", prefix)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .args(args)
        .args(["--no-default-features", "--features", &features, "--force", "--root"])
        .args([install_root()])
}

fn unknown_system(system: &System, missing: &[(&Row, &Remedy)]) -> String {
    let mut text = format!(
        "{} has no apt-get and dpkg-query, so nothing was changed; install these, then run \
         `cargo xtask setup` again",
        system.name
    );
    for (row, remedy) in missing {
        let how = match remedy {
            Remedy::Component { toolchain, component } => {
                format!(": `rustup component add {component} --toolchain {toolchain}`")
            }
            Remedy::Linker => format!(": `{}`", linker()),
            Remedy::ByHand(how) => format!(": {how}"),
            Remedy::Crate(name, version) => format!(": `{}`", built(name, version)),
            Remedy::Packages(_) | Remedy::Unpack(_) => String::new(),
        };
        text.push_str(&format!("\n  {}{how}", row.upstream));
    }
    text
}
