//! The NTP service: the threads `clock` and `chronyc`.
//!
//! `clock` keeps the clock that packets read. It has a runtime of its own: the node's loop doesn't
//! delay it, and it delays nothing. `chronyc` starts a program every 16 s, which may take long.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};

use anyhow::Context as _;
use tokio::sync::oneshot;
use tracing::{error, warn};

use crate::ntp::chronyc::Chronyc;
use crate::ntp::published::{Barrier, Published};
use crate::ntp::report::Report;
use crate::ntp::{Clock, NtpStatus, View};
use crate::settings::{Foreign, Ntp};
use edge_tables::store::Store;

/// The clock while it runs; it ends with this.
#[derive(Debug)]
pub(super) struct NtpService {
    view: View,
    listen: Vec<SocketAddr>,
    /// Why it has stopped.
    error: Arc<OnceLock<String>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// The task that asks chrony ends when this is dropped.
    tracking: Option<oneshot::Sender<()>>,
}

impl NtpService {
    /// Starts the thread. Until the daemon has answered, no clock is published, and requests pass
    /// to it.
    ///
    /// # Errors
    /// When the system gives no thread, or nothing to wait with.
    pub(super) fn start(config: &Ntp, store: Store, barrier: Barrier) -> anyhow::Result<Self> {
        let clock = Clock::new(config);
        let view = clock.view();
        let publish = Published::new(store, barrier, config.control == Foreign::Pass);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let error = Arc::new(OnceLock::new());
        let report = Arc::clone(&error);
        let run = move || {
            // Whatever ends it, what it published ends with it.
            let ended = runtime.block_on(async {
                tokio::select! {
                    ended = clock.run(publish) => ended,
                    _ = stopped => Ok(()),
                }
            });
            if let Err(cause) = ended {
                let text = format!("ntp: {cause}; no time is served until the node is restarted");
                error!("{text}");
                report.get_or_init(|| text);
            }
        };
        let thread = Builder::new().name("clock".into()).spawn(run);
        let thread = Some(thread.context("start the clock's thread")?);
        let listen = config.listen.clone();
        let tracking = Chronyc::new(config).and_then(|chronyc| {
            let tracking = track(chronyc, view.clone());
            tracking.inspect_err(|cause| warn!("chrony's tracking isn't read: {cause}")).ok()
        });
        Ok(Self { view, listen, error, stop: Some(stop), thread, tracking })
    }

    /// The status, for any thread.
    pub(super) const fn view(&self) -> &View {
        &self.view
    }

    /// The report: what clients get, and where it comes from.
    pub(super) fn report(&self) -> Report {
        self.view.report()
    }

    /// The same in short, without counters.
    pub(super) fn status(&self) -> NtpStatus {
        let listen = self.listen.iter().map(ToString::to_string).collect();
        NtpStatus { enabled: true, listen, ..NtpStatus::from(&self.report()) }
    }

    /// Why it has stopped, if it has.
    pub(super) fn error(&self) -> Option<String> {
        self.error.get().cloned()
    }
}

/// Asks chrony until what is returned is dropped.
fn track(chronyc: Chronyc, view: View) -> io::Result<oneshot::Sender<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let run = move || {
        runtime.block_on(async {
            tokio::select! {
                () = chronyc.run(view) => {}
                // By a message or by the end of who would send it.
                _ = stopped => {}
            }
        });
    };
    let _thread = Builder::new().name("chronyc".into()).spawn(run)?;
    Ok(stop)
}

impl Drop for NtpService {
    fn drop(&mut self) {
        // It isn't waited for: a program that can't be started or ended mustn't hold up the node.
        drop(self.tracking.take());
        if let Some(stop) = self.stop.take() {
            // It may have stopped by itself.
            stop.send(()).unwrap_or_default();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the clock's thread panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::{Duration, Instant};

    use super::NtpService;
    use crate::settings::Ntp;
    use edge_common::tables::Tables as _;
    use edge_tables::store::{HostTables, Store};

    #[test]
    fn the_clock_runs_beside_its_node_and_takes_its_time_away_at_the_end() {
        // Somebody has the port and sends nothing.
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let source = silent.local_addr().unwrap();
        let listen = vec!["192.0.2.1:123".parse().unwrap()];
        let config = Ntp { enabled: true, source, listen, ..Ntp::default() };
        let store = Store::in_memory();
        let tables = HostTables::new(store.clone(), 1, true);
        let time = NtpService::start(&config, store, Box::new(|| Ok(()))).unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while tables.clock().is_none() {
            assert!(Instant::now() < end, "nothing was published: {:?}", time.report());
            std::thread::yield_now();
        }
        let status = time.status();
        assert!(status.enabled && !status.synchronised);
        assert_eq!((&*status.service, &*status.listen[0]), ("pass", "192.0.2.1:123"));
        assert_eq!(time.error(), None);
        drop(time);
        assert!(tables.clock().is_none());
    }
}
