//! The rules by client prefix: exempt from limits, or denied.
//!
//! For an address the longest prefix around it rules. [`Prefixes::steps_from`] gives the steps from
//! one list to the next.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::backend_error::BackendError;
use edge_common::limit::{DENIED, EXEMPT};
use edge_common::service::MAPPED_BITS;
use ipnet::IpNet;

/// How the clients of a prefix are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Never limited.
    Exempt,
    /// Never answered.
    Deny,
}

impl Rule {
    /// The value in `PREFIXES`.
    #[must_use]
    pub const fn value(self) -> u32 {
        match self {
            Self::Exempt => EXEMPT,
            Self::Deny => DENIED,
        }
    }
}

/// A prefix as `PREFIXES` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    /// Length of the prefix in bits, 0–128.
    pub bits: u32,
    /// The address in network order, an IPv4 address in its mapped form. Bits behind the prefix are
    /// 0.
    pub octets: [u8; 16],
}

impl From<IpNet> for Prefix {
    fn from(net: IpNet) -> Self {
        match net {
            IpNet::V4(net) => Self {
                bits: u32::from(MAPPED_BITS) + u32::from(net.prefix_len()),
                octets: net.network().to_ipv6_mapped().octets(),
            },
            IpNet::V6(net) => {
                Self { bits: net.prefix_len().into(), octets: net.network().octets() }
            }
        }
    }
}

impl Prefix {
    fn first(&self) -> u128 {
        u128::from_be_bytes(self.octets)
    }

    fn last(&self) -> u128 {
        self.first() | u128::MAX.checked_shr(self.bits).unwrap_or(0)
    }

    /// Whether an IPv6 prefix holds all IPv4 addresses in their mapped form.
    #[must_use]
    pub fn has_all_of_ipv4(&self) -> bool {
        let mapped = u128::from(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped());
        self.bits < u32::from(MAPPED_BITS) && (self.first()..=self.last()).contains(&mapped)
    }
}

/// Rules by prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    rules: BTreeMap<Prefix, Rule>,
    /// The first address of each stretch, and its value. A stretch ends where the next begins.
    /// Sorted.
    edges: Vec<(u128, u32)>,
}

impl FromIterator<(Prefix, Rule)> for Prefixes {
    fn from_iter<I: IntoIterator<Item = (Prefix, Rule)>>(rules: I) -> Self {
        let rules: BTreeMap<_, _> = rules.into_iter().collect();
        Self { edges: edges(&rules), rules }
    }
}

/// Cuts nested prefixes into stretches of addresses with one rule each.
fn edges(rules: &BTreeMap<Prefix, Rule>) -> Vec<(u128, u32)> {
    let mut sorted: Vec<_> = rules.iter().collect();
    sorted.sort_by_key(|(prefix, _)| (prefix.first(), prefix.bits));
    let mut edges: Vec<(u128, u32)> = Vec::new();
    // The prefixes around the present address, the longest last.
    let mut open: Vec<(u128, u32)> = Vec::new();
    let close = |open: &mut Vec<(u128, u32)>, edges: &mut Vec<(u128, u32)>| {
        let Some((last, _)) = open.pop() else { return };
        let outer = open.last().map_or(0, |(_, value)| *value);
        if let Some(next) = last.checked_add(1) {
            edges.push((next, outer));
        }
    };
    for (prefix, rule) in sorted {
        while open.last().is_some_and(|(last, _)| *last < prefix.first()) {
            close(&mut open, &mut edges);
        }
        edges.push((prefix.first(), rule.value()));
        open.push((prefix.last(), rule.value()));
    }
    while !open.is_empty() {
        close(&mut open, &mut edges);
    }
    edges
}

/// A step from one list to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Give a prefix this rule.
    Insert(Prefix, Rule),
    /// Take a prefix's rule away.
    Remove(Prefix),
}

impl Prefixes {
    /// How many prefixes have a rule.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The value of the longest prefix around an address (as
    /// [`edge_common::abi::Service::address`]); 0 if there is none.
    #[must_use]
    pub fn listed(&self, address: [u64; 2]) -> u32 {
        let [high, low] = address.map(|word| u128::from(u64::from_be_bytes(word.to_ne_bytes())));
        let address = high << 64 | low;
        let behind = self.edges.partition_point(|(first, _)| *first <= address);
        let edge = behind.checked_sub(1).and_then(|at| self.edges.get(at));
        edge.map_or(0, |(_, value)| *value)
    }

