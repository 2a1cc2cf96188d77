"""What fake-gcs-server lacks, in front of it: the XML interface's plain and multipart uploads, signatures that count,
conditions of uploads, and a place that hands out tokens. Everything else passes through.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import http.server
import json
import re
import shutil
import threading
import time
import urllib.parse
import uuid
from pathlib import Path
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PIECE = 1 << 18
# A query that makes fake-gcs-server take a plain PUT, which it knows from signed URLs only.
TAKE_IT = "X-Goog-Algorithm=GOOG4-RSA-SHA256"
OWN_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "expect", "date", "server"}


class Uploads:
    """Multipart uploads under way; their parts are files."""

    def __init__(self, root: Path):
        self.root = root
        self._lock = threading.Lock()
        self._begun: dict[str, tuple[str, str, dict[str, str], float]] = {}

    def begin(self, bucket: str, key: str, headers: dict[str, str]) -> str:
        upload = uuid.uuid4().hex
        (self.root / upload).mkdir(parents=True)
        with self._lock:
            self._begun[upload] = (bucket, key, headers, time.time())
        return upload

    def headers(self, upload: str, bucket: str, key: str) -> dict[str, str] | None:
        with self._lock:
            found = self._begun.get(upload)
        return found[2] if found and found[:2] == (bucket, key) else None

    def part(self, upload: str, number: int) -> Path:
        return self.root / upload / str(number)

    def end(self, upload: str) -> None:
        with self._lock:
            self._begun.pop(upload, None)
        shutil.rmtree(self.root / upload, ignore_errors=True)

    def pending(self) -> list[tuple[str, str]]:
        with self._lock:
            return [(bucket, key) for bucket, key, _, _ in self._begun.values()]

    def listing(self, bucket: str, prefix: str) -> str:
        with self._lock:
            begun = [(key, upload, since) for upload, (of, key, _, since) in self._begun.items() if of == bucket]
        entries = "".join(
            f"<Upload><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
            f"<Initiated>{time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(since))}</Initiated></Upload>"
            for key, upload, since in sorted(begun)
            if key.startswith(prefix)
        )
        head = f"<Bucket>{bucket}</Bucket><Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
        return f"<ListMultipartUploadsResult>{head}{entries}</ListMultipartUploadsResult>"


class Front:
    def __init__(self, port: int, parts: Path, key: rsa.RSAPublicKey):
        self.upstream, self.key, self.uploads = port, key, Uploads(parts)
        # Objects are made one after another, as far as conditions on them go.
        self.conditions = threading.Lock()
        handler = type("Handler", (_Handler,), {"front": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Front:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_) -> None:
        """Clients leave, and that is all right."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    front: Front

    def log_message(self, *_) -> None:
        pass

    # Requests

    def handle_any(self) -> None:
        path, _, self.query_text = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(self.query_text, keep_blank_values=True))
        _, bucket, *rest = [*path.split("/", 2), ""]
        self.bucket, self.key = bucket, urllib.parse.unquote(rest[0])
        if path == "/token":
            self.read_body()
            self.answer(200, json.dumps({"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}))
        elif "X-Goog-Signature" in self.query and (wrong := self.what_is_wrong_with_the_signature(path)):
            self.read_body()
            self.fail(403, "SignatureDoesNotMatch", wrong)
        elif path.startswith(("/storage/", "/upload/", "/download/", "/batch/")) or self.command in {"GET", "HEAD"}:
            self.answer_xml_get() if "uploads" in self.query else self.forward(self.path)
        else:
            self.answer_xml(path)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = handle_any

    def answer_xml_get(self) -> None:
        self.answer(200, self.front.uploads.listing(self.bucket, self.query.get("prefix", "")), "application/xml")

    def answer_xml(self, path: str) -> None:
        uploads, upload = self.front.uploads, self.query.get("uploadId")
        if self.command == "POST" and "uploads" in self.query:
            self.read_body()
            upload = uploads.begin(self.bucket, self.key, self.forwarded_headers())
            ids = f"<Bucket>{self.bucket}</Bucket><Key>{escape(self.key)}</Key><UploadId>{upload}</UploadId>"
            body = f"<InitiateMultipartUploadResult>{ids}</InitiateMultipartUploadResult>"
            self.answer(200, body, "application/xml")
        elif upload is not None and (headers := uploads.headers(upload, self.bucket, self.key)) is None:
            self.read_body()
            self.fail(404, "NoSuchUpload", "The requested upload was not found.")
        elif upload is not None and self.command == "PUT":
            self.take_part(upload, int(self.query["partNumber"]))
        elif upload is not None and self.command == "POST":
            self.complete(path, upload, headers)
        elif upload is not None and self.command == "DELETE":
            uploads.end(upload)
            self.answer(204, "")
        elif self.command == "PUT":
            self.put_if_allowed(f"{path}?{TAKE_IT}")
        else:
            self.forward(self.path)

    def take_part(self, upload: str, number: int) -> None:
        digest = hashlib.md5()
        target = self.front.uploads.part(upload, number)
        with target.with_suffix(f".{threading.get_ident()}").open("wb") as file:
            for piece in self.pieces():
                file.write(piece)
                digest.update(piece)
        Path(file.name).rename(target)
        self.answer(200, "", headers={"ETag": f'"{digest.hexdigest()}"'})

    def complete(self, path: str, upload: str, headers: dict[str, str]) -> None:
        named = re.findall(r"<PartNumber>\s*(\d+)\s*</PartNumber>", self.read_body().decode())
        parts = [self.front.uploads.part(upload, int(number)) for number in named]
        if not parts or not all(part.exists() for part in parts):
            self.fail(400, "InvalidPart", "One or more of the specified parts could not be found.")
            return
        whole = self.front.uploads.root / upload / "whole"
        with whole.open("wb") as file:
            for part in parts:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, file, PIECE)
        with whole.open("rb") as file:
            length = {"Content-Length": str(whole.stat().st_size)}
            status, body = self.ask_upstream("PUT", f"{path}?{TAKE_IT}", file, headers | length)
        self.front.uploads.end(upload)
        name = f"<Bucket>{self.bucket}</Bucket><Key>{escape(self.key)}</Key><ETag>&quot;{upload}-1&quot;</ETag>"
        done = f"<CompleteMultipartUploadResult>{name}</CompleteMultipartUploadResult>"
        self.answer(status, done if status == 200 else body.decode(errors="replace"), "application/xml")

    def put_if_allowed(self, target: str) -> None:
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is None:
            self.forward(target)
            return
        body = self.read_body()
        with self.front.conditions:
            there = self.generation(target.partition("?")[0])
            if there != wanted:
                self.fail(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
                return
            length = {"Content-Length": str(len(body))}
            status, answer = self.ask_upstream("PUT", target, body, self.forwarded_headers() | length)
        self.answer(status, answer.decode(errors="replace"))

    def generation(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.front.upstream, timeout=60)
        with contextlib.closing(connection):
            connection.request("HEAD", path, headers={"Host": f"127.0.0.1:{self.front.port}"})
            response = connection.getresponse()
            return response.headers["X-Goog-Generation"] if response.status == 200 else "0"

    # Signatures

    def what_is_wrong_with_the_signature(self, path: str) -> str | None:
        fields = [field.partition("=")[::2] for field in self.query_text.split("&")]
        canonical_query = "&".join(
            sorted(f"{name}={value}" for name, value in fields if name.lower() != "x-goog-signature")
        )
        signed = self.query.get("X-Goog-SignedHeaders", "")
        headers = "".join(f"{name}:{(self.headers.get(name) or '').strip()}\n" for name in signed.split(";"))
        payload = self.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD")
        request = "\n".join([self.command, path, canonical_query, headers, signed, payload])
        moment = self.query.get("X-Goog-Date", "")
        scope = self.query.get("X-Goog-Credential", "").partition("/")[2]
        text = "\n".join(["GOOG4-RSA-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
        try:
            signature = bytes.fromhex(self.query["X-Goog-Signature"])
            self.front.key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
            begun = time.mktime(time.strptime(moment, "%Y%m%dT%H%M%SZ")) - time.timezone
            if time.time() > begun + int(self.query["X-Goog-Expires"]):
                return "The URL has expired."
        except (InvalidSignature, ValueError, KeyError) as wrong:
            return f"{wrong!r}: expected the signature of {request!r}"
        return None

    # Bytes

    def forwarded_headers(self) -> dict[str, str]:
        kept = {name: value for name, value in self.headers.items() if name.lower() not in OWN_HEADERS}
        return kept | {"Host": f"127.0.0.1:{self.front.port}"}

    def pieces(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self.rfile.read(min(left, PIECE))
            if not piece:
                raise ConnectionError("the client left")
            left -= len(piece)
            yield piece

    def read_body(self) -> bytes:
        return b"".join(self.pieces())

    def ask_upstream(self, method: str, target: str, body, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.front.upstream, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.read()

    def forward(self, target: str) -> None:
        headers = self.forwarded_headers()
        length = self.headers.get("Content-Length")
        if length is None and self.command in {"PUT", "POST", "PATCH"}:
            body = self.read_body()
            headers["Content-Length"] = str(len(body))
        else:
            body = self.pieces() if length else None
            headers |= {"Content-Length": length} if length else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.front.upstream, timeout=60)
        with contextlib.closing(connection):
            connection.request(self.command, target, body, headers)
            self.pass_on(connection.getresponse())

    def pass_on(self, response: http.client.HTTPResponse) -> None:
        self.send_response(response.status)
        length = response.headers.get("Content-Length")
        body = response.read() if length is None else None
        for name, value in response.headers.items():
            if name.lower() not in OWN_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body or b"")))
        self.end_headers()
        if self.command == "HEAD":
            return
        while piece := (body if body is not None else response.read(PIECE)):
            self.wfile.write(piece)
            if body is not None:
                return

    def answer(self, status: int, text: str, content_type: str = "application/json", headers=None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": content_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, status: int, code: str, message: str) -> None:
        self.answer(
            status, f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>", "application/xml"
        )
