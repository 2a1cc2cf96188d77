//! What the grammars of runs, experiments, registered models, model versions and traces share.

use crate::{
    comparators::{NumberComparator, TextComparator, TextTest},
    list,
    pieces::{Item, Kind, NoStatement, Piece, Statement},
    tokens::Kind as TokenKind,
    type_words,
};
use mlferry_protocol::{InvalidParameter, python};

/// A condition of which only the form is known.
#[derive(Debug)]
pub(crate) struct Condition<'a> {
    left: Piece<'a>,
    /// As it was written, but those of words with single blanks and, but for `LIKE` and its kin and
    /// `IN`, in upper case.
    pub(crate) comparator: String,
    pub(crate) value: Option<Value<'a>>,
}

/// What stands on the right of a comparator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) kind: ValueKind,
    pub(crate) text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// Perhaps a text in quotes.
    Text,
    Integer,
    Float,
    List,
    Other,
}

/// Conditions in one filter: SQLite takes no expressions deeper than 1,000.
const MAX_CONDITIONS: usize = 500;

/// How a grammar shows clauses that it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Quoted,
    Bare,
}

/// Reads the conditions of a filter, which may be empty.
pub(crate) fn read(filter: &str, shown: Shown) -> Result<Vec<Condition<'_>>, InvalidParameter> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    all(&statement(filter)?, shown)
}

/// Reads the conditions of a filter for traces, which may be empty.
pub(crate) fn read_for_traces(filter: &str) -> Result<Vec<Condition<'_>>, InvalidParameter> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = statement(filter)?;
    statement.items = type_words::refuse(statement.items);
    all(&statement, Shown::Quoted)
}

/// The conditions of a statement in which there is nothing else.
fn all<'a>(
    statement: &Statement<'a>,
    shown: Shown,
) -> Result<Vec<Condition<'a>>, InvalidParameter> {
    let (conditions, others) = split(statement);
    if others.is_empty() {
        return within_limit(conditions);
    }
    let others: Vec<String> = others
        .into_iter()
        .map(|other| match shown {
            Shown::Quoted => format!("'{other}'"),
            Shown::Bare => other.to_owned(),
        })
        .collect();
    Err(invalid_clauses(&others))
}

/// Reads the only comparison of a filter, in which not even `AND` may stand.
pub(crate) fn read_one(filter: &str) -> Result<Condition<'_>, InvalidParameter> {
    let mut comparisons = Vec::new();
    if !filter.is_empty() {
        let statement = statement(filter)?;
        let mut others = Vec::new();
        for item in &statement.items {
            match item {
                Item::Comparison { left, comparator, right } => {
                    comparisons.push(Condition::comparison(left, comparator, right));
                }
                Item::Piece(_) => others.push(statement.text_of(item).to_owned()),
            }
        }
        if !others.is_empty() {
            return Err(invalid_clauses(&others));
        }
    }
    match comparisons.pop() {
        Some(comparison) if comparisons.is_empty() => Ok(comparison),
        _ => Err(InvalidParameter::new(format!(
            "Invalid filter: '{filter}'. Expected one filter clause."
        ))),
    }
}

fn statement(filter: &str) -> Result<Statement<'_>, InvalidParameter> {
    Statement::read(filter).map_err(|reason| match reason {
        NoStatement::TooLong => NoStatement::too_long("filter"),
        NoStatement::Blank => {
            InvalidParameter::new(format!("Invalid filter '{filter}'. Could not be parsed."))
        }
        NoStatement::Several => InvalidParameter::new(format!(
            "Search filter contained multiple expression {}. Provide AND-ed expression list.",
            python::repr_str(filter)
        )),
    })
}

fn invalid_clauses(clauses: &[String]) -> InvalidParameter {
    let clauses = clauses.join(", ");
    InvalidParameter::new(format!("Invalid clause(s) in filter string: {clauses}"))
}

