//! The score feed over HTTP: a response without end, line by line.
//!
//! Each connection begins after the cursor (`?after=ID`), so that nothing is lost between two
//! connections.

use hyper::Uri;
use hyper::header::{self, HeaderValue};

use super::http::{self, HttpClient, HttpConfig, HttpResponse};
use super::lines::Lines;
use super::pace::Pace;
use super::{Event, Next, Source, SourceError, StatusHandle};
use crate::Cursor;

/// The score feed on an HTTP server.
///
/// The server sends the lines above the identifier in `after`, as NDJSON, and then each new line.
/// An empty line now and then shows that it is alive. It may end the response at any time.
pub struct HttpStream {
    client: HttpClient,
    uri: Uri,
    pace: Pace,
    status: StatusHandle,
    lines: Lines,
    response: Option<HttpResponse>,
    /// Whether the response has given a delta.
    is_fruitful: bool,
    /// An error to return before anything else.
    pending: Option<SourceError>,
}

impl HttpStream {
    /// The feed at an address, after the delta `cursor` (0: all that the server has). `limits.idle`
    /// is the longest silence; [`HttpConfig::every`] the pause after a response that had nothing.
    ///
    /// # Errors
    /// When the address isn't one, or the roots can't be read.
    pub fn new(config: &HttpConfig, cursor: impl Into<Cursor>) -> Result<Self, SourceError> {
        let (client, uri) = HttpClient::new(config)?;
        let name = uri.to_string();
        let status = StatusHandle::new(&name, None);
        Ok(Self {
            client,
            uri,
            pace: Pace::new(config.every, &status),
            status,
            lines: Lines::new(&name, config.limits.line, cursor),
            response: None,
            is_fruitful: false,
            pending: None,
        })
    }

    async fn look(&mut self) -> Result<Event, SourceError> {
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        let result = self.follow().await;
        if let Err(error) = &result
            && !error.is_content()
        {
            self.response = None;
            if self.is_fruitful {
                self.pace.again();
            }
        }
        result
    }

    async fn follow(&mut self) -> Result<Event, SourceError> {
        loop {
            let Some(response) = &mut self.response else {
                self.pace.wait().await;
                self.is_fruitful = false;
                if !self.open().await? {
                    return Ok(Event::Unchanged);
                }
                continue;
            };
            let mut deltas = Vec::new();
            let Some(piece) = response.piece().await.map_err(|error| {
                let (place, after) = (self.status.name().to_owned(), self.lines.cursor());
                match error {
                    SourceError::Damaged { cause, .. } => {
                        SourceError::Interrupted { place, cause, after }
                    }
                    other => other,
                }
            })?
            else {
                // Octets after the last line feed are an incomplete line, which is sent again.
                self.response = None;
                if self.is_fruitful {
                    self.pace.again();
                } else {
                    self.pace.well();
                }
                return Ok(Event::Unchanged);
            };
            self.lines.push(&piece, &mut deltas);
            self.pending = self.lines.broken();
            if !deltas.is_empty() {
                self.is_fruitful = true;
                return Ok(Event::Deltas(deltas));
            }
            if let Some(error) = self.pending.take() {
                return Err(error);
            }
            // An empty line: the server is alive.
            if piece.iter().all(u8::is_ascii_whitespace) {
                return Ok(Event::Unchanged);
            }
        }
    }

    /// Asks for what is after the cursor; `false` if the server has nothing.
    async fn open(&mut self) -> Result<bool, SourceError> {
        let mark = if self.uri.query().is_some() { '&' } else { '?' };
        let page = self.uri.path_and_query().map_or("/", |page| page.as_str());
        let uri = http::page_of(&self.uri, &format!("{page}{mark}after={}", self.lines.cursor()))?;
        let more = [
            (header::ACCEPT, HeaderValue::from_static("application/x-ndjson")),
            (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        ];
        let asked = self.client.get(&uri, &more).await;
        let retry_after = asked.as_ref().ok().and_then(HttpResponse::retry_after);
        let judged = asked.and_then(|response| {
            let is_new = response.is_new()?;
            response.is_json_like()?;
            Ok(is_new.then_some(response))
        });
        match judged {
            Ok(response) => {
                self.pace.well();
                self.lines.restart(0);
                self.response = response;
                Ok(self.response.is_some())
            }
            Err(error) => {
                self.pace.wrong(retry_after);
                Err(error)
            }
        }
    }
}

impl Source for HttpStream {
    fn status(&self) -> &StatusHandle {
        &self.status
    }

    /// The server is asked again: it has left out what isn't above the old cursor.
    fn rewind(&mut self, to: Cursor) {
        self.lines.rewind(to);
        if self.response.take().is_some() {
            self.pace.now();
        }
    }

    fn step(&mut self) -> Next<'_> {
        Box::pin(self.look())
    }
}
