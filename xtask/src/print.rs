//! Lines and tables on the terminal; nothing else in xtask prints.
//!
//! Failed writes are ignored: a reader that went away (`| head`) is no reason to stop an
//! installation half way.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

/// One line on standard output.
pub(crate) fn line(text: impl Display) {
    writeln!(io::stdout(), "{text}").ok();
}

/// An error with its causes, on standard error.
pub(crate) fn error(error: &anyhow::Error) {
    writeln!(io::stderr(), "error: {error:#}").ok();
}

/// Rows as aligned columns, two spaces apart, without trailing spaces. Rows may differ in length.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|c| c.chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A duration as a person reads it: `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn elapsed(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// A file size, in units of 1,000 octets: `812 B`, `45.1 kB`, `12.3 MB`.
pub(crate) fn size(octets: u64) -> String {
    match octets {
        0..1_000 => format!("{octets} B"),
        1_000..1_000_000 => format!("{}.{} kB", octets / 1_000, octets % 1_000 / 100),
        _ => format!("{}.{} MB", octets / 1_000_000, octets % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [row(&["a", "found", "x"]), row(&["longer", "–", "y"]), row(&["b", "no"])];
        assert_eq!(table(&rows), "a       found  x\nlonger  –      y\nb       no");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn times_and_sizes_are_readable() {
        assert_eq!(elapsed(Duration::from_millis(420)), "0.4 s");
        assert_eq!(elapsed(Duration::from_millis(12_900)), "12 s");
        assert_eq!(elapsed(Duration::from_secs(185)), "3 min 5 s");
        assert_eq!(size(812), "812 B");
        assert_eq!(size(45_199), "45.1 kB");
        assert_eq!(size(12_345_678), "12.3 MB");
    }
}
