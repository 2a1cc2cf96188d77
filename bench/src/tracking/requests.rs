//! The calls that training and its pages make most: a metric, a batch, a run, a search.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::attempts::count;
use super::calls::{Api, Call, Load};
use super::contenders::{Product, Server};
use super::kept::Sent;
use super::measures::{GET, LOG_BATCH, LOG_METRIC, Lines, SEARCH};
use super::seeds;
use crate::process;
use crate::report::Results;
use crate::units::{megabytes, to_f64};

/// Connections that carry the load.
pub(super) const CONNECTIONS: usize = 16;
/// Runs that are read, and as many that are written to.
pub(super) const RUNS: usize = 200;
/// Metrics and params of a run that is read.
const VALUES: usize = 10;
/// Tags of a run that is read.
const TAGS: usize = 5;
/// Metrics in a batch.
pub(super) const BATCH: usize = 100;
/// Results of a search.
pub(super) const RESULTS: usize = 100;
/// Searches that differ in what they look for.
const SEARCHES: usize = 20;
/// Milliseconds since 1970 at which everything begins.
pub(super) const EPOCH: usize = 1_700_000_000_000;

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    LogMetric,
    LogBatch,
    Get,
    Search,
}

impl Request {
    /// The lines that it fills.
    pub(super) const fn lines(self) -> &'static Lines {
        match self {
            Self::LogMetric => &LOG_METRIC,
            Self::LogBatch => &LOG_BATCH,
            Self::Get => &GET,
            Self::Search => &SEARCH,
        }
    }
}

/// How long each is measured, and how many calls that write are made up for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    time: Duration,
    warm_up: Duration,
    metrics: usize,
    batches: usize,
}

impl Sizes {
    /// Enough calls for 30,000 metrics and 1,600 batches a second.
    pub(super) const FULL: Self = Self {
        time: Duration::from_secs(10),
        warm_up: Duration::from_secs(1),
        metrics: 330_000,
        batches: 17_600,
    };
    /// Enough for what peers are asked for: their rates are as good after half the time.
    pub(super) const PEERS: Self = Self { time: Duration::from_secs(5), ..Self::FULL };
    /// A sixteenth.
    pub(super) const QUICK: Self = Self {
        time: Duration::from_millis(625),
        warm_up: Duration::from_millis(100),
        metrics: 20_000,
        batches: 1_000,
    };
}

/// A server with the runs that the calls are about.
#[derive(Debug)]
pub(super) struct Requests<'a> {
    pub(super) server: &'a Server,
    pub(super) product: Product,
    sizes: Sizes,
    /// The experiment of the runs that are read.
    pub(super) experiment: String,
    /// The experiment of the runs that are written to.
    pub(super) written_to: String,
    /// Runs that are read.
    pub(super) read: Vec<String>,
    /// Runs that are written to.
    pub(super) written: Vec<String>,
}

impl<'a> Requests<'a> {
    /// Creates the runs through the API, in two experiments whose names begin with `name`. PostgreSQL then knows its tables, as it
    /// does a minute later by itself.
    pub(super) async fn prepare(
        server: &'a Server,
        product: Product,
        sizes: Sizes,
        name: &str,
    ) -> Result<Self> {
        let mut api = Api::open(server.target()).await?;
        let experiment = create_experiment(&mut api, &format!("{name}, read")).await?;
        let written_to = create_experiment(&mut api, &format!("{name}, written")).await?;
        let mut read = Vec::with_capacity(RUNS);
        let mut written = Vec::with_capacity(RUNS);
        for number in 0..RUNS {
            let run = create_run(&mut api, &experiment, number).await?;
            api.post("runs/log-batch", &content(&run, number)).await?;
            read.push(run);
            written.push(create_run(&mut api, &written_to, number).await?);
        }
        if product == Product::Postgresql {
            seeds::analyze(&server.database).await?;
        }
        Ok(Self { server, product, sizes, experiment, written_to, read, written })
    }

