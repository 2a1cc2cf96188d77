//! Assessments as rows: how they are written, and read for a whole page of traces at once.

use crate::{
    db::{DbError, Insertion, Row, Transaction, insert, is_one_of_texts},
    python_json,
    tables::Assessments,
};
use mlferry_protocol::{
    assessments::{Assessment, AssessmentSource},
    judgements::{AssessmentError, Judgement},
    python,
};
use sea_query::{Expr, Order, Query, SelectStatement};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The assessments of traces, the oldest first.
pub(crate) async fn of_traces(
    transaction: &mut Transaction,
    ids: &[&str],
) -> Result<HashMap<String, Vec<Assessment>>, DbError> {
    let mut found: HashMap<String, Vec<Assessment>> = HashMap::new();
    let select = select_assessments()
        .and_where(is_one_of_texts(transaction.dialect(), Expr::col(Assessments::TraceId), ids))
        .order_by(Assessments::CreatedTimestamp, Order::Asc)
        .order_by(Assessments::AssessmentId, Order::Asc)
        .take();
    for row in transaction.fetch_all(&select).await? {
        let assessment = assessment_of(&row)?;
        found.entry(assessment.trace_id.clone()).or_default().push(assessment);
    }
    Ok(found)
}

pub(crate) fn insertion(
    assessment: &Assessment,
    run_id: Option<String>,
    experiment: i64,
    timestamp: i64,
) -> Insertion {
    let columns = [
        Assessments::AssessmentId,
        Assessments::TraceId,
        Assessments::Name,
        Assessments::AssessmentType,
        Assessments::Value,
        Assessments::Error,
        Assessments::CreatedTimestamp,
        Assessments::LastUpdatedTimestamp,
        Assessments::SourceType,
        Assessments::SourceId,
        Assessments::RunId,
        Assessments::SpanId,
        Assessments::Rationale,
        Assessments::Overrides,
        Assessments::Valid,
        Assessments::AssessmentMetadata,
        Assessments::ExperimentId,
        Assessments::TraceTimestampMs,
        Assessments::AggregateValue,
        Assessments::IsNumericValue,
    ];
    let value = python::dumps(&assessment.judgement.value());
    let (aggregate, is_numeric) = python_json::aggregate(&value);
    let row = [
        assessment.assessment_id.as_str().into(),
        assessment.trace_id.as_str().into(),
        assessment.name.as_str().into(),
        assessment.judgement.kind().into(),
        value.into(),
        error_of(&assessment.judgement).into(),
        assessment.create_time.into(),
        assessment.last_update_time.into(),
        assessment.source.source_type.as_str().into(),
        assessment.source.source_id.clone().into(),
        run_id.into(),
        assessment.span_id.clone().into(),
        assessment.rationale.clone().into(),
        assessment.overrides.clone().into(),
        assessment.valid.into(),
        stored_metadata(&assessment.metadata).into(),
        experiment.into(),
        timestamp.into(),
        aggregate.into(),
        is_numeric.into(),
    ];
    insert(Assessments::Table, columns, [row])
}

pub(crate) fn error_of(judgement: &Judgement) -> Option<String> {
    match judgement {
        Judgement::Feedback { error, .. } => error.as_ref().map(AssessmentError::stored),
        Judgement::Expectation(_) | Judgement::Issue(_) => None,
    }
}

pub(crate) fn stored_metadata(metadata: &Map<String, Value>) -> Option<String> {
    (!metadata.is_empty()).then(|| python::dumps(metadata))
}

/// Selects assessments; [`assessment_of`] reads the rows.
pub(crate) fn select_assessments() -> SelectStatement {
    Query::select()
        .columns([
            Assessments::AssessmentId,
            Assessments::TraceId,
            Assessments::Name,
            Assessments::AssessmentType,
            Assessments::Value,
            Assessments::Error,
            Assessments::CreatedTimestamp,
            Assessments::LastUpdatedTimestamp,
            Assessments::SourceType,
            Assessments::SourceId,
            Assessments::SpanId,
            Assessments::Rationale,
            Assessments::Overrides,
            Assessments::Valid,
            Assessments::AssessmentMetadata,
        ])
        .from(Assessments::Table)
        .take()
}

/// The assessment of a row.
pub(crate) fn assessment_of(row: &Row) -> Result<Assessment, DbError> {
    let kind: String = row.get(Assessments::AssessmentType)?;
    let value: String = row.get(Assessments::Value)?;
    // What can't be read is shown as it is, rather than to fail the whole page.
    let value = python_json::value(&value).unwrap_or(Value::String(value));
    let error: Option<String> = row.get(Assessments::Error)?;
    let metadata: Option<String> = row.get(Assessments::AssessmentMetadata)?;
    let metadata = metadata.and_then(|text| serde_json::from_str(&text).ok());
    Ok(Assessment {
        assessment_id: row.get(Assessments::AssessmentId)?,
        name: row.get(Assessments::Name)?,
        trace_id: row.get(Assessments::TraceId)?,
        span_id: row.get(Assessments::SpanId)?,
        source: AssessmentSource {
            source_type: row.get(Assessments::SourceType)?,
            source_id: row.get(Assessments::SourceId)?,
        },
        create_time: row.get(Assessments::CreatedTimestamp)?,
        last_update_time: row.get(Assessments::LastUpdatedTimestamp)?,
        judgement: match kind.as_str() {
            "expectation" => Judgement::Expectation(value),
            "issue" => {
                let name = value.get("issue_name").and_then(Value::as_str);
                Judgement::Issue(name.unwrap_or_default().to_owned())
            }
            _ => Judgement::Feedback {
                value,
                error: error.as_deref().and_then(AssessmentError::of_stored),
            },
        },
        rationale: row.get(Assessments::Rationale)?,
        metadata: metadata.unwrap_or_default(),
        overrides: row.get(Assessments::Overrides)?,
        valid: row.get(Assessments::Valid)?,
    })
}
