//! What was logged of models: params, tags and metrics, read for a whole page of models at once.

use crate::{
    Store, StoreError,
    db::{DbError, Insertion, Row, Transaction, insert, is_one_of_texts},
    logged_models::{ModelRow, held},
    metrics, run_locks,
    tables::{LoggedModelMetrics, LoggedModelParams, LoggedModelTags, LoggedModels},
    tags::last_of_each_key,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    InvalidParameter, RunId,
    logged_models::{
        DeleteLoggedModelTag, LogLoggedModelParams, LoggedModel, LoggedModelData, LoggedModelInfo,
        SetLoggedModelTags,
    },
    metrics::{Metric, MetricPoint},
    params::Param,
    tags::Tag,
};
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query};
use std::collections::{BTreeSet, HashMap};

impl Store {
    /// Logs params of a model. The same value may come again, another one is refused.
    pub async fn log_logged_model_params(
        &self,
        request: LogLoggedModelParams,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Sets tags of a model, or changes them.
    pub async fn set_logged_model_tags(
        &self,
        request: SetLoggedModelTags,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Removes a tag of a model.
    pub async fn delete_logged_model_tag(
        &self,
        request: DeleteLoggedModelTag,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for LogLoggedModelParams {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Model(&self.model_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let model = held(transaction, &self.model_id).await?;
        let added = add_params(transaction, &model, &self.params).await?;
        if added == self.params.len() as u64 {
            return Ok(());
        }
        let kept = params_of(transaction, &[model.id]).await?.remove(model.id).unwrap_or_default();
        let kept: HashMap<_, _> = kept.into_iter().map(|param| (param.key, param.value)).collect();
        for Param { key, value } in &self.params {
            if let Some(old) = kept.get(key).filter(|old| *old != value) {
                return Err(InvalidParameter::new(format!(
                    "Changing param values is not allowed. Param with key='{key}' was already \
                     logged with value='{old}' for model ID='{}'. Attempted logging new value \
                     '{value}'.",
                    model.id
                ))
                .into());
            }
        }
        Ok(())
    }
}

impl Change for SetLoggedModelTags {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Model(&self.model_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let model = held(transaction, &self.model_id).await?;
        set_tags(transaction, &model, &self.tags).await?;
        Ok(())
    }
}

impl Change for DeleteLoggedModelTag {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Model(&self.model_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let model = held(transaction, &self.model_id).await?;
        let delete = Query::delete()
            .from_table(LoggedModelTags::Table)
            .and_where(Expr::col(LoggedModelTags::ModelId).eq(model.id))
            .and_where(Expr::col(LoggedModelTags::TagKey).eq(self.key.as_str()))
            .take();
        if transaction.execute(&delete).await? == 0 {
            let (key, model_id) = (self.key.clone(), self.model_id.clone());
            return Err(StoreError::LoggedModelTagNotFound { key, model_id });
        }
        Ok(())
    }
}

/// Writes those params that are not there yet, and counts them.
pub(crate) async fn add_params(
    transaction: &mut Transaction,
    model: &ModelRow<'_>,
    params: &[Param],
) -> Result<u64, DbError> {
    let columns = [
        LoggedModelParams::ModelId,
        LoggedModelParams::ExperimentId,
        LoggedModelParams::ParamKey,
        LoggedModelParams::ParamValue,
    ];
    let row_of = |param: &Param| {
        [
            model.id.into(),
            model.experiment_id.0.into(),
            param.key.as_str().into(),
            param.value.as_str().into(),
        ]
    };
    let key = [LoggedModelParams::ModelId, LoggedModelParams::ParamKey];
    let mut added = 0;
    let mut statement = insert(LoggedModelParams::Table, columns, params.iter().map(row_of));
    statement.on_conflict(OnConflict::columns(key).do_nothing().to_owned());
    added += transaction.insert(&statement).await?;
    Ok(added)
}

/// Sets tags of a model; of those with one key, the last counts.
pub(crate) async fn set_tags(
    transaction: &mut Transaction,
    model: &ModelRow<'_>,
    tags: &[Tag],
) -> Result<(), DbError> {
    let columns = [
        LoggedModelTags::ModelId,
        LoggedModelTags::ExperimentId,
        LoggedModelTags::TagKey,
        LoggedModelTags::TagValue,
    ];
    let key = [LoggedModelTags::ModelId, LoggedModelTags::TagKey];
    let tags: Vec<_> = last_of_each_key(tags).into_iter().collect();
    let rows = tags.iter().map(|(key, value)| {
        [model.id.into(), model.experiment_id.0.into(), (*key).into(), (*value).into()]
    });
    let mut statement = insert(LoggedModelTags::Table, columns, rows);
    let replace = OnConflict::columns(key).update_column(LoggedModelTags::TagValue).to_owned();
    transaction.insert(statement.on_conflict(replace)).await?;
    Ok(())
}

/// Logs the values that belong to models. The first value at a step, time and run stays.
pub(crate) async fn log_metrics(
    transaction: &mut Transaction,
    run: &run_locks::RunRow,
    points: &[MetricPoint],
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    let mut models = BTreeSet::new();
    for point in points {
        let Some(model_id) = point.model_id.as_deref() else { continue };
        models.insert(model_id);
        let dataset = point.dataset.as_ref();
        rows.push([
            model_id.into(),
            point.key.as_str().into(),
            point.timestamp.into(),
            point.step.into(),
            metrics::storable(point.value).into(),
            run.experiment_id.0.into(),
            run.id.as_str().into(),
            dataset.map(|dataset| dataset.name.clone()).into(),
            dataset.map(|dataset| dataset.digest.clone()).into(),
        ]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    check_existence(transaction, models).await?;
    transaction.insert(&metric_insertion(rows)).await?;
    Ok(())
}

/// The insertion of values of models; the first at a step, time and run stays.
pub(crate) fn metric_insertion(rows: Vec<[Expr; 9]>) -> Insertion {
    let columns = [
        LoggedModelMetrics::ModelId,
        LoggedModelMetrics::MetricName,
        LoggedModelMetrics::MetricTimestampMs,
        LoggedModelMetrics::MetricStep,
        LoggedModelMetrics::MetricValue,
        LoggedModelMetrics::ExperimentId,
        LoggedModelMetrics::RunId,
        LoggedModelMetrics::DatasetName,
        LoggedModelMetrics::DatasetDigest,
    ];
    let key = [
        LoggedModelMetrics::ModelId,
        LoggedModelMetrics::MetricName,
        LoggedModelMetrics::MetricTimestampMs,
        LoggedModelMetrics::MetricStep,
        LoggedModelMetrics::RunId,
    ];
    let mut statement = insert(LoggedModelMetrics::Table, columns, rows);
    statement.on_conflict(OnConflict::columns(key).do_nothing().to_owned());
    statement
}

async fn check_existence(
    transaction: &mut Transaction,
    mut models: BTreeSet<&str>,
) -> Result<(), StoreError> {
    let select = Query::select()
        .column(LoggedModels::ModelId)
        .from(LoggedModels::Table)
        .and_where(Expr::col(LoggedModels::ModelId).is_in(models.iter().copied()))
        .take();
    for row in transaction.fetch_all(&select).await? {
        models.remove(row.get::<String>(LoggedModels::ModelId)?.as_str());
    }
    match models.first() {
        Some(missing) => Err(StoreError::ModelNotFound((*missing).to_owned())),
        None => Ok(()),
    }
}

/// Reads what was logged of models: a few statements, however many models there are.
pub(crate) async fn complete(
    transaction: &mut Transaction,
    infos: Vec<LoggedModelInfo>,
) -> Result<Vec<LoggedModel>, StoreError> {
    if infos.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = infos.iter().map(|info| info.model_id.as_str()).collect();
    let mut tags = tags_of(transaction, &ids).await?;
    let mut params = params_of(transaction, &ids).await?;
    let mut metrics = metrics_of(transaction, &ids).await?;
    let models = infos.into_iter().map(|info| {
        let id = info.model_id.as_str();
        let data = LoggedModelData {
            params: params.remove(id).unwrap_or_default(),
            metrics: metrics.remove(id).unwrap_or_default(),
        };
        let tags = tags.remove(id).unwrap_or_default();
        LoggedModel { info: LoggedModelInfo { tags, ..info }, data }
    });
    Ok(models.collect())
}

async fn tags_of(
    transaction: &mut Transaction,
    models: &[&str],
) -> Result<HashMap<String, Vec<Tag>>, DbError> {
    let select = Query::select()
        .columns([LoggedModelTags::ModelId, LoggedModelTags::TagKey, LoggedModelTags::TagValue])
        .from(LoggedModelTags::Table)
        .and_where(is_one_of_texts(
            transaction.dialect(),
            Expr::col(LoggedModelTags::ModelId),
            models,
        ))
        .order_by(LoggedModelTags::TagKey, Order::Asc)
        .take();
    let mut found: HashMap<String, Vec<Tag>> = HashMap::new();
    for row in transaction.fetch_all(&select).await? {
        let tag = Tag {
            key: row.get(LoggedModelTags::TagKey)?,
            value: row.get(LoggedModelTags::TagValue)?,
        };
        found.entry(row.get(LoggedModelTags::ModelId)?).or_default().push(tag);
    }
    Ok(found)
}

async fn params_of(
    transaction: &mut Transaction,
    models: &[&str],
) -> Result<HashMap<String, Vec<Param>>, DbError> {
    let columns =
        [LoggedModelParams::ModelId, LoggedModelParams::ParamKey, LoggedModelParams::ParamValue];
    let select = Query::select()
        .columns(columns)
        .from(LoggedModelParams::Table)
        .and_where(is_one_of_texts(
            transaction.dialect(),
            Expr::col(LoggedModelParams::ModelId),
            models,
        ))
        .order_by(LoggedModelParams::ParamKey, Order::Asc)
        .take();
    let mut found: HashMap<String, Vec<Param>> = HashMap::new();
    for row in transaction.fetch_all(&select).await? {
        let param = Param {
            key: row.get(LoggedModelParams::ParamKey)?,
            value: row.get(LoggedModelParams::ParamValue)?,
        };
        found.entry(row.get(LoggedModelParams::ModelId)?).or_default().push(param);
    }
    Ok(found)
}

async fn metrics_of(
    transaction: &mut Transaction,
    models: &[&str],
) -> Result<HashMap<String, Vec<Metric>>, DbError> {
    let select = Query::select()
        .columns([
            LoggedModelMetrics::ModelId,
            LoggedModelMetrics::MetricName,
            LoggedModelMetrics::MetricTimestampMs,
            LoggedModelMetrics::MetricStep,
            LoggedModelMetrics::MetricValue,
            LoggedModelMetrics::RunId,
            LoggedModelMetrics::DatasetName,
            LoggedModelMetrics::DatasetDigest,
        ])
        .from(LoggedModelMetrics::Table)
        .and_where(is_one_of_texts(
            transaction.dialect(),
            Expr::col(LoggedModelMetrics::ModelId),
            models,
        ))
        .order_by(LoggedModelMetrics::MetricName, Order::Asc)
        .order_by(LoggedModelMetrics::MetricTimestampMs, Order::Asc)
        .order_by(LoggedModelMetrics::MetricStep, Order::Asc)
        .order_by(LoggedModelMetrics::RunId, Order::Asc)
        .take();
    let mut found: HashMap<String, Vec<Metric>> = HashMap::new();
    for row in transaction.fetch_all(&select).await? {
        let metric = metric_of(&row)?;
        found.entry(row.get(LoggedModelMetrics::ModelId)?).or_default().push(metric);
    }
    Ok(found)
}

fn metric_of(row: &Row) -> Result<Metric, DbError> {
    let value: Option<f64> = row.get(LoggedModelMetrics::MetricValue)?;
    Ok(Metric {
        key: row.get(LoggedModelMetrics::MetricName)?,
        value: value.unwrap_or(f64::NAN),
        timestamp: row.get(LoggedModelMetrics::MetricTimestampMs)?,
        step: row.get(LoggedModelMetrics::MetricStep)?,
        dataset_name: row.get(LoggedModelMetrics::DatasetName)?,
        dataset_digest: row.get(LoggedModelMetrics::DatasetDigest)?,
        model_id: Some(row.get(LoggedModelMetrics::ModelId)?),
        run_id: Some(RunId::new(row.get::<String>(LoggedModelMetrics::RunId)?)),
    })
}
