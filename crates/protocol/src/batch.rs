//! Batches of metrics, params and tags.

use crate::{
    DecodeRequest, Fields, InvalidParameter, RunId, limits,
    metrics::MetricPoint,
    params::{Param, check_distinct_params},
    tags::Tag,
};

/// `POST …/runs/log-batch`: all of it is logged, or nothing.
#[derive(Debug)]
pub struct LogBatch {
    /// The run.
    pub run_id: RunId,
    /// Its new metric values.
    pub metrics: Vec<MetricPoint>,
    /// Its new params, each key once.
    pub params: Vec<Param>,
    /// Its new tags; of those with one key, the last counts.
    pub tags: Vec<Tag>,
}

impl DecodeRequest for LogBatch {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.checked_run_id()?;
        let metrics = fields.objects("metrics", MetricPoint::read)?;
        let params = fields.objects("params", Param::read)?;
        let tags = fields.objects("tags", Tag::of_run)?;
        limits::check_batch("metrics", metrics.len(), limits::BATCH_METRICS)?;
        limits::check_batch("params", params.len(), limits::BATCH_PARAMS)?;
        limits::check_batch("tags", tags.len(), limits::BATCH_TAGS)?;
        let total = metrics.len() + params.len() + tags.len();
        limits::check_batch("metrics, params, and tags", total, limits::BATCH_METRICS)?;
        check_distinct_params(&params)?;
        Ok(Self { run_id, metrics, params, tags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<T: DecodeRequest>(json: &str) -> Result<T, String> {
        T::decode(&mut Fields::from_json(json.as_bytes()).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_batch_has_bounds() {
        let metrics = |count| {
            let one = r#"{"key": "m", "value": 1, "timestamp": 1}"#;
            format!(r#"{{"run_id": "r", "metrics": [{}]}}"#, vec![one; count].join(","))
        };
        assert!(decode::<LogBatch>(&metrics(1000)).is_ok());
        assert_eq!(
            decode::<LogBatch>(&metrics(1001)).unwrap_err(),
            "A batch logging request can contain at most 1000 metrics. Got 1001 metrics. \
             Please split up metrics across multiple requests and try again."
        );
        assert_eq!(
            decode::<LogBatch>(
                r#"{"run_id": "r", "params": [{"key": "a1", "value": "1"}, {"key": "a1", "value": "1"}]}"#
            )
            .unwrap_err(),
            "Duplicate parameter keys have been submitted: ['a1']. Please ensure the request \
             contains only one param value per param key."
        );
    }
}
