//! Lines of the score feed, parsed from pieces that are cut anywhere.
//!
//! A broken line is skipped, counted and reported.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::scorer::Row;
use crate::{Cursor, Delta};

use super::{Event, SourceError};

/// Characters of a cause that are worth printing.
const CAUSE: usize = 200;

/// What a line of a feed is.
pub(crate) trait FeedLine: DeserializeOwned + Send {
    /// Its identifier, which grows along the feed.
    fn id(&self) -> u64;

    /// Its time, in seconds since 1970.
    fn ts(&self) -> i64;

    /// The event of such lines.
    fn event(lines: Vec<Self>) -> Event;
}

impl FeedLine for Delta {
    fn id(&self) -> u64 {
        self.id
    }

    fn ts(&self) -> i64 {
        self.ts
    }

    fn event(lines: Vec<Self>) -> Event {
        Event::Deltas(lines)
    }
}

impl FeedLine for Row {
    /// A row without an identifier can't be distinguished from one that was read before, and is
    /// skipped.
    fn id(&self) -> u64 {
        self.id.unwrap_or(0)
    }

    fn ts(&self) -> i64 {
        self.ts
    }

    fn event(lines: Vec<Self>) -> Event {
        Event::Results(lines)
    }
}

/// Lines that are arriving.
#[derive(Debug)]
pub(crate) struct Lines<L = Delta> {
    lines: PhantomData<fn() -> L>,
    place: String,
    /// The longest line.
    limit: usize,
    /// The last line that was taken. Only lines above it are new.
    cursor: Cursor,
    /// The beginning of a line whose end hasn't arrived.
    partial: Vec<u8>,
    /// Whether the line that is arriving is too long, and thrown away up to its end.
    is_skipping: bool,
    /// Octets before the line that is arriving, within the file, stream or message.
    at: u64,
    broken: Option<BrokenCount>,
}

#[derive(Debug)]
struct BrokenCount {
    at: String,
    cause: String,
    count: u64,
}

impl Lines {
    pub(crate) fn new(place: &str, limit: usize, cursor: impl Into<Cursor>) -> Self {
        Self::of(place, limit, cursor)
    }
}

impl<L: FeedLine> Lines<L> {
    pub(crate) fn of(place: &str, limit: usize, cursor: impl Into<Cursor>) -> Self {
        let (place, partial, cursor) = (place.to_owned(), Vec::new(), cursor.into());
        let (lines, is_skipping, at, broken) = (PhantomData, false, 0, None);
        Self { lines, place, limit, cursor, partial, is_skipping, at, broken }
    }

    /// The identifier of the last line that was taken.
    pub(crate) const fn cursor(&self) -> u64 {
        self.cursor.id
    }

    /// The same, with what is needed to find the lines after it.
    pub(crate) const fn position(&self) -> Cursor {
        self.cursor
    }

    /// Goes on at another cursor.
    pub(crate) const fn rewind(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }

    /// What comes now was written after the discarded history, whatever its times.
    pub(crate) const fn end_discarded(&mut self) {
        self.cursor.discarded = None;
    }

    /// Discards the line that is arriving. The next octets are at position `at`.
    pub(crate) fn restart(&mut self, at: u64) {
        self.partial.clear();
        self.is_skipping = false;
        self.at = at;
    }

    /// Adds a piece; new lines in it are appended to `deltas`.
    pub(crate) fn push(&mut self, mut piece: &[u8], deltas: &mut Vec<L>) {
        while let Some(end) = piece.iter().position(|octet| *octet == b'\n') {
            let (line, rest) = piece.split_at(end);
            self.extend(line);
            self.end(deltas);
            piece = rest.get(1..).unwrap_or_default();
            self.at += 1;
        }
        self.extend(piece);
    }

    /// The last line ends without a line feed.
    pub(crate) fn finish(&mut self, deltas: &mut Vec<L>) {
        self.end(deltas);
    }

    /// The lines that were skipped since the last call.
    pub(crate) fn broken(&mut self) -> Option<SourceError> {
        let BrokenCount { at, cause, count } = self.broken.take()?;
        Some(SourceError::BrokenLines { place: self.place.clone(), at, count, cause })
    }

    fn extend(&mut self, mut piece: &[u8]) {
        // A file that was cut short under a writer that keeps its place begins with zeros.
        if self.partial.is_empty() && !self.is_skipping {
            let zeros = piece.iter().take_while(|octet| **octet == 0).count();
            piece = piece.get(zeros..).unwrap_or_default();
            self.at += wide(zeros);
        }
        if self.is_skipping {
            self.at += wide(piece.len());
        } else if self.partial.len() + piece.len() > self.limit {
            self.blame(format!("longer than {} octets", self.limit));
            self.at += wide(self.partial.len() + piece.len());
            self.partial = Vec::new();
            self.is_skipping = true;
        } else {
            self.partial.extend_from_slice(piece);
        }
    }

