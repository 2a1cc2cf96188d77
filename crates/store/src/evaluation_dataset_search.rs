//! Searches for evaluation datasets.

use crate::{
    Store, StoreError,
    conditions::{number_test, row_test, text_test},
    dataset_experiments,
    db::{Dialect, Transaction},
    evaluation_datasets::{datasets_of, select_datasets},
    reads::{Question, cut_page, with_one_more},
    tables::{EvaluationDatasetTags, EvaluationDatasets},
};
use mlferry_protocol::evaluation_datasets::{
    SearchEvaluationDatasets, SearchEvaluationDatasetsResponse,
};
use mlferry_search::evaluation_datasets::{
    DatasetCondition, DatasetKey, DatasetOrder, parse_filter, parse_order_by,
};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

impl Store {
    /// A page of evaluation datasets that fulfil a filter, in the order asked for, or newest first.
    pub async fn search_evaluation_datasets(
        &self,
        request: SearchEvaluationDatasets,
    ) -> Result<SearchEvaluationDatasetsResponse, StoreError> {
        let conditions = parse_filter(&request.filter)?;
        let orders = parse_order_by(&request.order_by)?;
        self.ask(DatasetSearch { request, conditions, orders }).await
    }
}

/// What a search for evaluation datasets asks for.
struct DatasetSearch {
    request: SearchEvaluationDatasets,
    conditions: Vec<DatasetCondition>,
    orders: Vec<DatasetOrder>,
}

impl Question for DatasetSearch {
    type Answer = SearchEvaluationDatasetsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchEvaluationDatasetsResponse, StoreError> {
        let mut rows = transaction.fetch_all(&self.select(transaction.dialect())).await?;
        let has_more = cut_page(&mut rows, self.request.max_results);
        let datasets = datasets_of(transaction, &rows).await?;
        let next_page_token = has_more.then(|| self.request.page_token.after(datasets.len()));
        Ok(SearchEvaluationDatasetsResponse { datasets, next_page_token })
    }
}

impl DatasetSearch {
    /// Selects a page of datasets, and one more, which tells whether there is another page.
    fn select(&self, dialect: Dialect) -> SelectStatement {
        let request = &self.request;
        let mut select = select_datasets()
            .limit(with_one_more(request.max_results))
            .offset(request.page_token.offset())
            .take();
        if !request.experiment_ids.is_empty() {
            select.and_where(dataset_experiments::is_of_one(&request.experiment_ids));
        }
        for condition in &self.conditions {
            select.and_where(test(dialect, condition));
        }
        for order in &self.orders {
            let direction = if order.is_descending { Order::Desc } else { Order::Asc };
            select.order_by(column(order.key), direction);
        }
        if self.orders.is_empty() {
            select.order_by(EvaluationDatasets::CreatedTime, Order::Desc);
        }
        select.order_by(EvaluationDatasets::DatasetId, Order::Desc).take()
    }
}

fn column(key: DatasetKey) -> EvaluationDatasets {
    match key {
        DatasetKey::Name => EvaluationDatasets::Name,
        DatasetKey::CreatedTime => EvaluationDatasets::CreatedTime,
        DatasetKey::LastUpdateTime => EvaluationDatasets::LastUpdateTime,
        DatasetKey::CreatedBy => EvaluationDatasets::CreatedBy,
        DatasetKey::LastUpdatedBy => EvaluationDatasets::LastUpdatedBy,
    }
}

fn test(dialect: Dialect, condition: &DatasetCondition) -> Expr {
    match condition {
        DatasetCondition::Text(key, test) => text_test(dialect, Expr::col(column(*key)), test),
        DatasetCondition::Time(key, comparator, value) => {
            number_test(Expr::col(column(*key)), *comparator, *value)
        }
        DatasetCondition::Tag { key, test } => {
            let belongs =
                Expr::col((EvaluationDatasetTags::Table, EvaluationDatasetTags::DatasetId))
                    .equals((EvaluationDatasets::Table, EvaluationDatasets::DatasetId));
            let rows = Query::select()
                .expr(Expr::val(1))
                .from(EvaluationDatasetTags::Table)
                .and_where(belongs)
                .and_where(Expr::col(EvaluationDatasetTags::Key).eq(key.as_str()))
                .take();
            row_test(dialect, rows, Expr::col(EvaluationDatasetTags::Value), test)
        }
    }
}
