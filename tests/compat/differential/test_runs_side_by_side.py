"""Runs: create, get, update, delete and restore, with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import pytest

from pairs import DRIVER, FAILS, NOT_STORED, REPEATED, Difference, case, cases_of, get, post, refused

CREATE = "runs/create"
TAGS_TWICE = "tags given twice, unknown states of runs and models, empty model ids"
START = 1_700_000_000_000


def read(word: str = "run"):
    return get("runs/get", run_id=f"${word}")


def created(what: str, /, **message):
    return case(what, post(CREATE, **({"experiment_id": "0"} | message)).kept("new"), read("new"))


def tag(key: object, value: object) -> dict:
    return {"key": key, "value": value}


CREATED = [
    created("nothing but the experiment"),
    created("in an experiment of its own", experiment_id="$experiment", run_name="r"),
    created("name", run_name="a name"),
    created("name empty", run_name=""),
    created("name null", run_name=None),
    created("name in unicode", run_name="größe 実験 🚀 ' \" \\"),
    created("name of blanks", run_name="  "),
    created("name with a newline", run_name="a\nb"),
    created("name of 250 characters", run_name="n" * 250),
    created("name as tag", tags=[tag("mlflow.runName", "by tag")]),
    created("name and the same tag", run_name="x", tags=[tag("mlflow.runName", "x")]),
    created("empty name and tag", run_name="", tags=[tag("mlflow.runName", "x")]),
    case(
        "name and an empty tag",
        post(CREATE, experiment_id="0", run_name="x", tags=[tag("mlflow.runName", "")]).differs(REPEATED),
    ),
    created("user", user_id="somebody"),
    created("user empty", user_id=""),
    created("user in unicode", user_id="größe"),
    created("user as tag", tags=[tag("mlflow.user", "tagged")]),
    created("start time", start_time=START),
    created("start time as text", start_time=str(START)),
    created("start time zero", start_time=0),
    created("start time negative", start_time=-1),
    created("start time as a whole float", start_time=1000.0),
    created("start time of 63 bits", start_time=2**63 - 1),
    created("tags", start_time=START, run_name="r", tags=[tag("a", "1"), tag("b", ""), tag("größe/実験", "🚀\n")]),
    created("tags empty", tags=[]),
    created("tags null", tags=None),
    created("a tag without value", tags=[{"key": "a"}]),
    created("a tag value of 8000 characters", tags=[tag("a", "x" * 8000)]),
    created("a source", tags=[tag("mlflow.source.name", "train.py"), tag("mlflow.source.type", "LOCAL")]),
    created("a parent", tags=[tag("mlflow.parentRunId", "0" * 32)]),
    created("an unknown field", unknown={"a": [1]}),
    created("camel case", **{"runName": "camel", "startTime": 5}),
]
CREATE_REFUSED = [
    *cases_of(
        CREATE,
        "POST",
        **{
            "experiment unknown": {"experiment_id": "999"},
            "experiment words": {"experiment_id": "abc"},
            "experiment a number": {"experiment_id": 0},
            "experiment deleted": {"experiment_id": "$deleted_experiment"},
            "experiment negative": {"experiment_id": "-1"},
            "start time words": {"experiment_id": "0", "start_time": "abc"},
            "start time empty": {"experiment_id": "0", "start_time": ""},
            "name a number": {"experiment_id": "0", "run_name": 5},
            "name true": {"experiment_id": "0", "run_name": True},
            "name and another tag": {
                "experiment_id": "0",
                "run_name": "a",
                "tags": [tag("mlflow.runName", "b")],
            },
        },
    ),
    case("no experiment", post(CREATE).differs(DRIVER)),
    case("experiment empty", post(CREATE, experiment_id="").differs(DRIVER)),
    case("start time a float", post(CREATE, experiment_id="0", start_time=1.5).differs(NOT_STORED)),
    case("start time beyond 64 bits", post(CREATE, experiment_id="0", start_time=2**63).differs(NOT_STORED)),
    case("start time a list", post(CREATE, experiment_id="0", start_time=[1]).differs(FAILS)),
    case("user a number", post(CREATE, experiment_id="0", user_id=5).differs(NOT_STORED)),
    case("tags a dict", post(CREATE, experiment_id="0", tags={"key": "a"}).differs(NOT_STORED)),
    case("tags a list of texts", post(CREATE, experiment_id="0", tags=["a"]).differs(NOT_STORED)),
    case("a tag value a number", post(CREATE, experiment_id="0", tags=[tag("a", 5)]).differs(NOT_STORED)),
]

BAD_IDS = {
    "missing": {},
    "empty": {"run_id": ""},
    "null": {"run_id": None},
    "unknown": {"run_id": "0" * 32},
    "words": {"run_id": "nope"},
    "a number": {"run_id": 5},
    "a list": {"run_id": ["a"]},
    "with a blank": {"run_id": "a b"},
    "with a slash": {"run_id": "a/b"},
    "with a quote": {"run_id": "a'b"},
    "in unicode": {"run_id": "größe"},
    "very long": {"run_id": "a" * 300},
    "with dots": {"run_id": "../x"},
}
BY_ID = {
    "runs/delete": {},
    "runs/restore": {},
    "runs/update": {"status": "FINISHED"},
    "runs/set-tag": {"key": "a", "value": "b"},
    "runs/delete-tag": {"key": "a"},
    "runs/log-parameter": {"key": "a", "value": "b"},
    "runs/log-metric": {"key": "a", "value": 1, "timestamp": 1},
    "runs/log-batch": {"metrics": [{"key": "a", "value": 1, "timestamp": 1}]},
    "runs/log-inputs": {"datasets": []},
    "runs/outputs": {"models": []},
    "runs/log-model": {"model_json": "{}"},
}
# For the others, the reference does not look at run_uuid, and then looks for a run without id.
UUID = "required fields in camelCase, and `run_uuid` where only `run_id` is declared"
BY_RUN_ID_ONLY = {"runs/delete", "runs/restore", "runs/delete-tag", "runs/log-batch", "runs/log-inputs", "runs/outputs"}
BAD_ID = [
    *(
        case(f"{path} id {what}", post(path, **message, **rest))
        for path, rest in BY_ID.items()
        for what, message in BAD_IDS.items()
    ),
    *(
        case(
            f"{path} id {what}",
            get(path, **rest, **{key: value for key, value in message.items() if value is not None}),
        )
        for path, rest in {"runs/get": {}, "metrics/get-history": {"metric_key": "m"}}.items()
        for what, message in BAD_IDS.items()
        if what not in {"a number", "a list"}
    ),
    *(
        case(f"{path} of a deleted run", post(path, run_id="$deleted_run", **rest), read("deleted_run"))
        for path, rest in BY_ID.items()
        if path != "runs/restore"
    ),
    *(
        case(f"{path} by run_uuid", post(path, run_uuid="$run", **rest), read())
        for path, rest in BY_ID.items()
        if path not in BY_RUN_ID_ONLY
    ),
    case(
        "delete by run_uuid",
        post("runs/delete", run_uuid="$run").differs(Difference(UUID, (404, "RESOURCE_DOES_NOT_EXIST"), (200, None))),
    ),
    case("log-batch by run_uuid", post("runs/log-batch", run_uuid="$run").in_other_words()),
    case("log-inputs by run_uuid", post("runs/log-inputs", run_uuid="$run").in_other_words()),
    case("runs/get by run_uuid", get("runs/get", run_uuid="$run")),
    case("runs/get by both", get("runs/get", run_uuid="nope", run_id="$run")),
    case("runs/get by both the other way", get("runs/get", run_uuid="$run", run_id="nope")),
    case("runs/get id in upper case", get("runs/get", run_id="ABCDEF0123456789ABCDEF0123456789")),
]


def updated(what: str, /, **message):
    return case(what, post("runs/update", run_id="$run", **message), read())


UPDATED = [
    *(
        updated(f"status {status}", status=status)
        for status in ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
    ),
    updated("status and end time", status="FINISHED", end_time=START + 5),
    updated("end time only", end_time=START + 5),
    updated("end time zero", end_time=0),
    updated("end time negative", end_time=-5),
    updated("end time before the start", status="FINISHED", end_time=5),
    updated("end time as text", end_time="17"),
    updated("end time null", end_time=None, status="FINISHED"),
    updated("nothing"),
    updated("name", run_name="another"),
    updated("name empty", run_name=""),
    updated("name null", run_name=None),
    updated("name in unicode", run_name="größe 🚀"),
    updated("name of 250 characters", run_name="n" * 250),
    updated("end time words", end_time="abc"),
    updated("name a number", run_name=5),
    updated("status a list", status=["FINISHED"]),
    case(
        "running again",
        post("runs/update", run_id="$run", status="FINISHED", end_time=START + 5),
        post("runs/update", run_id="$run", status="RUNNING"),
        read(),
    ),
    case("status unknown", post("runs/update", run_id="$run", status="NOPE").differs(refused(TAGS_TWICE))),
    case("status in lower case", post("runs/update", run_id="$run", status="finished").differs(refused(TAGS_TWICE))),
    case("status empty", post("runs/update", run_id="$run", status="").differs(refused(TAGS_TWICE))),
    updated("status a number as text", status="3"),
    case("status a number", post("runs/update", run_id="$run", status=3), read()),
    case("end time a float", post("runs/update", run_id="$run", end_time=1.5).differs(NOT_STORED)),
    case("end time beyond 64 bits", post("runs/update", run_id="$run", end_time=2**63).differs(NOT_STORED)),
    case("a deleted run", post("runs/update", run_id="$deleted_run", status="FINISHED")),
]
LIFE = [
    case("get", read()),
    case("get a deleted one", read("deleted_run")),
    case("delete", post("runs/delete", run_id="$run"), read()),
    case("delete twice", post("runs/delete", run_id="$deleted_run"), read("deleted_run")),
    case("restore", post("runs/restore", run_id="$deleted_run"), read("deleted_run")),
    case("restore an active one", post("runs/restore", run_id="$run"), read()),
    case(
        "create in a restored experiment",
        post("experiments/restore", experiment_id="$deleted_experiment"),
        post(CREATE, experiment_id="$deleted_experiment").kept("new"),
        read("new"),
    ),
]


@pytest.mark.parametrize("tried", [*CREATED, *CREATE_REFUSED], ids=str)
def test_create(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", BAD_ID, ids=str)
def test_ids(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*UPDATED, *LIFE], ids=str)
def test_update_delete_restore(pair, tried):
    pair.run(tried)
