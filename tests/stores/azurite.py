"""Azure Blob Storage: Azurite, Microsoft's emulator."""

from __future__ import annotations

import uuid

from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings

from stores.base import Place, ProcessStore, Stored, tool

# The emulator's account and key, the same everywhere and published with it.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CONTAINER = "artifacts"


class AzuritePlace(Place):
    def __init__(self, store: Azurite, prefix: str):
        self.store, self.prefix = store, prefix
        self.container: ContainerClient = store.service.get_container_client(CONTAINER)
        self.uri = f"wasbs://{CONTAINER}@{ACCOUNT}.blob.core.windows.net/{prefix}"
        self.environment = self.reference_environment = store.server_environment()

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def names(self, folder: str = "") -> list[str]:
        prefix = self.key(f"{folder}/" if folder else "")
        return sorted(name.removeprefix(prefix) for name in self.container.list_blob_names(name_starts_with=prefix))

    def read(self, name: str) -> bytes:
        return self.container.download_blob(self.key(name), decompress=False).readall()

    def write(
        self, name: str, data: bytes, content_type: str | None = None, content_encoding: str | None = None
    ) -> None:
        settings = ContentSettings(content_type=content_type, content_encoding=content_encoding)
        self.container.upload_blob(self.key(name), data, overwrite=True, content_settings=settings)

    def look(self, name: str) -> Stored:
        found = self.container.get_blob_client(self.key(name)).get_blob_properties()
        return Stored(found.size, found.content_settings.content_type, found.content_settings.content_encoding)

    def beside(self, suffix: str) -> AzuritePlace:
        return AzuritePlace(self.store, self.prefix + suffix)

    def pending(self) -> list[str]:
        """Blobs that are nothing but uncommitted blocks. There is no way to remove those: the service does in time."""
        listed = self.container.list_blobs(name_starts_with=f"{self.prefix}/", include=["uncommittedblobs"])
        visible = set(self.names())
        return sorted({blob.name.removeprefix(f"{self.prefix}/") for blob in listed} - visible)


class Azurite(ProcessStore):
    name = "azurite"

    def command(self) -> list:
        program = tool("azurite/node_modules/.bin/azurite-blob")
        options = ["--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--location", self.root / "data"]
        # Clients are often ahead of the emulator's list of versions.
        return [program, *options, "--silent", "--skipApiVersionCheck", "--disableTelemetry"]

    def is_ready(self) -> bool:
        self.service = BlobServiceClient.from_connection_string(self.connection_string(), retry_total=0)
        self.service.create_container(CONTAINER)
        self.service = BlobServiceClient.from_connection_string(self.connection_string())
        return True

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connection_string(self, endpoint: str | None = None) -> str:
        fields = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY}"
        return f"{fields};BlobEndpoint={endpoint or self.endpoint}/{ACCOUNT};"

    def server_environment(self, endpoint: str | None = None) -> dict[str, str]:
        return {"AZURE_STORAGE_CONNECTION_STRING": self.connection_string(endpoint)}

    def place(self) -> AzuritePlace:
        return AzuritePlace(self, f"t{uuid.uuid4().hex[:12]}/pre fix")
