//! A rig: `edge` and `dig` in two network namespaces with a veth pair.
//!
//! Zones and databases are in a folder of the rig's own, and `edge` has a mount namespace of its
//! own, so that a test decides what it finds at /sys/fs/bpf. Needs root. Everything is removed
//! when the rig is dropped.

mod dig;
mod mounts;
mod namespace;
mod process;
mod resolver;
mod source;
mod time_client;

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use edge_kernel::FarEnd;
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

pub use dig::{Record, Reply};
pub use mounts::{Bpffs, Mounts};
pub use namespace::Namespace;
pub(crate) use namespace::unique;
pub use process::{PATIENCE, Process, copy, find, program};
pub use resolver::{Kind as ResolverKind, Resolver};
pub use source::{Source, WrongClock};
pub use time_client::{Kind as TimeClientKind, TimeClient};

/// The server's addresses.
pub const SERVER: [&str; 2] = ["10.53.0.1", "fd53::1"];
/// The client's addresses, and the country that the database says they are in; empty for none.
pub const CLIENTS: [(&str, &str); 8] = [
    ("192.0.2.10", "DE"),
    ("198.51.100.10", "US"),
    ("203.0.113.10", "JP"),
    ("10.53.0.2", ""),
    ("2001:db8:de::10", "DE"),
    ("2001:db8:b0::10", "BR"),
    ("2001:db8:6b::10", "GB"),
    ("fd53::2", ""),
];
/// What the database says.
pub const COUNTRIES: [(&str, &str); 6] = [
    ("192.0.2.0/24", "DE"),
    ("198.51.100.0/24", "US"),
    ("203.0.113.0/24", "JP"),
    ("2001:db8:de::/48", "DE"),
    ("2001:db8:b0::/48", "BR"),
    ("2001:db8:6b::/48", "GB"),
];
/// [`COUNTRIES`] as a file of MaxMind's: kept, so that the demonstration needs no writer.
pub(crate) const DATABASE: &[u8] = include_bytes!("../fixtures/geoip/GeoLite2-Country.mmdb");
/// The zone of the rig.
pub const POOL: &str = include_str!("../fixtures/zones/pool.example.json");

/// Room for replies that nobody has read yet.
const BUFFER_OCTETS: usize = 1 << 20;
/// Where in the rig's folder `edge` mounts a BPF file system if the system has none.
const OWN_BPFFS: &str = "bpf";

/// The rig.
#[derive(Debug)]
pub struct Rig {
    // Fields are dropped in this order: first what runs, then where it ran.
    node: Option<Process>,
    far_end: Option<FarEnd>,
    mounts: Mounts,
    /// Where `edge` runs; its end of the pair is called `srv`.
    pub server: Namespace,
    /// Where `dig` runs; its end is called `cli`.
    pub client: Namespace,
    /// How `edge` is attached, as the configuration calls it.
    pub mode: &'static str,
    /// The interface that `edge` is attached to.
    pub interface: &'static str,
    instance: String,
    folder: TempDir,
}

/// Makes the pair of interfaces, with its addresses and routes, and in native mode a program at
/// the client's end: frames that XDP sends are only taken by an end that has one, too.
fn connect(server: &Namespace, client: &Namespace, mode: &str) -> Option<FarEnd> {
    server.run(&format!("ip link add srv type veth peer name cli netns {}", client.name()));
    server.run("ip address add 10.53.0.1/24 dev srv");
    server.run("ip address add fd53::1/64 dev srv nodad");
    server.run("ip link set srv up");
    client.run("ip address add 10.53.0.2/24 dev cli");
    client.run("ip address add fd53::2/64 dev cli nodad");
    client.run("ip link set cli up");
    for (address, country) in CLIENTS {
        if !country.is_empty() {
            let (length, more) = if address.contains(':') { (128, "nodad") } else { (32, "") };
            client.run(&format!("ip address add {address}/{length} dev cli {more}"));
        }
    }
    for (prefix, _) in COUNTRIES {
        let via = if prefix.contains(':') { "fd53::2" } else { "10.53.0.2" };
        server.run(&format!("ip route add {prefix} via {via}"));
    }
    (mode == "native")
        .then(|| client.enter(|| FarEnd::attach("cli").expect("attach to the far end")))
}

