//! The controller: it makes publications of files and of a feed's zones.
//!
//! It knows the good zones and databases, compiles what changed, and has it published to the
//! tables and to the authority. If something is wrong with a file, that is remembered, and what is
//! being served stays.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use crate::node::zone_files::ZoneFiles;
use crate::settings::Config;
use edge_authority::{Current, Serving};
use edge_tables::compile::{Compiled, amend, compile};
use edge_tables::publish::Popularity;
use edge_tables::publish::{Placed, Publishable, Publisher, Shares};
use edge_tables::store::Store;
use edge_zone::AnyPolicy;
use edge_zone::geo::GeoLocator;
use edge_zone::geo::Profile;
use edge_zone::geo::{self, Databases};
use edge_zone::name::suffixes;
use edge_zone::rdata::soa_record;
use edge_zone::target_health::TargetHealth;
use edge_zone::{self as zone, Targets, Zone};

mod counted;
mod fed;
mod geo_databases;
mod healthy_zone;
mod retry;
mod zone_overrides;

pub use fed::Fed;
use geo_databases::GeoDatabases;
use healthy_zone::HealthyZone;
use retry::Retry;
use zone_overrides::ZoneOverrides;

/// The trie of a profile.
pub type Trie = geo::Compiled<Targets>;

/// A zone with everything made of it.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The zone.
    pub zone: Arc<Zone>,
    /// Its names and decks.
    pub compiled: Arc<Compiled>,
    /// The trie whose classes they are for.
    pub trie: Arc<Trie>,
}

/// The controller.
#[derive(Debug)]
pub struct Controller {
    zone_files: ZoneFiles,
    directory_error: Option<String>,
    health: TargetHealth,
    judged: Vec<HealthyZone>,
    geo_databases: GeoDatabases,
    tries: Vec<(Profile, Arc<Databases>, Arc<Trie>)>,
    /// What answers ANY.
    any: AnyPolicy,
    /// What was compiled last, also if it couldn't be published.
    compiled: HashMap<Box<[u8]>, Ready>,
    /// What is published.
    ready: HashMap<Box<[u8]>, Ready>,
    /// The zones that are published, in the order of [`Self::zones`].
    served: Vec<Arc<Zone>>,
    placed: Vec<Placed>,
    errors: Vec<String>,
    /// Why the last publication failed, or what it left for another.
    retry: Option<Retry>,
    overrides: ZoneOverrides,
    shares: Shares,
    publisher: Publisher,
    current: Arc<Current>,
}

/// What a refresh did, for the log.
#[derive(Debug, Default)]
pub struct Refresh {
    /// Whether a new generation was published.
    pub published: bool,
    /// What is newly wrong, a line each.
    pub errors: Vec<String>,
    /// What is odd, a line each.
    pub warnings: Vec<String>,
    /// Zones that were read again.
    pub read: Vec<String>,
}

impl Controller {
    /// Of the directories in a configuration, which haven't been looked at yet.
    #[must_use]
    pub fn new(config: &Config, mut publisher: Publisher, current: Arc<Current>) -> Self {
        // The configuration has been read with them.
        let shares = config.shares();
        publisher.share(shares.clone());
        let geo_databases = GeoDatabases::new(config.geoip.directory.clone());
        Self {
            zone_files: ZoneFiles::new(&config.zones),
            directory_error: None,
            health: TargetHealth::new(config.health.directory.as_deref()),
            judged: Vec::new(),
            geo_databases,
            tries: Vec::new(),
            any: config.dns.any,
            compiled: HashMap::new(),
            ready: HashMap::new(),
            served: Vec::new(),
            placed: Vec::new(),
            errors: Vec::new(),
            retry: None,
            overrides: ZoneOverrides::new(config.zone.clone()),
            shares,
            publisher,
            current,
        }
    }

