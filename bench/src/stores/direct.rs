//! The turn of a client that goes to the store itself: what a server could reach at best.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::measures::{LARGE_DOWNLOAD, LARGE_UPLOAD, WAYS};
use super::sources::{Files, Sources};
use super::{Turn, garage};
use crate::disk;
use crate::options::program;
use crate::report::Results;
use crate::servers::output_of;
use crate::units::{per_second, rate};

/// What boto3 is driven by.
const SCRIPT: &str = include_str!("../../scripts/boto3_transfers.py");

/// A client that was found on this machine.
#[derive(Debug)]
pub(super) enum Tool {
    /// boto3, in a script that times itself.
    Boto3 { python: PathBuf, script: PathBuf, version: String },
    /// `mlferry artifacts cp`.
    Cp { mlferry: PathBuf },
}

impl Tool {
    /// boto3 of this Python; its script goes to `dir`.
    pub(super) fn boto3(python: &Path, dir: &Path) -> Result<Self> {
        let python = program(python)?;
        let ask = "import boto3; print(boto3.__version__)";
        let version = output_of(Command::new(&python).args(["-c", ask]))
            .context("there is no Python with boto3; leave it out with --only")?;
        let script = dir.join("boto3_transfers.py");
        fs::write(&script, SCRIPT)?;
        Ok(Self::Boto3 { python, script, version })
    }

    /// The subcommand of this executable.
    pub(super) fn cp(mlferry: &Path) -> Result<Self> {
        let mlferry = program(mlferry)?;
        output_of(Command::new(&mlferry).args(["artifacts", "cp", "--help"]))
            .context("this mlferry has no `artifacts cp`; leave it out with --only")?;
        Ok(Self::Cp { mlferry })
    }

    /// Its version, where that is not mlferry's.
    pub(super) fn version(&self) -> Option<&str> {
        match self {
            Self::Boto3 { version, .. } => Some(version),
            Self::Cp { .. } => None,
        }
    }
}

/// Measures the client.
pub(super) async fn take(
    tool: &Tool,
    name: &'static str,
    sources: &Sources,
    turn: Turn<'_>,
    results: &mut Results,
) -> Result<()> {
    let client = Client { tool, turn };
    let files = Files::warm_up();
    client.upload(&files, &sources.folder(&files), Some(WAYS[0].at_once)).await?;
    let large = Files::large(turn.sizes);
    let elapsed = client.upload(&large, &sources.folder(&large), None).await?;
    results.add(&LARGE_UPLOAD, name, rate(large.bytes(), elapsed));
    let elapsed = client.download(&large, None).await?;
    results.add(&LARGE_DOWNLOAD, name, rate(large.bytes(), elapsed));
    for way in &WAYS {
        let files = Files::small(way, turn.sizes);
        let at_once = Some(way.at_once);
        let elapsed = client.upload(&files, &sources.folder(&files), at_once).await?;
        results.add(&way.upload, name, per_second(files.numbers.len(), elapsed));
        let elapsed = client.download(&files, at_once).await?;
        results.add(&way.download, name, per_second(files.numbers.len(), elapsed));
    }
    Ok(())
}

/// The client with its surroundings.
#[derive(Debug)]
struct Client<'a> {
    tool: &'a Tool,
    turn: Turn<'a>,
}

impl Client<'_> {
    async fn upload(
        &self,
        files: &Files,
        source: &Path,
        at_once: Option<usize>,
    ) -> Result<Duration> {
        let elapsed = match self.tool {
            Tool::Boto3 { python, script, .. } => {
                let mut command = boto3(python, script, "upload", files, at_once);
                command.arg("--folder").arg(source);
                self.run_boto3(command, files).await?
            }
            Tool::Cp { mlferry } => {
                let mut command = cp(mlferry, at_once);
                command.arg(source).arg(garage::uri(files.folder));
                self.run_cp(command).await?
            }
        };
        disk::sync();
        Ok(elapsed)
    }

    async fn download(&self, files: &Files, at_once: Option<usize>) -> Result<Duration> {
        let target = self.turn.home.join(files.folder);
        let elapsed = match self.tool {
            Tool::Boto3 { python, script, .. } => {
                let command = || boto3(python, script, "download", files, at_once);
                let elapsed = self.run_boto3(command(), files).await?;
                if self.turn.first {
                    fs::create_dir(&target)?;
                    let mut command = command();
                    command.arg("--folder").arg(&target);
                    self.run_boto3(command, files).await?;
                }
                elapsed
            }
            Tool::Cp { mlferry } => {
                let mut command = cp(mlferry, at_once);
                command.arg(garage::uri(files.folder)).arg(&target);
                self.run_cp(command).await?
            }
        };
        if self.turn.first {
            files.expect_in(&target, self.turn.pattern)?;
        }
        disk::sync();
        Ok(elapsed)
    }

    /// The time that the script took for the transfers alone.
    async fn run_boto3(&self, command: Command, files: &Files) -> Result<Duration> {
        let printed = self.run(command).await?;
        let printed: Value = serde_json::from_slice(&printed).context("boto3's script is mute")?;
        let (moved, expected) = (&printed["files"], files.numbers.len());
        ensure!(*moved == expected, "boto3 moved {moved} files instead of {expected}");
        let seconds = printed["seconds"].as_f64().context("boto3's script names no time")?;
        Ok(Duration::try_from_secs_f64(seconds)?)
    }

    /// The time of the whole process.
    async fn run_cp(&self, command: Command) -> Result<Duration> {
        let begin = Instant::now();
        self.run(command).await?;
        Ok(begin.elapsed())
    }

    /// Runs a command to its end, and returns what it printed.
    async fn run(&self, mut command: Command) -> Result<Vec<u8>> {
        self.turn.garage.variables().give_to(&mut command);
        command.current_dir(self.turn.home).stdin(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        let output = command.kill_on_drop(true).output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("it ended with {}: {}", output.status, said.trim());
        }
        Ok(output.stdout)
    }
}

fn boto3(
    python: &Path,
    script: &Path,
    action: &str,
    files: &Files,
    at_once: Option<usize>,
) -> Command {
    let mut command = Command::new(python);
    command.arg(script).args([action, garage::BUCKET, files.folder]);
    command.arg("--threads").arg(at_once.unwrap_or(1).to_string());
    command
}

fn cp(mlferry: &Path, at_once: Option<usize>) -> Command {
    let mut command = Command::new(mlferry);
    command.args(["artifacts", "cp"]);
    if let Some(at_once) = at_once {
        command.arg("--jobs").arg(at_once.to_string());
    }
    command
}
