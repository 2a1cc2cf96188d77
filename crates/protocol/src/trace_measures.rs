//! What is measured of traces, spans and assessments, and how it is aggregated and grouped.

use crate::{InvalidParameter, WireEnum, python};
use AggregationType::{Average, Count, Maximum, Minimum, Percentile, Sum};
use Dimension::{
    SpanModelName, SpanModelProvider, SpanName, SpanStatus, SpanType, TraceName, TraceStatus,
};

/// What is counted and measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricView {
    /// Traces.
    #[default]
    Traces,
    /// Their spans.
    Spans,
    /// What was judged of them.
    Assessments,
}

impl WireEnum for MetricView {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::Traces, 1, "TRACES"),
        (Self::Spans, 2, "SPANS"),
        (Self::Assessments, 3, "ASSESSMENTS"),
    ];
}

/// How the numbers of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AggregationType {
    #[default]
    Count,
    Sum,
    Average,
    Percentile,
    Minimum,
    Maximum,
}

impl WireEnum for AggregationType {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::Count, 1, "COUNT"),
        (Self::Sum, 2, "SUM"),
        (Self::Average, 3, "AVG"),
        (Self::Percentile, 4, "PERCENTILE"),
        (Self::Minimum, 5, "MIN"),
        (Self::Maximum, 6, "MAX"),
    ];
}

/// A number that each trace, span or assessment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// That the trace is there.
    Trace,
    /// The session of the trace; each counts once.
    Session,
    /// How long the trace took, in milliseconds.
    TraceLatency,
    /// Tokens that went in.
    InputTokens,
    /// Tokens that came out.
    OutputTokens,
    /// All tokens.
    TotalTokens,
    /// Tokens that were read from a cache.
    CacheReadTokens,
    /// Tokens that were written to a cache.
    CacheCreationTokens,
    /// That the span is there.
    Span,
    /// How long the span took, in milliseconds.
    SpanLatency,
    /// The cost of what went in.
    InputCost,
    /// The cost of what came out.
    OutputCost,
    /// All costs.
    TotalCost,
    /// That the assessment is there.
    Assessment,
    /// The value of the assessment, where it is a number.
    AssessmentValue,
}

/// What groups have in common; a measure has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// The trace's name.
    TraceName,
    /// The trace's status.
    TraceStatus,
    /// The span's name.
    SpanName,
    /// The span's type.
    SpanType,
    /// The span's status.
    SpanStatus,
    /// The model that the span asked.
    SpanModelName,
    /// Who serves the model.
    SpanModelProvider,
    /// The assessment's name.
    AssessmentName,
    /// The assessment's value as JSON.
    AssessmentValue,
}

impl Dimension {
    /// Its name in requests and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TraceName => "trace_name",
            Self::TraceStatus => "trace_status",
            Self::SpanName => "span_name",
            Self::SpanType => "span_type",
            Self::SpanStatus => "span_status",
            Self::SpanModelName => "span_model_name",
            Self::SpanModelProvider => "span_model_provider",
            Self::AssessmentName => "assessment_name",
            Self::AssessmentValue => "assessment_value",
        }
    }
}

const COUNT: &[AggregationType] = &[Count];
/// By name, as messages show them.
const OF_NUMBERS: &[AggregationType] = &[Average, Maximum, Minimum, Percentile];
const OF_AMOUNTS: &[AggregationType] = &[Average, Maximum, Minimum, Percentile, Sum];

pub(crate) type Known = (Measure, &'static str, &'static [AggregationType], &'static [Dimension]);

/// The measures of each view by name, with how they are aggregated and grouped.
const TRACES: &[Known] = &[
    (Measure::Trace, "trace_count", COUNT, &[TraceName, TraceStatus]),
    (Measure::Session, "session_count", COUNT, &[]),
    (Measure::TraceLatency, "latency", OF_NUMBERS, &[TraceName]),
    (Measure::InputTokens, "input_tokens", OF_AMOUNTS, &[TraceName]),
    (Measure::OutputTokens, "output_tokens", OF_AMOUNTS, &[TraceName]),
    (Measure::TotalTokens, "total_tokens", OF_AMOUNTS, &[TraceName]),
    (Measure::CacheReadTokens, "cache_read_input_tokens", OF_AMOUNTS, &[TraceName]),
    (Measure::CacheCreationTokens, "cache_creation_input_tokens", OF_AMOUNTS, &[TraceName]),
];
const MODELS: &[Dimension] = &[SpanModelName, SpanModelProvider];
const SPANS: &[Known] = &[
    (
        Measure::Span,
        "span_count",
        COUNT,
        &[SpanModelName, SpanModelProvider, SpanName, SpanStatus, SpanType],
    ),
    (Measure::SpanLatency, "latency", OF_NUMBERS, &[SpanName, SpanStatus]),
    (Measure::InputCost, "input_cost", OF_AMOUNTS, MODELS),
    (Measure::OutputCost, "output_cost", OF_AMOUNTS, MODELS),
    (Measure::TotalCost, "total_cost", OF_AMOUNTS, MODELS),
];
const ASSESSMENTS: &[Known] = &[
    (
        Measure::Assessment,
        "assessment_count",
        COUNT,
        &[Dimension::AssessmentName, Dimension::AssessmentValue],
    ),
    (Measure::AssessmentValue, "assessment_value", OF_NUMBERS, &[Dimension::AssessmentName]),
];

/// The measure of a view with a name.
pub(crate) fn known(view: MetricView, name: &str) -> Result<&'static Known, InvalidParameter> {
    let measures = match view {
        MetricView::Traces => TRACES,
        MetricView::Spans => SPANS,
        MetricView::Assessments => ASSESSMENTS,
    };
    measures.iter().find(|(_, known, ..)| *known == name).ok_or_else(|| {
        let known: Vec<&str> = measures.iter().map(|(_, name, ..)| *name).collect();
        InvalidParameter::new(format!(
            "metric_name must be one of {}, got '{name}'",
            python::repr_list(&known)
        ))
    })
}
