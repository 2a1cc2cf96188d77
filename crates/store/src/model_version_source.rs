//! Where a new model version comes from, and whether the request may claim so.
//!
//! A source that lies in this server's own storage, or in a local folder, is good only together with the run
//! or the logged model that it belongs to: whoever may make versions could otherwise read all there is.

use crate::{
    StoreError,
    artifact_uri::ArtifactRoot,
    db::Transaction,
    logged_models, model_aliases,
    model_versions::{self, location_and_run_of},
    reads::Question,
    registered_models, registry_details, runs,
    source_uri::{ModelsUri, SourceKind, check_absolute, is_within, no_such_resource, run_of},
};
use mlferry_protocol::{
    InvalidParameter, RunId,
    model_versions::{CreateModelVersion, Stage, VersionOf},
    tags,
};
use std::sync::Arc;

/// The sources of prompts, which have no files.
const PROMPT_SOURCES: [&str; 2] = ["dummy-source", "prompt-template"];

/// Where a new version comes from.
pub(crate) struct Origin {
    /// What users see as its source.
    pub(crate) source: String,
    /// Where its files are read.
    pub(crate) storage_location: String,
    /// The run that made it.
    pub(crate) run_id: Option<String>,
    /// The logged model that it is.
    pub(crate) logged_model: Option<String>,
}

/// Asks where a new version comes from, and refuses what may not be its source.
pub(crate) struct OriginOf {
    pub(crate) request: Arc<CreateModelVersion>,
    pub(crate) root: Arc<ArtifactRoot>,
}

impl Question for OriginOf {
    type Answer = Origin;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Origin, StoreError> {
        let request = &self.request;
        self.root.check_source_pattern(&request.source)?;
        let is_prompt = tags::are_of_prompt(&request.tags);
        if is_prompt && !PROMPT_SOURCES.contains(&request.source.as_str()) {
            return Err(bad_source(
                &request.source,
                "prompt",
                "Prompt sources must use an MLflow placeholder.",
            ));
        }
        self.root.check_source_host(&request.source)?;
        let mut origin = match self.copied(transaction, is_prompt).await? {
            Some(origin) => origin,
            None => Origin {
                source: request.source.clone(),
                storage_location: request.source.clone(),
                run_id: Some(request.run_id.clone().unwrap_or_default()),
                logged_model: request.model_id.clone().filter(|id| !id.is_empty()),
            },
        };
        if !is_prompt {
            self.check(transaction, &origin).await?;
        }
        request.check_names()?;
        // Only models tell of their versions, so that a prompt that names its run needs no logged model.
        if is_prompt && origin.run_id.as_deref().is_some_and(|run| !run.is_empty()) {
            origin.logged_model = None;
        }
        self.complete(transaction, &mut origin).await?;
        origin.logged_model = origin.logged_model.filter(|_| !is_prompt);
        Ok(origin)
    }
}

impl OriginOf {
    /// What the version is that the source names, if it names one: the new version is another of the same.
    async fn copied(
        &self,
        transaction: &mut Transaction,
        is_prompt: bool,
    ) -> Result<Option<Origin>, StoreError> {
        let source = self.request.source.as_str();
        if is_prompt || SourceKind::of(source)? != SourceKind::Models {
            return Ok(None);
        }
        let uri = ModelsUri::parse(source)?;
        if matches!(uri, ModelsUri::LoggedModel(_)) {
            return Ok(None);
        }
        let of = named_version(transaction, source, &uri).await?;
        let (storage_location, original_run) = location_and_run_of(transaction, &of).await?;
        let differs = |given: &Option<String>, original: Option<&str>| {
            given.as_deref().is_some_and(|given| given != original.unwrap_or_default())
        };
        // Versions don't keep the id of their logged model, so a copy can't be given one.
        if differs(&self.request.run_id, original_run.as_deref())
            || differs(&self.request.model_id, None)
        {
            let reason = "The run_id and model_id request parameters must match the referenced model version.";
            return Err(bad_source(source, "model version", reason));
        }
        Ok(Some(Origin {
            source: format!("models:/{}/{}", of.name, of.version),
            storage_location,
            run_id: self.request.run_id.clone().or(original_run),
            logged_model: None,
        }))
    }

