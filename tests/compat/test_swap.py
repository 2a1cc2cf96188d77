"""The swap: the reference and mlferry take turns on one database, and the stock client reads everything each time."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    RunTag,
    ViewType,
)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from databases import kinds
from harness import Server, run_binary
from pairs import sqlite_uri
from ports import free_port
from postgres import Cluster, DatabaseUri, execute
from reference import Reference
from swapped import change_traces, log_traces, traces_of


@dataclass
class Database:
    """One database under the names that both servers have for it."""

    mlferry: str
    reference: str
    schema: Callable[[], str]


@pytest.fixture(params=kinds("swap"))
def database(request, tmp_path) -> Database:
    if request.param == "sqlite":
        path = tmp_path / "mlflow.db"
        return Database(sqlite_uri(path), sqlite_uri(path), lambda: sqlite_schema(path))
    cluster: Cluster = request.getfixturevalue("postgres")
    uri: DatabaseUri = cluster.create_database()
    return Database(str(uri), uri.sqlalchemy, lambda: without_our_indexes(cluster.schema(uri)))


def sqlite_schema(path: Path) -> str:
    connection = sqlite3.connect(path)
    rows = connection.execute("select type, name, sql from sqlite_master where sql is not null order by type, name")
    text = "\n".join(normal_sql(sql) for _, name, sql in rows if not name.startswith("mlferry_"))
    connection.close()
    return text


def normal_sql(sql: str) -> str:
    """A statement in one line, with constraints and lists of values in the order of the alphabet.

    The reference makes both of Python sets, whose order means nothing.
    """
    sql = re.sub(r"\s+", " ", sql)
    # PostgreSQL shows a list in other words when it was read from a dump.
    sql = re.sub(r"= ANY \(.*?ARRAY\[(.*?)\].*?\)(?=\)\))", lambda found: f"IN ({quoted_values(found[1])})", sql)
    sql = re.sub(r"IN \(('[^()]*')\)", lambda found: f"IN ({quoted_values(found[1])})", sql)
    sql = re.sub(r"\s*([(),])\s*", r"\1", re.sub(r'["`]', "", sql))
    first, *constraints = re.split(r",(?=CONSTRAINT |CHECK\b|FOREIGN KEY\b)", sql.rstrip(")"))
    return ",".join([first, *sorted(constraint.rstrip(")") for constraint in constraints)])


def quoted_values(text: str) -> str:
    return ", ".join(sorted(re.findall(r"'[^']*'", text)))


def without_our_indexes(dump: str) -> str:
    statements = [normal_sql(statement) for statement in re.sub(r"^--.*$", "", dump, flags=re.MULTILINE).split(";\n")]
    return "\n".join(sorted(statement for statement in statements if statement.strip() and "mlferry_" not in statement))


# What is logged and what is read


def log(client: MlflowClient, stage: str) -> str:
    """An experiment with a run that holds a bit of everything; returns the run's id."""
    experiment = client.create_experiment(f"by {stage}", tags={"stage": stage})
    run = client.create_run(experiment, start_time=1_700_000_000_000, run_name=f"run of {stage}", tags={"größe": "ü"})
    run_id = run.info.run_id
    client.log_metric(run_id, "loss", 0.5, timestamp=1, step=1)
    client.log_metric(run_id, "loss", float("nan"), timestamp=2, step=2)
    metrics = [Metric("acc", step / 7, step, step) for step in range(50)]
    client.log_batch(run_id, metrics, [Param("lr", "0.1"), Param("leer", "")], [RunTag("t", stage)])
    dataset = Dataset(
        name=f"d-{stage}", digest="1", source_type="local", source='{"uri": "/x"}', schema="{}", profile="{}"
    )
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])])
    client.log_text(run_id, f"hello from {stage}", "notes/a.txt")
    model = client.create_logged_model(
        experiment, f"model of {stage}", run_id, {"t": stage}, {"p": "1"}, "agent"
    ).model_id
    on_dataset = {"dataset_name": dataset.name, "dataset_digest": dataset.digest}
    client.log_batch(
        run_id, [Metric("loss", 0.25, 3, 3, model, **on_dataset), Metric("nan", float("nan"), 1, 1, model)]
    )
    client.log_outputs(run_id, [LoggedModelOutput(model, 2)])
    client.finalize_logged_model(model, LoggedModelStatus.READY)
    client.set_terminated(run_id, "FINISHED", end_time=1_700_000_001_000)
    register(client, stage, run_id)
    log_traces(client, stage, experiment, run_id)
    return run_id


