//! Registered models: names under which versions of models are found.

use crate::{
    DecodeRequest, Fields, InvalidParameter, PageToken,
    access::VisibleNames,
    check_length, limits,
    model_versions::{ModelVersion, VersionNumber},
    names::check_model_name,
    tags::Tag,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A registered model, or a prompt where its tags say so.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RegisteredModel {
    /// Its name, unique among all.
    pub name: String,
    /// When it was made, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<i64>,
    /// When it, or the versions that it has, changed last, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated_timestamp: Option<i64>,
    /// What users say of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The newest version of each stage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub latest_versions: Vec<ModelVersion>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Other names of its versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
}

/// Another name of a version.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Alias {
    /// The name, unique within the model.
    pub alias: String,
    /// The version.
    pub version: VersionNumber,
}

/// The name of a registered model.
pub(crate) fn read_name(fields: &mut Fields) -> Result<String, InvalidParameter> {
    let name = fields.required_string("name")?;
    check_model_name("name", &name)?;
    Ok(name)
}

/// What a model or a version is described by; absent is empty.
pub(crate) fn read_description(fields: &mut Fields) -> Result<String, InvalidParameter> {
    let description = fields.string("description")?.unwrap_or_default();
    check_length("description", &description, limits::MODEL_DESCRIPTION)?;
    Ok(description)
}

/// An alias, of letters, digits, `_` and `-`.
fn read_alias(fields: &mut Fields) -> Result<String, InvalidParameter> {
    let alias = fields.required_string("alias")?;
    // A newline at the end passes the reference's expression, and belongs to no alias.
    if !alias.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
        return Err(InvalidParameter::new(format!(
            "Invalid alias name: '{alias}'. \
             Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )));
    }
    check_length("Registered model alias name", &alias, limits::MODEL_ALIAS)?;
    Ok(alias)
}

/// Refuses aliases that mean something else where models are named.
fn check_not_reserved(alias: &str) -> Result<(), InvalidParameter> {
    if is_latest(alias) {
        return Err(InvalidParameter::new("'latest' alias name (case insensitive) is reserved."));
    }
    let digits = alias.strip_prefix(['v', 'V']);
    if digits.is_some_and(|rest| !rest.is_empty() && rest.chars().all(char::is_numeric)) {
        return Err(InvalidParameter::new(format!("Version alias name '{alias}' is reserved.")));
    }
    Ok(())
}

/// Whether an alias is the one that every model has: its newest version.
#[must_use]
pub fn is_latest(alias: &str) -> bool {
    alias.to_lowercase() == "latest"
}

/// `POST …/registered-models/create`.
#[derive(Debug)]
pub struct CreateRegisteredModel {
    /// Its name.
    pub name: String,
    /// Its first tags; of several values of a key, the last counts.
    pub tags: Vec<Tag>,
    /// What users say of it.
    pub description: String,
}

impl DecodeRequest for CreateRegisteredModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = read_name(fields)?;
        let tags = fields.objects("tags", Tag::of_registered_model)?;
        let description = read_description(fields)?;
        check_length("name", &name, limits::REGISTERED_MODEL_NAME)?;
        Ok(Self { name, tags, description })
    }
}

/// `GET …/registered-models/get`.
#[derive(Debug)]
pub struct GetRegisteredModel {
    /// The model.
    pub name: String,
}

impl DecodeRequest for GetRegisteredModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)? })
    }
}

/// The answer to all requests about one registered model.
#[derive(Debug, JsonSchema, Serialize)]
pub struct RegisteredModelResponse {
    /// The model.
    pub registered_model: RegisteredModel,
}

/// `PATCH …/registered-models/update`: another description.
#[derive(Debug)]
pub struct UpdateRegisteredModel {
    /// The model.
    pub name: String,
    /// What users say of it.
    pub description: String,
}

impl DecodeRequest for UpdateRegisteredModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)?, description: read_description(fields)? })
    }
}

/// `POST …/registered-models/rename`.
#[derive(Debug)]
pub struct RenameRegisteredModel {
    /// The model.
    pub name: String,
    /// Its new name.
    pub new_name: String,
}

impl DecodeRequest for RenameRegisteredModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = read_name(fields)?;
        let new_name = fields.required_string("new_name")?;
        check_model_name("new_name", &new_name)?;
        check_length("new_name", &new_name, limits::REGISTERED_MODEL_NAME)?;
        Ok(Self { name, new_name })
    }
}

/// `DELETE …/registered-models/delete`.
#[derive(Debug)]
pub struct DeleteRegisteredModel {
    /// The model.
    pub name: String,
}

impl DecodeRequest for DeleteRegisteredModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)? })
    }
}

/// `GET …/registered-models/search`.
#[derive(Debug)]
pub struct SearchRegisteredModels {
    /// What the models must fulfil.
    pub filter: String,
    /// Models at most; none is allowed, and finds out whether there are any.
    pub max_results: u64,
    /// In which order they come.
    pub order_by: Vec<String>,
    /// Where to start.
    pub page_token: PageToken,
    /// Which names the caller may see; clients don't say.
    pub visible: VisibleNames,
}

