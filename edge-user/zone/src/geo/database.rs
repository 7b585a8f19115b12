//! MaxMind databases, validated when they are opened.
//!
//! A file is read into memory: a mapped file that another process truncates would kill this one.
//! Its whole search tree is walked and every record decoded before it is accepted. A broken file is
//! an error even when there is another file of its kind, so that the operator learns of it.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::iter;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{LookupResult, MaxMindDbError, Reader};

use super::GeoError;
use super::ranges::{Block, Family, Value, Walk};
use super::record::{DatabaseRecord, GeoRecord, Needs};

/// The data that a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseKind {
    /// Address to country.
    Country,
    /// Address to country, region and location.
    City,
    /// Address to autonomous system.
    Asn,
}

impl DatabaseKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Country, Self::City, Self::Asn];

    /// The word in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Country => "Country",
            Self::City => "City",
            Self::Asn => "ASN",
        }
    }

    /// Whether databases of this type (MaxMind's, or another vendor's in their manner) have the
    /// records of this kind.
    fn accepts(self, database_type: &str) -> bool {
        let words: &[&str] = match self {
            Self::Country => &["Country", "City", "Enterprise", "Location"],
            Self::City => &["City", "Enterprise", "Location"],
            Self::Asn => &["ASN", "ISP"],
        };
        words.iter().any(|word| database_type.contains(word))
    }

    fn select(self, record: GeoRecord) -> GeoRecord {
        match self {
            Self::Country => GeoRecord { country: record.country, ..GeoRecord::default() },
            Self::City => GeoRecord { asn: None, ..record },
            Self::Asn => GeoRecord { asn: record.asn, ..GeoRecord::default() },
        }
    }
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One validated database.
#[derive(Debug)]
pub struct Database {
    kind: DatabaseKind,
    path: PathBuf,
    reader: Reader<Vec<u8>>,
    /// Decoded records.
    records: Vec<GeoRecord>,
    /// Offset in the data section to index in `records`.
    numbers: HashMap<usize, u32>,
}

impl Database {
    /// Largest file that is read, in octets.
    const LARGEST: u64 = 1 << 30;

    /// Reads and validates a file.
    ///
    /// # Errors
    ///
    /// [`GeoError::Read`] when the file can't be read, [`GeoError::Unfit`] when it is no regular
    /// file or too large, and the errors of [`from_octets`](Self::from_octets). Blocks on the file
    /// system.
    pub fn open(path: &Path, kind: DatabaseKind) -> Result<Self, GeoError> {
        let read = |source| GeoError::Read { path: path.to_owned(), source };
        let unfit = |reason| GeoError::Unfit { path: path.to_owned(), reason };
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let found = fs::metadata(path).map_err(read)?;
        if !found.is_file() {
            return Err(unfit("is not a regular file".to_owned()));
        }
        let too_large = || unfit(format!("has more than {} octets", Self::LARGEST));
        if found.len() > Self::LARGEST {
            return Err(too_large());
        }
        let mut octets = Vec::new();
        let file = File::open(path).map_err(read)?;
        file.take(Self::LARGEST + 1).read_to_end(&mut octets).map_err(read)?;
        if u64::try_from(octets.len()).is_ok_and(|length| length > Self::LARGEST) {
            return Err(too_large());
        }
        Self::from_octets(octets, path, kind)
    }

