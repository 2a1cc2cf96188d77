//! Records that were kept elsewhere, brought in with their ids, times and stages.
//!
//! Each experiment, run and model is one change: it is there wholly or not at all, so that an import
//! that was interrupted goes on where it stopped.

mod count;
mod experiment;
mod model;
mod run;

pub use count::{Counts, Owners};
pub use experiment::{ImportedExperiment, Place, PlacedExperiment};
pub use model::ImportedModel;
pub use run::{ImportedRun, Series, SeriesPoint};

use crate::{
    Store, StoreError,
    db::{DbError, Transaction},
    lifecycle::{ACTIVE, DELETED},
};
use experiment::PlaceExperiment;
use mlferry_protocol::ExperimentId;
use model::AddModel;
use run::AddRun;
use sea_query::{Expr, IntoTableRef, Query};

impl Store {
    /// Brings an experiment in: into the one that has its name, or else as a new one, with its id where
    /// that is free.
    pub async fn import_experiment(
        &self,
        experiment: ImportedExperiment,
    ) -> Result<PlacedExperiment, StoreError> {
        self.write(PlaceExperiment(experiment)).await
    }

    /// Brings a run in with all that was logged to it; false when there is a run with its id, which
    /// stays as it is.
    pub async fn import_run(
        &self,
        experiment: ExperimentId,
        run: ImportedRun,
    ) -> Result<bool, StoreError> {
        self.write(AddRun { experiment, run }).await
    }

    /// Brings a logged model in; false when there is one with its id, which stays as it is. The runs that
    /// its metrics name must be there.
    pub async fn import_model(
        &self,
        experiment: ExperimentId,
        model: ImportedModel,
    ) -> Result<bool, StoreError> {
        self.write(AddModel { experiment, model }).await
    }
}

/// Whether a table has a row of a kind.
async fn any_row(
    transaction: &mut Transaction,
    table: impl IntoTableRef,
    which: Expr,
) -> Result<bool, DbError> {
    let select = Query::select().expr(Expr::val(1)).from(table).and_where(which).limit(1).take();
    Ok(transaction.fetch_optional(&select).await?.is_some())
}

fn stage(is_deleted: bool) -> &'static str {
    if is_deleted { DELETED } else { ACTIVE }
}
