"""What receivers of webhooks are told of each change, beside the reference."""

from __future__ import annotations

import contextlib
import json
import re

import pytest

from pairs import Call, Pair, delete, patch, post, start_pair
from receiver import EVERY, REACHABLE, Receiver

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}
TYPE = {"key": "_mlflow_prompt_type", "value": "text"}
TEXT = {"key": "mlflow.prompt.text", "value": "Hello {{name}} größe"}
MODEL, A_PROMPT = {"name": "m"}, {"name": "p"}
FIRST = MODEL | {"version": "1"}
OF_PROMPT = A_PROMPT | {"version": "1"}


def tag(key: str, value: str) -> dict:
    return {"key": key, "value": value}


# What is done, and how many messages it makes.
STEPS: list[tuple[Call, int]] = [
    (post("registered-models/create", **MODEL, description="größe", tags=[tag("b", "1"), tag("a", "実験")]), 1),
    (post("registered-models/create", name="bare"), 1),
    (post("registered-models/create", **MODEL), 0),
    (post("registered-models/create", **A_PROMPT, tags=[PROMPT, TYPE, tag("a", "1")]), 1),
    (post("registered-models/create", name="no", tags=[tag("mlflow.prompt.is_prompt", "false")]), 1),
    (post("registered-models/set-tag", **MODEL, **tag("k", "v")), 0),
    (post("registered-models/set-tag", **A_PROMPT, **tag("k", "v")), 1),
    (delete("registered-models/delete-tag", **MODEL, key="k"), 0),
    (delete("registered-models/delete-tag", **A_PROMPT, key="k"), 1),
    (delete("registered-models/delete-tag", **A_PROMPT, key="absent"), 1),
    (
        post("model-versions/create", **MODEL, source="s3://b/x", tags=[tag("b", "1"), tag("a", "2")], description="d"),
        1,
    ),
    (post("model-versions/create", **MODEL, source="s3://b/y"), 1),
    (post("model-versions/create", **MODEL, source="models:/m/1"), 1),
    (post("model-versions/create", **A_PROMPT, source="dummy-source", tags=[TEXT, PROMPT, TYPE, tag("a", "1")]), 1),
    (post("model-versions/create", **A_PROMPT, source="dummy-source", tags=[PROMPT], description="d"), 1),
    (post("model-versions/set-tag", **FIRST, **tag("k", "v")), 1),
    (post("model-versions/set-tag", **OF_PROMPT, **tag("k", "")), 1),
    (delete("model-versions/delete-tag", **FIRST, key="k"), 1),
    (delete("model-versions/delete-tag", **OF_PROMPT, key="k"), 1),
    (post("model-versions/set-tag", **(FIRST | {"version": "99"}), **tag("k", "v")), 0),
    (post("registered-models/alias", **FIRST, alias="best"), 1),
    (post("registered-models/alias", **OF_PROMPT, alias="best"), 1),
    (delete("registered-models/alias", **MODEL, alias="best"), 1),
    (delete("registered-models/alias", **MODEL, alias="absent"), 1),
    (delete("registered-models/alias", **A_PROMPT, alias="best"), 1),
    (patch("registered-models/update", **MODEL, description="x"), 0),
    (post("model-versions/transition-stage", **FIRST, stage="Production"), 0),
    (delete("model-versions/delete", **FIRST), 0),
    # What a prompt is called from then on.
    (post("registered-models/set-tag", **MODEL, **PROMPT), 1),
    (delete("registered-models/delete-tag", **MODEL, key=PROMPT["key"]), 0),
    (post("registered-models/rename", **MODEL, new_name="m2"), 0),
    (delete("registered-models/delete", name="m2"), 0),
    (post("registered-models/create", name="last"), 1),
]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def reachable(request, tmp_path_factory) -> Pair:
    """A pair of servers that may reach receivers of this machine."""
    cluster = request.getfixturevalue("postgres") if request.param == "postgres" else None
    with contextlib.ExitStack() as closing:
        yield start_pair(request.param, tmp_path_factory.mktemp("told"), cluster, closing, REACHABLE)


def shown(body: bytes) -> str:
    """A message as it came, without its time."""
    text = body.decode()
    assert TIME.search(text), text
    return TIME.sub("<now>", text)


def test_messages(reachable):
    with Receiver() as receiver:
        for side in reachable.sides:
            url = receiver.url(f"/{side.name}")
            side.make(post("webhooks", name="all", url=url, events=EVERY, secret="s"))
        counts = 0
        for call, more in STEPS:
            counts += more
            theirs, ours = (side.send(call, {}) for side in reachable.sides)
            assert theirs.status == ours.status, f"{call}: {theirs.body!r} {ours.body!r}"
            told = [receiver.wait(f"/{side.name}", counts) for side in reachable.sides]
            for messages in told:
                assert len(messages) == counts, f"{call}: {messages[-1]}"
            theirs, ours = (shown(messages[-1].body) for messages in told)
            assert theirs == ours, call
            theirs, ours = (set(messages[-1].headers) - {"accept-encoding", "connection"} for messages in told)
            assert theirs == ours, call
            assert all(messages[-1].headers["x-mlflow-signature"] == messages[-1].signature("s") for messages in told)


@pytest.mark.parametrize("event", EVERY, ids=lambda event: f"{event['entity']} {event['action']}")
def test_examples(reachable, event):
    with Receiver() as receiver:
        bodies, answers = [], []
        for side in reachable.sides:
            made = side.make(post("webhooks", name="test", url=receiver.url(f"/{side.name}"), events=[event]))
            answers.append(side.make(post(f"webhooks/{made['webhook']['webhook_id']}/test")))
            bodies.append(shown(receiver.wait(f"/{side.name}")[0].body))
            side.make(Call("DELETE", f"webhooks/{made['webhook']['webhook_id']}"))
        assert bodies[0] == bodies[1]
        assert json.dumps(answers[0], sort_keys=True) == json.dumps(answers[1], sort_keys=True)
