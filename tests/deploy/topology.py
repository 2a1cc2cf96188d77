"""The services of deploy/compose.yaml as processes: their commands and environment files are read, and only names of
hosts, ports and folders are replaced."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import boto3
import dotenv
import yaml

from harness import REPOSITORY, Server, clean_environment
from ports import free_port
from postgres import Cluster, execute
from stores.base import ProcessStore, tool

DEPLOY = REPOSITORY / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
# The store that runs here: of the three in the file, the one that a registry of this machine has.
STORE = "garage"


def services(store: str = STORE) -> dict:
    """The services of the file, with `${STORE}` filled in."""
    text = COMPOSE.read_text().replace("${STORE:-rustfs}", store)
    return yaml.safe_load(text)["services"]


def environment_files(service: dict) -> list[str]:
    given = service.get("env_file", [])
    return [given] if isinstance(given, str) else given


def environment(service: dict) -> dict[str, str]:
    """What its environment files say, the later ones last, as compose reads them."""
    return {
        name: value
        for file in environment_files(service)
        for name, value in dotenv.dotenv_values(DEPLOY / file).items()
    }


def outside_environment(**extra: str) -> dict[str, str]:
    """An environment without the variables of any store, whoever runs the tests."""
    return {
        name: value for name, value in clean_environment(**extra).items() if not name.startswith(("AWS_", "GARAGE_"))
    }


class ComposeGarage(ProcessStore):
    """Garage as its service runs it, with deploy/garage.toml."""

    name = "garage"

    def command(self) -> list:
        text = (DEPLOY / "garage.toml").read_text()
        for there, here in (
            ("/var/lib/garage", str(self.root)),
            ("0.0.0.0:9000", f"127.0.0.1:{self.port}"),
            ("0.0.0.0:3901", f"127.0.0.1:{(rpc := free_port())}"),
            ("127.0.0.1:3901", f"127.0.0.1:{rpc}"),
        ):
            assert there in text, there
            text = text.replace(there, here)
        (self.root / "garage.toml").write_text(text)
        [_, *arguments] = services()["garage"]["command"]
        return [*self.program, *arguments]

    @property
    def program(self) -> list:
        return [tool("garage/bin/garage"), "-c", self.root / "garage.toml"]

    def environment(self) -> dict[str, str]:
        return environment(services()["garage"])

    def is_ready(self) -> bool:
        self.client.head_bucket(Bucket=self.bucket)
        return True

    @property
    def bucket(self) -> str:
        return self.environment()["GARAGE_DEFAULT_BUCKET"]

    @property
    def client(self):
        """A client with the credentials of the artifact server."""
        given = environment(services()["artifacts-server"])
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=given["AWS_REGION"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        )

    def objects(self) -> dict[str, bytes]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key: self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}


class Topology:
    """The running services."""

    def __init__(self) -> None:
        self.store = ComposeGarage()
        self.database = Cluster()
        # "name:port" inside compose → "127.0.0.1:port" here.
        self.places: dict[str, str] = {}
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Topology:
        try:
            self._running.enter_context(self.store)
            self._running.enter_context(self.database)
            self._make_database()
            self.places["store:9000"] = f"127.0.0.1:{self.store.port}"
            self.places["postgres:5432"] = f"127.0.0.1:{self.database.port}"
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._running.close()

    def _make_database(self) -> None:
        """What the image of PostgreSQL does with its variables."""
        given = environment(services()["postgres"])
        root = self.database.uri("postgres")
        user, database = given["POSTGRES_USER"], given["POSTGRES_DB"]
        execute(root, f"create role {user} login password '{given['POSTGRES_PASSWORD']}'")
        execute(root, f"create database {database} owner {user}")

    def here(self, text: str, places: dict[str, str] | None = None) -> str:
        for there, here in (places or self.places).items():
            text = text.replace(there, here)
        return text

    def start(
        self,
        *of: str,
        name: str | None = None,
        command: list[str] | None = None,
        places: dict[str, str] | None = None,
        **options,
    ) -> Server:
        """Starts a server of mlferry with a service's command and environment, or those of several services, of which
        the first counts most. Others reach it as `name`."""
        given: dict[str, str] = {}
        for service in of:
            given = environment(services()[service]) | given
        [word, *arguments] = [self.here(word, places) for word in command or services()[of[0]]["command"]]
        settings = {key: self.here(value, places) for key, value in given.items()}
        server = Server(*arguments, command=word, environment=settings, **options)
        self._running.enter_context(server)
        if name:
            self.places[f"{name}:{given['MLFLOW_PORT']}"] = f"127.0.0.1:{server.port}"
        return server

    def client_environment(self) -> dict[str, str]:
        return {name: self.here(value) for name, value in environment(services()["client"]).items()}

    def rows(self, statement: str) -> list[tuple]:
        given = environment(services()["tracking-server"])
        return execute(self.here(given["MLFLOW_BACKEND_STORE_URI"]), statement)


def deploy_tool(name: str) -> Path:
    """A program of .venv-deploy, which `make deploy-tools` makes."""
    folder = Path(os.environ.get("MLFERRY_DEPLOY_TOOLS", REPOSITORY / ".venv-deploy" / "bin"))
    return folder / name