    /// Looks at the files, and publishes if they change what the node should serve.
    ///
    /// # Errors
    /// When the kernel refuses; then the former generation goes on being served.
    pub fn refresh(&mut self) -> anyhow::Result<Refresh> {
        let mut refresh = Refresh::default();
        let databases_changed = self.geo_databases.look(&mut refresh);
        let mut changed = databases_changed;
        match self.zone_files.look() {
            Ok(look) => {
                self.directory_error = None;
                changed |= look.changed;
                refresh.errors.extend(look.errors);
                refresh.warnings.extend(look.warnings);
                refresh.read = look.read;
            }
            Err(error) => {
                if self.directory_error.as_ref() != Some(&error) {
                    refresh.errors.push(error.clone());
                }
                self.directory_error = Some(error);
            }
        }
        let health = self.health.refresh();
        refresh.errors.extend(health.errors);
        if changed || health.changed {
            changed |= self.judge(&mut refresh);
        }
        if changed || self.publisher.store().generation() == 0 {
            self.publish(&mut refresh)?;
        }
        Ok(refresh)
    }

    /// Looks at the health alone, and publishes if that changes what the node should serve.
    ///
    /// # Errors
    /// When the kernel refuses; then the former generation goes on being served.
    pub fn refresh_health(&mut self) -> anyhow::Result<Refresh> {
        let mut refresh = Refresh::default();
        let look = self.health.refresh();
        refresh.errors = look.errors;
        if look.changed && self.judge(&mut refresh) {
            self.publish(&mut refresh)?;
        }
        Ok(refresh)
    }

    /// Publishes again what couldn't be published, if it is time for that.
    ///
    /// # Errors
    /// When the kernel refuses; then the former generation goes on being served.
    pub fn try_again(&mut self, now: Instant) -> anyhow::Result<Refresh> {
        let mut refresh = Refresh::default();
        if self.retry.as_mut().is_some_and(|retry| retry.begin(now)) {
            self.publish(&mut refresh)?;
        }
        Ok(refresh)
    }

    /// Judges the zones by the health of their records; returns whether any is another than before.
    /// One whose verdicts are the same stays the very same, and so do its decks.
    fn judge(&mut self, refresh: &mut Refresh) -> bool {
        let mut former = std::mem::take(&mut self.judged);
        let n_former = former.len();
        let mut n_same = 0;
        for zone in self.zone_files.zones() {
            let mut judged = HealthyZone::new(&zone, &self.health);
            let known = former.iter().position(|known| Arc::ptr_eq(&known.source, &zone));
            let known = known.map(|at| former.swap_remove(at));
            if known.is_none() && zone.has_health && !self.health.is_configured() {
                refresh.warnings.push(format!(
                    "zone {}: records with a health test are never answered; set health.directory",
                    zone.apex
                ));
            }
            if let Some(known) = known.filter(|known| known.verdicts == judged.verdicts) {
                judged = known;
                n_same += 1;
            }
            self.judged.push(judged);
        }
        n_same != self.judged.len() || n_same != n_former
    }

    fn publish(&mut self, refresh: &mut Refresh) -> anyhow::Result<()> {
        let zones: Vec<_> = self.judged.iter().map(|zone| Arc::clone(&zone.served)).collect();
        let mut errors = self.overrides.of_no_zone(&zones);
        errors.extend(self.zone_files.shadowed());
        self.compile_tries(&zones, &mut errors);
        let mut ready = HashMap::new();
        for zone in &zones {
            let Some(trie) = self.trie_of(zone) else { continue };
            let apex: Box<[u8]> = zone.apex.folded().into();
            let same = self
                .compiled
                .get(&apex)
                .filter(|ready| Arc::ptr_eq(&ready.zone, zone) && Arc::ptr_eq(&ready.trie, &trie));
            let made = same.cloned().unwrap_or_else(|| {
                let former =
                    self.compiled.get(&apex).filter(|ready| Arc::ptr_eq(&ready.trie, &trie));
                let soa = soa_record(zone);
                let amended = former.and_then(|Ready { compiled, zone: was, .. }| {
                    amend(compiled, was, zone, &soa, self.any)
                });
                let compiled =
                    amended.unwrap_or_else(|| compile(zone, &trie.classes, soa, self.any));
                Ready { zone: Arc::clone(zone), compiled: Arc::new(compiled), trie }
            });
            ready.insert(apex, made);
        }
        self.compiled.clone_from(&ready);
        let built_in = built_in();
        let tries = self.tries.iter().map(|(profile, _, trie)| (profile.clone(), Arc::clone(trie)));
        let databases = Arc::clone(&self.geo_databases.databases);
        let places = GeoLocator { databases, tries: tries.collect() };
        let serving = Serving::new(built_in.iter().chain(&zones).cloned(), Arc::new(places));
        errors.extend(self.put(&zones, built_in.as_ref(), &ready, Arc::new(serving))?);
        refresh.warnings.extend(errors.iter().filter(|t| !self.errors.contains(t)).cloned());
        self.errors = errors;
        self.ready = ready;
        self.served = zones;
        refresh.published = true;
        Ok(())
    }

