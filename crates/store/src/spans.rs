//! Spans: how they are stored, and what they tell of their traces.

use crate::{
    Store, StoreError,
    arrived_spans::Arrived,
    artifact_uri,
    db::{DbError, Transaction, id_lists, insert},
    experiments, python_json, span_sums,
    tables::{Assessments, Spans, TraceInfo as Traces},
    trace_columns::Values,
    trace_rows,
    traces::{self, IN_DATABASE},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, InvalidParameter, WireEnum, limits,
    spans::{self, Span},
    traces::{
        ARTIFACT_LOCATION_TAG, COST_METADATA, FINALIZED_METADATA, NAME_TAG, SESSION_METADATA,
        SPANS_LOCATION_TAG, TOKENS_METADATA, TraceInfo, TraceState, USER_METADATA,
    },
    truncate,
};
use sea_query::{Expr, ExprTrait, LockType, OnConflict, Order, Query, SelectStatement};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Spans in one insertion: each has many values, and a text of any length.
const SPANS_AT_ONCE: usize = 100;

/// Characters that the columns of a span's type, model and provider take.
const SPAN_TEXT: usize = 500;

impl Store {
    /// Stores spans, and makes the traces that they belong to where they are not there.
    pub async fn log_spans(
        &self,
        experiment_id: ExperimentId,
        spans: Vec<Span>,
    ) -> Result<(), StoreError> {
        if spans.is_empty() {
            return Ok(());
        }
        self.write(LogSpans::new(experiment_id, spans)?).await
    }
}

/// Spans to store, by their traces.
struct LogSpans {
    experiment_id: ExperimentId,
    /// In the order of their ids, so that two groups wait for each other in one order.
    traces: BTreeMap<String, Arrived>,
}

impl LogSpans {
    fn new(experiment_id: ExperimentId, spans: Vec<Span>) -> Result<Self, InvalidParameter> {
        let mut grouped: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in spans {
            grouped.entry(span.trace_id.clone()).or_default().push(span);
        }
        let mut traces = BTreeMap::new();
        for (id, spans) in grouped {
            traces.insert(id, Arrived::new(spans)?);
        }
        Ok(Self { experiment_id, traces })
    }
}

impl Change for LogSpans {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        self.traces.keys().next().map_or(Lock::Nothing, |id| Lock::Trace(id))
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let made = self.make_traces(transaction).await?;
        let others = self.traces.keys().map(String::as_str).filter(|id| !made.contains(id));
        hold(transaction, &others.collect::<Vec<_>>()).await?;
        let known = self.known(transaction).await?;
        for (id, arrived) in &self.traces {
            let Some(info) = known.get(id.as_str()) else {
                return Err(StoreError::TraceNotFound(id.clone()));
            };
            let location = info.tags.get(SPANS_LOCATION_TAG);
            if location.is_some_and(|location| location != IN_DATABASE) {
                return Err(StoreError::TraceArchived(id.clone()));
            }
            store_spans(transaction, info.experiment_id, &arrived.spans).await?;
            let is_new = made.contains(id.as_str());
            update(transaction, info, arrived, is_new).await?;
        }
        Ok(())
    }
}

impl LogSpans {
    /// Makes the traces that are not there, and returns their ids.
    async fn make_traces(
        &self,
        transaction: &mut Transaction,
    ) -> Result<HashSet<&str>, StoreError> {
        let ids: Vec<&str> = self.traces.keys().map(String::as_str).collect();
        let known = existing(transaction, &ids).await?;
        let mut made = HashSet::new();
        let missing = self.traces.iter().filter(|(id, _)| !known.contains(*id));
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            return Ok(made);
        }
        let experiment = experiments::there(transaction, self.experiment_id).await?;
        for (id, arrived) in missing {
            let state = arrived.state.unwrap_or(TraceState::InProgress);
            let values = vec![
                (Traces::ExperimentId, self.experiment_id.0.into()),
                (Traces::TimestampMs, arrived.start_ms.into()),
                (Traces::Status, state.name().into()),
            ];
            if traces::insert_trace(transaction, id, &values).await? {
                let location = artifact_uri::of_trace(&experiment.artifact_location, id);
                let tags = [(ARTIFACT_LOCATION_TAG, location.as_str())];
                traces::write_tags(transaction, id, &tags).await?;
                made.insert(id.as_str());
            }
        }
        Ok(made)
    }

    async fn known(
        &self,
        transaction: &mut Transaction,
    ) -> Result<HashMap<String, TraceInfo>, StoreError> {
        let ids: Vec<&str> = self.traces.keys().map(String::as_str).collect();
        let infos = trace_rows::of_ids(transaction, &ids).await?;
        Ok(infos.into_iter().map(|info| (info.trace_id.clone(), info)).collect())
    }
}

