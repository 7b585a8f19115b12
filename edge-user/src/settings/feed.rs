//! `[feed]`, `[policy]` and `[fleet]`: sources, weights, heartbeats.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use edge_feed::ZonePolicy;
use edge_feed::fleet::FleetRules;
use edge_feed::guard::{self, Guard};
use edge_feed::source::SourceLimits;
use edge_feed::source::http::HttpConfig;
use edge_feed::source::nats::{NatsConfig, Retention};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::errors::{self, ConfigError, Faults};
use super::host_name;

/// How often files are looked at; it costs next to nothing.
const LOOK: Duration = Duration::from_secs(1);

/// The feed: any of its sources, or none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Feed {
    /// Where the last good feed is kept, so that the node serves without its sources; needed with
    /// any of them.
    #[serde(deserialize_with = "path")]
    pub state: Option<PathBuf>,
    /// A file or an address with all servers.
    pub snapshot: Option<Place>,
    /// A file that grows, or an address whose answer has no end: changes of servers and scores.
    pub deltas: Option<Place>,
    /// A file that grows: monitors' results, of which scores are computed.
    #[serde(deserialize_with = "path")]
    pub results: Option<PathBuf>,
    /// Seconds between questions to an address.
    pub every_seconds: NonZeroU32,
    /// Seconds that an address may take to answer, and between an answer's octets; six times as
    /// many for the whole of a document.
    pub timeout_seconds: NonZeroU32,
    /// A file with a bearer token for these addresses.
    pub token_file: Option<PathBuf>,
    /// A PEM file of roots that are trusted for these addresses instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Zones that others build, from an HTTP server.
    pub zones: Option<ZoneServer>,
    /// NATS.
    pub nats: Option<NatsSource>,
    /// What a feed must be like to be served.
    pub guard: guard::GuardConfig,
}

impl Default for Feed {
    fn default() -> Self {
        let (state, snapshot, deltas, results) = Default::default();
        let (token_file, ca_file, zones, nats, guard) = Default::default();
        let (every_seconds, timeout_seconds) = (half_a_minute(), ten_seconds());
        Self {
            state,
            snapshot,
            deltas,
            results,
            every_seconds,
            timeout_seconds,
            token_file,
            ca_file,
            zones,
            nats,
            guard,
        }
    }
}

const fn half_a_minute() -> NonZeroU32 {
    match NonZeroU32::new(30) {
        Some(seconds) => seconds,
        None => NonZeroU32::MIN,
    }
}

const fn ten_seconds() -> NonZeroU32 {
    match NonZeroU32::new(10) {
        Some(seconds) => seconds,
        None => NonZeroU32::MIN,
    }
}

/// A path; none when empty.
fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(from)?;
    Ok(Some(path).filter(|path| !path.as_os_str().is_empty()))
}

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// `https://` or `http://`.
    Address(String),
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.split_once("://") {
            None if text.is_empty() => Err(D::Error::custom("name a file or an https:// address")),
            None => Ok(Self::File(text.into())),
            Some(("http" | "https", _)) => Ok(Self::Address(text)),
            Some(_) => Err(D::Error::custom(format!(
                "{text:?} is neither a file nor an https:// or http:// address"
            ))),
        }
    }
}

/// An HTTP server of zones, `URL/api/dns-zone?origin=ORIGIN`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneServer {
    /// The address before `/api`.
    pub url: String,
    /// The zones.
    pub origins: Vec<String>,
    /// A file with a bearer token.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// A PEM file of roots that are trusted instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Seconds between questions.
    #[serde(default = "half_a_minute")]
    pub every_seconds: NonZeroU32,
}

/// NATS `JetStream`: how it is reached, and what is taken from it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NatsSource {
    /// The servers, such as `tls://nats.example:4222`.
    pub servers: Vec<String>,
    /// A file with a JWT and its seed.
    pub credentials_file: Option<PathBuf>,
    /// A user, with `password_file`.
    pub user: Option<String>,
    /// The file with that user's password.
    pub password_file: Option<PathBuf>,
    /// A PEM file of roots that are trusted instead of the system's; then there is no connection
    /// without TLS.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, with `key_file`.
    pub certificate_file: Option<PathBuf>,
    /// Our certificate's key.
    pub key_file: Option<PathBuf>,
    /// The bucket whose key `snapshot` has all servers.
    pub bucket: Option<String>,
    /// The stream of changes.
    pub stream: Option<String>,
    /// The subject that `edge feed publish` puts changes into the stream by; the stream's name in
    /// small letters unless given.
    pub subject: Option<String>,
    /// Zones that others build, each in the key `zone` of a bucket of its name, with underscores
    /// for dots.
    pub zones: Vec<String>,
    /// Servers that hold the buckets and streams which we make: 1, 3 or 5.
    pub replicas: Option<NonZeroU32>,
}

