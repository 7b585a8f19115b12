//! Tests of zones of which only addresses and serial change.
//!
//! They keep their generation, and the tables still agree with the authority.

use std::sync::Arc;

use super::{AnyPolicy, Node, Publishable, compare, zone_of};
use edge_tables::compile::{Source, amend};
use edge_zone::rdata::soa_record;

/// A zone like a pool's. Its servers have the addresses `192.0.NET.0/24` and `2001:db8::NET`, and
/// weights of at most `weight`.
fn text(serial: u32, net: u8, weight: u32, extra: &str) -> String {
    let a = |n: u32| format!(r#"["192.0.{net}.{n}", {}]"#, weight / n);
    let many: Vec<String> = (1..=9).map(a).collect();
    let aaaa = format!(r#"["2001:db8::{net}", {weight}], ["2001:db8::1:{net}", 7]"#);
    format!(
        r#"{{"serial": {serial}, "ttl": 60, "max_hosts": 2, "data": {{
  "": {{"ns": ["ns1.pool.test."], "a": [{many}], "mx": [{{"mx": "."}}], "txt": "same"}},
  "europe": {{"a": [{some}]}}, "de": {{"a": [{some}], "aaaa": [{aaaa}]}},
  "0": {{"a": [{many}]}}, "0.de": {{"a": [{one}]}}, "1.europe": {{"a": []}},
  "2": {{"aaaa": [{aaaa}]}}, "www": {{"cname": "pool.test.", "ttl": 7200}},
  "0.vendor": {{"alias": "0"}}, "vendor": {{"alias": ""}}, "*.made": {{"a": [{one}]}}{extra}
}}}}"#,
        many = many.join(","),
        some = many[3..7].join(","),
        one = a(3),
    )
}

impl Node {
    /// Publishes a new text of the first zone, amended if possible. Returns whether it was amended.
    fn amend(&mut self, text: &str) -> bool {
        let zone = zone_of("pool.test", text);
        let (was, former) = self.zones[0].clone();
        let soa = soa_record(&zone);
        let amended = amend(&former.compiled, &was, &zone, &soa, self.options.any);
        let is_amended = amended.is_some();
        let trie = &former.trie;
        let compiled = amended.unwrap_or_else(|| {
            edge_tables::compile::compile(&zone, &trie.classes, soa, self.options.any)
        });
        let made = Publishable { compiled: Arc::new(compiled), trie: Arc::clone(trie) };
        self.zones[0] = (zone, made);
        self.publish(&[], &[]);
        is_amended
    }
}

#[test]
fn new_weights_addresses_and_serials_need_no_new_generation() {
    for any in [AnyPolicy::Minimal, AnyPolicy::Full] {
        let first = text(1, 2, 100, "");
        let mut node = Node::new(&[("pool.test", &first)], &[], any);
        let usage = node.publisher.usage();
        let generation = node.store.generation();
        for (serial, net, weight) in [(2, 2, 900), (3, 7, 900), (4, 2, 50), (5, 9, 100)] {
            assert!(node.amend(&text(serial, net, weight, "")));
        }
        compare(&node);
        assert_eq!(node.store.generation(), generation);
        assert_eq!(node.publisher.usage(), usage, "what was replaced comes back");
        assert!(node.publisher.deal_again().unwrap() > 0);
        // Names are chosen again if the same zones are published.
        node.publish(&[], &[]);
        assert_eq!(node.store.generation(), generation + 1);
    }
}

