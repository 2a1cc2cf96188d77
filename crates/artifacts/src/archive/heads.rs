//! The headers of an archive that is unpacked, as they pass on their way to the reader.
//!
//! A GNU header of a sparse file may go on in further blocks. The reader (astral-tokio-tar 0.7) forgets
//! such a member when it has to wait for one of them, and goes on as if there had been none. So it is
//! refused here, before the reader sees all of its header.

use super::member::sparse;
use std::io;
use tokio_tar::Header;

const BLOCK_BYTES: u64 = 512;

/// Finds the headers between two members.
pub(super) struct Heads {
    /// Where in the archive the next one begins.
    next: u64,
    /// What has come of it.
    block: Vec<u8>,
}

impl Heads {
    /// Those of which the first begins at `next`.
    pub(super) fn at(next: u64) -> Self {
        Self { next, block: Vec::new() }
    }

    /// Looks at bytes that begin at `at`; an error if a sparse file begins among them.
    pub(super) fn pass(&mut self, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let is_inside = at >= self.next;
            let end = if is_inside { self.next.saturating_add(BLOCK_BYTES) } else { self.next };
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(bytes.len());
            let (piece, rest) = bytes.split_at(length);
            if is_inside {
                self.block.extend_from_slice(piece);
            }
            (at, bytes) = (at + length as u64, rest);
            if is_inside && at == end {
                self.next = after(&self.block, end)?;
                self.block.clear();
            }
        }
        Ok(())
    }
}

/// Where the header after this one begins, if the member's own is still to come.
fn after(block: &[u8], end: u64) -> io::Result<u64> {
    let header = Header::from_byte_slice(block);
    let kind = header.entry_type();
    if kind.is_gnu_sparse() {
        let text = format!("'{}': {}", String::from_utf8_lossy(&header.path_bytes()), sparse());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let names_the_next =
        kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions();
    // A size that can't be read is the reader's to refuse.
    let size = header.raw_entry_size().ok().filter(|_| names_the_next);
    Ok(size.map_or(u64::MAX, |size| end_of(end, size)))
}

/// Where what lies behind `size` bytes begins, which fill whole blocks.
pub(super) fn end_of(start: u64, size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK_BYTES)
        .and_then(|size| start.checked_add(size))
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tar::EntryType;

    fn header(kind: EntryType, size: u64) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.as_bytes().to_vec()
    }

    /// Whether a sparse file is noticed, in whatever pieces the bytes come.
    fn notices(bytes: &[u8], first: u64) -> bool {
        let outcomes = [1, 100, 512, 700, bytes.len()].map(|length| {
            let mut heads = Heads::at(first);
            let mut pieces = bytes.chunks(length).scan(0, |at, piece| {
                *at += piece.len() as u64;
                Some((*at - piece.len() as u64, piece))
            });
            pieces.any(|(at, piece)| heads.pass(at, piece).is_err())
        });
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
        outcomes[0]
    }

    #[test]
    fn a_sparse_file_is_noticed_behind_all_that_may_stand_before_it() {
        let sparse = header(EntryType::GNUSparse, 5);
        assert!(notices(&sparse, 0));
        assert!(notices(&[vec![7; 300], sparse.clone()].concat(), 300));
        for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
            for (size, blocks) in [(0, 0), (1, 1), (512, 1), (513, 2)] {
                let name = vec![b'n'; 512 * blocks];
                assert!(notices(&[header(kind, size), name, sparse.clone()].concat(), 0), "{size}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_one_is_passed() {
        let sparse = header(EntryType::GNUSparse, 5);
        assert!(!notices(&[header(EntryType::Regular, 512), sparse.clone()].concat(), 0));
        assert!(!notices(&[header(EntryType::XGlobalHeader, 512), sparse.clone()].concat(), 0));
        assert!(!notices(&[header(EntryType::GNULongName, 512), sparse.clone()].concat(), 0));
        assert!(!notices(&[sparse, vec![0; 1024]].concat(), 512));
        assert!(!notices(&[0; 2048], 0));
    }

    #[test]
    fn sizes_without_end_end_somewhere() {
        assert_eq!(end_of(512, 513), 1536);
        assert_eq!(end_of(512, u64::MAX), u64::MAX);
        assert_eq!(end_of(u64::MAX, 512), u64::MAX);
    }
}
