//! Every request of the API by its name, with examples that have each of its fields.
//!
//! What a route takes is listed here or does not compile, so that none is left out where all are looked at, as in fuzzing.

use crate::{DecodeRequest, Fields, InvalidParameter};

/// What is known of a kind of request.
#[derive(Debug, Clone, Copy)]
pub struct MessageInfo {
    /// The name of its type.
    pub name: &'static str,
    /// JSON objects that are such requests. Together they have all fields; there are several where one field
    /// excludes another.
    pub examples: &'static [&'static str],
    /// Reads one, and tells only whether it can be read.
    pub decode: fn(&mut Fields) -> Result<(), InvalidParameter>,
}

/// A request that is listed here.
pub trait Message: DecodeRequest {
    /// What is known of its kind.
    const INFO: MessageInfo;
}

macro_rules! messages {
    ($($module:ident::$message:ident = [$($example:literal),+];)+) => {
        $(impl Message for crate::$module::$message {
            const INFO: MessageInfo = MessageInfo {
                name: stringify!($message),
                examples: &[$($example),+],
                decode: |fields| crate::$module::$message::decode(fields).map(drop),
            };
        })+

        /// All requests whose fields are read by [`DecodeRequest`].
        pub const MESSAGES: &[MessageInfo] =
            &[$(<crate::$module::$message as Message>::INFO),+];
    };
}

