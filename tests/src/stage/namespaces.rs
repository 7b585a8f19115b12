//! `edge` in a namespace, asked from another over a veth pair. Needs root.

use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::{Client, Stage, atlas, connect_from, zones};
use crate::netns::{Rig, SERVER};

/// A server in a namespace.
#[derive(Debug)]
pub struct Namespaces {
    rig: Rig,
}

impl Namespaces {
    /// With the tier's zones and databases, attached in a mode.
    #[must_use]
    pub fn start(mode: &'static str) -> Self {
        let mut rig = Rig::new(mode);
        std::fs::create_dir(rig.path("health")).expect("a new folder");
        let config = format!("{}\n[health]\ndirectory = \"health\"\n", rig.config());
        rig.write("edge.toml", config.as_bytes());
        zones::write(&rig.path(""));
        for (name, octets) in atlas::files() {
            rig.write(&format!("geoip/{name}"), &octets);
        }
        rig.start();
        Self { rig }
    }

    /// The rig.
    #[must_use]
    pub const fn rig(&self) -> &Rig {
        &self.rig
    }
}

impl Stage for Namespaces {
    fn address(&self, client: Client) -> IpAddr {
        let text = match client {
            Client::Germany => "192.0.2.10",
            Client::Usa => "198.51.100.10",
            Client::Japan => "203.0.113.10",
            Client::Brazil => "2001:db8:b0::10",
            Client::Britain => "2001:db8:6b::10",
            Client::Nobody => "10.53.0.2",
        };
        text.parse().expect("an address")
    }

    fn server(&self, client: IpAddr) -> SocketAddr {
        let address = if client.is_ipv4() { SERVER[0] } else { SERVER[1] };
        SocketAddr::new(address.parse().expect("an address"), 53)
    }

    fn datagrams(&self, client: IpAddr) -> UdpSocket {
        let server = self.server(client);
        // A socket stays in the namespace in which it was made.
        self.rig.client.enter(|| {
            let socket = UdpSocket::bind((client, 0)).expect("the address is on the interface");
            socket.connect(server).expect("connect");
            socket
        })
    }

    fn connection(&self, client: IpAddr) -> TcpStream {
        let server = self.server(client);
        self.rig.client.enter(|| connect_from(client, server))
    }

    fn folder(&self) -> PathBuf {
        self.rig.path("")
    }

    fn let_notice(&self) {
        thread::sleep(Duration::from_millis(20));
    }

    fn server_id(&self) -> &'static str {
        "rig"
    }
}
