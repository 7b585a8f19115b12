//! The zones of the conformance tier: the files of `fixtures/conformance`.

use std::path::{Path, PathBuf};

/// Where they are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance")
}

/// Copies them into the folder `zones` of a stage's.
///
/// # Panics
/// When that fails.
pub fn write(stage: &Path) {
    for entry in std::fs::read_dir(folder()).expect("fixtures") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a file's name");
        std::fs::copy(&path, stage.join("zones").join(name)).expect("copy");
    }
}
