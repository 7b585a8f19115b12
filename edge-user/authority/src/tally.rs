//! The counts of answers by zone, type, label and RCODE.
//!
//! Each worker has a table of its own, and only that worker writes to it: counting is a look-up and
//! a plain addition, without locks. A row is allocated when its first answer is counted. The number
//! of rows is limited, so that no client can make a table grow. When half of the rows are taken,
//! labels are no longer counted separately. When three quarters are taken, no further
//! row is, and other answers are counted together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use edge_common::wire::dns::HEADER_OCTETS;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};

use edge_zone::wire::Reader;

/// Rows of a worker's table.
const ROWS: usize = 4096;
/// Rows that may be taken while labels are counted separately.
const DETAILED_ROWS: usize = ROWS / 2;
/// Rows that may be taken at all, so that a search ends soon.
const MOST_ROWS: usize = ROWS / 4 * 3;
/// Rows that are looked at for one answer.
const MOST_LOOKS: usize = 32;
/// Stands for every QTYPE that has no name of its own; 0 is reserved (RFC 6895 §3.1).
const OTHER: u16 = 0;
/// Obsolete (RFC 7208 §3.1), and served where a zone has it.
const SPF: u16 = 99;

/// A kind of answer, as a metric's labels show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The zone, lower case, without the dot at the end; `_` where zones aren't counted separately.
    pub zone: String,
    /// QTYPE by its name; `_` for types without one, or where types aren't counted separately.
    pub qtype: String,
    /// The label; `_` where labels aren't counted separately, `_error` when there is no such name.
    pub qname: String,
    /// RCODE by its name in the registry; `_` where RCODEs aren't counted separately.
    pub rcode: String,
}

/// The tables of all workers.
#[derive(Debug, Default)]
pub struct Tallies(Mutex<Vec<Arc<Table>>>);

impl Tallies {
    /// A table for one more worker; with `detailed`, labels are counted separately.
    #[must_use]
    pub(super) fn join(&self, detailed: bool) -> Tally {
        let table = Arc::new(Table::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&table));
        Tally { table, detailed, taken: 0, seed: fastrand::u64(..) }
    }

    /// How many answers of each kind there were.
    #[must_use]
    pub fn sum(&self) -> BTreeMap<Kind, u64> {
        let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sums = BTreeMap::new();
        for table in tables {
            for (key, n) in table.rows.iter().filter_map(|row| Some((row.key.get()?, &row.n))) {
                *sums.entry(key.kind()).or_default() += n.load(Ordering::Relaxed);
            }
            let rest = table.rest.load(Ordering::Relaxed);
            if rest > 0 {
                *sums.entry(Kind::untold("_")).or_default() += rest;
            }
        }
        sums
    }
}

impl Kind {
    /// Answers of which only an RCODE's name is known.
    #[must_use]
    pub fn untold(rcode: &str) -> Self {
        let [zone, qtype, qname] = [(); 3].map(|()| "_".to_owned());
        Self { zone, qtype, qname, rcode: rcode.to_owned() }
    }
}

/// One worker's table.
#[derive(Debug)]
struct Table {
    rows: Box<[Row]>,
    /// Answers for which there was no row.
    rest: AtomicU64,
}

impl Default for Table {
    fn default() -> Self {
        Self { rows: (0..ROWS).map(|_| Row::default()).collect(), rest: AtomicU64::new(0) }
    }
}

#[derive(Debug, Default)]
struct Row {
    key: OnceLock<Box<Key>>,
    n: AtomicU64,
}

/// The kind of answers that a row counts.
#[derive(Debug)]
struct Key {
    /// The apex, or with labels the whole name, in wire format, lower case.
    name: Box<[u8]>,
    apex_octets: u8,
    has_label: bool,
    rtype: u16,
    code: ResponseCode,
}

impl Key {
    fn kind(&self) -> Kind {
        let cut = self.name.len().saturating_sub(self.apex_octets.into());
        let (label, apex) = self.name.split_at_checked(cut).unwrap_or_default();
        let qname = match self.code {
            ResponseCode::NXDomain => "_error".to_owned(),
            _ if self.has_label => text(&[label, &[0]].concat()),
            _ => "_".to_owned(),
        };
        let qtype = match self.rtype {
            OTHER => "_".to_owned(),
            SPF => "SPF".to_owned(),
            rtype => RecordType::from(rtype).to_string(),
        };
        let zone = if apex == [0] { ".".to_owned() } else { text(apex) };
        Kind { zone, qtype, qname, rcode: rcode_name(self.code) }
    }
}

