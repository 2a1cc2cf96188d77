//! Samples of histories, for charts.

use crate::{
    Store, StoreError,
    conditions::join_rows,
    db::{DbError, Dialect, Transaction, is_one_of, is_one_of_texts, list},
    metric_histories::{metric_of, select_values, select_values_where},
    reads::Question,
    tables::{Metrics, Runs},
};
use mlferry_protocol::{
    RunId,
    metric_histories::{GetMetricHistoryBulkInterval, GetMetricHistoryBulkIntervalResponse},
    metrics::Metric,
};
use sea_query::{
    Condition, Expr, ExprTrait, Func, JoinType, Order, OverStatement, Query, SelectStatement,
    SubQueryStatement, WindowStatement,
};
use std::{collections::HashMap, slice};

/// Values of a run that are counted for its sample. From a longer history come values at about even distances between
/// its first and its last step, which the index finds without a look at all others.
const COUNTED: u64 = 10_000;

/// What tells two values of a metric of a run apart, in the order of a chart.
const BY_STEP: [Metrics; 4] = [Metrics::Step, Metrics::Timestamp, Metrics::Value, Metrics::IsNan];

/// A step that is looked for.
const TARGET: &str = "target";
/// The part of a run's values, all of about the same size, that a value is in.
const BUCKET: &str = "bucket";
/// The place of a value in its bucket or at its step, from 1.
const PLACE: &str = "place";
/// The place of a value in its run, from 1, counted from the last.
const FROM_LAST: &str = "from_last";

impl Store {
    /// A sample of the values of a metric in many runs: evenly spread, with the last of each run.
    pub async fn get_metric_history_bulk_interval(
        &self,
        request: GetMetricHistoryBulkInterval,
    ) -> Result<GetMetricHistoryBulkIntervalResponse, StoreError> {
        self.ask(request).await
    }
}

impl Question for GetMetricHistoryBulkInterval {
    type Answer = GetMetricHistoryBulkIntervalResponse;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let mut found: HashMap<RunId, Vec<Metric>> = HashMap::new();
        for run in long_histories(transaction, self).await? {
            // Boxed, since few histories are long, and what is asked of one is.
            if let Some(sample) = Box::pin(sample_by_step(transaction, self, &run)).await? {
                found.insert(run, sample);
            }
        }
        let counted = self.run_ids.iter().filter(|run| !found.contains_key(*run));
        let counted: Vec<RunId> = counted.cloned().collect();
        if !counted.is_empty() {
            found.extend(sample_by_count(transaction, self, &counted).await?);
        }
        // A run that is named twice is answered twice.
        let metrics = self.run_ids.iter().filter_map(|run| found.get(run)).flatten().cloned();
        Ok(GetMetricHistoryBulkIntervalResponse { metrics: metrics.collect() })
    }
}

/// The runs that have more values than are counted.
async fn long_histories(
    transaction: &mut Transaction,
    request: &GetMetricHistoryBulkInterval,
) -> Result<Vec<RunId>, DbError> {
    let dialect = transaction.dialect();
    let is_of_run =
        Expr::col((Metrics::Table, Metrics::RunUuid)).equals((Runs::Table, Runs::RunUuid));
    let beyond =
        within_steps(select_values_where(dialect, is_of_run, &request.metric_key), request)
            .clear_selects()
            .expr(Expr::val(1))
            .offset(COUNTED)
            .limit(1)
            .take();
    let ids: Vec<&str> = request.run_ids.iter().map(RunId::as_str).collect();
    let select = Query::select()
        .column(Runs::RunUuid)
        .from(Runs::Table)
        .and_where(is_one_of_texts(dialect, Expr::col(Runs::RunUuid), &ids))
        .and_where(Expr::exists(beyond))
        .take();
    let rows = transaction.fetch_all(&select).await?;
    rows.iter().map(|row| Ok(RunId::new(row.get::<String>(Runs::RunUuid)?))).collect()
}

