//! Messages to systemd about the state of the service: `sd_notify(3)`.
//!
//! Without `$NOTIFY_SOCKET` nothing happens: the node runs without systemd, or in a unit that isn't
//! `Type=notify`. A message that can't be sent is logged and is no error: the node serves all the
//! same, and systemd acts on what is missing. Any thread may call these. They wait only while the
//! queue of systemd's socket is full.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use edge_authority::Inherited;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use tracing::warn;

/// Whether systemd is notified: the node is its service.
#[must_use]
pub fn is_service() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// The node serves.
pub fn ready() {
    send(&[NotifyState::Ready]);
}

/// The node reads its configuration again. [`ready`] has to follow, also when the configuration was
/// refused.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(cause) => warn!("systemd isn't notified of the reload: {cause}"),
    }
}

/// The node stops.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// The node is alive. Without this message for `WatchdogSec=`, systemd ends the process and starts
/// it again.
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// The name under which systemd keeps the sockets.
const NAME: &str = "edge";

/// Gives systemd the sockets, in place of those that it has. It keeps them while it starts the
/// service again, if the unit has `FileDescriptorStoreMax=`.
pub fn store(sockets: &[OwnedFd]) {
    let sockets: Vec<BorrowedFd<'_>> = sockets.iter().map(OwnedFd::as_fd).collect();
    send(&[NotifyState::FdStoreRemove, NotifyState::FdName(NAME)]);
    let states = [NotifyState::FdStore, NotifyState::FdName(NAME)];
    // The kernel takes 253 in a message at most.
    for some in sockets.chunks(128) {
        if let Err(cause) = sd_notify::notify_with_fds(&states, some) {
            warn!("systemd doesn't keep the sockets: {cause}");
        }
    }
}

/// The sockets that systemd kept.
#[must_use]
pub fn kept() -> Inherited {
    let mut all = ListenFd::from_env();
    let mut kept = Vec::new();
    for n in 0..all.len() {
        if let Ok(Some(socket)) = all.take_udp_socket(n) {
            kept.push(OwnedFd::from(socket));
        } else if let Ok(Some(socket)) = all.take_tcp_listener(n) {
            kept.push(socket.into());
        }
    }
    Inherited::new(kept)
}

/// A line for `systemctl status`.
pub fn status(text: &str) {
    send(&[NotifyState::Status(text)]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(states) {
        warn!("systemd isn't notified: {cause}");
    }
}
