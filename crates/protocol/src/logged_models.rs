//! Models that runs log.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, RunId, WireEnum, check_length, limits,
    metrics::Metric,
    params::{Param, check_distinct_params},
    tags::{Tag, check_distinct},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Characters that a name can't have, since names stand in URIs of models.
const BAD_NAME_CHARACTERS: [char; 6] = ['/', ':', '.', '%', '"', '\''];

/// A model that a run made.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ModelOutput {
    /// The logged model.
    pub model_id: String,
    /// The step at which it was made.
    pub step: i64,
}

impl ModelOutput {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let model_id = fields.required_string("model_id")?;
        check_length("model_id", &model_id, limits::MODEL_ID)?;
        Ok(Self { model_id, step: fields.integer("step")?.unwrap_or(0) })
    }
}

/// `POST …/runs/outputs`.
#[derive(Debug)]
pub struct LogOutputs {
    /// The run.
    pub run_id: RunId,
    /// Models that it made.
    pub models: Vec<ModelOutput>,
}

impl DecodeRequest for LogOutputs {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.run_id()?;
        if !fields.has("models") {
            return Err(InvalidParameter::missing("models"));
        }
        Ok(Self { run_id, models: fields.objects("models", ModelOutput::read)? })
    }
}

/// Where a logged model is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedModelStatus {
    /// Not said.
    Unspecified,
    /// Its files are on their way.
    Pending,
    /// Its files are there.
    Ready,
    /// Its files did not arrive.
    UploadFailed,
}

impl WireEnum for LoggedModelStatus {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::Unspecified, 0, "LOGGED_MODEL_STATUS_UNSPECIFIED"),
        (Self::Pending, 1, "LOGGED_MODEL_PENDING"),
        (Self::Ready, 2, "LOGGED_MODEL_READY"),
        (Self::UploadFailed, 3, "LOGGED_MODEL_UPLOAD_FAILED"),
    ];
}

impl Serialize for LoggedModelStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What is known of every logged model.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct LoggedModelInfo {
    /// Its id.
    pub model_id: String,
    /// The experiment that it belongs to.
    pub experiment_id: ExperimentId,
    /// Its name.
    pub name: String,
    /// When it was made, in milliseconds.
    pub creation_timestamp_ms: i64,
    /// When it last changed, in milliseconds.
    pub last_updated_timestamp_ms: i64,
    /// Below which its files lie.
    pub artifact_uri: String,
    /// Where it is on its way.
    pub status: LoggedModelStatus,
    /// Its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
    /// The run that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_run_id: Option<RunId>,
    /// More about its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// What was logged of a model.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize)]
pub struct LoggedModelData {
    /// Its params.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// Its metrics, all values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// A logged model.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
pub struct LoggedModel {
    /// What is known of every logged model.
    pub info: LoggedModelInfo,
    /// What was logged of it.
    pub data: LoggedModelData,
}

/// `POST …/logged-models`.
#[derive(Debug)]
pub struct CreateLoggedModel {
    /// The experiment that it belongs to.
    pub experiment_id: ExperimentId,
    /// Its name; never empty.
    pub name: Option<String>,
    /// Its kind.
    pub model_type: String,
    /// The run that makes it; empty for none.
    pub source_run_id: RunId,
    /// Its first params, each key once.
    pub params: Vec<Param>,
    /// Its first tags, each key once.
    pub tags: Vec<Tag>,
}

impl DecodeRequest for CreateLoggedModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = fields.experiment_id()?;
        let name = fields.string("name")?.filter(|name| !name.is_empty());
        let model_type = fields.string("model_type")?.unwrap_or_default();
        let source_run_id = fields.string("source_run_id")?.unwrap_or_default();
        let params = fields.objects("params", Param::of_model)?;
        let tags = fields.objects("tags", Tag::of_model)?;
        name.as_deref().map_or(Ok(()), check_model_name)?;
        check_length("model_type", &model_type, limits::MODEL_TYPE)?;
        check_length("source_run_id", &source_run_id, limits::SOURCE_RUN_ID)?;
        check_distinct_params(&params)?;
        check_distinct(&tags)?;
        let source_run_id = RunId::new(source_run_id);
        Ok(Self { experiment_id, name, model_type, source_run_id, params, tags })
    }
}

