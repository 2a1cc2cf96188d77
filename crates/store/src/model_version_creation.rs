//! New versions of registered models.

use crate::{
    Store, StoreError,
    artifact_uri::check_width,
    clock::now_ms,
    db::{Dialect, Transaction, insert},
    logged_model_details, logged_models, model_history,
    model_version_source::{Origin, OriginOf},
    model_versions, registered_models,
    registry_tags::set_on_version,
    schema::WORKSPACE,
    tables::{LoggedModelTags, ModelVersions},
    webhook_news::{Subject, announce, told_tags},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    InvalidParameter, limits,
    model_versions::{CreateModelVersion, ModelVersion, Stage, VersionNumber, VersionOf},
    tags::{MODEL_VERSIONS_TAG, PROMPT_TEXT_TAG, Tag, are_of_prompt},
    webhook_events::RegistryChange,
};
use sea_query::{Expr, ExprTrait, Func, Query};
use serde_json::{Value, json};
use std::sync::Arc;

/// The status of versions whose files are there, as those of all are that are made here.
const READY: &str = "READY";

impl Store {
    /// Makes a version of a registered model, with the next number.
    pub async fn create_model_version(
        &self,
        request: CreateModelVersion,
    ) -> Result<ModelVersion, StoreError> {
        let request = Arc::new(request);
        let root = Arc::clone(&self.artifact_root);
        let origin = self.ask(OriginOf { request: Arc::clone(&request), root }).await?;
        self.write(NewVersion { request, origin }).await
    }
}

struct NewVersion {
    request: Arc<CreateModelVersion>,
    origin: Origin,
}

impl Change for NewVersion {
    type Output = ModelVersion;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.request.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<ModelVersion, StoreError> {
        let name = &self.request.name;
        registered_models::existing(transaction, name).await?;
        self.request.check_lengths()?;
        let now = now_ms();
        registered_models::touch(transaction, name, now).await?;
        let version = next_number(transaction, name).await?;
        self.insert(transaction, version, now).await?;
        set_on_version(transaction, name, version, &self.request.tags).await?;
        if let Some(model) = &self.origin.logged_model {
            note_on_logged_model(transaction, model, name, version).await?;
        }
        let subject = Subject { name, is_prompt: Some(are_of_prompt(&self.request.tags)) };
        announce(transaction, RegistryChange::VersionCreated, subject, |is_prompt| {
            self.told(version, is_prompt)
        })
        .await?;
        model_versions::find(transaction, &VersionOf { name: name.clone(), version }).await
    }
}

impl NewVersion {
    /// What webhooks are told.
    fn told(&self, version: VersionNumber, is_prompt: bool) -> Value {
        let CreateModelVersion { name, tags, description, .. } = &*self.request;
        let description = Some(description).filter(|text| !text.is_empty());
        let version = version.to_string();
        let mut tags = told_tags(tags, is_prompt);
        if is_prompt {
            let template = tags.shift_remove(PROMPT_TEXT_TAG);
            return json!({
                "name": name,
                "version": version,
                "template": template,
                "tags": tags,
                "description": description,
            });
        }
        let run_id = self.origin.run_id.as_deref().filter(|run| !run.is_empty());
        json!({
            "name": name,
            "version": version,
            "source": self.origin.source,
            "run_id": run_id,
            "tags": tags,
            "description": description,
        })
    }

    async fn insert(
        &self,
        transaction: &mut Transaction,
        version: VersionNumber,
        now: i64,
    ) -> Result<(), StoreError> {
        let Origin { source, storage_location, run_id, .. } = &self.origin;
        let has_widths = transaction.dialect() == Dialect::Postgres;
        let limit = limits::MODEL_SOURCE;
        check_width("location of the model version", storage_location, limit, has_widths)?;
        let columns = [
            ModelVersions::Name,
            ModelVersions::Version,
            ModelVersions::CreationTime,
            ModelVersions::LastUpdatedTime,
            ModelVersions::Description,
            ModelVersions::CurrentStage,
            ModelVersions::Source,
            ModelVersions::StorageLocation,
            ModelVersions::RunId,
            ModelVersions::RunLink,
            ModelVersions::Status,
            ModelVersions::Workspace,
        ];
        let row = [
            self.request.name.as_str().into(),
            version.0.into(),
            now.into(),
            now.into(),
            self.request.description.as_str().into(),
            Stage::None.name().into(),
            source.as_str().into(),
            storage_location.as_str().into(),
            run_id.clone().into(),
            self.request.run_link.as_str().into(),
            READY.into(),
            WORKSPACE.into(),
        ];
        transaction.insert(&insert(ModelVersions::Table, columns, [row])).await?;
        Ok(())
    }
}

/// The number after all that a model ever had.
async fn next_number(
    transaction: &mut Transaction,
    name: &str,
) -> Result<VersionNumber, StoreError> {
    let select = Query::select()
        .expr_as(Func::max(Expr::col(ModelVersions::Version)), ModelVersions::Version)
        .from(ModelVersions::Table)
        .and_where(Expr::col(ModelVersions::Workspace).eq(WORKSPACE))
        .and_where(Expr::col(ModelVersions::Name).eq(name))
        .take();
    let row = transaction.fetch_optional(&select).await?;
    let last: Option<i64> = row.map(|row| row.get(ModelVersions::Version)).transpose()?.flatten();
    Ok(VersionNumber(last.unwrap_or(0) + 1))
}

/// Adds a version to the list of those that a logged model became, which is one of its tags.
async fn note_on_logged_model(
    transaction: &mut Transaction,
    id: &str,
    name: &str,
    version: VersionNumber,
) -> Result<(), StoreError> {
    // Others may be adding to the list, too.
    let model = logged_models::held_active(transaction, id).await?;
    let select = Query::select()
        .column(LoggedModelTags::TagValue)
        .from(LoggedModelTags::Table)
        .and_where(Expr::col(LoggedModelTags::ModelId).eq(id))
        .and_where(Expr::col(LoggedModelTags::TagKey).eq(MODEL_VERSIONS_TAG))
        .take();
    let row = transaction.fetch_optional(&select).await?;
    let list: Option<String> = row.map(|row| row.get(LoggedModelTags::TagValue)).transpose()?;
    let entry = format!("{{\"name\": {}, \"version\": {version}}}", serde_json::Value::from(name));
    let list = list.filter(|list| !list.is_empty()).unwrap_or_else(|| "[]".to_owned());
    let value = model_history::with_entry(&list, &entry).ok_or_else(|| {
        InvalidParameter::new(format!(
            "The tag '{MODEL_VERSIONS_TAG}' of logged model '{id}' is not a JSON list, so that no version \
             can be added to it. Delete the tag first."
        ))
    })?;
    let tag = Tag { key: MODEL_VERSIONS_TAG.to_owned(), value };
    logged_model_details::set_tags(transaction, &model, &[tag]).await?;
    Ok(())
}
