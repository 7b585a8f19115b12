//! What the datapath hides from the compiler and from the kernel's verifier.
//!
//! The verifier follows every path of a program and keeps a range for every register. It refuses an
//! access whose bounds it doesn't find in the program, and a program in which it follows more than
//! a million instructions. LLVM knows nothing of either: it deletes a check that another one makes
//! superfluous, and it keeps apart, path by path, what it knows of a value. The functions here
//! change no value. Each takes knowledge away from one of the two:
//!
//! - [`Verifier::opaque`] hides a number from both. Without it LLVM proves that the bound which
//!   follows is superfluous and deletes it; the verifier finds no bound and refuses the access.
//! - [`Verifier::forget`] hides a number from both. Without it the verifier follows what comes
//!   next once for each value that it knows, and `general` and `edge` exceed their budgets.
//! - [`Verifier::compiler_fence`] hides memory from LLVM. Without it LLVM keeps in registers what
//!   was written, with all that it knows of it, and the verifier follows the next stage once for
//!   each path.
//! - `hide` (in edge-ebpf) hides an address from LLVM. Without it LLVM proves one window's check
//!   from another's, or compares halves of pointers, and the verifier refuses the access.
//! - `apart` (in edge-ebpf) hides a pointer from LLVM. Without it LLVM merges the look-ups of
//!   several maps into one, of which the kernel makes a call, which costs 20 ns.
//!
//! On the host all of them do nothing. `docs/decisions/0008-verifier.md` has the measurements.

/// Takes knowledge of values away. A frame implements it: the kernel's by instructions, the host's
/// by nothing.
pub trait Verifier {
    /// The same number. In the kernel LLVM can't see that, so that a bound that follows stays in
    /// the program, where the verifier looks for it.
    fn opaque(x: usize) -> usize;
    /// The same number. In the kernel the verifier forgets what it knows of it, so that paths on
    /// which it knows different things become one. `salt` is any word of the frame.
    fn forget(x: usize, salt: u64) -> usize;
    /// In the kernel LLVM forgets what it knows of this memory: what was written is in memory, and
    /// is read from there.
    fn compiler_fence<T>(memory: &mut T);
}

/// A length or an offset inside a frame, which are below 2¹⁶.
#[inline(always)]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a frame has less than 2¹⁶ octets")]
pub(crate) const fn narrow16(octets: usize) -> u16 {
    octets as u16
}

/// As [`narrow16`], in a word of 32 bits.
#[inline(always)]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a frame has less than 2¹⁶ octets")]
pub(crate) const fn narrow32(octets: usize) -> u32 {
    octets as u32
}
