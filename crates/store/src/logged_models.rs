//! Models that runs log and use.

use crate::{
    Store, StoreError,
    db::{DbError, Row, Transaction, id_lists, insert, is_one_of},
    inputs::{add_outputs, outputs_of_runs},
    lifecycle::ACTIVE,
    metrics,
    reads::{Question, cut_page},
    runs,
    tables::{LoggedModelMetrics, LoggedModelParams, LoggedModelTags, LoggedModels},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, RunId, WireEnum,
    logged_models::{
        LogOutputs, LoggedModel, LoggedModelData, LoggedModelInfo, LoggedModelStatus, ModelOutput,
        SearchLoggedModels, SearchLoggedModelsResponse,
    },
    metrics::{Metric, MetricPoint},
    params::Param,
    tags::Tag,
};
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query, SelectStatement};
use std::collections::{BTreeSet, HashMap};

impl Store {
    /// Notes the models that a run made.
    pub async fn log_outputs(&self, request: LogOutputs) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Where a logged model that is not deleted keeps its artifacts.
    pub async fn logged_model_artifact_uri(&self, model: &str) -> Result<String, StoreError> {
        self.ask(&ArtifactUriOf(model)).await
    }

    /// A page of logged models, newest first: all of some experiments, or those with one name.
    pub async fn search_logged_models(
        &self,
        request: SearchLoggedModels,
    ) -> Result<SearchLoggedModelsResponse, StoreError> {
        self.ask(&request).await
    }
}

impl Question for SearchLoggedModels {
    type Answer = SearchLoggedModelsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchLoggedModelsResponse, StoreError> {
        let name = self.filter.as_deref().map(name_in_filter).transpose()?;
        if self.has_datasets || self.has_order {
            return Err(NOT_IMPLEMENTED);
        }
        let mut rows = transaction.fetch_all(&select_page(self, name)).await?;
        let has_more = cut_page(&mut rows, self.max_results);
        let infos = rows.iter().map(info_of).collect::<Result<Vec<_>, _>>()?;
        let models = complete(transaction, infos).await?;
        let next = self.offset.saturating_add(models.len() as u64);
        let next_page_token = has_more.then(|| self.page_token(next));
        Ok(SearchLoggedModelsResponse { models, next_page_token })
    }
}

/// Asks where a logged model keeps its artifacts.
struct ArtifactUriOf<'a>(&'a str);

impl Question for ArtifactUriOf<'_> {
    type Answer = String;

    async fn answer(&self, transaction: &mut Transaction) -> Result<String, StoreError> {
        let select = Query::select()
            .column(LoggedModels::ArtifactLocation)
            .from(LoggedModels::Table)
            .and_where(Expr::col(LoggedModels::ModelId).eq(self.0))
            .and_where(Expr::col(LoggedModels::LifecycleStage).eq(ACTIVE))
            .take();
        let row = transaction.fetch_optional(&select).await?;
        let row = row.ok_or_else(|| StoreError::LoggedModelNotFound(self.0.to_owned()))?;
        Ok(row.get(LoggedModels::ArtifactLocation)?)
    }
}

const NOT_IMPLEMENTED: StoreError = StoreError::NotImplemented(
    "This search is not available in this version, \
     only searches for logged models by `name = '…'`.",
);

/// The name that `name = '…'` asks for, the one filter that is known yet.
fn name_in_filter(filter: &str) -> Result<&str, StoreError> {
    let name = filter
        .trim()
        .strip_prefix("name")
        .and_then(|rest| rest.trim_start().strip_prefix('='))
        .and_then(|rest| rest.trim_start().strip_prefix('\''))
        .and_then(|rest| rest.strip_suffix('\''));
    name.filter(|name| !name.contains('\'')).ok_or(NOT_IMPLEMENTED)
}

impl Change for LogOutputs {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let run = runs::active(transaction, &self.run_id).await?;
        let added = add_outputs(transaction, &run.id, &self.models).await?;
        if added == self.models.len() as u64 {
            return Ok(());
        }
        check_steps(transaction, &run.id, &self.models).await
    }
}

