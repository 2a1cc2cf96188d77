//! Runs.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, PageToken, RunId, ViewType, WireEnum,
    check_length,
    datasets::{DatasetInput, ModelInput},
    limits,
    logged_models::ModelOutput,
    metrics::Metric,
    paging,
    params::Param,
    tags::{RUN_NAME_TAG, Tag, check_distinct},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Where a run is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// It has started.
    Running,
    /// It waits to start.
    Scheduled,
    /// It ended well.
    Finished,
    /// It ended with an error.
    Failed,
    /// It was stopped from outside.
    Killed,
}

impl WireEnum for RunStatus {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::Running, 1, "RUNNING"),
        (Self::Scheduled, 2, "SCHEDULED"),
        (Self::Finished, 3, "FINISHED"),
        (Self::Failed, 4, "FAILED"),
        (Self::Killed, 5, "KILLED"),
    ];
}

impl Serialize for RunStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What is known of every run.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RunInfo {
    /// Its id, under its old name.
    pub run_uuid: RunId,
    /// The experiment that it belongs to.
    pub experiment_id: ExperimentId,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_name: Option<String>,
    /// Who ran it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Where it is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// When it started, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// When it ended, in milliseconds; the reference drops zeros.
    #[serde(skip_serializing_if = "is_no_time")]
    pub end_time: Option<i64>,
    /// Below which its artifacts lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_uri: Option<String>,
    /// `active` or `deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_stage: Option<String>,
    /// Its id.
    pub run_id: RunId,
}

#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn is_no_time(time: &Option<i64>) -> bool {
    matches!(time, None | Some(0))
}

/// What was logged to a run.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize)]
pub struct RunData {
    /// The latest value of each metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// Its params.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// What a run uses.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize)]
pub struct RunInputs {
    /// Datasets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dataset_inputs: Vec<DatasetInput>,
    /// Logged models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_inputs: Vec<ModelInput>,
}

/// What a run made.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize)]
pub struct RunOutputs {
    /// Logged models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_outputs: Vec<ModelOutput>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
pub struct Run {
    /// What is known of every run.
    pub info: RunInfo,
    /// What was logged to it.
    pub data: RunData,
    /// What it uses; `{}` when nothing.
    pub inputs: RunInputs,
    /// What it made; `{}` when nothing, and absent in the answer to [`CreateRun`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<RunOutputs>,
}

/// `POST …/runs/create`.
#[derive(Debug)]
pub struct CreateRun {
    /// The experiment that it belongs to.
    pub experiment_id: ExperimentId,
    /// Who runs it.
    pub user_id: String,
    /// Its name, from the field or from the tag; never empty.
    pub run_name: Option<String>,
    /// When it started, in milliseconds.
    pub start_time: i64,
    /// Its first tags, without the one that mirrors its name.
    pub tags: Vec<Tag>,
}

impl DecodeRequest for CreateRun {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = fields.experiment_id()?;
        let user_id = fields.string("user_id")?.unwrap_or_default();
        let run_name = fields.string("run_name")?.filter(|name| !name.is_empty());
        let start_time = fields.integer("start_time")?.unwrap_or(0);
        let mut tags = fields.objects("tags", Tag::of_new_run)?;
        check_length("user_id", &user_id, limits::USER_ID)?;
        check_length("run_name", run_name.as_deref().unwrap_or_default(), limits::RUN_NAME)?;
        check_distinct(&tags)?;
        let name_tag = tags.iter().position(|tag| tag.key == RUN_NAME_TAG);
        let name_of_tag = name_tag.map(|index| tags.remove(index).value);
        let run_name = agreed_name(run_name, name_of_tag.filter(|name| !name.is_empty()))?;
        Ok(Self { experiment_id, user_id, run_name, start_time, tags })
    }
}

/// The name that the field and the tag agree on.
fn agreed_name(
    field: Option<String>,
    tag: Option<String>,
) -> Result<Option<String>, InvalidParameter> {
    match (field, tag) {
        (Some(field), Some(tag)) if field != tag => Err(InvalidParameter::new(format!(
            "Both 'run_name' argument and '{RUN_NAME_TAG}' tag are specified, but with different \
             values (run_name='{field}', {RUN_NAME_TAG}='{tag}')."
        ))),
        (field, tag) => Ok(field.or(tag)),
    }
}

/// The answer to [`CreateRun`] and [`GetRun`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct RunResponse {
    /// The run.
    pub run: Run,
}

/// `GET …/runs/get`.
#[derive(Debug)]
pub struct GetRun {
    /// The run.
    pub run_id: RunId,
}