    /// Gives the publisher how often names are asked for, and publishes if other names should be in
    /// the tables; returns whether it has.
    ///
    /// # Errors
    /// When the kernel refuses; then the former generation goes on being served.
    pub fn choose_by_popularity(&mut self, popularity: Popularity) -> anyhow::Result<bool> {
        let zones: Vec<_> = self.judged.iter().map(|zone| Arc::clone(&zone.served)).collect();
        let built_in = built_in();
        let (publishable, others) = split(&zones, built_in.as_ref(), &self.ready, &self.overrides);
        if !self.publisher.update_popularity(popularity, &publishable, &others) {
            return Ok(false);
        }
        let published = self.publisher.publish(&publishable, &others);
        self.placed = Retry::note(&mut self.retry, published, self.publisher.is_pending())?;
        for errors in self.publisher.take_errors() {
            if !self.errors.contains(&errors) {
                self.errors.push(errors);
            }
        }
        Ok(true)
    }

    /// The zones in the tables of which some names are not.
    #[must_use]
    pub fn incomplete(&self) -> Vec<Arc<Compiled>> {
        self.publisher.incomplete()
    }

    /// Publishes these zones, of which some are ready for the tables; returns what is wrong, a line
    /// each. The authority serves them as soon as the first of them may be in the tables.
    fn put(
        &mut self,
        zones: &[Arc<Zone>],
        built_in: Option<&Arc<Zone>>,
        ready: &HashMap<Box<[u8]>, Ready>,
        serving: Arc<Serving>,
    ) -> anyhow::Result<Vec<String>> {
        let (publishable, others) = split(zones, built_in, ready, &self.overrides);
        let current = &self.current;
        let published =
            self.publisher.publish_and(&publishable, &others, || current.set(Arc::clone(&serving)));
        self.placed = Retry::note(&mut self.retry, published, self.publisher.is_pending())?;
        let mut errors = self.publisher.take_errors();
        for (zone, publishable) in self.placed.iter().zip(&publishable) {
            if let Some(reason) = &zone.unfit {
                errors.push(format!(
                    "zone {}: {reason}; the authority answers for it, XDP doesn't",
                    zone.apex
                ));
            } else if zone.incomplete
                && self.shares.of(publishable.compiled.apex.folded()).is_none()
            {
                errors.push(format!(
                    "zone {}: not all of its {} names fit into the tables; XDP answers for the \
                     most popular of them",
                    zone.apex, zone.total
                ));
            }
        }
        Ok(errors)
    }

    /// Makes the tries that the zones' profiles want, or keeps them.
    fn compile_tries(&mut self, zones: &[Arc<Zone>], errors: &mut Vec<String>) {
        let mut profiles: Vec<Profile> = Vec::new();
        for zone in zones {
            if let Some(profile) = profiles.iter_mut().find(|profile| profile.suits(zone)) {
                profile.add(zone);
            } else {
                let mut profile = Profile::of(zone);
                profile.add(zone);
                profiles.push(profile);
            }
        }
        let databases = &self.geo_databases.databases;
        let mut former = std::mem::take(&mut self.tries);
        for profile in profiles {
            let same = former
                .iter()
                .position(|(other, of, _)| *other == profile && Arc::ptr_eq(of, databases));
            if let Some(at) = same {
                self.tries.push(former.swap_remove(at));
                continue;
            }
            match profile.compile(databases) {
                Ok(trie) => self.tries.push((profile, Arc::clone(databases), Arc::new(trie))),
                Err(error) => errors.push(format!(
                    "targeting \"{}\": {error}; the authority answers for its zones, XDP doesn't",
                    profile.targeting
                )),
            }
        }
    }

