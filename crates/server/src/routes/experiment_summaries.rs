//! What a list of experiments tells of each.

use super::RunArtifacts;
use crate::{
    artifact_roots::ArtifactRoot,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_artifacts::{ArtifactError, ListOptions};
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
    Ok(Json(weigh(&root).await?))
}

/// Adds up what lies below a root, page by page.
async fn weigh(root: &ArtifactRoot) -> Result<ExperimentWeight, ArtifactError> {
    let end = Instant::now() + WEIGHING_TIME;
    let mut weight = ExperimentWeight::default();
    let mut after = None;
    loop {
        // Where the store goes through all of it for each page, the first page has all.
        let options = ListOptions { recursive: true, max_results: None, after, may_exceed: true };
        let listing = root.service.list(root.folder.clone(), options).await?;
        for entry in &listing.entries {
            weight.files += 1;
            weight.bytes += entry.size.unwrap_or_default();
        }
        after = listing.next;
        if after.is_none() || Instant::now() >= end {
            weight.is_complete = after.is_none();
            return Ok(weight);
        }
    }
}
