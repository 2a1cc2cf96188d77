//! Calls of the API: one at a time with its answer, or many at once against the clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::http::{Client, Payload, read};
use crate::units::{milliseconds, per_second};

/// The API's path, which all servers have.
const PREFIX: &str = "/api/2.0/mlflow/";

/// One call, made before the clock runs.
#[derive(Debug, Clone)]
pub(super) struct Call {
    target: String,
    /// A GET has none.
    body: Option<Bytes>,
}

impl Call {
    /// A GET of a path with its query, such as `runs/get?run_id=…`; one that begins with `/` is whole.
    pub(super) fn get(path: &str) -> Self {
        Self { target: target(path), body: None }
    }

    /// A POST of a document.
    pub(super) fn post(path: &str, document: &Value) -> Self {
        Self { target: target(path), body: Some(document.to_string().into()) }
    }
}

fn target(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{PREFIX}{path}") }
}

/// A connection that takes the time to read answers.
#[derive(Debug)]
pub(super) struct Api(Client);

impl Api {
    /// Connects.
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self(Client::open(address).await?))
    }

    /// Connects so many times.
    pub(super) async fn open_many(address: SocketAddr, connections: usize) -> Result<Vec<Self>> {
        let mut opened = Vec::with_capacity(connections);
        for _ in 0..connections {
            opened.push(Self::open(address).await?);
        }
        Ok(opened)
    }

    /// Connects, to send a header with each call.
    pub(super) async fn open_with(
        address: SocketAddr,
        header: &'static str,
        value: &str,
    ) -> Result<Self> {
        Ok(Self(Client::open(address).await?.with_header(header, value)?))
    }

    /// Makes a call whose answer is of no interest, as long as its status is 200.
    pub(super) async fn send(&mut self, call: &Call) -> Result<()> {
        self.ask_plain(call).await.map(drop)
    }

    /// Makes a call and returns its answer; any status but 200 is an error.
    pub(super) async fn ask(&mut self, call: &Call) -> Result<Value> {
        let answer = self.ask_plain(call).await?;
        serde_json::from_slice(&answer).with_context(|| format!("{} gave no JSON", call.target))
    }

    /// GET of a path with its query.
    pub(super) async fn get(&mut self, path: &str) -> Result<Value> {
        self.ask(&Call::get(path)).await
    }

    /// POST of a document.
    pub(super) async fn post(&mut self, path: &str, document: &Value) -> Result<Value> {
        self.ask(&Call::post(path, document)).await
    }

    /// Makes a call and returns its answer as it came; any status but 200 is an error.
    pub(super) async fn ask_plain(&mut self, call: &Call) -> Result<Bytes> {
        let (method, payload) = match &call.body {
            Some(body) => (Method::POST, Payload::Json(body.clone())),
            None => (Method::GET, Payload::Empty),
        };
        let response = self.0.send(method, &call.target, payload).await?;
        let status = response.status();
        let answer = read(response.into_body()).await.with_context(|| call.target.clone())?;
        ensure!(
            status == StatusCode::OK,
            "{} was answered {status}: {}",
            call.target,
            String::from_utf8_lossy(&answer)
        );
        Ok(answer)
    }
}

/// What many calls are to do.
#[derive(Debug)]
pub(super) struct Load {
    calls: Vec<Call>,
    answers: Answers,
}

/// What a good answer is, told without the time that reading JSON would take from the servers.
#[derive(Debug)]
enum Answers {
    /// An empty object; each call is made once.
    Empty,
    /// A run; each call is made once, too.
    Runs,
    /// As many bytes as the answer had that was read before; the calls are made in turn.
    Lengths(Vec<usize>),
}

impl Load {
    /// Calls that write, each made at most once.
    pub(super) const fn writes(calls: Vec<Call>) -> Self {
        Self { calls, answers: Answers::Empty }
    }

    /// Calls that create runs, each made at most once.
    pub(super) const fn creations(calls: Vec<Call>) -> Self {
        Self { calls, answers: Answers::Runs }
    }

    /// Calls that read, repeated as long as the time allows. Makes each once, and lets `check` read its answer.
    pub(super) async fn reads(
        address: SocketAddr,
        calls: Vec<Call>,
        check: impl Fn(usize, &Value) -> Result<()>,
    ) -> Result<Self> {
        let mut api = Api::open(address).await?;
        let mut lengths = Vec::with_capacity(calls.len());
        for (number, call) in calls.iter().enumerate() {
            let answer = api.ask_plain(call).await?;
            check(number, &serde_json::from_slice(&answer)?)
                .with_context(|| format!("{} gave a wrong answer", call.target))?;
            lengths.push(answer.len());
        }
        Ok(Self { calls, answers: Answers::Lengths(lengths) })
    }

