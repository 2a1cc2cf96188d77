//! Spans and values as OpenTelemetry sends them.

use crate::{Fields, InvalidParameter, WireEnum, python};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::collections::HashMap;

/// A value of OpenTelemetry.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyValue {
    /// None of the others.
    Absent,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<AnyValue>),
    /// Names with values, each name once.
    Map(Vec<(String, AnyValue)>),
}

impl AnyValue {
    /// Writes the value as Python's `json.dumps` does, in which bytes are what Python prints for them.
    fn write(&self, json: &mut String) {
        match self {
            Self::Absent => json.push_str("null"),
            Self::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
            Self::Int(value) => json.push_str(&value.to_string()),
            Self::Double(value) if value.is_nan() => json.push_str("NaN"),
            Self::Double(value) if value.is_infinite() => {
                json.push_str(if *value > 0.0 { "Infinity" } else { "-Infinity" });
            }
            Self::Double(value) => json.push_str(&python::repr_float(*value)),
            Self::Text(text) => write_text(text, json),
            Self::Bytes(bytes) => write_text(&python::repr_bytes(bytes), json),
            Self::List(items) => {
                write_all(items, json, ('[', ']'), Self::write);
            }
            Self::Map(entries) => write_entries(entries, json),
        }
    }

    /// The value as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if let Some(text) = fields.string("string_value")? {
            return Ok(Self::Text(text));
        }
        if let Some(value) = fields.boolean("bool_value")? {
            return Ok(Self::Bool(value));
        }
        if let Some(value) = fields.integer("int_value")? {
            return Ok(Self::Int(value));
        }
        if let Some(value) = fields.number("double_value")? {
            return Ok(Self::Double(value));
        }
        if let Some(mut list) = fields.object("array_value")? {
            return Ok(Self::List(list.objects("values", Self::read)?));
        }
        if let Some(mut map) = fields.object("kvlist_value")? {
            return Ok(Self::Map(distinct(read_attributes(&mut map, "values")?)));
        }
        let bytes = fields.string("bytes_value")?.map(|text| STANDARD.decode(text));
        match bytes {
            None => Ok(Self::Absent),
            Some(Ok(bytes)) => Ok(Self::Bytes(bytes)),
            Some(Err(_)) => Err(InvalidParameter::new("'bytes_value' must be base64.")),
        }
    }
}

impl From<Value> for AnyValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Absent,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Int(integer),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(entries) => {
                Self::Map(entries.into_iter().map(|(key, value)| (key, value.into())).collect())
            }
        }
    }
}

/// Names with values, as they come: of a name that occurs again, the last value counts.
pub type Attributes = Vec<(String, AnyValue)>;

/// The attributes with each name once, where it stands first.
#[must_use]
pub fn distinct<T>(attributes: Vec<(String, T)>) -> Vec<(String, T)> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(attributes.len());
    let mut kept: Vec<(String, T)> = Vec::with_capacity(attributes.len());
    for (key, value) in attributes {
        if let Some(place) = places.get(&key) {
            kept[*place].1 = value;
            continue;
        }
        places.insert(key.clone(), kept.len());
        kept.push((key, value));
    }
    kept
}

/// Gives an attribute a value, whether it is there or not.
pub(crate) fn set<T>(attributes: &mut Vec<(String, T)>, key: String, value: T) {
    match attributes.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) => *known = value,
        None => attributes.push((key, value)),
    }
}

fn read_attributes(fields: &mut Fields, name: &str) -> Result<Attributes, InvalidParameter> {
    fields.objects(name, |pair| {
        let key = pair.string("key")?.unwrap_or_default();
        let value = match pair.object("value")? {
            Some(mut value) => AnyValue::read(&mut value)?,
            None => AnyValue::Absent,
        };
        Ok((key, value))
    })
}

fn write_text(text: &str, json: &mut String) {
    // Texts are always written.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn write_all<T>(
    items: &[T],
    json: &mut String,
    (open, close): (char, char),
    write: impl Fn(&T, &mut String),
) {
    json.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push_str(", ");
        }
        write(item, json);
    }
    json.push(close);
}

fn write_entries(entries: &[(String, AnyValue)], json: &mut String) {
    write_all(entries, json, ('{', '}'), |(key, value), json| {
        write_text(key, json);
        json.push_str(": ");
        value.write(json);
    });
}

