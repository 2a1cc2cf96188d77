//! Assessments of traces.

use crate::{
    Store, StoreError,
    assessment_rows::{assessment_of, error_of, insertion, select_assessments, stored_metadata},
    clock::now_ms,
    db::{DbError, Transaction, Trouble},
    python_json,
    reads::Question,
    tables::{Assessments, TraceInfo},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    assessments::{
        Assessment, CreateAssessment, DeleteAssessment, GetAssessment, NewAssessment,
        UpdateAssessment,
    },
    judgements::Judgement,
    python,
};
use sea_query::{Expr, ExprTrait, LockType, OnConflict, Query, SelectStatement, UpdateStatement};
use uuid::Uuid;

impl Store {
    /// Adds an assessment to a trace; the one that it overrides is valid no more.
    pub async fn create_assessment(
        &self,
        request: CreateAssessment,
    ) -> Result<Assessment, StoreError> {
        self.write(request).await
    }

    /// An assessment of a trace.
    pub async fn get_assessment(&self, request: GetAssessment) -> Result<Assessment, StoreError> {
        self.ask(request).await
    }

    /// Changes an assessment of a trace.
    pub async fn update_assessment(
        &self,
        request: UpdateAssessment,
    ) -> Result<Assessment, StoreError> {
        self.write(request).await
    }

