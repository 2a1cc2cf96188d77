//! Metrics of runs: all values, and the latest of each.

use crate::{
    Store, StoreError,
    db::{DbError, Insertion, Transaction, insert},
    logged_model_details,
    metric_groups::Logged,
    run_locks,
    tables::{LatestMetrics, Metrics},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    RunId,
    metrics::{LogMetric, Metric, MetricPoint},
};
use sea_query::{Alias, Expr, ExprTrait, OnConflict};
use std::{cmp::Ordering, collections::BTreeMap};

impl Store {
    /// Logs one value of a metric. The same value at the same step and time counts once.
    pub async fn log_metric(&self, request: LogMetric) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for LogMetric {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let run = run_locks::active(transaction, &self.run_id).await?;
        let metrics = std::slice::from_ref(&self.metric);
        log_all(transaction, &run, metrics).await
    }

    fn logged(&self) -> Option<(Logged<'_>, ())> {
        let logged = Logged::alone(&self.run_id, std::slice::from_ref(&self.metric))?;
        Some((logged, ()))
    }
}

/// Writes values that are not there yet, and replaces latest values by later ones.
pub(crate) async fn write_points(
    transaction: &mut Transaction,
    points: &[Point<'_>],
) -> Result<(), DbError> {
    insert_points(transaction, points).await?;
    update_latest(transaction, points).await
}

/// Logs values of metrics to a run, and to the models that they belong to.
pub(crate) async fn log_all(
    transaction: &mut Transaction,
    run: &run_locks::RunRow,
    metrics: &[MetricPoint],
) -> Result<(), StoreError> {
    if metrics.is_empty() {
        return Ok(());
    }
    let points: Vec<Point<'_>> = metrics.iter().map(|metric| Point::of(&run.id, metric)).collect();
    write_points(transaction, &points).await?;
    logged_model_details::log_metrics(transaction, run, metrics).await
}

/// A value as its row has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point<'a> {
    run: &'a RunId,
    key: &'a str,
    step: i64,
    timestamp: i64,
    value: f64,
    is_nan: bool,
}

impl<'a> Point<'a> {
    pub(crate) fn of(run: &'a RunId, metric: &'a MetricPoint) -> Self {
        Self::new(run, &metric.key, metric.step, metric.timestamp, metric.value)
    }

    pub(crate) fn new(run: &'a RunId, key: &'a str, step: i64, timestamp: i64, value: f64) -> Self {
        Self { run, key, step, timestamp, value: storable(value), is_nan: value.is_nan() }
    }

    /// The order that tells which of two values is the latest.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let by_time = (self.step, self.timestamp).cmp(&(other.step, other.timestamp));
        by_time.then(self.value.total_cmp(&other.value))
    }
}

/// A value as a column can hold it: NaN as 0, beside a mark, and infinities as the largest doubles.
pub(crate) fn storable(value: f64) -> f64 {
    // Adding 0 makes -0 the 0 that it is equal to in SQL.
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) + 0.0 }
}

pub(crate) fn stored_value(value: f64, is_nan: bool) -> f64 {
    if is_nan { f64::NAN } else { value }
}

pub(crate) fn of_run(key: String, value: f64, timestamp: i64, step: i64) -> Metric {
    Metric {
        key,
        value,
        timestamp,
        step,
        dataset_name: None,
        dataset_digest: None,
        model_id: None,
        run_id: None,
    }
}

/// The columns of [`insertion_of_points`].
pub(crate) const POINT_COLUMNS: [Metrics; 6] = [
    Metrics::Key,
    Metrics::Value,
    Metrics::Timestamp,
    Metrics::RunUuid,
    Metrics::Step,
    Metrics::IsNan,
];

