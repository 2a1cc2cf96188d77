//! The reference's schema: what can be asked for, and with what.

use super::schema::{Argument, Call, Field, Input, InputType, Kind, Nan, Operation, Root, Type};

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

const fn text(name: &'static str) -> Field {
    field(name, Kind::Text)
}

const fn long(name: &'static str) -> Field {
    field(name, Kind::Long)
}

const fn root(
    name: &'static str,
    of: &'static Type,
    call: Call,
    input: &'static InputType,
) -> Root {
    let argument = Argument { name: "input", kind: Input::Object(input) };
    Root { field: field(name, Kind::Object(of)), call, argument }
}

const fn test(name: &'static str, of: &'static Type, call: Call) -> Root {
    let argument = Argument { name: "inputString", kind: Input::Text };
    Root { field: field(name, Kind::Object(of)), call, argument }
}

/// The fields of `Query` and `Mutation`.
pub(super) static ROOTS: [(Operation, Root); 10] = {
    use Operation::{Mutation, Query};
    [
        (
            Query,
            root(
                "mlflowGetExperiment",
                &GET_EXPERIMENT,
                Call::GetExperiment,
                &GET_EXPERIMENT_INPUT,
            ),
        ),
        (
            Query,
            root(
                "mlflowGetMetricHistoryBulkInterval",
                &GET_HISTORY,
                Call::GetMetricHistoryBulkInterval,
                &GET_HISTORY_INPUT,
            ),
        ),
        (Query, root("mlflowGetRun", &GET_RUN, Call::GetRun, &GET_RUN_INPUT)),
        (
            Query,
            root(
                "mlflowListArtifacts",
                &LIST_ARTIFACTS,
                Call::ListArtifacts,
                &LIST_ARTIFACTS_INPUT,
            ),
        ),
        (
            Query,
            root(
                "mlflowSearchModelVersions",
                &SEARCH_VERSIONS,
                Call::SearchModelVersions,
                &SEARCH_VERSIONS_INPUT,
            ),
        ),
        (Query, root("mlflowSearchRuns", &SEARCH_RUNS, Call::SearchRuns, &SEARCH_RUNS_INPUT)),
        (Query, test("test", &TEST, Call::Test)),
        (
            Mutation,
            root(
                "mlflowSearchDatasets",
                &SEARCH_DATASETS,
                Call::SearchDatasets,
                &SEARCH_DATASETS_INPUT,
            ),
        ),
        (Mutation, root("mlflowSearchRuns", &SEARCH_RUNS, Call::SearchRuns, &SEARCH_RUNS_INPUT)),
        (Mutation, test("testMutation", &TEST_MUTATION, Call::Nothing)),
    ]
};

static TEST: Type = Type { name: "Test", fields: &[text("output")] };
static TEST_MUTATION: Type = Type { name: "TestMutation", fields: &[text("output")] };

static API_ERROR: Type = Type {
    name: "ApiError",
    fields: &[
        text("code"),
        text("message"),
        text("helpUrl"),
        text("traceId"),
        field("errorDetails", Kind::List(&ERROR_DETAIL)),
    ],
};
static ERROR_DETAIL: Type = Type { name: "ErrorDetail", fields: &[text("field"), text("message")] };

/// It is in every answer and never filled: what goes wrong stands in `errors`.
const API_ERROR_FIELD: Field = field("apiError", Kind::Absent(&API_ERROR));

static GET_EXPERIMENT: Type = Type {
    name: "MlflowGetExperimentResponse",
    fields: &[field("experiment", Kind::Object(&EXPERIMENT)), API_ERROR_FIELD],
};
static EXPERIMENT: Type = Type {
    name: "MlflowExperiment",
    fields: &[
        text("experimentId"),
        text("name"),
        text("artifactLocation"),
        text("lifecycleStage"),
        long("lastUpdateTime"),
        long("creationTime"),
        field("tags", Kind::List(&EXPERIMENT_TAG)),
        text("effectiveTraceArchivalRetention"),
        text("workspace"),
    ],
};

