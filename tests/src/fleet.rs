//! A fleet: a scorer, three NATS servers and three nodes, in namespaces.
//!
//! Clients ask every node all the time, while a story of faults is played.
//!
//! ```text
//! outside (the scorer) ─┐                     ┌─ nats0 nats1 nats2
//!                       ├─ hub (a bridge) ────┤
//!                       │   10.54.0.0/24      └─ node0 node1 node2: edge, XDP on srv
//!                       │                            │10.53.N.1
//!                       └──                   client: cli0 cli1 cli2, 10.53.N.2
//! ```

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use edge_feed::Snapshot;
use edge_feed::source::DocumentKind;
use edge_feed::source::nats::{Nats, NatsConfig, Retention};
use edge_kernel::FarEnd;
use serde_json::Value;
use tempfile::TempDir;

use crate::netns::Namespace;

mod asking;
mod end;
mod nats_server;
mod node;
mod scorer;
mod story;

pub use asking::{Asked, Change};
pub use nats_server::NatsServer;
pub use node::{Edge, Node};
pub use scorer::{MARK, ORIGIN, Scorer};
pub use story::{Mark, Outcome, Story};

/// Servers of NATS, and nodes.
pub const EACH: u8 = 3;
/// The bucket with all servers, the stream of changes and its subject.
const BUCKET: &str = "scorer";
/// All nodes.
pub const ALL: [u8; 3] = [0, 1, 2];
const STREAM: &str = "SCORES";
const SUBJECT: &str = "scores";
/// All three servers hold everything.
const KEEP: Retention = Retention { replicas: 3, age: Duration::from_secs(3600), octets: 1 << 30 };
/// How long anything may take that is waited for. It ought to be seconds.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// All of it, running.
#[derive(Debug)]
pub struct Fleet {
    hub: Namespace,
    outside: Namespace,
    /// The NATS servers.
    pub servers: Vec<NatsServer>,
    /// The nodes.
    pub nodes: Vec<Node>,
    client: Namespace,
    // They go before the client's namespace does.
    far_ends: Vec<FarEnd>,
    folder: TempDir,
}

impl Fleet {
    /// Three servers with a snapshot, and three nodes that serve it.
    ///
    /// # Panics
    /// When they don't within [`PATIENCE`].
    #[must_use]
    pub fn start(edge: Edge, snapshot: &Snapshot) -> Self {
        let folder = tempfile::Builder::new().prefix("edge-test-").tempdir().expect("a folder");
        let [hub, outside, client] = ["hub", "outside", "client"].map(Namespace::new);
        hub.run("ip link add br0 type bridge");
        hub.run("ip link set br0 up");
        plug(&hub, &outside, "outside", "10.54.0.100");
        let servers = (0..EACH).map(|n| NatsServer::new(n, &hub, folder.path())).collect();
        let mut fleet =
            Self { hub, outside, servers, nodes: Vec::new(), client, far_ends: Vec::new(), folder };
        fleet.servers.iter().for_each(NatsServer::run);
        fleet.outside(|| publish_snapshot(&fleet.urls(), snapshot));
        for n in 0..EACH {
            let (folder, urls) = (fleet.folder.path().join(format!("node{n}")), fleet.urls());
            let node = Node::new(n, edge.clone(), &fleet.hub, &fleet.client, folder, &urls);
            let name = format!("cli{n}");
            let far_end = || FarEnd::attach(&name).expect("attach to the far end");
            fleet.far_ends.push(fleet.client.enter(far_end));
            fleet.nodes.push(node);
        }
        fleet.nodes.iter().for_each(Node::start);
        for node in &fleet.nodes {
            until(&format!("{node:?} serves"), || {
                let status = node.status().unwrap_or_default();
                let mut zones = status["zones"].as_array().into_iter().flatten();
                zones.any(|zone| zone["name"] == ORIGIN && zone["in_xdp"] == true)
            });
        }
        fleet
    }

