//! How many messages an OTLP export holds, counted before any of them is made: an empty one has two bytes on the way, and
//! a hundred in memory.

/// The messages of an export that hold others.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Export,
    ResourceSpans,
    Resource,
    ScopeSpans,
    Span,
    Event,
    Link,
    KeyValue,
    AnyValue,
    List,
    Map,
}

impl Kind {
    /// What lies in a field of such a message, if that is a message of which there may be many.
    fn below(self, tag: usize) -> Option<Self> {
        match (self, tag) {
            (Self::Export, 1) => Some(Self::ResourceSpans),
            (Self::ResourceSpans, 1) => Some(Self::Resource),
            (Self::ResourceSpans, 2) => Some(Self::ScopeSpans),
            (Self::ScopeSpans, 2) => Some(Self::Span),
            (Self::Span, 11) => Some(Self::Event),
            (Self::Span, 13) => Some(Self::Link),
            (Self::Span, 9)
            | (Self::Resource | Self::Map, 1)
            | (Self::Event, 3)
            | (Self::Link, 4) => Some(Self::KeyValue),
            (Self::KeyValue, 2) | (Self::List, 1) => Some(Self::AnyValue),
            (Self::AnyValue, 5) => Some(Self::List),
            (Self::AnyValue, 6) => Some(Self::Map),
            _ => None,
        }
    }
}

/// Whether an export holds more than so many messages; nothing where they can't be told apart.
pub(crate) fn holds_more_than(limit: usize, export: &[u8]) -> Option<bool> {
    // Each has at least a key and a length.
    if export.len() / 2 <= limit {
        return Some(false);
    }
    Some(count(export, limit)? > limit)
}

/// The messages of an export, or one more than `limit` where there are more; nothing where they can't be told apart.
fn count(export: &[u8], limit: usize) -> Option<usize> {
    // The messages around the place that is looked at, each with what is still to be read of it.
    let mut open = vec![(Kind::Export, export)];
    let mut found = 0;
    while let Some((kind, rest)) = open.last_mut() {
        if rest.is_empty() {
            open.pop();
            continue;
        }
        let (tag, content) = next_field(rest)?;
        if let Some(inner) = kind.below(tag).zip(content) {
            found += 1;
            if found > limit {
                break;
            }
            open.push(inner);
        }
    }
    Some(found)
}

/// The number of a field, and its content where that has a length of its own.
fn next_field<'a>(rest: &mut &'a [u8]) -> Option<(usize, Option<&'a [u8]>)> {
    let key = prost::decode_length_delimiter(&mut *rest).ok()?;
    let wire_type = key & 7;
    let length = match wire_type {
        0 => prost::decode_length_delimiter(&mut *rest).ok().map(|_| 0)?,
        1 => 8,
        2 => prost::decode_length_delimiter(&mut *rest).ok()?,
        5 => 4,
        // Groups, which OTLP never had.
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some((key >> 3, (wire_type == 2).then_some(content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with content, which is short.
    fn field(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn span(fields: &[u8]) -> Vec<u8> {
        field(1, &field(2, &field(2, fields)))
    }

    #[test]
    fn messages_are_counted_at_every_depth() {
        assert_eq!(count(&[], 10), Some(0));
        // The groups, the span, and nothing of its texts and numbers.
        let plain = [field(5, b"name"), vec![15 << 3, 1], vec![7 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0]]
            .concat();
        assert_eq!(count(&span(&plain), 10), Some(3));
        let list = field(5, &field(1, b"").repeat(20));
        let attribute = field(9, &field(2, &list));
        assert_eq!(count(&span(&attribute), 100), Some(3 + 3 + 20));
        let map = field(6, &field(1, &field(2, b"")).repeat(4));
        let in_event = field(11, &field(3, &field(2, &map)));
        assert_eq!(count(&span(&in_event), 100), Some(3 + 4 + 8));
    }

    #[test]
    fn counting_ends_at_the_limit() {
        let export = field(1, b"").repeat(1000);
        assert_eq!(count(&export, 7), Some(8));
        assert_eq!(holds_more_than(999, &export), Some(true));
        assert_eq!(holds_more_than(1000, &export), Some(false));
    }

    #[test]
    fn what_is_no_message_is_not_counted() {
        for broken in [&[0x0a][..], &[0x0a, 5, 1], &[0x0b, 0x0c], &[0x09, 1], &[0xff; 12]] {
            assert_eq!(count(broken, 10), None, "{broken:?}");
        }
    }
}
