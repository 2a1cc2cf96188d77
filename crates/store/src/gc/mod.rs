//! What deletion left: found, and removed for good.

mod purge;

use crate::{
    Store, StoreError,
    clock::now_ms,
    db::{DbError, Row, Transaction, is_one_of},
    lifecycle::DELETED,
    reads::Question,
    tables::{Experiments, LoggedModels, Runs, TraceInfo, TraceTags},
};
use mlferry_protocol::{ExperimentId, InvalidParameter, RunId};
use purge::{Hold, PurgeExperiment, PurgeModel, PurgeRun, is_garbage};
use sea_query::{Cond, Expr, ExprTrait, Order, Query};
use std::{collections::HashSet, fmt};

/// The tag of a trace that says where its artifacts are.
const TRACE_LOCATION: &str = "mlflow.artifactLocation";

/// What is to be collected. Without any ids, all that is deleted; with some, only what they name.
#[derive(Debug, Clone, Default)]
pub struct GarbageFilter {
    /// Runs, which must be deleted.
    pub runs: Vec<RunId>,
    /// Experiments, which must be deleted; their runs, traces and models go with them.
    pub experiments: Vec<ExperimentId>,
    /// Logged models, which must be deleted.
    pub models: Vec<String>,
    /// Only what was deleted at least so many milliseconds ago.
    pub older_than_ms: Option<i64>,
}

impl GarbageFilter {
    fn names_nothing(&self) -> bool {
        self.runs.is_empty() && self.experiments.is_empty() && self.models.is_empty()
    }

    fn deleted_before(&self) -> i64 {
        now_ms().saturating_sub(self.older_than_ms.unwrap_or(0))
    }
}

/// Something that is deleted and takes space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// What it is.
    pub id: GarbageId,
    /// Where its artifacts are.
    pub artifact_uris: Vec<String>,
}

/// Which record is garbage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GarbageId {
    /// A run.
    Run(RunId),
    /// A logged model.
    Model(String),
    /// An experiment; its runs and models come before it.
    Experiment(ExperimentId),
}

impl fmt::Display for GarbageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(id) => write!(f, "Run with ID {id}"),
            Self::Model(id) => write!(f, "Logged model with ID {id}"),
            Self::Experiment(id) => write!(f, "Experiment with ID {id}"),
        }
    }
}

impl Store {
    /// What can be collected, in the order in which it is to be purged. An id that names nothing, or
    /// something that is not deleted or not old enough, is an error.
    pub async fn garbage(&self, filter: &GarbageFilter) -> Result<Vec<Garbage>, StoreError> {
        self.ask(filter.clone()).await
    }

    /// Whether a record is there and still garbage.
    pub async fn is_garbage(&self, id: &GarbageId) -> Result<bool, StoreError> {
        self.ask(IsGarbage(id.clone())).await
    }

    /// Removes a record for good; `false` if it is gone already, or was restored meanwhile.
    pub async fn purge(&self, id: GarbageId) -> Result<bool, StoreError> {
        match id {
            GarbageId::Run(id) => self.write(PurgeRun(id)).await,
            GarbageId::Model(id) => self.write(PurgeModel(id)).await,
            GarbageId::Experiment(id) => self.write(PurgeExperiment(id)).await,
        }
    }
}

struct IsGarbage(GarbageId);

impl Question for IsGarbage {
    type Answer = bool;

    async fn answer(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        Ok(is_garbage(transaction, &self.0, Hold::Not).await?)
    }
}

impl Question for GarbageFilter {
    type Answer = Vec<Garbage>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<Garbage>, StoreError> {
        let experiments = deleted_experiments(transaction, self).await?;
        let mut garbage = runs(transaction, self, &experiments).await?;
        garbage.extend(models(transaction, self, &experiments).await?);
        for id in experiments {
            let artifact_uris = trace_locations(transaction, id).await?;
            garbage.push(Garbage { id: GarbageId::Experiment(id), artifact_uris });
        }
        Ok(garbage)
    }
}

async fn deleted_experiments(
    transaction: &mut Transaction,
    filter: &GarbageFilter,
) -> Result<Vec<ExperimentId>, StoreError> {
    let mut select = Query::select()
        .columns([
            Experiments::ExperimentId,
            Experiments::LifecycleStage,
            Experiments::LastUpdateTime,
        ])
        .from(Experiments::Table)
        .order_by(Experiments::ExperimentId, Order::Asc)
        .take();
    if filter.names_nothing() {
        select
            .and_where(Expr::col(Experiments::LifecycleStage).eq(DELETED))
            .and_where(Expr::col(Experiments::LastUpdateTime).lte(filter.deleted_before()));
    } else {
        let named = filter.experiments.iter().map(|id| id.0);
        select.and_where(is_one_of(Experiments::ExperimentId, named));
    }
    let mut found = Vec::new();
    for row in transaction.fetch_all(&select).await? {
        let id = ExperimentId(row.get(Experiments::ExperimentId)?);
        let what = format!("Experiment {id}");
        check(&row, &what, filter, Experiments::LifecycleStage, Experiments::LastUpdateTime)?;
        found.push(id);
    }
    match filter.experiments.iter().find(|id| !found.contains(id)) {
        Some(absent) => Err(StoreError::ExperimentNotFound(*absent)),
        None => Ok(found),
    }
}

