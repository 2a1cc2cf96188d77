//! The import itself: experiment by experiment, some of its runs at the same time.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use mlferry_protocol::{ErrorCode, ExperimentId};
use mlferry_store::{ImportedModel, ImportedRun, Place, PlacedExperiment, Store, StoreError};

use super::file_store::{Experiment, ExperimentFolder, FileStore};
use super::issues::Issues;
use super::tally::{Fate, Tally};

/// Runs that are read and written at the same time, so that their transactions share commits.
const AT_ONCE: usize = 16;

/// An import under way.
pub(super) struct Import {
    files: FileStore,
    /// Absent in a dry run.
    store: Option<Store>,
    tally: Tally,
    bar: ProgressBar,
    failures: usize,
}

/// A run or model that was read, with its folder.
struct Taken<T> {
    path: PathBuf,
    record: Option<T>,
    issues: Issues,
}

impl Import {
    /// Prepares to bring a file store into a database.
    pub(super) fn new(files: FileStore, store: Option<Store>) -> Self {
        let steps = files.experiments.iter().map(|it| it.runs.len() + it.models.len());
        let bar = ProgressBar::new(steps.sum::<usize>() as u64);
        // Without a style of its own, it has the library's.
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40} {pos}/{len} runs and models, {eta} left")
        {
            bar.set_style(style);
        }
        Self { files, store, tally: Tally::default(), bar, failures: 0 }
    }

    /// Brings everything in, and says what came of it; an error if something was left out.
    pub(super) async fn carry_out(mut self) -> anyhow::Result<()> {
        let found = std::mem::take(&mut self.files.issues);
        self.report(found);
        let experiments = std::mem::take(&mut self.files.experiments);
        let traces: usize = experiments.iter().map(|experiment| experiment.traces).sum();
        let mut with_models = Vec::new();
        for folder in experiments {
            let Some((experiment, id)) = self.take_experiment(&folder).await? else {
                self.bar.inc((folder.runs.len() + folder.models.len()) as u64);
                continue;
            };
            self.take_runs(&experiment, id, &folder.runs).await?;
            if !folder.models.is_empty() {
                with_models.push((experiment, id, folder.models));
            }
        }
        // Metrics of models name runs, perhaps of other experiments.
        for (experiment, id, models) in with_models {
            self.take_models(&experiment, id, &models).await?;
        }
        self.bar.finish_and_clear();
        self.tell_what_is_left(traces);
        self.conclude().await
    }

    async fn take_experiment(
        &mut self,
        folder: &ExperimentFolder,
    ) -> anyhow::Result<Option<(Arc<Experiment>, ExperimentId)>> {
        let mut issues = Issues::default();
        let experiment = folder.read(&mut issues);
        self.report(issues);
        let Some(experiment) = experiment else { return Ok(None) };
        let counts = experiment.record.counts();
        let Some(store) = &self.store else {
            self.tally.add_experiment(None, counts);
            return Ok(Some((Arc::new(experiment), ExperimentId(0))));
        };
        let placed = store.import_experiment(experiment.record.clone()).await;
        let Some(placed) = self.accept(&folder.path, placed)? else { return Ok(None) };
        self.tally.add_experiment(Some(placed.id), counts);
        if let Some(told) = told(&experiment, &placed) {
            self.bar.suspend(|| println!("{told}"));
        }
        Ok(Some((Arc::new(experiment), placed.id)))
    }

    async fn take_runs(
        &mut self,
        experiment: &Arc<Experiment>,
        id: ExperimentId,
        folders: &[PathBuf],
    ) -> anyhow::Result<()> {
        let store = self.store.clone();
        let take = |path: PathBuf| {
            let (store, experiment) = (store.clone(), Arc::clone(experiment));
            async move {
                let taken = read(path, move |path, issues| experiment.read_run(path, issues));
                let mut taken = taken.await?;
                let Some(run) = taken.record.take() else { return Ok((taken, None)) };
                let (run_id, counts) = (run.id.clone(), run.counts());
                let written = write_run(store, id, run).await;
                anyhow::Ok((taken, Some((run_id, counts, written))))
            }
        };
        let mut runs =
            futures_util::stream::iter(folders.to_vec()).map(take).buffer_unordered(AT_ONCE);
        while let Some(done) = runs.next().await {
            let (taken, outcome) = done?;
            self.report(taken.issues);
            if let Some((run, counts, written)) = outcome {
                // What was read is counted even if it was not written, so that the sums differ.
                let written = self.accept(&taken.path, written)?;
                self.tally.add_run(run, counts, written.map_or(Fate::Refused, Fate::from));
            }
            self.bar.inc(1);
        }
        Ok(())
    }

    async fn take_models(
        &mut self,
        experiment: &Arc<Experiment>,
        id: ExperimentId,
        folders: &[PathBuf],
    ) -> anyhow::Result<()> {
        for path in folders {
            let reader = Arc::clone(experiment);
            let read = read(path.clone(), move |path, issues| reader.read_model(path, issues));
            let mut taken: Taken<ImportedModel> = read.await?;
            if let Some(mut model) = taken.record {
                self.leave_out_metrics_without_runs(path, &mut model, &mut taken.issues);
                let (model_id, counts) = (model.id.clone(), model.counts());
                let written = match &self.store {
                    None => Ok(true),
                    Some(store) => store.import_model(id, model).await,
                };
                let written = self.accept(path, written)?;
                self.tally.add_model(model_id, counts, written.map_or(Fate::Refused, Fate::from));
            }
            self.report(taken.issues);
            self.bar.inc(1);
        }
        Ok(())
    }

    /// The database keeps no metric without its run.
    fn leave_out_metrics_without_runs(
        &self,
        path: &Path,
        model: &mut ImportedModel,
        issues: &mut Issues,
    ) {
        model.metrics.retain(|metric| {
            let is_known = metric.run_id.as_ref().is_some_and(|run| self.tally.has_run(run));
            if !is_known {
                let run = metric.run_id.as_ref().map_or("", |run| run.as_str());
                issues.add(path, format!("metric '{}' names the absent run '{run}'", metric.key));
            }
            is_known
        });
    }

    /// What the store said; `None` and a note when it refused one thing, an error when it fails as a whole.
    fn accept<T>(
        &mut self,
        path: &Path,
        result: Result<T, StoreError>,
    ) -> anyhow::Result<Option<T>> {
        let error = match result {
            Ok(value) => return Ok(Some(value)),
            Err(error) => error,
        };
        if matches!(error.code(), ErrorCode::TemporarilyUnavailable | ErrorCode::ResourceExhausted)
        {
            self.bar.finish_and_clear();
            return Err(error).context("run the import again to go on where it stopped");
        }
        let mut issues = Issues::default();
        // Unlike a client, the operator may read what the database says.
        match error.source() {
            Some(source) => issues.add(path, format!("{error} ({source})")),
            None => issues.add(path, error),
        }
        self.report(issues);
        Ok(None)
    }

    fn report(&mut self, issues: Issues) {
        let issues = issues.into_vec();
        self.failures += issues.len();
        if !issues.is_empty() {
            self.bar.suspend(|| issues.iter().for_each(|issue| eprintln!("{issue}")));
        }
    }

    fn tell_what_is_left(&self, traces: usize) {
        let models = self.files.registered_models;
        for (count, what) in [(traces, "traces"), (models, "registered models")] {
            if count > 0 {
                eprintln!("{count} {what} stay behind: mlferry keeps none yet.");
            }
        }
    }

    async fn conclude(self) -> anyhow::Result<()> {
        let mut differences = Vec::new();
        match &self.store {
            None => println!("{}", self.tally.table()),
            Some(store) => {
                let verified = self.tally.verify(store).await?;
                println!("{}", verified.table);
                differences = verified.differences;
                println!(
                    "Imported {} runs; {} were there already.",
                    self.tally.runs(Fate::New),
                    self.tally.runs(Fate::Known)
                );
            }
        }
        for difference in &differences {
            eprintln!("{difference}");
        }
        let (failures, differences) = (self.failures, differences.len());
        anyhow::ensure!(
            failures + differences == 0,
            "{failures} things are left out and {differences} differ, for the reasons above"
        );
        Ok(())
    }
}

