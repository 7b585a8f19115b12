//! The errors of a configuration file, all at once.
//!
//! The reader of TOML stops at the first key or value that can't be. [`read`] takes this key out
//! and reads again, until nothing is wrong any more. What depends on several keys is looked at
//! only when each of them is good.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

/// Errors of a file that are looked for at most.
const MOST: usize = 50;

/// Why a configuration isn't taken.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    /// At least one, in the order of the file.
    faults: Vec<Fault>,
}

/// An error in the file.
#[derive(Debug)]
struct Fault {
    /// Line and column, where there are any.
    place: Option<(usize, usize)>,
    reason: String,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    /// The first error, and how many more there are.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.lines().first().map_or("", String::as_str))?;
        match self.faults.len() {
            0 | 1 => Ok(()),
            all => write!(out, " (and {} more; `edge check` shows all)", all - 1),
        }
    }
}

impl ConfigError {
    /// All errors, each as `file:line:column: reason`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |Fault { place, reason }: &Fault| match place {
            Some((line, column)) => format!("{}:{line}:{column}: {reason}", self.path.display()),
            None => format!("{}: {reason}", self.path.display()),
        };
        self.faults.iter().map(line).collect()
    }
}

/// The errors that were found in a text.
pub(super) struct Faults<'t> {
    text: &'t str,
    faults: Vec<Fault>,
}

impl<'t> Faults<'t> {
    /// None yet.
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, faults: Vec::new() }
    }

    /// Adds an error at the first place where the text has `key`.
    pub(super) fn add(&mut self, key: &str, reason: &str) {
        let place = self.text.find(key).map(|at| place(self.text, at));
        self.faults.push(Fault { place, reason: reason.to_owned() });
    }

    /// Adds the error of a section, if it has one.
    pub(super) fn of(&mut self, section: &str, found: Result<(), String>) {
        if let Err(reason) = found {
            self.add(section, &reason);
        }
    }

    fn toml(&mut self, cause: &Error) {
        let place = cause.span().map(|span| place(self.text, span.start));
        self.faults.push(Fault { place, reason: cause.message().replace('\n', ", ") });
    }

    /// The end: an error if there were any.
    pub(super) fn end(mut self, path: &Path) -> Result<(), ConfigError> {
        if self.faults.is_empty() {
            return Ok(());
        }
        self.faults.sort_by_key(|fault| fault.place);
        Err(ConfigError { path: path.to_path_buf(), faults: self.faults })
    }
}

/// The text of a file.
pub(super) fn text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|cause| ConfigError {
        path: path.to_path_buf(),
        faults: vec![Fault { place: None, reason: format!("{cause}; name the file by --config") }],
    })
}

/// Reads a text; the error has all keys and values that can't be.
pub(super) fn read<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, ConfigError> {
    let first = match toml::from_str::<T>(text) {
        Ok(value) => return Ok(value),
        Err(first) => first,
    };
    let mut faults = Faults::new(text);
    let (mut table, syntax) = DeTable::parse_recoverable(text);
    if syntax.is_empty() {
        keys::<T>(&mut table, &mut faults);
    }
    for cause in &syntax {
        faults.toml(cause);
    }
    // A slip in a line may have several errors; the first one is the one to mend.
    faults.faults.sort_by_key(|fault| fault.place);
    faults.faults.dedup_by_key(|fault| fault.place.map(|(line, _)| line));
    if faults.faults.is_empty() {
        faults.toml(&first);
    }
    let faults = faults.faults;
    Err(ConfigError { path: path.to_path_buf(), faults })
}

/// Finds the errors of keys and values, and takes them out.
fn keys<T: DeserializeOwned>(table: &mut Spanned<DeTable<'_>>, faults: &mut Faults<'_>) {
    let mut removed: Vec<String> = Vec::new();
    for _ in 0..MOST {
        let Err(cause) = T::deserialize(Deserializer::from(table.clone())) else { return };
        // What was taken out isn't missing in the file.
        let is_ours = removed
            .iter()
            .any(|key| cause.message().starts_with(&format!("missing field `{key}`")));
        if !is_ours {
            faults.toml(&cause);
        }
        let Some(key) = cause.span().and_then(|span| innermost(table.get_ref(), span.start)) else {
            return;
        };
        let Some(last) = key.last() else { return };
        removed.push(last.clone());
        remove(table.get_mut(), &key);
    }
}

/// The keys on the way to the smallest entry in which an octet of the text is.
fn innermost(table: &DeTable<'_>, at: usize) -> Option<Vec<String>> {
    let mut best: Option<(usize, Vec<String>)> = None;
    search(table, at, &mut Vec::new(), &mut best);
    best.map(|(_, keys)| keys)
}

