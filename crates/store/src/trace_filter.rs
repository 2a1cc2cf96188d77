//! What a filter of traces means in SQL.

use crate::{
    associations::entity,
    conditions::{begins_as, number_test},
    db::{Dialect, fulfilled_by_most, is_one_of},
    tables::{Assessments, Spans, TraceInfo as Traces},
    trace_conditions::{
        assessment, content_test, judgement_test, linked, metadata_test, number, of_trace,
        property_test, span, tag_test, trace, value_test,
    },
};
use mlferry_protocol::{ExperimentId, InvalidParameter, traces::SESSION_METADATA};
use mlferry_search::{
    NumberComparator, TextComparator, TextTest,
    traces::{
        AssessmentKind, AssessmentTest, SpanProperty, TraceCondition, TraceNumber, TraceTest,
        TraceText, parse_filter,
    },
};
use sea_query::{Alias, Cond, Expr, ExprTrait, IntoColumnRef, Query, SelectStatement};

/// How much earlier than its trace a span may start: clocks differ. The reference's tolerance.
const CLOCKS_DIFFER_MS: f64 = 10_000.0;

const NANOSECONDS: f64 = 1_000_000.0;

/// Traces of some experiments that fulfil all conditions.
pub(crate) struct TraceFilter {
    pub(crate) experiment_ids: Vec<ExperimentId>,
    conditions: Vec<TraceCondition>,
}

impl TraceFilter {
    pub(crate) fn parse(
        filter: &str,
        experiment_ids: Vec<ExperimentId>,
    ) -> Result<Self, InvalidParameter> {
        Ok(Self { conditions: parse_filter(filter)?, experiment_ids })
    }

    /// Whether the filter finds a trace.
    pub(crate) fn test(&self, dialect: Dialect) -> Cond {
        let (spans, others): (Vec<_>, Vec<_>) = self.conditions.iter().partition(|condition| {
            matches!(condition, TraceCondition::Span { .. } | TraceCondition::SpanContent { .. })
        });
        let mut all = Cond::all().add(self.is_within());
        for condition in others {
            all = all.add(self.test_one(dialect, condition));
        }
        if spans.is_empty() { all } else { all.add(self.span_test(dialect, &spans)) }
    }

    /// Selects traces that have a span whose name begins as one that the filter asks for; absent where it asks for none.
    pub(crate) fn select_named(&self) -> Option<SelectStatement> {
        let name = self.conditions.iter().find_map(|condition| match condition {
            TraceCondition::Span {
                property: SpanProperty::Name,
                test: TraceTest::Text(TextTest::Compare(TextComparator::Equal, name)),
            } => Some(name),
            _ => None,
        })?;
        let experiments = self.experiment_ids.iter().map(|id| id.0);
        let select = Query::select()
            .column(Spans::TraceId)
            .from(Spans::Table)
            .and_where(is_one_of(Spans::ExperimentId, experiments))
            .and_where(begins_as("name", name))
            .take();
        Some(select)
    }

    /// Whether a trace lies where the search looks.
    fn is_within(&self) -> Expr {
        let experiments = self.experiment_ids.iter().map(|id| id.0);
        is_one_of(trace(Traces::ExperimentId), experiments)
    }

    fn test_one(&self, dialect: Dialect, condition: &TraceCondition) -> Expr {
        match condition {
            TraceCondition::Attribute { attribute, test } => {
                let column = match attribute {
                    TraceText::Id => Traces::RequestId,
                    TraceText::Status => Traces::Status,
                    TraceText::ClientRequestId => Traces::ClientRequestId,
                };
                value_test(dialect, Expr::col(trace(column)), test)
            }
            TraceCondition::Number { attribute, comparator, value } => {
                number_test(number(*attribute), *comparator, *value)
            }
            TraceCondition::Tag { key, test } => tag_test(dialect, key, test),
            TraceCondition::Metadata { key, test } => metadata_test(dialect, key, test),
            TraceCondition::Prompt(id) => Expr::exists(linked(entity::PROMPT_VERSION, id)),
            TraceCondition::Issue(id) => {
                let rows = of_trace(Assessments::Table, Assessments::TraceId)
                    .and_where(is_judgement(dialect, Assessments::AssessmentType, "issue"))
                    .and_where(Expr::col(Assessments::Name).eq(id.as_str()))
                    .take();
                Expr::exists(rows)
            }
            TraceCondition::Assessment { kind, name, test } => {
                self.assessment_test(dialect, *kind, name, test)
            }
            TraceCondition::Span { .. } | TraceCondition::SpanContent { .. } => {
                self.span_test(dialect, &[condition])
            }
        }
    }

