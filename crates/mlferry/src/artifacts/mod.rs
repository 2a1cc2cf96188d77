//! `mlferry artifacts`: what lies at a destination is listed, weighed, copied, compared and removed, without a server.

mod compare;
mod cp;
mod du;
mod entries;
mod location;
mod ls;
mod output;
mod progress;
mod rm;
mod sweep;
mod target;
mod transfer;
mod unlisted;
mod verify;

use std::io;
use std::time::Duration;

use clap::{Args, Subcommand};
use mlferry_artifacts::Service;

use crate::env::Env;
use crate::options::stores;
use crate::runtime::block_on;
use crate::usage::{Stop, Usage};
pub(crate) use cp::tell_unlisted_below;
pub(crate) use entries::{pages, side_by_side};
use location::Location;
pub(crate) use output::{counted, shown};

/// How long uploads that broke may take to be given up at the store.
const CLOSE_TIME: Duration = Duration::from_secs(15);
/// Files that are copied or compared at the same time at most.
const MAX_JOBS: usize = 256;

/// Arguments of `mlferry artifacts`.
#[derive(Debug, Args)]
pub(crate) struct ArtifactsFlags {
    /// What to do.
    #[command(subcommand)]
    action: ArtifactsAction,
}

/// The subcommands of `mlferry artifacts`.
#[derive(Debug, Subcommand)]
enum ArtifactsAction {
    /// List the files and folders in a folder
    #[command(args_override_self = true)]
    Ls(ls::LsFlags),

    /// Copy a file, or all files of a folder, to another place; run it again to go on after an interruption
    #[command(args_override_self = true)]
    Cp(cp::CpFlags),

    /// Remove a file, or a folder with all that is in it
    #[command(args_override_self = true)]
    Rm(rm::RmFlags),

    /// Tell how many files and bytes are in a folder
    #[command(args_override_self = true)]
    Du(du::DuFlags),

    /// Compare two places: what is missing, what is too much, and what differs
    #[command(args_override_self = true)]
    Verify(verify::VerifyFlags),

    /// Give up uploads in parts that were begun long ago and never completed
    #[command(args_override_self = true)]
    Sweep(sweep::SweepFlags),
}

/// Carries a subcommand out.
pub(crate) fn run(flags: &ArtifactsFlags, env: &Env) -> Result<(), Stop> {
    let settings = stores::settings(env);
    match &flags.action {
        ArtifactsAction::Ls(flags) => {
            let at = location(&flags.at, "DEST", Usage::ArtifactsLs)?;
            block_on(async { unless_unread(ls::run(flags, at, settings).await) })
        }
        ArtifactsAction::Cp(flags) => {
            let from = location(&flags.from, "FROM", Usage::ArtifactsCp)?;
            let to = location(&flags.to, "TO", Usage::ArtifactsCp)?;
            check_jobs(flags.jobs, Usage::ArtifactsCp)?;
            block_on(cp::run(flags, from, to, settings))
        }
        ArtifactsAction::Rm(flags) => {
            let at = location(&flags.at, "DEST", Usage::ArtifactsRm)?;
            block_on(rm::run(flags, at, settings))
        }
        ArtifactsAction::Du(flags) => {
            let at = location(&flags.at, "DEST", Usage::ArtifactsDu)?;
            block_on(async { unless_unread(du::run(flags, at, settings).await) })
        }
        ArtifactsAction::Verify(flags) => {
            let from = location(&flags.from, "FROM", Usage::ArtifactsVerify)?;
            let to = location(&flags.to, "TO", Usage::ArtifactsVerify)?;
            check_jobs(flags.jobs, Usage::ArtifactsVerify)?;
            block_on(verify::run(flags, from, to, settings))
        }
        ArtifactsAction::Sweep(flags) => {
            let at = location(&flags.at, "DEST", Usage::ArtifactsSweep)?;
            let age = flags.age()?;
            block_on(sweep::run(flags, at, age, settings))
        }
    }
}

fn location(text: &str, argument: &str, usage: Usage) -> Result<Location, Stop> {
    Location::parse(text)
        .map_err(|error| Stop::Usage(usage, format!("Invalid value for '{argument}': {error}.")))
}

fn check_jobs(jobs: usize, usage: Usage) -> Result<(), Stop> {
    if (1..=MAX_JOBS).contains(&jobs) {
        return Ok(());
    }
    let what = format!("Invalid value for '--jobs': {jobs} is not in the range 1<=x<={MAX_JOBS}.");
    Err(Stop::Usage(usage, what))
}

/// Whoever read our output may go, as in `mlferry artifacts ls | head`. Of what changes or judges
/// something, the exit code must tell the truth: there, it is a failure.
fn unless_unread(done: anyhow::Result<()>) -> anyhow::Result<()> {
    match done {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        done => done,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Ends the use of a destination; what broke there is given up within a moment, or left to the sweep.
async fn close(service: Service) {
    let _ = tokio::time::timeout(CLOSE_TIME, service.close()).await;
}
