//! Scorers and their versions.

use crate::{
    Store, StoreError,
    clock::now_ms,
    db::{DbError, Row, Transaction, insert, is_one_of},
    experiments,
    lifecycle::ACTIVE,
    reads::Question,
    schema::WORKSPACE,
    scorer_endpoints::{bind, endpoint_named, endpoint_names, resolve, unbind},
    tables::{Experiments, ScorerVersions, Scorers},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId,
    scorers::{
        DeleteScorer, GetScorer, ListScorerVersions, ListScorers, RegisterScorer, ScorerVersion,
        WhichScorer,
    },
    serialized_scorers::SerializedScorer,
};
use sea_query::{
    Alias, Expr, ExprTrait, Func, LockType, OnConflict, Order, Query, SelectStatement,
};
use std::collections::BTreeSet;
use uuid::Uuid;

impl Store {
    /// Adds a version to a scorer, and makes the scorer when it is new.
    pub async fn register_scorer(
        &self,
        request: RegisterScorer,
    ) -> Result<ScorerVersion, StoreError> {
        self.write(request).await
    }

    /// The newest version of each scorer, by experiment and name.
    pub async fn list_scorers(
        &self,
        request: ListScorers,
    ) -> Result<Vec<ScorerVersion>, StoreError> {
        self.ask(request).await
    }

    /// All versions of a scorer.
    pub async fn list_scorer_versions(
        &self,
        request: ListScorerVersions,
    ) -> Result<Vec<ScorerVersion>, StoreError> {
        self.ask(request).await
    }

    /// A version of a scorer, or its newest.
    pub async fn get_scorer(&self, request: GetScorer) -> Result<ScorerVersion, StoreError> {
        self.ask(request).await
    }

