//! Whole documents, a zone or a snapshot, fetched again and again.
//!
//! A document comes with its detached signature, if there is one. A source reports a document only
//! when it or its signature is new.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use hyper::header::{self, HeaderName, HeaderValue};
use tokio::io::AsyncReadExt as _;

use super::http::{self, HttpClient, HttpConfig};
use super::pace::Pace;
use super::{Event, Next, Source, SourceError, SourceLimits, StatusHandle};
use edge_leaves::file_fingerprint::{FileFingerprint, FileVersion};

/// Octets of the longest signature. minisign's have some 300.
const SIGNATURE_OCTETS: u64 = 4096;

/// What a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// The zone of that name, as geodns reads it.
    Zone {
        /// The zone's name, without a final dot.
        apex: String,
    },
    /// All servers.
    Snapshot,
}

impl DocumentKind {
    pub(crate) fn event(&self, octets: Vec<u8>, signature: Option<Vec<u8>>) -> Event {
        match self {
            Self::Zone { apex } => Event::Zone { apex: apex.clone(), text: octets, signature },
            Self::Snapshot => Event::Snapshot { octets, signature },
        }
    }
}

/// A document on an HTTP server.
pub struct HttpDocument {
    client: HttpClient,
    uri: Uri,
    /// Where the signature is, if the documents are signed.
    signature_uri: Option<Uri>,
    kind: DocumentKind,
    pace: Pace,
    status: StatusHandle,
    etag: Option<HeaderValue>,
    /// The signature that came with the last document.
    signature: Option<Vec<u8>>,
}

impl HttpDocument {
    /// A zone from the pool's own generator: `BASE/api/dns-zone?origin=ORIGIN`. With `is_signed`
    /// the signature is asked for at `BASE/api/dns-zone.minisig?origin=ORIGIN`.
    ///
    /// # Errors
    /// When the address or the name isn't one, or the roots can't be read.
    pub fn zone(config: &HttpConfig, apex: &str, is_signed: bool) -> Result<Self, SourceError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if apex.is_empty() || !apex.chars().all(is_name) {
            return Err(SourceError::setting(apex, "no name of a zone"));
        }
        let base = config.url.trim_end_matches('/');
        let config =
            HttpConfig { url: format!("{base}/api/dns-zone?origin={apex}"), ..config.clone() };
        Self::new(&config, DocumentKind::Zone { apex: apex.to_owned() }, is_signed)
    }

    /// A snapshot at the address itself. With `is_signed` the signature is asked for at the address
    /// with `.minisig`.
    ///
    /// # Errors
    /// When the address isn't one, or the roots can't be read.
    pub fn snapshot(config: &HttpConfig, is_signed: bool) -> Result<Self, SourceError> {
        Self::new(config, DocumentKind::Snapshot, is_signed)
    }

    fn new(config: &HttpConfig, kind: DocumentKind, is_signed: bool) -> Result<Self, SourceError> {
        let (client, uri) = HttpClient::new(config)?;
        let status = StatusHandle::new(&uri.to_string(), None);
        Ok(Self {
            client,
            signature_uri: if is_signed { Some(http::signature_of(&uri)?) } else { None },
            uri,
            kind,
            pace: Pace::new(config.every, &status),
            status,
            etag: None,
            signature: None,
        })
    }

    async fn ask(&mut self) -> Result<Event, SourceError> {
        self.pace.wait().await;
        let mut retry_after = None;
        let result = self.fetch(&mut retry_after).await;
        match result {
            Ok(_) => self.pace.well(),
            Err(_) => self.pace.wrong(retry_after),
        }
        result
    }

    async fn fetch(&mut self, retry_after: &mut Option<Duration>) -> Result<Event, SourceError> {
        // The signature first: with a new one the document is fetched even if it seems to be
        // unchanged. A document and a signature of different moments are thus replaced at the next
        // request.
        let signature = match &self.signature_uri {
            Some(uri) => fetch_signature(&self.client, uri, retry_after).await?,
            None => None,
        };
        let mut more = vec![
            (header::ACCEPT, HeaderValue::from_static("application/json")),
            (header::ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
        ];
        if let Some(etag) = self.etag.clone().filter(|_etag| signature == self.signature) {
            more.push((header::IF_NONE_MATCH, etag));
        }
        let response = get(&self.client, &self.uri, &more, retry_after).await?;
        if !response.is_new()? {
            return Ok(Event::Unchanged);
        }
        response.is_json_like()?;
        let etag = response.headers.get(header::ETAG).cloned();
        let octets = response.read_body(self.client.limits.octets).await?;
        self.etag = etag;
        self.signature.clone_from(&signature);
        Ok(self.kind.event(octets, signature))
    }
}

