//! Messages of Gemini's command line, in the form in which MLflow shows those of Gemini.

use crate::python::dumps;
use serde_json::{Value, json};

/// A conversation as what a model is asked.
pub(super) fn input(value: &str) -> String {
    let contents = read(value);
    if contents.is_array() || contents.is_string() {
        return dumps(&json!({ "contents": contents }));
    }
    value.to_owned()
}

/// The parts of an answer, which come in pieces, as one.
pub(super) fn output(value: &str) -> String {
    let mut pieces = read(value);
    let pieces = pieces.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
    let parts: Vec<Value> = pieces
        .iter_mut()
        .filter_map(|piece| piece.get_mut("parts")?.as_array_mut())
        .flat_map(std::mem::take)
        .collect();
    if parts.is_empty() {
        return value.to_owned();
    }
    dumps(&json!({ "candidates": [{ "content": { "role": "model", "parts": parts } }] }))
}

fn read(value: &str) -> Value {
    serde_json::from_str(value).unwrap_or_else(|_| value.into())
}
