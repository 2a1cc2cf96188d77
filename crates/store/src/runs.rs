//! Runs.

use crate::{
    Store, StoreError,
    artifact_uri::{self, ArtifactRoot, check_width},
    clock::now_ms,
    conditions::join_rows,
    db::{DbError, Dialect, Insertion, Row, Transaction, insert},
    experiments,
    lifecycle::{ACTIVE, DELETED},
    reads::Question,
    run_details, run_locks, run_names,
    run_search::RunSearch,
    tables::{Assessments, Runs},
    tags,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, RunId, WireEnum, limits,
    runs::{
        CreateRun, DeleteRun, GetRun, RestoreRun, Run, RunData, RunInfo, RunInputs, RunStatus,
        SearchRuns, SearchRunsResponse, UpdateRun,
    },
    tags::{RUN_NAME_TAG, Tag},
};
use sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement, UpdateStatement};
use std::sync::Arc;
use uuid::Uuid;

impl Store {
    /// Starts a run.
    pub async fn create_run(&self, request: CreateRun) -> Result<Run, StoreError> {
        let root = Arc::clone(&self.artifact_root);
        self.write(NewRun { request, root }).await
    }

    /// A run with all that was logged to it, deleted or not.
    pub async fn get_run(&self, request: GetRun) -> Result<Run, StoreError> {
        self.ask(request).await
    }

    /// A page of runs that fulfil a filter, in the order asked for, latest start first.
    pub async fn search_runs(&self, request: SearchRuns) -> Result<SearchRunsResponse, StoreError> {
        self.ask(RunSearch::parse(request)?).await
    }

    /// Changes status, end or name of a run.
    pub async fn update_run(&self, request: UpdateRun) -> Result<RunInfo, StoreError> {
        self.write(request).await
    }

    /// Marks a run as deleted; nothing happens to one that is.
    pub async fn delete_run(&self, request: DeleteRun) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Brings a deleted run back; nothing happens to another.
    pub async fn restore_run(&self, request: RestoreRun) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Where a run keeps its artifacts.
    pub async fn run_artifact_uri(&self, run: &RunId) -> Result<String, StoreError> {
        self.ask(ArtifactUriOf(run.clone())).await
    }
}

impl Question for GetRun {
    type Answer = Run;
    const IS_SHORT: bool = true;
    const IS_SINGLE: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Run, StoreError> {
        let run = run_details::read_one(transaction, &self.run_id).await?;
        run.ok_or_else(|| StoreError::RunNotFound(self.run_id.clone()))
    }
}

/// Asks where a run keeps its artifacts.
pub(crate) struct ArtifactUriOf(pub(crate) RunId);

impl Question for ArtifactUriOf {
    type Answer = String;
    const IS_SHORT: bool = true;
    const IS_SINGLE: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<String, StoreError> {
        let row = find(transaction, &self.0).await?;
        let uri: Option<String> = row.get(Runs::ArtifactUri)?;
        Ok(uri.unwrap_or_default())
    }
}

impl Question for RunSearch {
    type Answer = SearchRunsResponse;
    const IS_SINGLE: bool = true;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchRunsResponse, StoreError> {
        let request = self.request();
        if request.experiment_ids.is_empty() {
            return Ok(SearchRunsResponse { runs: Vec::new(), next_page_token: None });
        }
        let few = self.few(transaction).await?;
        let select = self.select(transaction.dialect(), few.as_ref());
        let page = request.max_results;
        let (runs, has_more) = run_details::read_page(transaction, select, page).await?;
        let next_page_token = has_more.then(|| request.page_token.after(runs.len()));
        Ok(SearchRunsResponse { runs, next_page_token })
    }
}

struct NewRun {
    request: CreateRun,
    root: Arc<ArtifactRoot>,
}

