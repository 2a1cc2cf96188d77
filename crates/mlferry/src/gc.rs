//! `mlferry gc`: removes what was deleted for good, first the artifacts and then the records.
//!
//! In this order an interruption leaves records that the next collection finds again; the other way round it
//! would leave artifacts that nobody knows of.

use std::fmt::Display;
use std::time::Duration;

use anyhow::Context;
use clap::{ArgAction, Args};
use mlferry_artifacts::{Destination, Service, StoreSettings};
use mlferry_protocol::{ExperimentId, RunId};
use mlferry_server::{Collector, Weight};
use mlferry_store::{Garbage, GarbageFilter, GarbageId, Store, StoreOptions};

use crate::env::Env;
use crate::options::{places::PlaceFlags, stores};
use crate::units::{format_bytes, parse_age};
use crate::uri;
use crate::usage::{Stop, Usage};

/// The flags of `mlferry gc`, those of `mlflow gc` and a few more.
#[derive(Args, Debug)]
pub(crate) struct GcFlags {
    /// Remove only what was deleted longer ago than this, such as 30d or 1d2h3m4s
    #[arg(long, value_name = "TEXT")]
    older_than: Option<String>,

    #[command(flatten)]
    places: PlaceFlags,

    /// Runs to remove, separated by commas; they must be deleted
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    run_ids: Vec<String>,

    /// Experiments to remove with all that is in them, separated by commas; they must be deleted
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    experiment_ids: Vec<String>,

    /// Logged models to remove, separated by commas; they must be deleted
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    logged_model_ids: Vec<String>,

    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,

    /// Remove records of jobs, too. mlferry runs no jobs, and leaves those of MLflow alone
    #[arg(long)]
    jobs: bool,

    /// Jobs to remove. mlferry runs no jobs, and leaves those of MLflow alone
    #[arg(long, value_name = "IDS")]
    job_ids: Option<String>,

    /// Not needed: mlferry finds artifacts without a server
    #[arg(long, value_name = "URI", env = "MLFLOW_TRACKING_URI")]
    tracking_uri: Option<String>,

    /// Workspace to look at. Not supported: mlferry has only one
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,

    /// Look at all workspaces. Not supported: mlferry has only one
    #[arg(long, action = ArgAction::SetTrue)]
    all_workspaces: bool,
}

/// Collects garbage; an error says what could not be collected.
pub(crate) fn run(flags: &GcFlags, env: &Env) -> Result<(), Stop> {
    if flags.workspace.is_some() || flags.all_workspaces {
        return Err(Stop::Refused(
            "--workspace and --all-workspaces are not supported: this database has one workspace."
                .to_owned(),
        ));
    }
    if flags.jobs || flags.job_ids.is_some() {
        eprintln!(
            "mlferry runs no jobs: records of MLflow's jobs stay. Remove them with `mlflow gc --jobs`."
        );
    }
    let filter = filter(flags)?;
    let uri = flags.places.stores.database()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let refused = |error: anyhow::Error| Stop::Refused(crate::one_line(&error));
    let runtime = runtime.context("cannot start").map_err(refused)?;
    runtime.block_on(collect(flags, &filter, uri, stores::settings(env))).map_err(refused)
}

fn filter(flags: &GcFlags) -> Result<GarbageFilter, Stop> {
    let invalid = |flag: &str, what: &dyn Display| {
        Stop::Usage(Usage::Gc, format!("Invalid value for '{flag}': {what}"))
    };
    let older_than = match &flags.older_than {
        None => None,
        Some(text) => Some(parse_age(text).ok_or_else(|| {
            let what = format!(
                "Could not parse any time information from '{text}'. Write 8h, 2d8h5m20s or 2m4s."
            );
            invalid("--older-than", &what)
        })?),
    };
    let experiments = flags.experiment_ids.iter().map(|id| ExperimentId::parse(id));
    let experiments = experiments.collect::<Result<_, _>>();
    Ok(GarbageFilter {
        runs: flags.run_ids.iter().map(RunId::new).collect(),
        experiments: experiments.map_err(|error| invalid("--experiment-ids", &error))?,
        models: flags.logged_model_ids.clone(),
        older_than_ms: older_than.map(millis),
    })
}

fn millis(age: Duration) -> i64 {
    i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
}

