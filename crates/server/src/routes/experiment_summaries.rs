//! What a list of experiments tells of each.

use super::RunArtifacts;
use crate::{
    collect::{Weight, weigh},
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    experiment_summaries::{
        ExperimentWeight, SummarizeExperiments, SummarizeExperimentsResponse, WeighExperiment,
    },
    experiments::GetExperiment,
};
use mlferry_store::Store;
use std::time::{Duration, Instant};

/// How long a person waits for the weight of an experiment.
const WEIGHING_TIME: Duration = Duration::from_secs(10);

pub(super) async fn summaries(
    State(store): State<Store>,
    Rpc(request): Rpc<SummarizeExperiments>,
) -> Reply<SummarizeExperimentsResponse> {
    Ok(Json(store.summarize_experiments(request).await?))
}

pub(super) async fn weight(
    State(artifacts): State<RunArtifacts>,
    Rpc(WeighExperiment { experiment_id }): Rpc<WeighExperiment>,
) -> Reply<ExperimentWeight> {
    let experiment = artifacts.store.get_experiment(GetExperiment { experiment_id }).await?;
    let location = experiment.artifact_location;
    let root = artifacts.roots.resolve(location.as_deref().unwrap_or_default()).await?;
    let end = Instant::now() + WEIGHING_TIME;
    let (Weight { files, bytes }, is_complete) =
        weigh(&root, root.folder.clone(), Some(end)).await?;
    Ok(Json(ExperimentWeight { files, bytes, is_complete }))
}
