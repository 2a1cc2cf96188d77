//! Whether what was sent to the runs of a server is there afterwards.

use anyhow::{Context, Result, bail};

use super::calls::Api;
use super::outcome::Outcome;
use super::requests::{CONNECTIONS, RUNS, Requests};
use crate::report::{Measure, Results};

impl Requests<'_> {
    /// Makes sure that what was acknowledged is there. Nobody knows whether a call that failed has written something: then it is
    /// only told beside `line`, and so is what a peer has lost.
    pub(super) async fn expect_points(
        &self,
        line: &'static Measure,
        metric: &str,
        sent: Sent,
        results: &mut Results,
    ) -> Result<()> {
        let points = self.points(metric, sent.calls).await;
        let is_told = sent.failed > 0 || self.server.contender.may_fail();
        let told = match points.and_then(|points| compare(&points, sent.failed)) {
            Err(error) if is_told => format!("{error:#}"),
            done => return done.with_context(|| metric.to_owned()),
        };
        eprintln!("    {}: {}: {told}", self.server.contender.name(), line.name);
        results.notes.say(line, self.server.contender.name(), told);
        Ok(())
    }

    /// How many points some of the runs have, and how many were sent to each: the calls went to one run after another.
    async fn points(&self, metric: &str, calls: usize) -> Result<Vec<(usize, usize)>> {
        let mut api = Api::open(self.server.target()).await?;
        let mut points = Vec::with_capacity(CONNECTIONS);
        for number in (0..RUNS).step_by(RUNS / CONNECTIONS) {
            let run = &self.written[number];
            let path = format!("metrics/get-history?run_id={run}&metric_key={metric}");
            let answer = api.get(&path).await.context("what was kept could not be read")?;
            let found = answer["metrics"].as_array().map_or(0, Vec::len);
            points.push((found, (calls + RUNS - 1 - number) / RUNS));
        }
        Ok(points)
    }
}

/// Calls that have written, or may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    calls: usize,
    failed: usize,
}

impl Sent {
    /// So many calls, of which some failed.
    pub(super) const fn new(calls: usize, failed: usize) -> Self {
        Self { calls, failed }
    }

    /// All calls of both.
    pub(super) fn of(outcomes: [&Outcome; 2]) -> Self {
        let sum = |number: fn(&Outcome) -> usize| outcomes.into_iter().map(number).sum();
        Self::new(sum(Outcome::calls), sum(|outcome| outcome.failures().count()))
    }
}

/// Fails unless all runs have the points that were sent to them.
fn compare(points: &[(usize, usize)], failed: usize) -> Result<()> {
    if points.iter().all(|(found, sent)| found == sent) {
        return Ok(());
    }
    let found: usize = points.iter().map(|(found, _)| found).sum();
    let sent: usize = points.iter().map(|(_, sent)| sent).sum();
    let what = if failed == 0 { "acknowledged" } else { "sent" };
    bail!("{found} points are there of {sent} that were {what} to {} runs", points.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_are_missing_or_too_many_are_found() {
        assert!(compare(&[(3, 3), (2, 2)], 0).is_ok());
        let lost = compare(&[(3, 3), (1, 2)], 0).unwrap_err().to_string();
        assert_eq!(lost, "4 points are there of 5 that were acknowledged to 2 runs");
        let unknown = compare(&[(4, 3), (1, 2)], 1).unwrap_err().to_string();
        assert_eq!(unknown, "5 points are there of 5 that were sent to 2 runs");
    }
}
