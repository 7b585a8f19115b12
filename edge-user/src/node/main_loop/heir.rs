//! The hand-over to another node, on a thread of its own.

use std::io;
use std::os::fd::OwnedFd;
use std::thread;

use tokio::sync::oneshot;
use tracing::info;

use super::Node;
use crate::node::control::Heir;
use crate::node::handover::{Estate, HandoverError, hand_over, refuse};
use edge_authority::Authority;

/// A hand-over that goes on: its end comes by this.
pub(super) type Handing = oneshot::Receiver<Result<(), HandoverError>>;

/// Waits for the end of a hand-over; for ever without one.
pub(super) async fn end_of(handing: &mut Option<Handing>) -> Result<(), HandoverError> {
    let ended = match handing {
        Some(handing) => handing.await.ok(),
        None => None,
    };
    match ended {
        Some(ended) => ended,
        None => std::future::pending().await,
    }
}

/// The sockets of DNS and HTTP, for another process.
///
/// # Errors
/// When the system has no more files.
pub(super) fn sockets(authority: &Authority, http: Option<&OwnedFd>) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = authority.sockets()?;
    sockets.extend(http.map(OwnedFd::try_clone).transpose()?);
    Ok(sockets)
}

impl Node {
    /// Hands over to a node, unless another hand-over goes on, which is returned then. The thread
    /// ends with it.
    pub(super) fn hand_over(
        &self,
        heir: Heir,
        authority: &Authority,
        http: Option<&OwnedFd>,
        handing: Option<Handing>,
    ) -> Option<Handing> {
        if handing.is_some() {
            refuse(heir, "another node is taking over");
            return handing;
        }
        let sockets = match sockets(authority, http) {
            Ok(sockets) => sockets,
            Err(cause) => {
                refuse(heir, &cause.to_string());
                return None;
            }
        };
        let lock = self.xdp.as_ref().and_then(|xdp| xdp.pins.share_lock());
        let estate = Estate { lock, sockets };
        let pause = self.xdp.as_ref().map(super::xdp::Xdp::pause);
        let (sender, ended) = oneshot::channel();
        info!("another node begins to take over");
        let work = move || {
            let pause = |is_paused| {
                if let Some(pause) = &pause {
                    pause(is_paused);
                }
            };
            // The loop may have ended meanwhile.
            drop(sender.send(hand_over(heir, estate, pause)));
        };
        match thread::Builder::new().name("hand-over".into()).spawn(work) {
            Ok(_thread) => Some(ended),
            // The connection is closed with the closure.
            Err(_cause) => None,
        }
    }
}
