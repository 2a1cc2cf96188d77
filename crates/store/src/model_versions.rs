//! Versions of registered models.

use crate::{
    Store, StoreError,
    clock::now_ms,
    db::{DbError, Row, Transaction},
    model_aliases,
    model_version_search::ModelVersionSearch,
    reads::{Question, cut_page},
    registered_models,
    registry_details::{add_aliases_to_versions, add_tags_to_versions},
    schema::WORKSPACE,
    tables::ModelVersions,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    access::VisibleNames,
    model_versions::{
        DeleteModelVersion, GetModelVersion, GetModelVersionDownloadUri, ModelVersion,
        SearchModelVersions, SearchModelVersionsResponse, Stage, TransitionModelVersionStage,
        UpdateModelVersion, VersionNumber, VersionOf,
    },
};
use sea_query::{Expr, ExprTrait, LockType, Order, Query, SelectStatement, UpdateStatement};

/// The stage of versions that are deleted. Their rows stay, so that their numbers are not given again.
pub(crate) const DELETED: &str = "Deleted_Internal";

impl Store {
    /// A model version.
    pub async fn get_model_version(
        &self,
        request: GetModelVersion,
    ) -> Result<ModelVersion, StoreError> {
        self.ask(request).await
    }

    /// Where the files of a model version are read.
    pub async fn get_model_version_download_uri(
        &self,
        request: GetModelVersionDownloadUri,
    ) -> Result<String, StoreError> {
        self.ask(request).await
    }

    /// A page of model versions that fulfil a filter, in the order asked for, or latest changed first.
    pub async fn search_model_versions(
        &self,
        request: SearchModelVersions,
    ) -> Result<SearchModelVersionsResponse, StoreError> {
        self.ask(ModelVersionSearch::parse(request)?).await
    }

    /// The model versions that were made of runs and may be seen, latest changed first.
    pub async fn model_versions_of_runs(
        &self,
        runs: Vec<String>,
        visible: VisibleNames,
    ) -> Result<Vec<ModelVersion>, StoreError> {
        Ok(self.ask(ModelVersionSearch::of_runs(runs, visible)).await?.model_versions)
    }

    /// Gives a model version another description.
    pub async fn update_model_version(
        &self,
        request: UpdateModelVersion,
    ) -> Result<ModelVersion, StoreError> {
        self.write(request).await
    }

    /// Moves a model version to another stage.
    pub async fn transition_model_version_stage(
        &self,
        request: TransitionModelVersionStage,
    ) -> Result<ModelVersion, StoreError> {
        self.write(request).await
    }

