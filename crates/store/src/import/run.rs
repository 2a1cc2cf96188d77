//! Runs that were kept elsewhere.

use super::{Counts, any_row, stage};
use crate::{
    StoreError,
    clock::now_ms,
    datasets,
    db::{DbError, Insertion, Transaction, row_lists},
    inputs,
    metrics::{self, Point},
    params,
    runs::{self, RunSource},
    tables::Runs,
    tags,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, RunId,
    datasets::{DatasetInput, ModelInput},
    logged_models::ModelOutput,
    params::Param,
    runs::{RunInfo, RunStatus},
    tags::Tag,
};
use sea_query::{Expr, ExprTrait};
use std::cmp::Ordering;

/// A run that was kept elsewhere, with all that was logged to it.
#[derive(Debug, Clone)]
pub struct ImportedRun {
    /// Its id, which it keeps.
    pub id: RunId,
    /// Its name.
    pub name: Option<String>,
    /// Who started it.
    pub user_id: Option<String>,
    /// How far it came.
    pub status: RunStatus,
    /// In milliseconds since 1970.
    pub start_time: Option<i64>,
    /// In milliseconds since 1970.
    pub end_time: Option<i64>,
    /// Whether it is deleted.
    pub is_deleted: bool,
    /// In milliseconds since 1970, where that is known of a deleted run.
    pub deleted_time: Option<i64>,
    /// Where its artifacts are.
    pub artifact_uri: Option<String>,
    /// What ran, as old clients said it.
    pub source: RunSource,
    /// Its params, each key once.
    pub params: Vec<Param>,
    /// Its tags, each key once.
    pub tags: Vec<Tag>,
    /// The values of its metrics, each key once.
    pub metrics: Vec<Series>,
    /// The datasets that it used, each once.
    pub datasets: Vec<DatasetInput>,
    /// The models that it used, each once.
    pub models: Vec<ModelInput>,
    /// The models that it made, each once.
    pub outputs: Vec<ModelOutput>,
}

impl ImportedRun {
    /// How much belongs to it.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            metrics: self.metrics.iter().map(|series| series.points.len() as u64).sum(),
            params: self.params.len() as u64,
            tags: self.tags.len() as u64,
            datasets: self.datasets.len() as u64,
            models: (self.models.len() + self.outputs.len()) as u64,
        }
    }
}

/// The values of one metric.
#[derive(Debug, Clone)]
pub struct Series {
    key: String,
    points: Vec<SeriesPoint>,
}

/// One value of a metric.
#[derive(Debug, Clone, Copy)]
pub struct SeriesPoint {
    /// In milliseconds since 1970.
    pub timestamp: i64,
    /// The step of the training.
    pub step: i64,
    /// Any number, and also NaN and the infinities.
    pub value: f64,
}

impl Series {
    /// The values of the metric `key`. What the database can't tell apart becomes one.
    #[must_use]
    pub fn new(key: String, mut points: Vec<SeriesPoint>) -> Self {
        points.sort_unstable_by(SeriesPoint::compare);
        points.dedup_by(|one, other| one.compare(other) == Ordering::Equal);
        Self { key, points }
    }

    fn points<'a>(&'a self, run: &'a RunId) -> impl Iterator<Item = Point<'a>> {
        self.points
            .iter()
            .map(|point| Point::new(run, &self.key, point.step, point.timestamp, point.value))
    }
}

impl SeriesPoint {
    /// An order in which those are equal that share a row.
    fn compare(&self, other: &Self) -> Ordering {
        let stored = |point: &Self| metrics::storable(point.value);
        (self.timestamp, self.step, self.value.is_nan())
            .cmp(&(other.timestamp, other.step, other.value.is_nan()))
            .then_with(|| stored(self).total_cmp(&stored(other)))
    }
}

pub(super) struct AddRun {
    pub(super) experiment: ExperimentId,
    pub(super) run: ImportedRun,
}

impl Change for AddRun {
    type Output = bool;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        let Self { experiment, run } = self;
        let same_id = Expr::col(Runs::RunUuid).eq(run.id.as_str());
        if any_row(transaction, Runs::Table, same_id).await? {
            return Ok(false);
        }
        transaction.insert(&self.insertion()).await?;
        for params in row_lists(&run.params) {
            params::log_all(transaction, &run.id, params).await?;
        }
        tags::insert_on_run(transaction, &run.id, &run.tags).await?;
        add_metrics(transaction, run).await?;
        for datasets in row_lists(&run.datasets) {
            datasets::add_to_run(transaction, *experiment, &run.id, datasets).await?;
        }
        inputs::add_models(transaction, &run.id, &run.models).await?;
        inputs::add_outputs(transaction, &run.id, &run.outputs).await?;
        Ok(true)
    }
}

impl AddRun {
    fn insertion(&self) -> Insertion {
        let run = &self.run;
        // Without a time, no collection of garbage would ever find it.
        let deleted_time = run.is_deleted.then(|| run.deleted_time.unwrap_or_else(now_ms));
        let info = RunInfo {
            run_uuid: run.id.clone(),
            experiment_id: self.experiment,
            run_name: run.name.clone(),
            user_id: run.user_id.clone(),
            status: Some(run.status),
            start_time: run.start_time,
            end_time: run.end_time,
            artifact_uri: run.artifact_uri.clone(),
            lifecycle_stage: Some(stage(run.is_deleted).to_owned()),
            run_id: run.id.clone(),
        };
        runs::insertion(&info, &run.source, deleted_time)
    }
}

async fn add_metrics(transaction: &mut Transaction, run: &ImportedRun) -> Result<(), DbError> {
    let points: Vec<Point<'_>> =
        run.metrics.iter().flat_map(|series| series.points(&run.id)).collect();
    for points in row_lists(&points) {
        metrics::insert_points(transaction, points).await?;
    }
    let latest: Vec<Point<'_>> = run
        .metrics
        .iter()
        .filter_map(|series| series.points(&run.id).max_by(Point::compare))
        .collect();
    for latest in row_lists(&latest) {
        metrics::update_latest(transaction, latest).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_a_row_is_one_point() {
        let point = |timestamp, step, value| SeriesPoint { timestamp, step, value };
        let points = vec![
            point(1, 0, 0.0),
            point(1, 0, f64::NAN),
            point(1, 0, -0.0),
            point(1, 0, f64::INFINITY),
            point(1, 0, f64::MAX),
            point(1, 1, 0.0),
            point(1, 0, -f64::NAN),
        ];
        assert_eq!(Series::new("m".to_owned(), points).points.len(), 4);
    }
}
