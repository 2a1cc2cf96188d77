//! Evaluation datasets and their tags.

use crate::{
    Store, StoreError,
    clock::now_ms,
    dataset_experiments,
    db::{DbError, Row, Transaction, insert, is_one_of_texts},
    reads::Question,
    schema::WORKSPACE,
    tables::{EvaluationDatasetTags, EvaluationDatasets},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    evaluation_datasets::{
        CreateDataset, DatasetTag, DeleteDataset, DeleteDatasetTag, EvaluationDataset, GetDataset,
        SetDatasetTags,
    },
    python,
};
use sea_query::{Expr, ExprTrait, LockType, OnConflict, Order, Query, SelectStatement};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use uuid::Uuid;

impl Store {
    /// Makes an evaluation dataset.
    pub async fn create_evaluation_dataset(
        &self,
        request: CreateDataset,
    ) -> Result<EvaluationDataset, StoreError> {
        self.write(request).await
    }

    /// An evaluation dataset.
    pub async fn get_evaluation_dataset(
        &self,
        request: GetDataset,
    ) -> Result<EvaluationDataset, StoreError> {
        self.ask(request).await
    }

    /// Removes an evaluation dataset, if it is there, with all that belongs to it.
    pub async fn delete_evaluation_dataset(
        &self,
        request: DeleteDataset,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Sets tags of an evaluation dataset, or changes them.
    pub async fn set_evaluation_dataset_tags(
        &self,
        request: SetDatasetTags,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Removes a tag of an evaluation dataset, if it is there.
    pub async fn delete_evaluation_dataset_tag(
        &self,
        request: DeleteDatasetTag,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }
}

/// What tells states of a dataset apart.
pub(crate) fn digest(name: &str, now: i64) -> String {
    let mut digest = python::hex(&Sha256::digest(format!("{name}:{now}")));
    digest.truncate(8);
    digest
}

impl Change for CreateDataset {
    type Output = EvaluationDataset;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<EvaluationDataset, StoreError> {
        let dataset_id = format!("d-{}", Uuid::new_v4().simple());
        let now = now_ms();
        let digest = digest(&self.name, now);
        let columns = [
            EvaluationDatasets::DatasetId,
            EvaluationDatasets::Name,
            EvaluationDatasets::Digest,
            EvaluationDatasets::CreatedTime,
            EvaluationDatasets::LastUpdateTime,
            EvaluationDatasets::CreatedBy,
            EvaluationDatasets::LastUpdatedBy,
            EvaluationDatasets::Workspace,
        ];
        let row = [
            dataset_id.as_str().into(),
            self.name.as_str().into(),
            digest.as_str().into(),
            now.into(),
            now.into(),
            self.user.clone().into(),
            self.user.clone().into(),
            WORKSPACE.into(),
        ];
        transaction.insert(&insert(EvaluationDatasets::Table, columns, [row])).await?;
        set_tags(transaction, &dataset_id, &self.tags).await?;
        let experiment_ids = self.experiment_ids.clone();
        dataset_experiments::add(transaction, &dataset_id, &experiment_ids).await?;
        Ok(EvaluationDataset {
            dataset_id,
            name: self.name.clone(),
            tags: shown(self.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()))),
            schema: None,
            profile: None,
            digest,
            created_time: now,
            last_update_time: now,
            created_by: self.user.clone(),
            last_updated_by: self.user.clone(),
            experiment_ids,
        })
    }
}

/// Tags as a JSON object in a text.
fn shown(tags: impl Iterator<Item = (String, Option<String>)>) -> String {
    let tags: Map<String, Value> = tags.map(|(key, value)| (key, value.into())).collect();
    python::dumps(&tags)
}

impl Question for GetDataset {
    type Answer = EvaluationDataset;

    async fn answer(&self, transaction: &mut Transaction) -> Result<EvaluationDataset, StoreError> {
        let found = find(transaction, &self.dataset_id).await?;
        found.ok_or_else(|| StoreError::EvaluationDatasetNotFound(self.dataset_id.clone()))
    }
}

/// A dataset with its tags.
pub(crate) async fn find(
    transaction: &mut Transaction,
    dataset_id: &str,
) -> Result<Option<EvaluationDataset>, DbError> {
    let rows =
        transaction.fetch_all(&select_datasets().and_where(is_id(dataset_id)).take()).await?;
    Ok(datasets_of(transaction, &rows).await?.pop())
}

/// What its records need of a dataset.
pub(crate) struct Locked {
    pub(crate) name: String,
    pub(crate) schema: Option<String>,
    pub(crate) profile: Option<String>,
}

/// A dataset that nobody else changes until the end.
pub(crate) async fn locked(
    transaction: &mut Transaction,
    dataset_id: &str,
) -> Result<Option<Locked>, DbError> {
    let select = select_datasets().and_where(is_id(dataset_id)).lock(LockType::NoKeyUpdate).take();
    let Some(row) = transaction.fetch_optional(&select).await? else { return Ok(None) };
    Ok(Some(Locked {
        name: row.get(EvaluationDatasets::Name)?,
        schema: row.get(EvaluationDatasets::Schema)?,
        profile: row.get(EvaluationDatasets::Profile)?,
    }))
}

