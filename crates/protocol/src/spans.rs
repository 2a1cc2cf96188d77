//! Spans as MLflow keeps them.

use crate::{
    InvalidParameter, WireEnum,
    otel::{
        AnyValue, Attributes, OtelEvent, OtelLink, OtelSpan, ResourceSpans, SpanStatus, distinct,
        set,
    },
    python::hex,
    span_conventions, trace_previews,
    traces::{NAME_TAG, checked_tag},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::sync::Arc;

/// The attribute that holds the id of a span's trace.
const TRACE_ID: &str = "mlflow.traceRequestId";
/// The attribute that holds what a span was given.
pub(crate) const INPUTS: &str = "mlflow.spanInputs";
/// The attribute that holds what a span returned.
pub(crate) const OUTPUTS: &str = "mlflow.spanOutputs";
/// The attribute that holds a span's type.
pub(crate) const TYPE: &str = "mlflow.spanType";
/// The attribute that holds the tokens that a span used.
pub const TOKENS: &str = "mlflow.chat.tokenUsage";
/// The attribute that holds what a span cost.
pub const COST: &str = "mlflow.llm.cost";
/// The attribute that holds a span's model.
pub const MODEL: &str = "mlflow.llm.model";
/// The attribute that holds who runs a span's model.
pub const PROVIDER: &str = "mlflow.llm.provider";
/// Starts the names of a root span's attributes that are tags of its trace.
const TAG_PREFIX: &str = "mlflow.traceTag.";

/// Services whose names are noted on root spans: the reference's list.
const KNOWN_SERVICES: [&str; 5] =
    ["claude-code", "codex_cli_rs", "codex_vscode", "gemini-cli", "qwen-code"];

/// A span as MLflow keeps it.
#[derive(Debug, Clone)]
pub struct Span {
    /// The id of its trace, such as `tr-…`.
    pub trace_id: String,
    /// Its id, 16 hexadecimal digits.
    pub span_id: String,
    /// The id of the span that it is a part of, if it is no root.
    pub parent_id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its type, as it was sent.
    pub span_type: Option<String>,
    /// How it ended.
    pub status: SpanStatus,
    /// When it started, in nanoseconds.
    pub start_ns: i64,
    /// When it ended, in nanoseconds; 0 while it has not.
    pub end_ns: i64,
    /// All of it as JSON.
    pub content: String,
    /// What is known of it; each value is JSON.
    pub attributes: Vec<(String, String)>,
    /// What sent it, as tags of its trace.
    pub resource_tags: Arc<Vec<(String, String)>>,
}

/// Why a span can't be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSpan;

impl Span {
    /// The value of an attribute, as JSON.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        find(&self.attributes, name)
    }

    /// The text that an attribute holds, or its JSON where it is none.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.attribute(name).map(bare)
    }

    /// The tags that a root span carries for its trace.
    #[must_use]
    pub fn trace_tags(&self) -> Vec<(String, String)> {
        let tags = self.attributes.iter().filter_map(|(key, value)| {
            checked_tag(key.strip_prefix(TAG_PREFIX)?.to_owned(), bare(value)).ok()
        });
        tags.collect()
    }

    /// The name that a root span carries for its trace; one that is too long is refused.
    pub fn check_trace_name(&self) -> Result<(), InvalidParameter> {
        match self.text(&format!("{TAG_PREFIX}{NAME_TAG}")) {
            Some(name) => checked_tag(NAME_TAG.to_owned(), name).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The starts of what a root span was given and of what it returned.
    #[must_use]
    pub fn previews(&self) -> (Option<String>, Option<String>) {
        let preview = |name, role| {
            let text = self.attribute(name).filter(|text| !text.is_empty());
            text.map(|text| trace_previews::preview(text, role))
        };
        (preview(INPUTS, "user"), preview(OUTPUTS, "assistant"))
    }
}

/// Turns the spans of an export into what MLflow keeps.
pub fn accept(groups: Vec<ResourceSpans>) -> Result<Vec<Span>, NoSpan> {
    let mut spans = Vec::new();
    for group in groups {
        let resource = distinct(group.resource);
        let service = resource.iter().find(|(key, _)| key == "service.name");
        let service = service.and_then(|(_, value)| match value {
            AnyValue::Text(name) if KNOWN_SERVICES.contains(&name.as_str()) => Some(name.clone()),
            _ => None,
        });
        let tags = Arc::new(resource_tags(&resource));
        for span in group.spans {
            spans.push(kept(span, service.as_deref(), Arc::clone(&tags))?);
        }
    }
    Ok(spans)
}

/// What a resource tells, as tags. The names of MLflow's own tags are not for clients.
fn resource_tags(resource: &[(String, AnyValue)]) -> Vec<(String, String)> {
    let own = |key: &str| key.starts_with("telemetry.sdk.") || key.starts_with("mlflow.");
    let tags = resource.iter().filter(|(key, _)| !own(key)).filter_map(|(key, value)| {
        let value = match value {
            AnyValue::Text(text) => text.clone(),
            AnyValue::Absent | AnyValue::Bytes(_) | AnyValue::Map(_) => return None,
            other => other.json(),
        };
        checked_tag(key.clone(), value).ok()
    });
    tags.collect()
}

/// An id of some bytes as hexadecimal digits, filled up with zeros from the left.
fn id(bytes: &[u8], width: usize) -> Result<[String; 2], NoSpan> {
    let significant = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let significant = &bytes[significant..];
    let zeros = width.checked_sub(significant.len()).ok_or(NoSpan)?;
    let mut padded = vec![0; zeros];
    padded.extend_from_slice(significant);
    Ok([hex(&padded), STANDARD.encode(&padded)])
}

pub(crate) const TRACE_ID_BYTES: usize = 16;
pub(crate) const SPAN_ID_BYTES: usize = 8;

fn kept(
    span: OtelSpan,
    service: Option<&str>,
    resource_tags: Arc<Vec<(String, String)>>,
) -> Result<Span, NoSpan> {
    if span.trace_id.is_empty() || span.span_id.is_empty() {
        return Err(NoSpan);
    }
    let [trace_hex, trace_base64] = id(&span.trace_id, TRACE_ID_BYTES)?;
    let [span_id, span_base64] = id(&span.span_id, SPAN_ID_BYTES)?;
    let is_root = span.parent_span_id.iter().all(|byte| *byte == 0);
    let parent = (!is_root).then(|| id(&span.parent_span_id, SPAN_ID_BYTES)).transpose()?;
    let trace_id = format!("tr-{trace_hex}");

    let sent = distinct(span.attributes);
    let mut attributes: Vec<(String, String)> =
        sent.iter().map(|(key, value)| (key.clone(), value.json())).collect();
    set(&mut attributes, TRACE_ID.to_owned(), AnyValue::Text(trace_id.clone()).json());
    if let Some(service) = service.filter(|_| is_root) {
        set(&mut attributes, "service.name".to_owned(), AnyValue::Text(service.to_owned()).json());
    }
    let span_type = find(&attributes, TYPE).map(bare);
    for (_, value) in &mut attributes {
        unwrap_twice_encoded(value);
    }
    span_conventions::translate(&mut attributes, &span.events);

    let status = span.status;
    let mut kept = Span {
        trace_id,
        span_id,
        parent_id: None,
        name: span.name,
        span_type,
        status,
        start_ns: i64::try_from(span.start_ns).map_err(|_| NoSpan)?,
        end_ns: i64::try_from(span.end_ns).map_err(|_| NoSpan)?,
        content: String::new(),
        attributes,
        resource_tags,
    };
    let parent_base64 = parent.map(|[digits, base64]| {
        kept.parent_id = Some(digits);
        AnyValue::Text(base64)
    });
    let message = if status == SpanStatus::Error { span.status_message } else { String::new() };
    let text = |text: &str| AnyValue::Text(text.to_owned());
    let entry = |key: &str, value: AnyValue| (key.to_owned(), value);
    let pairs = kept.attributes.iter().map(|(key, value)| (key.clone(), text(value)));
    let content = AnyValue::Map(vec![
        entry("trace_id", AnyValue::Text(trace_base64)),
        entry("span_id", AnyValue::Text(span_base64)),
        entry("parent_span_id", parent_base64.unwrap_or(AnyValue::Absent)),
        entry("name", text(&kept.name)),
        entry("start_time_unix_nano", AnyValue::Int(kept.start_ns)),
        entry("end_time_unix_nano", AnyValue::Int(kept.end_ns)),
        entry(
            "events",
            AnyValue::List(span.events.into_iter().map(event).collect::<Result<_, _>>()?),
        ),
        entry(
            "status",
            AnyValue::Map(vec![
                entry("code", text(status.name())),
                entry("message", AnyValue::Text(message)),
            ]),
        ),
        entry("attributes", AnyValue::Map(pairs.collect())),
        entry("links", AnyValue::List(span.links.into_iter().map(link).collect::<Result<_, _>>()?)),
    ]);
    kept.content = content.json();
    Ok(kept)
}

fn event(event: OtelEvent) -> Result<AnyValue, NoSpan> {
    let time = i64::try_from(event.time_ns).map_err(|_| NoSpan)?;
    Ok(AnyValue::Map(vec![
        ("name".to_owned(), AnyValue::Text(event.name)),
        ("time_unix_nano".to_owned(), AnyValue::Int(time)),
        ("attributes".to_owned(), AnyValue::Map(distinct(event.attributes))),
    ]))
}

fn link(link: OtelLink) -> Result<AnyValue, NoSpan> {
    let [trace_id, _] = id(&link.trace_id, TRACE_ID_BYTES)?;
    let [span_id, _] = id(&link.span_id, SPAN_ID_BYTES)?;
    let attributes = distinct(link.attributes).into_iter().map(|(key, value)| match value {
        AnyValue::Bytes(bytes) => (key, AnyValue::Text(STANDARD.encode(bytes))),
        value => (key, value),
    });
    let attributes: Attributes = attributes.collect();
    let attributes =
        if attributes.is_empty() { AnyValue::Absent } else { AnyValue::Map(attributes) };
    Ok(AnyValue::Map(vec![
        ("trace_id".to_owned(), AnyValue::Text(format!("tr-{trace_id}"))),
        ("span_id".to_owned(), AnyValue::Text(span_id)),
        ("attributes".to_owned(), attributes),
    ]))
}

/// The value of an attribute.
pub(crate) fn find<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The text that some JSON is, or the JSON itself.
pub(crate) fn bare(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())
}

/// Clients may send values that are JSON already, which were made a JSON text of once more. Numbers are left
/// as they are, since a text may well be digits.
fn unwrap_twice_encoded(json: &mut String) {
    let Ok(inner) = serde_json::from_str::<String>(json) else { return };
    if inner.trim_start().starts_with(['"', '[', '{'])
        && serde_json::from_str::<serde::de::IgnoredAny>(&inner).is_ok()
    {
        *json = inner;
    }
}
