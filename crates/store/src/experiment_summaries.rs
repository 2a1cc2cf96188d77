//! How many runs experiments have, and when the last one went on.

use crate::{Store, StoreError, db::Transaction, lifecycle::ACTIVE, reads::Question, tables::Runs};
use mlferry_protocol::{
    ExperimentId,
    experiment_summaries::{ExperimentSummary, SummarizeExperiments, SummarizeExperimentsResponse},
};
use sea_query::{Expr, ExprTrait, Func, Query, SelectStatement};

impl Store {
    /// The runs of experiments in a few numbers. An experiment without runs is left out, be it unknown or new.
    pub async fn summarize_experiments(
        &self,
        request: SummarizeExperiments,
    ) -> Result<SummarizeExperimentsResponse, StoreError> {
        self.ask(request).await
    }
}

impl Question for SummarizeExperiments {
    type Answer = SummarizeExperimentsResponse;

    const IS_SINGLE: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let mut experiments = Vec::new();
        for row in transaction.fetch_all(&select(&self.experiment_ids)).await? {
            let began: Option<i64> = row.get(Runs::StartTime)?;
            let ended: Option<i64> = row.get(Runs::EndTime)?;
            experiments.push(ExperimentSummary {
                experiment_id: ExperimentId(row.get(Runs::ExperimentId)?),
                runs: row.get(Runs::RunUuid)?,
                last_activity_time: Ord::max(began, ended),
            });
        }
        Ok(SummarizeExperimentsResponse { experiments })
    }
}

fn select(experiments: &[ExperimentId]) -> SelectStatement {
    Query::select()
        .column(Runs::ExperimentId)
        .expr_as(Expr::col(Runs::RunUuid).count(), Runs::RunUuid)
        .expr_as(Func::max(Expr::col(Runs::StartTime)), Runs::StartTime)
        .expr_as(Func::max(Expr::col(Runs::EndTime)), Runs::EndTime)
        .from(Runs::Table)
        .and_where(Expr::col(Runs::ExperimentId).is_in(experiments.iter().map(|id| id.0)))
        .and_where(Expr::col(Runs::LifecycleStage).eq(ACTIVE))
        .group_by_col(Runs::ExperimentId)
        .take()
}
