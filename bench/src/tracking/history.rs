//! The history of one metric with a million points.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::attempts::{LINE_LIMIT, attempt, repeat};
use super::calls::{Api, Call};
use super::contenders::{Contender, Server};
use super::seeds;
use crate::process;
use crate::report::{Better, Measure, Results};
use crate::units::{megabytes, milliseconds};

/// Points of the history.
pub(super) const FULL: usize = 1_000_000;
/// A sixteenth.
pub(super) const QUICK: usize = 62_500;

/// Points of a page.
const PAGE: usize = 25_000;
/// Points that a chart asks for: the most that the reference gives.
const CHART: usize = 2_500;

static PAGES: Measure = line("1,000,000 points in pages of 25,000", "ms", "20× the reference");
static PEAK: Measure = line("… memory, peak meanwhile (RSS)", "MB", "");
static INTERVAL: Measure = line("get-history-bulk-interval of 1,000,000", "ms", "under 100 ms");

/// The lines of the table.
pub(super) fn lines() -> Vec<&'static Measure> {
    vec![&PAGES, &PEAK, &INTERVAL]
}

const fn line(name: &'static str, unit: &'static str, goal: &'static str) -> Measure {
    Measure { name, unit, better: Better::Lower, goal }
}

/// Writes the history, and reads all of it and what a chart shows of it.
pub(super) async fn measure(
    server: &Server,
    points: usize,
    time: Duration,
    results: &mut Results,
) -> Result<()> {
    let mut api = Api::open(server.target()).await?;
    let name = server.contender.name();
    let answer = api.post("experiments/create", &json!({ "name": "history" })).await?;
    let document = json!({ "experiment_id": answer["experiment_id"], "start_time": 1 });
    let answer = api.post("runs/create", &document).await?;
    let run = answer["run"]["info"]["run_id"].as_str().unwrap_or_default();
    seeds::history(&server.database, server.contender, run, points).await?;

    let read = async |results: &mut Results| {
        process::reset_peaks(server.running.id())?;
        let begin = Instant::now();
        let count = read_all(&mut api, run).await?;
        let elapsed = begin.elapsed();
        ensure!(count == points, "{count} of {points} points were read");
        results.add(&PAGES, name, milliseconds(elapsed));
        results.add(&PEAK, name, megabytes(process::peak_memory(server.running.id())?));
        Ok(())
    };
    attempt(server.contender, &PAGES, LINE_LIMIT, results, read).await?;

    // FastTrackML has no such call.
    if server.contender != Contender::FastTrackMl {
        let call = Call::get(&format!(
            "metrics/get-history-bulk-interval?run_ids={run}&metric_key=loss&max_results={CHART}"
        ));
        let check = |answer: &Value| expect_chart(answer, points);
        repeat(server, &INTERVAL, call, check, time, results).await?;
    }
    Ok(())
}

/// Pages through the history. Who knows no pages gives all at once.
async fn read_all(api: &mut Api, run: &str) -> Result<usize> {
    let first = format!("metrics/get-history?run_id={run}&metric_key=loss&max_results={PAGE}");
    let mut path = first.clone();
    let mut count = 0;
    loop {
        let answer = api.get(&path).await?;
        count += points_of(&answer).len();
        match answer["next_page_token"].as_str() {
            Some(token) if !token.is_empty() => {
                // The tokens are base64, of which `=` and `+` mean something else in a query.
                let token = token.replace('+', "%2B").replace('=', "%3D");
                path = format!("{first}&page_token={token}");
            }
            _ => return Ok(count),
        }
    }
}

/// Makes sure that the points of a chart go from the first to the last of the history.
fn expect_chart(answer: &Value, points: usize) -> Result<()> {
    let found = points_of(answer);
    let steps = |point: Option<&Value>| point.and_then(|point| point["step"].as_u64());
    let ends = (steps(found.first()), steps(found.last()));
    ensure!(
        found.len() > CHART / 2 && ends == (Some(0), Some(points as u64 - 1)),
        "{} points between {ends:?} were given",
        found.len()
    );
    Ok(())
}

fn points_of(answer: &Value) -> &[Value] {
    answer["metrics"].as_array().map_or(&[], Vec::as_slice)
}
