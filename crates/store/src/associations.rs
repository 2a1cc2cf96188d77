//! Links between things of different kinds: traces, runs, versions of prompts, evaluation datasets and experiments.

use crate::{
    clock::now_ms,
    db::{DbError, Transaction, insert},
    inputs,
    tables::EntityAssociations as Links,
};
use sea_query::OnConflict;

/// Kinds of what `entity_associations` links.
pub(crate) mod entity {
    pub(crate) const TRACE: &str = "trace";
    pub(crate) const RUN: &str = "run";
    pub(crate) const PROMPT_VERSION: &str = "prompt_version";
    pub(crate) const DATASET: &str = "evaluation_dataset";
    pub(crate) const EXPERIMENT: &str = "experiment";
}

/// A thing by its kind and its id.
pub(crate) type End<'a> = (&'static str, &'a str);

/// Links things; those that are linked stay so.
pub(crate) async fn link<'a>(
    transaction: &mut Transaction,
    links: impl Iterator<Item = (End<'a>, End<'a>)>,
) -> Result<(), DbError> {
    let now = now_ms();
    let columns = [
        Links::AssociationId,
        Links::SourceType,
        Links::SourceId,
        Links::DestinationType,
        Links::DestinationId,
        Links::CreatedTime,
    ];
    let key = [Links::SourceType, Links::SourceId, Links::DestinationType, Links::DestinationId];
    let links: Vec<_> = links.collect();
    let rows = links.iter().map(|((source, source_id), (destination, destination_id))| {
        [
            inputs::new_id().into(),
            (*source).into(),
            (*source_id).into(),
            (*destination).into(),
            (*destination_id).into(),
            now.into(),
        ]
    });
    let mut statement = insert(Links::Table, columns, rows);
    let linked = OnConflict::columns(key).do_nothing().to_owned();
    transaction.insert(statement.on_conflict(linked)).await?;
    Ok(())
}
