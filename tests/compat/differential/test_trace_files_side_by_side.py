"""Files that are attached to traces: which paths both servers follow, on both databases."""

from __future__ import annotations

import pytest

from pairs import Call, case, refused

LOCATION = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$experiment"}}
INFO = {"trace_id": "$trace", "trace_location": LOCATION, "request_time": "2023-11-14T22:13:20Z", "state": "OK"}
START = Call("POST", "/api/3.0/mlflow/traces", {"trace": {"trace_info": INFO}})
ATTACHED = "/api/2.0/mlflow-artifacts/artifacts/$experiment/traces/$trace/artifacts"
UUID = "0b1c2d3e-4f50-4a6b-8c7d-8e9f0a1b2c3d"
ENCODED = refused("attachments of traces under names that are encoded twice")


def put(path: str) -> Call:
    return Call("PUT", f"{ATTACHED}/{path}", raw="hello", headers={"Content-Type": "application/octet-stream"})


def ask(path: str, version: str = "3.0") -> Call:
    target = f"/ajax-api/{version}/mlflow/get-trace-artifact"
    return Call("GET", target, query={"request_id": "$trace", "path": path})


# A file beside the attachments, and one of another kind.
FILES = [START, put(f"attachments/{UUID}"), put("secret.txt")]
OUTSIDE = [
    "../secret.txt", f"../attachments/{UUID}", "..", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt",
    "..%2fsecret.txt", "%252e%252e/secret.txt", "..\\secret.txt", "x/../../secret.txt",
    "/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "file:///etc/passwd", "C:\\x", "\\etc\\passwd", "~/x",
    f"{UUID}/../../secret.txt", f"{UUID}/x", f"a/{UUID}", f"{UUID}#x", f"{UUID}?x",
    "secret.txt", UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}",
]  # fmt: skip
# Refused in the words of all paths.
NOT_NORMAL = ["%2e%2e%5csecret.txt", f"%7b{UUID}%7d", ".", f"./{UUID}", f"{UUID}/", "a\0b"]
ASKED = [
    case("an attachment", *FILES, ask(UUID), ask(UUID, "2.0")),
    case("one that is not there", START, ask(UUID)),
    case("an empty path", START, ask("")),
    case("of no trace", Call("GET", "/ajax-api/3.0/mlflow/get-trace-artifact",
                             query={"request_id": "nope", "path": UUID})),
    case("an attachment under a name that is encoded twice", *FILES, ask(UUID.replace("-", "%2d")).differs(ENCODED)),
    *(case(f"outside: {path!r}", *FILES, ask(path)) for path in OUTSIDE),
    *(case(f"not normal: {path!r}", *FILES, ask(path).in_other_words()) for path in NOT_NORMAL),
]  # fmt: skip


@pytest.mark.parametrize("tried", ASKED, ids=str)
def test_attachments(pair, tried):
    pair.run(tried)
