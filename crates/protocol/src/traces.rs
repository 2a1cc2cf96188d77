//! Traces: what is known of each, and the requests of version 3 of their API.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, PageToken, WireEnum,
    assessments::{Assessment, NewAssessment},
    check_length, check_name, limits, paging, times, truncate,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::collections::BTreeMap;

/// The tag that holds a trace's name, which has a column of its own.
pub const NAME_TAG: &str = "mlflow.traceName";
/// The tag that says below which URI a trace's files lie.
pub const ARTIFACT_LOCATION_TAG: &str = "mlflow.artifactLocation";
/// The tag that says where a trace's spans are.
pub const SPANS_LOCATION_TAG: &str = "mlflow.trace.spansLocation";
/// The metadata that holds a trace's session, which has a column of its own.
pub const SESSION_METADATA: &str = "mlflow.trace.session";
/// The metadata that holds a trace's tokens, which have columns of their own.
pub const TOKENS_METADATA: &str = "mlflow.trace.tokenUsage";
/// The metadata that holds a trace's cost, which has columns of its own.
pub const COST_METADATA: &str = "mlflow.trace.cost";
/// The metadata that tells that a client has said all it knows of a trace.
pub const FINALIZED_METADATA: &str = "mlflow.trace.infoFinalized";
/// The metadata that holds how many spans a trace has.
pub const SIZE_METADATA: &str = "mlflow.trace.sizeStats";
/// The metadata that holds the user of a trace.
pub const USER_METADATA: &str = "mlflow.trace.user";

/// Where a trace is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TraceState {
    /// Not said.
    #[default]
    Unspecified,
    /// It ended well.
    Ok,
    /// It failed.
    Error,
    /// It has not ended.
    InProgress,
}

impl WireEnum for TraceState {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::Unspecified, 0, "STATE_UNSPECIFIED"),
        (Self::Ok, 1, "OK"),
        (Self::Error, 2, "ERROR"),
        (Self::InProgress, 3, "IN_PROGRESS"),
    ];
}

/// What is known of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceInfo {
    /// Its id.
    pub trace_id: String,
    /// The id that the client gave.
    pub client_request_id: Option<String>,
    /// The experiment that it belongs to.
    pub experiment_id: ExperimentId,
    /// When it started, in milliseconds.
    pub request_time_ms: i64,
    /// How long it took, in milliseconds.
    pub execution_duration_ms: Option<i64>,
    /// Where it is on its way.
    pub state: TraceState,
    /// What the client knows of it.
    pub metadata: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The start of what was asked.
    pub request_preview: Option<String>,
    /// The start of what was answered.
    pub response_preview: Option<String>,
    /// What was judged of it.
    pub assessments: Vec<Assessment>,
}

/// Where a trace lies, as messages say it.
#[derive(Debug, JsonSchema, Serialize)]
struct Location {
    r#type: &'static str,
    mlflow_experiment: InExperiment,
}

#[derive(Debug, JsonSchema, Serialize)]
struct InExperiment {
    experiment_id: ExperimentId,
}

impl Serialize for TraceInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_struct("TraceInfo", 11)?;
        message.serialize_field("trace_id", &self.trace_id)?;
        if let Some(id) = &self.client_request_id {
            message.serialize_field("client_request_id", id)?;
        }
        let mlflow_experiment = InExperiment { experiment_id: self.experiment_id };
        let location = Location { r#type: "MLFLOW_EXPERIMENT", mlflow_experiment };
        message.serialize_field("trace_location", &location)?;
        message.serialize_field("request_time", &times::time(self.request_time_ms))?;
        if let Some(duration) = self.execution_duration_ms {
            message.serialize_field("execution_duration", &times::duration(duration))?;
        }
        message.serialize_field("state", self.state.name())?;
        if !self.metadata.is_empty() {
            message.serialize_field("trace_metadata", &self.shown_metadata())?;
        }
        if !self.assessments.is_empty() {
            message.serialize_field("assessments", &self.assessments)?;
        }
        if !self.tags.is_empty() {
            message.serialize_field("tags", &self.shown_tags())?;
        }
        if let Some(preview) = &self.request_preview {
            message.serialize_field("request_preview", preview)?;
        }
        if let Some(preview) = &self.response_preview {
            message.serialize_field("response_preview", preview)?;
        }
        message.end()
    }
}

impl TraceInfo {
    /// The metadata as answers have it, with long keys and values cut.
    #[must_use]
    pub fn shown_metadata(&self) -> BTreeMap<&str, &str> {
        shown(&self.metadata, limits::TRACE_METADATA_SHOWN)
    }