async fn get(
    client: &HttpClient,
    uri: &Uri,
    more: &[(HeaderName, HeaderValue)],
    retry_after: &mut Option<Duration>,
) -> Result<http::HttpResponse, SourceError> {
    let response = client.get(uri, more).await?;
    *retry_after = response.retry_after();
    Ok(response)
}

async fn fetch_signature(
    client: &HttpClient,
    uri: &Uri,
    retry_after: &mut Option<Duration>,
) -> Result<Option<Vec<u8>>, SourceError> {
    let response = get(client, uri, &[], retry_after).await?;
    match response.is_new() {
        Ok(true) => response.read_body(SIGNATURE_OCTETS).await.map(Some),
        // The guard decides whether a document needs a signature.
        Ok(false) | Err(SourceError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Source for HttpDocument {
    fn status(&self) -> &StatusHandle {
        &self.status
    }

    fn step(&mut self) -> Next<'_> {
        Box::pin(self.ask())
    }
}

/// A document in a file, with its signature in a file of the same name and `.minisig`.
pub struct FileDocument {
    path: PathBuf,
    signature_path: PathBuf,
    kind: DocumentKind,
    limits: SourceLimits,
    pace: Pace,
    status: StatusHandle,
    /// The document and its signature, as they were last read.
    last: Option<(FileVersion, Option<FileVersion>)>,
}

impl FileDocument {
    /// A file that is checked with this interval. It is best replaced by a rename, after its
    /// signature.
    #[must_use]
    pub fn new(path: &Path, kind: DocumentKind, every: Duration, limits: SourceLimits) -> Self {
        let status = StatusHandle::new(&path.display().to_string(), None);
        let mut signature_path = path.as_os_str().to_owned();
        signature_path.push(".minisig");
        Self {
            path: path.to_path_buf(),
            signature_path: signature_path.into(),
            kind,
            limits,
            pace: Pace::new(every, &status),
            status,
            last: None,
        }
    }

    async fn ask(&mut self) -> Result<Event, SourceError> {
        self.pace.wait().await;
        let result = self.read().await;
        match result {
            Ok(_) => self.pace.well(),
            Err(_) => self.pace.again(),
        }
        result
    }

    async fn read(&mut self) -> Result<Event, SourceError> {
        // Taken before the content is read, so that a change in between shows the next time.
        let fingerprints =
            (fingerprint(&self.path).await?, fingerprint(&self.signature_path).await?);
        let (Some(document), signature) = fingerprints else {
            let cause = io::Error::from(io::ErrorKind::NotFound);
            return Err(SourceError::File { path: self.path.clone(), cause });
        };
        if let Some((last, last_signature)) = &self.last
            && last.is_current(document)
            && both(*last_signature, signature, |last, now| last.is_current(now))
        {
            return Ok(Event::Unchanged);
        }
        let signature = match signature {
            Some(now) => Some((now, read(&self.signature_path, SIGNATURE_OCTETS).await?)),
            None => None,
        };
        let octets = read(&self.path, self.limits.octets).await?;
        let version = FileVersion::new(document, &octets);
        let signature_version =
            signature.as_ref().map(|(now, octets)| FileVersion::new(*now, octets));
        let before = self.last.replace((version, signature_version));
        let is_same = before.is_some_and(|(last, last_signature)| {
            last.is_same(&version)
                && both(last_signature, signature_version, |last, now| last.is_same(&now))
        });
        if is_same {
            return Ok(Event::Unchanged);
        }
        Ok(self.kind.event(octets, signature.map(|(_, octets)| octets)))
    }
}

/// Whether two things that may be absent agree: both are absent, or `agree` holds.
fn both<T, U>(one: Option<T>, other: Option<U>, agree: impl FnOnce(T, U) -> bool) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => agree(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// The fingerprint of a file; `None` if there is no file.
async fn fingerprint(path: &Path) -> Result<Option<FileFingerprint>, SourceError> {
    match tokio::fs::metadata(path).await {
        Ok(data) if data.is_file() => Ok(Some(FileFingerprint::of(&data))),
        Ok(_) => Err(SourceError::setting(path.display(), "no regular file")),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(SourceError::file(path)(cause)),
    }
}

async fn read(path: &Path, limit: u64) -> Result<Vec<u8>, SourceError> {
    let error = SourceError::file(path);
    let file = tokio::fs::File::open(path).await.map_err(error)?;
    let mut octets = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut octets).await.map_err(error)?;
    if u64::try_from(octets.len()).unwrap_or(u64::MAX) > limit {
        return Err(SourceError::TooLarge { place: path.display().to_string(), limit });
    }
    Ok(octets)
}

impl Source for FileDocument {
    fn status(&self) -> &StatusHandle {
        &self.status
    }

    fn step(&mut self) -> Next<'_> {
        Box::pin(self.ask())
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentKind, FileDocument};
    use crate::source::{Event, Source as _, SourceError, SourceLimits};
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    fn document(path: &Path) -> FileDocument {
        let limits = SourceLimits { octets: 1000, ..SourceLimits::default() };
        FileDocument::new(path, DocumentKind::Snapshot, Duration::from_millis(1), limits)
    }

    fn snapshot(octets: &str, signature: Option<&str>) -> Event {
        let signature = signature.map(|text| text.as_bytes().to_vec());
        Event::Snapshot { octets: octets.as_bytes().to_vec(), signature }
    }

    #[tokio::test]
    async fn a_file_speaks_when_its_content_or_signature_changes_whatever_its_times() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snapshot.json");
        fs::write(&path, "one").unwrap();
        let mut source = document(&path);
        assert_eq!(source.next().await.unwrap(), snapshot("one", None));
        assert_eq!(source.next().await.unwrap(), Event::Unchanged);
        fs::write(&path, "two").unwrap();
        fs::File::open(&path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(source.next().await.unwrap(), snapshot("two", None));
        fs::write(folder.path().join("snapshot.json.minisig"), "sig").unwrap();
        assert_eq!(source.next().await.unwrap(), snapshot("two", Some("sig")));
        fs::write(&path, "two").unwrap();
        assert_eq!(source.next().await.unwrap(), Event::Unchanged);
        let status = source.status().read();
        assert!(status.connected && status.last_change.is_some());
    }

    #[tokio::test]
    async fn a_file_that_is_gone_or_gigantic_is_named_and_picked_up_when_it_is_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snapshot.json");
        let mut source = document(&path);
        let error = source.next().await.unwrap_err();
        assert!(error.to_string().ends_with("snapshot.json: entity not found"), "{error}");
        fs::write(&path, "x".repeat(1001)).unwrap();
        let error = source.next().await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { limit: 1000, .. }), "{error}");
        fs::write(&path, "x".repeat(1000)).unwrap();
        assert_eq!(source.next().await.unwrap(), snapshot(&"x".repeat(1000), None));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = source.next().await.unwrap_err();
        assert!(error.to_string().ends_with("no regular file"), "{error}");
        assert_eq!(source.status().read().reason, Some("setting"));
    }
}
