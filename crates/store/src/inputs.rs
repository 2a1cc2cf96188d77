//! The table of links between runs and what they use or make: datasets, and logged models.

use crate::{
    Store, StoreError,
    db::{DbError, Row, Transaction, insert, is_one_of_texts},
    run_locks,
    tables::Inputs,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    RunId,
    datasets::ModelInput,
    logged_models::{LogOutputs, ModelOutput},
};
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query};
use std::collections::HashMap;
use uuid::Uuid;

/// The kinds of ends that a row of `inputs` links.
pub(crate) mod end {
    pub(crate) const DATASET: &str = "DATASET";
    pub(crate) const RUN: &str = "RUN";
    pub(crate) const RUN_INPUT: &str = "RUN_INPUT";
    pub(crate) const MODEL_INPUT: &str = "MODEL_INPUT";
    pub(crate) const RUN_OUTPUT: &str = "RUN_OUTPUT";
    pub(crate) const MODEL_OUTPUT: &str = "MODEL_OUTPUT";
}

impl Store {
    /// Notes the models that a run made.
    pub async fn log_outputs(&self, request: LogOutputs) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for LogOutputs {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let run = run_locks::active(transaction, &self.run_id).await?;
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

/// A new id for a row of `datasets` or `inputs`.
pub(crate) fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// A row of `inputs`: one end is used by, or comes from, the other.
pub(crate) struct Link<'a> {
    pub(crate) id: String,
    pub(crate) source: (&'static str, &'a str),
    pub(crate) destination: (&'static str, &'a str),
    pub(crate) step: i64,
}

/// Writes links that are not there yet, and counts them.
pub(crate) async fn add_links(
    transaction: &mut Transaction,
    links: Vec<Link<'_>>,
) -> Result<u64, DbError> {
    let columns = [
        Inputs::InputUuid,
        Inputs::SourceType,
        Inputs::SourceId,
        Inputs::DestinationType,
        Inputs::DestinationId,
        Inputs::Step,
    ];
    let row_of = |link: &Link<'_>| {
        [
            link.id.clone().into(),
            link.source.0.into(),
            link.source.1.into(),
            link.destination.0.into(),
            link.destination.1.into(),
            link.step.into(),
        ]
    };
    let key =
        [Inputs::SourceType, Inputs::SourceId, Inputs::DestinationType, Inputs::DestinationId];
    let mut added = 0;
    let mut statement = insert(Inputs::Table, columns, links.iter().map(row_of));
    statement.on_conflict(OnConflict::columns(key).do_nothing().to_owned());
    added += transaction.insert(&statement).await?;
    Ok(added)
}

/// Notes models that a run uses.
pub(crate) async fn add_models(
    transaction: &mut Transaction,
    run: &RunId,
    models: &[ModelInput],
) -> Result<(), DbError> {
    let links = models.iter().map(|model| Link {
        id: new_id(),
        source: (end::RUN_INPUT, run.as_str()),
        destination: (end::MODEL_INPUT, &model.model_id),
        step: 0,
    });
    add_links(transaction, links.collect()).await?;
    Ok(())
}

/// Notes models that a run made, and counts those that were not known.
pub(crate) async fn add_outputs(
    transaction: &mut Transaction,
    run: &RunId,
    models: &[ModelOutput],
) -> Result<u64, DbError> {
    let links = models.iter().map(|model| Link {
        id: new_id(),
        source: (end::RUN_OUTPUT, run.as_str()),
        destination: (end::MODEL_OUTPUT, &model.model_id),
        step: model.step,
    });
    add_links(transaction, links.collect()).await
}

/// Models that runs made.
pub(crate) async fn outputs_of_runs(
    transaction: &mut Transaction,
    runs: &[&str],
) -> Result<HashMap<String, Vec<ModelOutput>>, DbError> {
    let mut found: HashMap<String, Vec<ModelOutput>> = HashMap::new();
    for row in links_of_runs(transaction, runs, end::RUN_OUTPUT).await? {
        let output =
            ModelOutput { model_id: row.get(Inputs::DestinationId)?, step: row.get(Inputs::Step)? };
        found.entry(row.get(Inputs::SourceId)?).or_default().push(output);
    }
    Ok(found)
}

async fn links_of_runs(
    transaction: &mut Transaction,
    runs: &[&str],
    source: &'static str,
) -> Result<Vec<Row>, DbError> {
    let select = Query::select()
        .columns([Inputs::SourceId, Inputs::DestinationId, Inputs::Step])
        .from(Inputs::Table)
        .and_where(Expr::col(Inputs::SourceType).eq(source))
        .and_where(is_one_of_texts(transaction.dialect(), Expr::col(Inputs::SourceId), runs))
        .order_by(Inputs::DestinationId, Order::Asc)
        .take();
    transaction.fetch_all(&select).await
}
