//! The control socket: a request and a reply, one line of JSON each.
//!
//! Whoever may open the socket may ask. Its folder and mode are for its owner and group.

use std::io::{self, BufRead as _, BufReader, Write as _};
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
    /// To set a switch; the reply is as that to [`Self::Switches`].
    Switch(Setting),
    /// To read the configuration file again.
    Reload,
    /// Accept the feed that was refused because it was older or smaller, or the next such feed.
    FeedAllowOnce,
}

/// A request, and where its reply goes.
pub type Asked = (Request, oneshot::Sender<Result<Value, String>>);

/// Octets of the longest request.
const REQUEST_OCTETS: u64 = 4096;
/// How long a request may take to come in, and its reply to go out.
const PATIENCE: Duration = Duration::from_secs(5);

/// The socket; its file goes when it is dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    listener: UnixListener,
}

impl Socket {
    /// Binds the socket, and makes its folder. A file that a dead process left is replaced.
    ///
    /// # Errors
    /// When it can't be, or a living process answers there.
    pub fn bind(path: &Path) -> Result<Self, String> {
        let error = |cause: io::Error| format!("control socket {}: {cause}", path.display());
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(format!(
                "control socket {}: another edge answers there; stop it, or set control.socket",
                path.display()
            ));
        }
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
        Ok(Self { path: path.to_path_buf(), listener })
    }

    /// Takes requests and hands them on, for ever.
    pub async fn serve(&self, requests: mpsc::Sender<Asked>) {
        loop {
            if let Ok((stream, _)) = self.listener.accept().await {
                let requests = requests.clone();
                tokio::spawn(async move {
                    // Whoever hangs or hangs up gets no reply, and nothing is logged.
                    drop(tokio::time::timeout(PATIENCE, converse(stream, requests)).await);
                });
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

async fn converse(stream: UnixStream, requests: mpsc::Sender<Asked>) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(from.take(REQUEST_OCTETS)).read_line(&mut line).await?;
    let reply = match serde_json::from_str::<Request>(&line) {
        Ok(request) => {
            let (sender, receiver) = oneshot::channel();
            drop(requests.send((request, sender)).await);
            receiver.await.unwrap_or_else(|_gone| Err("the node is stopping".into()))
        }
        Err(error) => Err(format!("not a request: {error}")),
    };
    let reply = match reply {
        Ok(value) => serde_json::json!({ "ok": value }),
        Err(error) => serde_json::json!({ "error": error }),
    };
    to.write_all(format!("{reply}\n").as_bytes()).await
}

/// Asks a node.
///
/// # Errors
/// When no node answers, or it replies with an error.
pub fn ask(path: &Path, request: &Request) -> Result<Value, String> {
    let failed = |cause: &dyn std::fmt::Display| {
        format!(
            "control socket {}: {cause}; is `edge run` running? name its socket by --socket",
            path.display()
        )
    };
    let mut stream =
        std::os::unix::net::UnixStream::connect(path).map_err(|cause| failed(&cause))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|cause| failed(&cause))?;
    let line = serde_json::to_string(request).map_err(|cause| failed(&cause))?;
    stream.write_all(format!("{line}\n").as_bytes()).map_err(|cause| failed(&cause))?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).map_err(|cause| failed(&cause))?;
    let mut reply: Value = serde_json::from_str(&reply).map_err(|cause| failed(&cause))?;
    if let Some(error) = reply.get("error").and_then(Value::as_str) {
        return Err(error.to_owned());
    }
    Ok(reply.get_mut("ok").map(Value::take).unwrap_or_default())
}

#[cfg(test)]
mod tests;
