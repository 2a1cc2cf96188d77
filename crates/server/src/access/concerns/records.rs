//! What messages about experiments, runs, logged models and their artifacts concern.

use super::{Want, Wants, concern};
use crate::access::Concerns;
use mlferry_artifacts::ArtifactPath;
use mlferry_protocol::{
    ExperimentId, RunId,
    access::{Action, Grants, Requirement, ResourceType},
    artifacts::{
        AbortMultipartUpload, ArtifactOwner, CompleteMultipartUpload, CreateMultipartUpload,
        CreatePresignedDownloadUrl, CreatePresignedUploadUrl, DownloadLoggedModelArtifact,
        ListArtifacts, ListLoggedModelArtifacts, ListRunArtifacts,
    },
    batch::LogBatch,
    changes::WatchChanges,
    datasets::{LogInputs, SearchDatasets},
    experiment_summaries::{SummarizeExperiments, WeighExperiment},
    experiments::{
        CreateExperiment, DeleteExperiment, GetExperiment, GetExperimentByName, RestoreExperiment,
        SearchExperiments, UpdateExperiment,
    },
    graphql::GraphQlRequest,
    logged_model_search::SearchLoggedModels,
    logged_models::{
        CreateLoggedModel, DeleteLoggedModel, DeleteLoggedModelTag, FinalizeLoggedModel,
        GetLoggedModel, LogLoggedModelParams, LogOutputs, SetLoggedModelTags,
    },
    metric_histories::{GetMetricHistoryBulk, GetMetricHistoryBulkInterval},
    metrics::{GetMetricHistory, LogMetric},
    model_history::LogModel,
    params::LogParam,
    runs::{CreateRun, DeleteRun, GetRun, RestoreRun, SearchRuns, UpdateRun},
    tags::{DeleteExperimentTag, DeleteTag, SetExperimentTag, SetTag},
};
use mlferry_store::is_of_server;

concern! {
    GetExperiment => |it, wants| wants.experiment(it.experiment_id);
    GetExperimentByName => |it, wants| {
        wants.add(Want::ExperimentNamed(it.experiment_name.clone(), Action::Read));
    };
    UpdateExperiment => |it, wants| wants.experiment(it.experiment_id);
    DeleteExperiment => |it, wants| {
        wants.add(Want::WholeExperiment(it.experiment_id, Action::Delete));
    };
    RestoreExperiment => |it, wants| {
        wants.add(Want::WholeExperiment(it.experiment_id, Action::Delete));
    };
    SetExperimentTag => |it, wants| wants.experiment(it.experiment_id);
    DeleteExperimentTag => |it, wants| wants.experiment(it.experiment_id);
    CreateRun => |it, wants| wants.add(Want::NewIn(it.experiment_id, ResourceType::Run));
    GetRun => |it, wants| wants.run(&it.run_id);
    UpdateRun => |it, wants| wants.run(&it.run_id);
    DeleteRun => |it, wants| wants.run(&it.run_id);
    RestoreRun => |it, wants| wants.run(&it.run_id);
    LogParam => |it, wants| wants.run(&it.run_id);
    SetTag => |it, wants| wants.run(&it.run_id);
    DeleteTag => |it, wants| wants.run(&it.run_id);
    LogModel => |it, wants| wants.run(&it.run_id);
    GetMetricHistory => |it, wants| wants.run(&it.run_id);
    GetMetricHistoryBulk => |it, wants| all_runs(&it.run_ids, wants);
    GetMetricHistoryBulkInterval => |it, wants| all_runs(&it.run_ids, wants);
    LogMetric => |it, wants| {
        wants.run(&it.run_id);
        models(it.metric.model_id.as_deref(), wants);
    };
    LogBatch => |it, wants| {
        wants.run(&it.run_id);
        models(it.metrics.iter().filter_map(|metric| metric.model_id.as_deref()), wants);
    };
    LogInputs => |it, wants| {
        wants.run(&it.run_id);
        models(it.models.iter().map(|model| model.model_id.as_str()), wants);
    };
    LogOutputs => |it, wants| {
        wants.run(&it.run_id);
        models(it.models.iter().map(|model| model.model_id.as_str()), wants);
    };
    SummarizeExperiments => |it, wants| runs_in(&it.experiment_ids, wants);
    WeighExperiment => |it, wants| {
        wants.add(Want::WholeExperiment(it.experiment_id, Action::Read));
    };
    WatchChanges => |it, wants| {
        for id in &it.experiment_ids {
            wants.experiment(*id);
            wants.add(Want::PartsOf(*id, ResourceType::Run, Action::Read));
        }
        all_runs(&it.run_ids, wants);
    };
    SearchDatasets => |it, wants| runs_in(&it.experiment_ids, wants);
    CreateLoggedModel => |it, wants| {
        wants.add(Want::NewIn(it.experiment_id, ResourceType::LoggedModel));
        if !it.source_run_id.as_str().is_empty() {
            wants.add(Want::Run(it.source_run_id.as_str().to_owned(), Action::Read));
        }
    };
    GetLoggedModel => |it, wants| wants.logged_model(&it.model_id);
    FinalizeLoggedModel => |it, wants| wants.logged_model(&it.model_id);
    DeleteLoggedModel => |it, wants| wants.logged_model(&it.model_id);
    LogLoggedModelParams => |it, wants| wants.logged_model(&it.model_id);
    SetLoggedModelTags => |it, wants| wants.logged_model(&it.model_id);
    DeleteLoggedModelTag => |it, wants| wants.logged_model(&it.model_id);
    ListLoggedModelArtifacts => |it, wants| wants.logged_model(&it.model_id);
    DownloadLoggedModelArtifact => |it, wants| wants.logged_model(&it.model_id);
    ListRunArtifacts => |it, wants| wants.run(&it.run_id);
    CreatePresignedDownloadUrl => |it, wants| {
        // A question, though it is sent as a change.
        wants.add(Want::Run(it.run_id.as_str().to_owned(), Action::Read));
    };
    CreatePresignedUploadUrl => |it, wants| match &it.owner {
        ArtifactOwner::Run(run) => wants.run(run),
        ArtifactOwner::Model(model) => wants.logged_model(model),
    };
    ListArtifacts => |it, wants| match ArtifactPath::parse_folder(&it.path) {
        Ok(path) => wants.path(path),
        Err(_) => wants.operator(),
    };
}

