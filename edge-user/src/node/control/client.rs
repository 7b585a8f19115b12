//! The client of the control socket, for the commands.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Group, Uid, User};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{NOT_A_REQUEST, PATIENCE, Request};

/// Why a node gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error(
        "control socket {}: no node answers there ({cause}); is `edge run` running? name its \
         socket by --socket, or its configuration by --config",
        path.display()
    )]
    NoNode {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The socket, or the folder that it is in, is not for this user.
    #[error("control socket {}: not permitted: {whose}", path.display())]
    NotPermitted {
        /// The socket.
        path: PathBuf,
        /// Whose it is, and how to become one of them.
        whose: String,
    },
    /// The node took the request, and didn't answer in time.
    #[error(
        "control socket {}: no answer within {} s: the node is busy, or hangs; look at its log, \
         and try again",
        path.display(),
        PATIENCE.as_secs()
    )]
    NoAnswer {
        /// The socket.
        path: PathBuf,
    },
    /// The node closed the connection.
    #[error(
        "control socket {}: the node closed the connection without an answer; it is stopping, or \
         has failed: look at its log",
        path.display()
    )]
    HungUp {
        /// The socket.
        path: PathBuf,
    },
    /// The node said that it stops, and didn't.
    #[error(
        "control socket {}: the node has not ended after {} s; look at its log",
        path.display(),
        END.as_secs()
    )]
    Alive {
        /// The socket.
        path: PathBuf,
    },
    /// One side doesn't know what the other sends.
    #[error(
        "control socket {}: another version's node is there: {cause}; use the `edge` that it was \
         started from, or restart it",
        path.display()
    )]
    OtherVersion {
        /// The socket.
        path: PathBuf,
        /// What isn't understood.
        cause: String,
    },
    /// The socket fails.
    #[error("control socket {}: {cause}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The node answers with an error.
    #[error("{0}")]
    Refused(String),
}

/// Asks a node, and reads its reply.
///
/// # Errors
/// As [`ask`], and when the reply isn't as this program knows it.
pub fn ask_for<T: DeserializeOwned>(path: &Path, request: &Request) -> Result<T, AskError> {
    let reply = ask(path, request)?;
    serde_json::from_value(reply).map_err(|cause| AskError::OtherVersion {
        path: path.to_path_buf(),
        cause: format!("its reply isn't understood ({cause})"),
    })
}

/// Asks a node.
///
/// # Errors
/// When no node answers, or it replies with an error.
pub fn ask(path: &Path, request: &Request) -> Result<Value, AskError> {
    let start = Instant::now();
    let failed = |cause: io::Error| failure(path, cause);
    let other = |cause: String| AskError::OtherVersion { path: path.to_path_buf(), cause };
    let mut stream = UnixStream::connect(path).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    let line = serde_json::to_string(request).map_err(|cause| failed(cause.into()))?;
    stream.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
    let mut reply = String::new();
    if BufReader::new(stream).read_line(&mut reply).map_err(failed)? == 0 {
        // The node gives up as soon as this side does.
        let is_late = start.elapsed().as_secs_f64() > PATIENCE.as_secs_f64() - 0.5;
        let path = path.to_path_buf();
        return Err(if is_late { AskError::NoAnswer { path } } else { AskError::HungUp { path } });
    }
    let mut reply: Value = serde_json::from_str(&reply)
        .map_err(|cause| other(format!("its reply isn't understood ({cause})")))?;
    if let Some(error) = reply.get("error").and_then(Value::as_str) {
        return Err(match error.strip_prefix(NOT_A_REQUEST) {
            Some(cause) => other(format!("it doesn't know this request ({cause})")),
            None => AskError::Refused(error.to_owned()),
        });
    }
    match reply.get_mut("ok") {
        Some(value) => Ok(value.take()),
        None => Err(other("its reply has neither a value nor an error".to_owned())),
    }
}