/// Refuses more conditions than a database takes in one statement.
pub(crate) fn within_limit(
    conditions: Vec<Condition<'_>>,
) -> Result<Vec<Condition<'_>>, InvalidParameter> {
    check_count(conditions.len())?;
    Ok(conditions)
}

/// Refuses more conditions than a database takes in one statement.
pub(crate) fn check_count(count: usize) -> Result<(), InvalidParameter> {
    if count <= MAX_CONDITIONS {
        return Ok(());
    }
    Err(InvalidParameter::new(format!(
        "Invalid filter: it has {count} conditions, and at most {MAX_CONDITIONS} are possible. \
         Use IN with a list, or several searches."
    )))
}

/// The conditions of a statement, and what else there is but `AND`.
pub(crate) fn split<'a>(statement: &Statement<'a>) -> (Vec<Condition<'a>>, Vec<&'a str>) {
    let mut conditions = Vec::new();
    let mut others = Vec::new();
    let mut rest = statement.items.as_slice();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            Item::Comparison { left, comparator, right } => {
                conditions.push(Condition::comparison(left, comparator, right));
            }
            Item::Piece(piece) if piece.is_keyword("AND") => {}
            Item::Piece(piece) => match membership(piece, after) {
                Some((condition, length)) => {
                    conditions.push(condition);
                    rest = &after[length..];
                }
                None => others.push(statement.text_of(first)),
            },
        }
    }
    (conditions, others)
}

/// A condition with `IN` or `IS`, and how many items it takes after the name.
fn membership<'a>(left: &Piece<'a>, after: &[Item<'a>]) -> Option<(Condition<'a>, usize)> {
    if left.kind != Kind::Identifier {
        return None;
    }
    let piece = |index: usize| match after.get(index) {
        Some(Item::Piece(piece)) => Some(piece),
        _ => None,
    };
    let is = |index: usize, word: &str| piece(index).is_some_and(|piece| piece.is_keyword(word));
    let list = |index: usize| piece(index).filter(|piece| piece.kind == Kind::List);
    let (comparator, value, length) = if is(0, "IN") {
        (piece(0)?.text.to_owned(), Some(Value::of(list(1)?)), 2)
    } else if is(0, "NOT") && is(1, "IN") {
        ("NOT IN".to_owned(), Some(Value::of(list(2)?)), 3)
    } else if is(0, "IS") && is(1, "NULL") {
        ("IS NULL".to_owned(), None, 2)
    } else if is(0, "IS") && is_not_null(piece(1)?) {
        ("IS NOT NULL".to_owned(), None, 2)
    } else {
        return None;
    };
    Some((Condition { left: *left, comparator, value }, length))
}

fn is_not_null(piece: &Piece<'_>) -> bool {
    piece.kind == Kind::Token(TokenKind::Keyword)
        && piece.text.split_whitespace().map(str::to_uppercase).eq(["NOT", "NULL"])
}

impl<'a> Value<'a> {
    fn of(piece: &Piece<'a>) -> Self {
        let kind = match piece.kind {
            Kind::Identifier | Kind::Token(TokenKind::SingleQuoted) => ValueKind::Text,
            Kind::Token(TokenKind::Integer) => ValueKind::Integer,
            Kind::Token(TokenKind::Float) => ValueKind::Float,
            Kind::List => ValueKind::List,
            _ => ValueKind::Other,
        };
        Self { kind, text: piece.text }
    }

    /// The text between quotes.
    pub(crate) fn unquoted(self) -> Result<&'a str, InvalidParameter> {
        between(self.text, '\'').or_else(|| between(self.text, '"')).ok_or_else(|| {
            InvalidParameter::new(format!(
                "Parameter value is either not quoted or unidentified quote types used for string \
                 value {}. Use either single or double quotes.",
                self.text
            ))
        })
    }

    /// The refusal of a value that should be in quotes.
    pub(crate) fn is_not_quoted(self, what: &str) -> InvalidParameter {
        let text = self.text;
        InvalidParameter::new(format!(
            "Expected a quoted string value for {what}. Got value {text}"
        ))
    }

    /// A number without quotes.
    pub(crate) fn number(self) -> Option<f64> {
        let is_number = matches!(self.kind, ValueKind::Integer | ValueKind::Float);
        is_number.then(|| self.text.parse().ok()).flatten()
    }
}