impl Change for DeleteDataset {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        // Records and tags go with it.
        let delete = Query::delete()
            .from_table(EvaluationDatasets::Table)
            .and_where(is_id(&self.dataset_id))
            .take();
        if transaction.execute(&delete).await? > 0 {
            dataset_experiments::forget(transaction, &self.dataset_id).await?;
        }
        Ok(())
    }
}

impl Change for SetDatasetTags {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if locked(transaction, &self.dataset_id).await?.is_none() {
            return Err(StoreError::TaggedDatasetNotFound(self.dataset_id.clone()));
        }
        let tags: Vec<_> = self.tags.iter().filter(|tag| tag.value.is_some()).cloned().collect();
        Ok(set_tags(transaction, &self.dataset_id, &tags).await?)
    }
}

async fn set_tags(
    transaction: &mut Transaction,
    dataset_id: &str,
    tags: &[DatasetTag],
) -> Result<(), DbError> {
    let columns = [
        EvaluationDatasetTags::DatasetId,
        EvaluationDatasetTags::Key,
        EvaluationDatasetTags::Value,
    ];
    let rows = tags
        .iter()
        .map(|tag| [dataset_id.into(), tag.key.as_str().into(), tag.value.clone().into()]);
    let mut insertion = insert(EvaluationDatasetTags::Table, columns, rows);
    let key = [EvaluationDatasetTags::DatasetId, EvaluationDatasetTags::Key];
    let conflict = OnConflict::columns(key).update_column(EvaluationDatasetTags::Value).to_owned();
    transaction.insert(insertion.on_conflict(conflict)).await?;
    Ok(())
}

impl Change for DeleteDatasetTag {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let delete = Query::delete()
            .from_table(EvaluationDatasetTags::Table)
            .and_where(Expr::col(EvaluationDatasetTags::DatasetId).eq(self.dataset_id.as_str()))
            .and_where(Expr::col(EvaluationDatasetTags::Key).eq(self.key.as_str()))
            .take();
        transaction.execute(&delete).await?;
        Ok(())
    }
}

fn is_id(dataset_id: &str) -> Expr {
    Expr::col(EvaluationDatasets::DatasetId)
        .eq(dataset_id)
        .and(Expr::col(EvaluationDatasets::Workspace).eq(WORKSPACE))
}

pub(crate) fn select_datasets() -> SelectStatement {
    Query::select()
        .columns([
            EvaluationDatasets::DatasetId,
            EvaluationDatasets::Name,
            EvaluationDatasets::Schema,
            EvaluationDatasets::Profile,
            EvaluationDatasets::Digest,
            EvaluationDatasets::CreatedTime,
            EvaluationDatasets::LastUpdateTime,
            EvaluationDatasets::CreatedBy,
            EvaluationDatasets::LastUpdatedBy,
        ])
        .from(EvaluationDatasets::Table)
        .and_where(Expr::col(EvaluationDatasets::Workspace).eq(WORKSPACE))
        .take()
}

/// The datasets of rows, with their tags.
pub(crate) async fn datasets_of(
    transaction: &mut Transaction,
    rows: &[Row],
) -> Result<Vec<EvaluationDataset>, DbError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = rows.iter().map(|row| row.get(EvaluationDatasets::DatasetId));
    let ids = ids.collect::<Result<Vec<String>, _>>()?;
    let mut tags: HashMap<String, Vec<(String, Option<String>)>> = HashMap::new();
    let id = Expr::col(EvaluationDatasetTags::DatasetId);
    let select = Query::select()
        .columns([
            EvaluationDatasetTags::DatasetId,
            EvaluationDatasetTags::Key,
            EvaluationDatasetTags::Value,
        ])
        .from(EvaluationDatasetTags::Table)
        .and_where(is_one_of_texts(transaction.dialect(), id, &ids))
        .order_by(EvaluationDatasetTags::Key, Order::Asc)
        .take();
    for row in transaction.fetch_all(&select).await? {
        let tag = (row.get(EvaluationDatasetTags::Key)?, row.get(EvaluationDatasetTags::Value)?);
        tags.entry(row.get(EvaluationDatasetTags::DatasetId)?).or_default().push(tag);
    }
    let datasets = rows.iter().zip(ids).map(|(row, dataset_id)| {
        let digest: Option<String> = row.get(EvaluationDatasets::Digest)?;
        let created_time: Option<i64> = row.get(EvaluationDatasets::CreatedTime)?;
        let last_update_time: Option<i64> = row.get(EvaluationDatasets::LastUpdateTime)?;
        Ok(EvaluationDataset {
            name: row.get(EvaluationDatasets::Name)?,
            tags: shown(tags.remove(&dataset_id).unwrap_or_default().into_iter()),
            schema: row.get(EvaluationDatasets::Schema)?,
            profile: row.get(EvaluationDatasets::Profile)?,
            digest: digest.unwrap_or_default(),
            created_time: created_time.unwrap_or_default(),
            last_update_time: last_update_time.unwrap_or_default(),
            created_by: row.get(EvaluationDatasets::CreatedBy)?,
            last_updated_by: row.get(EvaluationDatasets::LastUpdatedBy)?,
            experiment_ids: Vec::new(),
            dataset_id,
        })
    });
    datasets.collect()
}
