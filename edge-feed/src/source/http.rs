//! HTTP client for one server, with limits on octets and time.
//!
//! Each request has its own connection, made by hyper over tokio-rustls: requests are seconds
//! apart, and both crates are in the tree for `/metrics` and NATS. Redirections aren't followed,
//! because the token would go along.

use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::gzip::{Decompressor, UnpackError};
use super::token::Token;
use super::{SourceError, SourceLimits, tls};
use edge_leaves::error_chain::error_chain;

/// Octets of a response's headers, and of what hyper reads at once.
const HEADER_OCTETS: usize = 64 << 10;
/// Header fields of a response.
const HEADER_FIELDS: usize = 100;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("edge/", env!("CARGO_PKG_VERSION")));

/// How an HTTP server is reached.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// The address, `https://` or `http://`. With a token it must be https, or a loopback address.
    pub url: String,
    /// A file with a bearer token, read for each request.
    pub token_file: Option<PathBuf>,
    /// A PEM file of roots that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The time between requests while there is no error.
    pub every: Duration,
    /// Limits of a response.
    pub limits: SourceLimits,
}

impl HttpConfig {
    /// For an address: a request every 30 s, without a token.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let every = Duration::from_secs(30);
        Self {
            url: url.into(),
            token_file: None,
            ca_file: None,
            every,
            limits: SourceLimits::default(),
        }
    }
}

/// A client of one server.
pub(crate) struct HttpClient {
    host: String,
    port: u16,
    /// The `Host` field.
    authority: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    token: Option<Token>,
    pub(crate) limits: SourceLimits,
}

/// A response whose body has not been read.
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    place: String,
    limits: SourceLimits,
    begun: Instant,
    /// The task that drives the connection. It ends with the response.
    connection: JoinHandle<()>,
}