    fn trie_of(&self, zone: &Zone) -> Option<Arc<Trie>> {
        let found = self.tries.iter().find(|(profile, ..)| profile.suits(zone));
        found.map(|(_, _, trie)| Arc::clone(trie))
    }

    /// The publisher.
    pub const fn publisher(&mut self) -> &mut Publisher {
        &mut self.publisher
    }

    /// The tables.
    #[must_use]
    pub const fn store(&self) -> &Store {
        self.publisher.store()
    }

    /// What became of the zones at the last publication.
    #[must_use]
    pub fn placed(&self) -> &[Placed] {
        &self.placed
    }

    /// How full the tables are: name, taken, entries.
    #[must_use]
    pub fn usage(&self) -> Vec<(&'static str, u32, u32)> {
        self.publisher.usage()
    }

    /// The generation being served.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.publisher.store().generation()
    }

    /// The zones being served, in the order of [`Self::zones`], without what their records' health
    /// takes from them.
    #[must_use]
    pub fn served(&self) -> &[Arc<Zone>] {
        &self.served
    }

    /// The zones that should be served, in the order of their files' names, then those of the feed.
    #[must_use]
    pub fn zones(&self) -> Vec<Arc<Zone>> {
        self.zone_files.zones()
    }

    /// The zone that a name (on the wire, lower case) is in, and what was made of it.
    #[must_use]
    pub fn zone_of(&self, name: &[u8]) -> Option<&Ready> {
        suffixes(name).find_map(|suffix| self.ready.get(suffix))
    }

    /// Why the zones' directory can't be read, if it can't.
    #[must_use]
    pub fn directory_error(&self) -> Option<&str> {
        self.directory_error.as_deref()
    }

    /// What is served now, as the authority has it.
    #[must_use]
    pub fn serving(&self) -> Arc<Serving> {
        self.current.get()
    }

    /// The databases.
    #[must_use]
    pub fn databases(&self) -> &Arc<Databases> {
        &self.geo_databases.databases
    }

    /// Everything that is wrong now, a line each.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        let mut errors = self.zone_files.errors();
        errors.extend(self.directory_error.clone());
        errors.extend(self.publisher.uncounted().into_iter().map(|zone| {
            format!("zone {zone}: its answers have no counters of their own: the table of counters is full")
        }));
        errors.extend(self.health.errors().cloned());
        errors.extend(self.geo_databases.error.clone());
        errors.extend(self.errors.iter().cloned());
        errors.extend(self.retry.as_ref().and_then(Retry::error));
        errors
    }
}

/// The zones that are ready for the tables, and the apexes of those that aren't.
fn split<'z>(
    zones: &'z [Arc<Zone>],
    built_in: Option<&'z Arc<Zone>>,
    ready: &HashMap<Box<[u8]>, Ready>,
    overrides: &ZoneOverrides,
) -> (Vec<Publishable>, Vec<&'z [u8]>) {
    let of =
        |zone: &Zone| ready.get(zone.apex.folded()).filter(|_| overrides.is_in_xdp(&zone.apex));
    let publishable = zones.iter().filter_map(|zone| of(zone)).map(|ready| Publishable {
        compiled: Arc::clone(&ready.compiled),
        trie: Arc::clone(&ready.trie),
    });
    let others = zones.iter().chain(built_in).filter(|zone| of(zone).is_none());
    (publishable.collect(), others.map(|zone| zone.apex.folded()).collect())
}

/// The zone that is always there, unless a file has it: with nothing in it, so that
/// `_status.pgeodns` describes the server whatever it serves. Only the authority knows it.
fn built_in() -> Option<Arc<Zone>> {
    let zone = zone::parse("pgeodns", br#"{"serial": 1}"#, UNIX_EPOCH, Path::new("pgeodns.json"));
    zone.ok().map(Arc::new)
}

#[cfg(test)]
mod tests;
