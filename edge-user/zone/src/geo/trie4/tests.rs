//! Tests of the IPv4 trie against a plain search.

use fastrand::Rng;

use super::*;

use crate::geo::ranges::cut;

/// Blocks in which each of these prefixes has its place in the list as leaf number; others 0.
fn blocks(prefixes: &[(&str, u8)]) -> Vec<Block<u16>> {
    let mut prefixes: Vec<(u64, u8)> = prefixes
        .iter()
        .map(|(text, length)| {
            (u64::from(text.parse::<Ipv4Addr>().unwrap().to_bits()) << 32, *length)
        })
        .collect();
    prefixes.sort_unstable();
    let leaf = |index: Option<usize>| index.map_or(0, |index| u16::try_from(index + 1).unwrap());
    let cut = cut(&prefixes).into_iter();
    cut.map(|Block { start, prefix, value }| Block { start, prefix, value: leaf(value) }).collect()
}

fn at(trie: &Trie4, address: &str) -> Option<u16> {
    trie.lookup(address.parse().unwrap())
}

#[test]
fn each_level_answers_what_it_can() {
    let trie = Trie4::build(&blocks(&[
        ("1.0.0.0", 8),
        ("1.2.0.0", 16),
        ("1.2.3.0", 24),
        ("1.2.3.4", 32),
        ("255.255.255.255", 32),
    ]))
    .unwrap();
    assert_eq!(trie.root.len(), 1 << 16);
    assert_eq!(trie.nodes.len(), 4);
    for (address, leaf) in [
        ("0.255.255.255", 0),
        ("1.0.0.0", 1),
        ("1.2.0.0", 2),
        ("1.2.2.255", 2),
        ("1.2.3.3", 3),
        ("1.2.3.4", 4),
        ("1.2.3.5", 3),
        ("1.2.4.0", 2),
        ("1.255.255.255", 1),
        ("2.0.0.0", 0),
        ("255.255.255.254", 0),
        ("255.255.255.255", 5),
    ] {
        assert_eq!(at(&trie, address), Some(leaf), "{address}");
    }
}

#[test]
fn equal_nodes_are_stored_once() {
    // Two /16s alike in everything.
    let mut all = Vec::new();
    for start in [0x0102_0000_u64, 0x0909_0000] {
        all.extend([(start + 0x300) << 32, (start + 0x500) << 32].map(|start| (start, 25)));
    }
    let same = cut(&all).into_iter().map(|Block { start, prefix, value }| Block {
        start,
        prefix,
        value: u16::from(value.is_some()),
    });
    let trie = Trie4::build(&same.collect::<Vec<_>>()).unwrap();
    assert_eq!(trie.nodes.len(), 2);
    assert_eq!(at(&trie, "9.9.5.127"), Some(1));
    assert_eq!(at(&trie, "9.9.5.128"), Some(0));
    assert_eq!(at(&trie, "9.9.4.1"), Some(0));
}

#[test]
fn all_256_fourth_octet_nodes_of_a_16_are_reached() {
    let prefixes: Vec<(String, u8)> = (0..=255).map(|c| (format!("7.7.{c}.{c}"), 32)).collect();
    let prefixes: Vec<(&str, u8)> = prefixes.iter().map(|(text, p)| (text.as_str(), *p)).collect();
    let trie = Trie4::build(&blocks(&prefixes)).unwrap();
    assert_eq!(trie.nodes.len(), 257);
    for c in 0..=255_u8 {
        assert_eq!(trie.lookup(Ipv4Addr::new(7, 7, c, c)), Some(u16::from(c) + 1));
        assert_eq!(trie.lookup(Ipv4Addr::new(7, 7, c, !c)), Some(0));
    }
}

#[test]
fn a_trie_too_large_for_the_map_is_an_error() {
    // One /16 too many of 256 nodes each, all different, for their leaf numbers are random.
    let networks = u64::from(Trie4::LARGEST / 256) + 1;
    let mut random = Rng::with_seed(4);
    let all = (0..networks << 16).map(|n| {
        let value = random.u16(..1 << 15);
        Block { start: n << 32, prefix: 32, value }
    });
    let error = Trie4::build(&all.collect::<Vec<_>>()).unwrap_err().to_string();
    let text = format!("more than {} nodes of the IPv4 trie are needed", Trie4::LARGEST);
    assert!(error.contains(&text), "{error}");
}
