//! The scenarios that another rewrite of the reference publishes, at its scale: 20,000 runs with 8 million values in 40
//! experiments, 50,000 traces of 4 spans, 5,000 model versions.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::attempts::{LINE_LIMIT, attempt, count, repeat};
use super::calls::{Api, Call};
use super::contenders::Server;
use super::outcome::Tally;
use super::seeds::{self, metric, run_id};
use crate::report::{Better, Measure, Results};
use crate::units::per_second;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    runs: usize,
    traces: usize,
    models: usize,
}

impl Sizes {
    pub(super) const FULL: Self = Self { runs: 20_000, traces: 50_000, models: 500 };
    /// A sixteenth.
    pub(super) const QUICK: Self = Self { runs: 1_250, traces: 3_125, models: 31 };
}

const EXPERIMENTS: usize = 40;
/// Values of each metric of a run: with 20 metrics, 400 values.
const STEPS: usize = 20;
/// Results of a page.
const PAGE: usize = 100;
/// Runs whose histories are compared in one chart.
const COMPARED: usize = 10;
/// Traces of an export; each has four spans.
const EXPORTED: usize = 25;
/// How the ids of runs begin.
const PREFIX: &str = "b1";

static BY_METRIC: Measure = line("20,000 runs in 40 experiments: by a metric");
static DEEP: Measure = line("20,000 runs in 40 experiments: page in the middle");
static INTERVAL: Measure = line("get-history-bulk-interval of 10 runs");
static BY_SPAN: Measure = line("50,000 traces: by the name of a span");
static MODELS: Measure = line("5,000 model versions: models without prompts");
static EXPORT: Measure = Measure {
    name: "OTLP, exports of 100 spans",
    unit: "spans/s",
    better: Better::Higher,
    goal: "20× the reference",
};

const fn line(name: &'static str) -> Measure {
    Measure { name, unit: "ms", better: Better::Lower, goal: "20× the reference" }
}

/// The lines of the table.
pub(super) fn lines() -> Vec<&'static Measure> {
    vec![&BY_METRIC, &DEEP, &INTERVAL, &BY_SPAN, &MODELS, &EXPORT]
}

/// Fills the database, and goes through the scenarios on one connection, each for `time`.
pub(super) async fn measure(
    server: &Server,
    sizes: Sizes,
    time: Duration,
    results: &mut Results,
) -> Result<()> {
    let mut api = Api::open(server.target()).await?;
    let mut experiments = Vec::with_capacity(EXPERIMENTS);
    for number in 0..EXPERIMENTS {
        let document = json!({ "name": format!("scale {number}") });
        let answer = api.post("experiments/create", &document).await?;
        experiments.push(answer["experiment_id"].as_str().unwrap_or_default().to_owned());
    }
    seed(server, sizes, &experiments).await?;

    let scale = Scale { server, time };
    let expected: Vec<String> = (0..sizes.runs)
        .rev()
        .filter(|number| metric(*number, 0) > 0.99)
        .take(PAGE)
        .map(|number| run_id(PREFIX, number))
        .collect();
    let search = json!({ "experiment_ids": experiments, "filter": "metrics.metric_0 > 0.99", "max_results": PAGE });
    let call = Call::post("runs/search", &search);
    scale.ask(&BY_METRIC, call, |answer| expect_runs(answer, &expected), results).await?;

    let half = sizes.runs / 2;
    let expected: Vec<String> = (0..half).rev().take(PAGE).map(|it| run_id(PREFIX, it)).collect();
    let token = seeds::page_token(sizes.runs - half);
    let search = json!({ "experiment_ids": experiments, "max_results": PAGE, "page_token": token });
    let call = Call::post("runs/search", &search);
    scale.ask(&DEEP, call, |answer| expect_runs(answer, &expected), results).await?;

    let runs: Vec<String> =
        (0..COMPARED).map(|number| format!("run_ids={}", run_id(PREFIX, number))).collect();
    let call = Call::get(&format!(
        "metrics/get-history-bulk-interval?{}&metric_key=metric_0&max_results=320",
        runs.join("&")
    ));
    let check = |answer: &Value| expect_count(answer, "metrics", COMPARED * STEPS);
    scale.ask(&INTERVAL, call, check, results).await?;

    let search = json!({
        "locations": [location(&experiments[0])],
        "filter": format!("span.name = '{}'", seeds::RARE_SPAN),
        "max_results": PAGE,
    });
    let call = Call::post("/api/3.0/mlflow/traces/search", &search);
    let rare = sizes.traces.div_ceil(seeds::RARE_EVERY).min(PAGE);
    scale.ask(&BY_SPAN, call, |answer| expect_count(answer, "traces", rare), results).await?;

    let call = Call::get(&format!("registered-models/search?max_results={PAGE}"));
    let models = sizes.models.min(PAGE);
    let check = |answer: &Value| expect_count(answer, "registered_models", models);
    scale.ask(&MODELS, call, check, results).await?;

    let work = async |results: &mut Results| scale.export(&experiments[1], results).await;
    attempt(server.contender, &EXPORT, LINE_LIMIT, results, work).await.map(drop)
}

