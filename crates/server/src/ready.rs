//! Whether this server can do its work: its database and its artifact destination answer.

use mlferry_artifacts::Service;
use mlferry_store::Store;
use serde::Serialize;
use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long a part may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How long the answer of the database counts, so that many probes cost as little as one.
const DATABASE_COUNTS: Duration = Duration::from_secs(1);
/// The same for the destination: asking an object store costs money.
const ARTIFACTS_COUNT: Duration = Duration::from_secs(5);
/// How long it counts that a part does not answer, so that its recovery is soon seen.
const FAILURE_COUNTS: Duration = Duration::from_secs(1);
/// What errors tell clients, and is no use here.
const ADVICE: &str = " Please try again.";

/// What a server needs to be ready. Cheap to clone; all clones ask once.
#[derive(Debug, Clone)]
pub(crate) struct Readiness(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    store: Option<Store>,
    service: Option<Service>,
    database: Check,
    artifacts: Check,
}

/// What is told: the parts that this server's mode has.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifacts: Option<State>,
}

#[derive(Debug, Serialize)]
struct State {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Readiness {
    pub(crate) fn new(store: Option<Store>, service: Option<Service>) -> Self {
        Self(Arc::new(Parts {
            store,
            service,
            database: Check::new("database", DATABASE_COUNTS),
            artifacts: Check::new("artifact destination", ARTIFACTS_COUNT),
        }))
    }

    /// Asks all parts.
    pub(crate) async fn report(&self) -> Report {
        let Parts { store, service, database, artifacts } = &*self.0;
        let database = async {
            let store = store.as_ref()?;
            Some(database.answer(async || store.probe().await.map_err(reason_of)).await)
        };
        let artifacts = async {
            let service = service.as_ref()?;
            Some(artifacts.answer(async || service.probe().await.map_err(reason_of)).await)
        };
        let (database, artifacts) = tokio::join!(database, artifacts);
        let is_ready = [&database, &artifacts].iter().all(|part| !matches!(part, Some(Err(_))));
        Report {
            status: if is_ready { "ready" } else { "not ready" },
            database: database.map(State::of),
            artifacts: artifacts.map(State::of),
        }
    }
}

impl Report {
    pub(crate) fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

impl State {
    fn of(answer: Answer) -> Self {
        match answer {
            Ok(()) => Self { status: "ok", reason: None },
            Err(reason) => Self { status: "failed", reason: Some(reason) },
        }
    }
}

type Answer = Result<(), String>;

#[expect(clippy::needless_pass_by_value, reason = "to map errors with")]
fn reason_of(error: impl ToString) -> String {
    let text = error.to_string();
    text.strip_suffix(ADVICE).unwrap_or(&text).to_owned()
}

/// A part that is asked at most once at a time.
#[derive(Debug)]
struct Check {
    name: &'static str,
    counts: Duration,
    last: Mutex<Option<(Instant, Answer)>>,
}

impl Check {
    fn new(name: &'static str, counts: Duration) -> Self {
        Self { name, counts, last: Mutex::default() }
    }

    /// The last answer, or a new one where that was too long ago.
    async fn answer<F: Future<Output = Answer>>(&self, ask: impl FnOnce() -> F) -> Answer {
        let mut last = self.last.lock().await;
        if let Some((when, answer)) = &*last {
            let counts = if answer.is_ok() { self.counts } else { FAILURE_COUNTS };
            if when.elapsed() < counts {
                return answer.clone();
            }
        }
        let asked = tokio::time::timeout(ANSWER_TIME, ask()).await;
        let answer = asked
            .unwrap_or_else(|_| Err(format!("no answer within {} seconds", ANSWER_TIME.as_secs())));
        let was_ok = last.as_ref().is_none_or(|(_, answer)| answer.is_ok());
        match &answer {
            Err(reason) if was_ok => {
                tracing::warn!(reason, "not ready: the {} does not answer", self.name);
            }
            Ok(()) if !was_ok => tracing::info!("the {} answers again", self.name),
            _ => {}
        }
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn an_answer_counts_for_a_while() {
        let check = Check::new("part", Duration::from_hours(1));
        let asked = Cell::new(0);
        for _ in 0..3 {
            let ask = async || {
                asked.set(asked.get() + 1);
                Ok(())
            };
            assert_eq!(check.answer(ask).await, Ok(()));
        }
        assert_eq!(asked.get(), 1);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_it_to_the_next() {
        let check = Check::new("part", Duration::from_hours(1));
        let never = check.answer(std::future::pending);
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        assert_eq!(check.answer(async || Ok(())).await, Ok(()));
    }

    #[test]
    fn advice_for_clients_is_left_out() {
        let reason = reason_of("The database is not available. Please try again.");
        assert_eq!(reason, "The database is not available.");
    }
}
