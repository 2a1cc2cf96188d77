//! What assessments say: feedback, expectations, and references to issues.

use crate::{Fields, InvalidParameter, python};
use serde_json::{Map, Value, json};

/// The only way in which expectations are serialized.
const JSON_FORMAT: &str = "JSON_FORMAT";
/// Characters of a stack trace in an answer; what comes before the last ones is cut.
const STACK_TRACE_SHOWN: usize = 10_000;
const STACK_TRACE_CUT: &str = "[Stack trace is truncated]\n...\n";

/// Why there is no feedback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssessmentError {
    /// A short name.
    pub error_code: String,
    /// What happened.
    pub error_message: Option<String>,
    /// Where it happened.
    pub stack_trace: Option<String>,
}

impl AssessmentError {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self {
            error_code: fields.string("error_code")?.unwrap_or_default(),
            error_message: fields.string("error_message")?.filter(|text| !text.is_empty()),
            stack_trace: fields.string("stack_trace")?.filter(|text| !text.is_empty()),
        })
    }

    /// The text that is kept.
    #[must_use]
    pub fn stored(&self) -> String {
        python::dumps(&json!({
            "error_code": self.error_code,
            "error_message": self.error_message,
            "stack_trace": self.stack_trace,
        }))
    }

    /// Reads the text that is kept.
    #[must_use]
    pub fn of_stored(text: &str) -> Option<Self> {
        let kept: Map<String, Value> = serde_json::from_str(text).ok()?;
        let text = |key: &str| kept.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Self {
            error_code: text("error_code").unwrap_or_default(),
            error_message: text("error_message"),
            stack_trace: text("stack_trace"),
        })
    }

    fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("error_code".to_owned(), self.error_code.clone().into());
        let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(message) = present(&self.error_message) {
            shown.insert("error_message".to_owned(), message.into());
        }
        if let Some(stack_trace) = present(&self.stack_trace) {
            shown.insert("stack_trace".to_owned(), last_of(stack_trace).into());
        }
        Value::Object(shown)
    }
}

/// A stack trace without what is too much for an answer.
fn last_of(stack_trace: String) -> String {
    let length = stack_trace.chars().count();
    if length <= STACK_TRACE_SHOWN {
        return stack_trace;
    }
    let kept = STACK_TRACE_SHOWN - STACK_TRACE_CUT.len();
    let kept: String = stack_trace.chars().skip(length - kept).collect();
    format!("{STACK_TRACE_CUT}{kept}")
}

/// What an assessment says.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// How good something is.
    Feedback {
        /// Any JSON value.
        value: Value,
        /// Why there is none.
        error: Option<AssessmentError>,
    },
    /// What should have come out: any JSON value but null.
    Expectation(Value),
    /// The name of an issue, whose id is the assessment's name.
    Issue(String),
}

impl Judgement {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let feedback = fields.object("feedback")?;
        let expectation = fields.object("expectation")?;
        let issue = fields.object("issue")?;
        match (feedback, expectation, issue) {
            (Some(feedback), None, None) => Self::read_feedback(feedback),
            (None, Some(expectation), None) => Self::read_expectation(expectation),
            (None, None, Some(mut issue)) => {
                Ok(Self::Issue(issue.string("issue_name")?.unwrap_or_default()))
            }
            (None, None, None) => Err(InvalidParameter::new("Unknown assessment type: None")),
            _ => Err(InvalidParameter::new(
                "Exactly one of `expectation`, `feedback`, or `issue` should be specified.",
            )),
        }
    }

    pub(crate) fn read_feedback(mut fields: Fields) -> Result<Self, InvalidParameter> {
        let value = doubles(fields.json("value")?);
        let error = fields.object("error")?;
        let error = error.map(|mut error| AssessmentError::read(&mut error)).transpose()?;
        Ok(Self::Feedback { value, error })
    }

    pub(crate) fn read_expectation(mut fields: Fields) -> Result<Self, InvalidParameter> {
        let value = match fields.object("serialized_value")? {
            None => doubles(fields.json("value")?),
            Some(mut serialized) => {
                let format = serialized.string("serialization_format")?.unwrap_or_default();
                if format != JSON_FORMAT {
                    return Err(InvalidParameter::new(format!(
                        "Unknown serialization format: {format}. Only JSON_FORMAT is supported."
                    )));
                }
                let label = serialized.label("value");
                python::loads(&label, &serialized.string("value")?.unwrap_or_default())?
            }
        };
        if value.is_null() {
            return Err(InvalidParameter::new("The `value` field must be specified."));
        }
        Ok(Self::Expectation(value))
    }

    /// The name of its kind in the database.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Feedback { .. } => "feedback",
            Self::Expectation(_) => "expectation",
            Self::Issue(_) => "issue",
        }
    }

    /// The value that is kept.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Feedback { value, .. } | Self::Expectation(value) => value.clone(),
            Self::Issue(issue_name) => json!({ "issue_name": issue_name }),
        }
    }

    pub(crate) fn shown(&self) -> Value {
        match self {
            Self::Feedback { value, error } => {
                let mut shown = json!({ "value": doubles(value.clone()) });
                if let Some(error) = error {
                    shown["error"] = error.shown();
                }
                shown
            }
            Self::Expectation(value @ (Value::Array(_) | Value::Object(_))) => json!({
                "serialized_value": {
                    "serialization_format": JSON_FORMAT,
                    "value": python::dumps(value),
                },
            }),
            Self::Expectation(value) => json!({ "value": doubles(value.clone()) }),
            Self::Issue(issue_name) => json!({ "issue_name": issue_name }),
        }
    }
}

/// The value with doubles for all numbers, which are protobuf's only ones.
fn doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(doubles).collect(),
        Value::Object(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key, doubles(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_doubles_but_for_serialized_ones() {
        let read =
            |json: &str| Judgement::read(&mut Fields::from_json(json.as_bytes()).unwrap()).unwrap();
        let feedback = read(r#"{"feedback": {"value": {"a": [1, true]}}}"#);
        assert_eq!(python::dumps(&feedback.value()), r#"{"a": [1.0, true]}"#);
        let serialized = r#"{"serialization_format": "JSON_FORMAT", "value": "[1, 2.5]"}"#;
        let expectation =
            read(&format!(r#"{{"expectation": {{"serialized_value": {serialized}}}}}"#));
        assert_eq!(python::dumps(&expectation.value()), "[1, 2.5]");
        assert_eq!(expectation.shown()["serialized_value"]["value"], "[1, 2.5]");
    }

    #[test]
    fn long_stack_traces_lose_their_beginning() {
        let shown = last_of("é".repeat(10_001));
        assert_eq!(shown.chars().count(), 10_000);
        assert!(shown.starts_with(STACK_TRACE_CUT));
        assert_eq!(last_of("x".repeat(10_000)), "x".repeat(10_000));
    }
}
