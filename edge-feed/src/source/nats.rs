//! NATS JetStream: the connection to the servers.
//!
//! async-nats keeps the connection; it tries the servers in turn until one answers. The readers
//! find out what they missed meanwhile: see [`deltas`] and [`snapshots`].

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::{self, ErrorCode};
use async_nats::{ConnectError, ConnectOptions, ServerAddr};
use tokio::sync::watch;
use tokio::time::timeout;

use super::token::secret;
use super::{SourceError, tls};
use edge_leaves::error_chain::error_chain;

pub mod deltas;
mod keys;
pub mod publish;
mod reader;
pub mod snapshots;

pub use super::link::{Link, LinkState};
pub use deltas::NatsDeltas;
pub use publish::Retention;
pub use snapshots::NatsDocument;

/// How long a server may take for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Interval of pings. A connection ends with the third ping that gets no answer: a server that is
/// cut off closes nothing.
const PING: Duration = Duration::from_secs(1);
/// How long the client may take to report its servers' errors.
const ASIDE: Duration = Duration::from_millis(200);
/// The longest pause between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(5);

/// Configuration of a connection to NATS.
#[derive(Clone, Debug, Default)]
pub struct NatsConfig {
    /// The servers, such as `nats://192.0.2.1:4222` or `tls://nats.example`. One is enough; it
    /// announces the others.
    pub servers: Vec<String>,
    /// Our name in the servers' lists: the node's name.
    pub name: String,
    /// A file with a JWT and its seed, as `nsc` writes it.
    pub credentials_file: Option<PathBuf>,
    /// A user, with `password_file`.
    pub user: Option<String>,
    /// The file with that user's password.
    pub password_file: Option<PathBuf>,
    /// A PEM file of roots that are trusted instead of the system's. With it there is no connection
    /// without TLS.
    pub ca_file: Option<PathBuf>,
    /// Our certificate as a PEM file, with `key_file`.
    pub certificate_file: Option<PathBuf>,
    /// Our certificate's key as a PEM file.
    pub key_file: Option<PathBuf>,
}

/// A connection to NATS. Clones share it; it can be used from any thread.
#[derive(Clone)]
pub struct Nats {
    servers: String,
    /// Settings for a second attempt that finds the error while there has never been a connection:
    /// async-nats doesn't report it.
    probe: (ConnectOptions, Vec<ServerAddr>),
    client: async_nats::Client,
    jetstream: jetstream::Context,
    link: Link,
}

impl std::fmt::Debug for Nats {
    /// Leaves out the options, which hold secrets.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Nats").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Nats {
    /// Starts to connect, and retries for ever. It doesn't wait for a server; a source that needs
    /// one reports if there is none.
    ///
    /// # Errors
    /// When the configuration can't work: no servers, a file that isn't there or holds something
    /// else.
    pub async fn connect(config: &NatsConfig) -> Result<Self, SourceError> {
        let servers = addresses(&config.servers)?;
        let (state, link) = watch::channel(LinkState::default());
        let probe = options(config).await?.name(&config.name).connection_timeout(ANSWER);
        let options = probe
            .clone()
            .retry_on_initial_connect()
            .ping_interval(PING)
            .request_timeout(Some(ANSWER))
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                state.send_modify(|state| take_note(state, &event));
                std::future::ready(())
            });
        let place = config.servers.join(", ");
        let connected = options.connect(&servers[..]).await;
        let client = connected.map_err(|cause| unreachable(place.clone(), &cause))?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(ANSWER);
        Ok(Self { servers: place, probe: (probe, servers), client, jetstream, link: Link(link) })
    }

    /// The connection's state.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// The server that we are connected to, by its own name; `None` while there is none.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        self.link.read().connected.then(|| self.client.server_info().server_name)
    }

    /// Returns the error of the connection if there is none.
    async fn reach(&self) -> Result<(), SourceError> {
        let state = self.link.read();
        if state.connected {
            return Ok(());
        }
        if state.connections == 0 {
            let (options, servers) = self.probe.clone();
            return match options.connect(&servers[..]).await {
                // The main connection will be there in a moment.
                Ok(_) => match timeout(ANSWER, self.link().connected_after(0)).await {
                    Ok(()) => Ok(()),
                    Err(_) => Err(silent(&self.servers, "no connection yet")),
                },
                Err(cause) => Err(unreachable(self.servers.clone(), &cause)),
            };
        }
        let mut causes = Vec::new();
        let pool = timeout(ASIDE, self.client.server_pool()).await;
        for server in pool.ok().and_then(Result::ok).unwrap_or_default() {
            if let Some(cause) = &server.last_error {
                causes.push(format!("{server}: {cause}"));
            }
        }
        causes.extend(state.error.filter(|_cause| causes.is_empty()));
        Err(silent(&self.servers, &causes.join("; ")))
    }
}

/// The error of a missing connection, possibly because of wrong credentials.
fn silent(place: &str, cause: &str) -> SourceError {
    let (place, cause) = (place.to_owned(), cause.to_owned());
    if cause.to_ascii_lowercase().contains("authoriz") {
        return SourceError::Refused { place, cause };
    }
    SourceError::Unreachable { place, cause }
}

/// The error of a failed attempt to connect.
fn unreachable(place: String, error: &ConnectError) -> SourceError {
    silent(&place, &error_chain(error))
}