    /// The tags as answers have them, with long keys and values cut.
    #[must_use]
    pub fn shown_tags(&self) -> BTreeMap<&str, &str> {
        shown(&self.tags, limits::TRACE_TAG_SHOWN)
    }
}

fn shown(pairs: &BTreeMap<String, String>, limit: usize) -> BTreeMap<&str, &str> {
    pairs.iter().map(|(key, value)| (start_of(key, limits::KEY), start_of(value, limit))).collect()
}

/// The first characters of a text.
fn start_of(text: &str, limit: usize) -> &str {
    text.char_indices().nth(limit).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// A trace's id, which a request must name.
fn trace_id(fields: &mut Fields) -> Result<String, InvalidParameter> {
    let id = fields.required_string("trace_id")?;
    check_length(&fields.label("trace_id"), &id, limits::TRACE_ID)?;
    Ok(id)
}

/// `POST …/traces`.
#[derive(Debug)]
pub struct StartTrace {
    /// What the client knows of it, but for assessments.
    pub info: TraceInfo,
    /// What the client judges of it.
    pub assessments: Vec<NewAssessment>,
}

impl DecodeRequest for StartTrace {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let mut trace =
            fields.object("trace")?.ok_or_else(|| InvalidParameter::missing("trace"))?;
        let missing = || InvalidParameter::missing("trace.trace_info");
        let mut info = trace.object("trace_info")?.ok_or_else(missing)?;
        let assessments = info.objects("assessments", NewAssessment::read)?;
        Ok(Self { info: TraceInfo::read(&mut info)?, assessments })
    }
}

impl TraceInfo {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = experiment_of(fields)?;
        let mut info = Self {
            trace_id: trace_id(fields)?,
            client_request_id: fields.string("client_request_id")?,
            experiment_id,
            request_time_ms: fields.time("request_time")?.unwrap_or_default(),
            execution_duration_ms: fields.duration("execution_duration")?,
            state: fields.known_enumeration("state")?,
            metadata: fields.texts("trace_metadata")?,
            tags: fields.texts("tags")?,
            request_preview: fields.string("request_preview")?,
            response_preview: fields.string("response_preview")?,
            assessments: Vec::new(),
        };
        if let Some(id) = &info.client_request_id {
            let label = fields.label("client_request_id");
            check_length(&label, id, limits::TRACE_CLIENT_REQUEST_ID)?;
        }
        for preview in [&mut info.request_preview, &mut info.response_preview].into_iter().flatten()
        {
            cut_preview(preview);
        }
        check_pairs(&mut info.tags, &mut info.metadata)?;
        Ok(info)
    }
}

/// Checks the names and values of a trace's tags and metadata, and cuts those that may be cut.
pub(crate) fn check_pairs(
    tags: &mut BTreeMap<String, String>,
    metadata: &mut BTreeMap<String, String>,
) -> Result<(), InvalidParameter> {
    if let Some(name) = tags.get(NAME_TAG) {
        check_length("Trace name", name, limits::TRACE_NAME)?;
    }
    if let Some(session) = metadata.get(SESSION_METADATA) {
        check_length("Session ID", session, limits::TRACE_SESSION)?;
    }
    for (key, value) in tags.iter_mut().chain(metadata) {
        check_length("key", key, limits::KEY)?;
        truncate(value, limits::TRACE_TAG_VALUE);
    }
    Ok(())
}

/// Cuts a preview that is too long for its column, and shows that it is cut.
pub fn cut_preview(preview: &mut String) {
    if preview.chars().nth(limits::TRACE_PREVIEW).is_some() {
        truncate(preview, limits::TRACE_PREVIEW - 3);
        preview.push_str("...");
    }
}

/// The experiment that a trace's location names.
fn experiment_of(fields: &mut Fields) -> Result<ExperimentId, InvalidParameter> {
    let missing = || {
        InvalidParameter::missing("trace.trace_info.trace_location.mlflow_experiment.experiment_id")
    };
    let mut location = fields.object("trace_location")?.ok_or_else(missing)?;
    let kind = location.string("type")?;
    let mut experiment = location.object("mlflow_experiment")?.ok_or_else(missing)?;
    let id = experiment.string("experiment_id")?.unwrap_or_default();
    if kind.as_deref() != Some("MLFLOW_EXPERIMENT") {
        let kind = kind.as_deref().unwrap_or("TRACE_LOCATION_TYPE_UNSPECIFIED");
        return Err(InvalidParameter::new(format!(
            "Trace location type TraceLocationType.{kind} does not match the provided location \
             MlflowExperimentLocation(experiment_id={}).",
            crate::python::repr_str(&id)
        )));
    }
    ExperimentId::parse(&id)
}

