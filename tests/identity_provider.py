"""A real OpenID Connect provider on this machine, and somebody in front of a browser who signs on with it."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import urljoin

import requests

from accounts import environment
from harness import SCRIPTS, Server, clean_environment, wait_until
from ports import free_port
from stores.base import tool

HTML = {"Accept": "text/html,application/xhtml+xml"}
SECRET = "a secret: of mlferry"


class IdentityProvider:
    """The npm package `oidc-provider`, whose keys are new each time it starts."""

    def __init__(self, folder: Path, prefix: str = "", **people: dict):
        self.prefix = prefix
        self.port, self.server_port = free_port(), free_port()
        self.people = folder / "people.json"
        self.log = folder / "provider.log"
        self.say(**people)
        self.process: subprocess.Popen | None = None

    def say(self, **people: dict) -> None:
        """What is said of people from now on."""
        self.people.write_text(json.dumps(people))

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def redirect_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.prefix}/oidc/callback"

    def options(self, *more: str, client: str = "mlferry") -> tuple[str, ...]:
        """The flags of a server whose users sign on here."""
        known = ("--app-name", "basic-auth", "--oidc-issuer", self.issuer, "--oidc-client-id", client)
        return (*known, "--oidc-redirect-url", self.redirect_url, *more)

    def token(self, alg: str = "RS256", audience: str = "mlferry") -> str:
        """A token of the program `robot`, signed in one of the ways there are."""
        form = {"grant_type": "client_credentials", "resource": f"http://resource/{audience}/{alg}"}
        answer = requests.post(f"{self.issuer}/token", data=form, auth=("robot", "secret"), timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def start(self) -> None:
        script = str(SCRIPTS / "identity_provider.mjs")
        package = str(tool("oidc-provider/node_modules").parent)
        line = ["node", script, package, str(self.port), str(self.people), self.redirect_url]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(line, stdout=log, stderr=subprocess.STDOUT, env=clean_environment())
        wait_until(self._is_up, 30, "the identity provider does not start")

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/jwks")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)

    def __enter__(self) -> IdentityProvider:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.stop()


def serve(
    provider: IdentityProvider,
    folder: Path,
    *options: str,
    client: str = "mlferry",
    users: dict[str, str] | None = None,
    **more: object,
) -> Server:
    """A server whose users sign on with the provider, as this client of it; `users` says where they are."""
    variables = users or environment(folder)
    if client == "mlferry":
        secret = folder / "client_secret"
        secret.write_text(f"{SECRET}\n")
        variables["MLFERRY_OIDC_CLIENT_SECRET_FILE"] = str(secret)
    flags = provider.options(*options, client=client)
    return Server(*flags, root=folder, port=provider.server_port, environment=variables, **more)


class Visitor(requests.Session):
    """What a browser does on the way to the page and back, step by step."""

    def __init__(self, server: Server):
        super().__init__()
        self.base = f"http://127.0.0.1:{server.port}"

    def step(self, method: str, url: str, **options) -> requests.Response:
        headers = options.pop("headers", HTML)
        return self.request(
            method, urljoin(self.base, url), headers=headers, allow_redirects=False, timeout=30, **options
        )

    def follow(self, answer: requests.Response, until: str | None = None) -> requests.Response:
        """Goes where it is sent; no further than an address that contains `until`."""
        while answer.is_redirect:
            location = urljoin(answer.url, answer.headers["location"])
            if until and until in location:
                break
            answer = self.step("GET", location)
        return answer

    def sign_on(self, name: str, to: str = "/", until: str | None = None) -> requests.Response:
        """Signs on by a name, and consents."""
        answer = self.follow(self.step("GET", to))
        for form in ({"prompt": "login", "login": name, "password": "any"}, {"prompt": "consent"}):
            [action] = re.findall(r'<form[^>]* action="([^"]+)" method="post"', answer.text)
            answer = self.follow(self.step("POST", urljoin(answer.url, action), data=form), until)
        return answer

    def caller(self) -> requests.Response:
        """Who the page says it is."""
        return self.step("GET", "/ajax-api/3.0/mlferry/caller", headers={"Sec-Fetch-Site": "same-origin"})
