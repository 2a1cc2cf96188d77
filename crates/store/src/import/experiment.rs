//! Experiments that were kept elsewhere.

use super::{Counts, any_row, stage};
use crate::{
    StoreError, datasets,
    db::{DbError, Row, Transaction, row_lists},
    experiments::ExperimentValues,
    schema::{DEFAULT_EXPERIMENT, WORKSPACE},
    tables::{ExperimentTags, Experiments, LoggedModels, Runs},
    tags,
    writes::{Change, Lock},
};
use mlferry_protocol::{ExperimentId, datasets::Dataset, tags::Tag};
use sea_query::{Expr, ExprTrait, LockType, Query};
use std::collections::HashSet;

/// An experiment that was kept elsewhere.
#[derive(Debug, Clone)]
pub struct ImportedExperiment {
    /// The id that it had, where that is an integer.
    pub id: Option<i64>,
    /// Its name.
    pub name: String,
    /// Where its artifacts are.
    pub artifact_location: Option<String>,
    /// Whether it is deleted.
    pub is_deleted: bool,
    /// In milliseconds since 1970.
    pub creation_time: Option<i64>,
    /// In milliseconds since 1970.
    pub last_update_time: Option<i64>,
    /// Its tags, each key once.
    pub tags: Vec<Tag>,
    /// The datasets that its runs use, each name and digest once.
    pub datasets: Vec<Dataset>,
}

impl ImportedExperiment {
    /// How much belongs to it.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            tags: self.tags.len() as u64,
            datasets: self.datasets.len() as u64,
            ..Counts::default()
        }
    }
}

/// Which experiment of the database an imported one became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedExperiment {
    /// Its id.
    pub id: ExperimentId,
    /// How it got there.
    pub place: Place,
}

/// How an imported experiment found its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is new.
    New,
    /// It took the place of the default experiment, which every database has, and which had no runs.
    Default,
    /// An experiment with its name was there; what that lacked was added.
    SameName,
}

pub(super) struct PlaceExperiment(pub(super) ImportedExperiment);

impl Change for PlaceExperiment {
    type Output = PlacedExperiment;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<PlacedExperiment, StoreError> {
        let placed = self.0.place(transaction).await?;
        self.0.add_tags(transaction, placed.id).await?;
        for datasets in row_lists(&self.0.datasets) {
            datasets::add_datasets(transaction, placed.id, datasets.iter()).await?;
        }
        Ok(placed)
    }
}

impl ImportedExperiment {
    async fn place(&self, transaction: &mut Transaction) -> Result<PlacedExperiment, StoreError> {
        let same_name = with_name(transaction, &self.name).await?;
        let wants_default = self.id == Some(DEFAULT_EXPERIMENT.0)
            && same_name.is_none_or(|found| found == DEFAULT_EXPERIMENT);
        if wants_default && is_unused(transaction, DEFAULT_EXPERIMENT).await? {
            self.replace(transaction, DEFAULT_EXPERIMENT).await?;
            return Ok(PlacedExperiment { id: DEFAULT_EXPERIMENT, place: Place::Default });
        }
        if let Some(id) = same_name {
            return Ok(PlacedExperiment { id, place: Place::SameName });
        }
        let id = self.insert(transaction).await?;
        Ok(PlacedExperiment { id, place: Place::New })
    }

    /// Writes it over an experiment that nobody used.
    async fn replace(
        &self,
        transaction: &mut Transaction,
        id: ExperimentId,
    ) -> Result<(), DbError> {
        let update = Query::update()
            .table(Experiments::Table)
            .values([
                (Experiments::Name, self.name.as_str().into()),
                (Experiments::ArtifactLocation, self.artifact_location.clone().into()),
                (Experiments::LifecycleStage, stage(self.is_deleted).into()),
                (Experiments::CreationTime, self.creation_time.into()),
                (Experiments::LastUpdateTime, self.last_update_time.into()),
            ])
            .and_where(Expr::col(Experiments::ExperimentId).eq(id.0))
            .take();
        transaction.execute(&update).await?;
        Ok(())
    }

    async fn insert(&self, transaction: &mut Transaction) -> Result<ExperimentId, DbError> {
        let values = ExperimentValues {
            name: &self.name,
            artifact_location: self.artifact_location.as_deref(),
            lifecycle_stage: stage(self.is_deleted),
            creation_time: self.creation_time,
            last_update_time: self.last_update_time,
        };
        let Some(id) = self.free_id(transaction).await? else {
            return values.insert(transaction).await;
        };
        transaction.execute(&values.insertion(Some(id))).await?;
        transaction.advance_experiment_ids().await?;
        Ok(id)
    }

    /// Its own id, if the database can take it and no other experiment has it.
    async fn free_id(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Option<ExperimentId>, DbError> {
        let largest = transaction.max_experiment_id();
        let Some(id) = self.id.filter(|id| (0..=largest).contains(id)) else { return Ok(None) };
        let which = Expr::col(Experiments::ExperimentId).eq(id);
        let is_taken = any_row(transaction, Experiments::Table, which).await?;
        Ok((!is_taken).then_some(ExperimentId(id)))
    }

    /// Writes those tags that the experiment does not have.
    async fn add_tags(
        &self,
        transaction: &mut Transaction,
        id: ExperimentId,
    ) -> Result<(), StoreError> {
        let select = Query::select()
            .column(ExperimentTags::Key)
            .from(ExperimentTags::Table)
            .and_where(Expr::col(ExperimentTags::ExperimentId).eq(id.0))
            .take();
        let rows = transaction.fetch_all(&select).await?;
        let kept: HashSet<String> =
            rows.iter().map(|row: &Row| row.get(ExperimentTags::Key)).collect::<Result<_, _>>()?;
        let new: Vec<Tag> =
            self.tags.iter().filter(|tag| !kept.contains(&tag.key)).cloned().collect();
        tags::set_on_experiment(transaction, id, &new).await
    }
}

async fn with_name(
    transaction: &mut Transaction,
    name: &str,
) -> Result<Option<ExperimentId>, DbError> {
    let select = Query::select()
        .column(Experiments::ExperimentId)
        .from(Experiments::Table)
        .and_where(Expr::col(Experiments::Name).eq(name))
        .and_where(Expr::col(Experiments::Workspace).eq(WORKSPACE))
        // Nobody renames it meanwhile.
        .lock(LockType::Share)
        .take();
    let row = transaction.fetch_optional(&select).await?;
    row.map(|row| Ok(ExperimentId(row.get(Experiments::ExperimentId)?))).transpose()
}

/// Whether an experiment is there and has neither runs nor models.
async fn is_unused(transaction: &mut Transaction, id: ExperimentId) -> Result<bool, DbError> {
    let which = Expr::col(Experiments::ExperimentId).eq(id.0);
    if !any_row(transaction, Experiments::Table, which).await? {
        return Ok(false);
    }
    let of_it = Expr::col(Runs::ExperimentId).eq(id.0);
    if any_row(transaction, Runs::Table, of_it).await? {
        return Ok(false);
    }
    let of_it = Expr::col(LoggedModels::ExperimentId).eq(id.0);
    Ok(!any_row(transaction, LoggedModels::Table, of_it).await?)
}
