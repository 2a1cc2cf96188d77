//! What a list of experiments tells of each: mlferry's own, the reference has no such thing.

use crate::{DecodeRequest, ExperimentId, Fields, InvalidParameter, limits};
use schemars::JsonSchema;
use serde::Serialize;

/// `GET /ajax-api/3.0/mlferry/experiments/summaries`: how many runs experiments have, and when the last one went on.
#[derive(Debug)]
pub struct SummarizeExperiments {
    /// The experiments.
    pub experiment_ids: Vec<ExperimentId>,
}

impl DecodeRequest for SummarizeExperiments {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let given = fields.strings("experiment_ids")?;
        let (count, most) = (given.len(), limits::SUMMARIZED_EXPERIMENTS);
        if count == 0 || count > most {
            return Err(InvalidParameter::new(format!(
                "Name 1 to {most} 'experiment_ids', not {count}."
            )));
        }
        Ok(Self { experiment_ids: ExperimentId::parse_list(&given)? })
    }
}

/// The runs of an experiment, without those that are deleted.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ExperimentSummary {
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// How many runs it has.
    pub runs: i64,
    /// When the last one began or ended, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity_time: Option<i64>,
}

/// The answer to [`SummarizeExperiments`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SummarizeExperimentsResponse {
    /// Experiments that have runs, in no order.
    pub experiments: Vec<ExperimentSummary>,
}

/// `GET /ajax-api/3.0/mlferry/experiments/weight`: what the files of an experiment weigh together.
#[derive(Debug)]
pub struct WeighExperiment {
    /// The experiment.
    pub experiment_id: ExperimentId,
}

impl DecodeRequest for WeighExperiment {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { experiment_id: fields.experiment_id()? })
    }
}

/// The answer to [`WeighExperiment`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ExperimentWeight {
    /// Files below the experiment's artifact location.
    pub files: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// Whether that is all; of very many files, only as many are counted as a person waits for.
    pub is_complete: bool,
}
