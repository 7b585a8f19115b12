//! Line and column of a label's alias in the text of a zone file.
//!
//! The readers keep no positions, and only alias errors, which show when the whole zone is read,
//! need one. So the text is read again, by a reader that counts octets.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::scalar::{Key, skip};

/// Line and column (both from 1) behind the key `alias` of `label` (lower case) in `data`.
pub(super) fn of_alias(text: &str, label: &str) -> Option<(usize, usize)> {
    let (read, found) = (Cell::new(0), Cell::new(None));
    let mut json =
        serde_json::Deserializer::from_reader(Counted { text: text.as_bytes(), read: &read });
    let seeker = Seeker { path: &["data", label, "alias"], read: &read, found: &found };
    // What is behind the place doesn't matter.
    drop(seeker.deserialize(&mut json));
    let before = text.as_bytes().get(..found.get()?)?;
    let line_start = before.iter().rposition(|&octet| octet == b'\n').map_or(0, |at| at + 1);
    let line = before.iter().filter(|&&octet| octet == b'\n').count() + 1;
    Some((line, before.len() - line_start))
}

/// Counts the octets that are read; the reader behind takes one at a time.
struct Counted<'t> {
    text: &'t [u8],
    read: &'t Cell<usize>,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.text.read(into)?;
        self.read.set(self.read.get() + n);
        Ok(n)
    }
}

/// Follows a path of keys.
#[derive(Clone, Copy)]
struct Seeker<'t> {
    path: &'t [&'t str],
    read: &'t Cell<usize>,
    found: &'t Cell<Option<usize>>,
}

impl<'de> DeserializeSeed<'de> for Seeker<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Seeker<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key_seed(Key)? {
            match self.path {
                [wanted, rest @ ..] if key.eq_ignore_ascii_case(wanted) => {
                    if rest.is_empty() {
                        self.found.set(Some(self.read.get()));
                        skip(&mut map)?;
                    } else {
                        map.next_value_seed(Self { path: rest, ..self })?;
                    }
                }
                _ => skip(&mut map)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::of_alias;

    #[test]
    fn an_alias_is_found_by_its_label_and_not_by_its_like() {
        let text = "{\"alias\": 1, \"other\": {\"x\": {\"alias\": \"y\"}},\n \"data\": {\"\": {\"a\": [{\"alias\": 2}]},\n  \"X\": {\"ttl\": 5,\n    \"alias\": \"y\"}, \"alias\": {\"alias\": \"x\"}}}";
        assert_eq!(of_alias(text, "x"), Some((4, 11)));
        assert_eq!(of_alias(text, "alias"), Some((4, 36)));
        assert_eq!(of_alias(text, ""), None);
        assert_eq!(of_alias("{", "x"), None);
    }
}
