"""What the web page asks in GraphQL, with good, boundary and bad input, beside the reference.

The reference answers what it refuses with status 200, too, so that the texts of errors are compared.
"""

from __future__ import annotations

import json

import pytest

from harness import REPOSITORY
from pairs import FAILS, Call, case, post, raw

# The documents that the page sends, with what Apollo adds to them.
GET_EXPERIMENT = """
query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetExperiment(input: $input) {
    apiError { code message __typename }
    experiment {
      artifactLocation creationTime effectiveTraceArchivalRetention experimentId lastUpdateTime lifecycleStage name
      tags { key value __typename }
      __typename
    }
    __typename
  }
}
"""
RUN = """
    info { runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId __typename }
    experiment { experimentId name tags { key value __typename } artifactLocation lifecycleStage __typename }
    modelVersions { status version name source __typename }
    data {
      metrics { key value step timestamp __typename }
      params { key value __typename }
      tags { key value __typename }
      __typename
    }
    inputs {
      datasetInputs {
        dataset { digest name profile schema source sourceType __typename }
        tags { key value __typename }
        __typename
      }
      modelInputs { modelId __typename }
      __typename
    }
    outputs { modelOutputs { modelId step __typename } __typename }
    __typename
"""
GET_RUN = (
    'query GetRun($data: MlflowGetRunInput!) @component(name: "MLflow.ExperimentRunTracking") '
    "{ mlflowGetRun(input: $data) { apiError { helpUrl code message __typename } run {" + RUN + "} __typename } }"
)
SEARCH_RUNS = (
    "query SearchRuns($data: MlflowSearchRunsInput!) "
    "{ mlflowSearchRuns(input: $data) { apiError { code } nextPageToken runs {" + RUN + "} __typename } }"
)
SEARCH_VERSIONS = (
    "query ($input: MlflowSearchModelVersionsInput) { mlflowSearchModelVersions(input: $input) { nextPageToken "
    "modelVersions { name version creationTimestamp lastUpdatedTimestamp userId currentStage description source runId "
    "status statusMessage tags { key value } runLink aliases modelId modelParams { name value } modelMetrics { key } "
    "deploymentJobState { jobId } } } }"
)
GET_HISTORY = (
    "query GetMetricHistoryBulkInterval($data: MlflowGetMetricHistoryBulkIntervalInput!) "
    "{ mlflowGetMetricHistoryBulkInterval(input: $data) { __typename "
    "metrics { timestamp step runId key value __typename } apiError { code message } } }"
)


def ask(query: str, variables: object = None, operation: str | None = None) -> Call:
    message = {"query": query, "variables": variables, "operationName": operation}
    return post("/graphql", **{name: value for name, value in message.items() if value is not None})


LOGGED = (
    post(
        "runs/log-batch",
        run_id="$run",
        metrics=[{"key": key, "value": value, "timestamp": 5, "step": 2} for key, value in (("a", 0.5), ("n", "NaN"))],
        params=[{"key": "p", "value": "1"}],
        tags=[{"key": "t", "value": "ü"}],
    ),
    post(
        "runs/log-inputs",
        run_id="$run",
        datasets=[
            {
                "dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "s"},
                "tags": [{"key": "mlflow.data.context", "value": "train"}],
            }
        ],
        models=[{"model_id": "$logged_model"}],
    ),
    post("runs/outputs", run_id="$run", models=[{"model_id": "$logged_model2", "step": 4}]),
)
VERSION = post(
    "model-versions/create", name="$model", source="s3://b/x", run_id="$run", tags=[{"key": "k", "value": "ü"}]
)