    /// The steps that turn the list `old` into this one.
    ///
    /// An address that both lists deny is denied after each step. New prefixes are inserted first,
    /// the longest before the others, so that no prefix is there before those nested in it. Then
    /// old prefixes are removed, the shortest first, so that those nested in one are removed after
    /// it.
    #[must_use]
    pub fn steps_from(&self, old: &Self) -> Vec<Step> {
        // Sorted by length.
        let new =
            self.rules.iter().rev().filter(|(prefix, rule)| {
                old.rules.get(prefix).is_none_or(|before| before != *rule)
            });
        let gone = old.rules.keys().filter(|prefix| !self.rules.contains_key(prefix));
        new.map(|(prefix, rule)| Step::Insert(*prefix, *rule))
            .chain(gone.map(|prefix| Step::Remove(*prefix)))
            .collect()
    }
}

/// The kernel's map of rules by client prefix.
pub trait PrefixMap {
    /// Replaces the rules. A client that both old and new deny is denied all the time.
    ///
    /// # Errors
    /// When the kernel refuses an entry. Then the map has some of the old rules and some of the
    /// new.
    fn set_prefixes(&mut self, prefixes: &Prefixes) -> Result<(), BackendError>;
}

#[cfg(test)]
mod tests {
    use super::{DENIED, EXEMPT, Prefix, Prefixes, Rule, Step};
    use edge_common::service::words;
    use ipnet::IpNet;

    fn prefixes(rules: &[(&str, Rule)]) -> Prefixes {
        let rules =
            rules.iter().map(|(net, rule)| (Prefix::from(net.parse::<IpNet>().unwrap()), *rule));
        rules.collect()
    }

    fn listed(prefixes: &Prefixes, address: &str) -> u32 {
        prefixes.listed(words(address.parse().unwrap()))
    }

    #[test]
    fn the_longest_prefix_rules() {
        use Rule::{Deny, Exempt};
        let prefixes = prefixes(&[
            ("10.0.0.0/8", Deny),
            ("10.1.0.0/16", Exempt),
            ("10.1.2.0/24", Deny),
            ("10.1.2.3/32", Exempt),
            ("255.255.255.0/24", Deny),
            ("2001:db8::/32", Exempt),
            ("2001:db8::/48", Deny),
            ("ff00::/8", Deny),
        ]);
        for (address, expect) in [
            ("9.255.255.255", 0),
            ("10.0.0.0", DENIED),
            ("10.1.0.0", EXEMPT),
            ("10.1.2.2", DENIED),
            ("10.1.2.3", EXEMPT),
            ("10.1.2.4", DENIED),
            ("10.1.3.0", EXEMPT),
            ("10.2.0.0", DENIED),
            ("11.0.0.0", 0),
            ("255.255.255.255", DENIED),
            ("::1", 0),
            ("2001:db7:ffff::", 0),
            ("2001:db8::1", DENIED),
            ("2001:db8:1::1", EXEMPT),
            ("2001:db9::", 0),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", DENIED),
        ] {
            assert_eq!(listed(&prefixes, address), expect, "{address}");
        }
        assert_eq!(listed(&Prefixes::default(), "192.0.2.1"), 0);
    }

    /// Three lists' prefixes nested in all ways; each may be exempt, denied, or not listed.
    fn lists() -> Vec<Prefixes> {
        let nets = ["10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24"];
        let choice = |code: usize| [None, Some(Rule::Exempt), Some(Rule::Deny)][code % 3];
        (0..81_usize)
            .map(|code| {
                let codes = [code, code / 3, code / 9, code / 27];
                let rules =
                    nets.iter().zip(codes).filter_map(|(net, code)| Some((*net, choice(code)?)));
                prefixes(&rules.collect::<Vec<_>>())
            })
            .collect()
    }

    #[test]
    fn whom_both_lists_deny_is_denied_at_every_step_between_them() {
        let lists = lists();
        let clients = ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.1.0.1"];
        for (old, new) in lists.iter().flat_map(|old| lists.iter().map(move |new| (old, new))) {
            let mut rules = old.rules.clone();
            for step in new.steps_from(old) {
                match step {
                    Step::Insert(prefix, rule) => drop(rules.insert(prefix, rule)),
                    Step::Remove(prefix) => assert!(rules.remove(&prefix).is_some()),
                }
                let now: Prefixes = rules.iter().map(|(prefix, rule)| (*prefix, *rule)).collect();
                for client in clients {
                    if listed(old, client) == DENIED && listed(new, client) == DENIED {
                        assert_eq!(listed(&now, client), DENIED, "{client}: {old:?} to {new:?}");
                    }
                }
            }
            assert_eq!(rules, new.rules);
        }
    }

    #[test]
    fn an_ipv6_prefix_that_holds_the_mapped_addresses_is_told() {
        let holds = |net: &str| Prefix::from(net.parse::<IpNet>().unwrap()).has_all_of_ipv4();
        assert!(holds("::/0") && holds("::/80") && holds("::fffe:0:0/95"));
        assert!(!holds("2000::/3") && !holds("0.0.0.0/0") && !holds("::/128"));
    }
}
