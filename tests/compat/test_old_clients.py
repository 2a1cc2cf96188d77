"""The quick start and a plain training script, through clients of 2022 and 2025 in environments of their own."""

from __future__ import annotations

import json

import pytest
from test_quick_start import HTTP_ROOT, QUICK_START, check_quick_start

from harness import run_script, skinny_python, tree

VERSIONS = {1: "1.30.1", 2: "2.22.5"}
GENERATIONS = pytest.mark.parametrize("generation", VERSIONS, ids=VERSIONS.values())
ROOTS = pytest.mark.parametrize("root", ["default", "http"])


def root_arguments(root: str) -> list[str]:
    return ["--default-artifact-root", HTTP_ROOT] if root == "http" else []


@GENERATIONS
@ROOTS
def test_the_quick_start_works_with_an_old_client(own_server, tmp_path, generation, root):
    server = own_server(*QUICK_START, *root_arguments(root))
    environment = {"MLFLOW_TRACKING_URI": server.url}
    printed = run_script("quick_start.py", cwd=tmp_path, python=skinny_python(generation), environment=environment)
    folder, uri = "", "mlflow-artifacts:"
    if root == "http":
        folder, uri = "experiments", f"{server.url}/api/2.0/mlflow-artifacts/artifacts/experiments"
    result = check_quick_start(server, printed, folder, uri)
    assert result["version"] == VERSIONS[generation]


@GENERATIONS
@ROOTS
def test_a_training_script_works_with_an_old_client(own_server, tmp_path, generation, root):
    server = own_server(*root_arguments(root))
    environment = {"MLFLOW_TRACKING_URI": server.url}
    python = skinny_python(generation)
    printed = run_script("old_client.py", "an experiment", cwd=tmp_path, python=python, environment=environment)
    result = json.loads(printed.strip().splitlines()[-1])
    run_id, experiment = result.pop("run_id"), result.pop("experiment_id")
    assert result == {
        "version": VERSIONS[generation],
        "status": "FINISHED",
        "params": {"depth": "3", "rate": "0.1", "name": "größe"},
        "metrics": {"loss": 1 / 3, "accuracy": 0.5, "recall": 0.25},
        "tags": {"team": "blue", "stage": "trial", "note": "a b"},
        "history": [[0, 1.0], [1, 0.5], [2, 1 / 3]],
        "deleted": "deleted",
        "restored": "active",
        "root": [["d", True], ["files", True], ["notes", True]],
        "files": [["files/big.bin", 3000000], ["files/empty.bin", 0]],
        "text": "hello",
        "big": 3000000,
        "found": [run_id],
    }
    base = f"experiments/{experiment}" if root == "http" else experiment
    names = ["d/x.json", "files/big.bin", "files/empty.bin", "notes/a b+c.txt"]
    assert sorted(tree(server.artifacts)) == [f"{base}/{run_id}/artifacts/{name}" for name in names]