macro_rules! pairs {
    ($($constant:ident $name:literal),*) => {
        $(static $constant: Type = Type { name: $name, fields: &[text("key"), text("value")] };)*
    };
}
pairs! {
    EXPERIMENT_TAG "MlflowExperimentTag", RUN_TAG "MlflowRunTag", PARAM "MlflowParam",
    INPUT_TAG "MlflowInputTag", VERSION_TAG "MlflowModelVersionTag"
}

static GET_RUN: Type = Type {
    name: "MlflowGetRunResponse",
    fields: &[field("run", Kind::Object(&RUN)), API_ERROR_FIELD],
};
static SEARCH_RUNS: Type = Type {
    name: "MlflowSearchRunsResponse",
    fields: &[field("runs", Kind::List(&RUN)), text("nextPageToken"), API_ERROR_FIELD],
};
static RUN: Type = Type {
    name: "MlflowRunExtension",
    fields: &[
        field("info", Kind::Object(&RUN_INFO)),
        field("data", Kind::Object(&RUN_DATA)),
        field("inputs", Kind::Object(&RUN_INPUTS)),
        field("outputs", Kind::Object(&RUN_OUTPUTS)),
        field("experiment", Kind::Object(&EXPERIMENT)),
        field("modelVersions", Kind::List(&VERSION)),
    ],
};
static RUN_INFO: Type = Type {
    name: "MlflowRunInfo",
    fields: &[
        text("runId"),
        text("runUuid"),
        text("runName"),
        text("experimentId"),
        text("userId"),
        field("status", Kind::Enum("MlflowRunStatus", "RUNNING")),
        long("startTime"),
        long("endTime"),
        text("artifactUri"),
        text("lifecycleStage"),
    ],
};
static RUN_DATA: Type = Type {
    name: "MlflowRunData",
    fields: &[
        field("metrics", Kind::List(&METRIC)),
        field("params", Kind::List(&PARAM)),
        field("tags", Kind::List(&RUN_TAG)),
    ],
};
static METRIC: Type = Type {
    name: "MlflowMetricExtension",
    fields: &[
        text("key"),
        field("value", Kind::Float(Nan::Null)),
        long("timestamp"),
        long("step"),
        text("datasetName"),
        text("datasetDigest"),
        text("modelId"),
        text("runId"),
    ],
};
static RUN_INPUTS: Type = Type {
    name: "MlflowRunInputs",
    fields: &[
        field("datasetInputs", Kind::List(&DATASET_INPUT)),
        field("modelInputs", Kind::List(&MODEL_INPUT)),
    ],
};
static DATASET_INPUT: Type = Type {
    name: "MlflowDatasetInput",
    fields: &[field("tags", Kind::List(&INPUT_TAG)), field("dataset", Kind::Object(&DATASET))],
};
static DATASET: Type = Type {
    name: "MlflowDataset",
    fields: &[
        text("name"),
        text("digest"),
        text("sourceType"),
        text("source"),
        text("schema"),
        text("profile"),
    ],
};
static MODEL_INPUT: Type = Type { name: "MlflowModelInput", fields: &[text("modelId")] };
static RUN_OUTPUTS: Type =
    Type { name: "MlflowRunOutputs", fields: &[field("modelOutputs", Kind::List(&MODEL_OUTPUT))] };
static MODEL_OUTPUT: Type =
    Type { name: "MlflowModelOutput", fields: &[text("modelId"), long("step")] };

static GET_HISTORY: Type = Type {
    name: "MlflowGetMetricHistoryBulkIntervalResponse",
    fields: &[field("metrics", Kind::List(&METRIC_WITH_RUN)), API_ERROR_FIELD],
};
static METRIC_WITH_RUN: Type = Type {
    name: "MlflowMetricWithRunId",
    fields: &[
        text("key"),
        field("value", Kind::Float(Nan::Error)),
        long("timestamp"),
        long("step"),
        text("runId"),
    ],
};

static LIST_ARTIFACTS: Type = Type {
    name: "MlflowListArtifactsResponse",
    fields: &[
        text("rootUri"),
        field("files", Kind::List(&FILE_INFO)),
        text("nextPageToken"),
        API_ERROR_FIELD,
    ],
};
static FILE_INFO: Type = Type {
    name: "MlflowFileInfo",
    fields: &[text("path"), field("isDir", Kind::Bool), long("fileSize")],
};

