//! The folders of a file store: experiments, and in them runs and logged models.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use mlferry_protocol::datasets::{Dataset, DatasetInput, ModelInput};
use mlferry_protocol::logged_models::ModelOutput;
use mlferry_protocol::params::Param;
use mlferry_protocol::tags::Tag;
use mlferry_protocol::{RunId, limits};
use mlferry_store::{ImportedExperiment, ImportedModel, ImportedRun, RunSource};

use super::issues::Issues;
use super::meta::{
    self, DatasetMeta, ExperimentMeta, InputMeta, META, ModelMeta, OutputMeta, RunMeta,
};
use super::values;

/// Where deleted experiments are.
const TRASH: &str = ".trash";

/// What is in the folder of an experiment beside its runs.
const RESERVED: [&str; 5] = ["tags", "datasets", "traces", "models", TRASH];

/// Characters of a param's value: the width of its column.
const PARAM_VALUE: usize = 8000;

/// A file store.
#[derive(Debug)]
pub(super) struct FileStore {
    /// Its experiments, deleted ones too.
    pub(super) experiments: Vec<ExperimentFolder>,
    /// Folders of registered models.
    pub(super) registered_models: usize,
    /// What was found wrong already.
    pub(super) issues: Issues,
}

/// The folder of an experiment.
#[derive(Debug)]
pub(super) struct ExperimentFolder {
    pub(super) path: PathBuf,
    pub(super) runs: Vec<PathBuf>,
    pub(super) models: Vec<PathBuf>,
    /// Folders of traces.
    pub(super) traces: usize,
}

impl FileStore {
    /// Finds what is in a file store.
    pub(super) fn open(root: &Path) -> Result<Self, String> {
        let shown = root.display();
        fs::read_dir(root).map_err(|error| format!("Cannot read '{shown}': {error}."))?;
        let mut issues = Issues::default();
        let mut experiments = Vec::new();
        for folder in [root.to_owned(), root.join(TRASH)] {
            for path in folders(&folder, &mut issues) {
                if path.join(META).is_file() {
                    experiments.push(ExperimentFolder::find(path, &mut issues));
                } else if name_of(&path).bytes().all(|byte| byte.is_ascii_digit()) {
                    issues.add(&path, "it has no meta.yaml: experiments have one");
                }
            }
        }
        if experiments.is_empty() {
            return Err(format!(
                "There are no experiments in '{shown}'. Name the folder in which MLflow kept them, such as \
                 ./mlruns; each is a folder with a file meta.yaml."
            ));
        }
        let registered_models = folders(&root.join("models"), &mut issues).len();
        Ok(Self { experiments, registered_models, issues })
    }
}

impl ExperimentFolder {
    fn find(path: PathBuf, issues: &mut Issues) -> Self {
        let mut runs = Vec::new();
        for folder in folders(&path, issues) {
            let is_there = |name: &str| folder.join(name).is_dir();
            if RESERVED.contains(&name_of(&folder).as_str()) {
                continue;
            }
            if folder.join(META).is_file() {
                runs.push(folder);
            } else if is_there("metrics") && is_there("params") {
                // Others are not runs: artifacts may be here, too.
                issues.add(&folder, "it has no meta.yaml: runs have one");
            }
        }
        let models = folders(&path.join("models"), issues);
        let traces = folders(&path.join("traces"), issues).len();
        Self { path, runs, models, traces }
    }

