//! Datasets and models that runs use.

use crate::{
    Store, StoreError,
    db::{DbError, Dialect, Row, Transaction, fulfilled_by_most, insert, is_one_of_texts},
    inputs::{self, Link, add_links, end, new_id},
    run_locks,
    tables::{Datasets, InputTags, Inputs},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, RunId,
    datasets::{Dataset, DatasetInput, LogInputs},
    tags::Tag,
};
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query, SelectStatement};
use std::collections::{HashMap, HashSet};

impl Store {
    /// Notes the datasets and models that a run uses. What is noted already stays as it is.
    pub async fn log_inputs(&self, request: LogInputs) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for LogInputs {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let run = run_locks::active(transaction, &self.run_id).await?;
        add_to_run(transaction, run.experiment_id, &run.id, &self.datasets).await?;
        inputs::add_models(transaction, &run.id, &self.models).await?;
        Ok(())
    }
}

/// Notes datasets that a run uses, at most a thousand.
pub(crate) async fn add_to_run(
    transaction: &mut Transaction,
    experiment: ExperimentId,
    run: &RunId,
    inputs: &[DatasetInput],
) -> Result<(), StoreError> {
    if inputs.is_empty() {
        return Ok(());
    }
    add_datasets(transaction, experiment, inputs.iter().map(|input| &input.dataset)).await?;
    let ids = dataset_ids(transaction, experiment, inputs).await?;
    link_datasets(transaction, run, inputs, &ids).await
}

/// Writes datasets that the experiment does not know yet, at most a thousand.
pub(crate) async fn add_datasets(
    transaction: &mut Transaction,
    experiment: ExperimentId,
    datasets: impl Iterator<Item = &Dataset>,
) -> Result<(), DbError> {
    let columns = [
        Datasets::DatasetUuid,
        Datasets::ExperimentId,
        Datasets::Name,
        Datasets::Digest,
        Datasets::DatasetSourceType,
        Datasets::DatasetSource,
        Datasets::DatasetSchema,
        Datasets::DatasetProfile,
    ];
    let rows = datasets.map(|dataset| {
        [
            new_id().into(),
            experiment.0.into(),
            dataset.name.as_str().into(),
            dataset.digest.as_str().into(),
            dataset.source_type.as_str().into(),
            dataset.source.as_str().into(),
            dataset.schema.clone().into(),
            dataset.profile.clone().into(),
        ]
    });
    let mut statement = insert(Datasets::Table, columns, rows);
    let key = [Datasets::ExperimentId, Datasets::Name, Datasets::Digest];
    statement.on_conflict(OnConflict::columns(key).do_nothing().to_owned());
    transaction.insert(&statement).await?;
    Ok(())
}

/// Ids of datasets by name and digest.
async fn dataset_ids(
    transaction: &mut Transaction,
    experiment: ExperimentId,
    inputs: &[DatasetInput],
) -> Result<HashMap<(String, String), String>, DbError> {
    let names = inputs.iter().map(|input| input.dataset.name.as_str());
    let digests = inputs.iter().map(|input| input.dataset.digest.as_str());
    let select = Query::select()
        .columns([Datasets::DatasetUuid, Datasets::Name, Datasets::Digest])
        .from(Datasets::Table)
        .and_where(Expr::col(Datasets::ExperimentId).eq(experiment.0))
        .and_where(Expr::col(Datasets::Name).is_in(names))
        .and_where(Expr::col(Datasets::Digest).is_in(digests))
        .take();
    let rows = transaction.fetch_all(&select).await?;
    rows.iter()
        .map(|row| {
            let key = (row.get(Datasets::Name)?, row.get(Datasets::Digest)?);
            Ok((key, row.get(Datasets::DatasetUuid)?))
        })
        .collect()
}

/// Links datasets to a run, with tags where the link is new.
async fn link_datasets(
    transaction: &mut Transaction,
    run: &RunId,
    inputs: &[DatasetInput],
    ids: &HashMap<(String, String), String>,
) -> Result<(), StoreError> {
    let linked = linked_datasets(transaction, run).await?;
    let mut new: HashMap<&str, (String, &[Tag])> = HashMap::new();
    for DatasetInput { dataset, tags } in inputs {
        let key = (dataset.name.clone(), dataset.digest.clone());
        let id = ids.get(&key).ok_or_else(|| DbError::corrupt("a dataset vanished"))?;
        if !linked.contains(id) {
            new.entry(id).or_insert_with(|| (new_id(), tags));
        }
    }
    let mut links = Vec::with_capacity(new.len());
    for (dataset, (link, _)) in &new {
        let (source, destination) = ((end::DATASET, *dataset), (end::RUN, run.as_str()));
        links.push(Link { id: link.clone(), source, destination, step: 0 });
    }
    add_links(transaction, links).await?;
    add_link_tags(transaction, new.into_values().collect()).await
}

