//! Tags of experiments, runs, logged models, registered models and their versions.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, RunId, check_key, check_length,
    check_name, limits,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The run tag that mirrors the run's name.
pub const RUN_NAME_TAG: &str = "mlflow.runName";
/// The tag of an input that says what the run used the dataset for.
pub const DATASET_CONTEXT_TAG: &str = "mlflow.data.context";

/// The tag of registered models and their versions that makes prompts of them, when it is `true`.
pub const IS_PROMPT_TAG: &str = "mlflow.prompt.is_prompt";
/// The tag that tells a prompt of one text from one of several messages.
pub const PROMPT_TYPE_TAG: &str = "_mlflow_prompt_type";
/// The tag of a model version that holds the text of a prompt.
pub const PROMPT_TEXT_TAG: &str = "mlflow.prompt.text";
/// The tag of a logged model that lists the versions of registered models that were made of it.
pub const MODEL_VERSIONS_TAG: &str = "mlflow.modelVersions";

/// A key with its value, on whatever it hangs.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Tag {
    /// Unique where the tag hangs.
    pub key: String,
    /// Any text.
    pub value: String,
}

impl Tag {
    /// A tag of whose texts nothing is known yet.
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let key = fields.required_string("key")?;
        let value = fields.string("value")?.unwrap_or_default();
        Ok(Self { key, value })
    }

    /// A tag whose key is checked.
    fn with_key(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let tag = Self::read(fields)?;
        check_key("key", "key", &tag.key)?;
        Ok(tag)
    }

    /// A tag of an experiment; a value that is too long is refused.
    pub(crate) fn of_experiment(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let tag = Self::with_key(fields)?;
        check_length("value", &tag.value, limits::EXPERIMENT_TAG_VALUE)?;
        Ok(tag)
    }

    /// A tag of a run; a value that is too long is cut, or refused.
    pub(crate) fn of_run(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let tag = Self::of_new_run(fields)?;
        let label = fields.label("key");
        check_key(&label, &label, &tag.key)?;
        Ok(tag)
    }

    /// A tag that comes with a new run: its key may have any characters.
    pub(crate) fn of_new_run(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let mut tag = Self::read(fields)?;
        check_length(&fields.label("key"), &tag.key, limits::KEY)?;
        if tag.key == RUN_NAME_TAG {
            check_length(&fields.label("value"), &tag.value, limits::RUN_NAME)?;
        }
        fields.fit(&fields.label("value"), &mut tag.value, limits::TAG_VALUE)?;
        Ok(tag)
    }

    /// A tag of a registered model.
    pub(crate) fn of_registered_model(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let tag = Self::with_key(fields)?;
        check_length("value", &tag.value, limits::MODEL_TAG_VALUE)?;
        check_length("value", &tag.value, limits::REGISTERED_MODEL_TAG_VALUE)?;
        Ok(tag)
    }

    /// A tag that comes with a new model version, before [`Self::check_for_model_version`].
    pub(crate) fn of_new_model_version(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let key = fields.string("key")?.unwrap_or_default();
        let value = fields.string("value")?.unwrap_or_default();
        Ok(Self { key, value })
    }

    /// A tag of a model version.
    pub(crate) fn of_model_version(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let tag = Self::read(fields)?;
        tag.check_for_model_version()?;
        Ok(tag)
    }

    /// Refuses what no tag of a model version may be.
    pub(crate) fn check_for_model_version(&self) -> Result<(), InvalidParameter> {
        check_key("key", "key", &self.key)?;
        let checked = check_length("value", &self.value, limits::MODEL_TAG_VALUE);
        if checked.is_err() && self.key == PROMPT_TEXT_TAG {
            return Err(InvalidParameter::new(format!(
                "Prompt text exceeds max length of {} characters.",
                limits::MODEL_TAG_VALUE
            )));
        }
        checked
    }

    /// The key of a tag in the model registry that goes.
    pub(crate) fn checked_key(fields: &mut Fields) -> Result<String, InvalidParameter> {
        let key = fields.required_string("key")?;
        check_name("key", &key)?;
        Ok(key)
    }

    /// A tag of a logged model.
    pub(crate) fn of_model(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let tag = Self::read(fields)?;
        check_length(&fields.label("key"), &tag.key, limits::MODEL_KEY)?;
        Ok(tag)
    }

    /// A tag of a run's input.
    pub(crate) fn of_input(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let tag = Self::read(fields)?;
        check_length("key", &tag.key, limits::INPUT_TAG_KEY)?;
        check_length("value", &tag.value, limits::INPUT_TAG_VALUE)?;
        Ok(tag)
    }
}