async fn existing(
    transaction: &mut Transaction,
    ids: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for list in id_lists(ids) {
        for row in transaction.fetch_all(&select_ids(list)).await? {
            found.insert(row.get(Traces::RequestId)?);
        }
    }
    Ok(found)
}

/// Keeps others from changing traces that are there.
async fn hold(transaction: &mut Transaction, ids: &[&str]) -> Result<(), StoreError> {
    for list in id_lists(ids) {
        let select = select_ids(list).lock(LockType::Update).take();
        transaction.fetch_all(&select).await?;
    }
    Ok(())
}

/// Selects those of some ids that traces have, in order, in which they are also locked.
fn select_ids(ids: &[&str]) -> SelectStatement {
    Query::select()
        .column(Traces::RequestId)
        .from(Traces::Table)
        .and_where(Expr::col(Traces::RequestId).is_in(ids.iter().copied()))
        .order_by(Traces::RequestId, Order::Asc)
        .take()
}

/// Writes the rows of spans; one that is there is replaced.
async fn store_spans(
    transaction: &mut Transaction,
    experiment: ExperimentId,
    spans: &[Span],
) -> Result<(), StoreError> {
    // One statement can't write a row twice, so of spans with one id the last is written.
    let last: HashMap<&str, &Span> =
        spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
    let mut spans: Vec<&Span> = last.into_values().collect();
    spans.sort_by(|one, other| one.span_id.cmp(&other.span_id));
    let columns = [
        Spans::TraceId,
        Spans::SpanId,
        Spans::ExperimentId,
        Spans::ParentSpanId,
        Spans::Name,
        Spans::Type,
        Spans::Status,
        Spans::StartTimeUnixNano,
        Spans::EndTimeUnixNano,
        Spans::Content,
        Spans::InputCost,
        Spans::OutputCost,
        Spans::TotalCost,
        Spans::ModelName,
        Spans::ModelProvider,
    ];
    for spans in spans.chunks(SPANS_AT_ONCE) {
        let rows = spans.iter().map(|span| row_of(span, experiment));
        let mut statement = insert(Spans::Table, columns, rows);
        let replace = OnConflict::columns([Spans::TraceId, Spans::SpanId])
            .update_columns(columns.into_iter().skip(2))
            .to_owned();
        transaction.insert(statement.on_conflict(replace)).await?;
    }
    Ok(())
}

fn row_of(span: &Span, experiment: ExperimentId) -> [Expr; 15] {
    let cost = span.attribute(spans::COST).and_then(python_json::parse);
    let cost = |key: &str| cost.as_ref().and_then(|cost| cost.get(key)?.finite());
    let short = |text: String| text.chars().take(SPAN_TEXT).collect::<String>();
    [
        span.trace_id.as_str().into(),
        span.span_id.as_str().into(),
        experiment.0.into(),
        span.parent_id.clone().into(),
        span.name.as_str().into(),
        span.span_type.clone().map(short).into(),
        span.status.stored().into(),
        span.start_ns.into(),
        span.end_ns.into(),
        span.content.as_str().into(),
        cost("input_cost").into(),
        cost("output_cost").into(),
        cost("total_cost").into(),
        span.text(spans::MODEL).map(short).into(),
        span.text(spans::PROVIDER).map(short).into(),
    ]
}

