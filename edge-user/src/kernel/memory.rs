//! Maps as memory.
#![expect(unsafe_code, reason = "a map is mapped into this process's memory")]

use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::maps::MapData;
use memmap2::{MmapMut, MmapOptions};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::KernelError;
use crate::store::Region;

/// Maps an array of `entries` entries for the rest of the process's life.
pub(super) fn map<T: FromBytes + IntoBytes + Immutable>(
    name: &'static str,
    map: &MapData,
    entries: u32,
) -> Result<Region<T>, KernelError> {
    let octets = entries as usize * size_of::<T>();
    let fd = map.fd().as_fd().as_raw_fd();
    // SAFETY: the memory is the map's own, which lives as long as it is mapped and never shrinks.
    // Others write it too (the kernel's programs, another process that opens the pin): it is only
    // ever used as atomic words, through `Region`.
    let memory = unsafe { MmapOptions::new().len(octets).map_mut(fd) };
    let memory = memory.map_err(|cause| KernelError::Map { name, cause: cause.to_string() })?;
    let memory: &'static mut MmapMut = Box::leak(Box::new(memory));
    Ok(Region::over(memory))
}

/// Octets of kernel memory behind a map, as the kernel accounts for them.
pub(super) fn octets(map: &MapData) -> Result<u64, KernelError> {
    let path = format!("/proc/self/fdinfo/{}", map.fd().as_fd().as_raw_fd());
    let text = std::fs::read_to_string(&path)
        .map_err(|cause| KernelError::Path { path: path.into(), cause: cause.to_string() })?;
    let octets = text.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok());
    Ok(octets.unwrap_or_default())
}
