//! Which blocks a range needs, and which of them one request to the store brings.

use std::ops::Range;

/// Bytes of a block; the last one of an object may be shorter.
pub(super) const BLOCK_BYTES: u64 = 512 * 1024;
/// Blocks that one request brings at most. Memory does not depend on it.
const RUN_BLOCKS: u64 = 512;

/// The blocks that hold a range of bytes.
pub(super) fn blocks_of(range: &Range<u64>) -> Range<u64> {
    if range.is_empty() {
        return 0..0;
    }
    range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES)
}

/// The bytes of some blocks of an object.
pub(super) fn bytes_of(blocks: &Range<u64>, size: u64) -> Range<u64> {
    blocks.start * BLOCK_BYTES..size.min(blocks.end * BLOCK_BYTES)
}

/// What of a block lies in a range that needs it, counted from the block's first byte.
pub(super) fn part_of(block: u64, range: &Range<u64>) -> Range<usize> {
    let first = block * BLOCK_BYTES;
    let within = |at: u64| {
        let offset = at.saturating_sub(first).min(BLOCK_BYTES);
        usize::try_from(offset).expect("a block fits into memory")
    };
    within(range.start)..within(range.end)
}

/// The blocks that are fetched together, from one that is missing: up to the first that need not be
/// fetched, as far as `end`.
pub(super) fn run_from(first: u64, end: u64, is_there: impl Fn(u64) -> bool) -> Range<u64> {
    let last = end.min(first + RUN_BLOCKS);
    let end = (first + 1..last).find(|block| is_there(*block));
    first..end.unwrap_or(last).max(first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: u64 = BLOCK_BYTES;

    #[test]
    fn a_range_needs_the_blocks_that_it_touches() {
        for (range, blocks) in [
            (0..0, 0..0),
            (5 * B..5 * B, 0..0),
            (0..1, 0..1),
            (0..B, 0..1),
            (0..B + 1, 0..2),
            (B - 1..B + 1, 0..2),
            (B..2 * B, 1..2),
            (3 * B + 1..7 * B, 3..7),
        ] {
            assert_eq!(blocks_of(&range), blocks, "{range:?}");
        }
    }

    #[test]
    fn the_parts_of_the_blocks_are_the_range() {
        let size = 3 * B + 10;
        for range in [0..size, 0..1, B - 1..B + 1, size - 1..size, B..2 * B, 7..2 * B + 7] {
            let mut at = range.start;
            for block in blocks_of(&range) {
                let first = bytes_of(&(block..block + 1), size).start;
                let part = part_of(block, &range);
                assert_eq!(first + part.start as u64, at, "{range:?}");
                at = first + part.end as u64;
                assert!(at <= bytes_of(&(block..block + 1), size).end, "{range:?}");
            }
            assert_eq!(at, range.end);
        }
    }

    #[test]
    fn a_run_ends_before_what_is_there() {
        let there = |blocks: &'static [u64]| move |block: u64| blocks.contains(&block);
        assert_eq!(run_from(0, 10, there(&[])), 0..10);
        assert_eq!(run_from(0, 10, there(&[4, 5])), 0..4);
        assert_eq!(run_from(6, 10, there(&[4, 5])), 6..10);
        assert_eq!(run_from(3, 10, there(&[3, 4])), 3..4);
        assert_eq!(run_from(9, 10, there(&[])), 9..10);
        assert_eq!(run_from(5, 1 << 40, there(&[])), 5..5 + RUN_BLOCKS);
    }
}
