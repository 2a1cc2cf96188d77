//! Other names of model versions.

use crate::{
    Store, StoreError,
    db::{Transaction, insert},
    model_versions,
    reads::Question,
    registered_models,
    schema::WORKSPACE,
    tables::RegisteredModelAliases,
    webhook_news::{Subject, announce},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    model_versions::{ModelVersion, VersionNumber, VersionOf},
    registered_models::{
        DeleteRegisteredModelAlias, GetModelVersionByAlias, SetRegisteredModelAlias, is_latest,
    },
    webhook_events::RegistryChange,
};
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde_json::json;

impl Store {
    /// Gives a model version another name, which another version may lose by that.
    pub async fn set_registered_model_alias(
        &self,
        request: SetRegisteredModelAlias,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Removes an alias, if it is there.
    pub async fn delete_registered_model_alias(
        &self,
        request: DeleteRegisteredModelAlias,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// The model version with an alias.
    pub async fn get_model_version_by_alias(
        &self,
        request: GetModelVersionByAlias,
    ) -> Result<ModelVersion, StoreError> {
        self.ask(request).await
    }
}

impl Change for SetRegisteredModelAlias {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let of = VersionOf { name: self.name.clone(), version: self.version };
        model_versions::existing(transaction, &of).await?;
        let columns = [
            RegisteredModelAliases::Alias,
            RegisteredModelAliases::Version,
            RegisteredModelAliases::Name,
            RegisteredModelAliases::Workspace,
        ];
        let row = [
            self.alias.as_str().into(),
            self.version.0.into(),
            self.name.as_str().into(),
            WORKSPACE.into(),
        ];
        let replace = OnConflict::columns([
            RegisteredModelAliases::Workspace,
            RegisteredModelAliases::Name,
            RegisteredModelAliases::Alias,
        ])
        .update_column(RegisteredModelAliases::Version)
        .to_owned();
        let mut insertion = insert(RegisteredModelAliases::Table, columns, [row]);
        transaction.insert(insertion.on_conflict(replace)).await?;
        announce(transaction, RegistryChange::AliasSet, Subject::named(&self.name), |_| {
            let version = self.version.to_string();
            json!({"name": self.name, "alias": self.alias, "version": version})
        })
        .await?;
        Ok(())
    }
}

impl Change for DeleteRegisteredModelAlias {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        registered_models::existing(transaction, &self.name).await?;
        delete(transaction, &self.name, Expr::col(RegisteredModelAliases::Alias).eq(&self.alias))
            .await?;
        announce(
            transaction,
            RegistryChange::AliasDeleted,
            Subject::named(&self.name),
            |_| json!({"name": self.name, "alias": self.alias}),
        )
        .await?;
        Ok(())
    }
}

impl Question for GetModelVersionByAlias {
    type Answer = ModelVersion;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<ModelVersion, StoreError> {
        registered_models::check_existence(transaction, &self.name).await?;
        let version = if is_latest(&self.alias) {
            let newest = model_versions::newest(transaction, &self.name, None).await?;
            newest.ok_or_else(|| StoreError::NoLatestVersion(self.name.clone()))?
        } else {
            with_alias(transaction, &self.name, &self.alias).await?
        };
        model_versions::find(transaction, &VersionOf { name: self.name.clone(), version }).await
    }
}

/// The number of the version that has an alias.
pub(crate) async fn with_alias(
    transaction: &mut Transaction,
    name: &str,
    alias: &str,
) -> Result<VersionNumber, StoreError> {
    let select = Query::select()
        .column(RegisteredModelAliases::Version)
        .from(RegisteredModelAliases::Table)
        .and_where(Expr::col(RegisteredModelAliases::Workspace).eq(WORKSPACE))
        .and_where(Expr::col(RegisteredModelAliases::Name).eq(name))
        .and_where(Expr::col(RegisteredModelAliases::Alias).eq(alias))
        .take();
    let row = transaction.fetch_optional(&select).await?;
    let row = row.ok_or_else(|| StoreError::AliasNotFound(alias.to_owned()))?;
    Ok(VersionNumber(row.get(RegisteredModelAliases::Version)?))
}

/// Removes all names of a version but its number.
pub(crate) async fn delete_of_version(
    transaction: &mut Transaction,
    of: &VersionOf,
) -> Result<(), StoreError> {
    let which = Expr::col(RegisteredModelAliases::Version).eq(of.version.0);
    delete(transaction, &of.name, which).await
}

async fn delete(transaction: &mut Transaction, name: &str, which: Expr) -> Result<(), StoreError> {
    let delete = Query::delete()
        .from_table(RegisteredModelAliases::Table)
        .and_where(Expr::col(RegisteredModelAliases::Workspace).eq(WORKSPACE))
        .and_where(Expr::col(RegisteredModelAliases::Name).eq(name))
        .and_where(which)
        .take();
    transaction.execute(&delete).await?;
    Ok(())
}
