//! Headers that say what part of a file is asked for, and what an upload promises.

use http::{HeaderMap, HeaderName, HeaderValue};
use mlferry_artifacts::Part;
use mlferry_server::fuzzing::{self, Asked};
use std::ops::Range;

/// Sizes of files, empty and endless ones included.
const SIZES: [u64; 5] = [0, 1, 10, 70_000, u64::MAX];

/// Reads the first line as a `Range`, and all lines as headers.
pub fn check(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n');
    if let Some(range) = lines.clone().next().and_then(|line| HeaderValue::from_bytes(line).ok()) {
        for size in SIZES {
            check_range(&range, size);
        }
    }
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&line[colon + 1..])) {
            headers.append(name, value);
        }
    }
    let _ = fuzzing::are_of_upload(&headers);
}

fn check_range(header: &HeaderValue, size: u64) {
    let asked = fuzzing::ranges(header, size);
    if let Asked::Parts(parts) = &asked {
        check_parts(parts, size);
    }
    // What is read before the size is known must come to the same.
    if let Some(part) = fuzzing::single_range(header) {
        let (start, end) = match part {
            Part::Between(start, end) => (start, end.min(size)),
            Part::From(start) => (start, size),
            Part::Last(bytes) => (size.saturating_sub(bytes), size),
        };
        let part = Range { start, end };
        let same = if start >= size { Asked::Beyond } else { Asked::Parts(vec![part]) };
        assert_eq!(asked, same, "{header:?} of {size} bytes");
    }
}

fn check_parts(parts: &[Range<u64>], size: u64) {
    assert!(!parts.is_empty());
    assert!(parts.iter().all(|part| part.start < part.end && part.end <= size), "{parts:?}");
    let are_apart = parts.windows(2).all(|pair| pair[0].end < pair[1].start);
    assert!(are_apart, "{parts:?} of {size} bytes");
}
