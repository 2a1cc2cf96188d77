//! Values as Python shows them: `repr` for messages, and `json.dumps` for texts that the reference keeps.

use crate::InvalidParameter;
use serde::Serialize;
use serde_json::{Map, Value, ser::Formatter};
use std::{
    fmt::Write,
    io::{self, Write as IoWrite},
};

/// A text as Python's `repr` shows it: in single quotes, unless only they occur in it.
#[must_use]
pub fn repr_str(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if c == quote => shown.extend(['\\', c]),
            c if c.is_ascii_control() => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

/// Texts as the `repr` of a Python list of them.
#[must_use]
pub fn repr_list(texts: &[&str]) -> String {
    let shown: Vec<String> = texts.iter().map(|text| repr_str(text)).collect();
    format!("[{}]", shown.join(", "))
}

/// Bytes as Python's `repr` shows them, such as `b'abc'`: in single quotes, unless only they occur in them.
pub(crate) fn repr_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let shown: String = bytes
        .iter()
        .map(|byte| match byte {
            b'\\' => "\\\\".to_owned(),
            b'\n' => "\\n".to_owned(),
            b'\r' => "\\r".to_owned(),
            b'\t' => "\\t".to_owned(),
            byte if char::from(*byte) == quote => format!("\\{quote}"),
            b' '..=b'~' => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("b{quote}{shown}{quote}")
}

/// Bytes as Python's `hex` shows them: two digits each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that hexadecimal digits stand for, and nothing where there is anything else.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| {
        let digits = std::str::from_utf8(pair).ok().filter(|digits| digits.len() == 2)?;
        // It would take a sign, too.
        let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        are_digits.then(|| u8::from_str_radix(digits, 16).ok())?
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

/// A double as Python's `repr` shows it: `1.0`, `1e-05`, `1.5e+300`, `nan`.
#[must_use]
pub fn repr_float(value: f64) -> String {
    if !value.is_finite() {
        return format!("{value}").to_lowercase();
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{value:?}");
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => scientific,
    }
}

/// A JSON value as Python's `repr` shows it once parsed.
#[must_use]
pub fn repr_json(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or_else(|| number.to_string(), repr_float)
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) => repr_str(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(repr_json).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", repr_str(key), repr_json(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A value as `json.dumps` writes it: blanks after `,` and `:`, and nothing but ASCII.
#[must_use]
pub fn dumps(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Dumps);
    // Only maps whose keys are no texts fail, and writing to a Vec cannot; what is written is ASCII.
    let written = value.serialize(&mut serializer);
    debug_assert!(written.is_ok(), "{written:?}");
    String::from_utf8(bytes).unwrap_or_default()
}

/// A JSON text with something else for each of Python's special numbers outside of strings.
#[must_use]
pub fn replace_special_numbers(text: &str, replacement: impl Fn(&str) -> String) -> String {
    let mut replaced = String::with_capacity(text.len());
    let (mut is_string, mut is_escaped) = (false, false);
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let special =
            ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| rest.starts_with(word));
        if let Some(word) = special
            && !is_string
        {
            replaced.push_str(&replacement(word));
            rest = &rest[word.len()..];
            continue;
        }
        is_string ^= char == '"' && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
        replaced.push(char);
        rest = &rest[char.len_utf8()..];
    }
    replaced
}

/// A value as `json.dumps(…, sort_keys=True)` writes it.
#[must_use]
pub fn dumps_sorted(value: &Value) -> String {
    dumps(&sorted(value))
}

/// A value whose objects have their keys in order.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            // Bytes of UTF-8 stand in the order of their characters, which is Python's.
            entries.sort_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(entries.collect())
        }
        scalar => scalar.clone(),
    }
}

/// Reads a text that a field holds as JSON.
pub(crate) fn loads(field: &str, text: &str) -> Result<Value, InvalidParameter> {
    let malformed = |error| InvalidParameter::new(format!("{field} must be valid JSON: {error}."));
    let value = serde_json::from_str(text).map_err(malformed)?;
    if let Some(integer) = wide_integer(text) {
        return Err(InvalidParameter::new(format!(
            "{field} has the integer {integer}, which 64 bits do not hold."
        )));
    }
    if holds_nul(&value) {
        return Err(InvalidParameter::new(format!("{field} must not hold the NUL character.")));
    }
    Ok(value)
}

