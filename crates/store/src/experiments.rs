//! Experiments.

use crate::{
    Store, StoreError,
    artifact_uri::{ArtifactRoot, check_width},
    clock::now_ms,
    db::{DbError, Dialect, Row, Transaction, Trouble},
    experiment_search::ExperimentSearch,
    lifecycle::{ACTIVE, DELETED},
    reads::{Question, cut_page},
    runs,
    schema::WORKSPACE,
    tables::Experiments,
    tags,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId,
    experiments::{
        CreateExperiment, DeleteExperiment, Experiment, GetExperiment, GetExperimentByName,
        RestoreExperiment, SearchExperiments, SearchExperimentsResponse, UpdateExperiment,
    },
    limits,
};
use sea_query::{
    Expr, ExprTrait, InsertStatement, LockType, Query, ReturningClause, SelectStatement,
    UpdateStatement,
};
use std::sync::Arc;

impl Store {
    /// Makes an experiment; its name must be free, even of deleted ones.
    pub async fn create_experiment(
        &self,
        request: CreateExperiment,
    ) -> Result<ExperimentId, StoreError> {
        let location = request.artifact_location.as_deref();
        let location = location.map(|location| self.artifact_root.accept(location)).transpose()?;
        let root = Arc::clone(&self.artifact_root);
        self.write(NewExperiment { request, location, root }).await
    }

    /// An experiment, deleted or not.
    pub async fn get_experiment(&self, request: GetExperiment) -> Result<Experiment, StoreError> {
        self.ask(request).await
    }

    /// The experiment with a name, deleted or not.
    pub async fn get_experiment_by_name(
        &self,
        request: GetExperimentByName,
    ) -> Result<Experiment, StoreError> {
        self.ask(request).await
    }

    /// A page of experiments that fulfil a filter, in the order asked for, or newest first.
    pub async fn search_experiments(
        &self,
        request: SearchExperiments,
    ) -> Result<SearchExperimentsResponse, StoreError> {
        self.ask(ExperimentSearch::parse(request)?).await
    }

    /// Gives an experiment another name.
    pub async fn update_experiment(&self, request: UpdateExperiment) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Marks an experiment and its runs as deleted.
    pub async fn delete_experiment(&self, request: DeleteExperiment) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Brings a deleted experiment and all its runs back.
    pub async fn restore_experiment(&self, request: RestoreExperiment) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Question for GetExperiment {
    type Answer = Experiment;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Experiment, StoreError> {
        let id = self.experiment_id;
        let which = Expr::col(Experiments::ExperimentId).eq(id.0);
        find(transaction, which).await?.ok_or(StoreError::ExperimentNotFound(id))
    }
}

impl Question for GetExperimentByName {
    type Answer = Experiment;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Experiment, StoreError> {
        let name = &self.experiment_name;
        let which = Expr::col(Experiments::Name).eq(name.as_str());
        let found = find(transaction, which).await?;
        found.ok_or_else(|| StoreError::ExperimentNameNotFound(name.clone()))
    }
}

impl Question for ExperimentSearch {
    type Answer = SearchExperimentsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchExperimentsResponse, StoreError> {
        let request = self.request();
        let mut rows = transaction.fetch_all(&self.select(transaction.dialect())).await?;
        let has_more = cut_page(&mut rows, request.max_results);
        let mut experiments = rows.iter().map(experiment_of).collect::<Result<Vec<_>, _>>()?;
        tags::add_to_experiments(transaction, &mut experiments).await?;
        let next_page_token = has_more.then(|| request.page_token.after(experiments.len()));
        Ok(SearchExperimentsResponse { experiments, next_page_token })
    }
}

async fn find(
    transaction: &mut Transaction,
    which: Expr,
) -> Result<Option<Experiment>, StoreError> {
    let select = select_experiments().and_where(which).take();
    let Some(row) = transaction.fetch_optional(&select).await? else { return Ok(None) };
    let mut experiments = vec![experiment_of(&row)?];
    tags::add_to_experiments(transaction, &mut experiments).await?;
    Ok(experiments.pop())
}

struct NewExperiment {
    request: CreateExperiment,
    location: Option<String>,
    root: Arc<ArtifactRoot>,
}

impl Change for NewExperiment {
    type Output = ExperimentId;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<ExperimentId, StoreError> {
        let name = &self.request.name;
        let location = self.location.as_deref().unwrap_or_default();
        let inserted = ExperimentValues::new(name, location).insert(transaction).await;
        let id = inserted.map_err(|error| taken(error, name))?;
        if self.location.is_none() {
            // Only now is the id known, which is part of the location.
            let location = self.root.of_experiment(id);
            let has_widths = transaction.dialect() == Dialect::Postgres;
            let limit = limits::STORED_ARTIFACT_LOCATION;
            check_width("location of the experiment", &location, limit, has_widths)?;
            let update = update(id).value(Experiments::ArtifactLocation, location).take();
            transaction.execute(&update).await?;
        }
        tags::set_on_experiment(transaction, id, &self.request.tags).await?;
        Ok(id)
    }
}

/// What the row of an experiment has beside its id.
pub(crate) struct ExperimentValues<'a> {
    pub(crate) name: &'a str,
    pub(crate) artifact_location: Option<&'a str>,
    pub(crate) lifecycle_stage: &'a str,
    pub(crate) creation_time: Option<i64>,
    pub(crate) last_update_time: Option<i64>,
}

