//! Tests of HTTP sources against a scripted server on the loopback address.
#![expect(clippy::tests_outside_test_module, reason = "all of it is tests")]

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge_feed::Cursor;
use edge_feed::cursor::Discarded;
use edge_feed::source::http::HttpConfig;
use edge_feed::source::{
    Event, HttpDocument, HttpStream, Source as _, SourceError, SourceLimits, drive,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What was asked, a request's head each.
type Asked = Arc<Mutex<Vec<String>>>;

/// Answers each connection with `answer`, which is given the number of the connection, from 0.
async fn serve<F>(
    answer: impl Fn(usize, String, TcpStream) -> F + Send + 'static,
) -> (SocketAddr, Asked)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let heads = Arc::clone(&asked);
    tokio::spawn(async move {
        for count in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = read_head(&mut stream).await;
            heads.lock().unwrap().push(head.clone());
            tokio::spawn(answer(count, head, stream));
        }
    });
    (address, asked)
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// The same answer for each.
async fn always(answer: impl Into<Vec<u8>>) -> (SocketAddr, Asked) {
    let answer: Vec<u8> = answer.into();
    serve(move |_, _, stream| say(stream, answer.clone())).await
}

async fn say(mut stream: impl AsyncWrite + Unpin, octets: Vec<u8>) {
    // Whoever asked may have had enough.
    drop(stream.write_all(&octets).await);
    drop(stream.shutdown().await);
}

/// Silence with the connection open.
async fn hang(mut stream: TcpStream, octets: &[u8]) {
    drop(stream.write_all(octets).await);
    let mut more = [0];
    drop(stream.read(&mut more).await);
}

fn ok(fields: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{fields}\r\n", body.len());
    answer.push_str("");
    let mut answer = answer.into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\ncontent-length: 5\r\n\r\nhello").into_bytes()
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut into = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    into.write_all(octets).unwrap();
    into.finish().unwrap()
}

fn config(address: SocketAddr) -> HttpConfig {
    let mut config = HttpConfig::new(format!("http://{address}"));
    config.every = Duration::from_millis(1);
    config
}

/// The timeout for something that never arrives.
fn hasty(address: SocketAddr) -> HttpConfig {
    let short = Duration::from_millis(300);
    let limits =
        SourceLimits { octets: 100_000, line: 1000, first: short, idle: short, total: short * 3 };
    HttpConfig { limits, ..config(address) }
}

fn zone(address: SocketAddr) -> HttpDocument {
    HttpDocument::zone(&hasty(address), "pool.example", false).unwrap()
}

fn document(text: &str) -> Event {
    let text = text.as_bytes().to_vec();
    Event::Zone { apex: "pool.example".to_owned(), text, signature: None }
}

#[tokio::test]
async fn a_zone_is_asked_for_with_the_token_and_once_only_while_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let (address, asked) = serve(|_, head, stream| async move {
        if head.contains("if-none-match: \"one\"") {
            return say(stream, b"HTTP/1.1 304 Not Modified\r\netag: \"one\"\r\n\r\n".to_vec())
                .await;
        }
        let fields =
            "content-type: application/json\r\netag: \"one\"\r\ncontent-encoding: gzip\r\n";
        say(stream, ok(fields, &gzip(b"{\"serial\":1}"))).await;
    })
    .await;
    let config = HttpConfig { token_file: Some(token.clone()), ..config(address) };
    let mut source = HttpDocument::zone(&config, "pool.example", false).unwrap();
    assert_eq!(source.next().await.unwrap(), document("{\"serial\":1}"));
    std::fs::write(&token, " another ").unwrap();
    assert_eq!(source.next().await.unwrap(), Event::Unchanged);
    assert_eq!(source.next().await.unwrap(), Event::Unchanged);
    let asked = asked.lock().unwrap();
    assert!(
        asked[0].starts_with("get /api/dns-zone?origin=pool.example http/1.1\r\n"),
        "{asked:?}"
    );
    assert!(asked[0].contains("\r\nauthorization: bearer s3cret\r\n"), "{asked:?}");
    assert!(asked[0].contains(&format!("\r\nhost: {address}\r\n")), "{asked:?}");
    assert!(asked[0].contains("\r\naccept-encoding: gzip\r\n"), "{asked:?}");
    assert!(!asked[0].contains("if-none-match"));
    assert!(asked[1].contains("bearer another\r\n") && asked[2].contains("if-none-match: \"one\""));
    let status = source.status().read();
    assert!(
        status.connected && status.error.is_none() && !format!("{status:?}").contains("s3cret")
    );
}

