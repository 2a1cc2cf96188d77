//! The latest values of metrics, which are kept beside their histories and follow from these.

use super::{
    Checkup,
    records::{RecordCheck, Severity, Which},
};
use crate::{
    StoreError,
    db::{Row, Transaction},
    metric_histories::{select_values, value_of},
    metrics::{Point, update_latest},
    reads::Question,
    run_locks,
    tables::{LatestMetrics, Metrics},
};
use mlferry_protocol::RunId;
use sea_query::{Expr, ExprTrait, Order, Query};
use std::{collections::BTreeSet, slice};

/// Latest values that are written in one transaction.
const PAGE: u64 = 500;

/// What may be wrong with latest values.
pub(super) const CHECKS: &[RecordCheck] = &[
    RecordCheck {
        check: "latest_metrics.outdated",
        severity: Severity::Problem,
        what: "metrics of runs have a latest value that is not the latest of their history, or none",
        advice: "Pages and searches show the wrong value. `mlferry doctor --fix` takes it from the history.",
        table: "metrics",
        shown: &["run_uuid", "key"],
        counts_shown: true,
        which: Which::Where(is_not_reached),
    },
    RecordCheck {
        check: "latest_metrics.unknown",
        severity: Severity::Warning,
        what: "metrics of runs have a latest value that their history does not have",
        advice: "The history lost it, or never had it. The value stays; logging a later one heals it.",
        table: "latest_metrics",
        shown: &["run_uuid", "key"],
        counts_shown: false,
        which: Which::Where(is_not_in_history),
    },
];

/// Whether a value is later than the latest that is kept for its metric. Both servers compare by these columns, in
/// this order.
fn is_not_reached() -> Expr {
    let of = [Metrics::Step, Metrics::Timestamp, Metrics::Value];
    let of = of.map(|column| Expr::col((Metrics::Table, column)));
    let latest = [LatestMetrics::Step, LatestMetrics::Timestamp, LatestMetrics::Value];
    let latest = latest.map(|column| Expr::col((LatestMetrics::Table, column)));
    let reached = Query::select()
        .expr(Expr::val(1))
        .from(LatestMetrics::Table)
        .and_where(is_same_metric())
        .and_where(Expr::tuple(latest).gte(Expr::tuple(of)))
        .take();
    // Where the run itself is gone, that is another finding.
    Expr::not_exists(reached)
        .and(Expr::exists(super::links::RUN.row_named_by("metrics", &["run_uuid"])))
}

fn is_not_in_history() -> Expr {
    let pairs = [
        (Metrics::Step, LatestMetrics::Step),
        (Metrics::Timestamp, LatestMetrics::Timestamp),
        (Metrics::Value, LatestMetrics::Value),
        (Metrics::IsNan, LatestMetrics::IsNan),
    ];
    let mut value =
        Query::select().expr(Expr::val(1)).from(Metrics::Table).and_where(is_same_metric()).take();
    for (column, latest) in pairs {
        let same = Expr::col((Metrics::Table, column)).equals((LatestMetrics::Table, latest));
        value.and_where(same);
    }
    Expr::not_exists(value)
}

fn is_same_metric() -> Expr {
    Expr::col((LatestMetrics::Table, LatestMetrics::RunUuid))
        .equals((Metrics::Table, Metrics::RunUuid))
        .and(
            Expr::col((LatestMetrics::Table, LatestMetrics::Key))
                .equals((Metrics::Table, Metrics::Key)),
        )
}

impl Checkup {
    /// Writes the latest values that are missing or not the latest, as the histories have them, and counts them.
    pub async fn rebuild_latest_metrics(&self) -> Result<u64, StoreError> {
        let (mut rebuilt, mut after) = (0, None);
        loop {
            let page = self.ask(Outdated { after }).await?;
            let Some(last) = page.last() else { return Ok(rebuilt) };
            after = Some(last.clone());
            rebuilt += page.len() as u64;
            let mut transaction = self.database.write().await?;
            let work = async move {
                rebuild(&mut transaction, &page).await?;
                Ok::<_, StoreError>(transaction.commit().await?)
            };
            self.database.apart(work, false).await??;
        }
    }
}

/// A metric of a run.
type RunAndKey = (RunId, String);

/// Metrics whose latest value is not kept, a page of them.
struct Outdated {
    after: Option<RunAndKey>,
}

impl Question for Outdated {
    type Answer = Vec<RunAndKey>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<RunAndKey>, StoreError> {
        let key = [Metrics::RunUuid, Metrics::Key];
        let mut select = Query::select();
        select.distinct().columns(key).from(Metrics::Table).and_where(is_not_reached());
        if let Some((run, name)) = &self.after {
            let last = [run.as_str(), name.as_str()].map(Expr::val);
            select.and_where(Expr::tuple(key.map(Expr::col)).gt(Expr::tuple(last)));
        }
        for column in key {
            select.order_by(column, Order::Asc);
        }
        let rows = transaction.fetch_all(select.limit(PAGE)).await?;
        let pair = |row: &Row| {
            let run = RunId::new(row.get::<String>(Metrics::RunUuid)?);
            Ok((run, row.get(Metrics::Key)?))
        };
        rows.iter().map(pair).collect()
    }
}

/// Writes the latest values of some metrics.
async fn rebuild(transaction: &mut Transaction, page: &[RunAndKey]) -> Result<(), StoreError> {
    // As those who log to them, so that nobody logs meanwhile.
    let runs: BTreeSet<&RunId> = page.iter().map(|(run, _)| run).collect();
    run_locks::lock_all(transaction, &runs).await?;
    let mut points = Vec::new();
    for (run, key) in page {
        points.extend(latest_of(transaction, run, key).await?);
    }
    Ok(update_latest(transaction, &points).await?)
}

async fn latest_of<'a>(
    transaction: &mut Transaction,
    run: &'a RunId,
    key: &'a str,
) -> Result<Option<Point<'a>>, StoreError> {
    let mut select = select_values(transaction.dialect(), slice::from_ref(run), key);
    for column in [Metrics::Step, Metrics::Timestamp, Metrics::Value] {
        select.order_by(column, Order::Desc);
    }
    let Some(row) = transaction.fetch_optional(select.limit(1)).await? else { return Ok(None) };
    let latest = value_of(&row, key)?;
    Ok(Some(Point::new(run, key, latest.step, latest.timestamp, latest.value)))
}
