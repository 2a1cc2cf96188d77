//! What is known of traces, read for a whole page of them at once.

use crate::{
    StoreError, assessment_rows,
    db::{DbError, Row, Transaction, is_one_of_texts},
    tables::{TraceInfo as Traces, TraceRequestMetadata, TraceTags},
    trace_columns,
};
use mlferry_protocol::{
    ExperimentId, WireEnum,
    traces::{COST_METADATA, NAME_TAG, SESSION_METADATA, TOKENS_METADATA, TraceInfo, TraceState},
};
use sea_query::{Expr, ExprTrait, Query, SelectStatement};
use std::collections::{BTreeMap, HashMap};

/// Metadata that has columns of its own; a row with it is out of date.
const MOVED_METADATA: [&str; 3] = [SESSION_METADATA, TOKENS_METADATA, COST_METADATA];

/// Selects all columns that [`info_of`] reads.
pub(crate) fn select_traces() -> SelectStatement {
    let columns = [
        Traces::RequestId,
        Traces::ExperimentId,
        Traces::TimestampMs,
        Traces::ExecutionTimeMs,
        Traces::Status,
        Traces::ClientRequestId,
        Traces::RequestPreview,
        Traces::ResponsePreview,
        Traces::TraceName,
        Traces::SessionId,
    ];
    let tokens = trace_columns::TOKENS.iter().map(|(_, column)| *column);
    let costs = trace_columns::COSTS.iter().map(|(_, column)| *column);
    let all = columns.into_iter().chain(tokens).chain(costs);
    Query::select().columns(all.map(|column| (Traces::Table, column))).from(Traces::Table).take()
}

/// What the row of a trace tells of it.
pub(crate) fn info_of(row: &Row) -> Result<TraceInfo, DbError> {
    let mut tags = BTreeMap::new();
    if let Some(name) = row.get(Traces::TraceName)? {
        tags.insert(NAME_TAG.to_owned(), name);
    }
    let mut metadata = BTreeMap::new();
    trace_columns::put_back(row, &mut metadata)?;
    let state: String = row.get(Traces::Status)?;
    Ok(TraceInfo {
        trace_id: row.get(Traces::RequestId)?,
        client_request_id: row.get(Traces::ClientRequestId)?,
        experiment_id: ExperimentId(row.get(Traces::ExperimentId)?),
        request_time_ms: row.get(Traces::TimestampMs)?,
        execution_duration_ms: row.get(Traces::ExecutionTimeMs)?,
        state: TraceState::from_name(&state).unwrap_or_default(),
        metadata,
        tags,
        request_preview: row.get(Traces::RequestPreview)?,
        response_preview: row.get(Traces::ResponsePreview)?,
        assessments: Vec::new(),
    })
}

/// The rows as traces with their tags, metadata and assessments: a few statements, however many traces there are.
pub(crate) async fn complete(
    transaction: &mut Transaction,
    rows: &[Row],
) -> Result<Vec<TraceInfo>, StoreError> {
    let mut infos = rows.iter().map(info_of).collect::<Result<Vec<_>, _>>()?;
    if infos.is_empty() {
        return Ok(infos);
    }
    let ids: Vec<&str> = infos.iter().map(|info| info.trace_id.as_str()).collect();
    let mut tags = tags_of(transaction, &ids).await?;
    let mut metadata = metadata_of(transaction, &ids).await?;
    let mut assessments = assessment_rows::of_traces(transaction, &ids).await?;
    for info in &mut infos {
        info.tags.extend(tags.remove(&info.trace_id).unwrap_or_default());
        info.metadata.extend(metadata.remove(&info.trace_id).unwrap_or_default());
        info.assessments = assessments.remove(&info.trace_id).unwrap_or_default();
    }
    Ok(infos)
}

/// All that is known of one trace.
pub(crate) async fn find(
    transaction: &mut Transaction,
    trace_id: &str,
) -> Result<Option<TraceInfo>, StoreError> {
    let select = select_traces().and_where(Expr::col(Traces::RequestId).eq(trace_id)).take();
    let row = transaction.fetch_optional(&select).await?;
    Ok(complete(transaction, row.as_slice()).await?.pop())
}

/// All that is known of a trace, which must be there.
pub(crate) async fn there(
    transaction: &mut Transaction,
    trace_id: &str,
) -> Result<TraceInfo, StoreError> {
    let found = find(transaction, trace_id).await?;
    found.ok_or_else(|| StoreError::TraceNotFound(trace_id.to_owned()))
}

/// All that is known of some traces, in no order.
pub(crate) async fn of_ids(
    transaction: &mut Transaction,
    ids: &[&str],
) -> Result<Vec<TraceInfo>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let is_one = is_one_of_texts(transaction.dialect(), Expr::col(Traces::RequestId), ids);
    let rows = transaction.fetch_all(&select_traces().and_where(is_one).take()).await?;
    complete(transaction, &rows).await
}

type Pairs = HashMap<String, Vec<(String, String)>>;

async fn tags_of(transaction: &mut Transaction, ids: &[&str]) -> Result<Pairs, DbError> {
    let mut found = Pairs::new();
    let select = Query::select()
        .columns([TraceTags::RequestId, TraceTags::Key, TraceTags::Value])
        .from(TraceTags::Table)
        .and_where(is_one_of_texts(transaction.dialect(), Expr::col(TraceTags::RequestId), ids))
        .and_where(Expr::col(TraceTags::Key).ne(NAME_TAG))
        .take();
    for row in transaction.fetch_all(&select).await? {
        let value: Option<String> = row.get(TraceTags::Value)?;
        let tag = (row.get(TraceTags::Key)?, value.unwrap_or_default());
        found.entry(row.get(TraceTags::RequestId)?).or_default().push(tag);
    }
    Ok(found)
}

async fn metadata_of(transaction: &mut Transaction, ids: &[&str]) -> Result<Pairs, DbError> {
    use TraceRequestMetadata as Metadata;
    let mut found = Pairs::new();
    let select = Query::select()
        .columns([Metadata::RequestId, Metadata::Key, Metadata::Value])
        .from(Metadata::Table)
        .and_where(is_one_of_texts(transaction.dialect(), Expr::col(Metadata::RequestId), ids))
        .and_where(Expr::col(Metadata::Key).is_not_in(MOVED_METADATA))
        .take();
    for row in transaction.fetch_all(&select).await? {
        let value: Option<String> = row.get(Metadata::Value)?;
        let pair = (row.get(Metadata::Key)?, value.unwrap_or_default());
        found.entry(row.get(Metadata::RequestId)?).or_default().push(pair);
    }
    Ok(found)
}
