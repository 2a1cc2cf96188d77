"""The configuration file, secrets in files, and what `mlferry config` tells of them."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness import API, ARTIFACTS, REPOSITORY, entries, run_binary
from ports import free_port

SECRET = "hunter2-and-more"


@pytest.fixture
def write(tmp_path):
    """Writes a file into the test's folder and gives its path."""

    def write_file(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content)
        return path

    return write_file


def shown(tmp_path, *arguments: str, environment=None) -> dict[str, dict]:
    """What `config show` tells, by names."""
    done = run_binary("config", "show", "--format", "json", *arguments, cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return {line["name"]: line for line in told["settings"] + told["environment"]}


def assert_refused(done: subprocess.CompletedProcess, *words: str) -> None:
    """It ended with one line on stderr, perhaps below a usage, that holds these words."""
    assert done.returncode in {1, 2}, done
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: "), done.stderr
    for word in words:
        assert word in last, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert "panicked" not in done.stderr


# Precedence


def test_flags_come_before_variables_env_file_and_configuration_file(tmp_path, write):
    config = write("c.toml", 'host = "config"\nstatic-prefix = "/config"\nlog-level = "warn"\nworkers = 9\nport = 1\n')
    env_file = write("c.env", "MLFLOW_HOST=env-file\nMLFLOW_STATIC_PREFIX=/env-file\nMLFERRY_LOG_LEVEL=error\n")
    environment = {"MLFLOW_HOST": "process", "MLFLOW_STATIC_PREFIX": "/process", "MLFLOW_WORKERS": ""}
    done = run_binary(
        *("--env-file", str(env_file), "--config", str(config), "config", "show", "--format", "json"),
        *("--host", "typed"),
        cwd=tmp_path,
        environment=environment,
    )
    assert done.returncode == 0, done.stderr
    lines = {line["name"]: (line["value"], line["source"]) for line in json.loads(done.stdout)["settings"]}
    assert lines["host"] == ("typed", "flag --host")
    assert lines["static-prefix"] == ("/process", "variable MLFLOW_STATIC_PREFIX")
    assert lines["log-level"] == ("error", f"variable MLFERRY_LOG_LEVEL of env file {env_file}")
    assert lines["workers"] == (9, f"config file {config}:workers")
    assert lines["port"] == (1, f"config file {config}:port")
    assert lines["log-format"] == ("text", "default")


def test_a_server_obeys_the_same_order(own_server, write):
    config = write("c.toml", 'static_prefix = "/config"\nno-serve-artifacts = true\n')
    server = own_server("--config", str(config), prefix="/config")
    assert server.put("a.txt", b"x").status == 503
    assert server.log_line(f"Loaded settings from: {config}")
    environment = {"MLFERRY_CONFIG": str(config), "MLFLOW_STATIC_PREFIX": "/process", "MLFLOW_SERVE_ARTIFACTS": "true"}
    server = own_server(environment=environment, prefix="/process")
    assert server.put("a.txt", b"x").status == 200
    environment |= {"MLFLOW_STATIC_PREFIX": "/other"}
    server = own_server("--static-prefix", "/typed", "--no-serve-artifacts", environment=environment, prefix="/typed")
    assert server.put("a.txt", b"x").status == 503


# Servers from files


def test_a_server_starts_from_a_configuration_file_with_a_secret_from_a_file(own_server, postgres, tmp_path, write):
    uri = str(postgres.create_database())
    secret = write("uri", f"{uri}\n")
    write(
        "c.toml",
        f"""
        artifacts-destination = "./served"
        allowed-hosts = ["localhost:*", "127.0.0.1:*", "mlflow.example.com"]
        max-artifact-size = 5
        log-format = "json"

        [environment]
        MLFLOW_BACKEND_STORE_URI_FILE = "{secret}"
        """,
    )
    server = own_server("--config", "c.toml", root=tmp_path)
    created = server.api("/experiments/create", {"name": "kept"})
    assert created.status == 200
    assert server.put("a.txt", b"12345").status == 200
    assert server.put("b.txt", b"123456").status >= 400
    assert (tmp_path / "served" / "a.txt").read_bytes() == b"12345"
    assert server.get("/health", {"Host": "mlflow.example.com"}).status == 200
    assert server.get(f"{API}/experiments/get?experiment_id=0", {"Host": "other.example.com"}).status == 403
    json.loads(server.log_line("Listening"))
    assert not (tmp_path / "mlflow.db").exists()
    assert server.stop() == 0
    # It lies in that database, where the other commands find it by the same file.
    checked = run_binary("db", "check", "--config", "c.toml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    collected = run_binary("--config", "c.toml", "gc", "--dry-run", cwd=tmp_path)
    assert collected.returncode == 0, collected.stderr
    assert "Would remove 0 runs" in collected.stdout


def test_keys_of_a_store_come_from_files(own_server, stores, tmp_path, write):
    place = stores["garage"].place()
    variables = dict(place.environment)
    secret = write("key", variables.pop("AWS_SECRET_ACCESS_KEY") + "\n")
    lines = [f"{name} = {json.dumps(value)}" for name, value in variables.items()]
    lines += [f"AWS_SECRET_ACCESS_KEY_FILE = {json.dumps(str(secret))}"]
    write("c.toml", "\n".join([f'artifacts-destination = "{place.uri}"', "[environment]", *lines]))
    server = own_server("--config", "c.toml", root=tmp_path)
    assert server.put("a.txt", b"x").status == 200
    assert place.files() == {"a.txt": b"x"}
    listed = run_binary("--config", "c.toml", "artifacts", "ls", place.uri, cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "a.txt" in listed.stdout
    assert secret.read_text().strip() not in server.log + listed.stdout + listed.stderr


def test_import_and_gc_take_the_database_from_the_configuration_file(own_server, tmp_path, write):
    write("c.toml", 'backend_store_uri = "sqlite:///configured.db"\nport = 1\nallowed-hosts = ["a"]\n')
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    write("mlruns/0/meta.yaml", "artifact_location: ./a\nexperiment_id: '0'\nlifecycle_stage: active\nname: Default\n")
    done = run_binary("--config", "c.toml", "import", "mlruns", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "configured.db" in entries(tmp_path)
    assert "mlflow.db" not in entries(tmp_path)
    done = run_binary("--config", "c.toml", "gc", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run_binary("--config", "c.toml", "db", "check", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run_binary("--config", "c.toml", "db", "check", "sqlite:///other.db", cwd=tmp_path)
    assert done.returncode != 0
    assert "other.db" in done.stderr


def test_a_health_check_asks_the_server_of_the_configuration_file(own_server, write):
    server = own_server("--static-prefix", "/p", prefix="/p")
    config = write("c.toml", f'port = {server.port}\nstatic-prefix = "/p"\nallowed-hosts = ["a"]\n')
    # It needs no secret, and may not be allowed to read any.
    environment = {"MLFERRY_CONFIG": str(config), "AWS_SECRET_ACCESS_KEY_FILE": "/none"}
    done = run_binary("healthcheck", cwd=server.root, environment=environment)
    assert done.returncode == 0, done.stderr
    server.stop()
    done = run_binary("healthcheck", cwd=server.root, environment=environment)
    assert done.returncode == 1
    assert f"127.0.0.1:{server.port}/p/health" in done.stderr


# Mistakes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f'prot = "{SECRET}"', ["c.toml, line 1", "'prot'", "Did you mean 'port'?"]),
        (f'\nport = "{SECRET}"', ["c.toml, line 2", "port is a string, and must be a whole number."]),
        (f'artifacts-only = "{SECRET}"', ["c.toml, line 1", "artifacts-only", "true or false"]),
        (f'host = "a"\n\nHOST = "{SECRET}"', ["c.toml, line 3", "'HOST'", "Did you mean 'host'?"]),
        ('log-level = "info"\nlog_level = "info"', ["c.toml, line 2", "log_level", "log-level in line 1"]),
        (f"backend-store-uri = {SECRET}", ["c.toml, line 1", "not TOML"]),
        (f'[environment]\nAWS_SECRET_KEY = "{SECRET}"', ["c.toml, line 2", "AWS_SECRET_KEY", "Did you mean"]),
        (f'[environment]\nPGPASSWORD = "{SECRET}"', ["c.toml, line 2", "PGPASSWORD", "environment of the process"]),
        ("port = 70000", ["70000 is not in the range", "config file c.toml:port"]),
    ],
)
def test_a_mistake_in_the_file_stops_the_start_with_file_line_and_key(tmp_path, write, content, words):
    write("c.toml", content)
    assert_refused(run_binary("--config", "c.toml", "server", cwd=tmp_path), *words)
    assert entries(tmp_path) == ["c.toml"]


def test_a_configuration_file_that_is_not_there_is_named(tmp_path):
    for arguments in (("--config", "none.toml", "server"), ("server", "--config", "none.toml")):
        done = run_binary(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert_refused(done, "'--config'", "'none.toml' does not exist")
    assert_refused(run_binary("server", cwd=tmp_path, environment={"MLFERRY_CONFIG": "none.toml"}), "none.toml")
    assert run_binary("man", cwd=tmp_path, environment={"MLFERRY_CONFIG": "none.toml"}).returncode == 0
    assert run_binary("server", "--help", cwd=tmp_path, environment={"MLFERRY_CONFIG": "none.toml"}).returncode == 0


def test_wrong_files_of_secrets_stop_the_start(tmp_path, write):
    def start(**environment: str) -> subprocess.CompletedProcess:
        return run_binary("server", "--port", str(free_port()), cwd=tmp_path, environment=environment)

    secret, empty = str(write("secret", SECRET)), str(write("empty", "\n"))
    assert_refused(start(MLFLOW_BACKEND_STORE_URI_FILE="/none"), "MLFLOW_BACKEND_STORE_URI_FILE", "'/none'")
    assert_refused(start(AWS_SECRET_ACCESS_KEY_FILE=empty), "AWS_SECRET_ACCESS_KEY_FILE", "is empty")
    both = {"MLFLOW_TRACKING_PASSWORD": SECRET, "MLFLOW_TRACKING_PASSWORD_FILE": secret}
    assert_refused(start(**both), "MLFLOW_TRACKING_PASSWORD and MLFLOW_TRACKING_PASSWORD_FILE are both set")
    # The password alone, where the whole URI belongs, and a URI that can't be used.
    assert_refused(start(MLFLOW_BACKEND_STORE_URI_FILE=secret), "'***'")
    uri = str(write("uri", f"mysql://u:{SECRET}@h/d"))
    assert_refused(start(MLFLOW_BACKEND_STORE_URI_FILE=uri), "'mysql://u:***@h/d' is not supported")
    assert_refused(start(MLFLOW_SERVE_ARTIFACTS_FILE=secret), "'--serve-artifacts'", "'***'")


def test_files_with_a_meaning_of_their_own_are_left_alone(own_server):
    names = ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "PGPASSFILE"]
    names += ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE", "SOMETHING_ELSE_FILE"]
    server = own_server(environment=dict.fromkeys(names, "/none"))
    assert server.put("a.txt", b"x").status == 200


# What is told


def test_secrets_are_never_shown(tmp_path, write):
    secret = write("secret", f"postgresql://u:{SECRET}@h/d")
    token = write("token", SECRET)
    write(
        "c.toml", f'uvicorn-opts = "--ssl-keyfile-password {SECRET}"\n[environment]\nAZURE_CLIENT_SECRET = "{SECRET}"'
    )
    environment = {
        "MLFLOW_BACKEND_STORE_URI_FILE": str(secret),
        "MLFLOW_ARTIFACTS_DESTINATION": f"https://user:{SECRET}@example.com{ARTIFACTS}",
        "MLFLOW_TRACKING_TOKEN_FILE": str(token),
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AZURE_STORAGE_CONNECTION_STRING": f"AccountName=a;AccountKey={SECRET}",
        "AWS_UNHEARD_OF_TOKEN": SECRET,
        "HTTPS_PROXY": f"http://u:{SECRET}@proxy",
    }
    for output in ("table", "json", "toml"):
        line = ("--config", "c.toml", "config", "show", "--format", output)
        done = run_binary(*line, cwd=tmp_path, environment=environment)
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
        for word in ("postgresql://u:***@h/d", f"https://user:***@example.com{ARTIFACTS}", "AZURE_CLIENT_SECRET"):
            # In TOML, the file is named instead.
            assert word in done.stdout or (output == "toml" and f'"{secret}"' in done.stdout)
    lines = shown(tmp_path, environment=environment)
    for name in ("MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_UNHEARD_OF_TOKEN"):
        assert (lines[name]["value"], lines[name]["masked"]) == ("***", True)
    assert lines["MLFLOW_TRACKING_TOKEN"]["source"] == f"variable MLFLOW_TRACKING_TOKEN_FILE ({token})"


def test_defaults_are_those_that_hold(tmp_path):
    lines = {name: line["value"] for name, line in shown(tmp_path).items()}
    assert lines["port"] == 5000
    assert lines["host"] == "127.0.0.1"
    assert lines["backend-store-uri"] == "sqlite:///mlflow.db"
    assert lines["default-artifact-root"] == "mlflow-artifacts:/"
    assert lines["serve-artifacts"] is True
    assert lines["artifacts-only"] is False
    assert lines["max-artifact-size"] is None
    assert shown(tmp_path, "--no-serve-artifacts")["default-artifact-root"]["value"] == "./mlruns"
    level = shown(tmp_path, "--uvicorn-opts", "--log-level debug")["log-level"]
    assert (level["value"], level["source"]) == ("debug", "follows from other settings")
    assert entries(tmp_path) == []


def test_what_is_shown_as_toml_is_a_configuration_file_that_says_the_same(tmp_path, write):
    secret = write("key", SECRET)
    environment = {"MLFLOW_WORKERS": "3", "AWS_REGION": "r", "AWS_SECRET_ACCESS_KEY_FILE": str(secret)}
    flags = ("--no-serve-artifacts", "--allowed-hosts", "a,b", "--static-prefix", "/it's", "--max-artifact-size", "1G")
    done = run_binary("config", "show", "--format", "toml", *flags, cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    assert tomllib.loads(done.stdout)["allowed-hosts"] == ["a", "b"]
    again = write("again.toml", done.stdout)
    given = shown(tmp_path, *flags, environment=environment)
    read = shown(tmp_path, "--config", str(again))
    assert {name: line["value"] for name, line in read.items()} == {name: line["value"] for name, line in given.items()}
    assert read["workers"]["source"] == f"config file {again}:workers"


def test_a_start_that_would_be_refused_is_shown_with_the_reason(tmp_path):
    done = run_binary("config", "show", "--backend-store-uri", f"mysql://u:{SECRET}@h/d", cwd=tmp_path)
    assert_refused(done, "'mysql://u:***@h/d' is not supported")
    assert done.returncode == 1
    assert any(line.split() == ["port", "(5000)", "default"] for line in done.stdout.splitlines()), done.stdout


def test_the_guide_is_what_the_binary_prints(tmp_path):
    done = run_binary("config", "reference", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == (REPOSITORY / "docs" / "configure.md").read_text(), "run `make docs`"
