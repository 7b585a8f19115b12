//! A node of the fleet in namespaces of its own.
//!
//! It is `edge` with the cluster as its feed, attached to the interface towards the clients.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edge_user::node::control::{Request, ask};
use rustix::process::Signal;
use serde_json::Value;

use super::{BUCKET, STREAM, address, plug};
use crate::geoip::country_mmdb;
use crate::netns::{Bpffs, COUNTRIES, Mounts, Namespace, Process, program, unique};
use crate::threads::threads;

/// How long a client waits for a reply.
const REPLY: Duration = Duration::from_secs(2);

/// The program that is a node, and the words before the path of its configuration.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The program.
    pub program: PathBuf,
    /// The words.
    pub words: Vec<&'static str>,
}

impl Default for Edge {
    /// `edge run`.
    fn default() -> Self {
        Self { program: program(), words: vec!["run", "--config"] }
    }
}

/// A node, running or not.
pub struct Node {
    number: u8,
    edge: Edge,
    namespace: Namespace,
    folder: PathBuf,
    process: Mutex<Option<Process>>,
    // Pins outlive a process that is killed.
    mounts: Mounts,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let log = self.process().as_ref().map(Process::log).unwrap_or_default();
        write!(out, "node {} (its log: {log:#?})", self.number)
    }
}

impl Node {
    /// Its namespace, configuration and database.
    pub(super) fn new(
        number: u8,
        edge: Edge,
        hub: &Namespace,
        client: &Namespace,
        folder: PathBuf,
        urls: &[String],
    ) -> Self {
        let namespace = Namespace::new("node");
        plug(hub, &namespace, &format!("node{number}"), &address(number).to_string());
        namespace.run(&format!(
            "ip link add srv type veth peer name cli{number} netns {}",
            client.name()
        ));
        namespace.run(&format!("ip address add 10.53.{number}.1/24 dev srv"));
        namespace.run("ip link set srv up");
        client.run(&format!("ip address add 10.53.{number}.2/24 dev cli{number}"));
        client.run(&format!("ip link set cli{number} up"));
        for folder in [folder.clone(), folder.join("zones"), folder.join("geoip")] {
            std::fs::create_dir(folder).expect("a new folder");
        }
        let database = country_mmdb(&COUNTRIES);
        std::fs::write(folder.join("geoip/GeoLite2-Country.mmdb"), database).expect("write");
        let instance = unique("pins");
        let config = format!(
            "[dns]\nlisten = [\"10.53.{number}.1\"]\nserver_id = \"node{number}\"\nworkers = 1\n\
             [xdp]\ninterfaces = [\"srv\"]\nmode = \"native\"\ninstance = {instance:?}\n\
             [feed]\nstate = \"state\"\n\
             [feed.nats]\nservers = {urls:?}\nbucket = {BUCKET:?}\nstream = {STREAM:?}\nreplicas = 3\n\
             [fleet]\n\
             [control]\nsocket = \"edge.sock\"\n"
        );
        std::fs::write(folder.join("edge.toml"), config).expect("write");
        let mounts = Mounts::new(Bpffs::System);
        Self { number, edge, namespace, folder, process: Mutex::default(), mounts }
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it, and waits until it serves.
    pub fn start(&self) {
        // Should we end without tidying up, it ends, too.
        let mut command = self.mounts.command(&self.namespace, "setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(&self.edge.program).args(&self.edge.words);
        let process = Process::start(command.arg(self.folder.join("edge.toml")));
        let _ready = process.wait_for("ready");
        *self.process() = Some(process);
    }

    /// Kills it, so that it has no time to keep anything.
    pub fn kill(&self) {
        drop(self.process().take());
    }

    /// Stops it as an operator does.
    ///
    /// # Panics
    /// When it doesn't run, or doesn't end well.
    pub fn stop(&self) {
        let process = self.process().take().expect("it runs");
        process.signal(Signal::TERM);
        let (status, log) = process.end();
        assert!(status.success(), "{status}: {log:#?}");
    }

    /// Puts all of it to sleep, or wakes it.
    ///
    /// # Panics
    /// When it doesn't run.
    pub fn sleep(&self, is_asleep: bool) {
        let signal = if is_asleep { Signal::STOP } else { Signal::CONT };
        self.process().as_ref().expect("it runs").signal(signal);
    }

    /// What `edge status --json` says, if it answers.
    #[must_use]
    pub fn status(&self) -> Option<Value> {
        ask(&self.folder.join("edge.sock"), &Request::Status).ok()
    }

    /// Nanoseconds that it was on the CPU since it started.
    #[must_use]
    pub fn cpu(&self) -> u64 {
        let Some(id) = self.process().as_ref().map(Process::id) else { return 0 };
        threads(id).iter().map(|thread| thread.nanoseconds).sum()
    }

    /// A client's socket.
    pub(super) fn socket(&self, client: &Namespace) -> UdpSocket {
        let end = |host| SocketAddr::from((Ipv4Addr::new(10, 53, self.number, host), 0));
        // A socket stays in the namespace in which it was made.
        client.enter(|| {
            let socket = UdpSocket::bind(end(2)).expect("the client's address");
            socket.connect((end(1).ip(), 53)).expect("connect");
            socket.set_read_timeout(Some(REPLY)).expect("a timeout");
            socket
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
