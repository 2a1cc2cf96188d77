//! Copies of databases that are files: made while servers write, looked at, and brought back.

use crate::{
    OpenError, StoreError,
    database_uri::{DatabaseUri, without_credentials},
    db::{DbError, Depth, SqliteHold, SqliteLocation, Transaction, Trouble, copy_sqlite},
    doctor::Checkup,
    reads::Question,
    tables::AlembicVersion,
};
use sea_query::{Expr, Query};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use thiserror::Error;
use tokio::task::spawn_blocking;

/// Tables whose rows are counted, so that a person sees what is in a backup.
const COUNTED: [&str; 6] =
    ["experiments", "runs", "logged_models", "registered_models", "model_versions", "trace_info"];

/// How the file of a SQLite database begins: <https://www.sqlite.org/fileformat.html#the_database_header>.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Why a database can't be copied, or replaced.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The database is on a server, which has its own tools.
    #[error("PostgreSQL has its own tools for that: {0}")]
    Postgres(String),
    /// The database goes with its server.
    #[error("a database in memory can't be kept: use one in a file, such as sqlite:///mlflow.db")]
    Memory,
    /// It can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The copy is as damaged as the database.
    #[error(
        "the database is damaged ({0}): a copy would be, too. Look at it with `mlferry doctor`"
    )]
    Damaged(String),
    /// A server, or something else, has the database open.
    #[error("'{}' is in use: stop the servers that use it, then try again", .0.display())]
    InUse(PathBuf),
    /// The database, or the disk, failed.
    #[error("cannot copy the database")]
    Failed(#[source] DbError),
    /// The copy can't be read.
    #[error("cannot read the copy of the database")]
    Unreadable(#[from] StoreError),
}

/// The file of a SQLite database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteFile(PathBuf);

/// What a copy of a database is for: the words about PostgreSQL depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyPurpose {
    /// To make a backup.
    Backup,
    /// To bring one back.
    Restore,
}

/// What is in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseContents {
    /// Its Alembic revision.
    pub revision: String,
    /// The numbers of rows of some tables.
    pub rows: Vec<(&'static str, u64)>,
}

