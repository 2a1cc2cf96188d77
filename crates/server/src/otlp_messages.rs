//! The messages of an OTLP export, as far as MLflow keeps what they say:
//! <https://github.com/open-telemetry/opentelemetry-proto>.

use mlferry_protocol::{WireEnum, otel};
use prost::{Message, Oneof};

/// `ExportTraceServiceRequest`.
#[derive(Message)]
pub(crate) struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanMessage>,
}

#[derive(Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Message)]
struct AnyValue {
    #[prost(oneof = "Any", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<Any>,
}

#[derive(Oneof)]
enum Any {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(ArrayValue),
    #[prost(message, tag = "6")]
    Map(KeyValueList),
    #[prost(bytes, tag = "7")]
    Bytes(Vec<u8>),
}

#[derive(Message)]
struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Message)]
struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}

#[derive(Message)]
struct SpanMessage {
    #[prost(bytes, tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes, tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes, tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
    #[prost(message, repeated, tag = "13")]
    links: Vec<Link>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Message)]
struct Event {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<KeyValue>,
}

#[derive(Message)]
struct Link {
    #[prost(bytes, tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes, tag = "2")]
    span_id: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    attributes: Vec<KeyValue>,
}

#[derive(Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

impl Export {
    /// What was sent, whatever its encoding was.
    pub(crate) fn into_groups(self) -> Vec<otel::ResourceSpans> {
        let group = |group: ResourceSpans| otel::ResourceSpans {
            resource: attributes(group.resource.map(|each| each.attributes).unwrap_or_default()),
            spans: group.scope_spans.into_iter().flat_map(|each| each.spans).map(span).collect(),
        };
        self.resource_spans.into_iter().map(group).collect()
    }
}

fn span(span: SpanMessage) -> otel::OtelSpan {
    let status = span.status.unwrap_or_default();
    let event = |event: Event| otel::OtelEvent {
        time_ns: event.time_unix_nano,
        name: event.name,
        attributes: attributes(event.attributes),
    };
    let link = |link: Link| otel::OtelLink {
        trace_id: link.trace_id,
        span_id: link.span_id,
        attributes: attributes(link.attributes),
    };
    otel::OtelSpan {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_span_id: span.parent_span_id,
        name: span.name,
        start_ns: span.start_time_unix_nano,
        end_ns: span.end_time_unix_nano,
        attributes: attributes(span.attributes),
        events: span.events.into_iter().map(event).collect(),
        links: span.links.into_iter().map(link).collect(),
        status: otel::SpanStatus::from_number(status.code.into()).unwrap_or_default(),
        status_message: status.message,
    }
}

fn attributes(pairs: Vec<KeyValue>) -> otel::Attributes {
    pairs.into_iter().map(|pair| (pair.key, value(pair.value.unwrap_or_default()))).collect()
}

fn value(any: AnyValue) -> otel::AnyValue {
    match any.value {
        None => otel::AnyValue::Absent,
        Some(Any::Text(text)) => otel::AnyValue::Text(text),
        Some(Any::Bool(value)) => otel::AnyValue::Bool(value),
        Some(Any::Int(value)) => otel::AnyValue::Int(value),
        Some(Any::Double(value)) => otel::AnyValue::Double(value),
        Some(Any::Bytes(bytes)) => otel::AnyValue::Bytes(bytes),
        Some(Any::List(list)) => otel::AnyValue::List(list.values.into_iter().map(value).collect()),
        Some(Any::Map(map)) => otel::AnyValue::Map(otel::distinct(attributes(map.values))),
    }
}
