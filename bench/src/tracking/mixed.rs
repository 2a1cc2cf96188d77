//! A mixed load: what trainings and people do at the same time, first as fast as it goes, and then at four fifths of that, for
//! as long as it takes to see whether anything grows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::calls::{Api, Call, Load, Outcome, expect, is_empty, is_run};
use super::requests::{
    BATCH, CONNECTIONS, EPOCH, RUNS, Requests, create_run, log_batch, log_metric, metric,
};
use crate::process;
use crate::report::{Better, Measure, Results};
use crate::units::{megabytes, to_f64};

/// How long the most is looked for.
pub(super) const FULL: Duration = Duration::from_secs(10);
/// A sixteenth.
pub(super) const QUICK: Duration = Duration::from_millis(625);

/// The share of the most at which the load is kept.
const SHARE: f64 = 0.8;
/// Connections of the load that is kept: enough for none to wait for another while the server keeps up.
const KEPT_CONNECTIONS: usize = 64;
/// Calls that were not made so long after the last was due are errors.
const GRACE: Duration = Duration::from_secs(30);
/// Runs whose history is read, and points of each.
const HISTORIES: usize = 20;
const POINTS: usize = 1_000;

static MOST: Measure =
    Measure { name: "mixed load, the most", unit: "calls/s", better: Better::Higher, goal: "" };
static MEDIAN: Measure = line("… at 80% of it: median", "ms", "");
static P99: Measure = line("… at 80% of it: 99th percentile", "ms", "under 50 ms on SQLite");
static ERRORS: Measure = line("… errors", "calls", "none");
static MEMORY: [Measure; 3] = [
    line("… memory at the start (RSS)", "MB", ""),
    line("… memory in the middle (RSS)", "MB", "as at the start"),
    line("… memory at the end (RSS)", "MB", "as at the start"),
];

const fn line(name: &'static str, unit: &'static str, goal: &'static str) -> Measure {
    Measure { name, unit, better: Better::Lower, goal }
}

/// The lines of the table.
pub(super) fn lines() -> Vec<&'static Measure> {
    [&MOST, &MEDIAN, &P99, &ERRORS].into_iter().chain(&MEMORY).collect()
}

/// Looks for the most for `search`, and keeps four fifths of it for `keep`.
pub(super) async fn measure(
    requests: &Requests<'_>,
    search: Duration,
    keep: Duration,
    results: &mut Results,
) -> Result<()> {
    let server = requests.server;
    let (name, address) = (server.contender.name(), server.running.address);
    let mix = Arc::new(Mix::prepare(requests).await?);
    let most = mix.run(address, CONNECTIONS, Pace::new(0, search, None)).await?;
    let rate = most.outcome.rate();
    results.add(&MOST, name, rate);

    let memory = || process::memory(server.running.id()).map(|memory| megabytes(memory.rss));
    results.add(&MEMORY[0], name, memory()?);
    let pace = Pace::new(most.calls(), keep, Some(rate * SHARE));
    let middle = async {
        sleep(keep / 2).await;
        memory()
    };
    let kept = mix.run(address, KEPT_CONNECTIONS, pace);
    let (kept, middle) = tokio::try_join!(kept, middle)?;
    results.add(&MEMORY[1], name, middle);
    results.add(&MEMORY[2], name, memory()?);
    results.add(&MEDIAN, name, kept.outcome.percentile(50));
    results.add(&P99, name, kept.outcome.percentile(99));
    let errors = most.errors + kept.errors;
    results.add(&ERRORS, name, to_f64(errors as u64));
    // Nobody knows whether a call that failed has written something.
    if errors == 0 {
        let calls = most.calls() + kept.calls();
        requests.expect_points("loss", mix.count(Kind::LogMetric, calls)).await?;
        requests.expect_points(&metric(BATCH - 1), mix.count(Kind::LogBatch, calls)).await?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    LogMetric,
    LogBatch,
    Get,
    History,
    Search,
    Create,
    Update,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::LogMetric,
        Self::LogBatch,
        Self::Get,
        Self::History,
        Self::Search,
        Self::Create,
        Self::Update,
    ];

    /// How many of a hundred calls are of this kind.
    const fn weight(self) -> usize {
        match self {
            Self::LogMetric => 50,
            Self::LogBatch | Self::History => 10,
            Self::Get => 15,
            Self::Search | Self::Create | Self::Update => 5,
        }
    }
}

