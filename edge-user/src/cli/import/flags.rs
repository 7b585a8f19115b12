//! geodns's command line, read as Go's flag package reads it.

/// geodns's flags. `None`: not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Where the zone files are.
    pub config: Option<String>,
    /// The configuration file.
    pub configfile: Option<String>,
    /// Whether configuration and zones are only to be checked.
    pub checkconfig: bool,
    /// The server's identifier and groups, commas between.
    pub identifier: Option<String>,
    /// The addresses served, commas between; `*` for all.
    pub interface: Option<String>,
    /// The port of those that name none.
    pub port: Option<String>,
    /// Where HTTP is served.
    pub http: Option<String>,
    /// Whether more is logged.
    pub log: bool,
    /// CPUs used.
    pub cpus: Option<String>,
    /// The log's file.
    pub logfile: Option<String>,
    /// Whether to print the version only.
    pub version: bool,
    /// A file for a CPU profile.
    pub cpuprofile: Option<String>,
    /// A file for a memory profile.
    pub memprofile: Option<String>,
}

/// Why a command line isn't geodns's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// Something that doesn't begin with a hyphen; Go would leave it and all that follows.
    #[error("{0:?} is not a flag of geodns; give its flags only, such as -interface 192.0.2.1")]
    NotAFlag(String),
    /// A flag that geodns doesn't have.
    #[error("geodns has no flag -{0}")]
    Unknown(String),
    /// A flag that wants a value and has none.
    #[error("-{0} needs a value")]
    NoValue(String),
    /// A switch with a value that isn't one.
    #[error("-{0}: {1:?} is neither true nor false")]
    NoSwitch(String, String),
    /// A quotation that isn't closed.
    #[error("a {0} that isn't closed")]
    Open(char),
}

impl Flags {
    /// Reads the words of a command line, without the program's name.
    ///
    /// # Errors
    /// When geodns wouldn't take them.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, FlagError> {
        let mut flags = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            let flag = flag.filter(|flag| !flag.is_empty());
            let Some(flag) = flag else { return Err(FlagError::NotAFlag(word)) };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            if let Some(switch) = flags.switch(name) {
                *switch = match value.as_deref() {
                    None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
                    Some("0" | "f" | "F" | "false" | "FALSE" | "False") => false,
                    Some(other) => {
                        return Err(FlagError::NoSwitch(name.to_owned(), other.to_owned()));
                    }
                };
            } else if let Some(text) = flags.text(name) {
                let given = value.or_else(|| words.next());
                *text = Some(given.ok_or_else(|| FlagError::NoValue(name.to_owned()))?);
            } else {
                return Err(FlagError::Unknown(name.to_owned()));
            }
        }
        Ok(flags)
    }

    fn switch(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "checkconfig" => Some(&mut self.checkconfig),
            "log" => Some(&mut self.log),
            "version" => Some(&mut self.version),
            _ => None,
        }
    }

    fn text(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "config" => Some(&mut self.config),
            "configfile" => Some(&mut self.configfile),
            "identifier" => Some(&mut self.identifier),
            "interface" => Some(&mut self.interface),
            "port" => Some(&mut self.port),
            "http" => Some(&mut self.http),
            "cpus" => Some(&mut self.cpus),
            "logfile" => Some(&mut self.logfile),
            "cpuprofile" => Some(&mut self.cpuprofile),
            "memprofile" => Some(&mut self.memprofile),
            _ => None,
        }
    }

    /// Cuts a line into words as a shell does, without any expansion.
    ///
    /// # Errors
    /// When a quotation isn't closed.
    pub fn words(line: &str) -> Result<Vec<String>, FlagError> {
        let mut words = Vec::new();
        let (mut word, mut quote) = (None::<String>, None);
        for c in line.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, c) if c.is_whitespace() => words.extend(word.take()),
                _ => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        quote.map_or(Ok(words), |open| Err(FlagError::Open(open)))
    }
}

#[cfg(test)]
mod tests {
    use super::{FlagError, Flags};

    fn parse(line: &str) -> Result<Flags, FlagError> {
        Flags::parse(Flags::words(line)?)
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let flags = parse("-config=/etc/geodns --port 5053 -log -checkconfig=false -http \"\"");
        let expect = Flags {
            config: Some("/etc/geodns".into()),
            port: Some("5053".into()),
            log: true,
            http: Some(String::new()),
            ..Flags::default()
        };
        assert_eq!(flags, Ok(expect));
        assert_eq!(parse("-interface '*' -identifier \"a b\",c").unwrap().interface.unwrap(), "*");
        assert_eq!(parse("-identifier \"a b\",c").unwrap().identifier.unwrap(), "a b,c");
    }

    #[test]
    fn what_geodns_would_not_take_is_refused() {
        for (line, expect) in [
            ("-prot 53", "geodns has no flag -prot"),
            ("-port", "-port needs a value"),
            ("-log=maybe", "-log: \"maybe\" is neither true nor false"),
            ("-", "\"-\" is not a flag of geodns"),
            ("geodns -log", "\"geodns\" is not a flag of geodns"),
            ("-identifier 'a", "a ' that isn't closed"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
