//! The inner maps of the maps of maps: made once, with named fields, put into place when used.

use std::os::fd::AsFd as _;

use aya::Ebpf;
use aya::maps::{ArrayOfMaps, MapData};
use aya_obj::Object;
use edge_common::abi::{ClassRow, Deck, TableId, maps};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{KernelError, btf, memory};
use crate::store::{Region, ZoneTable};

/// A map of maps, and all maps that can be in it.
#[derive(Debug)]
struct Outer {
    name: &'static str,
    outer: ArrayOfMaps<MapData>,
    inner: Vec<MapData>,
    placed: Vec<bool>,
}

/// The zones' tables.
#[derive(Debug)]
pub(super) struct Inner {
    decks: Vec<Outer>,
    classes: Vec<Outer>,
}

impl Inner {
    /// Makes all inner maps, by the templates in the object.
    pub(super) fn create(
        ebpf: &mut Ebpf,
        octets: &[u8],
        btf: Option<u32>,
    ) -> Result<Self, KernelError> {
        let object = Object::parse(octets).map_err(|error| KernelError::Program {
            name: maps::PROGRAM,
            cause: error.to_string(),
        })?;
        let types = btf.map(btf::open).transpose()?;
        let mut create = |name: &'static str, entries: u32| -> Result<Outer, KernelError> {
            let template = object.maps.get(name).and_then(aya_obj::Map::inner);
            let template = template.ok_or(KernelError::Object { name })?;
            let map = ebpf.take_map(name).ok_or(KernelError::Object { name })?;
            let outer = ArrayOfMaps::try_from(map).map_err(KernelError::map(name))?;
            let inner = (0..entries)
                .map(|_| {
                    let types = types.as_ref().map(|types| types.as_fd());
                    MapData::create(template.clone(), name, types).map_err(KernelError::map(name))
                })
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Outer { name, outer, placed: vec![false; inner.len()], inner })
        };
        let mut all = |names: [&'static str; TableId::CLASSES]| -> Result<Vec<Outer>, KernelError> {
            names.into_iter().zip(maps::TABLES).map(|(name, n)| create(name, n)).collect()
        };
        Ok(Self { decks: all(maps::DECKS)?, classes: all(maps::CLASSES)? })
    }

    /// The memory of all of them.
    pub(super) fn regions(&self) -> Result<[Vec<ZoneTable>; TableId::CLASSES], KernelError> {
        let mut regions = [const { Vec::new() }; TableId::CLASSES];
        let outers = self.decks.iter().zip(&self.classes);
        let rows = maps::DECK_ROWS.into_iter().zip(maps::CLASS_ROWS);
        for ((tables, (decks, classes)), (n_decks, n_classes)) in
            regions.iter_mut().zip(outers).zip(rows)
        {
            for (decks_map, classes_map) in decks.inner.iter().zip(&classes.inner) {
                tables.push(ZoneTable {
                    decks: region::<Deck>(decks.name, decks_map, n_decks)?,
                    classes: region::<ClassRow>(classes.name, classes_map, n_classes)?,
                });
            }
        }
        Ok(regions)
    }

    fn pair(&mut self, table: TableId) -> Result<[&mut Outer; 2], KernelError> {
        let class = table.class() as usize;
        match (self.decks.get_mut(class), self.classes.get_mut(class)) {
            (Some(decks), Some(classes)) => Ok([decks, classes]),
            _ => Err(KernelError::NoSlot(table.0)),
        }
    }

    /// Puts a slot's maps into place, if they aren't there yet.
    pub(super) fn insert(&mut self, table: TableId) -> Result<(), KernelError> {
        for outer in self.pair(table)? {
            let slot = table.slot() as usize;
            let placed = outer.placed.get_mut(slot).ok_or(KernelError::NoSlot(table.0))?;
            if !*placed {
                let inner = outer.inner.get(slot).ok_or(KernelError::NoSlot(table.0))?;
                let set = outer.outer.set(table.slot(), inner, 0);
                set.map_err(KernelError::map(outer.name))?;
                *placed = true;
            }
        }
        Ok(())
    }

    /// Replaces a map by itself: the kernel comes back when every program that may have seen the
    /// old one is through (`synchronize_rcu`).
    pub(super) fn barrier(&mut self) -> Result<(), KernelError> {
        let [outer, _] = self.pair(TableId::new(0, 0))?;
        let inner = outer.inner.first().ok_or(KernelError::NoSlot(0))?;
        outer.outer.set(0, inner, 0).map_err(KernelError::map(outer.name))
    }

    /// A slot's two maps.
    pub(super) fn maps(&self, table: TableId) -> Option<[(&'static str, &MapData); 2]> {
        let (class, slot) = (table.class() as usize, table.slot() as usize);
        let decks = self.decks.get(class)?.inner.get(slot)?;
        let classes = self.classes.get(class)?.inner.get(slot)?;
        Some([("decks", decks), ("classes", classes)])
    }

    /// Octets of kernel memory in all of them.
    pub(super) fn octets(&self) -> Result<u64, KernelError> {
        self.decks
            .iter()
            .chain(&self.classes)
            .flat_map(|outer| &outer.inner)
            .map(memory::octets)
            .sum()
    }
}

fn region<T: FromBytes + IntoBytes + Immutable>(
    name: &'static str,
    map: &MapData,
    entries: u32,
) -> Result<Region<T>, KernelError> {
    memory::map(name, map, entries)
}
