//! Metrics of runs and logged models.

use crate::{
    DecodeRequest, Fields, InvalidParameter, PageToken, RunId, check_key, check_length, double,
    limits, paging, python,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};

/// A metric as it is read back.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
pub struct Metric {
    /// Its name.
    pub key: String,
    /// Its value; NaN travels as text.
    #[serde(with = "double")]
    #[schemars(schema_with = "double::schema")]
    pub value: f64,
    /// When it was measured, in milliseconds.
    pub timestamp: i64,
    /// The step of the training, possibly negative.
    pub step: i64,
    /// The dataset that it was measured on; only in logged models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    /// The digest of that dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
    /// The model that it was measured of; only in logged models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The run that measured it; only in logged models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
}

/// A metric to log.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    /// Its name.
    pub key: String,
    /// Its value, NaN and infinities included.
    pub value: f64,
    /// When it was measured, in milliseconds; not negative.
    pub timestamp: i64,
    /// The step of the training, possibly negative.
    pub step: i64,
    /// The logged model that it belongs to, too.
    pub model_id: Option<String>,
    /// The dataset that it was measured on; kept with the model only.
    pub dataset: Option<DatasetName>,
}

/// Name and digest of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetName {
    /// The name.
    pub name: String,
    /// The digest of what it holds.
    pub digest: String,
}

impl MetricPoint {
    /// Reads a metric. Messages call its key `name`, as the reference does.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let key = fields.required_string("key")?;
        let value = fields.required_number("value")?;
        let timestamp = fields.required_integer("timestamp")?;
        let step = fields.integer("step")?.unwrap_or(0);
        check_key(&fields.label("name"), "Metric name", &key)?;
        if timestamp < 0 {
            let reason = format!(
                "metric '{key}' (value={}). \
                 Timestamp must be a nonnegative long (64-bit integer) ",
                python::repr_float(value)
            );
            return Err(InvalidParameter::value(&fields.label("timestamp"), timestamp, reason));
        }
        let model_id = fields.string("model_id")?.filter(|id| !id.is_empty());
        let dataset = DatasetName::read(fields)?;
        Ok(Self { key, value, timestamp, step, model_id, dataset })
    }
}

impl DatasetName {
    fn read(fields: &mut Fields) -> Result<Option<Self>, InvalidParameter> {
        let name = fields.string("dataset_name")?.filter(|name| !name.is_empty());
        let digest = fields.string("dataset_digest")?.filter(|digest| !digest.is_empty());
        match (name, digest) {
            (None, None) => Ok(None),
            (Some(name), Some(digest)) => {
                check_length("dataset_name", &name, limits::DATASET_NAME)?;
                check_length("dataset_digest", &digest, limits::DATASET_DIGEST)?;
                Ok(Some(Self { name, digest }))
            }
            _ => Err(InvalidParameter::new(
                "Both dataset_name and dataset_digest must be provided if one is provided",
            )),
        }
    }
}

/// `POST …/runs/log-metric`.
#[derive(Debug)]
pub struct LogMetric {
    /// The run.
    pub run_id: RunId,
    /// What it gets.
    pub metric: MetricPoint,
}

impl DecodeRequest for LogMetric {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { run_id: fields.run_id()?, metric: MetricPoint::read(fields)? })
    }
}

/// `GET …/metrics/get-history`: all values of one metric of one run.
#[derive(Debug)]
pub struct GetMetricHistory {
    /// The run.
    pub run_id: RunId,
    /// The metric.
    pub metric_key: String,
    /// Values at most; all when absent.
    pub max_results: Option<u64>,
    /// Where to start.
    pub start: HistoryStart,
}

impl DecodeRequest for GetMetricHistory {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.run_id()?;
        let metric_key = fields.required_string("metric_key")?;
        let max_results = fields.integer("max_results")?;
        let max_results = max_results.map(|given| paging::positive(given, ".")).transpose()?;
        Ok(Self { run_id, metric_key, max_results, start: HistoryStart::read(fields)? })
    }
}

/// The answer to [`GetMetricHistory`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetMetricHistoryResponse {
    /// The values, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<HistoryStart>,
}

/// Where a page of a history starts. Our own tokens name the last value of the page before, since to count a million
/// values takes as long as to read them; the reference's, which count, are read as well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HistoryStart {
    /// After so many values.
    Offset(PageToken),
    /// After this value.
    After(HistoryPlace),
}

/// A value of a history, as its row has it: nothing else tells two values of a metric of a run apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HistoryPlace {
    /// When it was measured, in milliseconds.
    pub timestamp: i64,
    /// Its step.
    pub step: i64,
    /// Its value; 0 for NaN.
    pub value: f64,
    /// Whether it is NaN.
    pub is_nan: bool,
}

impl HistoryStart {
    /// Reads `page_token`; absent and empty are the first page.
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let Some(token) = fields.string("page_token")?.filter(|token| !token.is_empty()) else {
            return Ok(Self::Offset(PageToken::default()));
        };
        match HistoryPlace::decode(&token) {
            Some(place) => Ok(Self::After(place)),
            None => PageToken::decode(&token).map(Self::Offset),
        }
    }
}

impl HistoryPlace {
    fn decode(token: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(token).ok()?).ok()
    }
}

impl Serialize for HistoryStart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Offset(token) => token.serialize(serializer),
            Self::After(place) => {
                let json = serde_json::to_string(place).map_err(S::Error::custom)?;
                serializer.serialize_str(&STANDARD.encode(json))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<LogMetric, String> {
        LogMetric::decode(&mut Fields::from_json(json.as_bytes()).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_negative_timestamp_is_refused_with_the_metric() {
        let refused = decode(r#"{"run_id": "r", "key": "a", "value": 1, "timestamp": -1}"#);
        assert_eq!(
            refused.unwrap_err(),
            "Invalid value -1 for parameter 'timestamp' supplied: metric 'a' (value=1.0). \
             Timestamp must be a nonnegative long (64-bit integer) "
        );
    }

    #[test]
    fn a_dataset_has_a_name_and_a_digest_or_neither() {
        let json =
            r#"{"run_id": "r", "key": "a", "value": 1, "timestamp": 1, "dataset_name": "d"}"#;
        assert_eq!(
            decode(json).unwrap_err(),
            "Both dataset_name and dataset_digest must be provided if one is provided"
        );
    }

    #[test]
    fn tokens_of_histories_name_a_value_or_count() {
        let read = |token: &str| {
            let json = serde_json::json!({ "page_token": token }).to_string();
            HistoryStart::read(&mut Fields::from_json(json.as_bytes()).unwrap())
        };
        let value = 0.1 + 0.2;
        let place = HistoryPlace { timestamp: i64::MAX, step: -1, value, is_nan: false };
        for start in [HistoryStart::After(place), HistoryStart::Offset(PageToken::new(2))] {
            let written = serde_json::to_value(start).unwrap();
            assert_eq!(read(written.as_str().unwrap()).unwrap(), start);
        }
        assert_eq!(read("").unwrap(), HistoryStart::Offset(PageToken::default()));
        assert!(read("abc").is_err());
    }

    #[test]
    fn what_is_not_set_is_not_written() {
        let metric = Metric {
            key: "m".to_owned(),
            value: f64::NAN,
            timestamp: 1,
            step: 0,
            dataset_name: None,
            dataset_digest: None,
            model_id: None,
            run_id: None,
        };
        assert_eq!(
            serde_json::to_string(&metric).unwrap(),
            r#"{"key":"m","value":"NaN","timestamp":1,"step":0}"#
        );
    }
}
