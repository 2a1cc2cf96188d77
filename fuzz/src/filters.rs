//! Filters of searches: what is understood of one can be written down and is understood in the same way again.

use crate::spelling::{Spelled, accepted, check_same, respelled};
use mlferry_protocol::{InvalidParameter, trace_measures::MetricView};
use mlferry_search::{
    evaluation_datasets, experiments, logged_models, model_versions, registered_models, runs,
    trace_metrics, traces,
};
use std::fmt::Debug;

/// Reads a text as a filter of each kind.
pub fn check(data: &[u8]) {
    let Ok(filter) = std::str::from_utf8(data) else { return };
    check_again(filter, runs::parse_filter);
    check_again(filter, experiments::parse_filter);
    check_again(filter, registered_models::parse_filter);
    check_again(filter, model_versions::parse_filter);
    check_again(filter, logged_models::parse_filter);
    check_again(filter, traces::parse_filter);
    check_again(filter, evaluation_datasets::parse_filter);
    for view in [MetricView::Traces, MetricView::Spans, MetricView::Assessments] {
        let parse = |filter: &str| trace_metrics::parse_filters(&[filter.to_owned()], view);
        check_again(filter, parse);
    }
}

fn check_again<C: Spelled + Debug>(
    filter: &str,
    parse: impl Fn(&str) -> Result<Vec<C>, InvalidParameter>,
) {
    let Some(conditions) = accepted(parse(filter), &filter) else { return };
    let written: Vec<_> =
        conditions.iter().map(|condition| respelled(condition, filter, &parse)).collect();
    let written = written.join(" AND ");
    check_same(&conditions, &filter, parse(&written), &written);
}