impl SqliteFile {
    /// The file that a URI names, whether or not it is there.
    pub fn of(uri: &str, purpose: CopyPurpose) -> Result<Self, BackupError> {
        let location = DatabaseUri::parse(uri).map_err(|reason| OpenError::uri(uri, reason))?;
        match location {
            DatabaseUri::Sqlite(SqliteLocation::File(path)) => Ok(Self(path)),
            DatabaseUri::Sqlite(SqliteLocation::Memory) => Err(BackupError::Memory),
            DatabaseUri::Postgres(_) => {
                let database = without_credentials(uri);
                let command = match purpose {
                    CopyPurpose::Backup => {
                        format!("pg_dump --format=custom --file=mlflow.dump '{database}'")
                    }
                    CopyPurpose::Restore => {
                        format!(
                            "pg_restore --clean --if-exists --no-owner --dbname='{database}' mlflow.dump"
                        )
                    }
                };
                Err(BackupError::Postgres(command))
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Copies the database as it is now to a file that is not there yet, while others write. When this returns, the
    /// copy is sound and durable but for its name; who gives up waiting ends it.
    pub async fn copy(&self, to: &Path) -> Result<DatabaseContents, BackupError> {
        // What is no database of MLflow is told before anything is written.
        revision_of(&checkup_of(&self.0).await?, &self.0).await?;
        let waits = Waits::default();
        let (from, target, is_given_up) = (self.0.clone(), to.to_owned(), Arc::clone(&waits.0));
        let goes_on = move || !is_given_up.load(Ordering::Relaxed);
        let copied = spawn_blocking(move || copy_sqlite(&from, &target, &goes_on)).await;
        let copied = copied.unwrap_or_else(|_| Err(DbError::closed()));
        copied.map_err(|error| failed(&self.0, error))?;
        contents(to).await
    }

    /// Takes hold of a database that is there; what is no database is held by nobody.
    pub async fn hold(&self) -> Result<HeldDatabase, BackupError> {
        if !is_sqlite(&self.0) {
            // To open it would make SQLite remove what lies beside it.
            return Ok(HeldDatabase { _hold: None });
        }
        let path = self.0.clone();
        let taken = spawn_blocking(move || SqliteHold::take(&path)).await;
        match taken.unwrap_or_else(|_| Err(DbError::closed())) {
            Ok(hold) => Ok(HeldDatabase { _hold: Some(hold) }),
            Err(error) => match error.trouble() {
                Trouble::Busy => Err(BackupError::InUse(self.0.clone())),
                Trouble::NoDatabase | Trouble::Damaged => Ok(HeldDatabase { _hold: None }),
                _ => Err(failed(&self.0, error)),
            },
        }
    }
}

/// Whether a file is empty, which is a database without tables, or begins as one.
fn is_sqlite(path: &Path) -> bool {
    let mut begin = Vec::with_capacity(MAGIC.len());
    let read =
        File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
    // What can't be read is told when it is opened.
    read.is_err() || begin.is_empty() || begin == MAGIC
}

/// A database that no server has open or can open until this is dropped, so that its file may be replaced.
#[derive(Debug)]
pub struct HeldDatabase {
    _hold: Option<SqliteHold>,
}

/// Whether somebody still waits for a copy.
#[derive(Debug, Default)]
struct Waits(Arc<AtomicBool>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What is in a copy, which must be sound.
pub async fn contents(copy: &Path) -> Result<DatabaseContents, BackupError> {
    let checkup = checkup_of(copy).await?;
    let faults = checkup.faults(Depth::Quick).await?;
    if let Some(fault) = faults.pages.into_iter().next() {
        return Err(BackupError::Damaged(fault));
    }
    let revision = revision_of(&checkup, copy).await?;
    let rows = checkup.ask(Rows).await?;
    Ok(DatabaseContents { revision, rows })
}

async fn checkup_of(path: &Path) -> Result<Checkup, OpenError> {
    let location = DatabaseUri::Sqlite(SqliteLocation::File(path.to_owned()));
    Checkup::open_at(&location, &path.display().to_string()).await
}

async fn revision_of(checkup: &Checkup, path: &Path) -> Result<String, BackupError> {
    let revision = checkup.ask(Revision).await.map_err(|error| match error {
        StoreError::Database(error) => failed(path, error),
        error => BackupError::Unreadable(error),
    })?;
    Ok(revision.ok_or_else(|| OpenError::Foreign(path.display().to_string()))?)
}

fn failed(path: &Path, error: DbError) -> BackupError {
    match OpenError::of(&path.display().to_string(), error) {
        OpenError::Failed(_, error) => BackupError::Failed(error),
        error => error.into(),
    }
}

/// The revision of a database; absent in one that is not MLflow's.
struct Revision;

impl Question for Revision {
    type Answer = Option<String>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Option<String>, StoreError> {
        let tables = transaction.table_names().await?;
        if !tables.iter().any(|table| table == "alembic_version") {
            return Ok(None);
        }
        let select =
            Query::select().column(AlembicVersion::VersionNum).from(AlembicVersion::Table).take();
        let row = transaction.fetch_optional(&select).await?;
        Ok(row.map(|row| row.get(AlembicVersion::VersionNum)).transpose()?)
    }
}

/// The rows of the tables that are counted; old schemas lack some.
struct Rows;

impl Question for Rows {
    type Answer = Vec<(&'static str, u64)>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let tables = transaction.table_names().await?;
        let mut counts = Vec::new();
        for table in COUNTED.into_iter().filter(|name| tables.iter().any(|table| table == name)) {
            let select = Query::select().expr(Expr::cust("count(*)")).from(table).take();
            let row = transaction.fetch_optional(&select).await?.ok_or_else(DbError::no_row)?;
            counts.push((table, u64::try_from(row.get_at::<i64>(0)?).unwrap_or_default()));
        }
        Ok(counts)
    }
}
