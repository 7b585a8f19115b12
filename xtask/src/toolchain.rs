//! Facts about rustc and bpf-linker, and the environment of builds.

use std::env;
use std::path::{Path, PathBuf};

use crate::cmd::Cmd;
use crate::system::{System, executable, in_search_path, which};

/// The oldest rustc that builds the workspace; also the one to fall back to.
pub(crate) const RUST: (u32, u32) = (1, 95);
/// bpf-linker's LLVM. It reads bitcode of its own and of older versions, so rustc's may not be
/// newer.
pub(crate) const LLVM_MAJOR: u32 = 22;
/// The version of bpf-linker that is installed, and the oldest that is accepted.
pub(crate) const LINKER_VERSION: (u32, u32, u32) = (0, 13, 0);
/// The environment variable that names the BPF target's linker to cargo.
pub(crate) const LINKER_ENV: &str = "CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER";

const LINKER: &str = "bpf-linker";

/// `rustc -vV`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rustc {
    /// Such as `1.95.0`.
    pub(crate) release: String,
    /// The target triple that it runs on.
    pub(crate) host: String,
    /// The major version of its LLVM; 0 if unknown.
    pub(crate) llvm_major: u32,
}

impl Rustc {
    /// Major and minor version.
    pub(crate) fn version(&self) -> (u32, u32) {
        version(&self.release).map_or((0, 0), |(major, minor, _)| (major, minor))
    }
}

/// Who provides the toolchain, and so its missing parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// rustup, under this name.
    Rustup(String),
    /// Debian's compiler for web browsers, kept current in stable releases.
    DebianWeb,
    /// The distribution's ordinary packages.
    Debian,
    /// Anything else.
    Other,
}

/// A bpf-linker that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linker {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Such as `0.13.0`.
    pub(crate) version: String,
    /// Whether cargo finds it by itself.
    pub(crate) found_by_cargo: bool,
}

/// The Rust toolchain and the linker.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    /// The compiler, if it runs.
    pub(crate) rustc: Option<Rustc>,
    /// Its sysroot.
    pub(crate) sysroot: PathBuf,
    /// Where it is from.
    pub(crate) origin: Origin,
    /// The standard library's sources.
    pub(crate) sources: Option<PathBuf>,
    /// `cargo fmt`.
    pub(crate) fmt: Option<PathBuf>,
    /// `cargo clippy`.
    pub(crate) clippy: Option<PathBuf>,
    /// The first bpf-linker that is new enough.
    pub(crate) linker: Option<Linker>,
}

impl Toolchain {
    /// Asks rustc and bpf-linker.
    pub(crate) fn read(system: &System) -> Self {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let ask = |args: &[&str]| Cmd::new(&rustc).args(args.iter().copied()).read();
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"]).unwrap_or_default().trim());
        let origin = origin(&sysroot, which("rustup").is_some(), system);
        // rustup's own `cargo-fmt` is there even if the component isn't: look in the sysroot.
        let tool = |name: &str| Some(sysroot.join("bin").join(name)).filter(|at| executable(at));
        let library = sysroot.join("lib/rustlib/src/rust/library");
        Self {
            rustc: ask(&["-vV"]).as_deref().and_then(parse_rustc),
            sources: library.join("core/src/lib.rs").exists().then_some(library),
            fmt: tool("cargo-fmt"),
            clippy: tool("cargo-clippy"),
            linker: find_linker(),
            sysroot,
            origin,
        }
    }
}

fn origin(sysroot: &Path, rustup: bool, system: &System) -> Origin {
    let name = sysroot.file_name().map(|name| name.to_string_lossy().into_owned());
    let managed = sysroot.parent().is_some_and(|parent| parent.ends_with("toolchains"));
    match name {
        Some(name) if rustup && managed => Origin::Rustup(name),
        _ if sysroot != Path::new("/usr") => Origin::Other,
        _ if system.package("rustc-web").is_some() => Origin::DebianWeb,
        _ if system.package("rustc").is_some() => Origin::Debian,
        _ => Origin::Other,
    }
}

