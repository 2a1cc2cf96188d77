//! Assessments of traces: feedback, expectations, and references to issues.

use crate::{
    DecodeRequest, Fields, InvalidParameter, WireEnum, check_length, limits, python, times,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The key of the metadata that names the run which made an assessment.
const SOURCE_RUN: &str = "mlflow.assessment.sourceRunId";
/// The only way in which expectations are serialized.
const JSON_FORMAT: &str = "JSON_FORMAT";
/// Characters of a stack trace in an answer; what comes before the last ones is cut.
const STACK_TRACE_SHOWN: usize = 10_000;
const STACK_TRACE_CUT: &str = "[Stack trace is truncated]\n...\n";

/// Who or what assesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceType {
    /// Nobody says.
    #[default]
    Unspecified,
    /// A person.
    Human,
    /// A language model.
    LlmJudge,
    /// A program.
    Code,
}

impl WireEnum for SourceType {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::Unspecified, 0, "SOURCE_TYPE_UNSPECIFIED"),
        (Self::Human, 1, "HUMAN"),
        (Self::LlmJudge, 2, "LLM_JUDGE"),
        (Self::Code, 3, "CODE"),
    ];
}

/// Where an assessment comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssessmentSource {
    /// The name of a [`SourceType`].
    pub source_type: String,
    /// Who, or which model or program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
}

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
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
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

    fn read_feedback(mut fields: Fields) -> Result<Self, InvalidParameter> {
        let value = doubles(fields.json("value")?);
        let error = fields.object("error")?;
        let error = error.map(|mut error| AssessmentError::read(&mut error)).transpose()?;
        Ok(Self::Feedback { value, error })
    }

    fn read_expectation(mut fields: Fields) -> Result<Self, InvalidParameter> {
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

    fn shown(&self) -> Value {
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

/// An assessment that a request brings.
#[derive(Debug, Clone)]
pub struct NewAssessment {
    /// The id that the client wants for it.
    pub assessment_id: Option<String>,
    /// Its name.
    pub name: String,
    /// The span that it is about, if not the whole trace.
    pub span_id: Option<String>,
    /// Where it comes from.
    pub source: AssessmentSource,
    /// When it was made, in milliseconds, if not now.
    pub create_time: Option<i64>,
    /// When it was changed last, in milliseconds, if not now.
    pub last_update_time: Option<i64>,
    /// What it says.
    pub judgement: Judgement,
    /// Why.
    pub rationale: Option<String>,
    /// More about it.
    pub metadata: BTreeMap<String, String>,
    /// The assessment that it replaces.
    pub overrides: Option<String>,
}

impl NewAssessment {
    /// Reads an assessment.
    pub fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let assessment_id = short(fields, "assessment_id", limits::ASSESSMENT_ID)?;
        let name = fields.string("assessment_name")?.unwrap_or_default();
        check_length(&fields.label("assessment_name"), &name, limits::KEY)?;
        let span_id = short(fields, "span_id", limits::SPAN_ID)?;
        let source = read_source(fields)?;
        let create_time = fields.time("create_time")?.filter(|time| *time != 0);
        let last_update_time = fields.time("last_update_time")?.filter(|time| *time != 0);
        let judgement = Judgement::read(fields)?;
        let rationale = fields.string("rationale")?.filter(|text| !text.is_empty());
        let metadata = read_metadata(fields)?;
        let overrides = short(fields, "overrides", limits::ASSESSMENT_ID)?;
        let is_expectation = matches!(judgement, Judgement::Expectation(_));
        let is_feedback = matches!(judgement, Judgement::Feedback { .. });
        Ok(Self {
            assessment_id,
            name,
            span_id,
            source,
            create_time,
            last_update_time,
            judgement,
            // The reference has no place for the others.
            rationale: rationale.filter(|_| !is_expectation),
            metadata,
            overrides: overrides.filter(|_| is_feedback),
        })
    }

    /// The run that made it.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.metadata.get(SOURCE_RUN).map(String::as_str)
    }
}

fn short(
    fields: &mut Fields,
    name: &str,
    limit: usize,
) -> Result<Option<String>, InvalidParameter> {
    let text = fields.string(name)?.filter(|text| !text.is_empty());
    if let Some(text) = &text {
        check_length(&fields.label(name), text, limit)?;
    }
    Ok(text)
}

fn read_source(fields: &mut Fields) -> Result<AssessmentSource, InvalidParameter> {
    let source = fields.object("source")?;
    let (kind, source_id) = match source {
        None => (SourceType::Unspecified, None),
        Some(mut source) => {
            let kind: SourceType = source.known_enumeration("source_type")?;
            (kind, short(&mut source, "source_id", limits::ASSESSMENT_SOURCE_ID)?)
        }
    };
    Ok(AssessmentSource { source_type: kind.name().to_owned(), source_id })
}

fn read_metadata(fields: &mut Fields) -> Result<BTreeMap<String, String>, InvalidParameter> {
    let metadata = fields.texts("metadata")?;
    if let Some(run) = metadata.get(SOURCE_RUN) {
        check_length(SOURCE_RUN, run, limits::ASSESSMENT_RUN_ID)?;
    }
    Ok(metadata)
}

