//! A training loop with the stock Python client: what its user waits for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::calls::Api;
use super::contenders::Server;
use crate::options::program;
use crate::report::{Better, Measure, Results};
use crate::servers::{Variables, output_of};
use crate::units::to_f64;

/// Metrics that are logged in each way.
pub(super) const FULL: usize = 10_000;
/// A sixteenth.
pub(super) const QUICK: usize = 625;
/// Peers log this part of them: all would take the reference ten minutes, at the same rate.
pub(super) const PEERS_PART: usize = 5;

const SCRIPT: &str = include_str!("../../scripts/training_loop.py");

/// The ways of the script and their lines.
static WAYS: [(&str, Measure); 3] = [
    ("synchronous", line("log_metric in a loop")),
    ("asynchronous", line("log_metric in a loop, asynchronous")),
    ("batches", line("log_batch of 100 metrics in a loop")),
];

const fn line(name: &'static str) -> Measure {
    Measure { name, unit: "metrics/s", better: Better::Higher, goal: "" }
}

/// The lines of the table.
pub(super) fn lines() -> Vec<&'static Measure> {
    WAYS.iter().map(|(_, line)| line).collect()
}

/// The stock client.
#[derive(Debug)]
pub(super) struct Client {
    python: PathBuf,
    script: PathBuf,
    /// What it says about its version.
    pub(super) version: String,
}

impl Client {
    /// The client of this Python; the script goes to `dir`.
    pub(super) fn find(python: &Path, dir: &Path) -> Result<Self> {
        let python = program(python)?;
        let ask = "import mlflow; print('mlflow', mlflow.__version__)";
        let version = output_of(Command::new(&python).args(["-c", ask]))
            .context("there is no Python with mlflow; leave `training` out with --workload")?;
        let script = dir.join("training_loop.py");
        fs::write(&script, SCRIPT)?;
        Ok(Self { python, script, version })
    }

    /// Logs in all ways, and makes sure that everything is there.
    pub(super) async fn measure(
        &self,
        server: &Server,
        count: usize,
        results: &mut Results,
    ) -> Result<()> {
        let answer = self.train(server, count).await?;
        let mut api = Api::open(server.target()).await?;
        for (way, line) in &WAYS {
            let seconds = answer[way]["seconds"].as_f64().context("the client told no time")?;
            let run = answer[way]["run"].as_str().context("the client told no run")?;
            let path = format!("metrics/get-history?run_id={run}&metric_key=loss");
            let points = api.get(&path).await?["metrics"].as_array().map_or(0, Vec::len);
            ensure!(points == count, "{way}: {points} of {count} points were kept");
            results.add(line, server.contender.name(), to_f64(count as u64) / seconds);
        }
        Ok(())
    }

    async fn train(&self, server: &Server, count: usize) -> Result<Value> {
        let mut variables = Variables::default();
        variables.hide("MLFLOW_");
        variables.set("MLFLOW_DISABLE_TELEMETRY", "true");
        let mut command = Command::new(&self.python);
        variables.give_to(&mut command);
        let mut command = tokio::process::Command::from(command);
        command.arg(&self.script).arg(format!("http://{}", server.running.address));
        let output = command.arg(count.to_string()).kill_on_drop(true).output().await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the client ended with {}: {errors}", output.status);
        // Before that, the client tells where to look at its runs.
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
    }
}
