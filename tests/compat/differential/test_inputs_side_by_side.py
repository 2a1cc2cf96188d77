"""Datasets, inputs, outputs and models of runs, with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import json

import pytest

from pairs import DRIVER, FAILS, INCOMPLETE, NOT_STORED, REPEATED, Call, Difference, case, get, post, refused

INPUTS = "runs/log-inputs"
OUTPUTS = "runs/outputs"
MODEL = "runs/log-model"
SIGNATURE = Difference(
    "`log-model`: signatures that the reference can't read", (400, "INVALID_PARAMETER_VALUE"), (200, None)
)
NO_TIME = refused("`log-model`: models whose `utc_time_created` is null or empty")
DATASETS = "/ajax-api/2.0/mlflow/experiments/search-datasets"


def read(word: str = "run"):
    return get("runs/get", run_id=f"${word}")


def dataset(name: object = "d", digest: object = "g", tags: object = None, **more) -> dict:
    fields = {"name": name, "digest": digest, "source_type": "local", "source": "s"} | more
    given = {key: value for key, value in fields.items() if value is not ...}
    return {"dataset": given} | ({} if tags is None else {"tags": tags})


def inputs(*datasets: object, **more) -> Call:
    return post(INPUTS, run_id="$run", datasets=list(datasets), **more)


def logged(what: str, /, *datasets: object, **more):
    return case(what, inputs(*datasets, **more), read())


def context(value: object) -> list[dict]:
    return [{"key": "mlflow.data.context", "value": value}]


LOGGED = [
    logged("one", dataset()),
    logged("none"),
    logged("with a schema and a profile", dataset(schema='{"a": 1}', profile='{"rows": 5}')),
    logged("with an empty schema", dataset(schema="", profile="")),
    logged("with a context", dataset(tags=context("train"))),
    logged("with two tags", dataset(tags=[*context("train"), {"key": "x", "value": "y"}])),
    logged("with no tags", dataset(tags=[])),
    logged("several", dataset("a", "1"), dataset("b", "2", context("eval")), dataset("c", "3")),
    logged("in unicode", dataset("größe 実験 🚀", "ü", context("prüfen"))),
    logged("name of 500 characters", dataset("n" * 500)),
    logged("digest of 36 characters", dataset(digest="g" * 36)),
    logged("source of 60000 characters", dataset(source="s" * 60000)),
    logged("the same twice in a call", dataset(), dataset()),
    logged("the same name with two digests", dataset(digest="1"), dataset(digest="2")),
    case(
        "the same twice in two calls",
        inputs(dataset(tags=context("train"))),
        inputs(dataset(tags=context("eval"))),
        read(),
    ),
    case("the same again", inputs(dataset(tags=context("train"))), inputs(dataset(tags=context("train"))), read()),
    case(
        "the same in two runs",
        inputs(dataset()),
        post(INPUTS, run_id="$run2", datasets=[dataset(source="other")]),
        read("run2"),
    ),
    case("in pieces", *(inputs(dataset(f"d{n}", str(n))) for n in range(5)), read()),
    case("without datasets", post(INPUTS, run_id="$run"), read()),
    case("datasets null", post(INPUTS, run_id="$run", datasets=None), read()),
    case("models", post(INPUTS, run_id="$run", models=[{"model_id": "m-1"}]), read()),
    case("models twice", post(INPUTS, run_id="$run", models=[{"model_id": "m-1"}, {"model_id": "m-1"}]), read()),
    case(
        "models and datasets", post(INPUTS, run_id="$run", datasets=[dataset()], models=[{"model_id": "m-1"}]), read()
    ),
]


def incomplete(what: str, /, *datasets: object, **more):
    return case(what, inputs(*datasets, **more).differs(INCOMPLETE))


REFUSED = [
    *(incomplete(f"{field} missing", dataset(**{field: ...})) for field in ("name", "digest", "source_type", "source")),
    *(incomplete(f"{field} empty", dataset(**{field: ""})) for field in ("name", "digest")),
    *(logged(f"{field} empty", dataset(**{field: ""})) for field in ("source_type", "source")),
    *(incomplete(f"{field} null", dataset(**{field: None})) for field in ("name", "digest", "source_type", "source")),
    logged("name of 501 characters", dataset("n" * 501)),
    logged("digest of 37 characters", dataset(digest="g" * 37)),
    incomplete("source type of 37 characters", dataset(source_type="t" * 37)),
    logged("source of 65536 characters", dataset(source="s" * 65536)),
    logged("schema of 1048576 characters", dataset(schema="s" * 1048576)),
    logged("profile of 16777217 characters", dataset(profile="s" * 16777217)),
    incomplete("tag key missing", dataset(tags=[{"value": "x"}])),
    logged("tag value missing", dataset(tags=[{"key": "x"}])),
    logged("tag key too long", dataset(tags=[{"key": "k" * 256, "value": "x"}])),
    logged("tag value too long", dataset(tags=[{"key": "k", "value": "x" * 501}])),
    case("a tag twice", inputs(dataset(tags=[*context("a"), *context("b")])).differs(DRIVER)),
    incomplete("no dataset", {"tags": context("x")}),
    incomplete("an empty item", {}),
    case("datasets a dict", post(INPUTS, run_id="$run", datasets={"a": 1})),
    case("datasets a text", post(INPUTS, run_id="$run", datasets="abc")),
    case("models a text", post(INPUTS, run_id="$run", models="abc")),
    case("name a number", inputs(dataset(5)).differs(NOT_STORED)),
    case("datasets a list of texts", inputs("abc").differs(NOT_STORED)),
    case("a model without id", post(INPUTS, run_id="$run", models=[{}]).differs(INCOMPLETE)),
]


def output(*steps: int) -> Call:
    return post(OUTPUTS, run_id="$run", models=[{"model_id": "m-1", "step": step} for step in steps])


OUTPUT = [
    case("an output", post(OUTPUTS, run_id="$run", models=[{"model_id": "m-1", "step": 3}]), read()),
    case("an output without step", post(OUTPUTS, run_id="$run", models=[{"model_id": "m-1"}]), read()),
    case("an output twice", output(3, 3).differs(REPEATED)),
    case("an output again", output(3), output(3).differs(REPEATED), read()),
    case("an output at another step", output(1), output(2).in_other_words(), read()),
    case("no outputs", post(OUTPUTS, run_id="$run", models=[]), read()),
    case("outputs missing", post(OUTPUTS, run_id="$run")),
    case("outputs null", post(OUTPUTS, run_id="$run", models=None)),
    case("outputs a text", post(OUTPUTS, run_id="$run", models="abc")),
    case("outputs a dict", post(OUTPUTS, run_id="$run", models={"a": 1})),
    case("an output without model", post(OUTPUTS, run_id="$run", models=[{"step": 1}]).differs(INCOMPLETE)),
    case(
        "an output with a step as text", post(OUTPUTS, run_id="$run", models=[{"model_id": "m-1", "step": "3"}]), read()
    ),
    case(
        "an output with a step as float",
        post(OUTPUTS, run_id="$run", models=[{"model_id": "m-1", "step": 1.5}]).differs(NOT_STORED),
    ),
]


def model(name: str = "model", **more) -> str:
    fields = {
        "artifact_path": name,
        "flavors": {"python_function": {"loader_module": "x"}},
        "run_id": "$run",
        "utc_time_created": "2026-01-01 00:00:00.000000",
    } | more
    return json.dumps({key: value for key, value in fields.items() if value is not ...})


MODELS = [
    case("a model", post(MODEL, run_id="$run", model_json=model()), read()),
    case(
        "two models",
        post(MODEL, run_id="$run", model_json=model()),
        post(MODEL, run_id="$run", model_json=model("b")),
        read(),
    ),
    case("a model again", *[post(MODEL, run_id="$run", model_json=model())] * 2, read()),
    case(
        "a model with more fields",
        post(MODEL, run_id="$run", model_json=model(model_uuid="u", size=5)),
        read(),
    ),
    case(
        "a model with an empty signature",
        post(MODEL, run_id="$run", model_json=model(signature={"inputs": "[]"})).differs(SIGNATURE),
    ),
    case(
        "a model without time",
        post(MODEL, run_id="$run", model_json=model(utc_time_created=None)).differs(NO_TIME),
    ),
    *(
        case(f"a model without {name}", post(MODEL, run_id="$run", model_json=model(**{name: ...})))
        for name in ("artifact_path", "flavors", "run_id", "utc_time_created")
    ),
    case("a model without anything", post(MODEL, run_id="$run", model_json="{}")),
    case("a model that is no JSON", post(MODEL, run_id="$run", model_json="{")),
    case("a model that is a list", post(MODEL, run_id="$run", model_json="[]").differs(FAILS)),
    case("a model that is a number", post(MODEL, run_id="$run", model_json="5").differs(FAILS)),
    case("an empty model", post(MODEL, run_id="$run", model_json="")),
    case("no model", post(MODEL, run_id="$run")),
    case("a model as object", post(MODEL, run_id="$run", model_json={"a": 1})),
    case(
        "a model whose flavors are a list",
        post(MODEL, run_id="$run", model_json=model(flavors=[])).differs(FAILS),
        read(),
    ),
    case("a model of another run", post(MODEL, run_id="$run", model_json=model(run_id="other")), read()),
]

FOUND = [
    case("datasets of no experiment", post(DATASETS)),
    case("datasets of an empty list", post(DATASETS, experiment_ids=[])),
    case("datasets of an experiment without", post(DATASETS, experiment_ids=["$experiment"])),
    case("datasets of an unknown experiment", post(DATASETS, experiment_ids=["999"])),
    case("datasets of words", post(DATASETS, experiment_ids=["abc"])),
    case("datasets of a text", post(DATASETS, experiment_ids="0").in_other_words()),
    case("datasets of a number", post(DATASETS, experiment_ids=[0]).in_other_words()),
    case("datasets of 21 experiments", post(DATASETS, experiment_ids=[str(n) for n in range(21)])),
    case("datasets of 20 experiments", post(DATASETS, experiment_ids=[str(n + 900) for n in range(20)])),
    case(
        "datasets",
        post("runs/create", experiment_id="$experiment").kept("r"),
        post("runs/create", experiment_id="$experiment").kept("s"),
        post(INPUTS, run_id="$r", datasets=[dataset("a", "1", context("train")), dataset("b", "2")]),
        post(INPUTS, run_id="$s", datasets=[dataset("a", "1", context("eval")), dataset("a", "1", context("train"))]),
        post(DATASETS, experiment_ids=["$experiment"]),
        post("runs/delete", run_id="$s"),
        post(DATASETS, experiment_ids=["$experiment", "$experiment"]),
    ),
    case("datasets below /api", post("experiments/search-datasets", experiment_ids=["$experiment"])),
]


@pytest.mark.parametrize("tried", [*LOGGED, *REFUSED], ids=str)
def test_log_inputs(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", OUTPUT, ids=str)
def test_outputs(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", MODELS, ids=str)
def test_log_model(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", FOUND, ids=str)
def test_search_datasets(pair, tried):
    pair.run(tried)
