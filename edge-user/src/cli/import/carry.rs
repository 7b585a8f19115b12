//! The place of each key and flag of geodns in the new file.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::gcfg::{Entry, truth};
use super::host::GEOIP;
use super::toml::File;
use super::{Import, ImportError};
use crate::settings as config;

mod listen;
mod log;

/// Every key of geodns.
const KNOWN: [&str; 18] = [
    "avrolog.maxsize",
    "avrolog.maxtime",
    "avrolog.path",
    "dns.detailedmetrics",
    "dns.publicdebugqueries",
    "geoip.directory",
    "health.directory",
    "http.password",
    "http.user",
    "nodeping.token",
    "pingdom.accountemail",
    "pingdom.appkey",
    "pingdom.password",
    "pingdom.statemap",
    "pingdom.username",
    "querylog.keep",
    "querylog.maxsize",
    "querylog.path",
];

/// Why keys of external probes aren't carried over.
const UNUSED: &str = "not carried over: geodns reads it and doesn't use it";

/// The file in the making.
pub(super) struct Carrying<'a> {
    from: &'a Import<'a>,
    /// By section and key; of keys given twice the last counts, as with gcfg.
    entries: BTreeMap<String, Entry>,
    file: File,
}

impl<'a> Carrying<'a> {
    pub(super) fn new(from: &'a Import<'a>, entries: Vec<Entry>) -> Self {
        let entries = entries
            .into_iter()
            .map(|entry| (format!("{}.{}", entry.section, entry.key), entry))
            .collect();
        Self { from, entries, file: File::default() }
    }

    /// The whole file.
    pub(super) fn all(mut self) -> Result<String, ImportError> {
        let path = self.from.path.display();
        self.file.comment(&format!("Made by `edge import` from {path} and geodns's flags."));
        self.file.comment("The comment after a value names its source.");
        let listen = listen::addresses(self.from.flags, self.from.host)?;
        self.dns(&listen)?;
        self.xdp(&listen);
        self.directories()?;
        self.log()?;
        self.http()?;
        self.leftovers();
        Ok(self.file.done())
    }

    /// A key's text; none if it is not given, or empty.
    fn text(&self, key: &str) -> Option<&str> {
        self.entries.get(key)?.value.as_deref().filter(|value| !value.is_empty())
    }

    fn refused(&self, key: &'static str, reason: String) -> ImportError {
        let line = self.entries.get(key).map_or(0, |entry| entry.line);
        ImportError::Value { path: self.from.path.to_path_buf(), line, key, reason }
    }

    fn switch(&self, key: &'static str) -> Result<Option<bool>, ImportError> {
        let Some(entry) = self.entries.get(key) else { return Ok(None) };
        let truth = truth(entry.value.as_deref());
        truth.map(Some).map_err(|reason| self.refused(key, reason))
    }

    fn number(&self, key: &'static str) -> Result<Option<u64>, ImportError> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let number = text.parse();
        number.map(Some).map_err(|_not_one| self.refused(key, format!("{text:?} is not a number")))
    }

    /// A path, absolute: geodns's start from the directory it runs in, ours from the new file.
    fn path(&self, path: impl AsRef<Path>) -> String {
        self.from.directory.join(path).display().to_string()
    }

    fn dns(&mut self, listen: &[SocketAddr]) -> Result<(), ImportError> {
        let flags = self.from.flags;
        self.file.section("dns");
        let interface = flags.interface.as_deref().unwrap_or("*");
        let port = flags.port.as_deref().unwrap_or("53");
        let texts = listen.iter().map(|at| match at.port() {
            config::DNS_PORT => at.ip().to_string(),
            _ => at.to_string(),
        });
        self.file.list("listen", texts, &format!("-interface {interface:?} -port {port}"));
        let mut identifier = flags.identifier.as_deref().unwrap_or_default().split(',');
        match identifier.next().filter(|id| !id.is_empty()) {
            Some(id) => self.file.set("server_id", id, "-identifier"),
            None => self.file.comment(
                "server_id: without -identifier the first of listen that isn't 127.0.0.1, as with geodns",
            ),
        }
        let groups: Vec<String> = identifier.map(str::to_owned).collect();
        if !groups.is_empty() {
            self.file.list("groups", groups, "-identifier, all but the first");
        }
        if let Some(cpus) = flags.cpus.as_deref().filter(|cpus| *cpus != "0") {
            let reason = format!("{cpus:?} is not a number of CPUs");
            let refused = |_not_one| ImportError::Flag { flag: "cpus", reason };
            let cpus = cpus.parse::<u32>().map_err(refused)?;
            self.file.set("workers", i64::from(cpus), "-cpus; threads for each address");
        }
        if let Some(is_public) = self.switch("dns.publicdebugqueries")? {
            self.file.set("public_debug_queries", is_public, "dns.publicdebugqueries");
        }
        Ok(())
    }