/// The servers' addresses. A password in one of them would be shown in messages.
fn addresses(servers: &[String]) -> Result<Vec<ServerAddr>, SourceError> {
    if servers.is_empty() {
        return Err(SourceError::setting(
            "nats",
            "no servers; name one, such as nats://127.0.0.1:4222",
        ));
    }
    let mut addresses = Vec::with_capacity(servers.len());
    for server in servers {
        if let Some((_, host)) = server.rsplit_once('@') {
            let cause = "has a user in it; use user and password_file, or credentials_file";
            return Err(SourceError::setting(host, cause));
        }
        let address = server.parse().map_err(|cause| SourceError::setting(server, cause))?;
        addresses.push(address);
    }
    Ok(addresses)
}

async fn options(config: &NatsConfig) -> Result<ConnectOptions, SourceError> {
    let mut options = ConnectOptions::new();
    if let Some(path) = &config.credentials_file {
        let text = tokio::fs::read_to_string(path).await.map_err(SourceError::file(path))?;
        options = options.credentials(&text).map_err(|_cause| {
            // The cause might show what is in it.
            SourceError::setting(
                path.display(),
                "no credentials in it; a file of nsc's is expected",
            )
        })?;
    }
    match (&config.user, &config.password_file) {
        (Some(user), Some(path)) => {
            options = options.user_and_password(user.clone(), secret(path).await?);
        }
        (None, None) => {}
        _ => return Err(SourceError::setting("nats", "user and password_file need each other")),
    }
    // async-nats would find out only when it connects, and try for ever.
    if let Some(path) = &config.ca_file {
        tls::roots_in(path)?;
        options = options.add_root_certificates(path.clone()).require_tls(true);
    }
    match (&config.certificate_file, &config.key_file) {
        (Some(certificate), Some(key)) => {
            tls::certificates(certificate)?;
            tls::key(key)?;
            options = options.add_client_certificate(certificate.clone(), key.clone());
            options = options.require_tls(true);
        }
        (None, None) => {}
        _ => {
            let cause = "certificate_file and key_file need each other";
            return Err(SourceError::setting("nats", cause));
        }
    }
    Ok(options)
}

/// Pause before an attempt to connect: none before the first, then from 0.2 s up to [`PAUSE`]; half
/// of it is random.
fn pause(attempts: usize) -> Duration {
    let Some(doublings) = attempts.checked_sub(2) else { return Duration::ZERO };
    let doublings = u32::try_from(doublings).unwrap_or(u32::MAX).min(8);
    let most = Duration::from_millis(200).saturating_mul(1 << doublings).min(PAUSE);
    most.mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn take_note(state: &mut LinkState, event: &async_nats::Event) {
    match event {
        async_nats::Event::Connected => {
            state.connected = true;
            state.connections += 1;
            state.error = None;
        }
        async_nats::Event::Disconnected | async_nats::Event::Closed => {
            state.connected = false;
            state.error.get_or_insert_with(|| "the connection was lost".to_owned());
        }
        async_nats::Event::ServerError(cause) => state.error = Some(cause.to_string()),
        async_nats::Event::ClientError(cause) => state.error = Some(cause.to_string()),
        // The reader counts the messages that a slow consumer has lost.
        async_nats::Event::LameDuckMode
        | async_nats::Event::Draining
        | async_nats::Event::SlowConsumer(_) => {}
    }
}

/// An error of JetStream, possibly that there is no such stream.
fn refused(place: &str, error: &jetstream::Error) -> SourceError {
    let (place, cause) = (place.to_owned(), error.to_string());
    if error.error_code() == ErrorCode::STREAM_NOT_FOUND {
        return SourceError::Missing { place, cause };
    }
    SourceError::Answer { place, cause }
}

/// The name of a zone's bucket. Dots become underscores, because names of buckets can't have dots.
#[must_use]
pub fn bucket_of(apex: &str) -> String {
    apex.trim_end_matches('.').replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::{Nats, NatsConfig, PAUSE, bucket_of, pause};
    use std::fs;
    use std::time::Duration;

    #[test]
    fn a_bucket_is_named_after_its_origin() {
        assert_eq!(bucket_of("pool.ntp.org."), "pool_ntp_org");
    }

    #[test]
    fn attempts_to_connect_slow_down_but_not_for_long() {
        assert_eq!((pause(0), pause(1)), (Duration::ZERO, Duration::ZERO));
        assert!(pause(2) >= Duration::from_millis(100) && pause(2) <= Duration::from_millis(200));
        assert!(pause(usize::MAX) >= PAUSE / 2 && pause(usize::MAX) <= PAUSE);
    }

    #[tokio::test]
    async fn what_cannot_work_is_said_before_a_connection_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "s3cret").unwrap();
        let good = NatsConfig { servers: vec!["nats://127.0.0.1:9".into()], ..Default::default() };
        let nowhere = Some("/nowhere/f".into());
        let cases = [
            (NatsConfig::default(), "nats: no servers"),
            (
                NatsConfig { servers: vec!["nats://joe:s3cret@h".into()], ..good.clone() },
                "h: has a user in it",
            ),
            (NatsConfig { servers: vec!["http://[".into()], ..good.clone() }, "http://[: "),
            (NatsConfig { user: Some("joe".into()), ..good.clone() }, "need each other"),
            (NatsConfig { key_file: nowhere.clone(), ..good.clone() }, "need each other"),
            (NatsConfig { ca_file: nowhere.clone(), ..good.clone() }, "/nowhere/f: No such file"),
            (NatsConfig { credentials_file: nowhere, ..good.clone() }, "/nowhere/f: No such file"),
            (NatsConfig { ca_file: Some(path.clone()), ..good.clone() }, "f: no certificate in it"),
            (NatsConfig { credentials_file: Some(path), ..good }, "f: no credentials in it"),
        ];
        for (config, says) in cases {
            let error = Nats::connect(&config).await.map(|_nats| ()).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("s3cret"), "{error}");
        }
    }
}
