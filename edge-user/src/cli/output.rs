//! Output of the commands.

use std::io::Write as _;

use anyhow::Context as _;

/// Prints a value as JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Prints a report as JSON, or as a person reads it.
pub(super) fn show<T: serde::Serialize>(
    report: &T,
    json: bool,
    table: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    if json {
        print_json(report)?;
    } else {
        print(&table(report))?;
    }
    Ok(())
}

/// A line for a person, on stderr; one that can't be written is not worth an error.
pub(super) fn print_stderr(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

pub(super) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("write to stdout"),
    }
}
