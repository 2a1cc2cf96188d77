//! Inputs and outputs that libraries tell in events of a span.

use super::{REDACTED, table::CLAUDE_CODE_TOOL};
use crate::{
    otel::{AnyValue, OtelEvent},
    python::{dumps, is_truthy},
};
use serde_json::{Value, json};

/// The events that are messages to a model, and who says them.
const MESSAGES: [(&str, &str); 3] = [
    ("gen_ai.system.message", "system"),
    ("gen_ai.user.message", "user"),
    ("gen_ai.assistant.message", "assistant"),
];
const CHOICE: &str = "gen_ai.choice";

/// What the span was given.
pub(super) fn input(events: &[OtelEvent]) -> Option<String> {
    spring(events, "gen_ai.content.prompt", "gen_ai.prompt").or_else(|| {
        let messages = events.iter().filter_map(|event| {
            let (_, role) = MESSAGES.iter().find(|(name, _)| *name == event.name)?;
            Some(json!({ "role": role, "content": decoded(told(event, "content")?) }))
        });
        list(&messages.collect::<Vec<_>>())
    })
}

/// What the span returned.
pub(super) fn output(attributes: &super::Attributes, events: &[OtelEvent]) -> Option<String> {
    spring(events, "gen_ai.content.completion", "gen_ai.completion").or_else(|| {
        let choices = events.iter().filter(|event| event.name == CHOICE).filter_map(|event| {
            let content = decoded(told(event, "content")?);
            let role = find(event, "role").map_or_else(|| "assistant".into(), decoded);
            Some(json!({ "role": role, "content": content }))
        });
        list(&choices.collect::<Vec<_>>()).or_else(|| {
            super::has_text(attributes, CLAUDE_CODE_TOOL).then(|| of_tool(events)).flatten()
        })
    })
}

/// Spring AI's, which are kept as they are, and no JSON.
fn spring(events: &[OtelEvent], name: &str, attribute: &str) -> Option<String> {
    let mut values = events.iter().filter(|event| event.name == name);
    let value = values.find_map(|event| told(event, attribute))?;
    Some(match value {
        AnyValue::Text(text) => text.clone(),
        value => value.json(),
    })
}

fn list(messages: &[Value]) -> Option<String> {
    (!messages.is_empty()).then(|| dumps(&messages))
}

/// What a tool of Claude Code returned.
fn of_tool(events: &[OtelEvent]) -> Option<String> {
    let events = events.iter().filter(|event| event.name == "tool.output");
    let values = events.flat_map(|event| {
        ["output", "content", "diff"].into_iter().filter_map(|name| find(event, name))
    });
    let mut values = values.map(decoded);
    let value = values.find(|value| is_truthy(value) && value != REDACTED)?;
    Some(AnyValue::from(value).json())
}

fn find<'a>(event: &'a OtelEvent, name: &str) -> Option<&'a AnyValue> {
    // Of a name that occurs again, the last value counts.
    event.attributes.iter().rfind(|(key, _)| key == name).map(|(_, value)| value)
}

/// The value of an attribute that says something.
fn told<'a>(event: &'a OtelEvent, name: &str) -> Option<&'a AnyValue> {
    find(event, name).filter(|value| match value {
        AnyValue::Text(text) => !text.is_empty(),
        value => is_truthy(&decoded(value)),
    })
}

/// A value, where a text may be JSON.
fn decoded(value: &AnyValue) -> Value {
    match value {
        AnyValue::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        value => serde_json::from_str(&value.json()).unwrap_or_default(),
    }
}
