//! The observers of responses: query log and popularity of names.

use crate::observe::popularity::Probe;
use crate::observe::query_log::Sender;
use edge_authority::{Asked, Observer};

/// Gives each response to the query log and to the popularity of names.
#[derive(Clone, Debug, Default)]
pub struct Observers {
    /// The way to the query log.
    pub log: Sender,
    /// The way to the counts of names.
    pub popularity: Probe,
}

impl Observer for Observers {
    fn answered(&mut self, asked: &Asked, response: &[u8]) {
        self.log.send(asked, response);
        self.popularity.sample(response);
    }

    fn for_thread(&self) -> Box<dyn Observer> {
        Box::new(Self { log: self.log.clone(), popularity: self.popularity.another() })
    }
}
