//! Histories of one metric in many runs, for charts.

use crate::{DecodeRequest, Fields, InvalidParameter, RunId, limits, metrics::Metric};
use schemars::JsonSchema;
use serde::Serialize;

/// `GET /ajax-api/…/metrics/get-history-bulk`: all values, run by run.
#[derive(Debug)]
pub struct GetMetricHistoryBulk {
    /// The runs.
    pub run_ids: Vec<RunId>,
    /// The metric.
    pub metric_key: String,
    /// Values at most, of all runs together.
    pub max_results: u64,
}

impl DecodeRequest for GetMetricHistoryBulk {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_ids = fields.strings("run_id")?;
        let most = limits::HISTORY_RUNS;
        if run_ids.is_empty() {
            return Err(InvalidParameter::new(
                "GetMetricHistoryBulk request must specify at least one run_id.",
            ));
        }
        if run_ids.len() > most {
            let given = run_ids.len();
            return Err(InvalidParameter::new(format!(
                "GetMetricHistoryBulk request cannot specify more than {most} run_ids. \
                 Received {given} run_ids."
            )));
        }
        let metric_key = fields.string("metric_key")?.ok_or_else(|| {
            InvalidParameter::new("GetMetricHistoryBulk request must specify a metric_key.")
        })?;
        let max_results = match fields.integer("max_results")? {
            None => limits::HISTORY_BULK_RESULTS,
            Some(given) => u64::try_from(given).map_err(|_| {
                InvalidParameter::value("max_results", given, "It must not be negative.")
            })?,
        };
        Ok(Self {
            run_ids: run_ids.into_iter().map(RunId::new).collect(),
            metric_key,
            max_results: max_results.min(limits::HISTORY_BULK_RESULTS),
        })
    }
}

/// The answer to [`GetMetricHistoryBulk`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetMetricHistoryBulkResponse {
    /// The values, by run and then oldest first; a list even when there are none.
    pub metrics: Vec<Metric>,
}

/// `GET …/metrics/get-history-bulk-interval`: a sample of each run's values.
#[derive(Debug)]
pub struct GetMetricHistoryBulkInterval {
    /// The runs, in the order of the answer.
    pub run_ids: Vec<RunId>,
    /// The metric.
    pub metric_key: String,
    /// The first and the last step that are looked at; all when absent.
    pub steps: Option<(i64, i64)>,
    /// Values of each run at most; positive.
    pub max_results: u16,
}

impl DecodeRequest for GetMetricHistoryBulkInterval {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("run_ids") {
            return Err(InvalidParameter::missing("run_ids"));
        }
        let run_ids = fields.strings("run_ids")?;
        let most = limits::HISTORY_RUNS;
        if run_ids.len() > most {
            return Err(InvalidParameter::schema(format_args!(
                "GetMetricHistoryBulkInterval request must specify at most {most} run_ids. \
                 Received {} run_ids.",
                run_ids.len()
            )));
        }
        let metric_key = fields.required_string("metric_key")?;
        let start_step = fields.integer("start_step")?;
        let end_step = fields.integer("end_step")?;
        let max_results = match fields.integer("max_results")? {
            None => limits::HISTORY_INTERVAL_RESULTS,
            Some(given) => sample_size(given)?,
        };
        Ok(Self {
            run_ids: run_ids.into_iter().map(RunId::new).collect(),
            metric_key,
            steps: interval(start_step, end_step)?,
            max_results,
        })
    }
}

fn sample_size(given: i64) -> Result<u16, InvalidParameter> {
    let most = limits::HISTORY_INTERVAL_RESULTS;
    match u16::try_from(given) {
        Ok(given) if (1..=most).contains(&given) => Ok(given),
        _ => {
            Err(InvalidParameter::schema(format_args!("max_results must be between 1 and {most}.")))
        }
    }
}

