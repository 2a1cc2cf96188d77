//! Values that several callers log at the same time, written by as many statements as for one of them.

use crate::{
    StoreError,
    db::{DbError, Dialect, Transaction},
    lifecycle::ACTIVE,
    metrics::{
        LATEST_COLUMNS, POINT_COLUMNS, Point, insertion_of_latest, insertion_of_points,
        write_points,
    },
    run_locks::{self, LockedRuns},
    tables::{Metrics, Runs},
};
use mlferry_protocol::{RunId, metrics::MetricPoint};
use sea_query::{
    CommonTableExpression, Expr, ExprTrait, IntoIden, Query, SelectStatement, WithQuery,
};
use std::collections::BTreeSet;

/// Values that a caller logs to a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logged<'a> {
    run: &'a RunId,
    metrics: &'a [MetricPoint],
}

impl<'a> Logged<'a> {
    /// Values that belong to nothing but their run; absent where one belongs to a logged model, or there are none.
    pub(crate) fn alone(run: &'a RunId, metrics: &'a [MetricPoint]) -> Option<Self> {
        let are_alone = metrics.iter().all(|metric| metric.model_id.is_none());
        (are_alone && !metrics.is_empty()).then_some(Self { run, metrics })
    }

    /// How many values there are.
    pub(crate) fn len(self) -> usize {
        self.metrics.len()
    }

    fn points(self) -> impl Iterator<Item = Point<'a>> {
        self.metrics.iter().map(move |metric| Point::of(self.run, metric))
    }
}

/// Logs values for several callers, and tells what each of them hears. Those who hear of an error have changed nothing.
pub(crate) async fn log(
    transaction: &mut Transaction,
    logged: &[Logged<'_>],
) -> Result<Vec<Result<(), StoreError>>, DbError> {
    let ids: BTreeSet<&RunId> = logged.iter().map(|logged| logged.run).collect();
    let runs = match transaction.dialect() {
        Dialect::Sqlite => {
            let runs = run_locks::lock_all(transaction, &ids).await?;
            let taken = logged.iter().filter(|logged| runs.check(logged.run).is_ok());
            let points: Vec<Point<'_>> = taken.flat_map(|logged| logged.points()).collect();
            write_points(transaction, &points).await?;
            runs
        }
        Dialect::Postgres => {
            let points: Vec<Point<'_>> = logged.iter().flat_map(|logged| logged.points()).collect();
            let write =
                lock_and_write(&ids, &points).ok_or_else(|| DbError::corrupt("no arrays"))?;
            LockedRuns::of(&transaction.execute_returning_all(&write).await?)?
        }
    };
    Ok(logged.iter().map(|logged| runs.check(logged.run)).collect())
}

/// The name of the runs in the statement.
const LOCKED: &str = "locked";

/// Locks runs, writes the values of those to which something may be logged, and returns what
/// [`run_locks::lock_all`] does: the ways to PostgreSQL and back take longer than the work. Absent where a value fits no array.
fn lock_and_write(ids: &BTreeSet<&RunId>, points: &[Point<'_>]) -> Option<WithQuery> {
    let part = |name: &'static str| CommonTableExpression::new().table_name(name).to_owned();
    let runs = run_locks::select_to_lock(Dialect::Postgres, ids);
    let (all, latest) = (insertion_of_points(points), insertion_of_latest(points));
    let returned =
        Query::select().columns([Runs::RunUuid, Runs::LifecycleStage]).from(LOCKED).take();
    let statement = WithQuery::new()
        .cte(part(LOCKED).query(runs).to_owned())
        .cte(part("points").columns(POINT_COLUMNS).query(all.arrays()?).to_owned())
        .cte(part("logged").query(all.of_selected(of_active("points", POINT_COLUMNS))?).to_owned())
        .cte(part("latest").columns(LATEST_COLUMNS).query(latest.arrays()?).to_owned())
        .cte(
            part("kept").query(latest.of_selected(of_active("latest", LATEST_COLUMNS))?).to_owned(),
        )
        .query(returned)
        .to_owned();
    Some(statement)
}

/// Selects those of the rows whose run may be written to.
fn of_active<C: IntoIden + Copy>(rows: &'static str, columns: [C; 6]) -> SelectStatement {
    let is_of_run = Expr::col((rows, Metrics::RunUuid)).equals((LOCKED, Runs::RunUuid));
    Query::select()
        .columns(columns.map(|column| (rows, column)))
        .from(rows)
        .inner_join(LOCKED, is_of_run)
        .and_where(Expr::col((LOCKED, Runs::LifecycleStage)).eq(ACTIVE))
        .take()
}
