"""How a PostgreSQL database is reached: spellings of its URI, passwords, TLS, and what a wrong one says."""

from __future__ import annotations

import subprocess
import urllib.parse
from collections.abc import Iterator

import pytest

from harness import Server, run_binary
from postgres import Cluster, execute

PASSWORD = "p@ss/w:o?r#d%20 &=+"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Cluster]:
    """A cluster that asks for a password on TCP, and speaks TLS with a certificate for `localhost`."""
    with Cluster() as cluster:
        certify(cluster, "authority", "/CN=Tests", "basicConstraints=critical,CA:TRUE")
        signed = ["-CA", "authority.crt", "-CAkey", "authority.key"]
        certify(
            cluster,
            "server",
            "/CN=localhost",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=CA:FALSE",
            *signed,
        )
        maintenance = cluster.uri("postgres")
        execute(maintenance, "create role guest login createdb password %s", PASSWORD)
        execute(maintenance, "create database guarded owner guest")
        settings = {"ssl": "on"}
        settings |= {"ssl_cert_file": cluster.root / "server.crt", "ssl_key_file": cluster.root / "server.key"}
        for name, value in settings.items():
            execute(maintenance, f"alter system set {name} = '{value}'")
        rules = "local all all trust\nhost all postgres all trust\nhostssl all guest all scram-sha-256\n"
        (cluster.root / "data" / "pg_hba.conf").write_text(rules)
        cluster.restart()
        yield cluster


def certify(cluster: Cluster, name: str, subject: str, extension: str, *more: str) -> None:
    """Writes NAME.key and NAME.crt."""
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject, "-addext"]
    line += [extension, "-keyout", f"{name}.key", "-out", f"{name}.crt", *more]
    subprocess.run(line, cwd=cluster.root, check=True, capture_output=True, **cluster.account)
    (cluster.root / f"{name}.key").chmod(0o600)


def uri_of(cluster: Cluster, *, password: str = PASSWORD, query: str = "", host: str = "localhost") -> str:
    quoted = urllib.parse.quote(password, safe="")
    return f"postgresql://guest:{quoted}@{host}:{cluster.port}/guarded{query}"


def runs_of(uri: str) -> int:
    """Starts a server on a database, logs a run, and counts the runs it finds."""
    with Server("--backend-store-uri", uri) as server:
        server.api("/runs/create", {"experiment_id": "0"}).json()
        found = server.api("/runs/search", {"experiment_ids": ["0"]}).json()
        assert PASSWORD not in server.log
        return len(found["runs"])


def refusal_of(uri: str, tmp_path) -> str:
    line = ["server", "--port", "0", "--backend-store-uri", uri, "--db-acquire-timeout", "1"]
    done = run_binary(*line, cwd=tmp_path)
    assert done.returncode == 1
    text = done.stderr
    assert PASSWORD not in text
    assert urllib.parse.quote(PASSWORD, safe="") not in text
    return text


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2", "postgresql+psycopg"])
def test_every_spelling_of_the_scheme_is_understood(guarded, scheme):
    assert runs_of(uri_of(guarded).replace("postgresql", scheme, 1)) >= 1


def test_a_password_may_stand_in_the_uri_as_it_is(guarded):
    # Only percent signs have a meaning of their own, and a question mark behind an `@`.
    raw = PASSWORD.replace("%", "%25").replace("?", "%3F")
    assert runs_of(f"postgresql://guest:{raw}@localhost:{guarded.port}/guarded") >= 1


def test_a_socket_is_reached_by_its_folder(guarded):
    folder = urllib.parse.quote(str(guarded.root), safe="")
    assert runs_of(f"postgresql://postgres@/guarded?host={folder}&port={guarded.port}") >= 1


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
def test_tls_is_spoken_as_sslmode_says(guarded, mode):
    root = urllib.parse.quote(str(guarded.root / "authority.crt"), safe="")
    assert runs_of(uri_of(guarded, query=f"?sslmode={mode}&sslrootcert={root}")) >= 1


def test_a_certificate_that_nobody_trusts_is_refused(guarded, tmp_path):
    text = refusal_of(uri_of(guarded, query="?sslmode=verify-full"), tmp_path)
    assert "cannot agree with the database" in text
    assert "UnknownIssuer" in text


def test_a_server_that_wants_tls_refuses_to_do_without(guarded, tmp_path):
    assert "refuses the user or the password" in refusal_of(uri_of(guarded, query="?sslmode=disable"), tmp_path)


def test_a_wrong_password_is_named_at_once(guarded, tmp_path):
    assert "refuses the user or the password" in refusal_of(uri_of(guarded, password="wrong"), tmp_path)


def test_an_absent_database_is_named_at_once(guarded, tmp_path):
    uri = uri_of(guarded).replace("/guarded", "/absent")
    assert "is no database: check its name" in refusal_of(uri, tmp_path)


def test_an_absent_server_is_named_after_a_while(tmp_path):
    text = refusal_of("postgresql://guest@127.0.0.1:1/guarded", tmp_path)
    assert "cannot reach the database 'postgresql://guest@127.0.0.1:1/guarded'" in text


@pytest.mark.parametrize("query", ["?sslmode=maybe", "?unknown=1", "?options=x"])
def test_a_parameter_that_is_not_understood_is_named(guarded, tmp_path, query):
    assert query.strip("?").partition("=")[0] in refusal_of(uri_of(guarded, query=query), tmp_path)


def test_settings_of_the_session_reach_the_server(guarded):
    execute(guarded.uri("guarded"), "create schema if not exists apart authorization guest")
    assert runs_of(uri_of(guarded, query="?options=-c%20search_path%3Dapart")) == 1
    assert execute(guarded.uri("guarded"), "select count(*) from apart.runs") == [(1,)]
