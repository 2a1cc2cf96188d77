//! Listings without the keys that no path leads to.
//!
//! A store's own client fails at a whole listing for one key with an empty name or a `..` in it, and takes what
//! marks a folder, an empty object whose key ends with a slash, for a file. Other programs leave both behind, so
//! they are taken out of a store's answer before its client reads it.

use object_store::path::Path;
use quick_xml::{Reader, events::Event};
use std::{borrow::Cow, ops::Range};

/// Elements that stand for an object or a folder, in the answers of S3, GCS and Azure.
const ITEMS: [&[u8]; 4] = [b"Contents", b"CommonPrefixes", b"Blob", b"BlobPrefix"];
/// Those of them that stand for folders.
const FOLDERS: [&[u8]; 2] = [b"CommonPrefixes", b"BlobPrefix"];
/// Elements in them that hold its key.
const KEYS: [&[u8]; 3] = [b"Key", b"Prefix", b"Name"];

/// A listing without what can't be addressed. What is no XML is left for the client to complain of.
pub(super) fn addressable(listing: &str) -> Cow<'_, str> {
    let unaddressable = unaddressable(listing).unwrap_or_default();
    if unaddressable.is_empty() {
        return Cow::Borrowed(listing);
    }
    let (mut kept, mut end) = (String::with_capacity(listing.len()), 0);
    for item in unaddressable {
        kept.push_str(&listing[end..item.start]);
        end = item.end;
    }
    kept.push_str(&listing[end..]);
    Cow::Owned(kept)
}

/// Where the elements stand whose keys can't be addressed.
fn unaddressable(listing: &str) -> Option<Vec<Range<usize>>> {
    let mut reader = Reader::from_str(listing);
    let (mut found, mut item, mut key) = (Vec::new(), None::<Item>, None::<String>);
    loop {
        let start = usize::try_from(reader.buffer_position()).ok()?;
        match reader.read_event().ok()? {
            Event::Start(element) if ITEMS.contains(&element.local_name().as_ref()) => {
                let is_folder = FOLDERS.contains(&element.local_name().as_ref());
                item = Some(Item { start, is_folder, is_bad: None });
            }
            Event::Start(element) if KEYS.contains(&element.local_name().as_ref()) => {
                // The first one counts: what users say of an object may have any name.
                key = item.as_ref().filter(|item| item.is_bad.is_none()).map(|_| String::new());
            }
            Event::Text(text) => {
                if let Some(key) = &mut key {
                    key.push_str(&text.decode().ok()?);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some(key) = &mut key {
                    // The five that have names are harmless, whichever it is.
                    key.push(reference.resolve_char_ref().ok()?.unwrap_or('&'));
                }
            }
            Event::End(element) if KEYS.contains(&element.local_name().as_ref()) => {
                if let (Some(key), Some(item)) = (key.take(), &mut item) {
                    item.is_bad = Some(!is_addressable(&key, item.is_folder));
                }
            }
            Event::End(element) if ITEMS.contains(&element.local_name().as_ref()) => {
                let end = usize::try_from(reader.buffer_position()).ok()?;
                if let Some(item) = item.take().filter(|item| item.is_bad == Some(true)) {
                    found.push(item.start..end);
                }
            }
            Event::Eof => return Some(found),
            _ => {}
        }
    }
}

/// An object or a folder of a listing.
struct Item {
    start: usize,
    is_folder: bool,
    /// Once its key is known.
    is_bad: Option<bool>,
}

/// Whether a path leads to a key.
fn is_addressable(key: &str, is_folder: bool) -> bool {
    let path = if is_folder { key.strip_suffix('/').unwrap_or(key) } else { key };
    Path::parse(path).is_ok_and(|parsed| parsed.as_ref() == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_no_path_leads_to_are_left_out() {
        let item = |key: &str| format!("<Contents><Key>{key}</Key><Size>0</Size></Contents>");
        let folder = |key: &str| format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>");
        let listing = |items: &[String]| {
            format!("<R><Prefix>d/</Prefix>{}<IsTruncated>false</IsTruncated></R>", items.concat())
        };
        let good = [item("d/a"), item("d/a &amp; b"), item("d/&#xe4;"), folder("d/e/")];
        let bad = [item("d/"), item("d//a"), item("d/../a"), item("d/&#x1;"), folder("d//")];
        let mixed: Vec<String> =
            good.iter().zip(&bad).flat_map(|(g, b)| [b.clone(), g.clone()]).collect();
        assert_eq!(addressable(&listing(&mixed)), listing(&good));
        assert_eq!(addressable(&listing(&bad)), listing(&[]));
        assert!(matches!(addressable(&listing(&good)), Cow::Borrowed(_)));
    }

    #[test]
    fn azure_s_blobs_are_read_by_their_first_name() {
        let blob = |name: &str| {
            format!("<Blob><Name>{name}</Name><Metadata><Name>x/</Name></Metadata></Blob>")
        };
        let listing =
            format!("<Blobs>{}<BlobPrefix><Name>e/</Name></BlobPrefix></Blobs>", blob("d/a"));
        assert_eq!(addressable(&listing), listing);
        let listing = format!("<Blobs>{}</Blobs>", blob("d/"));
        assert_eq!(addressable(&listing), "<Blobs></Blobs>");
    }

    #[test]
    fn what_is_no_listing_stays() {
        for text in ["", "<a", "{}", "<Contents><Key>d/</Key>"] {
            assert_eq!(addressable(text), text);
        }
    }
}
