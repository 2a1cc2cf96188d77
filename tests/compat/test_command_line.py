"""The command line: flags, environment variables, conflicts, and how a start fails."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from harness import Server, binary, clean_environment, entries, is_healthy, run_binary, tree, wait_until
from ports import free_port

# Limits of the issue are a second; a busy machine gets some grace.
SOON_SECONDS = 3.0


def refused(tmp_path, *arguments: str, environment=None, command: str = "server") -> subprocess.CompletedProcess:
    """Starts on a free port with a valid default for everything else, and expects it to end by itself."""
    port = str(free_port())
    return run_binary(command, "--port", port, *arguments, cwd=tmp_path, environment=environment)


# Flags

LONG_FLAGS = """--backend-store-uri --read-replica-backend-store-uri --registry-store-uri --default-artifact-root
--serve-artifacts --no-serve-artifacts --artifacts-only --artifacts-destination --host --port --workers --static-prefix
--allowed-hosts --cors-allowed-origins --disable-security-middleware --x-frame-options --gunicorn-opts --waitress-opts
--uvicorn-opts --dev --expose-prometheus --app-name --trace-archival-config --secrets-cache-ttl --secrets-cache-max-size
--workspace-store-uri --enable-workspaces --disable-workspaces --log-format --log-level --max-artifact-size
--shutdown-grace --max-connections""".split()
VARIABLES = """MLFLOW_BACKEND_STORE_URI MLFLOW_REGISTRY_STORE_URI MLFLOW_DEFAULT_ARTIFACT_ROOT MLFLOW_SERVE_ARTIFACTS
MLFLOW_ARTIFACTS_ONLY MLFLOW_ARTIFACTS_DESTINATION MLFLOW_HOST MLFLOW_PORT MLFLOW_WORKERS MLFLOW_STATIC_PREFIX
MLFLOW_SERVER_ALLOWED_HOSTS MLFLOW_SERVER_CORS_ALLOWED_ORIGINS MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE
MLFLOW_SERVER_X_FRAME_OPTIONS MLFLOW_GUNICORN_OPTS MLFLOW_UVICORN_OPTS MLFLOW_EXPOSE_PROMETHEUS""".split()


@pytest.mark.parametrize("command", ["server", "ui"])
def test_help_names_every_flag_its_variable_and_the_defaults(tmp_path, command):
    done = run_binary(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in [*LONG_FLAGS, *VARIABLES, "5000", "127.0.0.1", "./mlartifacts", "sqlite:///mlflow.db", "SAMEORIGIN"]:
        assert word in done.stdout, word


def test_version_completions_and_manual_are_printed(tmp_path):
    version = run_binary("--version", cwd=tmp_path)
    assert version.returncode == 0
    assert version.stdout.startswith("mlferry ")
    for shell in ("bash", "zsh", "fish"):
        completions = run_binary("completions", shell, cwd=tmp_path)
        assert completions.returncode == 0
        assert "artifacts-destination" in completions.stdout
    manual = run_binary("man", cwd=tmp_path)
    assert manual.returncode == 0
    assert ".TH" in manual.stdout
    assert entries(tmp_path) == []


def test_bash_accepts_the_completions(tmp_path):
    script = run_binary("completions", "bash", cwd=tmp_path).stdout
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_ui_is_another_name_of_server(own_server):
    server = own_server(command="ui")
    assert server.put("a.txt", b"x").status == 200


def test_the_defaults_are_a_database_and_a_folder_where_it_was_started(own_server):
    server = own_server()
    server.put("a.txt", b"x")
    assert {"mlflow.db", "mlartifacts", "mlartifacts/a.txt"} <= set(entries(server.root))
    assert server.stop() == 0
    assert tree(server.artifacts) == {"a.txt": b"x"}


def test_short_flags_and_the_last_of_repeated_flags_count(own_server):
    server = own_server("--port", "1", "-p", "$PORT", "-h", "127.0.0.1", "-w", "2")
    assert server.get("/health").status == 200


def test_places_can_be_given_as_paths_and_as_uris(own_server, tmp_path):
    forms = {
        "absolute path": str(tmp_path / "one"),
        "relative path": "./two",
        "file uri": f"file://{tmp_path}/three",
        "encoded path": str(tmp_path / "fo%20ur"),
    }
    places = {}
    for name, form in forms.items():
        server = own_server("--artifacts-destination", form)
        assert server.put("d/a.txt", b"x").status == 200, name
        places[name] = server.root
        server.stop()
    assert tree(tmp_path) == {"one/d/a.txt": b"x", "three/d/a.txt": b"x", "fo ur/d/a.txt": b"x"}
    assert (places["relative path"] / "two" / "d" / "a.txt").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ("sqlite:///other.db", "{root}/other.db"),
        ("sqlite:///new folder/other.db", "{root}/new folder/other.db"),
        ("sqlite:///{tmp}/absolute.db", "{tmp}/absolute.db"),
    ],
)
def test_the_database_goes_where_its_uri_says(own_server, tmp_path, form, place):
    server = own_server("--backend-store-uri", form.format(tmp=tmp_path))
    assert server.api("/experiments/get", experiment_id="0").status == 200
    assert Path(place.format(tmp=tmp_path, root=server.root)).is_file()
    assert not server.database.exists()


def test_every_setting_can_come_from_the_environment(own_server, tmp_path):
    environment = {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path}/env.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "env-artifacts"),
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": "mlflow-artifacts:/env",
        "MLFLOW_STATIC_PREFIX": "/env",
        "MLFLOW_GUNICORN_OPTS": "--log-level debug",
        "MLFLOW_WORKERS": "2",
    }
    server = own_server(environment=environment, prefix="/env")
    assert server.put("a.txt", b"x").status == 200
    experiment = server.api("/experiments/get", experiment_id="0").json()["experiment"]
    assert experiment["artifact_location"] == "mlflow-artifacts:/env/0"
    assert (tmp_path / "env-artifacts" / "a.txt").exists()
    assert (tmp_path / "env.db").exists()
    server.log_line(r"\[DEBUG\] PUT /env/api/2\.0/mlflow-artifacts/artifacts/a\.txt")


def test_host_and_port_can_come_from_the_environment(tmp_path):
    port = free_port()
    environment = clean_environment(MLFLOW_HOST="127.0.0.1", MLFLOW_PORT=str(port))
    with subprocess.Popen(
        [binary(), "server"], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: is_healthy(port), 15, "no answer on the port of the environment")
        finally:
            process.kill()


def test_a_flag_counts_more_than_its_variable(own_server, tmp_path):
    environment = {"MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "variable")}
    server = own_server("--artifacts-destination", str(tmp_path / "flag"), environment=environment)
    server.put("a.txt", b"x")
    assert tree(tmp_path) == {"flag/a.txt": b"x"}


@pytest.mark.parametrize("value", ["0", "false", "f", "no", "n", "off", "FALSE", "Off"])
def test_the_words_for_no_switch_artifact_serving_off(own_server, value):
    server = own_server(environment={"MLFLOW_SERVE_ARTIFACTS": value})
    assert server.put("a.txt", b"x").status == 503


@pytest.mark.parametrize("value", ["1", "true", "t", "yes", "y", "on", "TRUE", "Yes"])
def test_the_words_for_yes_switch_artifacts_only_on(own_server, value):
    server = own_server(environment={"MLFLOW_ARTIFACTS_ONLY": value})
    assert server.api("/experiments/get", experiment_id="0").status == 503


def test_an_empty_variable_counts_as_absent(own_server):
    names = ["MLFLOW_SERVE_ARTIFACTS", "MLFLOW_ARTIFACTS_ONLY", "MLFLOW_STATIC_PREFIX", "MLFLOW_WORKERS"]
    server = own_server(environment=dict.fromkeys(names, ""))
    assert server.put("a.txt", b"x").status == 200
    assert server.api("/experiments/get", experiment_id="0").status == 200


def test_a_word_that_is_neither_yes_nor_no_is_a_usage_error(tmp_path):
    done = refused(tmp_path, environment={"MLFLOW_SERVE_ARTIFACTS": "maybe"})
    assert done.returncode == 2
    assert "maybe" in done.stderr


def test_a_root_can_be_given_while_artifacts_are_served(own_server, tmp_path):
    server = own_server("--serve-artifacts", "--default-artifact-root", str(tmp_path))
    experiment = server.api("/experiments/get", experiment_id="0").json()["experiment"]
    assert experiment["artifact_location"] == f"{tmp_path}/0"
    assert server.put("a.txt", b"x").status == 200


# Server options


def test_other_options_for_gunicorn_or_uvicorn_are_named_once(own_server):
    for flag in ("--gunicorn-opts", "--uvicorn-opts"):
        server = own_server(flag, "--timeout 60 --keep-alive 5 --timeout 60")
        server.log_line("--timeout")
        server.get("/health")
        lines = [line for line in server.log.splitlines() if "--timeout" in line or "--keep-alive" in line]
        assert len(lines) == 1, lines
        assert "--keep-alive" in lines[0]
        assert "60" not in lines[0].split(flag, 1)[-1]


# Usage errors: exit 2 and the texts of the reference

SECURITY = (
    "Security middleware parameters (--allowed-hosts, --cors-allowed-origins, --disable-security-middleware) are only "
    "supported with the default uvicorn server. They cannot be used with --gunicorn-opts or --waitress-opts. To use "
    "security features, run without specifying a server option (uses uvicorn by default) or explicitly use "
    "--uvicorn-opts."
)
ONE_SERVER = (
    "Cannot specify multiple server options. Choose one of: '--gunicorn-opts', '--waitress-opts', or '--uvicorn-opts'."
)
ARTIFACTS_ONLY = (
    "You are starting a tracking server in `--artifacts-only` mode and have provided a value for "
    "`--backend_store_uri`: 'sqlite:///x.db'. A tracking server in `--artifacts-only` mode cannot have a value set for "
    "`--backend_store_uri` to properly proxy access to the artifact storage location."
)
USAGE_ERRORS = [
    (["--gunicorn-opts", "-x", "--uvicorn-opts", "-y"], ONE_SERVER),
    (["--gunicorn-opts", "-x", "--waitress-opts", "-y"], ONE_SERVER),
    (["--waitress-opts", "-x", "--uvicorn-opts", "-y"], ONE_SERVER),
    (["--gunicorn-opts", "-x", "--allowed-hosts", "a"], SECURITY),
    (["--waitress-opts", "-x", "--cors-allowed-origins", "a"], SECURITY),
    (["--gunicorn-opts", "-x", "--disable-security-middleware"], SECURITY),
    (["--dev", "--gunicorn-opts", "-x"], "'--dev' and '--gunicorn-opts' cannot be specified together."),
    (["--dev", "--uvicorn-opts", "-x"], "'--dev' and '--uvicorn-opts' cannot be specified together."),
    (
        ["--dev", "--app-name", "basic-auth"],
        "'--dev' cannot be used with '--app-name'. Development mode with auto-reload is only supported for the default "
        "MLflow tracking server.",
    ),
    (["--artifacts-only", "--backend-store-uri", "sqlite:///x.db"], ARTIFACTS_ONLY),
    (
        ["--artifacts-only", "--enable-workspaces"],
        "--workspace-store-uri is required when combining --enable-workspaces with --artifacts-only so artifact "
        "requests can be validated against a workspace provider.",
    ),
    (["--static-prefix", "p"], "--static-prefix must begin with a '/'."),
    (["--static-prefix", "/p/"], "--static-prefix should not end with a '/'."),
    (["--static-prefix", "/p{x}"], "--static-prefix must not contain '{' or '}'."),
    (["--static-prefix", "/:x"], "--static-prefix '/:x' must consist of"),
    (["--static-prefix", "/*x"], "--static-prefix '/*x' must consist of"),
    (["--static-prefix", "//x"], "--static-prefix '//x' must consist of"),
    (["--port", "abc"], "'abc' is not a valid integer"),
    (["--app-name", "other"], "'other' is not"),
    (["--secrets-cache-ttl", "5"], "5 is not in the range 10<=x<=300."),
    (["--secrets-cache-max-size", "0"], "0 is not in the range 1<=x<=10000."),
    (["--trace-archival-config", "none.yaml"], "'none.yaml' does not exist."),
    (["--no-such-flag"], "--no-such-flag"),
    (["surplus"], "surplus"),
    (["--host"], "--host"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE_ERRORS, ids=lambda value: " ".join(value)[:40])
def test_a_wrong_command_line_exits_2_with_the_text_of_the_reference(tmp_path, arguments, message):
    done = refused(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Usage: " in done.stderr
    assert "\nError: " in done.stderr
    assert entries(tmp_path) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--log-format", "xml"],
        ["--log-level", "loud"],
        ["--max-artifact-size", "big"],
        ["--max-artifact-size", "-1"],
        ["--shutdown-grace", "soon"],
        ["--max-connections", "0"],
        ["--port", "70000"],
        ["--port", "-1"],
    ],
)
def test_a_wrong_value_of_a_flag_stops_the_start(tmp_path, arguments):
    done = refused(tmp_path, *arguments)
    assert done.returncode in {1, 2}
    assert arguments[0] in done.stderr
    assert entries(tmp_path) == []


@pytest.mark.parametrize("arguments", [["none"], [], ["server2"]])
def test_an_unknown_or_missing_command_exits_2(tmp_path, arguments):
    done = run_binary(*arguments, cwd=tmp_path)
    assert done.returncode == 2


def test_a_client_only_variable_stops_the_start(tmp_path):
    done = refused(tmp_path, environment={"MLFLOW_WORKSPACE": "x"})
    assert done.returncode == 1
    assert "MLFLOW_WORKSPACE=x is client-only. Unset it before starting the server." in done.stderr


# Starts that fail


def assert_one_line(done: subprocess.CompletedProcess, *words: str) -> None:
    assert done.returncode not in {0, 2}, done.stderr
    lines = [line for line in done.stderr.splitlines() if "[INFO]" not in line and "[WARNING]" not in line]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0], done.stderr
    assert "panicked" not in done.stderr


NOT_BUILT = [
    ["--enable-workspaces"],
    ["--workspace-store-uri", "sqlite:///w.db"],
    ["--read-replica-backend-store-uri", "sqlite:///r.db"],
    ["--registry-store-uri", "sqlite:///other.db"],
    ["--secrets-cache-ttl", "60"],
]


@pytest.mark.parametrize("arguments", NOT_BUILT, ids=lambda value: value[0])
def test_a_flag_whose_feature_is_missing_stops_the_start_and_is_named(tmp_path, arguments):
    assert_one_line(refused(tmp_path, *arguments), arguments[0])
    assert entries(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--artifacts-destination", "s3://bucket/p"], "s3"),
        (["--artifacts-destination", "gs://bucket/p"], "gs"),
        (["--backend-store-uri", "mysql://u:hunter2@127.0.0.1:1/db"], "mysql"),
        (["--backend-store-uri", "./mlruns"], "mlruns"),
        (["--backend-store-uri", "nonsense://x"], "nonsense"),
    ],
)
def test_a_store_that_is_not_built_stops_the_start_without_telling_secrets(tmp_path, arguments, word):
    done = refused(tmp_path, *arguments)
    assert_one_line(done, word)
    assert "hunter2" not in done.stdout + done.stderr


@pytest.fixture
def failing(tmp_path):
    """Runs a start that has to fail soon, and gives its outcome."""

    def run(*arguments: str, **options) -> subprocess.CompletedProcess:
        begun = time.monotonic()
        done = refused(tmp_path, *arguments, **options)
        assert time.monotonic() - begun < SOON_SECONDS
        return done

    return run


def test_a_port_that_is_taken_is_named(failing, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_one_line(failing("--port", port), port)


def test_a_second_server_on_the_same_port_fails_and_the_first_lives_on(own_server, failing):
    server = own_server()
    assert_one_line(failing("--port", str(server.port)), str(server.port))
    assert server.get("/health").status == 200


def test_a_host_that_is_not_of_this_machine_is_named(failing):
    assert_one_line(failing("--host", "192.0.2.1"), "192.0.2.1")


def test_a_file_that_is_no_database_is_named_and_left_alone(failing, tmp_path):
    garbage = random.Random(1).randbytes(50_000)
    (tmp_path / "mlflow.db").write_bytes(garbage)
    assert_one_line(failing(), "mlflow.db")
    assert (tmp_path / "mlflow.db").read_bytes() == garbage


def test_a_database_that_is_cut_off_is_not_served(own_server, failing, tmp_path):
    server = own_server(root=tmp_path)
    assert server.stop() == 0
    whole = server.database.read_bytes()
    server.database.write_bytes(whole[: len(whole) // 3])
    for leftover in tmp_path.glob("mlflow.db-*"):
        leftover.unlink()
    done = failing()
    assert done.returncode not in {0, 2}
    assert "mlflow.db" in done.stderr


def test_a_database_of_something_else_is_refused_and_keeps_its_content(failing, tmp_path):
    path = tmp_path / "mlflow.db"
    everything = "SELECT name FROM sqlite_master"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE experiments (something TEXT)")
        database.execute("INSERT INTO experiments VALUES ('mine')")
        database.commit()
    assert_one_line(failing(), "mlflow.db")
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute(everything).fetchall() == [("experiments",)]
        assert database.execute("SELECT * FROM experiments").fetchall() == [("mine",)]


@pytest.mark.parametrize("uri", ["sqlite:////proc/none/x.db", "sqlite:///folder"])
def test_a_database_that_cannot_be_opened_is_named(failing, tmp_path, uri):
    (tmp_path / "folder").mkdir()
    assert_one_line(failing("--backend-store-uri", uri), uri.rsplit("/", 1)[-1])


@pytest.mark.parametrize("destination", ["file/below", "file", "/proc/none/artifacts"])
def test_a_destination_that_cannot_be_written_is_named(failing, tmp_path, destination):
    (tmp_path / "file").write_bytes(b"x")
    assert_one_line(failing("--artifacts-destination", destination), destination)
    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_failed_start_leaves_nothing_behind(failing, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        failing("--port", str(taken.getsockname()[1]))
    assert entries(tmp_path) == []


def test_a_first_start_takes_less_than_a_second(tmp_path):
    # The first run of a binary reads it from disk; the limit is about what the server does.
    run_binary("--version", cwd=tmp_path)
    begun = time.monotonic()
    with Server() as server:
        assert server.get("/health").status == 200
        assert time.monotonic() - begun < SOON_SECONDS
        assert server.api("/experiments/get", experiment_id="0").status == 200


def test_an_idle_server_needs_little_memory(own_server):
    server = own_server()
    # The first start makes the schema, and keeps what that took.
    server.stop()
    server.start()
    server.put("a.txt", b"x")
    # Of this, 23 MB are pages of the binary. 25 MB are wanted (bench/README.md).
    assert server.rss() < 30 * 1024 * 1024


def test_the_binary_runs_from_anywhere_without_other_files(tmp_path):
    shutil.copy(binary(), tmp_path / "elsewhere")
    done = subprocess.run(
        [tmp_path / "elsewhere", "--version"],
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0


def test_an_allowed_host_with_a_wrong_port_stops_the_start(tmp_path):
    done = refused(tmp_path, "--allowed-hosts", "foo.com:99999")
    assert done.returncode == 1
    assert "foo.com:99999" in done.stderr
