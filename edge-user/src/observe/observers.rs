//! The observers of the authority's responses: the query log and the popularity of names.

use crate::observe::popularity::Probe;
use crate::observe::query_log::Sender;
use edge_authority::{Asked, Observer};

/// Gives each response to the query log and to the popularity of names.
#[derive(Clone, Debug, Default)]
pub struct Observers {
    /// Where responses are logged.
    pub log: Sender,
    /// Where names are counted.
    pub popularity: Probe,
}

impl Observer for Observers {
    fn answered(&mut self, asked: &Asked, response: &[u8]) {
        self.log.send(asked, response);
        self.popularity.tell(response);
    }

    fn for_thread(&self) -> Box<dyn Observer> {
        Box::new(Self { log: self.log.clone(), popularity: self.popularity.another() })
    }
}
