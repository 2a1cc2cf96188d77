"""`mlferry db upgrade` and `mlferry db check` on databases of older releases, beside the reference."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

import old_databases as old
from databases import kinds
from harness import Server, binary, clean_environment, run_binary
from postgres import Cluster, execute

SECONDS = 120.0
# Alembic tells each step.
logging.getLogger("alembic").setLevel(logging.ERROR)


class SqliteDatabases:
    """Databases in files of one folder; old ones are made once and copied."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.count = 0

    def new(self) -> str:
        self.count += 1
        return f"sqlite:///{self.folder}/{self.count}.db"

    def copy(self, uri: str) -> str:
        copy = self.new()
        shutil.copy(self.path(uri), self.path(copy))
        return copy

    @staticmethod
    def path(uri: str) -> Path:
        return Path(uri.removeprefix("sqlite:///"))

    def drop(self, uri: str) -> None:
        self.path(uri).unlink()

    def schema(self, uri: str):
        """What SQLite itself says of tables and indexes, and the checks, which only the statements tell."""
        with contextlib.closing(sqlite3.connect(self.path(uri))) as database:

            def ask(statement: str) -> list[tuple]:
                return database.execute(statement).fetchall()

            schema = {}
            for kind, name, table, sql in ask("select type, name, tbl_name, sql from sqlite_master"):
                if kind == "table":
                    columns = [column[1:] for column in ask(f"select * from pragma_table_xinfo('{name}')")]
                    keys = [key[2:] for key in ask(f"select * from pragma_foreign_key_list('{name}')")]
                    names = re.findall(r"CONSTRAINT (\w+)", sql)
                    schema[name] = sorted(columns), sorted(keys, key=repr), sorted(names), checks(sql)
                elif kind == "index":
                    columns = ask(f"select name, \"desc\", coll from pragma_index_xinfo('{name}') where key")
                    unique = ask(
                        f"select \"unique\", origin, partial from pragma_index_list('{table}') where name='{name}'"
                    )
                    # Those that keys bring are counted with their tables.
                    place = (table, *map(tuple, columns)) if name.startswith("sqlite_") else name
                    schema[place] = columns, unique
                else:
                    schema[name] = table, sql
            return schema


def checks(statement: str) -> list:
    """The lists of values that a table takes; the reference writes them in any order."""
    found = re.findall(r"(\w+) IN \(([^)]*)\)", statement)
    return sorted((column, sorted(values.replace(" ", "").split(","))) for column, values in found)


