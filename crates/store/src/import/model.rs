//! Logged models that were kept elsewhere.

use super::{Counts, any_row, stage};
use crate::{
    StoreError,
    db::{DbError, Transaction, insert, row_lists},
    logged_models::metric_insertion,
    metrics::storable,
    tables::{LoggedModelParams, LoggedModelTags, LoggedModels},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, RunId, WireEnum, logged_models::LoggedModelStatus, metrics::Metric,
    params::Param, tags::Tag,
};
use sea_query::{Expr, ExprTrait};
use std::collections::HashSet;

/// A logged model that was kept elsewhere.
#[derive(Debug, Clone)]
pub struct ImportedModel {
    /// Its id, which it keeps.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its artifacts are.
    pub artifact_location: String,
    /// In milliseconds since 1970.
    pub creation_time: i64,
    /// In milliseconds since 1970.
    pub last_update_time: i64,
    /// How far it came.
    pub status: LoggedModelStatus,
    /// Why.
    pub status_message: Option<String>,
    /// Whether it is deleted.
    pub is_deleted: bool,
    /// What kind of model it is.
    pub model_type: Option<String>,
    /// The run that made it.
    pub source_run: Option<RunId>,
    /// Its params, each key once.
    pub params: Vec<Param>,
    /// Its tags, each key once.
    pub tags: Vec<Tag>,
    /// Its metrics, each with the run that logged it.
    pub metrics: Vec<Metric>,
}

impl ImportedModel {
    /// How much belongs to it.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let rows: HashSet<_> = self
            .metrics
            .iter()
            .map(|metric| (&metric.key, metric.timestamp, metric.step, &metric.run_id))
            .collect();
        Counts {
            metrics: rows.len() as u64,
            params: self.params.len() as u64,
            tags: self.tags.len() as u64,
            ..Counts::default()
        }
    }
}

pub(super) struct AddModel {
    pub(super) experiment: ExperimentId,
    pub(super) model: ImportedModel,
}

impl Change for AddModel {
    type Output = bool;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        let same_id = Expr::col(LoggedModels::ModelId).eq(self.model.id.as_str());
        if any_row(transaction, LoggedModels::Table, same_id).await? {
            return Ok(false);
        }
        transaction.execute(&self.insertion()).await?;
        self.add_params(transaction).await?;
        self.add_tags(transaction).await?;
        self.add_metrics(transaction).await?;
        Ok(true)
    }
}

impl AddModel {
    fn insertion(&self) -> sea_query::InsertStatement {
        let columns = [
            LoggedModels::ModelId,
            LoggedModels::ExperimentId,
            LoggedModels::Name,
            LoggedModels::ArtifactLocation,
            LoggedModels::CreationTimestampMs,
            LoggedModels::LastUpdatedTimestampMs,
            LoggedModels::Status,
            LoggedModels::LifecycleStage,
            LoggedModels::ModelType,
            LoggedModels::SourceRunId,
            LoggedModels::StatusMessage,
        ];
        let model = &self.model;
        let row = [
            model.id.as_str().into(),
            self.experiment.0.into(),
            model.name.as_str().into(),
            model.artifact_location.as_str().into(),
            model.creation_time.into(),
            model.last_update_time.into(),
            model.status.number().into(),
            stage(model.is_deleted).into(),
            model.model_type.clone().into(),
            model.source_run.as_ref().map(|run| run.as_str().to_owned()).into(),
            model.status_message.clone().into(),
        ];
        insert(LoggedModels::Table, columns, [row])
    }

    async fn add_params(&self, transaction: &mut Transaction) -> Result<(), DbError> {
        let columns = [
            LoggedModelParams::ModelId,
            LoggedModelParams::ExperimentId,
            LoggedModelParams::ParamKey,
            LoggedModelParams::ParamValue,
        ];
        for params in row_lists(&self.model.params) {
            let rows = params.iter().map(|param| self.row(&param.key, &param.value));
            transaction.execute(&insert(LoggedModelParams::Table, columns, rows)).await?;
        }
        Ok(())
    }

    async fn add_tags(&self, transaction: &mut Transaction) -> Result<(), DbError> {
        let columns = [
            LoggedModelTags::ModelId,
            LoggedModelTags::ExperimentId,
            LoggedModelTags::TagKey,
            LoggedModelTags::TagValue,
        ];
        for tags in row_lists(&self.model.tags) {
            let rows = tags.iter().map(|tag| self.row(&tag.key, &tag.value));
            transaction.execute(&insert(LoggedModelTags::Table, columns, rows)).await?;
        }
        Ok(())
    }

    fn row(&self, key: &str, value: &str) -> [Expr; 4] {
        [self.model.id.as_str().into(), self.experiment.0.into(), key.into(), value.into()]
    }

    async fn add_metrics(&self, transaction: &mut Transaction) -> Result<(), DbError> {
        let row_of = |metric: &Metric| {
            [
                self.model.id.as_str().into(),
                metric.key.as_str().into(),
                metric.timestamp.into(),
                metric.step.into(),
                storable(metric.value).into(),
                self.experiment.0.into(),
                metric.run_id.as_ref().map(|run| run.as_str().to_owned()).into(),
                metric.dataset_name.clone().into(),
                metric.dataset_digest.clone().into(),
            ]
        };
        for metrics in row_lists(&self.model.metrics) {
            let rows = metrics.iter().map(row_of).collect();
            transaction.execute(&metric_insertion(rows)).await?;
        }
        Ok(())
    }
}
