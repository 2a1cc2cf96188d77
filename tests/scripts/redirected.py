"""Webhooks whose receiver has a public address and leads elsewhere. Prints what became of them as one JSON object.

Runs in a network of its own, in which this machine has the address `PUBLIC`: the reference and mlferry are started
there, and told of the same webhooks.
"""

import json
import sys
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent

from harness import Server, wait_until
from receiver import Receiver
from reference import Reference

PUBLIC = "8.8.8.8"
GUARDED = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https", "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0"}


def plan(own: str, inner: Receiver) -> dict:
    port = inner.port
    targets = {
        "/public": f"{own}/good",
        "/loopback": inner.url("/loopback"),
        "/name": f"http://localhost:{port}/name",
        "/number": f"http://2130706433:{port}/number",
        "/mapped": f"http://[::ffff:127.0.0.1]:{port}/mapped",
        "/metadata": f"http://169.254.169.254:{port}/metadata",
        "/relative": f"//127.0.0.1:{port}/relative",
        "/chain": f"{own}/loopback",
    }
    answers = {path: [(302, {"Location": target})] for path, target in targets.items()}
    # This one would repeat the message itself.
    return answers | {"/kept": [(307, {"Location": inner.url("/kept")})], "/good": [200]}


def told(url: str, outer: Receiver, paths: list[str], inner: Receiver) -> dict:
    """Which tests reached a receiver, and what the inner one heard of them and of a message."""
    client = MlflowClient(url)
    events = [WebhookEvent.from_str("registered_model.created")]
    made = {path: client.create_webhook(name="hook", url=outer.url(path), events=events) for path in paths}
    tests = {path: client.test_webhook(webhook.webhook_id).success for path, webhook in made.items()}
    before = {path: len(outer.at(path)) for path in paths}
    client.create_registered_model("model")
    for path in paths:
        wait_until(lambda path=path: len(outer.at(path)) > before[path], 30, f"no message to {path}")
    return {"tests": tests, "heard": [message.path for message in inner.messages]}


def main() -> None:
    folder = Path(sys.argv[1])
    with Receiver() as inner, Receiver(host=PUBLIC) as outer:
        outer.plan = plan(outer.url(""), inner)
        paths = list(outer.plan)
        (folder / "reference").mkdir()
        reference = Reference(
            folder / "reference", "--backend-store-uri", f"sqlite:///{folder / 'reference.db'}", environment=GUARDED
        )
        try:
            reference.wait()
            theirs = told(reference.url, outer, paths, inner)
        finally:
            reference.stop()
        with Server(environment=GUARDED) as server:
            ours = told(server.url, outer, paths, inner)
            failed = 'mlferry_webhook_deliveries_total{outcome="failed"} 8'
            wait_until(lambda: failed in server.get("/metrics").body.decode(), 20, "they are not given up")
    print(json.dumps({"reference": theirs, "mlferry": ours, "late": [message.path for message in inner.messages]}))


if __name__ == "__main__":
    main()
