"""The two pictures of README.md: `make test` takes them anew, in `target/pages/own/readme-*.png`."""

from __future__ import annotations

import json
import math
import random
from urllib.parse import urlencode

import pytest
from mlflow.entities import Metric, Param
from own_page import BEGIN_MS, PICTURES
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("own page")
STEPS = 120
RATES = {"baseline": 0.35, "wider": 0.6, "dropout": 0.45, "warm-up": 0.8}
MODEL = """
artifact_path: model
flavors:
  sklearn:
    sklearn_version: 1.7.0
    serialization_format: cloudpickle
signature:
  inputs: '[{"type": "double", "name": "alcohol", "required": true}, {"type": "double", "name": "pH"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
"""


@pytest.fixture
def trained(client) -> list[str]:
    """The ids of runs whose curves look like those of trainings."""
    experiment = client.create_experiment("wine quality")
    chance = random.Random(7)
    ids = []
    for number, (name, rate) in enumerate(RATES.items()):
        begin = BEGIN_MS + number * 600_000
        run = client.create_run(experiment, start_time=begin, run_name=name).info.run_id
        metrics = []
        for step in range(STEPS):
            left = math.exp(-rate * step / 15)
            at = begin + step * 4000
            metrics.append(Metric("train/loss", 0.2 + 1.3 * left + chance.gauss(0, 0.02), at, step))
            metrics.append(Metric("validation/loss", 0.3 + 1.2 * left + chance.gauss(0, 0.04), at, step))
            metrics.append(Metric("validation/accuracy", 0.93 - 0.6 * left + chance.gauss(0, 0.01), at, step))
        client.log_batch(run, metrics, [Param("lr", str(rate / 100)), Param("batch size", "64")])
        client.set_terminated(run, end_time=begin + STEPS * 4000)
        ids.append(run)
    client.log_text(ids[0], MODEL, "model/MLmodel")
    client.log_text(ids[0], "scikit-learn==1.7.0\n", "model/requirements.txt")
    client.log_text(ids[0], "x" * 48_000, "model/model.pkl")
    client.log_text(ids[0], "name,importance\nalcohol,0.31\nsulphates,0.22\n", "importances.csv")
    return ids


def test_runs_side_by_side_and_the_files_of_one(browser, client, trained):
    experiment = client.get_run(trained[0]).info.experiment_id
    runs = urlencode({"runs": json.dumps(trained)})
    browser.page.set_viewport_size({"width": 1280, "height": 640})
    browser.visit(f"/experiments/{experiment}/compare?{runs}")
    browser.see("baseline", "validation/accuracy")
    browser.settle()
    browser.keep(PICTURES / "readme-curves.png")
    browser.visit(f"/runs/{trained[0]}?tab=artifacts&path=model%2FMLmodel")
    expect(browser.page.get_by_role("region", name="Preview")).to_contain_text("alcohol")
    browser.settle()
    browser.keep(PICTURES / "readme-artifacts.png")
    browser.page.set_viewport_size({"width": 1440, "height": 1000})
