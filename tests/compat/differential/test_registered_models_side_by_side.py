"""Registered models, their tags and aliases: every endpoint with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import pytest

from pairs import NOT_STORED, Call, Case, case, delete, get, patch, post, refused

CREATE = "registered-models/create"
ALIAS = "registered-models/alias"
LATEST = "registered-models/get-latest-versions"
SEARCH = "registered-models/search"
WIDTH = "registered models: names over 256 characters, descriptions over 5000, values of tags over 5000"
TOO_WIDE = (refused(WIDTH, on="sqlite"), refused(WIDTH, reference=400, code="BAD_REQUEST", on="postgres"))
NEGATIVE = "registered models: a negative `max_results`"
NOT_PLAIN = refused(
    "numbers of versions that only Python reads, such as `1_0`", reference=404, code="RESOURCE_DOES_NOT_EXIST"
)
VERSIONS = "model-versions/create"


def read(word: str = "model") -> Call:
    return get("registered-models/get", name=f"${word}")


def version(name: str = "$model", **message) -> Call:
    return post(VERSIONS, name=name, source="s3://bucket/x", **message)


def created(what: str, /, **message) -> Case:
    """A model is made and then read."""
    return case(what, post(CREATE, **message), get("registered-models/get", name=message["name"]))


CREATED = [
    created("plain", name="$name"),
    created("unicode", name="$name größe 実験 🚀"),
    created("blanks around", name=" $name "),
    created("odd characters", name="$name * ? # % & ' \" \\ `"),
    created("dots within", name="$name..x"),
    created("a newline", name="$name\nx"),
    created("256 characters", name="ü" * 256),
    created("description", name="$name", description="# a\n*b* größe"),
    created("description empty", name="$name", description=""),
    created("description null", name="$name", description=None),
    created("description of 5000 characters", name="$name", description="x" * 5000),
    created("tags", name="$name", tags=[{"key": "a", "value": "b"}, {"key": "ü/ö", "value": "ö"}]),
    created("a tag twice", name="$name", tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]),
    created("a tag without value", name="$name", tags=[{"key": "a"}]),
    created("tags empty", name="$name", tags=[]),
    created("tags null", name="$name", tags=None),
    created("a long tag", name="$name", tags=[{"key": "k" * 250, "value": "v" * 5000}]),
    created("a prompt", name="$name", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}]),
    created("a deployment job", name="$name", deployment_job_id="7"),
    created("an unknown field", name="$name", unknown=1),
]
REFUSED = {
    "nothing": {},
    "name empty": {"name": ""},
    "name null": {"name": None},
    "name blank": {"name": " \t"},
    "name with a slash": {"name": "a/b"},
    "name with a colon": {"name": "a:b"},
    "name a dot": {"name": "."},
    "name two dots": {"name": ".."},
    "name that begins with two dots": {"name": "..a"},
    "name a number": {"name": 5},
    "name a list": {"name": ["a"]},
    "tags a text": {"name": "$name", "tags": "a"},
    "tags a dict": {"name": "$name", "tags": {"a": "b"}},
    "description a number": {"name": "$name", "description": 5},
    "a tag key too long": {"name": "$name", "tags": [{"key": "k" * 251, "value": "v"}]},
    "a tag key with a star": {"name": "$name", "tags": [{"key": "a*b", "value": "v"}]},
    "a tag key with dots": {"name": "$name", "tags": [{"key": "../a", "value": "v"}]},
    "a tag value too long": {"name": "$name", "tags": [{"key": "a", "value": "v" * 100_001}]},
}
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
NOT_CREATED = [
    *(case(what, post(CREATE, **message)) for what, message in REFUSED.items()),
    case("a name of 257 characters", post(CREATE, name="$name " + "x" * 250).differs(*TOO_WIDE)),
    case("a description of 5001 characters", post(CREATE, name="$name", description="x" * 5001).differs(*TOO_WIDE)),
    case(
        "a tag value of 5001 characters",
        post(CREATE, name="$name", tags=[{"key": "a", "value": "v" * 5001}]).differs(*TOO_WIDE),
    ),
    case("a tag without key", post(CREATE, name="$name", tags=[{"value": "v"}]).in_other_words()),
    case("a number as tag value", post(CREATE, name="$name", tags=[{"key": "a", "value": 5}]).differs(NOT_STORED)),
    case("name taken", post(CREATE, name="$name"), post(CREATE, name="$name")),
    case("prompt taken", post(CREATE, name="$name", tags=PROMPT), post(CREATE, name="$name", tags=PROMPT)),
    case("name taken by a prompt", post(CREATE, name="$name it's", tags=PROMPT), post(CREATE, name="$name it's")),
    case("prompt taken by a model", post(CREATE, name="$name"), post(CREATE, name="$name", tags=PROMPT)),
    case("names differ by case", post(CREATE, name="$name"), post(CREATE, name="$name".upper() + "$name")),
    case("by GET", get(CREATE, name="$name")),
]

BAD_NAMES = {
    "nothing": {},
    "empty": {"name": ""},
    "blank": {"name": " "},
    "unknown": {"name": "nope"},
    "with a slash": {"name": "a/b"},
    "a dot": {"name": "."},
    "in another case": {"name": "MODEL OF CASE"},
}
BY_NAME = [
    ("GET", "registered-models/get", {}),
    ("GET", LATEST, {}),
    ("POST", LATEST, {}),
    ("PATCH", "registered-models/update", {"description": "x"}),
    ("POST", "registered-models/rename", {"new_name": "$name"}),
    ("DELETE", "registered-models/delete", {}),
    ("POST", "registered-models/set-tag", {"key": "a", "value": "b"}),
    ("DELETE", "registered-models/delete-tag", {"key": "a"}),
    ("DELETE", ALIAS, {"alias": "a"}),
    ("GET", ALIAS, {"alias": "a"}),
    ("POST", ALIAS, {"alias": "a", "version": "1"}),
    ("POST", VERSIONS, {"source": "s3://b/x"}),
]


def call(method: str, path: str, message: dict) -> Call:
    return get(path, **message) if method == "GET" else Call(method, path, message)


BAD_NAME = [
    case(f"{method} {path} name {what}", call(method, path, message | rest))
    for method, path, rest in BY_NAME
    for what, message in BAD_NAMES.items()
]

LIFE = [
    case("get by the page's path", get("/ajax-api/2.0/mlflow/registered-models/get", name="$model")),
    case("update", patch("registered-models/update", name="$model", description="new"), read()),
    case(
        "update without description",
        post(CREATE, name="$name", description="old"),
        patch("registered-models/update", name="$name"),
        get("registered-models/get", name="$name"),
    ),
    case("update by a number", patch("registered-models/update", name="$model", description=5)),
    case(
        "update by 5001 characters",
        patch("registered-models/update", name="$model", description="x" * 5001).differs(*TOO_WIDE),
    ),
    case(
        "rename",
        version(tags=[{"key": "a", "value": "b"}]),
        post(ALIAS, name="$model", alias="champion", version="1"),
        post("registered-models/set-tag", name="$model", key="a", value="b"),
        post("registered-models/rename", name="$model", new_name="$name"),
        get("registered-models/get", name="$name"),
        get("model-versions/get", name="$name", version="1"),
        read(),
    ),
    case("rename to itself", post("registered-models/rename", name="$model", new_name="$model"), read()),
    case(
        "rename to a taken name",
        post("registered-models/rename", name="$model", new_name="$model2").in_other_words(),
        read(),
    ),
    case("rename to nothing", post("registered-models/rename", name="$model")),
    case("rename to a blank", post("registered-models/rename", name="$model", new_name="  ")),
    case("rename to a path", post("registered-models/rename", name="$model", new_name="a/b")),
    case("rename to dots", post("registered-models/rename", name="$model", new_name="..")),
    case("rename to a number", post("registered-models/rename", name="$model", new_name=5)),
    case(
        "rename to 257 characters",
        post("registered-models/rename", name="$model", new_name="$name " + "x" * 250).differs(*TOO_WIDE),
    ),
    case(
        "delete",
        version(tags=[{"key": "a", "value": "b"}]),
        post(ALIAS, name="$model", alias="champion", version="1"),
        post("registered-models/set-tag", name="$model", key="a", value="b"),
        delete("registered-models/delete", name="$model"),
        read(),
        get("model-versions/get", name="$model", version="1"),
        delete("registered-models/delete", name="$model"),
        post(CREATE, name="$model"),
        read(),
        version(),
    ),
    case(
        "latest versions of stages",
        version(),
        version(),
        version(),
        post("model-versions/transition-stage", name="$model", version="2", stage="Staging"),
        read(),
        get(LATEST, name="$model"),
        post(LATEST, name="$model", stages=["staging"]),
        get(LATEST, name="$model", stages=["NONE", "Production"]),
        get(LATEST, name="$model", stages="None"),
        post(LATEST, name="$model", stages=[]),
        post(LATEST, name="$model", stages=["x"]),
        post(LATEST, name="$model", stages="None"),
        post(LATEST, name="$model", stages=[5]),
        delete("model-versions/delete", name="$model", version="3"),
        read(),
    ),
    case("no latest versions", get(LATEST, name="$model"), get(ALIAS, name="$model", alias="latest")),
    case("unknown stage of an unknown model", get(LATEST, name="nope", stages="x")),
]


def tagged(what: str, /, key: object = "a", value: object = "b") -> Case:
    return case(what, post("registered-models/set-tag", name="$model", key=key, value=value), read())


TAGS = [
    tagged("tag"),
    tagged("tag without value", value=None),
    tagged("tag empty", value=""),
    tagged("tag in unicode", key="größe/実験", value="🚀 ' \" \\ \n"),
    tagged("tag of 250 characters", key="k" * 250, value="v" * 5000),
    tagged("tag key missing", key=None),
    tagged("tag key empty", key=""),
    tagged("tag key a number", key=5),
    tagged("tag key with a star", key="a*b"),
    tagged("tag key of 251 characters", key="k" * 251),
    tagged("tag value of 100001 characters", value="v" * 100_001),
    tagged("tag value a number", value=5),
    tagged("tag makes a prompt", key="mlflow.prompt.is_prompt", value="true"),
    case(
        "tag of 5001 characters",
        post("registered-models/set-tag", name="$model", key="a", value="v" * 5001).differs(*TOO_WIDE),
    ),
    case(
        "tag again, then not at all",
        post("registered-models/set-tag", name="$model", key="a", value="1"),
        post("registered-models/set-tag", name="$model", key="a", value="2"),
        read(),
        delete("registered-models/delete-tag", name="$model", key="a"),
        read(),
        delete("registered-models/delete-tag", name="$model", key="a"),
    ),
    case("delete tag without key", delete("registered-models/delete-tag", name="$model")),
    case("delete tag with an odd key", delete("registered-models/delete-tag", name="$model", key="a*b")),
    case("delete tag with a number", delete("registered-models/delete-tag", name="$model", key=5)),
]


def alias(name: object = "champion", number: object = "1") -> Call:
    return post(ALIAS, name="$model", alias=name, version=number)


ALIASES = [
    case(
        "alias",
        version(),
        version(),
        alias(),
        alias("a-b_C9"),
        alias("größe", "2"),
        read(),
        get(ALIAS, name="$model", alias="champion"),
        get(ALIAS, name="$model", alias="CHAMPION"),
        get("model-versions/get", name="$model", version="1"),
        get(LATEST, name="$model"),
        alias("champion", "2"),
        get(ALIAS, name="$model", alias="champion"),
        get(ALIAS, name="$model", alias="Latest"),
        delete(ALIAS, name="$model", alias="champion"),
        get(ALIAS, name="$model", alias="champion"),
        delete(ALIAS, name="$model", alias="champion"),
        delete(ALIAS, name="$model", alias="latest"),
        read(),
    ),
    case("alias of 255 characters", version(), alias("a" * 255), read()),
    *(
        case(f"alias {what}", version(), alias(name))
        for what, name in {
            "missing": None,
            "empty": "",
            "latest": "latest",
            "LATEST": "LATEST",
            "v1": "v1",
            "V12": "V12",
            "v": "v",
            "v1a": "v1a",
            "with a blank": "a b",
            "with a dot": "a.b",
            "with a slash": "a/b",
            "a number": 5,
            "of 256 characters": "a" * 256,
        }.items()
    ),
    *(
        case(f"alias of version {what}", version(), alias("a", number))
        for what, number in {
            "missing": None,
            "empty": "",
            "unknown": "7",
            "zero": "0",
            "negative": "-1",
            "words": "abc",
            "a float": "1.5",
            "a number": 1,
            "with blanks": " 1 ",
            "with a plus": "+01",
        }.items()
    ),
    case("alias of version underscored", version(), alias("a", "1_0").differs(NOT_PLAIN)),
    case(
        "alias of a deleted version",
        version(),
        alias(),
        delete("model-versions/delete", name="$model", version="1"),
        read(),
        get(ALIAS, name="$model", alias="champion"),
        alias(),
    ),
    case("get by an odd alias", get(ALIAS, name="$model", alias="a b")),
    case("get by no alias", get(ALIAS, name="$model")),
    case("delete an odd alias", delete(ALIAS, name="$model", alias="a b")),
    case("delete no alias", delete(ALIAS, name="$model")),
]

FOUND = "name LIKE '$name%'"
PAGES = [
    case(
        "pages",
        *(post(CREATE, name=f"$name {letter}") for letter in "cabd"),
        get(SEARCH, filter=FOUND, max_results=3),
        get(SEARCH, filter=FOUND, max_results=3, page_token="eyJvZmZzZXQiOiAzfQ=="),
        get(SEARCH, filter=FOUND, order_by=["name DESC"]),
        get(SEARCH, filter=FOUND, order_by=["timestamp"], max_results=0),
        get("/ajax-api/2.0/mlflow/registered-models/search", filter=FOUND, max_results=1),
    ),
    case(
        "what is found",
        post(CREATE, name="$name", tags=[{"key": "a", "value": "b"}], description="d"),
        version("$name", tags=[{"key": "c", "value": "d"}]),
        version("$name"),
        post(ALIAS, name="$name", alias="champion", version="1"),
        post("model-versions/transition-stage", name="$name", version="1", stage="Production"),
        get(SEARCH, filter="name = '$name'"),
    ),
    case("by a bad token", get(SEARCH, page_token="abc")),
    case("1001 results", get(SEARCH, max_results=1001).in_other_words()),
    case("odd results", get(SEARCH, max_results="abc")),
    case(
        "negative results",
        get(SEARCH, filter="name = 'nope'", max_results=-1).differs(refused(NEGATIVE)),
    ),
    case("order by a text", Call("GET", SEARCH, {"order_by": "name"})),
    case("by POST", post(SEARCH)),
]


@pytest.mark.parametrize("tried", [*CREATED, *NOT_CREATED], ids=str)
def test_create(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*BAD_NAME, *LIFE], ids=str)
def test_read_rename_delete(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*TAGS, *ALIASES], ids=str)
def test_tags_and_aliases(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", PAGES, ids=str)
def test_pages(pair, tried):
    pair.run(tried)