/// The first integer of a JSON text that would be read as the double next to it.
fn wide_integer(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        match byte {
            b'"' => {
                index += 1;
                while let Some(byte) = bytes.get(index).filter(|byte| **byte != b'"') {
                    index += if *byte == b'\\' { 2 } else { 1 };
                }
                index += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[index..].iter().take_while(|byte| is_part(byte)).count();
                let number = &text[index..index + length];
                let is_integer = !number.contains(['.', 'e', 'E']);
                if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return Some(number);
                }
                index += length;
            }
            _ => index += 1,
        }
    }
    None
}

/// Whether a text in a value has the one character that not every database keeps.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(entries) => {
            entries.iter().any(|(key, value)| key.contains('\0') || holds_nul(value))
        }
        _ => false,
    }
}

/// The Python name of a JSON value's type, which messages show.
#[must_use]
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// Whether Python takes a value for true: it is not empty, zero, false or null.
pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(bool) => *bool,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

/// The object that `entries` has under `key`, if it is one and not empty.
pub(crate) fn object_in<'a>(
    entries: &'a Map<String, Value>,
    key: &str,
) -> Option<&'a Map<String, Value>> {
    entries.get(key).and_then(Value::as_object).filter(|object| !object.is_empty())
}

/// The marks of `json.dumps`.
struct Dumps;

impl Formatter for Dumps {
    fn write_f64<W: ?Sized + IoWrite>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(repr_float(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + IoWrite>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                writer.write_all(&[u8::try_from(c).unwrap_or(b'?')])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                writer.write_all(format!("\\u{unit:04x}").as_bytes())?;
            }
        }
        Ok(())
    }

    fn begin_array_value<W: ?Sized + IoWrite>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + IoWrite>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + IoWrite>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beyond_64_bits_are_found_outside_of_texts() {
        for (text, found) in [
            ("[1, -9223372036854775808, 18446744073709551615]", None),
            (r#"{"a\\": "\"99999999999999999999"}"#, None),
            ("[1e30, 99999999999999999999.5]", None),
            (r#"{"a": [1, 18446744073709551616]}"#, Some("18446744073709551616")),
            ("-9223372036854775809", Some("-9223372036854775809")),
        ] {
            assert_eq!(wide_integer(text), found, "{text}");
        }
    }

    #[test]
    fn json_is_written_as_python_writes_it() {
        let text = "{\"b\":1,\"a\":[1.0,1e-5,true,null,\"\u{7f}é🚀\\n\\u0001\\\"/\"],\"c\":{}}";
        let value: Value = serde_json::from_str(text).unwrap();
        let list = "[1.0, 1e-05, true, null, \"\\u007f\\u00e9\\ud83d\\ude80\\n\\u0001\\\"/\"]";
        assert_eq!(dumps(&value), format!("{{\"b\": 1, \"a\": {list}, \"c\": {{}}}}"));
        assert_eq!(dumps_sorted(&value), format!("{{\"a\": {list}, \"b\": 1, \"c\": {{}}}}"));
    }

    #[test]
    fn texts_choose_the_quotes_that_need_no_escape() {
        assert_eq!(repr_str("a"), "'a'");
        assert_eq!(repr_str("it's"), "\"it's\"");
        assert_eq!(repr_str("it's \"x\""), "'it\\'s \"x\"'");
        assert_eq!(repr_str("a\\\n\u{1}é"), "'a\\\\\\n\\x01é'");
        assert_eq!(repr_list(&["a", "b'"]), "['a', \"b'\"]");
        assert_eq!(repr_bytes(b"abc\xff"), "b'abc\\xff'");
        assert_eq!(repr_bytes(b"a'\n"), "b\"a'\\n\"");
        assert_eq!(repr_bytes(b"a'\""), "b'a\\'\"'");
    }

    #[test]
    fn doubles_have_a_point_or_an_exponent_of_two_digits() {
        for (value, shown) in [
            (1.0, "1.0"),
            (-0.5, "-0.5"),
            (1e-5, "1e-05"),
            (1.5e300, "1.5e+300"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (0.0, "0.0"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(repr_float(value), shown);
        }
    }

    #[test]
    fn json_has_blanks_and_no_characters_beyond_ascii() {
        let value = serde_json::json!({"a": [1, "ü🚀\n"], "b": null});
        assert_eq!(dumps(&value), r#"{"a": [1, "\u00fc\ud83d\ude80\n"], "b": null}"#);
    }
}
