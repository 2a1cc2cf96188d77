//! Tags of experiments and runs.

use crate::{
    Store, StoreError, custom_views,
    db::{DbError, Transaction, id_lists, insert},
    experiments, run_locks, runs,
    tables::{ExperimentTags, Tags},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, RunId,
    experiments::Experiment,
    tags::{DeleteExperimentTag, DeleteTag, RUN_NAME_TAG, SetExperimentTag, SetTag, Tag},
};
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query};
use std::collections::{BTreeMap, HashMap};

impl Store {
    /// Sets a tag of a run, or changes it.
    pub async fn set_tag(&self, request: SetTag) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Removes a tag of a run.
    pub async fn delete_tag(&self, request: DeleteTag) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Sets a tag of an experiment, or changes it.
    pub async fn set_experiment_tag(&self, request: SetExperimentTag) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Removes a tag of an experiment.
    pub async fn delete_experiment_tag(
        &self,
        request: DeleteExperimentTag,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for SetTag {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        run_locks::active(transaction, &self.run_id).await?;
        set_on_run(transaction, &self.run_id, std::slice::from_ref(&self.tag)).await
    }
}

impl Change for DeleteTag {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        run_locks::active(transaction, &self.run_id).await?;
        let delete = Query::delete()
            .from_table(Tags::Table)
            .and_where(Expr::col(Tags::RunUuid).eq(self.run_id.as_str()))
            .and_where(Expr::col(Tags::Key).eq(self.key.as_str()))
            .take();
        if transaction.execute(&delete).await? == 0 {
            let (key, run_id) = (self.key.clone(), self.run_id.clone());
            return Err(StoreError::RunTagNotFound { key, run_id });
        }
        Ok(())
    }
}

impl Change for SetExperimentTag {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        experiments::active(transaction, self.experiment_id).await?;
        custom_views::check_room(transaction, self.experiment_id, &self.tag.key).await?;
        let tags = std::slice::from_ref(&self.tag);
        set_on_experiment(transaction, self.experiment_id, tags).await
    }
}

impl Change for DeleteExperimentTag {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        experiments::active(transaction, self.experiment_id).await?;
        let delete = Query::delete()
            .from_table(ExperimentTags::Table)
            .and_where(Expr::col(ExperimentTags::ExperimentId).eq(self.experiment_id.0))
            .and_where(Expr::col(ExperimentTags::Key).eq(self.key.as_str()))
            .take();
        if transaction.execute(&delete).await? == 0 {
            let (key, experiment_id) = (self.key.clone(), self.experiment_id);
            return Err(StoreError::ExperimentTagNotFound { key, experiment_id });
        }
        Ok(())
    }
}

/// Sets tags of a run. The one that mirrors the run's name changes that, too; an empty name changes
/// nothing, since a run has one.
pub(crate) async fn set_on_run(
    transaction: &mut Transaction,
    run: &RunId,
    tags: &[Tag],
) -> Result<(), StoreError> {
    let mut latest = last_of_each_key(tags);
    if latest.get(RUN_NAME_TAG).is_some_and(|name| name.is_empty()) {
        latest.remove(RUN_NAME_TAG);
    }
    if let Some(name) = latest.get(RUN_NAME_TAG) {
        runs::rename(transaction, run, name).await?;
    }
    write_on_run(transaction, run, latest).await
}

/// Writes tags of a run whose name is known to be in agreement with them.
pub(crate) async fn insert_on_run(
    transaction: &mut Transaction,
    run: &RunId,
    tags: &[Tag],
) -> Result<(), StoreError> {
    write_on_run(transaction, run, last_of_each_key(tags)).await
}

async fn write_on_run(
    transaction: &mut Transaction,
    run: &RunId,
    tags: BTreeMap<&str, &str>,
) -> Result<(), StoreError> {
    let tags: Vec<_> = tags.into_iter().collect();
    let rows =
        tags.iter().map(|(key, value)| [(*key).into(), (*value).into(), run.as_str().into()]);
    let mut statement = insert(Tags::Table, [Tags::Key, Tags::Value, Tags::RunUuid], rows);
    let replace =
        OnConflict::columns([Tags::Key, Tags::RunUuid]).update_column(Tags::Value).to_owned();
    transaction.insert(statement.on_conflict(replace)).await?;
    Ok(())
}

/// Sets tags of an experiment.
pub(crate) async fn set_on_experiment(
    transaction: &mut Transaction,
    id: ExperimentId,
    tags: &[Tag],
) -> Result<(), StoreError> {
    let tags: Vec<_> = last_of_each_key(tags).into_iter().collect();
    let rows = tags.iter().map(|(key, value)| [(*key).into(), (*value).into(), id.0.into()]);
    let columns = [ExperimentTags::Key, ExperimentTags::Value, ExperimentTags::ExperimentId];
    let mut statement = insert(ExperimentTags::Table, columns, rows);
    let replace = OnConflict::columns([ExperimentTags::Key, ExperimentTags::ExperimentId])
        .update_column(ExperimentTags::Value)
        .to_owned();
    transaction.insert(statement.on_conflict(replace)).await?;
    Ok(())
}

/// One statement can't write a row twice, so of several values of a key only the last is written.
pub(crate) fn last_of_each_key(tags: &[Tag]) -> BTreeMap<&str, &str> {
    tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect()
}

/// Gives experiments their tags.
pub(crate) async fn add_to_experiments(
    transaction: &mut Transaction,
    experiments: &mut [Experiment],
) -> Result<(), DbError> {
    let ids: Vec<i64> = experiments.iter().map(|experiment| experiment.experiment_id.0).collect();
    let mut found: HashMap<i64, Vec<Tag>> = HashMap::new();
    for list in id_lists(&ids) {
        let select = Query::select()
            .columns([ExperimentTags::ExperimentId, ExperimentTags::Key, ExperimentTags::Value])
            .from(ExperimentTags::Table)
            .and_where(Expr::col(ExperimentTags::ExperimentId).is_in(list.iter().copied()))
            .order_by(ExperimentTags::Key, Order::Asc)
            .take();
        for row in transaction.fetch_all(&select).await? {
            let value: Option<String> = row.get(ExperimentTags::Value)?;
            let tag = Tag { key: row.get(ExperimentTags::Key)?, value: value.unwrap_or_default() };
            found.entry(row.get(ExperimentTags::ExperimentId)?).or_default().push(tag);
        }
    }
    for experiment in experiments {
        experiment.tags = found.remove(&experiment.experiment_id.0).unwrap_or_default();
    }
    Ok(())
}
