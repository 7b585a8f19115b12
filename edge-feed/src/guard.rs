//! Decides which documents of a feed may be served.
//!
//! The guard refuses documents that are broken, unsigned, older, shrunken or too large. A refusal
//! gives the cause and the way out; the last good version stays in service.

mod config;
mod content;
mod refusal;
mod shrink;
mod signature;
mod size;

use std::collections::{BTreeMap, BTreeSet};

use minisign_verify::PublicKey;
use serde::Serialize;

pub use config::{GuardConfig, GuardConfigError};
pub(crate) use content::size_of;
pub use content::{Admitted, Candidate, ExpectedContent, FeedContent};
pub use refusal::Refusal;
pub use size::{Measure, RootSize};

use crate::Snapshot;
use shrink::ServedRoot;

/// How far ahead of our clock a serial may be, in seconds.
const AHEAD: i64 = 600;

/// The entry of a snapshot among the roots.
const ALL: &str = "all servers";

/// A feed that was read, as it is compared with what is served.
struct Found<'a> {
    /// Where it came from.
    place: &'a str,
    /// The root, or [`ALL`].
    root: &'a str,
    serial: u32,
    size: RootSize,
    /// All of it, unless it is a zone.
    snapshot: Option<&'a Snapshot>,
}

/// Age of the served feed, in classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// Younger than `warn_seconds`.
    Fresh,
    /// Older than `warn_seconds`.
    Warn,
    /// Older than `alarm_seconds`, or no feed has arrived yet.
    Alarm,
}

/// The state of the guard, for status and metrics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GuardStatus {
    /// The class of the feed's age.
    pub freshness: Freshness,
    /// The age of the oldest feed in seconds; none before the first.
    pub age: Option<i64>,
    /// The serial and size of each root that is served.
    pub served: BTreeMap<String, (u32, RootSize)>,
    /// Refusals since the start, by kind.
    pub refused: BTreeMap<&'static str, u64>,
    /// The last refusal.
    pub last_refusal: Option<String>,
    /// When it was, in seconds since 1970.
    pub last_refusal_ts: Option<i64>,
}

/// Decides which feeds may be served. It does no input or output after [`Guard::new`].
#[derive(Clone, Debug)]
pub struct Guard {
    config: GuardConfig,
    key: Option<PublicKey>,
    served: BTreeMap<String, ServedRoot>,
    /// The roots of the last snapshot.
    published: BTreeSet<String>,
    /// The time of the newest content of each feed, in seconds since 1970.
    heard: BTreeMap<String, i64>,
    /// Until when the next feed may be older or smaller, in seconds since 1970.
    once: Option<i64>,
    refused: [u64; Refusal::NAMES.len()],
    last: Option<(Refusal, i64)>,
}

impl Guard {
    /// A guard that has seen no feed. The first feed is compared with nothing, unless
    /// [`resume`](Self::resume) was called.
    ///
    /// # Errors
    /// When the configuration contradicts itself, or the public key can't be read.
    pub fn new(config: GuardConfig) -> Result<Self, GuardConfigError> {
        config.check()?;
        let key = signature::key(&config)?;
        Ok(Self {
            config,
            key,
            served: BTreeMap::new(),
            published: BTreeSet::new(),
            heard: BTreeMap::new(),
            once: None,
            refused: [0; Refusal::NAMES.len()],
            last: None,
        })
    }

    /// The configuration. Sources use its `max_octets` as their limit.
    #[must_use]
    pub fn config(&self) -> &GuardConfig {
        &self.config
    }

    /// Records a feed that was served before the start, without a check.
    pub fn resume(&mut self, last: &Admitted, now: i64) {
        self.keep(last, now);
    }

    /// Allows the next feed that would be refused as older or shrunken, until a time in seconds
    /// since 1970. Operators call for this.
    pub fn allow_once(&mut self, until: i64) {
        self.once = Some(until);
    }

    /// Takes back what [`allow_once`](Self::allow_once) allowed. Returns whether it was still
    /// allowed at the time `now`.
    pub fn cancel_once(&mut self, now: i64) -> bool {
        self.once.take().is_some_and(|until| now < until)
    }

    /// Until when [`allow_once`](Self::allow_once) allows a feed, if it wasn't used yet.
    #[must_use]
    pub fn allowed_until(&self, now: i64) -> Option<i64> {
        self.once.filter(|until| now < *until)
    }

