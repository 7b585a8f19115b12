//! The hand-over to another node, on a thread of its own.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::oneshot;
use tracing::info;

use super::Node;
use crate::node::control::Heir;
use crate::node::handover::{Estate, HandoverError, hand_over, refuse};
use crate::node::notify;
use edge_authority::Authority;

/// A hand-over that goes on.
pub(super) struct Handing {
    ended: oneshot::Receiver<Result<(), HandoverError>>,
    /// Whether the other node attaches its program: this one has to wait for the end.
    is_attaching: Arc<AtomicBool>,
}

impl Handing {
    pub(super) fn is_attaching(&self) -> bool {
        self.is_attaching.load(Ordering::Relaxed)
    }
}

/// Waits for the end of a hand-over; for ever without one.
pub(super) async fn end_of(handing: &mut Option<Handing>) -> Result<(), HandoverError> {
    let ended = match handing {
        Some(handing) => (&mut handing.ended).await.ok(),
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
        if notify::is_service() {
            refuse(heir, "systemd runs it, and would start it again; use `systemctl restart`");
            return None;
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
        let is_attaching = Arc::new(AtomicBool::new(false));
        let attaching = Arc::clone(&is_attaching);
        info!("another node begins to take over");
        let work = move || {
            let pause = |is_paused| {
                attaching.store(is_paused, Ordering::Relaxed);
                if let Some(pause) = &pause {
                    pause(is_paused);
                }
            };
            // The loop may have ended meanwhile.
            drop(sender.send(hand_over(heir, estate, pause)));
        };
        match thread::Builder::new().name("hand-over".into()).spawn(work) {
            Ok(_thread) => Some(Handing { ended, is_attaching }),
            // The connection is closed with the closure.
            Err(_cause) => None,
        }
    }
}
