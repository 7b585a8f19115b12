//! The BPF object that was built from `edge-ebpf` and embedded in this program.

use super::KernelError;

/// The object; empty when this program was built without a BPF linker.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/edge-xdp"));

/// The object's octets.
pub(super) fn octets() -> Result<&'static [u8], KernelError> {
    if OBJECT.is_empty() { Err(KernelError::NoObject) } else { Ok(OBJECT) }
}
