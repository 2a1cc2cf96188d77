//! Conditions and orders as texts. A name or a value that holds one kind of quotes needs another, so that each has
//! several spellings, of which not all need to be good.

mod conditions;
mod orders;

use mlferry_protocol::InvalidParameter;
use mlferry_search::{NumberComparator, TextComparator, TextTest};
use std::fmt::{Debug, Write};

/// What can be written in the search language.
pub(crate) trait Spelled {
    /// How it may be written.
    fn spellings(&self) -> Vec<String>;
}

/// A spelling of something that was read from `text`, which is read as the same again.
pub(crate) fn respelled<T: Spelled + Debug>(
    part: &T,
    text: &str,
    parse: impl Fn(&str) -> Result<Vec<T>, InvalidParameter>,
) -> String {
    let expected = format!("{:?}", [part]);
    let is_same =
        |spelling: &String| parse(spelling).is_ok_and(|read| format!("{read:?}") == expected);
    let found = part.spellings().into_iter().find(is_same);
    found.unwrap_or_else(|| panic!("{part:?} of {text:?} can't be written: {:?}", part.spellings()))
}

/// What was read of `text`, unless that was refused with a reason.
pub(crate) fn accepted<T>(read: Result<T, InvalidParameter>, text: &impl Debug) -> Option<T> {
    read.inspect_err(|error| assert!(!error.to_string().is_empty(), "{text:?}")).ok()
}

/// Checks that what was read of `text` is read of `written`, too. Compared as texts, since NaN is not equal to itself.
pub(crate) fn check_same<T: Debug>(
    parts: &T,
    text: &impl Debug,
    again: Result<T, InvalidParameter>,
    written: &impl Debug,
) {
    let again = again.map(|again| format!("{again:?}")).map_err(|error| error.to_string());
    assert_eq!(again, Ok(format!("{parts:?}")), "{text:?}, written as {written:?}");
}

/// A key behind what says whose key it is.
pub(crate) fn keyed(before: &str, key: &str) -> Vec<String> {
    let quoted = ["`", "\"", "'", ""].map(|quote| format!("{before}{quote}{key}{quote}"));
    // Logged models take off backticks at each end by itself.
    let halves = [format!("{before}{key}`"), format!("{before}`{key}")];
    quoted.into_iter().chain(halves).collect()
}

/// Each beginning with each end.
pub(crate) fn joined(beginnings: &[String], ends: &[String]) -> Vec<String> {
    let with_ends = |beginning: &String| {
        let beginning = beginning.clone();
        ends.iter().map(move |end| format!("{beginning} {end}"))
    };
    beginnings.iter().flat_map(with_ends).collect()
}

/// A comparator before a text.
pub(crate) fn compared(comparator: &str, text: &str) -> Vec<String> {
    let quoted = ["'", "\"", ""].map(|quote| format!("{comparator} {quote}{text}{quote}"));
    // Values of logged models lose a quote at one end by itself: `a.'b'` is `a.'b`.
    let ends = ["'", "\""].map(|quote| format!("{comparator} {text}{quote}"));
    let beginnings = ["'", "\""].map(|quote| format!("{comparator} {quote}{text}"));
    quoted.into_iter().chain(ends).chain(beginnings).collect()
}

/// A comparator before a number.
pub(crate) fn compared_number(comparator: NumberComparator, number: f64) -> Vec<String> {
    let symbol = symbol(comparator);
    // What no number is as large as is read as infinite; logged models take the words of Rust.
    let large = if number > 0.0 { "1e999" } else { "-1e999" };
    vec![format!("{symbol} {number:?}"), format!("{symbol} {large}")]
}

pub(crate) fn symbol(comparator: NumberComparator) -> &'static str {
    match comparator {
        NumberComparator::Equal => "=",
        NumberComparator::NotEqual => "!=",
        NumberComparator::Less => "<",
        NumberComparator::LessOrEqual => "<=",
        NumberComparator::Greater => ">",
        NumberComparator::GreaterOrEqual => ">=",
    }
}

pub(crate) fn text_symbol(comparator: TextComparator) -> &'static str {
    match comparator {
        TextComparator::Equal => "=",
        TextComparator::NotEqual => "!=",
        TextComparator::Like => "LIKE",
        TextComparator::ILike => "ILIKE",
    }
}

/// All of a condition behind its name.
pub(crate) fn tested(test: &TextTest) -> Vec<String> {
    match test {
        TextTest::Compare(comparator, value) => compared(text_symbol(*comparator), value),
        TextTest::OneOf { values, negated } => vec![among(values, *negated)],
        TextTest::IsNull { negated: false } => vec!["IS NULL".to_owned()],
        TextTest::IsNull { negated: true } => vec!["IS NOT NULL".to_owned()],
    }
}

/// A list of texts, in which whatever could mean something else is written as its number.
pub(crate) fn among(values: &[String], negated: bool) -> String {
    let comparator = if negated { "NOT IN" } else { "IN" };
    let mut list = String::new();
    for value in values {
        list.push('\'');
        for c in value.chars() {
            // Writing to a text does not fail.
            let _ = match c {
                c if c.is_ascii_alphanumeric() => write!(list, "{c}"),
                c => write!(list, "\\U{:08x}", u32::from(c)),
            };
        }
        list.push_str("',");
    }
    format!("{comparator} ({list})")
}