fn check_model_name(name: &str) -> Result<(), InvalidParameter> {
    if name.contains(BAD_NAME_CHARACTERS) {
        return Err(InvalidParameter::new(format!(
            "Invalid model name ({}) provided. Model name must be a non-empty string and cannot \
             contain the following characters: ('/', ':', '.', '%', '\"', \"'\")",
            crate::python::repr_str(name)
        )));
    }
    check_length("name", name, limits::MODEL_NAME)
}

/// The answer to [`CreateLoggedModel`], [`GetLoggedModel`] and [`FinalizeLoggedModel`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct LoggedModelResponse {
    /// The model.
    pub model: LoggedModel,
}

/// `GET …/logged-models/{model_id}`.
#[derive(Debug)]
pub struct GetLoggedModel {
    /// The model.
    pub model_id: String,
    /// Whether it may be a deleted one.
    pub allow_deleted: bool,
}

impl DecodeRequest for GetLoggedModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let model_id = fields.required_string("model_id")?;
        let allow_deleted = fields.string("allow_deleted")?;
        let allow_deleted = allow_deleted.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Ok(Self { model_id, allow_deleted })
    }
}

/// `PATCH …/logged-models/{model_id}`.
#[derive(Debug)]
pub struct FinalizeLoggedModel {
    /// The model.
    pub model_id: String,
    /// How far it came.
    pub status: LoggedModelStatus,
}

impl DecodeRequest for FinalizeLoggedModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let model_id = fields.repeated_in_body("model_id")?;
        let status = fields.enumeration("status")?;
        let status = status.ok_or_else(|| InvalidParameter::missing("status"))?;
        Ok(Self { model_id, status })
    }
}

/// `DELETE …/logged-models/{model_id}`.
#[derive(Debug)]
pub struct DeleteLoggedModel {
    /// The model.
    pub model_id: String,
}

impl DecodeRequest for DeleteLoggedModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { model_id: fields.required_string("model_id")? })
    }
}

/// `POST …/logged-models/{model_id}/params`.
#[derive(Debug)]
pub struct LogLoggedModelParams {
    /// The model.
    pub model_id: String,
    /// What it gets, each key once.
    pub params: Vec<Param>,
}

impl DecodeRequest for LogLoggedModelParams {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let model_id = fields.repeated_in_body("model_id")?;
        let params = fields.objects("params", Param::of_model)?;
        check_distinct_params(&params)?;
        Ok(Self { model_id, params })
    }
}

/// `PATCH …/logged-models/{model_id}/tags`.
#[derive(Debug)]
pub struct SetLoggedModelTags {
    /// The model.
    pub model_id: String,
    /// What it gets; of those with one key, the last counts.
    pub tags: Vec<Tag>,
}

impl DecodeRequest for SetLoggedModelTags {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let model_id = fields.required_string("model_id")?;
        Ok(Self { model_id, tags: fields.objects("tags", Tag::of_model)? })
    }
}

/// `DELETE …/logged-models/{model_id}/tags/{tag_key}`.
#[derive(Debug)]
pub struct DeleteLoggedModelTag {
    /// The model.
    pub model_id: String,
    /// The tag that goes.
    pub key: String,
}

impl DecodeRequest for DeleteLoggedModelTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self {
            model_id: fields.required_string("model_id")?,
            key: fields.required_string("tag_key")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_body_name_one_model() {
        let decode = |json: &str| {
            let fields = Fields::from_json(json.as_bytes()).unwrap();
            let ids = [("model_id".to_owned(), "m-1".to_owned())];
            FinalizeLoggedModel::decode(&mut fields.with_path(ids))
                .map(|request| request.model_id)
                .map_err(|error| error.to_string())
        };
        assert_eq!(decode(r#"{"model_id": "m-1", "status": 2}"#).unwrap(), "m-1");
        let refused = decode(r#"{"model_id": "m-2", "status": 2}"#).unwrap_err();
        assert!(refused.contains("The path names another one, 'm-1'."), "{refused}");
        assert!(decode(r#"{"status": 2}"#).unwrap_err().contains("'model_id'"));
    }
}