    /// Reads the experiment itself.
    pub(super) fn read(&self, issues: &mut Issues) -> Option<Experiment> {
        let file = self.path.join(META);
        let meta: ExperimentMeta = issues.ok(&file, meta::read(&file))?;
        issues.ok(&file, same_id(&meta.experiment_id, &name_of(&self.path)))?;
        let is_deleted = issues.ok(&file, meta::is_deleted(meta.lifecycle_stage.as_deref()))?;
        if meta.name.is_empty() || meta.name.chars().count() > limits::EXPERIMENT_NAME {
            let most = limits::EXPERIMENT_NAME;
            issues.add(&file, format!("the name is empty, or longer than {most} characters"));
            return None;
        }
        let datasets = self.read_datasets(issues);
        let mut distinct: BTreeMap<_, Dataset> = BTreeMap::new();
        for dataset in datasets.values() {
            let key = (dataset.name.clone(), dataset.digest.clone());
            distinct.insert(key, dataset.clone());
        }
        let tags = values::texts(&self.path.join("tags"), usize::MAX, issues);
        let record = ImportedExperiment {
            id: meta.experiment_id.parse().ok(),
            name: meta.name,
            artifact_location: meta.artifact_location,
            is_deleted,
            creation_time: meta.creation_time,
            last_update_time: meta.last_update_time,
            tags: tags.into_iter().map(tag).collect(),
            datasets: distinct.into_values().collect(),
        };
        Some(Experiment { id: meta.experiment_id, record, datasets })
    }

    /// The datasets of its runs, by their folders.
    fn read_datasets(&self, issues: &mut Issues) -> HashMap<String, Dataset> {
        let mut datasets = HashMap::new();
        for folder in folders(&self.path.join("datasets"), issues) {
            let file = folder.join(META);
            if let Some(meta) = issues.ok(&file, meta::read::<DatasetMeta>(&file)) {
                datasets.insert(name_of(&folder), meta.into());
            }
        }
        datasets
    }
}

/// An experiment as it was read.
#[derive(Debug)]
pub(super) struct Experiment {
    /// The id that it has in the file store.
    pub(super) id: String,
    pub(super) record: ImportedExperiment,
    /// The datasets of its runs, by their folders.
    pub(super) datasets: HashMap<String, Dataset>,
}

impl Experiment {
    /// Reads one of its runs.
    pub(super) fn read_run(&self, folder: &Path, issues: &mut Issues) -> Option<ImportedRun> {
        let file = folder.join(META);
        let meta: RunMeta = issues.ok(&file, meta::read(&file))?;
        let id = meta.run_id.as_deref().or(meta.run_uuid.as_deref()).unwrap_or_default();
        issues.ok(&file, same_id(id, &name_of(folder)))?;
        issues.ok(&file, in_experiment(&meta.experiment_id, &self.id))?;
        let status = issues.ok(&file, meta.status())?;
        let is_deleted = issues.ok(&file, meta::is_deleted(meta.lifecycle_stage.as_deref()))?;
        let params = values::texts(&folder.join("params"), PARAM_VALUE, issues);
        let tags = values::texts(&folder.join("tags"), limits::TAG_VALUE, issues);
        let (datasets, models) = self.read_inputs(&folder.join("inputs"), issues);
        Some(ImportedRun {
            id: RunId::new(id),
            status,
            is_deleted,
            source: RunSource {
                kind: meta.source_kind(),
                name: meta.source_name.unwrap_or_default(),
                entry_point: meta.entry_point_name.unwrap_or_default(),
                version: meta.source_version.unwrap_or_default(),
            },
            name: meta.run_name.or(meta.name).filter(|name| !name.is_empty()),
            user_id: meta.user_id,
            start_time: meta.start_time,
            end_time: meta.end_time,
            deleted_time: meta.deleted_time,
            artifact_uri: meta.artifact_uri,
            params: params.into_iter().map(param).collect(),
            tags: tags.into_iter().map(tag).collect(),
            metrics: values::series(&folder.join("metrics"), issues),
            datasets,
            models,
            outputs: read_outputs(&folder.join("outputs"), issues),
        })
    }