/// Where `cargo install` puts things: the folder above `bin`.
pub(crate) fn install_root() -> PathBuf {
    let variable = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    variable("CARGO_INSTALL_ROOT")
        .or_else(|| variable("CARGO_HOME"))
        .or_else(|| Some(variable("HOME")?.join(".cargo")))
        .unwrap_or_else(|| PathBuf::from(".cargo"))
}

/// The linker that the environment names, else the first on `PATH`, else cargo's own.
fn find_linker() -> Option<Linker> {
    let named = env::var_os(LINKER_ENV).map(PathBuf::from);
    let installed = install_root().join("bin").join(LINKER);
    let first = which(LINKER);
    [named.clone(), first.clone(), Some(installed)].into_iter().flatten().find_map(|path| {
        // One whose LLVM library was removed is there but doesn't run.
        let version = parse_linker(&Cmd::new(&path).args(["--version"]).read()?)?;
        let on_path = first.as_ref() == Some(&path) && in_search_path(&path);
        Some(Linker { found_by_cargo: on_path || named.as_ref() == Some(&path), path, version })
    })
}

/// The text of `rustc -vV`.
fn parse_rustc(text: &str) -> Option<Rustc> {
    let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let llvm = field("LLVM version:").and_then(|llvm| llvm.split('.').next()?.parse().ok());
    Some(Rustc {
        release: field("release:")?.to_owned(),
        host: field("host:")?.to_owned(),
        llvm_major: llvm.unwrap_or(0),
    })
}

/// The version in `bpf-linker --version`, if it is new enough.
fn parse_linker(text: &str) -> Option<String> {
    let release = text.split_whitespace().nth(1)?;
    (version(release)? >= LINKER_VERSION).then(|| release.to_owned())
}

/// `1.97.0-nightly` as (1, 97, 0).
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let numbers = text.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{Kernel, Privilege};

    const RUSTC: &str = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\n\
        commit-hash: 59807616e1fa2540724bfbac14d7976d7e4a3860\ncommit-date: 2026-04-14\n\
        host: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n";

    fn system(packages: &[&str]) -> System {
        let installed = packages.iter().map(|name| ((*name).to_owned(), "1".to_owned()));
        System {
            name: "Debian".to_owned(),
            packages: Some(installed.collect()),
            commands: [].into(),
            privilege: Privilege::Root,
            systemd: false,
            kernel: Kernel::default(),
        }
    }

    #[test]
    fn rustc_tells_its_release_host_and_llvm() {
        let rustc = parse_rustc(RUSTC).unwrap();
        assert_eq!(rustc.version(), (1, 95));
        assert_eq!(rustc.host, "x86_64-unknown-linux-gnu");
        assert_eq!(rustc.llvm_major, 22);
        let nightly = parse_rustc("host: a\nrelease: 1.97.0-nightly\n").unwrap();
        assert_eq!((nightly.version(), nightly.llvm_major), ((1, 97), 0));
        assert_eq!(parse_rustc("error: no override and no default toolchain set"), None);
    }

    #[test]
    fn an_old_or_silent_linker_is_none() {
        assert_eq!(parse_linker("bpf-linker 0.13.0\n").as_deref(), Some("0.13.0"));
        assert_eq!(parse_linker("bpf-linker 1.0.1\n").as_deref(), Some("1.0.1"));
        assert_eq!(parse_linker("bpf-linker 0.9.15\n"), None);
        assert_eq!(parse_linker("bpf-linker\n"), None);
        assert_eq!(parse_linker(""), None);
    }

    #[test]
    fn the_origin_follows_from_the_sysroot() {
        let stable = Path::new("/root/.rustup/toolchains/stable-x86_64-unknown-linux-gnu");
        let rustup = Origin::Rustup("stable-x86_64-unknown-linux-gnu".to_owned());
        assert_eq!(origin(stable, true, &system(&["rustc-web"])), rustup);
        assert_eq!(origin(stable, false, &system(&[])), Origin::Other);
        let usr = Path::new("/usr");
        assert_eq!(origin(usr, true, &system(&["rustc-web"])), Origin::DebianWeb);
        assert_eq!(origin(usr, false, &system(&["rustc"])), Origin::Debian);
        assert_eq!(origin(usr, false, &system(&[])), Origin::Other);
        assert_eq!(origin(Path::new("/opt/rust"), true, &system(&["rustc"])), Origin::Other);
    }
}