/// The first value of each bucket of each run, and the last value of the run.
async fn sample_by_count(
    transaction: &mut Transaction,
    request: &GetMetricHistoryBulkInterval,
    runs: &[RunId],
) -> Result<HashMap<RunId, Vec<Metric>>, DbError> {
    let sample = select_by_count(transaction.dialect(), request, runs);
    let mut found: HashMap<RunId, Vec<Metric>> = HashMap::new();
    for row in transaction.fetch_all(&sample).await? {
        let run = RunId::new(row.get::<String>(Metrics::RunUuid)?);
        found.entry(run).or_default().push(metric_of(&row, &request.metric_key)?);
    }
    for values in found.values_mut() {
        make_room(values, request);
    }
    Ok(found)
}

/// compat: the last value takes the place of the one before, where there is no more room.
fn make_room(values: &mut Vec<Metric>, request: &GetMetricHistoryBulkInterval) {
    if values.len() > usize::from(request.max_results) {
        values.remove(values.len() - 2);
    }
}

fn select_by_count(
    dialect: Dialect,
    request: &GetMetricHistoryBulkInterval,
    runs: &[RunId],
) -> SelectStatement {
    let buckets = Func::cust("ntile").arg(i32::from(request.max_results));
    let bucketed = within_steps(select_values(dialect, runs, &request.metric_key), request)
        .expr_window_as(buckets, window(&Order::Asc), BUCKET)
        .expr_window_as(row_number(), window(&Order::Desc), FROM_LAST)
        .take();
    let mut within = window(&Order::Asc);
    within.add_partition_by(Expr::col(BUCKET));
    let ranked = Query::select()
        .columns([Metrics::RunUuid].into_iter().chain(BY_STEP))
        .column(FROM_LAST)
        .expr_window_as(row_number(), within, PLACE)
        .from_subquery(bucketed, "bucketed")
        .take();
    first_and_last(ranked)
}

/// Those of the values that are at the steps which are looked at.
fn within_steps(
    mut select: SelectStatement,
    request: &GetMetricHistoryBulkInterval,
) -> SelectStatement {
    if let Some((start, end)) = request.steps {
        select.and_where(Expr::col(Metrics::Step).between(start, end));
    }
    select
}

fn row_number() -> Expr {
    Func::cust("row_number").into()
}

/// Those of the ranked values that are the first where they are, or the last of all.
fn first_and_last(ranked: SelectStatement) -> SelectStatement {
    let is_chosen = Condition::any().add(Expr::col(PLACE).eq(1)).add(Expr::col(FROM_LAST).eq(1));
    let mut sample = Query::select()
        .columns([Metrics::RunUuid].into_iter().chain(BY_STEP))
        .from_subquery(ranked, "ranked")
        .cond_where(is_chosen)
        .take();
    for column in BY_STEP {
        sample.order_by(column, Order::Asc);
    }
    sample
}

/// The values of each run by step.
fn window(order: &Order) -> WindowStatement {
    let mut window = WindowStatement::partition_by(Metrics::RunUuid);
    for column in BY_STEP {
        window.order_by(column, order.clone());
    }
    window
}

