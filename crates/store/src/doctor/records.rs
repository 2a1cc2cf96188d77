//! Checks of rows: how many there are that should not be, and which.

use super::links::Parent;
use crate::{
    StoreError,
    db::Transaction,
    lifecycle::{ACTIVE, DELETED},
    reads::Question,
};
use mlferry_protocol::{WireEnum, logged_models::LoggedModelStatus, runs::RunStatus};
use sea_query::{Expr, ExprTrait, Query, SelectStatement};

/// Rows that are named of each kind.
const EXAMPLES: u64 = 5;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is lost or wrong by it.
    Warning,
    /// Somebody sees something wrong, or does not see what they should.
    Problem,
}

/// Rows that should not be as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFinding {
    /// A name that stays the same from release to release.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong with them, to be read after their number.
    pub what: String,
    /// How many there are.
    pub count: u64,
    /// The first few, by what tells a person which they are.
    pub examples: Vec<String>,
    /// What to do.
    pub advice: &'static str,
}

/// A kind of rows that should not be.
#[derive(Debug)]
pub(super) struct RecordCheck {
    pub(super) check: &'static str,
    pub(super) severity: Severity,
    pub(super) what: &'static str,
    pub(super) advice: &'static str,
    pub(super) table: &'static str,
    /// The columns that tell a person which row it is.
    pub(super) shown: &'static [&'static str],
    /// Whether rows that show the same count once.
    pub(super) counts_shown: bool,
    pub(super) which: Which,
}

/// Which rows they are.
#[derive(Debug)]
pub(super) enum Which {
    /// Those whose columns name no row of another table.
    WithoutParent { columns: &'static [&'static str], parent: &'static Parent, only: Only },
    /// Those for which this is true.
    Where(fn() -> Expr),
}

/// The rows that a link is looked for in: all, or those with one of these values in a column.
pub(super) type Only = Option<(&'static str, &'static [&'static str])>;

impl RecordCheck {
    /// What is wrong, to be read after a number.
    fn words(&self) -> String {
        match &self.which {
            Which::WithoutParent { parent, .. } => {
                format!("{} {} that is not there", self.what, parent.named)
            }
            Which::Where(_) => self.what.to_owned(),
        }
    }

    /// The rows, by what is shown of them.
    fn rows(&self) -> SelectStatement {
        let mut select = Query::select();
        select.from(self.table);
        for &column in self.shown {
            select.expr(Expr::col((self.table, column)).cast_as("text"));
        }
        if self.counts_shown {
            select.distinct();
        }
        match &self.which {
            Which::WithoutParent { columns, parent, only } => {
                for &column in *columns {
                    select.and_where(Expr::col((self.table, column)).is_not_null());
                }
                if let Some((column, values)) = only {
                    let is_meant = Expr::col((self.table, *column)).is_in(values.iter().copied());
                    select.and_where(is_meant);
                }
                select.and_where(Expr::not_exists(parent.row_named_by(self.table, columns)));
            }
            Which::Where(condition) => {
                select.and_where(condition());
            }
        }
        select
    }
}

impl Question for &'static RecordCheck {
    type Answer = Option<RecordFinding>;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Option<RecordFinding>, StoreError> {
        let rows =
            Query::select().expr(Expr::cust("count(*)")).from_subquery(self.rows(), "found").take();
        let count: i64 = match transaction.fetch_optional(&rows).await? {
            Some(row) => row.get_at(0)?,
            None => 0,
        };
        let Some(count) = u64::try_from(count).ok().filter(|count| *count > 0) else {
            return Ok(None);
        };
        let some = self.rows().distinct().limit(EXAMPLES).take();
        let mut examples = Vec::new();
        for row in transaction.fetch_all(&some).await? {
            let values = (0..self.shown.len()).map(|index| row.get_at::<Option<String>>(index));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            let values: Vec<String> = values.into_iter().map(Option::unwrap_or_default).collect();
            examples.push(values.join("/"));
        }
        let RecordCheck { check, severity, advice, .. } = *self;
        let check = (*check).to_owned();
        let what = self.words();
        Ok(Some(RecordFinding { check, severity: *severity, what, count, examples, advice }))
    }
}

/// Advice on values that no server writes.
const NOT_BY_SERVERS: &str = "No server writes that. Find out what changed the database, and correct the rows by SQL or \
     restore a backup.";

const fn state(
    check: &'static str,
    severity: Severity,
    what: &'static str,
    (table, shown): (&'static str, &'static [&'static str]),
    condition: fn() -> Expr,
    advice: &'static str,
) -> RecordCheck {
    let which = Which::Where(condition);
    RecordCheck { check, severity, what, advice, table, shown, counts_shown: false, which }
}

const RUNS: (&str, &[&str]) = ("runs", &["run_uuid"]);
const MODELS: (&str, &[&str]) = ("logged_models", &["model_id"]);

/// States that can't be.
pub(super) const STATES: &[RecordCheck] = &[
    state(
        "runs.status",
        Severity::Problem,
        "runs have a status that is none",
        RUNS,
        || is_none_of("status", RunStatus::VALUES.iter().map(|(_, _, name)| *name)),
        NOT_BY_SERVERS,
    ),
    state(
        "runs.lifecycle_stage",
        Severity::Problem,
        "runs are neither active nor deleted",
        RUNS,
        || is_none_of("lifecycle_stage", [ACTIVE, DELETED].into_iter()),
        NOT_BY_SERVERS,
    ),
    state(
        "runs.deleted_time",
        Severity::Warning,
        "runs are deleted, and nobody knows since when",
        RUNS,
        || Expr::col("lifecycle_stage").eq(DELETED).and(Expr::col("deleted_time").is_null()),
        "`mlferry gc` and `mlflow gc` pass over them. Remove them with `mlferry gc --run-ids IDS`, or restore them.",
    ),
    state(
        "runs.active_deleted_time",
        Severity::Warning,
        "runs are active, and have a time of deletion",
        RUNS,
        || Expr::col("lifecycle_stage").eq(ACTIVE).and(Expr::col("deleted_time").is_not_null()),
        NOT_BY_SERVERS,
    ),
    state(
        "experiments.lifecycle_stage",
        Severity::Problem,
        "experiments are neither active nor deleted",
        ("experiments", &["experiment_id"]),
        || is_none_of("lifecycle_stage", [ACTIVE, DELETED].into_iter()),
        NOT_BY_SERVERS,
    ),
    state(
        "logged_models.status",
        Severity::Problem,
        "logged models have a status that is none",
        MODELS,
        || {
            let known = LoggedModelStatus::VALUES.iter().map(|(_, number, _)| *number);
            Expr::col("status").is_not_in(known)
        },
        NOT_BY_SERVERS,
    ),
    state(
        "logged_models.lifecycle_stage",
        Severity::Problem,
        "logged models are neither active nor deleted",
        MODELS,
        || is_none_of("lifecycle_stage", [ACTIVE, DELETED].into_iter()),
        NOT_BY_SERVERS,
    ),
];

fn is_none_of(column: &'static str, known: impl Iterator<Item = &'static str>) -> Expr {
    Expr::col(column).is_null().or(Expr::col(column).is_not_in(known))
}
