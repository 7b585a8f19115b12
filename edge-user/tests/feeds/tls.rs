//! A server of zones over TLS, that isn't who it should be, or isn't there.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::documents::{mark, now, zone};
use crate::node::Node;
use crate::server::{Connection, Reply, Server, Wrap, page};

/// Who signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.distinguished_name.push(DnType::CommonName, name);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = root.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(root, key) }
    }

    /// How to speak as somebody, until this year.
    fn speak_as(&self, name: &str, until: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.not_before = date_time_ymd(2000, 1, 1);
        leaf.not_after = date_time_ymd(until, 1, 1);
        let leaf = leaf.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Arc::new(config.with_single_cert(vec![leaf.der().clone()], key).unwrap())
    }
}

/// The ways in which the server is wrong.
enum Bad {
    Face(Arc<ServerConfig>),
    Mute,
    Gone,
}

/// The server's identity; without one it sends nothing.
type Face = Arc<Mutex<Option<Arc<ServerConfig>>>>;

fn wrap(face: &Face) -> Arc<Wrap> {
    let face = Arc::clone(face);
    Arc::new(move |mut stream| {
        let Some(config) = face.lock().unwrap().clone() else {
            while stream.read(&mut [0; 64]).is_ok_and(|octets| octets > 0) {}
            return None;
        };
        let session = ServerConnection::new(config).ok()?;
        let connection: Box<dyn Connection> = Box::new(StreamOwned::new(session, stream));
        Some(connection)
    })
}

#[test]
fn zones_come_from_whom_the_roots_vouch_for_and_the_last_good_stays_without_them() {
    let (ours, stranger) = (Authority::new("ours"), Authority::new("a stranger"));
    let good = Some(ours.speak_as("127.0.0.1", 4000));
    let (face, text) = (Face::new(Mutex::new(good.clone())), Arc::new(Mutex::new(String::new())));
    let serve = |listener: TcpListener| {
        let text = Arc::clone(&text);
        Server::start(listener, wrap(&face), move |_| {
            Reply::Say(page("", text.lock().unwrap().as_bytes()))
        })
    };
    let mut server = Some(serve(TcpListener::bind("127.0.0.1:0").unwrap()));
    let address = server.as_ref().unwrap().address();
    let mut node = Node::new(&format!(
        "timeout_seconds = 3\n[feed.zones]\nurl = \"https://{address}\"\norigins = [\"tls.example\"]\n\
         every_seconds = 1\nca_file = \"ca.pem\"\ntoken_file = \"token\"\n"
    ));
    node.write("ca.pem", ours.pem.as_bytes());
    node.write("token", b"s3cret\n");
    *text.lock().unwrap() = zone(now() - 100, 12, 1);
    node.start();
    let is_served = |n: u8| node.ask("one.tls.example") == Some(vec![mark(n)]);
    node.until("the first is served", |_| is_served(1));
    let heads = server.as_ref().unwrap().asked();
    assert!(heads[0].contains("\r\nauthorization: Bearer s3cret\r\n"), "{heads:?}");
    let name = format!("{{source=\"https://{address}/api/dns-zone?origin=tls.example\"}}");
    for (n, bad, reason, says) in [
        (2, Bad::Face(stranger.speak_as("127.0.0.1", 4000)), "unreachable", "UnknownIssuer"),
        (3, Bad::Face(ours.speak_as("127.0.0.1", 2001)), "unreachable", "certificate expired"),
        (4, Bad::Face(ours.speak_as("other.example", 4000)), "unreachable", "not valid for name"),
        (5, Bad::Gone, "unreachable", "Connection refused"),
        (6, Bad::Mute, "slow", "no answer within 3 s"),
    ] {
        *text.lock().unwrap() = zone(now() - 100 + u64::from(n), 12, n);
        match bad {
            Bad::Face(config) => *face.lock().unwrap() = Some(config),
            Bad::Mute => *face.lock().unwrap() = None,
            Bad::Gone => server = None,
        }
        node.until(says, |node| {
            let source = node.source("tls.example");
            source["reason"] == reason
                && source["error"].as_str().is_some_and(|error| error.contains(says))
        });
        assert!(is_served(n - 1), "{says}");
        assert_eq!(node.metric(&format!("edge_feed_source_up{name}")), Some(0.0), "{says}");
        *face.lock().unwrap() = good.clone();
        if server.is_none() {
            server = Some(serve(TcpListener::bind(address).unwrap()));
        }
        node.until("it is well again", |node| is_served(n) && node.errors().is_empty());
    }
    // What goes wrong in the same way again within minutes isn't news.
    assert_eq!(node.warnings(&["not reached"]).len(), 1, "{:#?}", node.log());
    assert_eq!(node.warnings(&["no answer within"]).len(), 1, "{:#?}", node.log());
    assert!(node.metric(&format!("edge_feed_source_failures_total{name}")) >= Some(5.0));
    assert!(!node.log().iter().any(|line| line.contains("s3cret")));
}