def register(client: MlflowClient, stage: str, run_id: str) -> None:
    """A registered model with versions, aliases and tags, and a prompt."""
    name = f"model of {stage}"
    client.create_registered_model(name, {"stage": stage}, f"by {stage}")
    client.create_model_version(name, f"runs:/{run_id}/notes", run_id, {"größe": "ü"}, "link", "first")
    client.create_model_version(name, f"models:/{name}/1")
    client.create_model_version(name, "s3://bucket/x")
    client.set_registered_model_alias(name, "champion", "2")
    client.transition_model_version_stage(name, "1", "Production")
    client.delete_model_version(name, "3")
    client.register_prompt(f"prompt-{stage}", "Hello {{who}}", tags={"stage": stage})
    client.set_prompt_alias(f"prompt-{stage}", "live", 1)


def registry_of(client: MlflowClient) -> str:
    """All that a client sees of the model registry. Tags and newest versions come in the order of the database."""
    is_prompt = "tags.`mlflow.prompt.is_prompt` = 'true'"
    models = [*client.search_registered_models(), *client.search_registered_models(is_prompt)]
    versions = client.search_model_versions()
    seen = [
        (model.name, model.description, sorted(model.tags.items()), sorted(model.aliases.items())) for model in models
    ]
    seen += [sorted(map(plain, model.latest_versions)) for model in models]
    seen += [plain(version) for version in [*versions, *client.search_model_versions(is_prompt)]]
    seen += [plain(client.get_model_version(version.name, version.version)) for version in versions]
    seen += [client.get_model_version_download_uri(version.name, version.version) for version in versions]
    for prompt in client.search_prompts():
        live = client.load_prompt(f"prompts:/{prompt.name}@live")
        seen.append((live.name, live.version, live.template, sorted(live.tags.items()), live.aliases))
    return repr(seen)


def plain(version) -> str:
    return repr({**dict(version), "tags": sorted(version.tags.items())})


def read(client: MlflowClient) -> dict:
    """Everything that a client sees, by the name of the experiment, or `registry`."""
    seen = {"registry": registry_of(client)}
    for experiment in client.search_experiments(ViewType.ALL):
        runs = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
        models = client.search_logged_models([experiment.experiment_id])
        seen[experiment.name] = (
            dict(experiment),
            [all_of(client, run) for run in runs],
            [all_of_model(client, model.model_id) for model in models],
            traces_of(client, experiment.experiment_id, is_deleted=experiment.lifecycle_stage == "deleted"),
        )
    return seen


def all_of(client: MlflowClient, run) -> str:
    run_id = run.info.run_id
    details = client.get_run(run_id)
    histories = {
        key: [(repr(point.value), point.timestamp, point.step) for point in client.get_metric_history(run_id, key)]
        for key in sorted(details.data.metrics)
    }
    files = [(file.path, file.file_size) for file in client.list_artifacts(run_id, "notes")]
    inputs = [(vars(entry.dataset), [vars(tag) for tag in entry.tags]) for entry in details.inputs.dataset_inputs]
    outputs = [vars(model) for model in details.outputs.model_outputs]
    data = details.data
    return repr(
        (dict(details.info), sorted(data.params.items()), sorted(data.tags.items()), histories, files, inputs, outputs)
    )


def all_of_model(client: MlflowClient, model_id: str) -> str:
    model = client.get_logged_model(model_id).to_dictionary()
    metrics = sorted(repr(sorted(vars(metric).items())) for metric in model.pop("metrics"))
    params, tags = (sorted(model.pop(name).items()) for name in ("params", "tags"))
    return repr((sorted(model.items()), params, tags, metrics))


