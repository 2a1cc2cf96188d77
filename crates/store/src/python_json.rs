//! Reads JSON that Python wrote, as MLflow does with what it keeps of traces.
//!
//! Numbers stay texts until it is known what they are for: one that no double holds must not spoil the object
//! it stands in, and counts of tokens are exact.

use mlferry_protocol::python::replace_special_numbers;
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;

/// A JSON value, as far as anybody looks into it.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number as it is written.
    Number(String),
    Text(String),
    Object(BTreeMap<String, Box<RawValue>>),
    /// A list, or a text with half a character.
    Other,
}

/// A JSON text; Python also writes `NaN` and `Infinity`, which stand for no number here.
pub(crate) fn parse(text: &str) -> Option<Json> {
    read::<Box<RawValue>>(text).map(|value| Json::of(&value))
}

/// The value of a JSON text, in which Python's special numbers are null.
pub(crate) fn value(text: &str) -> Option<Value> {
    read(text)
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&replace_special_numbers(text, |_| "null".to_owned())))
        .ok()
}

impl Json {
    fn of(value: &RawValue) -> Self {
        let text = value.get();
        match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => serde_json::from_str(text).map_or(Self::Other, Self::Text),
            Some(b'{') => serde_json::from_str(text).map_or(Self::Other, Self::Object),
            Some(b'[') => Self::Other,
            _ => Self::Number(text.to_owned()),
        }
    }

    /// A member of an object.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let Self::Object(members) = self else { return None };
        members.get(key).map(|member| Self::of(member))
    }

    /// A number of tokens: a whole number that fits a column, also as text.
    pub(crate) fn token_count(&self) -> Option<i64> {
        match self {
            Self::Number(number) if is_integer(number) => number.parse().ok(),
            Self::Number(number) => whole(number.parse().ok()?),
            // Python's decimals leave out underscores wherever they stand.
            Self::Text(text) => whole_decimal(&trim(text).replace('_', "")),
            _ => None,
        }
    }

    /// A finite number, also as text.
    pub(crate) fn finite(&self) -> Option<f64> {
        let double: f64 = match self {
            Self::Number(number) => double_of(number)?,
            Self::Text(text) => without_underscores(text.trim())?.parse().ok()?,
            _ => return None,
        };
        double.is_finite().then_some(double)
    }
}

/// Whether Python reads the number of a JSON text as an integer.
fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// The number of a JSON text as a double.
fn double_of(number: &str) -> Option<f64> {
    let double: f64 = number.parse().ok()?;
    // An integer has no negative zero.
    Some(if is_integer(number) { double + 0.0 } else { double })
}

/// A double as a whole number, if it is one.
pub(crate) fn whole(double: f64) -> Option<i64> {
    // By the shortest digits that name the double, as Python sees it.
    // What does not fit does not parse either.
    if double.fract() == 0.0 { format!("{double}").parse().ok() } else { None }
}

/// A decimal number such as `-1.50e3` as a whole number, if it is one.
fn whole_decimal(text: &str) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (before, after) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{before}{after}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_end_matches('0');
    if significant.trim_start_matches('0').is_empty() {
        return Some(0);
    }
    // How many zeros follow the significant digits; fewer than none is a fraction.
    let zeros = i64::from(exponent) + i64::try_from(before.len()).ok()?
        - i64::try_from(significant.len()).ok()?;
    // A number of 64 bits has at most 19 digits.
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros < 20)?;
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    format!("{sign}{significant}{}", "0".repeat(zeros)).parse().ok()
}

/// A number without the underscores that Python allows between two digits, and nowhere else.
fn without_underscores(text: &str) -> Option<String> {
    let is_digit = |char: Option<char>| char.is_some_and(|char| char.is_ascii_digit());
    let mut parts = text.split('_').peekable();
    let mut joined = String::with_capacity(text.len());
    while let Some(part) = parts.next() {
        let is_between =
            |next: &&str| is_digit(part.chars().last()) && is_digit(next.chars().next());
        if parts.peek().is_some_and(|next| !is_between(next)) {
            return None;
        }
        joined.push_str(part);
    }
    Some(joined)
}

/// The text without what Python takes for blanks at both ends.
fn trim(text: &str) -> &str {
    text.trim_matches(|char: char| char.is_whitespace() || matches!(char, '\x1c'..='\x1f'))
}

