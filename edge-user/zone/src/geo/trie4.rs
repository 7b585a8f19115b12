//! The IPv4 trie: a 16-8-8 multibit trie.
//!
//! The node numbers in the root's entries ([`Root4::CHILD`] and [`Root4::base`]) count from this
//! trie's first node. Code that copies the nodes into the map adds the index of the first one to
//! both. Third-octet nodes count from `base` and need no change.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use edge_common::abi::{Node4, Root4, maps};

use super::GeoError;
use super::ranges::Block;

/// An IPv4 trie.
#[derive(Clone, Debug)]
pub struct Trie4 {
    /// By the address's first 16 bits; 65,536 entries.
    pub root: Vec<Root4>,
    /// Nodes of the third and fourth octet. Equal ones are stored once where numbering allows.
    pub nodes: Vec<Node4>,
}

impl Trie4 {
    /// Nodes that one trie may have: the map holds it and its successor.
    pub const LARGEST: u32 = maps::GEO4_NODES / 2;

    /// `blocks` cover the whole space; their values are leaf numbers.
    pub(super) fn build(blocks: &[Block<u16>]) -> Result<Self, GeoError> {
        let mut root = Vec::with_capacity(1 << 16);
        let mut nodes = Nodes::default();
        let mut rest = blocks;
        while let Some((first, others)) = rest.split_first() {
            if first.prefix <= 16 {
                let entry = Root4 { entry: first.value.into(), base: 0 };
                root.extend(std::iter::repeat_n(entry, 1 << (16 - first.prefix)));
                rest = others;
            } else {
                let (group, others) = split_group(rest, 16);
                root.push(nodes.add(group)?);
                rest = others;
            }
        }
        Ok(Self { root, nodes: nodes.nodes })
    }

    /// The leaf number of an address.
    #[must_use]
    pub fn lookup(&self, address: Ipv4Addr) -> Option<u16> {
        let [a, b, c, d] = address.octets();
        let root = self.root.get(usize::from(u16::from_be_bytes([a, b])))?;
        if root.entry & Root4::CHILD == 0 {
            return u16::try_from(root.entry).ok();
        }
        let entry = self.entry(root.entry & !Root4::CHILD, c)?;
        if entry & Node4::CHILD == 0 {
            return Some(entry);
        }
        self.entry(root.base + u32::from(entry & !Node4::CHILD), d)
    }

    fn entry(&self, node: u32, octet: u8) -> Option<u16> {
        self.nodes.get(usize::try_from(node).ok()?)?.entries.get(usize::from(octet)).copied()
    }
}

/// Splits off the blocks that share the first one's first `bits`.
fn split_group(blocks: &[Block<u16>], bits: u32) -> (&[Block<u16>], &[Block<u16>]) {
    let group = |block: &Block<u16>| block.start >> (64 - bits);
    let first = blocks.first().map(group);
    blocks.split_at(blocks.partition_point(|block| Some(group(block)) <= first))
}

#[derive(Default)]
struct Nodes {
    nodes: Vec<Node4>,
    numbers: HashMap<Node4, u32>,
}

impl Nodes {
    /// The root entry for the blocks of one /16.
    fn add(&mut self, blocks: &[Block<u16>]) -> Result<Root4, GeoError> {
        let mut third = Node4 { entries: [0; 256] };
        let mut fourths: Vec<Node4> = Vec::new();
        // Which of the third octet's entries name which of `fourths`.
        let mut links: Vec<(usize, usize)> = Vec::new();
        let mut rest = blocks;
        let mut at = 0;
        while let Some((first, others)) = rest.split_first() {
            if first.prefix <= 24 {
                at = fill(&mut third, at, first.value, 24 - first.prefix);
                rest = others;
            } else {
                let (group, others) = split_group(rest, 24);
                let node = fourth(group);
                let known = fourths.iter().position(|other| *other == node);
                links.push((at, known.unwrap_or(fourths.len())));
                if known.is_none() {
                    fourths.push(node);
                }
                at += 1;
                rest = others;
            }
        }
        let (base, numbers) = self.place(&fourths)?;
        for (at, index) in links {
            let offset = numbers.get(index).map_or(0, |number| number - base);
            if let Some(entry) = third.entries.get_mut(at) {
                // Below 256: `place` sees to it.
                *entry = Node4::CHILD | u16::try_from(offset).unwrap_or_default();
            }
        }
        let child = self.number(third)?;
        Ok(Root4 { entry: Root4::CHILD | child, base })
    }

    /// Numbers for the fourth-octet nodes of one /16, and the least of them: those of equal nodes
    /// if an octet can tell them apart, else new ones in a row.
    fn place(&mut self, fourths: &[Node4]) -> Result<(u32, Vec<u32>), GeoError> {
        let known: Option<Vec<u32>> =
            fourths.iter().map(|node| self.numbers.get(node).copied()).collect();
        if let Some(known) = known {
            let base = known.iter().min().copied().unwrap_or(0);
            if known.iter().all(|number| number - base < 256) {
                return Ok((base, known));
            }
        }
        let numbers: Vec<u32> =
            fourths.iter().map(|node| self.append(*node)).collect::<Result<_, _>>()?;
        Ok((numbers.first().copied().unwrap_or(0), numbers))
    }

    fn number(&mut self, node: Node4) -> Result<u32, GeoError> {
        match self.numbers.get(&node) {
            Some(number) => Ok(*number),
            None => self.append(node),
        }
    }

    fn append(&mut self, node: Node4) -> Result<u32, GeoError> {
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        if number >= Trie4::LARGEST {
            return Err(GeoError::TooFine {
                what: "nodes of the IPv4 trie",
                limit: Trie4::LARGEST,
            });
        }
        self.nodes.push(node);
        self.numbers.insert(node, number);
        Ok(number)
    }
}

/// The node for the blocks of one /24.
fn fourth(blocks: &[Block<u16>]) -> Node4 {
    let mut node = Node4 { entries: [0; 256] };
    let mut at = 0;
    for block in blocks {
        at = fill(&mut node, at, block.value, 32 - block.prefix);
    }
    node
}

/// Writes 2^`bits` entries from `at` on; gives where the next belong.
fn fill(node: &mut Node4, at: usize, leaf: u16, bits: u8) -> usize {
    let count = 1 << bits;
    for entry in node.entries.iter_mut().skip(at).take(count) {
        *entry = leaf;
    }
    at + count
}

#[cfg(test)]
mod tests;