/// An assessment.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Its id: `a-` and 32 hexadecimal digits.
    pub assessment_id: String,
    /// Its name.
    pub name: String,
    /// The trace.
    pub trace_id: String,
    /// The span that it is about, if not the whole trace.
    pub span_id: Option<String>,
    /// Where it comes from.
    pub source: AssessmentSource,
    /// When it was made, in milliseconds.
    pub create_time: i64,
    /// When it was changed last, in milliseconds.
    pub last_update_time: i64,
    /// What it says.
    pub judgement: Judgement,
    /// Why.
    pub rationale: Option<String>,
    /// More about it.
    pub metadata: Map<String, Value>,
    /// The assessment that it replaces.
    pub overrides: Option<String>,
    /// Whether no other one replaces it.
    pub valid: bool,
}

impl Serialize for Assessment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("assessment_id", &self.assessment_id)?;
        map.serialize_entry("assessment_name", &self.name)?;
        map.serialize_entry("trace_id", &self.trace_id)?;
        if let Some(span_id) = &self.span_id {
            map.serialize_entry("span_id", span_id)?;
        }
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("create_time", &times::time(self.create_time))?;
        map.serialize_entry("last_update_time", &times::time(self.last_update_time))?;
        map.serialize_entry(self.judgement.kind(), &self.judgement.shown())?;
        if let Some(rationale) = &self.rationale {
            map.serialize_entry("rationale", rationale)?;
        }
        if !self.metadata.is_empty() {
            map.serialize_entry("metadata", &self.metadata)?;
        }
        if let Some(overrides) = self.overrides.as_ref().filter(|id| !id.is_empty()) {
            map.serialize_entry("overrides", overrides)?;
        }
        map.serialize_entry("valid", &self.valid)?;
        map.end()
    }
}

/// `POST …/traces/{trace_id}/assessments`.
#[derive(Debug)]
pub struct CreateAssessment {
    /// The trace.
    pub trace_id: String,
    /// What it gets.
    pub assessment: NewAssessment,
}

impl DecodeRequest for CreateAssessment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = fields.required_string("trace_id")?;
        let missing = InvalidParameter::missing("assessment");
        let mut assessment = fields.object("assessment")?.ok_or(missing)?;
        Ok(Self { trace_id, assessment: NewAssessment::read(&mut assessment)? })
    }
}

/// The answer that holds an assessment.
#[derive(Debug, Serialize)]
pub struct AssessmentResponse {
    /// The assessment.
    pub assessment: Assessment,
}

/// `GET …/traces/{trace_id}/assessments/{assessment_id}`.
#[derive(Debug)]
pub struct GetAssessment {
    /// The trace.
    pub trace_id: String,
    /// The assessment.
    pub assessment_id: String,
}

impl DecodeRequest for GetAssessment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = fields.required_string("trace_id")?;
        Ok(Self { trace_id, assessment_id: fields.required_string("assessment_id")? })
    }
}

/// `DELETE …/traces/{trace_id}/assessments/{assessment_id}`.
#[derive(Debug)]
pub struct DeleteAssessment {
    /// The trace.
    pub trace_id: String,
    /// The assessment.
    pub assessment_id: String,
}

impl DecodeRequest for DeleteAssessment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = fields.required_string("trace_id")?;
        Ok(Self { trace_id, assessment_id: fields.required_string("assessment_id")? })
    }
}

/// `PATCH …/traces/{trace_id}/assessments/{assessment_id}`: only what the mask names changes.
#[derive(Debug, Default)]
pub struct UpdateAssessment {
    /// The trace.
    pub trace_id: String,
    /// The assessment.
    pub assessment_id: String,
    /// Another name.
    pub name: Option<String>,
    /// Another value, of the same kind.
    pub judgement: Option<Judgement>,
    /// Another reason.
    pub rationale: Option<String>,
    /// More metadata.
    pub metadata: BTreeMap<String, String>,
}

impl DecodeRequest for UpdateAssessment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = fields.required_string("trace_id")?;
        let assessment_id = fields.required_string("assessment_id")?;
        let missing = InvalidParameter::missing("assessment");
        let mut given = fields.object("assessment")?.ok_or(missing)?;
        let mask = fields.required_string("update_mask")?;
        let mut update = Self { trace_id, assessment_id, ..Self::default() };
        let mut both = (false, false);
        for path in mask.split(',') {
            match path {
                "assessmentName" | "assessment_name" => {
                    let name = given.string("assessment_name")?.unwrap_or_default();
                    check_length("assessment_name", &name, limits::KEY)?;
                    update.name = Some(name);
                }
                "feedback" => both.0 = true,
                "expectation" => both.1 = true,
                "rationale" => {
                    update.rationale = Some(given.string("rationale")?.unwrap_or_default());
                }
                "metadata" => update.metadata = read_metadata(&mut given)?,
                "valid" => {
                    return Err(InvalidParameter::new(
                        "Whether an assessment is valid can't be set: it follows from the others.",
                    ));
                }
                _ => {}
            }
        }
        update.judgement = match both {
            (false, false) => None,
            (true, true) => {
                return Err(InvalidParameter::new(
                    "Cannot specify both `expectation` and `feedback` parameters.",
                ));
            }
            (true, false) => Some(Judgement::read_feedback(part(&mut given, "feedback")?)?),
            (false, true) => Some(Judgement::read_expectation(part(&mut given, "expectation")?)?),
        };
        Ok(update)
    }
}

/// A part of an assessment; absent, it is empty.
fn part(given: &mut Fields, name: &str) -> Result<Fields, InvalidParameter> {
    match given.object(name)? {
        Some(part) => Ok(part),
        None => Fields::from_json(b""),
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