    fn end(&mut self, deltas: &mut Vec<L>) {
        let line = std::mem::take(&mut self.partial);
        let text = line.trim_ascii();
        if !self.is_skipping && !text.is_empty() {
            match serde_json::from_slice::<L>(text) {
                Ok(line) if line.id() == 0 => self.blame("it has no id above 0".to_owned()),
                Ok(delta) if self.cursor.is_before(delta.id(), delta.ts()) => {
                    self.cursor.id = delta.id();
                    self.cursor.time = self.cursor.time.max(delta.ts());
                    deltas.push(delta);
                }
                // The pool passes it over, and reports that.
                Ok(delta) if self.cursor.has_fallen(delta.id(), delta.ts()) => deltas.push(delta),
                Ok(_) => {}
                Err(cause) => self.blame(cause.to_string()),
            }
        }
        self.at += wide(line.len());
        self.is_skipping = false;
        self.partial = line;
        self.partial.clear();
    }

    fn blame(&mut self, cause: String) {
        match &mut self.broken {
            Some(broken) => broken.count += 1,
            None => {
                let cause = cause.chars().take(CAUSE).collect();
                let at = format!("octet {}", self.at);
                self.broken = Some(BrokenCount { at, cause, count: 1 });
            }
        }
    }
}

fn wide(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Lines;

    const FEED: &str = "{\"id\":5,\"ts\":1,\"server_id\":7,\"score\":20}\r\n\n\
         {\"id\":6,\"ts\":1,\"removed\":7}\n{\"id\":7,\"ts\":2,\"server_id\":8,\"score\":-100.0}\n";

    fn ids(lines: &mut Lines, pieces: &[&[u8]]) -> Vec<u64> {
        let mut deltas = Vec::new();
        for piece in pieces {
            lines.push(piece, &mut deltas);
        }
        deltas.iter().map(|delta| delta.id).collect()
    }

    #[test]
    fn a_feed_cut_anywhere_gives_the_same_deltas() {
        let feed = FEED.as_bytes();
        for cut in 0..=feed.len() {
            let (a, b) = feed.split_at(cut);
            let mut lines = Lines::new("f", 100, 0);
            assert_eq!(ids(&mut lines, &[a, b]), [5, 6, 7], "cut at {cut}");
            assert!(lines.broken().is_none());
            assert_eq!(lines.cursor(), 7);
        }
    }

    #[test]
    fn what_is_not_above_the_cursor_is_not_new() {
        let mut lines = Lines::new("f", 100, 5);
        assert_eq!(ids(&mut lines, &[FEED.as_bytes(), FEED.as_bytes()]), [6, 7]);
    }

    #[test]
    fn broken_lines_are_skipped_and_said_once_with_the_place_of_the_first() {
        let mut lines = Lines::new("f", 60, 0);
        let long = vec![b'x'; 1000];
        let mut feed = b"{\"id\":1,\"ts\":1,\"removed\":7}\n{\"id\":\n".to_vec();
        feed.extend_from_slice(&long);
        let seen = ids(&mut lines, &[&feed, &long, b"\n{\"id\":2,\"ts\":1}\n", FEED.as_bytes()]);
        assert_eq!(seen, [1, 5, 6, 7]);
        let error = lines.broken().unwrap().to_string();
        assert!(
            error.starts_with("f: 3 broken line(s) skipped, the first at octet 28: EOF"),
            "{error}"
        );
        assert!(lines.broken().is_none());
    }

    #[test]
    fn a_line_without_end_is_kept_only_up_to_the_limit() {
        let mut lines = Lines::new("f", 1000, 0);
        for _ in 0..1000 {
            lines.push(&[b'x'; 100], &mut Vec::new());
            assert!(lines.partial.capacity() <= 2048);
        }
        assert!(lines.broken().unwrap().to_string().contains("longer than 1000 octets"));
        assert_eq!(ids(&mut lines, &[b"\n", FEED.as_bytes()]), [5, 6, 7]);
        assert!(lines.broken().is_none());
        lines.push(b"{\"id\":9,\"ts\":1,\"removed\":7}", &mut Vec::new());
        let mut deltas = Vec::new();
        lines.finish(&mut deltas);
        assert_eq!(deltas.len(), 1);
    }

    #[test]
    fn the_place_of_a_broken_line_counts_all_octets_before_it() {
        let mut lines = Lines::new("f", 60, 0);
        lines.push(&[b'x'; 100], &mut Vec::new());
        lines.push(b"xx\n", &mut Vec::new());
        lines.broken().unwrap();
        lines.push(b"nonsense\n", &mut Vec::new());
        assert!(lines.broken().unwrap().to_string().contains("at octet 103:"));
    }
}
