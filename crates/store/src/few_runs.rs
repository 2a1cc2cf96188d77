//! Searches for runs that begin with a param: where few have the value that is asked for, an index finds them, and no other run
//! of the experiments is looked at.

use crate::{
    conditions::{begins_as, is_its_beginning},
    db::{DbError, Dialect, Transaction, is_one_of},
    runs::{select_runs, select_runs_of},
    tables::{Params, Runs},
};
use mlferry_protocol::ExperimentId;
use mlferry_search::{TextComparator, TextTest, runs::RunCondition};
use sea_query::{Alias, Asterisk, Expr, ExprTrait, Order, Query, SelectStatement};

/// Runs of experiments that are all looked at in a moment.
const SOON_SEEN: u64 = 200;
/// Runs of experiments are counted so far.
const COUNTED: u64 = 20_000;
/// In the order of time, a page of runs with a value that more have is full before most are looked at.
const FEW_IN_ORDER: u64 = 1_000;

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

    /// Selects runs of all experiments that have it.
    pub(crate) fn select_runs(self, dialect: Dialect) -> SelectStatement {
        let mut ids = self.select_ids();
        match dialect {
            Dialect::Sqlite => {
                let few = || Alias::new("few");
                let belongs =
                    Expr::col((Runs::Table, Runs::RunUuid)).equals((few(), Params::RunUuid));
                // SQLite leaves what stands on both sides of a `CROSS JOIN` in its order.
                select_runs()
                    .from_clear()
                    .from_subquery(ids, few())
                    .cross_join(Runs::Table)
                    .and_where(belongs)
                    .take()
            }
            // And PostgreSQL what stands beside an `OFFSET 0`.
            Dialect::Postgres => select_runs_of(ids.offset(0).take()),
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

/// The first of the values that few runs have, of all experiments: to begin with it is less work than to look at all runs of
/// `experiments`, or at as many as it takes in the order of their start.
pub(crate) async fn find<'a>(
    transaction: &mut Transaction,
    experiments: &[ExperimentId],
    wanted: Vec<ParamValue<'a>>,
    is_by_start: bool,
) -> Result<Option<ParamValue<'a>>, DbError> {
    if wanted.is_empty() {
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
    for value in wanted {
        // The index has this order, or PostgreSQL might go through the table until it has met enough.
        let runs = value.select_ids().order_by(Params::RunUuid, Order::Asc).take();
        if count(transaction, runs, few + 1).await? <= few {
            return Ok(Some(value));
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
