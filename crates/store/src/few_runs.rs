//! Searches for runs that begin with a param or a metric: where few have the value that is asked for, an index finds them, and no
//! other run of the experiments is looked at.

use crate::{
    conditions::{begins_as, is_its_beginning, metric_test},
    db::{DbError, Dialect, Transaction, is_one_of, list},
    runs::{select_runs, select_runs_of},
    tables::{LatestMetrics, Params, Runs},
};
use mlferry_protocol::ExperimentId;
use mlferry_search::{NumberComparator, TextComparator, TextTest, runs::RunCondition};
use sea_query::{Asterisk, Expr, ExprTrait, Order, Query, SelectStatement};

/// Runs of experiments that are all looked at in a moment.
const SOON_SEEN: u64 = 200;
/// Runs of experiments are counted so far.
const COUNTED: u64 = 20_000;
/// In the order of time, a page of runs with a value that more have is full before most are looked at.
const FEW_IN_ORDER: u64 = 1_000;
/// Runs whose metric fulfils a condition are gathered so far.
const GATHERED: u64 = 1_000;

/// What the subquery is called that selects the ids of few runs.
const FEW: &str = "few";

/// Runs that a search begins with, of all experiments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Few<'a> {
    /// Those that have a param.
    With(ParamValue<'a>),
    /// Those whose metric was seen to fulfil a condition, on SQLite.
    Gathered(Vec<String>),
}

impl Few<'_> {
    /// Selects them.
    pub(crate) fn select_runs(&self, dialect: Dialect) -> SelectStatement {
        let mut ids = match self {
            Self::With(value) => value.select_ids(),
            Self::Gathered(ids) => {
                let list = list(dialect, ids, FEW);
                let id = Expr::col((FEW, list.column));
                Query::select().expr_as(id, Runs::RunUuid).from_function(list.rows, FEW).take()
            }
        };
        match dialect {
            Dialect::Sqlite => {
                let belongs = Expr::col((Runs::Table, Runs::RunUuid)).equals((FEW, Runs::RunUuid));
                // SQLite leaves what stands on both sides of a `CROSS JOIN` in its order.
                select_runs()
                    .from_clear()
                    .from_subquery(ids, FEW)
                    .cross_join(Runs::Table)
                    .and_where(belongs)
                    .take()
            }
            // And PostgreSQL what stands beside an `OFFSET 0`.
            Dialect::Postgres => select_runs_of(ids.offset(0).take()),
        }
    }
}

/// A param whose value is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParamValue<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> ParamValue<'a> {
    /// What a condition asks for, if an index has it.
    pub(crate) fn of(condition: &'a RunCondition) -> Option<Self> {
        match condition {
            RunCondition::Param { key, test: TextTest::Compare(TextComparator::Equal, value) }
                if is_its_beginning(value) =>
            {
                Some(Self { key, value })
            }
            _ => None,
        }
    }

    fn select_ids(self) -> SelectStatement {
        Query::select()
            .column(Params::RunUuid)
            .from(Params::Table)
            .and_where(Expr::col(Params::Key).eq(self.key))
            .and_where(begins_as("value", self.value))
            .take()
    }
}

/// A condition on a metric.
#[derive(Debug, Clone, Copy)]
struct MetricTest<'a> {
    key: &'a str,
    comparator: NumberComparator,
    value: f64,
}

impl<'a> MetricTest<'a> {
    fn of(condition: &'a RunCondition) -> Option<Self> {
        match condition {
            RunCondition::Metric { key, comparator, value } => {
                Some(Self { key, comparator: *comparator, value: *value })
            }
            _ => None,
        }
    }

    /// Selects the ids of runs that have the metric, in the order of the index by key.
    fn select_ids(&self) -> SelectStatement {
        Query::select()
            .column(LatestMetrics::RunUuid)
            .from(LatestMetrics::Table)
            .and_where(Expr::col(LatestMetrics::Key).eq(self.key))
            .order_by(LatestMetrics::RunUuid, Order::Asc)
            .take()
    }

    /// The ids of the runs that fulfil it, unless they are more than are gathered.
    async fn gather(self, transaction: &mut Transaction) -> Result<Option<Vec<String>>, DbError> {
        let fulfils = metric_test(self.comparator, self.value);
        let ids = self.select_ids().and_where(fulfils).limit(GATHERED + 1).take();
        let rows = transaction.fetch_all(&ids).await?;
        let ids = rows.iter().map(|row| row.get(LatestMetrics::RunUuid));
        let ids = ids.collect::<Result<Vec<String>, _>>()?;
        Ok((ids.len() as u64 <= GATHERED).then_some(ids))
    }
}

/// Few runs that are known to be all that can be found: to begin with them is less work than to look at all runs of `experiments`, or
/// at as many as it takes in the order of their start.
pub(crate) async fn find<'a>(
    transaction: &mut Transaction,
    experiments: &[ExperimentId],
    conditions: &'a [RunCondition],
    is_by_start: bool,
) -> Result<Option<Few<'a>>, DbError> {
    let params: Vec<_> = conditions.iter().filter_map(ParamValue::of).collect();
    // An index has the order, and a page may be full before most runs are looked at.
    let is_soon_full = is_by_start && experiments.len() == 1;
    let metrics: Vec<_> = match transaction.dialect() {
        Dialect::Sqlite if !is_soon_full => conditions.iter().filter_map(MetricTest::of).collect(),
        // PostgreSQL reads a page for each row, whatever leads it there.
        Dialect::Sqlite | Dialect::Postgres => Vec::new(),
    };
    if params.is_empty() && metrics.is_empty() {
        return Ok(None);
    }
    let experiments = experiments.iter().map(|id| id.0);
    let runs = Query::select()
        .column(Runs::RunUuid)
        .from(Runs::Table)
        .and_where(is_one_of(Runs::ExperimentId, experiments))
        .take();
    let runs = count(transaction, runs, COUNTED).await?;
    if runs <= SOON_SEEN {
        return Ok(None);
    }
    // To look at a run with the value takes about as long as to look whether a run has it.
    let few = runs * 3 / 4;
    let few = if is_by_start { Ord::min(few, FEW_IN_ORDER) } else { few };
    for value in params {
        // The index has this order, or PostgreSQL might go through the table until it has met enough.
        let runs = value.select_ids().order_by(Params::RunUuid, Order::Asc).take();
        if count(transaction, runs, few + 1).await? <= few {
            return Ok(Some(Few::With(value)));
        }
    }
    for metric in metrics {
        // Values in the order of their index are met in half the time that it takes to look each of them up.
        if count(transaction, metric.select_ids(), runs + 1).await? <= runs
            && let Some(ids) = metric.gather(transaction).await?
        {
            return Ok(Some(Few::Gathered(ids)));
        }
    }
    Ok(None)
}

/// How many rows there are, at most `limit`.
async fn count(
    transaction: &mut Transaction,
    mut rows: SelectStatement,
    limit: u64,
) -> Result<u64, DbError> {
    const COUNT: &str = "count";
    let select = Query::select()
        .expr_as(Expr::col(Asterisk).count(), COUNT)
        .from_subquery(rows.limit(limit).take(), "found")
        .take();
    let row = transaction.fetch_optional(&select).await?.ok_or_else(DbError::no_row)?;
    let count: i64 = row.get(COUNT)?;
    Ok(count.unsigned_abs())
}