/// What each question of a document concerns is judged when it is answered.
impl Concerns for GraphQlRequest {
    fn concerns(&self, _: &mut Wants) {}
}

/// Their paths are judged where they are read from the URL; these only name files below.
macro_rules! below_a_path {
    ($($message:ty),*) => {$(
        impl Concerns for $message {
            fn concerns(&self, _: &mut Wants) {}
        }
    )*};
}

below_a_path!(CreateMultipartUpload, CompleteMultipartUpload, AbortMultipartUpload);

impl Concerns for CreateExperiment {
    fn concerns(&self, wants: &mut Wants) {
        wants.add(Want::New(ResourceType::Experiment, None));
        if self.artifact_location.as_deref().is_some_and(is_of_server) {
            // It could be a place among the files of others.
            wants.operator();
        }
    }
}

impl Concerns for SearchExperiments {
    fn concerns(&self, _: &mut Wants) {}

    fn narrow(&mut self, grants: &Grants) {
        self.visible = grants.visible(ResourceType::Experiment);
    }
}

impl Concerns for SearchRuns {
    fn concerns(&self, _: &mut Wants) {}

    fn narrow(&mut self, grants: &Grants) {
        keep_readable(
            &mut self.experiment_ids,
            grants,
            [ResourceType::Run, ResourceType::LoggedModel],
        );
    }
}

impl Concerns for SearchLoggedModels {
    fn concerns(&self, _: &mut Wants) {}

    fn narrow(&mut self, grants: &Grants) {
        keep_readable(
            &mut self.experiment_ids,
            grants,
            [ResourceType::LoggedModel, ResourceType::Run],
        );
    }
}

/// Leaves out the experiments of which somebody may not see the parts that an answer tells of.
fn keep_readable<const N: usize>(
    ids: &mut Vec<ExperimentId>,
    grants: &Grants,
    told: [ResourceType; N],
) {
    let is_denied = |kind| !grants.meet(&Requirement::on(kind, "*", Action::NotDenied));
    if told.into_iter().any(is_denied) {
        ids.clear();
    }
    ids.retain(|id| {
        let id = id.to_string();
        grants.meet(&Requirement::on(ResourceType::Experiment, &id, Action::Read))
    });
}

/// Experiments, of whose runs the answer tells.
fn runs_in(experiments: &[ExperimentId], wants: &mut Wants) {
    for id in experiments {
        wants.experiment(*id);
    }
    wants.add(Want::NotDenied(ResourceType::Run));
}

fn all_runs(runs: &[RunId], wants: &mut Wants) {
    for run in runs {
        wants.run(run);
    }
}

/// Logged models to which something is written on the way.
fn models<'a>(ids: impl IntoIterator<Item = &'a str>, wants: &mut Wants) {
    for id in ids {
        if !id.is_empty() {
            wants.add(Want::LoggedModel(id.to_owned(), Action::Update));
        }
    }
}