async fn seed(server: &Server, sizes: Sizes, experiments: &[String]) -> Result<()> {
    // Whose experiment a run is, goes round.
    let cases: Vec<String> = experiments
        .iter()
        .enumerate()
        .map(|(number, id)| format!("WHEN {number} THEN {id}"))
        .collect();
    let experiment = format!("CASE number % {EXPERIMENTS} {} END", cases.join(" "));
    let (database, contender) = (&server.database, server.contender);
    seeds::runs(database, contender, (&experiment, PREFIX), sizes.runs, STEPS).await?;
    seeds::traces(database, &experiments[0], sizes.traces).await?;
    seeds::models(database, sizes.models).await
}

/// The server, once everything is there.
#[derive(Debug)]
struct Scale<'a> {
    server: &'a Server,
    time: Duration,
}

impl Scale<'_> {
    async fn ask(
        &self,
        line: &'static Measure,
        call: Call,
        check: impl Fn(&Value) -> Result<()>,
        results: &mut Results,
    ) -> Result<()> {
        repeat(self.server, line, call, check, self.time, results).await
    }

    /// Sends spans, one export after the other, and makes sure that their traces are there.
    async fn export(&self, experiment: &str, results: &mut Results) -> Result<()> {
        let target = self.server.target();
        let mut exporter = Api::open_with(target, "x-mlflow-experiment-id", experiment).await?;
        // What the first call loads is not counted.
        exporter.ask_plain(&export(0)).await?;
        let mut tally = Tally::new();
        let mut elapsed = Duration::ZERO;
        let mut exports = 1;
        while elapsed < self.time {
            let call = export(exports);
            let begin = Instant::now();
            tally.make(&mut exporter, &call, begin, |_| Ok(())).await?;
            elapsed += begin.elapsed();
            exports += 1;
        }
        let outcome = tally.finish();
        count(self.server, &EXPORT, &outcome, results)?;

        let kept = outcome.count() + 1;
        let search = json!({ "locations": [location(experiment)], "max_results": 500 });
        let answer = exporter.ask(&Call::post("/api/3.0/mlflow/traces/search", &search)).await?;
        // An export that failed may have been kept.
        if outcome.failures().count() == 0 {
            expect_count(&answer, "traces", (kept * EXPORTED).min(500))?;
        }
        let spans = outcome.count() * EXPORTED * seeds::SPANS;
        results.add(&EXPORT, self.server.contender.name(), per_second(spans, outcome.elapsed()));
        Ok(())
    }
}

/// An export of [`EXPORTED`] traces in the JSON of OTLP.
fn export(number: usize) -> Call {
    let spans: Vec<Value> = (0..EXPORTED * seeds::SPANS)
        .map(|index| {
            let trace = number * EXPORTED + index / seeds::SPANS + 1;
            let place = index % seeds::SPANS;
            let start = 1_700_000_000_000_000_000_u64 + trace as u64 * 1_000_000;
            let mut span = json!({
                "traceId": format!("{trace:032x}"),
                "spanId": format!("{:016x}", trace * seeds::SPANS + place),
                "name": format!("step-{place}"),
                "kind": 1,
                "startTimeUnixNano": start.to_string(),
                "endTimeUnixNano": (start + 500_000).to_string(),
                "attributes": [{ "key": "answer", "value": { "stringValue": "forty-two" } }],
                "status": { "code": 1 },
            });
            if place > 0 {
                span["parentSpanId"] = format!("{:016x}", trace * seeds::SPANS).into();
            }
            span
        })
        .collect();
    let document = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
    Call::post("/v1/traces", &document)
}

fn location(experiment: &str) -> Value {
    json!({ "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": experiment } })
}

fn expect_runs(answer: &Value, expected: &[String]) -> Result<()> {
    let runs = answer["runs"].as_array().map_or(&[][..], Vec::as_slice);
    let found: Vec<&str> =
        runs.iter().map(|run| run["info"]["run_id"].as_str().unwrap_or_default()).collect();
    ensure!(found == expected, "other runs, or in another order: {found:?}, not {expected:?}");
    Ok(())
}

fn expect_count(answer: &Value, kind: &str, expected: usize) -> Result<()> {
    let count = answer[kind].as_array().map_or(0, Vec::len);
    ensure!(count == expected, "{count} {kind} instead of {expected}");
    Ok(())
}