    /// Validates a file's content; `path` is for messages.
    ///
    /// # Errors
    ///
    /// [`GeoError::Broken`] when it is not a sound database, [`GeoError::WrongType`] when it is not
    /// of this kind.
    pub fn from_octets(octets: Vec<u8>, path: &Path, kind: DatabaseKind) -> Result<Self, GeoError> {
        let broken = |error| broken(path, &error);
        let reader = Reader::from_source(octets).map_err(broken)?;
        let found = &reader.metadata().database_type;
        if !kind.accepts(found) {
            let found = found.clone();
            return Err(GeoError::WrongType { path: path.to_owned(), found, expected: kind });
        }
        let mut records = Vec::new();
        let mut numbers = HashMap::new();
        for family in families(&reader) {
            let decode = |network: &LookupResult<'_, _>| {
                let offset = network.offset().unwrap_or_default();
                if let Some(number) = numbers.get(&offset) {
                    return Ok(*number);
                }
                let record: DatabaseRecord<'_> = network.decode()?.unwrap_or_default();
                let number = u32::try_from(records.len()).unwrap_or(u32::MAX);
                records.push(kind.select(record.geo_record()));
                numbers.insert(offset, number);
                Ok(number)
            };
            for block in Walk::new(&reader, *family, decode) {
                block.map_err(broken)?;
            }
        }
        Ok(Self { kind, path: path.to_owned(), reader, records, numbers })
    }

    /// What the database is about.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Where it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The type that the file claims, such as `GeoLite2-Country`.
    #[must_use]
    pub fn database_type(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When the file was built, in seconds of Unix time.
    #[must_use]
    pub fn build_epoch(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    /// The data of an address; empty if the database has none.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> GeoRecord {
        let Ok(found) = self.reader.lookup(address) else { return GeoRecord::default() };
        let Some(offset) = found.offset() else { return GeoRecord::default() };
        match self.numbers.get(&offset) {
            Some(number) => self.record(*number),
            // In the parts of the IPv6 tree that should repeat the IPv4 tree, but don't.
            None => match found.decode::<DatabaseRecord<'_>>() {
                Ok(Some(record)) => self.kind.select(record.geo_record()),
                Ok(None) | Err(_) => GeoRecord::default(),
            },
        }
    }

    /// Length of the prefix around an address that shares its record, or its lack of one; 0 where
    /// the file has no tree for the address's family.
    #[must_use]
    pub fn prefix(&self, address: IpAddr) -> u8 {
        let Ok(found) = self.reader.lookup(address) else { return 0 };
        match (address, found.network()) {
            (IpAddr::V4(_), Ok(network)) if network.is_ipv6() => 0,
            (_, Ok(network)) => network.prefix(),
            (IpAddr::V4(_), Err(_)) => 32,
            (IpAddr::V6(_), Err(_)) => 128,
        }
    }

    /// The record of a number from [`Self::blocks`].
    pub(super) fn record(&self, number: u32) -> GeoRecord {
        usize::try_from(number).ok().and_then(|n| self.records.get(n)).copied().unwrap_or_default()
    }

    /// The address space as the database divides it.
    pub(super) fn blocks(
        &self,
        family: Family,
    ) -> Box<dyn Iterator<Item = Result<Block<Value>, GeoError>> + '_> {
        if !families(&self.reader).contains(&family) {
            return Box::new(iter::once(Ok(Block::all(Value::Nothing))));
        }
        let number = |network: &LookupResult<'_, _>| {
            let number = network.offset().and_then(|offset| self.numbers.get(&offset));
            number.copied().ok_or_else(|| MaxMindDbError::invalid_database("a record is new"))
        };
        let walk = Walk::new(&self.reader, family, number);
        Box::new(walk.map(|block| block.map_err(|error| broken(&self.path, &error))))
    }
}

fn families(reader: &Reader<Vec<u8>>) -> &'static [Family] {
    if reader.metadata().ip_version == 6 { &[Family::V4, Family::V6] } else { &[Family::V4] }
}

fn broken(path: &Path, error: &MaxMindDbError) -> GeoError {
    GeoError::Broken { path: path.to_owned(), reason: error.to_string() }
}

/// The databases of a directory; any of them may be missing.
#[derive(Debug, Default)]
pub struct Databases {
    found: Vec<Database>,
}

impl Databases {
    /// Opens what is there: for each kind `GeoLite2-X.mmdb`, else `GeoIP2-X.mmdb`, else nothing
    /// (X being Country, City or ASN). A directory that doesn't exist holds none.
    ///
    /// # Errors
    ///
    /// The error of the first file that can't be used. Blocks on the file system.
    pub fn open(directory: &Path) -> Result<Self, GeoError> {
        let mut found = Vec::new();
        for kind in DatabaseKind::ALL {
            for product in ["GeoLite2", "GeoIP2"] {
                let path = directory.join(format!("{product}-{kind}.mmdb"));
                match Database::open(&path, kind) {
                    Ok(database) => {
                        found.push(database);
                        break;
                    }
                    Err(GeoError::Read { source, .. })
                        if source.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Self { found })
    }

    /// These databases. Of several of one kind the first is used.
    #[must_use]
    pub fn new(found: Vec<Database>) -> Self {
        Self { found }
    }

    /// The databases there are.
    pub fn iter(&self) -> impl Iterator<Item = &Database> {
        self.found.iter()
    }

    /// The database of a kind.
    #[must_use]
    pub fn get(&self, kind: DatabaseKind) -> Option<&Database> {
        self.found.iter().find(|database| database.kind == kind)
    }

    /// The databases that supply the place and the ASN. As in geodns, City and Country don't stand
    /// in for each other.
    pub(super) fn sources(&self, needs: Needs) -> [Option<&Database>; 2] {
        let place = match needs {
            Needs { region: true, .. } => self.get(DatabaseKind::City),
            Needs { country: true, .. } => self.get(DatabaseKind::Country),
            Needs { .. } => None,
        };
        [place, if needs.asn { self.get(DatabaseKind::Asn) } else { None }]
    }

    /// What is known about an address, of what is needed.
    #[must_use]
    pub fn lookup(&self, address: IpAddr, needs: Needs) -> GeoRecord {
        let [place, asn] = self.sources(needs).map(|source| source.map(|d| d.lookup(address)));
        GeoRecord { asn: asn.and_then(|found| found.asn), ..place.unwrap_or_default() }
    }

    /// Length of a prefix around an address in which [`Self::lookup`] says one thing. It may be
    /// longer than need be, because the files may say the same of neighbours.
    #[must_use]
    pub fn prefix(&self, address: IpAddr, needs: Needs) -> u8 {
        let lengths = self.sources(needs).map(|source| source.map_or(0, |d| d.prefix(address)));
        lengths.into_iter().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