async fn write_run(
    store: Option<Store>,
    experiment: ExperimentId,
    run: ImportedRun,
) -> Result<bool, StoreError> {
    match store {
        None => Ok(true),
        Some(store) => store.import_run(experiment, run).await,
    }
}

/// Reads a folder on a thread that may wait for the disk.
async fn read<T: Send + 'static>(
    path: PathBuf,
    read: impl FnOnce(&Path, &mut Issues) -> Option<T> + Send + 'static,
) -> anyhow::Result<Taken<T>> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut issues = Issues::default();
        let record = read(&path, &mut issues);
        Taken { path, record, issues }
    });
    reading.await.context("a reader failed")
}

/// What an operator should know of an experiment that is not the same in the database.
fn told(experiment: &Experiment, placed: &PlacedExperiment) -> Option<String> {
    let (old, name, new) = (&experiment.id, &experiment.record.name, placed.id);
    let is_same = *old == new.to_string();
    match placed.place {
        Place::SameName if !is_same => Some(format!(
            "Experiment {old} '{name}' joins experiment {new} of the database, which has the same name."
        )),
        Place::New if !is_same => {
            Some(format!("Experiment {old} '{name}' is experiment {new} in the database."))
        }
        Place::New | Place::Default | Place::SameName => None,
    }
}
