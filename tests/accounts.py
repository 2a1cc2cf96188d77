"""Servers with users: `--app-name basic-auth`, and requests in the name of one of them."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from harness import Answer, Server, binary, clean_environment

ADMIN, PASSWORD = "admin", "the first password"
USERS = "/api/2.0/mlflow/users"
ROLES = "/api/3.0/mlflow/roles"
PERMISSIONS = "/api/3.0/mlflow/users/permissions"
TOKENS = "/api/3.0/mlferry/tokens"


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    """The header that says who sends a request."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(secret: str) -> dict[str, str]:
    """The same, by a token."""
    return {"Authorization": f"Bearer {secret}"}


def headers_of(who: str | dict[str, str] | None) -> dict[str, str]:
    """The headers of a user, who has the password of all of them; of somebody who says it by headers; or of nobody."""
    return basic(who) if isinstance(who, str) else who or {}


def environment(folder: Path, default_permission: str = "NO_PERMISSIONS", **keys: object) -> dict[str, str]:
    """The variables of a server whose users are in a folder; `keys` are further ones of `basic_auth.ini`."""
    ini = folder / "basic_auth.ini"
    uri = f"sqlite:///{folder}/basic_auth.db"
    # The reference needs a name for its first user.
    keys = {"default_permission": default_permission, "database_uri": uri, "admin_username": ADMIN, **keys}
    ini.write_text("[mlflow]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    return {"MLFLOW_AUTH_CONFIG_PATH": str(ini), "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}


def environment_of(folder: Path, uri: str) -> dict[str, str]:
    """The same, where users are in a database."""
    return environment(folder, database_uri=uri.replace("%", "%%"))


def command(folder: Path, *arguments: str, stdin: str = "", code: int = 0) -> str:
    """What `mlferry users` or `tokens` says of the users in a folder."""
    done = subprocess.run(
        [binary(), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean_environment(MLFLOW_AUTH_CONFIG_PATH=str(folder / "basic_auth.ini")),
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def send(server, who: str | dict[str, str] | None, method: str, target: str, message=None, /, **query) -> Answer:
    """A request of somebody, or of nobody; `message` is a JSON body."""
    if query:
        target += "?" + urllib.parse.urlencode(query, doseq=True)
    headers = headers_of(who)
    if message is None:
        return server.request(method, target, headers=headers)
    return server.request(method, target, json.dumps(message), headers | {"Content-Type": "application/json"})


@dataclass
class Accounts:
    """A server, and what its operator does with users; all of them have the same password."""

    server: Server

    def send(self, who: str | dict[str, str] | None, method: str, target: str, message=None, /, **query) -> Answer:
        return send(self.server, who, method, target, message, **query)

    def must(self, who: str | dict[str, str], method: str, target: str, message=None, /, **query) -> dict:
        """The same, where an error is none that a test looks for."""
        answer = self.send(who, method, target, message, **query)
        assert answer.status == 200, f"{who} {method} {target} {message} → {answer.status} {answer.body[:500]!r}"
        return answer.json()

    def add(self, *names: str) -> None:
        for name in names:
            self.must(ADMIN, "POST", f"{USERS}/create", {"username": name, "password": PASSWORD})

    def grant(self, name: str, kind: str, id: str, permission: str) -> None:
        message = {"username": name, "resource_type": kind, "resource_id": id, "permission": permission}
        self.must(ADMIN, "POST", f"{PERMISSIONS}/grant", message)

    def secret(self, user: str, scope: str, **terms: object) -> str:
        """What a client sends of a new token."""
        return self.must(user, "POST", f"{TOKENS}/create", {"name": "t", "scope": scope, **terms})["secret"]

    def token(self, user: str, scope: str, **terms: object) -> dict[str, str]:
        """The header of a new token."""
        return bearer(self.secret(user, scope, **terms))