impl<'a> ExperimentValues<'a> {
    /// Those of an experiment that is made now.
    pub(crate) fn new(name: &'a str, location: &'a str) -> Self {
        let now = Some(now_ms());
        Self {
            name,
            artifact_location: Some(location),
            lifecycle_stage: ACTIVE,
            creation_time: now,
            last_update_time: now,
        }
    }

    /// Inserts the experiment with the next id.
    pub(crate) async fn insert(
        &self,
        transaction: &mut Transaction,
    ) -> Result<ExperimentId, DbError> {
        let id = ReturningClause::Columns(vec![Experiments::ExperimentId.into()]);
        let row = transaction.execute_returning(self.insertion(None).returning(id)).await?;
        Ok(ExperimentId(row.get(Experiments::ExperimentId)?))
    }

    /// The insertion with a given id, or with the next one.
    pub(crate) fn insertion(&self, id: Option<ExperimentId>) -> InsertStatement {
        let mut columns = vec![
            Experiments::Name,
            Experiments::ArtifactLocation,
            Experiments::LifecycleStage,
            Experiments::CreationTime,
            Experiments::LastUpdateTime,
            Experiments::Workspace,
        ];
        let mut row: Vec<Expr> = vec![
            self.name.into(),
            self.artifact_location.map(ToOwned::to_owned).into(),
            self.lifecycle_stage.into(),
            self.creation_time.into(),
            self.last_update_time.into(),
            WORKSPACE.into(),
        ];
        if let Some(id) = id {
            columns.push(Experiments::ExperimentId);
            row.push(id.0.into());
        }
        // It panics when numbers differ, and both grow together.
        Query::insert().into_table(Experiments::Table).columns(columns).values_panic(row).take()
    }
}

impl Change for UpdateExperiment {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let id = self.experiment_id;
        if row_of(transaction, id, LockType::NoKeyUpdate).await?.stage != ACTIVE {
            return Err(StoreError::RenameOfDeleted);
        }
        let update = update(id)
            .value(Experiments::Name, self.new_name.as_str())
            .value(Experiments::LastUpdateTime, now_ms())
            .take();
        let updated = transaction.execute(&update).await;
        updated.map_err(|error| taken(error, &self.new_name))?;
        Ok(())
    }
}

impl Change for DeleteExperiment {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        move_to(transaction, self.experiment_id, ACTIVE, DELETED).await
    }
}

impl Change for RestoreExperiment {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        move_to(transaction, self.experiment_id, DELETED, ACTIVE).await
    }
}

/// Moves an experiment from one stage to another, with all its runs, whatever stage they are in.
async fn move_to(
    transaction: &mut Transaction,
    id: ExperimentId,
    from: &str,
    to: &str,
) -> Result<(), StoreError> {
    let now = now_ms();
    let update = update(id)
        .value(Experiments::LifecycleStage, to)
        .value(Experiments::LastUpdateTime, now)
        .and_where(Expr::col(Experiments::LifecycleStage).eq(from))
        .take();
    if transaction.execute(&update).await? == 0 {
        return Err(StoreError::ExperimentNotFound(id));
    }
    runs::move_all_of(transaction, id, to, (to == DELETED).then_some(now)).await
}