impl DecodeRequest for SearchRegisteredModels {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let filter = fields.string("filter")?.unwrap_or_default();
        let given = fields.integer("max_results")?;
        let given = given.unwrap_or(limits::SEARCH_REGISTERED_MODELS_DEFAULT_RESULTS);
        if given > limits::SEARCH_REGISTERED_MODELS_RESULTS {
            return Err(InvalidParameter::wrong_type("max_results", &given.into()));
        }
        let max_results = u64::try_from(given).map_err(|_| {
            let reason = "It must not be negative.";
            InvalidParameter::value("max_results", given, reason)
        })?;
        let order_by = fields.strings("order_by")?;
        let page_token = PageToken::read(fields)?;
        let visible = VisibleNames::default();
        Ok(Self { filter, max_results, order_by, page_token, visible })
    }
}

/// The answer to [`SearchRegisteredModels`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchRegisteredModelsResponse {
    /// The models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registered_models: Vec<RegisteredModel>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<PageToken>,
}

/// `GET` and `POST …/registered-models/get-latest-versions`.
#[derive(Debug)]
pub struct GetLatestVersions {
    /// The model.
    pub name: String,
    /// The stages that are asked for; none is all of them. Whether there are such is asked later.
    pub stages: Vec<String>,
}

impl DecodeRequest for GetLatestVersions {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)?, stages: fields.strings("stages")? })
    }
}

/// The answer to [`GetLatestVersions`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct GetLatestVersionsResponse {
    /// The newest version of each stage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_versions: Vec<ModelVersion>,
}

/// `POST …/registered-models/set-tag`.
#[derive(Debug)]
pub struct SetRegisteredModelTag {
    /// The model.
    pub name: String,
    /// What it gets.
    pub tag: Tag,
}

impl DecodeRequest for SetRegisteredModelTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)?, tag: Tag::of_registered_model(fields)? })
    }
}

/// `DELETE …/registered-models/delete-tag`.
#[derive(Debug)]
pub struct DeleteRegisteredModelTag {
    /// The model.
    pub name: String,
    /// The tag that goes.
    pub key: String,
}

impl DecodeRequest for DeleteRegisteredModelTag {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)?, key: Tag::checked_key(fields)? })
    }
}

/// `POST …/registered-models/alias`.
#[derive(Debug)]
pub struct SetRegisteredModelAlias {
    /// The model.
    pub name: String,
    /// The name that the version gets; another version that has it loses it.
    pub alias: String,
    /// The version.
    pub version: VersionNumber,
}

impl DecodeRequest for SetRegisteredModelAlias {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = read_name(fields)?;
        let alias = read_alias(fields)?;
        check_not_reserved(&alias)?;
        Ok(Self { name, alias, version: VersionNumber::read(fields)? })
    }
}

/// `DELETE …/registered-models/alias`.
#[derive(Debug)]
pub struct DeleteRegisteredModelAlias {
    /// The model.
    pub name: String,
    /// The alias that goes.
    pub alias: String,
}

impl DecodeRequest for DeleteRegisteredModelAlias {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)?, alias: read_alias(fields)? })
    }
}

/// `GET …/registered-models/alias`.
#[derive(Debug)]
pub struct GetModelVersionByAlias {
    /// The model.
    pub name: String,
    /// The alias of the version; `latest` is the newest one.
    pub alias: String,
}

impl DecodeRequest for GetModelVersionByAlias {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { name: read_name(fields)?, alias: read_alias(fields)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<T: DecodeRequest>(json: &str) -> Result<T, String> {
        T::decode(&mut Fields::from_json(json.as_bytes()).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn names_are_no_paths() {
        let refused = |json| decode::<GetRegisteredModel>(json).unwrap_err();
        assert_eq!(refused(r#"{"name": " "}"#), "Missing value for required parameter 'name'.");
        assert_eq!(
            refused(r#"{"name": "a/b"}"#),
            "Invalid model name 'a/b'. Names cannot contain '/' or ':'."
        );
        assert!(refused(r#"{"name": ".."}"#).contains("would resolve to '..'"));
        assert!(decode::<GetRegisteredModel>(r#"{"name": "a*b ü"}"#).is_ok());
    }

    #[test]
    fn some_aliases_are_reserved() {
        let refusal = |alias: &str| {
            let json = format!(r#"{{"name": "m", "alias": "{alias}", "version": "1"}}"#);
            decode::<SetRegisteredModelAlias>(&json).err().unwrap_or_default()
        };
        assert!(refusal("Latest").contains("is reserved"));
        assert_eq!(refusal("V12"), "Version alias name 'V12' is reserved.");
        assert!(refusal("a b").contains("Invalid alias name: 'a b'."));
        for good in ["champion", "v", "v1a", "1", "größe", "a-b_c"] {
            assert_eq!(refusal(good), "", "{good}");
        }
        assert_eq!(refusal(&"a".repeat(255)), "");
        assert!(refusal(&"a".repeat(256)).contains("255 characters"));
    }
}
