//! The look-up of a client class: from an address to its leaf in a trie.

use crate::abi::{GeoLeaf, Node4, Root4, Tree6};
use crate::tables::Tables;
use crate::verdict::Verdict;

/// The class of addresses of which nothing is known: the source's class counts instead.
pub const NOTHING: u32 = 0;

/// The leaf of an IPv4 address (wire octets) in a trie.
#[inline(always)]
pub fn leaf4<T: Tables>(tables: &T, trie: u32, address: u32) -> Result<GeoLeaf, Verdict> {
    let [a, b, third, fourth] = address.to_ne_bytes();
    let root = tables.root4(trie, u32::from(a) << 8 | u32::from(b)).ok_or(Verdict::ClientClass)?;
    #[expect(clippy::cast_possible_truncation, reason = "leaf numbers have 15 bits")]
    let mut leaf = root.entry as u16;
    if root.entry & Root4::CHILD != 0 {
        leaf = tables.node4(root.entry & !Root4::CHILD, third).ok_or(Verdict::ClientClass)?;
        if leaf & Node4::CHILD != 0 {
            let node = root.base.wrapping_add(u32::from(leaf & 0xff));
            leaf = tables.node4(node, fourth).ok_or(Verdict::ClientClass)?;
        }
    }
    known(tables.leaf(trie, leaf))
}

/// 1 if a number is above another, 0 if not: the borrow of their difference (Warren, Hacker's
/// Delight, 2-13). A comparison would be a branch, of which the processor guesses each second one
/// wrong and the verifier follows both ways.
#[inline(always)]
const fn above(a: u64, b: u64) -> u32 {
    (((!b & a) | ((!b | a) & b.wrapping_sub(a))) >> 63) as u32
}

/// The leaf of an IPv6 address, from its first eight octets as a word in memory order.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "levels and keys are counted by the lengths of their arrays"
)]
pub fn leaf6<T: Tables>(tables: &T, trie: u32, front: u64) -> Result<GeoLeaf, Verdict> {
    let tree = tables.tree6(trie).ok_or(Verdict::ClientClass)?;
    // Unused keys are the highest number, which must not be found.
    let address = match u64::from_be(front) {
        u64::MAX => u64::MAX - 1,
        address => address,
    };
    let mut child = 0_u32;
    let mut last = None;
    let mut level = 0;
    while level < Tree6::DEPTH {
        if level < tree.depth as usize {
            let node = tree.levels[level].wrapping_add(child);
            let keys = tables.keys6(node).ok_or(Verdict::ClientClass)?;
            // The first key is never above the address: count the others.
            let mut place = 0;
            let mut key = 1;
            while key < 8 {
                place += 1 - above(keys.keys[key], address);
                key += 1;
            }
            last = Some((node, place));
            child = child << 3 | place;
        }
        level += 1;
    }
    let (node, place) = last.ok_or(Verdict::ClientClass)?;
    known(tables.leaf(trie, tables.leaf6(node, place).ok_or(Verdict::ClientClass)?))
}

#[inline(always)]
fn known(leaf: Option<GeoLeaf>) -> Result<GeoLeaf, Verdict> {
    match leaf {
        Some(leaf) if leaf.class != GeoLeaf::UNKNOWABLE => Ok(leaf),
        _ => Err(Verdict::ClientClass),
    }
}

#[cfg(test)]
mod tests {
    use super::above;

    #[test]
    fn numbers_are_compared_without_a_branch() {
        let numbers = [0, 1, 2, u64::MAX >> 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];
        for a in numbers {
            for b in numbers {
                assert_eq!(above(a, b), u32::from(a > b), "{a:x} {b:x}");
            }
        }
    }
}