    /// Removes a version of a scorer, or the scorer with all of them.
    pub async fn delete_scorer(&self, request: DeleteScorer) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for RegisterScorer {
    type Output = ScorerVersion;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<ScorerVersion, StoreError> {
        experiments::active(transaction, self.experiment_id).await?;
        let given = &self.serialized_scorer;
        let endpoint = match given.endpoint() {
            Some(name) => Some(endpoint_named(transaction, name).await?),
            None => None,
        };
        let scorer_id = locked_id(transaction, self).await?;
        let version = next_version(transaction, &scorer_id).await?;
        let kept = endpoint.as_deref().map(|endpoint| given.with_endpoint(Some(endpoint)));
        let now = now_ms();
        let columns = [
            ScorerVersions::ScorerId,
            ScorerVersions::ScorerVersion,
            ScorerVersions::SerializedScorer,
            ScorerVersions::CreationTime,
        ];
        let row = [
            scorer_id.as_str().into(),
            version.into(),
            kept.as_deref().unwrap_or(given.as_str()).into(),
            now.into(),
        ];
        transaction.insert(&insert(ScorerVersions::Table, columns, [row])).await?;
        let mut serialized_scorer = given.as_str().to_owned();
        if let Some(endpoint) = &endpoint {
            bind(transaction, &scorer_id, endpoint, &self.name).await?;
            serialized_scorer = given.rewritten();
        }
        Ok(ScorerVersion {
            experiment_id: self.experiment_id.0,
            scorer_name: self.name.clone(),
            scorer_version: version,
            serialized_scorer,
            creation_time: Some(now),
            scorer_id,
        })
    }
}

/// The id of a scorer, which is made when it is new; until the end nobody else adds versions to it.
async fn locked_id(
    transaction: &mut Transaction,
    request: &RegisterScorer,
) -> Result<String, DbError> {
    let columns = [Scorers::ExperimentId, Scorers::ScorerName, Scorers::ScorerId];
    let row = [
        request.experiment_id.0.into(),
        request.name.as_str().into(),
        Uuid::new_v4().to_string().into(),
    ];
    let mut insertion = insert(Scorers::Table, columns, [row]);
    let key = [Scorers::ExperimentId, Scorers::ScorerName];
    insertion.on_conflict(OnConflict::columns(key).do_nothing().to_owned());
    transaction.insert(&insertion).await?;
    let select = select_id(request.experiment_id, &request.name).lock(LockType::NoKeyUpdate).take();
    let row = transaction.fetch_optional(&select).await?;
    row.ok_or_else(|| DbError::corrupt("a scorer vanished"))?.get(Scorers::ScorerId)
}

async fn next_version(transaction: &mut Transaction, scorer_id: &str) -> Result<i64, DbError> {
    let select = Query::select()
        .column(ScorerVersions::ScorerVersion)
        .from(ScorerVersions::Table)
        .and_where(Expr::col(ScorerVersions::ScorerId).eq(scorer_id))
        .order_by(ScorerVersions::ScorerVersion, Order::Desc)
        .limit(1)
        .take();
    let row = transaction.fetch_optional(&select).await?;
    let newest = row.map(|row| row.get::<i64>(ScorerVersions::ScorerVersion)).transpose()?;
    Ok(newest.unwrap_or(0) + 1)
}

impl Question for ListScorers {
    type Answer = Vec<ScorerVersion>;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Vec<ScorerVersion>, StoreError> {
        let active = Expr::col((Experiments::Table, Experiments::LifecycleStage)).eq(ACTIVE);
        let mut select = select_versions()
            .and_where(
                Expr::col((ScorerVersions::Table, ScorerVersions::ScorerVersion)).eq(newest()),
            )
            .take();
        match self {
            Self::Of(id) => {
                experiments::seen_active(transaction, *id).await?;
                select.and_where(Expr::col((Scorers::Table, Scorers::ExperimentId)).eq(id.0));
            }
            Self::Among(ids) => {
                let ids: BTreeSet<i64> = ids.iter().map(|id| id.0).collect();
                let column = (Scorers::Table, Scorers::ExperimentId);
                select.and_where(is_one_of(column, ids.into_iter())).and_where(active);
            }
            Self::All => {
                select.and_where(active);
            }
        }
        let rows = transaction.fetch_all(&select).await?;
        let mut versions = rows.iter().map(version_of).collect::<Result<Vec<_>, _>>()?;
        // Databases differ in the order of texts.
        versions.sort_by(|a, b| {
            (a.experiment_id, &a.scorer_name).cmp(&(b.experiment_id, &b.scorer_name))
        });
        resolve(transaction, &mut versions).await?;
        Ok(versions)
    }
}

impl Question for ListScorerVersions {
    type Answer = Vec<ScorerVersion>;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Vec<ScorerVersion>, StoreError> {
        experiments::seen_active(transaction, self.experiment_id).await?;
        let select = select_versions()
            .and_where(is_named(self.experiment_id, &self.name))
            .order_by((ScorerVersions::Table, ScorerVersions::ScorerVersion), Order::Asc)
            .take();
        let rows = transaction.fetch_all(&select).await?;
        if rows.is_empty() {
            return Err(not_found(self.experiment_id, &self.name, None));
        }
        let mut versions = rows.iter().map(version_of).collect::<Result<Vec<_>, _>>()?;
        resolve(transaction, &mut versions).await?;
        Ok(versions)
    }
}

impl Question for GetScorer {
    type Answer = ScorerVersion;

    async fn answer(&self, transaction: &mut Transaction) -> Result<ScorerVersion, StoreError> {
        let WhichScorer { experiment_id, name, version } = &self.0;
        experiments::seen_active(transaction, *experiment_id).await?;
        let number = (ScorerVersions::Table, ScorerVersions::ScorerVersion);
        let select = select_versions()
            .and_where(is_named(*experiment_id, name))
            .and_where_option(version.map(|version| Expr::col(number).eq(version)))
            .order_by(number, Order::Desc)
            .limit(1)
            .take();
        let row = transaction.fetch_optional(&select).await?;
        // Whether the version or the scorer is missing, the message tells what was asked for.
        let Some(row) = row else { return Err(missing(transaction, &self.0).await?) };
        let mut found = version_of(&row)?;
        let serialized = SerializedScorer::stored(found.serialized_scorer.clone());
        if let Some(endpoint) = serialized.endpoint() {
            let names = endpoint_names(transaction, &[endpoint]).await?;
            let name = names.get(endpoint).map(String::as_str);
            found.serialized_scorer = serialized.with_endpoint(name);
        }
        Ok(found)
    }
}

impl Change for DeleteScorer {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.0.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let WhichScorer { experiment_id, name, version } = &self.0;
        experiments::active(transaction, *experiment_id).await?;
        let select = select_id(*experiment_id, name).lock(LockType::Update).take();
        let Some(row) = transaction.fetch_optional(&select).await? else {
            return Err(not_found(*experiment_id, name, None));
        };
        let scorer_id: String = row.get(Scorers::ScorerId)?;
        let delete = Query::delete()
            .from_table(ScorerVersions::Table)
            .and_where(Expr::col(ScorerVersions::ScorerId).eq(scorer_id.as_str()))
            .and_where_option(
                version.map(|version| Expr::col(ScorerVersions::ScorerVersion).eq(version)),
            )
            .take();
        if transaction.execute(&delete).await? == 0 {
            return Err(not_found(*experiment_id, name, *version));
        }
        if version.is_some() {
            return Ok(());
        }
        unbind(transaction, &scorer_id).await?;
        let delete = Query::delete()
            .from_table(Scorers::Table)
            .and_where(Expr::col(Scorers::ScorerId).eq(scorer_id))
            .take();
        transaction.execute(&delete).await?;
        Ok(())
    }
}