impl NatsSource {
    /// How NATS is reached by somebody of this name.
    #[must_use]
    pub fn client(&self, name: &str) -> NatsConfig {
        let Self { servers, credentials_file, user, password_file, ca_file, .. } = self.clone();
        let Self { certificate_file, key_file, .. } = self.clone();
        let name = name.to_owned();
        NatsConfig {
            servers,
            name,
            credentials_file,
            user,
            password_file,
            ca_file,
            certificate_file,
            key_file,
        }
    }

    /// How what we make in NATS is kept.
    #[must_use]
    pub fn keep(&self) -> Retention {
        let replicas = self.replicas.map_or(1, |number| number.get() as usize);
        Retention { replicas, ..Retention::default() }
    }

    /// The subject of changes in a stream.
    #[must_use]
    pub fn subject_of(&self, stream: &str) -> String {
        self.subject.clone().unwrap_or_else(|| stream.to_ascii_lowercase())
    }
}

/// The fleet that the node is of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fleet {
    /// What the node is called there; the host's name when empty.
    pub node: String,
    /// How long a heartbeat lasts, in seconds: a node that is silent for longer is lost.
    pub ttl_seconds: NonZeroU32,
    /// From which age of its feed on a node lags, in seconds.
    pub feed_age_seconds: u32,
    /// Servers whose points the node shows: those that have been in most answers. Some 2 kB each.
    pub server_points: usize,
}

impl Default for Fleet {
    fn default() -> Self {
        let ttl_seconds = half_a_minute();
        Self { node: String::new(), ttl_seconds, feed_age_seconds: 600, server_points: 200 }
    }
}

impl Fleet {
    /// When a node lags or is lost.
    #[must_use]
    pub fn rules(&self, keep: &Retention) -> FleetRules {
        FleetRules {
            ttl: Duration::from_secs(self.ttl_seconds.get().into()),
            feed_age: Duration::from_secs(self.feed_age_seconds.into()),
            replicas: keep.replicas,
        }
    }
}

impl Feed {
    /// Whether any source is configured.
    #[must_use]
    pub fn has_sources(&self) -> bool {
        self.builds_zones() || self.origins().next().is_some()
    }

    /// Whether zones are built here, of all servers.
    #[must_use]
    pub fn builds_zones(&self) -> bool {
        self.snapshot.is_some() || self.nats.as_ref().is_some_and(|nats| nats.bucket.is_some())
    }

