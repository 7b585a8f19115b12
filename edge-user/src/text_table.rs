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

#[cfg(test)]
mod tests {
    use super::columns;

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
}
