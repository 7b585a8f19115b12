//! The controller's part for a feed's zones.
//!
//! The zones are checked already. They are served beside those of the directory.

use std::sync::Arc;

use super::{Controller, Refresh};
use edge_zone::{Name, Zone};

/// A feed's change of a zone.
#[derive(Clone, Debug)]
pub enum Fed {
    /// It is like this from now on.
    Zone(Arc<Zone>),
    /// It is gone.
    Gone(Name),
}

impl Controller {
    /// Takes over a feed's changes without publishing them: before the first publication.
    pub fn take_fed(&mut self, fed: impl IntoIterator<Item = Fed>) {
        for fed in fed {
            match fed {
                Fed::Zone(zone) => self.zone_files.feed(zone),
                Fed::Gone(apex) => self.zone_files.forget(&apex),
            }
        }
    }

    /// Takes over a feed's changes, and publishes if they change what is served. A zone that
    /// differs from the former one only in addresses and weights costs only its decks.
    ///
    /// # Errors
    /// When the kernel refuses; then the former generation goes on being served.
    pub fn feed(&mut self, fed: impl IntoIterator<Item = Fed>) -> anyhow::Result<Refresh> {
        let mut refresh = Refresh::default();
        self.take_fed(fed);
        if self.judge(&mut refresh) {
            self.publish(&mut refresh)?;
        }
        Ok(refresh)
    }

    /// Publications so far that took no generation.
    #[must_use]
    pub const fn amended(&self) -> u64 {
        self.publisher.amended()
    }
}
