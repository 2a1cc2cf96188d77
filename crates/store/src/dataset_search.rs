//! Which datasets the runs of experiments use, and what for.

use crate::{
    Store, StoreError,
    db::Transaction,
    reads::Question,
    tables::{Datasets, InputTags, Inputs},
};
use mlferry_protocol::{
    ExperimentId,
    datasets::{DatasetSummary, SearchDatasets, SearchDatasetsResponse},
    limits,
    tags::DATASET_CONTEXT_TAG,
};
use sea_query::{Expr, ExprTrait, NullOrdering, Order, Query, SelectStatement};

impl Store {
    /// Datasets of experiments, one line for each context. Those of deleted runs count too.
    pub async fn search_datasets(
        &self,
        request: SearchDatasets,
    ) -> Result<SearchDatasetsResponse, StoreError> {
        self.ask(request).await
    }
}

impl Question for SearchDatasets {
    type Answer = SearchDatasetsResponse;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let mut dataset_summaries = Vec::new();
        for row in transaction.fetch_all(&select(&self.experiment_ids)).await? {
            dataset_summaries.push(DatasetSummary {
                experiment_id: ExperimentId(row.get(Datasets::ExperimentId)?),
                name: row.get(Datasets::Name)?,
                digest: row.get(Datasets::Digest)?,
                context: row.get(InputTags::Value)?,
            });
        }
        Ok(SearchDatasetsResponse { dataset_summaries })
    }
}

fn select(experiments: &[ExperimentId]) -> SelectStatement {
    let key = [Datasets::ExperimentId, Datasets::Name, Datasets::Digest];
    let mut select = Query::select();
    select
        .distinct()
        .columns(key.map(|column| (Datasets::Table, column)))
        .column((InputTags::Table, InputTags::Value))
        .from(Datasets::Table)
        .inner_join(
            Inputs::Table,
            Expr::col((Inputs::Table, Inputs::SourceId))
                .equals((Datasets::Table, Datasets::DatasetUuid)),
        )
        .left_join(
            InputTags::Table,
            Expr::col((InputTags::Table, InputTags::InputUuid))
                .equals((Inputs::Table, Inputs::InputUuid))
                .and(Expr::col((InputTags::Table, InputTags::Name)).eq(DATASET_CONTEXT_TAG)),
        )
        .and_where(
            Expr::col((Datasets::Table, Datasets::ExperimentId))
                .is_in(experiments.iter().map(|id| id.0)),
        );
    for column in key {
        select.order_by((Datasets::Table, column), Order::Asc);
    }
    let context = (InputTags::Table, InputTags::Value);
    // Databases differ in where nothing comes.
    select.order_by_with_nulls(context, Order::Asc, NullOrdering::First);
    select.limit(limits::SEARCH_DATASETS_RESULTS).take()
}