/// What an assessment's value counts for in charts, and whether it is a number.
pub(crate) fn aggregate(text: &str) -> (Option<f64>, bool) {
    let yes_or_no = |text: &str| match trim(text).to_lowercase().as_str() {
        "yes" => Some(1.0),
        "no" => Some(0.0),
        _ => None,
    };
    match parse(text) {
        Some(Json::Bool(is_true)) => (Some(f64::from(u8::from(is_true))), false),
        Some(Json::Number(number)) => {
            let double = double_of(&number).filter(|double| double.is_finite());
            (double, double.is_some())
        }
        Some(Json::Text(text)) => (yes_or_no(&text), false),
        Some(_) => (None, false),
        None => (yes_or_no(text), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn special_numbers_spoil_no_value() {
        let value = |text| super::value(text);
        assert_eq!(
            value(r#"{"a": NaN, "b": [-Infinity, "NaN"]}"#),
            Some(json!({"a": null, "b": [null, "NaN"]}))
        );
        assert_eq!(value("1.5"), Some(json!(1.5)));
        assert_eq!(value("no JSON"), None);
    }

    #[test]
    fn special_numbers_are_read_as_nothing() {
        let read = parse(r#"{"a": NaN, "b": -Infinity, "c": "NaN \" Infinity", "d": 1}"#).unwrap();
        for key in ["a", "b"] {
            assert!(matches!(read.get(key), Some(Json::Null)), "{key}");
        }
        assert!(matches!(read.get("c"), Some(Json::Text(text)) if text == "NaN \" Infinity"));
        assert_eq!(read.get("d").unwrap().token_count(), Some(1));
        assert!(parse("not json").is_none());
    }

    #[test]
    fn tokens_are_whole() {
        for (value, tokens) in [
            ("5", Some(5)),
            ("5.0", Some(5)),
            ("1e3", Some(1000)),
            ("1e-400", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("\" 1_000 \"", Some(1000)),
            ("\"1__0\"", Some(10)),
            ("\"7.0\"", Some(7)),
            ("\"-.5e1\"", Some(-5)),
            ("\"5.\"", Some(5)),
            ("\"0e99999\"", Some(0)),
            ("\"9007199254740993.0\"", Some(9_007_199_254_740_993)),
            ("\"1e-400\"", None),
            ("\"1e400\"", None),
            ("\"1.5\"", None),
            ("\"-\"", None),
            ("\"+-1\"", None),
            ("\"NaN\"", None),
            ("\"\"", None),
            ("1.5", None),
            ("1e400", None),
            ("1e30", None),
            ("true", None),
            ("null", None),
            ("[1]", None),
        ] {
            assert_eq!(parse(value).unwrap().token_count(), tokens, "{value}");
        }
    }

    #[test]
    fn costs_are_finite() {
        for (value, cost) in [
            ("0.1", Some(0.1)),
            ("9007199254740993", Some(9_007_199_254_740_992.0)),
            ("\" 1_0.5 \"", Some(10.5)),
            ("\"1__0\"", None),
            ("\"1_\"", None),
            ("\"_1\"", None),
            ("\"inf\"", None),
            ("1e400", None),
            ("false", None),
        ] {
            assert_eq!(parse(value).unwrap().finite(), cost, "{value}");
        }
    }

    #[test]
    fn a_number_that_no_double_holds_spoils_no_other() {
        let read = parse(r#"{"a": 1e400, "b": 2, "c": "\ud83d"}"#).unwrap();
        assert_eq!(read.get("a").unwrap().finite(), None);
        assert_eq!(read.get("b").unwrap().finite(), Some(2.0));
        assert_eq!(read.get("c").unwrap().finite(), None);
    }

    #[test]
    fn assessments_count_as_numbers_yes_or_no() {
        for (text, expected) in [
            ("1", (Some(1.0), true)),
            ("-0.5", (Some(-0.5), true)),
            ("true", (Some(1.0), false)),
            ("\" No \"", (Some(0.0), false)),
            ("YES", (Some(1.0), false)),
            ("1e400", (None, false)),
            ("NaN", (None, false)),
            ("{}", (None, false)),
            ("\"0.5\"", (None, false)),
        ] {
            assert_eq!(aggregate(text), expected, "{text}");
        }
    }
}
