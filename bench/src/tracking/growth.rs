//! Searches of experiments with a thousand, ten thousand and a hundred thousand runs in one database.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::attempts::repeat;
use super::calls::{Api, Call};
use super::contenders::Server;
use super::seeds::{self, VALUES, metric, param, run_id};
use crate::report::{Better, Measure, Results};

/// Runs of each experiment, and how the ids of its runs begin.
pub(super) const FULL: [usize; 3] = [1_000, 10_000, 100_000];
/// A sixteenth.
pub(super) const QUICK: [usize; 3] = [62, 625, 6_250];
const PREFIXES: [&str; 3] = ["a1", "a2", "a3"];

/// Results of a page.
const PAGE: usize = 100;

/// Something that people ask about their runs.
#[derive(Debug)]
struct Question {
    lines: [Measure; 3],
    filter: &'static str,
    /// Whether a run is wanted.
    wants: fn(usize) -> bool,
    /// The metric that it is ordered by, the largest first; otherwise the newest come first.
    order: Option<usize>,
    /// Whether the page in the middle is asked for, rather than the first.
    is_deep: bool,
}

macro_rules! lines {
    ($name:literal, $goal:literal) => {
        [
            line(concat!("1,000 runs: ", $name), ""),
            line(concat!("10,000 runs: ", $name), ""),
            line(concat!("100,000 runs: ", $name), $goal),
        ]
    };
}

const fn line(name: &'static str, goal: &'static str) -> Measure {
    Measure { name, unit: "ms", better: Better::Lower, goal }
}

static QUESTIONS: [Question; 8] = [
    Question {
        lines: lines!("the newest", "20× the reference"),
        filter: "",
        wants: |_| true,
        order: None,
        is_deep: false,
    },
    Question {
        lines: lines!("the newest, page in the middle", "20× the reference"),
        filter: "",
        wants: |_| true,
        order: None,
        is_deep: true,
    },
    Question {
        lines: lines!("metric and param, newest first", "under 30 ms"),
        filter: "metrics.metric_0 > 0.5 and params.param_0 = 'value_1'",
        wants: |number| metric(number, 0) > 0.5 && param(number, 0) == 1,
        order: None,
        is_deep: false,
    },
    Question {
        lines: lines!("metric and param, by metric", "under 30 ms"),
        filter: "metrics.metric_0 > 0.5 and params.param_0 = 'value_1'",
        wants: |number| metric(number, 0) > 0.5 && param(number, 0) == 1,
        order: Some(1),
        is_deep: false,
    },
    Question {
        lines: lines!("by metric, page in the middle", "20× the reference"),
        filter: "",
        wants: |_| true,
        order: Some(2),
        is_deep: true,
    },
    Question {
        lines: lines!("two params", "20× the reference"),
        filter: "params.param_3 = 'value_1' and params.param_4 = 'value_2'",
        wants: |number| param(number, 3) == 1 && param(number, 4) == 2,
        order: None,
        is_deep: false,
    },
    Question {
        lines: lines!("tag and status", "20× the reference"),
        filter: "tags.model = 'model_1' and attributes.status = 'FINISHED'",
        wants: |number| number % 5 == 1 && !number.is_multiple_of(3),
        order: None,
        is_deep: false,
    },
    Question {
        lines: lines!("end of a name", "20× the reference"),
        filter: "attributes.run_name LIKE '%77'",
        wants: |number| number % 100 == 77,
        order: None,
        is_deep: false,
    },
];

/// The lines of the table.
pub(super) fn lines() -> Vec<&'static Measure> {
    (0..FULL.len()).flat_map(|size| QUESTIONS.iter().map(move |it| &it.lines[size])).collect()
}

/// Fills the database and asks all questions, one after another on one connection, each for `time`.
pub(super) async fn measure(
    server: &Server,
    sizes: [usize; 3],
    time: Duration,
    results: &mut Results,
) -> Result<()> {
    let mut api = Api::open(server.target()).await?;
    let mut experiments = Vec::with_capacity(sizes.len());
    for (count, prefix) in sizes.into_iter().zip(PREFIXES) {
        let document = json!({ "name": format!("{count} runs") });
        let answer = api.post("experiments/create", &document).await?;
        let experiment = answer["experiment_id"].as_str().unwrap_or_default().to_owned();
        seeds::runs(&server.database, server.contender, (&experiment, prefix), count, 1).await?;
        experiments.push(experiment);
    }
    for question in &QUESTIONS {
        for (index, experiment) in experiments.iter().enumerate() {
            let (count, prefix) = (sizes[index], PREFIXES[index]);
            let call = question.call(experiment, count);
            let check = |answer: &Value| question.check(answer, count, prefix);
            repeat(server, &question.lines[index], call, check, time, results).await?;
        }
    }
    Ok(())
}

impl Question {
    /// How many runs come before the page.
    const fn offset(&self, count: usize) -> usize {
        if self.is_deep { count / 2 } else { 0 }
    }

    fn call(&self, experiment: &str, count: usize) -> Call {
        let mut document = json!({ "experiment_ids": [experiment], "max_results": PAGE });
        if !self.filter.is_empty() {
            document["filter"] = self.filter.into();
        }
        if let Some(index) = self.order {
            document["order_by"] = json!([format!("metrics.metric_{index} DESC")]);
        }
        if self.is_deep {
            document["page_token"] = seeds::page_token(self.offset(count)).into();
        }
        Call::post("runs/search", &document)
    }

    fn check(&self, answer: &Value, count: usize, prefix: &str) -> Result<()> {
        let mut expected: Vec<usize> =
            (0..count).rev().filter(|number| (self.wants)(*number)).collect();
        if let Some(index) = self.order {
            expected.sort_by(|one, two| metric(*two, index).total_cmp(&metric(*one, index)));
        }
        let expected = expected.into_iter().skip(self.offset(count)).take(PAGE);
        let expected: Vec<String> = expected.map(|number| run_id(prefix, number)).collect();
        let runs = answer["runs"].as_array().map_or(&[][..], Vec::as_slice);
        let found: Vec<&str> =
            runs.iter().map(|run| run["info"]["run_id"].as_str().unwrap_or_default()).collect();
        ensure!(found == expected, "other runs, or in another order: {found:?}, not {expected:?}");
        for run in runs {
            for kind in ["metrics", "params"] {
                let values = run["data"][kind].as_array().map_or(0, Vec::len);
                ensure!(values == VALUES, "a run has {values} {kind}");
            }
        }
        Ok(())
    }
}
