//! Searches for logged models: filters and orders as one statement.

use crate::{
    StoreError,
    conditions::{has_rows, number_test, row_test, text_test},
    db::{Dialect, Transaction, is_one_of},
    lifecycle::ACTIVE,
    logged_model_details,
    logged_models::{info_of, select_models},
    reads::{Question, cut_page, with_one_more},
    tables::{LoggedModelMetrics, LoggedModelParams, LoggedModelTags, LoggedModels},
};
use mlferry_protocol::{
    InvalidParameter,
    logged_model_search::{
        DatasetFilter, LoggedModelOrder, SearchLoggedModels, SearchLoggedModelsResponse,
    },
};
use mlferry_search::{
    TextComparator, TextTest,
    logged_models::{
        LoggedModelCondition, LoggedModelOrderKey, LoggedModelText, LoggedModelTime, parse_filter,
        parse_order_by,
    },
};
use sea_query::{
    Alias, Cond, Condition, Expr, ExprTrait, IntoIden, NullOrdering, Order, Query, SelectStatement,
};

/// What a search for logged models asks for.
pub(crate) struct LoggedModelSearch {
    request: SearchLoggedModels,
    conditions: Vec<LoggedModelCondition>,
    /// A key for each order of the request.
    keys: Vec<LoggedModelOrderKey>,
}

impl Question for LoggedModelSearch {
    type Answer = SearchLoggedModelsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchLoggedModelsResponse, StoreError> {
        let request = &self.request;
        let mut rows = transaction.fetch_all(&self.select(transaction.dialect())).await?;
        let has_more = cut_page(&mut rows, request.max_results);
        let infos = rows.iter().map(info_of).collect::<Result<Vec<_>, _>>()?;
        let models = logged_model_details::complete(transaction, infos).await?;
        let next = request.offset.saturating_add(models.len() as u64);
        let next_page_token = has_more.then(|| request.page_token(next));
        Ok(SearchLoggedModelsResponse { models, next_page_token })
    }
}

impl LoggedModelSearch {
    pub(crate) fn parse(request: SearchLoggedModels) -> Result<Self, InvalidParameter> {
        let conditions = parse_filter(request.filter.as_deref().unwrap_or_default())?;
        let names: Vec<_> = request.order_by.iter().map(|order| &*order.field_name).collect();
        let keys = parse_order_by(&names)?;
        Ok(Self { request, conditions, keys })
    }

    /// Selects a page of models, and one more, which tells whether there is another page.
    fn select(&self, dialect: Dialect) -> SelectStatement {
        let request = &self.request;
        let experiments = request.experiment_ids.iter().map(|id| id.0);
        let mut select = select_models()
            .and_where(is_one_of(LoggedModels::ExperimentId, experiments))
            .and_where(Expr::col(LoggedModels::LifecycleStage).eq(ACTIVE))
            .limit(with_one_more(request.max_results))
            .offset(request.offset)
            .take();
        for condition in &self.conditions {
            select.and_where(test(dialect, condition, &request.datasets));
        }
        let looks_at_metrics = |condition: &LoggedModelCondition| {
            matches!(condition, LoggedModelCondition::Metric { .. })
        };
        if !request.datasets.is_empty() && !self.conditions.iter().any(looks_at_metrics) {
            select.and_where(Expr::exists(measured_on(&request.datasets)));
        }
        for (key, order) in self.keys.iter().zip(&request.order_by) {
            let direction = if order.ascending { Order::Asc } else { Order::Desc };
            select.order_by_expr_with_nulls(value_of(key, order), direction, NullOrdering::Last);
        }
        let has = |key| self.keys.contains(&key);
        if !has(LoggedModelOrderKey::Time(LoggedModelTime::Creation)) {
            select.order_by(LoggedModels::CreationTimestampMs, Order::Desc);
        }
        if !has(LoggedModelOrderKey::Attribute(LoggedModelText::Id)) {
            select.order_by(LoggedModels::ModelId, Order::Asc);
        }
        select
    }
}

fn test(dialect: Dialect, condition: &LoggedModelCondition, datasets: &[DatasetFilter]) -> Expr {
    match condition {
        LoggedModelCondition::Attribute {
            attribute: attribute @ (LoggedModelText::ExperimentId | LoggedModelText::Status),
            test,
        } => integer_test(dialect, Expr::col(text_column(*attribute)), test),
        LoggedModelCondition::Attribute { attribute, test } => {
            text_test(dialect, Expr::col(text_column(*attribute)), test)
        }
        LoggedModelCondition::Time { attribute, comparator, value } => {
            number_test(Expr::col(time_column(*attribute)), *comparator, *value)
        }
        LoggedModelCondition::Metric { key, comparator, value } => {
            let value =
                number_test(Expr::col(LoggedModelMetrics::MetricValue), *comparator, *value);
            let rows = measured_on(datasets)
                .and_where(Expr::col(LoggedModelMetrics::MetricName).eq(key.as_str()))
                .and_where(value)
                .take();
            has_rows(dialect, rows)
        }
        LoggedModelCondition::Param { key, test } => {
            let rows = of_model(LoggedModelParams::Table, LoggedModelParams::ModelId)
                .and_where(Expr::col(LoggedModelParams::ParamKey).eq(key.as_str()))
                .take();
            row_test(dialect, rows, Expr::col(LoggedModelParams::ParamValue), test)
        }
        LoggedModelCondition::Tag { key, test } => {
            let rows = of_model(LoggedModelTags::Table, LoggedModelTags::ModelId)
                .and_where(Expr::col(LoggedModelTags::TagKey).eq(key.as_str()))
                .take();
            row_test(dialect, rows, Expr::col(LoggedModelTags::TagValue), test)
        }
    }
}