    /// One span must fulfil all conditions on spans.
    fn span_test(&self, dialect: Dialect, conditions: &[&TraceCondition]) -> Expr {
        let mut rows = of_trace(Spans::Table, Spans::TraceId);
        if let Some(earliest) = self.earliest_ms() {
            let start = (earliest - CLOCKS_DIFFER_MS) * NANOSECONDS;
            rows.and_where(Expr::col(span(Spans::StartTimeUnixNano)).gte(start));
        }
        for condition in conditions {
            match condition {
                TraceCondition::Span { property, test } => {
                    rows.and_where(property_test(dialect, property, test));
                }
                TraceCondition::SpanContent { comparator, pattern } => {
                    rows.and_where(content_test(dialect, *comparator, pattern));
                }
                _ => {}
            }
        }
        Expr::exists(rows)
    }

    /// The earliest start of traces that the filter names; it saves reading older spans.
    fn earliest_ms(&self) -> Option<f64> {
        let starts = self.conditions.iter().filter_map(|condition| match condition {
            TraceCondition::Number {
                attribute: TraceNumber::Timestamp,
                comparator: NumberComparator::Greater | NumberComparator::GreaterOrEqual,
                value,
            } => Some(*value),
            _ => None,
        });
        starts.reduce(f64::max)
    }

    /// What is judged of a whole session counts for all of its traces.
    fn assessment_test(
        &self,
        dialect: Dialect,
        kind: AssessmentKind,
        name: &str,
        test: &AssessmentTest,
    ) -> Expr {
        let judged = |rows: SelectStatement| {
            let mut rows = rows;
            let column = assessment(Assessments::AssessmentType);
            rows.and_where(is_judgement(dialect, column, kind.name()))
                .and_where(Expr::col(assessment(Assessments::Name)).eq(name))
                .and_where(Expr::col(assessment(Assessments::Valid)).eq(true))
                .and_where_option(judgement_test(dialect, test));
            rows
        };
        let own = Expr::exists(judged(of_trace(Assessments::Table, Assessments::TraceId)));
        let sibling = Alias::new("sibling");
        let sibling_column = |column: Traces| (Alias::new("sibling"), column);
        let mut sessions = judged(
            Query::select()
                .column(sibling_column(Traces::SessionId))
                .from_as(Traces::Table, sibling)
                .inner_join(
                    Assessments::Table,
                    Expr::col(assessment(Assessments::TraceId))
                        .equals(sibling_column(Traces::RequestId)),
                )
                .take(),
        );
        let experiments = self.experiment_ids.iter().map(|id| id.0);
        sessions
            .and_where(Expr::col(sibling_column(Traces::SessionId)).is_not_null())
            .and_where(is_one_of(sibling_column(Traces::ExperimentId), experiments))
            .and_where(
                Expr::col(assessment(Assessments::AssessmentMetadata))
                    .like(format!("%\"{SESSION_METADATA}\":%")),
            );
        let session = Expr::col(trace(Traces::SessionId));
        let of_session = session.clone().is_not_null().and(session.in_subquery(sessions));
        let any = own.or(of_session);
        match test {
            AssessmentTest::Text(TraceTest::Text(TextTest::IsNull { negated: false })) => any.not(),
            _ => any,
        }
    }
}

/// Whether an assessment is of a kind, of which there are few.
fn is_judgement(dialect: Dialect, column: impl IntoColumnRef, kind: &str) -> Expr {
    fulfilled_by_most(dialect, Expr::col(column).eq(kind))
}