/// Whether tags make a prompt of what they hang on; of several values of a key, the last counts.
#[must_use]
pub fn are_of_prompt(tags: &[Tag]) -> bool {
    let last = tags.iter().rfind(|tag| tag.key == IS_PROMPT_TAG);
    last.is_some_and(|tag| tag.value.to_lowercase() == "true")
}

/// Refuses two tags with one key, where the database has room for one.
pub(crate) fn check_distinct(tags: &[Tag]) -> Result<(), InvalidParameter> {
    let repeated = repeated_keys(tags.iter().map(|tag| tag.key.as_str()));
    if repeated.is_empty() {
        return Ok(());
    }
    Err(InvalidParameter::new(format!(
        "Duplicate tag keys have been submitted: {}. \
         Please ensure the request contains only one tag value per tag key.",
        crate::python::repr_list(&repeated)
    )))
}

/// Keys that occur again, in the order in which they do.
pub(crate) fn repeated_keys<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::HashSet::new();
    let mut repeated = Vec::new();
    for key in keys {
        if !seen.insert(key) && !repeated.contains(&key) {
            repeated.push(key);
        }
    }
    repeated
}

/// `POST …/runs/set-tag`.
#[derive(Debug)]
pub struct SetTag {
    /// The run.
    pub run_id: RunId,
    /// What it gets.
    pub tag: Tag,
}

impl DecodeRequest for SetTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { run_id: fields.run_id()?, tag: Tag::of_run(fields)? })
    }
}

/// `POST …/runs/delete-tag`.
#[derive(Debug)]
pub struct DeleteTag {
    /// The run.
    pub run_id: RunId,
    /// The tag that goes.
    pub key: String,
}

impl DecodeRequest for DeleteTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { run_id: fields.run_id()?, key: fields.required_string("key")? })
    }
}

/// `POST …/experiments/set-experiment-tag`.
#[derive(Debug)]
pub struct SetExperimentTag {
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// What it gets.
    pub tag: Tag,
}

impl DecodeRequest for SetExperimentTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { experiment_id: fields.experiment_id()?, tag: Tag::of_experiment(fields)? })
    }
}

/// `POST …/experiments/delete-experiment-tag`.
#[derive(Debug)]
pub struct DeleteExperimentTag {
    /// The experiment.
    pub experiment_id: ExperimentId,
    /// The tag that goes.
    pub key: String,
}

impl DecodeRequest for DeleteExperimentTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { experiment_id: fields.experiment_id()?, key: fields.required_string("key")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LongValues, batch::LogBatch};

    fn decode<T: DecodeRequest>(json: &str) -> Result<T, String> {
        let mut fields = Fields::from_json(json.as_bytes()).unwrap();
        T::decode(&mut fields).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tag_without_a_value_is_empty() {
        let request: SetTag = decode(r#"{"run_id": "r", "key": "k"}"#).unwrap();
        assert_eq!(request.tag, Tag { key: "k".to_owned(), value: String::new() });
    }

    #[test]
    fn long_run_tags_are_cut_and_long_experiment_tags_refused() {
        let long = "x".repeat(8001);
        let request: SetTag =
            decode(&format!(r#"{{"run_id": "r", "key": "k", "value": "{long}"}}"#)).unwrap();
        assert_eq!(request.tag.value.len(), 8000);
        let long = "x".repeat(20_001);
        let refused = decode::<SetExperimentTag>(&format!(
            r#"{{"experiment_id": "1", "key": "k", "value": "{long}"}}"#
        ));
        assert_eq!(refused.unwrap_err(), "'value' exceeds the maximum length of 20000 characters");
    }

    #[test]
    fn an_operator_may_want_long_run_tags_refused() {
        let decode = |length: usize| {
            let json = format!(
                r#"{{"run_id": "r", "tags": [{{"key": "k", "value": "{}"}}]}}"#,
                "x".repeat(length)
            );
            let fields = Fields::from_json(json.as_bytes()).unwrap();
            LogBatch::decode(&mut fields.with_long_values(LongValues::Refuse))
        };
        assert!(decode(7999).is_ok());
        assert!(decode(8000).is_ok());
        assert_eq!(
            decode(8001).unwrap_err().to_string(),
            "'tags[0].value' exceeds the maximum length of 8000 characters"
        );
    }

    #[test]
    fn repeated_keys_are_listed_once_each() {
        let keys = ["d1", "d2", "d2", "d1", "d1", "e"];
        assert_eq!(repeated_keys(keys.into_iter()), ["d2", "d1"]);
    }
}
