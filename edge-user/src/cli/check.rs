//! `edge check`: what is wrong or odd before a start.
//!
//! It reads and compiles all that `edge run` would read, looks at the host, and changes nothing.

use std::path::Path;
use std::sync::Arc;

use crate::node::controller::Controller;
use crate::node::serve_all;
use crate::node::zone_files::ZoneFiles;
use crate::observe::query_log as querylog;
use crate::settings::Config;
use edge_authority::Current;
use edge_leaves::text_table::{Align, indented};
use edge_tables::live::cookie_state::Secrets;
use edge_tables::publish::{NoKernel, Publisher};
use edge_tables::store::Store;
use edge_zone::name::bare;
use serde::Serialize;

mod files;
mod host;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// What is wrong, a line each, `file:line:column: reason` where there is such a place.
    pub(super) errors: Vec<String>,
    /// What is odd.
    pub(super) warnings: Vec<String>,
    /// The zones that were read.
    pub(super) zones: Vec<ZoneRow>,
}

/// A zone that was read.
#[derive(Debug, Default, Serialize)]
pub(super) struct ZoneRow {
    /// Its name.
    pub(super) name: String,
    /// Its serial.
    pub(super) serial: u32,
    /// Its labels.
    pub(super) labels: usize,
    /// Names that have decks.
    pub(super) names: usize,
    /// Decks.
    pub(super) decks: usize,
}

impl Report {
    /// The zones, as a table; nothing without any.
    pub(super) fn table(&self) -> String {
        if self.zones.is_empty() {
            return String::new();
        }
        let head = ["ZONE", "SERIAL", "LABELS", "NAMES", "DECKS"].map(str::to_owned).to_vec();
        let row = |zone: &ZoneRow| {
            let [labels, names, decks] =
                [zone.labels, zone.names, zone.decks].map(|n| n.to_string());
            vec![zone.name.clone(), zone.serial.to_string(), labels, names, decks]
        };
        let rows: Vec<_> = std::iter::once(head).chain(self.zones.iter().map(row)).collect();
        indented(&rows, Align::Numbers, 2)
    }
}

/// Reads a configuration and all that it names; with `start` only what would keep a node from
/// starting, which isn't a broken zone or database.
#[must_use]
pub(super) fn check(path: &Path, start: bool) -> Report {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return Report { errors: error.lines(), ..Report::default() },
    };
    let mut publisher =
        Publisher::new(Store::in_memory(), Box::new(NoKernel), fastrand::Rng::new());
    let mut errors = Vec::new();
    if let Err(error) = Secrets::load(&config.cookies.secrets) {
        errors.push(error.to_string());
    }
    if let Err(error) = serve_all(&mut publisher, &config) {
        errors.push(format!("{}: {error:#}", path.display()));
    }
    errors.extend(crate::node::feed::check(&config.feed));
    errors.extend(files::socket(&config));
    let log = querylog::check(&config.log).err();
    let mut directories = files::directories(&config);
    if start {
        errors.extend(ZoneFiles::new(&config.zones).look_at_directory().err());
        errors.append(&mut directories);
        // A node serves without its query log, and writes it as soon as it can.
        return Report {
            errors,
            warnings: config.warnings.iter().cloned().chain(log).collect(),
            ..Report::default()
        };
    }
    errors.extend(log);
    let mut controller = Controller::new(&config, publisher, Arc::new(Current::default()));
    let mut warnings = config.warnings.clone();
    match controller.refresh() {
        Ok(refresh) => {
            errors.extend(refresh.errors);
            warnings.extend(refresh.warnings);
        }
        Err(error) => errors.push(format!("{error:#}")),
    }
    let mut zones = Vec::new();
    for zone in controller.zones() {
        let name = bare(&zone.apex);
        let placed = controller.placed().iter().find(|placed| placed.apex == name);
        zones.push(ZoneRow {
            serial: zone.serial,
            labels: zone.labels.len(),
            names: placed.map_or(0, |placed| placed.names),
            decks: placed.map_or(0, |placed| placed.decks),
            name,
        });
    }
    if zones.is_empty() && errors.is_empty() {
        warnings.extend(files::no_zones(&config));
    }
    warnings.extend(files::databases(&config.geoip.directory));
    warnings.extend(files::feed(&config));
    // This may be another user than the node's.
    warnings.append(&mut directories);
    warnings.extend(host::look(&config));
    Report { errors, warnings, zones }
}
