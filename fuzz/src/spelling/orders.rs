//! Orders of each kind of search, and the names of attributes, which filters use, too.

use super::{Spelled, keyed};
use mlferry_search::{
    evaluation_datasets::{DatasetKey, DatasetOrder},
    experiments::{ExperimentKey, ExperimentOrder, ExperimentTime},
    logged_models::{LoggedModelOrderKey, LoggedModelText, LoggedModelTime},
    model_versions::{ModelVersionKey, ModelVersionOrder},
    registered_models::{RegisteredModelKey, RegisteredModelOrder},
    runs::{RunOrder, RunOrderKey, RunText, RunTime},
    traces::{TraceOrder, TraceOrderKey},
};

/// Names with their direction.
fn directed(names: Vec<String>, is_descending: bool) -> Vec<String> {
    let direction = if is_descending { "DESC" } else { "ASC" };
    names.into_iter().map(|name| format!("{name} {direction}")).collect()
}

pub(super) fn of_run(attribute: RunText) -> &'static str {
    match attribute {
        RunText::Id => "run_id",
        RunText::Name => "run_name",
        RunText::Status => "status",
        RunText::ArtifactUri => "artifact_uri",
        RunText::UserId => "user_id",
    }
}

pub(super) fn of_logged_model(attribute: LoggedModelText) -> &'static str {
    match attribute {
        LoggedModelText::Id => "model_id",
        LoggedModelText::ExperimentId => "experiment_id",
        LoggedModelText::Name => "name",
        LoggedModelText::ArtifactLocation => "artifact_location",
        LoggedModelText::Status => "status",
        LoggedModelText::StatusMessage => "status_message",
        LoggedModelText::ModelType => "model_type",
        LoggedModelText::SourceRunId => "source_run_id",
        LoggedModelText::LifecycleStage => "lifecycle_stage",
    }
}

pub(super) fn of_dataset(key: DatasetKey) -> &'static str {
    match key {
        DatasetKey::Name => "name",
        DatasetKey::CreatedTime => "created_time",
        DatasetKey::LastUpdateTime => "last_update_time",
        DatasetKey::CreatedBy => "created_by",
        DatasetKey::LastUpdatedBy => "last_updated_by",
    }
}

impl Spelled for RunOrder {
    fn spellings(&self) -> Vec<String> {
        let names = match &self.key {
            RunOrderKey::Metric(key) => keyed("metrics.", key),
            RunOrderKey::Param(key) => keyed("params.", key),
            RunOrderKey::Tag(key) => keyed("tags.", key),
            RunOrderKey::Attribute(attribute) => vec![of_run(*attribute).to_owned()],
            RunOrderKey::Time(RunTime::Start) => vec!["start_time".to_owned()],
            RunOrderKey::Time(RunTime::End) => vec!["end_time".to_owned()],
        };
        directed_or_bare(names, self.is_descending)
    }
}

/// What rises need not say so, and a name without a direction may have quotes around all of it.
fn directed_or_bare(names: Vec<String>, is_descending: bool) -> Vec<String> {
    let bare = if is_descending { Vec::new() } else { names.clone() };
    let mut spellings = directed(names, is_descending);
    spellings.extend(bare);
    spellings
}

impl Spelled for ExperimentOrder {
    fn spellings(&self) -> Vec<String> {
        let name = match self.key {
            ExperimentKey::Id => "experiment_id",
            ExperimentKey::Name => "name",
            ExperimentKey::Time(ExperimentTime::Creation) => "creation_time",
            ExperimentKey::Time(ExperimentTime::LastUpdate) => "last_update_time",
        };
        directed(vec![name.to_owned()], self.is_descending)
    }
}

impl Spelled for RegisteredModelOrder {
    fn spellings(&self) -> Vec<String> {
        let name = match self.key {
            RegisteredModelKey::Name => "name",
            RegisteredModelKey::LastUpdatedTime => "last_updated_timestamp",
        };
        directed(vec![name.to_owned()], self.is_descending)
    }
}

impl Spelled for ModelVersionOrder {
    fn spellings(&self) -> Vec<String> {
        let name = match self.key {
            ModelVersionKey::Name => "name",
            ModelVersionKey::Version => "version_number",
            ModelVersionKey::CreationTime => "creation_timestamp",
            ModelVersionKey::LastUpdatedTime => "last_updated_timestamp",
        };
        directed(vec![name.to_owned()], self.is_descending)
    }
}

impl Spelled for LoggedModelOrderKey {
    fn spellings(&self) -> Vec<String> {
        vec![match self {
            Self::Attribute(attribute) => of_logged_model(*attribute).to_owned(),
            Self::Time(LoggedModelTime::Creation) => "creation_time".to_owned(),
            Self::Time(LoggedModelTime::LastUpdate) => "last_updated_timestamp".to_owned(),
            Self::Metric(key) => format!("metrics.{key}"),
        }]
    }
}

impl Spelled for TraceOrder {
    fn spellings(&self) -> Vec<String> {
        let names = match &self.key {
            TraceOrderKey::Id => vec!["request_id".to_owned()],
            TraceOrderKey::ExperimentId => vec!["experiment_id".to_owned()],
            TraceOrderKey::Status => vec!["status".to_owned()],
            TraceOrderKey::Timestamp => vec!["timestamp".to_owned()],
            TraceOrderKey::ExecutionTime => vec!["execution_time".to_owned()],
            TraceOrderKey::EndTime => vec!["end_time".to_owned()],
            TraceOrderKey::Tag(key) => keyed("tags.", key),
            TraceOrderKey::Metadata(key) => keyed("metadata.", key),
        };
        directed_or_bare(names, self.is_descending)
    }
}

impl Spelled for DatasetOrder {
    fn spellings(&self) -> Vec<String> {
        directed(vec![of_dataset(self.key).to_owned()], self.is_descending)
    }
}
