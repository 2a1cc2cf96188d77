//! Models that runs log.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, RunId, WireEnum, check_length, limits,
    metrics::Metric, paging, params::Param, tags::Tag,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Models in a page when the client does not say.
const DEFAULT_RESULTS: u64 = 50;

/// A model that a run made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LoggedModelData {
    /// Its params.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// Its metrics, all values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// A logged model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedModel {
    /// What is known of every logged model.
    pub info: LoggedModelInfo,
    /// What was logged of it.
    pub data: LoggedModelData,
}

/// `POST …/logged-models/search`.
#[derive(Debug)]
pub struct SearchLoggedModels {
    /// The experiments that are searched.
    pub experiment_ids: Vec<ExperimentId>,
    /// What the models must fulfil.
    pub filter: Option<String>,
    /// Whether the request narrows metrics to datasets.
    pub has_datasets: bool,
    /// Models at most.
    pub max_results: u64,
    /// Whether the request asks for an order.
    pub has_order: bool,
    /// Models before this page.
    pub offset: u64,
}

impl DecodeRequest for SearchLoggedModels {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("experiment_ids") {
            return Err(InvalidParameter::missing("experiment_ids"));
        }
        let experiment_ids = fields.experiment_ids()?;
        let filter = fields.string("filter")?.filter(|filter| !filter.is_empty());
        let has_datasets = !fields.objects("datasets", |_| Ok(()))?.is_empty();
        let max_results = match fields.integer("max_results")? {
            None | Some(0) => DEFAULT_RESULTS,
            Some(given) => paging::positive(given, ".")?,
        };
        let has_order = !fields.objects("order_by", |_| Ok(()))?.is_empty();
        let mut search =
            Self { experiment_ids, filter, has_datasets, max_results, has_order, offset: 0 };
        if let Some(token) = fields.string("page_token")?.filter(|token| !token.is_empty()) {
            search.offset = search.offset_of(&token)?;
        }
        Ok(search)
    }
}

impl SearchLoggedModels {
    /// The token of the page that starts after `offset` models. It repeats the search, since it is
    /// good for no other.
    #[must_use]
    pub fn page_token(&self, offset: u64) -> String {
        let ids: Vec<String> = self.experiment_ids.iter().map(|id| format!("\"{id}\"")).collect();
        let filter = self.filter.as_deref().map_or(Value::Null, Value::from);
        STANDARD.encode(format!(
            "{{\"experiment_ids\": [{}], \"filter_string\": {filter}, \"order_by\": null, \
             \"offset\": {offset}}}",
            ids.join(", ")
        ))
    }

    fn offset_of(&self, token: &str) -> Result<u64, InvalidParameter> {
        let refuse = || InvalidParameter::new(format!("Invalid page token: {token}."));
        let decoded = STANDARD.decode(token).map_err(|_| refuse())?;
        let parsed: Value = serde_json::from_slice(&decoded).map_err(|_| refuse())?;
        let offset = parsed.get("offset").and_then(Value::as_u64).ok_or_else(refuse)?;
        let same = |name: &str, shown: &str, mine: Value| {
            let theirs = parsed.get(name).unwrap_or(&Value::Null);
            if *theirs == mine {
                return Ok(());
            }
            Err(InvalidParameter::new(format!(
                "{shown} in the page token does not match the requested {}. \
                 Expected: {}. Found: {}",
                shown.to_lowercase(),
                shown_value(&mine),
                shown_value(theirs)
            )))
        };
        let ids: Vec<String> = self.experiment_ids.iter().map(ToString::to_string).collect();
        same("experiment_ids", "Experiment IDs", ids.into())?;
        same("filter_string", "Filter string", self.filter.clone().into())?;
        Ok(offset)
    }
}

/// A value as Python prints it: texts bare, the others as `repr` shows them.
fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => crate::python::repr_json(other),
    }
}

/// The answer to [`SearchLoggedModels`].
#[derive(Debug, Serialize)]
pub struct SearchLoggedModelsResponse {
    /// The models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<LoggedModel>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<SearchLoggedModels, String> {
        SearchLoggedModels::decode(&mut Fields::from_json(json.as_bytes()).unwrap())
            .map_err(|error| error.to_string())
    }

    const TOKEN: &str = "eyJleHBlcmltZW50X2lkcyI6IFsiMSJdLCAiZmlsdGVyX3N0cmluZyI6IG51bGwsICJvcmRlcl9ieSI6IG51bGwsICJvZmZzZXQiOiAxfQ==";

    #[test]
    fn page_tokens_are_those_of_the_reference() {
        let search = decode(&format!(r#"{{"experiment_ids": ["1"], "page_token": "{TOKEN}"}}"#));
        let search = search.unwrap();
        assert_eq!((search.offset, search.max_results), (1, 50));
        assert_eq!(search.page_token(1), TOKEN);
    }

    #[test]
    fn a_page_token_is_good_for_its_search_only() {
        let refused = decode(&format!(
            r#"{{"experiment_ids": ["1"], "page_token": "{TOKEN}", "filter": "name = 'x'"}}"#
        ));
        assert_eq!(
            refused.unwrap_err(),
            "Filter string in the page token does not match the requested filter string. \
             Expected: name = 'x'. Found: None"
        );
    }

    #[test]
    fn no_experiments_are_fine_but_must_be_said() {
        assert!(decode(r#"{"experiment_ids": []}"#).is_ok());
        assert!(decode("{}").unwrap_err().contains("'experiment_ids'"));
    }
}
