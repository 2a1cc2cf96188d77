//! Where records say that their artifacts are, and which records own a folder: a page at a time.

use super::Checkup;
use crate::{
    StoreError,
    db::{Dialect, Row, Transaction, is_one_of_texts},
    lifecycle::ACTIVE,
    model_version_files::FilesOf,
    model_versions::DELETED,
    reads::Question,
    schema::WORKSPACE,
    tables::{Experiments, LoggedModelTags, LoggedModels, ModelVersions, Runs, TraceInfo},
};
use mlferry_protocol::{
    ExperimentId, WireEnum,
    logged_models::LoggedModelStatus,
    model_versions::{VersionNumber, VersionOf},
};
use sea_query::{BinOper, Expr, ExprTrait, Func, Iden, Order, Query, SelectStatement};
use std::collections::HashSet;

/// Records of one page.
const PAGE: u64 = 1000;

/// A logged model with this tag has its files elsewhere: `mlflow.create_external_model` makes such.
const EXTERNAL_TAG: &str = "mlflow.model.isExternal";

/// A record with the place of its artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The id of a run or logged model.
    pub id: String,
    /// As the database has it.
    pub uri: String,
}

/// A model version with the place of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedVersion {
    /// The registered model.
    pub name: String,
    /// The number of the version.
    pub version: i64,
    /// The place behind all that its location may point to, or why it can't be told.
    pub uri: Result<String, String>,
}

/// Whose id is the name of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderOwner {
    /// A folder of an experiment is a run's.
    Run,
    /// One in `models` is a logged model's.
    LoggedModel,
    /// One in `traces` is a trace's.
    Trace,
}

impl Checkup {
    /// Experiments with their artifact locations, by id: those after `after`. No more are left after an empty page.
    pub async fn experiment_locations(
        &self,
        after: Option<ExperimentId>,
    ) -> Result<Vec<(ExperimentId, String)>, StoreError> {
        self.ask(ExperimentLocations { after }).await
    }

    /// Runs with their artifact locations, in the same way.
    pub async fn run_locations(&self, after: Option<String>) -> Result<Vec<Located>, StoreError> {
        let (id, uri) = (Runs::RunUuid, Runs::ArtifactUri);
        let select = located(Runs::Table, id, uri, after.as_deref());
        self.ask(Locations(select)).await
    }

    /// Logged models that are ready, and whose files should therefore be there, in the same way.
    pub async fn ready_models(&self, after: Option<String>) -> Result<Vec<Located>, StoreError> {
        use LoggedModels as Models;
        let ready = LoggedModelStatus::Ready.number();
        let external = Query::select()
            .expr(Expr::val(1))
            .from(LoggedModelTags::Table)
            .and_where(
                Expr::col((LoggedModelTags::Table, LoggedModelTags::ModelId))
                    .equals((Models::Table, Models::ModelId)),
            )
            .and_where(
                Expr::col((LoggedModelTags::Table, LoggedModelTags::TagKey)).eq(EXTERNAL_TAG),
            )
            .take();
        let select =
            located(Models::Table, Models::ModelId, Models::ArtifactLocation, after.as_deref())
                .and_where(Expr::col((Models::Table, Models::Status)).eq(ready))
                .and_where(Expr::col((Models::Table, Models::LifecycleStage)).eq(ACTIVE))
                .and_where(Expr::not_exists(external))
                .take();
        self.ask(Locations(select)).await
    }

    /// Model versions that are not deleted, in the same way: those after this one.
    pub async fn version_locations(
        &self,
        after: Option<(String, i64)>,
    ) -> Result<Vec<LocatedVersion>, StoreError> {
        self.ask(VersionLocations { after }).await
    }

    /// Those of some ids that are no record's.
    pub async fn unknown(
        &self,
        owner: FolderOwner,
        ids: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        self.ask(Unknown { owner, ids }).await
    }

    /// The names of folders right below `location` that hold the artifacts of some other record: of an experiment
    /// below this one, or of a run or logged model that is not in the folder named after it.
    pub async fn names_in_use(
        &self,
        location: &str,
        names: HashSet<String>,
    ) -> Result<HashSet<String>, StoreError> {
        let prefix = format!("{}/", location.trim_end_matches('/'));
        self.ask(NamesInUse { prefix, names }).await
    }
}

/// A page of ids and locations.
fn located<C: Iden + Copy + 'static>(
    table: C,
    id: C,
    uri: C,
    after: Option<&str>,
) -> SelectStatement {
    let mut select = Query::select();
    select.columns([(table, id), (table, uri)]).from(table);
    select.and_where(Expr::col((table, uri)).is_not_null());
    if let Some(after) = after {
        select.and_where(Expr::col((table, id)).gt(after));
    }
    select.order_by((table, id), Order::Asc).limit(PAGE).take()
}

struct Locations(SelectStatement);

impl Question for Locations {
    type Answer = Vec<Located>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<Located>, StoreError> {
        let rows = transaction.fetch_all(&self.0).await?;
        let located = |row: &Row| Ok(Located { id: row.get_at(0)?, uri: row.get_at(1)? });
        rows.iter().map(located).collect()
    }
}

struct ExperimentLocations {
    after: Option<ExperimentId>,
}