#[tokio::test]
async fn a_new_signature_brings_its_document_even_if_that_seems_the_same() {
    let (address, asked) = serve(|count, head, stream| async move {
        let answer = match (head.contains(".minisig?origin=pool.example "), count) {
            (true, 0 | 2) => ok("", b"old"),
            (true, _) => ok("", b"new"),
            (false, _) if head.contains("if-none-match: x") => {
                b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()
            }
            (false, _) => ok("etag: x\r\n", b"{}"),
        };
        say(stream, answer).await;
    })
    .await;
    let mut source = HttpDocument::zone(&config(address), "pool.example", true).unwrap();
    let signed = |signature: &str| Event::Zone {
        apex: "pool.example".to_owned(),
        text: b"{}".to_vec(),
        signature: Some(signature.as_bytes().to_vec()),
    };
    assert_eq!(source.next().await.unwrap(), signed("old"));
    assert_eq!(source.next().await.unwrap(), Event::Unchanged);
    assert_eq!(source.next().await.unwrap(), signed("new"));
    assert_eq!(source.next().await.unwrap(), Event::Unchanged);
    assert_eq!(asked.lock().unwrap().len(), 8);
}

#[tokio::test]
async fn each_refusal_is_named_with_its_place_and_cause() {
    let fields = "content-type: text/html; charset=utf-8\r\n";
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec();
    let packed = gzip(&b"a zone ".repeat(1000));
    let cut = &packed[..packed.len() - 9];
    let bomb = gzip(&vec![b' '; 10_000_000]);
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello".to_vec();
    let long = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{".to_vec();
    let mut heads = b"HTTP/1.1 200 OK\r\n".to_vec();
    heads.extend_from_slice(&b"x: y\r\n".repeat(30_000));
    let endless = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &vec![b' '; 200_000]].concat();
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (status("401 Unauthorized"), "refused", "refused (HTTP 401 Unauthorized); check the cred"),
        (status("403 Forbidden"), "refused", "refused (HTTP 403 Forbidden)"),
        (status("404 Not Found"), "missing", "not there (HTTP 404 Not Found); check the name"),
        (status("500 Internal Server Error"), "answer", "HTTP 500 Internal Server Error"),
        (
            status("302 Found\r\nlocation: http://elsewhere/"),
            "answer",
            "to http://elsewhere/; name",
        ),
        (ok(fields, b"<html>"), "answer", "the answer is text/html, not JSON"),
        (ok("content-encoding: br\r\n", b"x"), "answer", "encoded as br, which was not asked for"),
        (ok("content-encoding: gzip\r\n", cut), "damaged", "gzip: "),
        (ok("content-encoding: gzip\r\n", b"{}"), "damaged", "gzip: "),
        (ok("content-encoding: gzip\r\n", &bomb), "too_large", "more than 100000 octets"),
        (chunked, "damaged", "damaged on its way"),
        (short, "damaged", "end of file before message length reached"),
        (long, "too_large", "more than 100000 octets; nothing of it is used"),
        (endless, "too_large", "more than 100000 octets"),
        (heads, "answer", "no HTTP response: "),
        (b"SSH-2.0-x\r\n".to_vec(), "answer", "no HTTP response: "),
        (Vec::new(), "answer", "no HTTP response: "),
    ];
    for (answer, reason, says) in cases {
        let (address, _asked) = always(answer).await;
        let mut source = zone(address);
        let error = source.next().await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.reason(), reason, "{text}");
        assert!(text.starts_with(&format!("http://{address}/api/dns-zone?origin=pool.example: ")));
        assert!(text.contains(says), "{says}: {text}");
        let status = source.status().read();
        assert_eq!((status.connected, status.retries), (false, 1));
        assert_eq!((status.error, status.reason), (Some(text), Some(reason)));
    }
}

