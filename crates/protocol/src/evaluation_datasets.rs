//! Evaluation datasets: records with inputs, and what is expected of their outputs.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, PageToken, check_length,
    dataset_records::{NewRecord, RecordCursor},
    limits, paging,
    python::{self, repr_json},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// The tag that says who made or changed something.
pub const USER_TAG: &str = "mlflow.user";

/// An evaluation dataset, without its records.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct EvaluationDataset {
    /// Its id: `d-` and 32 hexadecimal digits.
    pub dataset_id: String,
    /// Its name, which others may have, too.
    pub name: String,
    /// Its tags, as a JSON object in a text.
    pub tags: String,
    /// The types of the fields of its records, as JSON in a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The number of its records, as JSON in a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Changes with its records.
    pub digest: String,
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
    /// Its experiments, which only the answer to [`CreateDataset`] names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub experiment_ids: Vec<String>,
}

/// A tag of a dataset; one without a value is kept by a new dataset, and ignored by another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetTag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
}

/// Reads an object in a text, which may be absent.
fn read_tags(text: &str) -> Result<Vec<DatasetTag>, InvalidParameter> {
    let Value::Object(tags) = python::loads("tags", text)? else {
        return Err(InvalidParameter::new("tags must be a JSON object."));
    };
    let tags = tags.into_iter().map(|(key, value)| {
        check_length("tags key", &key, limits::DATASET_TAG_KEY)?;
        let value = match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(repr_json(&other)),
        };
        if let Some(value) = &value {
            check_length(&format!("tags.{key}"), value, limits::DATASET_TAG_VALUE)?;
        }
        Ok(DatasetTag { key, value })
    });
    tags.collect()
}

/// Who a tag of `tags` says it was.
pub(crate) fn user_in(tags: &Map<String, Value>) -> Result<Option<String>, InvalidParameter> {
    match tags.get(USER_TAG) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(user)) => {
            check_length(USER_TAG, user, limits::DATASET_USER)?;
            Ok(Some(user.clone()))
        }
        Some(other) => Err(InvalidParameter::wrong_type(USER_TAG, other)),
    }
}

/// Reads ids of experiments, of which a dataset takes also those that don't exist.
fn read_experiments(fields: &mut Fields) -> Result<Vec<String>, InvalidParameter> {
    let ids = fields.strings("experiment_ids")?;
    for id in &ids {
        check_length("experiment_ids", id, limits::ASSOCIATED_ID)?;
    }
    Ok(ids)
}

/// `POST …/datasets/create`.
#[derive(Debug)]
pub struct CreateDataset {
    /// Its name.
    pub name: String,
    /// Its experiments.
    pub experiment_ids: Vec<String>,
    /// Its first tags.
    pub tags: Vec<DatasetTag>,
    /// Who makes it.
    pub user: Option<String>,
}

impl DecodeRequest for CreateDataset {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = fields.required_string("name")?;
        let experiment_ids = read_experiments(fields)?;
        let tags = fields.string("tags")?.filter(|tags| !tags.is_empty());
        let tags = tags.as_deref().map(read_tags).transpose()?.unwrap_or_default();
        check_length("name", &name, limits::EVALUATION_DATASET_NAME)?;
        let user = tags.iter().find(|tag| tag.key == USER_TAG);
        let user = user.and_then(|tag| tag.value.clone());
        if let Some(user) = &user {
            check_length(USER_TAG, user, limits::DATASET_USER)?;
        }
        Ok(Self { name, experiment_ids, tags, user })
    }
}

/// The answer that holds a dataset.
#[derive(Debug, JsonSchema, Serialize)]
pub struct DatasetResponse {
    /// The dataset.
    pub dataset: EvaluationDataset,
}

/// `GET …/datasets/{dataset_id}`.
#[derive(Debug)]
pub struct GetDataset {
    /// The dataset.
    pub dataset_id: String,
}

impl DecodeRequest for GetDataset {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { dataset_id: fields.required_string("dataset_id")? })
    }
}

/// `DELETE …/datasets/{dataset_id}`.
#[derive(Debug)]
pub struct DeleteDataset {
    /// The dataset.
    pub dataset_id: String,
}

impl DecodeRequest for DeleteDataset {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { dataset_id: fields.required_string("dataset_id")? })
    }
}

/// `GET …/datasets/{dataset_id}/experiment-ids`.
#[derive(Debug)]
pub struct GetDatasetExperimentIds {
    /// The dataset.
    pub dataset_id: String,
}

impl DecodeRequest for GetDatasetExperimentIds {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { dataset_id: fields.required_string("dataset_id")? })
    }
}

/// The answer to [`GetDatasetExperimentIds`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct DatasetExperimentIdsResponse {
    /// In the order in which they were added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub experiment_ids: Vec<String>,
}

/// `GET` and `POST …/datasets/search`.
#[derive(Debug)]
pub struct SearchEvaluationDatasets {
    /// Only those of these experiments; empty, all.
    pub experiment_ids: Vec<String>,
    /// What they must fulfil.
    pub filter: String,
    /// Datasets at most.
    pub max_results: u64,
    /// In which order they come.
    pub order_by: Vec<String>,
    /// Where to start.
    pub page_token: PageToken,
}

