//! The `Range` header, read with the reference's tolerance and refusals.

use axum::http::HeaderValue;
use mlferry_artifacts::Part;
use std::ops::Range;

/// Ranges in one request. Whoever asks for more is refused (RFC 9110, section 14.2); the reference sends the whole file, which
/// costs as much as what is kept from them.
pub(super) const MAX_RANGES: usize = 100;

/// What part of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RequestedRanges {
    /// All of it.
    Whole,
    /// One part.
    One(Range<u64>),
    /// Several parts, sorted and apart from each other.
    Many(Vec<Range<u64>>),
    /// A part that begins beyond the end: 416.
    Unsatisfiable,
    /// More parts than anybody needs: 416.
    TooMany,
    /// No ranges at all: 400 with this text.
    Malformed(&'static str),
}

/// The part that a header asks for, where it is the only one, before the file's size is known.
pub(crate) fn single(value: &HeaderValue) -> Option<Part> {
    let (unit, part) = value.to_str().ok()?.split_once('=')?;
    let (start, end) = part.trim().split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !unit.trim().eq_ignore_ascii_case("bytes") || !is_number(start) || !is_number(end) {
        return None;
    }
    match (start.parse().ok(), end.parse::<u64>().ok()) {
        // A start that is no number because it is too large is none that was left out.
        (None, Some(bytes)) if start.is_empty() && bytes > 0 => Some(Part::Last(bytes)),
        (Some(start), None) if end.is_empty() => Some(Part::From(start)),
        (Some(start), Some(end)) if start <= end => {
            Some(Part::Between(start, end.saturating_add(1)))
        }
        _ => None,
    }
}

/// Reads the header for a file of `size` bytes.
pub(crate) fn parse(value: &HeaderValue, size: u64) -> RequestedRanges {
    use RequestedRanges::{Malformed, Many, One, TooMany, Unsatisfiable};

    let Some((unit, list)) = value.to_str().ok().and_then(|text| text.split_once('=')) else {
        return Malformed("Malformed range header.");
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Malformed("Only support bytes range");
    }
    if list.split(',').count() > MAX_RANGES {
        return TooMany;
    }
    let mut ranges: Vec<Range<u64>> =
        list.split(',').filter_map(|part| parse_part(part.trim(), size)).collect();
    if ranges.is_empty() {
        return Malformed("Range header: range must be requested");
    }
    if ranges.iter().any(|range| range.start >= size) {
        return Unsatisfiable;
    }
    if ranges.iter().any(Range::is_empty) {
        return Malformed("Range header: start must be less than end");
    }
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(previous) if range.start <= previous.end => {
                previous.end = previous.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    match merged.as_slice() {
        [one] => One(one.clone()),
        _ => Many(merged),
    }
}

/// One part of the list; what is no range is passed over.
fn parse_part(part: &str, size: u64) -> Option<Range<u64>> {
    let (start, end) = part.split_once('-')?;
    let (start, end) = (start.trim(), end.trim());
    if start.is_empty() {
        let suffix: u64 = end.parse().ok()?;
        return Some(size.saturating_sub(suffix)..size);
    }
    let start = start.parse().ok()?;
    let end = match end {
        "" => size,
        end => end.parse::<u64>().ok()?.saturating_add(1).min(size),
    };
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::{RequestedRanges::*, *};

    #[test]
    fn one_part_is_known_without_the_size() {
        for (header, expected) in [
            ("bytes=0-4", Some(Part::Between(0, 5))),
            ("bytes=5-", Some(Part::From(5))),
            ("bytes=-10", Some(Part::Last(10))),
            ("bytes=-0", None),
            ("bytes=99999999999999999999-3", None),
            ("bytes=5-2", None),
            ("bytes=0-4,6-7", None),
            ("bytes=+1-4", None),
            ("lines=0-4", None),
            ("bytes=-", None),
        ] {
            assert_eq!(single(&HeaderValue::from_static(header)), expected, "{header}");
        }
    }

    #[test]
    fn ranges_are_read_as_the_reference_reads_them() {
        for (header, expected) in [
            ("bytes=0-4", One(0..5)),
            ("bytes=5-", One(5..100)),
            ("bytes=-10", One(90..100)),
            ("bytes=-1000", One(0..100)),
            ("bytes=90-1000", One(90..100)),
            ("BYTES = 0-0", One(0..1)),
            ("bytes=0-4,10-14", Many(vec![0..5, 10..15])),
            ("bytes=10-14,0-4", Many(vec![0..5, 10..15])),
            ("bytes=0-4,5-9", One(0..10)),
            ("bytes=0-4,x,3-9", One(0..10)),
            ("bytes=100-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=0-4,100-", Unsatisfiable),
            ("bytes=5-2", Malformed("Range header: start must be less than end")),
            ("bytes=", Malformed("Range header: range must be requested")),
            ("bytes=-", Malformed("Range header: range must be requested")),
            ("lines=0-4", Malformed("Only support bytes range")),
            ("bytes", Malformed("Malformed range header.")),
        ] {
            assert_eq!(parse(&HeaderValue::from_static(header), 100), expected, "{header}");
        }
        assert_eq!(parse(&HeaderValue::from_static("bytes=0-"), 0), Unsatisfiable);
        let many = format!("bytes={}", vec!["0-0"; 101].join(","));
        assert_eq!(parse(&HeaderValue::try_from(many).unwrap(), 100), TooMany);
    }
}
