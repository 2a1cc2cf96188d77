//! Text into tokens, cut where sqlparse cuts it, since that decides what the reference accepts.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word, or text in backticks.
    Name,
    /// Text in double quotes: a name in one place, a value in another.
    DoubleQuoted,
    /// Text in single quotes.
    SingleQuoted,
    Integer,
    Float,
    /// `?`, `%s`, `$1`: stands beside a comparator, but is neither name nor value.
    Placeholder,
    Asterisk,
    /// `=`, `<=`, …, and `LIKE` and its kin.
    Comparator,
    Operator,
    /// `->` and `->>`, which join names as a dot does.
    Arrow,
    Dot,
    /// `::`
    Cast,
    Comma,
    Semicolon,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    /// A word that can't be a name.
    Keyword,
    /// `ASC` and `DESC`, perhaps with `NULLS LAST`.
    Direction,
    Comment,
    /// What has no place in a search.
    Other,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Words that are never names, not even before a parenthesis or after a dot.
const RESERVED: [&str; 6] = ["CASE", "IN", "VALUES", "USING", "FROM", "AS"];

/// Words that are names only after a dot, or before a dot or a parenthesis.
const KEYWORDS: [&str; 16] = [
    "ALL", "AND", "ANY", "BETWEEN", "DEFAULT", "END", "EXISTS", "FALSE", "IS", "NOT", "NULL", "OR",
    "SELECT", "TRUE", "WHEN", "WHERE",
];

/// Comparators that are words.
const WORD_COMPARATORS: [&str; 4] = ["LIKE", "ILIKE", "RLIKE", "REGEXP"];

/// All tokens of `text`, without the whitespace between them.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if is_space(first) {
            start += first.len_utf8();
            continue;
        }
        let (kind, length) = Cursor { text, start, rest: &text[start..] }.token(first);
        tokens.push(Token { kind, start, end: start + length });
        start += length;
    }
    tokens
}

/// A place in a text where a token starts.
struct Cursor<'a> {
    text: &'a str,
    start: usize,
    rest: &'a str,
}

