//! Maps of the kernel as memory of this process.
#![expect(unsafe_code, reason = "a map is mapped into this process's memory")]

use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::atomic::AtomicU64;

use aya::maps::MapData;
use memmap2::{MmapMut, MmapOptions};

use super::KernelError;
use edge_tables::store::words;

/// Maps an array with one value of `octets` octets into memory, until the process ends.
pub(super) fn map(
    name: &'static str,
    map: &MapData,
    octets: usize,
) -> Result<&'static [AtomicU64], KernelError> {
    let fd = map.fd().as_fd().as_raw_fd();
    // SAFETY: the memory is the map's own, which lives as long as it is mapped and never shrinks.
    // Others write it too (the kernel's programs, another process that opens the pin): it is only
    // ever used as atomic words, through `Region`.
    let memory = unsafe { MmapOptions::new().len(octets).map_mut(fd) };
    let memory = memory.map_err(|cause| KernelError::Map { name, cause: cause.to_string() })?;
    let memory: &'static mut MmapMut = Box::leak(Box::new(memory));
    Ok(words(memory))
}

/// Octets of kernel memory behind a map, as the kernel accounts for them.
#[cfg(feature = "testing")]
pub(super) fn octets(map: &MapData) -> Result<u64, KernelError> {
    let path = format!("/proc/self/fdinfo/{}", map.fd().as_fd().as_raw_fd());
    let text = std::fs::read_to_string(&path)
        .map_err(|cause| KernelError::Path { path: path.into(), cause: cause.to_string() })?;
    let octets = text.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok());
    Ok(octets.unwrap_or_default())
}
