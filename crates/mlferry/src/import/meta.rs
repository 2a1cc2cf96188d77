//! The YAML files of a file store.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mlferry_protocol::WireEnum;
use mlferry_protocol::datasets::Dataset;
use mlferry_protocol::logged_models::LoggedModelStatus;
use mlferry_protocol::runs::RunStatus;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The file that says what a folder is.
pub(super) const META: &str = "meta.yaml";

/// `meta.yaml` of an experiment.
#[derive(Debug, Deserialize)]
pub(super) struct ExperimentMeta {
    /// Old clients wrote an integer.
    pub(super) experiment_id: String,
    pub(super) name: String,
    pub(super) artifact_location: Option<String>,
    pub(super) lifecycle_stage: Option<String>,
    pub(super) creation_time: Option<i64>,
    pub(super) last_update_time: Option<i64>,
}

/// `meta.yaml` of a run, of all times.
#[derive(Debug, Deserialize)]
pub(super) struct RunMeta {
    pub(super) run_id: Option<String>,
    /// What the id was called before.
    pub(super) run_uuid: Option<String>,
    pub(super) experiment_id: String,
    pub(super) run_name: Option<String>,
    /// What the name was called before.
    pub(super) name: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) start_time: Option<i64>,
    pub(super) end_time: Option<i64>,
    pub(super) lifecycle_stage: Option<String>,
    pub(super) deleted_time: Option<i64>,
    pub(super) artifact_uri: Option<String>,
    pub(super) source_type: Option<String>,
    pub(super) source_name: Option<String>,
    pub(super) entry_point_name: Option<String>,
    pub(super) source_version: Option<String>,
}

impl RunMeta {
    /// How far the run came; the file has a number.
    pub(super) fn status(&self) -> Result<RunStatus, String> {
        let Some(status) = self.status.as_deref() else { return Ok(RunStatus::Running) };
        of_number_or_name(status).ok_or_else(|| format!("there is no run status '{status}'"))
    }

    /// What kind of thing ran; the file has a number.
    pub(super) fn source_kind(&self) -> &'static str {
        match self.source_type.as_deref() {
            Some("1" | "NOTEBOOK") => "NOTEBOOK",
            Some("2" | "JOB") => "JOB",
            Some("3" | "PROJECT") => "PROJECT",
            Some("4" | "LOCAL") => "LOCAL",
            _ => "UNKNOWN",
        }
    }
}

/// `meta.yaml` of a dataset.
#[derive(Debug, Deserialize)]
pub(super) struct DatasetMeta {
    name: String,
    digest: String,
    source_type: String,
    source: String,
    schema: Option<String>,
    profile: Option<String>,
}

impl From<DatasetMeta> for Dataset {
    fn from(meta: DatasetMeta) -> Self {
        let DatasetMeta { name, digest, source_type, source, schema, profile } = meta;
        Self { name, digest, source_type, source, schema, profile }
    }
}

/// `meta.yaml` of what a run used: a dataset, named by its folder, or a model.
#[derive(Debug, Deserialize)]
pub(super) struct InputMeta {
    pub(super) source_type: String,
    pub(super) source_id: String,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

/// `meta.yaml` of a model that a run made; its folder bears the model's id.
#[derive(Debug, Deserialize)]
pub(super) struct OutputMeta {
    #[serde(default)]
    pub(super) step: i64,
}

/// `meta.yaml` of a logged model.
#[derive(Debug, Deserialize)]
pub(super) struct ModelMeta {
    pub(super) model_id: String,
    pub(super) experiment_id: String,
    pub(super) name: String,
    pub(super) artifact_location: String,
    pub(super) creation_timestamp: i64,
    pub(super) last_updated_timestamp: i64,
    pub(super) status: Option<String>,
    pub(super) status_message: Option<String>,
    pub(super) lifecycle_stage: Option<String>,
    pub(super) model_type: Option<String>,
    pub(super) source_run_id: Option<String>,
}

impl ModelMeta {
    /// How far the model came; the file has a number, or the name that Python has for it.
    pub(super) fn status(&self) -> Result<LoggedModelStatus, String> {
        match self.status.as_deref() {
            None => Ok(LoggedModelStatus::Unspecified),
            Some("PENDING") => Ok(LoggedModelStatus::Pending),
            Some("READY") => Ok(LoggedModelStatus::Ready),
            Some("FAILED") => Ok(LoggedModelStatus::UploadFailed),
            Some(other) => of_number_or_name(other)
                .ok_or_else(|| format!("there is no model status '{other}'")),
        }
    }
}

fn of_number_or_name<T: WireEnum>(text: &str) -> Option<T> {
    match text.parse() {
        Ok(number) => T::from_number(number),
        Err(_) => T::from_name(text),
    }
}

/// Whether a stage that was read means that something is deleted.
pub(super) fn is_deleted(stage: Option<&str>) -> Result<bool, String> {
    match stage {
        None | Some("active") => Ok(false),
        Some("deleted") => Ok(true),
        Some(other) => Err(format!("there is no lifecycle stage '{other}'")),
    }
}

/// Reads a YAML file.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    parse(&text)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_all_times_are_read() {
        let now: RunMeta = parse(
            "artifact_uri: file:///a b/ü\ndeleted_time: 7\nend_time: null\nexperiment_id: '0'\n\
             lifecycle_stage: deleted\nrun_id: abc\nrun_name: '123'\nsource_type: 4\nstart_time: 5\n\
             status: 3\ntags: []\nuser_id: 'null'\n",
        )
        .unwrap();
        assert_eq!(now.run_name.as_deref(), Some("123"));
        assert_eq!(now.user_id.as_deref(), Some("null"));
        assert_eq!(now.status(), Ok(RunStatus::Finished));
        assert_eq!(now.source_kind(), "LOCAL");
        assert_eq!((now.end_time, now.deleted_time), (None, Some(7)));
        let old: RunMeta = parse(
            "artifact_uri: /a\nexperiment_id: 12\nname: ''\nrun_uuid: abc\nsource_type: 3\n\
             source_version: 1e5\nstatus: 5\nstart_time: 5\n",
        )
        .unwrap();
        assert_eq!((old.experiment_id.as_str(), old.run_uuid.as_deref()), ("12", Some("abc")));
        assert_eq!((old.status(), old.source_kind()), (Ok(RunStatus::Killed), "PROJECT"));
        assert_eq!(old.source_version.as_deref(), Some("1e5"));
    }

    #[test]
    fn python_s_ways_to_write_text_are_read() {
        let text = "digest: dd\nname: \"a\\\n  \\ b\\x01\\U0001F600\"\nprofile: '{\"x\": 1,\n\n  \"y\": ''2''}'\n\
                    schema: null\nsource: |-\n  one\n  two\nsource_type: yes\n";
        let meta: DatasetMeta = parse(text).unwrap();
        assert_eq!(meta.name, "a b\u{1}\u{1f600}");
        assert_eq!(meta.profile.as_deref(), Some("{\"x\": 1,\n\"y\": '2'}"));
        assert_eq!((meta.source.as_str(), meta.source_type.as_str()), ("one\ntwo", "yes"));
        assert_eq!(meta.schema, None);
    }

    #[test]
    fn what_is_malformed_is_told_in_a_few_words() {
        for text in ["", "name: x\n", "[1, 2]", "name: [", "experiment_id: {}\nname: x\n"] {
            let error = parse::<ExperimentMeta>(text).unwrap_err();
            assert!(!error.is_empty() && error.len() < 300, "{text:?}: {error}");
        }
    }
}
