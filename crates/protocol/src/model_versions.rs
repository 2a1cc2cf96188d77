//! Versions of registered models.

use crate::{
    DecodeRequest, Fields, InvalidParameter, PageToken, access::VisibleNames, check_length, limits,
    names::check_model_name, registered_models::read_name, tags::Tag,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::fmt;

/// The number of a version within its model: an integer in the database, a string on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionNumber(pub i64);

impl VersionNumber {
    /// `version`, which must be there.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Self::parse(&fields.required_string("version")?)
    }

    /// Reads the number of a request. An integer beyond 64 bits is the number of no version.
    pub fn parse(text: &str) -> Result<Self, InvalidParameter> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidParameter::new(format!(
                "Parameter 'version' must be an integer, got '{text}'."
            )));
        }
        let beyond = if trimmed.starts_with('-') { i64::MIN } else { i64::MAX };
        Ok(Self(trimmed.parse().unwrap_or(beyond)))
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for VersionNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a version is on its way into use. The reference calls stages deprecated; clients use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nowhere yet.
    None,
    /// It is tried.
    Staging,
    /// It is used.
    Production,
    /// It was used.
    Archived,
}

impl Stage {
    const ALL: [Self; 4] = [Self::None, Self::Staging, Self::Production, Self::Archived];

    /// Reads a stage, in any case.
    pub fn parse(text: &str) -> Result<Self, InvalidParameter> {
        let lower = text.to_lowercase();
        let known = Self::ALL.into_iter().find(|stage| stage.name().to_lowercase() == lower);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            InvalidParameter::new(format!(
                "Invalid Model Version stage: {text}. Value must be one of {names}."
            ))
        })
    }

    /// Its name, on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Staging => "Staging",
            Self::Production => "Production",
            Self::Archived => "Archived",
        }
    }

    /// Whether models in it are in use.
    fn is_active(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }
}

/// A version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ModelVersion {
    /// The model that it belongs to.
    pub name: String,
    /// Its number.
    pub version: VersionNumber,
    /// When it was made, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<i64>,
    /// When it changed last, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated_timestamp: Option<i64>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The name of its stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_stage: Option<String>,
    /// What users say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its files come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The run that made it; may be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Whether its files are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// More about its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// A link to the run, on another server perhaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_link: Option<String>,
    /// Its other names; answers about many versions leave them out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// `POST …/model-versions/create`. Its texts are looked at beside the database, in the order of the reference:
/// first the source, then [`Self::check_names`], and last [`Self::check_lengths`].
#[derive(Debug, Clone)]
pub struct CreateModelVersion {
    /// The model that it belongs to.
    pub name: String,
    /// Where its files lie.
    pub source: String,
    /// The run that made them. An empty one is not the same as none where a version is copied.
    pub run_id: Option<String>,
    /// Its first tags; of several values of a key, the last counts.
    pub tags: Vec<Tag>,
    /// A link to the run.
    pub run_link: String,
    /// What users say of it.
    pub description: String,
    /// The logged model that it is.
    pub model_id: Option<String>,
}

impl CreateModelVersion {
    /// Refuses a name or a tag that no version may have, which is told once the source is known to be good.
    pub fn check_names(&self) -> Result<(), InvalidParameter> {
        check_model_name("name", &self.name)?;
        self.tags.iter().try_for_each(Tag::check_for_model_version)
    }

    /// Refuses texts that are too long for their columns, which is told once the model is known to be there.
    pub fn check_lengths(&self) -> Result<(), InvalidParameter> {
        check_length("source", &self.source, limits::MODEL_SOURCE)?;
        let run_id = self.run_id.as_deref().unwrap_or_default();
        check_length("run_id", run_id, limits::MODEL_RUN_ID)?;
        check_length("run_link", &self.run_link, limits::MODEL_RUN_LINK)?;
        check_length("description", &self.description, limits::MODEL_DESCRIPTION)
    }
}

impl DecodeRequest for CreateModelVersion {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self {
            name: fields.required_string("name")?,
            source: fields.required_string("source")?,
            run_id: fields.string("run_id")?,
            tags: fields.objects("tags", Tag::of_new_model_version)?,
            run_link: fields.string("run_link")?.unwrap_or_default(),
            description: fields.string("description")?.unwrap_or_default(),
            model_id: fields.string("model_id")?,
        })
    }
}

/// The answer to all requests about one version.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ModelVersionResponse {
    /// The version.
    pub model_version: ModelVersion,
}

/// Names one version.
#[derive(Debug)]
pub struct VersionOf {
    /// The model.
    pub name: String,
    /// The number of the version.
    pub version: VersionNumber,
}

impl VersionOf {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)?, version: VersionNumber::read(fields)? })
    }

    /// A version whose parts come without the checks that requests have, so that they may be empty.
    pub fn parse(name: &str, version: &str) -> Result<Self, InvalidParameter> {
        check_model_name("name", name)?;
        Ok(Self { name: name.to_owned(), version: VersionNumber::parse(version)? })
    }
}

/// `GET …/model-versions/get`.
#[derive(Debug)]
pub struct GetModelVersion(pub VersionOf);

impl DecodeRequest for GetModelVersion {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        VersionOf::read(fields).map(Self)
    }
}

