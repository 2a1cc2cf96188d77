"""Servers with users: `--app-name basic-auth`, and requests in the name of one of them."""

from __future__ import annotations

import base64
import json
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from harness import Answer, Server

ADMIN, PASSWORD = "admin", "the first password"
USERS = "/api/2.0/mlflow/users"
ROLES = "/api/3.0/mlflow/roles"
PERMISSIONS = "/api/3.0/mlflow/users/permissions"


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    """The header that says who sends a request."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def environment(folder: Path, default_permission: str = "NO_PERMISSIONS", **keys: object) -> dict[str, str]:
    """The variables of a server whose users are in a folder; `keys` are further ones of `basic_auth.ini`."""
    ini = folder / "basic_auth.ini"
    uri = f"sqlite:///{folder}/basic_auth.db"
    # The reference needs a name for its first user.
    keys = {"default_permission": default_permission, "database_uri": uri, "admin_username": ADMIN, **keys}
    ini.write_text("[mlflow]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    return {"MLFLOW_AUTH_CONFIG_PATH": str(ini), "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}


def send(server, name: str | None, method: str, target: str, message=None, /, **query) -> Answer:
    """A request of one user, or of nobody; `message` is a JSON body."""
    if query:
        target += "?" + urllib.parse.urlencode(query, doseq=True)
    headers = basic(name) if name else {}
    if message is None:
        return server.request(method, target, headers=headers)
    return server.request(method, target, json.dumps(message), headers | {"Content-Type": "application/json"})


@dataclass
class Accounts:
    """A server, and what its operator does with users; all of them have the same password."""

    server: Server

    def send(self, name: str | None, method: str, target: str, message=None, /, **query) -> Answer:
        return send(self.server, name, method, target, message, **query)

    def must(self, name: str, method: str, target: str, message=None, /, **query) -> dict:
        """The same, where an error is none that a test looks for."""
        answer = self.send(name, method, target, message, **query)
        assert answer.status == 200, f"{name} {method} {target} {message} → {answer.status} {answer.body[:500]!r}"
        return answer.json()

    def add(self, *names: str) -> None:
        for name in names:
            self.must(ADMIN, "POST", f"{USERS}/create", {"username": name, "password": PASSWORD})

    def grant(self, name: str, kind: str, id: str, permission: str) -> None:
        message = {"username": name, "resource_type": kind, "resource_id": id, "permission": permission}
        self.must(ADMIN, "POST", f"{PERMISSIONS}/grant", message)