pub(crate) fn select_id(experiment: ExperimentId, name: &str) -> SelectStatement {
    Query::select()
        .column(Scorers::ScorerId)
        .from(Scorers::Table)
        .and_where(is_named(experiment, name))
        .take()
}

fn is_named(experiment: ExperimentId, name: &str) -> Expr {
    Expr::col((Scorers::Table, Scorers::ExperimentId))
        .eq(experiment.0)
        .and(Expr::col((Scorers::Table, Scorers::ScorerName)).eq(name))
}

/// Selects versions with their scorers and experiments.
fn select_versions() -> SelectStatement {
    Query::select()
        .columns([
            (ScorerVersions::Table, ScorerVersions::ScorerVersion),
            (ScorerVersions::Table, ScorerVersions::SerializedScorer),
            (ScorerVersions::Table, ScorerVersions::CreationTime),
        ])
        .columns([
            (Scorers::Table, Scorers::ExperimentId),
            (Scorers::Table, Scorers::ScorerName),
            (Scorers::Table, Scorers::ScorerId),
        ])
        .from(ScorerVersions::Table)
        .inner_join(
            Scorers::Table,
            Expr::col((ScorerVersions::Table, ScorerVersions::ScorerId))
                .equals((Scorers::Table, Scorers::ScorerId)),
        )
        .inner_join(
            Experiments::Table,
            Expr::col((Scorers::Table, Scorers::ExperimentId))
                .equals((Experiments::Table, Experiments::ExperimentId)),
        )
        .and_where(Expr::col((Experiments::Table, Experiments::Workspace)).eq(WORKSPACE))
        .take()
}

/// The number of the newest version of the scorer of a row.
fn newest() -> Expr {
    let others = Alias::new("others");
    let column = |column| Expr::col((others.clone(), column));
    let select = Query::select()
        .expr(Func::max(column(ScorerVersions::ScorerVersion)))
        .from_as(ScorerVersions::Table, others.clone())
        .and_where(column(ScorerVersions::ScorerId).equals((Scorers::Table, Scorers::ScorerId)))
        .take();
    Expr::SubQuery(None, Box::new(select.into()))
}

fn version_of(row: &Row) -> Result<ScorerVersion, DbError> {
    Ok(ScorerVersion {
        experiment_id: row.get(Scorers::ExperimentId)?,
        scorer_name: row.get(Scorers::ScorerName)?,
        scorer_version: row.get(ScorerVersions::ScorerVersion)?,
        serialized_scorer: row.get(ScorerVersions::SerializedScorer)?,
        creation_time: row.get(ScorerVersions::CreationTime)?,
        scorer_id: row.get(Scorers::ScorerId)?,
    })
}

/// The error for a version that is not there: without the scorer, the number does not matter.
async fn missing(
    transaction: &mut Transaction,
    which: &WhichScorer,
) -> Result<StoreError, DbError> {
    let WhichScorer { experiment_id, name, version } = which;
    let scorer = transaction.fetch_optional(&select_id(*experiment_id, name)).await?;
    Ok(not_found(*experiment_id, name, version.filter(|_| scorer.is_some())))
}

pub(crate) fn not_found(
    experiment_id: ExperimentId,
    name: &str,
    version: Option<i64>,
) -> StoreError {
    StoreError::ScorerNotFound { experiment_id, name: name.to_owned(), version }
}
