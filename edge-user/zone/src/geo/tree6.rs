//! The IPv6 tree: a static B+ tree over the first 64 bits of addresses.
//!
//! The nodes of all levels stand in one sequence, the root's level first. [`Tree6::levels`] count
//! from this tree's first node. Code that copies the nodes into the map adds the index of the first
//! one to the levels in use.
//!
//! A search takes the last of a node's keys that is not greater than the address. Unused keys are
//! `u64::MAX`, so that `ffff:ffff:ffff:ffff::/64` (multicast, never a client) is searched as the
//! /64 before it.

use std::net::Ipv6Addr;

use edge_common::abi::{GeoLeaf, Keys6, Leaves6, Tree6, maps};

use super::GeoError;
use super::ranges::{self, Block};

const UNKNOWN: GeoLeaf = GeoLeaf { class: GeoLeaf::UNKNOWABLE, prefix: 0 };

/// An IPv6 tree.
#[derive(Clone, Debug)]
pub struct Tree6Image {
    /// Where the levels begin.
    pub tree: Tree6,
    /// The keys of all nodes.
    pub keys: Vec<Keys6>,
    /// Parallel to `keys`; of use on the last level only. Behind the last range its leaf repeats.
    pub leaves: Vec<Leaves6>,
}

impl Tree6Image {
    /// Nodes that one tree may have: the map holds it and its successor.
    pub const LARGEST: u32 = maps::GEO6_NODES / 2;

    const FANOUT: usize = 8;

    /// `blocks` cover the whole space; their values are numbers of `leaves`.
    ///
    /// A tree that is too large loses scopes before it is refused: neighbours of one class become
    /// one range with the longest of their prefixes, which is right for all of them, if longer
    /// than need be. Mostly it is unused space between small networks that is so joined.
    pub(super) fn build(blocks: &[Block<u16>], leaves: &[GeoLeaf]) -> Result<Self, GeoError> {
        let about = |leaf: u16| leaves.get(usize::from(leaf)).copied().unwrap_or(UNKNOWN);
        let blocks = || blocks.iter().filter(|block| block.start < u64::MAX);
        // Neighbours of one leaf are one range, even if they are no prefix together.
        let mut ranges: Vec<(u64, u16)> = Vec::new();
        for block in blocks() {
            if ranges.last().is_none_or(|(_, leaf)| *leaf != block.value) {
                ranges.push((block.start, block.value));
            }
        }
        if Self::nodes(ranges.len()) > Self::LARGEST {
            ranges.clear();
            for block in blocks() {
                let (leaf, start) = (about(block.value), block.start);
                match ranges.last_mut() {
                    Some((_, last)) if about(*last).class == leaf.class => {
                        if about(*last).prefix < leaf.prefix {
                            *last = block.value;
                        }
                    }
                    _ => ranges.push((start, block.value)),
                }
            }
        }
        if Self::nodes(ranges.len()) > Self::LARGEST {
            return Err(GeoError::TooFine { what: "nodes of the IPv6 tree", limit: Self::LARGEST });
        }
        Ok(Self::over(&ranges))
    }

    /// How many nodes so many ranges need.
    fn nodes(mut ranges: usize) -> u32 {
        let mut sum = 0;
        loop {
            ranges = ranges.div_ceil(Self::FANOUT);
            sum += ranges;
            if ranges <= 1 {
                break;
            }
        }
        u32::try_from(sum).unwrap_or(u32::MAX)
    }

    /// The tree over these starts and leaf numbers. `LARGEST` nodes are of fewer levels than
    /// [`Tree6::DEPTH`].
    fn over(ranges: &[(u64, u16)]) -> Self {
        let starts: Vec<u64> = ranges.iter().map(|(start, _)| *start).collect();
        let mut levels = vec![level(&starts)];
        while let Some(lower) = levels.last()
            && lower.len() > 1
        {
            let firsts: Vec<u64> =
                lower.iter().filter_map(|node| node.keys.first().copied()).collect();
            levels.push(level(&firsts));
        }
        levels.reverse();

        let mut tree = Tree6 { levels: [0; Tree6::DEPTH], depth: 0 };
        let mut keys: Vec<Keys6> = Vec::new();
        let mut last = 0;
        for (first, level) in tree.levels.iter_mut().zip(&levels) {
            last = keys.len();
            *first = u32::try_from(last).unwrap_or(u32::MAX);
            tree.depth += 1;
            keys.extend(level);
        }
        let mut leaves = vec![Leaves6 { leaves: [0; Self::FANOUT] }; last];
        leaves.extend(ranges.chunks(Self::FANOUT).map(|chunk| {
            let mut node = Leaves6 { leaves: [chunk.last().map_or(0, |(_, leaf)| *leaf); 8] };
            for (to, (_, leaf)) in node.leaves.iter_mut().zip(chunk) {
                *to = *leaf;
            }
            node
        }));
        Self { tree, keys, leaves }
    }

    /// The leaf number of an address.
    #[must_use]
    pub fn lookup(&self, address: Ipv6Addr) -> Option<u16> {
        let address = ranges::first_64_bits(address).min(u64::MAX - 1);
        let depth = usize::try_from(self.tree.depth).ok()?;
        let (mut node, mut slot) = (0, 0);
        let mut child = 0;
        for first in self.tree.levels.get(..depth)? {
            node = usize::try_from(*first).ok()? + child;
            let keys = &self.keys.get(node)?.keys;
            slot = keys.iter().skip(1).filter(|key| **key <= address).count();
            child = child * Self::FANOUT + slot;
        }
        self.leaves.get(node)?.leaves.get(slot).copied()
    }
}

/// A level over these starts.
fn level(starts: &[u64]) -> Vec<Keys6> {
    let chunks = starts.chunks(Tree6Image::FANOUT).map(|chunk| {
        let mut node = Keys6 { keys: [u64::MAX; Tree6Image::FANOUT] };
        for (key, start) in node.keys.iter_mut().zip(chunk) {
            *key = *start;
        }
        node
    });
    chunks.collect()
}

#[cfg(test)]
mod tests;
