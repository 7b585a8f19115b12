//! The control socket: a request and a reply, one line of JSON each.
//!
//! Whoever may open the socket may ask. Its folder and mode are for its owner and group.

use std::cell::Cell;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::node::explain::Question;
use edge_tables::live::switches::Setting;

mod client;

pub use client::{AskError, ask, ask_for, stop};

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The state of the node.
    Status,
    /// Why a client gets what it gets.
    Explain(Question),
    /// The time that clients of NTP get, and where it comes from.
    ExplainTime,
    /// In how many answers servers have been.
    Points {
        /// Servers at most: those that have been in most.
        top: usize,
    },
    /// The shares of answers that servers were promised, and those that they had.
    Audit,
    /// The questions that a zone has been asked, and the decks that it answers from.
    Observed {
        /// The zone's name.
        zone: String,
    },
    /// How all switches are.
    Switches,
    /// To set a switch, also over restarts; the reply is as that to [`Self::Switches`].
    Switch(Setting),
    /// To set a switch until the node ends; the reply is as that to [`Self::Switches`].
    SwitchUntilRestart(Setting),
    /// To read the configuration file again.
    Reload,
    /// To end, as SIGTERM does.
    Stop {
        /// Whether XDP stays attached, for a node that starts before the lease ends.
        keep_xdp: bool,
    },
    /// To hand over to the node that asks, see [`handover`](super::handover).
    TakeOver,
    /// Accept the feed that was refused because it was older or smaller, or the next such feed.
    FeedAllowOnce,
    /// To take back what was allowed for the next feed.
    FeedCancelAllowOnce,
    /// To try all sources of the feed again now.
    FeedRetry,
}

impl Request {
    /// Whether it changes the node.
    #[must_use]
    pub const fn changes(&self) -> bool {
        match self {
            Self::Status
            | Self::Explain(_)
            | Self::ExplainTime
            | Self::Points { .. }
            | Self::Audit
            | Self::Observed { .. }
            | Self::Switches => false,
            Self::Switch(_)
            | Self::SwitchUntilRestart(_)
            | Self::Reload
            | Self::Stop { .. }
            | Self::TakeOver
            | Self::FeedAllowOnce
            | Self::FeedCancelAllowOnce
            | Self::FeedRetry => true,
        }
    }
}

/// The connection of a node that wants to take over.
pub type Heir = std::os::unix::net::UnixStream;

/// A request, and where its reply goes.
pub type Asked = (Request, oneshot::Sender<Result<Value, String>>);

/// Octets of the longest request.
const REQUEST_OCTETS: u64 = 4096;
/// How long a request may take to come in, and its reply to go out.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a reply to a request that isn't known begins. Nodes of other versions use it, too.
const NOT_A_REQUEST: &str = "not a request: ";

/// The socket; its file goes when it is dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    listener: UnixListener,
    /// Whether the file is another node's now.
    is_left: Cell<bool>,
}

impl Socket {
    /// Binds the socket, and makes its folder. A file that a dead process left is replaced.
    ///
    /// # Errors
    /// When it can't be, or a living process answers there.
    pub fn bind(path: &Path) -> Result<Self, String> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(format!(
                "control socket {}: another edge answers there; stop it, or set control.socket",
                path.display()
            ));
        }
        Self::bind_file(path)
    }

    /// Binds a socket beside that of the node which is taken over from, until
    /// [`Self::take_place`].
    ///
    /// # Errors
    /// When it can't be.
    pub fn bind_beside(path: &Path) -> Result<Self, String> {
        let mut name = path.as_os_str().to_owned();
        name.push(".next");
        Self::bind_file(Path::new(&name))
    }

    /// Puts the socket in the place of the one that it was bound beside.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn take_place(&mut self, path: &Path) -> Result<(), String> {
        std::fs::rename(&self.path, path)
            .map_err(|cause| format!("control socket {}: {cause}", path.display()))?;
        self.path = path.to_path_buf();
        Ok(())
    }

    /// Leaves the file to the node that took over.
    pub fn leave(&self) {
        self.is_left.set(true);
    }

    fn bind_file(path: &Path) -> Result<Self, String> {
        let error = |cause: io::Error| format!("control socket {}: {cause}", path.display());
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o750).create(folder).map_err(error)?;
        }
        match std::fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(error(cause)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(error)?;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o660)).map_err(error)?;
        Ok(Self { path: path.to_path_buf(), listener, is_left: Cell::new(false) })
    }

    /// Takes requests and hands them on, for ever. Connections of nodes that want to take over go
    /// to `heirs`.
    pub async fn serve(&self, requests: mpsc::Sender<Asked>, heirs: mpsc::Sender<Heir>) {
        loop {
            if let Ok((stream, _)) = self.listener.accept().await {
                let (requests, heirs) = (requests.clone(), heirs.clone());
                tokio::spawn(async move {
                    // Whoever hangs or hangs up gets no reply, and nothing is logged.
                    drop(tokio::time::timeout(PATIENCE, converse(stream, requests, heirs)).await);
                });
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if !self.is_left.get() {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Whether root or the node's own user is at the other end.
fn is_owner(stream: &UnixStream) -> io::Result<bool> {
    let user = stream.peer_cred()?.uid();
    Ok(user == 0 || user == rustix::process::geteuid().as_raw())
}

async fn converse(
    mut stream: UnixStream,
    requests: mpsc::Sender<Asked>,
    heirs: mpsc::Sender<Heir>,
) -> io::Result<()> {
    let mut line = String::new();
    let from = (&mut stream).take(REQUEST_OCTETS);
    tokio::io::BufReader::new(from).read_line(&mut line).await?;
    let reply = match serde_json::from_str::<Request>(&line) {
        Ok(Request::TakeOver | Request::Stop { .. }) if !is_owner(&stream)? => {
            Err("only root and the node's own user may end it or take over".to_owned())
        }
        Ok(Request::TakeOver) => {
            let stream = stream.into_std()?;
            stream.set_nonblocking(false)?;
            drop(heirs.send(stream).await);
            return Ok(());
        }
        Ok(request) => {
            let (sender, receiver) = oneshot::channel();
            drop(requests.send((request, sender)).await);
            receiver.await.unwrap_or_else(|_gone| Err("the node is stopping".into()))
        }
        Err(error) => Err(format!("{NOT_A_REQUEST}{error}")),
    };
    let reply = match reply {
        Ok(value) => serde_json::json!({ "ok": value }),
        Err(error) => serde_json::json!({ "error": error }),
    };
    stream.write_all(format!("{reply}\n").as_bytes()).await
}

#[cfg(test)]
mod tests;