    /// The servers' addresses.
    fn urls(&self) -> Vec<String> {
        self.servers.iter().map(NatsServer::url).collect()
    }

    /// Does some work where the scorer is.
    fn outside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.outside.enter(work)
    }

    /// Which server leads the stream, if all of them that run have all of it.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        let all: Vec<Value> =
            self.servers.iter().filter_map(|server| self.outside(|| server.stream())).collect();
        let leader = all.iter().find_map(|stream| {
            let cluster = &stream["cluster"];
            let others = cluster["replicas"].as_array().filter(|others| others.len() == 2)?;
            let is_well = |other: &Value| other["current"] == true && other["offline"] != true;
            others.iter().all(is_well).then(|| cluster["leader"].as_str())?
        })?;
        let is_told = all.len() == self.servers.len();
        self.servers.iter().position(|server| is_told && server.name() == leader)
    }

    /// Waits until the cluster is whole, so that one server of it can be missed, and gives the one
    /// that leads the stream.
    ///
    /// # Panics
    /// When it isn't within [`PATIENCE`].
    #[must_use]
    pub fn wait_for_leader(&self) -> usize {
        until("the cluster is whole", || self.leader().is_some());
        self.leader().unwrap_or_default()
    }

    /// Kills the NATS server that leads, and starts it again when nodes have answered a mark that
    /// was published since.
    pub fn kill_leader(&self, story: &Story) {
        let leader = self.wait_for_leader();
        self.servers[leader].kill();
        story.wait_for_answers(&ALL);
        self.servers[leader].run();
    }

    /// Cuts the NATS server that leads off from everybody, and connects it again when nodes have
    /// answered a mark that was published since.
    pub fn cut_off_leader(&self, story: &Story) {
        let leader = self.wait_for_leader();
        self.hub.run(&format!("ip link set nats{leader} down"));
        story.wait_for_answers(&ALL);
        self.hub.run(&format!("ip link set nats{leader} up"));
    }

    /// A folder of a node's.
    #[must_use]
    pub fn state(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("node{node}/state"))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.nodes.clear();
        self.far_ends.clear();
    }
}

/// Plugs a namespace into the bridge; both ends of the cable are called `name`.
fn plug(hub: &Namespace, namespace: &Namespace, name: &str, address: &str) {
    namespace.run(&format!("ip link add {name} type veth peer name {name} netns {}", hub.name()));
    namespace.run(&format!("ip address add {address}/24 dev {name}"));
    namespace.run(&format!("ip link set {name} up"));
    hub.run(&format!("ip link set {name} master br0 up"));
}

/// A node's address on the bridge.
fn address(node: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 54, 0, 11 + node)
}

/// A runtime for what this thread does.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A connection to the cluster, for whoever publishes.
async fn connect(urls: &[String]) -> Nats {
    let config =
        NatsConfig { servers: urls.to_vec(), name: "scorer".to_owned(), ..NatsConfig::default() };
    Nats::connect(&config).await.expect("addresses")
}

/// Makes the bucket and the stream as soon as there is a cluster, and publishes the snapshot.
fn publish_snapshot(urls: &[String], snapshot: &Snapshot) {
    let octets = serde_json::to_vec(snapshot).expect("JSON");
    runtime().block_on(async {
        let nats = connect(urls).await;
        let end = Instant::now() + PATIENCE;
        loop {
            let made = async {
                nats.make_stream(STREAM, SUBJECT, &KEEP).await?;
                nats.make_bucket(BUCKET, &KEEP).await?;
                nats.put(BUCKET, &DocumentKind::Snapshot, &octets, None).await
            };
            match made.await {
                Ok(_revision) => return,
                Err(cause) => assert!(Instant::now() < end, "no cluster: {cause}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

/// Waits for something to become so, looking every 20 ms.
///
/// # Panics
/// When it hasn't within [`PATIENCE`].
pub fn until(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "waited {PATIENCE:?} until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