messages! {
    experiments::CreateExperiment = [
        r#"{"name": "first", "artifact_location": "s3://bucket/first", "tags": [{"key": "team", "value": "blue"}]}"#
    ];
    experiments::GetExperiment = [r#"{"experiment_id": "1"}"#];
    experiments::GetExperimentByName = [r#"{"experiment_name": "first"}"#];
    experiments::SearchExperiments = [
        r#"{"max_results": 100, "page_token": "eyJvZmZzZXQiOiAyfQ==", "filter": "name LIKE 'f%'", "order_by": ["name DESC"], "view_type": "ALL"}"#
    ];
    experiments::UpdateExperiment = [r#"{"experiment_id": "1", "new_name": "second"}"#];
    experiments::DeleteExperiment = [r#"{"experiment_id": "1"}"#];
    experiments::RestoreExperiment = [r#"{"experiment_id": "1"}"#];
    tags::SetExperimentTag = [r#"{"experiment_id": "1", "key": "team", "value": "blue"}"#];
    tags::DeleteExperimentTag = [r#"{"experiment_id": "1", "key": "team"}"#];
    datasets::SearchDatasets = [r#"{"experiment_ids": ["1"]}"#];
    experiment_summaries::SummarizeExperiments = [r#"{"experiment_ids": ["1", "2"]}"#];
    experiment_summaries::WeighExperiment = [r#"{"experiment_id": "1"}"#];
    changes::WatchChanges = [r#"{"experiment_ids": ["1"], "run_ids": ["4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76"]}"#];

    runs::CreateRun = [
        r#"{"experiment_id": "1", "user_id": "ann", "run_name": "calm-owl", "start_time": 1700000000000, "tags": [{"key": "team", "value": "blue"}]}"#
    ];
    runs::GetRun = [r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76"}"#];
    runs::SearchRuns = [
        r#"{"experiment_ids": ["1"], "filter": "metrics.loss < 1", "run_view_type": "ACTIVE_ONLY", "max_results": 100, "order_by": ["start_time DESC"], "page_token": "eyJvZmZzZXQiOiAyfQ=="}"#
    ];
    runs::UpdateRun = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "status": "FINISHED", "end_time": 1700000001000, "run_name": "calm-owl"}"#
    ];
    runs::DeleteRun = [r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76"}"#];
    runs::RestoreRun = [r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76"}"#];
    batch::LogBatch = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "metrics": [{"key": "loss", "value": 0.5, "timestamp": 1700000000000, "step": 1, "model_id": "m-1", "dataset_name": "train", "dataset_digest": "abc"}, {"key": "loss", "value": "NaN", "timestamp": 1700000000000}], "params": [{"key": "lr", "value": "0.1"}], "tags": [{"key": "team", "value": "blue"}]}"#
    ];
    metrics::LogMetric = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "key": "loss", "value": 0.5, "timestamp": 1700000000000, "step": 1, "model_id": "m-1", "dataset_name": "train", "dataset_digest": "abc"}"#,
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "key": "loss", "value": 0.5, "timestamp": 1700000000000}"#
    ];
    params::LogParam = [r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "key": "lr", "value": "0.1"}"#];
    tags::SetTag = [r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "key": "team", "value": "blue"}"#];
    tags::DeleteTag = [r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "key": "team"}"#];
    datasets::LogInputs = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "datasets": [{"dataset": {"name": "train", "digest": "abc", "source_type": "local", "source": "{}", "schema": "{}", "profile": "{}"}, "tags": [{"key": "mlflow.data.context", "value": "training"}]}], "models": [{"model_id": "m-1"}]}"#
    ];
    logged_models::LogOutputs = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "models": [{"model_id": "m-1", "step": 1}]}"#
    ];
    model_history::LogModel = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "model_json": "{\"artifact_path\": \"model\", \"flavors\": {}, \"run_id\": \"r\", \"utc_time_created\": \"2026-01-01 00:00:00\"}"}"#
    ];
    metrics::GetMetricHistory = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "metric_key": "loss", "max_results": 100, "page_token": "eyJvZmZzZXQiOiAyfQ=="}"#
    ];
    metric_histories::GetMetricHistoryBulk = [
        r#"{"run_id": ["4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76"], "metric_key": "loss", "max_results": 100}"#
    ];
    metric_histories::GetMetricHistoryBulkInterval = [
        r#"{"run_ids": ["4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76"], "metric_key": "loss", "start_step": 0, "end_step": 10, "max_results": 100}"#,
        r#"{"run_ids": ["4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76"], "metric_key": "loss"}"#
    ];

    artifacts::ListArtifacts = [
        r#"{"path": "1/run/artifacts", "recursive": true, "max_results": 100, "page_token": "YQ"}"#
    ];
    artifacts::CreateMultipartUpload = [r#"{"path": "model.bin", "num_parts": 2}"#];
    artifacts::CompleteMultipartUpload = [
        r#"{"path": "model.bin", "upload_id": "u", "parts": [{"part_number": 1, "etag": "\"abc\"", "url": "https://bucket/model.bin"}]}"#
    ];
    artifacts::AbortMultipartUpload = [r#"{"path": "model.bin", "upload_id": "u"}"#];
    artifacts::ListRunArtifacts = [r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "path": "model"}"#];
    artifacts::ListLoggedModelArtifacts = [r#"{"model_id": "m-1", "artifact_directory_path": "data"}"#];
    artifacts::DownloadLoggedModelArtifact = [r#"{"model_id": "m-1", "artifact_file_path": "MLmodel"}"#];
    artifacts::CreatePresignedDownloadUrl = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "path": "model/MLmodel", "expiration": 60}"#
    ];
    artifacts::CreatePresignedUploadUrl = [
        r#"{"run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "path": "model/MLmodel", "expiration": 60}"#,
        r#"{"model_id": "m-1", "path": "MLmodel", "expiration": 60}"#
    ];

    logged_models::CreateLoggedModel = [
        r#"{"experiment_id": "1", "name": "owl", "model_type": "agent", "source_run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "params": [{"key": "lr", "value": "0.1"}], "tags": [{"key": "team", "value": "blue"}]}"#
    ];
    logged_model_search::SearchLoggedModels = [
        r#"{"experiment_ids": ["0"], "filter": "metrics.loss < 1", "datasets": [{"dataset_name": "train", "dataset_digest": "abc"}], "max_results": 50, "order_by": [{"field_name": "metrics.loss", "ascending": false, "dataset_name": "train", "dataset_digest": "abc"}], "page_token": "eyJleHBlcmltZW50X2lkcyI6IFsiMCJdLCAiZmlsdGVyX3N0cmluZyI6ICJtZXRyaWNzLmxvc3MgPCAxIiwgIm9yZGVyX2J5IjogW3siZmllbGRfbmFtZSI6ICJtZXRyaWNzLmxvc3MiLCAiYXNjZW5kaW5nIjogZmFsc2UsICJkYXRhc2V0X25hbWUiOiAidHJhaW4iLCAiZGF0YXNldF9kaWdlc3QiOiAiYWJjIn1dLCAib2Zmc2V0IjogMn0="}"#,
        r#"{"experiment_ids": ["0"], "order_by": [{}]}"#
    ];
    logged_models::GetLoggedModel = [r#"{"model_id": "m-1", "allow_deleted": "true"}"#];
    logged_models::FinalizeLoggedModel = [r#"{"model_id": "m-1", "status": "LOGGED_MODEL_READY"}"#];
    logged_models::DeleteLoggedModel = [r#"{"model_id": "m-1"}"#];
    logged_models::LogLoggedModelParams = [r#"{"model_id": "m-1", "params": [{"key": "lr", "value": "0.1"}]}"#];
    logged_models::SetLoggedModelTags = [r#"{"model_id": "m-1", "tags": [{"key": "team", "value": "blue"}]}"#];
    logged_models::DeleteLoggedModelTag = [r#"{"model_id": "m-1", "tag_key": "team"}"#];

    registered_models::CreateRegisteredModel = [
        r#"{"name": "owl", "tags": [{"key": "team", "value": "blue"}], "description": "sees at night"}"#
    ];
    registered_models::GetRegisteredModel = [r#"{"name": "owl"}"#];
    registered_models::UpdateRegisteredModel = [r#"{"name": "owl", "description": "sees at night"}"#];
    registered_models::RenameRegisteredModel = [r#"{"name": "owl", "new_name": "hawk"}"#];
    registered_models::DeleteRegisteredModel = [r#"{"name": "owl"}"#];
    registered_models::SearchRegisteredModels = [
        r#"{"filter": "name LIKE 'o%'", "max_results": 100, "order_by": ["name DESC"], "page_token": "eyJvZmZzZXQiOiAyfQ=="}"#
    ];
    registered_models::GetLatestVersions = [r#"{"name": "owl", "stages": ["Production"]}"#];
    registered_models::SetRegisteredModelTag = [r#"{"name": "owl", "key": "team", "value": "blue"}"#];
    registered_models::DeleteRegisteredModelTag = [r#"{"name": "owl", "key": "team"}"#];
    registered_models::SetRegisteredModelAlias = [r#"{"name": "owl", "alias": "champion", "version": "1"}"#];
    registered_models::DeleteRegisteredModelAlias = [r#"{"name": "owl", "alias": "champion"}"#];
    registered_models::GetModelVersionByAlias = [r#"{"name": "owl", "alias": "champion"}"#];
    model_versions::CreateModelVersion = [
        r#"{"name": "owl", "source": "s3://bucket/owl", "run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76", "tags": [{"key": "team", "value": "blue"}], "run_link": "https://host/run", "description": "sees at night", "model_id": "m-1"}"#
    ];
    model_versions::GetModelVersion = [r#"{"name": "owl", "version": "1"}"#];
    model_versions::UpdateModelVersion = [r#"{"name": "owl", "version": "1", "description": "sees at night"}"#];
    model_versions::TransitionModelVersionStage = [
        r#"{"name": "owl", "version": "1", "stage": "Production", "archive_existing_versions": true}"#
    ];
    model_versions::DeleteModelVersion = [r#"{"name": "owl", "version": "1"}"#];
    model_versions::GetModelVersionDownloadUri = [r#"{"name": "owl", "version": "1"}"#];
    model_versions::SearchModelVersions = [
        r#"{"filter": "name = 'owl'", "max_results": 100, "order_by": ["version_number DESC"], "page_token": "eyJvZmZzZXQiOiAyfQ=="}"#
    ];
    model_versions::SetModelVersionTag = [r#"{"name": "owl", "version": "1", "key": "team", "value": "blue"}"#];
    model_versions::DeleteModelVersionTag = [r#"{"name": "owl", "version": "1", "key": "team"}"#];

    webhooks::CreateWebhook = [
        r#"{"name": "builds", "url": "https://host/hook", "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}], "description": "starts builds", "secret": "s", "status": "ACTIVE"}"#
    ];
    webhooks::UpdateWebhook = [
        r#"{"webhook_id": "w", "name": "builds", "description": "starts builds", "url": "https://host/hook", "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}], "secret": "s", "status": "DISABLED"}"#
    ];
    webhooks::GetWebhook = [r#"{"webhook_id": "w"}"#];
    webhooks::DeleteWebhook = [r#"{"webhook_id": "w"}"#];
    webhooks::ListWebhooks = [r#"{"max_results": 100, "page_token": "eyJvZmZzZXQiOiAyfQ=="}"#];
    webhooks::TestWebhook = [r#"{"webhook_id": "w", "event": {"entity": "MODEL_VERSION", "action": "CREATED"}}"#];

    traces::StartTrace = [
        r#"{"trace": {"trace_info": {"trace_id": "tr-1", "client_request_id": "c", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}}, "request_time": "2023-11-14T22:13:20.123Z", "execution_duration": "1.500s", "state": "OK", "trace_metadata": {"mlflow.trace.session": "s"}, "tags": {"mlflow.traceName": "chat"}, "request_preview": "hello", "response_preview": "hi", "assessments": [{"assessment_id": "a-1", "assessment_name": "good", "span_id": "s", "source": {"source_type": "HUMAN", "source_id": "ann"}, "create_time": "2023-11-14T22:13:20Z", "last_update_time": "2023-11-14T22:13:20Z", "feedback": {"value": 1.5, "error": {"error_code": "E", "error_message": "m", "stack_trace": "t"}}, "rationale": "why", "metadata": {"k": "v"}, "overrides": "a-0"}, {"expectation": {"value": 1}}, {"expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "[1]"}}}, {"issue": {"issue_name": "slow"}}]}}}"#
    ];
    traces::GetTraceInfo = [r#"{"trace_id": "tr-1"}"#];
    traces::SearchTraces = [
        r#"{"locations": [{"mlflow_experiment": {"experiment_id": "1"}}, {}], "filter": "status = 'OK'", "max_results": 100, "order_by": ["timestamp DESC"], "page_token": "eyJvZmZzZXQiOiAyfQ=="}"#
    ];
    traces::GetTrace = [r#"{"trace_id": "tr-1", "allow_partial": true}"#];
    traces::BatchGetTraces = [r#"{"trace_ids": ["tr-1"], "experiment_ids": ["1"]}"#];
    trace_changes::SetTraceTag = [
        r#"{"trace_id": "tr-1", "key": "team", "value": "blue"}"#,
        r#"{"request_id": "tr-1", "key": "team", "value": "blue"}"#
    ];
    trace_changes::DeleteTraceTag = [
        r#"{"trace_id": "tr-1", "key": "team"}"#,
        r#"{"request_id": "tr-1", "key": "team"}"#
    ];
    trace_changes::DeleteTraces = [
        r#"{"experiment_id": "1", "request_ids": ["tr-1"]}"#,
        r#"{"experiment_id": "1", "max_timestamp_millis": 1700000000000, "max_traces": 10}"#
    ];
    trace_changes::LinkTracesToRun = [
        r#"{"trace_ids": ["tr-1"], "run_id": "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76"}"#
    ];
    trace_changes::LinkPromptsToTrace = [
        r#"{"trace_id": "tr-1", "prompt_versions": [{"name": "greeting", "version": "1"}]}"#
    ];
    trace_correlations::CorrelateTraceFilters = [
        r#"{"experiment_ids": ["1"], "filter_string1": "status = 'OK'", "filter_string2": "name = 'chat'", "base_filter": "timestamp > 0"}"#
    ];
    trace_metrics::QueryTraceMetrics = [
        r#"{"experiment_ids": ["1"], "view_type": "TRACES", "metric_name": "latency", "aggregations": [{"aggregation_type": "PERCENTILE", "percentile_value": 95}, {"aggregation_type": "AVG"}], "dimensions": ["trace_name"], "filters": ["trace.status = 'OK'"], "time_interval_seconds": 60, "start_time_ms": 0, "end_time_ms": 1700000000000, "max_results": 100, "page_token": "x"}"#,
        r#"{"experiment_ids": ["1"], "view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{}]}"#
    ];
    traces_v2::StartTraceV2 = [
        r#"{"experiment_id": "1", "timestamp_ms": 1700000000000, "request_metadata": [{"key": "k", "value": "v"}], "tags": [{"key": "mlflow.traceName", "value": "chat"}]}"#
    ];
    traces_v2::EndTraceV2 = [
        r#"{"request_id": "tr-1", "timestamp_ms": 1700000000000, "status": "OK", "request_metadata": [{"key": "k", "value": "v"}], "tags": [{"key": "team", "value": "blue"}]}"#
    ];
    traces_v2::GetTraceInfoV2 = [r#"{"request_id": "tr-1"}"#];
    traces_v2::SearchTracesV2 = [
        r#"{"experiment_ids": ["1"], "filter": "status = 'OK'", "max_results": 100, "order_by": ["timestamp DESC"], "page_token": "eyJvZmZzZXQiOiAyfQ=="}"#
    ];

    assessments::CreateAssessment = [
        r#"{"trace_id": "tr-1", "assessment": {"assessment_id": "a-1", "assessment_name": "good", "span_id": "s", "source": {"source_type": "HUMAN", "source_id": "ann"}, "create_time": "2023-11-14T22:13:20Z", "last_update_time": "2023-11-14T22:13:20Z", "feedback": {"value": 1.5, "error": {"error_code": "E", "error_message": "m", "stack_trace": "t"}}, "rationale": "why", "metadata": {"k": "v"}, "overrides": "a-0"}}"#,
        r#"{"trace_id": "tr-1", "assessment": {"expectation": {"value": 1}}}"#,
        r#"{"trace_id": "tr-1", "assessment": {"expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "[1]"}}}}"#,
        r#"{"trace_id": "tr-1", "assessment": {"issue": {"issue_name": "slow"}}}"#
    ];
    assessments::GetAssessment = [r#"{"trace_id": "tr-1", "assessment_id": "a-1"}"#];
    assessments::UpdateAssessment = [
        r#"{"trace_id": "tr-1", "assessment_id": "a-1", "update_mask": "assessment_name,feedback,rationale,metadata", "assessment": {"assessment_name": "good", "feedback": {"value": 1.5, "error": {"error_code": "E", "error_message": "m", "stack_trace": "t"}}, "rationale": "why", "metadata": {"k": "v"}}}"#,
        r#"{"trace_id": "tr-1", "assessment_id": "a-1", "update_mask": "expectation", "assessment": {"expectation": {"value": 1}}}"#,
        r#"{"trace_id": "tr-1", "assessment_id": "a-1", "update_mask": "expectation", "assessment": {"expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "[1]"}}}}"#
    ];
    assessments::DeleteAssessment = [r#"{"trace_id": "tr-1", "assessment_id": "a-1"}"#];

    scorers::RegisterScorer = [
        r#"{"experiment_id": "1", "name": "polite", "serialized_scorer": "{\"instructions_judge_pydantic_data\": {\"model\": \"openai:/gpt\"}}"}"#
    ];
    scorers::ListScorers = [r#"{"experiment_id": "1"}"#, r#"{"experiment_ids": ["1"]}"#];
    scorers::ListScorerVersions = [r#"{"experiment_id": "1", "name": "polite"}"#];
    scorers::GetScorer = [r#"{"experiment_id": "1", "name": "polite", "version": 1}"#];
    scorers::DeleteScorer = [r#"{"experiment_id": "1", "name": "polite", "version": 1}"#];
    scorers::GetOnlineScoringConfigs = [r#"{"scorer_ids": ["s-1"]}"#];
    scorers::SetOnlineScoringConfig = [
        r#"{"experiment_id": "1", "name": "polite", "sample_rate": 0.5, "filter_string": "status = 'OK'"}"#
    ];

    evaluation_datasets::CreateDataset = [
        r#"{"name": "questions", "experiment_ids": ["1"], "tags": "{\"team\": \"blue\"}"}"#
    ];
    evaluation_datasets::GetDataset = [r#"{"dataset_id": "d-1"}"#];
    evaluation_datasets::DeleteDataset = [r#"{"dataset_id": "d-1"}"#];
    evaluation_datasets::GetDatasetExperimentIds = [r#"{"dataset_id": "d-1"}"#];
    evaluation_datasets::SearchEvaluationDatasets = [
        r#"{"experiment_ids": ["1"], "filter_string": "name LIKE 'q%'", "max_results": 100, "order_by": ["name DESC"], "page_token": "eyJvZmZzZXQiOiAyfQ=="}"#
    ];
    evaluation_datasets::SetDatasetTags = [r#"{"dataset_id": "d-1", "tags": "{\"team\": \"blue\"}"}"#];
    evaluation_datasets::DeleteDatasetTag = [r#"{"dataset_id": "d-1", "key": "team"}"#];
    evaluation_datasets::UpsertDatasetRecords = [
        r#"{"dataset_id": "d-1", "records": "[{\"inputs\": {\"q\": 1}, \"expectations\": {\"a\": 2}, \"tags\": {\"mlflow.user\": \"ann\"}, \"source\": {\"source_type\": \"HUMAN\", \"source_data\": {\"user_name\": \"ann\"}}, \"outputs\": 3}]"}"#
    ];
    evaluation_datasets::GetDatasetRecords = [r#"{"dataset_id": "d-1", "max_results": 100, "page_token": "2"}"#];
    evaluation_datasets::DeleteDatasetRecords = [r#"{"dataset_id": "d-1", "dataset_record_ids": ["dr-1"]}"#];
    evaluation_datasets::AddDatasetToExperiments = [r#"{"dataset_id": "d-1", "experiment_ids": ["1"]}"#];
    evaluation_datasets::RemoveDatasetFromExperiments = [r#"{"dataset_id": "d-1", "experiment_ids": ["1"]}"#];

    access::CreateUser = [r#"{"username": "ann", "password": "correct horse battery"}"#];
    access::GetUser = [r#"{"username": "ann"}"#];
    access::ListUsers = ["{}"];
    access::CurrentUser = ["{}"];
    access::UpdateUserPassword = [
        r#"{"username": "ann", "password": "correct horse battery", "current_password": "staple and more"}"#
    ];
    access::UpdateUserAdmin = [r#"{"username": "ann", "is_admin": true}"#];
    access::DeleteUser = [r#"{"username": "ann"}"#];
    access::GrantUserPermission = [
        r#"{"username": "ann", "resource_type": "experiment", "resource_id": "1", "permission": "EDIT"}"#
    ];
    access::RevokeUserPermission = [r#"{"username": "ann", "resource_type": "experiment", "resource_id": "1"}"#];
    access::GetUserPermission = [r#"{"username": "ann", "resource_type": "experiment", "resource_id": "1"}"#];
    access::ListUserPermissions = [r#"{"username": "ann"}"#];
    access::CreateToken = [
        r#"{"username": "ann", "name": "nightly", "scope": "WRITE", "experiment_ids": ["1"], "lifetime_seconds": 3600}"#
    ];
    access::ListTokens = [r#"{"username": "ann"}"#];
    access::RevokeToken = [r#"{"token_id": "0123456789abcdef"}"#];
    access::CreateRole = [r#"{"name": "analysts", "workspace": "default", "description": "They look."}"#];
    access::GetRole = [r#"{"role_id": 1}"#];
    access::ListRoles = [r#"{"workspace": ["default"]}"#];
    access::UpdateRole = [r#"{"role_id": 1, "name": "analysts", "description": "They look."}"#];
    access::DeleteRole = [r#"{"role_id": 1}"#];
    access::AddRolePermission = [
        r#"{"role_id": 1, "resource_type": "experiment", "resource_pattern": "*", "permission": "READ"}"#
    ];
    access::RemoveRolePermission = [r#"{"role_permission_id": 1}"#];
    access::ListRolePermissions = [r#"{"role_id": 1}"#];
    access::UpdateRolePermission = [r#"{"role_permission_id": 1, "permission": "EDIT"}"#];
    access::AssignRole = [r#"{"username": "ann", "role_id": 1}"#];
    access::UnassignRole = [r#"{"username": "ann", "role_id": 1}"#];
    access::ListUserRoles = [r#"{"username": "ann"}"#];
    access::ListRoleUsers = [r#"{"role_id": 1}"#];

    graphql::GraphQlRequest = [
        r#"{"query": "query Q($id: String) { mlflowGetExperiment(input: {experimentId: $id}) { experiment { name } } }", "variables": {"id": "1"}, "operation_name": "Q"}"#
    ];
}

#[cfg(test)]
mod tests;
