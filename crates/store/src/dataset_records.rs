//! Records of evaluation datasets.

use crate::{
    Store, StoreError,
    clock::now_ms,
    dataset_schema::schema_with,
    db::{DbError, Dialect, Row, Transaction, id_lists, insert, json},
    evaluation_datasets::{self, digest},
    python_json,
    reads::{Question, cut_page, with_one_more},
    tables::{EvaluationDatasetRecords as Column, EvaluationDatasets},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    dataset_records::{DatasetRecord, NewRecord, RecordCursor},
    evaluation_datasets::{
        DeleteDatasetRecords, GetDatasetRecords, GetDatasetRecordsResponse, UpsertDatasetRecords,
        UpsertDatasetRecordsResponse,
    },
    python,
};
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query, SelectStatement};
use serde_json::{Map, Value, json as value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where the reference keeps outputs in the object that their column holds.
const WRAPPED: &str = "mlflow_wrapped";

impl Store {
    /// Adds records to an evaluation dataset, or changes those with the same inputs.
    pub async fn upsert_dataset_records(
        &self,
        request: UpsertDatasetRecords,
    ) -> Result<UpsertDatasetRecordsResponse, StoreError> {
        self.write(request).await
    }

    /// A page of the records of an evaluation dataset, oldest first.
    pub async fn dataset_records(
        &self,
        request: GetDatasetRecords,
    ) -> Result<GetDatasetRecordsResponse, StoreError> {
        self.ask(request).await
    }

    /// Removes records of an evaluation dataset, and counts them.
    pub async fn delete_dataset_records(
        &self,
        request: DeleteDatasetRecords,
    ) -> Result<u64, StoreError> {
        self.write(request).await
    }
}

impl Change for UpsertDatasetRecords {
    type Output = UpsertDatasetRecordsResponse;
    // A second time would count other records.
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(
        &self,
        transaction: &mut Transaction,
    ) -> Result<UpsertDatasetRecordsResponse, StoreError> {
        let id = &self.dataset_id;
        let found = evaluation_datasets::locked(transaction, id).await?;
        let missing = || StoreError::EvaluationDatasetNotFound(id.clone());
        let dataset = found.ok_or_else(missing)?;
        let now = now_ms();
        let hashes: Vec<String> = self.records.iter().map(hash).collect();
        let mut kept = Kept::read(transaction, id, &hashes).await?;
        for (hash, record) in hashes.into_iter().zip(&self.records) {
            kept.take(id, hash, record, now);
        }
        kept.write(transaction).await?;
        let count = count(transaction, id).await?;
        let user = self.records.iter().rev().find_map(|record| record.user.clone());
        let mut update = Query::update()
            .table(EvaluationDatasets::Table)
            .value(EvaluationDatasets::LastUpdateTime, now)
            .value(EvaluationDatasets::LastUpdatedBy, user)
            .value(EvaluationDatasets::Digest, digest(&dataset.name, now))
            .and_where(Expr::col(EvaluationDatasets::DatasetId).eq(id.as_str()))
            .take();
        if let Some(schema) = schema_with(dataset.schema.as_deref(), &self.records) {
            update.value(EvaluationDatasets::Schema, python::dumps(&schema));
        }
        if count > 0 {
            let profile = value!({ "num_records": count });
            update.value(EvaluationDatasets::Profile, python::dumps(&profile));
        }
        transaction.execute(&update).await?;
        Ok(UpsertDatasetRecordsResponse {
            inserted_count: kept.inserted,
            updated_count: kept.updated,
        })
    }
}

/// The records that a request is about, as they will be kept, by the hash of their inputs.
#[derive(Default)]
struct Kept {
    records: BTreeMap<String, DatasetRecord>,
    inserted: u64,
    updated: u64,
}

/// The hash by which records with the same inputs know each other.
fn hash(record: &NewRecord) -> String {
    let inputs = Value::Object(record.inputs.clone());
    python::hex(&Sha256::digest(python::dumps_sorted(&inputs)))
}

impl Kept {
    /// Reads those that are there already.
    async fn read(
        transaction: &mut Transaction,
        dataset_id: &str,
        hashes: &[String],
    ) -> Result<Self, DbError> {
        let mut kept = Self::default();
        for hashes in id_lists(hashes) {
            let select = select_records(dataset_id)
                .column(Column::InputHash)
                .and_where(Expr::col(Column::InputHash).is_in(hashes.iter().map(String::as_str)))
                .take();
            for row in transaction.fetch_all(&select).await? {
                kept.records.insert(row.get(Column::InputHash)?, record_of(&row)?);
            }
        }
        Ok(kept)
    }

    /// Adds a record, or changes the one with the same inputs.
    fn take(&mut self, dataset_id: &str, hash: String, record: &NewRecord, now: i64) {
        if let Some(kept) = self.records.get_mut(&hash) {
            merge(kept, record, now);
            self.updated += 1;
            return;
        }
        let source = record.source.as_ref();
        let outputs = record.outputs.clone().unwrap_or_else(|| Value::Object(Map::new()));
        let made = DatasetRecord {
            dataset_record_id: format!("dr-{}", Uuid::new_v4().simple()),
            dataset_id: dataset_id.to_owned(),
            inputs: Value::Object(record.inputs.clone()),
            expectations: record.expectations.clone().map_or(Value::Null, Value::Object),
            tags: Value::Object(record.tags.clone()),
            source: source.map_or(Value::Null, |source| source.object.clone()),
            source_id: source.and_then(|source| source.source_id.clone()),
            source_type: source.map(|source| source.source_type.to_owned()),
            created_time: now,
            last_update_time: now,
            created_by: record.user.clone(),
            last_updated_by: record.user.clone(),
            outputs,
        };
        self.records.insert(hash, made);
        self.inserted += 1;
    }

    /// Writes all of them; those that are there already keep what never changes.
    async fn write(&self, transaction: &mut Transaction) -> Result<(), DbError> {
        let columns = [
            Column::DatasetRecordId,
            Column::DatasetId,
            Column::Inputs,
            Column::Expectations,
            Column::Tags,
            Column::Source,
            Column::SourceId,
            Column::SourceType,
            Column::CreatedTime,
            Column::LastUpdateTime,
            Column::CreatedBy,
            Column::LastUpdatedBy,
            Column::InputHash,
            Column::Outputs,
        ];
        let changing = [
            Column::Expectations,
            Column::Tags,
            Column::Outputs,
            Column::LastUpdateTime,
            Column::LastUpdatedBy,
        ];
        let dialect = transaction.dialect();
        let records: Vec<_> = self.records.iter().collect();
        let rows = records.iter().map(|(hash, record)| row_of(dialect, hash, record));
        let mut insertion = insert(Column::Table, columns, rows);
        let conflict = OnConflict::columns([Column::DatasetId, Column::InputHash])
            .update_columns(changing)
            .to_owned();
        transaction.insert(insertion.on_conflict(conflict)).await?;
        Ok(())
    }
}

fn merge(kept: &mut DatasetRecord, record: &NewRecord, now: i64) {
    if let Some(outputs) = &record.outputs {
        kept.outputs = outputs.clone();
    }
    let expectations = record.expectations.clone().unwrap_or_default();
    for (kept, new) in [(&mut kept.expectations, &expectations), (&mut kept.tags, &record.tags)] {
        if new.is_empty() {
            continue;
        }
        if !kept.is_object() {
            *kept = Value::Object(Map::new());
        }
        if let Value::Object(kept) = kept {
            kept.extend(new.clone());
        }
    }
    kept.last_update_time = now;
    if record.user.is_some() {
        kept.last_updated_by.clone_from(&record.user);
    }
}

fn row_of(dialect: Dialect, hash: &str, record: &DatasetRecord) -> [Expr; 14] {
    let stored = |value: &Value| json(dialect, python::dumps(value));
    let outputs = match &record.outputs {
        Value::Null => Value::Null,
        outputs => value!({ WRAPPED: outputs }),
    };
    [
        record.dataset_record_id.as_str().into(),
        record.dataset_id.as_str().into(),
        stored(&record.inputs),
        stored(&record.expectations),
        stored(&record.tags),
        stored(&record.source),
        record.source_id.clone().into(),
        record.source_type.clone().into(),
        record.created_time.into(),
        record.last_update_time.into(),
        record.created_by.clone().into(),
        record.last_updated_by.clone().into(),
        hash.into(),
        stored(&outputs),
    ]
}

async fn count(transaction: &mut Transaction, dataset_id: &str) -> Result<i64, DbError> {
    let select = Query::select()
        .expr_as(Expr::col(Column::DatasetRecordId).count(), Column::DatasetRecordId)
        .from(Column::Table)
        .and_where(Expr::col(Column::DatasetId).eq(dataset_id))
        .take();
    let row = transaction.fetch_optional(&select).await?;
    row.map_or(Ok(0), |row| row.get(Column::DatasetRecordId))
}

impl Question for GetDatasetRecords {
    type Answer = GetDatasetRecordsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<GetDatasetRecordsResponse, StoreError> {
        let mut select = select_records(&self.dataset_id)
            .order_by(Column::CreatedTime, Order::Asc)
            .order_by(Column::DatasetRecordId, Order::Asc)
            // One more than asked tells whether there is another page.
            .limit(with_one_more(self.max_results))
            .take();
        match &self.start {
            RecordCursor::Offset(offset) => {
                select.offset(*offset);
            }
            RecordCursor::After(time, id) => {
                let later = Expr::col(Column::CreatedTime).gt(*time);
                let same = Expr::col(Column::CreatedTime)
                    .eq(*time)
                    .and(Expr::col(Column::DatasetRecordId).gt(id.as_str()));
                select.and_where(later.or(same));
            }
        }
        let mut rows = transaction.fetch_all(&select).await?;
        let has_more = cut_page(&mut rows, self.max_results);
        let records = rows.iter().map(record_of).collect::<Result<Vec<_>, _>>()?;
        let last = records.last().filter(|_| has_more);
        let next_page_token =
            last.map(|last| RecordCursor::After(last.created_time, last.dataset_record_id.clone()));
        Ok(GetDatasetRecordsResponse { records: python::dumps(&records), next_page_token })
    }
}

fn select_records(dataset_id: &str) -> SelectStatement {
    Query::select()
        .columns([
            Column::DatasetRecordId,
            Column::DatasetId,
            Column::Inputs,
            Column::Expectations,
            Column::Tags,
            Column::Source,
            Column::SourceId,
            Column::SourceType,
            Column::CreatedTime,
            Column::LastUpdateTime,
            Column::CreatedBy,
            Column::LastUpdatedBy,
            Column::Outputs,
        ])
        .from(Column::Table)
        .and_where(Expr::col(Column::DatasetId).eq(dataset_id))
        .take()
}

fn record_of(row: &Row) -> Result<DatasetRecord, DbError> {
    let value = |column: Column| {
        let text: Option<String> = row.get(column)?;
        let value = python_json::value(text.as_deref().unwrap_or("null"));
        value.ok_or_else(|| DbError::corrupt("a record of a dataset is no JSON"))
    };
    let tags: Value = value(Column::Tags)?;
    let mut outputs: Value = value(Column::Outputs)?;
    let source: Value = value(Column::Source)?;
    let source_type = source.get("source_type").and_then(Value::as_str).map(ToOwned::to_owned);
    let created_time: Option<i64> = row.get(Column::CreatedTime)?;
    let last_update_time: Option<i64> = row.get(Column::LastUpdateTime)?;
    Ok(DatasetRecord {
        dataset_record_id: row.get(Column::DatasetRecordId)?,
        dataset_id: row.get(Column::DatasetId)?,
        inputs: value(Column::Inputs)?,
        expectations: value(Column::Expectations)?,
        tags: if tags.is_null() { Value::Object(Map::new()) } else { tags },
        source,
        source_id: row.get(Column::SourceId)?,
        source_type,
        created_time: created_time.unwrap_or_default(),
        last_update_time: last_update_time.unwrap_or_default(),
        created_by: row.get(Column::CreatedBy)?,
        last_updated_by: row.get(Column::LastUpdatedBy)?,
        outputs: outputs.get_mut(WRAPPED).map(Value::take).unwrap_or_default(),
    })
}

impl Change for DeleteDatasetRecords {
    type Output = u64;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<u64, StoreError> {
        let found = evaluation_datasets::locked(transaction, &self.dataset_id).await?;
        let Some(dataset) = found else { return Ok(0) };
        let mut deleted = 0;
        for ids in id_lists(&self.dataset_record_ids) {
            let delete = Query::delete()
                .from_table(Column::Table)
                .and_where(Expr::col(Column::DatasetId).eq(self.dataset_id.as_str()))
                .and_where(Expr::col(Column::DatasetRecordId).is_in(ids.iter().map(String::as_str)))
                .take();
            deleted += transaction.execute(&delete).await?;
        }
        if deleted > 0 {
            let profile = dataset.profile.and_then(|text| serde_json::from_str(&text).ok());
            let profile: Value = profile.unwrap_or_default();
            let count = profile.get("num_records").and_then(Value::as_u64).unwrap_or(0);
            let left = count.saturating_sub(deleted);
            let profile = if left > 0 { value!({ "num_records": left }) } else { Value::Null };
            let update = Query::update()
                .table(EvaluationDatasets::Table)
                .value(EvaluationDatasets::Profile, python::dumps(&profile))
                .and_where(Expr::col(EvaluationDatasets::DatasetId).eq(self.dataset_id.as_str()))
                .take();
            transaction.execute(&update).await?;
        }
        Ok(deleted)
    }
}
