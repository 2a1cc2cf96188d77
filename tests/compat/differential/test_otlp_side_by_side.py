"""Spans over OTLP: both servers get the same exports, and must show the same traces, on both databases."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from pairs import Call, Difference, Normal, refused

V3 = "/api/3.0/mlflow/traces"
PROTOBUF = "application/x-protobuf"
STALE = Difference("starting a trace that is there", (200, None), (200, None))
REPEATED = Difference("a driver's text as message", (400, "BAD_REQUEST"), (200, None), frozenset({"postgres"}))
ROOT, CHILD, GRANDCHILD = "00000000000000a1", "00000000000000a2", "00000000000000a3"
START = 1_700_000_000_123_456_789
SECOND = 1_000_000_000


def fill(value: AnyValue, given: object) -> None:
    if isinstance(given, bool):
        value.bool_value = given
    elif isinstance(given, str):
        value.string_value = given
    elif isinstance(given, int):
        value.int_value = given
    elif isinstance(given, float):
        value.double_value = given
    elif isinstance(given, bytes):
        value.bytes_value = given
    elif isinstance(given, list):
        value.array_value.SetInParent()
        for item in given:
            fill(value.array_value.values.add(), item)
    elif isinstance(given, dict):
        value.kvlist_value.SetInParent()
        add(value.kvlist_value.values, given)


def add(pairs, given: dict) -> None:
    for key, value in given.items():
        pair = pairs.add()
        pair.key = key
        fill(pair.value, value)


def span(name: str = "root", identifier: str = ROOT, parent: str = "", **more) -> dict:
    return {"name": name, "id": identifier, "parent": parent} | more


def child(**more) -> dict:
    return span("child", CHILD, ROOT) | more


class Traces:
    """The ids of the traces of one test, which no other test uses."""

    def __init__(self) -> None:
        self.tests = 0

    def next(self) -> str:
        self.tests += 1
        return f"{self.tests:032x}"


TRACES = Traces()


def export(trace: str, *spans: dict, resource: dict | None = None) -> bytes:
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    add(group.resource.attributes, resource or {})
    sent = group.scope_spans.add().spans
    for each in spans:
        added = sent.add()
        added.trace_id = bytes.fromhex(each.get("trace", trace))
        added.span_id = bytes.fromhex(each["id"])
        added.parent_span_id = bytes.fromhex(each["parent"])
        added.name = each["name"]
        added.start_time_unix_nano = each.get("start", START)
        added.end_time_unix_nano = each.get("end", START + SECOND)
        added.status.code = each.get("code", 0)
        added.status.message = each.get("message", "")
        add(added.attributes, each.get("attributes", {}))
        for name, attributes in each.get("events", {}).items():
            event = added.events.add()
            event.name, event.time_unix_nano = name, 5
            add(event.attributes, attributes)
        for attributes in each.get("links", []):
            link = added.links.add()
            link.trace_id, link.span_id = bytes.fromhex("ab" * 16), bytes.fromhex(CHILD)
            add(link.attributes, attributes)
    return message.SerializeToString()


class Sides:
    """Sends the same to both servers, and compares what they answer."""

    def __init__(self, pair):
        self.pair = pair
        self.trace = TRACES.next()
        self.words = {}
        for side in pair.sides:
            made = side.make(Call("POST", "experiments/create", {"name": f"otlp {self.trace}"}))
            self.words[side.name] = {"experiment": made["experiment_id"]}

    def export(self, *spans: dict, resource: dict | None = None) -> None:
        self.send(export(self.trace, *spans, resource=resource))

    def send(self, body: bytes, content_type: str = PROTOBUF, difference: Difference | None = None, **headers) -> None:
        given = {"Content-Type": content_type, "x-mlflow-experiment-id": "$experiment"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in given.items() if value is not None}
        answers = []
        for side in self.pair.sides:
            experiment = self.words[side.name]["experiment"]
            filled = {name: value.replace("$experiment", experiment) for name, value in given.items()}
            answers.append(side.server.request("POST", "/v1/traces", body, filled))
        theirs, ours = answers
        shown = f"{theirs.status} {theirs.body!r}\n{ours.status} {ours.body!r}"
        if difference and self.pair.kind in difference.on:
            difference.check_documented()
            assert (theirs.status, ours.status) == (difference.reference[0], difference.mlferry[0]), shown
            return
        assert theirs.status == ours.status, shown
        if theirs.status == 200:
            assert theirs.body == ours.body, shown
            assert theirs.headers["content-type"] == ours.headers["content-type"] == PROTOBUF

    def same(self, call: Call) -> dict:
        views = []
        for side in self.pair.sides:
            words = self.words[side.name]
            normal = Normal({identifier: f"<{word}>" for word, identifier in words.items()})
            views.append(normal.view(side.send(call, words)))
        theirs, ours = views
        assert theirs == ours, f"{call}\nreference: {theirs}\nmlferry:   {ours}"
        return json.loads(ours.body) if ours.body else {}

    def check(self, trace: str | None = None) -> dict:
        """Compares all that both servers tell of the trace, and returns it."""
        trace = f"tr-{trace or self.trace}"
        self.same(Call("GET", f"{V3}/{trace}"))
        self.same(Call("GET", f"{V3}/batchGet", query={"trace_ids": [trace]}))
        self.same(Call("GET", "/ajax-api/3.0/mlflow/get-trace-artifact", query={"request_id": trace}))
        return self.same(Call("GET", f"{V3}/get", query={"trace_id": trace, "allow_partial": "true"}))["trace"]

    def start(self, info: dict) -> None:
        """Tells both of a trace; the reference answers from what it had read before it wrote."""
        STALE.check_documented()
        for side in self.pair.sides:
            answer = side.send(Call("POST", V3, {"trace": {"trace_info": info}}), self.words[side.name])
            assert answer.status == 200, answer.body

    def search(self, filter: str) -> list[dict]:
        location = {"mlflow_experiment": {"experiment_id": "$experiment"}}
        return self.same(Call("POST", f"{V3}/search", {"locations": [location], "filter": filter})).get("traces", [])


@pytest.fixture
def sides(pair) -> Sides:
    return Sides(pair)


VALUES = {
    "text": 'té"x\\\n\x01',
    "int": 3,
    "big": 2**63 - 1,
    "float": 1.5,
    "whole": 2.0,
    "small": 1e-7,
    "large": 1e22,
    "bool": True,
    "bytes": b"\x01a'",
    "list": [1, "a", [2.0, None], {}],
    "empty list": [],
    "map": {"z": 1, "a": {"b": [True]}},
    "empty map": {},
    "nothing": None,
    "empty": "",
    "nan": float("nan"),
    "inside": {"x": float("inf"), "text": "NaN"},
    "digits": "1",
    "json map": '{"a": 1, "b":[1,2]}',
    "json text": '"x"',
    "json number": "1.5",
    "no json": "{a",
    "mlflow.traceRequestId": "tr-other",
}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_attributes(sides, name):
    sides.export(span(attributes={name: VALUES[name], "after": 1}))
    assert sides.check()["spans"]


SPANS = {
    "a root": [span()],
    "a root and a child": [span(), child()],
    "a child before its root": [child(), span()],
    "a child alone": [child()],
    "a root that failed": [span(code=2, message="bad")],
    "a root that ended well, with a message": [span(code=1, message="fine")],
    "a child that failed": [span(), child(code=2, message="bad")],
    "a span that has not ended": [span(end=0)],
    "a root and a child that has not ended": [span(), child(end=0)],
    "spans without times": [span(start=0, end=0)],
    "three in another order": [
        span("c", GRANDCHILD, CHILD, start=START + 5),
        child(start=START + 9),
        span(start=START + 20, end=START + 3 * SECOND),
    ],
    "without a name": [span("")],
    "an event": [span(events={"e": {"x": 1, "y": [1, 2], "z": "s", "f": 2.5, "m": {"a": 1}}, "": {}})],
    "links": [span(links=[{}, {"a": "b", "n": 1, "bytes": b"a"}])],
    "inputs and outputs": [span(attributes={"mlflow.spanInputs": '{"q": "é"}', "mlflow.spanOutputs": '"out"'})],
    "long inputs": [span(attributes={"mlflow.spanInputs": "é" * 2000})],
    "a conversation": [
        span(attributes={"mlflow.spanInputs": '{"messages": [{"role": "user", "content": "hi"}]}'}),
    ],
    "an answer in parts": [
        span(
            attributes={
                "mlflow.spanOutputs": '{"output": [{"role": "x", "content": [{"type": "text", "text": "yes"}]}]}'
            }
        )
    ],
    "a type": [span(attributes={"mlflow.spanType": "LLM"})],
    "a session and a user": [span(attributes={"session.id": "s", "user.id": "u"})],
    "a session of a child": [span(), child(attributes={"session.id": "s"})],
    "a conversation's id": [span(attributes={"gen_ai.conversation.id": "s"})],
    "a session that is a number": [span(attributes={"session.id": 5})],
    "tags": [span(attributes={"mlflow.traceTag.foo": "bar", "mlflow.traceTag.a*b": "x", "mlflow.traceTag.n": 5})],
    "a name": [span(attributes={"mlflow.traceTag.mlflow.traceName": "n"})],
    "tags of a child": [span(), child(attributes={"mlflow.traceTag.foo": "bar"})],
    "tokens": [
        span(attributes={"mlflow.chat.tokenUsage": '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}'})
    ],
    "tokens as a map": [span(attributes={"mlflow.chat.tokenUsage": {"input_tokens": 1, "cache_read_input_tokens": 2}})],
    "tokens of a root and a child": [
        span(attributes={"mlflow.chat.tokenUsage": '{"input_tokens": 5}'}),
        child(attributes={"mlflow.chat.tokenUsage": '{"input_tokens": 3}'}),
    ],
    "tokens of children": [
        span(),
        child(attributes={"mlflow.chat.tokenUsage": '{"input_tokens": 3}'}),
        span("other", GRANDCHILD, ROOT, attributes={"mlflow.chat.tokenUsage": '{"input_tokens": 4}'}),
    ],
    "a cost": [span(attributes={"mlflow.llm.cost": '{"input_cost": 0.1, "total_cost": 0.5}'})],
    "a model": [span(attributes={"mlflow.llm.model": "m", "mlflow.llm.provider": "p"})],
    "OpenInference": [
        span(
            attributes={
                "openinference.span.kind": "LLM",
                "input.value": "in",
                "output.value": '{"a": 1}',
                "llm.token_count.prompt": 3,
                "llm.token_count.completion": 4,
                "llm.provider": "p",
            }
        )
    ],
    "OpenTelemetry's names": [
        span(
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.usage.input_tokens": 3,
                "gen_ai.usage.output_tokens": "4",
                "gen_ai.usage.cache_creation.input_tokens": 1,
                "gen_ai.input.messages": '[{"role": "user"}]',
                "gen_ai.provider.name": "p",
                "gen_ai.tool.definitions": '[{"name": "t"}]',
            }
        )
    ],
    "Traceloop": [
        span(
            attributes={
                "traceloop.span.kind": "tool",
                "gen_ai.prompt.0.content": "hello",
                "gen_ai.completion.0.content": "bye",
                "llm.usage.total_tokens": 5,
                "gen_ai.system": "s",
            }
        )
    ],
    "Laminar": [span(attributes={"lmnr.span.type": "PIPELINE", "lmnr.span.input": "x"})],
    "Langfuse": [span(attributes={"langfuse.observation.type": "generation", "langfuse.observation.output": "x"})],
    "Google's agents": [span(attributes={"gcp.vertex.agent.llm_request": '{"model": "m"}'})],
    "a kind beside a type": [span(attributes={"openinference.span.kind": "LLM", "mlflow.spanType": "TOOL"})],
    "a kind beside an unknown type": [
        span(attributes={"openinference.span.kind": "LLM", "mlflow.spanType": "UNKNOWN"})
    ],
    "a kind that nobody knows": [span(attributes={"openinference.span.kind": "X"})],
}

GEMINI = {"gen_ai.agent.name": "gemini-cli"}
USED = {"input_tokens": 3, "output_tokens": "4", "cache_read_tokens": 10, "cache_creation_tokens": 20}
# What the attributes and events of one span are, as libraries and agents name them.
TRANSLATED = (
    {
        f"Claude Code, {what}": (attributes, events)
        for what, attributes, events in [
            ("a turn", {"span.type": "claude_code.interaction", "user_prompt": "hé", "new_context": "c"}, {}),
            ("a turn with a short name", {"span.type": "interaction", "new_context": "c", "input": "no"}, {}),
            ("a turn without its text", {"span.type": "interaction", "user_prompt": "<REDACTED>"}, {}),
            ("a turn with its context alone", {"span.type": "interaction", "user_prompt": "", "new_context": "c"}, {}),
            (
                "a model",
                {"span.type": "claude_code.llm_request", "model": "m", "response.model_output": "o"} | USED,
                {},
            ),
            (
                "a model with a context",
                {"span.type": "llm_request", "new_context": '{"model": "x"}', "user_prompt": "p"},
                {},
            ),
            (
                "a model with half its tokens",
                {"span.type": "llm_request", "output_tokens": 4, "cache_read_tokens": 1},
                {},
            ),
            ("a model with one number", {"span.type": "llm_request", "input_tokens": 4}, {}),
            ("a model with odd tokens", {"span.type": "llm_request", "input_tokens": "x", "output_tokens": 5}, {}),
            ("a model with other tokens", {"span.type": "llm_request", "gen_ai.usage.input_tokens": 7} | USED, {}),
            ("a model that tells nothing", {"span.type": "llm_request", "response.model_output": "<REDACTED>"}, {}),
            ("another kind", {"span.type": "claude_code.hook", "user_prompt": "p", "tool_input": "t"} | USED, {}),
            ("a kind that is a number", {"span.type": 5, "user_prompt": "p"}, {}),
            ("no kind", {"user_prompt": "p", "tool_input": "t", "new_context": "c"} | USED, {}),
            ("a tool", {"span.type": "claude_code.tool", "tool_input": '{"a": 1}', "new_context": "c"} | USED, {}),
            (
                "details of a tool",
                {"span.type": "tool", "skill_name": "s", "full_command": "lé", "file_path": '{"a":1}'},
                {},
            ),
            ("hidden details", {"span.type": "tool", "full_command": "<REDACTED>", "subagent_type": ""}, {}),
            ("some details", {"span.type": "tool", "tool_input": "<REDACTED>", "subagent_type": "x"}, {}),
            ("what a tool returned", {"span.type": "tool"}, {"tool.output": {"content": "cé", "diff": "d"}}),
            ("the JSON of a tool", {"span.type": "tool"}, {"x": {}, "tool.output": {"output": '{"a":[1,"é"]}'}}),
            ("the list of a tool", {"span.type": "tool"}, {"tool.output": {"output": ["a", 1]}}),
            (
                "what a tool hides",
                {"span.type": "tool"},
                {"tool.output": {"output": "<REDACTED>", "content": "", "diff": "d"}},
            ),
            ("the output of no tool", {"span.type": "interaction"}, {"tool.output": {"output": "o"}}),
            ("an event beside a context", {"span.type": "tool", "new_context": "c"}, {"tool.output": {"output": "o"}}),
        ]
    }
    | {
        f"Gemini CLI, {what}": (GEMINI | attributes, {})
        for what, attributes in {
            "nothing": {},
            "a model": {
                "gen_ai.operation.name": "llm_call",
                "gen_ai.input.messages": '[{"role": "user", "parts": [{"text": "hé"}]}]',
                "gen_ai.output.messages": '[{"role": "model", "parts": [{"text": "a"}]}, {"parts": [1]}, {"parts": 5}]',
                "gen_ai.usage.input_tokens": 3,
                "gen_ai.request.model": "gemini",
            },
            "a text": {"gen_ai.operation.name": "user_prompt", "gen_ai.input.messages": "hé"},
            "a prompt of the system": {
                "gen_ai.operation.name": "system_prompt",
                "gen_ai.input.messages": '[{"role": "user", "parts": []}, {"role": "model"}, 1]',
            },
            "a prompt in more quotes": {
                "gen_ai.operation.name": '"system_prompt"',
                "gen_ai.input.messages": '[{"role": "user"}]',
            },
            "a tool": {
                "gen_ai.operation.name": "tool_call",
                "gen_ai.tool.call.arguments": '{"a": 1}',
                "gen_ai.tool.call.result": '{"b": 2}',
            },
            "what is wrapped": {
                "gen_ai.operation.name": "agent_call",
                "gen_ai.input.messages": '{"contents": "x"}',
                "gen_ai.output.messages": '{"candidates": []}',
            },
            "nothing to wrap": {"gen_ai.input.messages": 5, "gen_ai.output.messages": '[{"parts": []}]'},
            "a list as values": {"gen_ai.input.messages": ["a"], "gen_ai.output.messages": "text"},
            "a standard kind": {"gen_ai.operation.name": "chat"},
        }.items()
    }
    | {
        "Gemini's names of another agent": ({"gen_ai.agent.name": "x", "gen_ai.operation.name": "llm_call"}, {}),
        "Spring AI": (
            {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.usage.input_tokens": 1},
            {
                "gen_ai.content.prompt": {"gen_ai.prompt": "hé"},
                "gen_ai.content.completion": {"gen_ai.completion": "yes"},
            },
        ),
        "Spring AI, in JSON": (
            {},
            {
                "gen_ai.content.prompt": {"gen_ai.prompt": '[{"role": "user", "content": "q"}]'},
                "gen_ai.content.completion": {"gen_ai.completion": '{"model": "m"}'},
            },
        ),
        "Spring AI, without texts": ({}, {"gen_ai.content.prompt": {"x": "y"}, "gen_ai.content.completion": {}}),
        "Spring AI, beside attributes": ({"input.value": "in"}, {"gen_ai.content.prompt": {"gen_ai.prompt": "no"}}),
        "messages as events": (
            {},
            {
                "gen_ai.system.message": {"content": "be gôod"},
                "gen_ai.user.message": {"content": '{"a": [1.5, "é"]}', "role": "x"},
                "gen_ai.assistant.message": {"content": "5"},
                "gen_ai.choice": {"content": "done", "role": "model"},
            },
        ),
        "messages that say nothing": ({}, {"gen_ai.user.message": {"content": ""}, "gen_ai.choice": {"role": "r"}}),
        "a choice without role": ({}, {"gen_ai.choice": {"content": ["a", 1, {"b": True}]}}),
    }
    | {
        f"VoltAgent, {what}": (attributes, {})
        for what, attributes in {
            "an agent": {"entity.type": "agent", "voltagent.operation_id": "o", "agent.messages": "[1]", "output": "x"},
            "a model": {"entity.type": "agent", "span.type": "llm", "llm.messages": '[{"role": "user"}]', "input": "i"},
            "memory": {"span.type": "memory", "input": '{"model": "m"}', "voltagent.conversation_id": "c"},
            "an unknown kind": {"span.type": "x", "entity.type": "tool", "output": 5},
            "tokens": {"usage.prompt_tokens": 1, "usage.completion_tokens": 2, "usage.total_tokens": 4},
            "a model's tokens": {"llm.usage.prompt_tokens": 1, "llm.usage.completion_tokens": "2"},
            "a model's total": {"llm.usage.prompt_tokens": 1, "llm.usage.total_tokens": 4},
            "both tokens": {"usage.prompt_tokens": 1, "llm.usage.prompt_tokens": 2, "usage.completion_tokens": 0},
            "odd tokens": {"usage.prompt_tokens": "x", "llm.usage.prompt_tokens": 2},
        }.items()
    }
    | {
        f"LiveKit, {what}": (attributes, {})
        for what, attributes in {
            "a model": {"gen_ai.request.model": "m", "lk.chat_ctx": '{"items": []}', "lk.response.text": "hi"},
            "a model beside a kind": {"gen_ai.request.model": "m", "gen_ai.operation.name": "Execute_Tool"},
            "a kind in capitals": {"gen_ai.operation.name": "CHAT", "lk.response.function_calls": "[1]"},
            "a retry": {"lk.retry_count": 0, "lk.agent_name": "a"},
            "a tool": {"lk.function_tool.name": "t", "lk.retry_count": 1},
            "an agent": {"x": 1, "lk.instructions": "i", "lk.user_input": "u"},
            "a generation": {"lk.generation_id": "g"},
            "a room": {"lk.room_name": "r", "lk.job_id": "j"},
            "an unknown type": {"lk.agent_name": "a", "mlflow.spanType": "UNKNOWN"},
        }.items()
    }
)


TRANSLATED |= {
    f"Vercel, {what}": (attributes, {})
    for what, attributes in {
        "a text": {"ai.operationId": "ai.generateText", "ai.prompt": '{"prompt": "q"}', "ai.response.text": "a"},
        "a model": {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": '[{"role": "user", "content": [{"type": "text", "text": "hé"}]}]',
            "ai.prompt.tools": ['{"type": "function", "name": "f"}', "no JSON"],
            "ai.prompt.toolChoice": '{"type": "auto"}',
            "ai.response.text": "a",
            "ai.response.finishReason": "stop",
            "ai.response.toolCalls": '"[1]"',
            "gen_ai.usage.input_tokens": 3,
        },
        "a stream": {"ai.operationId": "ai.streamText.doStream", "ai.response.msToFinish": 1.5, "ai.prompt": "no"},
        "nothing": {"ai.operationId": "ai.streamText.doStream"},
        "inputs by another name": {"ai.operationId": "ai.streamText.doStream", "gen_ai.input.messages": "[1]"},
        "given inputs": {"ai.operationId": "ai.streamText.doStream", "mlflow.spanInputs": "1", "ai.prompt.a": "b"},
        "an object": {"ai.operationId": "ai.generateObject.doGenerate", "ai.response.object": "{}", "ai.prompt.x": "y"},
        "a tool": {"ai.operationId": "ai.toolCall", "ai.toolCall.args": '{"a": 1}', "ai.toolCall.result": "5"},
        "an embedding": {"ai.operationId": "ai.embed", "ai.value": "v", "ai.embedding": "[0.5]"},
    }.items()
}

# The reference translates these once more when it shows their file, and writes that without blanks.
UNKNOWN = {
    "a voice": {"lk.tts.x": 1, "lk.agent_name": "a", "lk.input_text": "say"},
    "a text": {"lk.input_text": "say"},
    "a transcript": {"lk.user_transcript": "said", "lk.transcription_delay": 1.5},
}


@pytest.mark.parametrize("attributes", UNKNOWN.values(), ids=UNKNOWN)
def test_types_that_nobody_knows(sides, attributes):
    sides.export(span(attributes=attributes))
    sides.same(Call("GET", f"{V3}/tr-{sides.trace}"))
    shown = sides.same(Call("GET", f"{V3}/get", query={"trace_id": f"tr-{sides.trace}"}))
    assert "UNKNOWN" in json.dumps(shown)


@pytest.mark.parametrize("sent", TRANSLATED.values(), ids=TRANSLATED)
def test_names_of_other_libraries(sides, sent):
    attributes, events = sent
    sides.export(span(attributes=attributes, events=events))
    assert sides.check()["spans"]


@pytest.mark.parametrize("spans", SPANS.values(), ids=SPANS)
def test_spans(sides, spans):
    sides.export(*spans)
    assert sides.check()["spans"]


@pytest.mark.parametrize("spans", SPANS.values(), ids=SPANS)
def test_spans_one_after_the_other(sides, spans):
    for each in spans:
        sides.export(each)
    sides.check()


@pytest.mark.parametrize("spans", [SPANS[name] for name in ("a root and a child", "tokens", "a session and a user")])
@pytest.mark.parametrize("first", ["info", "spans"])
def test_a_client_that_tells_of_the_trace_as_well(sides, spans, first):
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$experiment"}}
    info = {
        "trace_id": f"tr-{sides.trace}",
        "trace_location": location,
        "request_time": "2023-11-14T22:13:19.500Z",
        "execution_duration": "9s",
        "state": "ERROR",
        "tags": {"mlflow.traceName": "n", "x": "y"},
        "trace_metadata": {
            "mlflow.trace.tokenUsage": '{"input_tokens": 100}',
            "mlflow.trace.sizeStats": '{"num_spans": 1}',
        },
        "request_preview": "p",
    }
    calls = [
        lambda: sides.start(info),
        lambda: sides.export(*spans),
    ]
    for call in calls if first == "info" else reversed(calls):
        call()
        sides.same(Call("GET", f"{V3}/tr-{sides.trace}"))
    sides.check()


def test_a_span_twice(sides):
    sides.send(export(sides.trace, span("first"), span("second")), difference=REPEATED)
    if sides.pair.kind not in REPEATED.on:
        sides.check()


def test_two_traces_at_once(sides):
    other = TRACES.next()
    sides.export(span(), span(trace=other), child(trace=other))
    sides.check()
    sides.check(other)


def test_many_traces_at_once(sides):
    """New ones and some that are there, and each tells something else."""
    traces = {TRACES.next(): spans for spans in SPANS.values()}
    there = list(traces.items())[::3]
    sides.export(*[spans[0] | {"trace": trace} for trace, spans in there])
    sides.export(*[each | {"trace": trace} for trace, spans in traces.items() for each in spans])
    for trace in traces:
        sides.check(trace)


RESOURCES = {
    "a service": {"service.name": "svc"},
    "a known service": {"service.name": "claude-code"},
    "other values": {"a": 1, "b": True, "c": 1.5, "d": ["x", "y"], "e": [1, 2]},
    "names that are not taken": {"telemetry.sdk.name": "x", "mlflow.y": "z", "a*b": "c", "": "d"},
    "long values": {"a": "v" * 9000},
}


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
def test_resources(sides, resource):
    sides.export(span(attributes={"mlflow.traceTag.a": "mine"}), child(), resource=resource)
    sides.check()


def test_encodings(sides):
    body = export(sides.trace, span())
    sides.send(gzip.compress(body), content_encoding="gzip")
    sides.send(gzip.compress(body), content_encoding="GZIP")
    sides.send(zlib.compress(body), content_encoding="deflate")
    sides.send(zlib.compress(body)[2:-4], content_encoding="deflate")
    sides.send(body, content_encoding="br")
    sides.send(body, content_encoding="gzip")
    sides.send(body, content_encoding="deflate")
    sides.send(body, f"{PROTOBUF}; charset=utf-8")
    sides.check()


def test_headers(sides):
    body = export(sides.trace, span())
    sides.send(body, "text/plain")
    sides.send(body, x_mlflow_experiment_id=None)
    sides.send(body, x_mlflow_experiment_id="99")
    sides.send(body, x_mlflow_experiment_id="abc")
    sides.same(Call("GET", f"{V3}/tr-{sides.trace}"))
    sides.send(b"garbage")
    sides.send(b"")
    sides.export()


def message(trace: str, **more) -> dict:
    sent = {
        "traceId": trace,
        "spanId": ROOT,
        "name": "j",
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": 1700000000500000000,
        "kind": 1,
        "status": {"code": 2, "message": "bad"},
        "attributes": [
            {"key": "a", "value": {"intValue": "5"}},
            {"key": "b", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"doubleValue": 1.5}]}}},
            {"key": "c", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": True}}]}}},
            {"key": "d", "value": {"bytesValue": "YQ=="}},
        ],
        "events": [{"name": "e", "timeUnixNano": "5", "attributes": [{"key": "x", "value": {"intValue": 1}}]}],
        "unknown": 1,
    } | more
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "svc"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [sent]}]}]}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"parentSpanId": CHILD},
        {"status": {}},
        {"status": {"code": "STATUS_CODE_ERROR"}},
        {"traceId": "zz"},
        {"traceId": "abc"},
        {"traceId": ""},
        {"startTimeUnixNano": "x"},
        {"attributes": "x"},
    ],
    ids=str,
)
def test_json(sides, more):
    sides.send(json.dumps(message(sides.trace, **more)).encode(), "application/json")
    sides.same(Call("GET", f"{V3}/get", query={"trace_id": f"tr-{sides.trace}", "allow_partial": "true"}))


@pytest.mark.parametrize("body", ["{}", '{"resourceSpans": []}', '{"resourceSpans": [{}]}', "{", "[]"])
def test_json_without_spans(sides, body):
    difference = refused("a user's mistake that makes the reference fail", reference=500) if body == "[]" else None
    sides.send(body.encode(), "application/json", difference)


def test_ids_of_odd_lengths(sides):
    sides.send(export("ab" + sides.trace, span()))
    sides.send(export("", span()))
    sides.send(export(sides.trace, span(identifier="")))
    sides.send(export(sides.trace[-6:], span(identifier="01")))
    sides.check()


def test_runs_are_linked(sides):
    for side in sides.pair.sides:
        run = side.make(Call("POST", "runs/create", {"experiment_id": "0"}))
        sides.words[side.name]["run"] = run["run"]["info"]["run_id"]
        headers = {
            "Content-Type": PROTOBUF,
            "x-mlflow-experiment-id": sides.words[side.name]["experiment"],
            "x-mlflow-run-id": sides.words[side.name]["run"],
        }
        assert side.server.request("POST", "/v1/traces", export(sides.trace, span()), headers).status == 200
    assert len(sides.search("run_id = '$run'")) == 1


FILTERS = {
    "span.name = 'root'": 1,
    "span.name = 'root' AND span.type = 'LLM'": 1,
    "span.name = 'child' AND span.type = 'LLM'": 0,
    "span.name LIKE 'c%' AND span.status = 'ERROR'": 1,
    "span.status IN ('ERROR', 'UNSET')": 1,
    "span.status NOT IN ('ERROR', 'UNSET')": 0,
    "span.name RLIKE '^ch'": 1,
    "span.attributes.model LIKE '%gpt%'": 1,
    "span.attributes.model ILIKE '%GPT%'": 1,
    "span.attributes.model = 'x'": 0,
    "span.attributes.model RLIKE '^gpt'": 1,
    "span.attributes.model RLIKE '4$'": 1,
    "span.attributes.model RLIKE '^4'": 0,
    "trace.text LIKE '%größe%'": 1,
    "span.content ILIKE '%CHILD%'": 1,
    "span.name = 'root' AND timestamp > 1700000000000": 1,
    "span.name = 'root' AND timestamp > 1800000000000": 0,
    "tags.`service.name` = 'svc'": 1,
    "status = 'OK' AND execution_time = 1000": 1,
}


@pytest.mark.parametrize(("filter", "count"), FILTERS.items())
def test_searches_for_spans(sides, filter, count):
    sides.export(
        span(attributes={"mlflow.spanType": "LLM", "model": "gpt-4", "text": "größe"}),
        child(code=2, message="bad"),
        resource={"service.name": "svc"},
    )
    assert len(sides.search(filter)) == count


def test_searches_for_names_that_are_frequent_rare_or_long(sides):
    other, long = TRACES.next(), "ä" * 260
    often = [span("often", f"{number:016x}", ROOT) for number in range(0x1000, 0x1000 + 1_100)]
    rare = [span("rare", CHILD, ROOT), span(f"{long}x", GRANDCHILD, ROOT)]
    sides.export(span(), *often, *rare, span(trace=other), span("often", CHILD, ROOT, trace=other))
    counts = {"often": 2, "rare": 1, f"{long}x": 1, f"{long}y": 0, long: 0, "absent": 0}
    found = {name: len(sides.search(f"span.name = '{name}'")) for name in counts}
    assert found == counts
    assert len(sides.search("span.name = 'rare' AND span.name = 'often'")) == 0


def test_the_reference_reads_what_mlferry_wrote(pair, sides):
    """Both servers on one database: what the twin stores, the reference shows, and the other way round."""
    experiment = sides.words["reference"]["experiment"]
    headers = {"Content-Type": PROTOBUF, "x-mlflow-experiment-id": experiment}
    for writer in (pair.twin, pair.reference):
        trace = TRACES.next()
        sent = export(trace, span(attributes=VALUES), child(), resource={"service.name": "svc"})
        assert writer.server.request("POST", "/v1/traces", sent, headers).status == 200
        views = []
        for reader in (pair.reference, pair.twin):
            answer = reader.send(Call("GET", f"{V3}/get", query={"trace_id": f"tr-{trace}"}), {})
            assert answer.status == 200, answer.body
            views.append(answer.json())
        assert views[0] == views[1]
