//! What conditions of searches for traces mean in SQL.

use crate::{
    associations::entity,
    conditions::{has_rows, matches, number_test, row_test, text_test},
    db::Dialect,
    tables::{
        Assessments, EntityAssociations, Spans, TraceInfo as Traces, TraceRequestMetadata,
        TraceTags,
    },
    trace_columns,
};
use mlferry_protocol::{
    python,
    traces::{COST_METADATA, NAME_TAG, SESSION_METADATA, TOKENS_METADATA},
};
use mlferry_search::{
    TextComparator, TextTest,
    traces::{AssessmentTest, RUN_METADATA, SpanProperty, TraceNumber, TraceTest},
};
use sea_query::{Cond, Expr, ExprTrait, Func, IntoIden, Query, SelectStatement};

/// A column of the table of traces, which others stand beside.
pub(crate) fn trace(column: Traces) -> (Traces, Traces) {
    (Traces::Table, column)
}

pub(crate) fn span(column: Spans) -> (Spans, Spans) {
    (Spans::Table, column)
}

pub(crate) fn assessment(column: Assessments) -> (Assessments, Assessments) {
    (Assessments::Table, column)
}

/// Rows of another table that belong to the trace.
pub(crate) fn of_trace(table: impl IntoIden, trace_id: impl IntoIden) -> SelectStatement {
    let table = table.into_iden();
    Query::select()
        .expr(Expr::val(1))
        .from(table.clone())
        .and_where(Expr::col((table, trace_id.into_iden())).equals(trace(Traces::RequestId)))
        .take()
}

/// The links of the trace to something.
pub(crate) fn linked(kind: &str, id: &str) -> SelectStatement {
    of_trace(EntityAssociations::Table, EntityAssociations::SourceId)
        .and_where(Expr::col(EntityAssociations::SourceType).eq(entity::TRACE))
        .and_where(Expr::col(EntityAssociations::DestinationType).eq(kind))
        .and_where(Expr::col(EntityAssociations::DestinationId).eq(id))
        .take()
}

pub(crate) fn value_test(dialect: Dialect, column: Expr, test: &TraceTest) -> Expr {
    match test {
        TraceTest::Text(test) => text_test(dialect, column, test),
        TraceTest::Matches(pattern) => matches(dialect, column, pattern),
    }
}

fn pair_test(dialect: Dialect, mut rows: SelectStatement, value: Expr, test: &TraceTest) -> Expr {
    match test {
        TraceTest::Text(test) => row_test(dialect, rows, value, test),
        TraceTest::Matches(pattern) => {
            has_rows(dialect, rows.and_where(matches(dialect, value, pattern)).take())
        }
    }
}

pub(crate) fn number(attribute: TraceNumber) -> Expr {
    let column = |column: Traces| Expr::col(trace(column));
    match attribute {
        TraceNumber::Timestamp => column(Traces::TimestampMs),
        TraceNumber::ExecutionTime => column(Traces::ExecutionTimeMs),
        TraceNumber::EndTime => {
            let duration = Func::coalesce([column(Traces::ExecutionTimeMs), Expr::val(0)]);
            column(Traces::TimestampMs).add(duration)
        }
    }
}

pub(crate) fn tag_test(dialect: Dialect, key: &str, test: &TraceTest) -> Expr {
    if key == NAME_TAG {
        return value_test(dialect, Expr::col(trace(Traces::TraceName)), test);
    }
    let rows = of_trace(TraceTags::Table, TraceTags::RequestId)
        .and_where(Expr::col(TraceTags::Key).eq(key))
        .take();
    pair_test(dialect, rows, Expr::col(TraceTags::Value), test)
}

pub(crate) fn metadata_test(dialect: Dialect, key: &str, test: &TraceTest) -> Expr {
    use TraceRequestMetadata as Metadata;
    let rows = of_trace(Metadata::Table, Metadata::RequestId)
        .and_where(Expr::col(Metadata::Key).eq(key))
        .take();
    let has_value = |test| pair_test(dialect, rows, Expr::col(Metadata::Value), test);
    match (key, test) {
        (SESSION_METADATA, test) => value_test(dialect, Expr::col(trace(Traces::SessionId)), test),
        (TOKENS_METADATA | COST_METADATA, TraceTest::Text(test)) => columns_test(key, test),
        (RUN_METADATA, TraceTest::Text(TextTest::Compare(TextComparator::Equal, run))) => {
            has_value(test).or(Expr::exists(linked(entity::RUN, run)))
        }
        (_, test) => has_value(test),
    }
}

