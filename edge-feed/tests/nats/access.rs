//! Tests of credentials, and of the errors when they are refused.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use edge_feed::source::nats::{Nats, NatsConfig, NatsDeltas, Retention};
use edge_feed::source::{Source as _, SourceError, SourceLimits};
use nkeys::KeyPair as Nkey;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};

use serde_json::{Value, json};

use crate::server::{Server, nats, write};
use crate::{deltas, ids_up_to};

/// The error of a source that can't connect.
async fn refusal(config: &NatsConfig) -> SourceError {
    let nats = Nats::connect(config).await.unwrap();
    let mut source = NatsDeltas::new(&nats, "d", 0, SourceLimits::default());
    loop {
        // At first there is no answer yet.
        let error = source.next().await.unwrap_err();
        if !error.to_string().contains("no connection yet") {
            assert!(!source.status().read().connected);
            return error;
        }
    }
}

async fn works(config: NatsConfig) {
    let nats = nats(config).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    nats.publish("deltas", &deltas([1])).await.unwrap();
    let mut source = NatsDeltas::new(&nats, "d", 0, SourceLimits::default());
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

/// A claim of `issuer` about `subject`, in NATS's form.
fn jwt(issuer: &Nkey, subject: &str, nats: &Value) -> String {
    let encode = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
    let head = encode(json!({"typ": "JWT", "alg": "ed25519-nkey"}).to_string());
    let issuer_key = issuer.public_key();
    let claims =
        json!({"jti": "x", "iat": 1, "iss": issuer_key, "name": "x", "sub": subject, "nats": nats});
    let text = format!("{head}.{}", encode(claims.to_string()));
    let signature = issuer.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_credentials_file_lets_in_whom_the_account_vouches_for() {
    let operator = Nkey::new_operator();
    let account = Nkey::new_account();
    let system = Nkey::new_account();
    let of =
        |kind: &str| json!({"type": kind, "version": 2, "subs": -1, "data": -1, "payload": -1});
    let mut own = of("account");
    own["limits"] = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
        "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1
    });
    let account_key = account.public_key();
    let system_key = system.public_key();
    let server = Server::start(&format!(
        "operator: {}\nsystem_account: {system_key}\nresolver: MEMORY\n\
         resolver_preload: {{\n{account_key}: {}\n{system_key}: {}\n}}",
        jwt(&operator, &operator.public_key(), &of("operator")),
        jwt(&operator, &account_key, &own),
        jwt(&operator, &system_key, &of("account")),
    ));
    let path = server.path("node.creds");
    let config = NatsConfig {
        servers: vec![server.url()],
        credentials_file: Some(path.clone()),
        ..NatsConfig::default()
    };
    let credentials = |issuer: &Nkey| {
        let user = Nkey::new_user();
        let text = jwt(issuer, &user.public_key(), &of("user"));
        format!(
            "-----BEGIN NATS USER JWT-----\n{text}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            user.seed().unwrap()
        )
    };
    write(&path, &credentials(&Nkey::new_account()));
    let error = refusal(&config).await;
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    write(&path, &credentials(&account));
    works(config).await;
}

#[tokio::test]
async fn nobody_at_the_addresses_is_said_with_each_address() {
    let servers = vec!["nats://127.0.0.1:9".to_owned(), "nats://127.0.0.1:19".to_owned()];
    let error = refusal(&NatsConfig { servers, ..NatsConfig::default() }).await;
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with("nats://127.0.0.1:9, nats://127.0.0.1:19: "), "{error}");
}