    /// Records a refusal that a later check made.
    pub fn refuse(&mut self, refusal: &Refusal, now: i64) {
        self.record(refusal, now);
    }

    /// Checks whether a feed may be served, at the time `now` in seconds since 1970. Later feeds
    /// are compared with an admitted one.
    ///
    /// # Errors
    /// The cause and the way out. Only the record of refusals in [`status`](Self::status) has
    /// changed then.
    pub fn admit(&mut self, candidate: &Candidate<'_>, now: i64) -> Result<Admitted, Refusal> {
        let admitted = self.judge(candidate, now);
        match &admitted {
            Ok(admitted) => self.keep(admitted, now),
            Err(refusal) => self.record(refusal, now),
        }
        admitted
    }

    /// Checks whether a zone that we built ourselves may be served. Zones from deltas pass no other
    /// check.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub fn admit_built(
        &mut self,
        apex: &str,
        serial: u32,
        size: RootSize,
        now: i64,
    ) -> Result<(), Refusal> {
        let found = Found { place: "built zone", root: apex, serial, size, snapshot: None };
        let judged = self.compare(&found, now);
        match &judged {
            Ok(_) => self.served.entry(apex.to_owned()).or_default().set(serial, size, now),
            Err(refusal) => self.record(refusal, now),
        }
        judged.map(drop)
    }

    /// Records that deltas up to the time `ts`, in seconds since 1970, were applied: the feeds are
    /// as fresh as that.
    pub fn note_deltas(&mut self, ts: i64, now: i64) {
        for heard in self.heard.values_mut() {
            *heard = (*heard).max(ts.min(now));
        }
    }

    /// Removes a root that is no longer served.
    pub fn forget(&mut self, root: &str) {
        self.served.remove(root);
        self.heard.remove(root);
    }

    /// The age of the oldest feed in seconds; none before the first.
    #[must_use]
    pub fn age(&self, now: i64) -> Option<i64> {
        self.heard.values().min().map(|&heard| now.saturating_sub(heard).max(0))
    }

    /// Whether what is served is fresh.
    #[must_use]
    pub fn freshness(&self, now: i64) -> Freshness {
        match self.age(now) {
            Some(age) if age < i64::from(self.config.warn_seconds) => Freshness::Fresh,
            Some(age) if age < i64::from(self.config.alarm_seconds) => Freshness::Warn,
            _ => Freshness::Alarm,
        }
    }

    /// The last refusal and its time, in seconds since 1970.
    #[must_use]
    pub fn last_refusal(&self) -> Option<&(Refusal, i64)> {
        self.last.as_ref()
    }

    /// What the guard knows, for status and metrics.
    #[must_use]
    pub fn status(&self, now: i64) -> GuardStatus {
        let served = self.served.iter();
        GuardStatus {
            freshness: self.freshness(now),
            age: self.age(now),
            served: served.map(|(root, s)| (root.clone(), (s.serial, s.size))).collect(),
            refused: Refusal::NAMES.into_iter().zip(self.refused).collect(),
            last_refusal: self.last.as_ref().map(|(refusal, _)| refusal.to_string()),
            last_refusal_ts: self.last.as_ref().map(|&(_, ts)| ts),
        }
    }

    /// Cheap checks come first: a feed that is too long or isn't signed is not parsed.
    fn judge(&mut self, candidate: &Candidate<'_>, now: i64) -> Result<Admitted, Refusal> {
        let &Candidate { place, octets, .. } = candidate;
        let most = self.config.max_octets;
        if octets.len() > most {
            let place = place.to_owned();
            return Err(Refusal::Octets { place, octets: octets.len(), most });
        }
        if let Some(key) = &self.key {
            signature::check(key, place, (candidate.content, octets), candidate.signature)?;
        }
        let most = self.config.max_servers;
        match candidate.content {
            ExpectedContent::Snapshot => {
                let snapshot = content::snapshot(place, octets, most)?;
                let (serial, size) = (snapshot.serial, size_of(&snapshot));
                self.in_time(place, serial, now)?;
                let found = Found { place, root: ALL, serial, size, snapshot: Some(&snapshot) };
                let allowed = self.compare(&found, now)?;
                Ok(Admitted { serial, size, what: FeedContent::Snapshot(snapshot), allowed })
            }
            ExpectedContent::Zone { apex } => {
                let (serial, size) = content::zone(place, octets, most)?;
                self.in_time(place, serial, now)?;
                let found = Found { place, root: apex, serial, size, snapshot: None };
                let allowed = self.compare(&found, now)?;
                let text = String::from_utf8_lossy(octets).into_owned();
                let what = FeedContent::Zone { apex: apex.to_owned(), text };
                Ok(Admitted { serial, size, what, allowed })
            }
        }
    }

    /// Checks that a serial, which is a time, is neither in the future nor too old.
    fn in_time(&self, place: &str, serial: u32, now: i64) -> Result<(), Refusal> {
        let age = now.saturating_sub(serial.into());
        if age < -AHEAD {
            return Err(Refusal::Ahead { place: place.to_owned(), serial, seconds: -age });
        }
        let most = self.config.refuse_seconds;
        if most > 0 && age > i64::from(most) {
            return Err(Refusal::Stale { place: place.to_owned(), seconds: age, most });
        }
        Ok(())
    }

    /// Whether a serial that was refused for its time would be in time now. The clock may have gone
    /// on, or have been set.
    #[must_use]
    pub fn is_in_time(&self, serial: u32, now: i64) -> bool {
        self.in_time("", serial, now).is_ok()
    }

    /// Compares with what is served. Returns the difference that an operator has allowed.
    fn compare(&mut self, found: &Found<'_>, now: i64) -> Result<Option<Refusal>, Refusal> {
        let Err(refusal) = self.compare_strictly(found, now) else {
            return Ok(None);
        };
        if self.take_leave(found.serial, now) {
            // Later feeds aren't compared with what was larger or newer before this one either.
            self.forget(found.root);
            return Ok(Some(refusal));
        }
        Err(refusal)
    }

    /// Whether an operator has allowed the feed of this serial to be older or smaller. What was
    /// allowed once is used up.
    pub fn take_leave(&mut self, serial: u32, now: i64) -> bool {
        self.config.override_serial == Some(serial) || self.cancel_once(now)
    }

    fn compare_strictly(&mut self, found: &Found<'_>, now: i64) -> Result<(), Refusal> {
        let &Found { place, root, serial, size, snapshot } = found;
        let served = self.served.get(root).map_or(serial, |served| served.serial);
        if serial < served {
            return Err(Refusal::Older { place: place.to_owned(), serial, served });
        }
        if let Some(snapshot) = snapshot {
            let gone = self
                .published
                .iter()
                .find(|known| !snapshot.roots.iter().any(|root| root.apex == **known));
            if let Some(root) = gone {
                return Err(Refusal::RootGone { place: place.to_owned(), root: root.clone() });
            }
        }
        let config = &self.config;
        let overall = (config.overall_percent, config.overall_percent);
        let own = match snapshot {
            Some(_) => overall,
            None => (config.servers_percent, config.weight_percent),
        };
        let least = config.least_servers;
        if let Some(served) = self.served.get_mut(root) {
            size.check(served.peak(now, config), own, least, place, root)?;
        }
        if root != ALL {
            let (mut before, mut after) = (RootSize::default(), size);
            for (name, served) in self.served.iter_mut().filter(|(name, _)| *name != ALL) {
                before = before.and(served.peak(now, config));
                after = if name == root { after } else { after.and(served.size) };
            }
            after.check(before, overall, least, place, "all roots")?;
        }
        Ok(())
    }

    fn keep(&mut self, admitted: &Admitted, now: i64) {
        let root = match &admitted.what {
            FeedContent::Snapshot(snapshot) => {
                let roots = snapshot.roots.iter().map(|root| root.apex.clone()).collect();
                let before = std::mem::replace(&mut self.published, roots);
                for gone in before.difference(&self.published.clone()) {
                    self.forget(gone);
                }
                ALL
            }
            FeedContent::Zone { apex, .. } => apex,
        };
        self.served.entry(root.to_owned()).or_default().set(admitted.serial, admitted.size, now);
        let heard = self.heard.entry(root.to_owned()).or_default();
        *heard = (*heard).max(i64::from(admitted.serial).min(now));
    }

    fn record(&mut self, refusal: &Refusal, now: i64) {
        if let Some(count) = self.refused.get_mut(refusal.kind()) {
            *count += 1;
        }
        self.last = Some((refusal.clone(), now));
    }
}

#[cfg(test)]
mod tests;