impl<'a> Condition<'a> {
    fn comparison(left: &Piece<'a>, comparator: &Piece<'a>, right: &Piece<'a>) -> Self {
        let comparator = comparator.text.to_owned();
        Self { left: *left, comparator, value: Some(Value::of(right)) }
    }

    /// What is on the left, which must be a name.
    pub(crate) fn identifier(&self) -> Result<&'a str, InvalidParameter> {
        if self.left.kind == Kind::Identifier {
            return Ok(self.left.text);
        }
        Err(InvalidParameter::new(format!(
            "Invalid comparison clause. Expected 'Identifier' found '{}'",
            self.left.text
        )))
    }

    /// What is on the left, whatever it is.
    pub(crate) fn left(&self) -> &'a str {
        self.left.text
    }
}

/// What a text is tested with, as far as the value's form alone tells.
#[derive(Debug)]
pub(crate) enum TextValue {
    Absent,
    One(String),
    Several(Vec<String>),
}

impl TextValue {
    /// A text or, where `lists` lets it, a list of texts; `what` is named when it is neither.
    pub(crate) fn read(
        value: Value<'_>,
        lists: impl FnOnce() -> Result<(), InvalidParameter>,
        what: &str,
    ) -> Result<Self, InvalidParameter> {
        match value.kind {
            ValueKind::Text => Ok(Self::One(value.unquoted()?.to_owned())),
            ValueKind::List => {
                lists()?;
                Ok(Self::Several(list::texts_of(value.text)?))
            }
            _ => Err(value.is_not_quoted(what)),
        }
    }

    /// The test with a comparator in upper case, which must fit.
    pub(crate) fn test(self, comparator: &str) -> Result<TextTest, InvalidParameter> {
        match (comparator, self) {
            ("IS NULL", Self::Absent) => Ok(TextTest::IsNull { negated: false }),
            ("IS NOT NULL", Self::Absent) => Ok(TextTest::IsNull { negated: true }),
            ("IN", Self::Several(values)) => Ok(TextTest::OneOf { values, negated: false }),
            ("NOT IN", Self::Several(values)) => Ok(TextTest::OneOf { values, negated: true }),
            (comparator, Self::One(text))
                if let Some(known) = TextComparator::parse(comparator) =>
            {
                Ok(TextTest::Compare(known, text))
            }
            (comparator, _) => Err(InvalidParameter::new(format!(
                "Invalid comparator '{comparator}' for this value. Lists of values are compared \
                 with IN or NOT IN, others are not."
            ))),
        }
    }
}

/// Reads an integer that may be too large for the database, where it is larger than all there are.
pub(crate) fn saturated(text: &str) -> Option<i64> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let limit = if trimmed.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(trimmed.parse().unwrap_or(limit))
}

/// Reads a comparator of numbers.
pub(crate) fn number_comparator(
    comparator: &str,
    end: &str,
) -> Result<NumberComparator, InvalidParameter> {
    let known = NumberComparator::SYMBOLS;
    NumberComparator::parse(comparator)
        .ok_or_else(|| crate::comparators::not_one_of(comparator, &known, end))
}

/// The text between two quotes.
pub(crate) fn between(text: &str, quote: char) -> Option<&str> {
    text.strip_prefix(quote)?.strip_suffix(quote)
}

/// A key without the quotes around it.
pub(crate) fn key_of(quoted: &str) -> &str {
    let key = between(quoted, '\'').or_else(|| between(quoted, '"')).unwrap_or(quoted);
    between(key, '`').unwrap_or(key)
}
