//! What a page watches, to learn of changes as they come: mlferry's own, the reference has no such thing.

use crate::{DecodeRequest, ExperimentId, Fields, InvalidParameter, RunId, limits};
use schemars::JsonSchema;
use serde::Serialize;

/// `GET /ajax-api/3.0/mlferry/changes`: an answer without end that tells what changes, as server-sent events.
#[derive(Debug, Clone)]
pub struct WatchChanges {
    /// Experiments whose newest runs are watched.
    pub experiment_ids: Vec<ExperimentId>,
    /// Runs that are watched, wherever they are.
    pub run_ids: Vec<RunId>,
}

impl DecodeRequest for WatchChanges {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let experiments = fields.strings("experiment_ids")?;
        let runs = fields.strings("run_ids")?;
        let (count, most) = (experiments.len() + runs.len(), limits::WATCHED);
        if count == 0 || count > most {
            return Err(InvalidParameter::new(format!(
                "Name 1 to {most} 'experiment_ids' and 'run_ids' to watch, not {count}."
            )));
        }
        Ok(Self {
            experiment_ids: ExperimentId::parse_list(&experiments)?,
            run_ids: runs.into_iter().map(RunId::new).collect(),
        })
    }
}

/// The data of each event of that answer: what differs from the event before.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Changes {
    /// Runs that were watched by their ids.
    pub run_ids: Vec<RunId>,
    /// Experiments one of whose newest runs differs, or which have another one.
    pub experiment_ids: Vec<ExperimentId>,
}

impl Changes {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.run_ids.is_empty() && self.experiment_ids.is_empty()
    }
}
