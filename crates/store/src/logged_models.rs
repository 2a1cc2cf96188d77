//! Models that runs log.

use crate::{
    Store, StoreError,
    artifact_uri::{self, ArtifactRoot, check_width},
    clock::now_ms,
    db::{Dialect, Insertion, Row, Transaction, insert},
    experiments,
    lifecycle::{ACTIVE, DELETED},
    logged_model_details::{self, add_params, set_tags},
    logged_model_search::LoggedModelSearch,
    reads::Question,
    run_names,
    tables::LoggedModels,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, RunId, WireEnum, limits,
    logged_model_search::{SearchLoggedModels, SearchLoggedModelsResponse},
    logged_models::{
        CreateLoggedModel, DeleteLoggedModel, FinalizeLoggedModel, GetLoggedModel, LoggedModel,
        LoggedModelInfo, LoggedModelStatus,
    },
};
use sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement, UpdateStatement};
use std::sync::Arc;
use uuid::Uuid;

impl Store {
    /// Makes a model whose files are to come.
    pub async fn create_logged_model(
        &self,
        request: CreateLoggedModel,
    ) -> Result<LoggedModel, StoreError> {
        let root = Arc::clone(&self.artifact_root);
        self.write(NewModel { request, root }).await
    }

    /// A model with all that was logged of it.
    pub async fn get_logged_model(
        &self,
        request: GetLoggedModel,
    ) -> Result<LoggedModel, StoreError> {
        self.ask(request).await
    }

    /// Notes how far a model came, deleted or not.
    pub async fn finalize_logged_model(
        &self,
        request: FinalizeLoggedModel,
    ) -> Result<LoggedModel, StoreError> {
        self.write(request).await
    }

    /// Marks a model as deleted; one that is gets a new time.
    pub async fn delete_logged_model(&self, request: DeleteLoggedModel) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// A page of models that fulfil a filter, in the order asked for, newest first.
    pub async fn search_logged_models(
        &self,
        request: SearchLoggedModels,
    ) -> Result<SearchLoggedModelsResponse, StoreError> {
        self.ask(LoggedModelSearch::parse(request)?).await
    }

    /// Where a logged model that is not deleted keeps its artifacts.
    pub async fn logged_model_artifact_uri(&self, model: &str) -> Result<String, StoreError> {
        self.ask(ArtifactUriOf(model.to_owned())).await
    }
}

impl Question for GetLoggedModel {
    type Answer = LoggedModel;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<LoggedModel, StoreError> {
        let id = self.model_id.as_str();
        let select = if self.allow_deleted { select_model(id) } else { select_active(id) };
        read(transaction, &select, id).await
    }
}

/// Asks where a logged model keeps its artifacts.
struct ArtifactUriOf(String);

impl Question for ArtifactUriOf {
    type Answer = String;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<String, StoreError> {
        Ok(active(transaction, &self.0).await?.artifact_uri)
    }
}

struct NewModel {
    request: CreateLoggedModel,
    root: Arc<ArtifactRoot>,
}

impl Change for NewModel {
    type Output = LoggedModel;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.request.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<LoggedModel, StoreError> {
        let request = &self.request;
        let experiment = experiments::active(transaction, request.experiment_id).await?;
        let model_id = format!("m-{}", Uuid::new_v4().simple());
        let artifact_uri = artifact_uri::of_model(&experiment.artifact_location, &model_id);
        let has_widths = transaction.dialect() == Dialect::Postgres
            || !self.root.holds(&experiment.artifact_location);
        check_width(
            "artifact location of the model",
            &artifact_uri,
            limits::MODEL_ARTIFACT_LOCATION,
            has_widths,
        )?;
        let now = now_ms();
        let info = LoggedModelInfo {
            model_id,
            experiment_id: request.experiment_id,
            name: request.name.clone().unwrap_or_else(run_names::random),
            creation_timestamp_ms: now,
            last_updated_timestamp_ms: now,
            artifact_uri,
            status: LoggedModelStatus::Pending,
            model_type: Some(request.model_type.clone()),
            source_run_id: Some(request.source_run_id.clone()),
            status_message: None,
            tags: Vec::new(),
        };
        transaction.insert(&insertion(&info, ACTIVE)).await?;
        let model = ModelRow { id: &info.model_id, experiment_id: info.experiment_id };
        add_params(transaction, &model, &request.params).await?;
        set_tags(transaction, &model, &request.tags).await?;
        read(transaction, &select_model(&info.model_id), &info.model_id).await
    }
}

/// The insertion of a model, without what belongs to it.
pub(crate) fn insertion(info: &LoggedModelInfo, stage: &str) -> Insertion {
    let columns = [
        LoggedModels::ModelId,
        LoggedModels::ExperimentId,
        LoggedModels::Name,
        LoggedModels::ArtifactLocation,
        LoggedModels::CreationTimestampMs,
        LoggedModels::LastUpdatedTimestampMs,
        LoggedModels::Status,
        LoggedModels::LifecycleStage,
        LoggedModels::ModelType,
        LoggedModels::SourceRunId,
        LoggedModels::StatusMessage,
    ];
    let row = [
        info.model_id.as_str().into(),
        info.experiment_id.0.into(),
        info.name.as_str().into(),
        info.artifact_uri.as_str().into(),
        info.creation_timestamp_ms.into(),
        info.last_updated_timestamp_ms.into(),
        info.status.number().into(),
        stage.into(),
        info.model_type.clone().into(),
        info.source_run_id.as_ref().map(RunId::as_str).into(),
        info.status_message.clone().into(),
    ];
    insert(LoggedModels::Table, columns, [row])
}