/// A sample of a long history; absent where its steps are so few or so unevenly spread that hardly any would be found.
async fn sample_by_step(
    transaction: &mut Transaction,
    request: &GetMetricHistoryBulkInterval,
    run: &RunId,
) -> Result<Option<Vec<Metric>>, DbError> {
    let dialect = transaction.dialect();
    let values = select_values(dialect, slice::from_ref(run), &request.metric_key);
    let values = within_steps(values, request);
    let step = values.clone().clear_selects().column(Metrics::Step).limit(1).take();
    let next = step.clone().order_by(Metrics::Step, Order::Asc).take();
    let first = step_of(transaction, next.clone()).await?;
    let last =
        step_of(transaction, step.clone().order_by(Metrics::Step, Order::Desc).take()).await?;
    let (Some(first), Some(last)) = (first, last) else { return Ok(None) };

    let targets = evenly_spread(first, last, request.max_results);
    let steps = select_next(dialect, next, &targets);
    let steps = transaction.fetch_all(&steps).await?;
    if steps.len() < targets.len() / 2 {
        return Ok(None);
    }
    let steps = steps.iter().map(|row| row.get(Metrics::Step));
    let steps = steps.collect::<Result<Vec<i64>, _>>()?;
    let mut at_step = window(&Order::Asc);
    at_step.add_partition_by(Expr::col(Metrics::Step));
    let ranked = select_at(dialect, values, &steps)
        .expr_window_as(row_number(), at_step, PLACE)
        .expr_window_as(row_number(), window(&Order::Desc), FROM_LAST)
        .take();
    let rows = transaction.fetch_all(&first_and_last(ranked)).await?;
    let mut values = rows
        .iter()
        .map(|row| metric_of(row, &request.metric_key))
        .collect::<Result<Vec<_>, _>>()?;
    make_room(&mut values, request);
    Ok(Some(values))
}

async fn step_of(
    transaction: &mut Transaction,
    select: SelectStatement,
) -> Result<Option<i64>, DbError> {
    let row = transaction.fetch_optional(&select).await?;
    row.map(|row| row.get(Metrics::Step)).transpose()
}

/// Selects those of the values that are at some steps.
fn select_at(dialect: Dialect, mut values: SelectStatement, steps: &[i64]) -> SelectStatement {
    match dialect {
        Dialect::Sqlite => values.and_where(is_one_of(Metrics::Step, steps.iter().copied())).take(),
        // A run that is newer than its statistics seems to have next to no values, and PostgreSQL would read all of them by
        // another index than the one that has this order.
        Dialect::Postgres => {
            let list = list(dialect, steps, TARGET);
            let target = || Expr::col((TARGET, list.column.clone()));
            let at_step = values
                .and_where(Expr::col(Metrics::Step).gte(target()))
                .and_where(Expr::col(Metrics::Step).lte(target()))
                .order_by(Metrics::Step, Order::Asc)
                .take();
            let mut select = Query::select()
                .columns([Metrics::RunUuid].into_iter().chain(BY_STEP))
                .from_function(list.rows, TARGET)
                .take();
            join_rows(&mut select, JoinType::InnerJoin, at_step, Metrics::Table);
            select
        }
    }
}

/// Selects for each of the targets the step at it or next after it, as `next` finds one.
fn select_next(dialect: Dialect, mut next: SelectStatement, targets: &[i64]) -> SelectStatement {
    let list = list(dialect, targets, TARGET);
    next.and_where(Expr::col(Metrics::Step).gte(Expr::col((TARGET, list.column))));
    Query::select()
        .distinct()
        .expr_as(SubQueryStatement::SelectStatement(next), Metrics::Step)
        .from_function(list.rows, TARGET)
        .take()
}

/// So many steps from the first to the last, both included; of one, the last.
fn evenly_spread(first: i64, last: i64, count: u16) -> Vec<i64> {
    let gaps = i128::from(count.saturating_sub(1)).max(1);
    let distance = i128::from(last) - i128::from(first);
    let from_last = (0..i128::from(count)).map(|gap| i128::from(last) - distance * gap / gaps);
    // None is beyond the two.
    from_last.filter_map(|step| i64::try_from(step).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spread_from_the_first_to_the_last() {
        assert_eq!(evenly_spread(0, 10, 3), [10, 5, 0]);
        assert_eq!(evenly_spread(-3, 7, 1), [7]);
        assert_eq!(evenly_spread(4, 4, 2), [4, 4]);
        assert_eq!(evenly_spread(i64::MIN, i64::MAX, 2), [i64::MAX, i64::MIN]);
    }
}
