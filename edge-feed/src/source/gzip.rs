//! Decompression of documents up to a limit.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

/// The first octets of a gzip stream (RFC 1952 §2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why there is no document.
#[derive(Debug)]
pub(crate) enum UnpackError {
    /// More octets than the limit.
    TooLarge,
    /// The compression is damaged or ends early.
    Damaged(String),
}

/// A document that is arriving.
pub(crate) enum Decompressor {
    Plain(BoundedBuffer),
    Gzip(Box<MultiGzDecoder<BoundedBuffer>>),
}

/// Octets up to a limit.
pub(crate) struct BoundedBuffer {
    octets: Vec<u8>,
    limit: usize,
}

impl Write for BoundedBuffer {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.len() > self.limit.saturating_sub(self.octets.len()) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.octets.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decompressor {
    /// Empty, to be at most `limit` octets once decompressed.
    pub(crate) fn new(is_gzip: bool, limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let bounded = BoundedBuffer { octets: Vec::new(), limit };
        if is_gzip {
            Self::Gzip(Box::new(MultiGzDecoder::new(bounded)))
        } else {
            Self::Plain(bounded)
        }
    }

    /// Adds the next octets, as received.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), UnpackError> {
        match self {
            Self::Plain(into) => into.write_all(piece).map_err(spoilt),
            Self::Gzip(into) => into.write_all(piece).map_err(spoilt),
        }
    }

    /// The document, if it is complete.
    pub(crate) fn finish(self) -> Result<Vec<u8>, UnpackError> {
        match self {
            Self::Plain(whole) => Ok(whole.octets),
            Self::Gzip(into) => into.finish().map(|whole| whole.octets).map_err(spoilt),
        }
    }
}

fn spoilt(cause: io::Error) -> UnpackError {
    match cause.kind() {
        io::ErrorKind::FileTooLarge => UnpackError::TooLarge,
        _ => UnpackError::Damaged(format!("gzip: {cause}")),
    }
}

/// Whether octets begin as gzip does. No JSON does.
pub(crate) fn is_gzip(octets: &[u8]) -> bool {
    octets.starts_with(&MAGIC)
}

/// The document in octets that may be gzipped.
pub(crate) fn unpack(octets: &[u8], limit: u64) -> Result<Vec<u8>, UnpackError> {
    let mut growing = Decompressor::new(is_gzip(octets), limit);
    growing.push(octets)?;
    growing.finish()
}

/// Octets, gzipped.
pub(crate) fn pack(octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut into = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    into.write_all(octets)?;
    into.finish()
}

#[cfg(test)]
mod tests {
    use super::{Decompressor, UnpackError, pack, unpack};

    #[test]
    fn what_is_packed_comes_out_again_in_pieces_too() {
        let text = "a zone ".repeat(10_000).into_bytes();
        let packed = pack(&text).unwrap();
        assert!(packed.len() < 1000);
        assert_eq!(unpack(&packed, 70_000).unwrap(), text);
        assert_eq!(unpack(&text, 70_000).unwrap(), text);
        let mut growing = Decompressor::new(true, 70_000);
        for octet in &packed {
            growing.push(std::slice::from_ref(octet)).unwrap();
        }
        assert_eq!(growing.finish().unwrap(), text);
        assert!(matches!(unpack(&packed, 69_999), Err(UnpackError::TooLarge)));
        assert!(matches!(unpack(&text, 69_999), Err(UnpackError::TooLarge)));
    }

    #[test]
    fn no_beginning_of_a_gzip_stream_is_a_document() {
        let packed = pack(&"a zone ".repeat(30).into_bytes()).unwrap();
        for end in 2..packed.len() {
            let spoilt = unpack(&packed[..end], 1000);
            assert!(matches!(spoilt, Err(UnpackError::Damaged(_))), "{end} octets: {spoilt:?}");
        }
        let mut flipped = packed.clone();
        flipped[packed.len() - 6] ^= 1;
        assert!(matches!(unpack(&flipped, 1000), Err(UnpackError::Damaged(_))));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = pack(&vec![0; 20_000_000]).unwrap();
        assert!(bomb.len() < 30_000);
        let mut growing = Decompressor::new(true, 1 << 20);
        assert!(matches!(growing.push(&bomb), Err(UnpackError::TooLarge)));
        let Decompressor::Gzip(into) = growing else { panic!("not gzip") };
        assert!(into.get_ref().octets.len() <= 1 << 20);
    }
}
