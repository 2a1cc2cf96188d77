//! Comparators and what is compared with them.

use mlferry_protocol::InvalidParameter;

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberComparator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl NumberComparator {
    pub(crate) const SYMBOLS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];

    pub(crate) fn parse(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }
}

/// How a text is compared with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextComparator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `LIKE`: `%` stands for any text and `_` for any character; upper and lower case differ.
    Like,
    /// `ILIKE`: as `LIKE`, but upper and lower case are the same.
    ILike,
}

impl TextComparator {
    /// Reads a comparator in upper case.
    pub(crate) fn parse(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "LIKE" => Self::Like,
            "ILIKE" => Self::ILike,
            _ => return None,
        })
    }
}

/// What a text must fulfil. One that is absent fulfils only `IS NULL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTest {
    /// It compares so with a text.
    Compare(TextComparator, String),
    /// It is, or is not, one of these.
    OneOf {
        /// The texts; never none.
        values: Vec<String>,
        /// Whether it must be none of them.
        negated: bool,
    },
    /// It is absent, or present.
    IsNull {
        /// Whether it must be present.
        negated: bool,
    },
}

/// What an integer that is an id must fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTest {
    /// The ids; never none.
    pub ids: Vec<i64>,
    /// Whether it must be none of them.
    pub negated: bool,
}

/// A refusal of a comparator, with those that would do.
pub(crate) fn not_one_of(comparator: &str, known: &[&str], end: &str) -> InvalidParameter {
    InvalidParameter::new(format!(
        "Invalid comparator '{comparator}' not one of '{}{end}",
        set(known)
    ))
}

/// Texts as Python shows a set of them, but in a fixed order.
pub(crate) fn set(texts: &[&str]) -> String {
    format!("{{'{}'}}", texts.join("', '"))
}
