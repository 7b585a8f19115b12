//! State of a NATS connection, shared between the connection and its readers.

use tokio::sync::watch;

/// State of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether there is a connection now.
    pub connected: bool,
    /// How many connections there have been so far.
    pub connections: u64,
    /// The last error, while there is no connection.
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

    /// Waits for another connection than that one.
    pub(crate) async fn connected_after(&mut self, connections: u64) {
        let is_another = |state: &LinkState| state.connected && state.connections != connections;
        if self.0.wait_for(is_another).await.is_err() {
            // The connection has ended, and so has its user.
            std::future::pending::<()>().await;
        }
    }
}
