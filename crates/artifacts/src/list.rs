//! Listings of a folder.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Entries of one page of a recursive listing; more are asked for with its token.
pub const MAX_RECURSIVE_RESULTS: usize = 10_000;

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, or in a recursive listing the path below the listed folder.
    pub path: String,
    /// Bytes of a file; `None` for a folder.
    pub size: Option<u64>,
}

/// What part of a folder is listed.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Files of all folders below, instead of the names in one folder.
    pub recursive: bool,
    /// Entries at most; `None` lists a folder whole and a tree in pages of
    /// [`MAX_RECURSIVE_RESULTS`].
    pub max_results: Option<usize>,
    /// Where the previous page ended.
    pub after: Option<PageToken>,
    /// A page of a tree may have more entries than were asked for, where the store has to go through all of it
    /// for each page.
    pub may_exceed: bool,
}

/// Entries sorted by path, name by name, in code-point order.
#[derive(Debug, Default)]
pub struct Listing {
    /// The entries of this page.
    pub entries: Vec<Entry>,
    /// Where the next page begins, if there is one.
    pub next: Option<PageToken>,
}

/// The last path of a page, on the wire as base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(pub(crate) String);

impl PageToken {
    /// Reads a token that [`PageToken::encode`] wrote; `None` if it is none.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        String::from_utf8(bytes).ok().filter(|path| !path.is_empty()).map(Self)
    }

    /// The token as text that is safe in a query string.
    #[must_use]
    pub fn encode(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_survives_the_wire() {
        let token = PageToken("a b/日本#.txt".to_owned());
        assert_eq!(PageToken::decode(&token.encode()), Some(token));
        assert_eq!(PageToken::decode("!"), None);
        assert_eq!(PageToken::decode(""), None);
    }
}
