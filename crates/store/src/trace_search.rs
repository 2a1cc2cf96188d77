//! Searches for traces: filters and orders as one statement.

use crate::{
    StoreError,
    associations::entity,
    conditions::number_test,
    db::{Dialect, Transaction, is_one_of},
    reads::Question,
    tables::{Assessments, Spans, TraceInfo as Traces, TraceRequestMetadata, TraceTags},
    trace_conditions::{
        assessment, content_test, judgement_test, linked, metadata_test, number, of_trace,
        property_test, span, tag_test, trace, value_test,
    },
    trace_rows::{self, select_traces},
};
use mlferry_protocol::{
    InvalidParameter,
    traces::{NAME_TAG, SESSION_METADATA, SearchTraces, SearchTracesResponse},
};
use mlferry_search::{
    NumberComparator, TextTest,
    traces::{
        AssessmentKind, AssessmentTest, TraceCondition, TraceNumber, TraceOrder, TraceOrderKey,
        TraceTest, TraceText, parse_filter, parse_order_by,
    },
};
use sea_query::{
    Alias, Expr, ExprTrait, IntoIden, JoinType, NullOrdering, Order, Query, SelectStatement,
};

/// How much earlier than its trace a span may start: clocks differ. The reference's tolerance.
const CLOCKS_DIFFER_MS: f64 = 10_000.0;

const NANOSECONDS: f64 = 1_000_000.0;

/// What a search for traces asks for.
pub(crate) struct TraceSearch {
    request: SearchTraces,
    conditions: Vec<TraceCondition>,
    orders: Vec<TraceOrder>,
}

impl TraceSearch {
    pub(crate) fn parse(request: SearchTraces) -> Result<Self, InvalidParameter> {
        let orders = parse_order_by(&request.order_by)?;
        let conditions = parse_filter(&request.filter)?;
        Ok(Self { request, conditions, orders })
    }

    /// Selects a page of traces.
    fn select(&self, dialect: Dialect) -> SelectStatement {
        let request = &self.request;
        let mut select = select_traces()
            .and_where(self.is_within())
            .limit(request.max_results)
            .offset(request.page_token.offset())
            .take();
        let (spans, others): (Vec<_>, Vec<_>) = self.conditions.iter().partition(|condition| {
            matches!(condition, TraceCondition::Span { .. } | TraceCondition::SpanContent { .. })
        });
        for condition in others {
            select.and_where(self.test(dialect, condition));
        }
        if !spans.is_empty() {
            select.and_where(self.span_test(dialect, &spans));
        }
        for (index, order) in self.orders.iter().enumerate() {
            order_by(&mut select, index, order);
        }
        if !self.orders.iter().any(|order| order.key == TraceOrderKey::Timestamp) {
            select.order_by(trace(Traces::TimestampMs), Order::Desc);
        }
        select.order_by(trace(Traces::RequestId), Order::Asc).take()
    }

    /// Whether a trace lies where the search looks.
    fn is_within(&self) -> Expr {
        let experiments = self.request.experiment_ids.iter().map(|id| id.0);
        is_one_of(trace(Traces::ExperimentId), experiments)
    }

    fn test(&self, dialect: Dialect, condition: &TraceCondition) -> Expr {
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
                    .and_where(Expr::col(Assessments::AssessmentType).eq("issue"))
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
            rows.and_where(Expr::col(assessment(Assessments::AssessmentType)).eq(kind.name()))
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
        let experiments = self.request.experiment_ids.iter().map(|id| id.0);
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

impl Question for TraceSearch {
    type Answer = SearchTracesResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchTracesResponse, StoreError> {
        if self.request.experiment_ids.is_empty() {
            return Ok(SearchTracesResponse { traces: Vec::new(), next_page_token: None });
        }
        let rows = transaction.fetch_all(&self.select(transaction.dialect())).await?;
        let traces = trace_rows::complete(transaction, &rows).await?;
        // A page that is full may be the last one: the reference does not look further either.
        let is_full = traces.len() as u64 == self.request.max_results;
        let next_page_token = is_full.then(|| self.request.page_token.after(traces.len()));
        Ok(SearchTracesResponse { traces, next_page_token })
    }
}

/// Orders by a key, absent values last; `index` makes the names of joined tables differ.
fn order_by(select: &mut SelectStatement, index: usize, order: &TraceOrder) {
    use TraceRequestMetadata as Metadata;
    let direction = if order.is_descending { Order::Desc } else { Order::Asc };
    let name = || Alias::new(format!("order_{index}"));
    let value = match &order.key {
        TraceOrderKey::Id => Expr::col(trace(Traces::RequestId)),
        TraceOrderKey::ExperimentId => Expr::col(trace(Traces::ExperimentId)),
        TraceOrderKey::Status => Expr::col(trace(Traces::Status)),
        TraceOrderKey::Timestamp => number(TraceNumber::Timestamp),
        TraceOrderKey::ExecutionTime => number(TraceNumber::ExecutionTime),
        TraceOrderKey::EndTime => number(TraceNumber::EndTime),
        TraceOrderKey::Tag(key) if key == NAME_TAG => Expr::col(trace(Traces::TraceName)),
        TraceOrderKey::Metadata(key) if key == SESSION_METADATA => {
            Expr::col(trace(Traces::SessionId))
        }
        TraceOrderKey::Tag(key) => {
            join(select, name(), TraceTags::Table, (TraceTags::RequestId, TraceTags::Key), key);
            Expr::col((name(), TraceTags::Value))
        }
        TraceOrderKey::Metadata(key) => {
            join(select, name(), Metadata::Table, (Metadata::RequestId, Metadata::Key), key);
            Expr::col((name(), Metadata::Value))
        }
    };
    select.order_by_expr_with_nulls(value, direction, NullOrdering::Last);
}

/// Joins the row with a key, if the trace has it.
fn join<C: IntoIden>(
    select: &mut SelectStatement,
    name: Alias,
    table: impl IntoIden,
    (trace_id, key_column): (C, C),
    key: &str,
) {
    let belongs = Expr::col((name.clone(), trace_id.into_iden())).equals(trace(Traces::RequestId));
    let has_key = Expr::col((name.clone(), key_column.into_iden())).eq(key);
    select.join_as(JoinType::LeftJoin, table.into_iden(), name, belongs.and(has_key));
}