async fn collect(
    flags: &GcFlags,
    filter: &GarbageFilter,
    uri: String,
    settings: StoreSettings,
) -> anyhow::Result<()> {
    let default_artifact_root = flags.places.default_artifact_root().to_owned();
    let store = Store::open_existing(StoreOptions::new(uri, default_artifact_root)).await?;
    let destination = Proxied::open(flags, &settings).await?;
    let options = flags.places.root_options(&settings);
    let collector = Collector::new(destination.service.clone(), options);
    let mut collection =
        Collection { store, collector, destination, dry_run: flags.dry_run, done: Done::default() };
    let garbage = collection.store.garbage(filter).await?;
    for garbage in garbage {
        collection.take(garbage).await?;
    }
    collection.close().await
}

/// The destination of proxied artifacts, where it is there.
struct Proxied {
    service: Option<Service>,
    name: String,
}

impl Proxied {
    /// Opens the destination. One that is absent is not made: artifacts that are looked for in a wrong place
    /// would seem to be gone already.
    async fn open(flags: &GcFlags, settings: &StoreSettings) -> anyhow::Result<Self> {
        let stores = &flags.places.stores;
        let (name, destination) = (stores.destination_name().to_owned(), stores.destination()?);
        if matches!(&destination, Destination::Local(path) if !path.is_dir()) {
            return Ok(Self { service: None, name });
        }
        Ok(Self { service: Some(Service::open(&destination, settings).await?), name })
    }

    /// Why artifacts at `uri` can't be looked for.
    fn reason_against(&self, uri: &str) -> Option<String> {
        let is_proxied =
            matches!(uri::scheme(uri).as_deref(), Some("mlflow-artifacts" | "http" | "https"));
        (is_proxied && self.service.is_none()).then(|| {
            format!(
                "its artifacts are proxied, and there is no folder '{}': say with --artifacts-destination where they are",
                self.name
            )
        })
    }
}

/// What was done so far.
#[derive(Default)]
struct Done {
    runs: usize,
    models: usize,
    experiments: usize,
    kept: usize,
    weight: Weight,
}

struct Collection {
    store: Store,
    collector: Collector,
    destination: Proxied,
    dry_run: bool,
    done: Done,
}

impl Collection {
    /// Removes artifacts and record of one thing, or says why it is kept.
    async fn take(&mut self, garbage: Garbage) -> anyhow::Result<()> {
        // It may have been restored since it was found, and its artifacts must then stay.
        if !self.store.is_garbage(&garbage.id).await? {
            return Ok(());
        }
        let mut weight = Weight::default();
        for uri in &garbage.artifact_uris {
            match self.take_artifacts(uri).await {
                Ok(freed) => weight += freed,
                Err(why) => {
                    eprintln!("{} is kept: {why}", garbage.id);
                    self.done.kept += 1;
                    return Ok(());
                }
            }
        }
        let id = garbage.id.clone();
        let counter = match &id {
            GarbageId::Run(_) => &mut self.done.runs,
            GarbageId::Model(_) => &mut self.done.models,
            GarbageId::Experiment(_) => &mut self.done.experiments,
        };
        if self.dry_run {
            println!("{id} would be deleted{}.", in_words(weight));
        } else {
            match self.store.purge(garbage.id).await {
                Ok(true) => println!("{id} has been permanently deleted{}.", in_words(weight)),
                Ok(false) => return Ok(()),
                // What is left of it was reported.
                Err(error) if error.code() == mlferry_protocol::ErrorCode::InvalidState => {
                    eprintln!("{id} is kept: {error}");
                    self.done.kept += 1;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        *counter += 1;
        self.done.weight += weight;
        Ok(())
    }

    async fn take_artifacts(&self, uri: &str) -> Result<Weight, String> {
        if let Some(why) = self.destination.reason_against(uri) {
            return Err(why);
        }
        if self.dry_run {
            self.collector.weigh(uri).await
        } else {
            self.collector.remove(uri).await
        }
    }

    /// Says what was done; an error if something was kept.
    async fn close(self) -> anyhow::Result<()> {
        self.collector.close().await;
        if let Some(service) = self.destination.service {
            service.close().await;
        }
        self.store.close().await;
        let Done { runs, models, experiments, kept, weight } = self.done;
        let verb = if self.dry_run { "Would remove" } else { "Removed" };
        println!(
            "{verb} {runs} runs, {models} logged models, {experiments} experiments, {} files of {}.",
            weight.files,
            format_bytes(weight.bytes)
        );
        anyhow::ensure!(kept == 0, "{kept} deleted records are kept, for the reasons above");
        Ok(())
    }
}

fn in_words(weight: Weight) -> String {
    match weight.files {
        0 => String::new(),
        files => format!(", with {files} files of {}", format_bytes(weight.bytes)),
    }
}
