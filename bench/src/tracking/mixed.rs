//! A mixed load: what trainings and people do at the same time, first as fast as it goes, and then at four fifths of that, each for
//! as long as it takes to see whether anything grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::attempts::count;
use super::calls::{Api, Call, Load, Target, expect, is_empty, is_run};
use super::kept::Sent;
use super::outcome::{Outcome, Tally};
use super::requests::{
    BATCH, CONNECTIONS, EPOCH, RUNS, Requests, create_run, log_batch, log_metric, metric,
};
use crate::process;
use crate::report::{Better, Measure, Results};
use crate::units::{megabytes, to_f64};

/// How long the most is looked for.
pub(super) const FULL: Duration = Duration::from_secs(30);
/// A sixteenth.
pub(super) const QUICK: Duration = Duration::from_millis(1_875);

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

/// Makes calls as fast as it goes for `keep`, finds the most in the time `search` after that, and then keeps four fifths of it for `keep`
/// again.
///
/// The most is what lasts: a batch of many metrics touches a page of an index for each, once histories are longer than a page,
/// and a young database, where they share pages, takes about half as many calls again.
pub(super) async fn measure(
    requests: &Requests<'_>,
    search: Duration,
    keep: Duration,
    results: &mut Results,
) -> Result<()> {
    let server = requests.server;
    let (name, target) = (server.contender.name(), server.target());
    let mix = Arc::new(Mix::prepare(requests).await?);
    let grown = mix.run(target, CONNECTIONS, Pace::new(0, keep, None)).await?;
    let most = mix.run(target, CONNECTIONS, Pace::new(grown.calls(), search, None)).await?;
    count(server, &MOST, &grown, results).context("before it")?;
    count(server, &MOST, &most, results)?;
    let rate = most.rate();
    results.add(&MOST, name, rate);

    let memory = || process::memory(server.running.id()).map(|memory| megabytes(memory.rss));
    results.add(&MEMORY[0], name, memory()?);
    let calls = grown.calls() + most.calls();
    let pace = Pace::new(calls, keep, Some(rate * SHARE));
    let middle = async {
        sleep(keep / 2).await;
        memory()
    };
    let kept = mix.run(target, KEPT_CONNECTIONS, pace);
    let (kept, middle) = tokio::try_join!(kept, middle)?;
    results.add(&MEMORY[1], name, middle);
    results.add(&MEMORY[2], name, memory()?);
    let failed: usize =
        [&grown, &most, &kept].map(|outcome| outcome.failures().count()).iter().sum();
    results.add(&ERRORS, name, to_f64(failed as u64));
    count(server, &MEDIAN, &kept, results).context("at 80%")?;
    results.add(&MEDIAN, name, kept.percentile(50));
    results.add(&P99, name, kept.percentile(99));

    let calls = calls + kept.calls();
    for (kind, key) in [(Kind::LogMetric, "loss"), (Kind::LogBatch, &metric(BATCH - 1))] {
        let sent = Sent::new(mix.count(kind, calls), failed);
        requests.expect_points(&MOST, key, sent, results).await?;
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
        let mut api = Api::open(requests.server.target()).await?;
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
        target: Target,
        connections: usize,
        pace: Pace,
    ) -> Result<Outcome> {
        let opened = Api::open_many(target, connections).await?;
        let pace = Arc::new(pace.start());
        let mut workers = JoinSet::new();
        for connection in opened {
            workers.spawn(Arc::clone(self).work(connection, Arc::clone(&pace)));
        }
        let tallies: Result<Vec<Tally>> = workers.join_all().await.into_iter().collect();
        Ok(Tally::sum(tallies?, pace.begin, pace.time))
    }

    /// Makes calls until none is due.
    async fn work(self: Arc<Self>, mut connection: Api, pace: Arc<Pace>) -> Result<Tally> {
        let mut tally = Tally::new();
        while let Some((number, due)) = pace.next() {
            if pace.is_too_late() {
                let limit = GRACE.as_secs();
                tally.leave_out(&anyhow!("not made within {limit} s after the last was due"));
                continue;
            }
            sleep_until(due.into()).await;
            let Some(call) = self.call(number) else { break };
            let check = |answer: &Bytes| self.check(number, answer);
            tally.make(&mut connection, &call, due, check).await?;
        }
        Ok(tally)
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