/// A name on the wire as people write it, without the dot at the end.
fn text(wire: &[u8]) -> String {
    let name = Name::read(&mut BinDecoder::new(wire)).unwrap_or_default();
    let text = name.to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// An RCODE's name in the registry.
fn rcode_name(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::BADVERS => "BADVERS".into(),
        ResponseCode::BADCOOKIE => "BADCOOKIE".into(),
        other => format!("RCODE{}", u16::from(other)),
    }
}

/// The counter of one worker.
#[derive(Debug)]
pub(super) struct Tally {
    table: Arc<Table>,
    detailed: bool,
    taken: usize,
    /// The seed of the hash, so that no client can aim at a row.
    seed: u64,
}

impl Tally {
    /// Counts an answer whose name is in the zone whose apex has `apex_octets` octets on the wire,
    /// root label included; with 0 it is in none, and not counted.
    pub(super) fn count(&mut self, message: &[u8], apex_octets: u8, code: ResponseCode) {
        if apex_octets == 0 {
            return;
        }
        let Some(question) = Reader::at(message, HEADER_OCTETS).question() else { return };
        let name = question.name;
        let apex_at = name.len().saturating_sub(apex_octets.into());
        let Some(apex) = name.get(apex_at..) else { return };
        let has_label =
            self.detailed && code != ResponseCode::NXDomain && self.taken < DETAILED_ROWS;
        let rtype = named(question.rtype);
        let is_counted = (has_label && self.add((name, apex_octets, true), rtype, code))
            || self.add((apex, apex_octets, false), rtype, code);
        if !is_counted {
            add_one(&self.table.rest);
        }
    }

    /// Counts in the row for these, or a free one; false if there is none.
    fn add(
        &mut self,
        (name, apex_octets, has_label): (&[u8], u8, bool),
        rtype: u16,
        code: ResponseCode,
    ) -> bool {
        let first = self.hash(name, u64::from(rtype) << 16 | u64::from(u16::from(code)));
        for look in 0..MOST_LOOKS {
            let Some(row) = self.table.rows.get((first + look) % ROWS) else { return false };
            let Some(key) = row.key.get() else {
                if self.taken == MOST_ROWS {
                    return false;
                }
                self.taken += 1;
                let name = name.to_ascii_lowercase().into();
                let key = Key { name, apex_octets, has_label, rtype, code };
                // Nobody else writes here.
                row.key.get_or_init(|| Box::new(key));
                add_one(&row.n);
                return true;
            };
            if key.rtype == rtype
                && key.code == code
                && (key.apex_octets, key.has_label) == (apex_octets, has_label)
                // Most names come in lower case, and that is seen sooner.
                && (*key.name == *name || key.name.eq_ignore_ascii_case(name))
            {
                add_one(&row.n);
                return true;
            }
        }
        false
    }

    /// A row to begin at. Letters of either case give the same.
    fn hash(&self, name: &[u8], other: u64) -> usize {
        const ODD: u64 = edge_common::tables::GOLDEN;
        const SMALL: u64 = u64::from_ne_bytes([0x20; 8]);
        let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(ODD).rotate_left(29);
        let mut hash = mix(self.seed, other);
        let (words, rest) = name.as_chunks();
        for word in words {
            hash = mix(hash, u64::from_ne_bytes(*word) | SMALL);
        }
        // The last word overlaps the one before it; only the shortest names go octet by octet.
        match name.last_chunk() {
            Some(last) => hash = mix(hash, u64::from_ne_bytes(*last) | SMALL),
            None => hash = rest.iter().fold(hash, |hash, octet| mix(hash, u64::from(octet | 0x20))),
        }
        usize::try_from(hash >> 52).unwrap_or_default()
    }
}

/// One more; only one thread may write.
fn add_one(n: &AtomicU64) {
    n.store(n.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// The type itself if it has a name, else [`OTHER`]: there are 65,536 numbers.
fn named(rtype: u16) -> u16 {
    match rtype {
        1 | 28 | SPF => rtype,
        _ if matches!(RecordType::from(rtype), RecordType::Unknown(_)) => OTHER,
        _ => rtype,
    }
}

#[cfg(test)]
mod tests;
