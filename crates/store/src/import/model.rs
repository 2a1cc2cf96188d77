//! Logged models that were kept elsewhere.

use super::{Counts, any_row, stage};
use crate::{
    StoreError,
    db::{DbError, Transaction},
    logged_model_details::{add_params, metric_insertion, set_tags},
    logged_models::{ModelRow, insertion},
    metrics::storable,
    tables::LoggedModels,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, RunId,
    logged_models::{LoggedModelInfo, LoggedModelStatus},
    metrics::Metric,
    params::Param,
    tags::Tag,
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
        transaction.insert(&insertion(&self.info(), stage(self.model.is_deleted))).await?;
        let row = ModelRow { id: &self.model.id, experiment_id: self.experiment };
        add_params(transaction, &row, &self.model.params).await?;
        set_tags(transaction, &row, &self.model.tags).await?;
        self.add_metrics(transaction).await?;
        Ok(true)
    }
}

impl AddModel {
    /// The model without what belongs to it.
    fn info(&self) -> LoggedModelInfo {
        let model = &self.model;
        LoggedModelInfo {
            model_id: model.id.clone(),
            experiment_id: self.experiment,
            name: model.name.clone(),
            creation_timestamp_ms: model.creation_time,
            last_updated_timestamp_ms: model.last_update_time,
            artifact_uri: model.artifact_location.clone(),
            status: model.status,
            model_type: model.model_type.clone(),
            source_run_id: model.source_run.clone(),
            status_message: model.status_message.clone(),
            tags: Vec::new(),
        }
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
        let rows = self.model.metrics.iter().map(row_of).collect();
        transaction.insert(&metric_insertion(rows)).await?;
        Ok(())
    }
}