/// What an integer must fulfil that is compared as a text: what is no integer equals none.
fn integer_test(dialect: Dialect, column: Expr, test: &TextTest) -> Expr {
    let integer = |text: &String| text.trim().parse::<i64>().ok();
    match test {
        TextTest::Compare(TextComparator::Equal, value) => column.is_in(integer(value)),
        TextTest::Compare(TextComparator::NotEqual, value) => column.is_not_in(integer(value)),
        TextTest::OneOf { values, negated: false } => {
            column.is_in(values.iter().filter_map(integer))
        }
        TextTest::OneOf { values, negated: true } => {
            column.is_not_in(values.iter().filter_map(integer))
        }
        test => text_test(dialect, column.cast_as(Alias::new("text")), test),
    }
}

/// Rows of another table that belong to the model.
fn of_model(table: impl IntoIden, model_id: impl IntoIden) -> SelectStatement {
    let table = table.into_iden();
    let model = (LoggedModels::Table, LoggedModels::ModelId);
    Query::select()
        .expr(Expr::val(1))
        .from(table.clone())
        .and_where(Expr::col((table, model_id.into_iden())).equals(model))
        .take()
}

/// The values of the model's metrics that were measured on one of some datasets, or on any.
fn measured_on(datasets: &[DatasetFilter]) -> SelectStatement {
    let mut rows = of_model(LoggedModelMetrics::Table, LoggedModelMetrics::ModelId);
    if !datasets.is_empty() {
        let is_dataset = |which: Condition, dataset: &DatasetFilter| {
            let digest = Expr::col(LoggedModelMetrics::DatasetDigest);
            let has_digest = match &dataset.digest {
                Some(known) => digest.eq(known.as_str()),
                None => digest.is_null(),
            };
            let has_name = Expr::col(LoggedModelMetrics::DatasetName).eq(dataset.name.as_str());
            which.add(has_name.and(has_digest))
        };
        rows.cond_where(datasets.iter().fold(Cond::any(), is_dataset));
    }
    rows
}

/// What a model is ordered by: an attribute, or the latest value of a metric.
fn value_of(key: &LoggedModelOrderKey, order: &LoggedModelOrder) -> Expr {
    let key = match key {
        LoggedModelOrderKey::Attribute(attribute) => return Expr::col(text_column(*attribute)),
        LoggedModelOrderKey::Time(attribute) => return Expr::col(time_column(*attribute)),
        LoggedModelOrderKey::Metric(key) => key.as_str(),
    };
    let is = |column: LoggedModelMetrics, text: &Option<String>| {
        text.as_deref().map(|text| Expr::col(column).eq(text))
    };
    of_model(LoggedModelMetrics::Table, LoggedModelMetrics::ModelId)
        .clear_selects()
        .column(LoggedModelMetrics::MetricValue)
        .and_where(Expr::col(LoggedModelMetrics::MetricName).eq(key))
        .and_where_option(is(LoggedModelMetrics::DatasetName, &order.dataset_name))
        .and_where_option(is(LoggedModelMetrics::DatasetDigest, &order.dataset_digest))
        .order_by(LoggedModelMetrics::MetricTimestampMs, Order::Desc)
        .order_by(LoggedModelMetrics::MetricStep, Order::Desc)
        .order_by(LoggedModelMetrics::RunId, Order::Asc)
        .limit(1)
        .take()
        .into()
}

fn text_column(attribute: LoggedModelText) -> LoggedModels {
    match attribute {
        LoggedModelText::Id => LoggedModels::ModelId,
        LoggedModelText::ExperimentId => LoggedModels::ExperimentId,
        LoggedModelText::Name => LoggedModels::Name,
        LoggedModelText::ArtifactLocation => LoggedModels::ArtifactLocation,
        LoggedModelText::Status => LoggedModels::Status,
        LoggedModelText::StatusMessage => LoggedModels::StatusMessage,
        LoggedModelText::ModelType => LoggedModels::ModelType,
        LoggedModelText::SourceRunId => LoggedModels::SourceRunId,
        LoggedModelText::LifecycleStage => LoggedModels::LifecycleStage,
    }
}

fn time_column(attribute: LoggedModelTime) -> LoggedModels {
    match attribute {
        LoggedModelTime::Creation => LoggedModels::CreationTimestampMs,
        LoggedModelTime::LastUpdate => LoggedModels::LastUpdatedTimestampMs,
    }
}
