//! Traces in version 2 of their API, which old clients speak.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, PageToken, WireEnum,
    tags::Tag,
    traces::{SearchTraces, SearchTracesResponse, TraceInfo, TraceState, check_pairs},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::collections::BTreeMap;

/// What is known of a trace, as version 2 says it.
#[derive(Debug)]
pub struct TraceInfoV2(TraceInfo);

impl From<TraceInfo> for TraceInfoV2 {
    fn from(info: TraceInfo) -> Self {
        Self(info)
    }
}

impl Serialize for TraceInfoV2 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = &self.0;
        let mut message = serializer.serialize_struct("TraceInfo", 7)?;
        message.serialize_field("request_id", &info.trace_id)?;
        message.serialize_field("experiment_id", &info.experiment_id)?;
        message.serialize_field("timestamp_ms", &info.request_time_ms)?;
        message.serialize_field(
            "execution_time_ms",
            &info.execution_duration_ms.unwrap_or_default(),
        )?;
        let status = match info.state {
            TraceState::Unspecified => "TRACE_STATUS_UNSPECIFIED",
            state => state.name(),
        };
        message.serialize_field("status", status)?;
        let metadata = pairs(&info.shown_metadata());
        if !metadata.is_empty() {
            message.serialize_field("request_metadata", &metadata)?;
        }
        let tags = pairs(&info.shown_tags());
        if !tags.is_empty() {
            message.serialize_field("tags", &tags)?;
        }
        message.end()
    }
}

fn pairs(shown: &BTreeMap<&str, &str>) -> Vec<Tag> {
    let tag =
        |(key, value): (&&str, &&str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
    shown.iter().map(tag).collect()
}

/// Reads a list of keys with values; of a key that occurs again, the last value counts.
fn read_pairs(
    fields: &mut Fields,
    name: &str,
) -> Result<BTreeMap<String, String>, InvalidParameter> {
    let pairs = fields.objects(name, |pair| {
        let key = pair.required_string("key")?;
        Ok((key, pair.string("value")?.unwrap_or_default()))
    })?;
    Ok(pairs.into_iter().collect())
}

/// `POST …/traces` of version 2.
#[derive(Debug)]
pub struct StartTraceV2 {
    /// The experiment that it belongs to.
    pub experiment_id: ExperimentId,
    /// When it started, in milliseconds.
    pub timestamp_ms: i64,
    /// What the client knows of it.
    pub metadata: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl DecodeRequest for StartTraceV2 {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment = fields.string("experiment_id")?.filter(|id| !id.is_empty());
        let timestamp_ms = fields.integer("timestamp_ms")?.unwrap_or_default();
        let mut metadata = read_pairs(fields, "request_metadata")?;
        let mut tags = read_pairs(fields, "tags")?;
        check_pairs(&mut tags, &mut metadata)?;
        // An experiment that is not named is the default one.
        let experiment_id = ExperimentId::parse(experiment.as_deref().unwrap_or("0"))?;
        Ok(Self { experiment_id, timestamp_ms, metadata, tags })
    }
}

/// `PATCH …/traces/{request_id}` of version 2.
#[derive(Debug)]
pub struct EndTraceV2 {
    /// The trace.
    pub trace_id: String,
    /// When it ended, in milliseconds.
    pub timestamp_ms: i64,
    /// Where it is on its way.
    pub state: TraceState,
    /// More of what the client knows of it.
    pub metadata: BTreeMap<String, String>,
    /// More tags.
    pub tags: BTreeMap<String, String>,
}

impl DecodeRequest for EndTraceV2 {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = fields.required_string("request_id")?;
        let timestamp_ms = fields.integer("timestamp_ms")?.unwrap_or_default();
        let state = fields.known_enumeration("status")?;
        let mut metadata = read_pairs(fields, "request_metadata")?;
        let mut tags = read_pairs(fields, "tags")?;
        check_pairs(&mut tags, &mut metadata)?;
        Ok(Self { trace_id, timestamp_ms, state, metadata, tags })
    }
}

/// `GET …/traces/{request_id}/info` of version 2.
#[derive(Debug)]
pub struct GetTraceInfoV2 {
    /// The trace.
    pub trace_id: String,
}

impl DecodeRequest for GetTraceInfoV2 {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { trace_id: fields.required_string("request_id")? })
    }
}

/// The answer to all of them.
#[derive(Debug, JsonSchema, Serialize)]
pub struct TraceInfoV2Response {
    /// The trace.
    pub trace_info: TraceInfoV2,
}

impl From<TraceInfo> for TraceInfoV2Response {
    fn from(info: TraceInfo) -> Self {
        Self { trace_info: info.into() }
    }
}

/// `GET …/traces` of version 2.
#[derive(Debug)]
pub struct SearchTracesV2(pub SearchTraces);

impl DecodeRequest for SearchTracesV2 {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("experiment_ids") {
            return Err(InvalidParameter::missing("experiment_ids"));
        }
        let experiment_ids = fields.experiment_ids()?;
        SearchTraces::page(fields, experiment_ids).map(Self)
    }
}

/// The answer to [`SearchTracesV2`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchTracesV2Response {
    /// The traces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<TraceInfoV2>,
    /// Present when there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<PageToken>,
}

impl From<SearchTracesResponse> for SearchTracesV2Response {
    fn from(found: SearchTracesResponse) -> Self {
        let traces = found.traces.into_iter().map(Into::into).collect();
        Self { traces, next_page_token: found.next_page_token }
    }
}
