//! Histories of one metric, in one run or in many.

use crate::{
    Store, StoreError,
    db::{DbError, Dialect, Row, Transaction, is_frequent},
    metrics::{of_run, stored_value},
    reads::{Question, cut_page},
    tables::Metrics,
};
use mlferry_protocol::{
    RunId,
    metric_histories::{GetMetricHistoryBulk, GetMetricHistoryBulkResponse},
    metrics::{GetMetricHistory, GetMetricHistoryResponse, HistoryPlace, HistoryStart, Metric},
};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use std::{cmp, slice};

/// Values of other runs that are read over for each one of a page, before those of the run are looked for alone.
const READ_OVER: u64 = 4;

/// What tells two values of a metric of a run apart, the oldest first.
const BY_TIME: [Metrics; 4] = [Metrics::Timestamp, Metrics::Step, Metrics::Value, Metrics::IsNan];

impl Store {
    /// All values of a metric of a run, or a page of them. A run that does not exist has none.
    pub async fn get_metric_history(
        &self,
        request: GetMetricHistory,
    ) -> Result<GetMetricHistoryResponse, StoreError> {
        self.ask(request).await
    }

    /// Values of a metric in many runs, oldest first within each run. Unknown runs have none.
    pub async fn get_metric_history_bulk(
        &self,
        request: GetMetricHistoryBulk,
    ) -> Result<GetMetricHistoryBulkResponse, StoreError> {
        self.ask(request).await
    }
}

impl Question for GetMetricHistory {
    type Answer = GetMetricHistoryResponse;
    /// Whatever leads to the page, one statement reads all of it.
    const IS_SINGLE: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let mut rows = read_page(transaction, self).await?;
        let has_more = self.max_results.is_some_and(|page| cut_page(&mut rows, page));
        let next_page_token = match rows.last() {
            Some(last) if has_more => Some(HistoryStart::After(place_of(last)?)),
            _ => None,
        };
        let metrics = rows.iter().map(|row| value_of(row, &self.metric_key));
        let metrics = metrics.collect::<Result<_, DbError>>()?;
        Ok(GetMetricHistoryResponse { metrics, next_page_token })
    }
}

/// The values of a page, and one more where there is another page.
async fn read_page(
    transaction: &mut Transaction,
    request: &GetMetricHistory,
) -> Result<Vec<Row>, DbError> {
    let dialect = transaction.dialect();
    let mut of_run = select_values(dialect, slice::from_ref(&request.run_id), &request.metric_key);
    let (offset, after) = match request.start {
        HistoryStart::Offset(token) => (token.offset(), None),
        HistoryStart::After(place) => (0, Some(place)),
    };
    let is_after = after.map(|place| by_time().gt(in_order(place)));
    // SQLite takes an offset with a limit only.
    let wanted = rows_of(request.max_results.unwrap_or(u64::MAX), 1);
    of_run.and_where_option(is_after.clone()).offset(offset).limit(wanted);
    if let Some(page) = request.max_results
        && offset == 0
        && is_longer(transaction, request, rows_of(page, READ_OVER)).await?
    {
        let nearby = select_nearby(request, after, rows_of(page, READ_OVER))
            .and_where_option(is_after)
            .limit(wanted)
            .take();
        let rows = transaction.fetch_all(&oldest_first(nearby)).await?;
        if rows.len() as u64 > page {
            return Ok(rows);
        }
    }
    transaction.fetch_all(&oldest_first(of_run)).await
}

/// So many rows as a page and one more have, `times` over, as far as databases count.
fn rows_of(page: u64, times: u64) -> u64 {
    cmp::min(page.saturating_add(1).saturating_mul(times), i64::MAX as u64)
}

/// Whether a run has more than so many values of a metric.
async fn is_longer(
    transaction: &mut Transaction,
    request: &GetMetricHistory,
    count: u64,
) -> Result<bool, DbError> {
    let run = slice::from_ref(&request.run_id);
    let select = select_values(transaction.dialect(), run, &request.metric_key)
        .clear_selects()
        .expr(Expr::val(1))
        .offset(count)
        .limit(1)
        .take();
    Ok(transaction.fetch_optional(&select).await?.is_some())
}

