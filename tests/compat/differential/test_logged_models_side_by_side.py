"""Logged models with good, boundary and bad input, and searches for them, beside the reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pairs import DRIVER, INCOMPLETE, NOT_STORED, REPEATED, Call, case, get, post, refused

MODELS = "logged-models"
MODEL = f"{MODELS}/$logged_model"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
# What is wider than its column.
WIDTHS = (replace(INCOMPLETE, on=frozenset({"sqlite"})), replace(DRIVER, on=frozenset({"postgres"})))
UNKNOWN_STATUS = refused("tags given twice, unknown states of runs and models, empty model ids")
ANOTHER_MODEL = refused(
    "logged models of which path and body name different ones", reference=404, code="RESOURCE_DOES_NOT_EXIST"
)


def create(**more) -> Call:
    return post(MODELS, **({"experiment_id": "0", "name": "a model"} | more))


def read(model: str = "$logged_model", **query) -> Call:
    return get(f"{MODELS}/{model}", **query)


def patch(path: str, **message) -> Call:
    return Call("PATCH", path, message)


def delete(path: str, message=None) -> Call:
    return Call("DELETE", path, message)


def finalize(**more) -> Call:
    message = {"model_id": "$logged_model", "status": "LOGGED_MODEL_READY"} | more
    return patch(MODEL, **{key: value for key, value in message.items() if value is not ...})


def log_params(*params, **more) -> Call:
    message = {"model_id": "$logged_model", "params": list(params)} | more
    return post(f"{MODEL}/params", **{key: value for key, value in message.items() if value is not ...})


def set_tags(*tags) -> Call:
    return patch(f"{MODEL}/tags", tags=list(tags))


def pair_of(key: str, value: str = "1") -> dict:
    return {"key": key, "value": value}


CREATED = [
    case("a model", create().kept("m"), read("$m")),
    case("a model without name", post(MODELS, experiment_id="0")),
    case("a model with an empty name", create(name="")),
    case(
        "a model with everything",
        create(
            experiment_id="$experiment",
            model_type="agent",
            source_run_id="$run",
            params=[pair_of("p"), pair_of("q", "")],
            tags=[pair_of("t"), pair_of("größe", "ü")],
        ).kept("m"),
        read("$m"),
        get("runs/get", run_id="$run"),
    ),
    case("two models with one name", create(name="$name"), create(name="$name")),
    case("a model in camelCase", post(MODELS, experiment_id="0", name="x", modelType="t", sourceRunId="r")),
    case("by the twin", Call("POST", "/ajax-api/2.0/mlflow/logged-models", {"experiment_id": "0", "name": "x"})),
    case("params without value", create(params=[{"key": "p"}], tags=[{"key": "t"}])),
    case("long values", create(params=[pair_of("p", "v" * 20_000)], tags=[pair_of("t", "v" * 20_000)])),
    case("a name of blanks", create(name=" ")),
    case("a name of 500 characters", create(name="n" * 500)),
    case("a name of 501 characters", create(name="n" * 501).differs(*WIDTHS)),
    case("a type of 501 characters", create(model_type="n" * 501).differs(*WIDTHS)),
    case("a run of 33 characters", create(source_run_id="n" * 33).differs(*WIDTHS)),
    case("a run that is not there", create(source_run_id="nope")),
    case("a deleted run", create(source_run_id="$deleted_run")),
    *(case(f"a name with {bad}", create(name=f"a{bad}b")) for bad in "/:.%\"'"),
    case("a name that is a number", create(name=5)),
    case("no experiment", post(MODELS, name="x")),
    case("an empty experiment", create(experiment_id="")),
    case("an unknown experiment", create(experiment_id="999")),
    case("a deleted experiment", create(experiment_id="$deleted_experiment")),
    case("an experiment in words", create(experiment_id="abc").in_other_words()),
    case("a bad name in an unknown experiment", create(experiment_id="999", name="a.b")),
    case("params a text", create(params="abc")),
    case("tags a dict", create(tags={"a": 1})),
    case("a param twice", create(params=[pair_of("p"), pair_of("p", "2")]).differs(DRIVER)),
    case("a tag twice", create(tags=[pair_of("p"), pair_of("p", "2")]).differs(DRIVER)),
    case("a param without key", create(params=[{"value": "1"}]).differs(INCOMPLETE)),
    case("a tag without key", create(tags=[{"value": "1"}]).differs(INCOMPLETE)),
    case("a param with an empty key", create(params=[pair_of("")]).differs(INCOMPLETE)),
    case("a key of 255 characters", create(params=[pair_of("k" * 255)], tags=[pair_of("k" * 255)])),
    case("a param's key of 256 characters", create(params=[pair_of("k" * 256)]).differs(*WIDTHS)),
    case("a tag's key of 256 characters", create(tags=[pair_of("k" * 256)]).differs(*WIDTHS)),
    case("a param that is a number", create(params=[{"key": "a", "value": 1}]).differs(NOT_STORED)),
]

READ = [
    case("get", read()),
    case("get by the twin", Call("GET", "/ajax-api/2.0/mlflow/logged-models/$logged_model")),
    case("get of an unknown model", read("m-nope")),
    case("get of a deleted model", read("$deleted_logged_model")),
    *(
        case(
            f"get with allow_deleted {value}",
            read("$deleted_logged_model", allow_deleted=value),
            read(allow_deleted=value),
        )
        for value in ("true", "TRUE", "false", "1", "")
    ),
]

CHANGED = [
    *(
        case(f"finalize with status {status!r}", finalize(status=status), read())
        for status in (
            "LOGGED_MODEL_READY",
            "LOGGED_MODEL_PENDING",
            "LOGGED_MODEL_UPLOAD_FAILED",
            "LOGGED_MODEL_STATUS_UNSPECIFIED",
            2,
            3,
            "2",
        )
    ),
    *(case(f"finalize with status {status!r}", finalize(status=status)) for status in (..., None, 0)),
    *(
        case(f"finalize with status {status!r}", finalize(status=status).differs(UNKNOWN_STATUS))
        for status in ("READY", 7)
    ),
    case("finalize with an empty status", finalize(status="").in_other_words()),
    case("finalize with status True", finalize(status=True).differs(NOT_STORED)),
    case("finalize twice", finalize(), finalize(status="LOGGED_MODEL_UPLOAD_FAILED"), read()),
    case("finalize without model", finalize(model_id=...)),
    case("finalize another model", finalize(model_id="m-nope").differs(ANOTHER_MODEL)),
    case("finalize an unknown model", patch(f"{MODELS}/m-nope", model_id="m-nope", status=2)),
    case(
        "finalize a deleted model",
        patch(f"{MODELS}/$deleted_logged_model", model_id="$deleted_logged_model", status=2),
        read("$deleted_logged_model", allow_deleted="true"),
    ),
    case("delete", delete(MODEL), read(), read(allow_deleted="true")),
    case("delete with a body", delete(MODEL, {"model_id": "$logged_model"}), read()),
    case("delete twice", delete(MODEL), delete(MODEL)),
    case("delete an unknown model", delete(f"{MODELS}/m-nope")),
]

TAGS = [
    case("tags", set_tags(pair_of("t"), pair_of("u", "2")), set_tags(pair_of("t", "3")), read()),
    case("a tag twice", set_tags(pair_of("t"), pair_of("t", "2")), read()),
    case("no tags", set_tags(), read()),
    case("tags missing", patch(f"{MODEL}/tags")),
    case("tags a text", patch(f"{MODEL}/tags", tags="abc")),
    case("tags of an unknown model", patch(f"{MODELS}/m-nope/tags", tags=[pair_of("t")])),
    case("no tags of an unknown model", patch(f"{MODELS}/m-nope/tags", tags=[])),
    case("tags of a deleted model", patch(f"{MODELS}/$deleted_logged_model/tags", tags=[pair_of("t")])),
    case("a tag without value", set_tags({"key": "t"}), read()),
    case("a tag without key", set_tags({"value": "t"}).differs(INCOMPLETE)),
    case("a tag with a long key", set_tags(pair_of("k" * 256)).differs(*WIDTHS)),
    case("a tag deleted", set_tags(pair_of("t"), pair_of("a b")), delete(f"{MODEL}/tags/t"), read()),
    case("a tag with a blank deleted", set_tags(pair_of("a b")), delete(f"{MODEL}/tags/a%20b"), read()),
    case("a tag deleted twice", set_tags(pair_of("t")), *[delete(f"{MODEL}/tags/t")] * 2),
    case("a tag with a quote deleted", delete(f"{MODEL}/tags/it's")),
    case("a tag of an unknown model deleted", delete(f"{MODELS}/m-nope/tags/t")),
    case("a tag of a deleted model deleted", delete(f"{MODELS}/$deleted_logged_model/tags/t")),
]

PARAMS = [
    case("params", log_params(pair_of("p"), pair_of("q", "")), log_params(pair_of("r")), read()),
    case("no params", log_params(), read()),
    case("params missing", log_params(params=...), read()),
    case("params a text", log_params(params="abc")),
    case("a param again", log_params(pair_of("p")), log_params(pair_of("p")).differs(REPEATED), read()),
    case(
        "a param with another value",
        log_params(pair_of("p")),
        log_params(pair_of("q"), pair_of("p", "2")).differs(DRIVER),
        read(),
    ),
    case("a param twice", log_params(pair_of("p"), pair_of("p", "2")).differs(DRIVER), read()),
    case("a param without key", log_params({"value": "1"}).differs(INCOMPLETE)),
    case("a param with a long key", log_params(pair_of("k" * 256)).differs(*WIDTHS)),
    case("params without model", log_params(pair_of("p"), model_id=...)),
    case(
        "params of two models",
        log_params(pair_of("p"), model_id="m-nope").differs(replace(ANOTHER_MODEL, reference=(200, None))),
    ),
    case("params of an unknown model", post(f"{MODELS}/m-nope/params", model_id="m-nope", params=[pair_of("p")])),
    case(
        "params of a deleted model",
        post(f"{MODELS}/$deleted_logged_model/params", model_id="$deleted_logged_model", params=[pair_of("p")]),
        read("$deleted_logged_model", allow_deleted="true"),
    ),
]


def metric(key: str = "acc", value: object = 0.5, **more) -> dict:
    return {"key": key, "value": value, "timestamp": 1, "step": 0, "model_id": "$logged_model"} | more


ON_DATASET = {"dataset_name": "d", "dataset_digest": "g"}

LINKS = [
    case("a metric", post("runs/log-metric", run_id="$run", **metric()), read(), get("runs/get", run_id="$run")),
    case("a metric on a dataset", post("runs/log-metric", run_id="$run", **metric(**ON_DATASET)), read()),
    case(
        "metrics in a batch",
        post("runs/log-batch", run_id="$run", metrics=[metric("a"), metric("b", "NaN"), metric("c", "Infinity")]),
        read(),
        get("runs/get", run_id="$run"),
    ),
    case(
        "a metric of two runs",
        post("runs/log-metric", run_id="$run", **metric("a")),
        post("runs/log-metric", run_id="$run2", **metric("b", 3)),
        read(),
    ),
    case(
        "metrics of two models",
        post(
            "runs/log-batch",
            run_id="$run",
            metrics=[metric("a"), metric("b", model_id="$logged_model2"), metric("c", 9)],
        ),
        read(),
        read("$logged_model2"),
    ),
    case(
        "the same metric again",
        *[post("runs/log-metric", run_id="$run", **metric())] * 2,
        read(),
    ),
    case(
        "a metric of a deleted model",
        post("runs/log-metric", run_id="$run", **metric(model_id="$deleted_logged_model")),
    ),
    case(
        "a metric of an unknown model",
        post("runs/log-metric", run_id="$run", **metric(model_id="m-nope")).in_other_words(),
    ),
    case(
        "an input and an output",
        post("runs/log-inputs", run_id="$run", models=[{"model_id": "$logged_model"}]),
        post("runs/outputs", run_id="$run", models=[{"model_id": "$logged_model2", "step": 4}]),
        get("runs/get", run_id="$run"),
        read(),
        read("$logged_model2"),
    ),
    case(
        "links to a model that is deleted later",
        post("runs/outputs", run_id="$run", models=[{"model_id": "$logged_model", "step": 4}]),
        delete(MODEL),
        get("runs/get", run_id="$run"),
    ),
    case(
        "a model of a run that is deleted later",
        create(source_run_id="$run").kept("m"),
        post("runs/delete", run_id="$run"),
        read("$m"),
    ),
    case(
        "a model of an experiment that is deleted and restored",
        create(experiment_id="$experiment").kept("m"),
        post("experiments/delete", experiment_id="$experiment"),
        read("$m"),
        patch(f"{MODELS}/$m", model_id="$m", status=2),
        patch(f"{MODELS}/$m/tags", tags=[pair_of("t")]),
        post(f"{MODELS}/search", experiment_ids=["$experiment"]),
        post("experiments/restore", experiment_id="$experiment"),
        read("$m"),
    ),
]


def put(path: str, body: str = "hello") -> Call:
    return Call("PUT", f"{PROXY}/0/models/$logged_model/artifacts/{path}", raw=body, headers={})


def directories(**query) -> Call:
    return get(f"{MODEL}/artifacts/directories", **query)


def file(**query) -> Call:
    return get(f"/ajax-api/2.0/mlflow/{MODEL}/artifacts/files", **query)


FILES = (put("MLmodel"), put("d/e.txt", "x"), put("d/f/g.bin", ""))
ARTIFACTS = [
    case("directories", *FILES, directories()),
    case("directories below", *FILES, directories(artifact_directory_path="d")),
    case("directories of an empty path", *FILES, directories(artifact_directory_path="")),
    case("directories of nothing", directories()),
    case("directories of a file", *FILES, directories(artifact_directory_path="MLmodel")),
    case("directories of what is not there", *FILES, directories(artifact_directory_path="none")),
    case("directories outside", directories(artifact_directory_path="../x").in_other_words()),
    case("directories of an unknown model", get(f"{MODELS}/m-nope/artifacts/directories")),
    case("directories of a deleted model", get(f"{MODELS}/$deleted_logged_model/artifacts/directories")),
    case("directories by the twin", *FILES, Call("GET", f"/ajax-api/2.0/mlflow/{MODEL}/artifacts/directories")),
    case("a file", *FILES, file(artifact_file_path="MLmodel")),
    case("a file below", *FILES, file(artifact_file_path="d/e.txt")),
    case("no file", file()),
    case("an empty file path", file(artifact_file_path="")),
    case("a file that is not there", file(artifact_file_path="none")),
    case("a file outside", file(artifact_file_path="../x").in_other_words()),
    case(
        "a file of an unknown model",
        get(f"/ajax-api/2.0/mlflow/{MODELS}/m-nope/artifacts/files", artifact_file_path="a"),
    ),
    case("a file outside of an unknown model", get(f"/ajax-api/2.0/mlflow/{MODELS}/m-nope/artifacts/files")),
    case("a file below /api", get(f"{MODEL}/artifacts/files", artifact_file_path="MLmodel")),
]


@pytest.mark.parametrize("tried", CREATED, ids=str)
def test_create(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", READ, ids=str)
def test_get(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", CHANGED, ids=str)
def test_finalize_and_delete(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", TAGS, ids=str)
def test_tags(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", PARAMS, ids=str)
def test_params(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", LINKS, ids=str)
def test_links_to_runs(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", ARTIFACTS, ids=str)
def test_artifacts(pair, tried):
    pair.run(tried)
