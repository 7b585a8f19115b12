//! A feed's zones come in, checked already; they are served beside those of the directory.

use std::sync::Arc;

use super::{Controller, Refresh};
use edge_zone::{Name, Zone};

/// What a feed says of a zone.
#[derive(Clone, Debug)]
pub enum Fed {
    /// It is like this from now on.
    Zone(Arc<Zone>),
    /// It is gone.
    Gone(Name),
}

impl Controller {
    /// Takes over what a feed says, without publishing it: before the first publication.
    pub fn take_fed(&mut self, fed: impl IntoIterator<Item = Fed>) {
        for fed in fed {
            match fed {
                Fed::Zone(zone) => self.catalogue.feed(zone),
                Fed::Gone(apex) => self.catalogue.forget(&apex),
            }
        }
    }

    /// Takes over what a feed says, and publishes if that changes what is to be served. A zone that is like the former
    /// one but for addresses and weights costs its decks alone.
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
