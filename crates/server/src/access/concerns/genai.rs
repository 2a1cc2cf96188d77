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

only_operators!(
    RegisterScorer,
    ListScorers,
    ListScorerVersions,
    GetScorer,
    DeleteScorer,
    GetOnlineScoringConfigs,
    SetOnlineScoringConfig,
    CreateDataset,
    GetDataset,
    DeleteDataset,
    SearchEvaluationDatasets,
    SetDatasetTags,
    DeleteDatasetTag,
    UpsertDatasetRecords,
    GetDatasetRecords,
    DeleteDatasetRecords,
    GetDatasetExperimentIds,
    AddDatasetToExperiments,
    RemoveDatasetFromExperiments,
);