fn taken(error: DbError, name: &str) -> StoreError {
    match error.trouble() {
        Trouble::Duplicate => StoreError::ExperimentExists(name.to_owned()),
        _ => error.into(),
    }
}

fn update(id: ExperimentId) -> UpdateStatement {
    Query::update()
        .table(Experiments::Table)
        .and_where(Expr::col(Experiments::ExperimentId).eq(id.0))
        .take()
}

pub(crate) fn select_experiments() -> SelectStatement {
    Query::select()
        .columns([
            Experiments::ExperimentId,
            Experiments::Name,
            Experiments::ArtifactLocation,
            Experiments::LifecycleStage,
            Experiments::CreationTime,
            Experiments::LastUpdateTime,
            Experiments::Workspace,
        ])
        .from(Experiments::Table)
        // A server with one workspace sees only that one.
        .and_where(Expr::col(Experiments::Workspace).eq(WORKSPACE))
        .take()
}

fn experiment_of(row: &Row) -> Result<Experiment, StoreError> {
    Ok(Experiment {
        experiment_id: ExperimentId(row.get(Experiments::ExperimentId)?),
        name: row.get(Experiments::Name)?,
        artifact_location: row.get(Experiments::ArtifactLocation)?,
        lifecycle_stage: row.get(Experiments::LifecycleStage)?,
        last_update_time: row.get(Experiments::LastUpdateTime)?,
        creation_time: row.get(Experiments::CreationTime)?,
        tags: Vec::new(),
        workspace: row.get(Experiments::Workspace)?,
    })
}

/// What a change needs to know of its experiment.
pub(crate) struct ExperimentRow {
    stage: String,
    pub(crate) artifact_location: String,
}

async fn row_of(
    transaction: &mut Transaction,
    id: ExperimentId,
    lock: LockType,
) -> Result<ExperimentRow, StoreError> {
    let select = select_experiments()
        .and_where(Expr::col(Experiments::ExperimentId).eq(id.0))
        .lock(lock)
        .take();
    let row = transaction.fetch_optional(&select).await?;
    let row = row.ok_or(StoreError::ExperimentNotFound(id))?;
    let stage: Option<String> = row.get(Experiments::LifecycleStage)?;
    let artifact_location: Option<String> = row.get(Experiments::ArtifactLocation)?;
    Ok(ExperimentRow {
        stage: stage.unwrap_or_default(),
        artifact_location: artifact_location.unwrap_or_default(),
    })
}

/// Refuses a deleted experiment, and lets others change it meanwhile.
pub(crate) async fn seen_active(
    transaction: &mut Transaction,
    id: ExperimentId,
) -> Result<(), StoreError> {
    let select =
        select_experiments().and_where(Expr::col(Experiments::ExperimentId).eq(id.0)).take();
    let row = transaction.fetch_optional(&select).await?;
    let stage: Option<String> =
        row.ok_or(StoreError::ExperimentNotFound(id))?.get(Experiments::LifecycleStage)?;
    if stage.as_deref() == Some(ACTIVE) { Ok(()) } else { Err(StoreError::ExperimentDeleted(id)) }
}

/// An experiment that is changed, and that may therefore not be deleted.
pub(crate) async fn active(
    transaction: &mut Transaction,
    id: ExperimentId,
) -> Result<ExperimentRow, StoreError> {
    // Nobody deletes it meanwhile, but others may add to it, too.
    let row = row_of(transaction, id, LockType::Share).await?;
    if row.stage == ACTIVE { Ok(row) } else { Err(StoreError::ExperimentDeleted(id)) }
}

/// An experiment that something is added to, whether it is deleted or not.
pub(crate) async fn there(
    transaction: &mut Transaction,
    id: ExperimentId,
) -> Result<ExperimentRow, StoreError> {
    row_of(transaction, id, LockType::Share).await
}
