//! `mlferry doctor`: whether a database, its artifacts and this machine are as they should be.

mod clocks;
mod database;
mod destination;
mod folders;
mod machine;
mod places;
mod report;

use std::time::Duration;

use clap::{Args, ValueEnum};
use mlferry_artifacts::Service;
use mlferry_server::Collector;
use mlferry_store::Depth;

use crate::env::Env;
use crate::options::{places::PlaceFlags, stores};
use crate::runtime::block_on;
use crate::usage::{Stop, Usage};
use report::{Outcome, Report};

/// How long uploads that broke may take to be given up at the end; there should be none.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// The flags of `mlferry doctor`.
#[derive(Args, Debug)]
pub(crate) struct DoctorFlags {
    #[command(flatten)]
    places: PlaceFlags,

    /// Mend what can be mended without loss: unfinished uploads of killed servers, and latest values of metrics
    #[arg(long)]
    fix: bool,

    /// Compare the indexes of SQLite with their tables, too, which takes longer
    #[arg(long)]
    deep: bool,

    /// How to tell what was found: text for people, or json
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Examines, and says what was found; the exit code tells whether that is a problem.
pub(crate) fn run(
    flags: &DoctorFlags,
    env: &Env,
    say: impl Fn(String) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let uri = flags.places.stores.database()?;
    if uri == "sqlite://" {
        return Err(Stop::Usage(
            Usage::Doctor,
            "Invalid value for '--backend-store-uri': 'sqlite://' is in the memory of its server."
                .to_owned(),
        ));
    }
    let report = block_on(examine(flags, &uri, env))?;
    say(match flags.format {
        Format::Text => report.to_string(),
        Format::Json => report.to_json(),
    })?;
    match report.outcome() {
        Outcome::Sound => Ok(()),
        Outcome::Problems => Err(Stop::Told(1)),
        Outcome::Unchecked => Err(Stop::Told(2)),
    }
}

async fn examine(flags: &DoctorFlags, uri: &str, env: &Env) -> anyhow::Result<Report> {
    let destination = flags.places.stores.destination()?;
    let mut report = Report::default();
    machine::examine(&mut report, uri, &destination)?;
    let depth = if flags.deep { Depth::Full } else { Depth::Quick };
    let checkup = database::examine(&mut report, uri, depth, flags.fix).await;
    let settings = stores::settings(env);
    let proxied = destination::examine(&mut report, &destination, &settings, flags.fix).await;
    let Some(checkup) = checkup else { return Ok(report) };
    let mut options = flags.places.root_options(&settings);
    options.are_only_read = true;
    let collector = Collector::new(proxied.service(), options);
    let places = places::Places { checkup: &checkup, collector: &collector, proxied: &proxied };
    places.examine(&mut report).await;
    folders::examine(&mut report, &places).await;
    collector.close().await;
    if let Some(service) = proxied.service() {
        close(service).await;
    }
    Ok(report)
}

async fn close(service: Service) {
    let _ = tokio::time::timeout(CLOSE_TIME, service.close()).await;
}

/// An error with its causes, in one line.
fn words(error: impl Into<anyhow::Error>) -> String {
    crate::one_line(&error.into())
}
