//! Datasets and models that runs use.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, RunId, check_length, limits,
    tags::{Tag, check_distinct},
};
use schemars::JsonSchema;
use serde::Serialize;

/// A dataset of an experiment, known by its name and digest.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// The digest of what it holds.
    pub digest: String,
    /// The kind of its source.
    pub source_type: String,
    /// Where it comes from.
    pub source: String,
    /// Its schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

impl Dataset {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let dataset = Self {
            name: fields.required_string("name")?,
            digest: fields.required_string("digest")?,
            source_type: fields.present_string("source_type")?,
            source: fields.present_string("source")?,
            schema: fields.string("schema")?.filter(|schema| !schema.is_empty()),
            profile: fields.string("profile")?.filter(|profile| !profile.is_empty()),
        };
        check_length("name", &dataset.name, limits::DATASET_NAME)?;
        check_length("digest", &dataset.digest, limits::DATASET_DIGEST)?;
        check_length("source_type", &dataset.source_type, limits::DATASET_SOURCE_TYPE)?;
        check_length("source", &dataset.source, limits::DATASET_SOURCE)?;
        if let Some(schema) = &dataset.schema {
            check_length("schema", schema, limits::DATASET_SCHEMA)?;
        }
        if let Some(profile) = &dataset.profile {
            check_length("profile", profile, limits::DATASET_PROFILE)?;
        }
        Ok(dataset)
    }
}

/// `POST /ajax-api/…/experiments/search-datasets`: which datasets the runs of experiments use.
#[derive(Debug)]
pub struct SearchDatasets {
    /// The experiments.
    pub experiment_ids: Vec<ExperimentId>,
}

impl DecodeRequest for SearchDatasets {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let given = fields.strings("experiment_ids")?;
        if given.is_empty() {
            return Err(InvalidParameter::new(
                "SearchDatasets request must specify at least one experiment_id.",
            ));
        }
        let (count, most) = (given.len(), limits::SEARCH_DATASETS_EXPERIMENTS);
        if count > most {
            return Err(InvalidParameter::new(format!(
                "SearchDatasets request cannot specify more than {most} experiment_ids. \
                 Received {count} experiment_ids."
            )));
        }
        Ok(Self { experiment_ids: ExperimentId::parse_list(&given)? })
    }
}

/// One use of a dataset: datasets that runs use in several contexts come once for each.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct DatasetSummary {
    /// The experiment that knows the dataset.
    pub experiment_id: ExperimentId,
    /// The dataset's name.
    pub name: String,
    /// Its digest.
    pub digest: String,
    /// What for, such as `training`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// The answer to [`SearchDatasets`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchDatasetsResponse {
    /// The uses, by experiment, name and digest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dataset_summaries: Vec<DatasetSummary>,
}

/// A dataset that a run uses.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct DatasetInput {
    /// What the run says of it, such as its context.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The dataset.
    pub dataset: Dataset,
}

impl DatasetInput {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let missing = InvalidParameter::missing(&fields.label("dataset"));
        let mut dataset = fields.object("dataset")?.ok_or(missing)?;
        let dataset = Dataset::read(&mut dataset)?;
        let tags = fields.objects("tags", Tag::of_input)?;
        check_distinct(&tags)?;
        Ok(Self { tags, dataset })
    }
}

/// A model that a run uses.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ModelInput {
    /// The logged model.
    pub model_id: String,
}

impl ModelInput {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let model_id = fields.required_string("model_id")?;
        check_length("model_id", &model_id, limits::MODEL_ID)?;
        Ok(Self { model_id })
    }
}

/// `POST …/runs/log-inputs`.
#[derive(Debug)]
pub struct LogInputs {
    /// The run.
    pub run_id: RunId,
    /// Datasets that it uses.
    pub datasets: Vec<DatasetInput>,
    /// Models that it uses.
    pub models: Vec<ModelInput>,
}

impl DecodeRequest for LogInputs {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.checked_run_id()?;
        let datasets = fields.objects("datasets", DatasetInput::read)?;
        let models = fields.objects("models", ModelInput::read)?;
        limits::check_batch("datasets", datasets.len(), limits::BATCH_DATASETS)?;
        limits::check_batch("models", models.len(), limits::BATCH_DATASETS)?;
        Ok(Self { run_id, datasets, models })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<LogInputs, String> {
        LogInputs::decode(&mut Fields::from_json(json.as_bytes()).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_dataset_needs_a_name() {
        let refused = decode(r#"{"run_id": "r", "datasets": [{"dataset": {"digest": "g"}}]}"#);
        assert!(
            refused
                .unwrap_err()
                .starts_with("Missing value for required parameter 'datasets[0].dataset.name'.")
        );
    }

    #[test]
    fn a_search_names_at_most_20_experiments() {
        let search = |count| {
            let ids = vec!["\"1\""; count].join(",");
            let json = format!(r#"{{"experiment_ids": [{ids}]}}"#);
            SearchDatasets::decode(&mut Fields::from_json(json.as_bytes()).unwrap())
                .map(|search| search.experiment_ids.len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(search(19), Ok(19));
        assert_eq!(search(20), Ok(20));
        assert_eq!(
            search(21).unwrap_err(),
            "SearchDatasets request cannot specify more than 20 experiment_ids. \
             Received 21 experiment_ids."
        );
        assert!(search(0).unwrap_err().contains("at least one experiment_id"));
    }

    #[test]
    fn an_empty_schema_is_none() {
        let request = decode(
            r#"{"run_id": "r", "datasets": [{"dataset": {"name": "d", "digest": "g",
                "source_type": "s", "source": "", "schema": "", "profile": "p"}}]}"#,
        );
        let dataset = &request.unwrap().datasets[0].dataset;
        assert_eq!(dataset.schema, None);
        assert_eq!(dataset.profile.as_deref(), Some("p"));
    }
}
