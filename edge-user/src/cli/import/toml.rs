//! A writer for a TOML file with comments.

use toml::Value;

/// The file in the making.
#[derive(Debug, Default)]
pub(super) struct File(String);

impl File {
    /// A comment of its own line or lines.
    pub(super) fn comment(&mut self, text: &str) {
        for line in text.lines() {
            self.0.push_str(&format!("# {}\n", printable(line)));
        }
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.0.push('\n');
    }

    /// The beginning of a section.
    pub(super) fn section(&mut self, name: &str) {
        self.0.push_str(&format!("\n[{name}]\n"));
    }

    /// A key with its value, and where that comes from.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>, from: &str) {
        let value = value.into();
        self.0.push_str(&format!("{key} = {value}    # {}\n", printable(from)));
    }

    /// A key with a list, an item a line.
    pub(super) fn list(&mut self, key: &str, items: impl IntoIterator<Item = String>, from: &str) {
        self.0.push_str(&format!("# {}\n{key} = [\n", printable(from)));
        for item in items {
            self.0.push_str(&format!("    {},\n", Value::from(item)));
        }
        self.0.push_str("]\n");
    }

    /// The text.
    pub(super) fn done(self) -> String {
        self.0
    }
}

/// What may stand in a comment: no control characters but tabs (TOML 1.0).
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::File;

    #[test]
    fn whatever_is_written_is_read_back() {
        let nasty = "a\"b\\c\nd\u{7f}#é'''";
        let mut file = File::default();
        file.comment(nasty);
        file.section("s");
        file.set("text", nasty, nasty);
        file.set("number", 7, "");
        file.set("switch", true, "");
        file.list("list", [nasty.to_owned(), String::new()], nasty);
        let text = file.done();
        let read: toml::Table = toml::from_str(&text).unwrap();
        let section = read["s"].as_table().unwrap();
        assert_eq!(section["text"].as_str(), Some(nasty), "{text}");
        assert_eq!(section["number"].as_integer(), Some(7));
        assert_eq!(section["switch"].as_bool(), Some(true));
        assert_eq!(section["list"].as_array().unwrap()[0].as_str(), Some(nasty));
    }
}
