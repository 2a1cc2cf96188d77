//! Experiments.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, PageToken, ViewType,
    access::Visible,
    check_length, custom_views, limits, paging,
    tags::{Tag, check_distinct},
};
use schemars::JsonSchema;
use serde::Serialize;

/// An experiment.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Experiment {
    /// Its id.
    pub experiment_id: ExperimentId,
    /// Its name, unique among all that exist, deleted ones too.
    pub name: String,
    /// Below which the artifacts of its runs lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_location: Option<String>,
    /// `active` or `deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_stage: Option<String>,
    /// When its name or stage last changed, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<i64>,
    /// When it was made, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<i64>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The workspace that it belongs to.
    pub workspace: String,
}

fn read_name(fields: &mut Fields, name: &str) -> Result<String, InvalidParameter> {
    let value = fields.required_string(name)?;
    // The reference's own check, for its message, and then the one that its databases differ in.
    check_length("name", &value, limits::EXPERIMENT_NAME_CHECKED)?;
    check_length("name", &value, limits::EXPERIMENT_NAME)?;
    Ok(value)
}

/// `POST …/experiments/create`.
#[derive(Debug)]
pub struct CreateExperiment {
    /// Its name.
    pub name: String,
    /// Where its artifacts lie, if not below the server's root.
    pub artifact_location: Option<String>,
    /// Its first tags.
    pub tags: Vec<Tag>,
}

impl DecodeRequest for CreateExperiment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = read_name(fields, "name")?;
        let location = fields.string("artifact_location")?;
        let tags = fields.objects("tags", Tag::of_experiment)?;
        check_distinct(&tags)?;
        custom_views::check_count(&tags)?;
        let artifact_location = location.filter(|location| !location.is_empty());
        Ok(Self { name, artifact_location, tags })
    }
}

/// The answer to [`CreateExperiment`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct CreateExperimentResponse {
    /// The new id.
    pub experiment_id: ExperimentId,
}

/// `GET …/experiments/get`.
#[derive(Debug)]
pub struct GetExperiment {
    /// The experiment.
    pub experiment_id: ExperimentId,
}

impl DecodeRequest for GetExperiment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { experiment_id: fields.experiment_id()? })
    }
}

/// `GET …/experiments/get-by-name`.
#[derive(Debug)]
pub struct GetExperimentByName {
    /// The name.
    pub experiment_name: String,
}

impl DecodeRequest for GetExperimentByName {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { experiment_name: fields.required_string("experiment_name")? })
    }
}

/// The answer to [`GetExperiment`] and [`GetExperimentByName`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetExperimentResponse {
    /// The experiment.
    pub experiment: Experiment,
}

/// `GET` and `POST …/experiments/search`.
#[derive(Debug)]
pub struct SearchExperiments {
    /// Experiments at most.
    pub max_results: u64,
    /// Where to start.
    pub page_token: PageToken,
    /// What they must fulfil.
    pub filter: Option<String>,
    /// In which order they come.
    pub order_by: Vec<String>,
    /// Whether deleted ones are looked at.
    pub view_type: ViewType,
    /// Which of them the caller may see; clients don't say.
    pub visible: Visible,
}

impl DecodeRequest for SearchExperiments {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        // The reference has no default here either, and so refuses a request without it.
        let given = fields.integer("max_results")?.unwrap_or(0);
        let max_results = paging::positive(given, "")?;
        if given > limits::SEARCH_MAX_RESULTS {
            return Err(InvalidParameter::new(format!(
                "Invalid value {given} for parameter 'max_results' supplied. \
                 It must be at most {}",
                limits::SEARCH_MAX_RESULTS
            )));
        }
        Ok(Self {
            max_results,
            page_token: PageToken::read(fields)?,
            filter: fields.string("filter")?.filter(|filter| !filter.is_empty()),
            order_by: fields.strings("order_by")?,
            view_type: fields.known_enumeration("view_type")?,
            visible: Visible::All,
        })
    }
}

/// The answer to [`SearchExperiments`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchExperimentsResponse {
    /// The experiments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<Experiment>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<PageToken>,
}

/// `POST …/experiments/update`: another name.
#[derive(Debug)]
pub struct UpdateExperiment {
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// Its new name.
    pub new_name: String,
}

impl DecodeRequest for UpdateExperiment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = fields.experiment_id()?;
        Ok(Self { experiment_id, new_name: read_name(fields, "new_name")? })
    }
}

/// `POST …/experiments/delete`.
#[derive(Debug)]
pub struct DeleteExperiment {
    /// The experiment.
    pub experiment_id: ExperimentId,
}

impl DecodeRequest for DeleteExperiment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { experiment_id: fields.experiment_id()? })
    }
}

/// `POST …/experiments/restore`.
#[derive(Debug)]
pub struct RestoreExperiment {
    /// The experiment.
    pub experiment_id: ExperimentId,
}

impl DecodeRequest for RestoreExperiment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { experiment_id: fields.experiment_id()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<T: DecodeRequest>(json: &str) -> Result<T, String> {
        T::decode(&mut Fields::from_json(json.as_bytes()).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_search_needs_a_positive_number_of_results() {
        let refused = |json| decode::<SearchExperiments>(json).unwrap_err();
        assert_eq!(
            refused("{}"),
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"
        );
        assert_eq!(
            refused(r#"{"max_results": 50001}"#),
            "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000"
        );
        let search: SearchExperiments =
            decode(r#"{"max_results": "50000", "view_type": "ALL"}"#).unwrap();
        assert_eq!((search.max_results, search.view_type), (50_000, ViewType::All));
        let search: SearchExperiments =
            decode(r#"{"max_results": 1, "view_type": "BOGUS"}"#).unwrap();
        assert_eq!(search.view_type, ViewType::ActiveOnly);
    }

    #[test]
    fn fields_stand_in_the_order_of_their_numbers() {
        let experiment = Experiment {
            experiment_id: ExperimentId(16),
            name: "t1".to_owned(),
            artifact_location: Some("mlflow-artifacts:/16".to_owned()),
            lifecycle_stage: Some("active".to_owned()),
            last_update_time: Some(2),
            creation_time: Some(1),
            tags: Vec::new(),
            workspace: "default".to_owned(),
        };
        assert_eq!(
            serde_json::to_string(&GetExperimentResponse { experiment }).unwrap(),
            r#"{"experiment":{"experiment_id":"16","name":"t1","artifact_location":"mlflow-artifacts:/16","lifecycle_stage":"active","last_update_time":2,"creation_time":1,"workspace":"default"}}"#
        );
    }
}