/// What the JSON text must fulfil that columns make up.
pub(crate) fn columns_test(key: &str, test: &TextTest) -> Expr {
    let columns: Vec<Traces> = if key == TOKENS_METADATA {
        trace_columns::TOKENS.iter().map(|(_, column)| *column).collect()
    } else {
        trace_columns::COSTS.iter().map(|(_, column)| *column).collect()
    };
    let is_there = columns
        .iter()
        .fold(Cond::any(), |any, column| any.add(Expr::col(trace(*column)).is_not_null()));
    let is_there = Expr::from(is_there);
    let equals = |text: &str| match trace_columns::written_as(key, text) {
        None => Expr::val(1).eq(0),
        Some(values) => values.into_iter().fold(Expr::val(1).eq(1), |all, (column, value)| {
            let column = Expr::col(trace(column));
            // Absent ones compare with nothing, and must not make the opposite unknown.
            all.and(match value {
                Some(value) => column.clone().is_not_null().and(column.eq(value)),
                None => column.is_null(),
            })
        }),
    };
    match test {
        TextTest::Compare(TextComparator::Equal, json) => equals(json),
        TextTest::Compare(TextComparator::NotEqual, json) => is_there.and(equals(json).not()),
        TextTest::IsNull { negated: false } => is_there.not(),
        _ => is_there,
    }
}

pub(crate) fn property_test(dialect: Dialect, property: &SpanProperty, test: &TraceTest) -> Expr {
    let column = match property {
        SpanProperty::Name => Spans::Name,
        SpanProperty::Type => Spans::Type,
        SpanProperty::Status => Spans::Status,
        SpanProperty::Attribute(name) => return attribute_test(dialect, name, test),
    };
    value_test(dialect, Expr::col(span(column)), test)
}

pub(crate) fn content_test(dialect: Dialect, comparator: TextComparator, pattern: &str) -> Expr {
    let test = TextTest::Compare(comparator, pattern.to_owned());
    text_test(dialect, Expr::col(span(Spans::Content)), &test)
}

/// Looks for an attribute in the text of its span, which has `"name": "\"value\""`.
pub(crate) fn attribute_test(dialect: Dialect, name: &str, test: &TraceTest) -> Expr {
    let content = Expr::col(span(Spans::Content));
    match test {
        TraceTest::Matches(pattern) => {
            let (before, pattern) = match pattern.strip_prefix('^') {
                Some(rest) => (r#""\\""#, rest),
                None => (r#""\\".*"#, pattern.as_str()),
            };
            let (pattern, after) = match pattern.strip_suffix('$') {
                Some(rest) => (rest, r#"\\""#),
                None => (pattern, ""),
            };
            matches(dialect, content, &format!("\"{name}\": {before}{pattern}{after}"))
        }
        TraceTest::Text(TextTest::Compare(comparator, value)) => {
            let pattern = format!("%\"{name}\"{value}%");
            text_test(dialect, content, &TextTest::Compare(*comparator, pattern))
        }
        // The grammar has no others for attributes.
        TraceTest::Text(_) => Expr::val(1).eq(0),
    }
}

/// What an assessment's value must fulfil, which is kept as JSON.
pub(crate) fn judgement_test(dialect: Dialect, test: &AssessmentTest) -> Option<Expr> {
    let value = Expr::col(assessment(Assessments::Value));
    match test {
        AssessmentTest::Number(comparator, number) => {
            let is_number = Expr::col(assessment(Assessments::IsNumericValue)).eq(true);
            let aggregate = Expr::col(assessment(Assessments::AggregateValue));
            Some(is_number.and(number_test(aggregate, *comparator, *number)))
        }
        AssessmentTest::Text(TraceTest::Text(TextTest::IsNull { .. })) => None,
        AssessmentTest::Text(TraceTest::Text(TextTest::Compare(comparator, wanted)))
            if matches!(comparator, TextComparator::Equal | TextComparator::NotEqual) =>
        {
            let json = python::dumps(wanted);
            let equals = value.clone().eq(wanted.as_str()).or(value.eq(json));
            Some(if *comparator == TextComparator::Equal { equals } else { equals.not() })
        }
        AssessmentTest::Text(test) => Some(value_test(dialect, value, test)),
    }
}
