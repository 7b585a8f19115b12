//! Output of the commands.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// The version of what `--json` prints. A key may be added without another version.
const SCHEMA: u32 = 1;

/// A report with the version of its keys in front.
fn versioned(report: &impl serde::Serialize) -> anyhow::Result<Map<String, Value>> {
    let Value::Object(keys) = serde_json::to_value(report)? else {
        bail!("a report has to have keys");
    };
    let mut all = Map::from_iter([("schema".to_owned(), SCHEMA.into())]);
    all.extend(keys);
    Ok(all)
}

/// Prints a report as JSON.
pub(super) fn print_json(report: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(&versioned(report)?)?))
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

#[cfg(test)]
mod tests;
