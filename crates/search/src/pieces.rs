//! Tokens into the pieces that the reference sees: names with dots, lists, sums, comparisons.
//!
//! Each pass joins what belongs together, in the order of sqlparse's passes, since that decides how a
//! text is read in which they compete.

use crate::tokens::{Kind as TokenKind, Token, tokens};
use mlferry_protocol::InvalidParameter;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A token that no pass joined to others.
    Token(TokenKind),
    /// A name, perhaps of several parts and perhaps quoted.
    Identifier,
    /// `( … )`
    List,
    /// `[ … ]`
    Index,
    /// A name with a list.
    Function,
    /// A sum, a difference, …
    Operation,
    /// What has no meaning in a search.
    Nonsense,
}

use Kind::{Function, Identifier, Index, List, Nonsense, Operation};

/// A part of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    start: usize,
    end: usize,
}

impl Piece<'_> {
    /// Whether this is a keyword, written in any case.
    pub(crate) fn is_keyword(&self, word: &str) -> bool {
        self.is(TokenKind::Keyword) && self.text.eq_ignore_ascii_case(word)
    }

    fn is(&self, kind: TokenKind) -> bool {
        self.kind == Kind::Token(kind)
    }

    pub(crate) fn is_number(&self) -> bool {
        self.is(TokenKind::Integer) || self.is(TokenKind::Float)
    }

    /// Whether it can stand beside an operator.
    fn is_operand(&self) -> bool {
        matches!(self.kind, List | Function | Identifier | Operation)
            || self.is_number()
            || self.is(TokenKind::SingleQuoted)
            || self.is(TokenKind::Placeholder)
    }

    /// Whether it can stand beside a comparator.
    fn is_comparable(&self) -> bool {
        self.is_operand() || self.is_keyword("NULL")
    }

    fn is_name(&self) -> bool {
        self.is(TokenKind::Name) || self.is(TokenKind::DoubleQuoted)
    }
}

/// A comparison, or what stands beside comparisons.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item<'a> {
    Comparison { left: Piece<'a>, comparator: Piece<'a>, right: Piece<'a> },
    Piece(Piece<'a>),
}

/// The only statement of a text.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    text: &'a str,
    pub(crate) items: Vec<Item<'a>>,
}

/// Bytes of a text that is read: 20,000 ids fit, and what is read takes a hundred times as much memory.
const MAX_LENGTH: usize = 1024 * 1024;

/// Why a text is no statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoStatement {
    TooLong,
    Blank,
    Several,
}

impl NoStatement {
    /// The refusal of a text that is too long.
    pub(crate) fn too_long(what: &str) -> InvalidParameter {
        InvalidParameter::new(format!(
            "Invalid {what}: it is longer than the {MAX_LENGTH} bytes that are possible."
        ))
    }
}

impl<'a> Statement<'a> {
    /// Reads a text that is one statement.
    pub(crate) fn read(text: &'a str) -> Result<Self, NoStatement> {
        if text.len() > MAX_LENGTH {
            return Err(NoStatement::TooLong);
        }
        let tokens = tokens(text);
        if tokens.is_empty() {
            return Err(NoStatement::Blank);
        }
        if is_split(&tokens) {
            return Err(NoStatement::Several);
        }
        let reader = Reader { text };
        let items = reader.items(reader.pieces(&tokens));
        Ok(Self { text, items })
    }

    /// The only item as text, if it is a name and there is nothing around it.
    pub(crate) fn only_identifier(&self) -> Option<&'a str> {
        match self.items.as_slice() {
            [Item::Piece(piece)] if piece.kind == Identifier && piece.text == self.text => {
                Some(self.text)
            }
            _ => None,
        }
    }

    /// The text that an item was read from.
    pub(crate) fn text_of(&self, item: &Item<'a>) -> &'a str {
        let (start, end) = item.span();
        &self.text[start..end]
    }
}

impl Item<'_> {
    fn span(&self) -> (usize, usize) {
        match self {
            Self::Comparison { left, right, .. } => (left.start, right.end),
            Self::Piece(piece) => (piece.start, piece.end),
        }
    }
}

