//! Rows of text come in, columns go out: the first to the left, the others, which are numbers, to the right.

use std::fmt::Write as _;

/// Lays rows out in columns two blanks apart, a line each.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column| rows.iter().filter_map(move |row| row.get(column));
    let widths: Vec<usize> = (0..count)
        .map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing to a string can't fail.
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A row of texts.
pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A part of one, as a percentage.
pub(crate) fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::{columns, percent, row};

    #[test]
    fn names_stand_to_the_left_and_numbers_to_the_right() {
        let rows = [row(["server", "share", "flag"]), row(["a", &percent(0.5), ""]), vec![]];
        assert_eq!(columns(&rows), "server    share  flag\na       50.00 %\n\n");
    }
}
