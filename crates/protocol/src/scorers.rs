//! Scorers: what judges traces, kept as JSON texts in numbered versions.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, check_length, limits, python,
    serialized_scorers::SerializedScorer,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A version of a scorer.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ScorerVersion {
    /// Its experiment; a number on the wire, unlike everywhere else.
    pub experiment_id: i64,
    /// The scorer's name, unique in the experiment.
    pub scorer_name: String,
    /// Its number, from 1.
    pub scorer_version: i64,
    /// What it is.
    pub serialized_scorer: String,
    /// When it was registered, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<i64>,
    /// The scorer's id.
    pub scorer_id: String,
}

/// `POST …/scorers/register`: the next version of a scorer.
#[derive(Debug)]
pub struct RegisterScorer {
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// The scorer's name.
    pub name: String,
    /// What it is.
    pub serialized_scorer: SerializedScorer,
}

impl DecodeRequest for RegisterScorer {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = fields.required_string("experiment_id")?;
        let name = fields.required_string("name")?;
        let serialized = fields.required_string("serialized_scorer")?;
        let serialized_scorer = SerializedScorer::read(serialized)?;
        if name.trim().is_empty() {
            return Err(InvalidParameter::new(
                "Scorer name cannot be empty or contain only whitespace.",
            ));
        }
        check_length("name", &name, limits::SCORER_NAME)?;
        let experiment_id = ExperimentId::parse(&experiment_id)?;
        serialized_scorer.check_model()?;
        Ok(Self { experiment_id, name, serialized_scorer })
    }
}

/// The answer to [`RegisterScorer`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct RegisterScorerResponse {
    /// The number of the new version.
    pub version: i64,
    /// The scorer's id.
    pub scorer_id: String,
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// The scorer's name.
    pub name: String,
    /// What it is.
    pub serialized_scorer: String,
    /// When it was registered, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<i64>,
}

impl From<ScorerVersion> for RegisterScorerResponse {
    fn from(version: ScorerVersion) -> Self {
        Self {
            version: version.scorer_version,
            scorer_id: version.scorer_id,
            experiment_id: ExperimentId(version.experiment_id),
            name: version.scorer_name,
            serialized_scorer: version.serialized_scorer,
            creation_time: version.creation_time,
        }
    }
}

/// `GET …/scorers/list`: the newest version of each scorer.
#[derive(Debug)]
pub enum ListScorers {
    /// Of one experiment, which must be active.
    Of(ExperimentId),
    /// Of those of some experiments that are active.
    Among(Vec<ExperimentId>),
    /// Of all active experiments.
    All,
}

impl DecodeRequest for ListScorers {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let id = fields.string("experiment_id")?.filter(|id| !id.is_empty());
        let has_list = fields.has("experiment_ids");
        let list = fields.strings("experiment_ids")?;
        match (id, has_list) {
            (Some(_), true) => Err(InvalidParameter::new(
                "Cannot specify both 'experiment_id' and 'experiment_ids'. Use 'experiment_ids' to \
                 scope the query to multiple experiments, or 'experiment_id' to scope it to a single \
                 experiment.",
            )),
            (Some(id), false) => Ok(Self::Of(ExperimentId::parse(&id)?)),
            (None, true) => Ok(Self::Among(ExperimentId::parse_list(&list)?)),
            (None, false) => Ok(Self::All),
        }
    }
}

/// `GET …/scorers/versions`.
#[derive(Debug)]
pub struct ListScorerVersions {
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// The scorer's name.
    pub name: String,
}

impl DecodeRequest for ListScorerVersions {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = fields.required_string("experiment_id")?;
        let name = fields.required_string("name")?;
        Ok(Self { experiment_id: ExperimentId::parse(&experiment_id)?, name })
    }
}

/// The answer to [`ListScorers`] and [`ListScorerVersions`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct ListScorersResponse {
    /// By experiment and name, or by version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scorers: Vec<ScorerVersion>,
}

/// A scorer, and one of its versions.
#[derive(Debug)]
pub struct WhichScorer {
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// The scorer's name.
    pub name: String,
    /// The version; absent, the newest or all.
    pub version: Option<i64>,
}

impl WhichScorer {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = fields.required_string("experiment_id")?;
        let name = fields.required_string("name")?;
        let version = fields.integer("version")?;
        Ok(Self { experiment_id: ExperimentId::parse(&experiment_id)?, name, version })
    }
}

/// `GET …/scorers/get`.
#[derive(Debug)]
pub struct GetScorer(pub WhichScorer);

impl DecodeRequest for GetScorer {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        WhichScorer::read(fields).map(Self)
    }
}

/// The answer to [`GetScorer`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetScorerResponse {
    /// The version.
    pub scorer: ScorerVersion,
}

/// `DELETE …/scorers/delete`.
#[derive(Debug)]
pub struct DeleteScorer(pub WhichScorer);

impl DecodeRequest for DeleteScorer {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        WhichScorer::read(fields).map(Self)
    }
}

/// `GET …/scorers/online-configs`.
#[derive(Debug)]
pub struct GetOnlineScoringConfigs {
    /// The scorers.
    pub scorer_ids: Vec<String>,
}

impl DecodeRequest for GetOnlineScoringConfigs {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("scorer_ids") {
            return Err(InvalidParameter::missing("scorer_ids"));
        }
        Ok(Self { scorer_ids: fields.strings("scorer_ids")? })
    }
}

/// `PUT …/scorers/online-config`: another one, or the first.
#[derive(Debug)]
pub struct SetOnlineScoringConfig {
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// The scorer's name.
    pub name: String,
    /// The share of traces, from 0 to 1.
    pub sample_rate: f64,
    /// Which traces; absent and empty are all.
    pub filter_string: Option<String>,
}

impl DecodeRequest for SetOnlineScoringConfig {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiment_id = fields.required_string("experiment_id")?;
        let name = fields.required_string("name")?;
        let sample_rate = fields.required_number("sample_rate");
        let filter_string = match fields.json("filter_string")? {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => {
                return Err(InvalidParameter::new(format!(
                    "Invalid value {} for parameter 'filter_string' supplied: Value was of type '{}'. \
                     Expected type 'str' or None.",
                    python::repr_json(&other),
                    python::type_name(&other)
                )));
            }
        };
        let sample_rate = sample_rate?;
        if !(0.0..=1.0).contains(&sample_rate) {
            return Err(InvalidParameter::new(format!(
                "sample_rate must be between 0.0 and 1.0, got {}",
                python::repr_float(sample_rate)
            )));
        }
        let experiment_id = ExperimentId::parse(&experiment_id)?;
        Ok(Self { experiment_id, name, sample_rate, filter_string })
    }
}

/// The answer to [`SetOnlineScoringConfig`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SetOnlineScoringConfigResponse {
    /// The one that counts now.
    pub config: OnlineScoringConfig,
}

/// How many of an experiment's traces a scorer judges by itself.
#[derive(Debug, JsonSchema, Serialize)]
pub struct OnlineScoringConfig {
    /// Its id.
    pub online_scoring_config_id: String,
    /// The scorer.
    pub scorer_id: String,
    /// The share of traces, from 0 to 1.
    pub sample_rate: f64,
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// Which traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_string: Option<String>,
}

/// The answer to [`GetOnlineScoringConfigs`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetOnlineScoringConfigsResponse {
    /// Those of the scorers that have one.
    pub configs: Vec<OnlineScoringConfig>,
}
