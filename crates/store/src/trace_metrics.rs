//! Numbers over many traces, spans or assessments, as one statement.

use crate::{
    Store, StoreError,
    db::{Dialect, Row, Transaction, is_one_of},
    reads::Question,
    tables::{Assessments, Spans, TraceInfo as Traces},
    trace_conditions::{assessment, metadata_test, span, tag_test, trace},
};
use mlferry_protocol::{
    InvalidParameter, times,
    trace_measures::{Dimension, Measure, MetricView},
    trace_metrics::{
        Aggregation, MetricDataPoint, MetricValue, QueryTraceMetrics, QueryTraceMetricsResponse,
    },
};
use mlferry_search::{
    TextComparator, TextTest,
    trace_metrics::{MetricCondition, MetricSubject, parse_filters},
    traces::TraceTest,
};
use sea_query::{
    Expr, ExprTrait, Func, Order, OverStatement, Query, SelectStatement, WindowStatement,
};
use std::collections::BTreeMap;

/// The start of the time of a group, in milliseconds.
const TIME_BUCKET: &str = "time_bucket";
/// What is measured.
const VALUE: &str = "measured";
/// The place of a value in its group, from 1.
const PLACE: &str = "place";
/// How many values its group has.
const GROUP_SIZE: &str = "group_size";

const DOUBLE: &str = "double precision";
const NANOSECONDS: i64 = 1_000_000;

impl Store {
    /// Numbers over what fulfils some filters, in groups.
    pub async fn query_trace_metrics(
        &self,
        request: QueryTraceMetrics,
    ) -> Result<QueryTraceMetricsResponse, StoreError> {
        self.ask(TraceMetrics::parse(request)?).await
    }
}

struct TraceMetrics {
    request: QueryTraceMetrics,
    conditions: Vec<MetricCondition>,
}

impl TraceMetrics {
    fn parse(request: QueryTraceMetrics) -> Result<Self, InvalidParameter> {
        let conditions = parse_filters(&request.filters, request.view)?;
        Ok(Self { request, conditions })
    }

