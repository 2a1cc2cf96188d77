//! Attributes whose names begin alike, as one object.

use super::Attributes;
use crate::python::dumps;
use serde_json::{Map, Value};

/// How often a text may be JSON that was made a JSON text of.
const LAYERS: u32 = 2;

/// What stands under `prefix`, by the rest of the names.
pub(super) fn object(attributes: &Attributes, prefix: &str) -> Option<String> {
    let entries = attributes.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix(prefix)?;
        let value = match unpacked(value, LAYERS) {
            Value::Array(tools) if name == "tools" => tools.into_iter().map(tool).collect(),
            value => value,
        };
        Some((name.to_owned(), value))
    });
    let entries: Map<String, Value> = entries.collect();
    (!entries.is_empty()).then(|| dumps(&entries))
}

fn tool(value: Value) -> Value {
    match value {
        Value::String(text) => unpacked(&text, LAYERS),
        value => value,
    }
}

fn unpacked(text: &str, layers: u32) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::String(inner)) if layers > 0 => unpacked(&inner, layers - 1),
        Ok(value) => value,
        Err(_) => text.into(),
    }
}