    /// Measures one kind of call.
    pub(super) async fn measure(&self, request: Request, results: &mut Results) -> Result<()> {
        let target = self.server.target();
        let load = Arc::new(match request {
            Request::LogMetric => self.log_metric(),
            Request::LogBatch => self.log_batch(),
            Request::Get => self.get().await?,
            Request::Search => self.search().await?,
        });
        let warm_up = load.run(target, CONNECTIONS, 0, self.sizes.warm_up).await?;
        let cpu_before = self.server.cpu_seconds()?;
        let outcome = load.run(target, CONNECTIONS, warm_up.calls(), self.sizes.time).await?;
        let cpu = self.server.cpu_seconds()? - cpu_before;
        let memory = process::memory(self.server.running.id())?;

        let lines = request.lines();
        let name = self.server.contender.name();
        let rate = lines.rate(self.product);
        count(self.server, rate, &outcome, results)?;
        results.add(rate, name, outcome.rate());
        results.add(&lines.median, name, outcome.percentile(50));
        results.add(&lines.p99, name, outcome.percentile(99));
        results.add(&lines.cpu, name, cpu * 1e6 / to_f64(outcome.count() as u64));
        results.add(&lines.memory, name, megabytes(memory.rss));

        let sent = Sent::of([&warm_up, &outcome]);
        match request {
            Request::LogMetric => self.expect_points(rate, "loss", sent, results).await,
            Request::LogBatch => self.expect_points(rate, &metric(BATCH - 1), sent, results).await,
            Request::Get | Request::Search => Ok(()),
        }
    }

    fn log_metric(&self) -> Load {
        let calls = (0..self.sizes.metrics).map(|number| {
            let run = &self.written[number % RUNS];
            log_metric(run, number / RUNS)
        });
        Load::writes(calls.collect())
    }

    fn log_batch(&self) -> Load {
        let calls = (0..self.sizes.batches)
            .map(|number| log_batch(&self.written[number % RUNS], 0..BATCH, number / RUNS));
        Load::writes(calls.collect())
    }

    /// Logs so many values to each of some runs, and reads their histories one after another.
    pub(super) async fn histories(&self, runs: &[String], points: usize) -> Result<Load> {
        let target = self.server.target();
        let mut api = Api::open(target).await?;
        let mut calls = Vec::with_capacity(runs.len());
        for (number, run) in runs.iter().enumerate() {
            let values: Vec<Value> = (0..points).map(|step| point("loss", number, step)).collect();
            api.post("runs/log-batch", &json!({ "run_id": run, "metrics": values })).await?;
            calls.push(Call::get(&format!("metrics/get-history?run_id={run}&metric_key=loss")));
        }
        let check = move |_, answer: &Value| {
            let read = answer["metrics"].as_array().map_or(0, Vec::len);
            ensure!(read == points, "{read} of {points} points were read");
            Ok(())
        };
        Load::reads(target, calls, check).await
    }

    /// Calls that read one run after another.
    pub(super) async fn get(&self) -> Result<Load> {
        let calls = self.read.iter().map(|run| Call::get(&format!("runs/get?run_id={run}")));
        let check = |number, answer: &Value| expect_content(&answer["run"], number);
        Load::reads(self.server.target(), calls.collect(), check).await
    }

    /// Calls that search the runs that are read.
    pub(super) async fn search(&self) -> Result<Load> {
        let calls = (0..SEARCHES).map(|number| {
            let document = json!({
                "experiment_ids": [&self.experiment],
                "filter": format!(
                    "metrics.metric_0 > {} and params.param_0 = '{}'",
                    threshold(number),
                    param(0, 0)
                ),
                "order_by": ["metrics.metric_1 DESC"],
                "max_results": RESULTS,
            });
            Call::post("runs/search", &document)
        });
        let check = |number, answer: &Value| {
            let expected = self.found(threshold(number));
            let runs = answer["runs"].as_array().map_or(&[][..], Vec::as_slice);
            ensure!(runs.len() == RESULTS, "{} runs were found", runs.len());
            for (run, expected) in runs.iter().zip(expected) {
                let id = run["info"]["run_id"].as_str();
                ensure!(id == Some(&self.read[expected]), "{id:?} is not where it should be");
                expect_content(run, expected)?;
            }
            Ok(())
        };
        Load::reads(self.server.target(), calls.collect(), check).await
    }

    /// The numbers of the runs that a search gives, in its order.
    fn found(&self, threshold: f64) -> Vec<usize> {
        let wanted =
            |number: &usize| value(*number, 0) > threshold && param(*number, 0) == param(0, 0);
        let mut numbers: Vec<usize> = (0..self.read.len()).filter(wanted).collect();
        numbers.sort_by(|left, right| value(*right, 1).total_cmp(&value(*left, 1)));
        numbers
    }
}

