//! Controller and authority on loopback, in this process, without root.
//!
//! The engine takes no frames from loopback: all answers are the slow path's.

use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use edge_authority::{Authority, Current, Options};
use edge_tables::publish::{NoKernel, Publisher};
use edge_tables::store::Store;
use edge_user::node::controller::Controller;
use edge_user::settings::Config;
use tempfile::TempDir;

use super::{Client, Stage, atlas, zones};

/// A server in this process.
pub struct Loopback {
    folder: TempDir,
    controller: Mutex<Controller>,
    servers: Vec<SocketAddr>,
    _authority: Authority,
}

impl Loopback {
    /// With the tier's zones and databases.
    ///
    /// # Panics
    /// When it can't start.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("edge-test-").tempdir().expect("a folder");
        let stage = Self::fill(folder.path());
        let config = Config::parse(&stage, &folder.path().join("edge.toml")).expect("config");
        let store = Store::in_memory();
        let mut publisher =
            Publisher::new(store.clone(), Box::new(NoKernel), fastrand::Rng::with_seed(3));
        publisher.serve(&config.dns.listen).expect("addresses");
        let current = Arc::new(Current::default());
        let mut controller = Controller::new(&config, publisher, Arc::clone(&current));
        drop(controller.refresh().expect("a first publication"));
        let anywhere = [SocketAddr::from(([127, 0, 0, 1], 0)), "[::1]:0".parse().expect("address")];
        let options = Options::new(&config.dns.server_id);
        let mut authority =
            Authority::bind(&anywhere, 1, store, current, options).expect("two sockets");
        let servers = authority.addresses().collect();
        authority.serve().expect("threads");
        Self { folder, controller: Mutex::new(controller), servers, _authority: authority }
    }

    /// Fills a folder with files; gives the configuration.
    fn fill(folder: &Path) -> String {
        for name in ["zones", "geoip", "health"] {
            std::fs::create_dir(folder.join(name)).expect("a new folder");
        }
        zones::write(folder);
        for (name, octets) in atlas::files() {
            std::fs::write(folder.join("geoip").join(name), octets).expect("a database");
        }
        "[dns]\nlisten = [\"127.0.0.1\", \"::1\"]\nserver_id = \"stage\"\n\n[xdp]\nmode = \"off\"\n\n\
         [health]\ndirectory = \"health\"\n"
            .to_owned()
    }
}

impl Stage for Loopback {
    fn address(&self, client: Client) -> IpAddr {
        match client {
            Client::Germany => [127, 49, 0, 1].into(),
            Client::Usa => [127, 1, 1, 1].into(),
            Client::Japan => [127, 81, 0, 1].into(),
            Client::Brazil => [0_u16, 0, 0, 0, 0, 0, 0, 1].into(),
            Client::Britain => [127, 44, 0, 1].into(),
            Client::Nobody => [127, 99, 0, 1].into(),
        }
    }

    fn server(&self, client: IpAddr) -> SocketAddr {
        let same = self.servers.iter().find(|server| server.is_ipv4() == client.is_ipv4());
        *same.expect("both families are served")
    }

    fn datagrams(&self, client: IpAddr) -> UdpSocket {
        let socket = UdpSocket::bind((client, 0)).expect("all of 127/8 is ours");
        socket.connect(self.server(client)).expect("connect");
        socket
    }

    fn connection(&self, client: IpAddr) -> TcpStream {
        super::connect_from(client, self.server(client))
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn let_notice(&self) {
        let mut controller = self.controller.lock().unwrap_or_else(PoisonError::into_inner);
        drop(controller.refresh().expect("nothing to refuse in memory"));
    }
    fn is_dealt(&self) -> bool {
        false
    }
}