impl Cursor<'_> {
    /// The kind and length of the token that starts here, with `first`.
    fn token(&self, first: char) -> (Kind, usize) {
        self.comment()
            .or_else(|| self.quoted(first))
            .or_else(|| self.placeholder(first))
            .or_else(|| self.word(first))
            .or_else(|| self.number())
            .or_else(|| self.in_brackets(first))
            .unwrap_or_else(|| self.symbol(first))
    }

    fn comment(&self) -> Option<(Kind, usize)> {
        if self.rest.starts_with("--") || self.rest.starts_with("# ") {
            let length = self.rest.find(['\n', '\r']).map_or(self.rest.len(), |end| end + 1);
            return Some((Kind::Comment, length));
        }
        let comment = self.rest.strip_prefix("/*")?;
        // Without an end, it takes all there is: looking for the end of each would take too long.
        Some((Kind::Comment, comment.find("*/").map_or(self.rest.len(), |length| length + 4)))
    }

    fn quoted(&self, first: char) -> Option<(Kind, usize)> {
        let kind = match first {
            '\'' => Kind::SingleQuoted,
            '"' => Kind::DoubleQuoted,
            '`' => Kind::Name,
            _ => return None,
        };
        let quote = first as u8;
        Some(closing_quote(self.rest.as_bytes(), quote).map_or((Kind::Other, 1), |end| (kind, end)))
    }

    fn placeholder(&self, first: char) -> Option<(Kind, usize)> {
        match first {
            '?' => Some((Kind::Placeholder, 1)),
            '%' if self.rest[1..].starts_with('s') => Some((Kind::Placeholder, 2)),
            '$' | ':' if !self.previous().is_some_and(is_word) => {
                let length = word_length(&self.rest[1..]);
                (length > 0).then_some((Kind::Placeholder, length + 1))
            }
            _ => None,
        }
    }

    fn word(&self, first: char) -> Option<(Kind, usize)> {
        let hashes = self.rest.len() - self.rest.trim_start_matches(['@', '#']).len();
        if hashes > 0 {
            let is_marked = ["@", "#", "##"].contains(&&self.rest[..hashes]);
            let length = word_length(&self.rest[hashes..]);
            return (is_marked && length > 1).then_some((Kind::Name, hashes + length));
        }
        if !is_word(first) || self.number().is_some() {
            return None;
        }
        let length = word_length(self.rest);
        let (word, after) = self.rest.split_at(length);
        if is_in(word, &RESERVED) {
            return Some((Kind::Keyword, length));
        }
        let is_name =
            self.previous() == Some('.') || after.starts_with('(') || is_before_dot(after);
        if is_name && first.is_alphabetic() {
            return Some((Kind::Name, length));
        }
        // In the middle of a word, these two count as well.
        let is_inner = |c: char| is_word(c) || c == '$' || c == '#';
        let length = self.rest.find(|c| !is_inner(c)).unwrap_or(self.rest.len());
        Some(self.keyword(&self.rest[..length]).unwrap_or((Kind::Name, length)))
    }

    /// A word, or several, with a meaning of their own.
    fn keyword(&self, word: &str) -> Option<(Kind, usize)> {
        if is_in(word, &WORD_COMPARATORS) {
            return Some((Kind::Comparator, word.len()));
        }
        if is_in(word, &["NOT"]) {
            if let Some(length) = self.with_next(word, &WORD_COMPARATORS) {
                return Some((Kind::Comparator, length));
            }
            let length = self.with_next(word, &["NULL"]);
            return Some((Kind::Keyword, length.unwrap_or(word.len())));
        }
        if is_in(word, &["ASC", "DESC"]) {
            let length = self.with_next(word, &["NULLS"]);
            let length = length.and_then(|length| self.with_next(&self.rest[..length], &NULLS_AT));
            return Some((Kind::Direction, length.unwrap_or(word.len())));
        }
        if is_in(word, &["NULLS"]) {
            return self.with_next(word, &NULLS_AT).map(|length| (Kind::Direction, length));
        }
        is_in(word, &KEYWORDS).then_some((Kind::Keyword, word.len()))
    }

    /// The length of `words` and of the word that follows them, if that is one of `next`.
    fn with_next(&self, words: &str, next: &[&str]) -> Option<usize> {
        let after = &self.rest[words.len()..];
        let trimmed = after.trim_start_matches(is_space);
        let length = word_length(trimmed);
        let follows = trimmed.len() < after.len() && is_in(&trimmed[..length], next);
        follows.then(|| self.rest.len() - trimmed.len() + length)
    }

    fn number(&self) -> Option<(Kind, usize)> {
        let unsigned = self.rest.strip_prefix('-').unwrap_or(self.rest);
        let sign = self.rest.len() - unsigned.len();
        if let Some(hexadecimal) = hexadecimal_length(unsigned) {
            return Some((Kind::Other, sign + hexadecimal));
        }
        let whole = digits(unsigned);
        let point = unsigned[whole..].starts_with('.');
        let fraction = if point { digits(&unsigned[whole + 1..]) } else { 0 };
        let with_exponent = |length: usize| {
            let exponent = unsigned[length..].strip_prefix(['e', 'E'])?;
            let unsigned_exponent = exponent.strip_prefix('-').unwrap_or(exponent);
            let sign = exponent.len() - unsigned_exponent.len();
            let count = digits(unsigned_exponent);
            (count > 0).then_some((Kind::Float, length + 1 + sign + count))
        };
        let after_point = |length: usize| whole + 1 + length;
        let exponential = (whole > 0)
            .then(|| {
                let long = (fraction > 0).then(|| with_exponent(after_point(fraction))).flatten();
                long.or_else(|| with_exponent(whole))
            })
            .flatten();
        // A number that runs into a word gives up its last digit, and the word starts there.
        let fits = |length: usize| !unsigned[length..].starts_with(is_initial);
        let decimal = || {
            let shortest = usize::from(whole == 0);
            let fractions = point.then_some(shortest..=fraction)?;
            let length = fractions.rev().find(|length| fits(after_point(*length)))?;
            Some((Kind::Float, after_point(length)))
        };
        let integer =
            || (1..=whole).rev().find(|length| fits(*length)).map(|length| (Kind::Integer, length));
        let (kind, length) = exponential.or_else(decimal).or_else(integer)?;
        Some((kind, sign + length))
    }

    /// `[a name]`, unless it is an index of what stands before it.
    fn in_brackets(&self, first: char) -> Option<(Kind, usize)> {
        let is_index = self.previous().is_some_and(|c| is_word(c) || c == ']' || c == ')');
        if first != '[' || is_index {
            return None;
        }
        let length = self.rest[1..].find(['[', ']']).filter(|length| *length > 0)?;
        self.rest[1 + length..].starts_with(']').then_some((Kind::Name, length + 2))
    }

    fn symbol(&self, first: char) -> (Kind, usize) {
        let run = |set: &[char]| self.rest.find(|c| !set.contains(&c)).unwrap_or(self.rest.len());
        for (symbol, kind) in SYMBOLS {
            if self.rest.starts_with(symbol) {
                return (kind, symbol.len());
            }
        }
        match first {
            '<' | '>' | '=' | '~' | '!' => (Kind::Comparator, run(&['<', '>', '=', '~', '!'])),
            '+' | '/' | '@' | '#' | '%' | '^' | '&' | '|' => {
                (Kind::Operator, run(&['+', '/', '@', '#', '%', '^', '&', '|', '-']))
            }
            _ => (Kind::Other, first.len_utf8()),
        }
    }

    /// The character before the token.
    fn previous(&self) -> Option<char> {
        self.text[..self.start].chars().next_back()
    }
}

