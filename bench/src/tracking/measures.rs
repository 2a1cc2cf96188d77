//! The lines of the tracking tables, and what one has to know to read them.

use super::contenders::Product;
use crate::report::{Better, Measure};

/// The lines that one kind of call fills.
#[derive(Debug)]
pub(super) struct Lines {
    on_sqlite: Measure,
    on_postgresql: Measure,
    pub(super) median: Measure,
    pub(super) p99: Measure,
    pub(super) cpu: Measure,
    pub(super) memory: Measure,
}

impl Lines {
    /// Calls a second; the goal depends on the database.
    pub(super) const fn rate(&self, product: Product) -> &Measure {
        match product {
            Product::Sqlite => &self.on_sqlite,
            Product::Postgresql => &self.on_postgresql,
        }
    }

    /// What a call costs.
    const fn costs(&self) -> [&Measure; 4] {
        [&self.median, &self.p99, &self.cpu, &self.memory]
    }
}

macro_rules! lines {
    ($name:literal, $sqlite:literal, $postgresql:literal) => {
        Lines {
            on_sqlite: rate($name, $sqlite),
            on_postgresql: rate($name, $postgresql),
            median: cost(concat!($name, ": median"), "ms"),
            p99: cost(concat!($name, ": 99th percentile"), "ms"),
            cpu: cost(concat!($name, ": processor time of a call"), "µs"),
            memory: cost(concat!($name, ": memory afterwards"), "MB"),
        }
    };
}

pub(super) static LOG_METRIC: Lines = lines!(
    "runs/log-metric",
    "100× the reference, 8× FastTrackML",
    "100× the reference, 10× FastTrackML"
);
pub(super) static LOG_BATCH: Lines = lines!(
    "runs/log-batch of 100 metrics",
    "30× the reference, 7× FastTrackML",
    "20× the reference, 3× FastTrackML"
);
pub(super) static GET: Lines =
    lines!("runs/get", "200× the reference, 10× FastTrackML", "100× the reference, 3× FastTrackML");
pub(super) static SEARCH: Lines = lines!(
    "runs/search, 100 results",
    "40× the reference, 7× FastTrackML",
    "50× the reference, 2.5× FastTrackML"
);

/// All kinds of calls, in the order of the tables.
static CALLS: [&Lines; 4] = [&LOG_METRIC, &LOG_BATCH, &GET, &SEARCH];

pub(super) static START: Measure = Measure {
    name: "start until the first answer",
    unit: "ms",
    better: Better::Lower,
    goal: "under 300 ms",
};
pub(super) static IDLE_MEMORY: Measure =
    Measure { name: "memory, idle (RSS)", unit: "MB", better: Better::Lower, goal: "under 25 MB" };
pub(super) static PROCESSES: Measure =
    Measure { name: "processes", unit: "", better: Better::Lower, goal: "1" };

/// The lines of the first table.
pub(super) fn speeds(product: Product) -> Vec<&'static Measure> {
    let rates = CALLS.iter().map(|lines| lines.rate(product));
    rates.chain([&START, &IDLE_MEMORY, &PROCESSES]).collect()
}

/// The lines of the second table.
pub(super) fn costs() -> Vec<&'static Measure> {
    CALLS.iter().flat_map(|lines| lines.costs()).collect()
}

const fn rate(name: &'static str, goal: &'static str) -> Measure {
    Measure { name, unit: "calls/s", better: Better::Higher, goal }
}

const fn cost(name: &'static str, unit: &'static str) -> Measure {
    Measure { name, unit, better: Better::Lower, goal: "" }
}

/// What one has to know to read the tables.
pub(super) const NOTES: &str = "\
- Calls come through 16 connections that stay open, each with its next call as soon as the last is answered, for 10 s a
  workload (5 s to the others) after a warm-up. Their bodies are made before. A client of one thread, on the same machine; its
  ceiling is what it reaches with the bodies of `runs/log-metric` and nginx, which answers `{}`.
- 200 runs with 10 metrics, 10 params and 5 tags each are read: `runs/get` one after another; `runs/search` with a condition on a
  metric and one on a param, ordered by another metric, 100 results. Before the clock runs, every answer is read and compared with
  what was written; while it runs, an answer must have status 200 and the same length.
- mlferry must answer every call well, or there are no tables. Calls to the others that fail (another status than 200, a wrong answer,
  no connection, nothing within 60 s) are counted below the table; rates and percentiles are of the calls that were answered well.
  What they can't do at all, or not within 3 minutes a line and 8 minutes a workload, is “–”.
- 200 other runs are written to. A batch holds one step of 100 metrics. No point is sent twice; afterwards the
  histories are read, and have as many points as were acknowledged. Of a peer that has failed in between, or has other points, it is only told,
  since nobody knows whether a call that failed has written something.
- Every turn starts a server on an empty database of its own. All servers run with their default settings, the reference with its four
  workers. PostgreSQL has its default settings, too: each commit is flushed. SQLite is as each server opens it: mlferry flushes every
  commit (`synchronous=FULL`). On PostgreSQL, `ANALYZE` follows the making of the 200 runs, as autovacuum would do it within a minute.
- Much data: runs with 20 metrics, 20 params and 2 tags each, in three experiments of one database, and then one metric with a
  million points; all written by SQL, the same for all servers, and followed by `ANALYZE` on both databases, since one that is a day old has
  statistics. In the first round only. Calls go one after another through one connection; the figure is the median of two seconds. Pages hold 100 runs, and which runs in which order is compared. FastTrackML knows no pages of
  a history, gives all of it at once, and has no `get-history-bulk-interval`.
- 20,000 runs, 50,000 traces, 5,000 versions: 400 metric values a run, 4 spans a trace, 10 versions a model and as many prompts as models,
  also written by SQL and followed by `ANALYZE`, except for what comes by OTLP (`/v1/traces` in JSON, one export after the other). In
  the first round only.
- FastTrackML's suite: what FastTrackML publishes figures of, by 20 users, each with a connection and its next call as soon as the
  last is answered, for 5 s a call, on a database of its own; mlferry in every round, the others in the first only. Every batch is one
  step of 10, 100 or 500 metrics that no other batch has.
- Mixed load, on a database of its own: of 100 calls, 50 are `runs/log-metric`, 10 `runs/log-batch` of 100 metrics, 15 `runs/get`, 10
  `metrics/get-history` of 1,000 points, 5 `runs/search` as above, 5 `runs/create` and 5 `runs/update`. With
  16 connections it goes as fast as it can for the time that is told above, and the most is the rate of the 30 s after that, once
  histories have grown; four fifths of it are then kept for as long, all in the first round only. Each
  call is due at a certain time, whether others are answered or not, and its latency counts from then on; the load generator wakes up
  to a millisecond late, which counts too. Errors are calls that failed, or were not made within 30 s after the last was due.
- The stock client: `mlflow.log_metric` in a loop, with `synchronous=False` and a flush at its end, and `MlflowClient.log_batch`
  with 100 metrics a call: 10,000 metrics each way to mlferry in every round, 2,000 to the others in the first. Timed by the client,
  without its start; it shares the machine with the server.
- Processor time and memory are summed over all processes of a server; with PostgreSQL, processor time includes the
  database's, which SQLite spends within the server. Memory is the resident set (RSS). 1 MB is 10⁶ bytes.
";