impl DecodeRequest for GetRun {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { run_id: fields.run_id()? })
    }
}

/// `POST …/runs/update`.
#[derive(Debug)]
pub struct UpdateRun {
    /// The run.
    pub run_id: RunId,
    /// Its new status.
    pub status: Option<RunStatus>,
    /// When it ended, in milliseconds.
    pub end_time: Option<i64>,
    /// Its new name; never empty.
    pub run_name: Option<String>,
}

impl DecodeRequest for UpdateRun {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.run_id()?;
        let status = fields.enumeration("status")?;
        let end_time = fields.integer("end_time")?;
        let run_name = fields.string("run_name")?.filter(|name| !name.is_empty());
        check_length("run_name", run_name.as_deref().unwrap_or_default(), limits::RUN_NAME)?;
        Ok(Self { run_id, status, end_time, run_name })
    }
}

/// The answer to [`UpdateRun`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct UpdateRunResponse {
    /// The run as it is now.
    pub run_info: RunInfo,
}

/// `POST …/runs/delete`.
#[derive(Debug)]
pub struct DeleteRun {
    /// The run.
    pub run_id: RunId,
}

impl DecodeRequest for DeleteRun {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { run_id: fields.run_id()? })
    }
}

/// `POST …/runs/restore`.
#[derive(Debug)]
pub struct RestoreRun {
    /// The run.
    pub run_id: RunId,
}

impl DecodeRequest for RestoreRun {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { run_id: fields.run_id()? })
    }
}

/// `POST …/runs/search`.
#[derive(Debug)]
pub struct SearchRuns {
    /// The experiments that are searched.
    pub experiment_ids: Vec<ExperimentId>,
    /// What the runs must fulfil.
    pub filter: Option<String>,
    /// Whether deleted ones are looked at.
    pub run_view_type: ViewType,
    /// Runs at most.
    pub max_results: u64,
    /// In which order they come.
    pub order_by: Vec<String>,
    /// Where to start.
    pub page_token: PageToken,
}

impl DecodeRequest for SearchRuns {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_ids = fields.experiment_ids()?;
        let filter = fields.string("filter")?.filter(|filter| !filter.is_empty());
        let run_view_type = fields.known_enumeration("run_view_type")?;
        let given = fields.integer("max_results")?.unwrap_or(limits::SEARCH_RUNS_DEFAULT_RESULTS);
        if given > limits::SEARCH_MAX_RESULTS {
            return Err(InvalidParameter::wrong_type("max_results", &given.into()));
        }
        let max_results = paging::positive(given, "")?;
        let order_by = fields.strings("order_by")?;
        let page_token = PageToken::read(fields)?;
        Ok(Self { experiment_ids, filter, run_view_type, max_results, order_by, page_token })
    }
}

/// The answer to [`SearchRuns`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchRunsResponse {
    /// The runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<PageToken>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<T: DecodeRequest>(json: &str) -> Result<T, String> {
        T::decode(&mut Fields::from_json(json.as_bytes()).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_run_is_named_by_the_field_or_the_tag() {
        let name = |json: &str| decode::<CreateRun>(json).map(|run| run.run_name);
        let tag = |name| format!(r#"[{{"key": "mlflow.runName", "value": "{name}"}}]"#);
        assert_eq!(
            name(&format!(r#"{{"experiment_id": "1", "tags": {}}}"#, tag("b"))),
            Ok(Some("b".to_owned()))
        );
        assert_eq!(
            name(&format!(r#"{{"experiment_id": "1", "run_name": "", "tags": {}}}"#, tag(""))),
            Ok(None)
        );
        assert_eq!(
            name(&format!(r#"{{"experiment_id": "1", "run_name": "a", "tags": {}}}"#, tag("b"))),
            Err("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with \
                 different values (run_name='a', mlflow.runName='b')."
                .to_owned())
        );
    }

    #[test]
    fn a_run_needs_an_experiment() {
        assert!(
            decode::<CreateRun>("{}")
                .unwrap_err()
                .starts_with("Missing value for required parameter 'experiment_id'.")
        );
    }

    #[test]
    fn an_unknown_status_is_refused_and_a_number_is_taken() {
        let update: UpdateRun = decode(r#"{"run_id": "r", "status": 3}"#).unwrap();
        assert_eq!(update.status, Some(RunStatus::Finished));
        assert!(decode::<UpdateRun>(r#"{"run_id": "r", "status": "BOGUS"}"#).is_err());
    }
}