    fn xdp(&mut self, listen: &[SocketAddr]) {
        let served: Vec<IpAddr> = listen.iter().map(SocketAddr::ip).collect();
        let ways_in = self.from.host.ways_in(&served);
        self.file.section("xdp");
        if ways_in.is_empty() {
            let from = "no interface was found by which queries to these addresses arrive";
            self.file.set("mode", "off", from);
            self.file.comment(
                "To let XDP answer, name the interfaces and remove mode: interfaces = [\"eth0\"]",
            );
        } else {
            let names = ways_in.into_iter().map(str::to_owned);
            let from = "new: this host's interfaces with these addresses; mode = \"off\" for none";
            self.file.list("interfaces", names, from);
        }
    }

    fn directories(&mut self) -> Result<(), ImportError> {
        let Import { flags, zones, host, .. } = *self.from;
        self.file.section("zones");
        let (zones, from) = match (zones, &flags.config) {
            (Some(zones), _) => (self.path(zones), "--zones"),
            (None, Some(config)) => (self.path(config), "-config"),
            (None, None) => {
                let own = self.from.path.parent().unwrap_or_else(|| Path::new(""));
                (self.path(own), "the configuration's directory, as geodns has both in -config")
            }
        };
        self.file.set("directory", zones, from);
        self.file.section("geoip");
        if let Some(directory) = self.text("geoip.directory").map(|path| self.path(path)) {
            self.file.set("directory", directory, "geoip.directory");
        } else if let Some(directory) = &host.geoip {
            self.file.set("directory", directory.as_str(), "the first that exists, as with geodns");
        } else {
            let [first, ..] = GEOIP;
            self.file.set("directory", first, "none of geodns's directories exists here");
        }
        if let Some(directory) = self.text("health.directory").map(|path| self.path(path)) {
            self.file.section("health");
            self.file.set("directory", directory, "health.directory");
        }
        Ok(())
    }

    fn http(&mut self) -> Result<(), ImportError> {
        self.file.section("http");
        let given = self.from.flags.http.as_deref().unwrap_or(":8053");
        let address = match given.strip_prefix(':') {
            Some(port) => format!("[::]:{port}"),
            None => given.replacen("localhost:", "127.0.0.1:", 1),
        };
        if !address.is_empty() && address.parse::<SocketAddr>().is_err() {
            let reason = format!("{given:?} is not an address and port, such as 127.0.0.1:8053");
            return Err(ImportError::Flag { flag: "http", reason });
        }
        self.file.set("listen", address, &format!("-http {given:?}"));
        for (key, old) in [("user", "http.user"), ("password", "http.password")] {
            if let Some(value) = self.text(old).map(str::to_owned) {
                self.file.set(key, value, old);
            }
        }
        if let Some(is_detailed) = self.switch("dns.detailedmetrics")? {
            self.file.set("detailed_metrics", is_detailed, "dns.detailedmetrics");
        }
        Ok(())
    }

    /// What has no place of its own.
    fn leftovers(&mut self) {
        let flags = self.from.flags;
        let mut comments: Vec<String> = Vec::new();
        let mut flag = |is_given: bool, name: &str, reason: &str| {
            if is_given {
                comments.push(format!("-{name}: {reason}"));
            }
        };
        flag(flags.configfile.is_some(), "configfile", "the file that this one was made from");
        flag(flags.checkconfig, "checkconfig", "edge check --config FILE");
        flag(flags.version, "version", "edge --version");
        let reason = "not carried over: edge's log has no more; log.path logs queries";
        flag(flags.log, "log", reason);
        let reason = "not carried over: edge logs to stderr, and systemd keeps that";
        flag(flags.logfile.is_some(), "logfile", reason);
        let reason = "not carried over: perf(1) profiles a running process";
        flag(flags.cpuprofile.is_some(), "cpuprofile", reason);
        flag(flags.memprofile.is_some(), "memprofile", reason);
        for (key, entry) in &self.entries {
            if ["nodeping", "pingdom"].contains(&entry.section.as_str()) {
                comments.push(format!("{key}: {UNUSED}"));
            } else if !KNOWN.contains(&key.as_str()) {
                comments.push(format!("{key}: not carried over: geodns has no such key"));
            }
        }
        if !comments.is_empty() {
            self.file.blank();
            comments.iter().for_each(|comment| self.file.comment(comment));
        }
    }
}