#[test]
fn whatever_else_changes_takes_a_generation() {
    let first = text(1, 2, 100, "");
    for (what, next) in [
        ("a label", text(2, 2, 100, r#", "more": {"a": [["192.0.2.9"]]}"#)),
        ("a text", first.replace("\"same\"", "\"other\"")),
        ("a label that had no servers", first.replace("\"a\": []", "\"a\": [[\"192.0.2.1\"]]")),
        ("a time to live", first.replace("7200", "7201")),
        ("the zone's", first.replace("\"ttl\": 60", "\"ttl\": 61")),
        ("records on a card", first.replace("\"max_hosts\": 2", "\"max_hosts\": 3")),
    ] {
        let mut node = Node::new(&[("pool.test", &first)], &[], AnyPolicy::Minimal);
        let generation = node.store.generation();
        assert!(!node.amend(&next), "{what}");
        assert!(node.store.generation() > generation, "{what}");
        compare(&node);
    }
}

#[test]
fn labels_that_were_the_same_and_no_longer_are_take_a_generation() {
    let one = text(1, 2, 90, "");
    let mut node = Node::new(&[("pool.test", &one)], &[], AnyPolicy::Minimal);
    // The wildcard's record was that of 0.de.
    let next = one.replace(
        r#""*.made": {"a": [["192.0.2.3", 30]]}"#,
        r#""*.made": {"a": [["192.0.2.4", 30]]}"#,
    );
    assert_ne!(one, next);
    assert!(!node.amend(&next));
    compare(&node);
}

#[test]
fn a_deck_whose_cards_have_another_length_takes_a_generation() {
    let mut node = Node::new(&[("pool.test", &text(1, 2, 90, ""))], &[], AnyPolicy::Minimal);
    let generation = node.store.generation();
    let usage = node.publisher.usage();
    let next = text(2, 2, 90, "").replace(
        r#""0.de": {"a": [["192.0.2.3", 30]]"#,
        r#""0.de": {"a": [["192.0.2.3", 30], ["192.0.2.5", 3]]"#,
    );
    // The wildcard's record has to go with it, or the two are no longer the same.
    let next = next.replace(
        r#""*.made": {"a": [["192.0.2.3", 30]]"#,
        r#""*.made": {"a": [["192.0.2.3", 30], ["192.0.2.5", 3]]"#,
    );
    assert!(node.amend(&next), "it compiles to the same shape");
    assert!(node.store.generation() > generation);
    compare(&node);
    assert!(node.amend(&text(3, 2, 90, "")));
    compare(&node);
    assert_eq!(node.publisher.usage(), usage);
}

#[test]
fn what_is_amended_is_what_would_be_compiled() {
    let mut rng = fastrand::Rng::with_seed(9);
    let (mut n_amended, mut n_compared) = (0, 0);
    for any in [AnyPolicy::Minimal, AnyPolicy::Full] {
        let mut text = text(1, 2, 100, "");
        let mut node = Node::new(&[("pool.test", &text)], &[], any);
        for serial in 2..60 {
            // One label's weight or address is another, now and then none.
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let line = &mut lines[rng.usize(2..6)];
            let (from, to) = (rng.u8(1..=9), rng.u8(10..=250));
            *line = match rng.u8(..4) {
                0 => line.clone(),
                1 => line.replace(&format!(".{from}\","), &format!(".{to}\",")),
                _ => line.replace(&format!("\", {from}"), &format!("\", {to}")),
            };
            text = lines.join("\n");
            text = text.replace(
                &format!("{{\"serial\": {}", serial - 1),
                &format!("{{\"serial\": {serial}"),
            );
            n_amended += u32::from(node.amend(&text));
            let (zone, made) = node.zones[0].clone();
            let trie = &made.trie;
            let whole = edge_tables::compile::compile(&zone, &trie.classes, soa_record(&zone), any);
            // Labels that have become the same share a deck in the whole, so that numbers may
            // differ.
            for (key, deck) in whole.deck_keys.iter().zip(&whole.decks) {
                assert!(made.compiled.decks.contains(deck), "{key:?} in {text}");
                if matches!(deck.source, Source::A(_) | Source::Aaaa(_)) {
                    let at = made.compiled.deck_keys.iter().position(|known| known == key).unwrap();
                    assert_eq!(made.compiled.decks[at], *deck, "{key:?} in {text}");
                    n_compared += 1;
                }
            }
            assert_eq!((&made.compiled.soa, zone.serial), (&whole.soa, serial));
        }
        // The authority is asked so often that it gives every record, unless one weighs next to
        // nothing.
        node.amend(&self::text(99, 2, 100, ""));
        compare(&node);
    }
    assert!(n_amended > 60 && n_compared > 500, "{n_amended} {n_compared}");
}
