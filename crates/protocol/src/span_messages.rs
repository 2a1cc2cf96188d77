//! Spans that are kept as JSON, as answers have them: OpenTelemetry's message in protobuf's JSON.

use crate::{
    python,
    spans::{SPAN_ID_BYTES, TRACE_ID_BYTES},
    traces::TraceInfo,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::SerializeSeq};
use serde_json::{Map, Value, json};

/// Stands before Python's special numbers in texts, so that they are told from texts: a character for private
/// use.
const SPECIAL: char = '\u{f8ff}';

/// A trace with its spans.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Trace {
    /// What is known of it.
    pub trace_info: TraceInfo,
    /// Its spans, the roots first, and then by their start.
    #[serde(serialize_with = "messages", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub spans: Vec<String>,
}

/// The answer to a request for one trace.
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetTraceResponse {
    /// The trace.
    pub trace: Trace,
}

/// The answer to a request for several traces.
#[derive(Debug, JsonSchema, Serialize)]
pub struct BatchGetTracesResponse {
    /// The traces that are there, with all of their spans.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<Trace>,
}

/// Turns one span into a message at a time, since all of them together are large.
fn messages<S: Serializer>(spans: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(spans.len()))?;
    for span in spans {
        list.serialize_element(&message(span))?;
    }
    list.end()
}

/// The message of a span; an empty one where what is kept can't be read.
fn message(content: &str) -> Value {
    let Some(Value::Object(span)) = loads(content) else { return json!({}) };
    said([
        ("trace_id", id(span.get("trace_id"))),
        ("span_id", id(span.get("span_id"))),
        ("parent_span_id", id(span.get("parent_span_id"))),
        ("name", span.get("name").cloned().unwrap_or_default()),
        ("start_time_unix_nano", integer(span.get("start_time_unix_nano"))),
        ("end_time_unix_nano", integer(span.get("end_time_unix_nano"))),
        ("attributes", attributes(span.get("attributes"), kept_as_text)),
        ("events", list(span.get("events"), event)),
        ("links", list(span.get("links"), link)),
        ("status", status(span.get("status"))),
    ])
}

/// A message with those of its fields that are written.
fn said<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let said = fields.into_iter().filter(|(_, value)| is_said(value));
    Value::Object(said.map(|(key, value)| (key.to_owned(), value)).collect())
}

/// Whether a field is written: protobuf leaves out what has the value of fields that are not there.
fn is_said(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_i64() != Some(0),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Object(_) => true,
    }
}

/// An id as base64, which it is, or hexadecimal digits as MLflow 3.5 kept them.
fn id(value: Option<&Value>) -> Value {
    let Some(Value::String(text)) = value else { return Value::Null };
    let digits = text.strip_prefix("tr-").unwrap_or(text);
    let is_id = |bytes: &Vec<u8>| [SPAN_ID_BYTES, TRACE_ID_BYTES].contains(&bytes.len());
    match python::unhex(digits).filter(is_id) {
        Some(bytes) => STANDARD.encode(bytes).into(),
        None => text.as_str().into(),
    }
}

fn integer(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => text.parse::<i64>().map_or(Value::Null, Value::from),
        Some(Value::Number(number)) => number.clone().into(),
        _ => Value::Null,
    }
}

fn list(value: Option<&Value>, message: impl Fn(&Map<String, Value>) -> Value) -> Value {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_object).map(message).collect()
}

fn event(event: &Map<String, Value>) -> Value {
    said([
        ("time_unix_nano", integer(event.get("time_unix_nano"))),
        ("name", event.get("name").cloned().unwrap_or_default()),
        ("attributes", attributes(event.get("attributes"), any)),
    ])
}

fn link(link: &Map<String, Value>) -> Value {
    said([
        ("trace_id", id(link.get("trace_id"))),
        ("span_id", id(link.get("span_id"))),
        ("attributes", attributes(link.get("attributes"), any)),
    ])
}

fn status(value: Option<&Value>) -> Value {
    let text = |key: &str| value.and_then(|status| status.get(key)?.as_str()).unwrap_or_default();
    match text("code") {
        "STATUS_CODE_OK" | "OK" => json!({"code": "STATUS_CODE_OK"}),
        "STATUS_CODE_ERROR" | "ERROR" => match text("message") {
            "" => json!({"code": "STATUS_CODE_ERROR"}),
            message => json!({"message": message, "code": "STATUS_CODE_ERROR"}),
        },
        _ => json!({}),
    }
}

fn attributes(value: Option<&Value>, read: impl Fn(&Value) -> Option<Value>) -> Value {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    let pairs = entries.map(|(key, value)| match read(value) {
        Some(value) => json!({"key": key, "value": value}),
        None => json!({"key": key}),
    });
    pairs.collect()
}

/// The value of a span's attribute, which is kept as the text of some JSON.
fn kept_as_text(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => match loads(text) {
            Some(value) => any(&value),
            None => any(value),
        },
        value => any(value),
    }
}

/// A value as OpenTelemetry's message; nothing where there is none.
fn any(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => json!({"bool_value": value}),
        Value::Number(number) if number.is_i64() => json!({"int_value": number}),
        // No integer of a message is so large.
        Value::Number(number) => json!({"double_value": number.as_f64()}),
        Value::String(text) => match text.strip_prefix(SPECIAL) {
            Some(special) => json!({"double_value": special}),
            None => json!({"string_value": text}),
        },
        Value::Array(items) if items.is_empty() => json!({"array_value": {}}),
        Value::Array(items) => {
            let items: Vec<Value> =
                items.iter().map(|item| any(item).unwrap_or_else(|| json!({}))).collect();
            json!({"array_value": {"values": items}})
        }
        Value::Object(entries) if entries.is_empty() => json!({"kvlist_value": {}}),
        Value::Object(_) => json!({"kvlist_value": {"values": attributes(Some(value), any)}}),
    })
}

/// Reads JSON that Python wrote, which may have special numbers.
fn loads(text: &str) -> Option<Value> {
    let marked = |text: &str| {
        let marked = python::replace_special_numbers(text, |word| format!("\"{SPECIAL}{word}\""));
        serde_json::from_str(&marked).ok()
    };
    serde_json::from_str(text).ok().or_else(|| marked(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_types_of_their_json() {
        for (text, expected) in [
            ("1", json!({"int_value": 1})),
            ("1.0", json!({"double_value": 1.0})),
            ("NaN", json!({"double_value": "NaN"})),
            ("\"NaN\"", json!({"string_value": "NaN"})),
            (
                "[null, -Infinity]",
                json!({"array_value": {"values": [{}, {"double_value": "-Infinity"}]}}),
            ),
            ("{}", json!({"kvlist_value": {}})),
            ("no json", json!({"string_value": "no json"})),
            (
                "{\"b\": 1, \"a\": true}",
                json!({"kvlist_value": {"values": [
                    {"key": "b", "value": {"int_value": 1}}, {"key": "a", "value": {"bool_value": true}}
                ]}}),
            ),
        ] {
            assert_eq!(kept_as_text(&text.into()), Some(expected), "{text}");
        }
        assert_eq!(kept_as_text(&"null".into()), None);
    }

    #[test]
    fn ids_of_old_servers_are_hexadecimal() {
        let digits = Value::from("tr-000000000000000000000000000000ff");
        assert_eq!(id(Some(&digits)), "AAAAAAAAAAAAAAAAAAAA/w==");
        assert_eq!(id(Some(&"AAAAAAAAAAE=".into())), "AAAAAAAAAAE=");
    }
}