def change(client: MlflowClient, run_id: str, stage: str) -> None:
    """Goes on with a run that another server made."""
    client.update_run(run_id, status="RUNNING")
    client.log_metric(run_id, "acc", 9.0, timestamp=100, step=100)
    client.set_tag(run_id, "changed by", stage)
    for model in client.get_run(run_id).outputs.model_outputs:
        client.set_logged_model_tags(model.model_id, {"changed by": stage})
    client.log_text(run_id, f"{stage} was here", f"notes/{stage}.txt")
    client.set_terminated(run_id, "KILLED", end_time=1_700_000_002_000)
    for model in client.search_registered_models():
        client.set_registered_model_tag(model.name, "changed by", stage)
        client.set_registered_model_alias(model.name, "champion", "1")
        client.transition_model_version_stage(model.name, "2", "Production", archive_existing_versions=True)
        client.create_model_version(model.name, f"models:/{model.name}@champion", description=stage)
    change_traces(client, stage, client.get_run(run_id).info.experiment_id)


def test_the_reference_and_mlferry_take_turns(database, tmp_path, start_reference, own_server, monkeypatch):
    # One address, as behind a name; the client remembers it.
    port = free_port()

    def start_the_reference() -> Reference:
        return start_reference(tmp_path, "--backend-store-uri", database.reference, port=port)

    def start_mlferry() -> Server:
        return own_server("--backend-store-uri", database.mlferry, root=tmp_path, port=port)

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    reference = start_the_reference()
    mlflow.set_tracking_uri(reference.url)
    mlflow.tracing.reset()
    client = MlflowClient(reference.url)
    first = log(client, "reference")
    doomed = log(client, "doomed")
    client.delete_run(doomed)
    before = read(client)
    assert len(before) == 4
    reference.stop()
    schema = database.schema()

    mlferry = start_mlferry()
    client = MlflowClient(mlferry.url)
    assert read(client) == before
    second = log(client, "mlferry")
    change(client, first, "mlferry")
    client.restore_run(doomed)
    client.delete_experiment(client.get_experiment_by_name("by doomed").experiment_id)
    between = read(client)
    assert set(between) == {*before, "by mlferry"}
    assert mlferry.stop() == 0
    assert database.schema() == schema

    reference = start_the_reference()
    client = MlflowClient(reference.url)
    assert read(client) == between
    change(client, second, "reference")
    client.log_param(second, "new", "1")
    after = read(client)
    reference.stop()
    assert database.schema() == schema

    mlferry = start_mlferry()
    assert read(MlflowClient(mlferry.url)) == after


def test_an_empty_database_gets_the_schema_of_the_reference(database, tmp_path, own_server, request):
    server = own_server("--backend-store-uri", database.mlferry, root=tmp_path)
    client = MlflowClient(server.url)
    experiment = client.create_experiment("made by mlferry")
    run_id = client.create_run(experiment).info.run_id
    assert server.stop() == 0
    ours = database.schema()
    # Opening checks the revision, and would create what is missing.
    store = SqlAlchemyStore(database.reference, str(tmp_path / "artifacts"))
    assert store.get_run(run_id).info.experiment_id == experiment
    store.engine.dispose()
    assert database.schema() == ours

    if database.mlferry.startswith("sqlite"):
        other = Database(*[sqlite_uri(tmp_path / "other.db")] * 2, lambda: sqlite_schema(tmp_path / "other.db"))
    else:
        cluster = request.getfixturevalue("postgres")
        uri = cluster.create_database()
        other = Database(str(uri), uri.sqlalchemy, lambda: without_our_indexes(cluster.schema(uri)))
    SqlAlchemyStore(other.reference, str(tmp_path / "artifacts")).engine.dispose()
    theirs = other.schema()
    assert set(ours.splitlines()) ^ set(theirs.splitlines()) == set()


def test_a_database_of_another_revision_is_refused(database, tmp_path, own_server):
    own_server("--backend-store-uri", database.mlferry, root=tmp_path).stop()
    statement = "update alembic_version set version_num = 'aaaaaaaaaaaa'"
    if database.mlferry.startswith("sqlite"):
        with sqlite3.connect(tmp_path / "mlflow.db") as connection:
            connection.execute(statement)
        connection.close()
    else:
        execute(database.mlferry, statement)
    done = run_binary("server", "--port", "0", "--backend-store-uri", database.mlferry, cwd=tmp_path)
    assert done.returncode != 0
    assert "aaaaaaaaaaaa" in done.stderr
    assert "dc11669786a5" in done.stderr
