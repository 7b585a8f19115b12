//! Client classes: a partition of the address space, as the tables of a trie.
//!
//! Two addresses are in one class when the caller's key for their data is the same. The finer the
//! key, the longer the prefixes (and the ECS scopes), and the more nodes.

use std::collections::HashMap;
use std::hash::Hash;
use std::iter;
use std::net::IpAddr;

use edge_common::abi::{GeoLeaf, maps};
use ipnet::IpNet;

use super::database::Databases;
use super::ranges::{self, Block, Cover, Family, Value};
use super::record::{GeoRecord, Needs};
use super::tree6::Tree6Image;
use super::trie4::Trie4;
use super::{GeoError, database::Database};

/// The distinctions that the zones of one trie need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Distinctions {
    /// What is asked of the databases.
    pub needs: Needs,
    /// Prefixes that labels name (`ip` targets). They may nest. The /64 of an IPv6 prefix longer
    /// than that is unknowable.
    pub prefixes: Vec<IpNet>,
}

/// The tables of one trie slot. Node numbers are relative to the slot's first node.
#[derive(Clone, Debug)]
pub struct Compiled<K> {
    /// The key of each class. Class 0 is that of addresses nothing is known about, and exists
    /// always.
    pub classes: Vec<K>,
    /// IPv4 addresses to leaf numbers.
    pub v4: Trie4,
    /// The first 64 bits of IPv6 addresses to leaf numbers.
    pub v6: Tree6Image,
    /// Leaf numbers to classes, for both.
    pub leaves: Vec<GeoLeaf>,
    /// Longest prefixes of one class, of IPv4 and of IPv6.
    pub prefixes: [usize; 2],
}

impl<K> Compiled<K> {
    /// The class and scope of an address, read from the tables as the kernel does.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> GeoLeaf {
        let leaf = match address {
            IpAddr::V4(address) => self.v4.lookup(address),
            IpAddr::V6(address) => self.v6.lookup(address),
        };
        leaf.and_then(|number| self.leaves.get(usize::from(number)))
            .copied()
            .unwrap_or(GeoLeaf { class: GeoLeaf::UNKNOWABLE, prefix: 0 })
    }
}

impl<K> Compiled<K> {
    /// Length of the prefix around an address in which every address has its class: the scope of an
    /// answer that depends on the class (RFC 7871 §7.2.1). `None` where only the databases can
    /// tell.
    ///
    /// For IPv4 it is the shortest there is. For IPv6 it is, unless the tree would have been too
    /// large for its map, when it may be longer than need be ([`Tree6Image`]).
    #[must_use]
    pub fn scope(&self, address: IpAddr) -> Option<u8> {
        let leaf = self.lookup(address);
        let prefix = u8::try_from(leaf.prefix).ok()?;
        (leaf.class != GeoLeaf::UNKNOWABLE).then_some(prefix)
    }
}

/// Partitions the address space by `key`, which is given what the databases know of a block of
/// addresses and those of the profile's prefixes that it lies in, longest first. It is called once
/// for each combination that occurs.
///
/// Where a database is missing that the profile needs, nothing is known.
///
/// # Errors
///
/// [`GeoError::TooFine`] when the profile is too fine for the maps, and [`GeoError::Broken`] when a
/// database gives other records than when it was opened.
pub fn compile<K, F>(
    databases: &Databases,
    profile: &Distinctions,
    mut key: F,
) -> Result<Compiled<K>, GeoError>
where
    K: Clone + Eq + Hash,
    F: FnMut(&GeoRecord, &[IpNet]) -> K,
{
    let sources = databases.sources(profile.needs);
    let mut classes = Classes::default();
    classes.number(key(&GeoRecord::default(), &[]));
    let mut leaves = Leaves::default();
    let [v4, v6] = [Family::V4, Family::V6].map(|family| {
        let named = Named::new(&profile.prefixes, family);
        let mut combinations = HashMap::new();
        let mut cover = Cover::new();
        let [place, asn] = sources.map(|source| match source {
            Some(database) => database.blocks(family),
            None => Box::new(iter::once(Ok(Block::all(Value::Nothing)))),
        });
        ranges::overlay([place, asn, named.blocks()], |Block { start, prefix, value }| {
            let class = *combinations.entry(value).or_insert_with(|| {
                if value.contains(&Value::Unknowable) {
                    return GeoLeaf::UNKNOWABLE;
                }
                let [place, asn, name] = value;
                let [place, asn] = [(sources[0], place), (sources[1], asn)].map(known);
                let place = GeoRecord { asn: asn.asn, ..place };
                classes.number(key(&place, named.around(name)))
            });
            cover.push(Block { start, prefix, value: class });
        })?;
        leaves.number_all(cover.into_blocks())
    });
    let (v4, v6) = (v4?, v6?);
    Ok(Compiled {
        classes: classes.keys,
        prefixes: [v4.len(), v6.len()],
        v4: Trie4::build(&v4)?,
        v6: Tree6Image::build(&v6, &leaves.table)?,
        leaves: leaves.table,
    })
}

