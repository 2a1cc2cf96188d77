//! What changes, deletes and links traces that are there.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, RunId, check_length, limits,
    traces::{SPANS_LOCATION_TAG, checked_tag},
};
use schemars::JsonSchema;
use serde::Serialize;

/// Tags that clients can't set, since they say where the spans are.
const SYSTEM_TAGS: [&str; 3] =
    [SPANS_LOCATION_TAG, "mlflow.trace.archiveLocation", ARCHIVAL_FAILURE_TAG];
/// The one of them that clients may remove, to have archiving tried again.
const ARCHIVAL_FAILURE_TAG: &str = "mlflow.trace.archivalFailure";

/// `PATCH …/traces/{trace_id}/tags`.
#[derive(Debug)]
pub struct SetTraceTag {
    /// The trace.
    pub trace_id: String,
    /// The tag's key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl DecodeRequest for SetTraceTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = path_trace_id(fields)?;
        let key = fields.required_string("key")?;
        let value = fields.string("value")?.unwrap_or_default();
        if SYSTEM_TAGS.contains(&key.as_str()) {
            return Err(immutable(&key, "set"));
        }
        let (key, value) = checked_tag(key, value)?;
        Ok(Self { trace_id, key, value })
    }
}

/// The id in the path, by its name of either version.
fn path_trace_id(fields: &mut Fields) -> Result<String, InvalidParameter> {
    let id = fields.string("trace_id")?;
    let old = fields.string("request_id")?;
    id.or(old).ok_or_else(|| InvalidParameter::missing("trace_id"))
}

fn immutable(key: &str, change: &str) -> InvalidParameter {
    InvalidParameter::new(format!("Tag '{key}' is immutable and cannot be {change} on a trace."))
}

/// `DELETE …/traces/{trace_id}/tags`.
#[derive(Debug)]
pub struct DeleteTraceTag {
    /// The trace.
    pub trace_id: String,
    /// The tag's key.
    pub key: String,
}

impl DecodeRequest for DeleteTraceTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = path_trace_id(fields)?;
        let key = fields.required_string("key")?;
        if SYSTEM_TAGS.contains(&key.as_str()) && key != ARCHIVAL_FAILURE_TAG {
            return Err(immutable(&key, "deleted"));
        }
        Ok(Self { trace_id, key })
    }
}

/// `POST …/traces/delete-traces`.
#[derive(Debug)]
pub struct DeleteTraces {
    /// The experiment whose traces go.
    pub experiment_id: ExperimentId,
    /// Which of them.
    pub which: Doomed,
}

/// Which traces are deleted.
#[derive(Debug)]
pub enum Doomed {
    /// Those with these ids.
    Ids(Vec<String>),
    /// The oldest, up to a time.
    UpTo {
        /// When the youngest of them started, in milliseconds.
        timestamp_ms: i64,
        /// How many at most.
        max_traces: Option<u64>,
    },
}

impl DecodeRequest for DeleteTraces {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = fields.required_string("experiment_id")?;
        let time = fields.integer("max_timestamp_millis")?;
        let max_traces = fields.integer("max_traces")?;
        let ids = fields.strings("request_ids")?;
        let refuse = |message: String| Err(InvalidParameter::new(message));
        let which = match (time, ids) {
            (None, ids) if ids.is_empty() => {
                return refuse(
                    "Either `max_timestamp_millis` or `trace_ids` must be specified.".to_owned(),
                );
            }
            (Some(_), ids) if !ids.is_empty() => {
                return refuse(
                    "Only one of `max_timestamp_millis` and `trace_ids` can be specified."
                        .to_owned(),
                );
            }
            (None, _) if max_traces.is_some() => {
                return refuse(
                    "`max_traces` can't be specified if `trace_ids` is specified.".to_owned(),
                );
            }
            (None, ids) => Doomed::Ids(ids),
            (Some(timestamp_ms), _) => {
                let max_traces = match max_traces.map(u64::try_from) {
                    None => None,
                    Some(Ok(given)) if given > 0 => Some(given),
                    Some(_) => {
                        let given = max_traces.unwrap_or_default();
                        return refuse(format!(
                            "`max_traces` must be a positive integer, received {given}."
                        ));
                    }
                };
                Doomed::UpTo { timestamp_ms, max_traces }
            }
        };
        Ok(Self { experiment_id: ExperimentId::parse(&experiment_id)?, which })
    }
}

/// The answer to [`DeleteTraces`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct DeleteTracesResponse {
    /// How many there were.
    pub traces_deleted: u64,
}

/// `POST …/traces/link-to-run`.
#[derive(Debug)]
pub struct LinkTracesToRun {
    /// The traces.
    pub trace_ids: Vec<String>,
    /// The run.
    pub run_id: RunId,
}

impl DecodeRequest for LinkTracesToRun {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("trace_ids") {
            return Err(InvalidParameter::missing("trace_ids"));
        }
        let trace_ids = fields.strings("trace_ids")?;
        let run_id = RunId::new(fields.required_string("run_id")?);
        let count = trace_ids.len();
        if count > limits::TRACE_LINKS {
            return Err(InvalidParameter::new(format!(
                "Cannot link more than {} traces to a run in a single request. \
                 Provided {count} traces.",
                limits::TRACE_LINKS
            )));
        }
        Ok(Self { trace_ids, run_id })
    }
}

/// `POST …/traces/link-prompts`.
#[derive(Debug)]
pub struct LinkPromptsToTrace {
    /// The trace.
    pub trace_id: String,
    /// Versions of prompts, each as `name/version`.
    pub prompts: Vec<String>,
}

impl DecodeRequest for LinkPromptsToTrace {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let trace_id = fields.required_string("trace_id")?;
        if !fields.has("prompt_versions") {
            return Err(InvalidParameter::missing("prompt_versions"));
        }
        let prompts = fields.objects("prompt_versions", |prompt| {
            let name = prompt.required_string("name")?;
            let version = prompt.required_integer("version")?;
            let id = format!("{name}/{version}");
            check_length(&prompt.label("name"), &id, limits::ASSOCIATED_ID)?;
            Ok(id)
        })?;
        Ok(Self { trace_id, prompts })
    }
}
