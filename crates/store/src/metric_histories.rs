//! Histories of one metric in many runs.

use crate::{
    Store, StoreError,
    db::{DbError, Row, Transaction},
    metrics::{of_run, stored_value},
    reads::Question,
    tables::Metrics,
};
use mlferry_protocol::{
    RunId,
    metric_histories::{
        GetMetricHistoryBulk, GetMetricHistoryBulkInterval, GetMetricHistoryBulkIntervalResponse,
        GetMetricHistoryBulkResponse,
    },
    metrics::Metric,
};
use sea_query::{
    Condition, Expr, ExprTrait, Func, Order, OverStatement, Query, SelectStatement, WindowStatement,
};
use std::collections::HashMap;

/// What tells two values of a metric of a run apart, in the order of a chart.
const BY_STEP: [Metrics; 4] = [Metrics::Step, Metrics::Timestamp, Metrics::Value, Metrics::IsNan];

/// The part of a run's values, all of about the same size, that a value is in.
const BUCKET: &str = "bucket";
/// The place of a value in its bucket, from 1.
const IN_BUCKET: &str = "in_bucket";
/// The place of a value in its run, from 1, counted from the last.
const FROM_LAST: &str = "from_last";

impl Store {
    /// Values of a metric in many runs, oldest first within each run. Unknown runs have none.
    pub async fn get_metric_history_bulk(
        &self,
        request: GetMetricHistoryBulk,
    ) -> Result<GetMetricHistoryBulkResponse, StoreError> {
        self.ask(request).await
    }

    /// A sample of the values of a metric in many runs: evenly spread, with the last of each run.
    pub async fn get_metric_history_bulk_interval(
        &self,
        request: GetMetricHistoryBulkInterval,
    ) -> Result<GetMetricHistoryBulkIntervalResponse, StoreError> {
        self.ask(request).await
    }
}

impl Question for GetMetricHistoryBulk {
    type Answer = GetMetricHistoryBulkResponse;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let mut select = select_values(&self.run_ids, &self.metric_key);
        let order = [Metrics::RunUuid, Metrics::Timestamp, Metrics::Step, Metrics::Value];
        for column in order.into_iter().chain([Metrics::IsNan]) {
            select.order_by(column, Order::Asc);
        }
        let rows = transaction.fetch_all(select.limit(self.max_results)).await?;
        let metrics = rows.iter().map(|row| metric_of(row, &self.metric_key));
        Ok(GetMetricHistoryBulkResponse { metrics: metrics.collect::<Result<_, _>>()? })
    }
}

impl Question for GetMetricHistoryBulkInterval {
    type Answer = GetMetricHistoryBulkIntervalResponse;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let mut found: HashMap<RunId, Vec<Metric>> = HashMap::new();
        for row in transaction.fetch_all(&select_sample(self)).await? {
            let metric = metric_of(&row, &self.metric_key)?;
            let run = RunId::new(row.get::<String>(Metrics::RunUuid)?);
            found.entry(run).or_default().push(metric);
        }
        for values in found.values_mut() {
            // compat: the last value takes the place of the last bucket's first, where there is no more room.
            if values.len() > usize::from(self.max_results) {
                values.remove(values.len() - 2);
            }
        }
        // A run that is named twice is answered twice.
        let metrics = self.run_ids.iter().filter_map(|run| found.get(run)).flatten().cloned();
        Ok(GetMetricHistoryBulkIntervalResponse { metrics: metrics.collect() })
    }
}

fn select_values(runs: &[RunId], key: &str) -> SelectStatement {
    Query::select()
        .columns([
            Metrics::RunUuid,
            Metrics::Value,
            Metrics::Timestamp,
            Metrics::Step,
            Metrics::IsNan,
        ])
        .from(Metrics::Table)
        .and_where(Expr::col(Metrics::RunUuid).is_in(runs.iter().map(RunId::as_str)))
        .and_where(Expr::col(Metrics::Key).eq(key))
        .take()
}

/// The first value of each bucket of each run, and the last value of the run.
fn select_sample(request: &GetMetricHistoryBulkInterval) -> SelectStatement {
    let mut bucketed = select_values(&request.run_ids, &request.metric_key);
    if let Some((start, end)) = request.steps {
        bucketed.and_where(Expr::col(Metrics::Step).between(start, end));
    }
    let buckets = Func::cust("ntile").arg(i32::from(request.max_results));
    bucketed.expr_window_as(buckets, window(&Order::Asc), BUCKET);
    bucketed.expr_window_as(Func::cust("row_number"), window(&Order::Desc), FROM_LAST);

    let mut within = window(&Order::Asc);
    within.add_partition_by(Expr::col(BUCKET));
    let ranked = Query::select()
        .columns([Metrics::RunUuid].into_iter().chain(BY_STEP))
        .column(FROM_LAST)
        .expr_window_as(Func::cust("row_number"), within, IN_BUCKET)
        .from_subquery(bucketed, "bucketed")
        .take();

    let mut sample = Query::select()
        .columns([Metrics::RunUuid].into_iter().chain(BY_STEP))
        .from_subquery(ranked, "ranked")
        .cond_where(
            Condition::any().add(Expr::col(IN_BUCKET).eq(1)).add(Expr::col(FROM_LAST).eq(1)),
        )
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

fn metric_of(row: &Row, key: &str) -> Result<Metric, DbError> {
    let value = stored_value(row.get(Metrics::Value)?, row.get(Metrics::IsNan)?);
    let (timestamp, step) = (row.get(Metrics::Timestamp)?, row.get(Metrics::Step)?);
    let run_id = Some(RunId::new(row.get::<String>(Metrics::RunUuid)?));
    Ok(Metric { run_id, ..of_run(key.to_owned(), value, timestamp, step) })
}
