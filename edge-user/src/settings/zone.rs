//! `[zones]`, and `[zone."…"]` for each zone with settings of its own.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use edge_zone::Name;
use edge_zone::name::bare;

/// Where zone files are unless configured.
const DIRECTORY: &str = "zones";

/// Zone files.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Zones {
    /// Where they are; none when it is empty, which needs a feed.
    pub directory: Option<PathBuf>,
    /// Whether a node may start without that directory: it has a feed, and nobody has named the
    /// directory.
    #[serde(skip)]
    pub is_optional: bool,
    /// How many names of a zone may be in XDP's tables: the most popular ones. Unless given, as
    /// many as fit.
    pub share: Option<NonZeroU32>,
}

impl Zones {
    /// Makes the path absolute, or returns what is missing.
    pub(super) fn complete(&mut self, base: &Path, has_feed: bool) -> Result<(), String> {
        self.is_optional = self.directory.is_none() && has_feed;
        let directory = self.directory.take().unwrap_or_else(|| DIRECTORY.into());
        if !directory.as_os_str().is_empty() {
            self.directory = Some(base.join(directory));
        } else if !has_feed {
            return Err("zones.directory is empty, and there is no feed: no zone can be served; name a directory, or \
                        a source in [feed]"
                .into());
        }
        Ok(())
    }
}

/// What is wished for a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZoneConfig {
    /// Whether XDP answers for it.
    pub xdp: bool,
    /// As [`Zones::share`], for this zone.
    pub share: Option<NonZeroU32>,
}

impl Default for ZoneConfig {
    fn default() -> Self {
        Self { xdp: true, share: None }
    }
}

/// The zones that have a table.
#[derive(Clone, Debug, Default)]
pub struct ZoneConfigs(Vec<(Name, ZoneConfig)>);

impl ZoneConfigs {
    /// What is wished for the zone with this apex (on the wire, lower case).
    #[must_use]
    pub fn get(&self, apex: &[u8]) -> ZoneConfig {
        let found = self.0.iter().find(|(name, _)| name.folded() == apex);
        found.map(|(_, config)| *config).unwrap_or_default()
    }

    /// The zones with a share of their own, by apex (on the wire, lower case).
    pub fn shares(&self) -> impl Iterator<Item = (&[u8], NonZeroU32)> {
        self.0.iter().filter_map(|(name, config)| Some((name.folded(), config.share?)))
    }

    /// The zones' names, as they are written in the file.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().map(|(name, _)| name)
    }
}

impl<'de> Deserialize<'de> for ZoneConfigs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let tables = BTreeMap::<String, ZoneConfig>::deserialize(from)?;
        let mut zones: Vec<(Name, ZoneConfig)> = Vec::with_capacity(tables.len());
        for (text, config) in tables {
            let name = Name::parse(&text).map_err(|cause| {
                D::Error::custom(format!("[zone.{text:?}]: {cause}; name a zone"))
            })?;
            if zones.iter().any(|(other, _)| *other == name) {
                let name = bare(&name);
                return Err(D::Error::custom(format!("[zone.{name:?}] is there twice; join them")));
            }
            zones.push((name, config));
        }
        Ok(Self(zones))
    }
}

#[cfg(test)]
mod tests {
    use super::{ZoneConfig, ZoneConfigs};
    use serde::Deserialize;
    use std::num::NonZeroU32;

    #[derive(Debug, Deserialize)]
    struct File {
        zone: ZoneConfigs,
    }

    fn parse(text: &str) -> Result<ZoneConfigs, String> {
        let file: Result<File, _> = toml::from_str(text);
        file.map(|file| file.zone).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_zone_is_found_however_its_name_is_spelt() {
        let zones =
            parse("[zone.\"Pool.Example.\"]\nxdp = false\n[zone.\"b\"]\nshare = 7\n").unwrap();
        assert_eq!(zones.get(b"\x04pool\x07example\0"), ZoneConfig { xdp: false, share: None });
        assert_eq!(
            zones.get(b"\x01b\0"),
            ZoneConfig { share: NonZeroU32::new(7), ..ZoneConfig::default() }
        );
        assert_eq!(zones.get(b"\x07example\0"), ZoneConfig::default());
        assert_eq!(zones.names().count(), 2);
    }

    #[test]
    fn slips_of_the_pen_are_refused() {
        for (text, words) in [
            ("[zone.\"b\"]\nxpd = false\n", "unknown field `xpd`"),
            ("[zone.\"b\"]\nxdp = 1\n", "expected a boolean"),
            ("[zone.\"b\"]\nshare = 0\n", "nonzero"),
            ("[zone.\"a..b\"]\n", "[zone.\"a..b\"]: it has an empty label"),
            ("[zone.\"b\"]\n[zone.\"B.\"]\n", "is there twice"),
            ("zone = false\n", "invalid type: boolean"),
        ] {
            let error = parse(text).map(|_| ()).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
