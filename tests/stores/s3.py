"""S3: Garage, a store that people run."""

from __future__ import annotations

import secrets
import socket
import subprocess
import uuid

import boto3
import botocore.config

from harness import clean_environment
from ports import free_port
from stores.base import Place, ProcessStore, Stored, tool

BUCKET = "artifacts"


class S3Place(Place):
    def __init__(self, store: S3Store, prefix: str):
        self.store, self.bucket, self.prefix, self.client = store, BUCKET, prefix, store.client
        self.uri = f"s3://{BUCKET}/{prefix}"
        self.environment = self.reference_environment = store.server_environment()

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def names(self, folder: str = "") -> list[str]:
        prefix = self.key(f"{folder}/" if folder else "")
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return sorted(entry["Key"].removeprefix(prefix) for page in pages for entry in page.get("Contents", []))

    def read(self, name: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=self.key(name))["Body"].read()

    def write(
        self, name: str, data: bytes, content_type: str | None = None, content_encoding: str | None = None
    ) -> None:
        given = {"ContentType": content_type, "ContentEncoding": content_encoding}
        given = {field: value for field, value in given.items() if value is not None}
        self.client.put_object(Bucket=BUCKET, Key=self.key(name), Body=data, **given)

    def look(self, name: str) -> Stored:
        head = self.client.head_object(Bucket=BUCKET, Key=self.key(name))
        return Stored(head["ContentLength"], head.get("ContentType"), head.get("ContentEncoding"))

    def beside(self, suffix: str) -> S3Place:
        return S3Place(self.store, self.prefix + suffix)

    def pending(self) -> list[str]:
        answer = self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=f"{self.prefix}/")
        return sorted(upload["Key"].removeprefix(f"{self.prefix}/") for upload in answer.get("Uploads", []))


class S3Store(ProcessStore):
    """A store with one bucket and one key, both of its own."""

    region = "us-east-1"

    def __init__(self) -> None:
        super().__init__()
        # The form that Garage asks for.
        self.access_key = f"GK{secrets.token_hex(12)}"
        self.secret_key = secrets.token_hex(32)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def server_environment(self, endpoint: str | None = None) -> dict[str, str]:
        """`endpoint` leads by way of something else, such as a proxy."""
        return {
            "MLFLOW_S3_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            # Nothing of the person who runs the tests counts.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _connect(self) -> None:
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=botocore.config.Config(
                s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}, connect_timeout=5
            ),
        )

    def place(self) -> S3Place:
        return S3Place(self, f"t{uuid.uuid4().hex[:12]}/pre fix")


# Metadata in SQLite and without flushes: what is lost with the machine is not missed.
GARAGE = """\
metadata_dir = "{root}/meta"
data_dir = "{root}/data"
db_engine = "sqlite"
metadata_fsync = false
data_fsync = false
disable_scrub = true
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc_port}"
rpc_public_addr = "127.0.0.1:{rpc_port}"
rpc_secret = "{rpc_secret}"

[s3_api]
api_bind_addr = "127.0.0.1:{port}"
s3_region = "{region}"
"""


class Garage(S3Store):
    name = "garage"
    # One that is nobody's default, so that a signature for another region is noticed.
    region = "garage"

    def command(self) -> list:
        configuration = self.root / "garage.toml"
        configuration.write_text(
            GARAGE.format(
                root=self.root,
                port=self.port,
                rpc_port=free_port(),
                rpc_secret=secrets.token_hex(32),
                region=self.region,
            )
        )
        return [*self._program(), "server", "--single-node", "--default-bucket"]

    def _program(self) -> list:
        return [tool("garage/bin/garage"), "-c", self.root / "garage.toml"]

    def environment(self) -> dict[str, str]:
        return {
            "GARAGE_DEFAULT_ACCESS_KEY": self.access_key,
            "GARAGE_DEFAULT_SECRET_KEY": self.secret_key,
            "GARAGE_DEFAULT_BUCKET": BUCKET,
            "RUST_LOG": "warn",
        }

    def is_ready(self) -> bool:
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._connect()
        self.client.head_bucket(Bucket=BUCKET)
        return True

    def reading_key(self) -> dict[str, str]:
        """Variables for a server that may read and not write."""
        key, secret = f"GK{secrets.token_hex(12)}", secrets.token_hex(32)
        for line in (
            ["key", "import", "--yes", key, secret],
            ["bucket", "allow", "--read", BUCKET, "--key", key],
        ):
            subprocess.run([*self._program(), *line], check=True, capture_output=True, env=clean_environment())
        return self.server_environment() | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