/// A call that writes one step of some metrics.
pub(super) fn log_batch(run: &str, metrics: Range<usize>, step: usize) -> Call {
    let points: Vec<Value> = metrics.map(|index| point(&metric(index), index, step)).collect();
    Call::post("runs/log-batch", &json!({ "run_id": run, "metrics": points }))
}

/// A call that writes one point.
pub(super) fn log_metric(run: &str, step: usize) -> Call {
    let mut document = point("loss", step, step);
    document["run_id"] = run.into();
    Call::post("runs/log-metric", &document)
}

async fn create_experiment(api: &mut Api, name: &str) -> Result<String> {
    let answer = api.post("experiments/create", &json!({ "name": name })).await?;
    text(&answer["experiment_id"])
}

/// The id of a new run.
pub(super) async fn create_run(api: &mut Api, experiment: &str, number: usize) -> Result<String> {
    let document = json!({ "experiment_id": experiment, "start_time": EPOCH + number });
    text(&api.post("runs/create", &document).await?["run"]["info"]["run_id"])
}

fn text(value: &Value) -> Result<String> {
    let text = value.as_str().map(ToOwned::to_owned);
    text.ok_or_else(|| anyhow::anyhow!("{value} is no text"))
}

/// Everything that the run with this number has.
fn content(run: &str, number: usize) -> Value {
    let metrics: Vec<Value> = (0..VALUES)
        .map(|index| {
            json!({ "key": metric(index), "value": value(number, index), "timestamp": EPOCH, "step": 0 })
        })
        .collect();
    let params: Vec<Value> = (0..VALUES)
        .map(|index| json!({ "key": format!("param_{index}"), "value": param(number, index) }))
        .collect();
    let tags: Vec<Value> = (0..TAGS)
        .map(|index| json!({ "key": format!("tag_{index}"), "value": param(number, index) }))
        .collect();
    json!({ "run_id": run, "metrics": metrics, "params": params, "tags": tags })
}

/// Makes sure that a run in an answer is the one with this number; servers add tags of their own.
fn expect_content(run: &Value, number: usize) -> Result<()> {
    let data = &run["data"];
    let expected = content("", number);
    for kind in ["metrics", "params", "tags"] {
        let found = data[kind].as_array().map_or(&[][..], Vec::as_slice);
        let wanted = expected[kind].as_array().map_or(&[][..], Vec::as_slice);
        ensure!(kind == "tags" || found.len() == wanted.len(), "{} {kind}", found.len());
        for item in wanted {
            let is_there = found
                .iter()
                .any(|it| it["key"] == item["key"] && same_value(&it["value"], &item["value"]));
            ensure!(is_there, "{item} is missing in {kind}");
        }
    }
    Ok(())
}

/// A number may come back without its fraction.
fn same_value(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right).is_eq(),
        _ => left == right,
    }
}

/// A point of a metric.
pub(super) fn point(key: &str, seed: usize, step: usize) -> Value {
    let value = to_f64((seed as u64 * 7919 + step as u64) % 1009) / 1009.0;
    json!({ "key": key, "value": value, "timestamp": EPOCH + step, "step": step })
}

/// The name of a metric.
pub(super) fn metric(index: usize) -> String {
    format!("metric_{index}")
}

/// The metric with this index of a run: another one for each run, between 0 and 1.
fn value(number: usize, index: usize) -> f64 {
    to_f64(((number * 7 + index * 13) % RUNS) as u64) / to_f64(RUNS as u64)
}

/// The param with this index of a run: three runs in four share it.
fn param(number: usize, index: usize) -> &'static str {
    if (number + index) % 4 == 3 { "rare" } else { "usual" }
}

/// What metrics have to be above: little enough for [`RESULTS`] and more.
fn threshold(search: usize) -> f64 {
    to_f64(search as u64) / to_f64(RUNS as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_search_has_enough_to_find() {
        for search in 0..SEARCHES {
            let found = (0..RUNS).filter(|number| {
                value(*number, 0) > threshold(search) && param(*number, 0) == "usual"
            });
            assert!(found.count() > RESULTS);
        }
    }

    #[test]
    fn a_run_is_known_by_its_content() {
        let run = |number| json!({ "data": content("", number) });
        expect_content(&run(3), 3).unwrap();
        assert!(expect_content(&run(3), 4).is_err());
        let mut short = run(3);
        short["data"]["params"] = json!([]);
        assert!(expect_content(&short, 3).is_err());
    }
}
