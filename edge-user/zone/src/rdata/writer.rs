//! A writer of the records of an answer section.
//!
//! Each record is owned by the question's name, to which its owner is a pointer.

use edge_common::wire::dns::{CLASS_IN, HEADER_OCTETS, POINTER, TYPE_CLASS_OCTETS};

/// A pointer to the question's name, which owns every record of an answer.
#[expect(clippy::cast_possible_truncation, reason = "the question begins at octet 12")]
const QNAME: u16 = POINTER | HEADER_OCTETS as u16;

/// Appends records to a message up to a limit of octets.
pub struct RecordWriter<'o> {
    /// The message. Every record before the last one is complete.
    pub out: &'o mut Vec<u8>,
    limit: usize,
    answers: u16,
    is_truncated: bool,
}

impl<'o> RecordWriter<'o> {
    /// Appends to `out`, which may have up to `limit` octets in the end.
    #[must_use]
    pub const fn new(out: &'o mut Vec<u8>, limit: usize) -> Self {
        Self { out, limit, answers: 0, is_truncated: false }
    }

    /// Records that were added.
    #[must_use]
    pub const fn answers(&self) -> u16 {
        self.answers
    }

    /// Whether a record didn't fit. The message is then longer than the limit.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Adds a record of class IN owned by the question's name.
    pub fn answer(&mut self, rtype: u16, ttl: u32, data: impl FnOnce(&mut Vec<u8>)) {
        self.record((rtype, CLASS_IN), ttl, data);
    }

    /// Adds a record of some type and class owned by the question's name.
    pub fn record(
        &mut self,
        (rtype, class): (u16, u16),
        ttl: u32,
        data: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.is_truncated {
            return;
        }
        self.out.extend(QNAME.to_be_bytes());
        self.out.extend(rtype.to_be_bytes());
        self.out.extend(class.to_be_bytes());
        self.out.extend(ttl.to_be_bytes());
        let at = self.out.len();
        self.out.extend([0, 0]);
        data(self.out);
        match (u16::try_from(self.out.len() - at - 2), self.out.get_mut(at..at + 2)) {
            (Ok(octets), Some(length)) => length.copy_from_slice(&octets.to_be_bytes()),
            // The reader of zones lets no such record pass.
            _ => self.is_truncated = true,
        }
        self.answers += 1;
        self.is_truncated |= self.out.len() > self.limit;
    }
}

/// The octets of answers as they stand behind a question whose name has `name_octets`, 1 to 255.
pub(super) fn records(name_octets: usize, write: impl FnOnce(&mut RecordWriter<'_>)) -> Vec<u8> {
    let mut out = vec![0; HEADER_OCTETS];
    // A name of this length, whichever: what follows doesn't depend on its letters.
    let mut rest = name_octets.saturating_sub(1);
    while rest > 0 {
        // What is left over must not be a label's length octet alone.
        let label = if rest == 65 { 63 } else { rest.min(64) };
        out.push(u8::try_from(label - 1).unwrap_or_default());
        out.resize(out.len() + label - 1, b'x');
        rest -= label;
    }
    out.resize(HEADER_OCTETS + name_octets + TYPE_CLASS_OCTETS, 0);
    let question_end = out.len();
    write(&mut RecordWriter::new(&mut out, usize::from(u16::MAX)));
    out.split_off(question_end)
}
