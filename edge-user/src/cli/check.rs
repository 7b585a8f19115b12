//! `edge check`: reads and compiles all that `edge run` would read.
//!
//! It changes nothing.

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

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What is wrong, a line each, `file:line:column: reason` where there is such a place.
    pub(super) errors: Vec<String>,
    /// What is odd.
    pub(super) warnings: Vec<String>,
    /// The zones, as a table.
    pub(super) zones: String,
}

/// Reads a configuration and all that it names; with `start` only what would keep a node from
/// starting, which isn't a broken zone or database.
#[must_use]
pub(super) fn check(path: &Path, start: bool) -> Report {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return Report { errors: vec![error.to_string()], ..Report::default() },
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
    let log = querylog::check(&config.log).err();
    if start {
        errors.extend(ZoneFiles::new(&config.zones).look_at_directory().err());
        // A node serves without its query log, and writes it as soon as it can.
        return Report { errors, warnings: log.into_iter().collect(), ..Report::default() };
    }
    errors.extend(log);
    let mut controller = Controller::new(&config, publisher, Arc::new(Current::default()));
    let mut warnings = Vec::new();
    match controller.refresh() {
        Ok(refresh) => {
            errors.extend(refresh.errors);
            warnings = refresh.warnings;
        }
        Err(error) => errors.push(format!("{error:#}")),
    }
    let mut rows = vec![["ZONE", "SERIAL", "LABELS", "NAMES", "DECKS"].map(str::to_owned).to_vec()];
    for zone in controller.zones() {
        let name = bare(&zone.apex);
        let placed = controller.placed().iter().find(|placed| placed.apex == name);
        let number = |n: usize| n.to_string();
        rows.push(vec![
            name.clone(),
            zone.serial.to_string(),
            number(zone.labels.len()),
            number(placed.map_or(0, |placed| placed.names)),
            number(placed.map_or(0, |placed| placed.decks)),
        ]);
    }
    let zones = if rows.len() > 1 { indented(&rows, Align::Numbers, 2) } else { String::new() };
    Report { errors, warnings, zones }
}