/// The kinds of a hundred calls, each as evenly spread as can be, and how many of its kind came before.
fn pattern() -> Vec<(Kind, usize)> {
    let mut places = Vec::new();
    for kind in Kind::ALL {
        let weight = kind.weight();
        // In the middle of as many equal parts, in units that leave no remainder.
        places.extend((0..weight).map(|rank| ((2 * rank + 1) * 3_000 / weight, kind, rank)));
    }
    places.sort_by_key(|(place, ..)| *place);
    places.into_iter().map(|(_, kind, rank)| (kind, rank)).collect()
}

/// All calls, of which each has a number.
#[derive(Debug)]
struct Mix {
    pattern: Vec<(Kind, usize)>,
    /// The experiment and the runs that are written to.
    experiment: String,
    runs: Vec<String>,
    get: Load,
    search: Load,
    history: Load,
}

impl Mix {
    async fn prepare(requests: &Requests<'_>) -> Result<Self> {
        let address = requests.server.running.address;
        let mut api = Api::open(address).await?;
        let mut runs = Vec::with_capacity(HISTORIES);
        for number in 0..HISTORIES {
            runs.push(create_run(&mut api, &requests.written_to, number).await?);
        }
        Ok(Self {
            pattern: pattern(),
            experiment: requests.written_to.clone(),
            runs: requests.written.clone(),
            get: requests.get().await?,
            search: requests.search().await?,
            history: requests.histories(&runs, POINTS).await?,
        })
    }

    /// The kind of the call with this number, and its number among those of its kind.
    fn kind(&self, number: usize) -> (Kind, usize) {
        let (kind, rank) = self.pattern[number % self.pattern.len()];
        (kind, number / self.pattern.len() * kind.weight() + rank)
    }

    /// How many of so many calls are of this kind.
    fn count(&self, kind: Kind, calls: usize) -> usize {
        let begun = &self.pattern[..calls % self.pattern.len()];
        let begun = begun.iter().filter(|(other, _)| *other == kind).count();
        calls / self.pattern.len() * kind.weight() + begun
    }

    fn call(&self, number: usize) -> Option<Call> {
        let (kind, number) = self.kind(number);
        let (run, step) = (&self.runs[number % RUNS], number / RUNS);
        match kind {
            Kind::LogMetric => Some(log_metric(run, step)),
            Kind::LogBatch => Some(log_batch(run, 0..BATCH, step)),
            Kind::Get => self.get.call(number).cloned(),
            Kind::History => self.history.call(number).cloned(),
            Kind::Search => self.search.call(number).cloned(),
            Kind::Create => {
                let document =
                    json!({ "experiment_id": self.experiment, "start_time": EPOCH + number });
                Some(Call::post("runs/create", &document))
            }
            Kind::Update => {
                let end = EPOCH + number;
                let document = json!({ "run_id": run, "status": "FINISHED", "end_time": end });
                Some(Call::post("runs/update", &document))
            }
        }
    }

    fn check(&self, number: usize, answer: &Bytes) -> Result<()> {
        let (kind, number) = self.kind(number);
        match kind {
            Kind::LogMetric | Kind::LogBatch => expect(is_empty(answer), answer),
            Kind::Get => self.get.check(number, answer),
            Kind::History => self.history.check(number, answer),
            Kind::Search => self.search.check(number, answer),
            Kind::Create | Kind::Update => expect(is_run(answer), answer),
        }
    }