fn known((source, value): (Option<&Database>, Value)) -> GeoRecord {
    match (source, value) {
        (Some(database), Value::Record(number)) => database.record(number),
        _ => GeoRecord::default(),
    }
}

/// Keys to class numbers, dense from 0.
struct Classes<K> {
    keys: Vec<K>,
    numbers: HashMap<K, u32>,
}

impl<K> Default for Classes<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), numbers: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> Classes<K> {
    fn number(&mut self, key: K) -> u32 {
        // There are fewer records than 2³² in a file of a gigabyte.
        let next = u32::try_from(self.keys.len()).unwrap_or(GeoLeaf::UNKNOWABLE);
        *self.numbers.entry(key).or_insert_with_key(|key| {
            self.keys.push(key.clone());
            next
        })
    }
}

/// Class and prefix length to leaf number, shared by both families.
#[derive(Default)]
struct Leaves {
    table: Vec<GeoLeaf>,
    numbers: HashMap<GeoLeaf, u16>,
}

impl Leaves {
    fn number_all(&mut self, blocks: Vec<Block<u32>>) -> Result<Vec<Block<u16>>, GeoError> {
        let numbered = blocks.into_iter().map(|Block { start, prefix, value: class }| {
            let value = self.number(GeoLeaf { class, prefix: prefix.into() })?;
            Ok(Block { start, prefix, value })
        });
        numbered.collect()
    }

    fn number(&mut self, leaf: GeoLeaf) -> Result<u16, GeoError> {
        if let Some(number) = self.numbers.get(&leaf) {
            return Ok(*number);
        }
        let limit = maps::GEO_LEAVES;
        let number = u16::try_from(self.table.len()).ok().filter(|n| u32::from(*n) < limit);
        let number = number
            .ok_or(GeoError::TooFine { what: "pairs of client class and prefix length", limit })?;
        self.table.push(leaf);
        self.numbers.insert(leaf, number);
        Ok(number)
    }
}

/// One family's prefixes that labels name.
struct Named {
    /// Start and length, sorted.
    prefixes: Vec<(u64, u8)>,
    /// Of the prefix of the same index: itself and those around it, longest first.
    /// Empty: unknowable.
    chains: Vec<Vec<IpNet>>,
}

impl Named {
    fn new(nets: &[IpNet], family: Family) -> Self {
        let mut sorted: Vec<(u64, u8, Option<IpNet>)> = nets
            .iter()
            .filter_map(|net| match (family, net.trunc()) {
                (Family::V4, IpNet::V4(at)) => {
                    let start = u64::from(at.addr().to_bits()) << 32;
                    Some((start, at.prefix_len(), Some(net.trunc())))
                }
                (Family::V6, IpNet::V6(at)) => {
                    let knowable = Some(net.trunc()).filter(|_| at.prefix_len() <= 64);
                    Some((ranges::first_64_bits(at.addr()), at.prefix_len().min(64), knowable))
                }
                _ => None,
            })
            .collect();
        // Of equal ones the unknowable stands first, and stays.
        sorted.sort_unstable();
        sorted.dedup_by_key(|(start, length, _)| (*start, *length));
        let prefixes = sorted.iter().map(|(start, length, _)| (*start, *length)).collect();
        let mut around: Vec<IpNet> = Vec::new();
        let chains = sorted.into_iter().map(|(_, _, net)| {
            let Some(net) = net else { return Vec::new() };
            while around.last().is_some_and(|outer| !outer.contains(&net)) {
                around.pop();
            }
            around.push(net);
            around.iter().rev().copied().collect()
        });
        Self { prefixes, chains: chains.collect() }
    }

    fn blocks(&self) -> Box<dyn Iterator<Item = Result<Block<Value>, GeoError>> + '_> {
        let blocks = ranges::cut(&self.prefixes).into_iter();
        Box::new(blocks.map(|Block { start, prefix, value }| {
            let value = match value {
                None => Value::Nothing,
                Some(index) if self.chains.get(index).is_some_and(Vec::is_empty) => {
                    Value::Unknowable
                }
                Some(index) => u32::try_from(index).map_or(Value::Nothing, Value::Record),
            };
            Ok(Block { start, prefix, value })
        }))
    }

    fn around(&self, name: Value) -> &[IpNet] {
        let Value::Record(index) = name else { return &[] };
        usize::try_from(index).ok().and_then(|i| self.chains.get(i)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