/// The runs that are chosen, and those of experiments that are.
async fn runs(
    transaction: &mut Transaction,
    filter: &GarbageFilter,
    experiments: &[ExperimentId],
) -> Result<Vec<Garbage>, StoreError> {
    let select = || {
        Query::select()
            .columns([Runs::RunUuid, Runs::LifecycleStage, Runs::DeletedTime, Runs::ArtifactUri])
            .from(Runs::Table)
            .order_by(Runs::RunUuid, Order::Asc)
            .take()
    };
    let garbage_of = |row: &Row| -> Result<Garbage, DbError> {
        let uri: Option<String> = row.get(Runs::ArtifactUri)?;
        let id = RunId::new(row.get::<String>(Runs::RunUuid)?);
        Ok(Garbage { id: GarbageId::Run(id), artifact_uris: uri.into_iter().collect() })
    };
    let mut found = Vec::new();
    if filter.names_nothing() {
        let deleted = select()
            .and_where(Expr::col(Runs::LifecycleStage).eq(DELETED))
            .and_where(Expr::col(Runs::DeletedTime).lte(filter.deleted_before()))
            .take();
        for row in transaction.fetch_all(&deleted).await? {
            found.push(garbage_of(&row)?);
        }
    }
    for id in &filter.runs {
        let named = select().and_where(Expr::col(Runs::RunUuid).eq(id.as_str())).take();
        let row = transaction.fetch_optional(&named).await?;
        let row = row.ok_or_else(|| StoreError::RunNotFound(id.clone()))?;
        check(&row, &format!("Run {id}"), filter, Runs::LifecycleStage, Runs::DeletedTime)?;
        found.push(garbage_of(&row)?);
    }
    let mut known: HashSet<String> = found.iter().map(|garbage| garbage.id.to_string()).collect();
    for id in experiments {
        let of_experiment = select().and_where(Expr::col(Runs::ExperimentId).eq(id.0)).take();
        for row in transaction.fetch_all(&of_experiment).await? {
            let garbage = garbage_of(&row)?;
            if known.insert(garbage.id.to_string()) {
                found.push(garbage);
            }
        }
    }
    Ok(found)
}

/// The logged models that are chosen, and those of experiments that are.
async fn models(
    transaction: &mut Transaction,
    filter: &GarbageFilter,
    experiments: &[ExperimentId],
) -> Result<Vec<Garbage>, StoreError> {
    use LoggedModels as Models;
    let mut which = Cond::any();
    if filter.names_nothing() {
        which = which.add(
            Expr::col(Models::LifecycleStage)
                .eq(DELETED)
                .and(Expr::col(Models::LastUpdatedTimestampMs).lte(filter.deleted_before())),
        );
    }
    which = which
        .add(Expr::col(Models::ModelId).is_in(filter.models.iter().map(String::as_str)))
        .add(is_one_of(Models::ExperimentId, experiments.iter().map(|id| id.0)));
    let select = Query::select()
        .columns([
            Models::ModelId,
            Models::LifecycleStage,
            Models::LastUpdatedTimestampMs,
            Models::ArtifactLocation,
        ])
        .from(Models::Table)
        .cond_where(which)
        .order_by(Models::ModelId, Order::Asc)
        .take();
    let mut found = Vec::new();
    for row in transaction.fetch_all(&select).await? {
        let id: String = row.get(Models::ModelId)?;
        if filter.models.contains(&id) {
            let what = format!("Logged model {id}");
            check(&row, &what, filter, Models::LifecycleStage, Models::LastUpdatedTimestampMs)?;
        }
        let artifact_uris = vec![row.get(Models::ArtifactLocation)?];
        found.push(Garbage { id: GarbageId::Model(id), artifact_uris });
    }
    let is_found = |id: &&String| found.iter().any(|it| it.id == GarbageId::Model((*id).clone()));
    match filter.models.iter().find(|id| !is_found(id)) {
        Some(absent) => Err(StoreError::ModelNotFound(absent.clone())),
        None => Ok(found),
    }
}

/// Refuses what is not deleted, or not for long enough, in the reference's words.
fn check<C: sea_query::Iden + Copy>(
    row: &Row,
    what: &str,
    filter: &GarbageFilter,
    stage: C,
    deleted_time: C,
) -> Result<(), StoreError> {
    let stage: Option<String> = row.get(stage)?;
    if stage.as_deref() != Some(DELETED) {
        return Err(InvalidParameter::new(format!(
            "{what} is not in `deleted` lifecycle stage. Only what is in `deleted` lifecycle stage can be deleted."
        ))
        .into());
    }
    let deleted_time: Option<i64> = row.get(deleted_time)?;
    if filter.older_than_ms.is_some()
        && deleted_time.is_none_or(|time| time > filter.deleted_before())
    {
        return Err(
            InvalidParameter::new(format!("{what} is not older than the required age.")).into()
        );
    }
    Ok(())
}

/// Where the traces of an experiment keep their artifacts.
async fn trace_locations(
    transaction: &mut Transaction,
    id: ExperimentId,
) -> Result<Vec<String>, DbError> {
    let select = Query::select()
        .column((TraceTags::Table, TraceTags::Value))
        .from(TraceTags::Table)
        .inner_join(
            TraceInfo::Table,
            Expr::col((TraceInfo::Table, TraceInfo::RequestId))
                .equals((TraceTags::Table, TraceTags::RequestId)),
        )
        .and_where(Expr::col((TraceInfo::Table, TraceInfo::ExperimentId)).eq(id.0))
        .and_where(Expr::col((TraceTags::Table, TraceTags::Key)).eq(TRACE_LOCATION))
        .and_where(Expr::col((TraceTags::Table, TraceTags::Value)).is_not_null())
        .take();
    transaction.fetch_all(&select).await?.iter().map(|row| row.get(TraceTags::Value)).collect()
}