class PostgresDatabases:
    """Databases of the tests' cluster."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster

    def new(self) -> str:
        return self.cluster.create_database().sqlalchemy

    def copy(self, uri: str) -> str:
        return self.cluster.create_database(template=uri.rsplit("/", 1)[1]).sqlalchemy

    def drop(self, uri: str) -> None:
        execute(self.cluster.uri("postgres"), f"drop database {uri.rsplit('/', 1)[1]} with (force)")

    def schema(self, uri: str):
        plain = self.cluster.uri(uri.rsplit("/", 1)[1])
        # The reference writes lists of values in any order.
        return re.sub(
            r"ARRAY\[[^]]*\]", lambda list: str(sorted(list[0][6:-1].split(", "))), self.cluster.schema(plain)
        )


class Samples:
    """Filled databases at old revisions, each made when it is first asked for."""

    def __init__(self, databases):
        self.databases = databases
        self.empty: dict[str, str] = {}
        self.filled: dict[str, str] = {}
        self.copies: list[str] = []

    def at(self, revision: str) -> str:
        """A copy that lives as long as the test."""
        if revision not in self.filled:
            filled = self.databases.copy(self.empty_at(revision))
            old.fill(filled)
            self.filled[revision] = filled
        self.copies.append(self.databases.copy(self.filled[revision]))
        return self.copies[-1]

    def drop_copies(self) -> None:
        while self.copies:
            self.databases.drop(self.copies.pop())

    def empty_at(self, revision: str) -> str:
        """Made of the one before, since most of the time goes into the oldest migrations."""
        if revision not in self.empty:
            chain = list(old.HEADS.values())
            place = chain.index(revision)
            known = next((head for head in reversed(chain[:place]) if head in self.empty), None)
            uri = self.databases.copy(self.empty[known]) if known else self.databases.new()
            old.create(uri, revision)
            self.empty[revision] = uri
        return self.empty[revision]


# On PostgreSQL, where making databases takes long, one before each of the changes that are not merely additions.
POSTGRES_RELEASES = {"2.22", "3.0", "3.5", "3.9", "3.11", "3.14", "3.16"}


@pytest.fixture(scope="module", params=kinds("upgrade"))
def databases(request, tmp_path_factory):
    if request.param == "sqlite":
        yield SqliteDatabases(tmp_path_factory.mktemp("old"))
        return
    with Cluster(is_durable=False) as cluster:
        yield PostgresDatabases(cluster)


@pytest.fixture(scope="module")
def all_samples(databases) -> Samples:
    return Samples(databases)


@pytest.fixture
def samples(all_samples):
    yield all_samples
    all_samples.drop_copies()


def db(action: str, uri: str, tmp_path: Path) -> subprocess.CompletedProcess:
    return run_binary("db", action, uri, cwd=tmp_path, seconds=SECONDS)


def upgraded(uri: str, tmp_path: Path) -> str:
    """Upgrades a database and returns what was told."""
    done = db("upgrade", uri, tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("release", old.HEADS)
def test_an_upgrade_makes_what_the_reference_makes_of_it(samples, databases, tmp_path, release):
    if isinstance(databases, PostgresDatabases) and release not in POSTGRES_RELEASES:
        pytest.skip("its neighbours are tried")
    revision = old.HEADS[release]
    ours, theirs = samples.at(revision), samples.at(revision)
    told = upgraded(ours, tmp_path)
    assert revision in told
    assert "Take a backup" in told
    assert "moving what rows hold" in told
    assert "Done" in told
    old.upgrade_with_reference(theirs)
    assert databases.schema(ours) == databases.schema(theirs)
    assert old.comparable(old.rows(ours)) == old.comparable(old.rows(theirs))
    for uri in (ours, theirs):
        checked = db("check", uri, tmp_path)
        assert checked.returncode == 0, checked.stdout


def test_what_the_reference_prepared_is_counted_anew(samples, databases, tmp_path):
    """Its servers go on between the preparation and the migration, so that the new columns may be out of date."""
    from mlflow.store.db.trace_analytics import ensure_analytics_columns

    ours = samples.at(old.HEADS["3.16"])
    engine = sa.create_engine(ours)
    with engine.begin() as connection:
        ensure_analytics_columns(connection)
    engine.dispose()
    run_sql(
        ours,
        "update trace_info set trace_name = 'old', session_id = 'old', input_tokens = 77, total_cost = 9",
        "update spans set total_cost = 5, model_name = 'old', model_provider = 'old'",
        "update assessments set aggregate_value = 7, experiment_id = 2",
    )
    theirs = databases.copy(ours)
    upgraded(ours, tmp_path)
    old.upgrade_with_reference(theirs)
    assert databases.schema(ours) == databases.schema(theirs)
    assert old.comparable(old.rows(ours)) == old.comparable(old.rows(theirs))


@pytest.mark.parametrize("release", ["2.22", "3.16"])
def test_the_reference_reads_every_row(samples, tmp_path, release):
    """The store of 3.17.2 opens only its own revision, and migrates nothing by itself."""
    uri = samples.at(old.HEADS[release])
    before = old.rows(uri)
    if "assessments" in before:
        # Values that are no JSON are migrated, but no release reads them.
        run_sql(uri, "delete from assessments where assessment_id like 'a-%%'")
    upgraded(uri, tmp_path)

    from mlflow.entities import ViewType
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(uri, str(tmp_path / "artifacts"))
    # Rows that were made for another workspace are not seen by a server that has only one.
    experiments = [row for row in before["experiments"] if row.get("workspace", "default") == "default"]
    ids = [str(row["experiment_id"]) for row in experiments]
    names = {experiment.name for experiment in store.search_experiments(view_type=ViewType.ALL)}
    assert names == {row["name"] for row in experiments} | {"Default"}
    runs = store.search_runs(ids, "", ViewType.ALL)
    assert {run.info.run_id for run in runs} == {
        row["run_uuid"] for row in before["runs"] if str(row["experiment_id"]) in ids
    }
    assert all(run.data.tags and run.data.params and run.data.metrics for run in runs)
    traces, _ = store.search_traces(locations=ids, max_results=100)
    assert len(traces) == sum(str(row["experiment_id"]) in ids for row in before["trace_info"])
    assert {trace.tags.get("mlflow.traceName") for trace in traces} >= {"plain", "gateway", old.TRICKY}
    if "logged_models" in before:
        active = [row for row in before["logged_models"] if row["lifecycle_stage"] == "active"]
        found = {model.model_id for model in store.search_logged_models(ids)}
        assert found == {row["model_id"] for row in active if str(row["experiment_id"]) in ids}
    models = Registry(uri).search_registered_models()
    assert {model.name for model in models} == {row["name"] for row in before["registered_models"]}
    assert all(model.tags for model in models)


def test_our_server_refuses_an_old_database_and_opens_it_when_it_is_upgraded(samples, tmp_path):
    uri = samples.at(old.HEADS["3.4"])
    refused = run_binary("server", "--port", "0", "--backend-store-uri", uri, cwd=tmp_path, seconds=SECONDS)
    assert refused.returncode == 1
    assert old.HEADS["3.4"] in refused.stderr
    assert old.NEWEST in refused.stderr
    assert f"`mlferry db upgrade {uri}`" in refused.stderr
    upgraded(uri, tmp_path)
    with Server("--backend-store-uri", uri, root=tmp_path) as server:
        found = server.api("/runs/search", {"experiment_ids": ["1", "2", "3"], "run_view_type": "ALL"}).json()["runs"]
        assert len(found) == old.ROWS
        assert found[0]["data"]["params"]


def test_a_check_changes_nothing_and_names_what_differs(samples, databases, tmp_path):
    uri = samples.at(old.HEADS["3.8"])
    before = old.comparable(old.rows(uri)), databases.schema(uri)
    checked = db("check", uri, tmp_path)
    assert checked.returncode == 1
    assert re.search(r"Revision found: +1bd49d398cd23 \(MLflow 3.8\)\n", checked.stdout)
    assert re.search(rf"Revision wanted: +{old.NEWEST} \(MLflow 3.17\)\n", checked.stdout)
    for line in (
        "missing table review_queues",
        "missing column experiments.workspace",
        "missing index idx_experiments_workspace of table experiments",
        "extra column jobs.function_fullname",
        "extra index unique_secret_name of table secrets",
        "missing constraint uq_experiments_workspace_name of table experiments",
    ):
        assert f"  {line}\n" in checked.stdout
    assert f"mlferry db upgrade {uri}" in checked.stderr
    assert (old.comparable(old.rows(uri)), databases.schema(uri)) == before


def run_sql(uri: str, *statements: str) -> None:
    engine = sa.create_engine(uri)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_a_new_database_gets_the_tables_of_the_reference(databases, tmp_path):
    ours, theirs = databases.new(), databases.new()
    checked = db("check", ours, tmp_path)
    assert checked.returncode == 1
    assert re.search(r"Revision found: +none\n", checked.stdout)
    assert "empty" in upgraded(ours, tmp_path)
    old.create(theirs)
    assert databases.schema(ours) == databases.schema(theirs)
    assert old.comparable(old.rows(ours)) == old.comparable(old.rows(theirs))
    assert db("check", ours, tmp_path).returncode == 0
    assert db("check", theirs, tmp_path).returncode == 0

    before = old.comparable(old.rows(ours)), databases.schema(ours)
    assert "up to date; nothing was changed" in upgraded(ours, tmp_path)
    assert (old.comparable(old.rows(ours)), databases.schema(ours)) == before

    run_sql(
        ours,
        "create index mlferry_of_ours on runs (name)",
        "create table users (id integer)",
        "create index of_theirs on runs (name)",
        "drop index idx_webhooks_name",
        "alter table runs add column note text",
    )
    checked = db("check", ours, tmp_path)
    assert checked.returncode == 1
    differences = [line.strip() for line in checked.stdout.splitlines() if line.startswith("  ")]
    assert sorted(differences) == [
        "extra column runs.note",
        "extra index of_theirs of table runs",
        "missing index idx_webhooks_name of table webhooks",
    ]
    assert re.search(r"Other tables: +users\n", checked.stdout)


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("f5a4f2784254", ["older than MLflow 2.22.5", "`mlflow db upgrade {uri}` of MLflow 3.17.2"]),
        ("ffffffffffff", ["newer than MLflow 3.17.2", "`mlflow db upgrade {uri}` of that release"]),
    ],
)
def test_revisions_that_are_not_known_are_refused(samples, databases, tmp_path, revision, words):
    uri = samples.at(old.HEADS["3.16"])
    run_sql(uri, f"update alembic_version set version_num = '{revision}'")
    before = old.comparable(old.rows(uri)), databases.schema(uri)
    refused = db("upgrade", uri, tmp_path)
    assert refused.returncode == 1
    for word in (revision, old.NEWEST, *words):
        assert word.format(uri=uri) in refused.stderr
    assert (old.comparable(old.rows(uri)), databases.schema(uri)) == before


def test_what_owners_added_is_kept(samples, databases, tmp_path):
    uri = samples.at(old.HEADS["3.9"])
    run_sql(
        uri,
        "alter table experiments add column owner varchar(20)",
        "update experiments set owner = 'me'",
        "create index by_owner on experiments (owner)",
        "create index mlferry_by_name on runs (name)",
        "create table notes (id integer primary key, experiment_id integer references experiments (experiment_id))",
        "insert into notes values (1, 2)",
        "create view names as select name from experiments",
    )
    upgraded(uri, tmp_path)
    rows = old.rows(uri)
    assert {row["owner"] for row in rows["experiments"]} == {"me"}
    assert rows["notes"] == [{"id": 1, "experiment_id": 2}]
    engine = sa.create_engine(uri)
    assert {"by_owner"} <= {index["name"] for index in sa.inspect(engine).get_indexes("experiments")}
    assert {"mlferry_by_name"} <= {index["name"] for index in sa.inspect(engine).get_indexes("runs")}
    with engine.connect() as connection:
        assert len(connection.exec_driver_sql("select name from names").fetchall()) == old.ROWS
    engine.dispose()


def test_a_migration_that_fails_leaves_what_was_there(samples, databases, tmp_path):
    uri = samples.at(old.HEADS["3.15"])
    run_sql(uri, """update spans set dimension_attributes = '{"other": 1}' where span_id = 'span-3'""")
    before = old.comparable(old.rows(uri)), databases.schema(uri)
    refused = db("upgrade", uri, tmp_path)
    assert refused.returncode == 1
    assert "span 'span-3'" in refused.stderr
    assert "stays as it is" in refused.stderr
    assert (old.comparable(old.rows(uri)), databases.schema(uri)) == before


def start(uri: str, tmp_path: Path) -> subprocess.Popen:
    line = [binary(), "db", "upgrade", uri]
    return subprocess.Popen(line, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def with_many_traces(uri: str) -> None:
    engine = sa.create_engine(uri)
    with engine.begin() as connection:
        numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)"
        for into in (
            "insert into trace_info (request_id, experiment_id, timestamp_ms, status) {} "
            "select 'many-' || i, 1, 1, 'OK' from n",
            "insert into trace_request_metadata (request_id, key, value) {} "
            "select 'many-' || i, 'mlflow.trace.tokenUsage', '{{\"input_tokens\": ' || i || '}}' from n",
        ):
            connection.exec_driver_sql(into.format(numbers))
    engine.dispose()


def test_an_upgrade_that_is_killed_can_be_repeated(samples, databases, tmp_path):
    uri = samples.at(old.HEADS["3.9"])
    with_many_traces(uri)
    before = old.comparable(old.rows(uri)), databases.schema(uri)
    process = start(uri, tmp_path)
    assert b"Upgrading" in process.stdout.readline()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.02)
    process.kill()
    process.communicate()
    assert process.returncode == -9, "it was over too soon for this test"
    assert (old.comparable(old.rows(uri)), databases.schema(uri)) == before
    upgraded(uri, tmp_path)
    found = old.rows(uri)["trace_info"]
    assert sum(row["input_tokens"] or 0 for row in found if row["request_id"].startswith("many-")) == 8_002_000


def test_two_upgrades_at_once_do_one(samples, tmp_path):
    uri = samples.at(old.HEADS["3.3"])
    both = [start(uri, tmp_path) for _ in range(2)]
    told = [process.communicate(timeout=SECONDS) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    done = sorted(b"Done" in stdout for stdout, _ in told)
    assert done == [False, True], told
    assert db("check", uri, tmp_path).returncode == 0


def test_a_database_of_something_else_is_left_alone(databases, tmp_path):
    uri = databases.new()
    run_sql(uri, "create table users (id integer)")
    for action in ("upgrade", "check"):
        refused = db(action, uri, tmp_path)
        assert refused.returncode == 1
        assert "not MLflow's" in refused.stderr
    assert list(old.rows(uri)) == ["users"]


def test_the_command_line_is_checked(tmp_path):
    for arguments, words in (
        (("db", "check", "mysql://h/d"), "Invalid value for 'URI'"),
        (("db", "upgrade", "./mlruns"), "Invalid value for 'URI'"),
        (("db", "upgrade"), "Missing argument 'URI'"),
    ):
        refused = run_binary(*arguments, cwd=tmp_path)
        assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr
    # A check makes no database.
    assert run_binary("db", "check", "sqlite:///absent.db", cwd=tmp_path).returncode == 1
    assert list(tmp_path.iterdir()) == []
    environment = {"MLFLOW_BACKEND_STORE_URI": "sqlite:///here.db"}
    assert run_binary("db", "upgrade", cwd=tmp_path, environment=environment).returncode == 0
    assert run_binary("db", "check", cwd=tmp_path, environment=environment).returncode == 0
    assert (tmp_path / "here.db").exists()
