//! The amendment of a compiled zone of which addresses and serial have changed.
//!
//! It starts from the former zone and its compiled form. A feed changes some servers' weights each
//! second. Then names, client classes, types and all numbers in the tables stay: only some decks
//! hold other records.

use std::collections::HashMap;
use std::sync::Arc;

use edge_common::abi::ClassRow;

use super::decks::addresses;
use super::{Compiled, Undealt, ready};
use edge_zone::AnyPolicy;
use edge_zone::{Label, RecordKind, Zone};

/// The source of a deck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) label: Box<str>,
    pub(super) kind: RecordKind,
    /// Octets of the name in its questions; 0 if that doesn't matter.
    pub(super) octets: u8,
    /// The deck; [`ClassRow::NONE`] if none can hold the records.
    pub(super) deck: u16,
}

/// The labels whose addresses have changed, by name.
type Changed<'z> = HashMap<&'z str, &'z Label>;

impl Compiled {
    /// Whether both have the same names, classes, types and deck numbers, because one was amended
    /// from the other or both from the same.
    pub fn is_of_the_same_shape(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shape, &other.shape)
    }
}

/// Compiles `zone` from `former`, the compiled form of the zone `was`.
///
/// `None` if only [`super::compile`] can do that. The client classes and the policy for ANY have to
/// be the same.
#[must_use]
pub fn amend(
    former: &Compiled,
    was: &Zone,
    zone: &Zone,
    soa: &[u8],
    any: AnyPolicy,
) -> Option<Compiled> {
    if !is_alike(was, zone) {
        return None;
    }
    let pairs = was.labels.iter().zip(&zone.labels);
    let pairs = pairs.filter(|(was, label)| (&was.a, &was.aaaa) != (&label.a, &label.aaaa));
    let changed = pairs.map(|(_, label)| (&*label.name, label)).collect();
    let plain = match &former.plain {
        Some(plain) => Some(Box::new(amend_as(plain, &changed, zone, soa, None)?)),
        None => None,
    };
    // What was too large for any table with ready-made records has none.
    let any = former.has_ready.then_some(any);
    Some(Compiled { plain, ..amend_as(former, &changed, zone, soa, any)? })
}

fn amend_as(
    former: &Compiled,
    changed: &Changed<'_>,
    zone: &Zone,
    soa: &[u8],
    any: Option<AnyPolicy>,
) -> Option<Compiled> {
    let mut decks = former.decks.clone();
    let mut is_set = vec![false; decks.len()];
    for origin in former.origins.iter() {
        let undealt = match origin.kind {
            RecordKind::A | RecordKind::Aaaa => {
                let Some(label) = changed.get(&*origin.label) else {
                    keep(&decks, &mut is_set, former, origin.deck)?;
                    continue;
                };
                addresses(label, origin.kind, zone.ttl_of(label, origin.kind))
            }
            RecordKind::Soa if any.is_some() => {
                let label = zone.labels.get(&origin.label)?;
                ready::ready(zone, soa, label, origin.kind, origin.octets.max(3))
                    .map(|ready| ready.undealt)
            }
            _ => continue,
        };
        match (undealt, origin.deck) {
            (None, ClassRow::NONE) => {}
            (Some(undealt), number) if number != ClassRow::NONE => {
                set(&mut decks, &mut is_set, number.into(), undealt)?;
            }
            _ => return None,
        }
    }
    Some(Compiled { decks, soa: soa.to_vec(), plain: None, ..former.without_decks() })
}

/// Sets a deck. `None` if it is already set to something else: then records that were the same no
/// longer are.
fn set(decks: &mut [Undealt], is_set: &mut [bool], at: usize, undealt: Undealt) -> Option<()> {
    let (deck, is_set) = (decks.get_mut(at)?, is_set.get_mut(at)?);
    if *is_set {
        return (*deck == undealt).then_some(());
    }
    *is_set = true;
    *deck = undealt;
    Some(())
}

/// Leaves a deck as it was. `None` if it is already set to something else.
fn keep(decks: &[Undealt], is_set: &mut [bool], former: &Compiled, number: u16) -> Option<()> {
    if number == ClassRow::NONE {
        return Some(());
    }
    let at = usize::from(number);
    let is_set = is_set.get_mut(at)?;
    if *is_set {
        return (decks.get(at)? == former.decks.get(at)?).then_some(());
    }
    *is_set = true;
    Some(())
}

/// Whether two zones differ in nothing but addresses, as long as there are any, and serial.
fn is_alike(was: &Zone, zone: &Zone) -> bool {
    let Zone { apex, serial: _, ttl, max_hosts, contact, targeting, .. } = zone;
    let can_be = |zone: &Zone| !zone.has_closest && !zone.has_health;
    can_be(was)
        && can_be(zone)
        && (apex, *ttl, *max_hosts, contact, *targeting)
            == (&was.apex, was.ttl, was.max_hosts, &was.contact, was.targeting)
        && was.labels.len() == zone.labels.len()
        && was.labels.iter().zip(&zone.labels).all(|(was, label)| is_like(was, label))
}

fn is_like(was: &Label, label: &Label) -> bool {
    let Label { name, ttl, max_hosts, closest, health, alias, .. } = label;
    let Label { ns, cname, ptr, mx, txt, srv, spf, wire, .. } = label;
    (name, *ttl, *max_hosts, *closest, health, alias)
        == (&was.name, was.ttl, was.max_hosts, was.closest, &was.health, &was.alias)
        && (ns, cname, ptr, mx) == (&was.ns, &was.cname, &was.ptr, &was.mx)
        && (txt, srv, spf, wire) == (&was.txt, &was.srv, &was.spf, &was.wire)
        && [RecordKind::A, RecordKind::Aaaa]
            .iter()
            .all(|kind| label.has_kind(*kind) == was.has_kind(*kind))
        && (label.a.is_some(), label.aaaa.is_some()) == (was.a.is_some(), was.aaaa.is_some())
}
