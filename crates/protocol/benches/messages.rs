//! How long it takes to read requests and to write answers as JSON: `cargo bench -p mlferry-protocol`.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use mlferry_protocol::batch::LogBatch;
use mlferry_protocol::metrics::{LogMetric, Metric};
use mlferry_protocol::params::Param;
use mlferry_protocol::runs::{
    Run, RunData, RunInfo, RunInputs, RunOutputs, RunResponse, RunStatus, SearchRunsResponse,
};
use mlferry_protocol::tags::Tag;
use mlferry_protocol::{DecodeRequest, ExperimentId, Fields, InvalidParameter, RunId};
use serde_json::json;

fn main() {
    divan::main();
}

const RUN_ID: &str = "4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76";

/// As the server reads a body.
fn decode<T: DecodeRequest>(body: &[u8]) -> Result<T, InvalidParameter> {
    T::decode(&mut Fields::from_json(body)?)
}

#[divan::bench]
fn decode_metric(bencher: Bencher<'_, '_>) {
    let body = json!({
        "run_id": RUN_ID, "key": "val/loss", "value": 0.123_456_789, "timestamp": 1_700_000_000_000_u64, "step": 17,
    });
    let body = body.to_string();
    assert!(decode::<LogMetric>(body.as_bytes()).is_ok());
    bencher
        .counter(BytesCount::of_str(&body))
        .bench(|| decode::<LogMetric>(black_box(body.as_bytes())));
}

#[divan::bench(args = [1, 100, 1_000])]
fn decode_batch(bencher: Bencher<'_, '_>, count: usize) {
    let metric = |step| json!({ "key": "loss", "value": 0.25, "timestamp": 1_700_000_000_000_u64, "step": step });
    let metrics: Vec<_> = (0..count).map(metric).collect();
    let body = json!({ "run_id": RUN_ID, "metrics": metrics }).to_string();
    assert!(decode::<LogBatch>(body.as_bytes()).is_ok());
    bencher
        .counter(BytesCount::of_str(&body))
        .bench(|| decode::<LogBatch>(black_box(body.as_bytes())));
}

#[divan::bench]
fn encode_run(bencher: Bencher<'_, '_>) {
    let answer = RunResponse { run: run() };
    bencher.bench(|| serde_json::to_vec(black_box(&answer)));
}

#[divan::bench]
fn encode_page_of_100_runs(bencher: Bencher<'_, '_>) {
    let answer = SearchRunsResponse { runs: vec![run(); 100], next_page_token: None };
    bencher.bench(|| serde_json::to_vec(black_box(&answer)));
}

/// A run with 10 metrics, 10 params and 5 tags.
fn run() -> Run {
    let metric = |index: u8| Metric {
        key: format!("metric_{index}"),
        value: f64::from(index) / 7.0,
        timestamp: 1_700_000_000_000,
        step: 1_000,
        dataset_name: None,
        dataset_digest: None,
        model_id: None,
        run_id: None,
    };
    let param = |index: u8| Param { key: format!("param_{index}"), value: "value".to_owned() };
    let tag = |index: u8| Tag { key: format!("tag_{index}"), value: "value".to_owned() };
    Run {
        info: RunInfo {
            run_uuid: RunId::new(RUN_ID),
            experiment_id: ExperimentId::parse("1").expect("it is a number"),
            run_name: Some("upbeat-finch-77".to_owned()),
            user_id: Some("someone".to_owned()),
            status: Some(RunStatus::Finished),
            start_time: Some(1_700_000_000_000),
            end_time: Some(1_700_000_060_000),
            artifact_uri: Some(format!("mlflow-artifacts:/1/{RUN_ID}/artifacts")),
            lifecycle_stage: Some("active".to_owned()),
            run_id: RunId::new(RUN_ID),
        },
        data: RunData {
            metrics: (0..10).map(metric).collect(),
            params: (0..10).map(param).collect(),
            tags: (0..5).map(tag).collect(),
        },
        inputs: RunInputs::default(),
        outputs: Some(RunOutputs::default()),
    }
}
