//! The build script: it gives the program the commit that it is built from.
//!
//! `EDGE_COMMIT` is `commit HEX`, or `unknown commit` where the sources aren't a git repository.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = Path::new(&folder).join("..");
    let commit = commit(&root).map_or_else(|| "unknown commit".into(), |it| format!("commit {it}"));
    println!("cargo:rustc-env=EDGE_COMMIT={commit}");
}

/// The commit of the sources. Sources that lie inside of another project's repository have none.
fn commit(root: &Path) -> Option<String> {
    if !root.join(".git").exists() {
        return None;
    }
    // Every commit and checkout writes this file.
    let log = root.join(PathBuf::from(git(root, &["rev-parse", "--git-path", "logs/HEAD"])?));
    if log.exists() {
        println!("cargo:rerun-if-changed={}", log.display());
    }
    git(root, &["rev-parse", "--short=12", "HEAD"])
}

/// What git prints; `None` if it fails.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
