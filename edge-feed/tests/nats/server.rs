//! NATS servers on the loopback address that end with the test.
//!
//! Each server has its own store.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use edge_feed::source::nats::{Nats, NatsConfig};
use tempfile::TempDir;

/// A server. A killed one can be started again with its store.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
}

/// A free port.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// A server with `JetStream`, and with more in its configuration, where `FOLDER` is its own.
    pub(crate) fn start(more: &str) -> Self {
        let mut server = Self::prepare(free_port(), more);
        server.run();
        server
    }

    fn prepare(port: u16, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{path}/store\" }}\n{}\n",
            more.replace("FOLDER", &path.to_string())
        );
        fs::write(folder.path().join("nats.conf"), config).unwrap();
        Self { child: None, port, folder }
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn run(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let child = Command::new("nats-server")
            .arg("-c")
            .arg(self.folder.path().join("nats.conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nats-server can't be started: apt-get install nats-server");
        let child = self.child.insert(child);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = child.try_wait().unwrap() {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
                panic!("nats-server ended with {status}:\n{log}");
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Kills it without a warning.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops its clock (`STOP`) or lets it go on (`CONT`), by its process's number.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three servers that are one.
pub(crate) fn cluster() -> Vec<Server> {
    let routes: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let urls: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    let mut servers: Vec<Server> = routes
        .iter()
        .enumerate()
        .map(|(index, port)| {
            let more = format!(
                "server_name: \"n{index}\"\ncluster {{ name: c, listen: \"127.0.0.1:{port}\", routes: {urls:?} }}"
            );
            Server::prepare(free_port(), &more)
        })
        .collect();
    for server in &mut servers {
        server.run();
    }
    servers
}

/// A connection to all of them.
pub(crate) async fn connect(servers: &[Server]) -> Nats {
    let servers = servers.iter().map(Server::url).collect();
    nats(NatsConfig { servers, name: "test".to_owned(), ..NatsConfig::default() }).await
}

/// A connection that stands.
pub(crate) async fn nats(config: NatsConfig) -> Nats {
    let nats = Nats::connect(&config).await.unwrap();
    while !nats.link().read().connected {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    nats
}

/// Whether a file has been written.
pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}