impl Change for NewRun {
    type Output = Run;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.request.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Run, StoreError> {
        let request = &self.request;
        let experiment = experiments::active(transaction, request.experiment_id).await?;
        let id = RunId::new(Uuid::new_v4().simple().to_string());
        let name = request.run_name.clone().unwrap_or_else(run_names::random);
        let artifact_uri = artifact_uri::of_run(&experiment.artifact_location, &id);
        let has_widths = transaction.dialect() == Dialect::Postgres
            || !self.root.holds(&experiment.artifact_location);
        check_width(
            "artifact URI of the run",
            &artifact_uri,
            limits::RUN_ARTIFACT_URI,
            has_widths,
        )?;
        let info = RunInfo {
            run_uuid: id.clone(),
            experiment_id: request.experiment_id,
            run_name: Some(name.clone()),
            user_id: Some(request.user_id.clone()),
            status: Some(RunStatus::Running),
            start_time: Some(request.start_time),
            end_time: None,
            artifact_uri: Some(artifact_uri),
            lifecycle_stage: Some(ACTIVE.to_owned()),
            run_id: id.clone(),
        };
        transaction.insert(&insertion(&info, &RunSource::default(), None)).await?;
        let mut tags = request.tags.clone();
        tags.push(Tag { key: RUN_NAME_TAG.to_owned(), value: name });
        tags::insert_on_run(transaction, &id, &tags).await?;
        let data = RunData { tags, ..RunData::default() };
        Ok(Run { info, data, inputs: RunInputs::default(), outputs: None })
    }
}

/// What ran, as clients said it before there were tags for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSource {
    /// `NOTEBOOK`, `JOB`, `PROJECT`, `LOCAL` or `UNKNOWN`.
    pub kind: &'static str,
    /// A file or a repository.
    pub name: String,
    /// An entry point of a project.
    pub entry_point: String,
    /// A commit.
    pub version: String,
}

/// What new runs have: their source stands in their tags.
impl Default for RunSource {
    fn default() -> Self {
        let none = String::new;
        Self { kind: "UNKNOWN", name: none(), entry_point: none(), version: none() }
    }
}

pub(crate) fn insertion(
    info: &RunInfo,
    source: &RunSource,
    deleted_time: Option<i64>,
) -> Insertion {
    let columns = [
        Runs::RunUuid,
        Runs::Name,
        Runs::SourceType,
        Runs::SourceName,
        Runs::EntryPointName,
        Runs::UserId,
        Runs::Status,
        Runs::StartTime,
        Runs::EndTime,
        Runs::SourceVersion,
        Runs::LifecycleStage,
        Runs::ArtifactUri,
        Runs::ExperimentId,
        Runs::DeletedTime,
    ];
    let row = [
        info.run_id.as_str().into(),
        info.run_name.clone().into(),
        source.kind.into(),
        source.name.as_str().into(),
        source.entry_point.as_str().into(),
        info.user_id.clone().into(),
        info.status.map(RunStatus::name).into(),
        info.start_time.into(),
        info.end_time.into(),
        source.version.as_str().into(),
        info.lifecycle_stage.clone().into(),
        info.artifact_uri.clone().into(),
        info.experiment_id.0.into(),
        deleted_time.into(),
    ];
    insert(Runs::Table, columns, [row])
}

impl Change for UpdateRun {
    type Output = RunInfo;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<RunInfo, StoreError> {
        run_locks::active(transaction, &self.run_id).await?;
        if let Some(status) = self.status {
            let update = update(&self.run_id).value(Runs::Status, status.name()).take();
            transaction.execute(&update).await?;
        }
        if let Some(end_time) = self.end_time {
            let update = update(&self.run_id).value(Runs::EndTime, end_time).take();
            transaction.execute(&update).await?;
        }
        if let Some(name) = &self.run_name {
            let tag = Tag { key: RUN_NAME_TAG.to_owned(), value: name.clone() };
            tags::set_on_run(transaction, &self.run_id, &[tag]).await?;
        }
        info_of(&find(transaction, &self.run_id).await?)
    }
}

impl Change for DeleteRun {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let update = update(&self.run_id)
            .value(Runs::LifecycleStage, DELETED)
            .value(Runs::DeletedTime, now_ms())
            .take();
        if transaction.execute(&update).await? == 0 {
            return Err(StoreError::RunNotFound(self.run_id.clone()));
        }
        delete_assessments(transaction, &self.run_id).await
    }
}

