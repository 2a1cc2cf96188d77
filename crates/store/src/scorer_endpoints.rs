//! Endpoints of the gateway that scorers ask: kept by id, shown by name.

use crate::{
    StoreError,
    clock::now_ms,
    db::{DbError, Transaction, insert, is_one_of_texts},
    schema::WORKSPACE,
    tables::{EndpointBindings, Endpoints},
};
use mlferry_protocol::{scorers::ScorerVersion, serialized_scorers::SerializedScorer};
use sea_query::{Expr, ExprTrait, Query};
use std::collections::{BTreeSet, HashMap};

/// The kind of resource that a scorer is to the gateway.
const SCORER: &str = "scorer";

/// The id of the gateway's endpoint with a name.
pub(crate) async fn endpoint_named(
    transaction: &mut Transaction,
    name: &str,
) -> Result<String, StoreError> {
    let select = Query::select()
        .column(Endpoints::EndpointId)
        .from(Endpoints::Table)
        .and_where(Expr::col(Endpoints::Name).eq(name))
        .and_where(Expr::col(Endpoints::Workspace).eq(WORKSPACE))
        .take();
    let row = transaction.fetch_optional(&select).await?;
    let row = row.ok_or_else(|| StoreError::EndpointNotFound(name.to_owned()))?;
    Ok(row.get(Endpoints::EndpointId)?)
}

/// Notes that a scorer uses an endpoint, and no other one.
pub(crate) async fn bind(
    transaction: &mut Transaction,
    scorer_id: &str,
    endpoint: &str,
    name: &str,
) -> Result<(), DbError> {
    unbind(transaction, scorer_id).await?;
    let columns = [
        EndpointBindings::EndpointId,
        EndpointBindings::ResourceType,
        EndpointBindings::ResourceId,
        EndpointBindings::DisplayName,
        EndpointBindings::CreatedAt,
        EndpointBindings::LastUpdatedAt,
    ];
    let now = now_ms();
    let row =
        [endpoint.into(), SCORER.into(), scorer_id.into(), name.into(), now.into(), now.into()];
    transaction.insert(&insert(EndpointBindings::Table, columns, [row])).await?;
    Ok(())
}

pub(crate) async fn unbind(transaction: &mut Transaction, scorer_id: &str) -> Result<(), DbError> {
    let delete = Query::delete()
        .from_table(EndpointBindings::Table)
        .and_where(Expr::col(EndpointBindings::ResourceType).eq(SCORER))
        .and_where(Expr::col(EndpointBindings::ResourceId).eq(scorer_id))
        .take();
    transaction.execute(&delete).await?;
    Ok(())
}

/// Writes the texts anew, with names of endpoints in place of ids; one that is gone leaves no model.
pub(crate) async fn resolve(
    transaction: &mut Transaction,
    versions: &mut [ScorerVersion],
) -> Result<(), DbError> {
    let texts = versions.iter().map(|version| version.serialized_scorer.clone());
    let scorers: Vec<_> = texts.map(SerializedScorer::stored).collect();
    let used: BTreeSet<&str> = scorers.iter().filter_map(SerializedScorer::endpoint).collect();
    let used: Vec<&str> = used.into_iter().collect();
    let names = endpoint_names(transaction, &used).await?;
    for (version, scorer) in versions.iter_mut().zip(&scorers) {
        version.serialized_scorer = match scorer.endpoint() {
            Some(id) => scorer.with_endpoint(names.get(id).map(String::as_str)),
            None => scorer.rewritten(),
        };
    }
    Ok(())
}

/// Names of the gateway's endpoints by id.
pub(crate) async fn endpoint_names(
    transaction: &mut Transaction,
    ids: &[&str],
) -> Result<HashMap<String, String>, DbError> {
    let mut names = HashMap::new();
    if ids.is_empty() {
        return Ok(names);
    }
    let select = Query::select()
        .columns([Endpoints::EndpointId, Endpoints::Name])
        .from(Endpoints::Table)
        .and_where(is_one_of_texts(transaction.dialect(), Expr::col(Endpoints::EndpointId), ids))
        .and_where(Expr::col(Endpoints::Workspace).eq(WORKSPACE))
        .take();
    for row in transaction.fetch_all(&select).await? {
        if let Some(name) = row.get(Endpoints::Name)? {
            names.insert(row.get(Endpoints::EndpointId)?, name);
        }
    }
    Ok(names)
}
