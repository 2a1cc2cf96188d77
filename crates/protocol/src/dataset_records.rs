//! Records of evaluation datasets.

use crate::{
    Fields, InvalidParameter, check_length,
    evaluation_datasets::user_in,
    limits,
    python::{self, is_truthy},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Where records come from.
const SOURCE_TYPES: [&str; 5] = ["UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE"];

/// A record that a request brings.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// What a model is given.
    pub inputs: Map<String, Value>,
    /// What it answered; `None` when the request does not say.
    pub outputs: Option<Value>,
    /// What it should answer.
    pub expectations: Option<Map<String, Value>>,
    /// Its tags.
    pub tags: Map<String, Value>,
    /// Where it comes from.
    pub source: Option<RecordSource>,
    /// Who brings it.
    pub user: Option<String>,
}

impl NewRecord {
    /// Reads a JSON list of records.
    pub(crate) fn read_all(text: &str) -> Result<Vec<Self>, InvalidParameter> {
        let Value::Array(items) = python::loads("records", text)? else {
            return Err(InvalidParameter::new("records must be a JSON list."));
        };
        let records = items.into_iter().enumerate().map(|(index, item)| match item {
            Value::Object(entries) => Self::read(index, entries),
            other => Err(InvalidParameter::wrong_type(&format!("records[{index}]"), &other)),
        });
        records.collect()
    }

    fn read(index: usize, mut entries: Map<String, Value>) -> Result<Self, InvalidParameter> {
        let label = |name: &str| format!("records[{index}].{name}");
        let mut object = |name: &str| match entries.shift_remove(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) if name != "inputs" && !is_truthy(&other) => Ok(None),
            Some(other) => Err(InvalidParameter::wrong_type(&label(name), &other)),
        };
        let inputs = object("inputs")?.unwrap_or_default();
        let expectations = object("expectations")?;
        let tags = object("tags")?.unwrap_or_default();
        let source = object("source")?.filter(|source| !source.is_empty());
        Ok(Self {
            inputs,
            outputs: entries.shift_remove("outputs"),
            expectations,
            user: user_in(&tags)?,
            tags,
            source: source
                .map(|source| RecordSource::read(&label("source"), source))
                .transpose()?,
        })
    }
}

/// Where a record comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordSource {
    /// One of a few names.
    pub source_type: &'static str,
    /// What names it.
    pub source_id: Option<String>,
    /// All that is known of it, with its type.
    pub object: Value,
}

impl RecordSource {
    fn read(label: &str, mut entries: Map<String, Value>) -> Result<Self, InvalidParameter> {
        let given = entries.shift_remove("source_type");
        let data = entries.shift_remove("source_data");
        if let Some(unknown) = entries.keys().next() {
            return Err(InvalidParameter::new(format!(
                "'{label}' has a key '{unknown}'; its keys are source_type and source_data."
            )));
        }
        let source_type = match given {
            Some(Value::String(text)) => known_type(&text)?,
            Some(other) => {
                return Err(InvalidParameter::wrong_type(&format!("{label}.source_type"), &other));
            }
            None => return Err(InvalidParameter::missing(&format!("{label}.source_type"))),
        };
        let data = match data {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(data)) => data,
            Some(other) => {
                return Err(InvalidParameter::wrong_type(&format!("{label}.source_data"), &other));
            }
        };
        let named_by = if source_type == "TRACE" { "trace_id" } else { "source_id" };
        let source_id = match data.get(named_by) {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => {
                check_length(&format!("{label}.source_data.{named_by}"), id, limits::SOURCE_ID)?;
                Some(id.clone())
            }
            Some(other) => {
                let label = format!("{label}.source_data.{named_by}");
                return Err(InvalidParameter::wrong_type(&label, other));
            }
        };
        let object = json!({"source_type": source_type, "source_data": data});
        Ok(Self { source_type, source_id, object })
    }
}

fn known_type(text: &str) -> Result<&'static str, InvalidParameter> {
    let upper = text.to_uppercase();
    let known = SOURCE_TYPES.into_iter().find(|known| *known == upper);
    known.ok_or_else(|| {
        InvalidParameter::new(format!(
            "Invalid dataset record source type: {upper}. Valid source types: {}",
            python::repr_list(&SOURCE_TYPES)
        ))
    })
}

/// A record as it is read: a member of the JSON list in an answer.
#[derive(Debug, Serialize)]
pub struct DatasetRecord {
    /// Its id: `dr-` and 32 hexadecimal digits.
    pub dataset_record_id: String,
    /// Its dataset.
    pub dataset_id: String,
    /// What a model is given.
    pub inputs: Value,
    /// What it should answer.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub expectations: Value,
    /// Its tags.
    pub tags: Value,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub source: Value,
    /// What names its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The type of its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// When it was made, in milliseconds.
    pub created_time: i64,
    /// When it was changed last, in milliseconds.
    pub last_update_time: i64,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Who changed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated_by: Option<String>,
    /// What a model answered.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub outputs: Value,
}

/// Where a page of records starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordCursor {
    /// After so many.
    Offset(u64),
    /// After the one with this time and id.
    After(i64, String),
}

impl RecordCursor {
    /// Reads `page_token`: base64 of `time:id`, or a number.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let token = fields.string("page_token")?.unwrap_or_default();
        if token.is_empty() {
            return Ok(Self::Offset(0));
        }
        let decoded = STANDARD.decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let cursor = decoded.as_deref().and_then(|text| text.split_once(':'));
        if let Some((time, id)) = cursor
            && let Ok(time) = time.parse()
            && !id.contains('\0')
        {
            return Ok(Self::After(time, id.to_owned()));
        }
        let offset = token.parse().ok().filter(|offset| i64::try_from(*offset).is_ok());
        offset.map(Self::Offset).ok_or_else(|| {
            InvalidParameter::new(format!(
                "Invalid page token, '{token}' is none of this server's."
            ))
        })
    }
}

impl Serialize for RecordCursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Offset(offset) => serializer.collect_str(offset),
            Self::After(time, id) => {
                serializer.serialize_str(&STANDARD.encode(format!("{time}:{id}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_starts_behind_a_time_and_an_id_or_a_number() {
        let read = |token: &str| {
            let json = json!({ "page_token": token }).to_string();
            RecordCursor::read(&mut Fields::from_json(json.as_bytes()).unwrap())
        };
        let cursor = RecordCursor::After(5, "dr-1".to_owned());
        let token = serde_json::to_value(&cursor).unwrap();
        assert_eq!(read(token.as_str().unwrap()).unwrap(), cursor);
        assert_eq!(read("12").unwrap(), RecordCursor::Offset(12));
        assert_eq!(read("").unwrap(), RecordCursor::Offset(0));
        assert!(read("abc").is_err());
        assert!(read("-1").is_err());
    }

    #[test]
    fn sources_are_named_by_their_type() {
        let read = |text: &str| NewRecord::read_all(text).map(|mut records| records.remove(0));
        let record =
            read(r#"[{"source": {"source_type": "trace", "source_data": {"trace_id": "t"}}}]"#);
        let source = record.unwrap().source.unwrap();
        assert_eq!((source.source_type, source.source_id.as_deref()), ("TRACE", Some("t")));
        for refused in [
            r#"[{"source": {"source_type": "x"}}]"#,
            r#"[{"source": {"source_data": {}}}]"#,
            r#"[{"source": {"source_type": "HUMAN", "x": 1}}]"#,
            r#"[{"inputs": null}]"#,
            "[1]",
            "{}",
        ] {
            assert!(read(refused).is_err(), "{refused}");
        }
    }
}