/// Brings a trace up to date with spans that arrived.
async fn update(
    transaction: &mut Transaction,
    info: &TraceInfo,
    arrived: &Arrived,
    is_new: bool,
) -> Result<(), StoreError> {
    let id = info.trace_id.as_str();
    let sums = sums(transaction, info, arrived, is_new).await?;
    // What the client said of the trace's times counts more. The reference looks for it only where there is
    // something else that it might have said, too.
    let may_be_final = arrived.session.is_some() || sums.is_told;
    let is_final = may_be_final && info.metadata.contains_key(FINALIZED_METADATA);
    let mut values = sums.values;
    if !is_final {
        values.extend(times(info, arrived));
    }
    if [TraceState::InProgress, TraceState::Unspecified].contains(&info.state)
        && let Some(state) = arrived.state
    {
        values.push((Traces::Status, state.name().into()));
    }
    if !info.metadata.contains_key(SESSION_METADATA)
        && let Some(session) = &arrived.session
    {
        values.push((Traces::SessionId, session.as_str().into()));
    }
    let mut tags = arrived.tags();
    if let Some(name) = tags.remove(NAME_TAG) {
        values.push((Traces::TraceName, name.into()));
    }
    values.extend(previews(info, arrived));
    let change = Query::update()
        .table(Traces::Table)
        .values(values)
        .value(Traces::DbPayloadGeneration, Expr::col(Traces::DbPayloadGeneration).add(1))
        .and_where(Expr::col(Traces::RequestId).eq(id))
        .take();
    transaction.execute(&change).await?;
    if !is_final && info.request_time_ms > arrived.start_ms {
        move_assessments(transaction, id, arrived.start_ms).await?;
    }
    if let Some(user) = &arrived.user
        && !info.metadata.contains_key(USER_METADATA)
    {
        let mut user = user.clone();
        truncate(&mut user, limits::TRACE_TAG_VALUE);
        traces::write_metadata(transaction, id, &[(USER_METADATA, &user)]).await?;
    }
    tags.insert(SPANS_LOCATION_TAG.to_owned(), IN_DATABASE.to_owned());
    let tags: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    traces::write_tags(transaction, id, &tags).await
}

/// What spans add up to.
struct Sums {
    values: Values,
    /// Whether spans that arrived tell of tokens or costs.
    is_told: bool,
}

/// Adds up tokens and costs, unless the client has: of what arrived, and of what is stored.
async fn sums(
    transaction: &mut Transaction,
    info: &TraceInfo,
    arrived: &Arrived,
    is_new: bool,
) -> Result<Sums, StoreError> {
    let mut tokens = span_sums::tokens(&arrived.parts(spans::TOKENS));
    let mut costs = span_sums::costs(&arrived.parts(spans::COST));
    let is_told = !tokens.is_empty() || !costs.is_empty();
    let is_said = |metadata: &str| {
        info.metadata.contains_key(FINALIZED_METADATA) && info.metadata.contains_key(metadata)
    };
    if is_said(TOKENS_METADATA) {
        tokens.clear();
    }
    if is_said(COST_METADATA) {
        costs.clear();
    }
    let may_change = !tokens.is_empty() || !costs.is_empty();
    if may_change && !is_new {
        let names = [spans::TOKENS, spans::COST];
        let [token_parts, cost_parts] =
            span_sums::stored(transaction, &info.trace_id, names).await?;
        if !tokens.is_empty() {
            tokens = span_sums::tokens(&token_parts);
        }
        if !costs.is_empty() {
            costs = span_sums::costs(&cost_parts);
        }
    }
    let values = tokens.into_iter().chain(costs).collect();
    Ok(Sums { values, is_told })
}

/// A trace lasts from its first start to its last end.
fn times(info: &TraceInfo, arrived: &Arrived) -> Values {
    let start = Ord::min(info.request_time_ms, arrived.start_ms);
    let end = info.execution_duration_ms.map(|duration| info.request_time_ms + duration);
    let end = end.map_or(arrived.end_ms, |end| Ord::max(end, arrived.end_ms));
    vec![(Traces::TimestampMs, start.into()), (Traces::ExecutionTimeMs, (end - start).into())]
}

fn previews(info: &TraceInfo, arrived: &Arrived) -> Values {
    let (request, response) = arrived.root().map(Span::previews).unwrap_or_default();
    let mut values = Values::new();
    if let (None, Some(preview)) = (&info.request_preview, request) {
        values.push((Traces::RequestPreview, preview.into()));
    }
    if let (None, Some(preview)) = (&info.response_preview, response) {
        values.push((Traces::ResponsePreview, preview.into()));
    }
    values
}

async fn move_assessments(
    transaction: &mut Transaction,
    id: &str,
    timestamp_ms: i64,
) -> Result<(), DbError> {
    let update = Query::update()
        .table(Assessments::Table)
        .value(Assessments::TraceTimestampMs, timestamp_ms)
        .and_where(Expr::col(Assessments::TraceId).eq(id))
        .take();
    transaction.execute(&update).await.map(|_| ())
}