    fn read_inputs(
        &self,
        folder: &Path,
        issues: &mut Issues,
    ) -> (Vec<DatasetInput>, Vec<ModelInput>) {
        let mut datasets = BTreeMap::new();
        let mut models = BTreeMap::new();
        for folder in folders(folder, issues) {
            let file = folder.join(META);
            let Some(meta) = issues.ok(&file, meta::read::<InputMeta>(&file)) else { continue };
            match (meta.source_type.as_str(), self.datasets.get(&meta.source_id)) {
                ("DATASET", Some(dataset)) => {
                    let key = (dataset.name.clone(), dataset.digest.clone());
                    let tags = meta.tags.into_iter().map(tag).collect();
                    datasets.insert(key, DatasetInput { tags, dataset: dataset.clone() });
                }
                ("DATASET", None) => {
                    issues.add(&file, format!("there is no dataset '{}'", meta.source_id));
                }
                ("MODEL", _) => {
                    models.insert(meta.source_id.clone(), ModelInput { model_id: meta.source_id });
                }
                (other, _) => issues.add(&file, format!("there is no source type '{other}'")),
            }
        }
        (datasets.into_values().collect(), models.into_values().collect())
    }

    /// Reads one of its logged models.
    pub(super) fn read_model(&self, folder: &Path, issues: &mut Issues) -> Option<ImportedModel> {
        let file = folder.join(META);
        let meta: ModelMeta = issues.ok(&file, meta::read(&file))?;
        issues.ok(&file, same_id(&meta.model_id, &name_of(folder)))?;
        issues.ok(&file, in_experiment(&meta.experiment_id, &self.id))?;
        let status = issues.ok(&file, meta.status())?;
        let is_deleted = issues.ok(&file, meta::is_deleted(meta.lifecycle_stage.as_deref()))?;
        let params = values::texts(&folder.join("params"), PARAM_VALUE, issues);
        let tags = values::texts(&folder.join("tags"), usize::MAX, issues);
        Some(ImportedModel {
            id: meta.model_id,
            name: meta.name,
            artifact_location: meta.artifact_location,
            creation_time: meta.creation_timestamp,
            last_update_time: meta.last_updated_timestamp,
            status,
            status_message: meta.status_message,
            is_deleted,
            model_type: meta.model_type.filter(|kind| !kind.is_empty()),
            source_run: meta.source_run_id.filter(|id| !id.is_empty()).map(RunId::new),
            params: params.into_iter().map(param).collect(),
            tags: tags.into_iter().map(tag).collect(),
            metrics: values::model_metrics(&folder.join("metrics"), issues),
        })
    }
}

fn read_outputs(folder: &Path, issues: &mut Issues) -> Vec<ModelOutput> {
    let mut outputs = Vec::new();
    for folder in folders(folder, issues) {
        let file = folder.join(META);
        if let Some(meta) = issues.ok(&file, meta::read::<OutputMeta>(&file)) {
            outputs.push(ModelOutput { model_id: name_of(&folder), step: meta.step });
        }
    }
    outputs
}

fn tag((key, value): (String, String)) -> Tag {
    Tag { key, value }
}

fn param((key, value): (String, String)) -> Param {
    Param { key, value }
}

/// As the reference, refuses folders that were renamed or copied: their ids would be there twice.
fn same_id(id: &str, folder: &str) -> Result<(), String> {
    if id == folder {
        return Ok(());
    }
    Err(format!("the id '{id}' is not the name of its folder"))
}

fn in_experiment(id: &str, experiment: &str) -> Result<(), String> {
    if id == experiment {
        return Ok(());
    }
    Err(format!("it belongs to experiment '{id}', and lies in the folder of '{experiment}'"))
}

/// The folders in a folder, in order; none if there is no such folder.
fn folders(folder: &Path, issues: &mut Issues) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return found;
    }
    let Some(entries) = issues.ok(folder, fs::read_dir(folder)) else { return found };
    for entry in entries {
        let Some(entry) = issues.ok(folder, entry) else { continue };
        let path = entry.path();
        // Links to folders are followed here.
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort_unstable();
    found
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