/// The answer to [`StartTrace`] and [`GetTraceInfo`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct TraceInfoResponse {
    trace: OnlyInfo,
}

#[derive(Debug, JsonSchema, Serialize)]
struct OnlyInfo {
    trace_info: TraceInfo,
}

impl From<TraceInfo> for TraceInfoResponse {
    fn from(trace_info: TraceInfo) -> Self {
        Self { trace: OnlyInfo { trace_info } }
    }
}

/// `GET …/traces/{trace_id}`.
#[derive(Debug)]
pub struct GetTraceInfo {
    /// The trace.
    pub trace_id: String,
}

impl DecodeRequest for GetTraceInfo {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { trace_id: fields.required_string("trace_id")? })
    }
}

/// `POST …/traces/search`.
#[derive(Debug)]
pub struct SearchTraces {
    /// The experiments that are searched.
    pub experiment_ids: Vec<ExperimentId>,
    /// What the traces must fulfil.
    pub filter: String,
    /// Traces at most.
    pub max_results: u64,
    /// In which order they come.
    pub order_by: Vec<String>,
    /// Where to start.
    pub page_token: PageToken,
}

impl DecodeRequest for SearchTraces {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("locations") {
            return Err(InvalidParameter::missing("locations"));
        }
        let locations = fields.objects("locations", |location| {
            let Some(mut experiment) = location.object("mlflow_experiment")? else {
                return Ok(None);
            };
            Ok(Some(experiment.string("experiment_id")?.unwrap_or_default()))
        })?;
        let ids: Vec<String> = locations.into_iter().flatten().collect();
        let experiment_ids = ExperimentId::parse_list(&ids)?;
        Self::page(fields, experiment_ids)
    }
}

impl SearchTraces {
    /// Reads what is the same in all versions of the search.
    pub(crate) fn page(
        fields: &mut Fields,
        experiment_ids: Vec<ExperimentId>,
    ) -> Result<Self, InvalidParameter> {
        let filter = fields.string("filter")?.unwrap_or_default();
        let given = fields.integer("max_results")?.unwrap_or(limits::SEARCH_TRACES_DEFAULT_RESULTS);
        if given > limits::SEARCH_TRACES_RESULTS {
            return Err(InvalidParameter::wrong_type("max_results", &given.into()));
        }
        let order_by = fields.strings("order_by")?;
        let max_results = paging::positive(given, "")?;
        let page_token = PageToken::read(fields)?;
        Ok(Self { experiment_ids, filter, max_results, order_by, page_token })
    }
}

/// The answer to [`SearchTraces`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchTracesResponse {
    /// The traces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<TraceInfo>,
    /// Present when there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<PageToken>,
}

/// A tag as the store keeps it: a name and a value that is cut where it is too long.
pub fn checked_tag(key: String, mut value: String) -> Result<(String, String), InvalidParameter> {
    check_name("key", &key)?;
    check_length("key", &key, limits::KEY)?;
    truncate(&mut value, limits::TRACE_TAG_VALUE);
    if key == NAME_TAG {
        check_length("Trace name", &value, limits::TRACE_NAME)?;
    }
    Ok((key, value))
}

/// `GET …/traces/get`.
#[derive(Debug)]
pub struct GetTrace {
    /// The trace.
    pub trace_id: String,
    /// Whether it is also wanted while some of its spans are on their way.
    pub allow_partial: bool,
}

impl DecodeRequest for GetTrace {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = fields.required_string("trace_id")?;
        let allow_partial = fields.boolean("allow_partial")?.unwrap_or_default();
        Ok(Self { trace_id, allow_partial })
    }
}

/// `GET …/traces/batchGet` and `POST …/traces/batchGetInfos`.
#[derive(Debug)]
pub struct BatchGetTraces {
    /// The traces, each once.
    pub trace_ids: Vec<String>,
    /// The experiments that they must be in; absent, any.
    pub experiment_ids: Option<Vec<ExperimentId>>,
}

impl DecodeRequest for BatchGetTraces {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("trace_ids") {
            return Err(InvalidParameter::missing("trace_ids"));
        }
        let mut trace_ids: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for id in fields.strings("trace_ids")? {
            if seen.insert(id.clone()) {
                trace_ids.push(id);
            }
        }
        let is_scoped = fields.has("experiment_ids");
        let experiment_ids = fields.experiment_ids()?;
        Ok(Self { trace_ids, experiment_ids: is_scoped.then_some(experiment_ids) })
    }
}

/// The answer to a request for what is known of several traces.
#[derive(Debug, JsonSchema, Serialize)]
pub struct BatchGetTraceInfosResponse {
    /// Those that are there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace_infos: Vec<TraceInfo>,
}
