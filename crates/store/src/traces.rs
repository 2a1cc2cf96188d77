//! Traces: what is known of them.

use crate::{
    Store, StoreError, artifact_uri,
    assessments::{self, TraceOf},
    db::{Transaction, insert},
    experiments,
    reads::Question,
    tables::{Assessments, Spans, TraceInfo as Traces, TraceRequestMetadata, TraceTags},
    trace_columns::{self, Values},
    trace_rows,
    trace_search::TraceSearch,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    WireEnum,
    traces::{
        ARTIFACT_LOCATION_TAG, FINALIZED_METADATA, GetTraceInfo, NAME_TAG, SPANS_LOCATION_TAG,
        SearchTraces, SearchTracesResponse, StartTrace, TraceInfo,
    },
};
use sea_query::{Expr, ExprTrait, IntoIden, LockType, OnConflict, Query};
use std::collections::{BTreeMap, HashSet};

/// Where spans are that stand in the database: the value of [`SPANS_LOCATION_TAG`].
pub(crate) const IN_DATABASE: &str = "TRACKING_STORE";

impl Store {
    /// Notes what a client knows of a trace, which may be there already.
    pub async fn start_trace(&self, mut request: StartTrace) -> Result<TraceInfo, StoreError> {
        for assessment in &mut request.assessments {
            // Here, so that they are the same ones if the change is repeated.
            assessment.assessment_id.get_or_insert_with(assessments::new_id);
        }
        self.write(request).await
    }

    /// What is known of a trace.
    pub async fn get_trace_info(&self, request: GetTraceInfo) -> Result<TraceInfo, StoreError> {
        self.ask(request).await
    }

    /// A page of traces that fulfil a filter, in the order asked for, latest start first.
    pub async fn search_traces(
        &self,
        request: SearchTraces,
    ) -> Result<SearchTracesResponse, StoreError> {
        self.ask(TraceSearch::parse(request)?).await
    }
}

impl Question for GetTraceInfo {
    type Answer = TraceInfo;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<TraceInfo, StoreError> {
        trace_rows::there(transaction, &self.trace_id).await
    }
}

impl Change for StartTrace {
    type Output = TraceInfo;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Trace(&self.info.trace_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<TraceInfo, StoreError> {
        let info = &self.info;
        let id = info.trace_id.as_str();
        let experiment = experiments::active(transaction, info.experiment_id).await?;
        let mut metadata = info.metadata.clone();
        let mut values = told_values(info);
        values.extend(trace_columns::take(&mut metadata));
        if !insert_trace(transaction, id, &values).await? {
            merge(transaction, info, values).await?;
        }
        let mut tags = info.tags.clone();
        let location = artifact_uri::of_trace(&experiment.artifact_location, id);
        tags.insert(ARTIFACT_LOCATION_TAG.to_owned(), location);
        metadata.insert(FINALIZED_METADATA.to_owned(), "true".to_owned());
        write_told(transaction, id, &tags, &metadata).await?;
        let (experiment, timestamp_ms) = (info.experiment_id.0, info.request_time_ms);
        for assessment in &self.assessments {
            let trace = TraceOf { id, experiment, timestamp_ms };
            assessments::add_with_trace(transaction, assessment, &trace).await?;
        }
        trace_rows::there(transaction, id).await
    }
}

/// The columns that a client fills when it tells of a trace.
fn told_values(info: &TraceInfo) -> Values {
    let mut values = vec![
        (Traces::ExperimentId, info.experiment_id.0.into()),
        (Traces::TimestampMs, info.request_time_ms.into()),
        (Traces::ExecutionTimeMs, info.execution_duration_ms.into()),
        (Traces::Status, info.state.name().into()),
        (Traces::ClientRequestId, info.client_request_id.clone().into()),
    ];
    let may_be_there = [
        (Traces::TraceName, info.tags.get(NAME_TAG)),
        (Traces::RequestPreview, info.request_preview.as_ref()),
        (Traces::ResponsePreview, info.response_preview.as_ref()),
    ];
    let there = may_be_there.into_iter();
    values.extend(there.filter_map(|(column, text)| Some((column, text?.as_str().into()))));
    values
}

/// Makes the row of a trace; false where there is one, which stays as it is.
pub(crate) async fn insert_trace(
    transaction: &mut Transaction,
    id: &str,
    values: &Values,
) -> Result<bool, StoreError> {
    let (mut columns, mut row) = (vec![Traces::RequestId], vec![Expr::from(id)]);
    for (column, value) in values {
        columns.push(*column);
        row.push(value.clone());
    }
    let mut statement = Query::insert();
    // It panics when numbers differ, and each column has its value.
    statement.into_table(Traces::Table).columns(columns).values_panic(row);
    statement.on_conflict(OnConflict::column(Traces::RequestId).do_nothing().to_owned());
    Ok(transaction.execute(&statement).await? == 1)
}

/// The columns of the row of a trace that is made of its spans.
pub(crate) const MADE_OF_SPANS: [Traces; 19] = [
    Traces::RequestId,
    Traces::ExperimentId,
    Traces::TimestampMs,
    Traces::ExecutionTimeMs,
    Traces::Status,
    Traces::RequestPreview,
    Traces::ResponsePreview,
    Traces::DbPayloadGeneration,
    Traces::TraceName,
    Traces::SessionId,
    Traces::InputTokens,
    Traces::OutputTokens,
    Traces::TotalTokens,
    Traces::CacheReadInputTokens,
    Traces::CacheCreationInputTokens,
    Traces::CacheCreationInputTokensAbove1Hr,
    Traces::InputCost,
    Traces::OutputCost,
    Traces::TotalCost,
];

/// Makes the rows of traces, and returns their ids; those that are there stay as they are, and are left out.
pub(crate) async fn insert_traces(
    transaction: &mut Transaction,
    rows: Vec<[Expr; MADE_OF_SPANS.len()]>,
) -> Result<HashSet<String>, StoreError> {
    let mut statement = insert(Traces::Table, MADE_OF_SPANS, rows);
    let keep = OnConflict::column(Traces::RequestId).do_nothing().to_owned();
    let made = statement.on_conflict(keep).returning(Traces::RequestId);
    let rows = transaction.insert_returning(made).await?;
    Ok(rows.iter().map(|row| row.get(Traces::RequestId)).collect::<Result<_, _>>()?)
}

/// Brings the row of a trace, which its spans or an earlier request made, to what a client tells.
async fn merge(
    transaction: &mut Transaction,
    info: &TraceInfo,
    values: Values,
) -> Result<(), StoreError> {
    let id = info.trace_id.as_str();
    hold(transaction, id).await?;
    if spans_location(transaction, id).await?.is_some_and(|location| location != IN_DATABASE) {
        return Err(StoreError::TraceMoved(id.to_owned()));
    }
    let update = Query::update()
        .table(Traces::Table)
        .values(values)
        .value(Traces::DbPayloadGeneration, Expr::col(Traces::DbPayloadGeneration).add(1))
        .and_where(Expr::col(Traces::RequestId).eq(id))
        .take();
    transaction.execute(&update).await?;
    let spans = Query::update()
        .table(Spans::Table)
        .value(Spans::ExperimentId, info.experiment_id.0)
        .and_where(Expr::col(Spans::TraceId).eq(id))
        .and_where(Expr::col(Spans::ExperimentId).ne(info.experiment_id.0))
        .take();
    transaction.execute(&spans).await?;
    let assessments = Query::update()
        .table(Assessments::Table)
        .value(Assessments::ExperimentId, info.experiment_id.0)
        .value(Assessments::TraceTimestampMs, info.request_time_ms)
        .and_where(Expr::col(Assessments::TraceId).eq(id))
        .take();
    transaction.execute(&assessments).await?;
    Ok(())
}

/// Keeps others from changing a trace; an error where there is none.
pub(crate) async fn hold(transaction: &mut Transaction, id: &str) -> Result<(), StoreError> {
    let select = Query::select()
        .column(Traces::RequestId)
        .from(Traces::Table)
        .and_where(Expr::col(Traces::RequestId).eq(id))
        .lock(LockType::Update)
        .take();
    match transaction.fetch_optional(&select).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::TraceNotFound(id.to_owned())),
    }
}

