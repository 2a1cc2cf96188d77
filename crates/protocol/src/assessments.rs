//! Assessments of traces: feedback, expectations, and references to issues.

use crate::{
    DecodeRequest, Fields, InvalidParameter, WireEnum, check_length, judgements::Judgement, limits,
    times,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The key of the metadata that names the run which made an assessment.
const SOURCE_RUN: &str = "mlflow.assessment.sourceRunId";
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
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AssessmentSource {
    /// The name of a [`SourceType`].
    pub source_type: String,
    /// Who, or which model or program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
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
#[derive(Debug, JsonSchema, Serialize)]
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
