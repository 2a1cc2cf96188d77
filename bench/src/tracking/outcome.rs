//! What comes of calls: how long each took, and how many failed.

use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail};
use bytes::Bytes;
use tokio::time::sleep;

use super::calls::{Api, Call};
use crate::units::{milliseconds, per_second};

/// Before another call to a server that closed the connection or gave no answer: one that is down would be asked in a loop.
const PAUSE: Duration = Duration::from_millis(100);

/// Calls that failed.
#[derive(Debug, Default)]
pub(super) struct Failures {
    count: usize,
    /// Why the first did.
    first: Option<String>,
}

impl Failures {
    /// Counts a failure.
    pub(super) fn add(&mut self, error: &Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| format!("{error:#}"));
    }

    /// Counts those of `other`, too.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.take().or(other.first);
    }

    /// How many there were.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// How many there were, and why the first was one.
    pub(super) fn told(&self) -> (usize, Option<&str>) {
        (self.count, self.first.as_deref())
    }
}

/// What comes of the calls of one connection.
#[derive(Debug)]
pub(super) struct Tally {
    latencies: Vec<Duration>,
    /// When the last good answer came.
    last: Option<Instant>,
    failures: Failures,
}

impl Tally {
    /// Before the first call.
    pub(super) fn new() -> Self {
        Self { latencies: Vec::new(), last: None, failures: Failures::default() }
    }

    /// Makes a call, and keeps how long after it was `due` its answer came, if `check` is content with it. A failure is counted, and
    /// is an error only where the server may not fail.
    pub(super) async fn make(
        &mut self,
        api: &mut Api,
        call: &Call,
        due: Instant,
        check: impl FnOnce(&Bytes) -> Result<()>,
    ) -> Result<()> {
        let answer = api.ask_plain(call).await;
        let now = Instant::now();
        match answer.and_then(|answer| check(&answer)) {
            Ok(()) => {
                self.latencies.push(now - due);
                self.last = Some(now);
                Ok(())
            }
            Err(error) if api.may_fail() => {
                self.failures.add(&error);
                if api.is_broken() {
                    sleep(PAUSE).await;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Counts a call that was not made.
    pub(super) fn leave_out(&mut self, error: &Error) {
        self.failures.add(error);
    }

    /// What came of calls one after the other, without what was done between them.
    pub(super) fn finish(self) -> Outcome {
        let elapsed = self.latencies.iter().sum();
        Outcome::new(self.latencies, elapsed, self.failures)
    }

    /// All of them together, of calls that began at `begin` and were made for `time`, unless there were no more.
    pub(super) fn sum(tallies: Vec<Self>, begin: Instant, time: Duration) -> Outcome {
        // A call that fails late, when no more are made, says nothing of the rate of the others.
        let mut elapsed = begin.elapsed().min(time);
        let (mut latencies, mut failures) = (Vec::new(), Failures::default());
        for tally in tallies {
            elapsed = elapsed.max(tally.last.map_or(Duration::ZERO, |last| last - begin));
            latencies.extend(tally.latencies);
            failures.merge(tally.failures);
        }
        Outcome::new(latencies, elapsed, failures)
    }
}

/// What came of it. Rates and percentiles are of the calls that were answered well.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Of each call, the shortest first.
    latencies: Vec<Duration>,
    elapsed: Duration,
    failures: Failures,
}

impl Outcome {
    /// What came of calls that took so long each, and of those that failed.
    pub(super) fn new(mut latencies: Vec<Duration>, elapsed: Duration, failures: Failures) -> Self {
        latencies.sort();
        Self { latencies, elapsed, failures }
    }

    /// Number of calls that were answered well.
    pub(super) const fn count(&self) -> usize {
        self.latencies.len()
    }

    /// Number of calls, whatever came of them.
    pub(super) const fn calls(&self) -> usize {
        self.count() + self.failures.count()
    }

    /// Those that were not answered well.
    pub(super) const fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Fails unless there is something to make figures of.
    pub(super) fn expect_some(&self) -> Result<()> {
        if self.count() > 0 {
            return Ok(());
        }
        let (failed, first) = self.failures.told();
        bail!("none of {failed} calls was answered well: {}", first.unwrap_or("none was made"));
    }

    /// Calls a second.
    pub(super) fn rate(&self) -> f64 {
        per_second(self.count(), self.elapsed)
    }

    /// The time, in milliseconds, within which so many in a hundred calls were answered.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let index = (self.count() * percent).div_ceil(100).saturating_sub(1);
        self.latencies.get(index).copied().map_or(f64::NAN, milliseconds)
    }

    /// How long it took until the last good answer.
    pub(super) const fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_latencies_that_were_seen() {
        let latencies = (1..=200).map(Duration::from_millis).collect();
        let outcome = Outcome::new(latencies, Duration::from_secs(4), Failures::default());
        assert!((outcome.percentile(50) - 100.0).abs() < 1e-9);
        assert!((outcome.percentile(99) - 198.0).abs() < 1e-9);
        assert!((outcome.rate() - 50.0).abs() < 1e-9);
        assert!(outcome.expect_some().is_ok());
    }

    #[test]
    fn a_call_that_fails_late_does_not_slow_the_others() {
        let begin = Instant::now().checked_sub(Duration::from_secs(40)).unwrap();
        let mut one = Tally::new();
        one.latencies = vec![Duration::from_secs(1); 20];
        one.last = Some(begin + Duration::from_secs(10));
        let mut other = Tally::new();
        other.leave_out(&Error::msg("no answer"));
        let outcome = Tally::sum(vec![one, other], begin, Duration::from_secs(8));
        assert_eq!(outcome.elapsed, Duration::from_secs(10));
        assert_eq!((outcome.count(), outcome.calls()), (20, 21));
        assert_eq!(outcome.failures().told(), (1, Some("no answer")));
    }

    #[test]
    fn nothing_but_failures_is_no_figure() {
        let mut tally = Tally::new();
        tally.leave_out(&Error::msg("too late"));
        tally.leave_out(&Error::msg("much too late"));
        let outcome = Tally::sum(vec![tally], Instant::now(), Duration::from_secs(1));
        let error = outcome.expect_some().unwrap_err().to_string();
        assert_eq!(error, "none of 2 calls was answered well: too late");
    }
}