    /// Refuses a source that is not the run's, or not the logged model's.
    async fn check(
        &self,
        transaction: &mut Transaction,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let source = origin.source.as_str();
        let kind = SourceKind::of(source)?;
        let (owner, id) = match &origin.logged_model {
            Some(model) => ("model_id", Some(model.as_str())),
            None => ("run_id", origin.run_id.as_deref().filter(|run| !run.is_empty())),
        };
        if kind != SourceKind::Local {
            check_absolute(source)?;
        }
        let is_owned = match kind {
            SourceKind::Other => true,
            SourceKind::Runs => {
                owner == "run_id" && id.is_some_and(|id| run_of(source) == Some(id))
            }
            SourceKind::Models => match ModelsUri::parse(source)? {
                ModelsUri::LoggedModel(model) if owner == "model_id" => id == Some(model),
                ModelsUri::LoggedModel(_) => {
                    return Err(no_such_resource(source, "model_id").into());
                }
                _ => true,
            },
            SourceKind::Proxied | SourceKind::Local => {
                let root = match id {
                    Some(id) => Some(root_of(transaction, source, owner, id).await?),
                    None => None,
                };
                root.is_some_and(|root| match kind {
                    SourceKind::Local => {
                        SourceKind::of(&root).is_ok_and(|kind| kind == SourceKind::Local)
                            && self.root.is_local_within(source, &root)
                    }
                    _ => is_within(source, &root),
                })
            }
        };
        match kind {
            _ if is_owned => Ok(()),
            SourceKind::Local => Err(bad_source(
                source,
                "model version",
                &format!(
                    "To use a local path as a model version source, the {owner} request parameter has to be \
                     specified and the local path has to be contained within the artifact directory of the \
                     run specified by the {owner}."
                ),
            )),
            _ => Err(no_such_resource(source, owner).into()),
        }
    }

    /// Fills in what the logged model knows: its run, and where its files lie.
    async fn complete(
        &self,
        transaction: &mut Transaction,
        origin: &mut Origin,
    ) -> Result<(), StoreError> {
        let Some(id) = &origin.logged_model else { return Ok(()) };
        let model = logged_models::active(transaction, id).await?;
        let is_source = matches!(ModelsUri::parse(&origin.source), Ok(ModelsUri::LoggedModel(_)));
        if is_source {
            origin.storage_location = model.artifact_uri;
        }
        if origin.run_id.as_deref().unwrap_or_default().is_empty() {
            origin.run_id = model.source_run_id.map(|run| run.as_str().to_owned());
        }
        Ok(())
    }
}

/// The version that a `models:` URI names.
pub(crate) async fn named_version(
    transaction: &mut Transaction,
    source: &str,
    uri: &ModelsUri<'_>,
) -> Result<VersionOf, StoreError> {
    let (ModelsUri::LoggedModel(name)
    | ModelsUri::Version { name, .. }
    | ModelsUri::Alias { name, .. }
    | ModelsUri::Stage { name, .. }
    | ModelsUri::Latest { name }) = uri;
    VersionOf::parse(name, "1")?;
    registered_models::check_existence(transaction, name).await?;
    if tags::are_of_prompt(&registry_details::tags_of_model(transaction, name).await?) {
        let reason = "Prompt versions cannot be used as model version sources.";
        return Err(bad_source(source, "model version", reason));
    }
    let in_stage = match uri {
        ModelsUri::Version { version, .. } => return Ok(VersionOf::parse(name, version)?),
        ModelsUri::Alias { alias, .. } => {
            let version = model_aliases::with_alias(transaction, name, alias).await?;
            return Ok(VersionOf { name: (*name).to_owned(), version });
        }
        ModelsUri::Stage { stage, .. } => Some(*stage),
        ModelsUri::Latest { .. } | ModelsUri::LoggedModel(_) => None,
    };
    let stage = in_stage.map(Stage::parse).transpose()?;
    let newest = model_versions::newest(transaction, name, stage).await?;
    let none = || StoreError::NoVersions {
        name: (*name).to_owned(),
        in_stage: in_stage.map(|stage| format!(" and stage '{stage}'")).unwrap_or_default(),
    };
    Ok(VersionOf { name: (*name).to_owned(), version: newest.ok_or_else(none)? })
}

/// Below which the files of a run or a logged model lie.
async fn root_of(
    transaction: &mut Transaction,
    source: &str,
    owner: &str,
    id: &str,
) -> Result<String, StoreError> {
    let root = if owner == "model_id" {
        logged_models::active(transaction, id).await.map(|model| model.artifact_uri)
    } else {
        runs::ArtifactUriOf(RunId::new(id)).answer(transaction).await
    };
    root.map_err(|error| match error {
        StoreError::RunNotFound(_) | StoreError::LoggedModelNotFound(_) => {
            no_such_resource(source, owner).into()
        }
        error => error,
    })
}

fn bad_source(source: &str, what: &str, reason: &str) -> StoreError {
    InvalidParameter::new(format!("Invalid {what} source: '{source}'. {reason}")).into()
}