PAGE = [
    case("an experiment", ask(GET_EXPERIMENT, {"input": {"experimentId": "$experiment"}}, "MlflowGetExperimentQuery")),
    case("a deleted experiment", ask(GET_EXPERIMENT, {"input": {"experimentId": "$deleted_experiment"}})),
    case(
        "an experiment with tags",
        post("experiments/set-experiment-tag", experiment_id="$experiment", key="k", value="ü"),
        ask(GET_EXPERIMENT, {"input": {"experimentId": "$experiment"}}),
    ),
    case("an unknown experiment", ask(GET_EXPERIMENT, {"input": {"experimentId": "99"}})),
    case("a run", ask(GET_RUN, {"data": {"runId": "$run"}}, "GetRun")),
    case("a run by its old name", ask(GET_RUN, {"data": {"runUuid": "$run"}})),
    case("a run with everything", *LOGGED, ask(GET_RUN, {"data": {"runId": "$run"}})),
    case("a run with model versions", VERSION, VERSION, ask(GET_RUN, {"data": {"runId": "$run"}})),
    case(
        "runs with model versions",
        post("runs/create", experiment_id="$experiment", run_name="one", start_time=1).kept("one"),
        post("runs/create", experiment_id="$experiment", run_name="two", start_time=2).kept("two"),
        post("model-versions/create", name="$model", source="s3://b/x", run_id="$one"),
        ask(SEARCH_RUNS, {"data": {"experimentIds": ["$experiment"], "orderBy": ["start_time"]}}),
    ),
    case("model versions", VERSION, ask(SEARCH_VERSIONS, {"input": {"filter": "name='$model'"}})),
    case("model versions, filter of nonsense", ask(SEARCH_VERSIONS, {"input": {"filter": "nope"}})),
    case("a deleted run", ask(GET_RUN, {"data": {"runId": "$deleted_run"}})),
    case("an unknown run", ask(GET_RUN, {"data": {"runId": "nope"}})),
    case(
        "runs",
        post("runs/create", experiment_id="$experiment", run_name="one", start_time=1).kept("one"),
        post("runs/create", experiment_id="$experiment", run_name="two", start_time=2).kept("two"),
        ask(SEARCH_RUNS, {"data": {"experimentIds": ["$experiment"]}}),
        ask(SEARCH_RUNS, {"data": {"experimentIds": ["$experiment"], "orderBy": ["start_time ASC"], "maxResults": 1}}),
        ask(SEARCH_RUNS, {"data": {"experimentIds": "$experiment", "filter": "attributes.run_name = 'two'"}}),
        ask(SEARCH_RUNS, {"data": {"experimentIds": ["$experiment"], "filter": "bad"}}),
        ask(SEARCH_RUNS.replace("query", "mutation"), {"data": {"experimentIds": ["$experiment"]}}),
    ),
    case("no runs", ask(SEARCH_RUNS, {"data": {"experimentIds": ["$experiment"]}})),
    case("values", *LOGGED, ask(GET_HISTORY, {"data": {"runIds": ["$run"], "metricKey": "a"}})),
    case("values that are no numbers", *LOGGED, ask(GET_HISTORY, {"data": {"runIds": ["$run"], "metricKey": "n"}})),
    case("values of no metric", *LOGGED, ask(GET_HISTORY, {"data": {"runIds": ["$run"], "metricKey": "nope"}})),
    case(
        "datasets",
        post("runs/create", experiment_id="$experiment").kept("r"),
        post(
            "runs/log-inputs",
            run_id="$r",
            datasets=[{"dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "s"}}],
        ),
        ask(
            'mutation { mlflowSearchDatasets(input: {experimentIds: ["$experiment"]}) '
            "{ apiError { code } datasetSummaries { experimentId name digest context __typename } } }"
        ),
    ),
    case("datasets of nothing", ask("mutation { mlflowSearchDatasets(input: {experimentIds: []}) { __typename } }")),
    case(
        "artifacts",
        Call("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/$run/artifacts/d/a.txt", raw="x", headers={}),
        Call("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/$run/artifacts/b", raw="", headers={}),
        ask('{ mlflowListArtifacts(input: {runId: "$run"}) { rootUri nextPageToken files { path isDir fileSize } } }'),
        ask('{ mlflowListArtifacts(input: {runUuid: "$run", path: "d"}) { files { path isDir fileSize } } }'),
    ),
    case("artifacts of an unknown run", ask('{ mlflowListArtifacts(input: {runId: "nope"}) { rootUri } }')),
    case(
        "model versions",
        ask(
            "query($i: MlflowSearchModelVersionsInput) { mlflowSearchModelVersions(input: $i) "
            "{ modelVersions { name version status aliases tags { key } "
            "modelParams { name } modelMetrics { key value } deploymentJobState { jobId } } "
            "nextPageToken apiError { code } } }",
            {"i": {"filter": "name = '$name'", "maxResults": 5}},
        ),
    ),
]

ECHO = '{ test(inputString: "a") '
ECHO_VARIABLE = "query A($x: String) { test(inputString: $x) { output } }"
RUN_VARIABLE = "query A($d: MlflowGetRunInput) { mlflowGetRun(input: $d) { run { info { runId } } } }"
RUN_ID = '{ mlflowGetRun(input: {runId: "$run"}) { run { info { runId } } } }'

DOCUMENTS = [
    RUN_ID,
    "{ __typename }",
    "mutation { __typename }",
    f"{ECHO} {{ output }} }}",
    f"{ECHO} {{ a: output output __typename b: __typename }} c: __typename }}",
    f"{ECHO} {{ ... on Test {{ output }} ... {{ b: output }} }} }}",
    f"fragment F on Test {{ output ...G }} fragment G on Test {{ b: output }} {ECHO} {{ ...F ...G }} }}",
    '{ a: test(inputString: "a") { output } a: test(inputString: "a") { b: output } }',
    'mutation { testMutation(inputString: "a") { output } }',
    '{ a: mlflowGetRun(input: {runId: "nope"}) { __typename } b: test(inputString: "x") { output } }',
    # What does not fit the schema.
    "{ nope }",
    "mutation { mlflowGetRun { run { __typename } } }",
    "{ mlflowGetRun }",
    f"{ECHO} {{ output nope }} zzz }}",
    f"{ECHO} {{ output {{ x }} }} }}",
    '{ test(inputString: "a", x: 1) { output } }',
    f"{ECHO} {{ output(x: 1) }} }}",
    "{ test(inputString: 5) { output } }",
    '{ mlflowGetRun(input: {nope: "x"}) { __typename } }',
    '{ mlflowGetRun(input: "x") { __typename } }',
    "{ mlflowSearchRuns(input: {maxResults: 1.5}) { __typename } }",
    "{ mlflowSearchRuns(input: {runViewType: NOPE}) { __typename } }",
    f"{ECHO} {{ ...F }} }}",
    f"fragment F on Nope {{ output }} {ECHO} {{ ...F }} }}",
    f"fragment F on MlflowRunInfo {{ runId }} {ECHO} {{ ...F }} }}",
    f"fragment F on Test {{ output }} {ECHO} {{ output }} }}",
    f"fragment F on Test {{ output ...F }} {ECHO} {{ ...F }} }}",
    f"{ECHO} {{ output @skip(if: true) }} }}",
    f"{ECHO} @nope {{ output }} }}",
    '{ test(inputString: "a") { output } test(inputString: "b") { output } }',
    f"{ECHO} {{ a: output a: __typename }} }}",
    f"query A {ECHO} {{ output }} }} query A {ECHO} {{ output }} }}",
    "fragment F on Test { output }",
    "query A($x: String) { __typename }",
    "query A { test(inputString: $x) { output } }",
    "{ test(inputString: $x) { output } }",
    "query A($x: Int) { test(inputString: $x) { output } }",
    "query A($x: Nope) { test(inputString: $x) { output } }",
    "query A($d: MlflowGetExperimentInput) { mlflowGetRun(input: $d) { __typename } }",
    "subscription { nope }",
    # What is too much.
    "{" + "mlflowGetRun {" * 10 + "a" + "}" * 11,
    f"{ECHO} {{ {'output ' * 1001} }} }}",
]

VARIABLES = [
    (ECHO_VARIABLE, {"x": "y"}),
    (ECHO_VARIABLE, {"x": 5}),
    (ECHO_VARIABLE, {"x": ["a"]}),
    (ECHO_VARIABLE, {"x": "y", "z": 1}),
    (ECHO_VARIABLE.replace("String)", 'String = "d")'), {}),
    (ECHO_VARIABLE.replace("String)", "String!)"), {}),
    (ECHO_VARIABLE.replace("String)", "String!)"), {"x": None}),
    (RUN_VARIABLE, {"d": {"runId": "$run"}}),
    (RUN_VARIABLE, {"d": {"nope": 1, "runId": "x"}}),
    (RUN_VARIABLE, {"d": {"runId": 5}}),
    (RUN_VARIABLE, {"d": "x"}),
    ("query A($id: String) { mlflowGetRun(input: {runId: $id}) { run { info { runId } } } }", {"id": "$run"}),
    (SEARCH_RUNS, {"data": {"experimentIds": ["0"], "runViewType": "NOPE"}}),
    (SEARCH_RUNS, {"data": {"experimentIds": ["0"], "maxResults": "x"}}),
    (SEARCH_RUNS, {"data": {"experimentIds": ["0", 5]}}),
    (GET_RUN, {}),
]

TWO = f'query A {ECHO} {{ output }} }} query B {{ test(inputString: "b") {{ output }} }}'
OPERATIONS = [(TWO, None), (TWO, "B"), (TWO, "C"), (f"query A {ECHO} {{ output }} }}", "C")]

BROKEN = [
    case("an open bracket", ask("{ test(").differs(FAILS)),
    case("an empty query", ask("").differs(FAILS)),
    case("a query of blanks", ask(" ").differs(FAILS)),
    case("no query", post("/graphql").differs(FAILS)),
    case("a query that is a number", post("/graphql", query=5).differs(FAILS)),
    case("a list of queries", raw("/graphql", '[{"query": "{ __typename }"}]').differs(FAILS)),
    case("no JSON", raw("/graphql", "{").differs(FAILS)),
]


@pytest.mark.parametrize("tried", PAGE, ids=str)
def test_what_the_page_asks(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document[:60])
def test_documents(pair, document):
    pair.run(case(document[:60], ask(document)))


@pytest.mark.parametrize(
    ("document", "variables"),
    VARIABLES,
    ids=[f"{json.dumps(variables)} {number}" for number, (_, variables) in enumerate(VARIABLES)],
)
def test_variables(pair, document, variables):
    pair.run(case(str(variables), ask(document, variables)))


@pytest.mark.parametrize(("document", "operation"), OPERATIONS)
def test_operations(pair, document, operation):
    pair.run(case(str(operation), ask(document, None, operation)))


@pytest.mark.parametrize("tried", BROKEN, ids=str)
def test_what_is_no_document(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{" + " ".join(f"a{number}: __typename" for number in range(11)) + "}", "at most 10 root fields, got 11"),
        (
            "{ mlflowGetRun(input: {}) { run { info {"
            + " ".join(f"a{number}: runId" for number in range(11))
            + "} } } }",
            "at most 10 aliases, got 11",
        ),
    ],
)
def test_limits_are_told_without_a_way_to_raise_them(pair, document, words):
    theirs, ours = (side.send(ask(document), {}).json() for side in pair.sides)
    assert theirs["data"] is ours["data"] is None
    assert words in theirs["errors"][0]
    assert theirs["errors"][0].startswith(ours["errors"][0])
    assert "| limits of GraphQL documents |" in (REPOSITORY / "docs" / "differences.md").read_text()


def test_a_view_type_is_read(pair):
    """The reference can't read one, and answers nothing."""
    search = ask(SEARCH_RUNS, {"data": {"experimentIds": ["0"], "runViewType": "DELETED_ONLY", "maxResults": 1}})
    theirs, ours = (side.send(search, {}).json() for side in pair.sides)
    assert theirs["data"] == {"mlflowSearchRuns": None}
    assert ours["errors"] is None
    assert all(run["info"]["lifecycleStage"] == "deleted" for run in ours["data"]["mlflowSearchRuns"]["runs"])
    assert "| `runViewType` in GraphQL |" in (REPOSITORY / "docs" / "differences.md").read_text()


def test_deep_and_long_documents_are_refused(pair):
    _, mlferry = pair.sides
    for query in ("{a" * 10_000, "{ __typename " + " " * 70_000 + "}", "{ test(inputString: " + "[" * 5000 + " "):
        answer = mlferry.send(ask(query), {})
        assert answer.status == 400
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