    /// Deletes a model version. Its number is not given again.
    pub async fn delete_model_version(
        &self,
        request: DeleteModelVersion,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Question for GetModelVersion {
    type Answer = ModelVersion;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<ModelVersion, StoreError> {
        find(transaction, &self.0).await
    }
}

impl Question for GetModelVersionDownloadUri {
    type Answer = String;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<String, StoreError> {
        location_of(transaction, &self.0).await
    }
}

impl Question for ModelVersionSearch {
    type Answer = SearchModelVersionsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchModelVersionsResponse, StoreError> {
        let request = self.request();
        let mut rows = transaction.fetch_all(&self.select(transaction.dialect())).await?;
        let has_more = cut_page(&mut rows, request.max_results);
        let mut versions = rows.iter().map(version_of).collect::<Result<Vec<_>, _>>()?;
        add_tags_to_versions(transaction, &mut versions).await?;
        let next_page_token = has_more.then(|| request.page_token.after(versions.len()));
        Ok(SearchModelVersionsResponse { model_versions: versions, next_page_token })
    }
}

impl Change for UpdateModelVersion {
    type Output = ModelVersion;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.of.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<ModelVersion, StoreError> {
        existing(transaction, &self.of).await?;
        let update = update(&self.of.name, now_ms())
            .value(ModelVersions::Description, self.description.clone())
            .and_where(has_number(self.of.version))
            .take();
        transaction.execute(&update).await?;
        find(transaction, &self.of).await
    }
}

impl Change for TransitionModelVersionStage {
    type Output = ModelVersion;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.of.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<ModelVersion, StoreError> {
        existing(transaction, &self.of).await?;
        let VersionOf { name, version } = &self.of;
        let now = now_ms();
        if self.archive_existing_versions {
            let archive = update(name, now)
                .value(ModelVersions::CurrentStage, Stage::Archived.name())
                .and_where(has_number(*version).not())
                .and_where(Expr::col(ModelVersions::CurrentStage).eq(self.stage.name()))
                .take();
            transaction.execute(&archive).await?;
        }
        let update = update(name, now)
            .value(ModelVersions::CurrentStage, self.stage.name())
            .and_where(has_number(*version))
            .take();
        transaction.execute(&update).await?;
        registered_models::touch(transaction, name, now).await?;
        find(transaction, &self.of).await
    }
}

impl Change for DeleteModelVersion {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.0.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        existing(transaction, &self.0).await?;
        model_aliases::delete_of_version(transaction, &self.0).await?;
        let now = now_ms();
        // Its tags stay, as the reference leaves them.
        let update = update(&self.0.name, now)
            .value(ModelVersions::CurrentStage, DELETED)
            .value(ModelVersions::Description, None::<String>)
            .value(ModelVersions::UserId, None::<String>)
            .value(ModelVersions::Source, "REDACTED-SOURCE-PATH")
            .value(ModelVersions::RunId, "REDACTED-RUN-ID")
            .value(ModelVersions::RunLink, "REDACTED-RUN-LINK")
            .value(ModelVersions::StatusMessage, None::<String>)
            .and_where(has_number(self.0.version))
            .take();
        transaction.execute(&update).await?;
        registered_models::touch(transaction, &self.0.name, now).await?;
        Ok(())
    }
}

/// Locks the model of a version that must exist.
pub(crate) async fn existing(
    transaction: &mut Transaction,
    of: &VersionOf,
) -> Result<(), StoreError> {
    registered_models::lock(transaction, &of.name, LockType::NoKeyUpdate).await?;
    row_of(transaction, of).await.map(|_| ())
}

/// A version with all that it has.
pub(crate) async fn find(
    transaction: &mut Transaction,
    of: &VersionOf,
) -> Result<ModelVersion, StoreError> {
    let mut version = version_of(&row_of(transaction, of).await?)?;
    let versions = std::slice::from_mut(&mut version);
    add_tags_to_versions(transaction, versions).await?;
    add_aliases_to_versions(transaction, &of.name, versions).await?;
    Ok(version)
}

/// Where the files of a version are read.
pub(crate) async fn location_of(
    transaction: &mut Transaction,
    of: &VersionOf,
) -> Result<String, StoreError> {
    location_and_run_of(transaction, of).await.map(|(location, _)| location)
}

/// Where the files of a version are read, and the run that made them.
pub(crate) async fn location_and_run_of(
    transaction: &mut Transaction,
    of: &VersionOf,
) -> Result<(String, Option<String>), StoreError> {
    let row = row_of(transaction, of).await?;
    // Versions of old servers have their source only.
    let stored: Option<String> = row.get(ModelVersions::StorageLocation)?;
    let source: Option<String> = row.get(ModelVersions::Source)?;
    let location = stored.filter(|stored| !stored.is_empty()).or(source).unwrap_or_default();
    Ok((location, row.get(ModelVersions::RunId)?))
}

/// The number of the newest version of a model, in one stage or in any.
pub(crate) async fn newest(
    transaction: &mut Transaction,
    name: &str,
    stage: Option<Stage>,
) -> Result<Option<VersionNumber>, DbError> {
    let select = select_versions()
        .and_where(Expr::col(ModelVersions::Name).eq(name))
        .and_where_option(
            stage.map(|stage| Expr::col(ModelVersions::CurrentStage).eq(stage.name())),
        )
        .order_by(ModelVersions::Version, Order::Desc)
        .limit(1)
        .take();
    let row = transaction.fetch_optional(&select).await?;
    row.map(|row| row.get(ModelVersions::Version).map(VersionNumber)).transpose()
}

async fn row_of(transaction: &mut Transaction, of: &VersionOf) -> Result<Row, StoreError> {
    let select = select_versions()
        .and_where(Expr::col(ModelVersions::Name).eq(of.name.as_str()))
        .and_where(has_number(of.version))
        .take();
    let row = transaction.fetch_optional(&select).await?;
    row.ok_or_else(|| StoreError::ModelVersionNotFound {
        name: of.name.clone(),
        version: of.version,
    })
}

fn has_number(version: VersionNumber) -> Expr {
    Expr::col(ModelVersions::Version).eq(version.0)
}

/// A change of versions of a model, which is noted in them.
pub(crate) fn update(name: &str, now: i64) -> UpdateStatement {
    Query::update()
        .table(ModelVersions::Table)
        .value(ModelVersions::LastUpdatedTime, now)
        .and_where(Expr::col(ModelVersions::Workspace).eq(WORKSPACE))
        .and_where(Expr::col(ModelVersions::Name).eq(name))
        .take()
}

/// Selects versions that are not deleted.
pub(crate) fn select_versions() -> SelectStatement {
    let columns = [
        ModelVersions::Name,
        ModelVersions::Version,
        ModelVersions::CreationTime,
        ModelVersions::LastUpdatedTime,
        ModelVersions::Description,
        ModelVersions::UserId,
        ModelVersions::CurrentStage,
        ModelVersions::Source,
        ModelVersions::StorageLocation,
        ModelVersions::RunId,
        ModelVersions::Status,
        ModelVersions::StatusMessage,
        ModelVersions::RunLink,
    ];
    Query::select()
        .columns(columns.map(|column| (ModelVersions::Table, column)))
        .from(ModelVersions::Table)
        // A server with one workspace sees only that one.
        .and_where(Expr::col((ModelVersions::Table, ModelVersions::Workspace)).eq(WORKSPACE))
        .and_where(Expr::col((ModelVersions::Table, ModelVersions::CurrentStage)).ne(DELETED))
        .take()
}

/// A version without its tags and aliases.
pub(crate) fn version_of(row: &Row) -> Result<ModelVersion, DbError> {
    let status_message: Option<String> = row.get(ModelVersions::StatusMessage)?;
    Ok(ModelVersion {
        name: row.get(ModelVersions::Name)?,
        version: VersionNumber(row.get(ModelVersions::Version)?),
        creation_timestamp: row.get(ModelVersions::CreationTime)?,
        last_updated_timestamp: row.get(ModelVersions::LastUpdatedTime)?,
        user_id: row.get(ModelVersions::UserId)?,
        current_stage: row.get(ModelVersions::CurrentStage)?,
        description: row.get(ModelVersions::Description)?,
        source: row.get(ModelVersions::Source)?,
        run_id: row.get(ModelVersions::RunId)?,
        status: row.get(ModelVersions::Status)?,
        status_message: status_message.filter(|message| !message.is_empty()),
        tags: Vec::new(),
        run_link: row.get(ModelVersions::RunLink)?,
        aliases: Vec::new(),
    })
}
