//! Rows of text as columns that line up, for a terminal.

use std::fmt::Write as _;

/// The columns that are set to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// None.
    Left,
    /// All but the first: a name, then numbers.
    FirstLeft,
    /// Those whose cell in the second row is a number; the first row is the head.
    Numbers,
}

/// Rows as columns, two spaces apart, a line each. Rows may differ in length.
///
/// A column is as wide as its widest cell, counted in characters. No line ends in spaces.
#[must_use]
pub fn columns<R: AsRef<[String]>>(rows: &[R], align: Align) -> String {
    indented(rows, align, 0)
}

/// The same, with `indent` spaces before each line that isn't empty.
#[must_use]
pub fn indented<R: AsRef<[String]>>(rows: &[R], align: Align, indent: usize) -> String {
    let cell = |row: usize, column: usize| rows.get(row)?.as_ref().get(column);
    let count = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
    let layout = (0..count).map(|column| {
        let cells = (0..rows.len()).filter_map(|row| cell(row, column));
        let width = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        let is_right = match align {
            Align::Left => false,
            Align::FirstLeft => column > 0,
            Align::Numbers => cell(1, column).is_some_and(|cell| cell.parse::<f64>().is_ok()),
        };
        (width, is_right)
    });
    let layout: Vec<(usize, bool)> = layout.collect();
    let mut text = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (column, (cell, (width, is_right))) in row.as_ref().iter().zip(&layout).enumerate() {
            let gap = if column > 0 { "  " } else { "" };
            // Writing to a string can't fail.
            let _infallible = if *is_right {
                write!(line, "{gap}{cell:>width$}")
            } else {
                write!(line, "{gap}{cell:<width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A row of constant texts.
#[must_use]
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A share from 0 to 1 as a percentage with two decimals.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A country's code for people. The code `-` stands for clients of an unknown country.
#[must_use]
pub fn country(code: &str) -> &str {
    if code == "-" { "unknown" } else { code }
}

#[cfg(test)]
mod tests {
    use super::{Align, columns, country, indented, percent, row};

    #[test]
    fn an_unknown_country_is_a_word_for_people() {
        assert_eq!([country("-"), country("de")], ["unknown", "de"]);
    }

    #[test]
    fn names_stand_to_the_left_and_numbers_to_the_right() {
        let rows = [row(["server", "share", "flag"]), row(["a", &percent(0.5), ""]), vec![]];
        assert_eq!(columns(&rows, Align::FirstLeft), "server    share  flag\na       50.00 %\n\n");
    }

    #[test]
    fn a_column_is_a_number_if_the_cell_below_its_head_is_one() {
        let rows = [row(["NAME", "USED", "OF"]), row(["decks", "7", "1000"]), row(["a", "-", "1"])];
        assert_eq!(
            indented(&rows, Align::Numbers, 2),
            "  NAME   USED    OF\n  decks     7  1000\n  a         -     1\n"
        );
        assert_eq!(
            columns(&rows, Align::Left),
            "NAME   USED  OF\ndecks  7     1000\na      -     1\n"
        );
    }
}
