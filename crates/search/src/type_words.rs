//! Attributes of traces that are called like a type of SQL.
//!
//! The reference's parser sees no name in such a word where it stands alone and unquoted, so that a condition on
//! it is refused; but `timestamp` is let pass before an integer.

use crate::{
    NumberComparator,
    pieces::{Item, Kind, Piece},
    tokens::Kind as TokenKind,
};

const TIMESTAMP: &str = "timestamp";
const WORDS: [&str; 2] = ["text", TIMESTAMP];

/// Makes nonsense of the words, and of what they are compared with.
pub(crate) fn refuse(items: Vec<Item<'_>>) -> Vec<Item<'_>> {
    let mut read = Vec::with_capacity(items.len());
    let mut rest = items.into_iter();
    while let Some(item) = rest.next() {
        let (Item::Comparison { left, .. } | Item::Piece(left)) = item;
        if !is_word(&left) || is_time(&item) {
            read.push(item);
            continue;
        }
        let is_whole = matches!(item, Item::Comparison { .. }) || rest.len() >= 2;
        read.push(nonsense(left));
        match item {
            Item::Comparison { comparator, right, .. } => {
                read.extend([nonsense(comparator), nonsense(right)]);
            }
            Item::Piece(_) => read.extend(rest.by_ref().take(2)),
        }
        if left.text == TIMESTAMP && is_whole {
            // The reference shows it a second time.
            read.push(nonsense(left));
        }
    }
    read
}

fn is_word(piece: &Piece<'_>) -> bool {
    piece.kind == Kind::Identifier && WORDS.iter().any(|word| piece.text.eq_ignore_ascii_case(word))
}

fn is_time(item: &Item<'_>) -> bool {
    matches!(item, Item::Comparison { left, comparator, right }
        if left.text == TIMESTAMP
            && right.kind == Kind::Token(TokenKind::Integer)
            && NumberComparator::SYMBOLS.contains(&comparator.text))
}

fn nonsense(mut piece: Piece<'_>) -> Item<'_> {
    piece.kind = Kind::Nonsense;
    Item::Piece(piece)
}
