//! The settings of zones: whether XDP is to answer for each.
//!
//! A switch that is set while the node runs counts more than the configuration.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Controller, Refresh};
use crate::node::switch_table::ZoneSwitch;
use crate::settings::ZoneConfigs;
use edge_tables::publish::Shares;
use edge_zone::name::bare;
use edge_zone::{Name, Zone};

/// What is wished for zones.
#[derive(Debug)]
pub(super) struct ZoneOverrides {
    configured: ZoneConfigs,
    /// By apex (on the wire, lower case): whether XDP is to answer, where that has been switched
    /// since the start.
    switched: HashMap<Box<[u8]>, bool>,
}

impl ZoneOverrides {
    pub(super) fn new(configured: ZoneConfigs) -> Self {
        Self { configured, switched: HashMap::new() }
    }

    /// Whether XDP is to answer for a zone.
    pub(super) fn is_in_xdp(&self, apex: &Name) -> bool {
        let switched = self.switched.get(apex.folded()).copied();
        switched.unwrap_or_else(|| self.configured.get(apex.folded()).xdp)
    }

    /// Tables of the configuration that are for none of these zones, a line each.
    pub(super) fn of_no_zone(&self, zones: &[Arc<Zone>]) -> Vec<String> {
        let idle = self.configured.names().filter(|name| zones.iter().all(|z| z.apex != **name));
        idle.map(|name| format!("[zone.{:?}]: {}", bare(name), no_such_zone(name, zones))).collect()
    }
}

impl Controller {
    /// Whether XDP is to answer for a zone; it may be unable to all the same.
    #[must_use]
    pub fn is_in_xdp(&self, apex: &Name) -> bool {
        self.overrides.is_in_xdp(apex)
    }

    /// The switches of all zones, in the order of their files' names.
    #[must_use]
    pub fn zone_switches(&self) -> Vec<ZoneSwitch> {
        let switch = |zone: Arc<Zone>| ZoneSwitch {
            name: bare(&zone.apex),
            xdp: self.overrides.is_in_xdp(&zone.apex),
            configured: self.overrides.configured.get(zone.apex.folded()).xdp,
        };
        self.zones().into_iter().map(switch).collect()
    }

    /// Takes over the configuration of zones, and publishes. What was switched since the start
    /// stays switched.
    ///
    /// # Errors
    /// When the kernel refuses; then what was served before is still served.
    pub fn configure(&mut self, zones: ZoneConfigs, shares: Shares) -> anyhow::Result<Refresh> {
        self.overrides.configured = zones;
        self.publisher.share(shares.clone());
        self.shares = shares;
        let mut refresh = Refresh::default();
        self.publish(&mut refresh)?;
        Ok(refresh)
    }

    /// Sets whether XDP is to answer for a zone, and publishes if that is new; other zones stay as
    /// they are.
    ///
    /// # Errors
    /// When there is no such zone, or the kernel refuses; then nothing has changed.
    pub fn switch_zone(&mut self, name: &str, on: bool) -> Result<Refresh, String> {
        let zones = self.zones();
        let apex = Name::parse(name).map_err(|cause| format!("{name:?}: {cause}; name a zone"))?;
        if zones.iter().all(|zone| zone.apex != apex) {
            return Err(no_such_zone(&apex, &zones));
        }
        let mut refresh = Refresh::default();
        if self.overrides.is_in_xdp(&apex) == on {
            return Ok(refresh);
        }
        let former = self.overrides.switched.insert(apex.folded().into(), on);
        if let Err(cause) = self.publish(&mut refresh) {
            match former {
                Some(former) => self.overrides.switched.insert(apex.folded().into(), former),
                None => self.overrides.switched.remove(apex.folded()),
            };
            return Err(format!("publish: {cause:#}; what was served before is still served"));
        }
        Ok(refresh)
    }
}

/// Names that are proposed at most.
const PROPOSALS: usize = 3;

/// The message that there is no such zone, and which are spelt most alike.
fn no_such_zone(name: &Name, zones: &[Arc<Zone>]) -> String {
    let lower = bare(name).to_ascii_lowercase();
    let mut others: Vec<_> = zones
        .iter()
        .map(|zone| bare(&zone.apex))
        .map(|other| (strsim::osa_distance(&lower, &other.to_ascii_lowercase()), other))
        .collect();
    others.sort();
    let near: Vec<_> = others.into_iter().take(PROPOSALS).map(|(_, other)| other).collect();
    let hint = match near.as_slice() {
        [] => "none is".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    format!("no zone {} is loaded; {hint}", bare(name))
}
