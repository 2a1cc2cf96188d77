"""Experiments and their tags: every endpoint with good, boundary and bad input, beside the reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pairs import DRIVER, NOT_STORED, Difference, case, cases_of, get, post, refused

WIDTH = "experiment names of 257 to 500 characters"
TOO_WIDE = (refused(WIDTH, on="sqlite"), refused(WIDTH, reference=400, code="BAD_REQUEST", on="postgres"))
TAKEN = replace(DRIVER, mlferry=(400, "RESOURCE_ALREADY_EXISTS"))
NOT_PLAIN = refused("ids of experiments that only Python reads as numbers, such as `1_0`")
TAGS_TWICE = "tags given twice, unknown states of runs and models, empty model ids"
CREATE = "experiments/create"
STATE = Difference("`INVALID_STATE`", (500, "INVALID_STATE"), (409, "INVALID_STATE"))


def read(word: str = "experiment"):
    return get("experiments/get", experiment_id=f"${word}")


def created(what: str, /, **message):
    """An experiment is made and then read."""
    return case(what, post(CREATE, **message).kept("new"), read("new"))


NAMES = {
    "plain": "$name",
    "unicode": "$name größe 実験 🚀",
    "blank first": " $name",
    "blank last": "$name ",
    "only a blank": " ",
    "newline": "$name\nb",
    "tab": "$name\tb",
    "quote": "$name ' \" `",
    "backslash": "$name\\b",
    "slashes": "$name/a//b",
    "dots": "$name/../x",
    "percent": "$name %41 %",
    "markup": "<b>$name</b>",
    "number": "$name 123",
    "like null": "$name null",
    "combining": "$name e\u0301",
    "256 characters": "$name".ljust(240, "x"),
}
CREATED = [
    *(created(f"name {what}", name=name) for what, name in NAMES.items()),
    created("location s3", name="$name", artifact_location="s3://bucket/path"),
    created("location with a blank", name="$name", artifact_location="s3://bucket/a b"),
    created("location with a slash at its end", name="$name", artifact_location="s3://bucket/path/"),
    created("location empty", name="$name", artifact_location=""),
    created("location null", name="$name", artifact_location=None),
    created("location file", name="$name", artifact_location="file:///srv/x"),
    created("location relative", name="$name", artifact_location="mlflow-artifacts:/x/y"),
    created("tags", name="$name", tags=[{"key": "a", "value": "b"}, {"key": "ü", "value": "ö"}]),
    created("tags empty", name="$name", tags=[]),
    created("tags null", name="$name", tags=None),
    created("a tag without value", name="$name", tags=[{"key": "a"}]),
    created("a tag with an empty value", name="$name", tags=[{"key": "a", "value": ""}]),
    case("a tag with an empty key", post(CREATE, name="$name", tags=[{"key": "", "value": "x"}]).in_other_words()),
    created("a tag value of 5000 characters", name="$name", tags=[{"key": "a", "value": "x" * 5000}]),
    created("a tag value with a newline", name="$name", tags=[{"key": "a", "value": "x\ny"}]),
    created("an unknown field", name="$name", unknown=1),
    created("camel case", name="$name", artifactLocation="s3://bucket/camel"),
    created("a note", name="$name", tags=[{"key": "mlflow.note.content", "value": "# a\n*b*"}]),
]
CREATE_REFUSED = [
    *cases_of(
        CREATE,
        "POST",
        **{
            "nothing": {},
            "name empty": {"name": ""},
            "name null": {"name": None},
            "name a number": {"name": 5},
            "name a float": {"name": 1.5},
            "name a list": {"name": ["a"]},
            "name a dict": {"name": {"b": 1, "a": 2}},
            "name true": {"name": True},
            "name of 501 characters": {"name": "x" * 501},
            "location a number": {"name": "$name", "artifact_location": 5},
            "location of runs": {"name": "$name", "artifact_location": "runs:/x"},
            "location too long": {"name": "$name", "artifact_location": "s3://" + "x" * 2100},
            "location with a fragment": {"name": "$name", "artifact_location": "s3://bucket/x#y"},
            "location with a query": {"name": "$name", "artifact_location": "s3://bucket/x?y=z"},
            "location with dots": {"name": "$name", "artifact_location": "s3://bucket/../x"},
            "tags a dict": {"name": "$name", "tags": {"key": "a"}},
            "tags a text": {"name": "$name", "tags": "a"},
            "a tag key too long": {"name": "$name", "tags": [{"key": "k" * 251, "value": "x"}]},
            "a tag value too long": {"name": "$name", "tags": [{"key": "k", "value": "x" * 20001}]},
            "a tag key with a star": {"name": "$name", "tags": [{"key": "a*b", "value": "x"}]},
            "a tag key with dots": {"name": "$name", "tags": [{"key": "../a", "value": "x"}]},
            "both spellings": {"name": "$name", "artifact_location": "s3://a/b", "artifactLocation": "s3://a/c"},
        },
    ),
    case("name taken", post(CREATE, name="$name"), post(CREATE, name="$name").in_other_words()),
    case(
        "name of a deleted one",
        post(CREATE, name="$name").kept("new"),
        post("experiments/delete", experiment_id="$new"),
        post(CREATE, name="$name").in_other_words(),
    ),
    case(
        "name of 257 characters",
        post(CREATE, name="$name".ljust(300, "x")).differs(*TOO_WIDE),
    ),
    case("name Default", post(CREATE, name="Default").in_other_words()),
    case(
        "a tag given twice",
        post(CREATE, name="$name", tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]).differs(
            refused(TAGS_TWICE, reference=400, code="RESOURCE_ALREADY_EXISTS")
        ),
    ),
    case("a number as tag value", post(CREATE, name="$name", tags=[{"key": "a", "value": 5}]).differs(NOT_STORED)),
]

BAD_IDS = {
    "nothing": {},
    "empty": {"experiment_id": ""},
    "null": {"experiment_id": None},
    "unknown": {"experiment_id": "999"},
    "negative": {"experiment_id": "-1"},
    "words": {"experiment_id": "abc"},
    "a float": {"experiment_id": "1.5"},
    "a number": {"experiment_id": 1},
    "a list": {"experiment_id": ["1"]},
    "beyond 32 bits": {"experiment_id": "2147483648"},
    "markup": {"experiment_id": "<script>"},
    "a quote": {"experiment_id": "1'--"},
    "a blank": {"experiment_id": " "},
}
HUGE = Difference(
    "a user's mistake that makes the reference fail",
    (500, "INTERNAL_ERROR"),
    (404, "RESOURCE_DOES_NOT_EXIST"),
    frozenset({"sqlite"}),
)
BY_ID = {
    "experiments/delete": {},
    "experiments/restore": {},
    "experiments/update": {"new_name": "$name"},
    "experiments/set-experiment-tag": {"key": "a", "value": "b"},
    "experiments/delete-experiment-tag": {"key": "a"},
}
BAD_ID = [
    *(
        case(f"{path} id {what}", post(path, **message, **rest))
        for path, rest in BY_ID.items()
        for what, message in BAD_IDS.items()
    ),
    *(
        case(
            f"experiments/get id {what}",
            get("experiments/get", **{key: v for key, v in message.items() if v is not None}),
        )
        for what, message in BAD_IDS.items()
        if what not in {"a list", "a number"}
    ),
    *(
        case(f"{path} id huge", post(path, experiment_id="9" * 23, **rest).in_other_words().differs(HUGE))
        for path, rest in BY_ID.items()
    ),
    case("experiments/get id huge", get("experiments/get", experiment_id="9" * 23).in_other_words().differs(HUGE)),
]

LIFE = [
    case("get", read()),
    case("get a deleted one", read("deleted_experiment")),
    case("get the default one", get("experiments/get", experiment_id="0")),
    case("get with zeros before the number", get("experiments/get", experiment_id="00")),
    case("get with a plus", get("experiments/get", experiment_id="+0")),
    case("get with blanks around the number", get("experiments/get", experiment_id=" 0 ")),
    case("get with an underscore", get("experiments/get", experiment_id="0_0").differs(NOT_PLAIN)),
    case("get with digits of another script", get("experiments/get", experiment_id="٠").differs(NOT_PLAIN)),
    case("get by name", post(CREATE, name="$name"), get("experiments/get-by-name", experiment_name="$name")),
    case(
        "get a deleted one by name",
        post(CREATE, name="$name").kept("new"),
        post("experiments/delete", experiment_id="$new"),
        get("experiments/get-by-name", experiment_name="$name"),
    ),
    *cases_of(
        "experiments/get-by-name",
        "GET",
        **{
            "get by unknown name": {"experiment_name": "nope"},
            "get by no name": {},
            "get by empty name": {"experiment_name": ""},
            "get by name in another case": {"experiment_name": "default"},
            "get by name with a blank": {"experiment_name": "Default "},
            "get by two names": {"experiment_name": ["Default", "nope"]},
        },
    ),
    case("delete", post("experiments/delete", experiment_id="$experiment"), read()),
    case("delete twice", post("experiments/delete", experiment_id="$deleted_experiment")),
    case("restore", post("experiments/restore", experiment_id="$deleted_experiment"), read("deleted_experiment")),
    case("restore an active one", post("experiments/restore", experiment_id="$experiment")),
    case(
        "delete with runs",
        post("runs/create", experiment_id="$experiment", start_time=1).kept("r"),
        post("experiments/delete", experiment_id="$experiment"),
        get("runs/get", run_id="$r"),
        post("experiments/restore", experiment_id="$experiment"),
        get("runs/get", run_id="$r"),
    ),
    case(
        "restore brings back runs that were deleted before",
        post("runs/create", experiment_id="$experiment").kept("r"),
        post("runs/delete", run_id="$r"),
        post("experiments/delete", experiment_id="$experiment"),
        post("experiments/restore", experiment_id="$experiment"),
        get("runs/get", run_id="$r"),
    ),
    case(
        "rename",
        post("experiments/update", experiment_id="$experiment", new_name="$name"),
        read(),
        get("experiments/get-by-name", experiment_name="$name"),
    ),
    case(
        "rename to itself",
        post(CREATE, name="$name").kept("new"),
        post("experiments/update", experiment_id="$new", new_name="$name"),
        read("new"),
    ),
    case(
        "rename to a taken name",
        post("experiments/update", experiment_id="$experiment", new_name="Default").differs(TAKEN),
    ),
    case("rename to nothing", post("experiments/update", experiment_id="$experiment"), read()),
    case("rename to an empty name", post("experiments/update", experiment_id="$experiment", new_name="")),
    case("rename to a number", post("experiments/update", experiment_id="$experiment", new_name=5)),
    case(
        "rename to 501 characters",
        post("experiments/update", experiment_id="$experiment", new_name="x" * 501),
    ),
    case("rename to a blank", post("experiments/update", experiment_id="$experiment", new_name="  "), read()),
    case(
        "rename a deleted one",
        post("experiments/update", experiment_id="$deleted_experiment", new_name="$name").differs(STATE),
    ),
]

SET = "experiments/set-experiment-tag"


def tagged(what: str, /, key: object = "a", value: object = "b", word: str = "experiment"):
    return case(what, post(SET, experiment_id=f"${word}", key=key, value=value), read(word))


TAGS = [
    tagged("tag"),
    tagged("tag without value", value=None),
    tagged("tag with an empty value", value=""),
    tagged("tag with a blank", key="a b"),
    tagged("tag in unicode", key="größe/実験", value="🚀 ' \" \\ \n"),
    tagged("tag of 250 characters", key="k" * 250),
    tagged("tag value of 20000 characters", value="x" * 20000),
    tagged("tag value with a NUL escape", value="a\\u0000b"),
    case(
        "tag again",
        post(SET, experiment_id="$experiment", key="a", value="1"),
        post(SET, experiment_id="$experiment", key="a", value="2"),
        read(),
    ),
    case(
        "tag keys differ by case",
        post(SET, experiment_id="$experiment", key="a", value="1"),
        post(SET, experiment_id="$experiment", key="A", value="2"),
        read(),
    ),
    tagged("tag a deleted one", word="deleted_experiment"),
    tagged("tag key missing", key=None),
    tagged("tag key empty", key=""),
    tagged("tag key a number", key=5),
    tagged("tag key with a question mark", key="a?b"),
    tagged("tag key with dots", key="../a"),
    tagged("tag key of 251 characters", key="k" * 251),
    tagged("tag value of 20001 characters", value="x" * 20001),
    tagged("tag value a number", value=5),
    tagged("tag value true", value=True),
    tagged("tag value a list", value=["x"]),
    case(
        "delete tag",
        post(SET, experiment_id="$experiment", key="a", value="1"),
        post("experiments/delete-experiment-tag", experiment_id="$experiment", key="a"),
        read(),
        post("experiments/delete-experiment-tag", experiment_id="$experiment", key="a"),
    ),
    case("delete tag without key", post("experiments/delete-experiment-tag", experiment_id="$experiment")),
    case(
        "delete tag with an empty key", post("experiments/delete-experiment-tag", experiment_id="$experiment", key="")
    ),
    case("delete tag with a number", post("experiments/delete-experiment-tag", experiment_id="$experiment", key=5)),
    case(
        "delete tag of a deleted one",
        post("experiments/delete-experiment-tag", experiment_id="$deleted_experiment", key="a"),
    ),
]


@pytest.mark.parametrize("tried", [*CREATED, *CREATE_REFUSED], ids=str)
def test_create(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*BAD_ID, *LIFE], ids=str)
def test_read_rename_delete_restore(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", TAGS, ids=str)
def test_tags(pair, tried):
    pair.run(tried)