    /// The call with this number, unless there is none any more.
    pub(super) fn call(&self, number: usize) -> Option<&Call> {
        match &self.answers {
            Answers::Empty | Answers::Runs => self.calls.get(number),
            Answers::Lengths(_) => self.calls.get(number % self.calls.len()),
        }
    }

    /// Makes sure that this is the answer to the call with this number.
    pub(super) fn check(&self, number: usize, answer: &Bytes) -> Result<()> {
        match &self.answers {
            Answers::Empty => expect(is_empty(answer), answer),
            Answers::Runs => expect(is_run(answer), answer),
            Answers::Lengths(lengths) => {
                expect(answer.len() == lengths[number % lengths.len()], answer)
            }
        }
    }

    /// Makes calls on so many `connections` at once for `time`, from the one with the number `first` on.
    pub(super) async fn run(
        self: &Arc<Self>,
        address: SocketAddr,
        connections: usize,
        first: usize,
        time: Duration,
    ) -> Result<Outcome> {
        let opened = Api::open_many(address, connections).await?;
        let next = Arc::new(AtomicUsize::new(first));
        let begin = Instant::now();
        let mut workers = JoinSet::new();
        for connection in opened {
            workers.spawn(Arc::clone(self).work(connection, Arc::clone(&next), begin + time));
        }
        let mut latencies = Vec::new();
        for worker in workers.join_all().await {
            latencies.extend(worker?);
        }
        Ok(Outcome::new(latencies, begin.elapsed()))
    }

    async fn work(
        self: Arc<Self>,
        mut connection: Api,
        next: Arc<AtomicUsize>,
        end: Instant,
    ) -> Result<Vec<Duration>> {
        let mut latencies = Vec::new();
        loop {
            let begin = Instant::now();
            if begin >= end {
                return Ok(latencies);
            }
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(call) = self.call(number) else { return Ok(latencies) };
            let answer = connection.ask_plain(call).await?;
            latencies.push(begin.elapsed());
            self.check(number, &answer)?;
        }
    }
}

/// Whether an answer says no more than that it was done.
pub(super) fn is_empty(answer: &[u8]) -> bool {
    answer.trim_ascii() == b"{}"
}

/// Whether an answer tells of a run.
pub(super) fn is_run(answer: &[u8]) -> bool {
    answer.windows(RUN_ID.len()).any(|part| part == RUN_ID)
}

/// The name under which a run's id is told.
const RUN_ID: &[u8] = b"\"run_id\"";

/// Fails with the answer unless it is good.
pub(super) fn expect(is_good: bool, answer: &[u8]) -> Result<()> {
    ensure!(is_good, "a wrong answer: {}", String::from_utf8_lossy(answer));
    Ok(())
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Of each call, the shortest first.
    latencies: Vec<Duration>,
    elapsed: Duration,
}

impl Outcome {
    /// What came of calls that took so long each.
    pub(super) fn new(mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        latencies.sort();
        Self { latencies, elapsed }
    }

    /// Number of calls.
    pub(super) const fn count(&self) -> usize {
        self.latencies.len()
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_latencies_that_were_seen() {
        let latencies = (1..=200).map(Duration::from_millis).collect();
        let outcome = Outcome { latencies, elapsed: Duration::from_secs(4) };
        assert!((outcome.percentile(50) - 100.0).abs() < 1e-9);
        assert!((outcome.percentile(99) - 198.0).abs() < 1e-9);
        assert!((outcome.rate() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn writes_end_and_reads_go_round() {
        let calls = vec![Call::get("a"), Call::get("b")];
        let reads = Load { calls: calls.clone(), answers: Answers::Lengths(vec![1, 2]) };
        assert!(reads.call(3).is_some_and(|call| call.target.ends_with("/b")));
        assert!(reads.check(3, &Bytes::from_static(b"12")).is_ok());
        assert!(reads.check(2, &Bytes::from_static(b"12")).is_err());
        let writes = Load::writes(calls);
        assert!(writes.call(2).is_none());
        assert!(writes.check(0, &Bytes::from_static(b"{}\n")).is_ok());
        assert!(writes.check(0, &Bytes::from_static(b"{\"a\":1}")).is_err());
        let run = Bytes::from_static(b"{\"run\": {\"info\": {\"run_id\": \"1\"}}}");
        let creations = Load::creations(vec![Call::get("a")]);
        assert!(creations.check(0, &run).is_ok());
        assert!(creations.check(0, &Bytes::from_static(b"{}")).is_err());
    }
}
