"""Scorers, with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import json

import pytest

from pairs import FAILS, FAILS_IN_WORDS, NOT_STORED, Call, ask, case, refused, send, sql

ROOT = "3.0/mlflow/scorers"
WIDE = refused("texts of scorers, datasets, assessments and webhooks that are longer than their columns", on="sqlite")
WIDE_FAILS = refused("a driver's text as message", reference=400, code="BAD_REQUEST", on="postgres")
JUDGE = {
    "instructions_judge_pydantic_data": {"model": "openai:/gpt-4.1-mini", "instructions": "größe 実験 🚀"},
    "n": 1.0,
}
BUILTIN = "builtin_scorer_pydantic_data"


def register(scorer: object = JUDGE, name: object = "judge", experiment: object = "$experiment") -> Call:
    text = scorer if isinstance(scorer, str) else json.dumps(scorer, ensure_ascii=False)
    return send("POST", f"{ROOT}/register", experiment_id=experiment, name=name, serialized_scorer=text)


def listed(**query) -> Call:
    return ask(f"{ROOT}/list", **query)


def of(what: str, name: str = "judge", experiment: str = "$experiment", **query) -> Call:
    return ask(f"{ROOT}/{what}", experiment_id=experiment, name=name, **query)


def delete(name: str = "judge", experiment: str = "$experiment", **more) -> Call:
    return send("DELETE", f"{ROOT}/delete", experiment_id=experiment, name=name, **more)


IN_FIRST = listed(experiment_id="$experiment")
GONE = "$deleted_experiment"

KEPT = [
    case("one", register(), IN_FIRST, of("get"), of("versions")),
    case("three versions", *(register({"n": n}) for n in range(3)), IN_FIRST, of("versions"), of("get", version=2)),
    case("several", *(register({"a": 1}, name) for name in ("b", "B", "a", "ä", "実験")), IN_FIRST),
    case(
        "text with other blanks", register('{"b":1.50,\n "a" : [1e-7, null,true]}'), of("get"), of("versions"), IN_FIRST
    ),
    case("keys in their order", register('{"z": 1, "a": {"y": 2, "b": 3}}'), of("versions")),
    case("an empty object", register("{}"), of("get"), of("versions")),
    case("name of 256 characters", register(name="n" * 256), IN_FIRST),
    case(
        "two experiments",
        register(),
        register(experiment="$experiment2"),
        listed(experiment_ids=["$experiment", "$experiment2", "$experiment"]),
        listed(experiment_ids=["$experiment2"]),
    ),
    case("of a deleted experiment among others", register(), listed(experiment_ids=["$experiment", GONE, "999999"])),
    case("a version by its text", register(), of("get", version="1")),
    case("a model that is null", register({BUILTIN: {"model": None}}), of("get")),
    case("in a memory", register({"memory_augmented_judge_data": {"base_judge": JUDGE}}), of("get")),
    case("options of another library", register({"third_party_scorer_data": {"kwargs": {"n": 1}}}), of("get")),
]

REMOVED = [
    case("all", register(), register(), delete(), of("get"), of("versions"), IN_FIRST, delete()),
    case(
        "the newest",
        register({"n": 1}),
        register({"n": 2}),
        delete(version=2),
        of("get"),
        register({"n": 3}),
        of("versions"),
    ),
    case("the oldest", register({"n": 1}), register({"n": 2}), delete(version=1), of("versions"), of("get", version=1)),
    case(
        "the only one", register(), delete(version=1), of("get"), of("versions"), IN_FIRST, register(), of("versions")
    ),
    case("an unknown version", register(), delete(version=7), of("versions")),
    case("an unknown scorer", delete(), delete(version=1)),
    case("of a deleted experiment", delete(experiment=GONE)),
    case("without a name", send("DELETE", f"{ROOT}/delete", experiment_id="0")),
    case("without an experiment", send("DELETE", f"{ROOT}/delete", name="judge")),
    case("a version that is none", register(), delete(version="x")),
]

REFUSED = [
    case("no experiment", send("POST", f"{ROOT}/register", name="a", serialized_scorer="{}")),
    case("no name", send("POST", f"{ROOT}/register", experiment_id="0", serialized_scorer="{}")),
    case("no scorer", send("POST", f"{ROOT}/register", experiment_id="0", name="a")),
    case("an empty name", register(name="")),
    case("a blank name", register(name=" \t")),
    case("name a number", register(name=5)),
    case("name of 257 characters", register(name="n" * 257).differs(WIDE, WIDE_FAILS)),
    case("an unknown experiment", register(experiment="999999")),
    case("a deleted experiment", register(experiment=GONE)),
    case("an experiment that is no number", register(experiment="abc")),
    case("no JSON", register("{").in_other_words()),
    case("a list", register("[1]").differs(FAILS_IN_WORDS)),
    case("a number", register("5").differs(FAILS_IN_WORDS)),
    case("NaN", register('{"a": NaN}').differs(NOT_STORED)),
    case("code", register({"call_source": "return 1"})),
    case("code inside", register({"ensemble_scorer_data": {"scorers": [{"call_source": "x"}]}})),
    case("code before the name", register({"call_source": "x"}, " ")),
    case("code that is null", register({"call_source": None}), of("get")),
    case("a model that is a number", register({BUILTIN: {"model": 5}})),
    case("a blank model", register({BUILTIN: {"model": " "}})),
    case("an unknown endpoint", register({BUILTIN: {"model": "gateway:/none"}})),
    case("a destination", register({"third_party_scorer_data": {"kwargs": {"base_url": 1, "a": {"api_base": 2}}}})),
    case(
        "a destination in pairs", register({"x": [{"third_party_scorer_data": {"kwargs": {"a": [["fallbacks", 1]]}}}]})
    ),
    case("options that are a list", register({"third_party_scorer_data": {"kwargs": [1]}})),
    case("get without a name", ask(f"{ROOT}/get", experiment_id="0")),
    case("get of nothing", of("get")),
    case("get of an unknown version", register(), of("get", version=9)),
    case("get of version 0", register(), of("get", version=0)),
    case("get of an unknown scorer's version", of("get", version=9)),
    case("get of a deleted experiment", of("get", experiment=GONE)),
    case("get of a version that is none", of("get", version="x")),
    case("versions of nothing", of("versions")),
    case("versions of an unknown experiment", of("versions", experiment="999999")),
    case("versions without a name", ask(f"{ROOT}/versions", experiment_id="0")),
    case("list of nothing", IN_FIRST),
    case("list of an unknown experiment", listed(experiment_id="999999")),
    case("list of a deleted experiment", listed(experiment_id=GONE)),
    case("list of an experiment that is no number", listed(experiment_id="abc")),
    case("list both ways", listed(experiment_id="0", experiment_ids=["0"])),
    case("list of experiments that are no numbers", listed(experiment_ids=["abc"])),
]

ENDPOINT = (
    "insert into endpoints (endpoint_id, name, created_at, last_updated_at, usage_tracking, workspace) "
    "values ('e-$experiment', 'endpoint $experiment', 0, 0, false, 'default')"
)
MODEL = (
    "insert into model_definitions (model_definition_id, name, provider, model_name, created_at, last_updated_at, "
    "workspace) values ('m-$experiment', 'model $experiment', 'openai', 'gpt', 0, 0, 'default')"
)
MAPPING = (
    "insert into endpoint_model_mappings (mapping_id, endpoint_id, model_definition_id, weight, created_at, "
    "linkage_type) values ('p-$experiment', 'e-$experiment', 'm-$experiment', 1, 0, 'PRIMARY')"
)
ENDPOINTS = [
    case(
        "an endpoint of the gateway",
        sql(ENDPOINT),
        sql(MODEL),
        sql(MAPPING),
        register({BUILTIN: {"model": "gateway:/endpoint $experiment", "x": 1}}),
        of("get"),
        of("versions"),
        IN_FIRST,
        sql("update endpoints set name = 'renamed' where endpoint_id = 'e-$experiment'"),
        of("get"),
        IN_FIRST,
        sql("delete from endpoints where endpoint_id = 'e-$experiment'"),
        of("get"),
        IN_FIRST,
        delete(),
        sql("delete from model_definitions where model_definition_id = 'm-$experiment'"),
    )
]

ONLINE = [
    case("of no scorers", ask(f"{ROOT}/online-configs")),
    case("of an unknown scorer", ask(f"{ROOT}/online-configs", scorer_ids=["x"])),
    case(
        "of a scorer",
        register().kept("scorer"),
        ask(f"{ROOT}/online-configs", scorer_ids=["$scorer"]),
        sql(
            "insert into online_scoring_configs (online_scoring_config_id, scorer_id, sample_rate, experiment_id, "
            "filter_string) values ('c-$experiment', '$scorer', 0.5, $experiment, 'x')"
        ),
        ask(f"{ROOT}/online-configs", scorer_ids=["$scorer", "x"]),
        sql("delete from online_scoring_configs where scorer_id = '$scorer'"),
    ),
]


def online(rate: object = 0.0, name: object = "judge", experiment: object = "$experiment", **more) -> Call:
    message = {"experiment_id": experiment, "name": name, "sample_rate": rate} | more
    return Call("PUT", f"/api/{ROOT}/online-config", {key: value for key, value in message.items() if value is not ...})


def judge(instructions: str) -> dict:
    """A judge that the reference can make anew."""
    data = {"feedback_value_type": None, "instructions": instructions} | GATEWAY
    return {
        "name": "judge",
        "aggregations": [],
        "is_session_level_scorer": False,
        "mlflow_version": "3.17.2",
        "serialization_version": 1,
        "instructions_judge_pydantic_data": data,
    }


def is_kept(what: str, *calls: Call):
    return case(what, register().kept("scorer"), *calls, ask(f"{ROOT}/online-configs", scorer_ids=["$scorer"]))


GATEWAY = {"model": "gateway:/endpoint $experiment"}
SET_ONLINE = [
    is_kept("a rate of 0", online()),
    is_kept("another", online(), online(filter_string="status = 'OK'")),
    is_kept("an integer as rate", online(0)),
    is_kept("a rate in a text", online("0.0")),
    is_kept("an empty filter", online(filter_string="")),
    is_kept("a null as filter", online(filter_string="x = 'y'"), online(filter_string=None)),
    is_kept("a filter of spans", online(filter_string="span.name = 'größe' AND tags.a LIKE '%'")),
    is_kept("a filter that is not understood", online(filter_string="nope = 'x'")),
    is_kept("half a filter", online(filter_string="status =")),
    is_kept("a number as filter", online(filter_string=5)),
    is_kept("a list as filter", online(filter_string=["x"])),
    is_kept("a filter of the wrong type and a rate", online(2, filter_string=False)),
    is_kept("a wrong rate and a wrong filter", online(2, filter_string="nope = 'x'")),
    is_kept("rates that are none", *(online(rate) for rate in (1.5, -0.1, -1, 1e300, "2", "nan", "inf"))),
    is_kept("rates that are no numbers", *(online(rate).differs(FAILS) for rate in ("x", [], {"a": 1}))),
    is_kept("without what is needed", *(online(**{key: ...}) for key in ("rate", "name", "experiment"))),
    is_kept("empty names", online(name=""), online(experiment=""), online(name=5), online(experiment=5)),
    is_kept("an unknown scorer", online(name="nope"), online(0.5, "nope")),
    is_kept("another experiment", online(experiment="$experiment2"), online(experiment="999999")),
    is_kept("a deleted experiment", online(experiment=GONE), online(experiment="abc")),
    is_kept("a scorer that asks another model", online(0.5), online(1), online(True)),
    is_kept("by the page's path", Call("PUT", f"/ajax-api/{ROOT}/online-config",
                                       {"experiment_id": "$experiment", "name": "judge", "sample_rate": 0})),
    case("a scorer without a model", register({"n": 1}), online(0.5), online()),
    is_kept("a scorer that is gone", online(), delete(), online()),
    case(
        "a scorer that asks the gateway",
        sql(ENDPOINT),
        sql(MODEL),
        sql(MAPPING),
        register({BUILTIN: GATEWAY}, "builtin").kept("scorer"),
        online(0.25, "builtin", filter_string="status = 'OK'"),
        online(1, "builtin"),
        ask(f"{ROOT}/online-configs", scorer_ids=["$scorer"]),
        register({BUILTIN: {"model": "openai:/x"}}, "builtin"),
        online(0.25, "builtin"),
        register(judge("Is {{ outputs }} good?"), "good"),
        online(0.25, "good"),
        register(judge("Is {{ outputs }} as in {{expectations}}?"), "expected"),
        online(0.25, "expected"),
        online(0, "expected"),
        delete("builtin"),
        delete("good"),
        delete("expected"),
        sql("delete from endpoints where endpoint_id = 'e-$experiment'"),
        sql("delete from model_definitions where model_definition_id = 'm-$experiment'"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("tried", SET_ONLINE, ids=str)
def test_online_scoring(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*KEPT, *REMOVED, *REFUSED, *ENDPOINTS, *ONLINE], ids=str)
def test_scorers(pair, tried):
    pair.run(tried)
