//! The inner maps of the maps of maps.
//!
//! All are created once, with named fields. A map is put into place when its slot is first used.

use std::os::fd::AsFd as _;

use aya::Ebpf;
use aya::maps::{ArrayOfMaps, Map, MapData};
use aya_obj::Object;
use edge_common::abi::{TableId, maps};

use super::barrier::{Barrier, again};
use super::{KernelError, btf, memory};
use edge_tables::store::ZoneTable;

/// A map of maps, and all maps that can be in it.
#[derive(Debug)]
struct Outer {
    name: &'static str,
    outer: ArrayOfMaps<MapData>,
    /// The same map, for barriers.
    again: MapData,
    inner: Vec<MapData>,
    placed: Vec<bool>,
}

/// The zones' tables, by size class.
#[derive(Debug)]
pub(super) struct Inner(Vec<Outer>);

impl Inner {
    /// Creates all inner maps by the templates in the object.
    pub(super) fn create(ebpf: &mut Ebpf, octets: &[u8]) -> Result<Self, KernelError> {
        let mut object = Object::parse(octets).map_err(|error| KernelError::Program {
            name: maps::PROGRAM,
            cause: error.to_string(),
        })?;
        let types = btf::load(&mut object)?;
        let mut create = |name: &'static str, entries: u32| -> Result<Outer, KernelError> {
            let template = object.maps.get(name).and_then(aya_obj::Map::inner);
            let template = template.ok_or(KernelError::Object { name })?;
            let map = ebpf.take_map(name).ok_or(KernelError::Object { name })?;
            let Map::ArrayOfMaps(data) = &map else { return Err(KernelError::Object { name }) };
            let again = again(data)?;
            let outer = ArrayOfMaps::try_from(map).map_err(KernelError::map(name))?;
            let inner = (0..entries)
                .map(|_| {
                    let types = types.as_ref().map(|types| types.as_fd());
                    MapData::create(template.clone(), name, types).map_err(KernelError::map(name))
                })
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Outer { name, outer, again, placed: vec![false; inner.len()], inner })
        };
        let all = maps::ZONES.into_iter().zip(maps::TABLES).map(|(name, n)| create(name, n));
        Ok(Self(all.collect::<Result<_, _>>()?))
    }

    /// The memory of all of them.
    pub(super) fn tables(&self) -> Result<[Vec<ZoneTable>; TableId::CLASSES], KernelError> {
        let mut tables = [const { Vec::new() }; TableId::CLASSES];
        for (class, (tables, outer)) in tables.iter_mut().zip(&self.0).enumerate() {
            for inner in &outer.inner {
                let words = memory::map(outer.name, inner, ZoneTable::octets(class))?;
                tables.push(ZoneTable::over(words, class));
            }
        }
        Ok(tables)
    }

    fn class(&mut self, table: TableId) -> Result<&mut Outer, KernelError> {
        self.0.get_mut(table.class() as usize).ok_or(KernelError::NoSlot(table.0))
    }

    /// Puts a slot's map into place, if it isn't there yet.
    pub(super) fn insert(&mut self, table: TableId) -> Result<(), KernelError> {
        let outer = self.class(table)?;
        let slot = table.slot() as usize;
        let placed = outer.placed.get_mut(slot).ok_or(KernelError::NoSlot(table.0))?;
        if !*placed {
            let inner = outer.inner.get(slot).ok_or(KernelError::NoSlot(table.0))?;
            let set = outer.outer.set(table.slot(), inner, 0);
            set.map_err(KernelError::map(outer.name))?;
            *placed = true;
        }
        Ok(())
    }

    /// Replaces a map by itself. The kernel returns when every program that may have seen the old
    /// one is through (`synchronize_rcu`).
    pub(super) fn barrier(&mut self) -> Result<(), KernelError> {
        let outer = self.class(TableId::new(0, 0))?;
        let inner = outer.inner.first().ok_or(KernelError::NoSlot(0))?;
        outer.outer.set(0, inner, 0).map_err(KernelError::map(outer.name))
    }

    /// A barrier for another thread, which doesn't wait for the kernel's owner.
    pub(super) fn own_barrier(&self) -> Result<Barrier, KernelError> {
        let outer = self.0.first().ok_or(KernelError::NoSlot(0))?;
        let inner = outer.inner.first().ok_or(KernelError::NoSlot(0))?;
        Barrier::over(&outer.again, inner)
    }

    /// A slot's map.
    pub(super) fn map(&self, table: TableId) -> Option<&MapData> {
        self.0.get(table.class() as usize)?.inner.get(table.slot() as usize)
    }

    /// Octets of kernel memory in all of them.
    #[cfg(feature = "testing")]
    pub(super) fn octets(&self) -> Result<u64, KernelError> {
        self.0.iter().flat_map(|outer| &outer.inner).map(memory::octets).sum()
    }
}
