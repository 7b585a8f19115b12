//! State of a NATS connection, shared between the connection and those who report it.

use tokio::sync::watch;

/// How a connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether there is one now.
    pub connected: bool,
    /// How often there has been one: each is another.
    pub connections: u64,
    /// What was last wrong with it, if there is none.
    pub error: Option<String>,
}

/// A connection's state, shared with it.
#[derive(Clone, Debug)]
pub struct Link(pub(super) watch::Receiver<LinkState>);

impl Link {
    /// The state now.
    #[must_use]
    pub fn read(&self) -> LinkState {
        self.0.borrow().clone()
    }

    /// Waits until there is another connection than that one.
    pub(crate) async fn connected_after(&mut self, connections: u64) {
        let is_another = |state: &LinkState| state.connected && state.connections != connections;
        if self.0.wait_for(is_another).await.is_err() {
            // The connection is gone for good, and so is whoever waits.
            std::future::pending::<()>().await;
        }
    }
}