/// Writes values that are not there yet.
pub(crate) async fn insert_points(
    transaction: &mut Transaction,
    points: &[Point<'_>],
) -> Result<(), DbError> {
    transaction.insert(&insertion_of_points(points)).await?;
    Ok(())
}

pub(crate) fn insertion_of_points(points: &[Point<'_>]) -> Insertion {
    let rows = points.iter().map(|point| {
        [
            point.key.into(),
            point.value.into(),
            point.timestamp.into(),
            point.run.as_str().into(),
            point.step.into(),
            point.is_nan.into(),
        ]
    });
    let mut insertion = insert(Metrics::Table, POINT_COLUMNS, rows);
    // All columns are the key: a row that is there already is the same value, logged again.
    insertion.on_conflict(OnConflict::columns(POINT_COLUMNS).do_nothing().to_owned());
    insertion
}

/// The columns of [`insertion_of_latest`].
pub(crate) const LATEST_COLUMNS: [LatestMetrics; 6] = [
    LatestMetrics::Key,
    LatestMetrics::Value,
    LatestMetrics::Timestamp,
    LatestMetrics::Step,
    LatestMetrics::IsNan,
    LatestMetrics::RunUuid,
];

/// Replaces latest values by later ones.
pub(crate) async fn update_latest(
    transaction: &mut Transaction,
    points: &[Point<'_>],
) -> Result<(), DbError> {
    transaction.insert(&insertion_of_latest(points)).await?;
    Ok(())
}

pub(crate) fn insertion_of_latest(points: &[Point<'_>]) -> Insertion {
    let rows = latest_of_each(points).into_values().map(|point| {
        [
            point.key.into(),
            point.value.into(),
            point.timestamp.into(),
            point.step.into(),
            point.is_nan.into(),
            point.run.as_str().into(),
        ]
    });
    let mut insertion = insert(LatestMetrics::Table, LATEST_COLUMNS, rows);
    let replace = OnConflict::columns([LatestMetrics::Key, LatestMetrics::RunUuid])
        .update_columns([
            LatestMetrics::Value,
            LatestMetrics::Timestamp,
            LatestMetrics::Step,
            LatestMetrics::IsNan,
        ])
        .action_and_where(is_later())
        .to_owned();
    insertion.on_conflict(replace);
    insertion
}

/// One statement can't write a row twice, so of several values of a metric only the latest is.
fn latest_of_each<'a>(points: &[Point<'a>]) -> BTreeMap<(&'a RunId, &'a str), Point<'a>> {
    let mut latest: BTreeMap<(&RunId, &str), Point<'a>> = BTreeMap::new();
    for point in points {
        let kept = latest.entry((point.run, point.key)).or_insert(*point);
        if point.compare(kept) == Ordering::Greater {
            *kept = *point;
        }
    }
    latest
}

/// Whether the row that is written is later than the row that is there.
fn is_later() -> Expr {
    let by = [LatestMetrics::Step, LatestMetrics::Timestamp, LatestMetrics::Value];
    let new = by.map(|column| Expr::col((Alias::new("excluded"), column)));
    let old = by.map(|column| Expr::col((LatestMetrics::Table, column)));
    Expr::tuple(new).gt(Expr::tuple(old))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_is_the_highest_step_then_time_then_value() {
        let (run, other) = (RunId::new("r".to_owned()), RunId::new("s".to_owned()));
        let point = |key, step, timestamp, value| Point::new(&run, key, step, timestamp, value);
        let points = [
            point("a", 1, 9, 9.0),
            point("a", 2, 1, 1.0),
            point("a", 2, 1, 3.0),
            point("a", 2, 1, 2.0),
            point("b", -1, 0, f64::NAN),
            point("b", -1, 0, -5.0),
            Point::new(&other, "a", 0, 0, 0.5),
        ];
        let latest = latest_of_each(&points);
        assert!((latest[&(&run, "a")].value - 3.0).abs() < f64::EPSILON);
        assert!(latest[&(&run, "b")].is_nan);
        assert!((latest[&(&other, "a")].value - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn what_columns_cannot_hold_is_replaced() {
        assert_eq!(storable(f64::NAN).to_bits(), 0.0_f64.to_bits());
        assert_eq!(storable(-0.0).to_bits(), 0.0_f64.to_bits());
        assert_eq!(storable(f64::INFINITY).to_bits(), f64::MAX.to_bits());
        assert_eq!(storable(f64::NEG_INFINITY).to_bits(), f64::MIN.to_bits());
        assert!(stored_value(0.0, true).is_nan());
    }
}
