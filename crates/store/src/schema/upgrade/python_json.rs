//! Reads JSON that Python wrote, as MLflow's migration of traces does.

use serde_json::Value;

/// A JSON text; Python also writes `NaN` and `Infinity`, which stand for no number here.
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&without_special_numbers(text)))
        .ok()
}

/// The text with `null` for each of Python's special numbers outside of strings.
fn without_special_numbers(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let (mut is_string, mut is_escaped) = (false, false);
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let special =
            ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| rest.starts_with(word));
        if let Some(word) = special
            && !is_string
        {
            replaced.push_str("null");
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

/// A number of tokens: a whole number that fits a column, also as text.
pub(super) fn token_count(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => {
            let text = text.trim().replace('_', "");
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
}

/// A double as a whole number, if it is one.
pub(super) fn whole(double: f64) -> Option<i64> {
    // By the shortest digits that name the double, as Python sees it.
    // What does not fit does not parse either.
    if double.fract() == 0.0 { format!("{double}").parse().ok() } else { None }
}

/// A finite number, also as text.
pub(super) fn finite(value: &Value) -> Option<f64> {
    let double = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().replace('_', "").parse().ok()?,
        _ => return None,
    };
    double.is_finite().then_some(double)
}

/// What an assessment's value counts for in charts, and whether it is a number.
pub(super) fn aggregate(text: &str) -> (Option<f64>, bool) {
    let yes_or_no = |text: &str| match text.trim().to_lowercase().as_str() {
        "yes" => Some(1.0),
        "no" => Some(0.0),
        _ => None,
    };
    match parse(text) {
        Some(Value::Bool(is_true)) => (Some(f64::from(u8::from(is_true))), false),
        Some(Value::Number(number)) => {
            // Python knows no negative zero without a point.
            let double = number.as_f64().filter(|double| double.is_finite());
            (double.map(|double| double + 0.0), double.is_some())
        }
        Some(Value::String(text)) => (yes_or_no(&text), false),
        Some(_) => (None, false),
        None => (yes_or_no(text), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn special_numbers_are_read_as_nothing() {
        let read = parse(r#"{"a": NaN, "b": -Infinity, "c": "NaN \" Infinity", "d": 1}"#).unwrap();
        assert_eq!(read, json!({"a": null, "b": null, "c": "NaN \" Infinity", "d": 1}));
        assert_eq!(parse("not json"), None);
    }

    #[test]
    fn tokens_are_whole() {
        for (value, tokens) in [
            (json!(5), Some(5)),
            (json!(5.0), Some(5)),
            (json!(1e3), Some(1000)),
            (json!(" 1_000 "), Some(1000)),
            (json!("7.0"), Some(7)),
            (json!(1.5), None),
            (json!(true), None),
            (json!(1e30), None),
            (json!(u64::MAX), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(token_count(&value), tokens, "{value}");
        }
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
