//! SipHash-2-4 (Aumasson and Bernstein, 2012) over words.
//!
//! It is one straight path without a branch. All words are octets in memory order.

/// A hash in the making.
#[derive(Clone, Copy)]
pub struct SipHash {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl SipHash {
    /// Of nothing yet, by a key of 16 octets.
    #[inline(always)]
    #[must_use]
    pub const fn new(key: [u64; 2]) -> Self {
        let [k0, k1] = [u64::from_le(key[0]), u64::from_le(key[1])];
        // "somepseudorandomlygeneratedbytes".
        Self {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            v1: k1 ^ 0x646f_7261_6e64_6f6d,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        }
    }

    /// With the message's next eight octets.
    #[inline(always)]
    #[must_use]
    pub const fn add(self, word: u64) -> Self {
        let word = u64::from_le(word);
        let mut next = Self { v3: self.v3 ^ word, ..self }.round().round();
        next.v0 ^= word;
        next
    }

    /// With the message's last octets, none to seven of them in front of zeros, when it has
    /// `octets` (up to 255) in all: the hash, eight octets as they go over the wire.
    #[inline(always)]
    #[must_use]
    pub const fn finish(self, last: u64, octets: u8) -> u64 {
        let mut end = self.add(last | ((octets as u64) << 56).to_le());
        end.v2 ^= 0xff;
        let end = end.round().round().round().round();
        (end.v0 ^ end.v1 ^ end.v2 ^ end.v3).to_le()
    }

    #[inline(always)]
    const fn round(self) -> Self {
        let Self { mut v0, mut v1, mut v2, mut v3 } = self;
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v1);
        v0 = v0.wrapping_add(v3);
        v1 = v1.rotate_left(17) ^ v2;
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.rotate_left(32);
        Self { v0, v1, v2, v3 }
    }
}

#[cfg(test)]
mod tests {
    use siphasher::sip::SipHasher24;

    use super::SipHash;
    use crate::tables::xorshift;

    /// Of octets, for messages of any length up to 255.
    fn hash(key: [u8; 16], message: &[u8]) -> [u8; 8] {
        let words = |octets: &[u8]| {
            let mut word = [0; 8];
            word[..octets.len()].copy_from_slice(octets);
            u64::from_ne_bytes(word)
        };
        let mut state = SipHash::new([words(&key[..8]), words(&key[8..])]);
        let (full, last) = message.as_chunks::<8>();
        for word in full {
            state = state.add(u64::from_ne_bytes(*word));
        }
        state.finish(words(last), message.len().try_into().unwrap()).to_ne_bytes()
    }

    fn counting<const N: usize>() -> [u8; N] {
        core::array::from_fn(|at| at.try_into().unwrap())
    }

    #[test]
    fn the_authors_vectors_come_out() {
        // Of 0, 1, 2, 8, 15 and 63 octets 00 01 02 …, key 00 … 0f.
        for (octets, expect) in [
            (0, 0x310e_0edd_47db_6f72),
            (1, 0xfd67_dc93_c539_f874),
            (2, 0x5a4f_a9d9_0980_6c0d),
            (8, 0x6224_939a_79f5_f593),
            (15, 0xe545_be49_61ca_29a1),
            (63, 0x7245_06eb_4c32_8a95_u64),
        ] {
            let got = hash(counting(), &counting::<64>()[..octets]);
            assert_eq!(got, expect.to_be_bytes(), "{octets}");
        }
    }

    #[test]
    fn any_message_has_the_hash_that_another_implementation_gives() {
        let mut state = 7;
        let mut octet = || {
            let (next, bits) = xorshift(state);
            state = next;
            bits.to_ne_bytes()[0]
        };
        for octets in (0..=255).chain([20, 32].repeat(1000)) {
            let key: [u8; 16] = core::array::from_fn(|_| octet());
            let message: [u8; 255] = core::array::from_fn(|_| octet());
            let message = &message[..octets];
            let expect = SipHasher24::new_with_key(&key).hash(message).to_le_bytes();
            assert_eq!(hash(key, message), expect, "{octets}");
        }
    }
}
