//! What was logged to runs, read for a whole page of them at once.

use crate::{StoreError, datasets, db::Transaction, inputs, metrics, params, tags};
use mlferry_protocol::runs::{Run, RunData, RunInfo, RunInputs, RunOutputs};
use std::collections::HashMap;

/// How much of runs is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All there is.
    One,
    /// All but the models that runs use, which the reference leaves out of searches.
    Page,
}

/// Reads what was logged to runs: a few statements, however many runs there are.
pub(crate) async fn complete(
    transaction: &mut Transaction,
    infos: Vec<RunInfo>,
    detail: Detail,
) -> Result<Vec<Run>, StoreError> {
    let ids: Vec<&str> = infos.iter().map(|info| info.run_id.as_str()).collect();
    let mut metrics = metrics::latest_of_runs(transaction, &ids).await?;
    let mut params = params::of_runs(transaction, &ids).await?;
    let mut tags = tags::of_runs(transaction, &ids).await?;
    let mut dataset_inputs = datasets::of_runs(transaction, &ids).await?;
    let mut model_inputs = match detail {
        Detail::One => inputs::models_of_runs(transaction, &ids).await?,
        Detail::Page => HashMap::new(),
    };
    let mut model_outputs = inputs::outputs_of_runs(transaction, &ids).await?;
    let runs = infos.into_iter().map(|info| {
        let id = info.run_id.as_str();
        let data = RunData {
            metrics: metrics.remove(id).unwrap_or_default(),
            params: params.remove(id).unwrap_or_default(),
            tags: tags.remove(id).unwrap_or_default(),
        };
        let inputs = RunInputs {
            dataset_inputs: dataset_inputs.remove(id).unwrap_or_default(),
            model_inputs: model_inputs.remove(id).unwrap_or_default(),
        };
        let model_outputs = model_outputs.remove(id).unwrap_or_default();
        Run { info, data, inputs, outputs: Some(RunOutputs { model_outputs }) }
    });
    Ok(runs.collect())
}
