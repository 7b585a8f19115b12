//! What single commands of `edge` do.

pub(crate) mod feed;
pub(crate) mod preview;

use std::process::ExitCode;

use crate::print;

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<ExitCode> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))?;
    Ok(ExitCode::SUCCESS)
}
