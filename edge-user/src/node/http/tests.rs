//! Tests of the HTTP service over sockets, with good and bad requests.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{CONNECTIONS, Http, Running};
use crate::node::health_state::HealthState;
use crate::node::metrics::{Instance, Metrics};
use crate::node::status::{Status, Zone};
use crate::settings as config;
use edge_authority::Inherited;
use edge_tables::answer_counts::AnswerCounts;

struct Service {
    address: SocketAddr,
    health: Arc<HealthState>,
    _running: Running,
    answer_counts: AnswerCounts,
}

fn config(user: &str) -> config::Http {
    config::Http {
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        user: user.to_owned(),
        password: "open sesame".to_owned(),
        ..config::Http::default()
    }
}

fn serve(user: &str) -> Service {
    serve_by(&config(user))
}

fn serve_by(config: &config::Http) -> Service {
    let http = Http::bind(config, &mut Inherited::default()).unwrap().unwrap();
    let address = http.address();
    let health = Arc::new(HealthState::default());
    let instance = Instance {
        id: "edge1".into(),
        ip: "192.0.2.1".into(),
        group: String::new(),
        started: SystemTime::now(),
    };
    let answer_counts = AnswerCounts::default();
    let metrics = Metrics {
        clock: None,
        answer_counts: answer_counts.clone(),
        top: 20,
        feed: None,
        instance,
        authority: Arc::default(),
        verdicts: Box::new(|| None),
        requests: Box::new(|| None),
        health: Arc::clone(&health),
    };
    Service { address, health, answer_counts, _running: http.serve(metrics).unwrap() }
}

impl Service {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// The response to whatever is sent.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        let mut response = Vec::new();
        // The other side may close before it has read all.
        stream.read_to_end(&mut response).unwrap_or_default();
        String::from_utf8(response).unwrap()
    }

    fn get(&self, path: &str) -> String {
        self.ask("GET", path, "")
    }

    fn ask(&self, method: &str, path: &str, fields: &str) -> String {
        self.raw(format!("{method} {path} HTTP/1.1\r\nHost: edge\r\n{fields}\r\n").as_bytes())
    }
}

#[test]
fn the_version_ends_with_a_line_feed() {
    let response = serve("").get("/version");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    let expect = format!("\r\n\r\nedge {}\n", env!("CARGO_PKG_VERSION"));
    assert!(response.ends_with(&expect), "{response}");
}

#[test]
fn metrics_are_in_prometheus_text_format() {
    let response = serve("").get("/metrics");
    assert!(response.contains("content-type: text/plain; version=0.0.4"), "{response}");
    assert!(response.contains("\ngeodns_instance_info{ID=\"edge1\""), "{response}");
}

#[test]
fn points_are_json_of_as_many_servers_as_are_asked_for() {
    let service = serve("");
    let report = |path: &str| -> serde_json::Value {
        let response = service.get(path);
        assert!(response.contains("content-type: application/json\r\n"), "{response}");
        serde_json::from_str(response.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    assert_eq!(report("/points")["answers"], 0);
    {
        let mut counts = service.answer_counts.open();
        let servers = [1, 2, 3].map(|n| (std::net::IpAddr::from([192, 0, 2, n]), u32::from(n)));
        let points = Arc::make_mut(&mut counts.points);
        let deck = points.composition(3, servers);
        points.add("de", 30, &deck);
    }
    let all = report("/points");
    assert_eq!((&all["answers"], &all["servers"]), (&30.into(), &3.into()));
    assert_eq!(all["top"].as_array().unwrap().len(), 3);
    let first = report("/points?top=1");
    assert_eq!(first["top"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&first["top"][0]["ip"], &first["top"][0]["answers"]),
        (&"192.0.2.3".into(), &30.0.into())
    );
    for query in ["top", "top=", "top=x", "n=1", "top=1&top=2"] {
        let response = service.get(&format!("/points?{query}"));
        assert!(response.starts_with("HTTP/1.1 400 "), "{query}: {response}");
    }
}

#[test]
fn everything_else_is_not_found() {
    let service = serve("");
    for path in ["/", "/metrics/", "/Metrics", "/../version", "/status"] {
        let response = service.get(path);
        assert!(response.starts_with("HTTP/1.1 404 "), "{path}: {response}");
    }
    assert!(service.get("/version?a=b").starts_with("HTTP/1.1 200 "));
}

#[test]
fn only_get_and_head_are_allowed() {
    let service = serve("");
    let response = service.ask("POST", "/metrics", "Content-Length: 0\r\n");
    assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
    assert!(response.contains("allow: GET, HEAD\r\n"), "{response}");
    let response = service.ask("HEAD", "/version", "");
    assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with("\r\n\r\n"), "{response}");
}

#[test]
fn health_has_the_reason_if_the_node_is_unhealthy() {
    let service = serve("");
    let response = service.get("/health");
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("content-type: application/json\r\n"), "{response}");
    let reasons = "{\"status\":\"unwell\",\"reasons\":[\"no zone is served\",\"the lease has \
                   never been renewed\"]}\n";
    assert!(response.ends_with(reasons), "{response}");

    let name = "pool.example".to_owned();
    let zone = Zone { name, serial: 1, ..Zone::default() };
    service.health.serve(Status { zones: vec![zone], ..Status::default() });
    service.health.renew();
    let response = service.get("/health");
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(response.ends_with("{\"status\":\"ok\",\"reasons\":[]}\n"), "{response}");
}

