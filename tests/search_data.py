"""The runs, experiments and registered models that searches look through: with gaps, NaN, infinities, ties, quotes."""

from __future__ import annotations

import random
from collections.abc import Callable

TEXTS = [
    "x",
    "X",
    "y",
    "Y",
    "10",
    "9",
    "0.1",
    "0.01",
    "",
    " ",
    "it's",
    'say "hi"',
    "100%",
    "100%_x",
    "a_b",
    "a\\b",
    "größe",
    "GRÖSSE",
    "実験",
    "🚀",
    "é",
    "e\u0301",
    "a\nb",
    "tab\there",
    "`tick`",
    "NULL",
    "(1)",
    "a,b",
    "a;b",
    "--",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    "ß",
    "Ω",
    "ω",
]
NUMBERS = [
    0.0,
    -0.0,
    0.5,
    0.9,
    1.0,
    -1.0,
    2,
    10,
    1e-5,
    1e300,
    -1e300,
    5e-324,
    1.7976931348623157e308,
    "NaN",
    "Infinity",
    "-Infinity",
]
METRICS = ["acc", "loss", "f1-score", "val/loss", "größe", "a b", "m.x", "Acc"]
PARAMS = ["lr", "Model", "n", "a b", "größe", "opt.lr", "val/x", "lr2"]
TAGS = ["team", "has space", "mlflow.source.type", "s", "v1.2", "größe", "Team"]
DATASETS = ["ds1", "ds2", "DS1", "größe", "it's"]
DIGESTS = ["g1", "g2", "G1"]
CONTEXTS = ["train", "eval", "test", "größe", "it's", "TRAIN", None]
DATASET_FIELDS = [("name", DATASETS), ("digest", DIGESTS), ("context", [text for text in CONTEXTS if text])]
STATUSES = ["RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED"]
USERS = ["bob", "alice", "", "größe", "it's", "Bob"]
RUNS = 300
EXPERIMENTS = 40
MODELS = [f"{text} {number}".strip() for number, text in enumerate(TEXTS)]
SOURCES = ["s3://bucket/a", "s3://bucket/A", "s3://bucket/größe", "s3://bucket/it's", "gs://bucket/a_b"]
PROMPT_TAG = "mlflow.prompt.is_prompt"


def some(random_: random.Random, keys: list[str], values: list) -> list[dict]:
    """A few of the keys with values; the others are missing."""
    chosen = random_.sample(keys, random_.randint(0, len(keys)))
    return [{"key": key, "value": random_.choice(values)} for key in chosen]


def log_runs(api: Callable[..., dict], experiments: list[str]) -> list[str]:
    """Logs `RUNS` runs into some experiments and returns their ids. `api` sends a message and returns the answer."""
    random_ = random.Random(20)
    runs = []
    for number in range(RUNS):
        message = {
            "experiment_id": experiments[number % len(experiments)],
            "start_time": random_.choice([0, 5, 1000, 2000, 3000, 10**12 + number, 10**12 + number // 10]),
            "user_id": random_.choice(USERS),
            "tags": some(random_, TAGS, TEXTS),
        }
        if number % 3:
            message["run_name"] = random_.choice(TEXTS) or "x"
        run = api("runs/create", message)["run"]["info"]["run_id"]
        runs.append(run)
        metrics = some(random_, METRICS, NUMBERS)
        for metric in metrics:
            metric |= {"timestamp": random_.choice([0, 1, 2]), "step": random_.choice([-1, 0, 1])}
        metrics += [metric | {"value": random_.choice(NUMBERS)} for metric in metrics[:2]]
        params = some(random_, PARAMS, TEXTS)
        api("runs/log-batch", {"run_id": run, "metrics": metrics, "params": params})
        if datasets := [dataset(random_) for _ in range(random_.choice([0, 0, 1, 1, 2, 3]))]:
            api("runs/log-inputs", {"run_id": run, "datasets": datasets})
        if number % 2:
            update = {"run_id": run, "status": random_.choice(STATUSES)}
            if number % 4 == 1:
                update["end_time"] = random_.choice([0, 7, 2500, 10**12 + number])
            api("runs/update", update)
        if number % 11 == 0:
            api("runs/delete", {"run_id": run})
    return runs


def dataset(random_: random.Random) -> dict:
    context = random_.choice(CONTEXTS)
    fields = {
        "name": random_.choice(DATASETS),
        "digest": random_.choice(DIGESTS),
    }
    tags = [] if context is None else [{"key": "mlflow.data.context", "value": context}]
    return {"dataset": fields | {"source_type": "local", "source": "s"}, "tags": tags}


def log_experiments(api: Callable[..., dict]) -> list[str]:
    random_ = random.Random(21)
    experiments = []
    for number in range(EXPERIMENTS):
        name = f"{random_.choice(TEXTS)} {number} {random_.choice(TEXTS)}"
        created = api("experiments/create", {"name": name, "tags": some(random_, TAGS, TEXTS)})["experiment_id"]
        experiments.append(created)
        if number % 7 == 0:
            api("experiments/delete", {"experiment_id": created})
        elif number % 5 == 0:
            api("experiments/update", {"experiment_id": created, "new_name": f"{name} renamed"})
    return experiments


def log_models(api: Callable[..., dict]) -> None:
    """Registers `MODELS`, every fifth as a prompt, with some versions each."""
    random_ = random.Random(22)
    for number, name in enumerate(MODELS):
        prompt = [{"key": PROMPT_TAG, "value": "true"}] if number % 5 == 0 else []
        if number % 7 == 1:
            prompt = [{"key": PROMPT_TAG, "value": random_.choice(["false", "True", "no"])}]
        api("registered-models/create", {"name": name, "tags": some(random_, TAGS, TEXTS) + prompt})
        for version in range(1, random_.randint(1, 8)):
            source = "dummy-source" if number % 5 == 0 else random_.choice(SOURCES)
            tags = some(random_, TAGS, TEXTS) + (prompt if number % 5 == 0 else [])
            message = {"name": name, "source": source, "run_id": random_.choice(["r1", "R1", "r2", ""]), "tags": tags}
            api("model-versions/create", message)
            which = {"name": name, "version": str(version)}
            if random_.random() < 0.3:
                stage = random_.choice(["Staging", "Production", "Archived"])
                api("model-versions/transition-stage", which | {"stage": stage})
            if random_.random() < 0.2:
                api("model-versions/delete", which, "DELETE")
            elif random_.random() < 0.3:
                api("registered-models/alias", which | {"alias": random_.choice(["champion", "a-b"])})
