//! The controller's access to the counts of the tables.
//!
//! They are the answers by who gave them, and the questions that a zone has been asked.

use std::collections::BTreeSet;

use super::Controller;
use crate::node::preview::ServedZone;
use edge_tables::answer_counts::AnswerCounts;
use edge_zone::Name;
use edge_zone::name::bare;

impl Controller {
    /// The counts of the answers.
    #[must_use]
    pub fn answer_counts(&self) -> AnswerCounts {
        self.publisher.answer_counts()
    }

    /// What a zone has been asked, and what it answers from.
    ///
    /// # Errors
    /// When no such zone is in the tables, or its answers aren't counted.
    pub fn observed(&mut self, zone: &str) -> Result<ServedZone, String> {
        let apex = Name::parse(zone).map_err(|error| format!("{zone}: {error}"))?;
        let Some(ready) = self.ready.get(apex.folded()) else {
            let served = self.ready.values().map(|ready| bare(&ready.zone.apex));
            let served: BTreeSet<String> = served.collect();
            let served = served.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("zone {zone} isn't served; served are: {served}"));
        };
        let observed = self
            .publisher
            .observed(&apex)
            .ok_or_else(|| format!("zone {zone}: its answers aren't counted; see `edge status`"))?;
        Ok(ServedZone::new(&ready.zone, &observed))
    }
}
