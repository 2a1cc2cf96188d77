"""Logs metrics with the stock client, as a training loop does, and prints how long the logging alone took.

Whatever the way, all values are at the server when the clock stops.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import mlflow
from mlflow.entities import Metric

# Of a batch: as many as a loop gathers between two lines of its own.
BATCH = 100


def main() -> None:
    arguments = parse()
    mlflow.set_tracking_uri(arguments.uri)
    mlflow.set_experiment("training")
    ways: dict[str, Callable[[str, int], None]] = {
        "synchronous": log_synchronously,
        "asynchronous": log_asynchronously,
        "batches": log_batches,
    }
    answer = {}
    for name, log in ways.items():
        with mlflow.start_run() as run:
            # What loads modules and connects comes before the clock.
            mlflow.log_metric("first", 0.0)
            begin = time.monotonic()
            log(run.info.run_id, arguments.count)
            answer[name] = {"seconds": time.monotonic() - begin, "run": run.info.run_id}
    print(json.dumps(answer))


def log_synchronously(_: str, count: int) -> None:
    for step in range(count):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)


def log_asynchronously(_: str, count: int) -> None:
    for step in range(count):
        mlflow.log_metric("loss", 1 / (step + 1), step=step, synchronous=False)
    mlflow.flush_async_logging()


def log_batches(run: str, count: int) -> None:
    client = mlflow.MlflowClient()
    for first in range(0, count, BATCH):
        now = int(time.time() * 1000)
        steps = range(first, min(first + BATCH, count))
        client.log_batch(run, metrics=[Metric("loss", 1 / (step + 1), now, step) for step in steps])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("uri", help="of the server")
    parser.add_argument("count", type=int, help="metrics to log in each way")
    return parser.parse_args()


if __name__ == "__main__":
    main()
