//! The rows of spans.

use crate::{
    StoreError,
    db::{Transaction, insert},
    python_json,
    tables::Spans,
};
use mlferry_protocol::{
    ExperimentId,
    spans::{self, Span},
};
use sea_query::{Expr, OnConflict};
use std::collections::BTreeMap;

/// Spans in one insertion: each has many values, and a text of any length.
const SPANS_AT_ONCE: usize = 100;

/// Characters that the columns of a span's type, model and provider take.
const SPAN_TEXT: usize = 500;

/// Writes spans of traces, with the experiments that they belong to; one that is there is replaced.
pub(crate) async fn write(
    transaction: &mut Transaction,
    spans: &[(ExperimentId, &Span)],
) -> Result<(), StoreError> {
    // One statement can't write a row twice, so of spans with one id the last is written. They are in order, so that two writers
    // wait for each other in one.
    let last: BTreeMap<_, _> = spans
        .iter()
        .map(|(experiment, span)| ((&span.trace_id, &span.span_id), (*experiment, *span)))
        .collect();
    let spans: Vec<_> = last.into_values().collect();
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
        let rows = spans.iter().map(|(experiment, span)| row_of(span, *experiment));
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
