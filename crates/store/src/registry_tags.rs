//! Tags of registered models and of their versions.

use crate::{
    Store, StoreError,
    db::{Transaction, insert},
    model_versions, registered_models,
    schema::WORKSPACE,
    tables::{ModelVersionTags, RegisteredModelTags},
    tags::last_of_each_key,
    webhook_news::{Subject, announce},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    model_versions::{DeleteModelVersionTag, SetModelVersionTag, VersionNumber, VersionOf},
    registered_models::{DeleteRegisteredModelTag, SetRegisteredModelTag},
    tags::Tag,
    webhook_events::RegistryChange,
};
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde_json::json;

impl Store {
    /// Sets a tag of a registered model, or changes it.
    pub async fn set_registered_model_tag(
        &self,
        request: SetRegisteredModelTag,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Removes a tag of a registered model, if it has it.
    pub async fn delete_registered_model_tag(
        &self,
        request: DeleteRegisteredModelTag,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Sets a tag of a model version, or changes it.
    pub async fn set_model_version_tag(
        &self,
        request: SetModelVersionTag,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Removes a tag of a model version, if it has it.
    pub async fn delete_model_version_tag(
        &self,
        request: DeleteModelVersionTag,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for SetRegisteredModelTag {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        registered_models::existing(transaction, &self.name).await?;
        set_on_model(transaction, &self.name, std::slice::from_ref(&self.tag)).await?;
        let Tag { key, value } = &self.tag;
        announce(
            transaction,
            RegistryChange::TagSet,
            Subject::named(&self.name),
            |_| json!({"name": self.name, "key": key, "value": value}),
        )
        .await?;
        Ok(())
    }
}

impl Change for DeleteRegisteredModelTag {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        registered_models::existing(transaction, &self.name).await?;
        let delete = Query::delete()
            .from_table(RegisteredModelTags::Table)
            .and_where(Expr::col(RegisteredModelTags::Workspace).eq(WORKSPACE))
            .and_where(Expr::col(RegisteredModelTags::Name).eq(self.name.as_str()))
            .and_where(Expr::col(RegisteredModelTags::Key).eq(self.key.as_str()))
            .take();
        transaction.execute(&delete).await?;
        announce(
            transaction,
            RegistryChange::TagDeleted,
            Subject::named(&self.name),
            |_| json!({"name": self.name, "key": self.key}),
        )
        .await?;
        Ok(())
    }
}

impl Change for SetModelVersionTag {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.of.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        model_versions::existing(transaction, &self.of).await?;
        let tags = std::slice::from_ref(&self.tag);
        let VersionOf { name, version } = &self.of;
        set_on_version(transaction, name, *version, tags).await?;
        let Tag { key, value } = &self.tag;
        announce(
            transaction,
            RegistryChange::VersionTagSet,
            Subject::named(name),
            |_| json!({"name": name, "version": version.to_string(), "key": key, "value": value}),
        )
        .await?;
        Ok(())
    }
}

impl Change for DeleteModelVersionTag {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.of.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        model_versions::existing(transaction, &self.of).await?;
        let delete = Query::delete()
            .from_table(ModelVersionTags::Table)
            .and_where(Expr::col(ModelVersionTags::Workspace).eq(WORKSPACE))
            .and_where(Expr::col(ModelVersionTags::Name).eq(self.of.name.as_str()))
            .and_where(Expr::col(ModelVersionTags::Version).eq(self.of.version.0))
            .and_where(Expr::col(ModelVersionTags::Key).eq(self.key.as_str()))
            .take();
        transaction.execute(&delete).await?;
        let VersionOf { name, version } = &self.of;
        announce(
            transaction,
            RegistryChange::VersionTagDeleted,
            Subject::named(name),
            |_| json!({"name": name, "version": version.to_string(), "key": self.key}),
        )
        .await?;
        Ok(())
    }
}

/// Sets tags of a registered model.
pub(crate) async fn set_on_model(
    transaction: &mut Transaction,
    name: &str,
    tags: &[Tag],
) -> Result<(), StoreError> {
    let columns = [
        RegisteredModelTags::Key,
        RegisteredModelTags::Value,
        RegisteredModelTags::Name,
        RegisteredModelTags::Workspace,
    ];
    let key = [RegisteredModelTags::Workspace, RegisteredModelTags::Key, RegisteredModelTags::Name];
    let tags: Vec<_> = last_of_each_key(tags).into_iter().collect();
    let rows = tags
        .iter()
        .map(|(key, value)| [(*key).into(), (*value).into(), name.into(), WORKSPACE.into()]);
    let mut statement = insert(RegisteredModelTags::Table, columns, rows);
    let replace = OnConflict::columns(key).update_column(RegisteredModelTags::Value).to_owned();
    transaction.insert(statement.on_conflict(replace)).await?;
    Ok(())
}

/// Sets tags of a model version.
pub(crate) async fn set_on_version(
    transaction: &mut Transaction,
    name: &str,
    version: VersionNumber,
    tags: &[Tag],
) -> Result<(), StoreError> {
    let columns = [
        ModelVersionTags::Key,
        ModelVersionTags::Value,
        ModelVersionTags::Name,
        ModelVersionTags::Version,
        ModelVersionTags::Workspace,
    ];
    let key = [
        ModelVersionTags::Workspace,
        ModelVersionTags::Key,
        ModelVersionTags::Name,
        ModelVersionTags::Version,
    ];
    let tags: Vec<_> = last_of_each_key(tags).into_iter().collect();
    let rows = tags.iter().map(|(key, value)| {
        [(*key).into(), (*value).into(), name.into(), version.0.into(), WORKSPACE.into()]
    });
    let mut statement = insert(ModelVersionTags::Table, columns, rows);
    let replace = OnConflict::columns(key).update_column(ModelVersionTags::Value).to_owned();
    transaction.insert(statement.on_conflict(replace)).await?;
    Ok(())
}