    async fn run(
        self: &Arc<Self>,
        address: SocketAddr,
        connections: usize,
        pace: Pace,
    ) -> Result<Done> {
        let opened = Api::open_many(address, connections).await?;
        let pace = Arc::new(pace.start());
        let mut workers = JoinSet::new();
        for connection in opened {
            workers.spawn(Arc::clone(self).work(connection, address, Arc::clone(&pace)));
        }
        let (mut latencies, mut errors) = (Vec::new(), 0);
        for worker in workers.join_all().await {
            let (more, failed) = worker?;
            latencies.extend(more);
            errors += failed;
        }
        Ok(Done { outcome: Outcome::new(latencies, pace.begin.elapsed()), errors })
    }

    /// Makes calls until none is due. A wrong answer ends everything, a failure only counts.
    async fn work(
        self: Arc<Self>,
        mut connection: Api,
        address: SocketAddr,
        pace: Arc<Pace>,
    ) -> Result<(Vec<Duration>, usize)> {
        let (mut latencies, mut errors) = (Vec::new(), 0);
        while let Some((number, due)) = pace.next() {
            if pace.is_too_late() {
                errors += 1;
                continue;
            }
            sleep_until(due.into()).await;
            let Some(call) = self.call(number) else { break };
            match connection.ask_plain(&call).await {
                Ok(answer) => {
                    latencies.push(due.elapsed());
                    self.check(number, &answer)?;
                }
                Err(error) => {
                    if errors == 0 {
                        eprintln!("a call failed: {error:#}");
                    }
                    errors += 1;
                    connection = Api::open(address).await?;
                }
            }
        }
        Ok((latencies, errors))
    }
}

/// What came of a load.
#[derive(Debug)]
struct Done {
    outcome: Outcome,
    errors: usize,
}

impl Done {
    /// How many calls there were.
    const fn calls(&self) -> usize {
        self.outcome.count() + self.errors
    }
}

/// Which call is made when.
#[derive(Debug)]
struct Pace {
    first: usize,
    next: AtomicUsize,
    begin: Instant,
    time: Duration,
    /// Calls a second; absent, each is due when the one before is answered.
    rate: Option<f64>,
}

impl Pace {
    fn new(first: usize, time: Duration, rate: Option<f64>) -> Self {
        Self { first, next: AtomicUsize::new(first), begin: Instant::now(), time, rate }
    }

    /// Begins now.
    fn start(self) -> Self {
        Self { begin: Instant::now(), ..self }
    }

    /// The next call, and when it is due, however late it is; nothing when the time is over.
    fn next(&self) -> Option<(usize, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let since_begin = match self.rate {
            Some(rate) => Duration::from_secs_f64(to_f64((number - self.first) as u64) / rate),
            None => self.begin.elapsed(),
        };
        (since_begin < self.time).then(|| (number, self.begin + since_begin))
    }

    fn is_too_late(&self) -> bool {
        self.begin.elapsed() > self.time + GRACE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_calls_have_all_kinds_evenly() {
        let pattern = pattern();
        assert_eq!(pattern.len(), 100);
        for kind in Kind::ALL {
            let ranks = |part: &[(Kind, usize)]| -> Vec<usize> {
                part.iter().filter(|(other, _)| *other == kind).map(|(_, rank)| *rank).collect()
            };
            assert_eq!(ranks(&pattern), (0..kind.weight()).collect::<Vec<_>>());
            assert!(ranks(&pattern[..50]).len().abs_diff(kind.weight() / 2) <= 1, "{kind:?}");
        }
    }

    #[test]
    fn calls_are_due_at_equal_distances_until_the_time_is_over() {
        let pace = Pace::new(7, Duration::from_secs(1), Some(4.0));
        for quarter in 0..4 {
            let due = pace.begin + Duration::from_millis(250) * quarter;
            assert_eq!(pace.next(), Some((7 + quarter as usize, due)));
        }
        assert_eq!(pace.next(), None);
    }
}