impl DecodeRequest for SearchEvaluationDatasets {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_ids = fields.strings("experiment_ids")?;
        let filter = fields.string("filter_string")?.unwrap_or_default();
        let given = fields.integer("max_results")?;
        let order_by = fields.strings("order_by")?;
        let max_results = match given {
            None => limits::SEARCH_EVALUATION_DATASETS_DEFAULT_RESULTS,
            // The reference shows what it makes of zero.
            Some(0) => {
                return Err(InvalidParameter::new(
                    "Invalid value None for parameter 'max_results' supplied. \
                     It must be a positive integer",
                ));
            }
            Some(given) => paging::positive(given, "")?,
        };
        if max_results > limits::SEARCH_MAX_RESULTS.unsigned_abs() {
            return Err(InvalidParameter::new(format!(
                "Invalid value {max_results} for parameter 'max_results' supplied. \
                 It must be at most {}",
                limits::SEARCH_MAX_RESULTS
            )));
        }
        let page_token = PageToken::read(fields)?;
        Ok(Self { experiment_ids, filter, max_results, order_by, page_token })
    }
}

/// The answer to [`SearchEvaluationDatasets`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchEvaluationDatasetsResponse {
    /// The datasets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<EvaluationDataset>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<PageToken>,
}

/// `PATCH …/datasets/{dataset_id}/tags`.
#[derive(Debug)]
pub struct SetDatasetTags {
    /// The dataset.
    pub dataset_id: String,
    /// Those that have a value are set.
    pub tags: Vec<DatasetTag>,
}

impl DecodeRequest for SetDatasetTags {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let dataset_id = fields.required_string("dataset_id")?;
        let tags = read_tags(&fields.required_string("tags")?)?;
        Ok(Self { dataset_id, tags })
    }
}

/// `DELETE …/datasets/{dataset_id}/tags/{key}`.
#[derive(Debug)]
pub struct DeleteDatasetTag {
    /// The dataset.
    pub dataset_id: String,
    /// The tag that goes.
    pub key: String,
}

impl DecodeRequest for DeleteDatasetTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let dataset_id = fields.required_string("dataset_id")?;
        Ok(Self { dataset_id, key: fields.required_string("key")? })
    }
}

/// `POST …/datasets/{dataset_id}/records`.
#[derive(Debug)]
pub struct UpsertDatasetRecords {
    /// The dataset.
    pub dataset_id: String,
    /// What it gets; one with the inputs of another one changes that.
    pub records: Vec<NewRecord>,
}

impl DecodeRequest for UpsertDatasetRecords {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let dataset_id = fields.required_string("dataset_id")?;
        let records = NewRecord::read_all(&fields.required_string("records")?)?;
        Ok(Self { dataset_id, records })
    }
}

/// The answer to [`UpsertDatasetRecords`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct UpsertDatasetRecordsResponse {
    /// Records that are new.
    pub inserted_count: u64,
    /// Records that had these inputs already, counted each time.
    pub updated_count: u64,
}

/// `GET …/datasets/{dataset_id}/records`.
#[derive(Debug)]
pub struct GetDatasetRecords {
    /// The dataset.
    pub dataset_id: String,
    /// Records at most.
    pub max_results: u64,
    /// Where to start.
    pub start: RecordCursor,
}

impl DecodeRequest for GetDatasetRecords {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let dataset_id = fields.required_string("dataset_id")?;
        let given = fields.integer("max_results")?.filter(|given| *given != 0);
        let max_results = match given {
            None => limits::DATASET_RECORDS_DEFAULT_RESULTS,
            Some(given) => paging::positive(given, "")?,
        };
        Ok(Self { dataset_id, max_results, start: RecordCursor::read(fields)? })
    }
}

/// The answer to [`GetDatasetRecords`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetDatasetRecordsResponse {
    /// The records, as a JSON list in a text.
    pub records: String,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<RecordCursor>,
}

/// `DELETE …/datasets/{dataset_id}/records`.
#[derive(Debug)]
pub struct DeleteDatasetRecords {
    /// The dataset.
    pub dataset_id: String,
    /// The records that go.
    pub dataset_record_ids: Vec<String>,
}

impl DecodeRequest for DeleteDatasetRecords {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let dataset_id = fields.required_string("dataset_id")?;
        Ok(Self { dataset_id, dataset_record_ids: fields.strings("dataset_record_ids")? })
    }
}

/// The answer to [`DeleteDatasetRecords`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct DeleteDatasetRecordsResponse {
    /// Records that were there.
    pub deleted_count: u64,
}

/// `POST …/datasets/{dataset_id}/add-experiments`.
#[derive(Debug)]
pub struct AddDatasetToExperiments {
    /// The dataset.
    pub dataset_id: String,
    /// Experiments that get it, with their texts as sent.
    pub experiment_ids: Vec<(String, Option<ExperimentId>)>,
}

impl DecodeRequest for AddDatasetToExperiments {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let dataset_id = fields.required_string("dataset_id")?;
        let ids = read_experiments(fields)?.into_iter().map(|text| {
            // An id has one spelling here.
            let id = ExperimentId::parse(&text).ok().filter(|id| id.to_string() == text);
            (text, id)
        });
        Ok(Self { dataset_id, experiment_ids: ids.collect() })
    }
}

/// `POST …/datasets/{dataset_id}/remove-experiments`.
#[derive(Debug)]
pub struct RemoveDatasetFromExperiments {
    /// The dataset.
    pub dataset_id: String,
    /// Experiments that lose it.
    pub experiment_ids: Vec<String>,
}

impl DecodeRequest for RemoveDatasetFromExperiments {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let dataset_id = fields.required_string("dataset_id")?;
        Ok(Self { dataset_id, experiment_ids: fields.strings("experiment_ids")? })
    }
}
