//! Databases for tests: each test has its own.

use rusqlite::Connection as SqliteConnection;
use sqlx::{Connection, PgConnection};
use std::path::PathBuf;
use tempfile::TempDir;

/// A database that nobody else uses.
pub(crate) enum TestDatabase {
    /// A file in a folder that goes with it.
    Sqlite(TempDir),
    /// The URI of a database; it goes with the server, which is there for the tests only.
    Postgres(String),
}

impl TestDatabase {
    /// An empty database of the product under test.
    pub(crate) async fn new() -> Self {
        match std::env::var("MLFERRY_TEST_POSTGRES") {
            Ok(server) => Self::postgres(&server).await,
            Err(_) => Self::sqlite(),
        }
    }

    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    async fn postgres(server: &str) -> Self {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(server).await.unwrap();
        let create = format!("CREATE DATABASE {name} STRATEGY file_copy");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        let (place, query) = server.split_once('?').unwrap_or((server, ""));
        let (host, _) = place.rsplit_once('/').unwrap();
        Self::Postgres(format!("{host}/{name}?{query}"))
    }

    pub(crate) fn uri(&self) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite:///{}", self.file().display()),
            Self::Postgres(uri) => uri.clone(),
        }
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("mlflow.db"),
            Self::Postgres(_) => panic!("PostgreSQL has no file"),
        }
    }

    pub(crate) async fn execute(&self, sql: impl Into<String>) {
        let sql = sql.into();
        match self {
            Self::Sqlite(_) => self.connection().execute_batch(&sql).unwrap(),
            Self::Postgres(uri) => {
                let sql = sqlx::AssertSqlSafe(sql);
                let mut connection = PgConnection::connect(uri).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            }
        }
    }

    /// A transaction that has begun with a statement, on PostgreSQL; it ends when it is dropped.
    pub(crate) async fn begin(&self, sql: &'static str) -> PgConnection {
        let Self::Postgres(uri) = self else { panic!("SQLite locks no rows") };
        let mut connection = PgConnection::connect(uri).await.unwrap();
        for statement in ["BEGIN", sql] {
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        }
        connection
    }

    pub(crate) async fn count(&self, query: impl Into<String>) -> i64 {
        let query = query.into();
        match self {
            Self::Sqlite(_) => self.connection().query_one(&query, [], |row| row.get(0)).unwrap(),
            Self::Postgres(uri) => {
                let query = sqlx::AssertSqlSafe(query);
                let mut connection = PgConnection::connect(uri).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// All rows of a query of three texts, on PostgreSQL.
    pub(crate) async fn texts(&self, query: &'static str) -> Vec<[String; 3]> {
        let Self::Postgres(uri) = self else { panic!("SQLite has another catalogue") };
        let mut connection = PgConnection::connect(uri).await.unwrap();
        let rows = sqlx::query_as::<_, (String, String, String)>(query)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        rows.into_iter().map(|(one, two, three)| [one, two, three]).collect()
    }

    /// A connection of one's own to a SQLite database.
    pub(crate) fn connection(&self) -> SqliteConnection {
        SqliteConnection::open(self.file()).unwrap()
    }
}
