//! The address space as a sequence of blocks in address order.
//!
//! Both families are numbers of 64 bits, left-aligned: an IPv4 address stands in the upper half, an
//! IPv6 address is cut to its first 64 bits. The blocks of a sequence are disjoint, ascending and
//! cover the whole space, so two sequences can be overlaid piece by piece.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use maxminddb::{LookupResult, MaxMindDbError, Reader, Within, WithinOptions};

/// An aligned block of addresses, that is a prefix, and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block<V> {
    /// First address, left-aligned.
    pub start: u64,
    /// Prefix length: 0–32 for IPv4, 0–64 for IPv6.
    pub prefix: u8,
    /// What it stands for.
    pub value: V,
}

impl<V> Block<V> {
    /// All addresses.
    pub(super) fn all(value: V) -> Self {
        Self { start: 0, prefix: 0, value }
    }

    /// The last address, left-aligned, all bits below the prefix set.
    pub(super) fn last(&self) -> u64 {
        self.start | host_bits(self.prefix)
    }
}

fn host_bits(prefix: u8) -> u64 {
    u64::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

/// What a database holds for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    /// No record.
    Nothing,
    /// The record of this number.
    Record(u32),
    /// Not decided by the first 64 bits of the address.
    Unknowable,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// Collects blocks in address order and merges equal siblings upward, so that each block becomes
/// the longest range around its addresses in which all have one value: the true ECS scope.
#[derive(Debug)]
pub(super) struct Cover<V> {
    blocks: Vec<Block<V>>,
}

impl<V: Copy + PartialEq> Cover<V> {
    pub(super) fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    /// Adds the block that follows the last one.
    pub(super) fn push(&mut self, mut block: Block<V>) {
        while let Some(left) = self.blocks.last() {
            let siblings = left.prefix == block.prefix
                && left.value == block.value
                && left.start < block.start
                && block.prefix > 0
                && left.start == block.start & !host_bits(block.prefix - 1);
            if !siblings {
                break;
            }
            block.start = left.start;
            block.prefix -= 1;
            self.blocks.pop();
        }
        self.blocks.push(block);
    }

    pub(super) fn into_blocks(self) -> Vec<Block<V>> {
        self.blocks
    }
}

/// A part of the space, and which of a list's prefixes is the longest around it.
pub(super) type Piece = Block<Option<usize>>;

/// Cuts the whole space along `prefixes` (sorted by start, then length; no doubles): each block's
/// value is the index of the longest of them around it.
pub(super) fn cut(prefixes: &[(u64, u8)]) -> Vec<Piece> {
    fn descend(block: Piece, mut inside: &[(usize, (u64, u8))], out: &mut Vec<Piece>) {
        let Block { start, prefix, mut value } = block;
        if let Some(((index, (first, length)), rest)) = inside.split_first()
            && (*first, *length) == (start, prefix)
        {
            value = Some(*index);
            inside = rest;
        }
        if inside.is_empty() || prefix >= 64 {
            out.push(Block { start, prefix, value });
            return;
        }
        let half = prefix + 1;
        let middle = start | (host_bits(prefix) ^ host_bits(half));
        let (left, right) = inside.split_at(inside.partition_point(|(_, (at, _))| *at < middle));
        descend(Block { start, prefix: half, value }, left, out);
        descend(Block { start: middle, prefix: half, value }, right, out);
    }
    let numbered: Vec<_> = prefixes.iter().copied().enumerate().collect();
    let mut out = Vec::new();
    descend(Block::all(None), &numbered, &mut out);
    out
}

/// Where files repeat the IPv4 tree inside the IPv6 one: the first /64 (IPv4-compatible and
/// IPv4-mapped addresses), Teredo (RFC 4380) and 6to4 (RFC 3056).
const ALIASES: [(u64, u8); 3] = [(0, 64), (0x2001_0000 << 32, 32), (0x2002 << 48, 16)];

/// The walk over a database's tree. `record` turns each network that has data into a number;
/// it is called for networks longer than /64, too, though these come out as unknowable.
///
/// A hostile tree may lead from a few nodes to 2¹²⁸ networks, so the walk ends with an error when
/// there are more of them than a tree of that many nodes can have.
pub(super) struct Walk<'a, F> {
    reader: &'a Reader<Vec<u8>>,
    family: Family,
    pieces: std::vec::IntoIter<Piece>,
    within: Option<(Piece, Within<'a, Vec<u8>>)>,
    networks_left: u64,
    narrow: Option<u64>,
    record: F,
}

impl<'a, F> Walk<'a, F>
where
    F: FnMut(&LookupResult<'a, Vec<u8>>) -> Result<u32, MaxMindDbError>,
{
    pub(super) fn new(reader: &'a Reader<Vec<u8>>, family: Family, record: F) -> Self {
        let pieces = match family {
            Family::V4 => vec![Block::all(None)],
            Family::V6 => cut(&ALIASES),
        };
        // Writers that share equal subtrees exist; four times and a million is beyond them all.
        let networks_left = 4 * u64::from(reader.metadata().node_count) + (1 << 20);
        let pieces = pieces.into_iter();
        Self { reader, family, pieces, within: None, networks_left, narrow: None, record }
    }

    fn step(&mut self) -> Result<Option<Block<Value>>, MaxMindDbError> {
        // Aliases are kept, because looking for them is where a hostile tree could hold us.
        let options =
            WithinOptions::default().include_aliased_networks().include_networks_without_data();
        loop {
            let Some((piece, within)) = &mut self.within else {
                let Some(piece) = self.pieces.next() else { return Ok(None) };
                let Block { start, prefix, value } = piece;
                if value.is_some() {
                    return Ok(Some(Block { start, prefix, value: Value::Unknowable }));
                }
                let network = match self.family {
                    Family::V4 => format!("{}/{prefix}", Ipv4Addr::UNSPECIFIED),
                    Family::V6 => format!("{}/{prefix}", Ipv6Addr::from(u128::from(start) << 64)),
                };
                self.within = Some((piece, self.reader.within(network.parse()?, options)?));
                continue;
            };
            let Some(found) = within.next() else {
                self.within = None;
                continue;
            };
            let found = found?;
            self.networks_left = self.networks_left.checked_sub(1).ok_or_else(|| {
                MaxMindDbError::invalid_database("search tree has more networks than nodes allow")
            })?;
            let network = found.network()?;
            let value = if found.has_data() {
                Value::Record((self.record)(&found)?)
            } else {
                Value::Nothing
            };
            let (start, prefix) = match (self.family, network.network()) {
                (Family::V4, IpAddr::V4(at)) => (u64::from(at.to_bits()) << 32, network.prefix()),
                (Family::V6, IpAddr::V6(at)) => (first_64_bits(at), network.prefix()),
                // The IPv4 tree's place is inside of one larger network.
                (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => (0, 0),
            };
            if prefix <= piece.prefix {
                return Ok(Some(Block { start: piece.start, prefix: piece.prefix, value }));
            }
            if prefix <= 64 {
                return Ok(Some(Block { start, prefix, value }));
            }
            if self.narrow.replace(start) != Some(start) {
                return Ok(Some(Block { start, prefix: 64, value: Value::Unknowable }));
            }
        }
    }
}

impl<'a, F> Iterator for Walk<'a, F>
where
    F: FnMut(&LookupResult<'a, Vec<u8>>) -> Result<u32, MaxMindDbError>,
{
    type Item = Result<Block<Value>, MaxMindDbError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// The part of an IPv6 address that the tables know.
pub(super) fn first_64_bits(address: Ipv6Addr) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = address.octets();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Overlays sequences of blocks: calls `each` with every piece in address order and the values
/// that the sequences have for it.
///
/// # Errors
///
/// The first error of any sequence.
pub(super) fn overlay<const N: usize, E>(
    mut sequences: [Box<dyn Iterator<Item = Result<Block<Value>, E>> + '_>; N],
    mut each: impl FnMut(Block<[Value; N]>),
) -> Result<(), E> {
    let mut current = [Block::all(Value::Nothing); N];
    for (block, sequence) in current.iter_mut().zip(&mut sequences) {
        if let Some(first) = sequence.next() {
            *block = first?;
        }
    }
    // Of overlapping aligned blocks the longest prefix lies inside of the others.
    while let Some(Block { start, prefix, .. }) = current.iter().max_by_key(|b| b.prefix).copied() {
        let piece = Block { start, prefix, value: current.map(|block| block.value) };
        let last = piece.last();
        each(piece);
        if last == u64::MAX {
            break;
        }
        for (block, sequence) in current.iter_mut().zip(&mut sequences) {
            if block.last() == last {
                let Some(next) = sequence.next() else { return Ok(()) };
                *block = next?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block<V>(start: u64, prefix: u8, value: V) -> Block<V> {
        Block { start, prefix, value }
    }

    fn boxed(
        blocks: Vec<Block<Value>>,
    ) -> Box<dyn Iterator<Item = Result<Block<Value>, std::convert::Infallible>>> {
        Box::new(blocks.into_iter().map(Ok))
    }

    #[test]
    fn equal_siblings_merge_upward_until_the_whole_space_is_one() {
        let mut cover = Cover::new();
        for start in 0..256_u64 {
            cover.push(block(start << 56, 8, 'a'));
        }
        assert_eq!(cover.into_blocks(), [block(0, 0, 'a')]);
    }

    #[test]
    fn neighbours_that_are_no_siblings_stay_apart() {
        let mut cover = Cover::new();
        for (start, value) in [(0, 'a'), (1, 'b'), (2, 'b'), (3, 'a')] {
            cover.push(block(start << 62, 2, value));
        }
        assert_eq!(cover.into_blocks().len(), 4);
    }

    #[test]
    fn unequal_lengths_merge_when_the_shorter_half_is_complete() {
        let mut cover = Cover::new();
        cover.push(block(0, 1, 'a'));
        cover.push(block(1 << 63, 2, 'a'));
        cover.push(block(3 << 62, 2, 'a'));
        assert_eq!(cover.into_blocks(), [block(0, 0, 'a')]);
    }

    #[test]
    fn a_cut_names_the_innermost_prefix_and_leaves_nothing_out() {
        let blocks = cut(&[(0, 1), (1 << 62, 64), ((1 << 62) + 1, 64), (u64::MAX, 64)]);
        let mut next = Some(0);
        for block in &blocks {
            assert_eq!(Some(block.start), next);
            next = block.last().checked_add(1);
        }
        assert_eq!(next, None);
        let at = |address| blocks.iter().rfind(|b| b.start <= address).and_then(|b| b.value);
        assert_eq!(at(0), Some(0));
        assert_eq!(at((1 << 62) - 1), Some(0));
        assert_eq!(at(1 << 62), Some(1));
        assert_eq!(at((1 << 62) + 1), Some(2));
        assert_eq!(at((1 << 62) + 2), Some(0));
        assert_eq!(at(1 << 63), None);
        assert_eq!(at(u64::MAX), Some(3));
    }

    #[test]
    fn an_overlay_has_the_finer_cut_of_both() {
        let left = vec![block(0, 1, Value::Record(1)), block(1 << 63, 1, Value::Record(2))];
        let right = cut(&[(1 << 62, 3)]).into_iter().map(|b| {
            block(b.start, b.prefix, b.value.map_or(Value::Nothing, |_| Value::Record(9)))
        });
        let mut seen = Vec::new();
        let right = boxed(right.collect());
        let Ok(()) = overlay([boxed(left), right], |piece| seen.push(piece));
        let (one, two) = (Value::Record(1), Value::Record(2));
        assert_eq!(
            seen,
            [
                block(0, 2, [one, Value::Nothing]),
                block(1 << 62, 3, [one, Value::Record(9)]),
                block((1 << 62) + (1 << 61), 3, [one, Value::Nothing]),
                block(1 << 63, 1, [two, Value::Nothing]),
            ]
        );
    }

    #[test]
    fn an_overlay_of_a_sequence_that_breaks_off_ends() {
        let short = vec![block(0, 1, Value::Nothing)];
        let mut pieces = 0;
        let Ok(()) = overlay([boxed(short)], |_| pieces += 1);
        assert_eq!(pieces, 1);
    }
}
