//! chrony's report on its own clock, by its program `chronyc`.
//!
//! It is asked every 16 seconds, only for `edge explain-time` and metrics. chrony's command
//! protocol is described only by the source of a GPL program. `chronyc` speaks it, and its report
//! is documented in chronyc(1). Nothing that clients receive depends on it. The program may hang,
//! fail or print anything: it is waited for as long as [`PATIENCE`] and read as far as [`MOST`], on
//! a thread where nothing else waits for it.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::View;
use super::tracking::{Fault, MOST, PATIENCE, Tracking};
use crate::settings::{self as config, Ntp};

/// How often chrony is asked.
const PERIOD: Duration = Duration::from_secs(16);
/// From one look at whether it has ended to the next.
const MOMENT: Duration = Duration::from_millis(5);

/// The client that asks chrony, by its program.
#[derive(Clone, Debug)]
pub struct Chronyc {
    program: OsString,
    /// Whether it is no fault that there is no such program.
    optional: bool,
    socket: PathBuf,
    patience: Duration,
}

impl Chronyc {
    /// A client by configuration; `None` if chrony isn't to be asked.
    #[must_use]
    pub fn new(config: &Ntp) -> Option<Self> {
        let (program, optional) = match &config.chronyc {
            config::Chronyc::Off => return None,
            config::Chronyc::Auto => ("chronyc".into(), true),
            config::Chronyc::At(path) => (path.into(), false),
        };
        let socket = config.chrony_socket.clone();
        Some(Self { program, optional, socket, patience: PATIENCE })
    }

    /// Asks until it is dropped; what comes of it can be seen in `view`.
    pub async fn run(self, view: View) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let _ = ticks.tick().await;
            view.track(self.ask().await);
        }
    }

    /// Asks once; nothing where there is no chrony.
    async fn ask(&self) -> Option<Result<Tracking, Fault>> {
        // Who may not look whether it is there asks: chronyc has another way.
        if self.socket.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return None;
        }
        let child = match self.command().spawn() {
            Err(error) if self.optional && error.kind() == ErrorKind::NotFound => return None,
            Err(error) => return Some(Err(error.into())),
            Ok(child) => Running(child),
        };
        Some(timeout(self.patience, child.report()).await.unwrap_or(Err(Fault::Slow)))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // At the loopback address anybody may ask, at the socket root and chrony's user.
        let mut hosts = self.socket.clone().into_os_string();
        hosts.push(",127.0.0.1");
        command.arg("-h").arg(hosts).args(["-c", "-n", "tracking"]).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

/// Ends with this, whatever it does.
struct Running(Child);

impl Running {
    async fn report(mut self) -> Result<Tracking, Fault> {
        let pipe = self.0.stdout.take().ok_or(Fault::Foreign)?;
        let mut octets = Vec::new();
        let most = u64::try_from(MOST).unwrap_or(u64::MAX);
        let pipe = Receiver::from_owned_fd(pipe.into())?;
        let _octets = pipe.take(most + 1).read_to_end(&mut octets).await?;
        if octets.len() > MOST {
            return Err(Fault::Long);
        }
        // It has nothing more to print, and ends about now.
        let status = loop {
            match self.0.try_wait()? {
                Some(status) => break status,
                None => sleep(MOMENT).await,
            }
        };
        if !status.success() {
            return Err(Fault::Failed(status.to_string()));
        }
        str::from_utf8(&octets).ok().and_then(Tracking::read).ok_or(Fault::Foreign)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Neither does anything to one that has ended and been waited for.
        self.0.kill().unwrap_or_default();
        drop(self.0.wait());
    }
}

#[cfg(test)]
mod tests;
