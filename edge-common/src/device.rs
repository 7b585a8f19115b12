//! Link-layer addresses that are ours: a hash table without collisions.

use crate::abi::maps::DEVICE_SLOTS;
use crate::tables::GOLDEN;

/// The slot in which an interface's address (six octets in the low 48 bits of a word in memory
/// order) has to stand.
#[inline(always)]
#[must_use]
pub const fn slot(seed: u64, ifindex: u32, address: u64) -> u32 {
    let hash = (address ^ (ifindex as u64) << 48 ^ ifindex as u64 ^ seed).wrapping_mul(GOLDEN);
    #[expect(clippy::cast_possible_truncation, reason = "the shift leaves eight bits")]
    let slot = (hash >> (64 - DEVICE_SLOTS.trailing_zeros())) as u32;
    slot
}