    /// Removes an assessment of a trace, if it is there; the one that it overrode is valid again.
    pub async fn delete_assessment(&self, request: DeleteAssessment) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for CreateAssessment {
    type Output = Assessment;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Trace(&self.trace_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Assessment, StoreError> {
        let given = &self.assessment;
        let (experiment, timestamp) = locked_trace(transaction, &self.trace_id).await?;
        if let Some(overridden) = &given.overrides {
            let update = set_valid(&self.trace_id, overridden, false);
            if transaction.execute(&update).await? == 0 {
                return Err(not_found(overridden, &self.trace_id));
            }
        }
        let assessment = made(given, &self.trace_id);
        let run_id = given.run_id().map(ToOwned::to_owned);
        let insertion = insertion(&assessment, run_id, experiment, timestamp);
        let inserted = transaction.insert(&insertion).await;
        inserted.map_err(|error| match error.trouble() {
            Trouble::Duplicate => StoreError::AssessmentExists(assessment.assessment_id.clone()),
            _ => error.into(),
        })?;
        Ok(assessment)
    }
}

/// What is kept of a new assessment.
fn made(given: &NewAssessment, trace_id: &str) -> Assessment {
    let now = now_ms();
    Assessment {
        assessment_id: given.assessment_id.clone().unwrap_or_else(new_id),
        name: given.name.clone(),
        trace_id: trace_id.to_owned(),
        span_id: given.span_id.clone(),
        source: given.source.clone(),
        create_time: given.create_time.unwrap_or(now),
        last_update_time: given.last_update_time.unwrap_or(now),
        judgement: given.judgement.clone(),
        rationale: given.rationale.clone(),
        metadata: given
            .metadata
            .iter()
            .map(|(key, text)| (key.clone(), text.clone().into()))
            .collect(),
        overrides: given.overrides.clone(),
        valid: true,
    }
}

/// A new id for an assessment.
pub(crate) fn new_id() -> String {
    format!("a-{}", Uuid::new_v4().simple())
}

/// Adds an assessment that comes with its trace; one that is there is replaced.
pub(crate) async fn add_with_trace(
    transaction: &mut Transaction,
    given: &NewAssessment,
    trace: &TraceOf<'_>,
) -> Result<(), StoreError> {
    let assessment = made(given, trace.id);
    let run_id = given.run_id().map(ToOwned::to_owned);
    let mut insertion = insertion(&assessment, run_id, trace.experiment, trace.timestamp_ms);
    let replaced = [
        Assessments::Name,
        Assessments::AssessmentType,
        Assessments::Value,
        Assessments::Error,
        Assessments::LastUpdatedTimestamp,
        Assessments::SourceType,
        Assessments::SourceId,
        Assessments::RunId,
        Assessments::SpanId,
        Assessments::Rationale,
        Assessments::Overrides,
        Assessments::AssessmentMetadata,
        Assessments::AggregateValue,
        Assessments::IsNumericValue,
    ];
    let replace = OnConflict::column(Assessments::AssessmentId).update_columns(replaced).to_owned();
    transaction.insert(insertion.on_conflict(replace)).await?;
    Ok(())
}

/// What assessments keep of their trace.
pub(crate) struct TraceOf<'a> {
    pub(crate) id: &'a str,
    pub(crate) experiment: i64,
    pub(crate) timestamp_ms: i64,
}

/// The experiment and the time of a trace, which nobody else changes until the end.
async fn locked_trace(
    transaction: &mut Transaction,
    trace_id: &str,
) -> Result<(i64, i64), StoreError> {
    let select = select_trace(trace_id).lock(LockType::NoKeyUpdate).take();
    let row = transaction.fetch_optional(&select).await?;
    let row = row.ok_or_else(|| StoreError::AssessedTraceNotFound(trace_id.to_owned()))?;
    Ok((row.get(TraceInfo::ExperimentId)?, row.get(TraceInfo::TimestampMs)?))
}

fn select_trace(trace_id: &str) -> SelectStatement {
    Query::select()
        .columns([TraceInfo::ExperimentId, TraceInfo::TimestampMs])
        .from(TraceInfo::Table)
        .and_where(Expr::col(TraceInfo::RequestId).eq(trace_id))
        .take()
}

fn set_valid(trace_id: &str, assessment_id: &str, valid: bool) -> UpdateStatement {
    Query::update()
        .table(Assessments::Table)
        .value(Assessments::Valid, valid)
        .and_where(is_assessment(trace_id, assessment_id))
        .take()
}

fn is_assessment(trace_id: &str, assessment_id: &str) -> Expr {
    Expr::col(Assessments::TraceId)
        .eq(trace_id)
        .and(Expr::col(Assessments::AssessmentId).eq(assessment_id))
}

fn not_found(assessment_id: &str, trace_id: &str) -> StoreError {
    StoreError::AssessmentNotFound {
        assessment_id: assessment_id.to_owned(),
        trace_id: trace_id.to_owned(),
    }
}

impl Question for GetAssessment {
    type Answer = Assessment;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Assessment, StoreError> {
        let select = select_assessments()
            .and_where(is_assessment(&self.trace_id, &self.assessment_id))
            .take();
        match transaction.fetch_optional(&select).await? {
            Some(row) => Ok(assessment_of(&row)?),
            None => Err(missing(transaction, &self.trace_id, &self.assessment_id).await?),
        }
    }
}

/// The error for an assessment that is not there, or whose trace is not.
async fn missing(
    transaction: &mut Transaction,
    trace_id: &str,
    assessment_id: &str,
) -> Result<StoreError, DbError> {
    let trace = transaction.fetch_optional(&select_trace(trace_id)).await?;
    Ok(match trace {
        Some(_) => not_found(assessment_id, trace_id),
        None => StoreError::RequestNotFound(trace_id.to_owned()),
    })
}

impl Change for UpdateAssessment {
    type Output = Assessment;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Trace(&self.trace_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Assessment, StoreError> {
        let is_this = is_assessment(&self.trace_id, &self.assessment_id);
        let select =
            select_assessments().and_where(is_this.clone()).lock(LockType::NoKeyUpdate).take();
        let Some(row) = transaction.fetch_optional(&select).await? else {
            return Err(missing(transaction, &self.trace_id, &self.assessment_id).await?);
        };
        let mut assessment = assessment_of(&row)?;
        if let Some(judgement) = &self.judgement {
            check_kind(&assessment.judgement, judgement)?;
            assessment.judgement = judgement.clone();
        } else if matches!(assessment.judgement, Judgement::Issue(_)) {
            return Err(StoreError::IssueReference);
        }
        if let Some(name) = &self.name {
            assessment.name.clone_from(name);
        }
        if matches!(assessment.judgement, Judgement::Feedback { .. }) {
            assessment.rationale = self.rationale.clone().or(assessment.rationale);
        }
        for (key, text) in &self.metadata {
            assessment.metadata.insert(key.clone(), text.clone().into());
        }
        assessment.last_update_time = now_ms();
        let value = python::dumps(&assessment.judgement.value());
        let (aggregate, is_numeric) = python_json::aggregate(&value);
        let update = Query::update()
            .table(Assessments::Table)
            .value(Assessments::Name, assessment.name.as_str())
            .value(Assessments::Value, value)
            .value(Assessments::Error, error_of(&assessment.judgement))
            .value(Assessments::LastUpdatedTimestamp, assessment.last_update_time)
            .value(Assessments::Rationale, assessment.rationale.clone())
            .value(Assessments::AssessmentMetadata, stored_metadata(&assessment.metadata))
            .value(Assessments::AggregateValue, aggregate)
            .value(Assessments::IsNumericValue, is_numeric)
            .and_where(is_this)
            .take();
        transaction.execute(&update).await?;
        Ok(assessment)
    }
}

/// Refuses a value of another kind than the assessment has.
fn check_kind(known: &Judgement, given: &Judgement) -> Result<(), StoreError> {
    match (known, given) {
        (Judgement::Expectation(_), Judgement::Expectation(_))
        | (Judgement::Feedback { .. }, Judgement::Feedback { .. }) => Ok(()),
        (_, Judgement::Expectation(_)) => Err(StoreError::NoExpectation),
        _ => Err(StoreError::NoFeedback),
    }
}

impl Change for DeleteAssessment {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Trace(&self.trace_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let is_this = is_assessment(&self.trace_id, &self.assessment_id);
        let select = select_assessments().and_where(is_this.clone()).lock(LockType::Update).take();
        let Some(row) = transaction.fetch_optional(&select).await? else { return Ok(()) };
        let overrides: Option<String> = row.get(Assessments::Overrides)?;
        if let Some(overridden) = overrides.filter(|id| !id.is_empty()) {
            transaction.execute(&set_valid(&self.trace_id, &overridden, true)).await?;
        }
        let delete = Query::delete().from_table(Assessments::Table).and_where(is_this).take();
        transaction.execute(&delete).await?;
        Ok(())
    }
}
