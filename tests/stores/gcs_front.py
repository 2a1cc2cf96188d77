"""What fake-gcs-server lacks, in front of it: the XML interface's plain and multipart uploads, signatures that count,
conditions of uploads, and a place that hands out tokens. Everything else passes through.
"""

from __future__ import annotations

import base64
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

import google_crc32c
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PIECE = 1 << 18
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
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
        return xml("ListMultipartUploadsResult", head + entries)


def xml(name: str, content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{NAMESPACE}">{content}</{name}>'


class Front:
    def __init__(self, port: int, parts: Path, key: rsa.RSAPublicKey):
        self.upstream, self.key, self.uploads = port, key, Uploads(parts)
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
            self.answer(200, xml("InitiateMultipartUploadResult", ids), "application/xml")
        elif upload is not None and (headers := uploads.headers(upload, self.bucket, self.key)) is None:
            self.read_body()
            self.fail(404, "NoSuchUpload", "The requested upload was not found.")
        elif upload is not None and self.command == "PUT":
            self.take_part(upload, int(self.query["partNumber"]))
        elif upload is not None and self.command == "POST":
            self.complete(upload, headers)
        elif upload is not None and self.command == "DELETE":
            uploads.end(upload)
            self.answer(204, "")
        elif self.command == "PUT":
            body = self.read_body()
            self.answer_to_insert(*self.insert(body, self.forwarded_headers()), "")
        else:
            self.forward(self.path)

    def take_part(self, upload: str, number: int) -> None:
        digest, checksum = hashlib.md5(), google_crc32c.Checksum()
        target = self.front.uploads.part(upload, number)
        with target.with_suffix(f".{threading.get_ident()}").open("wb") as file:
            for piece in self.pieces():
                file.write(piece)
                digest.update(piece)
                checksum.update(piece)
        Path(file.name).rename(target)
        hashes_of_part = {"crc32c": checksum.digest(), "md5": digest.digest()}
        told = ",".join(f"{name}={base64.b64encode(value).decode()}" for name, value in hashes_of_part.items())
        self.answer(200, "", headers={"ETag": f'"{digest.hexdigest()}"', "x-goog-hash": told})

    def complete(self, upload: str, headers: dict[str, str]) -> None:
        named = re.findall(r"<PartNumber>\s*(\d+)\s*</PartNumber>", self.read_body().decode())
        parts = [self.front.uploads.part(upload, int(number)) for number in named]
        if not parts or not all(part.exists() for part in parts):
            self.fail(400, "InvalidPart", "One or more of the specified parts could not be found.")
            return
        whole = b"".join(part.read_bytes() for part in parts)
        status, answer = self.insert(whole, headers)
        self.front.uploads.end(upload)
        name = f"<Bucket>{self.bucket}</Bucket><Key>{escape(self.key)}</Key><ETag>&quot;{upload}&quot;</ETag>"
        self.answer_to_insert(status, answer, xml("CompleteMultipartUploadResult", name))

    def insert(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Makes an object by the JSON interface, which alone keeps an encoding and heeds a condition."""
        given = {name.lower(): value for name, value in headers.items()}
        fields = {"content-type": "contentType", "content-encoding": "contentEncoding"}
        about = {"name": self.key} | {to: given[name] for name, to in fields.items() if name in given}
        query = {"uploadType": "multipart", "name": self.key}
        if condition := given.get("x-goog-if-generation-match"):
            query["ifGenerationMatch"] = condition
        boundary = uuid.uuid4().hex
        content_type = about.get("contentType", "application/octet-stream")
        head = f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(about)}\r\n"
        head += f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n"
        whole = b"".join([head.encode(), body, f"\r\n--{boundary}--\r\n".encode()])
        target = f"/upload/storage/v1/b/{self.bucket}/o?{urllib.parse.urlencode(query)}"
        sent = {"Content-Type": f"multipart/related; boundary={boundary}", "Host": f"127.0.0.1:{self.front.port}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.front.upstream, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", target, whole, sent)
            response = connection.getresponse()
            return response.status, response.read()

    def answer_to_insert(self, status: int, answer: bytes, done: str) -> None:
        if status == 200:
            made = json.loads(answer)
            headers = {"ETag": f'"{made["etag"]}"', "x-goog-generation": made["generation"]}
            self.answer(200, done, "application/xml", headers)
        elif status == 412:
            self.fail(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
        else:
            self.fail(status, "InternalError", answer.decode(errors="replace"))

    # Signatures

    def what_is_wrong_with_the_signature(self, path: str) -> str | None:
        fields = [field.partition("=")[::2] for field in self.query_text.split("&")]
        canonical_query = "&".join(
            sorted(f"{name}={value}" for name, value in fields if name.lower() != "x-goog-signature")
        )
        signed = self.query.get("X-Goog-SignedHeaders", "")
        # As Google's own host sees it, also where the store is at another one.
        values = {name: (self.headers.get(name) or "").strip() for name in signed.split(";")}
        hosts = [values["host"], "storage.googleapis.com"] if "host" in values else [""]
        wrong = None
        for host in hosts:
            wrong = self.what_is_wrong_with(path, canonical_query, signed, values | {"host": host})
            if wrong is None:
                break
        return wrong

    def what_is_wrong_with(self, path: str, canonical_query: str, signed: str, values: dict[str, str]) -> str | None:
        headers = "".join(f"{name}:{values[name]}\n" for name in signed.split(";"))
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
        asked = {name: self.query.get(f"response-{name}") for name in ("content-disposition", "content-type")}
        asked = {name: value for name, value in asked.items() if value and response.status in {200, 206}}
        for name, value in response.headers.items():
            if name.lower() not in OWN_HEADERS | set(asked):
                self.send_header(name, value)
        for name, value in asked.items():
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