/// What follows `NULLS`.
const NULLS_AT: [&str; 2] = ["FIRST", "LAST"];

/// Symbols that are not part of a run, longer ones before their prefixes.
const SYMBOLS: [(&str, Kind); 20] = [
    (":=", Kind::Other),
    ("::", Kind::Cast),
    ("->>", Kind::Arrow),
    ("->", Kind::Arrow),
    ("#>>", Kind::Operator),
    ("#>", Kind::Operator),
    ("#-", Kind::Operator),
    ("@>", Kind::Operator),
    ("<@", Kind::Operator),
    ("-", Kind::Operator),
    ("*", Kind::Asterisk),
    (".", Kind::Dot),
    (",", Kind::Comma),
    (";", Kind::Semicolon),
    ("(", Kind::Open),
    (")", Kind::Close),
    ("[", Kind::OpenBracket),
    ("]", Kind::CloseBracket),
    (":", Kind::Other),
    ("\\", Kind::Other),
];

/// Where the text that `bytes` start with a quote of ends, behind the closing quote.
///
/// A doubled quote and, but for backticks, one behind a backslash don't close it; if nothing else
/// does, the last of them is taken for the closing one after all.
fn closing_quote(bytes: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    let mut last_resort = None;
    while at < bytes.len() {
        let next_is_quote = bytes.get(at + 1) == Some(&quote);
        if bytes[at] == quote && next_is_quote {
            last_resort = Some(at + 1);
            at += 2;
        } else if bytes[at] == quote {
            return Some(at + 1);
        } else if bytes[at] == b'\\' && next_is_quote && quote != b'`' {
            last_resort = Some(at + 2);
            at += 2;
        } else {
            at += 1;
        }
    }
    last_resort
}

fn is_in(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a dot follows that joins names, and is not the start of a number.
fn is_before_dot(after: &str) -> bool {
    let after_dot = after.trim_start_matches(is_space).strip_prefix('.');
    after_dot.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whitespace as Python sees it.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a name that is no keyword may start so directly behind a number.
fn is_initial(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || ('À'..='Ü').contains(&c) || ('à'..='ü').contains(&c)
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

fn hexadecimal_length(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let count = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
    (count > 0).then_some(count + 2)
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).iter().map(|token| (token.kind, &text[token.start..token.end])).collect()
    }

    #[test]
    fn a_condition_is_cut_with_and_without_blanks() {
        let cut = [
            (Kind::Name, "metrics"),
            (Kind::Dot, "."),
            (Kind::Name, "acc"),
            (Kind::Comparator, ">="),
            (Kind::Float, "-.5"),
        ];
        assert_eq!(shown("metrics.acc>=-.5"), cut);
        assert_eq!(shown("metrics . acc\n>=\t-.5"), cut);
    }

    #[test]
    fn a_quote_is_closed_by_the_last_that_can_do_it() {
        for (text, token) in [
            ("'a' b'", "'a'"),
            ("'it''s' b", "'it''s'"),
            ("'a\\' b'", "'a\\' b'"),
            ("'a\\' b", "'a\\'"),
            ("'a''", "'a'"),
            ("`a``b` c", "`a``b`"),
            ("`a\\` c`", "`a\\`"),
            ("'a", "'"),
        ] {
            assert_eq!(shown(text)[0].1, token, "{text}");
        }
    }

    #[test]
    fn numbers_end_where_sqlparse_ends_them() {
        for (text, token) in [
            ("1e3", (Kind::Float, "1e3")),
            ("1.5E-3x", (Kind::Float, "1.5E-3")),
            ("1.", (Kind::Float, "1.")),
            ("12a", (Kind::Integer, "1")),
            ("1a", (Kind::Name, "1a")),
            ("1.25a", (Kind::Float, "1.2")),
            ("-7", (Kind::Integer, "-7")),
            ("0x1F", (Kind::Other, "0x1F")),
            ("1e+3", (Kind::Name, "1e")),
        ] {
            assert_eq!(shown(text)[0], token, "{text}");
        }
    }

    #[test]
    fn keywords_are_names_beside_a_dot_but_for_a_few() {
        for (text, kind) in [
            ("a.not", Kind::Name),
            ("a.desc", Kind::Name),
            ("not.a", Kind::Name),
            ("a.in", Kind::Keyword),
        ] {
            let kinds: Vec<_> = tokens(text).iter().map(|token| token.kind).collect();
            assert!(kinds.contains(&kind), "{text}: {kinds:?}");
        }
        assert_eq!(shown("not  like"), [(Kind::Comparator, "not  like")]);
        assert_eq!(shown("IS NOT NULL")[1], (Kind::Keyword, "NOT NULL"));
        assert_eq!(shown("desc nulls last"), [(Kind::Direction, "desc nulls last")]);
        assert_eq!(shown("descending"), [(Kind::Name, "descending")]);
    }
}