/// How long a node may take to end, and how often it is looked whether it has.
const END: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// Stops a node and waits until it is gone. With `keep_xdp` it leaves XDP attached.
///
/// # Errors
/// When no node answers, or it isn't gone after half a minute.
pub fn stop(path: &Path, keep_xdp: bool) -> Result<(), AskError> {
    drop(ask(path, &Request::Stop { keep_xdp })?);
    let end = Instant::now() + END;
    while UnixStream::connect(path).is_ok() {
        if Instant::now() > end {
            return Err(AskError::Alive { path: path.to_path_buf() });
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// What an error of the socket means.
fn failure(path: &Path, cause: io::Error) -> AskError {
    let at = path;
    let path = path.to_path_buf();
    match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            AskError::NoNode { path, cause }
        }
        io::ErrorKind::PermissionDenied => AskError::NotPermitted { path, whose: whose(at) },
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => AskError::NoAnswer { path },
        // The node has gone between the connection and the request, or the reply.
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => AskError::HungUp { path },
        _ => AskError::Socket { path, cause },
    }
}

/// Who may open a socket. Where its folder is closed, too, the folder is looked at: a node makes
/// both for the same user and group.
fn whose(path: &Path) -> String {
    let found = path.ancestors().find_map(|place| place.metadata().ok());
    let Some(found) = found else { return "run this as root".to_owned() };
    let user = User::from_uid(Uid::from_raw(found.uid())).ok().flatten();
    let user = user.map_or_else(|| found.uid().to_string(), |user| user.name);
    let group = Group::from_gid(Gid::from_raw(found.gid())).ok().flatten();
    let group = group.map_or_else(|| found.gid().to_string(), |group| group.name);
    format!(
        "it is for the user {user} and the group {group}; run this as root, or join the group: \
         `usermod -aG {group} USER`, then log in again"
    )
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use super::{AskError, ask, ask_for, failure};
    use crate::node::control::Request;
    use crate::node::switch_table::SwitchTable;

    /// Asks a node that sends this reply, and closes the connection.
    fn answered(reply: &'static str) -> Result<SwitchTable, AskError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let node = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            BufReader::new(&stream).read_line(&mut String::new()).unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
        });
        let answer = ask_for(&path, &Request::Switches);
        node.join().unwrap();
        answer
    }

    #[test]
    fn a_node_of_another_version_is_named_as_such() {
        for (reply, cause) in [
            (
                "{\"error\":\"not a request: unknown variant `switches`\"}\n",
                "doesn't know this request (unknown",
            ),
            ("{\"ok\":{\"drain\":true}}\n", "its reply isn't understood (missing field"),
            ("panel: none\n", "its reply isn't understood (expected"),
            ("{}\n", "neither a value nor an error"),
        ] {
            let error = answered(reply).unwrap_err();
            assert!(matches!(error, AskError::OtherVersion { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.contains("another version's node is there: "), "{text}");
            assert!(text.contains(cause), "{text}");
        }
        let error = answered("{\"error\":\"no zone a is loaded\"}\n").unwrap_err();
        assert_eq!(error.to_string(), "no zone a is loaded");
        let error = answered("").unwrap_err();
        assert!(matches!(error, AskError::HungUp { .. }), "{error:?}");
    }

    #[test]
    fn a_socket_that_nobody_listens_on_has_no_node() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.sock");
        let missing = ask(&path, &Request::Switches).unwrap_err();
        drop(UnixListener::bind(&path).unwrap());
        let left = ask(&path, &Request::Switches).unwrap_err();
        for error in [missing, left] {
            assert!(matches!(error, AskError::NoNode { .. }), "{error:?}");
            let place = format!("control socket {}: no node answers there", path.display());
            assert!(error.to_string().starts_with(&place), "{error}");
        }
    }

    #[test]
    fn a_node_that_is_silent_is_waited_for_five_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.sock");
        let _silent = UnixListener::bind(&path).unwrap();
        let error = ask(&path, &Request::Switches).unwrap_err();
        assert!(matches!(error, AskError::NoAnswer { .. }), "{error:?}");
        assert!(error.to_string().contains("no answer within 5 s"), "{error}");
    }

    #[test]
    fn the_error_for_a_closed_socket_names_user_and_group() {
        // Root may open anything: the error is made by hand.
        let denied = || std::io::ErrorKind::PermissionDenied.into();
        let text = failure(Path::new("/proc/edge/edge.sock"), denied()).to_string();
        let whose = "not permitted: it is for the user root and the group root; run this as root, \
                     or join the group: `usermod -aG root USER`";
        assert!(text.contains(whose), "{text}");
    }
}
