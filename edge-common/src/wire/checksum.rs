//! The Internet checksum (RFC 1071), summed over words as they stand in memory.
//!
//! A one's-complement sum doesn't depend on the octet order in which its 16-bit words are read, as
//! long as all are read alike and the result is written the same way. A piece that begins at an odd
//! offset of the datagram adds its octet-swapped sum.

/// An unfinished one's-complement sum. Adding a word's halves takes most of the time. Here words
/// are added whole, modulo 2⁶⁴, and their upper halves are added once more separately; from both
/// follows the sum of the lower halves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Sum of all words, modulo 2⁶⁴.
    words: u64,
    /// Sum of the upper halves of words of eight octets.
    upper: u64,
}

impl Sum {
    /// The sum of a folded piece.
    #[inline(always)]
    #[must_use]
    pub const fn new(piece: u32) -> Self {
        Self { words: piece as u64, upper: 0 }
    }

    /// Adds four octets, or a folded sum.
    #[inline(always)]
    #[must_use]
    pub const fn add32(self, word: u32) -> Self {
        Self { words: self.words.wrapping_add(word as u64), ..self }
    }

    /// Adds eight octets.
    #[inline(always)]
    #[must_use]
    pub const fn add64(self, word: u64) -> Self {
        Self { words: self.words.wrapping_add(word), upper: self.upper + (word >> 32) }
    }

    /// All halves, added up.
    #[inline(always)]
    const fn halves(self) -> u64 {
        self.words.wrapping_sub(self.upper << 32) + self.upper
    }

    /// Adds another sum, of octets that begin at an odd offset if `odd`'s lowest bit is set.
    #[inline(always)]
    #[must_use]
    pub const fn add_at(self, piece: Self, odd: usize) -> Self {
        // A sum of words with their octets swapped is 256 times the sum.
        let piece = piece.halves();
        let words = self.words.wrapping_add(piece << ((odd & 1) * 8));
        Self { words, ..self }
    }

    /// The sum folded to 16 bits. Exact for up to 2¹⁶ pieces that don't begin at an odd offset, or
    /// 2⁸ that do.
    #[inline(always)]
    #[must_use]
    pub const fn fold(self) -> u16 {
        // With `sum` = 65,535 q + r the product is r four times over, less q, which is below 2³²:
        // its upper 16 bits are r, or 65,535 when r is 0 and q isn't.
        (self.halves().wrapping_mul(0x0001_0001_0001_0001) >> 48) as u16
    }

    /// The checksum to write into an IPv4 header.
    #[inline(always)]
    #[must_use]
    pub const fn finish(self) -> u16 {
        !self.fold()
    }

    /// The checksum to write into a UDP header, where 0 means that there is none (RFC 768).
    #[inline(always)]
    #[must_use]
    pub const fn finish_udp(self) -> u16 {
        match !self.fold() {
            0 => 0xffff,
            sum => sum,
        }
    }

    /// Adds octets that begin at an even offset; for the host.
    #[must_use]
    pub fn add_octets(mut self, octets: &[u8]) -> Self {
        for pair in octets.chunks(2) {
            let mut word = [0; 2];
            for (to, from) in word.iter_mut().zip(pair) {
                *to = *from;
            }
            self.words += u64::from(u16::from_ne_bytes(word));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn the_example_of_rfc_1071_sums_up() {
        let sum = Sum::default().add_octets(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.fold().to_ne_bytes(), [0xdd, 0xf2]);
    }

    #[test]
    fn words_and_octets_give_the_same_sum() {
        let octets: std::vec::Vec<u8> = (0..16_u8).map(|i| i.wrapping_mul(97)).collect();
        let words = octets
            .chunks(8)
            .fold(Sum::default(), |sum, w| sum.add64(u64::from_ne_bytes(w.try_into().unwrap())));
        assert_eq!(words.fold(), Sum::default().add_octets(&octets).fold());
    }

    #[test]
    fn a_sum_folds_to_its_remainder_but_only_nothing_to_0() {
        for sum in [0, 1, 0xfffe, 0xffff, 0x1_0000, 0x1_fffe, 0xffff_ffff_u32] {
            for times in [1_u32, 2, 3, 255, 65_535] {
                let whole = (0..times).fold(Sum::default(), |whole, _| whole.add32(sum));
                let remainder = u64::from(sum) * u64::from(times) % 0xffff;
                let expected = if sum != 0 && remainder == 0 { 0xffff } else { remainder };
                assert_eq!(u64::from(whole.fold()), expected, "{times} times {sum:#x}");
                let swapped = Sum::default().add_at(whole, 1).fold();
                assert_eq!(swapped, whole.fold().swap_bytes(), "{times} times {sum:#x}");
            }
        }
    }

    #[test]
    fn a_piece_at_an_odd_offset_counts_swapped() {
        let whole = Sum::default().add_octets(&[9, 1, 2, 3, 4, 0]);
        let piece = Sum::default().add_octets(&[1, 2, 3, 4]);
        let parts = Sum::default().add_octets(&[9]).add_at(piece, 1);
        assert_eq!(parts.fold(), whole.fold());
        let parts = Sum::default().add_octets(&[9, 1, 2, 3]).add_at(Sum::new(4), 0);
        assert_eq!(parts.fold(), Sum::default().add_octets(&[9, 1, 2, 3, 4]).fold());
    }

    #[test]
    fn a_udp_checksum_is_never_zero() {
        assert_eq!(Sum::new(0xffff).finish_udp(), 0xffff);
        assert_eq!(Sum::new(0xffff).finish(), 0);
    }
}
