//! Tests of the IPv6 tree against a plain search.

use super::*;

use fastrand::Rng;

/// Ranges of one /64 each at the space's beginning, and the rest.
fn blocks(count: u64) -> Vec<Block<u16>> {
    let each = (0..count).map(|start| Block {
        start,
        prefix: 64,
        value: u16::try_from(start % 1000).unwrap(),
    });
    // The tree looks at starts alone.
    each.chain([Block { start: count, prefix: 0, value: 5000 }]).collect()
}

fn leaf(class: u32, prefix: u32) -> GeoLeaf {
    GeoLeaf { class, prefix }
}

/// Each leaf is of a class of its own.
fn build(blocks: &[Block<u16>]) -> Tree6Image {
    Tree6Image::build(blocks, &(0..=5000).map(|class| leaf(class, 64)).collect::<Vec<_>>()).unwrap()
}

fn at(tree: &Tree6Image, address: u64) -> Option<u16> {
    tree.lookup(Ipv6Addr::from((u128::from(address) << 64) | 0x1234))
}

#[test]
fn trees_of_all_depths_find_each_range() {
    for (count, depth) in
        [(0, 1), (1, 1), (7, 1), (8, 2), (63, 2), (64, 3), (511, 3), (512, 4), (5000, 5)]
    {
        let tree = build(&blocks(count));
        assert_eq!(tree.tree.depth, depth, "{count}");
        assert_eq!(tree.keys.len(), tree.leaves.len());
        for address in 0..count {
            assert_eq!(at(&tree, address), u16::try_from(address % 1000).ok(), "{address}");
        }
        for address in [count, count + 1, u64::MAX - 1, u64::MAX] {
            assert_eq!(at(&tree, address), Some(5000), "{address} of {count}");
        }
    }
}

#[test]
fn each_level_begins_with_key_0_and_ends_padded() {
    let tree = build(&blocks(100));
    let Tree6 { levels, depth } = tree.tree;
    assert_eq!((depth, levels), (3, [0, 1, 3, 0, 0, 0, 0]));
    for level in levels {
        assert_eq!(tree.keys[usize::try_from(level).unwrap()].keys[0], 0);
    }
    assert_eq!(tree.keys[15].keys[4..], [100, u64::MAX, u64::MAX, u64::MAX]);
    assert_eq!(tree.leaves[15].leaves[4..], [5000; 4]);
}

#[test]
fn neighbours_of_one_leaf_are_one_range() {
    let blocks =
        [(0, 1), (1, 1), (2, 2), (3, 2)].map(|(start, value)| Block { start, prefix: 64, value });
    let tree = build(&blocks);
    assert_eq!(tree.keys[0].keys[..3], [0, 2, u64::MAX]);
}

#[test]
fn the_last_64_is_searched_as_the_one_before() {
    let ends = [(0, 1), (u64::MAX - 1, 2), (u64::MAX, 3)];
    let blocks = ends.map(|(start, value)| Block { start, prefix: 64, value });
    let tree = build(&blocks);
    assert_eq!(at(&tree, u64::MAX), Some(2));
}

#[test]
fn random_ranges_are_found_as_a_sorted_list_finds_them() {
    let mut random = Rng::with_seed(6);
    let mut starts: Vec<u64> = (0..20_000).map(|_| random.u64(1..u64::MAX)).collect();
    starts.push(0);
    starts.sort_unstable();
    starts.dedup();
    let blocks: Vec<_> = starts
        .iter()
        .map(|start| Block { start: *start, prefix: 64, value: random.u16(..500) })
        .collect();
    let tree = build(&blocks);
    for start in &starts {
        for address in [start.wrapping_sub(1).min(u64::MAX - 1), *start, random.u64(..)] {
            let block = starts.partition_point(|start| *start <= address) - 1;
            assert_eq!(at(&tree, address), Some(blocks[block].value));
        }
    }
}

/// Ranges that alternate between two leaves, more than a tree may have.
fn alternating() -> Vec<Block<u16>> {
    let ranges = u64::from(Tree6Image::LARGEST) * 8;
    (0..ranges).map(|start| Block { start, prefix: 64, value: u16::from(start % 2 > 0) }).collect()
}

#[test]
fn a_tree_too_large_for_the_map_is_an_error() {
    let leaves = [leaf(0, 64), leaf(1, 64)];
    let error = Tree6Image::build(&alternating(), &leaves).unwrap_err().to_string();
    let text = format!("more than {} nodes of the IPv6 tree are needed", Tree6Image::LARGEST);
    assert!(error.contains(&text), "{error}");
}

#[test]
fn neighbours_of_one_class_join_when_the_tree_is_too_large() {
    let leaves = [leaf(3, 60), leaf(3, 62), leaf(4, 10)];
    let mut blocks = alternating();
    blocks.push(Block { start: 1 << 63, prefix: 1, value: 2 });
    let tree = Tree6Image::build(&blocks, &leaves).unwrap();
    assert_eq!(tree.keys[0].keys[..3], [0, 1 << 63, u64::MAX]);
    assert_eq!([at(&tree, 0), at(&tree, 7), at(&tree, u64::MAX)], [Some(1), Some(1), Some(2)]);
}