/// `PATCH …/model-versions/update`: another description.
#[derive(Debug)]
pub struct UpdateModelVersion {
    /// The version.
    pub of: VersionOf,
    /// What users say of it; absent takes it away.
    pub description: Option<String>,
}

impl DecodeRequest for UpdateModelVersion {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let of = VersionOf::read(fields)?;
        let description = fields.string("description")?;
        let text = description.as_deref().unwrap_or_default();
        check_length("description", text, limits::MODEL_DESCRIPTION)?;
        Ok(Self { of, description })
    }
}

/// `POST …/model-versions/transition-stage`.
#[derive(Debug)]
pub struct TransitionModelVersionStage {
    /// The version.
    pub of: VersionOf,
    /// Where it goes.
    pub stage: Stage,
    /// Whether versions that are there go to the archive.
    pub archive_existing_versions: bool,
}

impl DecodeRequest for TransitionModelVersionStage {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let of = VersionOf::read(fields)?;
        let given = fields.required_string("stage")?;
        let archives = fields.boolean("archive_existing_versions")?.unwrap_or(false);
        let stage = Stage::parse(&given)?;
        if archives && !stage.is_active() {
            return Err(InvalidParameter::new(format!(
                "Model version transition cannot archive existing model versions because '{given}' \
                 is not an Active stage. Valid stages are ['Staging', 'Production']"
            )));
        }
        Ok(Self { of, stage, archive_existing_versions: archives })
    }
}

/// `DELETE …/model-versions/delete`.
#[derive(Debug)]
pub struct DeleteModelVersion(pub VersionOf);

impl DecodeRequest for DeleteModelVersion {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        VersionOf::read(fields).map(Self)
    }
}

/// `GET …/model-versions/get-download-uri`.
#[derive(Debug)]
pub struct GetModelVersionDownloadUri(pub VersionOf);

impl DecodeRequest for GetModelVersionDownloadUri {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = fields.string("name")?.unwrap_or_default();
        let version = fields.string("version")?.unwrap_or_default();
        VersionOf::parse(&name, &version).map(Self)
    }
}

/// The answer to [`GetModelVersionDownloadUri`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetModelVersionDownloadUriResponse {
    /// Where the files of the version are read.
    pub artifact_uri: String,
}

/// `GET …/model-versions/search`.
#[derive(Debug)]
pub struct SearchModelVersions {
    /// What the versions must fulfil.
    pub filter: String,
    /// Versions at most.
    pub max_results: u64,
    /// In which order they come.
    pub order_by: Vec<String>,
    /// Where to start.
    pub page_token: PageToken,
    /// Which names the caller may see; clients don't say.
    pub visible: VisibleNames,
}

impl DecodeRequest for SearchModelVersions {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let filter = fields.string("filter")?.unwrap_or_default();
        let most = limits::SEARCH_MODEL_VERSIONS_RESULTS;
        let given = fields.integer("max_results")?.unwrap_or(most);
        if given > most {
            return Err(InvalidParameter::wrong_type("max_results", &given.into()));
        }
        let max_results = u64::try_from(given).ok().filter(|given| *given > 0);
        let max_results = max_results.ok_or_else(|| {
            InvalidParameter::new(format!(
                "Invalid value for max_results. It must be a positive integer, but got {given}"
            ))
        })?;
        let order_by = fields.strings("order_by")?;
        let page_token = PageToken::read(fields)?;
        let visible = VisibleNames::default();
        Ok(Self { filter, max_results, order_by, page_token, visible })
    }
}

/// The answer to [`SearchModelVersions`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchModelVersionsResponse {
    /// The versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_versions: Vec<ModelVersion>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<PageToken>,
}

/// `POST …/model-versions/set-tag`.
#[derive(Debug)]
pub struct SetModelVersionTag {
    /// The version.
    pub of: VersionOf,
    /// What it gets.
    pub tag: Tag,
}

impl DecodeRequest for SetModelVersionTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { of: VersionOf::read(fields)?, tag: Tag::of_model_version(fields)? })
    }
}

/// `DELETE …/model-versions/delete-tag`.
#[derive(Debug)]
pub struct DeleteModelVersionTag {
    /// The version.
    pub of: VersionOf,
    /// The tag that goes.
    pub key: String,
}

impl DecodeRequest for DeleteModelVersionTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { of: VersionOf::read(fields)?, key: Tag::checked_key(fields)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_integers() {
        let number = |text| VersionNumber::parse(text).map(|version| version.0);
        assert_eq!(number(" 01 "), Ok(1));
        assert_eq!(number("99999999999999999999"), Ok(i64::MAX));
        for bad in ["", "abc", "1.5", "1_0", "-"] {
            let message = number(bad).unwrap_err().to_string();
            assert_eq!(message, format!("Parameter 'version' must be an integer, got '{bad}'."));
        }
    }

    #[test]
    fn stages_are_read_in_any_case() {
        assert_eq!(Stage::parse("pRoDuction"), Ok(Stage::Production));
        let message = Stage::parse("Foo").unwrap_err().to_string();
        assert!(message.ends_with("one of None, Staging, Production, Archived."), "{message}");
    }
}
