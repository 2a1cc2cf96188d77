//! What has changed of runs since somebody looked.

use crate::{
    Store, StoreError,
    db::{Dialect, Transaction, is_one_of_texts},
    reads::Question,
    tables::{LatestMetrics, Runs},
};
use mlferry_protocol::{
    ExperimentId, RunId,
    changes::{Changes, WatchChanges},
    limits,
};
use sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement};
use std::collections::BTreeMap;

/// How watched runs were at some moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    runs: BTreeMap<RunId, Mark>,
    experiments: BTreeMap<ExperimentId, BTreeMap<RunId, Mark>>,
}

/// What tells of a run whether it went on: values of a metric come with another time or step.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    name: Option<String>,
    status: Option<String>,
    lifecycle_stage: Option<String>,
    end_time: Option<i64>,
    metrics: i64,
    last_time: Option<i64>,
    last_step: Option<i64>,
}

impl Marks {
    /// What is not as it was.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> Changes {
        Changes {
            run_ids: differing(&self.runs, &earlier.runs),
            experiment_ids: differing(&self.experiments, &earlier.experiments),
        }
    }
}

/// Keys whose values are not the same on both sides, or are on one only.
fn differing<K: Ord + Clone, V: PartialEq>(now: &BTreeMap<K, V>, then: &BTreeMap<K, V>) -> Vec<K> {
    let gone = then.keys().filter(|key| !now.contains_key(key));
    let new = now.iter().filter(|(key, value)| then.get(key) != Some(value)).map(|(key, _)| key);
    new.chain(gone).cloned().collect()
}

impl Store {
    /// How the watched runs are now.
    pub async fn marks(&self, watched: WatchChanges) -> Result<Marks, StoreError> {
        self.ask(watched).await
    }
}

impl Question for WatchChanges {
    type Answer = Marks;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Marks, StoreError> {
        let mut marks = Marks::default();
        let ids: Vec<&str> = self.run_ids.iter().map(RunId::as_str).collect();
        if !ids.is_empty() {
            marks.runs =
                read(transaction, |dialect, run| is_one_of_texts(dialect, run, &ids)).await?;
        }
        for experiment in &self.experiment_ids {
            let newest = newest_runs(*experiment);
            let runs = read(transaction, |_, run| run.in_subquery(newest)).await?;
            marks.experiments.insert(*experiment, runs);
        }
        Ok(marks)
    }
}

/// The runs that a page shows first.
fn newest_runs(experiment: ExperimentId) -> SelectStatement {
    Query::select()
        .column(Runs::RunUuid)
        .from(Runs::Table)
        .and_where(Expr::col(Runs::ExperimentId).eq(experiment.0))
        .order_by(Runs::StartTime, Order::Desc)
        .limit(limits::WATCHED_NEWEST_RUNS)
        .take()
}

async fn read(
    transaction: &mut Transaction,
    is_watched: impl FnOnce(Dialect, Expr) -> Expr,
) -> Result<BTreeMap<RunId, Mark>, StoreError> {
    let run = Expr::col((Runs::Table, Runs::RunUuid));
    let is_watched = is_watched(transaction.dialect(), run);
    let mut marks = BTreeMap::new();
    for row in transaction.fetch_all(&select_marks(is_watched)).await? {
        let mark = Mark {
            name: row.get(Runs::Name)?,
            status: row.get(Runs::Status)?,
            lifecycle_stage: row.get(Runs::LifecycleStage)?,
            end_time: row.get(Runs::EndTime)?,
            metrics: row.get(LatestMetrics::Key)?,
            last_time: row.get(LatestMetrics::Timestamp)?,
            last_step: row.get(LatestMetrics::Step)?,
        };
        marks.insert(RunId::new(row.get::<String>(Runs::RunUuid)?), mark);
    }
    Ok(marks)
}

fn select_marks(is_watched: Expr) -> SelectStatement {
    let run = [Runs::RunUuid, Runs::Name, Runs::Status, Runs::LifecycleStage, Runs::EndTime];
    let metric = |column| Expr::col((LatestMetrics::Table, column));
    Query::select()
        .columns(run.map(|column| (Runs::Table, column)))
        .expr_as(metric(LatestMetrics::Key).count(), LatestMetrics::Key)
        .expr_as(Func::max(metric(LatestMetrics::Timestamp)), LatestMetrics::Timestamp)
        .expr_as(Func::max(metric(LatestMetrics::Step)), LatestMetrics::Step)
        .from(Runs::Table)
        .left_join(
            LatestMetrics::Table,
            metric(LatestMetrics::RunUuid).equals((Runs::Table, Runs::RunUuid)),
        )
        .and_where(is_watched)
        .group_by_col((Runs::Table, Runs::RunUuid))
        .take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_went_or_is_otherwise_differs() {
        let then = BTreeMap::from([("gone", 1), ("other", 1), ("same", 1)]);
        let now = BTreeMap::from([("new", 1), ("other", 2), ("same", 1)]);
        assert_eq!(differing(&now, &then), ["new", "other", "gone"]);
        assert_eq!(differing(&now, &now), Vec::<&str>::new());
    }
}