#[tokio::test]
async fn a_server_that_hangs_or_drips_is_given_up() {
    let (address, _asked) = serve(|_, _, stream| async move { hang(stream, b"").await }).await;
    let text = zone(address).next().await.unwrap_err().to_string();
    assert!(text.ends_with("no answer within 0.3 s; given up, it will be tried again"), "{text}");

    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
    let (address, _asked) =
        serve(move |_, _, stream| async move { hang(stream, head).await }).await;
    let text = zone(address).next().await.unwrap_err().to_string();
    assert!(text.contains(": nothing more within 0.3 s"), "{text}");

    let (address, _asked) = serve(|_, _, mut stream| async move {
        let mut octets = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n".to_vec();
        while stream.write_all(&octets).await.is_ok() {
            octets = vec![b' '];
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let text = zone(address).next().await.unwrap_err().to_string();
    assert!(text.contains(": not complete within 0.9 s"), "{text}");

    // One that drips its headers never has an answer.
    let (address, _asked) = serve(|_, _, mut stream| async move {
        let mut octets = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
        while stream.write_all(&octets).await.is_ok() {
            octets = vec![b'y'];
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(zone(address).next().await.unwrap_err().reason(), "slow");
}

#[tokio::test]
async fn nobody_at_the_address_is_said_and_a_source_recovers_from_everything() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let text = zone(address).next().await.unwrap_err().to_string();
    assert!(text.contains("not reached: Connection refused"), "{text}");

    let (address, _asked) = serve(|count, _, stream| async move {
        match count {
            0 => say(stream, status("500 Oops")).await,
            _ => say(stream, ok("", b"{}")).await,
        }
    })
    .await;
    let mut source = zone(address);
    assert_eq!(source.next().await.unwrap_err().reason(), "answer");
    assert_eq!(source.next().await.unwrap(), document("{}"));
    let status = source.status().read();
    assert_eq!((status.connected, status.retries, status.failures), (true, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_time_gets_it() {
    for (told, least) in [("120", 120), ("Mon, 01 Jan 2001 00:00:00 GMT", 0), ("nonsense", 0)] {
        let answer = format!("503 Busy\r\nretry-after: {told}");
        let (address, asked) = always(status(&answer)).await;
        // Time stands still while there is something to do, and jumps when there isn't.
        let patient = Duration::from_secs(86_400);
        let limits = SourceLimits {
            first: patient,
            idle: patient,
            total: patient,
            ..SourceLimits::default()
        };
        let config = HttpConfig { limits, ..config(address) };
        let mut source = HttpDocument::snapshot(&config, false).unwrap();
        source.next().await.unwrap_err();
        let begun = tokio::time::Instant::now();
        source.next().await.unwrap_err();
        let waited = begun.elapsed().as_secs();
        assert!((least..least + 15).contains(&waited), "{told}: {waited} s");
        assert_eq!(asked.lock().unwrap().len(), 2);
    }
}

fn line(id: u64) -> String {
    format!("{{\"id\":{id},\"ts\":1,\"server_id\":7,\"score\":19.5}}\n")
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_resumed_after_the_last_delta() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    let (address, asked) = serve(move |count, _, stream| async move {
        let answer = match count {
            0 => format!(
                "{head}{}{}",
                chunk(&line(6)),
                chunk(&(line(7) + "nonsense\n" + &line(8)[..9]))
            ),
            1 => format!("{head}{}{}0\r\n\r\n", chunk("\n"), chunk(&(line(7) + &line(8)))),
            2 => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            _ => format!("{head}{}", chunk(&line(9))),
        };
        match count {
            0..=2 => say(stream, answer.into_bytes()).await,
            _ => hang(stream, answer.as_bytes()).await,
        }
    })
    .await;
    let mut config = hasty(address);
    config.url.push_str("/scores?format=ndjson");
    let mut source = HttpStream::new(&config, 5).unwrap();
    let (mut ids, mut reasons) = (Vec::new(), Vec::new());
    while ids.last() != Some(&9) || reasons.last() != Some(&"slow") {
        match source.next().await {
            Ok(Event::Deltas(deltas)) => ids.extend(deltas.iter().map(|delta| delta.id)),
            Ok(Event::Unchanged) => {}
            Ok(event) => panic!("{event:?}"),
            Err(error) => reasons.push(error.reason()),
        }
    }
    assert_eq!(ids, [6, 7, 8, 9]);
    assert_eq!(reasons, ["broken_lines", "interrupted", "slow"]);
    let asked = asked.lock().unwrap();
    let afters: Vec<&str> = asked.iter().map(|head| head.lines().next().unwrap()).collect();
    assert_eq!(
        afters[..4],
        [
            "get /scores?format=ndjson&after=5 http/1.1",
            "get /scores?format=ndjson&after=7 http/1.1",
            "get /scores?format=ndjson&after=8 http/1.1",
            "get /scores?format=ndjson&after=8 http/1.1",
        ]
    );
    let status = source.status().read();
    assert_eq!((status.deltas, status.broken_lines), (4, 1));
}

#[tokio::test]
async fn a_stream_is_asked_again_from_the_cursor_that_the_pool_has_gone_back_to() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    let at = |id, ts: i64| line(id).replace("\"ts\":1", &format!("\"ts\":{ts}"));
    let (address, asked) = serve(move |count, _, stream| async move {
        let lines = match count {
            0 => at(1001, 100) + &at(1010, 110),
            // This server still has what was given up.
            _ => at(1001, 100) + &at(1010, 110) + &at(901, 110) + &at(902, 120),
        };
        hang(stream, (head.to_owned() + &chunk(&lines)).as_bytes()).await;
    })
    .await;
    let mut source = HttpStream::new(&config(address), 1000).unwrap();
    let mut ids = Vec::new();
    while ids.last() != Some(&902) {
        match source.next().await.unwrap() {
            Event::Deltas(deltas) => ids.extend(deltas.iter().map(|delta| delta.id)),
            Event::Unchanged => {}
            event => panic!("{event:?}"),
        }
        if ids.last() == Some(&1010) {
            let discarded = Some(Discarded { until: 110, from: 1010, through: 1010 });
            source.rewind(Cursor { id: 900, time: 50, discarded });
        }
    }
    assert_eq!(ids, [1001, 1010, 901, 902]);
    assert!(asked.lock().unwrap()[1].starts_with("get /?after=900 "));
}

#[tokio::test]
async fn a_driven_source_stops_when_nobody_listens() {
    let (address, _asked) = always(ok("", b"{}")).await;
    let (into, mut from) = tokio::sync::mpsc::channel(1);
    let task = tokio::spawn(drive(Box::new(zone(address)), into));
    assert_eq!(from.recv().await.unwrap().unwrap(), document("{}"));
    drop(from);
    task.await.unwrap();
}

/// A private authority, and a server's certificate of its making.
mod authority {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use std::sync::Arc;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    pub(super) fn make() -> (String, TlsAcceptor) {
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_key = KeyPair::generate().unwrap();
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let issuer = Issuer::new(root, root_key);
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        (root_pem, TlsAcceptor::from(Arc::new(config)))
    }
}

#[tokio::test]
async fn tls_is_spoken_with_whom_the_roots_vouch_for_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (root, acceptor) = authority::make();
    let (stranger, _acceptor) = authority::make();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_head(&mut stream).await;
            say(stream, ok("", b"{}")).await;
        }
    });
    let ask = async |host: &str, pem: &str| {
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, pem).unwrap();
        let mut config = HttpConfig::new(format!("https://{host}:{port}"));
        config.ca_file = Some(ca_file);
        HttpDocument::zone(&config, "pool.example", false).unwrap().next().await
    };
    assert_eq!(ask("localhost", &root).await.unwrap(), document("{}"));
    for (host, pem, says) in [
        ("localhost", &stranger, "invalid peer certificate"),
        ("127.0.0.1", &root, "not valid for name \"127.0.0.1\""),
    ] {
        let error = ask(host, pem).await.unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}