impl Rig {
    /// Everything except a running `edge`: namespaces, addresses, the pool's zone, the database.
    #[must_use]
    pub fn new(mode: &'static str) -> Self {
        Self::with_bpffs(mode, Bpffs::System)
    }

    /// The same, with or without the system's BPF file system.
    #[must_use]
    pub fn with_bpffs(mode: &'static str, bpffs: Bpffs) -> Self {
        let (server, client) = (Namespace::new("server"), Namespace::new("client"));
        let far_end = connect(&server, &client, mode);
        let folder = tempfile::Builder::new().prefix("edge-test-").tempdir().expect("a folder");
        let instance = unique("pins");
        let mounts = Mounts::new(bpffs);
        let interface = "srv";
        let node = None;
        let rig = Self { node, far_end, mounts, server, client, mode, interface, instance, folder };
        for folder in ["zones", "geoip"] {
            std::fs::create_dir(rig.path(folder)).expect("a new folder");
        }
        rig.write_zone("pool.example", POOL);
        rig.write("geoip/GeoLite2-Country.mmdb", DATABASE);
        rig.write("edge.toml", rig.config().as_bytes());
        rig
    }

    /// Deletes the pair of interfaces.
    pub fn disconnect(&mut self) {
        self.far_end = None;
        self.server.run("ip link del srv");
    }

    /// Makes the pair again after [`Self::disconnect`], with its addresses and routes.
    pub fn connect(&mut self) {
        self.far_end = connect(&self.server, &self.client, self.mode);
    }

    /// A rig with `edge` serving.
    #[must_use]
    pub fn serving(mode: &'static str) -> Self {
        let mut rig = Self::new(mode);
        rig.start();
        rig
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> String {
        format!(
            "[dns]\nlisten = {SERVER:?}\nserver_id = \"rig\"\n\n\
             [xdp]\ninterfaces = [{:?}]\nmode = {:?}\ninstance = {:?}\n\n\
             [control]\nsocket = \"edge.sock\"\n",
            self.interface, self.mode, self.instance
        )
    }

    /// The name of its folder on the BPF file system.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// A path in the rig's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the running `edge` pins, as it says itself: as it can be reached from here.
    ///
    /// # Panics
    /// When it doesn't run, or pins nothing.
    #[must_use]
    pub fn pins(&self) -> PathBuf {
        let status = self.status();
        let pins = status["pins"].as_str().filter(|pins| !pins.is_empty());
        self.mounts.path(pins.unwrap_or_else(|| panic!("no pins: {status}")))
    }

    /// What is pinned in either place where `edge` may pin, and its own mount if it is there.
    #[must_use]
    pub fn left_pins(&self) -> Vec<PathBuf> {
        // The kernel's own files (`maps.debug`) are no pins; pins are in folders.
        let entries = std::fs::read_dir(self.mounts.path(mounts::SYSTEM)).into_iter().flatten();
        let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
        folders.chain(Some(self.path(OWN_BPFFS)).filter(|path| path.exists())).collect()
    }

    /// Writes a file whole: under another name first, then renamed.
    pub fn write(&self, name: &str, octets: &[u8]) {
        let (path, new) = (self.path(name), self.path("new"));
        std::fs::write(&new, octets).expect("write");
        std::fs::rename(&new, &path).expect("rename");
    }

    /// Writes a zone's file.
    pub fn write_zone(&self, zone: &str, json: &str) {
        self.write(&format!("zones/{zone}.json"), json.as_bytes());
    }

    /// A program that will run where `edge` does: in the server's network and mount namespaces.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.mounts.command(&self.server, program)
    }

