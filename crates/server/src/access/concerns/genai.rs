//! What messages about traces, assessments, scorers and evaluation datasets concern.

use super::{AssessmentAction, Want, concern, only_operators};
use mlferry_protocol::{
    access::{Action, ResourceType},
    assessments::{CreateAssessment, DeleteAssessment, GetAssessment, UpdateAssessment},
    evaluation_datasets::{
        AddDatasetToExperiments, CreateDataset, DeleteDataset, DeleteDatasetRecords,
        DeleteDatasetTag, GetDataset, GetDatasetExperimentIds, GetDatasetRecords,
        RemoveDatasetFromExperiments, SearchEvaluationDatasets, SetDatasetTags,
        UpsertDatasetRecords,
    },
    scorers::{
        DeleteScorer, GetOnlineScoringConfigs, GetScorer, ListScorerVersions, ListScorers,
        RegisterScorer, SetOnlineScoringConfig,
    },
    trace_changes::{
        DeleteTraceTag, DeleteTraces, LinkPromptsToTrace, LinkTracesToRun, SetTraceTag,
    },
    trace_correlations::CorrelateTraceFilters,
    trace_metrics::QueryTraceMetrics,
    traces::{BatchGetTraces, GetTrace, GetTraceInfo, SearchTraces, StartTrace},
    traces_v2::{EndTraceV2, GetTraceInfoV2, SearchTracesV2, StartTraceV2},
};

concern! {
    StartTrace => |it, wants| {
        wants.add(Want::NewIn(it.info.experiment_id, ResourceType::Trace));
        wants.add(Want::TraceIfThere(it.info.trace_id.clone()));
        if !it.assessments.is_empty() {
            wants.add(Want::NotDenied(ResourceType::Assessment));
        }
    };
    StartTraceV2 => |it, wants| wants.add(Want::NewIn(it.experiment_id, ResourceType::Trace));
    EndTraceV2 => |it, wants| wants.trace(&it.trace_id);
    GetTrace => |it, wants| wants.trace(&it.trace_id);
    GetTraceInfo => |it, wants| wants.trace(&it.trace_id);
    GetTraceInfoV2 => |it, wants| wants.trace(&it.trace_id);
    BatchGetTraces => |it, wants| {
        if it.trace_ids.is_empty() {
            wants.operator();
        }
        for id in &it.trace_ids {
            wants.add(Want::Trace(id.clone(), Action::Read));
        }
        wants.all_that_traces_tell();
    };
    SearchTraces => |it, wants| wants.traces_in(&it.experiment_ids);
    SearchTracesV2 => |it, wants| wants.traces_in(&it.0.experiment_ids);
    QueryTraceMetrics => |it, wants| wants.traces_in(&it.experiment_ids);
    CorrelateTraceFilters => |it, wants| wants.traces_in(&it.experiment_ids);
    SetTraceTag => |it, wants| wants.trace(&it.trace_id);
    DeleteTraceTag => |it, wants| wants.trace(&it.trace_id);
    // Of those that it names, only the experiment's are deleted.
    DeleteTraces => |it, wants| wants.add(Want::TracesOf(it.experiment_id));
    LinkTracesToRun => |it, wants| {
        wants.run(&it.run_id);
        for id in &it.trace_ids {
            wants.add(Want::Trace(id.clone(), Action::Read));
        }
    };
    LinkPromptsToTrace => |it, wants| wants.trace(&it.trace_id);
    RegisterScorer => |it, wants| {
        wants.add(Want::NewScorer(it.experiment_id, it.name.clone()));
    };
    // What may not be seen is left out of the answer.
    ListScorers => |it, wants| match it {
        ListScorers::Of(id) => wants.experiment(*id),
        ListScorers::Among(ids) => ids.iter().for_each(|id| wants.experiment(*id)),
        ListScorers::All => {}
    };
    ListScorerVersions => |it, wants| {
        wants.add(Want::Scorer(it.experiment_id, it.name.clone()));
    };
    GetScorer => |it, wants| wants.add(Want::Scorer(it.0.experiment_id, it.0.name.clone()));
    DeleteScorer => |it, wants| {
        let which = &it.0;
        wants.add(Want::ScorerDeletion(which.experiment_id, which.name.clone(), which.version));
    };
    SetOnlineScoringConfig => |it, wants| wants.experiment(it.experiment_id);
    CreateDataset => |it, wants| wants.experiments_named(&it.experiment_ids);
    SearchEvaluationDatasets => |it, wants| wants.experiments_named(&it.experiment_ids);
    GetDataset => |it, wants| wants.dataset(&it.dataset_id);
    DeleteDataset => |it, wants| wants.dataset(&it.dataset_id);
    SetDatasetTags => |it, wants| wants.dataset(&it.dataset_id);
    DeleteDatasetTag => |it, wants| wants.dataset(&it.dataset_id);
    UpsertDatasetRecords => |it, wants| wants.dataset(&it.dataset_id);
    GetDatasetRecords => |it, wants| wants.dataset(&it.dataset_id);
    DeleteDatasetRecords => |it, wants| wants.dataset(&it.dataset_id);
    GetDatasetExperimentIds => |it, wants| wants.dataset(&it.dataset_id);
    AddDatasetToExperiments => |it, wants| {
        wants.dataset(&it.dataset_id);
        let ids: Vec<String> = it.experiment_ids.iter().map(|(id, _)| id.clone()).collect();
        wants.experiments_named(&ids);
    };
    RemoveDatasetFromExperiments => |it, wants| wants.dataset(&it.dataset_id);
    CreateAssessment => |it, wants| {
        wants.add(Want::Assessment(it.trace_id.clone(), AssessmentAction::Create));
    };
    GetAssessment => |it, wants| {
        wants.add(Want::Assessment(it.trace_id.clone(), AssessmentAction::Read));
    };
    UpdateAssessment => |it, wants| {
        wants.add(Want::Assessment(it.trace_id.clone(), AssessmentAction::Update));
    };
    DeleteAssessment => |it, wants| {
        wants.add(Want::Assessment(it.trace_id.clone(), AssessmentAction::Delete));
    };
}

// It names scorers by ids, of any experiment.
only_operators!(GetOnlineScoringConfigs);
