//! Names of tables and columns, as MLflow's schema has them.

mod genai;
mod webhooks;

pub(crate) use genai::*;
pub(crate) use webhooks::*;

use sea_query::Iden;

#[derive(Iden, Clone, Copy)]
pub(crate) enum AlembicVersion {
    Table,
    VersionNum,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Assessments {
    Table,
    AssessmentId,
    TraceId,
    Name,
    AssessmentType,
    Value,
    Error,
    CreatedTimestamp,
    LastUpdatedTimestamp,
    SourceType,
    SourceId,
    RunId,
    SpanId,
    Rationale,
    Overrides,
    Valid,
    AssessmentMetadata,
    ExperimentId,
    TraceTimestampMs,
    AggregateValue,
    IsNumericValue,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Experiments {
    Table,
    ExperimentId,
    Name,
    ArtifactLocation,
    LifecycleStage,
    CreationTime,
    LastUpdateTime,
    Workspace,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum ExperimentTags {
    Table,
    Key,
    Value,
    ExperimentId,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Runs {
    Table,
    RunUuid,
    Name,
    SourceType,
    SourceName,
    EntryPointName,
    UserId,
    Status,
    StartTime,
    EndTime,
    SourceVersion,
    LifecycleStage,
    ArtifactUri,
    ExperimentId,
    DeletedTime,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Metrics {
    Table,
    Key,
    Value,
    Timestamp,
    RunUuid,
    Step,
    IsNan,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum LatestMetrics {
    Table,
    Key,
    Value,
    Timestamp,
    Step,
    IsNan,
    RunUuid,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Params {
    Table,
    Key,
    Value,
    RunUuid,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Tags {
    Table,
    Key,
    Value,
    RunUuid,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Datasets {
    Table,
    DatasetUuid,
    ExperimentId,
    Name,
    Digest,
    DatasetSourceType,
    DatasetSource,
    DatasetSchema,
    DatasetProfile,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Inputs {
    Table,
    InputUuid,
    SourceType,
    SourceId,
    DestinationType,
    DestinationId,
    Step,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum InputTags {
    Table,
    InputUuid,
    Name,
    Value,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum LoggedModels {
    Table,
    ModelId,
    ExperimentId,
    Name,
    ArtifactLocation,
    CreationTimestampMs,
    LastUpdatedTimestampMs,
    Status,
    LifecycleStage,
    ModelType,
    SourceRunId,
    StatusMessage,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum LoggedModelParams {
    Table,
    ModelId,
    ExperimentId,
    ParamKey,
    ParamValue,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum LoggedModelTags {
    Table,
    ModelId,
    ExperimentId,
    TagKey,
    TagValue,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum LoggedModelMetrics {
    Table,
    ModelId,
    MetricName,
    MetricTimestampMs,
    MetricStep,
    MetricValue,
    ExperimentId,
    RunId,
    DatasetName,
    DatasetDigest,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum RegisteredModels {
    Table,
    Name,
    CreationTime,
    LastUpdatedTime,
    Description,
    Workspace,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum RegisteredModelTags {
    Table,
    Key,
    Value,
    Name,
    Workspace,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum RegisteredModelAliases {
    Table,
    Alias,
    Version,
    Name,
    Workspace,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum ModelVersions {
    Table,
    Name,
    Version,
    CreationTime,
    LastUpdatedTime,
    Description,
    UserId,
    CurrentStage,
    Source,
    RunId,
    Status,
    StatusMessage,
    RunLink,
    StorageLocation,
    Workspace,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum ModelVersionTags {
    Table,
    Key,
    Value,
    Name,
    Version,
    Workspace,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum EntityAssociations {
    Table,
    AssociationId,
    SourceType,
    SourceId,
    DestinationType,
    DestinationId,
    CreatedTime,
}

#[derive(Iden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TraceInfo {
    Table,
    RequestId,
    ExperimentId,
    TimestampMs,
    ExecutionTimeMs,
    Status,
    ClientRequestId,
    RequestPreview,
    ResponsePreview,
    DbPayloadGeneration,
    TraceName,
    SessionId,
    InputTokens,
    OutputTokens,
    TotalTokens,
    CacheReadInputTokens,
    CacheCreationInputTokens,
    #[iden = "cache_creation_input_tokens_above_1hr"]
    CacheCreationInputTokensAbove1Hr,
    InputCost,
    OutputCost,
    TotalCost,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum TraceTags {
    Table,
    Key,
    Value,
    RequestId,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum TraceRequestMetadata {
    Table,
    Key,
    Value,
    RequestId,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum Spans {
    Table,
    TraceId,
    ExperimentId,
    SpanId,
    ParentSpanId,
    Name,
    Type,
    Status,
    StartTimeUnixNano,
    EndTimeUnixNano,
    Content,
    InputCost,
    OutputCost,
    TotalCost,
    ModelName,
    ModelProvider,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum ReviewQueueItems {
    Table,
    ItemType,
    ItemId,
}

/// The tables of daily sums of traces, which have no key to their experiment.
#[derive(Iden, Clone, Copy)]
pub(crate) enum Rollups {
    ExperimentId,
    #[iden = "sql_assessment_daily_rollups"]
    Assessments,
    #[iden = "sql_span_cost_daily_rollups"]
    SpanCosts,
    #[iden = "sql_trace_metric_daily_rollups"]
    TraceMetrics,
    #[iden = "sql_trace_rollup_rebuild_queue"]
    RebuildQueue,
}

impl Rollups {
    pub(crate) const TABLES: [Self; 4] =
        [Self::Assessments, Self::SpanCosts, Self::TraceMetrics, Self::RebuildQueue];
}