    /// `edge run` in the server's namespaces.
    #[must_use]
    pub fn run_command(&self) -> Command {
        // Should we end without tidying up, it ends, too.
        let mut command = self.command("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(program()).arg("run").arg("--config");
        command.arg(self.path("edge.toml"));
        command
    }

    /// Starts `edge` and waits until it serves.
    pub fn start(&mut self) {
        self.start_by(&mut self.run_command());
    }

    /// Starts `edge` by a command and waits until it serves.
    pub fn start_by(&mut self, command: &mut Command) {
        let node = Process::start(command);
        let _ready = node.wait_for("ready");
        self.node = Some(node);
    }

    /// The running `edge`.
    ///
    /// # Panics
    /// When none runs.
    #[must_use]
    pub fn node(&self) -> &Process {
        self.node.as_ref().expect("edge runs")
    }

    /// Stops `edge` as an operator does; gives its exit code and its log.
    pub fn stop(&mut self) -> (Option<i32>, Vec<String>) {
        let node = self.node.take().expect("edge runs");
        node.signal(Signal::TERM);
        let (status, log) = node.end();
        (status.code(), log)
    }

    /// Kills `edge`, which has no time to tidy up.
    pub fn kill(&mut self) {
        drop(self.node.take());
    }

    /// Runs dig in the client's namespace; no reply is `None`.
    #[must_use]
    pub fn try_dig(&self, arguments: &str) -> Option<Reply> {
        let mut dig = self.client.command("dig");
        dig.args(["+tries=1", "+timeout=3", "+nocmd"]).args(arguments.split_whitespace());
        let output = dig.output().unwrap_or_else(|error| panic!("{dig:?}: {error}"));
        Reply::parse(&String::from_utf8_lossy(&output.stdout))
    }

    /// Asks from one of the client's addresses, by the same family; no reply is `None`.
    #[must_use]
    pub fn try_ask(&self, client: &str, question: &str) -> Option<Reply> {
        let server = if client.contains(':') { SERVER[1] } else { SERVER[0] };
        self.try_dig(&format!("@{server} -b {client} {question}"))
    }

    /// Asks from one of the client's addresses, by the same family.
    ///
    /// # Panics
    /// When no reply comes.
    #[must_use]
    pub fn ask(&self, client: &str, question: &str) -> Reply {
        self.try_ask(client, question).unwrap_or_else(|| {
            let log = self.node.as_ref().map(Process::log);
            panic!("no reply to {question} from {client}; edge's log: {log:#?}")
        })
    }

    /// A UDP socket at one of the client's addresses, connected to the server's of the same family.
    /// Its buffer holds some hundred replies.
    #[must_use]
    pub fn datagrams(&self, client: &str) -> UdpSocket {
        self.datagrams_to(client, 53)
    }

    /// The same, connected to another port of the server's.
    #[must_use]
    pub fn datagrams_to(&self, client: &str, port: u16) -> UdpSocket {
        let server = if client.contains(':') { SERVER[1] } else { SERVER[0] };
        let address = |ip: &str, port| SocketAddr::new(ip.parse().expect("an address"), port);
        // A socket stays in the namespace in which it was made.
        self.client.enter(|| {
            let socket = UdpSocket::bind(address(client, 0)).expect("the client's address");
            socket.connect(address(server, port)).expect("connect");
            set_socket_recv_buffer_size_force(&socket, BUFFER_OCTETS).expect("root may");
            socket
        })
    }

    /// `edge switch` with these words; gives what it printed.
    #[must_use]
    pub fn switch(&self, words: &str) -> String {
        self.tell(&["switch"].into_iter().chain(words.split_whitespace()).collect::<Vec<_>>())
    }

    /// `edge switch` with these words, which it has to refuse; gives what it said.
    #[must_use]
    pub fn switch_refused(&self, words: &str) -> String {
        let mut command = Command::new(program());
        command.arg("switch").args(words.split_whitespace());
        let output = command.arg("--socket").arg(self.path("edge.sock")).output().expect("it runs");
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// `edge status --json`.
    #[must_use]
    pub fn status(&self) -> Value {
        serde_json::from_str(&self.tell(&["status", "--json"])).expect("JSON")
    }

    /// `edge status`, for people.
    #[must_use]
    pub fn status_text(&self) -> String {
        self.tell(&["status"])
    }

    /// `edge explain`, for people.
    #[must_use]
    pub fn explain(&self, name: &str, rtype: &str, client: IpAddr) -> String {
        self.tell(&["explain", name, rtype, "--client", &client.to_string()])
    }

    /// `edge explain-time`, for people.
    #[must_use]
    pub fn explain_time(&self) -> String {
        self.tell(&["explain-time"])
    }

    /// `edge` with these arguments and the node's socket, however it ends.
    #[must_use]
    pub fn edge(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.args(arguments).arg("--socket").arg(self.path("edge.sock"));
        command.output().expect("it runs")
    }

    fn tell(&self, arguments: &[&str]) -> String {
        let socket = self.path("edge.sock");
        namespace::output(Command::new(program()).args(arguments).arg("--socket").arg(socket))
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters(self.status()["counters"].clone())
    }

    /// Whether any interface of the server's has an XDP program, and which mode.
    #[must_use]
    pub fn attached(&self) -> Option<String> {
        let links = self.server.read("ip -details link show");
        let words = links.split_whitespace();
        words.filter(|word| word.starts_with("xdp")).map(str::to_owned).next()
    }

    /// Waits for something to become so, looking every 50 ms.
    ///
    /// # Panics
    /// When it hasn't within `patience`.
    pub fn wait_until(&self, what: &str, patience: Duration, so: impl Fn() -> bool) {
        let end = Instant::now() + patience;
        while !so() {
            assert!(
                Instant::now() < end,
                "waited {patience:?} until {what}; edge's log: {:#?}",
                self.node.as_ref().map(Process::log)
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A node's counters at some moment.
#[derive(Clone, Debug)]
pub struct Counters(Value);

impl Counters {
    fn number(&self, path: &str) -> u64 {
        self.0.pointer(path).and_then(Value::as_u64).unwrap_or_default()
    }

    /// Queries that XDP answered.
    #[must_use]
    pub fn xdp(&self) -> u64 {
        self.number("/xdp_answered")
    }

    /// Queries that the authority answered.
    #[must_use]
    pub fn authority(&self) -> u64 {
        self.number("/authority_answered")
    }

    /// The share that XDP answered of all queries that were answered since then.
    ///
    /// # Panics
    /// When there were none.
    #[must_use]
    pub fn share_since(&self, before: &Self) -> f64 {
        let (xdp, authority) = (self.xdp() - before.xdp(), self.authority() - before.authority());
        assert!(xdp + authority > 0, "no queries");
        xdp as f64 / (xdp + authority) as f64
    }

    /// Queries that XDP answered in some way.
    #[must_use]
    pub fn answered(&self, verdict: &str) -> u64 {
        self.number(&format!("/answered/{verdict}"))
    }

    /// Frames that were dropped for a reason.
    #[must_use]
    pub fn dropped_for(&self, reason: &str) -> u64 {
        self.number(&format!("/dropped/{reason}"))
    }

    /// Frames that passed for a reason.
    #[must_use]
    pub fn passed(&self, reason: &str) -> u64 {
        self.number(&format!("/passed/{reason}"))
    }

    /// Frames that were dropped for any reason.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let reasons = self.0.pointer("/dropped").and_then(Value::as_object);
        reasons.into_iter().flat_map(|map| map.values()).filter_map(Value::as_u64).sum()
    }
}
