//! A NATS server in a namespace of its own, with a store that outlives it.
//!
//! It can be started and killed, and reports the state of its stream.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::{EACH, PATIENCE, STREAM, plug};
use crate::netns::{Namespace, find};

/// How long it may take to say how it is.
const ANSWER: Duration = Duration::from_secs(1);

/// A server, running or not.
#[derive(Debug)]
pub struct NatsServer {
    number: u8,
    namespace: Namespace,
    folder: PathBuf,
    child: Mutex<Option<Child>>,
}

impl NatsServer {
    /// Its namespace and configuration.
    pub(super) fn new(number: u8, hub: &Namespace, parent: &Path) -> Self {
        let namespace = Namespace::new("nats");
        let address = |n: u8| format!("10.54.0.{}", n + 1);
        plug(hub, &namespace, &format!("nats{number}"), &address(number));
        let folder = parent.join(format!("nats{number}"));
        std::fs::create_dir(&folder).expect("a new folder");
        let own = address(number);
        let routes: Vec<String> =
            (0..EACH).map(|n| format!("nats://{}:6222", address(n))).collect();
        let config = format!(
            "server_name: nats{number}\nlisten: \"{own}:4222\"\nhttp: \"{own}:8222\"\n\
             jetstream {{ store_dir: \"{}/store\" }}\n\
             cluster {{ name: fleet, listen: \"{own}:6222\", routes: {routes:?} }}\n",
            folder.display()
        );
        std::fs::write(folder.join("nats.conf"), config).expect("write");
        Self { number, namespace, folder, child: Mutex::default() }
    }

    /// What it calls itself.
    #[must_use]
    pub fn name(&self) -> String {
        format!("nats{}", self.number)
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 54, 0, self.number + 1], port))
    }

    pub(super) fn url(&self) -> String {
        format!("nats://{}", self.address(4222))
    }

    /// Starts it.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn run(&self) {
        let log = std::fs::File::create(self.folder.join("log")).expect("a log");
        // Should we end without tidying up, it ends, too.
        let mut command = self.namespace.command("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(find("nats-server"));
        command.arg("-c").arg(self.folder.join("nats.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        *self.child() = Some(spawn(&mut command));
        super::until(&format!("{} listens", self.name()), || {
            let address = self.address(4222);
            self.namespace.enter(|| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
        });
    }

    /// Kills it without a warning.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// What it says of the stream: asked over its port for monitoring, from where we are.
    pub(super) fn stream(&self) -> Option<Value> {
        let mut stream = TcpStream::connect_timeout(&self.address(8222), ANSWER).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        stream.write_all(b"GET /jsz?streams=true HTTP/1.0\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (_, body) = text.split_once("\r\n\r\n")?;
        let status: Value = serde_json::from_str(body).ok()?;
        let accounts = status["account_details"].as_array()?;
        let mut streams = accounts.iter().filter_map(|account| account["stream_detail"].as_array());
        streams.find_map(|all| all.iter().find(|stream| stream["name"] == STREAM)).cloned()
    }
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}
