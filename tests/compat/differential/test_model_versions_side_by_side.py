"""Versions of registered models: every endpoint with good, boundary and bad input, beside the reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pairs import FAILS_IN_WORDS, NOT_STORED, Call, Case, Difference, case, delete, get, patch, post, refused

CREATE = "model-versions/create"
STAGE = "model-versions/transition-stage"
SEARCH = "model-versions/search"
SET = "model-versions/set-tag"
S3 = "s3://bucket/x"
OF_RUN = "mlflow-artifacts:/0/$run/artifacts"
OF_MODEL = "mlflow-artifacts:/0/models/$run_model/artifacts"
SERVER = "http://127.0.0.1:1/api/2.0/mlflow-artifacts/artifacts/0/$run/artifacts"
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "Hi {{name}}"}]
WIDTH = (
    "versions of models: sources, links and locations over 500 characters, ids of runs over 32, descriptions over 5000"
)
TOO_WIDE = (refused(WIDTH, on="sqlite"), refused(WIDTH, reference=400, code="BAD_REQUEST", on="postgres"))
NOT_PLAIN = refused(
    "numbers of versions that only Python reads, such as `1_0`", reference=404, code="RESOURCE_DOES_NOT_EXIST"
)
MISSING = replace(FAILS_IN_WORDS, mlferry=(404, "RESOURCE_DOES_NOT_EXIST"))
READABLE = Difference(
    "files of model versions that come from `runs:/…` below the proxied destination",
    (500, "INTERNAL_ERROR"),
    (200, None),
)


def made(source: str = S3, name: str = "$model", **message) -> Call:
    return post(CREATE, name=name, source=source, **message)


def read(number: object = "1", name: str = "$model") -> Call:
    return get("model-versions/get", name=name, version=number)


def location(number: str = "1", name: str = "$model") -> Call:
    return get("model-versions/get-download-uri", name=name, version=number)


def created(what: str, /, source: str = S3, **message) -> Case:
    """A version is made, and then read with its model."""
    return case(what, made(source, **message), read(), location(), get("registered-models/get", name="$model"))


CREATED = [
    created("plain"),
    created("with all", run_id="$run", run_link="http://x/y", description="d", tags=[{"key": "a", "value": "b"}]),
    created("of an unknown run elsewhere", run_id="r" * 32),
    created("with empty texts", run_id="", run_link="", description="", model_id="", tags=[]),
    created("with nulls", run_id=None, run_link=None, description=None, model_id=None, tags=None),
    created("a tag twice", tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]),
    created("a long tag", tags=[{"key": "k" * 250, "value": "v" * 100_000}]),
    created("a description of 5000 characters", description="ü" * 5000),
    created("a source of 500 characters", "s3://b/" + "x" * 493),
    created("source with a query", "s3://bucket/x?y=z"),
    created("source with a blank", "s3://bucket/a b+c%20d"),
    created("source with a slash at its end", "s3://bucket/x/"),
    created("source with two slashes", "s3://bucket//x"),
    created("source dbfs", "dbfs:/x/y"),
    created("source of a scheme that nobody knows", "foo://bar/x"),
    created("source azure", "wasbs://c@a.blob.core.windows.net/x"),
    created("source of a run", "runs:/$run/model", run_id="$run"),
    created("source of a run, all of it", "runs:/$run", run_id="$run"),
    created("source of a run, proxied", OF_RUN + "/model", run_id="$run"),
    created("source of a run, proxied, all of it", OF_RUN, run_id="$run"),
    created("source of a run, encoded", "mlflow-artifacts:/0/$run/art%69facts/m%2520x", run_id="$run"),
    created("source of a deleted run", "mlflow-artifacts:/0/$deleted_run/artifacts/m", run_id="$deleted_run"),
    created("source of a logged model", "models:/$run_model", model_id="$run_model"),
    created("source of a logged model with a run", "models:/$run_model", model_id="$run_model", run_id="$run"),
    created("source of a logged model, proxied", OF_MODEL + "/x", model_id="$run_model"),
    created("source elsewhere with a logged model", model_id="$run_model"),
    created("prompt", "dummy-source", tags=PROMPT),
    created("prompt of the other kind", "prompt-template", tags=PROMPT, description="first"),
    created("no prompt", tags=[{"key": "mlflow.prompt.is_prompt", "value": "no"}]),
    case("numbers", made(), made(), delete("model-versions/delete", name="$model", version="2"), made(), read("3")),
    case(
        "a logged model with two versions",
        made("models:/$run_model", model_id="$run_model"),
        made("models:/$run_model", model_id="$run_model"),
        made("models:/$run_model", "$model2", model_id="$run_model"),
        read("2"),
    ),
]
DOTS = "mlflow-artifacts:/0/$run/artifacts/"
BAD_SOURCES = {
    "local": "/tmp/x",
    "relative": "x/y",
    "a file": "file:///tmp/x",
    "a file here": "file://localhost/tmp/x",
    "proxied": OF_RUN + "/model",
    "of a server": SERVER,
    "of a run": "runs:/$run/model",
    "of a run on a host": "runs://host/$run/model",
    "of no run": "runs:/",
    "of a logged model": "models:/$run_model",
    "of no model": "models:/",
    "of too much": "models:/a/1/x",
    "of a blank version": "models:/a/ ",
    "of a blank alias": "models:/a@ ",
    "of a model on a host": "models://host/a/1",
    "of a logged model on a host": "models://host/$run_model",
    "dots": "s3://b/../x",
    "dots at the end": "s3://b/x/..",
    "dots encoded": "s3://b/%2e%2e/x",
    "dots encoded twice": "s3://b/%252e%252e/x",
    "dots with an encoded slash": "s3://b/..%2fx",
    "a dot": "s3://b/./x",
    "dots in a query": "s3://b/x?y=/../z",
    "no path": "s3://bucket",
    "a slash": "s3://bucket/",
    "no slash": "s3:x",
    "a host": "ftp://h/x",
    "another server": "mlflow-artifacts://host:5/x",
    "http": "http://h/x",
    "hdfs": "hdfs://h/x",
}
NOT_CREATED = [
    *(case(f"source {what}", made(source)) for what, source in BAD_SOURCES.items()),
    *(
        case(f"source with a run, {what}", made(source, run_id="$run"))
        for what, source in {
            "local": "/tmp/x",
            "of another": "runs:/$run2/model",
            "of another, proxied": "mlflow-artifacts:/0/$run2/artifacts/x",
            "above it": "mlflow-artifacts:/0/$run",
            "beside it": "mlflow-artifacts:/0/$run/artifacts-2/x",
            "dots": DOTS + "../x",
            "dots encoded": DOTS + "%2e%2e/x",
            "dots encoded twice": DOTS + "%252e%252e/x",
            "of a logged model": "models:/$run_model",
            "of a logged model, proxied": OF_MODEL,
        }.items()
    ),
    *(
        case(f"source with a logged model, {what}", made(source, model_id="$run_model"))
        for what, source in {
            "local": "/tmp/x",
            "of another": "models:/$run_model2",
            "of a run": "runs:/$run/m",
            "of a run, proxied": OF_RUN,
            "dots": OF_MODEL + "/../x",
            "of no model": "models:/",
        }.items()
    ),
    case("source of an unknown run", made("mlflow-artifacts:/0/r/artifacts", run_id="nope")),
    case("source of a local unknown run", made("/tmp/x", run_id="nope")),
    case("source of an unknown logged model, proxied", made(OF_MODEL, model_id="m-nope")),
    case("source of an unknown logged model", made("models:/m-nope", model_id="m-nope").differs(MISSING)),
    case("an unknown logged model", made(model_id="m-nope")),
    case("a file of another host", made("file://host/tmp/x").differs(FAILS_IN_WORDS)),
    case("prompt with files", made(tags=PROMPT)),
    case("prompt that is local", made("/tmp/x", tags=PROMPT)),
    case("prompt that is long", made("dummy-source", tags=[PROMPT[0], PROMPT[1] | {"value": "x" * 100_001}])),
    case("placeholder without a prompt", made("dummy-source")),
    case("no source", post(CREATE, name="$model")),
    case("source empty", made("")),
    case("source a number", made(5)),
    case("name missing", post(CREATE, source=S3)),
    case("name unknown", made(name="nope")),
    case("name a path", made(name="a/b")),
    case("run a number", made(run_id=5)),
    case("link a number", made(run_link=5)),
    case("model a number", made(model_id=5)),
    case("description a list", made(description=["x"])),
    case("tags a text", made(tags="x")),
    case("a tag key too long", made(tags=[{"key": "k" * 251, "value": "v"}])),
    case("a tag key with a star", made(tags=[{"key": "a*b", "value": "v"}])),
    case("a tag value too long", made(tags=[{"key": "a", "value": "v" * 100_001}])),
    case("a tag value a number", made(tags=[{"key": "a", "value": 5}]).differs(NOT_STORED)),
    case("a tag without a key", made(tags=[{"value": "v"}])),
    case("a tag with an empty key", made(tags=[{"key": "", "value": "v"}])),
    case("a tag without a value", made(tags=[{"key": "a"}]), read()),
    case("a source of 501 characters", made("s3://b/" + "x" * 494).differs(*TOO_WIDE)),
    case("a run of 33 characters", made(run_id="r" * 33).differs(*TOO_WIDE)),
    case("a link of 501 characters", made(run_link="x" * 501).differs(*TOO_WIDE)),
    case("a description of 5001 characters", made(description="x" * 5001).differs(*TOO_WIDE)),
]

STAR = [{"key": "a*b", "value": "v"}]
# Of several mistakes, the one that is told.
ORDER = [
    *(
        case(f"name a path, {what}", made(source, "a/b", **message))
        for what, source, message in [
            ("local source", "/tmp/x", {}),
            ("source of another run", "runs:/$run2/model", {"run_id": "$run"}),
            ("source of another logged model", "models:/$run_model2", {"model_id": "$run_model"}),
            ("source of an unknown model", "models:/nope/1", {}),
            ("copy of a model with a path as name", "models:/c/d/1", {}),
            ("unknown logged model", "models:/m-nope", {"model_id": "m-nope"}),
            ("prompt with files", S3, {"tags": PROMPT}),
            ("a bad tag", S3, {"tags": STAR}),
            ("no source", "", {}),
            ("tags a text", S3, {"tags": "x"}),
            ("run a number", S3, {"run_id": 5}),
            ("a long description", S3, {"description": "x" * 5001}),
            ("a long source", "s3://b/" + "x" * 494, {}),
            ("a long link", S3, {"run_link": "x" * 501}),
            ("a long run", S3, {"run_id": "r" * 33}),
        ]
    ),
    *(
        case(f"a bad tag, {what}", made(source, name, tags=STAR, **message))
        for what, source, name, message in [
            ("local source", "/tmp/x", "$model", {}),
            ("name of nothing", S3, " ", {}),
            ("name unknown", S3, "nope", {}),
            ("source of an unknown model", "models:/nope/1", "$model", {}),
            ("unknown logged model", S3, "$model", {"model_id": "m-nope"}),
            ("source of an unknown logged model", "models:/m-nope", "$model", {"model_id": "m-nope"}),
            ("a long description", S3, "$model", {"description": "x" * 5001}),
            ("a long source", "s3://b/" + "x" * 494, "$model", {}),
            ("of a server", SERVER, "$model", {}),
        ]
    ),
    *(
        case(f"no prompt's source, {what}", made(source, tags=[*PROMPT, *STAR], **message))
        for what, source, message in [
            ("bad tag", S3, {}),
            ("placeholder", "dummy-source", {}),
            ("another server", "mlflow-artifacts://host:5/x", {}),
        ]
    ),
    case("name unknown, unknown logged model", made(name="nope", model_id="m-nope")),
    case("name unknown, local source", made("/tmp/x", "nope")),
    case("name unknown, a long description", made(name="nope", description="x" * 5001)),
    case("name unknown, a long source", made("s3://b/" + "x" * 494, "nope")),
    case("name unknown, prompt of an unknown logged model", made("dummy-source", "nope", tags=PROMPT, model_id="m-x")),
]
OF_UNKNOWN = [
    created(f"prompt, {what}", "dummy-source", tags=PROMPT, **message)
    for what, message in {
        "unknown run": {"run_id": "nope"},
        "unknown run and logged model": {"run_id": "nope", "model_id": "m-nope"},
        "unknown logged model": {"model_id": "m-nope"},
        "empty run, unknown logged model": {"run_id": "", "model_id": "m-nope"},
        "deleted logged model": {"model_id": "$deleted_logged_model"},
        "run and deleted logged model": {"run_id": "$run", "model_id": "$deleted_logged_model"},
        "logged model": {"model_id": "$run_model"},
        "run and another's logged model": {"run_id": "$run2", "model_id": "$run_model"},
    }.items()
]

COPIES = [
    case(
        "copy",
        made("runs:/$run/model", run_id="$run", description="d", tags=[{"key": "a", "value": "b"}]),
        made(),
        post("registered-models/alias", name="$model", alias="champion", version="1"),
        post(STAGE, name="$model", version="1", stage="Staging"),
        made("models:/$model/1", "$model2"),
        made("models:/$model@champion", "$model2", run_id="$run"),
        made("models:/$model/staging", "$model2"),
        made("models:/$model/latest", "$model2"),
        made("models:/$model2/2", "$model2"),
        *(read(str(number), "$model2") for number in range(1, 6)),
        *(location(str(number), "$model2") for number in range(1, 6)),
        made("models:/$model/1", "$model2", run_id="$run2"),
        made("models:/$model/1", "$model2", run_id=""),
        made("models:/$model/1", "$model2", model_id="$run_model"),
        made("models:/$model/2", "$model2", run_id=""),
        made("models:/$model/7", "$model2"),
        made("models:/$model@nope", "$model2"),
        made("models:/$model/foo", "$model2"),
        made("models:/$model/Production", "$model2").differs(MISSING),
    ),
    case(
        "copy of a copied proxied one", made(OF_RUN, run_id="$run"), made("models:/$model/1"), read("2"), location("2")
    ),
    case(
        "copy of a logged model",
        made("models:/$run_model", model_id="$run_model"),
        made("models:/$model/1", "$model2"),
        read("1", "$model2"),
        location("1", "$model2"),
    ),
    case("copy of no version", made("models:/$model/latest", "$model2").differs(MISSING)),
    case("copy of an unknown model", made("models:/nope/1")),
    case("copy of a model with a colon", made("models:/a:b/1")),
    case(
        "copy of a prompt",
        post("registered-models/create", name="$name", tags=PROMPT[:1]),
        made("dummy-source", "$name", tags=PROMPT),
        made("models:/$name/1"),
    ),
    case("copy of a local one", made("models:/$model/1", run_id="$run")),
]

BAD_NUMBERS = {
    "nothing": {"name": "$model"},
    "empty": {"name": "$model", "version": ""},
    "words": {"name": "$model", "version": "abc"},
    "a float": {"name": "$model", "version": "1.5"},
    "unknown": {"name": "$model", "version": "7"},
    "zero": {"name": "$model", "version": "0"},
    "negative": {"name": "$model", "version": "-1"},
    "of an unknown model": {"name": "nope", "version": "1"},
    "of a path": {"name": "a/b", "version": "1"},
    "of nothing": {"version": "1"},
    "with blanks": {"name": "$model", "version": " +7 "},
    "beyond 32 bits": {"name": "$model", "version": "2147483648"},
}
BY_NUMBER = [
    ("GET", "model-versions/get", {}),
    ("GET", "model-versions/get-download-uri", {}),
    ("PATCH", "model-versions/update", {"description": "x"}),
    ("POST", STAGE, {"stage": "Staging"}),
    ("DELETE", "model-versions/delete", {}),
    ("POST", SET, {"key": "a", "value": "b"}),
    ("DELETE", "model-versions/delete-tag", {"key": "a"}),
]


def call(method: str, path: str, message: dict) -> Call:
    return get(path, **message) if method == "GET" else Call(method, path, message)


BAD_NUMBER = [
    case(f"{method} {path} version {what}", call(method, path, message | rest))
    for method, path, rest in BY_NUMBER
    for what, message in BAD_NUMBERS.items()
]
LIFE = [
    case("a number as version", made(), Call("DELETE", "model-versions/delete", {"name": "$model", "version": 1})),
    case("underscored version", made(), read("1_0").differs(NOT_PLAIN)),
    case("version with zeros", made(), read("01")),
    case("get by the page's path", made(), get("/ajax-api/2.0/mlflow/model-versions/get", name="$model", version="1")),
    case(
        "update",
        made(description="old"),
        patch("model-versions/update", name="$model", version="1", description="new"),
        read(),
        patch("model-versions/update", name="$model", version="1", description=""),
        patch("model-versions/update", name="$model", version="1"),
        read(),
        patch("model-versions/update", name="$model", version="1", description=5),
        patch("model-versions/update", name="$model", version="1", description="x" * 5001).differs(*TOO_WIDE),
    ),
    case(
        "stages",
        *[made()] * 3,
        post(STAGE, name="$model", version="1", stage="production"),
        post(STAGE, name="$model", version="2", stage="PRODUCTION"),
        post(STAGE, name="$model", version="3", stage="Production", archive_existing_versions=True),
        *(read(str(number)) for number in (1, 2, 3)),
        post(STAGE, name="$model", version="3", stage="Production", archive_existing_versions=True),
        post(STAGE, name="$model", version="3", stage="none", archive_existing_versions=False),
        post(STAGE, name="$model", version="3", stage="archived"),
        get("registered-models/get", name="$model"),
    ),
    *(
        case(f"stage {what}", made(), post(STAGE, name="$model", version="1", **message))
        for what, message in {
            "missing": {},
            "empty": {"stage": ""},
            "unknown": {"stage": "Foo"},
            "of deleted ones": {"stage": "Deleted_Internal"},
            "a number": {"stage": 5},
            "with a text": {"stage": "Staging", "archive_existing_versions": "true"},
            "with null": {"stage": "Staging", "archive_existing_versions": None},
        }.items()
    ),
    case(
        "stage that is not active",
        made(),
        post(STAGE, name="$model", version="1", stage="Archived", archive_existing_versions=True).differs(
            FAILS_IN_WORDS
        ),
        read(),
    ),
    case(
        "delete",
        made(tags=[{"key": "a", "value": "b"}]),
        delete("model-versions/delete", name="$model", version="1"),
        read(),
        location(),
        delete("model-versions/delete", name="$model", version="1"),
        post(SET, name="$model", version="1", key="a", value="b"),
        get("registered-models/get", name="$model"),
        get(SEARCH, filter="name = '$model'"),
    ),
]


def tagged(what: str, /, key: object = "a", value: object = "b") -> Case:
    return case(what, made(), post(SET, name="$model", version="1", key=key, value=value), read())


TAGS = [
    tagged("tag"),
    tagged("tag without value", value=None),
    tagged("tag empty", value=""),
    tagged("tag in unicode", key="größe/実験", value="🚀 ' \" \\ \n"),
    tagged("tag of 250 characters", key="k" * 250, value="v" * 100_000),
    tagged("tag key missing", key=None),
    tagged("tag key empty", key=""),
    tagged("tag key a number", key=5),
    tagged("tag key with a star", key="a*b"),
    tagged("tag key of 251 characters", key="k" * 251),
    tagged("tag value of 100001 characters", value="v" * 100_001),
    tagged("prompt of 100001 characters", key="mlflow.prompt.text", value="v" * 100_001),
    tagged("tag value a number", value=5),
    case(
        "tag again, then not at all",
        *[made()] * 2,
        *(post(SET, name="$model", version="1", key="a", value=value) for value in "12"),
        read(),
        read("2"),
        delete("model-versions/delete-tag", name="$model", version="1", key="a"),
        read(),
        delete("model-versions/delete-tag", name="$model", version="1", key="a"),
    ),
    case("delete tag without key", made(), delete("model-versions/delete-tag", name="$model", version="1")),
    case("delete an odd tag", made(), delete("model-versions/delete-tag", name="$model", version="1", key="a*b")),
]
SEARCHES = [
    case(
        "search",
        made(tags=[{"key": "a", "value": "b"}]),
        *[made()] * 3,
        post("registered-models/alias", name="$model", alias="champion", version="1"),
        get(SEARCH, filter="name = '$model'", order_by=["version_number"]),
        get(SEARCH, filter="name = '$model'", order_by=["version_number"], max_results=3),
        get(SEARCH, filter="name = '$model'", order_by=["version_number"], page_token="eyJvZmZzZXQiOiAzfQ=="),
        get("/ajax-api/2.0/mlflow/model-versions/search", filter="name = '$model' and version_number > 3"),
    ),
    case("no results", get(SEARCH, max_results=0)),
    case("negative results", get(SEARCH, max_results=-1)),
    case("200001 results", get(SEARCH, max_results=200_001).in_other_words()),
    case("odd results", get(SEARCH, max_results="abc")),
    case("odd token", get(SEARCH, page_token="abc")),
    case("by POST", post(SEARCH)),
]


def artifact(path: str = "model/MLmodel", name: str = "$model", number: str = "1") -> Call:
    return get("/model-versions/get-artifact", name=name, version=number, path=path)


def upload(path: str, text: str) -> Call:
    route = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
    return Call("PUT", route, raw=text, headers={"Content-Type": "text/plain"})


FILES = [
    case(
        "artifact of a run",
        upload("0/$run/artifacts/model/MLmodel", "a: 1"),
        made("runs:/$run", run_id="$run"),
        made("runs:/$run/model", run_id="$run"),
        made(OF_RUN + "/model", run_id="$run"),
        made("models:/$model/1"),
        made("models:/$model/3"),
        *(artifact(number=number).differs(READABLE) for number in "14"),
        artifact("MLmodel", number="2").differs(READABLE),
        *(artifact("MLmodel", number=number) for number in "35"),
        artifact("none", number="3").in_other_words(),
        artifact("../x", number="3").in_other_words(),
    ),
    case(
        "artifact of a logged model",
        upload("0/models/$run_model/artifacts/MLmodel", "a: 2"),
        made("models:/$run_model", model_id="$run_model"),
        artifact("MLmodel"),
    ),
    case("artifact of an unknown version", artifact(number="7")),
    case("artifact of an unknown model", artifact(name="nope")),
    case("artifact of no name", get("/model-versions/get-artifact", version="1", path="x")),
    case("artifact of an odd version", artifact(number="abc")),
    case("artifact without path", get("/model-versions/get-artifact", name="$model", version="1")),
    case(
        "artifact of a deleted version",
        made(),
        delete("model-versions/delete", name="$model", version="1"),
        artifact(),
    ),
]


@pytest.mark.parametrize("tried", [*CREATED, *NOT_CREATED, *ORDER, *OF_UNKNOWN, *COPIES], ids=str)
def test_create(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*BAD_NUMBER, *LIFE], ids=str)
def test_read_update_stage_delete(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*TAGS, *SEARCHES, *FILES], ids=str)
def test_tags_searches_and_files(pair, tried):
    pair.run(tried)