    /// The columns that groups have in common.
    fn groups(&self) -> impl Iterator<Item = &'static str> {
        let bucket = self.request.interval_ms.map(|_| TIME_BUCKET);
        bucket.into_iter().chain(self.request.dimensions.iter().map(|dimension| dimension.name()))
    }

    /// Selects the groups, with an aggregation in each column behind those of [`Self::groups`].
    fn select(&self, dialect: Dialect) -> SelectStatement {
        let values = self.select_values(dialect);
        let aggregations = &self.request.aggregations;
        let has_places = aggregations
            .iter()
            .any(|aggregation| matches!(aggregation, Aggregation::Percentile(_)));
        let values = if has_places { self.with_places(values) } else { values };
        let mut select = Query::select()
            .columns(self.groups())
            .from_subquery(values, "measures")
            .group_by_columns(self.groups())
            .limit(self.request.max_results)
            .take();
        for aggregation in aggregations {
            select.expr(self.aggregate(*aggregation));
        }
        for group in self.groups() {
            select.order_by(group, Order::Asc);
        }
        select
    }

    /// Selects what is measured, each with what its group has in common.
    fn select_values(&self, dialect: Dialect) -> SelectStatement {
        let request = &self.request;
        let experiments = request.experiment_ids.iter().map(|id| id.0);
        let mut select = Query::select();
        match request.view {
            MetricView::Traces => {
                select.from(Traces::Table);
                select.and_where(is_one_of(trace(Traces::ExperimentId), experiments));
            }
            MetricView::Spans => {
                let belongs = Expr::col(span(Spans::TraceId)).equals(trace(Traces::RequestId));
                select.from(Traces::Table).inner_join(Spans::Table, belongs);
                select.and_where(is_one_of(trace(Traces::ExperimentId), experiments));
            }
            MetricView::Assessments => {
                select.from(Assessments::Table);
                select.and_where(is_one_of(assessment(Assessments::ExperimentId), experiments));
                select.and_where(Expr::col(assessment(Assessments::Valid)).eq(true));
            }
        }
        let value = value(request.measure);
        select.expr_as(value.clone(), VALUE).and_where(value.is_not_null());
        if let Some(interval) = request.interval_ms {
            select.expr_as(floored(self.time_ms(), interval), TIME_BUCKET);
        }
        for dimension in &request.dimensions {
            let column = column(*dimension);
            select.expr_as(column.clone(), dimension.name()).and_where(column.is_not_null());
        }
        for condition in &self.conditions {
            select.and_where(self.test(dialect, condition));
        }
        self.limit_time(&mut select);
        select
    }

    /// When something happened, as far as groups are concerned.
    fn time_ms(&self) -> Expr {
        match self.request.view {
            MetricView::Traces => Expr::col(trace(Traces::TimestampMs)),
            MetricView::Assessments => Expr::col(assessment(Assessments::TraceTimestampMs)),
            MetricView::Spans => {
                let start = Expr::col(span(Spans::StartTimeUnixNano));
                floored(start, NANOSECONDS).div(NANOSECONDS)
            }
        }
    }

    /// Leaves out what happened at other times. Of spans, only costs have a time of their own there.
    fn limit_time(&self, select: &mut SelectStatement) {
        let (mut start, mut end) = (self.request.start_ms, self.request.end_ms);
        if self.request.interval_ms.is_some() {
            // The start of a group beyond would need more than 64 bits.
            let counted = |time: i64| time.clamp(i64::MIN / 2, i64::MAX / 2);
            (start, end) = (start.map(counted), end.map(counted));
        }
        let is_cost = matches!(
            self.request.measure,
            Measure::InputCost | Measure::OutputCost | Measure::TotalCost
        );
        if is_cost {
            let time = || Expr::col(span(Spans::StartTimeUnixNano));
            let start = start.map(|start| i128::from(start) * i128::from(NANOSECONDS));
            let end = end.map(|end| (i128::from(end) + 1) * i128::from(NANOSECONDS) - 1);
            select.and_where_option(start.map(|start| at_least(time(), start)));
            select.and_where_option(end.map(|end| at_most(time(), end)));
            return;
        }
        let time = match self.request.view {
            MetricView::Assessments => Expr::col(assessment(Assessments::TraceTimestampMs)),
            MetricView::Traces | MetricView::Spans => Expr::col(trace(Traces::TimestampMs)),
        };
        select.and_where_option(start.map(|start| time.clone().gte(start)));
        select.and_where_option(end.map(|end| time.lte(end)));
    }

    fn test(&self, dialect: Dialect, condition: &MetricCondition) -> Expr {
        let value = condition.value.as_str();
        let equals = || TraceTest::Text(TextTest::Compare(TextComparator::Equal, value.to_owned()));
        let of_trace = match &condition.subject {
            MetricSubject::TraceStatus => Expr::col(trace(Traces::Status)).eq(value),
            MetricSubject::TraceTag(key) => tag_test(dialect, key, &equals()),
            MetricSubject::TraceMetadata(key) => metadata_test(dialect, key, &equals()),
            MetricSubject::SpanName => return Expr::col(span(Spans::Name)).eq(value),
            MetricSubject::SpanStatus => return Expr::col(span(Spans::Status)).eq(value),
            MetricSubject::SpanType => return Expr::col(span(Spans::Type)).eq(value),
            MetricSubject::AssessmentName => {
                return Expr::col(assessment(Assessments::Name)).eq(value);
            }
            MetricSubject::AssessmentType => {
                return Expr::col(assessment(Assessments::AssessmentType)).eq(value);
            }
        };
        if self.request.view != MetricView::Assessments {
            return of_trace;
        }
        let judged = Expr::col(trace(Traces::RequestId)).equals(assessment(Assessments::TraceId));
        let traces = Query::select()
            .expr(Expr::val(1))
            .from(Traces::Table)
            .and_where(judged)
            .and_where(of_trace)
            .take();
        Expr::exists(traces)
    }

    /// The same values, each with its place in its group, which SQLite needs to find percentiles.
    fn with_places(&self, values: SelectStatement) -> SelectStatement {
        let mut group = WindowStatement::new();
        for column in self.groups() {
            group.add_partition_by(Expr::col(column));
        }
        let by_value = group.clone().order_by(VALUE, Order::Asc).take();
        Query::select()
            .columns(self.groups())
            .column(VALUE)
            .expr_window_as(Func::cust("row_number"), by_value, PLACE)
            .expr_window_as(Expr::col(VALUE).count(), group, GROUP_SIZE)
            .from_subquery(values, "plain")
            .take()
    }

    fn aggregate(&self, aggregation: Aggregation) -> Expr {
        let value = Expr::col(VALUE);
        match aggregation {
            Aggregation::Count if self.request.measure == Measure::Session => {
                value.count_distinct().cast_as(DOUBLE)
            }
            Aggregation::Count => value.count().cast_as(DOUBLE),
            // A sum of integers may be too large for one.
            Aggregation::Sum => value.cast_as(DOUBLE).sum(),
            Aggregation::Average => value.avg().cast_as(DOUBLE),
            Aggregation::Minimum => value.min().cast_as(DOUBLE),
            Aggregation::Maximum => value.max().cast_as(DOUBLE),
            Aggregation::Percentile(share) => percentile(share),
        }
    }

    fn data_point(&self, row: &Row) -> Result<Option<MetricDataPoint>, StoreError> {
        let mut dimensions = BTreeMap::new();
        if self.request.interval_ms.is_some() {
            dimensions.insert(TIME_BUCKET, times::python_time(row.get(TIME_BUCKET)?));
        }
        for dimension in &self.request.dimensions {
            dimensions.insert(dimension.name(), row.get(dimension.name())?);
        }
        let first = self.groups().count();
        let mut values = BTreeMap::new();
        for (index, aggregation) in self.request.aggregations.iter().enumerate() {
            let value: Option<f64> = row.get_at(first + index)?;
            values.extend(value.map(|value| (aggregation.label(), MetricValue(value))));
        }
        let metric_name = self.request.metric_name;
        Ok((!values.is_empty()).then_some(MetricDataPoint { metric_name, dimensions, values }))
    }
}

