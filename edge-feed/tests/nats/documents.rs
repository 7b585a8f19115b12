//! Tests of documents in buckets.

use edge_feed::source::nats::{NatsDocument, Retention};
use edge_feed::source::{DocumentKind, Event, Source as _, SourceError, SourceLimits};

use crate::server::{Server, connect};

fn snapshot(text: &str, signature: Option<&str>) -> Event {
    let signature = signature.map(|text| text.as_bytes().to_vec());
    Event::Snapshot { octets: text.as_bytes().to_vec(), signature }
}

#[tokio::test]
async fn what_is_in_a_bucket_is_had_at_once_and_then_each_newer_value() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_bucket("pool_example", &Retention::default()).await.unwrap();
    nats.make_bucket("pool_example", &Retention::default()).await.unwrap();
    nats.put("pool_example", &DocumentKind::Snapshot, b"zero", None).await.unwrap();
    nats.put("pool_example", &DocumentKind::Snapshot, b"one", None).await.unwrap();
    let mut source =
        NatsDocument::new(&nats, "pool_example", DocumentKind::Snapshot, SourceLimits::default());
    assert_eq!(source.next().await.unwrap(), snapshot("one", None));
    let signature = "untrusted comment: x\nAAAA\ntrusted comment: y: z\nBBBB\n";
    let signed = Some(signature.as_bytes());
    nats.put("pool_example", &DocumentKind::Snapshot, b"two", signed).await.unwrap();
    assert_eq!(source.next().await.unwrap(), snapshot("two", Some(signature)));
    assert!(source.status().read().connected);

    let apex = "pool.example".to_owned();
    let kind = DocumentKind::Zone { apex: apex.clone() };
    nats.put("pool_example", &kind, b"{}", None).await.unwrap();
    let mut source = NatsDocument::new(&nats, "pool_example", kind, SourceLimits::default());
    let zone = Event::Zone { apex, text: b"{}".to_vec(), signature: None };
    assert_eq!(source.next().await.unwrap(), zone);
}

#[tokio::test]
async fn a_value_may_be_plain_and_one_that_is_not_good_is_named_and_passed_over() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_bucket("b", &Retention::default()).await.unwrap();
    let raw = async_nats::connect(server[0].url()).await.unwrap();
    let raw = async_nats::jetstream::new(raw).get_key_value("b").await.unwrap();
    let limits = SourceLimits { octets: 1000, ..SourceLimits::default() };
    let mut source = NatsDocument::new(&nats, "b", DocumentKind::Snapshot, limits);
    raw.put("other", "x".into()).await.unwrap();
    raw.put("snapshot", "plain".into()).await.unwrap();
    assert_eq!(source.next().await.unwrap(), snapshot("plain", None));
    raw.put("snapshot", vec![b' '; 1001].into()).await.unwrap();
    let error = source.next().await.unwrap_err();
    assert!(matches!(error, SourceError::TooLarge { limit: 1000, .. }), "{error}");
    nats.put("b", &DocumentKind::Snapshot, &[b' '; 1001], None).await.unwrap();
    assert_eq!(source.next().await.unwrap_err().reason(), "too_large");
    raw.put("snapshot", vec![0x1f, 0x8b, 8, 0].into()).await.unwrap();
    assert_eq!(source.next().await.unwrap_err().reason(), "damaged");
    raw.delete("snapshot").await.unwrap();
    let error = source.next().await.unwrap_err().to_string();
    assert!(error.starts_with("nats bucket b, key snapshot: not there (deleted by"), "{error}");
    raw.put("snapshot", "back".into()).await.unwrap();
    assert_eq!(source.next().await.unwrap(), snapshot("back", None));
}

#[tokio::test]
async fn a_bucket_that_is_made_again_is_read_again_though_its_revision_is_the_same() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    let raw = async_nats::connect(server[0].url()).await.unwrap();
    let raw = async_nats::jetstream::new(raw);
    let mut source = NatsDocument::new(&nats, "b", DocumentKind::Snapshot, SourceLimits::default());
    for text in ["one", "two", "two"] {
        nats.make_bucket("b", &Retention::default()).await.unwrap();
        let revision = nats.put("b", &DocumentKind::Snapshot, text.as_bytes(), None).await.unwrap();
        assert_eq!(revision, 1);
        let event = loop {
            match source.next().await {
                Ok(Event::Unchanged) | Err(_) => {}
                Ok(event) => break event,
            }
        };
        assert_eq!(event, snapshot(text, None));
        raw.delete_stream("KV_b").await.unwrap();
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named_and_read_once_it_is() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    let mut source = NatsDocument::new(&nats, "b", DocumentKind::Snapshot, SourceLimits::default());
    let error = source.next().await.unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. }), "{error}");
    let error = nats.put("b", &DocumentKind::Snapshot, b"x", None).await.unwrap_err();
    assert!(error.to_string().starts_with("nats bucket b, key snapshot: "), "{error}");
    nats.make_bucket("b", &Retention::default()).await.unwrap();
    nats.put("b", &DocumentKind::Snapshot, b"one", None).await.unwrap();
    assert_eq!(source.next().await.unwrap(), snapshot("one", None));
}

#[tokio::test]
async fn a_document_above_what_the_server_takes_is_refused_with_the_way_out() {
    let server = [Server::start("max_payload: 1000")];
    let nats = connect(&server).await;
    nats.make_bucket("b", &Retention::default()).await.unwrap();
    let noise: Vec<u8> =
        (0..2000_u32).flat_map(|n| (n.wrapping_mul(0x9e37_79b9)).to_ne_bytes()).collect();
    let error = nats.put("b", &DocumentKind::Snapshot, &noise, None).await.unwrap_err().to_string();
    assert!(error.contains("above the server's max_payload of 1000; raise that"), "{error}");
}
