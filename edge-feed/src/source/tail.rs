//! The score feed, or monitors' results, in a file that grows.
//!
//! A file is best rotated by a rename: then the rest of the old file is read before the new one. A
//! file that was cut short is read from its beginning, also if it has grown longer meanwhile: each
//! read begins with octets that are known. The identifiers show which lines are new, so that no
//! line counts twice.

use std::io::{self, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::time::{Instant, sleep};

use super::lines::{FeedLine, Lines};
use super::pace::Pace;
use super::{Event, Next, Source, SourceError, SourceLimits, StatusHandle};
use crate::scorer::Row;
use crate::{Cursor, Delta};

/// Octets read at once.
const PIECE: usize = 64 << 10;
/// Octets before the place of reading that are read again: more than a line, with its identifier.
const KNOWN: usize = 1024;
/// Between looks at a file that has nothing new.
const EVERY: Duration = Duration::from_millis(100);
/// Time without new lines after which the source reports that it works.
const QUIET: Duration = Duration::from_secs(10);

/// The score feed in a file, or monitors' results.
#[expect(private_bounds, reason = "there are two kinds of lines, each with its own constructor")]
pub struct Tail<L: FeedLine = Delta> {
    path: PathBuf,
    file: Option<OpenFile>,
    lines: Lines<L>,
    piece: Vec<u8>,
    pace: Pace,
    status: StatusHandle,
    quiet: Duration,
    /// The time of the last event.
    last_event: Instant,
    /// An error to return before anything else.
    pending: Option<SourceError>,
}

struct OpenFile {
    file: File,
    inode: (u64, u64),
    /// Octets that have been read.
    at: u64,
    /// The last of them, at most [`KNOWN`].
    known: Vec<u8>,
    /// Whether another file has been seen in its place.
    is_replaced: bool,
    /// The end of the part that is read again because the pool has gone back.
    again: Option<u64>,
}

impl Tail {
    /// The feed in a file, after the delta `cursor` (0: all that is in it).
    #[must_use]
    pub fn new(path: &Path, cursor: impl Into<Cursor>, limits: SourceLimits) -> Self {
        Self::of(path, cursor, limits)
    }
}

impl Tail<Row> {
    /// Monitors' results in a file, after the row `cursor` (0: all that is in it). Rows without an
    /// identifier are broken lines.
    #[must_use]
    pub fn results(path: &Path, cursor: impl Into<Cursor>, limits: SourceLimits) -> Self {
        Self::of(path, cursor, limits)
    }
}

impl OpenFile {
    /// The file is read from its beginning.
    fn restart(&mut self) {
        (self.at, self.again) = (0, None);
        self.known.clear();
    }
}

fn wide(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

#[expect(private_bounds, reason = "there are two kinds of lines, each with its own constructor")]
impl<L: FeedLine> Tail<L> {
    fn of(path: &Path, cursor: impl Into<Cursor>, limits: SourceLimits) -> Self {
        let name = path.display().to_string();
        let status = StatusHandle::new(&name, None);
        Self {
            path: path.to_path_buf(),
            file: None,
            lines: Lines::of(&name, limits.line, cursor),
            piece: vec![0; KNOWN + PIECE],
            pace: Pace::new(Duration::ZERO, &status),
            status,
            quiet: QUIET,
            last_event: Instant::now(),
            pending: None,
        }
    }

    async fn look(&mut self) -> Result<Event, SourceError> {
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        loop {
            self.pace.wait().await;
            match self.read().await {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => {
                    if let Some(error) = self.pending.take() {
                        return Err(error);
                    }
                }
                Err(cause) => {
                    self.pace.again();
                    return Err(SourceError::file(&self.path)(cause));
                }
            }
        }
    }

    /// Reads a piece; `None` if there was nothing new in it.
    async fn read(&mut self) -> io::Result<Option<Event>> {
        let Some(open) = &mut self.file else {
            self.open().await?;
            return Ok(None);
        };
        let mut deltas = Vec::new();
        // Asked before reading: a file that was replaced before this is read to its very end below.
        let named = tokio::fs::metadata(&self.path).await;
        let is_another = named.as_ref().is_ok_and(|named| (named.dev(), named.ino()) != open.inode);
        if open.again.is_some_and(|end| open.at >= end) {
            open.again = None;
            self.lines.end_discarded();
        }
        let known = wide(open.known.len());
        let most = open.again.map_or(u64::MAX, |end| end - open.at + known);
        open.file.seek(SeekFrom::Start(open.at - known)).await?;
        let read = (&mut open.file).take(most).read(&mut self.piece).await?;
        let read = self.piece.get(..read).unwrap_or_default();
        let Some(piece) = read.strip_prefix(&*open.known) else {
            // The file was cut short, and may have grown again.
            open.restart();
            self.lines.restart(0);
            return Ok(None);
        };
        if !piece.is_empty() {
            open.at += wide(piece.len());
            self.lines.push(piece, &mut deltas);
            open.known = read.split_at(read.len().saturating_sub(KNOWN)).1.to_vec();
        } else if is_another && open.is_replaced {
            // Read to its end: its last line may lack a line feed.
            self.lines.finish(&mut deltas);
            self.file = None;
        } else if is_another {
            // The writer may not have noticed yet, and may write a last line.
            open.is_replaced = true;
            sleep(EVERY).await;
        } else if self.last_event.elapsed() >= self.quiet {
            // A file that was removed is still read, but the removal is reported.
            return named.map(|_data| Some(Event::Unchanged));
        } else {
            sleep(EVERY).await;
        }
        self.pending = self.lines.broken();
        Ok((!deltas.is_empty()).then(|| L::event(deltas)))
    }

    async fn open(&mut self) -> io::Result<()> {
        // A pipe would not open before it has a writer.
        if !tokio::fs::metadata(&self.path).await?.is_file() {
            return Err(io::Error::other("no regular file"));
        }
        let file = File::open(&self.path).await?;
        let data = file.metadata().await?;
        self.lines.restart(0);
        let inode = (data.dev(), data.ino());
        let known = Vec::new();
        self.file = Some(OpenFile { file, inode, at: 0, known, is_replaced: false, again: None });
        Ok(())
    }
}

impl<L: FeedLine> Source for Tail<L> {
    fn status(&self) -> &StatusHandle {
        &self.status
    }

    /// The file is read again from its beginning: changes that count now may be in it, beside those
    /// that were given up.
    fn rewind(&mut self, to: Cursor) {
        self.lines.rewind(to);
        if let Some(open) = &mut self.file {
            let end = open.at;
            open.restart();
            open.again = Some(end);
            self.lines.restart(0);
        }
    }

    fn step(&mut self) -> Next<'_> {
        Box::pin(async move {
            let result = self.look().await;
            self.last_event = Instant::now();
            result
        })
    }
}

#[cfg(test)]
mod tests;