/// A span as OpenTelemetry sends it.
#[derive(Debug, Clone, Default)]
pub struct OtelSpan {
    /// The id of its trace, at most 16 bytes that count.
    pub trace_id: Vec<u8>,
    /// Its id, at most 8 bytes that count.
    pub span_id: Vec<u8>,
    /// The id of the span that it is a part of; empty for a root.
    pub parent_span_id: Vec<u8>,
    /// Its name.
    pub name: String,
    /// When it started, in nanoseconds.
    pub start_ns: u64,
    /// When it ended, in nanoseconds; 0 while it has not.
    pub end_ns: u64,
    /// What is known of it.
    pub attributes: Attributes,
    /// What happened while it lasted.
    pub events: Vec<OtelEvent>,
    /// Other spans that it has to do with.
    pub links: Vec<OtelLink>,
    /// How it ended.
    pub status: SpanStatus,
    /// More about an error.
    pub status_message: String,
}

/// What happened while a span lasted.
#[derive(Debug, Clone, Default)]
pub struct OtelEvent {
    /// When, in nanoseconds.
    pub time_ns: u64,
    /// What.
    pub name: String,
    /// More about it.
    pub attributes: Attributes,
}

/// Another span that a span has to do with.
#[derive(Debug, Clone, Default)]
pub struct OtelLink {
    /// The id of its trace.
    pub trace_id: Vec<u8>,
    /// Its id.
    pub span_id: Vec<u8>,
    /// More about it.
    pub attributes: Attributes,
}

/// The spans of one resource.
#[derive(Debug, Clone, Default)]
pub struct ResourceSpans {
    /// What sent them.
    pub resource: Attributes,
    /// The spans.
    pub spans: Vec<OtelSpan>,
}

impl ResourceSpans {
    /// Reads the JSON of an export: ids are hexadecimal, as OpenTelemetry wants them.
    pub fn read_all(fields: &mut Fields) -> Result<Vec<Self>, InvalidParameter> {
        fields.objects("resource_spans", |group| {
            let resource = match group.object("resource")? {
                Some(mut resource) => read_attributes(&mut resource, "attributes")?,
                None => Attributes::new(),
            };
            let scopes =
                group.objects("scope_spans", |scope| scope.objects("spans", OtelSpan::read))?;
            Ok(Self { resource, spans: scopes.into_iter().flatten().collect() })
        })
    }
}

impl OtelSpan {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let mut status = fields.object("status")?;
        let mut code = SpanStatus::Unset;
        let mut status_message = String::new();
        if let Some(status) = &mut status {
            code = status.known_enumeration("code")?;
            status_message = status.string("message")?.unwrap_or_default();
        }
        Ok(Self {
            trace_id: fields.hex("trace_id")?,
            span_id: fields.hex("span_id")?,
            parent_span_id: fields.hex("parent_span_id")?,
            name: fields.string("name")?.unwrap_or_default(),
            start_ns: fields.nanoseconds("start_time_unix_nano")?,
            end_ns: fields.nanoseconds("end_time_unix_nano")?,
            attributes: read_attributes(fields, "attributes")?,
            events: fields.objects("events", |event| {
                Ok(OtelEvent {
                    time_ns: event.nanoseconds("time_unix_nano")?,
                    name: event.string("name")?.unwrap_or_default(),
                    attributes: read_attributes(event, "attributes")?,
                })
            })?,
            // Unlike those of spans, these ids are read as protobuf's JSON has them.
            links: fields.objects("links", |link| {
                Ok(OtelLink {
                    trace_id: link.base64("trace_id")?,
                    span_id: link.base64("span_id")?,
                    attributes: read_attributes(link, "attributes")?,
                })
            })?,
            status: code,
            status_message,
        })
    }
}

impl Fields {
    fn hex(&mut self, name: &str) -> Result<Vec<u8>, InvalidParameter> {
        let text = self.string(name)?.unwrap_or_default();
        python::unhex(&text)
            .ok_or_else(|| InvalidParameter::new(format!("'{name}' must be hexadecimal.")))
    }

    fn base64(&mut self, name: &str) -> Result<Vec<u8>, InvalidParameter> {
        let text = self.string(name)?.unwrap_or_default();
        let bytes = STANDARD.decode(text);
        bytes.map_err(|_| InvalidParameter::new(format!("'{name}' must be base64.")))
    }

    fn nanoseconds(&mut self, name: &str) -> Result<u64, InvalidParameter> {
        let given = self.integer(name)?.unwrap_or_default();
        u64::try_from(given)
            .map_err(|_| InvalidParameter::new(format!("'{name}' must not be negative.")))
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpanStatus {
    /// Not said.
    #[default]
    Unset,
    /// Well.
    Ok,
    /// It failed.
    Error,
}

impl WireEnum for SpanStatus {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::Unset, 0, "STATUS_CODE_UNSET"),
        (Self::Ok, 1, "STATUS_CODE_OK"),
        (Self::Error, 2, "STATUS_CODE_ERROR"),
    ];
}

impl SpanStatus {
    /// How the database names it.
    #[must_use]
    pub fn stored(self) -> &'static str {
        match self {
            Self::Unset => "UNSET",
            Self::Ok => "OK",
            Self::Error => "ERROR",
        }
    }
}