/// Whether something follows a semicolon that stands outside parentheses.
fn is_split(tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    let mut is_ended = false;
    for token in tokens {
        match token.kind {
            TokenKind::Comment => {}
            _ if is_ended => return true,
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            TokenKind::Semicolon => is_ended = depth == 0,
            _ => {}
        }
    }
    false
}

struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn pieces(&self, tokens: &[Token]) -> Vec<Piece<'a>> {
        let tokens = tokens.iter().map(|token| Piece {
            kind: Kind::Token(token.kind),
            text: &self.text[token.start..token.end],
            start: token.start,
            end: token.end,
        });
        let pieces = self.enclosed(tokens, TokenKind::OpenBracket, TokenKind::CloseBracket, Index);
        let pieces = self.enclosed(pieces, TokenKind::Open, TokenKind::Close, List);
        let pieces = self.pairs(pieces, |name, list| {
            (name.is(TokenKind::Name) && list.kind == List).then_some(Function)
        });
        let pieces = self.dotted(pieces);
        let pieces = self.pairs(pieces, |name, index| {
            let is_named = name.is_name() || matches!(name.kind, Identifier | Function);
            (is_named && index.kind == Index).then_some(Identifier)
        });
        let pieces = pieces.into_iter().map(|piece| {
            let kind = if piece.is_name() { Identifier } else { piece.kind };
            Piece { kind, ..piece }
        });
        let pieces = self.pairs(pieces, |name, direction| {
            let has_direction = name.kind == Identifier || name.is_number();
            (has_direction && direction.is(TokenKind::Direction)).then_some(Identifier)
        });
        let pieces = self.around(pieces, Identifier, |_, middle, _| middle.is(TokenKind::Cast));
        self.around(pieces, Operation, |left, middle, right| {
            let is_operator = middle.is(TokenKind::Operator) || middle.is(TokenKind::Asterisk);
            is_operator && left.is_operand() && right.is_operand()
        })
    }

    /// One piece of several that follow each other.
    fn joined(&self, first: &Piece<'a>, last: &Piece<'a>, kind: Kind) -> Piece<'a> {
        let (start, end) = (first.start, last.end);
        Piece { kind, text: &self.text[start..end], start, end }
    }

    /// Joins what stands between an opening and its closing token, whatever it is.
    fn enclosed(
        &self,
        pieces: impl IntoIterator<Item = Piece<'a>>,
        open: TokenKind,
        close: TokenKind,
        kind: Kind,
    ) -> Vec<Piece<'a>> {
        let mut read: Vec<Piece<'a>> = Vec::new();
        let mut opened = Vec::new();
        for piece in pieces {
            if piece.is(open) {
                opened.push(read.len());
            } else if piece.is(close)
                && let Some(at) = opened.pop()
            {
                let list = self.joined(&read[at], &piece, kind);
                read.truncate(at);
                read.push(list);
                continue;
            }
            read.push(piece);
        }
        read
    }

    /// Joins neighbours that make a pair, which may be the first half of another one.
    fn pairs(
        &self,
        pieces: impl IntoIterator<Item = Piece<'a>>,
        pair: impl Fn(&Piece<'a>, &Piece<'a>) -> Option<Kind>,
    ) -> Vec<Piece<'a>> {
        let mut read: Vec<Piece<'a>> = Vec::new();
        for piece in pieces {
            match read.last_mut() {
                Some(last) if let Some(kind) = pair(last, &piece) => {
                    *last = self.joined(last, &piece, kind);
                }
                _ => read.push(piece),
            }
        }
        read
    }

    /// Joins a piece with the two beside it.
    fn around(
        &self,
        pieces: Vec<Piece<'a>>,
        kind: Kind,
        belongs: impl Fn(&Piece<'a>, &Piece<'a>, &Piece<'a>) -> bool,
    ) -> Vec<Piece<'a>> {
        let mut read: Vec<Piece<'a>> = Vec::new();
        let mut rest = pieces.into_iter().peekable();
        while let Some(piece) = rest.next() {
            match (read.last_mut(), rest.peek()) {
                (Some(left), Some(right)) if belongs(left, &piece, right) => {
                    *left = self.joined(left, right, kind);
                    rest.next();
                }
                _ => read.push(piece),
            }
        }
        read
    }

    /// Joins names at dots; a dot that no name follows ends one.
    fn dotted(&self, pieces: Vec<Piece<'a>>) -> Vec<Piece<'a>> {
        let mut read: Vec<Piece<'a>> = Vec::new();
        // A part in single quotes can only be the last one.
        let mut is_complete = false;
        let mut rest = pieces.into_iter().peekable();
        while let Some(piece) = rest.next() {
            let is_dot = piece.is(TokenKind::Dot) || piece.is(TokenKind::Arrow);
            let left = read.last_mut().filter(|left| {
                is_dot
                    && !is_complete
                    && (left.is_name() || matches!(left.kind, Identifier | Index))
            });
            let Some(left) = left else {
                is_complete = false;
                read.push(piece);
                continue;
            };
            let follows = rest.next_if(|next| {
                next.is_name()
                    || matches!(next.kind, Index | Function)
                    || next.is(TokenKind::Asterisk)
                    || next.is(TokenKind::SingleQuoted)
            });
            is_complete = follows.is_some_and(|last| !last.is_name() && last.kind != Index);
            *left = self.joined(left, &follows.unwrap_or(piece), Identifier);
        }
        read
    }

    /// Joins comparisons, and then what a name or a comma makes nonsense of.
    fn items(&self, pieces: Vec<Piece<'a>>) -> Vec<Item<'a>> {
        let mut read: Vec<Item<'a>> = Vec::new();
        let mut rest = pieces.into_iter().peekable();
        while let Some(piece) = rest.next() {
            match (read.last_mut(), rest.peek()) {
                (Some(Item::Piece(left)), Some(right))
                    if piece.is(TokenKind::Comparator)
                        && left.is_comparable()
                        && right.is_comparable() =>
                {
                    let (left, right) = (*left, *right);
                    read.pop();
                    read.push(Item::Comparison { left, comparator: piece, right });
                    rest.next();
                }
                _ => read.push(Item::Piece(piece)),
            }
        }
        self.lists(self.aliases(read))
    }

    /// Joins a name to what stands before it: two names are one, all else is nonsense.
    fn aliases(&self, items: Vec<Item<'a>>) -> Vec<Item<'a>> {
        let mut read = Vec::new();
        let mut rest = items.into_iter().peekable();
        while let Some(item) = rest.next() {
            let kind = match &item {
                Item::Piece(piece) if piece.kind == Identifier => Some(Identifier),
                Item::Piece(piece) => piece.is_operand().then_some(Nonsense),
                Item::Comparison { .. } => Some(Nonsense),
            };
            let named = kind.and_then(|kind| {
                let is_name = |next: &Item<'a>| matches!(next, Item::Piece(piece) if piece.kind == Identifier);
                rest.next_if(is_name).map(|name| (kind, name))
            });
            read.push(match named {
                Some((kind, name)) => self.merged(&item, &name, kind),
                None => item,
            });
        }
        read
    }

    /// Joins what stands between commas.
    fn lists(&self, items: Vec<Item<'a>>) -> Vec<Item<'a>> {
        let mut read: Vec<Item<'a>> = Vec::new();
        let mut rest = items.into_iter();
        while let Some(item) = rest.next() {
            let is_comma = matches!(&item, Item::Piece(piece) if piece.is(TokenKind::Comma));
            match (read.last_mut(), is_comma.then(|| rest.next()).flatten()) {
                (Some(last), Some(next)) => *last = self.merged(last, &next, Nonsense),
                (None, Some(next)) => read.extend([item, next]),
                (_, None) => read.push(item),
            }
        }
        read
    }

    fn merged(&self, first: &Item<'a>, last: &Item<'a>, kind: Kind) -> Item<'a> {
        let (start, end) = (first.span().0, last.span().1);
        Item::Piece(Piece { kind, text: &self.text[start..end], start, end })
    }
}