static SEARCH_DATASETS: Type = Type {
    name: "MlflowSearchDatasetsResponse",
    fields: &[field("datasetSummaries", Kind::List(&DATASET_SUMMARY)), API_ERROR_FIELD],
};
static DATASET_SUMMARY: Type = Type {
    name: "MlflowDatasetSummary",
    fields: &[text("experimentId"), text("name"), text("digest"), text("context")],
};

static SEARCH_VERSIONS: Type = Type {
    name: "MlflowSearchModelVersionsResponse",
    fields: &[field("modelVersions", Kind::List(&VERSION)), text("nextPageToken"), API_ERROR_FIELD],
};
static VERSION: Type = Type {
    name: "MlflowModelVersion",
    fields: &[
        text("name"),
        text("version"),
        long("creationTimestamp"),
        long("lastUpdatedTimestamp"),
        text("userId"),
        text("currentStage"),
        text("description"),
        text("source"),
        text("runId"),
        field("status", Kind::Enum("MlflowModelVersionStatus", "PENDING_REGISTRATION")),
        text("statusMessage"),
        field("tags", Kind::List(&VERSION_TAG)),
        text("runLink"),
        field("aliases", Kind::Texts),
        text("modelId"),
        field("modelParams", Kind::List(&MODEL_PARAM)),
        field("modelMetrics", Kind::List(&MODEL_METRIC)),
        field("deploymentJobState", Kind::Empty(&DEPLOYMENT_JOB_STATE)),
    ],
};
static MODEL_PARAM: Type =
    Type { name: "MlflowModelParam", fields: &[text("name"), text("value")] };
static MODEL_METRIC: Type = Type {
    name: "MlflowModelMetric",
    fields: &[
        text("key"),
        field("value", Kind::Float(Nan::Error)),
        long("timestamp"),
        long("step"),
        text("datasetName"),
        text("datasetDigest"),
        text("modelId"),
        text("runId"),
    ],
};
static DEPLOYMENT_JOB_STATE: Type = Type {
    name: "MlflowModelVersionDeploymentJobState",
    fields: &[
        text("jobId"),
        text("runId"),
        field(
            "jobState",
            Kind::Enum(
                "MlflowDeploymentJobConnectionState",
                "DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED",
            ),
        ),
        field(
            "runState",
            Kind::Enum(
                "MlflowModelVersionDeploymentJobStateDeploymentJobRunState",
                "DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED",
            ),
        ),
        text("currentTaskName"),
    ],
};

static GET_EXPERIMENT_INPUT: InputType =
    InputType { name: "MlflowGetExperimentInput", fields: &[("experimentId", Input::Text)] };
static GET_RUN_INPUT: InputType = InputType {
    name: "MlflowGetRunInput",
    fields: &[("runId", Input::Text), ("runUuid", Input::Text)],
};
static SEARCH_RUNS_INPUT: InputType = InputType {
    name: "MlflowSearchRunsInput",
    fields: &[
        ("experimentIds", Input::Texts),
        ("filter", Input::Text),
        ("runViewType", Input::ViewType),
        ("maxResults", Input::Int),
        ("orderBy", Input::Texts),
        ("pageToken", Input::Text),
    ],
};
static GET_HISTORY_INPUT: InputType = InputType {
    name: "MlflowGetMetricHistoryBulkIntervalInput",
    fields: &[
        ("runIds", Input::Texts),
        ("metricKey", Input::Text),
        ("startStep", Input::Int),
        ("endStep", Input::Int),
        ("maxResults", Input::Int),
    ],
};
static LIST_ARTIFACTS_INPUT: InputType = InputType {
    name: "MlflowListArtifactsInput",
    fields: &[
        ("runId", Input::Text),
        ("runUuid", Input::Text),
        ("path", Input::Text),
        ("pageToken", Input::Text),
    ],
};
static SEARCH_DATASETS_INPUT: InputType =
    InputType { name: "MlflowSearchDatasetsInput", fields: &[("experimentIds", Input::Texts)] };
static SEARCH_VERSIONS_INPUT: InputType = InputType {
    name: "MlflowSearchModelVersionsInput",
    fields: &[
        ("filter", Input::Text),
        ("maxResults", Input::Long),
        ("orderBy", Input::Texts),
        ("pageToken", Input::Text),
    ],
};
