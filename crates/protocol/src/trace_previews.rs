//! The start of what a trace was asked and of what it answered, for lists of traces.

use crate::traces::cut_preview;
use serde_json::{Map, Value};

/// What is shown of some JSON: the last message of `role` where it is a conversation, else the text itself.
pub(crate) fn preview(json: &str, role: &str) -> String {
    let value: Option<Value> = serde_json::from_str(json).ok();
    let text = value.as_ref().and_then(messages).and_then(|messages| last_of(&messages, role));
    let mut preview = text.filter(|text| !text.is_empty()).unwrap_or_else(|| json.to_owned());
    cut_preview(&mut preview);
    preview
}

/// The messages of a request or an answer in one of the usual forms.
fn messages(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    let object = value.as_object()?;
    let list = |key: &str| {
        let items = object.get(key)?.as_array().filter(|items| !items.is_empty())?;
        Some(items.iter().filter_map(message).collect())
    };
    if let Some(found) = list("messages") {
        return Some(found);
    }
    let choice = object.get("choices").and_then(|choices| choices.get(0)?.get("message"));
    if let Some(found) = choice.and_then(message) {
        return Some(vec![found]);
    }
    if let Some(found) = list("input").or_else(|| list("output")) {
        return Some(found);
    }
    messages(object.get("request")?)
}

fn message(value: &Value) -> Option<&Map<String, Value>> {
    let object = value.as_object()?;
    (object.contains_key("role") && object.contains_key("content")).then_some(object)
}

/// The text of the last message of a role, or of the last of all.
fn last_of(messages: &[&Map<String, Value>], role: &str) -> Option<String> {
    let has_role = |message: &&&Map<String, Value>| message.get("role") == Some(&Value::from(role));
    let message = messages.iter().rev().find(has_role).or_else(|| messages.last())?;
    match message.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => parts.iter().find_map(text_of_part),
        _ => None,
    }
}

fn text_of_part(part: &Value) -> Option<String> {
    let is_text =
        ["text", "output_text"].iter().any(|kind| part.get("type") == Some(&Value::from(*kind)));
    let text = if is_text { part.get("text")? } else { part };
    text.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_show_their_last_message() {
        let asked = r#"{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"},
                        {"role": "assistant", "content": "c"}]}"#;
        assert_eq!(preview(asked, "user"), "b");
        assert_eq!(preview(asked, "assistant"), "c");
        assert_eq!(preview(asked, "tool"), "c");
        let parts = r#"{"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}"#;
        assert_eq!(preview(parts, "user"), "x");
        let answer = r#"{"choices": [{"message": {"role": "assistant", "content": "yes"}}]}"#;
        assert_eq!(preview(answer, "assistant"), "yes");
        assert_eq!(preview(&format!(r#"{{"request": {parts}}}"#), "user"), "x");
    }

    #[test]
    fn all_else_is_shown_as_it_is() {
        for text in [r#"{"q": 1}"#, "\"text\"", "no json", "{\"messages\": []}"] {
            assert_eq!(preview(text, "user"), text);
        }
        let long = preview(&"é".repeat(2000), "user");
        assert_eq!(long.chars().count(), 1000);
        assert!(long.ends_with("é..."));
    }
}
