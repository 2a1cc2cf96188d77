"""A receiver of webhooks on this machine, which keeps what it is sent and answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Lets a server reach receivers of this machine, without TLS.
REACHABLE = {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https"}

# All events that there are.
EVERY = [
    {"entity": entity, "action": action}
    for entity, actions in {
        "REGISTERED_MODEL": ["CREATED"],
        "MODEL_VERSION": ["CREATED"],
        "MODEL_VERSION_TAG": ["SET", "DELETED"],
        "MODEL_VERSION_ALIAS": ["CREATED", "DELETED"],
        "PROMPT": ["CREATED"],
        "PROMPT_VERSION": ["CREATED"],
        "PROMPT_TAG": ["SET", "DELETED"],
        "PROMPT_VERSION_TAG": ["SET", "DELETED"],
        "PROMPT_ALIAS": ["CREATED", "DELETED"],
        "BUDGET_POLICY": ["EXCEEDED"],
    }.items()
    for action in actions
]


@dataclass(frozen=True)
class Message:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["x-mlflow-delivery-id"]

    def json(self) -> dict:
        return json.loads(self.body)

    def signature(self, secret: str) -> str:
        """The signature that the headers should have."""
        signed = f"{self.id}.{self.headers['x-mlflow-timestamp']}.{self.body.decode()}"
        digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"


class Receiver:
    """`plan` maps a path to the answers that it gives, each a status, or a status with headers; the last one stays.
    A path that is called `/hangs` gives none."""

    def __init__(self, plan: dict[str, list] | None = None, host: str = "127.0.0.1"):
        self.host = host
        self.plan = {path: list(answers) for path, answers in (plan or {}).items()}
        self.messages: list[Message] = []
        self.end = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.messages.append(Message(self.command, self.path, headers, body, time.monotonic()))
                if self.path == "/hangs":
                    receiver.end.wait(60)
                    return
                status, more = receiver.next_answer(self.path)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"told")

            do_GET = do_POST = answer

            def log_message(self, *_) -> None:
                pass

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next_answer(self, path: str) -> tuple[int, dict[str, str]]:
        answers = self.plan.get(path) or [200]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer if isinstance(answer, tuple) else (answer, {})

    @property
    def port(self) -> int:
        return self.server.server_port

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}:{self.port}{path}"

    def at(self, path: str) -> list[Message]:
        return [message for message in self.messages if message.path == path]

    def wait(self, path: str, count: int = 1, seconds: float = 15.0) -> list[Message]:
        """The messages to a path, when there are so many."""
        deadline = time.monotonic() + seconds
        while len(self.at(path)) < count:
            assert time.monotonic() < deadline, f"{len(self.at(path))} messages to {path}, not {count}"
            time.sleep(0.01)
        return self.at(path)

    def close(self) -> None:
        self.end.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_) -> None:
        self.close()
