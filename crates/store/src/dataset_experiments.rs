//! Which experiments use an evaluation dataset.

use crate::{
    Store, StoreError,
    associations::{entity, link},
    clock::now_ms,
    db::{DbError, Transaction, id_lists, is_one_of},
    evaluation_datasets,
    experiments::select_experiments,
    reads::Question,
    tables::{EntityAssociations, EvaluationDatasets, Experiments},
    writes::{Change, Lock},
};
use mlferry_protocol::evaluation_datasets::{
    AddDatasetToExperiments, EvaluationDataset, GetDatasetExperimentIds,
    RemoveDatasetFromExperiments,
};
use sea_query::{Expr, ExprTrait, Order, Query};
use std::collections::HashSet;

impl Store {
    /// The experiments of an evaluation dataset.
    pub async fn evaluation_dataset_experiments(
        &self,
        request: GetDatasetExperimentIds,
    ) -> Result<Vec<String>, StoreError> {
        self.ask(request).await
    }

    /// Gives an evaluation dataset to more experiments.
    pub async fn add_evaluation_dataset_to_experiments(
        &self,
        request: AddDatasetToExperiments,
    ) -> Result<EvaluationDataset, StoreError> {
        self.write(request).await
    }

    /// Takes an evaluation dataset from experiments that have it.
    pub async fn remove_evaluation_dataset_from_experiments(
        &self,
        request: RemoveDatasetFromExperiments,
    ) -> Result<EvaluationDataset, StoreError> {
        self.write(request).await
    }
}

/// Notes that experiments use a dataset, where that is not noted yet.
pub(crate) async fn add(
    transaction: &mut Transaction,
    dataset_id: &str,
    experiments: &[String],
) -> Result<(), DbError> {
    let experiments = experiments.iter().map(|id| (entity::EXPERIMENT, id.as_str()));
    link(transaction, experiments.map(|experiment| ((entity::DATASET, dataset_id), experiment)))
        .await
}

/// Forgets all that is noted of a dataset.
pub(crate) async fn forget(transaction: &mut Transaction, dataset_id: &str) -> Result<(), DbError> {
    let is_destination = Expr::col(EntityAssociations::DestinationType)
        .eq(entity::DATASET)
        .and(Expr::col(EntityAssociations::DestinationId).eq(dataset_id));
    let delete = Query::delete()
        .from_table(EntityAssociations::Table)
        .and_where(is_source(dataset_id).or(is_destination))
        .take();
    transaction.execute(&delete).await?;
    Ok(())
}

fn is_source(dataset_id: &str) -> Expr {
    Expr::col(EntityAssociations::SourceType)
        .eq(entity::DATASET)
        .and(Expr::col(EntityAssociations::SourceId).eq(dataset_id))
}

/// Whether the dataset of a row is used by one of some experiments.
pub(crate) fn is_of_one(experiments: &[String]) -> Expr {
    let datasets = Query::select()
        .column(EntityAssociations::SourceId)
        .from(EntityAssociations::Table)
        .and_where(Expr::col(EntityAssociations::SourceType).eq(entity::DATASET))
        .and_where(Expr::col(EntityAssociations::DestinationType).eq(entity::EXPERIMENT))
        .and_where(
            Expr::col(EntityAssociations::DestinationId)
                .is_in(experiments.iter().map(String::as_str)),
        )
        .take();
    Expr::col(EvaluationDatasets::DatasetId).in_subquery(datasets)
}

impl Question for GetDatasetExperimentIds {
    type Answer = Vec<String>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<String>, StoreError> {
        let select = Query::select()
            .column(EntityAssociations::DestinationId)
            .from(EntityAssociations::Table)
            .and_where(is_source(&self.dataset_id))
            .and_where(Expr::col(EntityAssociations::DestinationType).eq(entity::EXPERIMENT))
            .order_by(EntityAssociations::CreatedTime, Order::Asc)
            .order_by(EntityAssociations::DestinationId, Order::Asc)
            .take();
        let rows = transaction.fetch_all(&select).await?;
        let ids = rows.iter().map(|row| row.get(EntityAssociations::DestinationId));
        Ok(ids.collect::<Result<_, _>>()?)
    }
}

impl Change for AddDatasetToExperiments {
    type Output = EvaluationDataset;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<EvaluationDataset, StoreError> {
        let missing = || StoreError::SharedDatasetNotFound(self.dataset_id.clone());
        evaluation_datasets::locked(transaction, &self.dataset_id).await?.ok_or_else(missing)?;
        let ids = self.experiment_ids.iter().filter_map(|(_, id)| id.map(|id| id.0));
        let ids: Vec<i64> = ids.collect();
        let select = select_experiments()
            .and_where(is_one_of(Experiments::ExperimentId, ids.into_iter()))
            .take();
        let rows = transaction.fetch_all(&select).await?;
        let known = rows.iter().map(|row| row.get(Experiments::ExperimentId));
        let known = known.collect::<Result<HashSet<i64>, _>>()?;
        for (text, id) in &self.experiment_ids {
            if !id.is_some_and(|id| known.contains(&id.0)) {
                return Err(StoreError::SharingExperimentNotFound(text.clone()));
            }
        }
        let texts: Vec<_> = self.experiment_ids.iter().map(|(text, _)| text.clone()).collect();
        add(transaction, &self.dataset_id, &texts).await?;
        touch(transaction, &self.dataset_id).await?;
        let found = evaluation_datasets::find(transaction, &self.dataset_id).await?;
        found.ok_or_else(missing)
    }
}

impl Change for RemoveDatasetFromExperiments {
    type Output = EvaluationDataset;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<EvaluationDataset, StoreError> {
        let missing = || StoreError::SharedDatasetNotFound(self.dataset_id.clone());
        evaluation_datasets::locked(transaction, &self.dataset_id).await?.ok_or_else(missing)?;
        let mut removed = 0;
        for ids in id_lists(&self.experiment_ids) {
            let delete = Query::delete()
                .from_table(EntityAssociations::Table)
                .and_where(is_source(&self.dataset_id))
                .and_where(Expr::col(EntityAssociations::DestinationType).eq(entity::EXPERIMENT))
                .and_where(
                    Expr::col(EntityAssociations::DestinationId)
                        .is_in(ids.iter().map(String::as_str)),
                )
                .take();
            removed += transaction.execute(&delete).await?;
        }
        if removed > 0 {
            touch(transaction, &self.dataset_id).await?;
        }
        let found = evaluation_datasets::find(transaction, &self.dataset_id).await?;
        found.ok_or_else(missing)
    }
}

async fn touch(transaction: &mut Transaction, dataset_id: &str) -> Result<(), DbError> {
    let update = Query::update()
        .table(EvaluationDatasets::Table)
        .value(EvaluationDatasets::LastUpdateTime, now_ms())
        .and_where(Expr::col(EvaluationDatasets::DatasetId).eq(dataset_id))
        .take();
    transaction.execute(&update).await?;
    Ok(())
}