/// Refuses models that the run made at another step; the same step is the same request again.
async fn check_steps(
    transaction: &mut Transaction,
    run: &RunId,
    models: &[ModelOutput],
) -> Result<(), StoreError> {
    let mut outputs = outputs_of_runs(transaction, &[run.as_str()]).await?;
    let known = outputs.remove(run.as_str()).unwrap_or_default();
    let steps: HashMap<&str, i64> =
        known.iter().map(|output| (output.model_id.as_str(), output.step)).collect();
    for ModelOutput { model_id, step } in models {
        if let Some(known) = steps.get(model_id.as_str()).filter(|known| *known != step) {
            return Err(StoreError::OutputExists {
                model_id: model_id.clone(),
                run_id: run.clone(),
                step: *known,
            });
        }
    }
    Ok(())
}

/// Logs the values that belong to models. The first value at a step, time and run stays.
pub(crate) async fn log_metrics(
    transaction: &mut Transaction,
    run: &runs::RunRow,
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
    transaction.execute(&metric_insertion(rows)).await?;
    Ok(())
}

/// The insertion of values of models; the first at a step, time and run stays.
pub(crate) fn metric_insertion(rows: Vec<[Expr; 9]>) -> sea_query::InsertStatement {
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

fn select_page(request: &SearchLoggedModels, name: Option<&str>) -> SelectStatement {
    Query::select()
        .columns([
            LoggedModels::ModelId,
            LoggedModels::ExperimentId,
            LoggedModels::Name,
            LoggedModels::ArtifactLocation,
            LoggedModels::CreationTimestampMs,
            LoggedModels::LastUpdatedTimestampMs,
            LoggedModels::Status,
            LoggedModels::ModelType,
            LoggedModels::SourceRunId,
            LoggedModels::StatusMessage,
        ])
        .from(LoggedModels::Table)
        .and_where(is_one_of(
            LoggedModels::ExperimentId,
            request.experiment_ids.iter().map(|id| id.0),
        ))
        .and_where(Expr::col(LoggedModels::LifecycleStage).eq(ACTIVE))
        .and_where_option(name.map(|name| Expr::col(LoggedModels::Name).eq(name)))
        .order_by(LoggedModels::CreationTimestampMs, Order::Desc)
        .order_by(LoggedModels::ModelId, Order::Asc)
        // One more than asked tells whether there is another page.
        .limit(request.max_results + 1)
        .offset(request.offset)
        .take()
}

fn info_of(row: &Row) -> Result<LoggedModelInfo, StoreError> {
    let status: i64 = row.get(LoggedModels::Status)?;
    let source_run: Option<String> = row.get(LoggedModels::SourceRunId)?;
    Ok(LoggedModelInfo {
        model_id: row.get(LoggedModels::ModelId)?,
        experiment_id: ExperimentId(row.get(LoggedModels::ExperimentId)?),
        name: row.get(LoggedModels::Name)?,
        creation_timestamp_ms: row.get(LoggedModels::CreationTimestampMs)?,
        last_updated_timestamp_ms: row.get(LoggedModels::LastUpdatedTimestampMs)?,
        artifact_uri: row.get(LoggedModels::ArtifactLocation)?,
        status: LoggedModelStatus::from_number(status).unwrap_or(LoggedModelStatus::Unspecified),
        model_type: row.get(LoggedModels::ModelType)?,
        source_run_id: source_run.map(RunId::new),
        status_message: row.get(LoggedModels::StatusMessage)?,
        tags: Vec::new(),
    })
}

/// Reads what was logged of models: a few statements, however many models there are.
async fn complete(
    transaction: &mut Transaction,
    infos: Vec<LoggedModelInfo>,
) -> Result<Vec<LoggedModel>, StoreError> {
    let ids: Vec<&str> = infos.iter().map(|info| info.model_id.as_str()).collect();
    let mut tags = HashMap::new();
    let mut params = HashMap::new();
    let mut metrics = HashMap::new();
    for list in id_lists(&ids) {
        tags.extend(tags_of(transaction, list).await?);
        params.extend(params_of(transaction, list).await?);
        metrics.extend(metrics_of(transaction, list).await?);
    }
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
        .and_where(Expr::col(LoggedModelTags::ModelId).is_in(models.iter().copied()))
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
        .and_where(Expr::col(LoggedModelParams::ModelId).is_in(models.iter().copied()))
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
        .and_where(Expr::col(LoggedModelMetrics::ModelId).is_in(models.iter().copied()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_filter_is_known() {
        assert_eq!(name_in_filter("name = 'a b'").unwrap(), "a b");
        assert_eq!(name_in_filter("name='a'").unwrap(), "a");
        for other in ["name != 'a'", "name = 'a' AND name = 'b'", "params.x = '1'", "name = \"a\""]
        {
            assert!(name_in_filter(other).is_err(), "{other}");
        }
    }
}
