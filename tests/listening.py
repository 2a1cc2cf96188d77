"""Servers that are reached by other ways than a plain port, and certificates for them."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import ipaddress
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import Answer, Server, exchange_on

HOUR = datetime.timedelta(hours=1)


class Authority:
    """An authority for certificates, made for one test; `root` is its own certificate."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.root = folder / "root.pem"
        self._root_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = signed("root", self._root_key, "root", self._root_key, is_authority=True)
        # In between, so that the chain matters.
        self._between = signed("between", self._key, "root", self._root_key, is_authority=True)
        self.root.write_bytes(pem_of(root))

    def issue(self, name: str = "server") -> Pair:
        """A certificate with its chain and its key, for this machine, in files called after `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = signed("localhost", key, "between", self._key)
        pair = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        pair.certificate.write_bytes(pem_of(certificate) + pem_of(self._between))
        pair.key.write_bytes(key_pem(key))
        pair.serial = certificate.serial_number
        return pair

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.root)


class Pair:
    """Files with a certificate and its key."""

    def __init__(self, certificate: Path, key: Path):
        self.certificate = certificate
        self.key = key
        self.serial = 0

    @property
    def flags(self) -> tuple[str, ...]:
        return "--tls-cert", str(self.certificate), "--tls-key", str(self.key)

    def encrypted_key(self) -> Path:
        """The key once more, with a password."""
        key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        path = self.key.with_suffix(".encrypted")
        path.write_bytes(key_pem(key, serialization.BestAvailableEncryption(b"secret")))
        return path


def key_pem(key, encryption=None) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def signed(subject: str, key, issuer: str, issuer_key, *, is_authority: bool = False) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    usage = x509.KeyUsage(True, False, False, False, False, is_authority, is_authority, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - HOUR)
        .not_valid_after(now + 24 * HOUR)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


class TlsServer(Server):
    """A server that speaks HTTPS; its certificate is one that `authority` vouches for."""

    def __init__(self, *arguments: str, authority: Authority, **options):
        super().__init__(*arguments, **options)
        self.context = authority.context

    def is_up(self) -> bool:
        try:
            return self.get("/health").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def connection(self, timeout: float = 30.0) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}{self.prefix}"

    def secure_socket(self, timeout: float = 30.0, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A connection on which TLS was agreed upon."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        return (context or self.context).wrap_socket(plain, server_hostname="127.0.0.1")

    def serial(self) -> int:
        """The number of the certificate that new clients are shown."""
        with self.secure_socket() as connection:
            return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)).serial_number


class UnixConnection(http.client.HTTPConnection):
    """HTTP by a socket in the file system."""

    def __init__(self, path: Path, timeout: float = 30.0):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class UnixServer(Server):
    """A server at a socket in the file system."""

    def __init__(self, *arguments: str, path: Path, **options):
        super().__init__(*arguments, **options)
        self.path = path

    def is_up(self) -> bool:
        try:
            return self.get("/health").status == 200
        except OSError:
            return False

    def connection(self, timeout: float = 30.0) -> http.client.HTTPConnection:
        return UnixConnection(self.path, timeout)


def ask_by(path: Path, target: str = "/health", headers: dict[str, str] | None = None) -> Answer:
    return exchange_on(UnixConnection(path), "GET", target, headers=headers)


def handing_over(*sockets: socket.socket, pid: str = "$$") -> dict:
    """Options of a server that finds these sockets as a service manager hands them over: from descriptor 3 on."""
    numbers = [handed.fileno() for handed in sockets]
    # First out of the way, since one of them may have another's number.
    moves = [f"{20 + at}<&{number}" for at, number in enumerate(numbers)]
    moves += [f"{3 + at}<&{20 + at}" for at in range(len(numbers))]
    script = f'exec {" ".join(moves)}; LISTEN_PID={pid} LISTEN_FDS={len(numbers)} exec "$@"'
    return {"wrapper": ("bash", "-c", script, "bash"), "pass_fds": tuple(numbers)}


def listening_socket(path: Path | None = None) -> socket.socket:
    """A socket that is listened on: at a path, or on a free port."""
    listening = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listening.bind(str(path) if path else ("127.0.0.1", 0))
    listening.listen(64)
    return listening


class Manager:
    """What a service manager hears: the datagrams of `sd_notify`."""

    def __init__(self, path: Path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(30)
        self.environment = {"NOTIFY_SOCKET": str(path)}

    def next(self) -> list[str]:
        """The lines of the next message."""
        return self._socket.recv(4096).decode().split()

    def wait_for(self, line: str) -> None:
        """Reads on until a message holds this line."""
        with contextlib.suppress(TimeoutError):
            while line not in self.next():
                pass
            return
        raise AssertionError(f"the service manager never heard {line}")

    def close(self) -> None:
        self._socket.close()
