//! Tables of what judges traces, and of what it is judged by.

use sea_query::Iden;

#[derive(Iden, Clone, Copy)]
pub(crate) enum Scorers {
    Table,
    ExperimentId,
    ScorerName,
    ScorerId,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum ScorerVersions {
    Table,
    ScorerId,
    ScorerVersion,
    SerializedScorer,
    CreationTime,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum OnlineScoringConfigs {
    Table,
    OnlineScoringConfigId,
    ScorerId,
    SampleRate,
    ExperimentId,
    FilterString,
}

/// Endpoints of the gateway, which scorers name.
#[derive(Iden, Clone, Copy)]
pub(crate) enum Endpoints {
    Table,
    EndpointId,
    Name,
    Workspace,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum EndpointBindings {
    Table,
    EndpointId,
    ResourceType,
    ResourceId,
    DisplayName,
    CreatedAt,
    LastUpdatedAt,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum EvaluationDatasets {
    Table,
    DatasetId,
    Name,
    Schema,
    Profile,
    Digest,
    CreatedTime,
    LastUpdateTime,
    CreatedBy,
    LastUpdatedBy,
    Workspace,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum EvaluationDatasetTags {
    Table,
    DatasetId,
    Key,
    Value,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum EvaluationDatasetRecords {
    Table,
    DatasetRecordId,
    DatasetId,
    Inputs,
    Expectations,
    Tags,
    Source,
    SourceId,
    SourceType,
    CreatedTime,
    LastUpdateTime,
    CreatedBy,
    LastUpdatedBy,
    InputHash,
    Outputs,
}