async fn linked_datasets(
    transaction: &mut Transaction,
    run: &RunId,
) -> Result<HashSet<String>, DbError> {
    let select = Query::select()
        .column(Inputs::SourceId)
        .from(Inputs::Table)
        .and_where(links_to(transaction.dialect(), &[run.as_str()]))
        .take();
    let rows = transaction.fetch_all(&select).await?;
    rows.iter().map(|row| row.get(Inputs::SourceId)).collect()
}

async fn add_link_tags(
    transaction: &mut Transaction,
    links: Vec<(String, &[Tag])>,
) -> Result<(), StoreError> {
    let mut rows: Vec<[Expr; 3]> = Vec::new();
    for (link, tags) in &links {
        rows.extend(
            tags.iter().map(|tag| {
                [link.as_str().into(), tag.key.as_str().into(), tag.value.as_str().into()]
            }),
        );
    }
    let columns = [InputTags::InputUuid, InputTags::Name, InputTags::Value];
    transaction.insert(&insert(InputTags::Table, columns, rows)).await?;
    Ok(())
}

/// Datasets that runs use.
pub(crate) async fn of_runs(
    transaction: &mut Transaction,
    runs: &[&str],
) -> Result<HashMap<String, Vec<DatasetInput>>, DbError> {
    let mut found: HashMap<String, Vec<DatasetInput>> = HashMap::new();
    let mut tags = link_tags(transaction, runs).await?;
    for row in transaction.fetch_all(&select_inputs(transaction.dialect(), runs)).await? {
        let link: String = row.get(Inputs::InputUuid)?;
        let tags = tags.remove(&link).unwrap_or_default();
        let input = DatasetInput { tags, dataset: dataset_of(&row)? };
        found.entry(row.get(Inputs::DestinationId)?).or_default().push(input);
    }
    Ok(found)
}

fn select_inputs(dialect: Dialect, runs: &[&str]) -> SelectStatement {
    Query::select()
        .columns([(Inputs::Table, Inputs::InputUuid), (Inputs::Table, Inputs::DestinationId)])
        .columns([
            (Datasets::Table, Datasets::Name),
            (Datasets::Table, Datasets::Digest),
            (Datasets::Table, Datasets::DatasetSourceType),
            (Datasets::Table, Datasets::DatasetSource),
            (Datasets::Table, Datasets::DatasetSchema),
            (Datasets::Table, Datasets::DatasetProfile),
        ])
        .from(Inputs::Table)
        .inner_join(
            Datasets::Table,
            Expr::col((Datasets::Table, Datasets::DatasetUuid))
                .equals((Inputs::Table, Inputs::SourceId)),
        )
        .and_where(links_to(dialect, runs))
        .order_by((Datasets::Table, Datasets::Name), Order::Asc)
        .order_by((Datasets::Table, Datasets::Digest), Order::Asc)
        .take()
}

/// The links from datasets to runs.
fn links_to(dialect: Dialect, runs: &[&str]) -> Expr {
    let run = Expr::col((Inputs::Table, Inputs::DestinationId));
    is_link(dialect).and(is_one_of_texts(dialect, run, runs))
}

/// Whether a row of `inputs` links a dataset with a run.
pub(crate) fn is_link(dialect: Dialect) -> Expr {
    let is_from_dataset = Expr::col((Inputs::Table, Inputs::SourceType)).eq(end::DATASET);
    Expr::col((Inputs::Table, Inputs::DestinationType))
        .eq(end::RUN)
        .and(fulfilled_by_most(dialect, is_from_dataset))
}

async fn link_tags(
    transaction: &mut Transaction,
    runs: &[&str],
) -> Result<HashMap<String, Vec<Tag>>, DbError> {
    let select = Query::select()
        .columns([
            (InputTags::Table, InputTags::InputUuid),
            (InputTags::Table, InputTags::Name),
            (InputTags::Table, InputTags::Value),
        ])
        .from(InputTags::Table)
        .inner_join(
            Inputs::Table,
            Expr::col((Inputs::Table, Inputs::InputUuid))
                .equals((InputTags::Table, InputTags::InputUuid)),
        )
        .and_where(links_to(transaction.dialect(), runs))
        .order_by((InputTags::Table, InputTags::Name), Order::Asc)
        .take();
    let mut found: HashMap<String, Vec<Tag>> = HashMap::new();
    for row in transaction.fetch_all(&select).await? {
        let tag = Tag { key: row.get(InputTags::Name)?, value: row.get(InputTags::Value)? };
        found.entry(row.get(InputTags::InputUuid)?).or_default().push(tag);
    }
    Ok(found)
}

fn dataset_of(row: &Row) -> Result<Dataset, DbError> {
    let not_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(Dataset {
        name: row.get(Datasets::Name)?,
        digest: row.get(Datasets::Digest)?,
        source_type: row.get(Datasets::DatasetSourceType)?,
        source: row.get(Datasets::DatasetSource)?,
        schema: not_empty(row.get(Datasets::DatasetSchema)?),
        profile: not_empty(row.get(Datasets::DatasetProfile)?),
    })
}
