//! The calls that FastTrackML publishes figures of: 20 users who create runs, log metrics one by one and in batches of 10, 100
//! and 500, log params, search, and read histories.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::attempts::{LINE_LIMIT, attempt, count};
use super::calls::{Call, Load};
use super::kept::Sent;
use super::requests::{EPOCH, RESULTS, RUNS, Requests, log_batch, log_metric, metric};
use crate::disk;
use crate::report::{Better, Measure, Results};

/// Those who call at the same time, each with a connection.
const USERS: usize = 20;
/// Points of a history that is read.
const POINTS: usize = 100;

/// How long each call is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    time: Duration,
    warm_up: Duration,
    /// Calls that write a metric, a param or a run; larger ones are fewer.
    calls: usize,
}

impl Sizes {
    /// Enough for 30,000 calls a second.
    pub(super) const FULL: Self =
        Self { time: Duration::from_secs(5), warm_up: Duration::from_millis(500), calls: 165_000 };
    /// A sixteenth.
    pub(super) const QUICK: Self = Self {
        time: Duration::from_millis(312),
        warm_up: Duration::from_millis(50),
        calls: 10_000,
    };
}

/// One kind of call.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Create,
    Metric,
    /// Of so many metrics.
    Batch(usize),
    Param,
    Search,
    History,
}

static CALLS: [(Kind, [Measure; 2]); 8] = [
    (Kind::Create, both("20 users: runs/create", "… 99th percentile of runs/create")),
    (Kind::Metric, both("20 users: runs/log-metric", "… 99th percentile of runs/log-metric")),
    (Kind::Batch(10), both("20 users: runs/log-batch of 10", "… 99th percentile of batches of 10")),
    (
        Kind::Batch(100),
        both("20 users: runs/log-batch of 100", "… 99th percentile of batches of 100"),
    ),
    (
        Kind::Batch(500),
        both("20 users: runs/log-batch of 500", "… 99th percentile of batches of 500"),
    ),
    (Kind::Param, both("20 users: runs/log-parameter", "… 99th percentile of runs/log-parameter")),
    (Kind::Search, both("20 users: runs/search, 100 results", "… 99th percentile of runs/search")),
    (
        Kind::History,
        both(
            "20 users: metrics/get-history, 100 points",
            "… 99th percentile of metrics/get-history",
        ),
    ),
];

const fn both(rate: &'static str, p99: &'static str) -> [Measure; 2] {
    [
        Measure { name: rate, unit: "calls/s", better: Better::Higher, goal: "" },
        Measure { name: p99, unit: "ms", better: Better::Lower, goal: "" },
    ]
}

/// The lines of the table.
pub(super) fn lines() -> Vec<&'static Measure> {
    CALLS.iter().flat_map(|(_, lines)| lines).collect()
}

/// Makes each kind of call for a while.
pub(super) async fn measure(
    requests: &Requests<'_>,
    sizes: Sizes,
    results: &mut Results,
) -> Result<()> {
    let server = requests.server;
    let name = server.contender.name();
    for (kind, [rate, p99]) in &CALLS {
        disk::sync();
        let work = async |results: &mut Results| {
            let load = Arc::new(kind.load(requests, sizes.calls).await?);
            let warm_up = load.run(server.target(), USERS, 0, sizes.warm_up).await?;
            let first = warm_up.calls();
            let outcome = load.run(server.target(), USERS, first, sizes.time).await?;
            count(server, rate, &outcome, results)?;
            results.add(rate, name, outcome.rate());
            results.add(p99, name, outcome.percentile(99));
            let sent = Sent::of([&warm_up, &outcome]);
            match kind {
                Kind::Metric => requests.expect_points(rate, "loss", sent, results).await,
                Kind::Batch(size) => {
                    let key = metric(keys(*size).start);
                    requests.expect_points(rate, &key, sent, results).await
                }
                Kind::Create | Kind::Param | Kind::Search | Kind::History => Ok(()),
            }
        };
        attempt(server.contender, rate, LINE_LIMIT, results, work).await?;
    }
    Ok(())
}

impl Kind {
    /// The calls, of which those that write are as many as hardly any server answers in the time.
    async fn load(self, requests: &Requests<'_>, calls: usize) -> Result<Load> {
        let run = |number: usize| &requests.written[number % RUNS];
        Ok(match self {
            Self::Create => {
                let experiment = &requests.written_to;
                let call = |number| {
                    let start = EPOCH + number;
                    Call::post(
                        "runs/create",
                        &json!({ "experiment_id": experiment, "start_time": start }),
                    )
                };
                Load::creations((0..calls).map(call).collect())
            }
            Self::Metric => Load::writes(
                (0..calls).map(|number| log_metric(run(number), number / RUNS)).collect(),
            ),
            Self::Batch(size) => {
                let call = |number| log_batch(run(number), keys(size), number / RUNS);
                Load::writes((0..calls * 2 / (size + 4)).map(call).collect())
            }
            Self::Param => {
                let call = |number: usize| {
                    let (run, key) = (run(number), format!("param_{}", number / RUNS));
                    Call::post(
                        "runs/log-parameter",
                        &json!({ "run_id": run, "key": key, "value": "usual" }),
                    )
                };
                Load::writes((0..calls).map(call).collect())
            }
            Self::Search => search(requests).await?,
            Self::History => requests.histories(&requests.read[..USERS], POINTS).await?,
        })
    }
}

/// The metrics of a batch of this size, which no other has.
fn keys(size: usize) -> Range<usize> {
    size * 1_000..size * 1_001
}

/// The newest runs.
async fn search(requests: &Requests<'_>) -> Result<Load> {
    let document = json!({ "experiment_ids": [&requests.experiment], "max_results": RESULTS });
    let check = |_, answer: &Value| {
        let runs = answer["runs"].as_array().map_or(&[][..], Vec::as_slice);
        let found = runs.iter().map(|run| run["info"]["run_id"].as_str().unwrap_or_default());
        let expected = requests.read.iter().rev().take(RESULTS).map(String::as_str);
        ensure!(found.eq(expected), "other runs, or in another order");
        Ok(())
    };
    let calls = vec![Call::post("runs/search", &document)];
    Load::reads(requests.server.target(), calls, check).await
}
