//! Numbers over many traces, spans or assessments, in groups.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, WireEnum, limits, python,
    trace_measures::{AggregationType, Dimension, Measure, MetricView, known},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// How the numbers of a group become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregation {
    /// How many there are.
    Count,
    /// All together.
    Sum,
    /// Their mean.
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// What this share of them does not exceed, from 0 to 100; between two of them it is interpolated.
    Percentile(f64),
}

impl Aggregation {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let kind: AggregationType = fields.known_enumeration("aggregation_type")?;
        let share = fields.number("percentile_value")?;
        match (kind, share) {
            (AggregationType::Percentile, None) => Err(InvalidParameter::new(
                "Percentile value is required for PERCENTILE aggregation",
            )),
            (AggregationType::Percentile, Some(share)) if (0.0..=100.0).contains(&share) => {
                Ok(Self::Percentile(share))
            }
            (AggregationType::Percentile, Some(share)) => Err(InvalidParameter::new(format!(
                "Percentile value must be between 0 and 100, got {}",
                python::repr_float(share)
            ))),
            (kind, Some(_)) => Err(InvalidParameter::new(format!(
                "Percentile value is only allowed for PERCENTILE aggregation type, got {}",
                kind.name()
            ))),
            (AggregationType::Count, None) => Ok(Self::Count),
            (AggregationType::Sum, None) => Ok(Self::Sum),
            (AggregationType::Average, None) => Ok(Self::Average),
            (AggregationType::Minimum, None) => Ok(Self::Minimum),
            (AggregationType::Maximum, None) => Ok(Self::Maximum),
        }
    }

    fn kind(self) -> AggregationType {
        match self {
            Self::Count => AggregationType::Count,
            Self::Sum => AggregationType::Sum,
            Self::Average => AggregationType::Average,
            Self::Minimum => AggregationType::Minimum,
            Self::Maximum => AggregationType::Maximum,
            Self::Percentile(_) => AggregationType::Percentile,
        }
    }

    /// The name of its value in answers.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Percentile(share) => format!("P{}", python::repr_float(share)),
            other => other.kind().name().to_owned(),
        }
    }
}

/// `POST …/traces/metrics`.
#[derive(Debug)]
pub struct QueryTraceMetrics {
    /// The experiments that are looked at.
    pub experiment_ids: Vec<ExperimentId>,
    /// What is looked at.
    pub view: MetricView,
    /// Which number of it.
    pub measure: Measure,
    /// Its name.
    pub metric_name: &'static str,
    /// What the numbers of a group become, each once.
    pub aggregations: Vec<Aggregation>,
    /// What groups have in common, each once.
    pub dimensions: Vec<Dimension>,
    /// What is looked at must fulfil all of them.
    pub filters: Vec<String>,
    /// How long the time of a group is, in milliseconds, and not 0; absent, time makes no groups.
    pub interval_ms: Option<i64>,
    /// The first millisecond.
    pub start_ms: Option<i64>,
    /// The last millisecond.
    pub end_ms: Option<i64>,
    /// Groups at most.
    pub max_results: u64,
}

impl DecodeRequest for QueryTraceMetrics {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        for name in ["experiment_ids", "view_type"] {
            if !fields.has(name) {
                return Err(InvalidParameter::missing(name));
            }
        }
        let ids = fields.strings("experiment_ids")?;
        let view = fields.known_enumeration("view_type")?;
        let name = fields.required_string("metric_name")?;
        if !fields.has("aggregations") {
            return Err(InvalidParameter::missing("aggregations"));
        }
        let aggregations = fields.objects("aggregations", Aggregation::read)?;
        let dimensions = fields.strings("dimensions")?;
        let filters = fields.strings("filters")?;
        let interval = fields.integer("time_interval_seconds")?.filter(|interval| *interval != 0);
        let (start_ms, end_ms) = (fields.integer("start_time_ms")?, fields.integer("end_time_ms")?);
        let max_results = read_max_results(fields)?;
        // The reference has one page only, and reads no token.
        fields.string("page_token")?;