impl Question for ExperimentLocations {
    type Answer = Vec<(ExperimentId, String)>;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Vec<(ExperimentId, String)>, StoreError> {
        let mut select = Query::select();
        select
            .columns([Experiments::ExperimentId, Experiments::ArtifactLocation])
            .from(Experiments::Table)
            .and_where(Expr::col(Experiments::ArtifactLocation).is_not_null());
        if let Some(ExperimentId(after)) = self.after {
            select.and_where(Expr::col(Experiments::ExperimentId).gt(after));
        }
        select.order_by(Experiments::ExperimentId, Order::Asc).limit(PAGE);
        let located = |row: &Row| {
            let id = ExperimentId(row.get(Experiments::ExperimentId)?);
            Ok((id, row.get(Experiments::ArtifactLocation)?))
        };
        transaction.fetch_all(&select).await?.iter().map(located).collect()
    }
}

struct VersionLocations {
    after: Option<(String, i64)>,
}

impl Question for VersionLocations {
    type Answer = Vec<LocatedVersion>;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Vec<LocatedVersion>, StoreError> {
        let key = [ModelVersions::Name, ModelVersions::Version];
        let stage = || Expr::col(ModelVersions::CurrentStage);
        let mut select = Query::select();
        select
            .columns(key)
            .from(ModelVersions::Table)
            .and_where(Expr::col(ModelVersions::Workspace).eq(WORKSPACE))
            .and_where(stage().is_null().or(stage().ne(DELETED)));
        if let Some((name, version)) = &self.after {
            let last = [Expr::val(name.as_str()), Expr::val(*version)];
            select.and_where(Expr::tuple(key.map(Expr::col)).gt(Expr::tuple(last)));
        }
        for column in key {
            select.order_by(column, Order::Asc);
        }
        let mut located = Vec::new();
        for row in transaction.fetch_all(select.limit(PAGE)).await? {
            let (name, version) =
                (row.get::<String>(ModelVersions::Name)?, row.get(ModelVersions::Version)?);
            let of = VersionOf { name: name.clone(), version: VersionNumber(version) };
            let uri = match FilesOf(of).answer(transaction).await {
                Err(error @ StoreError::Database(_)) => return Err(error),
                uri => uri.map_err(|error| error.to_string()),
            };
            located.push(LocatedVersion { name, version, uri });
        }
        Ok(located)
    }
}

struct Unknown {
    owner: FolderOwner,
    ids: Vec<String>,
}

impl Question for Unknown {
    type Answer = Vec<String>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<String>, StoreError> {
        let dialect = transaction.dialect();
        let select = match self.owner {
            FolderOwner::Run => named(dialect, Runs::Table, Runs::RunUuid, &self.ids),
            FolderOwner::LoggedModel => {
                named(dialect, LoggedModels::Table, LoggedModels::ModelId, &self.ids)
            }
            FolderOwner::Trace => named(dialect, TraceInfo::Table, TraceInfo::RequestId, &self.ids),
        };
        let rows = transaction.fetch_all(&select).await?;
        let known = rows.iter().map(|row| row.get_at::<String>(0));
        let known = known.collect::<Result<HashSet<_>, _>>()?;
        Ok(self.ids.iter().filter(|id| !known.contains(*id)).cloned().collect())
    }
}

fn named<C: Iden + Copy + 'static>(
    dialect: Dialect,
    table: C,
    id: C,
    ids: &[String],
) -> SelectStatement {
    let is_named = is_one_of_texts(dialect, Expr::col(id), ids);
    Query::select().column(id).from(table).and_where(is_named).take()
}

struct NamesInUse {
    prefix: String,
    names: HashSet<String>,
}

impl Question for NamesInUse {
    type Answer = HashSet<String>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<HashSet<String>, StoreError> {
        use LoggedModels as Models;
        let dialect = transaction.dialect();
        let mut used = HashSet::new();
        let selects = [
            self.names_below(dialect, Experiments::Table, Experiments::ArtifactLocation),
            self.names_below(dialect, Runs::Table, Runs::ArtifactUri),
            self.names_below(dialect, Models::Table, Models::ArtifactLocation),
        ];
        for select in selects {
            for row in transaction.fetch_all(&select).await? {
                used.insert(row.get_at(0)?);
            }
        }
        Ok(used)
    }
}

impl NamesInUse {
    /// Selects those of the names that follow the prefix in a column.
    fn names_below<C: Iden + Copy + 'static>(
        &self,
        dialect: Dialect,
        table: C,
        uri: C,
    ) -> SelectStatement {
        // Both databases count characters, and PostgreSQL takes no wider integers for them.
        let length = i32::try_from(self.prefix.chars().count()).unwrap_or(i32::MAX - 1);
        let start = call("substr", [Expr::col(uri), 1.into(), length.into()]);
        let rest = || call("substr", [Expr::col(uri), (length + 1).into()]);
        let name = || match dialect {
            Dialect::Sqlite => {
                let closed = rest().binary(BinOper::Custom("||"), "/");
                let end = call("instr", [closed, "/".into()]).sub(1);
                call("substr", [rest(), 1.into(), end])
            }
            Dialect::Postgres => call("split_part", [rest(), "/".into(), 1.into()]),
        };
        let names: Vec<&String> = self.names.iter().collect();
        Query::select()
            .distinct()
            .expr(name())
            .from(table)
            .and_where(start.eq(self.prefix.as_str()))
            .and_where(is_one_of_texts(dialect, name(), &names))
            .take()
    }
}

/// A function that both databases have, or one of them.
fn call<const N: usize>(name: &'static str, arguments: [Expr; N]) -> Expr {
    Func::cust(name).args(arguments).into()
}