#[test]
fn with_a_user_every_page_but_the_health_check_asks_for_the_password() {
    let service = serve("Aladdin");
    let good = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    for path in ["/metrics", "/version", "/health/", "/elsewhere"] {
        for fields in ["", "Authorization: Basic QWxhZGRpbjo=\r\n"] {
            let response = service.ask("GET", path, fields);
            assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
            assert!(response.contains("www-authenticate: Basic realm=\"edge\""), "{response}");
        }
        assert!(!service.ask("GET", path, good).starts_with("HTTP/1.1 401 "), "{path}");
    }
    assert!(service.get("/health").starts_with("HTTP/1.1 503 "));
}

#[test]
fn the_health_check_asks_for_the_password_if_that_is_wished() {
    let service = serve_by(&config::Http { protect_health: true, ..config("Aladdin") });
    for path in ["/health", "/health?service=dns4"] {
        let response = service.get(path);
        assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
    }
}

#[test]
fn the_health_of_one_service_is_asked_for_by_its_name() {
    let service = serve("");
    let response = service.get("/health?service=ntp6");
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("ntp6 isn't served"), "{response}");
    for query in ["service=dns5", "service=", "service", "x=dns4"] {
        let response = service.get(&format!("/health?{query}"));
        assert!(response.starts_with("HTTP/1.1 400 "), "{query}: {response}");
    }
}

#[test]
fn what_is_no_request_ends_the_connection_and_hurts_nobody() {
    let service = serve("");
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET /version HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    for request in [&b"\r\n\x00\x01\x02"[..], b"GET\r\n\r\n", long.as_bytes(), many.as_bytes()] {
        let mut stream = service.connect();
        // The other side may have closed before all is written.
        stream.write_all(request).unwrap_or_default();
        stream.shutdown(Shutdown::Write).unwrap_or_default();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap_or_default();
        assert!(!response.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&response));
        assert!(service.get("/version").starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn clients_that_send_nothing_keep_nobody_out() {
    let service = serve("");
    let mut silent: Vec<_> = (0..2 * CONNECTIONS).map(|_| service.connect()).collect();
    assert!(service.get("/version").starts_with("HTTP/1.1 200 "));
    // The oldest had to go.
    let ended = silent[0].read(&mut [0]);
    assert!(matches!(ended, Ok(0)) || ended.is_err_and(|error| !is_timeout(&error)));
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

#[test]
fn a_port_that_is_taken_is_named_with_the_way_out() {
    let first = Http::bind(&config(""), &mut Inherited::default()).unwrap().unwrap();
    let second = config::Http { listen: Some(first.address()), ..config("") };
    let error = Http::bind(&second, &mut Inherited::default()).unwrap_err().to_string();
    let begin = format!("http.listen {}: Address already in use", first.address());
    assert!(error.starts_with(&begin), "{error}");
    assert!(error.ends_with("; name another address, or \"\" for none"), "{error}");
}

#[test]
fn without_an_address_there_is_no_service() {
    let none = config::Http { listen: None, ..config("") };
    assert!(Http::bind(&none, &mut Inherited::default()).unwrap().is_none());
}
