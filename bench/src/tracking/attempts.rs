//! What is asked of peers that may not be able to do it, within bounds of time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::time::timeout;

use super::calls::{Call, Load};
use super::contenders::{Contender, Server};
use super::outcome::Outcome;
use crate::report::{Measure, Results};

/// The most that one workload of a peer may take, with all that it has to be given before.
pub(super) const WORKLOAD_LIMIT: Duration = Duration::from_mins(8);
/// The most that one line of a table may take a peer.
pub(super) const LINE_LIMIT: Duration = Duration::from_mins(3);

/// Does some work, of which `line` is the first in the tables. What a peer fails to do, or not within the `limit`, leaves its place
/// empty, with the reason; the answer is then nothing. mlferry must do everything, however long it takes.
pub(super) async fn attempt<T>(
    contender: Contender,
    line: &'static Measure,
    limit: Duration,
    results: &mut Results,
    work: impl AsyncFnOnce(&mut Results) -> Result<T>,
) -> Result<Option<T>> {
    if !contender.may_fail() {
        return work(results).await.with_context(|| format!("{} failed", line.name)).map(Some);
    }
    let done = timeout(limit, work(results)).await;
    let done = done.with_context(|| format!("not done within {} s", limit.as_secs())).flatten();
    match done {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let reason = format!("{error:#}");
            eprintln!("    {}: {} could not be measured: {reason}", contender.name(), line.name);
            results.notes.give_up(line, contender.name(), &reason);
            Ok(None)
        }
    }
}

/// Makes one call again and again through one connection for `time`; the figure is the median in milliseconds.
pub(super) async fn repeat(
    server: &Server,
    line: &'static Measure,
    call: Call,
    check: impl Fn(&Value) -> Result<()>,
    time: Duration,
    results: &mut Results,
) -> Result<()> {
    let target = server.target();
    let work = async |results: &mut Results| {
        let load = Load::reads(target, vec![call], |_, answer| check(answer)).await?;
        let outcome = Arc::new(load).run(target, 1, 0, time).await?;
        count(server, line, &outcome, results)?;
        results.add(line, server.contender.name(), outcome.percentile(50));
        Ok(())
    };
    attempt(server.contender, line, LINE_LIMIT, results, work).await.map(Option::unwrap_or_default)
}

/// Notes beside a line how many calls failed. Without any that was answered well, there is no figure.
pub(super) fn count(
    server: &Server,
    line: &'static Measure,
    outcome: &Outcome,
    results: &mut Results,
) -> Result<()> {
    outcome.expect_some()?;
    let name = server.contender.name();
    results.notes.count(line, name, outcome.calls(), outcome.failures().told());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use anyhow::bail;

    use super::*;
    use crate::report::Better;

    static LINE: Measure = Measure { name: "search", unit: "ms", better: Better::Lower, goal: "" };
    const LIMIT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn what_a_peer_cannot_do_is_noted_with_the_reason() {
        let mut results = Results::default();
        let peer = Contender::Reference;
        let failing = async |_: &mut Results| -> Result<()> { bail!("the pool is full") };
        assert_eq!(attempt(peer, &LINE, LIMIT, &mut results, failing).await.unwrap(), None);
        let hanging = async |_: &mut Results| -> Result<()> { pending().await };
        assert_eq!(attempt(peer, &LINE, LIMIT, &mut results, hanging).await.unwrap(), None);
        let text = results.notes.to_markdown(&[&LINE]);
        assert!(text.contains("the pool is full") && text.contains("not done within"), "{text}");
        let able = async |_: &mut Results| Ok(7);
        assert_eq!(attempt(peer, &LINE, LIMIT, &mut results, able).await.unwrap(), Some(7));
    }

    #[tokio::test]
    async fn what_mlferry_cannot_do_ends_the_run() {
        let mut results = Results::default();
        let failing = async |_: &mut Results| -> Result<()> { bail!("a wrong answer") };
        let done = attempt(Contender::Mlferry, &LINE, LIMIT, &mut results, failing).await;
        assert!(format!("{:#}", done.unwrap_err()).contains("search failed: a wrong answer"));
        assert!(!results.notes.has_any(&LINE));
    }
}
