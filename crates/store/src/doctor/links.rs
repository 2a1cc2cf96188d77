//! Rows that name other rows.

use super::records::{Only, RecordCheck, RecordFinding, Severity, Which};
use crate::{
    StoreError,
    associations::entity,
    db::{BrokenKey, Transaction},
    inputs::end,
    model_versions,
    reads::Question,
};
use sea_query::{Expr, ExprTrait, Query, SelectStatement};

/// A table whose rows others name.
#[derive(Debug)]
pub(super) struct Parent {
    table: &'static str,
    keys: &'static [&'static str],
    /// One of its rows in words.
    pub(super) named: &'static str,
    /// A column with a value that rows have which are there no more.
    gone: Option<(&'static str, &'static str)>,
}

impl Parent {
    const fn new(table: &'static str, keys: &'static [&'static str], named: &'static str) -> Self {
        Self { table, keys, named, gone: None }
    }

    /// The row that columns of another table name.
    pub(super) fn row_named_by(
        &self,
        table: &'static str,
        columns: &'static [&'static str],
    ) -> SelectStatement {
        let mut select = Query::select().expr(Expr::val(1)).from(self.table).take();
        for (&key, &column) in self.keys.iter().zip(columns) {
            select.and_where(Expr::col((self.table, key)).equals((table, column)));
        }
        if let Some((column, value)) = self.gone {
            let column = (self.table, column);
            let is_there = Expr::col(column).is_null().or(Expr::col(column).ne(value));
            select.and_where(is_there);
        }
        select
    }
}

static EXPERIMENT: Parent = Parent::new("experiments", &["experiment_id"], "an experiment");
pub(super) static RUN: Parent = Parent::new("runs", &["run_uuid"], "a run");
static MODEL: Parent = Parent::new("logged_models", &["model_id"], "a logged model");
static TRACE: Parent = Parent::new("trace_info", &["request_id"], "a trace");
static DATASET: Parent = Parent::new("datasets", &["dataset_uuid"], "a dataset");
static INPUT: Parent = Parent::new("inputs", &["input_uuid"], "a link");
static SCORER: Parent = Parent::new("scorers", &["scorer_id"], "a scorer");
static EVALUATION_DATASET: Parent =
    Parent::new("evaluation_datasets", &["dataset_id"], "an evaluation dataset");
static REGISTERED_MODEL: Parent =
    Parent::new("registered_models", &["workspace", "name"], "a registered model");
static VERSION: Parent = Parent {
    gone: Some(("current_stage", model_versions::DELETED)),
    ..Parent::new("model_versions", VERSION_KEY, "a model version")
};
/// Tags of versions that are deleted may stay: their rows stay, too.
static VERSION_ROW: Parent = Parent::new("model_versions", VERSION_KEY, "a model version");

const VERSION_KEY: &[&str] = &["workspace", "name", "version"];
const NAME_KEY: &[&str] = &["workspace", "name"];
const RUN_UUID: &[&str] = &["run_uuid"];
const EXPERIMENT_ID: &[&str] = &["experiment_id"];
const MODEL_ID: &[&str] = &["model_id"];
const REQUEST_ID: &[&str] = &["request_id"];
const TRACE_ID: &[&str] = &["trace_id"];
const DATASET_ID: &[&str] = &["dataset_id"];

/// Advice on rows that the database itself would not have let in.
const AGAINST_A_KEY: &str = "Nobody sees them. Something other than a server removed what they belong to: restore that from \
     a backup, or remove the rows by SQL.";

/// Advice on rows that `mlflow gc` leaves.
const LEFT_OVER: &str = "They do no harm: `mlflow gc` and older servers leave them behind.";

/// A link that the schema has a foreign key for.
const fn key(
    check: &'static str,
    what: &'static str,
    table: &'static str,
    columns: &'static [&'static str],
    parent: &'static Parent,
) -> RecordCheck {
    RecordCheck {
        check,
        severity: Severity::Problem,
        what,
        advice: AGAINST_A_KEY,
        table,
        shown: columns,
        counts_shown: false,
        which: Which::WithoutParent { columns, parent, only: None },
    }
}

/// A link that nothing but the servers keep.
const fn loose(
    check: &'static str,
    what: &'static str,
    table: &'static str,
    columns: &'static [&'static str],
    (parent, only): (&'static Parent, Only),
) -> RecordCheck {
    RecordCheck {
        severity: Severity::Warning,
        advice: LEFT_OVER,
        which: Which::WithoutParent { columns, parent, only },
        ..key(check, what, table, columns, parent)
    }
}

