"""Evaluation datasets and their records, with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from pairs import FAILS, FAILS_IN_WORDS, NOT_STORED, REPEATED, Call, Difference, ask, case, refused, send

ROOT = "3.0/mlflow/datasets"
WIDE = refused("texts of scorers, datasets, assessments and webhooks that are longer than their columns", on="sqlite")
WIDE_FAILS = refused("a driver's text as message", reference=400, code="BAD_REQUEST", on="postgres")
NO_DATASET = "records of an evaluation dataset that does not exist"
TEXTS = "evaluation datasets: numbers, lists and objects as values of a new one's tags"


AS_TEXTS = Difference(TEXTS, (200, None), (200, None))
WIDE_INTEGER = refused("integers beyond 64 bits in scorers, records of evaluation datasets and serialized expectations")
ORDERED = refused("`name > 'a'` in searches for evaluation datasets")


def create(name: object = "$name", tags: object = None, **more) -> Call:
    message = {"name": name} | more
    if tags is not None:
        message["tags"] = tags if isinstance(tags, str) else json.dumps(tags)
    return send("POST", f"{ROOT}/create", **message)


MADE = create(experiment_ids=["$experiment"]).kept("dataset")
GET = ask(f"{ROOT}/$dataset")


def upsert(*records: object, dataset: str = "$dataset", **more) -> Call:
    return send("POST", f"{ROOT}/{dataset}/records", records=json.dumps(records, ensure_ascii=False), **more)


def read(dataset: str = "$dataset", **query) -> Call:
    return ask(f"{ROOT}/{dataset}/records", **query)


def question(text: str = "a", **more) -> dict:
    return {"inputs": {"question": text}} | more


def tags(dataset: str = "$dataset", **given) -> Call:
    return send("PATCH", f"{ROOT}/{dataset}/tags", tags=json.dumps(given))


def search(**message) -> Call:
    return send("POST", f"{ROOT}/search", experiment_ids=["$experiment"], **message)


def experiments(what: str, *ids: str, dataset: str = "$dataset") -> Call:
    return send("POST", f"{ROOT}/{dataset}/{what}-experiments", experiment_ids=list(ids))


IDS = ask(f"{ROOT}/$dataset/experiment-ids")

MAKING = [
    case("one", create().kept("dataset"), GET, IDS),
    case("with experiments", create(experiment_ids=["$experiment", "$experiment2"]).kept("dataset"), GET, IDS),
    case("with experiments that don't exist", create(experiment_ids=["999999", "abc"]).kept("dataset"), IDS),
    case("with an experiment twice", create(experiment_ids=["1", "1"]).differs(REPEATED)),
    case("with tags", create(tags={"b": "1", "a": "größe 実験", "n": None}).kept("dataset"), GET),
    case("with a user", create(tags={"mlflow.user": "somebody"}).kept("dataset"), GET),
    case("with a number as tag", create(tags={"a": 5}).differs(AS_TEXTS)),
    case(
        "with a list as tag",
        create(tags={"a": [5]}).differs(
            replace(AS_TEXTS, on=frozenset({"postgres"})), replace(AS_TEXTS, reference=(400, "BAD_REQUEST"))
        ),
    ),
    case("with no tags", create(tags={}).kept("dataset"), GET),
    case("with empty tags", create(tags="")),
    case("twice the same name", create(), create()),
    case("name of 255 characters", create("n" * 255)),
    case("name of 256 characters", create("n" * 256).differs(WIDE, WIDE_FAILS)),
    case("tag of 5001 characters", create(tags={"a": "v" * 5001}).differs(WIDE, WIDE_FAILS)),
    case("no name", send("POST", f"{ROOT}/create")),
    case("an empty name", create("")),
    case("name a number", create(5)),
    case("experiments a text", create(experiment_ids="0")),
    case("tags that are no JSON", create(tags="{").differs(FAILS)),
    case("tags that are a list", create(tags='["a"]').differs(FAILS_IN_WORDS)),
    case("tags an object", send("POST", f"{ROOT}/create", name="a", tags={"a": "b"})),
    case("get of an unknown one", ask(f"{ROOT}/d-x")),
    case("delete", MADE, upsert(question()), send("DELETE", f"{ROOT}/$dataset"), GET, read(), IDS, search()),
    case("delete of an unknown one", send("DELETE", f"{ROOT}/d-x")),
]

TAGS = [
    case("set", MADE, tags(a="1", b="2"), tags(b="3", c=None), GET),
    case("numbers, lists and objects", MADE, tags(a=1, b=1.5, c=[1, "x"], d={"k": None}, e=True), GET),
    case("none", MADE, tags(), GET),
    case("of an unknown dataset", tags("d-x", a="1")),
    case("missing", MADE, send("PATCH", f"{ROOT}/$dataset/tags")),
    case("no JSON", MADE, send("PATCH", f"{ROOT}/$dataset/tags", tags="{").differs(FAILS)),
    case("a list", MADE, send("PATCH", f"{ROOT}/$dataset/tags", tags="[1]").differs(FAILS_IN_WORDS)),
    case("a long value", MADE, tags(a="v" * 5001).differs(WIDE, WIDE_FAILS)),
    case("a long key", MADE, tags(**{"k" * 256: "v"}).differs(WIDE, WIDE_FAILS)),
    case("delete one", MADE, tags(a="1", b="2"), send("DELETE", f"{ROOT}/$dataset/tags/a"), GET),
    case("delete one that is not there", MADE, send("DELETE", f"{ROOT}/$dataset/tags/a")),
    case("delete of an unknown dataset", send("DELETE", f"{ROOT}/d-x/tags/a")),
]

TRACE = {"source_type": "trace", "source_data": {"trace_id": "tr-1"}}
ANSWER = {"expectations": {"answer": "b"}}
RECORDS = [
    case("one", MADE, upsert(question()), read(), GET),
    case("none", MADE, upsert(), read(), GET),
    case("no page", MADE, read()),
    case("all fields", MADE, upsert(question(**ANSWER, outputs={"o": 1}, tags={"t": "x"}, source=TRACE)), read(), GET),
    case("outputs a text", MADE, upsert(question(outputs="text")), read(), GET),
    case("outputs null", MADE, upsert(question(outputs=None)), read(), GET),
    case("outputs zero", MADE, upsert(question(outputs=0)), read(), GET),
    case("without inputs", MADE, upsert({}), read(), GET),
    case("empty expectations", MADE, upsert(question(expectations={}, tags=None, source=None)), read()),
    case("types", MADE, upsert({"inputs": {"a": None, "b": True, "c": 1, "d": 1.5, "e": "x", "f": [], "g": {}}}), GET),
    case("types of outputs and expectations", MADE, upsert(question(outputs={"a": 1}, expectations={"b": [1]})), GET),
    case("in unicode", MADE, upsert({"inputs": {"größe": "実験 🚀\n", "z": 1, "a": 1e-7}}), read()),
    case(
        "the same inputs in another order",
        MADE,
        upsert({"inputs": {"a": 1, "b": {"x": 1, "y": 2}}}),
        upsert({"inputs": {"b": {"y": 2, "x": 1}, "a": 1}, "tags": {"n": "2"}}),
        read(),
        GET,
    ),
    case(
        "again with other outputs",
        MADE,
        upsert(question(outputs=1)),
        upsert(question(outputs={"x": 2})).differs(replace(FAILS_IN_WORDS, mlferry=(200, None))),
    ),
    case("again with null outputs", MADE, upsert(question(outputs=1)), upsert(question(outputs=None)), read()),
    case("again without outputs", MADE, upsert(question(outputs=1)), upsert(question()), read()),
    case(
        "again with more expectations",
        MADE,
        upsert(question(expectations={"a": 1, "b": 2})),
        upsert(question(expectations={"b": 3, "c": 4}, tags={"x": "y"})),
        read(),
        GET,
    ),
    case("again with a source", MADE, upsert(question()), upsert(question(source=TRACE)), read()),
    case("twice in one call", MADE, upsert(question(outputs=1), question(outputs=2)), read(), GET),
    case(
        "with a user",
        MADE,
        upsert(question(tags={"mlflow.user": "a"})),
        read(),
        GET,
        upsert(question(tags={"mlflow.user": "b"})),
        read(),
        GET,
        upsert(question()),
        read(),
        GET,
    ),
    *(
        case(
            f"from {kind}",
            MADE,
            upsert(question(source={"source_type": kind, "source_data": {"source_id": "s"}})),
            read(),
        )
        for kind in ("HUMAN", "Document", "code", "unspecified", "TRACE")
    ),
    case("from nowhere", MADE, upsert(question(source={"source_type": "HUMAN"})), read()),
    case("from something else", MADE, upsert(question(source={"source_type": "x"}))),
    case("source without type", MADE, upsert(question(source={"source_data": {}})).differs(FAILS_IN_WORDS)),
    case(
        "source with another key",
        MADE,
        upsert(question(source={"source_type": "HUMAN", "x": 1})).differs(FAILS_IN_WORDS),
    ),
    case("source a text", MADE, upsert(question(source="x")).differs(FAILS_IN_WORDS)),
    case("inputs null", MADE, upsert({"inputs": None}).differs(FAILS_IN_WORDS)),
    case("inputs a text", MADE, upsert({"inputs": "x"}).differs(FAILS_IN_WORDS)),
    case("expectations a text", MADE, upsert(question(expectations="x")).differs(FAILS_IN_WORDS)),
    case("records missing", MADE, send("POST", f"{ROOT}/$dataset/records")),
    case("records a list", MADE, send("POST", f"{ROOT}/$dataset/records", records=[{}])),
    case("records no JSON", MADE, send("POST", f"{ROOT}/$dataset/records", records="[").differs(FAILS)),
    case(
        "records an object", MADE, send("POST", f"{ROOT}/$dataset/records", records='{"a": 1}').differs(FAILS_IN_WORDS)
    ),
    case("an integer beyond 64 bits", MADE, upsert({"inputs": {"a": 2**64}}).differs(WIDE_INTEGER)),
    case("records of numbers", MADE, upsert(1).differs(FAILS_IN_WORDS)),
    case(
        "NaN",
        MADE,
        send("POST", f"{ROOT}/$dataset/records", records='[{"inputs": {"a": NaN}}]').differs(
            replace(NOT_STORED, on=frozenset({"sqlite"})), WIDE_FAILS
        ),
    ),
    case(
        "of an unknown dataset",
        upsert(question(), dataset="d-x").differs(
            Difference(NO_DATASET, (400, "BAD_REQUEST"), (404, "RESOURCE_DOES_NOT_EXIST"))
        ),
    ),
    case(
        "none of an unknown dataset",
        upsert(dataset="d-x").differs(Difference(NO_DATASET, (200, None), (404, "RESOURCE_DOES_NOT_EXIST"))),
    ),
    case("read of an unknown dataset", read("d-x")),
]

FIVE = (MADE, upsert(*(question(str(n)) for n in range(5))))
PAGES = [
    case("by number", *FIVE, read(page_token="5"), read(page_token="99")),
    case("behind all", *FIVE, read(page_token=base64.b64encode(b"99999999999999:x").decode())),
    case("no token", *FIVE, read(page_token="abc").differs(FAILS)),
    case(
        "a negative number",
        *FIVE,
        read(page_token="-1").differs(replace(FAILS, reference=(200, None), on=frozenset({"sqlite"})), FAILS),
    ),
    case("results a word", *FIVE, read(max_results="x").differs(FAILS)),
]


def remove(*ids: object, dataset: str = "$dataset") -> Call:
    return send("DELETE", f"{ROOT}/{dataset}/records", dataset_record_ids=list(ids))


REMOVED = [
    case("of nothing", MADE, remove(), GET),
    case("of unknown ones", MADE, upsert(question()), remove("dr-x", "dr-y"), read(), GET),
    case("of an unknown dataset", remove("dr-x", dataset="d-x")),
    case("a text", MADE, send("DELETE", f"{ROOT}/$dataset/records", dataset_record_ids="x")),
    case("without ids", MADE, send("DELETE", f"{ROOT}/$dataset/records")),
]

SHARED = [
    case("add", MADE, experiments("add", "$experiment2", "$experiment"), IDS, GET),
    case("add none", MADE, experiments("add"), IDS),
    case("add a deleted one", MADE, experiments("add", "$deleted_experiment"), IDS),
    case("add an unknown one", MADE, experiments("add", "$experiment2", "999999"), IDS),
    case("add to an unknown dataset", experiments("add", "0", dataset="d-x")),
    case("remove", MADE, experiments("add", "$experiment2"), experiments("remove", "$experiment", "999999"), IDS),
    case("remove none", MADE, experiments("remove"), IDS),
    case("remove what is not there", MADE, experiments("remove", "abc"), IDS),
    case("remove from an unknown dataset", experiments("remove", "0", dataset="d-x")),
    case("add a text", MADE, send("POST", f"{ROOT}/$dataset/add-experiments", experiment_ids="0")),
    case("of an unknown dataset", ask(f"{ROOT}/d-x/experiment-ids")),
]


def three(*calls: Call):
    made = [
        create(f"{name} $name", tags={"kind": kind} | more, experiment_ids=["$experiment"])
        for name, kind, more in (("a", "x", {}), ("b", "y", {"mlflow.user": "u"}), ("C", "X", {"a b": "1"}))
    ]
    by_name = {"order_by": ["name"]}
    return *made, *(replace(call, message=call.message and by_name | call.message) for call in calls)


FILTERS = [
    "name = 'a $name'",
    "name != 'a $name'",
    "name LIKE '%c %'",
    "name ILIKE '%c %'",
    "name IN ('a $name', 'b $name')",
    "name NOT IN ('a')",
    "name = ('a')",
    "name = 5",
    "created_by = 'u'",
    "created_by != 'u'",
    "created_by IN ('u')",
    "last_updated_by LIKE 'u%'",
    "created_time > 0",
    "created_time < 1000",
    "created_time = 1.5",
    "created_time = 'x'",
    "last_update_time >= 0 AND name = 'a $name'",
    "created_time LIKE 'x'",
    "tags.kind = 'x'",
    "tags.kind ILIKE 'x'",
    "tags.kind != 'x'",
    "tags.kind = 5",
    "tags.kind IN ('x')",
    "tags.none = 'x'",
    "tags.kind = 'x' AND name LIKE 'a%'",
    "tags.kind IS NULL",
    "name IS NULL",
    "tag.kind = 'x'",
    "attribute.name = 'a'",
    "dataset_id = 'x'",
    "name",
    "name = 'a' OR name = 'b'",
]
ORDERS = [
    ["name"],
    ["name DESC"],
    ["created_time ASC", "name DESC"],
    ["last_update_time", "name"],
    ["created_by"],
    ["tags.a"],
    ["name x"],
    [""],
    ["dataset_id"],
]
FOUND = [
    *(case(f"filter {text}", *three(search(filter_string=text))) for text in FILTERS),
    case("filter name > 'a'", search(filter_string="name > 'a'").differs(ORDERED)),
    case("filter name == 'a'", search(filter_string="name == 'a'").differs(FAILS_IN_WORDS)),
    *(case(f"order {order}", *three(search(order_by=order))) for order in ORDERS if order != ["created_by"]),
    case("all", *three(search(), ask(f"{ROOT}/search", experiment_ids="$experiment", order_by="name"))),
    case("an unknown key to order by", search(order_by=["created_by"])),
    case("two experiments", MADE, send("POST", f"{ROOT}/search", experiment_ids=["$experiment", "$experiment2"])),
    case("no such experiment", send("POST", f"{ROOT}/search", experiment_ids=["999999"])),
    case("experiments that are no numbers", send("POST", f"{ROOT}/search", experiment_ids=["abc"])),
    case("pages", *three(search(max_results=2), search(max_results=2, page_token="eyJvZmZzZXQiOiAyfQ=="))),
    case("a page as large as all", *three(search(max_results=3))),
    case("no results", search(max_results=0)),
    case("negative results", search(max_results=-1)),
    case("too many results", search(max_results=50001)),
    case("no token", search(page_token="abc")),
    case("experiments a text", send("POST", f"{ROOT}/search", experiment_ids="0")),
]


@pytest.mark.parametrize("tried", [*MAKING, *TAGS, *SHARED], ids=str)
def test_datasets(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*RECORDS, *PAGES, *REMOVED], ids=str)
def test_records(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", FOUND, ids=str)
def test_searches(pair, tried):
    pair.run(tried)


def answer(side, call: Call, **words) -> dict:
    sent = side.send(call, words)
    assert sent.status == 200, sent.body
    return sent.json()


def test_pages_go_through_all_records_and_deletions_count_them(pair):
    seen = []
    for side in pair.sides:
        dataset = answer(side, create("pages"))["dataset"]["dataset_id"]
        answer(side, upsert(*(question(str(n)) for n in range(5))), dataset=dataset)
        texts, token, pages = [], {}, 0
        while pages == 0 or token:
            page = answer(side, read(max_results=2, **token), dataset=dataset)
            records = json.loads(page["records"])
            texts += [record["inputs"]["question"] for record in records]
            token = {"page_token": page["next_page_token"]} if "next_page_token" in page else {}
            pages += 1
        ids = [record["dataset_record_id"] for record in records]
        deleted = answer(side, remove(*ids, "dr-x"), dataset=dataset)
        profile = answer(side, GET, dataset=dataset)["dataset"]["profile"]
        rest = [record["dataset_record_id"] for record in json.loads(answer(side, read(), dataset=dataset)["records"])]
        answer(side, remove(*rest), dataset=dataset)
        empty = answer(side, GET, dataset=dataset)["dataset"]["profile"]
        seen.append((sorted(texts), pages, deleted, profile, empty))
    assert seen[0] == seen[1]
    assert seen[1] == (list("01234"), 3, {"deleted_count": 1}, '{"num_records": 4}', "null")


def test_the_twin_reads_what_the_reference_wrote_and_finds_the_same_inputs(pair):
    dataset = answer(pair.reference, create("shared"))["dataset"]["dataset_id"]
    given = {"inputs": {"b": [1.0, 1e-7, None, "größe 🚀"], "a": {"z": 1, "y": True}}, "outputs": "o", "source": TRACE}
    answer(pair.reference, upsert(given), dataset=dataset)
    assert answer(pair.twin, upsert(given), dataset=dataset) == {"inserted_count": 0, "updated_count": 1}
    other = given | {"inputs": given["inputs"] | {"c": 1}}
    assert answer(pair.twin, upsert(other), dataset=dataset)["inserted_count"] == 1
    assert answer(pair.reference, upsert(other), dataset=dataset) == {"inserted_count": 0, "updated_count": 1}
    assert answer(pair.twin, read(), dataset=dataset) == answer(pair.reference, read(), dataset=dataset)
    assert answer(pair.twin, GET, dataset=dataset) == answer(pair.reference, GET, dataset=dataset)