fn search(
    table: &DeTable<'_>,
    at: usize,
    way: &mut Vec<String>,
    best: &mut Option<(usize, Vec<String>)>,
) {
    for (key, value) in table {
        way.push(key.get_ref().to_string());
        // A table's span is that of its heading: what is below it may be anywhere.
        for span in [key.span(), value.span()] {
            if (span.start..span.end.max(span.start + 1)).contains(&at)
                && best.as_ref().is_none_or(|(octets, _)| span.len() <= *octets)
            {
                *best = Some((span.len(), way.clone()));
            }
        }
        if let DeValue::Table(below) = value.get_ref() {
            search(below, at, way, best);
        }
        way.pop();
    }
}

fn remove(table: &mut DeTable<'_>, way: &[String]) {
    match way {
        [] => {}
        [key] => drop(table.remove(key.as_str())),
        [first, rest @ ..] => {
            for (key, value) in table.iter_mut() {
                if key.get_ref() == first.as_str()
                    && let DeValue::Table(below) = value.get_mut()
                {
                    remove(below, rest);
                }
            }
        }
    }
}

/// Line and column of an octet.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::settings::Config;

    fn errors(text: &str) -> Vec<String> {
        Config::parse(text, Path::new("edge.toml")).unwrap_err().lines()
    }

    /// Whether each error begins with a place and has certain words.
    fn assert_are(text: &str, wanted: &[(&str, &str)]) {
        let found = errors(text);
        assert_eq!(found.len(), wanted.len(), "{found:#?}");
        for (error, (place, words)) in found.iter().zip(wanted) {
            assert!(error.starts_with(&format!("edge.toml{place}: ")), "{place}: {error}");
            assert!(error.contains(words), "{words}: {error}");
        }
    }

    #[test]
    fn all_keys_and_values_that_cannot_be_are_reported_at_once() {
        let text = "[dns]\nlisten = [\"192.0.2.1\", \"nowhere\"]\nwrokers = 1\nany = 3\n\
                    [xdp]\ninterfaces = \"eth0\"\nmode = \"fast\"\n\
                    [htpp]\nlisten = \"\"\n[log]\nsample = 0\n\
                    [zone.\"a.example\"]\nxpd = true\n";
        assert_are(
            text,
            &[
                (":2:10", "\"nowhere\" is not an address"),
                (":3:1", "unknown field `wrokers`"),
                (":4:7", "wanted string or table"),
                (":6:14", "invalid type: string \"eth0\""),
                (":7:8", "unknown variant `fast`"),
                (":8:2", "unknown field `htpp`"),
                (":11:10", "nonzero"),
                (":13:1", "unknown field `xpd`"),
            ],
        );
    }

    #[test]
    fn what_is_missing_is_reported_with_the_rest() {
        assert_are(
            "[dns]\nworkers = 1\n[xdp]\nmode = 1\n",
            &[(":1:1", "missing field `listen`"), (":4:8", "wanted string or table")],
        );
        assert_are("[xdp]\nmode = \"off\"\n", &[(":1:1", "missing field `dns`")]);
    }

    #[test]
    fn all_slips_in_the_syntax_are_reported_a_line_each() {
        let text = "[dns\nlisten = [\"192.0.2.1\"]\n[xdp]\nmode = \n";
        let found = errors(text);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].starts_with("edge.toml:1:") && found[1].starts_with("edge.toml:4:"));
    }

    #[test]
    fn sections_that_do_not_fit_together_are_reported_at_once() {
        let text = "[dns]\nlisten = [\"192.0.2.1\"]\n[xdp]\ninstance = \"\"\n\
                    [log]\nxdp_sample = 1\n";
        assert_are(
            text,
            &[
                (":3:1", "xdp.interfaces is empty"),
                (":4:1", "xdp.instance must not be empty"),
                (":6:1", "nothing is logged without log.path"),
            ],
        );
    }

    #[test]
    fn one_line_has_the_first_error_and_the_number_of_the_others() {
        let error = |text| Config::parse(text, Path::new("f")).unwrap_err().to_string();
        let one = error("[dns]\nlisten = 1\n");
        assert!(one.starts_with("f:2:10: ") && !one.contains(" more;"), "{one}");
        let two = error("[dns]\nlisten = 1\nany = 1\n");
        assert!(two.starts_with("f:2:10: "), "{two}");
        assert!(two.ends_with(" (and 1 more; `edge check` shows all)"), "{two}");
    }
}
