//! How far two filters of traces find the same traces.

use crate::{DecodeRequest, ExperimentId, Fields, InvalidParameter};
use schemars::JsonSchema;
use serde::Serialize;

/// Added to each count of the smoothed number: Jeffreys' prior, as the reference has it.
const PRIOR: f64 = 0.5;

/// `POST …/traces/calculate-filter-correlation`.
#[derive(Debug)]
pub struct CorrelateTraceFilters {
    /// The experiments that are looked at.
    pub experiment_ids: Vec<ExperimentId>,
    /// The two filters, each with the common one before it.
    pub filters: [String; 2],
    /// Which traces are counted at all; empty for all of them.
    pub base_filter: String,
}

impl DecodeRequest for CorrelateTraceFilters {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("experiment_ids") {
            return Err(InvalidParameter::missing("experiment_ids"));
        }
        let ids = fields.strings("experiment_ids")?;
        let filters =
            [fields.required_string("filter_string1")?, fields.required_string("filter_string2")?];
        let base_filter = fields.string("base_filter")?.unwrap_or_default();
        let experiment_ids = ExperimentId::parse_list(&ids)?;
        // They are joined as texts, which decides what is understood of them.
        let filters = filters.map(|filter| match base_filter.as_str() {
            "" => filter,
            base => format!("{base} and {filter}"),
        });
        Ok(Self { experiment_ids, filters, base_filter })
    }
}

/// How many traces there are, and how many of them the filters find.
#[derive(Debug, Clone, Copy)]
pub struct FilterCounts {
    /// All that are counted.
    pub total: i64,
    /// Those that the first filter finds.
    pub first: i64,
    /// Those that the second filter finds.
    pub second: i64,
    /// Those that both find.
    pub both: i64,
}

/// The answer to [`CorrelateTraceFilters`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct TraceFilterCorrelation {
    /// The normalised pointwise mutual information, from -1 to 1; absent where a filter finds nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub npmi: Option<f64>,
    /// The same with half a trace more of each kind, which says more of few traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub npmi_smoothed: Option<f64>,
    filter1_count: i64,
    filter2_count: i64,
    joint_count: i64,
    total_count: i64,
}

impl From<FilterCounts> for TraceFilterCorrelation {
    fn from(counts: FilterCounts) -> Self {
        let FilterCounts { total, first, second, both } = counts;
        let is_defined = first > 0 && second > 0;
        let npmi = if both == 0 { Some(-1.0) } else { information(counts, 0.0) };
        Self {
            npmi: npmi.filter(|_| is_defined),
            npmi_smoothed: information(counts, PRIOR).filter(|_| is_defined),
            filter1_count: first,
            filter2_count: second,
            joint_count: both,
            total_count: total,
        }
    }
}

/// The normalised pointwise mutual information of two filters, of which something is found by both or added.
#[expect(clippy::cast_precision_loss, reason = "nobody has so many traces")]
fn information(counts: FilterCounts, added: f64) -> Option<f64> {
    let FilterCounts { total, first, second, both } = counts;
    let cells = [both, first - both, second - both, total - first - second + both];
    if cells.iter().any(|cell| *cell < 0) {
        return None;
    }
    if cells[1..] == [0, 0, 0] {
        return Some(1.0);
    }
    let [both, only_first, only_second, neither] = cells.map(|cell| cell as f64 + added);
    let total = both + only_first + only_second + neither;
    let mutual = (both.ln() + total.ln()) - ((both + only_first).ln() + (both + only_second).ln());
    Some((mutual / (total.ln() - both.ln())).clamp(-1.0, 1.0))
}
