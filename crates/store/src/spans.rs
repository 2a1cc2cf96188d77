//! Spans: how they are stored, and what they tell of their traces.

use crate::{
    Store, StoreError,
    arrived_spans::Arrived,
    artifact_uri,
    db::{DbError, Dialect, Transaction, is_one_of_texts},
    experiments, span_rows,
    tables::{Assessments, TraceInfo as Traces},
    trace_columns::{self, Values},
    trace_rows,
    trace_updates::{Sums, Update},
    traces::{self, IN_DATABASE},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, InvalidParameter, WireEnum,
    spans::Span,
    traces::{ARTIFACT_LOCATION_TAG, SPANS_LOCATION_TAG, TraceInfo, USER_METADATA},
};
use sea_query::{Expr, ExprTrait, LockType, Order, Query, SelectStatement};
use std::{
    collections::{BTreeMap, HashSet},
    mem,
};

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
        let mut updates = self.make_traces(transaction).await?;
        let others = self.traces.keys().map(String::as_str).filter(|id| !updates.contains_key(id));
        let others: Vec<&str> = others.collect();
        hold(transaction, &others).await?;
        let known = trace_rows::of_ids(transaction, &others).await?;
        let known: BTreeMap<&str, &TraceInfo> =
            known.iter().map(|info| (info.trace_id.as_str(), info)).collect();
        check(&others, &known)?;
        let mut spans = Vec::new();
        for (id, arrived) in &self.traces {
            let info = known.get(id.as_str());
            let experiment = info.map_or(self.experiment_id, |info| info.experiment_id);
            spans.extend(arrived.spans.iter().map(|span| (experiment, span)));
        }
        span_rows::write(transaction, &spans).await?;
        for (id, arrived) in &self.traces {
            let Some(info) = known.get(id.as_str()) else { continue };
            let sums = Sums::with_stored(transaction, info, arrived).await?;
            let mut update = Update::new(info, arrived, sums);
            change(transaction, id, mem::take(&mut update.values)).await?;
            if update.is_earlier {
                move_assessments(transaction, id, arrived.start_ms).await?;
            }
            updates.insert(id, update);
        }
        write_pairs(transaction, &updates).await
    }
}

impl LogSpans {
    /// Makes the traces that are not there, and returns what else is to be written of them.
    async fn make_traces(
        &self,
        transaction: &mut Transaction,
    ) -> Result<BTreeMap<&str, Update>, StoreError> {
        let ids: Vec<&str> = self.traces.keys().map(String::as_str).collect();
        let known = existing(transaction, &ids).await?;
        let mut updates = BTreeMap::new();
        if known.len() == ids.len() {
            return Ok(updates);
        }
        let experiment = experiments::there(transaction, self.experiment_id).await?;
        let mut rows = Vec::new();
        for (id, arrived) in self.traces.iter().filter(|(id, _)| !known.contains(*id)) {
            let info = arrived.new_trace(id, self.experiment_id);
            let mut update = Update::new(&info, arrived, Sums::of_arrived(arrived));
            let location = || artifact_uri::of_trace(&experiment.artifact_location, id);
            update.tags.entry(ARTIFACT_LOCATION_TAG.to_owned()).or_insert_with(location);
            update.values.extend([
                (Traces::RequestId, id.as_str().into()),
                (Traces::ExperimentId, self.experiment_id.0.into()),
                (Traces::Status, info.state.name().into()),
                (Traces::DbPayloadGeneration, 1_i64.into()),
            ]);
            rows.push(trace_columns::row_of(traces::MADE_OF_SPANS, &update.values));
            updates.insert(id.as_str(), update);
        }
        let made = traces::insert_traces(transaction, rows).await?;
        updates.retain(|id, _| made.contains(*id));
        Ok(updates)
    }
}

/// Writes tags and metadata of traces, by their ids.
async fn write_pairs(
    transaction: &mut Transaction,
    updates: &BTreeMap<&str, Update>,
) -> Result<(), StoreError> {
    let users = updates
        .iter()
        .filter_map(|(id, update)| update.user.as_deref().map(|user| (*id, USER_METADATA, user)));
    traces::write_metadata_of(transaction, &users.collect::<Vec<_>>()).await?;
    let mut tags = Vec::new();
    for (id, update) in updates {
        tags.extend(update.tags.iter().map(|(key, value)| (*id, key.as_str(), value.as_str())));
    }
    traces::write_tags_of(transaction, &tags).await
}

/// Refuses spans of traces that have gone meanwhile, or whose other spans are in a file.
fn check(ids: &[&str], known: &BTreeMap<&str, &TraceInfo>) -> Result<(), StoreError> {
    for id in ids {
        let Some(info) = known.get(id) else {
            return Err(StoreError::TraceNotFound((*id).to_owned()));
        };
        let location = info.tags.get(SPANS_LOCATION_TAG);
        if location.is_some_and(|location| location != IN_DATABASE) {
            return Err(StoreError::TraceArchived((*id).to_owned()));
        }
    }
    Ok(())
}

async fn existing(
    transaction: &mut Transaction,
    ids: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let rows = transaction.fetch_all(&select_ids(transaction.dialect(), ids)).await?;
    Ok(rows.iter().map(|row| row.get(Traces::RequestId)).collect::<Result<_, _>>()?)
}

/// Keeps others from changing traces that are there.
async fn hold(transaction: &mut Transaction, ids: &[&str]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let select = select_ids(transaction.dialect(), ids).lock(LockType::Update).take();
    transaction.fetch_all(&select).await?;
    Ok(())
}

/// Selects those of some ids that traces have, in order, in which they are also locked.
fn select_ids(dialect: Dialect, ids: &[&str]) -> SelectStatement {
    Query::select()
        .column(Traces::RequestId)
        .from(Traces::Table)
        .and_where(is_one_of_texts(dialect, Expr::col(Traces::RequestId), ids))
        .order_by(Traces::RequestId, Order::Asc)
        .take()
}

/// Brings the row of a trace up to date.
async fn change(transaction: &mut Transaction, id: &str, values: Values) -> Result<(), DbError> {
    let change = Query::update()
        .table(Traces::Table)
        .values(values)
        .value(Traces::DbPayloadGeneration, Expr::col(Traces::DbPayloadGeneration).add(1))
        .and_where(Expr::col(Traces::RequestId).eq(id))
        .take();
    transaction.execute(&change).await.map(|_| ())
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