/// Values of the run among the next of all runs, which the primary key has in this very order: a page of a long history is
/// next to the one before, whereas no index has the values of one run by their time.
fn select_nearby(
    request: &GetMetricHistory,
    after: Option<HistoryPlace>,
    count: u64,
) -> SelectStatement {
    let [timestamp, step, value, is_nan] = BY_TIME;
    let mut next = Query::select()
        .columns([Metrics::RunUuid].into_iter().chain(BY_TIME))
        .from(Metrics::Table)
        .and_where(Expr::col(Metrics::Key).eq(request.metric_key.as_str()))
        .limit(count)
        .take();
    if let Some(place) = after {
        let place = Expr::tuple([place.timestamp.into(), place.step.into()]);
        next.and_where(Expr::tuple([timestamp, step].map(Expr::col)).gte(place));
    }
    for column in [timestamp, step, Metrics::RunUuid, value, is_nan] {
        next.order_by(column, Order::Asc);
    }
    Query::select()
        .columns([Metrics::RunUuid].into_iter().chain(BY_TIME))
        .from_subquery(next, "next")
        .and_where(Expr::col(Metrics::RunUuid).eq(request.run_id.as_str()))
        .take()
}

fn oldest_first(mut select: SelectStatement) -> SelectStatement {
    for column in BY_TIME {
        select.order_by(column, Order::Asc);
    }
    select
}

fn by_time() -> Expr {
    Expr::tuple(BY_TIME.map(Expr::col))
}

fn in_order(place: HistoryPlace) -> Expr {
    let HistoryPlace { timestamp, step, value, is_nan } = place;
    Expr::tuple([timestamp.into(), step.into(), value.into(), is_nan.into()])
}

impl Question for GetMetricHistoryBulk {
    type Answer = GetMetricHistoryBulkResponse;
    const IS_SINGLE: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let mut select = select_values(transaction.dialect(), &self.run_ids, &self.metric_key);
        select.order_by(Metrics::RunUuid, Order::Asc).limit(self.max_results);
        let rows = transaction.fetch_all(&oldest_first(select)).await?;
        let metrics = rows.iter().map(|row| metric_of(row, &self.metric_key));
        Ok(GetMetricHistoryBulkResponse { metrics: metrics.collect::<Result<_, _>>()? })
    }
}

/// Selects all values of a metric of some runs.
pub(crate) fn select_values(dialect: Dialect, runs: &[RunId], key: &str) -> SelectStatement {
    let is_of_runs = Expr::col(Metrics::RunUuid).is_in(runs.iter().map(RunId::as_str));
    select_values_where(dialect, is_of_runs, key)
}

/// Selects all values of a metric of the runs that a condition tells.
pub(crate) fn select_values_where(
    dialect: Dialect,
    is_of_runs: Expr,
    key: &str,
) -> SelectStatement {
    Query::select()
        .columns([Metrics::RunUuid].into_iter().chain(BY_TIME))
        .from(Metrics::Table)
        .and_where(is_of_runs)
        .and_where(is_frequent(dialect, Expr::col(Metrics::Key), key))
        .take()
}

/// A value with the run that it is of.
pub(crate) fn metric_of(row: &Row, key: &str) -> Result<Metric, DbError> {
    let run_id = Some(RunId::new(row.get::<String>(Metrics::RunUuid)?));
    Ok(Metric { run_id, ..value_of(row, key)? })
}

/// A value without its run.
pub(crate) fn value_of(row: &Row, key: &str) -> Result<Metric, DbError> {
    let HistoryPlace { timestamp, step, value, is_nan } = place_of(row)?;
    Ok(of_run(key.to_owned(), stored_value(value, is_nan), timestamp, step))
}

fn place_of(row: &Row) -> Result<HistoryPlace, DbError> {
    Ok(HistoryPlace {
        timestamp: row.get(Metrics::Timestamp)?,
        step: row.get(Metrics::Step)?,
        value: row.get(Metrics::Value)?,
        is_nan: row.get(Metrics::IsNan)?,
    })
}
