"""Searches of runs and experiments: requests, pages and every kind of clause, with the words of errors."""

from __future__ import annotations

import base64
import json

import pytest

from pairs import NOT_A_TOKEN, NOT_A_TOKEN_FAILS, NOT_STORED, READ, get, post, refused
from searched import Found

ALL = ["$experiment0", "$experiment1", "$experiment2"]
TAKEN_BY_DRIVER = refused("a driver's text as message", reference=400, code="BAD_REQUEST", on="postgres")


def token(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


GOOD_FILTERS = """
metrics.acc > 0.5
metrics.acc>0.5
metric.acc != 0.9
metrics.`f1-score` > 0
metrics."f1-score" > 0
metrics.'f1-score' > 0
metrics.`val/loss` <= 1
metrics.m.x = 1
metrics.acc > .5
metrics.acc > 1e-3
metrics.acc > -1
metrics.acc >= -1.5E+10
params.lr = '0.1'
params.lr != "0.1"
param.lr LIKE '0%'
parameter.lr ILIKE '0%'
parameters.lr like '0%'
params.`a b` = 'x'
params.opt.lr = 'x'
params.nothing = 'x'
params.nothing != 'x'
params.lr IS NULL
params.lr IS NOT NULL
params.lr is not null
tags.team = 'x'
tag.team ILIKE 'X'
tags.mlflow.source.type = 'x'
tags.`mlflow.source.type` = 'x'
tags.`has space` = 'x'
tags."v1.2" = 'x'
tags.team = "it's"
tags.team = 'it''s'
tags.team = 'say "hi"'
tags.team LIKE '100%_x'
tags.team LIKE '%\\%'
tags.team LIKE 'a\\%'
tags.team ILIKE 'GRÖSSE'
tags.team ILIKE 'größe'
tags.team = 'e\u0301'
tags.team = ' '
tags.team = ''
tags.mlflow.runName = 'x'
tags.team IS NULL
status = 'RUNNING'
attribute.status = 'FINISHED'
attributes.status != 'FINISHED'
attr.status LIKE 'F%'
run.status ILIKE 'f%'
run_name = 'x'
run_name LIKE '%e%'
`run name` = 'x'
"Run name" = 'x'
attributes.`Run Name` = 'x'
user_id = 'bob'
user_id = ''
artifact_uri LIKE 'mlflow-artifacts:/%'
start_time > 1000
attributes.start_time <= 2000
created = 1000
end_time != 0
end_time >= 0
run_id = '$run5'
run_id != '$run5'
run_id IN ('$run5', '$run6')
run_id IN ('$run5')
run_id IN ('$run5',)
run_id NOT IN ('$run5', '$run6')
run_id LIKE '%a%'
attributes.run_id in ("$run5")
dataset.name = 'ds1'
datasets.digest = 'g1'
dataset.context = 'train'
dataset.name LIKE 'ds_'
dataset.name ILIKE 'DS_'
dataset.name IN ('ds1', 'größe')
dataset.context NOT IN ('train')
dataset.name = 'ds1' AND dataset.name = 'ds2'
dataset.name = 'ds1' AND dataset.context = 'eval'
metrics.acc > 0 AND params.lr = '0.1' AND tags.team != 'x'
metrics.acc > 0 AND metrics.acc < 1
metrics.acc > 0 and status = 'RUNNING'
metrics.acc > 0 status = 'RUNNING'
metrics.acc > 0 AND
metrics.acc > 0 AND AND status = 'RUNNING'
tags.team = 'x' AND tags.team = 'y'
""".strip().splitlines()

# The reference answers 500 to some of these; which, the answers say.
BAD_FILTERS = [
    *"""
metrics.acc
metrics.acc >
> 0.5
metrics.acc > '0.5'
metrics.acc > "0.5"
metrics.acc LIKE '1'
metrics.acc == 0.5
metrics.acc <> 0.5
metrics.acc > NaN
metrics.acc > Infinity
metrics.acc IN (1)
metrics.acc IS NULL
metrics.f1-score > 0
metrics.1 > 0
params.lr > '1'
params.lr = 0.1
params.lr = lr
params.lr IN ('0.1')
tags.team = 5
tags.team > 'x'
tags.team BETWEEN 'a' AND 'b'
tags.team NOT LIKE 'x'
tags.team = NULL
foo.bar = 'x'
foo = 'x'
METRICS.acc > 0
status = RUNNING
status > 'RUNNING'
status IN ('RUNNING')
status IS NULL
experiment_id = '0'
lifecycle_stage = 'active'
start_time = '100'
start_time LIKE '1'
start_time > abc
run_id IN ()
run_id IN (1, 2)
run_id IN (abc)
run_id IN 'x'
run_id > 'x'
run_id = 5
dataset.foo = 'x'
dataset.name > 'x'
dataset.name = 5
(metrics.acc > 0)
NOT metrics.acc > 0
metrics.acc > 0 OR metrics.loss > 0
metrics.acc > 0, metrics.loss > 0
metrics.acc > 0; metrics.loss > 0
metrics.acc > 0 -- comment
tags.team = 'x
'x' = tags.team
tags. = 'x'
.team = 'x'
AND
AND metrics.acc > 0
""".strip().splitlines(),
    " ",
    "\n",
    "'",
    "metrics.acc > 0 AND metrics.loss > '1'",
]
GOOD_ORDERS = [
    [],
    ["start_time"],
    ["start_time DESC"],
    ["start_time desc"],
    ["attributes.start_time ASC"],
    ["created"],
    ["Created DESC"],
    ["end_time"],
    ["end_time DESC"],
    ["run_id"],
    ["run_name", "run_id"],
    ["run_name DESC"],
    ["status", "user_id DESC"],
    ["artifact_uri"],
    ["metrics.acc"],
    ["metrics.acc DESC"],
    ["metric.loss", "metrics.acc DESC"],
    ["metrics.`f1-score` DESC"],
    ['metrics."val/loss"'],
    ["params.lr"],
    ["params.lr DESC", "params.Model"],
    ["tags.team"],
    ["tags.team DESC"],
    ["tags.`has space`"],
    ["metrics.nothing", "params.nothing DESC", "tags.nothing"],
    ["`Run name`"],
]
BAD_ORDERS = [
    [""],
    [" "],
    ["foo"],
    ["foo.bar"],
    ["metrics.acc NULLS LAST"],
    ["metrics.acc DESC ASC"],
    ["metrics.acc up"],
    ["metrics.acc, metrics.loss"],
    ["metrics.acc,"],
    ["dataset.name"],
    ["metrics."],
    ["metrics"],
    ["experiment_id"],
    ["lifecycle_stage"],
    ["ASC"],
    ["metrics.acc", "metrics.acc"],
    ["metrics.acc", "metric.acc DESC"],
    ["start_time", "created"],
]


def search_runs(**message):
    return post("runs/search", **({"experiment_ids": ALL, "max_results": 40} | message))


def compare(searched, call, *, words: bool = True) -> None:
    """Sends a call to both; errors are compared with their words, unless the reference failed or says otherwise."""
    sides = (searched.pair.reference, searched.pair.twin)
    theirs, ours = (Found.of(side.send(call, searched.run_words)) for side in sides)
    shown = f"{searched.pair.kind}\n{call}\nreference: {theirs}\nmlferry:   {ours}"
    difference = next((each for each in call.differences if searched.pair.kind in each.on), None)
    if difference:
        difference.check_documented()
        assert (theirs.status, theirs.code) == difference.reference, shown
        assert (ours.status, ours.code) == difference.mlferry, shown
        return
    assert theirs.agrees(ours), shown
    if words and theirs.status < 500:
        assert theirs.message == ours.message, shown


@pytest.mark.parametrize("text", GOOD_FILTERS)
def test_filters_of_runs(searched, text):
    compare(searched, search_runs(filter=text))


@pytest.mark.parametrize("text", BAD_FILTERS)
def test_bad_filters_of_runs(searched, text):
    compare(searched, search_runs(filter=text))


def test_a_pattern_that_ends_with_a_backslash(searched):
    compare(searched, search_runs(filter="tags.team LIKE 'a\\'").differs(TAKEN_BY_DRIVER))


@pytest.mark.parametrize("order", [*GOOD_ORDERS, *BAD_ORDERS], ids=str)
def test_orders_of_runs(searched, order):
    compare(searched, search_runs(order_by=order))


REQUESTS = {
    "nothing": {"experiment_ids": None},
    "no experiments": {"experiment_ids": []},
    "an unknown experiment": {"experiment_ids": ["999"]},
    "an experiment twice": {"experiment_ids": ["$experiment0", "$experiment0"]},
    "experiments in words": {"experiment_ids": ["abc"]},
    "experiments as text": {"experiment_ids": "0"},
    "filter null": {"filter": None},
    "filter empty": {"filter": ""},
    "filter a number": {"filter": 5},
    "order a text": {"order_by": "start_time"},
    "max_results 0": {"max_results": 0},
    "max_results negative": {"max_results": -1},
    "max_results 1": {"max_results": 1},
    "max_results as text": {"max_results": "3"},
    "max_results 50000": {"max_results": 50000},
    "max_results 50001": {"max_results": 50001},
    "max_results in words": {"max_results": "abc"},
    "view deleted": {"run_view_type": "DELETED_ONLY"},
    "view all": {"run_view_type": "ALL"},
    "view a number": {"run_view_type": 2},
    "view a number as text": {"run_view_type": "2"},
    "view unknown": {"run_view_type": "NOPE"},
    "view in lower case": {"run_view_type": "all"},
    "view null": {"run_view_type": None},
    "token empty": {"page_token": ""},
    "token of page 2": {"page_token": token({"offset": 40})},
    "token far behind": {"page_token": token({"offset": 100_000})},
    "token of text": {"page_token": token({"offset": "40"})},
    "token not base64": {"page_token": "abc"},
    "token not JSON": {"page_token": "YWJj"},
    "token zero": {"page_token": token({"offset": 0})},
    "token without offset": {"page_token": token({})},
    "token in words": {"page_token": token({"offset": "x"})},
}
UNEQUAL = {
    "max_results null": ({"max_results": None}, READ),
    "experiments as numbers": ({"experiment_ids": [0]}, NOT_STORED),
    "max_results a float": ({"max_results": 1.5}, NOT_STORED),
    "token a list": ({"page_token": token([1])}, NOT_A_TOKEN_FAILS),
    "token of a float": ({"page_token": token({"offset": 1.5})}, NOT_A_TOKEN),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_for_runs(searched, name):
    compare(searched, search_runs(**REQUESTS[name]))


@pytest.mark.parametrize("name", UNEQUAL)
def test_requests_for_runs_that_differ(searched, name):
    message, difference = UNEQUAL[name]
    compare(searched, search_runs(**message).differs(difference))


def test_an_order_that_is_no_text(searched):
    compare(searched, search_runs(order_by=[5]), words=False)


def test_whole_runs_are_the_same(searched):
    """Not only the ids: all details of all runs."""
    call = search_runs(max_results=1000, run_view_type="ALL")
    theirs, ours = (
        side.send(call, searched.run_words).json() for side in (searched.pair.reference, searched.pair.twin)
    )
    for answer in (theirs, ours):
        for run in answer["runs"]:
            for details in ("metrics", "params", "tags"):
                run["data"].get(details, []).sort(key=lambda item: item["key"])
            inputs = run["inputs"].get("dataset_inputs", [])
            inputs.sort(key=lambda item: (item["dataset"]["name"], item["dataset"]["digest"]))
    assert len(theirs["runs"]) == len(searched.runs)
    assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)


EXPERIMENT_SEARCHES = [
    {},
    {"max_results": 0},
    {"max_results": -1},
    {"max_results": 50000},
    {"max_results": 50001},
    {"max_results": "7"},
    {"max_results": 3, "page_token": token({"offset": 3})},
    {"max_results": 3, "page_token": "abc"},
    {"max_results": 3, "view_type": "ALL"},
    {"max_results": 30, "view_type": "DELETED_ONLY"},
    {"max_results": 30, "view_type": 3},
    *(
        {"max_results": 60, "filter": text}
        for text in """
name = 'Default'
attribute.name = 'Default'
name != 'Default'
name LIKE '%a%'
name ILIKE '%A%'
name like '%a%'
name > 'a'
name = 5
name = Default
name IN ('Default')
experiment_id = '0'
experiment_id != '0'
experiment_id IN ('0', '$experiment3')
experiment_id NOT IN ('0')
experiment_id = 0
experiment_id > '0'
experiment_id = 'abc'
creation_time > 0
last_update_time <= 99999999999999
creation_time > '0'
creation_time > 1.5
creation_time LIKE '1'
tags.team = 'x'
tag.team != 'x'
tags.`has space` LIKE '%'
tags.team ILIKE 'X'
tags.team IS NULL
tags.team IS NOT NULL
tags.`mlflow.experiment.isGateway` IS NULL
tags.team > 'x'
tags.team = 5
tags.team like 'x'
attributes.name = 'x'
foo = 'x'
foo.bar = 'x'
lifecycle_stage = 'active'
name = 'a' OR name = 'b'
(name = 'a')
name
name =
""".strip().splitlines()
    ),
    *(
        {"max_results": 60, "order_by": order}
        for order in (
            ["name"],
            ["name DESC"],
            ["attribute.name"],
            ["experiment_id"],
            ["experiment_id DESC"],
            ["creation_time", "name"],
            ["last_update_time DESC"],
            ["name", "name"],
            ["name up"],
            ["foo"],
            ["tags.team"],
            [""],
            ["name NULLS LAST"],
        )
    ),
]


@pytest.mark.parametrize("message", EXPERIMENT_SEARCHES, ids=str)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_searches_of_experiments(searched, method, message):
    send = post if method == "POST" else get
    compare(searched, send("experiments/search", **message))