impl Question for TraceMetrics {
    type Answer = QueryTraceMetricsResponse;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let mut data_points = Vec::new();
        if self.request.aggregations.is_empty() {
            return Ok(QueryTraceMetricsResponse { data_points });
        }
        for row in transaction.fetch_all(&self.select(transaction.dialect())).await? {
            data_points.extend(self.data_point(&row)?);
        }
        Ok(QueryTraceMetricsResponse { data_points })
    }
}

fn value(measure: Measure) -> Expr {
    let of_trace = |column: Traces| Expr::col(trace(column));
    let of_span = |column: Spans| Expr::col(span(column));
    match measure {
        Measure::Trace => of_trace(Traces::RequestId),
        Measure::Session => of_trace(Traces::SessionId),
        Measure::TraceLatency => of_trace(Traces::ExecutionTimeMs),
        Measure::InputTokens => of_trace(Traces::InputTokens),
        Measure::OutputTokens => of_trace(Traces::OutputTokens),
        Measure::TotalTokens => of_trace(Traces::TotalTokens),
        Measure::CacheReadTokens => of_trace(Traces::CacheReadInputTokens),
        Measure::CacheCreationTokens => of_trace(Traces::CacheCreationInputTokens),
        Measure::Span => of_span(Spans::SpanId),
        Measure::SpanLatency => {
            of_span(Spans::EndTimeUnixNano).sub(of_span(Spans::StartTimeUnixNano)).div(NANOSECONDS)
        }
        Measure::InputCost => of_span(Spans::InputCost),
        Measure::OutputCost => of_span(Spans::OutputCost),
        Measure::TotalCost => of_span(Spans::TotalCost),
        Measure::Assessment => Expr::col(assessment(Assessments::AssessmentId)),
        Measure::AssessmentValue => Expr::col(assessment(Assessments::AggregateValue)),
    }
}

fn column(dimension: Dimension) -> Expr {
    match dimension {
        Dimension::TraceName => Expr::col(trace(Traces::TraceName)),
        Dimension::TraceStatus => Expr::col(trace(Traces::Status)),
        Dimension::SpanName => Expr::col(span(Spans::Name)),
        Dimension::SpanType => Expr::col(span(Spans::Type)),
        Dimension::SpanStatus => Expr::col(span(Spans::Status)),
        Dimension::SpanModelName => Expr::col(span(Spans::ModelName)),
        Dimension::SpanModelProvider => Expr::col(span(Spans::ModelProvider)),
        Dimension::AssessmentName => Expr::col(assessment(Assessments::Name)),
        Dimension::AssessmentValue => Expr::col(assessment(Assessments::Value)),
    }
}

/// The greatest multiple of `unit` that is not greater; with a negative one, the least that is not less.
fn floored(integer: Expr, unit: i64) -> Expr {
    // What is left of a negative integer is negative.
    let rest = integer.clone().modulo(unit).add(unit).modulo(unit);
    integer.sub(rest)
}

/// Whether a column of 64 bits is at least `bound`, which may need more of them.
fn at_least(column: Expr, bound: i128) -> Expr {
    match i64::try_from(bound) {
        Ok(bound) => column.gte(bound),
        Err(_) => Expr::val(i32::from(bound < 0)).eq(1),
    }
}

/// Whether a column of 64 bits is at most `bound`, which may need more of them.
fn at_most(column: Expr, bound: i128) -> Expr {
    match i64::try_from(bound) {
        Ok(bound) => column.lte(bound),
        Err(_) => Expr::val(i32::from(bound > 0)).eq(1),
    }
}

/// The value below which a share of a group lies, interpolated between the two beside it.
fn percentile(share: f64) -> Expr {
    let value = || Expr::col(VALUE).cast_as(DOUBLE);
    let place = || Expr::col(PLACE).sub(1).cast_as(DOUBLE);
    let wanted = || Expr::val(share / 100.0).mul(Expr::col(GROUP_SIZE).sub(1).cast_as(DOUBLE));
    let only = |condition: Expr, then: Expr| -> Expr { Expr::case(condition, then).into() };
    let below = |then: Expr| only(place().lte(wanted()), then).max();
    let above = only(place().gte(wanted()), value()).min();
    // All rows of a group want the same place.
    let beyond = wanted().max().sub(below(place()));
    below(value()).add(beyond.mul(above.sub(below(value()))))
}