impl Drop for HttpResponse {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl HttpClient {
    /// # Errors
    /// When the address isn't one, or the roots can't be read.
    pub(crate) fn new(config: &HttpConfig) -> Result<(Self, Uri), SourceError> {
        let wrong = |cause: &str| SourceError::setting(&config.url, cause);
        let uri: Uri =
            config.url.parse().map_err(|cause| SourceError::setting(&config.url, cause))?;
        let authority = uri.authority().ok_or_else(|| wrong("write https://HOST/PATH"))?;
        if authority.as_str().contains('@') {
            // Not shown: there is a password in it.
            let cause = "has a user in it; put a bearer token into a token_file";
            return Err(SourceError::setting(authority.host(), cause));
        }
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("write https:// or http:// before it")),
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let tls = if is_https {
            let name = ServerName::try_from(host.clone())
                .map_err(|cause| SourceError::setting(&config.url, cause))?;
            Some((tls::connector(config.ca_file.as_deref())?, name))
        } else {
            if config.token_file.is_some() && !is_loopback(&host) {
                return Err(wrong("would send the token in clear; use https"));
            }
            None
        };
        let client = Self {
            port: uri.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority.as_str())
                .map_err(|cause| SourceError::setting(&config.url, cause))?,
            host,
            tls,
            token: config.token_file.clone().map(Token::new),
            limits: config.limits,
        };
        Ok((client, uri))
    }

    /// Requests a page. Returns when the headers have arrived.
    pub(crate) async fn get(
        &self,
        uri: &Uri,
        more: &[(HeaderName, HeaderValue)],
    ) -> Result<HttpResponse, SourceError> {
        let begun = Instant::now();
        let mut request = Request::get(uri.path_and_query().map_or("/", |page| page.as_str()))
            .header(header::HOST, &self.authority)
            .header(header::USER_AGENT, AGENT)
            .body(Empty::<Bytes>::new())
            .map_err(|cause| SourceError::setting(uri, cause))?;
        for (name, value) in more {
            request.headers_mut().insert(name, value.clone());
        }
        if let Some(token) = &self.token {
            request.headers_mut().insert(header::AUTHORIZATION, token.header().await?);
        }
        let first = self.limits.first;
        let (answer, connection) = timeout(first, self.exchange(request, uri))
            .await
            .map_err(|_elapsed| slow(uri, "no answer", first))??;
        let (head, body) = answer.into_parts();
        let (status, headers) = (head.status, head.headers);
        let (place, limits) = (uri.to_string(), self.limits);
        Ok(HttpResponse { status, headers, body, place, limits, begun, connection })
    }

    async fn exchange(
        &self,
        request: Request<Empty<Bytes>>,
        uri: &Uri,
    ) -> Result<(hyper::Response<Incoming>, JoinHandle<()>), SourceError> {
        let lost = |cause: std::io::Error| SourceError::Unreachable {
            place: uri.to_string(),
            cause: cause.to_string(),
        };
        let stream = TcpStream::connect((&*self.host, self.port)).await.map_err(lost)?;
        match &self.tls {
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(lost)?;
                converse(stream, request, uri).await
            }
            None => converse(stream, request, uri).await,
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
    uri: &Uri,
) -> Result<(hyper::Response<Incoming>, JoinHandle<()>), SourceError> {
    let failed = |cause: hyper::Error| SourceError::Answer {
        place: uri.to_string(),
        cause: format!("no HTTP response: {}", error_chain(&cause)),
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_OCTETS)
        .max_headers(HEADER_FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    // An error of the connection shows in the response too.
    let connection = tokio::spawn(async move { drop(connection.await) });
    match sender.send_request(request).await {
        Ok(response) => Ok((response, connection)),
        Err(cause) => {
            connection.abort();
            Err(failed(cause))
        }
    }
}

impl HttpResponse {
    /// Whether the response has a document: `Ok(false)` if the server has nothing newer.
    pub(crate) fn is_new(&self) -> Result<bool, SourceError> {
        let place = self.place.clone();
        let cause = format!("HTTP {}", self.status);
        match self.status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT => Ok(false),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(SourceError::Refused { place, cause })
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(SourceError::Missing { place, cause }),
            status if status.is_redirection() => {
                let to = self.header(&header::LOCATION).unwrap_or("nowhere");
                let cause = format!("{cause} to {to:.200}; name that address if it is right");
                Err(SourceError::Answer { place, cause })
            }
            _ => Err(SourceError::Answer { place, cause }),
        }
    }

    /// The pause that the server asks for (`Retry-After`, RFC 9110 §10.2.3).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = self.header(&header::RETRY_AFTER)?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        let seconds = date.timestamp().as_second() - crate::unix_time::now();
        u64::try_from(seconds).ok().map(Duration::from_secs)
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The next octets of the body; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, SourceError> {
        let idle = self.limits.idle;
        loop {
            let frame = timeout(idle, self.body.frame()).await;
            let frame = frame.map_err(|_elapsed| slow(&self.place, "nothing more", idle))?;
            match frame {
                None => return Ok(None),
                // Trailers are ignored.
                Some(Ok(frame)) => {
                    if let Ok(octets) = frame.into_data() {
                        return Ok(Some(octets));
                    }
                }
                Some(Err(cause)) => {
                    let (place, cause) = (self.place.clone(), error_chain(&cause));
                    return Err(SourceError::Damaged { place, cause });
                }
            }
        }
    }

    /// The whole body, decompressed. It may have at most `limit` octets both before and after that.
    pub(crate) async fn read_body(mut self, limit: u64) -> Result<Vec<u8>, SourceError> {
        let total = self.limits.total;
        let until = self.begun + total;
        let read = timeout_at(until, self.read(limit)).await;
        read.map_err(|_elapsed| slow(&self.place, "not complete", total))?
    }

    async fn read(&mut self, limit: u64) -> Result<Vec<u8>, SourceError> {
        let too_large = |place: &str| SourceError::TooLarge { place: place.to_owned(), limit };
        let length: Option<u64> =
            self.header(&header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        if length.is_some_and(|length| length > limit) {
            return Err(too_large(&self.place));
        }
        let is_gzip = match self.header(&header::CONTENT_ENCODING).map(str::trim) {
            None | Some("" | "identity") => false,
            Some("gzip" | "x-gzip") => true,
            Some(other) => {
                let cause = format!("encoded as {other:.40}, which was not asked for");
                return Err(SourceError::Answer { place: self.place.clone(), cause });
            }
        };
        let mut growing = Decompressor::new(is_gzip, limit);
        let mut arrived: u64 = 0;
        let spoilt = |place: &str, spoilt| match spoilt {
            UnpackError::TooLarge => too_large(place),
            UnpackError::Damaged(cause) => SourceError::Damaged { place: place.to_owned(), cause },
        };
        while let Some(piece) = self.piece().await? {
            arrived = arrived.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if arrived > limit {
                return Err(too_large(&self.place));
            }
            growing.push(&piece).map_err(|why| spoilt(&self.place, why))?;
        }
        growing.finish().map_err(|why| spoilt(&self.place, why))
    }

    /// Refuses content types other than JSON or plain text, such as a login page or an error page.
    pub(crate) fn is_json_like(&self) -> Result<(), SourceError> {
        let Some(kind) = self.header(&header::CONTENT_TYPE) else { return Ok(()) };
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json_like = matches!(
            &*kind,
            "" | "application/json"
                | "application/x-ndjson"
                | "application/octet-stream"
                | "application/gzip"
                | "text/json"
                | "text/plain"
        );
        if is_json_like || kind.ends_with("+json") {
            return Ok(());
        }
        let cause = format!("the answer is {kind:.60}, not JSON: a login or error page?");
        Err(SourceError::Answer { place: self.place.clone(), cause })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn slow(place: impl ToString, stage: &'static str, limit: Duration) -> SourceError {
    SourceError::Slow { place: place.to_string(), stage, seconds: limit.as_secs_f64() }
}

/// The address of the signature that belongs to a document: `.minisig` after the path, before the
/// query.
pub(crate) fn signature_of(uri: &Uri) -> Result<Uri, SourceError> {
    let mut parts = uri.clone().into_parts();
    let question = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let page = format!("{}.minisig{question}", uri.path());
    parts.path_and_query = Some(page.parse().map_err(|cause| SourceError::setting(uri, cause))?);
    Uri::from_parts(parts).map_err(|cause| SourceError::setting(uri, cause))
}

/// The same server, another page.
pub(crate) fn page_of(uri: &Uri, page: &str) -> Result<Uri, SourceError> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(page.parse().map_err(|cause| SourceError::setting(page, cause))?);
    Uri::from_parts(parts).map_err(|cause| SourceError::setting(uri, cause))
}

#[cfg(test)]
mod tests {
    use super::{HttpClient, HttpConfig, signature_of};

    fn refusal(url: &str, token: bool) -> String {
        let mut config = HttpConfig::new(url);
        config.token_file = token.then(|| "/nowhere".into());
        HttpClient::new(&config).map(|_client| ()).unwrap_err().to_string()
    }

    #[test]
    fn an_address_that_cannot_work_is_refused_with_the_way_out() {
        assert!(refusal("pool.example/x", false).contains("pool.example/x: "));
        assert!(refusal("/x", false).contains("write https://HOST/PATH"));
        assert!(refusal("ftp://pool.example/x", false).contains("write https:// or http://"));
        assert!(refusal("http://pool.example/x", true).contains("token in clear; use https"));
        let error = refusal("https://joe:s3cret@pool.example/x", false);
        assert!(error.contains("token_file") && !error.contains("s3cret"), "{error}");
        let mut config = HttpConfig::new("https://pool.example/");
        config.ca_file = Some("/nowhere/ca.pem".into());
        let error = HttpClient::new(&config).map(|_client| ()).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/ca.pem: No such file"), "{error}");
    }

    #[test]
    fn a_signature_stands_beside_its_document() {
        let of = |uri: &str| signature_of(&uri.parse().unwrap()).unwrap().to_string();
        assert_eq!(of("http://h/a/b.json"), "http://h/a/b.json.minisig");
        assert_eq!(of("http://h/dns-zone?origin=x"), "http://h/dns-zone.minisig?origin=x");
    }
}
