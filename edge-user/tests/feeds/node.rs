//! A node for tests: `edge run` with a configuration, without XDP and root.
//!
//! It serves on a loopback address of its own. Tests read its log, its answers and its metrics. It
//! is killed when it is dropped.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A node.
pub(crate) struct Node {
    folder: tempfile::TempDir,
    dns: SocketAddr,
    http: SocketAddr,
    child: Option<Child>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Node {
    /// With these lines in its configuration, after `[feed]` and `state`; not yet started.
    pub(crate) fn new(feed: &str) -> Self {
        static NODES: AtomicU16 = AtomicU16::new(0);
        let n = NODES.fetch_add(1, Ordering::Relaxed);
        // An address that no other process has, and ports that no other node of this one has.
        let [_, a, b, c] = std::process::id().to_be_bytes();
        let at = |port| SocketAddr::from((Ipv4Addr::new(127, a, b, c), port + n));
        let folder = tempfile::Builder::new().prefix("edge-test-").tempdir().unwrap();
        let (dns, http) = (at(5300), at(8300));
        let node = Self { folder, dns, http, child: None, log: Arc::default() };
        node.write("edge.toml", node.config(feed).as_bytes());
        node
    }

    /// The same, serving.
    pub(crate) fn serving(feed: &str) -> Self {
        let mut node = Self::new(feed);
        node.start();
        node
    }

    /// The configuration.
    pub(crate) fn config(&self, feed: &str) -> String {
        format!(
            "[dns]\nlisten = [\"{}\"]\nworkers = 1\n[xdp]\nmode = \"off\"\n[control]\nsocket = \"edge.sock\"\n\
             [http]\nlisten = \"{}\"\n[feed]\nstate = \"state\"\n{feed}",
            self.dns, self.http
        )
    }

    /// A path in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a file by a rename.
    pub(crate) fn write(&self, name: &str, octets: &[u8]) {
        fs::write(self.path(".new"), octets).unwrap();
        fs::rename(self.path(".new"), self.path(name)).unwrap();
    }

    /// Adds to a file.
    pub(crate) fn append(&self, name: &str, text: &str) {
        let mut options = fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Starts it, and waits until it reports that it is ready.
    pub(crate) fn start(&mut self) {
        let mut command = self.command(&["run", "--config"]);
        command.arg(self.path("edge.toml")).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (stderr, log) = (child.stderr.take().unwrap(), Arc::default());
        self.log = Arc::clone(&log);
        self.child = Some(child);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log.lock().unwrap().push(line);
            }
        });
        self.until("it is ready", |node| node.log().iter().any(|line| line == "ready"));
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success(), "{:#?}", self.log());
    }

    /// The lines of its log since it was started.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Warnings that contain all of these words.
    pub(crate) fn warnings(&self, words: &[&str]) -> Vec<String> {
        let mut log = self.log();
        log.retain(|line| line.contains("WARN") && words.iter().all(|word| line.contains(word)));
        log
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("RUST_LOG");
        command
    }

    /// Another command of `edge`, in its folder.
    pub(crate) fn edge(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, which has to succeed; returns what it printed.
    pub(crate) fn tell(&self, arguments: &[&str]) -> String {
        let output = self.edge(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// `edge status --json`.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.tell(&["status", "--json", "--socket", "edge.sock"])).unwrap()
    }

    /// What is wrong, a line each.
    pub(crate) fn errors(&self) -> Vec<String> {
        serde_json::from_value(self.status()["errors"].clone()).unwrap()
    }

    /// How a source is, by a word of its name.
    pub(crate) fn source(&self, word: &str) -> Value {
        let status = self.status();
        let sources = status["feed"]["sources"].as_array().unwrap();
        let is_it = |source: &&Value| source["name"].as_str().unwrap().contains(word);
        sources.iter().find(is_it).cloned().unwrap_or_default()
    }

    /// `edge feed allow-once`.
    pub(crate) fn allow_once(&self) -> String {
        self.feed(&["allow-once"])
    }

    /// `edge feed` with these words.
    pub(crate) fn feed(&self, words: &[&str]) -> String {
        self.tell(&[&["feed"], words, &["--socket", "edge.sock"]].concat())
    }

    /// A number of `/metrics`; none if it isn't there.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let mut stream = TcpStream::connect(self.http).unwrap();
        let ask = "GET /metrics HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).unwrap();
        let mut page = String::new();
        let _octets = stream.read_to_string(&mut page).unwrap();
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        let mut lines = page.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        lines.next().map(|number| number.parse().unwrap())
    }

    /// The IPv4 addresses of a name, as one reply has them; none with an error.
    pub(crate) fn ask(&self, name: &str) -> Option<Vec<Ipv4Addr>> {
        let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).unwrap());
            question.extend_from_slice(label.as_bytes());
        }
        question.extend_from_slice(&[0, 0, 1, 0, 1]);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(self.dns).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut reply = [0; 512];
        let end = Instant::now() + PATIENCE;
        let octets = loop {
            let _octets = socket.send(&question).unwrap();
            if let Ok(octets) = socket.recv(&mut reply) {
                break octets;
            }
            assert!(Instant::now() < end, "no reply for {name}: {:#?}", self.log());
        };
        if reply[3] & 0x0f != 0 {
            return None;
        }
        // A name that is a pointer, type, class, TTL, length, address.
        let records = reply[question.len()..octets].chunks_exact(16).take(reply[7].into());
        Some(records.map(|r| Ipv4Addr::new(r[12], r[13], r[14], r[15])).collect())
    }

    /// Waits until that is so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < end, "waited {PATIENCE:?} until {what}: {:#?}", self.log());
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
