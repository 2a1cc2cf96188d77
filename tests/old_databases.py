"""Databases as older releases of MLflow left them: the schema at a revision, with rows in every table."""

from __future__ import annotations

import datetime
import json

import sqlalchemy as sa

# The revision that the last patch of each minor release ends at; releases between that change nothing share one.
HEADS = {
    "2.22": "0584bdc529eb",
    "3.0": "bda7b8c39065",
    "3.2": "770bee3ae1dd",
    "3.3": "1a0cddfcaa16",
    "3.4": "71994744cf8e",
    "3.5": "bf29a5ff90ea",
    "3.8": "1bd49d398cd23",
    "3.9": "d3e4f5a6b7c8",
    "3.10": "1b5f0d9ad7c1",
    "3.11": "c3d6457b6d8a",
    "3.12": "7d34483879f0",
    "3.13": "da6fb0208061",
    "3.14": "b7e4c1a90f23",
    "3.15": "6f8d9c3b2a1e",
    "3.16": "b7e2c1a4d9f3",
}
NEWEST = "dc11669786a5"
# Rows that each table gets: one with everything set, one with what may be null left out, one of a deleted thing.
ROWS = 3
LONG = "Ω long ' \" % \\ 🦀 " * 60
TRICKY = "naïve 'quoted' \"double\" 🦀\n\t%_\\"


