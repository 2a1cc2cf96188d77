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
use tokio::time::timeout;

use super::outcome::{Outcome, Tally};
use crate::http::{Client, Payload, read};

/// The API's path, which all servers have.
const PREFIX: &str = "/api/2.0/mlflow/";

/// A call that takes longer has failed.
const CALL_LIMIT: Duration = Duration::from_mins(1);

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

/// Whom calls go to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// Whether a call that fails is only counted; otherwise it is an error.
    pub(super) may_fail: bool,
    /// Who makes the calls, where somebody has to.
    pub(super) authorization: Option<&'static str>,
}

/// A connection that takes the time to read answers.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    may_fail: bool,
    /// Whether the last call got no answer, after which a new connection is needed.
    is_broken: bool,
}

impl Api {
    /// Connects.
    pub(super) async fn open(target: Target) -> Result<Self> {
        let mut client = Client::open(target.address).await?;
        if let Some(authorization) = target.authorization {
            client = client.with_header("authorization", authorization)?;
        }
        Ok(Self { client, may_fail: target.may_fail, is_broken: false })
    }

    /// Connects so many times.
    pub(super) async fn open_many(target: Target, connections: usize) -> Result<Vec<Self>> {
        let mut opened = Vec::with_capacity(connections);
        for _ in 0..connections {
            opened.push(Self::open(target).await?);
        }
        Ok(opened)
    }

    /// Connects, to send a header with each call.
    pub(super) async fn open_with(
        target: Target,
        header: &'static str,
        value: &str,
    ) -> Result<Self> {
        let opened = Self::open(target).await?;
        Ok(Self { client: opened.client.with_header(header, value)?, ..opened })
    }

    /// Whether a call that fails is only counted.
    pub(super) const fn may_fail(&self) -> bool {
        self.may_fail
    }

    /// Whether the last call got no answer.
    pub(super) const fn is_broken(&self) -> bool {
        self.is_broken
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

    /// Makes a call and returns its answer as it came; any status but 200 is an error, and so is none within a minute.
    pub(super) async fn ask_plain(&mut self, call: &Call) -> Result<Bytes> {
        if self.is_broken {
            self.client.reconnect().await?;
        }
        // Until there is an answer; also if this is given up on the way.
        self.is_broken = true;
        let answered = timeout(CALL_LIMIT, self.exchange(call)).await;
        let limit = CALL_LIMIT.as_secs();
        let (status, answer) = answered
            .with_context(|| format!("no answer within {limit} s"))
            .flatten()
            .with_context(|| call.target.clone())?;
        self.is_broken = false;
        ensure!(
            status == StatusCode::OK,
            "{} was answered {status}: {}",
            call.target,
            String::from_utf8_lossy(&answer)
        );
        Ok(answer)
    }

    async fn exchange(&mut self, call: &Call) -> Result<(StatusCode, Bytes)> {
        let (method, payload) = match &call.body {
            Some(body) => (Method::POST, Payload::Json(body.clone())),
            None => (Method::GET, Payload::Empty),
        };
        let response = self.client.send(method, &call.target, payload).await?;
        let status = response.status();
        Ok((status, read(response.into_body()).await?))
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
        target: Target,
        calls: Vec<Call>,
        check: impl Fn(usize, &Value) -> Result<()>,
    ) -> Result<Self> {
        let mut api = Api::open(target).await?;
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
        target: Target,
        connections: usize,
        first: usize,
        time: Duration,
    ) -> Result<Outcome> {
        let opened = Api::open_many(target, connections).await?;
        let next = Arc::new(AtomicUsize::new(first));
        let begin = Instant::now();
        let mut workers = JoinSet::new();
        for connection in opened {
            workers.spawn(Arc::clone(self).work(connection, Arc::clone(&next), begin + time));
        }
        let tallies: Result<Vec<Tally>> = workers.join_all().await.into_iter().collect();
        Ok(Tally::sum(tallies?, begin, time))
    }

    async fn work(
        self: Arc<Self>,
        mut connection: Api,
        next: Arc<AtomicUsize>,
        end: Instant,
    ) -> Result<Tally> {
        let mut tally = Tally::new();
        loop {
            let begin = Instant::now();
            if begin >= end {
                return Ok(tally);
            }
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(call) = self.call(number) else { return Ok(tally) };
            let check = |answer: &Bytes| self.check(number, answer);
            tally.make(&mut connection, call, begin, check).await?;
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

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

    /// A server that answers one call well, the next with 400, and closes the connection on the third, over and over.
    async fn flaky_server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let calls = Arc::clone(&calls);
                tokio::spawn(async move {
                    let mut buffer = [0; 1_024];
                    while stream.read(&mut buffer).await.is_ok_and(|size| size > 0) {
                        let head = match calls.fetch_add(1, Ordering::Relaxed) % 3 {
                            0 => "200 OK",
                            1 => "400 Bad Request",
                            _ => return,
                        };
                        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 2\r\n\r\n{{}}");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn failures_of_peers_are_counted_and_all_others_are_errors() {
        let load = Arc::new(Load::writes(vec![Call::get("a"); 9]));
        let target = Target { address: flaky_server().await, may_fail: true, authorization: None };
        let time = Duration::from_mins(1);
        let outcome = load.run(target, 1, 0, time).await.unwrap();
        assert_eq!((outcome.count(), outcome.calls()), (3, 9));
        let (failed, first) = outcome.failures().told();
        assert_eq!(failed, 6);
        assert!(
            first.is_some_and(|it| it.contains("a was answered 400 Bad Request: {}")),
            "{first:?}"
        );
        let strict = Target { may_fail: false, ..target };
        let error = load.run(strict, 1, 0, time).await.unwrap_err();
        assert!(error.to_string().contains("400"), "{error:#}");
    }
}
