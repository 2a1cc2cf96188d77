//! Removal of records for good, one transaction each.

use super::GarbageId;
use crate::{
    StoreError,
    db::{DbError, Transaction, id_lists},
    inputs::end,
    lifecycle::DELETED,
    tables::{
        EntityAssociations, ExperimentTags, Experiments, InputTags, Inputs, LatestMetrics,
        LoggedModels, Metrics, OnlineScoringConfigs, Params, Rollups, Runs, Tags, TraceInfo,
    },
    writes::{Change, Lock},
};
use mlferry_protocol::{ExperimentId, RunId};
use sea_query::{Expr, ExprTrait, IntoTableRef, LockType, Query};

/// Whether rows that are looked at are held, so that nobody changes them before the end of the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Row,
    Not,
}

/// Whether a record is there, and is deleted or belongs to an experiment that is.
pub(super) async fn is_garbage(
    transaction: &mut Transaction,
    id: &GarbageId,
    hold: Hold,
) -> Result<bool, DbError> {
    let mut select = Query::select();
    match id {
        GarbageId::Run(id) => select
            .columns([Runs::LifecycleStage, Runs::ExperimentId])
            .from(Runs::Table)
            .and_where(Expr::col(Runs::RunUuid).eq(id.as_str())),
        GarbageId::Model(id) => select
            .columns([LoggedModels::LifecycleStage, LoggedModels::ExperimentId])
            .from(LoggedModels::Table)
            .and_where(Expr::col(LoggedModels::ModelId).eq(id.as_str())),
        GarbageId::Experiment(id) => return is_deleted(transaction, *id, hold).await,
    };
    if hold == Hold::Row {
        select.lock(LockType::Update);
    }
    let Some(row) = transaction.fetch_optional(&select).await? else { return Ok(false) };
    let stage: Option<String> = row.get(Runs::LifecycleStage)?;
    if stage.as_deref() == Some(DELETED) {
        return Ok(true);
    }
    is_deleted(transaction, ExperimentId(row.get(Runs::ExperimentId)?), hold).await
}

async fn is_deleted(
    transaction: &mut Transaction,
    id: ExperimentId,
    hold: Hold,
) -> Result<bool, DbError> {
    let mut select = Query::select()
        .column(Experiments::LifecycleStage)
        .from(Experiments::Table)
        .and_where(Expr::col(Experiments::ExperimentId).eq(id.0))
        .take();
    if hold == Hold::Row {
        select.lock(LockType::Update);
    }
    let Some(row) = transaction.fetch_optional(&select).await? else { return Ok(false) };
    let stage: Option<String> = row.get(Experiments::LifecycleStage)?;
    Ok(stage.as_deref() == Some(DELETED))
}

pub(super) struct PurgeRun(pub(super) RunId);

impl Change for PurgeRun {
    type Output = bool;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.0)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        if !is_garbage(transaction, &GarbageId::Run(self.0.clone()), Hold::Row).await? {
            return Ok(false);
        }
        let id = self.0.as_str();
        delete(transaction, Metrics::Table, Expr::col(Metrics::RunUuid).eq(id)).await?;
        delete(transaction, LatestMetrics::Table, Expr::col(LatestMetrics::RunUuid).eq(id)).await?;
        delete(transaction, Params::Table, Expr::col(Params::RunUuid).eq(id)).await?;
        delete(transaction, Tags::Table, Expr::col(Tags::RunUuid).eq(id)).await?;
        let links = link_from([end::RUN_INPUT, end::RUN_OUTPUT], id).or(link_to([end::RUN], id));
        delete_links(transaction, links).await?;
        let associated = Expr::col(EntityAssociations::DestinationId)
            .eq(id)
            .and(Expr::col(EntityAssociations::DestinationType).eq("run"));
        delete(transaction, EntityAssociations::Table, associated).await?;
        delete(transaction, Runs::Table, Expr::col(Runs::RunUuid).eq(id)).await?;
        Ok(true)
    }
}

pub(super) struct PurgeModel(pub(super) String);

impl Change for PurgeModel {
    type Output = bool;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Model(&self.0)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        if !is_garbage(transaction, &GarbageId::Model(self.0.clone()), Hold::Row).await? {
            return Ok(false);
        }
        let id = self.0.as_str();
        delete_links(transaction, link_to([end::MODEL_INPUT, end::MODEL_OUTPUT], id)).await?;
        // What belongs to it goes with it, as the schema says.
        delete(transaction, LoggedModels::Table, Expr::col(LoggedModels::ModelId).eq(id)).await?;
        Ok(true)
    }
}

pub(super) struct PurgeExperiment(pub(super) ExperimentId);

impl Change for PurgeExperiment {
    type Output = bool;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.0)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        let id = self.0.0;
        if !is_garbage(transaction, &GarbageId::Experiment(self.0), Hold::Row).await? {
            return Ok(false);
        }
        let run = Query::select()
            .column(Runs::RunUuid)
            .from(Runs::Table)
            .and_where(Expr::col(Runs::ExperimentId).eq(id))
            .limit(1)
            .take();
        if transaction.fetch_optional(&run).await?.is_some() {
            return Err(StoreError::ExperimentNotEmpty(self.0));
        }
        // No foreign key leads from these to their experiment.
        for table in Rollups::TABLES {
            delete(transaction, table, Expr::col(Rollups::ExperimentId).eq(id)).await?;
        }
        // Their rows have keys to the experiment, and to what goes with it.
        delete(transaction, TraceInfo::Table, Expr::col(TraceInfo::ExperimentId).eq(id)).await?;
        let judging = Expr::col(OnlineScoringConfigs::ExperimentId).eq(id);
        delete(transaction, OnlineScoringConfigs::Table, judging).await?;
        let models = Expr::col(LoggedModels::ExperimentId).eq(id);
        delete(transaction, LoggedModels::Table, models).await?;
        let tags = Expr::col(ExperimentTags::ExperimentId).eq(id);
        delete(transaction, ExperimentTags::Table, tags).await?;
        delete(transaction, Experiments::Table, Expr::col(Experiments::ExperimentId).eq(id))
            .await?;
        Ok(true)
    }
}

async fn delete(
    transaction: &mut Transaction,
    table: impl IntoTableRef,
    which: Expr,
) -> Result<(), DbError> {
    let statement = Query::delete().from_table(table).and_where(which).take();
    transaction.execute(&statement).await?;
    Ok(())
}

fn link_from<const N: usize>(types: [&'static str; N], id: &str) -> Expr {
    Expr::col(Inputs::SourceType).is_in(types).and(Expr::col(Inputs::SourceId).eq(id))
}

fn link_to<const N: usize>(types: [&'static str; N], id: &str) -> Expr {
    Expr::col(Inputs::DestinationType).is_in(types).and(Expr::col(Inputs::DestinationId).eq(id))
}

/// Removes links, with their tags.
async fn delete_links(transaction: &mut Transaction, which: Expr) -> Result<(), DbError> {
    let select =
        Query::select().column(Inputs::InputUuid).from(Inputs::Table).and_where(which).take();
    let rows = transaction.fetch_all(&select).await?;
    let ids: Vec<String> =
        rows.iter().map(|row| row.get(Inputs::InputUuid)).collect::<Result<_, _>>()?;
    for list in id_lists(&ids) {
        let ids = || list.iter().map(String::as_str);
        delete(transaction, InputTags::Table, Expr::col(InputTags::InputUuid).is_in(ids())).await?;
        delete(transaction, Inputs::Table, Expr::col(Inputs::InputUuid).is_in(ids())).await?;
    }
    Ok(())
}