impl Change for RestoreRun {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let update = update(&self.run_id)
            .value(Runs::LifecycleStage, ACTIVE)
            .value(Runs::DeletedTime, None::<i64>)
            .take();
        if transaction.execute(&update).await? == 0 {
            return Err(StoreError::RunNotFound(self.run_id.clone()));
        }
        Ok(())
    }
}

/// Removes what a run judged of traces. The run stands in JSON only, as Python writes it.
async fn delete_assessments(transaction: &mut Transaction, run: &RunId) -> Result<(), StoreError> {
    let pattern = format!("%\"mlflow.assessment.sourceRunId\": \"{run}\"%");
    let delete = Query::delete()
        .from_table(Assessments::Table)
        .and_where(Expr::col(Assessments::AssessmentMetadata).like(pattern))
        .take();
    transaction.execute(&delete).await?;
    Ok(())
}

/// Moves all runs of an experiment to a stage.
pub(crate) async fn move_all_of(
    transaction: &mut Transaction,
    experiment: ExperimentId,
    stage: &str,
    deleted_time: Option<i64>,
) -> Result<(), StoreError> {
    let update = Query::update()
        .table(Runs::Table)
        .value(Runs::LifecycleStage, stage)
        .value(Runs::DeletedTime, deleted_time)
        .and_where(Expr::col(Runs::ExperimentId).eq(experiment.0))
        .take();
    transaction.execute(&update).await?;
    Ok(())
}

/// Gives a run another name; the tag that mirrors it is written by the caller.
pub(crate) async fn rename(
    transaction: &mut Transaction,
    run: &RunId,
    name: &str,
) -> Result<(), DbError> {
    transaction.execute(&update(run).value(Runs::Name, name).take()).await?;
    Ok(())
}

async fn find(transaction: &mut Transaction, id: &RunId) -> Result<Row, StoreError> {
    let row = transaction.fetch_optional(&select_run(id.as_str())).await?;
    row.ok_or_else(|| StoreError::RunNotFound(id.clone()))
}

/// Selects a run.
pub(crate) fn select_run(id: &str) -> SelectStatement {
    select_runs().and_where(Expr::col(Runs::RunUuid).eq(id)).take()
}

fn update(id: &RunId) -> UpdateStatement {
    Query::update().table(Runs::Table).and_where(Expr::col(Runs::RunUuid).eq(id.as_str())).take()
}

/// Selects what [`info_of`] needs, with the table's name: others may be joined.
pub(crate) fn select_runs() -> SelectStatement {
    let columns = [
        Runs::RunUuid,
        Runs::Name,
        Runs::UserId,
        Runs::Status,
        Runs::StartTime,
        Runs::EndTime,
        Runs::LifecycleStage,
        Runs::ArtifactUri,
        Runs::ExperimentId,
    ];
    let columns = columns.map(|column| (Runs::Table, column));
    Query::select().columns(columns).from(Runs::Table).take()
}

/// Selects the runs whose ids another statement selects, in its order: PostgreSQL looks for each of them by its key, whatever it
/// thinks, and keeps the order in a nested loop.
pub(crate) fn select_runs_of(ids: SelectStatement) -> SelectStatement {
    let name = || Alias::new("ids");
    let is_it = Expr::col((Runs::Table, Runs::RunUuid)).equals((name(), Runs::RunUuid));
    let run = select_runs().and_where(is_it).take();
    let mut select = select_runs().from_clear().from_subquery(ids, name()).take();
    join_rows(&mut select, JoinType::InnerJoin, run, Runs::Table);
    select
}

pub(crate) fn info_of(row: &Row) -> Result<RunInfo, StoreError> {
    let id = RunId::new(row.get::<String>(Runs::RunUuid)?);
    let status: Option<String> = row.get(Runs::Status)?;
    Ok(RunInfo {
        run_uuid: id.clone(),
        experiment_id: ExperimentId(row.get(Runs::ExperimentId)?),
        run_name: row.get(Runs::Name)?,
        user_id: row.get(Runs::UserId)?,
        status: status.as_deref().and_then(RunStatus::from_name),
        start_time: row.get(Runs::StartTime)?,
        end_time: row.get(Runs::EndTime)?,
        artifact_uri: row.get(Runs::ArtifactUri)?,
        lifecycle_stage: row.get(Runs::LifecycleStage)?,
        run_id: id,
    })
}