impl Change for FinalizeLoggedModel {
    type Output = LoggedModel;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Model(&self.model_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<LoggedModel, StoreError> {
        let update = update(&self.model_id)
            .value(LoggedModels::Status, self.status.number())
            .value(LoggedModels::LastUpdatedTimestampMs, now_ms())
            .take();
        transaction.execute(&update).await?;
        read(transaction, &select_model(&self.model_id), &self.model_id).await
    }
}

impl Change for DeleteLoggedModel {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Model(&self.model_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let update = update(&self.model_id)
            .value(LoggedModels::LifecycleStage, DELETED)
            .value(LoggedModels::LastUpdatedTimestampMs, now_ms())
            .take();
        if transaction.execute(&update).await? == 0 {
            return Err(StoreError::LoggedModelNotFound(self.model_id.clone()));
        }
        Ok(())
    }
}

/// What a change needs to know of its model.
pub(crate) struct ModelRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) experiment_id: ExperimentId,
}

/// A model that something is logged of, deleted or not; others who change it wait.
pub(crate) async fn held<'a>(
    transaction: &mut Transaction,
    id: &'a str,
) -> Result<ModelRow<'a>, StoreError> {
    hold(transaction, select_model(id), id).await
}

/// The same of a model that is not deleted.
pub(crate) async fn held_active<'a>(
    transaction: &mut Transaction,
    id: &'a str,
) -> Result<ModelRow<'a>, StoreError> {
    hold(transaction, select_active(id), id).await
}

async fn hold<'a>(
    transaction: &mut Transaction,
    mut select: SelectStatement,
    id: &'a str,
) -> Result<ModelRow<'a>, StoreError> {
    let row = row_of(transaction, select.lock(LockType::NoKeyUpdate), id).await?;
    Ok(ModelRow { id, experiment_id: ExperimentId(row.get(LoggedModels::ExperimentId)?) })
}

/// A model that is not deleted, without what was logged of it.
pub(crate) async fn active(
    transaction: &mut Transaction,
    id: &str,
) -> Result<LoggedModelInfo, StoreError> {
    info_of(&row_of(transaction, &select_active(id), id).await?)
}

async fn row_of(
    transaction: &mut Transaction,
    select: &SelectStatement,
    id: &str,
) -> Result<Row, StoreError> {
    let row = transaction.fetch_optional(select).await?;
    row.ok_or_else(|| StoreError::LoggedModelNotFound(id.to_owned()))
}

/// The model that a statement selects, with all that was logged of it.
async fn read(
    transaction: &mut Transaction,
    select: &SelectStatement,
    id: &str,
) -> Result<LoggedModel, StoreError> {
    let infos = transaction.fetch_optional(select).await?.as_ref().map(info_of).transpose()?;
    let models = logged_model_details::complete(transaction, infos.into_iter().collect()).await?;
    models.into_iter().next().ok_or_else(|| StoreError::LoggedModelNotFound(id.to_owned()))
}

fn select_model(id: &str) -> SelectStatement {
    select_models().and_where(Expr::col(LoggedModels::ModelId).eq(id)).take()
}

fn select_active(id: &str) -> SelectStatement {
    select_model(id).and_where(Expr::col(LoggedModels::LifecycleStage).eq(ACTIVE)).take()
}

fn update(id: &str) -> UpdateStatement {
    Query::update()
        .table(LoggedModels::Table)
        .and_where(Expr::col(LoggedModels::ModelId).eq(id))
        .take()
}

/// Selects what [`info_of`] needs.
pub(crate) fn select_models() -> SelectStatement {
    Query::select()
        .columns([
            LoggedModels::ModelId,
            LoggedModels::ExperimentId,
            LoggedModels::Name,
            LoggedModels::ArtifactLocation,
            LoggedModels::CreationTimestampMs,
            LoggedModels::LastUpdatedTimestampMs,
            LoggedModels::Status,
            LoggedModels::ModelType,
            LoggedModels::SourceRunId,
            LoggedModels::StatusMessage,
        ])
        .from(LoggedModels::Table)
        .take()
}

pub(crate) fn info_of(row: &Row) -> Result<LoggedModelInfo, StoreError> {
    let status: i64 = row.get(LoggedModels::Status)?;
    let source_run: Option<String> = row.get(LoggedModels::SourceRunId)?;
    Ok(LoggedModelInfo {
        model_id: row.get(LoggedModels::ModelId)?,
        experiment_id: ExperimentId(row.get(LoggedModels::ExperimentId)?),
        name: row.get(LoggedModels::Name)?,
        creation_timestamp_ms: row.get(LoggedModels::CreationTimestampMs)?,
        last_updated_timestamp_ms: row.get(LoggedModels::LastUpdatedTimestampMs)?,
        artifact_uri: row.get(LoggedModels::ArtifactLocation)?,
        status: LoggedModelStatus::from_number(status).unwrap_or(LoggedModelStatus::Unspecified),
        model_type: row.get(LoggedModels::ModelType)?,
        source_run_id: source_run.map(RunId::new),
        status_message: row.get(LoggedModels::StatusMessage)?,
        tags: Vec::new(),
    })
}
