//! The build script: it builds the XDP program that `kernel::object` embeds.
//!
//! `EDGE_EBPF=build` makes a missing linker an error; `skip` never builds. Without the variable,
//! the object is built if bpf-linker is found, and is empty otherwise: checks and tests need
//! neither root nor a linker. An empty object is refused at run time.

use std::path::{Path, PathBuf};
use std::process::Command;

const LINKER: &str = "CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER";
const TARGET: &str = "bpfel-unknown-none";
const PROFILE: &str = "bpf";

fn main() {
    let root = PathBuf::from(var("CARGO_MANIFEST_DIR")).join("../..");
    for path in ["edge-ebpf", "edge-common", "Cargo.toml", "Cargo.lock", ".cargo"] {
        println!("cargo:rerun-if-changed={}", root.join(path).display());
    }
    for name in ["EDGE_EBPF", LINKER, "PATH"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let out = PathBuf::from(var("OUT_DIR"));
    let object = out.join("edge-xdp");
    let wanted = std::env::var("EDGE_EBPF").unwrap_or_default();
    let build = match wanted.as_str() {
        "skip" => false,
        "build" => true,
        "" => has_linker(),
        other => panic!("EDGE_EBPF={other}: must be build or skip"),
    };
    if build {
        compile(&root, &out, &object);
    } else if let Err(error) = std::fs::write(&object, []) {
        panic!("write {}: {error}", object.display());
    }
}

fn var(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn has_linker() -> bool {
    std::env::var_os(LINKER).is_some()
        || std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join("bpf-linker").is_file())
        })
}

fn compile(root: &Path, out: &Path, object: &Path) {
    // Beside the host's profiles, so that all of them share it:
    // <target>/<profile>/build/<crate>/out.
    let target = out.ancestors().nth(4).map_or_else(|| out.to_path_buf(), Path::to_path_buf);
    let target = target.join("bpf");
    let mut cargo = Command::new(var("CARGO"));
    // The flags are in .cargo/config.toml, which cargo reads in this folder.
    cargo.current_dir(root).args(["build", "--package", "edge-ebpf", "--bin", "edge-xdp"]);
    cargo.args(["--profile", PROFILE, "--target", TARGET, "-Zbuild-std=core", "--locked"]);
    cargo.arg("--target-dir").arg(&target);
    // The library sources are compiled for a target that stable toolchains have no library for.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    // An incremental build inlines less: the verifier then follows a third more instructions.
    cargo.env("CARGO_INCREMENTAL", "0");
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "CARGO_MAKEFLAGS",
        "MAKEFLAGS",
    ] {
        cargo.env_remove(name);
    }
    let run = cargo.output().unwrap_or_else(|error| panic!("{cargo:?}: {error}"));
    assert!(
        run.status.success(),
        "{cargo:?}: {}\n{}\nrun `cargo xtask setup`",
        run.status,
        String::from_utf8_lossy(&run.stderr)
    );
    let built = target.join(TARGET).join(PROFILE).join("edge-xdp");
    if !without_debug_info(&built, object)
        && let Err(error) = std::fs::copy(&built, object)
    {
        panic!("copy {}: {error}", built.display());
    }
}

/// Writes the object without its DWARF, which is three quarters of it, by the toolchain's own
/// objcopy. BTF with the lines of the source stays. Returns whether that succeeded: toolchains from
/// elsewhere may lack the program, and the kernel takes the object either way.
fn without_debug_info(built: &Path, object: &Path) -> bool {
    let Ok(output) = Command::new(var("RUSTC")).args(["--print", "sysroot"]).output() else {
        return false;
    };
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let objcopy = sysroot.join("lib/rustlib").join(var("HOST")).join("bin/rust-objcopy");
    let mut objcopy = Command::new(objcopy);
    objcopy.env("LD_LIBRARY_PATH", sysroot.join("lib")).arg("--strip-debug");
    objcopy.args([built, object]).output().is_ok_and(|output| output.status.success())
}