def create(uri: str, revision: str = NEWEST) -> None:
    """Makes MLflow's tables at a revision, with the migrations of the installed release: they never change."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    engine = sa.create_engine(uri)
    Base.metadata.create_all(engine)
    config = _get_alembic_config(uri)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def upgrade_with_reference(uri: str) -> None:
    """What `mlflow db upgrade` does."""
    from mlflow.store.db.utils import _upgrade_db

    engine = sa.create_engine(uri)
    _upgrade_db(engine)
    engine.dispose()


def rows(uri: str) -> dict[str, list[dict]]:
    """Every row of every table, as the driver gives it."""
    engine = sa.create_engine(uri)
    with engine.connect() as connection:
        found = {
            table: [dict(row) for row in connection.exec_driver_sql(f'select * from "{table}"').mappings()]
            for table in sa.inspect(connection).get_table_names()
        }
    engine.dispose()
    return found


def comparable(found: dict[str, list[dict]]) -> dict[str, list[str]]:
    """Rows as texts, in an order that does not depend on where they lie, without the time when jobs were canceled."""

    def text_of(row: dict) -> str:
        is_canceled = row.get("status") == 5
        kept = {key: value for key, value in row.items() if not (is_canceled and key == "last_update_time")}
        return json.dumps(
            kept, default=lambda value: bytes(value).hex() if isinstance(value, memoryview) else repr(value)
        )

    return {table: sorted(map(text_of, found[table])) for table in found}


def fill(uri: str) -> None:
    """Puts rows of every kind into every table there is."""
    engine = sa.create_engine(uri)
    metadata = sa.MetaData()
    metadata.reflect(engine)
    with engine.begin() as connection:
        made: dict[str, list[dict]] = {}
        for table in metadata.sorted_tables:
            if table.name in {"alembic_version", "workspaces"}:
                continue
            made[table.name] = [row_of(table, number, made) for number in range(ROWS)]
            for row in made[table.name]:
                connection.execute(table.insert().values(**row))
        fill_traces(connection, metadata.tables)
        if engine.dialect.name == "postgresql":
            last = len(made["experiments"]) + 1
            connection.execute(sa.text(f"select setval('experiments_experiment_id_seq', {last})"))
    engine.dispose()


# Values that have a meaning, by column and perhaps table.
MEANINGS = {
    "lifecycle_stage": ["active", "active", "deleted"],
    "runs.experiment_id": [1, 2, 3],
    "runs.user_id": ["me", "", TRICKY],
    "runs.start_time": [1_700_000_000_000, 0, 1_700_000_000_001],
    "runs.status": ["FINISHED", "RUNNING", "KILLED"],
    "runs.source_type": ["LOCAL", "UNKNOWN", "PROJECT"],
    "logged_models.status": [1, 2, 3],
    "model_versions.status": ["READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION"],
    "model_versions.current_stage": ["None", "Production", "Deleted_Internal"],
    "model_versions.version": [1, 2, 3],
    "trace_info.status": ["OK", "ERROR", "IN_PROGRESS"],
    "spans.status": ["OK", "ERROR", "UNSET"],
    "spans.dimension_attributes": [{"mlflow.llm.model": "m"}, None, {}],
    "spans.content": [json.dumps({"name": TRICKY, "attributes": {}})] * ROWS,
    "assessments.assessment_type": ["feedback", "expectation", "feedback"],
    "assessments.source_type": ["HUMAN", "LLM_JUDGE", "CODE"],
    "assessments.value": ['"yes"', "0.25", "true"],
    "assessments.error": ['{"error_code": "E"}', None, None],
    "assessments.assessment_metadata": ['{"a": "b"}'] * ROWS,
    "inputs.source_type": ["DATASET", "RUN_OUTPUT", "DATASET"],
    "inputs.destination_type": ["RUN", "MODEL_OUTPUT", "RUN"],
    "webhooks.status": ["ACTIVE", "DISABLED", "ACTIVE"],
    "jobs.status": [0, 1, 3],
    "params": ["{}"] * ROWS,
    "evaluation_datasets.profile": ["{}"] * ROWS,
    "evaluation_datasets.schema": ["{}"] * ROWS,
    # Never put back when a secret is read without its key.
    "secrets.masked_value": ['{"api_key": "sk-...x"}'] * ROWS,
}
# Columns that name a row of another table although no foreign key says so.
REFERENCES = {
    "inputs.source_id": "datasets.dataset_uuid",
    "inputs.destination_id": "runs.run_uuid",
    "input_tags.input_uuid": "inputs.input_uuid",
    "logged_models.source_run_id": "runs.run_uuid",
    "model_versions.run_id": "runs.run_uuid",
    "entity_associations.source_id": "trace_info.request_id",
    "entity_associations.destination_id": "runs.run_uuid",
}


def row_of(table: sa.Table, number: int, made: dict[str, list[dict]]) -> dict:
    """A row with the `number`th of each kind of value; what it refers to was made before."""
    row = {}
    for column in table.columns:
        if column.computed is not None:
            continue
        value = value_of(table, column, number)
        if value is not None or not column.nullable:
            row[column.name] = value
    for constraint in table.foreign_key_constraints:
        parent = made.get(constraint.referred_table.name)
        for own, other in zip(constraint.columns, constraint.elements, strict=True):
            if own.name in row and parent:
                row[own.name] = parent[number][other.column.name]
    return row


def value_of(table: sa.Table, column: sa.Column, number: int):
    name = f"{table.name}.{column.name}"
    if (table.name, column.name) == ("experiments", "experiment_id"):
        return number + 1
    if target := REFERENCES.get(name):
        parent = table.metadata.tables[target.split(".")[0]]
        return value_of(parent, parent.c[target.split(".")[1]], number)
    for known in (name, column.name):
        if known in MEANINGS:
            return MEANINGS[known][number]
    if column.nullable and number == 1:
        return None
    if column.name == "workspace":
        return ["default", "team-a", "default"][number] if table.name not in IN_DEFAULT_WORKSPACE else "default"
    return value_of_type(column, number)


# Tables with rows in the default workspace only: a server without workspaces opens no database where experiments
# or models, say, are elsewhere, and what belongs to them is where they are.
IN_DEFAULT_WORKSPACE = {
    "experiments",
    "webhooks",
    "evaluation_datasets",
    "registered_models",
    "model_versions",
    "registered_model_tags",
    "model_version_tags",
    "registered_model_aliases",
    "mcp_servers",
    "mcp_server_versions",
    "mcp_server_tags",
    "mcp_server_version_tags",
    "mcp_server_aliases",
    "mcp_access_endpoints",
}


def value_of_type(column: sa.Column, number: int):
    kind = column.type
    if isinstance(kind, sa.JSON):
        return {"key": TRICKY, "number": number, "nothing": None, "list": [1.5, True]}
    if isinstance(kind, sa.Boolean):
        return number % 2 == 0
    if isinstance(kind, sa.LargeBinary):
        return bytes(range(256))
    if isinstance(kind, sa.Float | sa.Numeric) and not isinstance(kind, sa.Integer):
        return [0.1, -2.5e300, 3.0][number]
    if isinstance(kind, sa.Integer):
        return [1_700_000_000_001, 1_700_000_000_002, 1_700_000_000_003][number] if is_long(kind) else number
    if isinstance(kind, sa.Date):
        return datetime.date(2024, 2, 29)
    if isinstance(kind, sa.DateTime):
        return datetime.datetime(2024, 2, 29, 12, 0, 0)
    text = f"{column.name[:8]}-{number}"
    length = getattr(kind, "length", None)
    if number == 0 and column.nullable and (length is None or length >= 100):
        return (LONG * 20)[: length or 20_000]
    if number == 2 and column.nullable and (length is None or length >= 60):
        return TRICKY
    return text[: length or None]


def is_long(kind: sa.types.TypeEngine) -> bool:
    return isinstance(kind, sa.BigInteger)


# Traces: what the newest revision keeps in columns was in rows and in JSON before.
TRACES = [
    # name, session, token usage, cost, numbers of trace_metrics
    ("plain", "session-1", '{"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}', '{"total_cost": 0.25}', {}),
    ((LONG * 10)[:8000], "s" * 250, '{"input_tokens": 1.0, "output_tokens": 1.5, "total_tokens": "7"}', "{}", {}),
    (
        TRICKY,
        None,
        '{"input_tokens": NaN, "output_tokens": true, "total_tokens": 3}',
        "not json",
        {"input_tokens": 8.0},
    ),
    (None, "", "[1, 2]", '{"input_cost": "0.5", "output_cost": Infinity, "total_cost": null}', {"input_tokens": 2.5}),
    ("", "🦀" * 250, '{"total_tokens": 123456789012345678901234567890}', '{"input_cost": true}', {"total_tokens": 9.0}),
    (None, None, '{"cache_read_input_tokens": 1, "cache_creation_input_tokens": 1e3}', '{"input_cost": 1e-7}', {}),
    ("gateway", None, None, None, {"other": 4.0}),
    (None, None, None, None, {}),
    # Numbers that no double holds, beside others; decimals as texts.
    (None, None, '{"input_tokens": 1e400, "output_tokens": 7}', '{"input_cost": -1e400, "total_cost": 0.5}', {}),
    (None, None, '{"input_tokens": "9007199254740993.0", "total_tokens": "1e-400"}', '{"total_cost": "1_"}', {}),
]
ASSESSMENTS = [
    *("1", "-0.5", "1e400", "NaN", "true", "false", '"yes"', '" No "', "YES", "null", "{}", "[1]", "", "plain text"),
    *('"0.5"', "12345678901234567890123", "0.1234567890123456789", "-0", "1.5 ", "Infinity", '"yes'),
]


def fill_traces(connection: sa.Connection, tables) -> None:
    def insert(table: str, **row) -> None:
        connection.execute(tables[table].insert().values(**row))

    is_promoted = "trace_name" in tables["trace_info"].c
    for number, (name, session, usage, cost, metrics) in enumerate(TRACES):
        trace = f"tr-{number:032x}"
        insert("trace_info", request_id=trace, experiment_id=1, timestamp_ms=1000 + number, status="OK")
        insert("trace_tags", request_id=trace, key="user tag", value=TRICKY)
        if is_promoted:
            continue
        if name is not None:
            insert("trace_tags", request_id=trace, key="mlflow.traceName", value=name)
        metadata = {"mlflow.trace.session": session, "mlflow.trace.tokenUsage": usage, "mlflow.trace.cost": cost}
        metadata |= {"mlflow.gateway.endpointId": "e"} if number in {2, 6} else {}
        for key, value in metadata.items():
            if value is not None:
                insert("trace_request_metadata", request_id=trace, key=key, value=value)
        if "trace_metrics" in tables:
            for key, value in metrics.items():
                insert("trace_metrics", request_id=trace, key=key, value=value)
    if "spans" in tables:
        fill_spans(insert, tables)
    if "assessments" in tables:
        for number, value in enumerate(ASSESSMENTS):
            row = {
                "assessment_id": f"a-{number}",
                "trace_id": f"tr-{number % len(TRACES):032x}",
                "name": "quality",
                "assessment_type": "feedback",
                "value": value,
                "created_timestamp": number,
                "last_updated_timestamp": number,
                "source_type": "HUMAN",
                "valid": True,
            }
            if "is_numeric_value" in tables["assessments"].c:
                row["is_numeric_value"] = False
            insert("assessments", **row)


DIMENSIONS = [
    {"mlflow.llm.model": "gpt", "mlflow.llm.provider": "o" * 600},
    {"mlflow.llm.model": None},
    {},
    None,
]


def fill_spans(insert, tables) -> None:
    has_dimensions = "dimension_attributes" in tables["spans"].c
    for number in range(12):
        trace, span = f"tr-{number % len(TRACES):032x}", f"span-{number}"
        row = {"dimension_attributes": DIMENSIONS[number % 4]} if has_dimensions else {}
        insert(
            "spans",
            **row,
            trace_id=trace,
            span_id=span,
            experiment_id=1,
            name=TRICKY,
            type="LLM",
            status="OK",
            start_time_unix_nano=10**18 + number,
            end_time_unix_nano=10**18 + 5 if number % 2 else None,
            content=json.dumps({"trace_id": trace, "span_id": span, "name": TRICKY}),
        )
        if "span_metrics" in tables and has_dimensions:
            for key, value in {
                "input_cost": 0.125,
                "total_cost": 0.1 * number,
                "other": 1.0,
                "output_cost": None,
            }.items():
                insert("span_metrics", trace_id=trace, span_id=span, key=key, value=value)
