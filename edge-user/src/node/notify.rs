//! Messages to systemd about the state of the service: `sd_notify(3)`.
//!
//! Without `$NOTIFY_SOCKET` nothing happens: the node runs without systemd, or in a unit that isn't
//! `Type=notify`. A message that can't be sent is logged and is no error: the node serves all the
//! same, and systemd acts on what is missing. Any thread may call these. They wait only while the
//! queue of systemd's socket is full.

use sd_notify::NotifyState;
use tracing::warn;

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

/// A line for `systemctl status`.
pub fn status(text: &str) {
    send(&[NotifyState::Status(text)]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(states) {
        warn!("systemd isn't notified: {cause}");
    }
}
