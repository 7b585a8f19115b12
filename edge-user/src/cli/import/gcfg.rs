//! A reader for INI files of gcfg's dialect, which is that of git-config(1).

/// A value that the file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The section, lower case; with its subsection, if it has one.
    pub(super) section: String,
    /// The key, lower case.
    pub(super) key: String,
    /// The value; none for a key that stands alone, which means "true".
    pub(super) value: Option<String>,
    /// The line that it is in, from 1.
    pub(super) line: usize,
}

/// Why a file can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {reason}")]
pub struct GcfgError {
    line: usize,
    reason: &'static str,
}

/// Reads a file's text.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, GcfgError> {
    let mut entries = Vec::new();
    let mut section: Option<String> = None;
    let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    while let Some((line, text)) = lines.next() {
        let error = |reason| GcfgError { line, reason };
        let text = text.trim();
        if text.is_empty() || text.starts_with([';', '#']) {
            continue;
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (name, rest) = rest.split_once(']').ok_or_else(|| error("a section without ]"))?;
            if !rest.trim().is_empty() && !rest.trim_start().starts_with([';', '#']) {
                return Err(error("text after a section's ]"));
            }
            section = Some(name.trim().to_ascii_lowercase());
            continue;
        }
        let section = section.clone().ok_or_else(|| error("a key before the first [section]"))?;
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text.split([';', '#']).next().unwrap_or_default(), None),
        };
        let key = key.trim().to_ascii_lowercase();
        let is_name = key.starts_with(|c: char| c.is_ascii_alphabetic())
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !is_name {
            return Err(error("neither a [section] nor a key = value"));
        }
        let value = match value {
            None => None,
            Some(value) => {
                let mut reader = Value::default();
                let mut more = reader.add(value).map_err(error)?;
                while more {
                    let next = lines.next().ok_or_else(|| error("the file ends with a \\"))?;
                    more = reader.add(next.1).map_err(error)?;
                }
                Some(reader.done().map_err(error)?)
            }
        };
        entries.push(Entry { section, key, value, line });
    }
    Ok(entries)
}

/// A value in the reading.
#[derive(Debug, Default)]
struct Value {
    text: String,
    /// Octets of `text` that blanks at the end aren't part of.
    kept: usize,
    is_quoted: bool,
}

impl Value {
    /// Reads a line of it; returns whether it goes on in the next.
    fn add(&mut self, line: &str) -> Result<bool, &'static str> {
        let mut octets = line.chars();
        while let Some(c) = octets.next() {
            match c {
                '"' => {
                    self.is_quoted = !self.is_quoted;
                    self.kept = self.text.len();
                }
                '\\' => match octets.next() {
                    None => return Ok(true),
                    Some('n') => self.keep('\n'),
                    Some('t') => self.keep('\t'),
                    Some(c @ ('"' | '\\')) => self.keep(c),
                    Some(_) => return Err("an unknown escape; there are \\\\ \\\" \\n \\t"),
                },
                ';' | '#' if !self.is_quoted => break,
                c if c.is_whitespace() && !self.is_quoted => {
                    if !self.text.is_empty() {
                        self.text.push(c);
                    }
                }
                c => self.keep(c),
            }
        }
        Ok(false)
    }

    fn keep(&mut self, c: char) {
        self.text.push(c);
        self.kept = self.text.len();
    }

    fn done(mut self) -> Result<String, &'static str> {
        if self.is_quoted {
            return Err("a \" that isn't closed");
        }
        self.text.truncate(self.kept);
        Ok(self.text)
    }
}

/// What gcfg takes for a truth value.
pub(super) fn truth(value: Option<&str>) -> Result<bool, String> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("true" | "yes" | "on" | "1") => Ok(true),
        Some("false" | "no" | "off" | "0") => Ok(false),
        Some(other) => Err(format!("{other:?} is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::{read, truth};

    fn values(text: &str) -> Vec<(String, String, Option<String>)> {
        let entries = read(text).unwrap();
        entries.into_iter().map(|entry| (entry.section, entry.key, entry.value)).collect()
    }

    fn value(text: &str) -> Option<String> {
        let [(_, _, value)] = values(&format!("[s]\nk = {text}\n")).try_into().unwrap();
        value
    }

    #[test]
    fn sections_and_keys_know_no_case_and_comments_are_left_out() {
        let text = "; one\n# two\n[DNS] ; three\n  PublicDebugQueries = yes # four\nalone ; five\n";
        let expect = [
            ("dns".to_owned(), "publicdebugqueries".to_owned(), Some("yes".to_owned())),
            ("dns".to_owned(), "alone".to_owned(), None),
        ];
        assert_eq!(values(text), expect);
    }

    #[test]
    fn values_may_be_quoted_and_go_on_in_the_next_line() {
        for (text, expect) in [
            ("", ""),
            ("a b  ; c", "a b"),
            ("\"a ; b # c \" ; d", "a ; b # c "),
            ("\"a\\\"b\\\\c\\td\"", "a\"b\\c\td"),
            ("a \" b \" c", "a  b  c"),
            ("one \\\ntwo", "one two"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expect), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused_with_its_line() {
        for (text, expect) in [
            ("a = b", "1: a key before the first [section]"),
            ("\n[dns", "2: a section without ]"),
            ("[dns] x", "1: text after a section's ]"),
            ("[s]\nk = \"a", "2: a \" that isn't closed"),
            ("[s]\nk = a\\qb", "2: an unknown escape; there are \\\\ \\\" \\n \\t"),
            ("[s]\nk = a \\", "2: the file ends with a \\"),
            ("[s]\n= a", "2: neither a [section] nor a key = value"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), expect, "{text}");
        }
    }

    #[test]
    fn truth_has_four_names() {
        for text in [None, Some("true"), Some("Yes"), Some("on"), Some("1")] {
            assert_eq!(truth(text), Ok(true));
        }
        for text in ["false", "NO", "off", "0"] {
            assert_eq!(truth(Some(text)), Ok(false));
        }
        assert!(truth(Some("2")).is_err());
        assert!(truth(Some("")).is_err());
    }
}
