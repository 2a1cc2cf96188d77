"""A client that only wants to log its metrics: `neighbour.py PORT RUN`, until its standard input ends.

Prints how long each of its calls took, in milliseconds, and the statuses that were not 200. It is a process of its own,
so that what else a test does slows it down no more than it would slow down any other client.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time

PAUSE_SECONDS = 0.005


def main() -> None:
    port, run = int(sys.argv[1]), sys.argv[2]
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    milliseconds: list[float] = []
    refused: list[int] = []
    step = 0
    while not over.is_set():
        step += 1
        point = {"run_id": run, "key": "loss", "value": step, "timestamp": step, "step": step}
        for method, target, body in (
            ("POST", "/api/2.0/mlflow/runs/log-metric", json.dumps(point)),
            ("GET", f"/api/2.0/mlflow/runs/get?run_id={run}", None),
        ):
            begun = time.perf_counter()
            connection.request(method, target, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            milliseconds.append((time.perf_counter() - begun) * 1000)
            if answer.status != 200:
                refused.append(answer.status)
        time.sleep(PAUSE_SECONDS)
    print(json.dumps({"milliseconds": milliseconds, "refused": refused, "logged": step}))


if __name__ == "__main__":
    main()
