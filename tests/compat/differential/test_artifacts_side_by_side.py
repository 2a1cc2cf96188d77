"""Artifacts of runs and of the destination, beside the reference. The bytes' own rules are in test_artifacts.py."""

from __future__ import annotations

import pytest

from pairs import FAILS, Call, case, get, post

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def put(path: str, body: str = "hello") -> Call:
    return Call("PUT", f"{PROXY}/{path}", raw=body, headers={"Content-Type": "application/octet-stream"})


def listing(**query) -> Call:
    return get("artifacts/list", **({"run_id": "$run"} | query))


def upload(name: str, body: str = "hello", /, **query) -> Call:
    query = {"run_uuid": "$run", "path": name} | query
    return Call(
        "POST", "/ajax-api/2.0/mlflow/upload-artifact", query=query, raw=body, headers={"Content-Type": "text/plain"}
    )


FILES = (put("0/$run/artifacts/a.txt"), put("0/$run/artifacts/d/e.txt", "x"), put("0/$run/artifacts/d/f/g.bin", ""))
RUN_LISTS = [
    case("list", *FILES, listing()),
    case("list a folder", *FILES, listing(path="d")),
    case("list a folder with a slash", *FILES, listing(path="d/")),
    case("list a file", *FILES, listing(path="a.txt")),
    case("list what is not there", *FILES, listing(path="none")),
    case("list by run_uuid", *FILES, get("artifacts/list", run_uuid="$run")),
    case("list nothing", listing()),
    case("list of a deleted run", get("artifacts/list", run_id="$deleted_run")),
    case("list an empty path", *FILES, listing(path="")),
    case("list without run", get("artifacts/list")),
    case("list of an unknown run", get("artifacts/list", run_id="nope")),
    *(
        case(f"list {path!r}", listing(path=path).in_other_words())
        for path in ("..", "../x", "/etc", "a/../../b", "%2e%2e")
    ),
]
READ = [
    case("get", *FILES, get("/get-artifact", run_id="$run", path="a.txt")),
    case("get by run_uuid", *FILES, get("/get-artifact", run_uuid="$run", path="d/e.txt")),
    case("get what is not there", get("/get-artifact", run_id="$run", path="none").in_other_words()),
    case("get of an unknown run", get("/get-artifact", run_id="nope", path="a")),
    case("get without path", get("/get-artifact", run_id="$run").in_other_words()),
    case("get below the root", get("/get-artifact", run_id="$run", path="../x").in_other_words()),
    case("upload", upload("u.txt"), listing(), get("/get-artifact", run_id="$run", path="u.txt")),
    case("upload into a folder", upload("d/u.txt"), listing(path="d")),
    case("upload without path", upload("")),
    case("upload without run", upload("x", run_uuid="")),
    case("upload of an unknown run", upload("x", run_uuid="nope")),
    case("upload nothing", upload("x", "")),
    case("upload to a folder", upload("x/").differs(FAILS)),
    case("upload below the root", upload("../x").in_other_words()),
]
DESTINATION = [
    case("put and get", put("side/$run/x.txt"), get(f"{PROXY}/side/$run/x.txt")),
    case("get what is not there", get(f"{PROXY}/side/$run/none").in_other_words()),
    case(
        "list",
        put("side/$run/x.txt"),
        put("side/$run/d/y"),
        get(PROXY, path="side/$run"),
        get(PROXY, path="side/$run/d"),
    ),
    case("list what is not there", get(PROXY, path="side/none")),
    case("list a file", put("side/$run/x.txt"), get(PROXY, path="side/$run/x.txt")),
    case("list by twin", put("side/$run/x.txt"), get("/ajax-api/2.0/mlflow-artifacts/artifacts", path="side/$run")),
    case("delete", put("side/$run/x.txt"), Call("DELETE", f"{PROXY}/side/$run/x.txt"), get(PROXY, path="side/$run")),
    case(
        "delete a folder",
        put("side/$run/d/x.txt"),
        Call("DELETE", f"{PROXY}/side/$run/d"),
        get(PROXY, path="side/$run"),
    ),
    case("delete what is not there", Call("DELETE", f"{PROXY}/side/none").in_other_words()),
    case("list outside", get(PROXY, path="../x").in_other_words()),
    case(
        "multipart create",
        Call("POST", "/api/2.0/mlflow-artifacts/mpu/create/x", {"path": "x", "num_parts": 2}).in_other_words(),
    ),
    case(
        "multipart complete",
        Call(
            "POST", "/api/2.0/mlflow-artifacts/mpu/complete/x", {"path": "x", "upload_id": "u", "parts": []}
        ).in_other_words(),
    ),
    case(
        "multipart abort",
        Call("POST", "/api/2.0/mlflow-artifacts/mpu/abort/x", {"path": "x", "upload_id": "u"}).in_other_words(),
    ),
    case("presigned", get("/api/2.0/mlflow-artifacts/presigned/x").in_other_words()),
    case(
        "presigned download of a run",
        post("artifacts/presigned-download-url", run_id="$run", path="a").in_other_words(),
    ),
    case("presigned upload of a run", post("artifacts/presigned-upload-url", run_id="$run", path="a").in_other_words()),
]


@pytest.mark.parametrize("tried", [*RUN_LISTS, *READ, *DESTINATION], ids=str)
def test_artifacts(pair, tried):
    pair.run(tried)
