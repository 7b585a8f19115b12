//! Who may connect, and how it is said when somebody may not.

use std::path::Path;

use edge_feed::source::nats::{Keep, Nats, NatsConfig, NatsDeltas};
use edge_feed::source::{Limits, Source, SourceError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};

use crate::server::{Server, nats, write};
use crate::{deltas, ids_up_to};

/// What a source says that can't connect.
async fn refusal(config: &NatsConfig) -> SourceError {
    let nats = Nats::connect(config).await.unwrap();
    let mut source = NatsDeltas::new(&nats, "d", 0, Limits::default());
    loop {
        // At first there is no answer yet.
        let error = source.next().await.unwrap_err();
        if !error.to_string().contains("no server has answered yet") {
            assert!(!source.status().read().connected);
            return error;
        }
    }
}

async fn works(config: NatsConfig) {
    let nats = nats(config).await;
    nats.make_stream("d", "deltas", &Keep::default()).await.unwrap();
    nats.publish("deltas", &deltas([1])).await.unwrap();
    let mut source = NatsDeltas::new(&nats, "d", 0, Limits::default());
    assert_eq!(ids_up_to(&mut source, 1).await.0, [1]);
}

#[tokio::test]
async fn a_user_needs_the_right_password() {
    let server = Server::start("authorization { user: edge, password: s3cret }");
    let path = server.path("password");
    let config = NatsConfig {
        servers: vec![server.url()],
        user: Some("edge".to_owned()),
        password_file: Some(path.clone()),
        ..NatsConfig::default()
    };
    write(&path, "wr0ng\n");
    let error = refusal(&config).await;
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("authorization violation"), "{error}");
    assert!(!error.to_string().contains("wr0ng"), "{error}");
    write(&path, "s3cret\n");
    works(config).await;
}

/// A root, and certificates of its making for the loopback address, in PEM files.
fn certificates(folder: &Path) {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    write(&folder.join("ca.pem"), &root.self_signed(&root_key).unwrap().pem());
    let issuer = Issuer::new(root, root_key);
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(Vec::new()).unwrap();
        leaf.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        write(&folder.join(format!("{name}.pem")), &leaf.pem());
        write(&folder.join(format!("{name}.key")), &key.serialize_pem());
    }
}

#[tokio::test]
async fn tls_needs_both_certificates_to_be_vouched_for() {
    let folder = tempfile::tempdir().unwrap();
    let strangers = tempfile::tempdir().unwrap();
    certificates(folder.path());
    certificates(strangers.path());
    let at = folder.path().display();
    let server = Server::start(&format!(
        "tls {{ cert_file: \"{at}/server.pem\", key_file: \"{at}/server.key\", \
         ca_file: \"{at}/ca.pem\", verify: true }}"
    ));
    let config = |roots: &Path, ours: Option<&Path>| NatsConfig {
        servers: vec![server.url()],
        ca_file: Some(roots.join("ca.pem")),
        certificate_file: ours.map(|path| path.join("client.pem")),
        key_file: ours.map(|path| path.join("client.key")),
        ..NatsConfig::default()
    };
    let (own, strange) = (folder.path(), strangers.path());
    works(config(own, Some(own))).await;
    for bad in [config(strange, Some(own)), config(own, None), config(own, Some(strange))] {
        let error = refusal(&bad).await;
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    }
    let error = refusal(&config(strange, Some(own))).await.to_string();
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn nobody_at_the_addresses_is_said_with_each_address() {
    let servers = vec!["nats://127.0.0.1:9".to_owned(), "nats://127.0.0.1:19".to_owned()];
    let error = refusal(&NatsConfig { servers, ..NatsConfig::default() }).await;
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with("nats://127.0.0.1:9, nats://127.0.0.1:19: "), "{error}");
}
