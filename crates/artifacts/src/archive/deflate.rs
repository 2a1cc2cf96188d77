//! Members of a zip in deflate's format, of which it is known beforehand whether they need 64 bits.

use flate2::{Compression, write::DeflateEncoder};
use std::io::{self, Write};

/// A size of so many bytes, compressed or not, is written with 64 bits.
pub(super) const ZIP64_BYTES: u64 = 0xffff_ffff;
/// What a file of less than [`ZIP64_BYTES`] may grow by when it is compressed. The encoder stores what
/// can't be compressed, in blocks of 31 KiB, and was found to add 30 bytes to each; this is four times
/// that.
const GROWTH_BYTES: u64 = 16 * 1024 * 1024;
/// The most that a stored block holds (RFC 1951, section 3.2.4).
const BLOCK_BYTES: usize = 0xffff;
/// A stored block that holds nothing.
const EMPTY_BLOCK: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// How a member is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Compressed; neither it nor what comes of it has [`ZIP64_BYTES`].
    Small,
    /// Compressed; it has [`ZIP64_BYTES`] or more.
    Large,
    /// It has a little less, and might have more when it is compressed. Its header must say beforehand
    /// which of both, since readers that don't seek go by it; so it is stored, and filled up to
    /// [`ZIP64_BYTES`] with blocks that hold nothing.
    Filled,
}

impl Method {
    pub(super) fn of(size: u64) -> Self {
        match size {
            ZIP64_BYTES.. => Self::Large,
            size if size >= ZIP64_BYTES - GROWTH_BYTES => Self::Filled,
            _ => Self::Small,
        }
    }

    /// Whether sizes have 64 bits.
    pub(super) fn is_zip64(self) -> bool {
        self != Self::Small
    }
}

/// What makes a member of bytes.
pub(super) enum Encoder<W: Write> {
    Compressing(DeflateEncoder<W>),
    Storing { to: W, written: u64 },
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(method: Method, to: W) -> Self {
        match method {
            Method::Filled => Self::Storing { to, written: 0 },
            Method::Small | Method::Large => {
                Self::Compressing(DeflateEncoder::new(to, Compression::fast()))
            }
        }
    }

    /// Fills up with at most about `bytes`; whether that was all.
    pub(super) fn fill(&mut self, bytes: u64) -> io::Result<bool> {
        let Self::Storing { to, written } = self else { return Ok(true) };
        let end = ZIP64_BYTES.min(*written + bytes);
        while *written < end {
            to.write_all(&EMPTY_BLOCK)?;
            *written += EMPTY_BLOCK.len() as u64;
        }
        Ok(end == ZIP64_BYTES)
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Compressing(encoder) => encoder.finish().map(drop),
            Self::Storing { mut to, .. } => {
                let mut last = EMPTY_BLOCK;
                last[0] = 1;
                to.write_all(&last)
            }
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (to, written) = match self {
            Self::Compressing(encoder) => return encoder.write(bytes),
            Self::Storing { to, written } => (to, written),
        };
        let block = &bytes[..bytes.len().min(BLOCK_BYTES)];
        let length = u16::try_from(block.len()).map_err(io::Error::other)?;
        let [low, high] = length.to_le_bytes();
        to.write_all(&[0, low, high, !low, !high])?;
        to.write_all(block)?;
        *written += (EMPTY_BLOCK.len() + block.len()) as u64;
        Ok(block.len())
    }

    /// Nothing is held back by storing; what compressing holds back comes when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::DeflateDecoder;
    use std::io::Read;

    /// Bytes that can't be compressed.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    fn encoded(method: Method, bytes: &[u8]) -> Vec<u8> {
        let mut written = Vec::new();
        let mut encoder = Encoder::new(method, &mut written);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap();
        written
    }

    #[test]
    fn stored_blocks_are_deflate() {
        for length in [0, 1, 65_535, 65_536, 200_000] {
            let bytes = noise(length);
            let mut read = Vec::new();
            let stored = encoded(Method::Filled, &bytes);
            DeflateDecoder::new(&stored[..]).read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes);
        }
    }

    #[test]
    fn nothing_grows_by_more_than_there_is_room_for() {
        let bytes = noise(3_000_000);
        let growth = (encoded(Method::Small, &bytes).len() - bytes.len()) as u64;
        let allowed = u128::from(GROWTH_BYTES) * bytes.len() as u128 / u128::from(ZIP64_BYTES);
        assert!(u128::from(growth) * 3 < allowed, "{growth} of {allowed}");
    }

    #[test]
    fn only_what_may_cross_the_border_is_filled_up() {
        for (size, method) in [
            (0, Method::Small),
            (ZIP64_BYTES - GROWTH_BYTES - 1, Method::Small),
            (ZIP64_BYTES - GROWTH_BYTES, Method::Filled),
            (ZIP64_BYTES - 1, Method::Filled),
            (ZIP64_BYTES, Method::Large),
            (u64::MAX, Method::Large),
        ] {
            assert_eq!(Method::of(size), method, "{size}");
        }
    }
}
