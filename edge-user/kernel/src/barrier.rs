//! A barrier for a thread that mustn't wait for the owner of [`super::Kernel`].

use std::os::fd::AsFd as _;

use aya::maps::{ArrayOfMaps, Map, MapData};

use super::KernelError;

const NAME: &str = "a map of maps";

/// Handles to a map of maps and to a map in it.
#[derive(Debug)]
pub struct Barrier {
    outer: ArrayOfMaps<MapData>,
    inner: MapData,
}

impl Barrier {
    /// New handles to the same maps. [`Self::wait`] puts `inner` at index 0 of `outer`, so that is
    /// where it has to be, or may be.
    pub(super) fn over(outer: &MapData, inner: &MapData) -> Result<Self, KernelError> {
        let outer = Map::from_map_data(again(outer)?).map_err(KernelError::map(NAME))?;
        let outer = ArrayOfMaps::try_from(outer).map_err(KernelError::map(NAME))?;
        Ok(Self { outer, inner: again(inner)? })
    }

    /// Waits until every packet that began before the call is through. The kernel returns from
    /// replacing a map in a map of maps only when every program that may have seen the old map is
    /// through (`synchronize_rcu`).
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn wait(&mut self) -> Result<(), KernelError> {
        self.outer.set(0, &self.inner, 0).map_err(KernelError::map(NAME))
    }
}

/// Another handle to a map.
pub(super) fn again(map: &MapData) -> Result<MapData, KernelError> {
    let fd = map.fd().as_fd().try_clone_to_owned();
    let fd = fd.map_err(|error| KernelError::io("keep a map", error))?;
    MapData::from_fd(fd).map_err(KernelError::map(NAME))
}
