//! Runs mlferry and what a user would pick instead of it on the same machine, in the same run, under the
//! same load, and prints the figures beside each other.
//!
//! Absolute figures drift from machine to machine and from hour to hour; the ratios taken within one run
//! are what counts. A slow figure never fails the program, a wrong answer of ours always does.

mod artifacts;
mod disk;
mod http;
mod load;
mod machine;
mod nginx;
mod notes;
mod options;
mod pattern;
mod plot;
mod postgres;
mod process;
mod report;
mod running;
mod servers;
mod stores;
mod tracking;
mod units;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Benchmarks of mlferry against its peers.
#[derive(Debug, Parser)]
#[command(name = "mlferry-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Workload,
}

/// One family of workloads, with the servers that take part in it.
#[derive(Debug, Subcommand)]
enum Workload {
    /// Uploads, downloads and listings through mlferry, the reference and nginx
    Artifacts(artifacts::Options),
    /// The same on an object store, beside clients that go there themselves
    Stores(stores::Options),
    /// Calls of the tracking API on SQLite and PostgreSQL, through mlferry, the reference and FastTrackML
    Tracking(tracking::Options),
}

fn main() -> ExitCode {
    match start(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("warning: the load generator is a debug build; use `cargo run --release`");
    }
    // One thread, so that the client never takes more than one core away from the servers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            outcome = run(cli) => outcome,
            outcome = interrupted() => outcome,
        }
    })
}

async fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Workload::Artifacts(options) => artifacts::run(&options).await,
        Workload::Stores(options) => stores::run(&options).await,
        Workload::Tracking(options) => tracking::run(&options).await,
    }
}

/// Ends the run on Ctrl-C or SIGTERM through the ordinary way out, so that the servers and temporary
/// folders don't outlive the program.
async fn interrupted() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}
