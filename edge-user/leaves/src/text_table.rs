//! Text laid out in columns, for tables that people read.

use std::fmt::Write as _;

/// Lines up columns; the first row is the head, numbers are set to the right.
#[must_use]
pub fn columns(rows: &[Vec<String>]) -> String {
    let n = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..n).map(|column| width(column).unwrap_or_default()).collect();
    let is_number = |cell: &str| cell.parse::<f64>().is_ok();
    let right = |column: usize| {
        rows.get(1).and_then(|row| row.get(column)).is_some_and(|cell| is_number(cell))
    };
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let width = *width;
            let written = if right(column) {
                write!(line, " {cell:>width$} ")
            } else {
                write!(line, " {cell:<width$} ")
            };
            written.unwrap_or_default();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Lays rows out in columns two blanks apart: the first column to the left, which has names, the
/// others to the right, which have numbers.
#[must_use]
pub fn names_and_numbers(rows: &[Vec<String>]) -> String {
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
#[must_use]
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A part of one, as a percentage.
#[must_use]
pub fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::{columns, names_and_numbers, percent, row};

    #[test]
    fn columns_line_up_and_numbers_stand_to_the_right() {
        let rows = [["ZONE", "NAMES"], ["a.example", "7"], ["b", "1200"]];
        let rows: Vec<_> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        assert_eq!(columns(&rows), "  ZONE       NAMES\n  a.example      7\n  b           1200\n");
    }

    #[test]
    fn addresses_are_no_numbers() {
        let rows = [["RECORD", "IN %"], ["10.0.0.1", "7.5"], ["10.0.0.12", "12.25"]];
        let rows: Vec<_> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        assert_eq!(columns(&rows), "  RECORD      IN %\n  10.0.0.1     7.5\n  10.0.0.12  12.25\n");
    }

    #[test]
    fn names_stand_to_the_left_and_numbers_to_the_right() {
        let rows = [row(["server", "share", "flag"]), row(["a", &percent(0.5), ""]), vec![]];
        assert_eq!(names_and_numbers(&rows), "server    share  flag\na       50.00 %\n\n");
    }
}