async fn spans_location(
    transaction: &mut Transaction,
    id: &str,
) -> Result<Option<String>, StoreError> {
    let select = Query::select()
        .column(TraceTags::Value)
        .from(TraceTags::Table)
        .and_where(Expr::col(TraceTags::RequestId).eq(id))
        .and_where(Expr::col(TraceTags::Key).eq(SPANS_LOCATION_TAG))
        .take();
    let row = transaction.fetch_optional(&select).await?;
    Ok(row.map(|row| row.get::<Option<String>>(TraceTags::Value)).transpose()?.flatten())
}

/// Sets the tags that a client tells, but for the name, which has a column, and the metadata.
pub(crate) async fn write_told(
    transaction: &mut Transaction,
    id: &str,
    tags: &BTreeMap<String, String>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let tags = tags.iter().filter(|(key, _)| *key != NAME_TAG);
    let tags: Vec<_> = tags.map(|(key, value)| (id, key.as_str(), value.as_str())).collect();
    write_tags_of(transaction, &tags).await?;
    let metadata = metadata.iter().map(|(key, value)| (id, key.as_str(), value.as_str()));
    write_metadata_of(transaction, &metadata.collect::<Vec<_>>()).await
}

/// Sets tags of a trace, each key once.
pub(crate) async fn write_tags(
    transaction: &mut Transaction,
    id: &str,
    tags: &[(&str, &str)],
) -> Result<(), StoreError> {
    let tags: Vec<_> = tags.iter().map(|(key, value)| (id, *key, *value)).collect();
    write_tags_of(transaction, &tags).await
}

/// Sets tags of traces: their ids, keys and values, each key of a trace once.
pub(crate) async fn write_tags_of(
    transaction: &mut Transaction,
    tags: &[(&str, &str, &str)],
) -> Result<(), StoreError> {
    let columns = [TraceTags::RequestId, TraceTags::Key, TraceTags::Value];
    write_pairs(transaction, TraceTags::Table, columns, tags).await
}

/// Sets metadata of traces: their ids, keys and values, each key of a trace once.
pub(crate) async fn write_metadata_of(
    transaction: &mut Transaction,
    metadata: &[(&str, &str, &str)],
) -> Result<(), StoreError> {
    use TraceRequestMetadata as Metadata;
    let columns = [Metadata::RequestId, Metadata::Key, Metadata::Value];
    write_pairs(transaction, Metadata::Table, columns, metadata).await
}

async fn write_pairs<C: IntoIden + Copy>(
    transaction: &mut Transaction,
    table: C,
    columns: [C; 3],
    pairs: &[(&str, &str, &str)],
) -> Result<(), StoreError> {
    let rows = pairs.iter().map(|(id, key, value)| [(*id).into(), (*key).into(), (*value).into()]);
    let mut statement = insert(table.into_iden(), columns, rows);
    let [id, key, value] = columns;
    let replace = OnConflict::columns([key, id]).update_column(value).to_owned();
    transaction.insert(statement.on_conflict(replace)).await?;
    Ok(())
}