    /// The zones that others build.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        let http = self.zones.iter().flat_map(|zones| &zones.origins);
        http.chain(self.nats.iter().flat_map(|nats| &nats.zones)).map(String::as_str)
    }

    /// What a source may cost.
    #[must_use]
    pub fn limits(&self) -> SourceLimits {
        let timeout = Duration::from_secs(self.timeout_seconds.get().into());
        SourceLimits {
            octets: self.guard.max_octets as u64,
            first: timeout,
            idle: timeout,
            total: timeout * 6,
            ..SourceLimits::default()
        }
    }

    /// How often a place is looked at.
    #[must_use]
    pub fn every(&self, place: &Place) -> Duration {
        match place {
            Place::File(_) => LOOK,
            Place::Address(_) => Duration::from_secs(self.every_seconds.get().into()),
        }
    }

    /// How an address is asked.
    #[must_use]
    pub fn http(&self, url: &str) -> HttpConfig {
        HttpConfig {
            token_file: self.token_file.clone(),
            ca_file: self.ca_file.clone(),
            every: Duration::from_secs(self.every_seconds.get().into()),
            limits: self.limits(),
            ..HttpConfig::new(url)
        }
    }

    /// Makes paths absolute, and looks whether the keys go together.
    pub(super) fn complete(&mut self, base: &Path) -> Result<(), String> {
        let absolute = |path: &mut PathBuf| *path = base.join(&*path);
        for place in [&mut self.snapshot, &mut self.deltas].into_iter().flatten() {
            if let Place::File(path) = place {
                absolute(path);
            }
        }
        let own = [&mut self.state, &mut self.results, &mut self.token_file, &mut self.ca_file];
        own.into_iter().flatten().for_each(absolute);
        self.guard.public_key_file.iter_mut().for_each(absolute);
        if let Some(zones) = &mut self.zones {
            [&mut zones.token_file, &mut zones.ca_file].into_iter().flatten().for_each(absolute);
        }
        if let Some(nats) = &mut self.nats {
            let NatsSource { credentials_file, password_file, ca_file, certificate_file, .. } =
                nats;
            let files = [credentials_file, password_file, ca_file, certificate_file];
            files.into_iter().chain([&mut nats.key_file]).flatten().for_each(absolute);
        }
        Guard::new(self.guard.clone()).map_err(|cause| format!("feed.guard: {cause}"))?;
        self.check()
    }

    fn check(&self) -> Result<(), String> {
        let stream = self.nats.as_ref().and_then(|nats| nats.stream.as_ref());
        for (key, is_set) in [
            ("feed.deltas", self.deltas.is_some()),
            ("feed.results", self.results.is_some()),
            ("feed.nats.stream", stream.is_some()),
        ] {
            if is_set && !self.builds_zones() {
                return Err(format!(
                    "{key}: changes need a snapshot of the servers; set feed.snapshot or feed.nats.bucket, too"
                ));
            }
        }
        if self.results.is_some() && (self.deltas.is_some() || stream.is_some()) {
            return Err(
                "feed.results: the scores of feed.deltas and feed.nats.stream are computed \
                        already; leave out one of the two"
                    .into(),
            );
        }
        if self.zones.as_ref().is_some_and(|zones| zones.origins.is_empty()) {
            return Err("feed.zones.origins is empty; name the zones to ask for".into());
        }
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = self.origins().find(|origin| !seen.insert(origin.to_ascii_lowercase()))
        {
            return Err(format!("feed: the zone {twice} has two sources; leave out one of them"));
        }
        if self.nats.as_ref().is_some_and(|nats| nats.servers.is_empty()) {
            return Err(
                "feed.nats.servers is empty; name one, such as nats://127.0.0.1:4222".into()
            );
        }
        Ok(())
    }

    /// Whether a node knows where to keep its feed.
    pub(super) fn check_state(&self) -> Result<(), String> {
        if self.has_sources() && self.state.is_none() {
            return Err("feed.state: name a directory for the last good feed, such as \
                        \"/var/lib/edge/feed\"; the node serves from it when its sources are gone"
                .into());
        }
        Ok(())
    }
}

/// The sections of a file that are about feeds, for commands that run beside a node or far from
/// any.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sections {
    /// `[feed]`
    pub feed: Feed,
    /// `[policy]`
    pub policy: ZonePolicy,
    /// `[fleet]`
    pub fleet: Option<Fleet>,
}

impl Sections {
    /// Reads them; other sections may be there or not.
    ///
    /// # Errors
    /// When the file can't be read, isn't TOML, or has unknown or impossible values in these
    /// sections.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = errors::text(path)?;
        let mut sections: Self = errors::read(&text, path)?;
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        let mut faults = Faults::new(&text);
        if let Err((section, reason)) = sections.complete(base) {
            faults.add(section, &reason);
        }
        faults.end(path)?;
        Ok(sections)
    }

    /// As [`Feed::complete`]; an error has the section's heading before it.
    fn complete(&mut self, base: &Path) -> Result<(), (&'static str, String)> {
        complete(&mut self.feed, &self.policy, self.fleet.as_mut(), base)
    }
}

/// Completes the three sections; an error has the section's heading before it.
pub(super) fn complete(
    feed: &mut Feed,
    policy: &ZonePolicy,
    fleet: Option<&mut Fleet>,
    base: &Path,
) -> Result<(), (&'static str, String)> {
    feed.complete(base).map_err(|reason| ("[feed", reason))?;
    policy.check().map_err(|cause| ("[policy", cause.to_string()))?;
    let Some(fleet) = fleet else { return Ok(()) };
    if feed.nats.is_none() {
        let reason = "fleet: heartbeats use NATS; name its servers in [feed.nats]";
        return Err(("[fleet]", reason.into()));
    }
    if fleet.node.is_empty() {
        fleet.node = host_name();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