        let (measure, metric_name, of, groups) = *known(view, &name)?;
        check_aggregations(&aggregations, of)?;
        let dimensions = read_dimensions(&dimensions, groups)?;
        if interval.is_some() && (start_ms.is_none() || end_ms.is_none()) {
            return Err(InvalidParameter::new(
                "start_time_ms and end_time_ms are required if time_interval_seconds is set",
            ));
        }
        let interval_ms = interval.map(milliseconds).transpose()?;
        let experiment_ids = ExperimentId::parse_list(&ids)?;
        let aggregations = each_once(aggregations);
        if aggregations.len() > limits::TRACE_METRIC_AGGREGATIONS {
            return Err(InvalidParameter::new(format!(
                "Invalid aggregations: there are {}, and at most {} are possible.",
                aggregations.len(),
                limits::TRACE_METRIC_AGGREGATIONS
            )));
        }
        Ok(Self {
            experiment_ids,
            view,
            measure,
            metric_name,
            aggregations,
            dimensions,
            filters,
            interval_ms,
            start_ms,
            end_ms,
            max_results,
        })
    }
}

fn read_max_results(fields: &mut Fields) -> Result<u64, InvalidParameter> {
    let given = fields.integer("max_results")?.unwrap_or(limits::TRACE_METRICS_DEFAULT_RESULTS);
    match u32::try_from(given) {
        Ok(max_results) if i32::try_from(given).is_ok() => Ok(max_results.into()),
        _ => Err(InvalidParameter::wrong_type("max_results", &given.into())),
    }
}

fn check_aggregations(
    given: &[Aggregation],
    known: &[AggregationType],
) -> Result<(), InvalidParameter> {
    let others = given.iter().map(|aggregation| aggregation.kind());
    let others: Vec<&str> =
        others.filter(|kind| !known.contains(kind)).map(WireEnum::name).collect();
    if others.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = known.iter().map(|kind| kind.name()).collect();
    Err(InvalidParameter::new(format!(
        "Found invalid aggregation_type(s): {}. Supported aggregation types: {}",
        shown(others),
        python::repr_list(&known)
    )))
}

fn read_dimensions(
    given: &[String],
    known: &[Dimension],
) -> Result<Vec<Dimension>, InvalidParameter> {
    let find = |name: &str| known.iter().find(|dimension| dimension.name() == name).copied();
    let others: Vec<&str> =
        given.iter().map(String::as_str).filter(|name| find(name).is_none()).collect();
    if others.is_empty() {
        return Ok(each_once(given.iter().filter_map(|name| find(name))));
    }
    let known = known.iter().map(|dimension| dimension.name()).collect();
    Err(InvalidParameter::new(format!(
        "Found invalid dimension(s): {}. Supported dimensions: {}",
        shown(others),
        shown(known)
    )))
}

/// Names as messages show them.
fn shown(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup();
    python::repr_list(&names)
}

fn each_once<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for item in items {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

/// An interval in milliseconds that the database can count with, which adds two of them.
fn milliseconds(seconds: i64) -> Result<i64, InvalidParameter> {
    let milliseconds = seconds.checked_mul(1000);
    milliseconds
        .filter(|milliseconds| milliseconds.checked_mul(2).is_some())
        .ok_or_else(|| InvalidParameter::value("time_interval_seconds", seconds, "It is too long."))
}

/// The answer to [`QueryTraceMetrics`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct QueryTraceMetricsResponse {
    /// The groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_points: Vec<MetricDataPoint>,
}

/// The numbers of one group.
#[derive(Debug, JsonSchema, Serialize)]
pub struct MetricDataPoint {
    /// What was measured.
    pub metric_name: &'static str,
    /// What the group has in common, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<&'static str, String>,
    /// The values, by [`Aggregation::label`].
    pub values: BTreeMap<String, MetricValue>,
}

/// A number as answers have it.
#[derive(Debug, JsonSchema, Serialize)]
pub struct MetricValue(
    #[serde(with = "crate::double")]
    #[schemars(schema_with = "crate::double::schema")]
    pub f64,
);