/// What links what.
pub(super) const CHECKS: &[RecordCheck] = &[
    key("orphans.metrics", "values of metrics name", "metrics", RUN_UUID, &RUN),
    key(
        "orphans.latest_metrics",
        "latest values of metrics name",
        "latest_metrics",
        RUN_UUID,
        &RUN,
    ),
    key("orphans.params", "params name", "params", RUN_UUID, &RUN),
    key("orphans.tags", "tags of runs name", "tags", RUN_UUID, &RUN),
    key("orphans.runs", "runs name", "runs", EXPERIMENT_ID, &EXPERIMENT),
    key(
        "orphans.experiment_tags",
        "tags of experiments name",
        "experiment_tags",
        EXPERIMENT_ID,
        &EXPERIMENT,
    ),
    key("orphans.datasets", "datasets name", "datasets", EXPERIMENT_ID, &EXPERIMENT),
    key("orphans.logged_models", "logged models name", "logged_models", EXPERIMENT_ID, &EXPERIMENT),
    key(
        "orphans.logged_model_params",
        "params of logged models name",
        "logged_model_params",
        MODEL_ID,
        &MODEL,
    ),
    key(
        "orphans.logged_model_tags",
        "tags of logged models name",
        "logged_model_tags",
        MODEL_ID,
        &MODEL,
    ),
    key(
        "orphans.logged_model_metrics",
        "metrics of logged models name",
        "logged_model_metrics",
        MODEL_ID,
        &MODEL,
    ),
    key(
        "orphans.logged_model_metric_runs",
        "metrics of logged models name",
        "logged_model_metrics",
        &["run_id"],
        &RUN,
    ),
    key(
        "orphans.model_versions",
        "model versions name",
        "model_versions",
        NAME_KEY,
        &REGISTERED_MODEL,
    ),
    key(
        "orphans.registered_model_tags",
        "tags of registered models name",
        "registered_model_tags",
        NAME_KEY,
        &REGISTERED_MODEL,
    ),
    key(
        "orphans.registered_model_aliases",
        "aliases name",
        "registered_model_aliases",
        NAME_KEY,
        &REGISTERED_MODEL,
    ),
    key(
        "orphans.model_version_tags",
        "tags of model versions name",
        "model_version_tags",
        VERSION_KEY,
        &VERSION_ROW,
    ),
    RecordCheck {
        shown: &["name", "alias"],
        advice: "Whoever asks for the alias gets an error. Give it to another version, or remove it: \
                 `MlflowClient().set_registered_model_alias` or `delete_registered_model_alias`.",
        ..key("aliases.version", "aliases name", "registered_model_aliases", VERSION_KEY, &VERSION)
    },
    key("orphans.traces", "traces name", "trace_info", EXPERIMENT_ID, &EXPERIMENT),
    key("orphans.trace_tags", "tags of traces name", "trace_tags", REQUEST_ID, &TRACE),
    key(
        "orphans.trace_metadata",
        "metadata of traces name",
        "trace_request_metadata",
        REQUEST_ID,
        &TRACE,
    ),
    key("orphans.trace_metrics", "metrics of traces name", "trace_metrics", REQUEST_ID, &TRACE),
    key("orphans.spans", "spans name", "spans", TRACE_ID, &TRACE),
    key("orphans.assessments", "assessments name", "assessments", TRACE_ID, &TRACE),
    key("orphans.scorers", "scorers name", "scorers", EXPERIMENT_ID, &EXPERIMENT),
    key(
        "orphans.scorer_versions",
        "versions of scorers name",
        "scorer_versions",
        &["scorer_id"],
        &SCORER,
    ),
    key(
        "orphans.evaluation_dataset_records",
        "records name",
        "evaluation_dataset_records",
        DATASET_ID,
        &EVALUATION_DATASET,
    ),
    key(
        "orphans.evaluation_dataset_tags",
        "tags of evaluation datasets name",
        "evaluation_dataset_tags",
        DATASET_ID,
        &EVALUATION_DATASET,
    ),
    loose(
        "links.to_runs",
        "links of datasets name",
        "inputs",
        &["destination_id"],
        (&RUN, Some(("destination_type", &[end::RUN]))),
    ),
    loose(
        "links.from_runs",
        "links of logged models name",
        "inputs",
        &["source_id"],
        (&RUN, Some(("source_type", &[end::RUN_INPUT, end::RUN_OUTPUT]))),
    ),
    loose(
        "links.datasets",
        "links of runs name",
        "inputs",
        &["source_id"],
        (&DATASET, Some(("source_type", &[end::DATASET]))),
    ),
    loose("links.tags", "tags of links name", "input_tags", &["input_uuid"], (&INPUT, None)),
    loose(
        "links.traces",
        "links of traces name",
        "entity_associations",
        &["destination_id"],
        (&RUN, Some(("destination_type", &[entity::RUN]))),
    ),
];

/// Foreign keys of the tables that are not looked at above.
pub(super) struct OtherKeys;

impl Question for OtherKeys {
    type Answer = Vec<RecordFinding>;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Vec<RecordFinding>, StoreError> {
        let broken = transaction.broken_keys().await?;
        let others = broken.into_iter().filter(|key| {
            let is_same = |check: &&RecordCheck| match &check.which {
                Which::WithoutParent { parent, .. } => {
                    check.table == key.table && parent.table == key.parent
                }
                Which::Where(_) => false,
            };
            CHECKS.iter().find(is_same).is_none()
        });
        let finding = |key: BrokenKey| RecordFinding {
            check: format!("orphans.{}", key.table),
            severity: Severity::Problem,
            what: format!(
                "rows of '{}' name a row of '{}' that is not there",
                key.table, key.parent
            ),
            count: key.rows,
            examples: Vec::new(),
            advice: AGAINST_A_KEY,
        };
        Ok(others.map(finding).collect())
    }
}