fn interval(start: Option<i64>, end: Option<i64>) -> Result<Option<(i64, i64)>, InvalidParameter> {
    match (start, end) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) if start <= end => Ok(Some((start, end))),
        (Some(start), Some(end)) => Err(InvalidParameter::new(format!(
            "end_step must be greater than start_step. \
             Found start_step={start} and end_step={end}."
        ))),
        _ => Err(InvalidParameter::new(
            "If either start step or end step are specified, both must be specified.",
        )),
    }
}

/// The answer to [`GetMetricHistoryBulkInterval`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetMetricHistoryBulkIntervalResponse {
    /// The values, in the order of the request's runs and then by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<T: DecodeRequest>(pairs: &[(&str, &str)]) -> Result<T, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        T::decode(&mut Fields::from_query(pairs)).map_err(|error| error.to_string())
    }

    fn bulk(more: &[(&str, &str)]) -> Result<GetMetricHistoryBulk, String> {
        decode(&[&[("run_id", "r"), ("metric_key", "m")], more].concat())
    }

    fn sample(more: &[(&str, &str)]) -> Result<GetMetricHistoryBulkInterval, String> {
        decode(&[&[("run_ids", "r"), ("metric_key", "m")], more].concat())
    }

    #[test]
    fn a_bulk_has_at_most_100_runs_and_25000_values() {
        let runs = |count| vec![("run_id", "r"); count];
        let with = |count| {
            decode::<GetMetricHistoryBulk>(&[runs(count), vec![("metric_key", "")]].concat())
        };
        assert_eq!(with(99).unwrap().run_ids.len(), 99);
        assert_eq!(with(100).unwrap().run_ids.len(), 100);
        assert_eq!(
            with(101).unwrap_err(),
            "GetMetricHistoryBulk request cannot specify more than 100 run_ids. \
             Received 101 run_ids."
        );
        let most = |given| bulk(&[("max_results", given)]).map(|bulk| bulk.max_results);
        assert_eq!(most("0"), Ok(0));
        assert_eq!(most("24999"), Ok(24_999));
        assert_eq!(most("25000"), Ok(25_000));
        assert_eq!(most("25001"), Ok(25_000));
        assert!(most("-1").is_err());
        assert_eq!(bulk(&[]).unwrap().max_results, 25_000);
    }

    #[test]
    fn a_sample_has_at_most_100_runs_and_2500_values_of_each() {
        let most = |given| sample(&[("max_results", given)]).map(|sample| sample.max_results);
        assert_eq!(most("1"), Ok(1));
        assert_eq!(most("2499"), Ok(2499));
        assert_eq!(most("2500"), Ok(2500));
        for refused in ["0", "-1", "2501", "70000"] {
            let message = most(refused).unwrap_err();
            assert!(message.starts_with("max_results must be between 1 and 2500. See the API"));
        }
        let runs = |count| {
            let fields = [vec![("run_ids", "r"); count], vec![("metric_key", "m")]].concat();
            decode::<GetMetricHistoryBulkInterval>(&fields).map(|sample| sample.run_ids.len())
        };
        assert_eq!(runs(100), Ok(100));
        assert!(runs(101).unwrap_err().contains("at most 100 run_ids. Received 101 run_ids. See"));
        assert!(runs(0).unwrap_err().contains("required parameter 'run_ids'"));
    }

    #[test]
    fn an_interval_has_both_ends_in_order() {
        let steps = |more: &[(&str, &str)]| sample(more).map(|sample| sample.steps);
        assert_eq!(steps(&[]), Ok(None));
        assert_eq!(steps(&[("start_step", "-3"), ("end_step", "-3")]), Ok(Some((-3, -3))));
        assert_eq!(
            steps(&[("start_step", "5"), ("end_step", "2")]).unwrap_err(),
            "end_step must be greater than start_step. Found start_step=5 and end_step=2."
        );
        for one in ["start_step", "end_step"] {
            assert!(steps(&[(one, "1")]).unwrap_err().contains("both must be specified"));
        }
    }
}
