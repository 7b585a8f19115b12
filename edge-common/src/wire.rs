//! Wire formats, one header a file, in windows of fixed size.
//!
//! A parser takes the octets of its section and returns a [`crate::verdict::Verdict`] if it refuses
//! them. A composer writes its section whole, so that nothing of the received one is left. No
//! function here can panic: every offset is a constant inside a window.

pub mod checksum;
pub mod dns;
pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
pub mod ntp;
pub mod udp;

/// `M` octets of a window from a constant offset.
#[inline(always)]
pub(crate) fn part<const AT: usize, const M: usize, const N: usize>(window: &[u8; N]) -> [u8; M] {
    const { assert!(AT + M <= N) }
    match window.get(AT..).and_then(<[u8]>::first_chunk) {
        Some(octets) => *octets,
        None => [0; M],
    }
}

macro_rules! words {
    ($($read:ident $write:ident $int:ty;)*) => { $(
        /// Reads a word of a window as it stands in memory (wire octets, machine's word).
        #[inline(always)]
        pub(crate) fn $read<const AT: usize, const N: usize>(window: &[u8; N]) -> $int {
            <$int>::from_ne_bytes(part::<AT, { size_of::<$int>() }, N>(window))
        }

        /// Writes a word of a window as it stands in memory.
        #[inline(always)]
        pub(crate) fn $write<const AT: usize, const N: usize>(window: &mut [u8; N], word: $int) {
            const { assert!(AT + size_of::<$int>() <= N) }
            if let Some(to) = window.get_mut(AT..).and_then(<[u8]>::first_chunk_mut) {
                *to = word.to_ne_bytes();
            }
        }
    )* };
}

words! {
    load16 store16 u16;
    load32 store32 u32;
    load64 store64 u64;
}
