//! The database behind the store: connections, transactions and rows, whatever product it is.
//!
//! A resource builds statements with `sea-query` and hands them to a [`Transaction`]. Another
//! product comes in as a variant of [`Database`], [`Transaction`] and [`Row`].

mod error;
mod sqlite;

pub use error::DbError;
pub(crate) use error::Trouble;
pub(crate) use sqlite::{SqliteLocation, code as sqlite_code};

use sea_query::{
    Expr, ExprTrait, Iden, InsertStatement, IntoColumnRef, IntoIden, IntoTableRef, Query,
    SqliteQueryBuilder,
};
use sea_query_sqlx::{SqlxBinder, SqlxValues};
use sqlx::{AssertSqlSafe, Row as _, sqlite::SqliteRow};

/// Statements with more values are not kept prepared: their texts hardly ever recur.
const PREPARED_VALUES: usize = 64;

/// Rows in one insertion: with up to a dozen columns, well below the same limit.
const ROWS_IN_INSERT: usize = 1000;

/// Ids in one `IN (…)`, well below the 32,766 values that SQLite takes in one statement.
const IDS_IN_LIST: usize = 10_000;

/// A database, cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(sqlite::SqliteDatabase),
}

impl Database {
    /// Connects to a SQLite database, made when it is absent.
    pub(crate) async fn open_sqlite(location: &SqliteLocation) -> Result<Self, DbError> {
        sqlite::SqliteDatabase::open(location).await.map(Self::Sqlite)
    }

    /// A transaction that sees one state of the database, and changes nothing.
    pub(crate) async fn read(&self) -> Result<Transaction, DbError> {
        match self {
            Self::Sqlite(database) => database.read().await.map(Transaction::Sqlite),
        }
    }

    /// A transaction that may change the database, and that no other writer interrupts.
    pub(crate) async fn write(&self) -> Result<Transaction, DbError> {
        match self {
            Self::Sqlite(database) => database.write().await.map(Transaction::Sqlite),
        }
    }

    /// Brings what was written to its place, and closes all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
        }
    }
}

/// A transaction on one connection; dropped without [`commit`](Self::commit), it changes nothing.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
}

impl Transaction {
    /// All rows of a statement.
    pub(crate) async fn fetch_all(
        &mut self,
        statement: &impl SqlxBinder,
    ) -> Result<Vec<Row>, DbError> {
        match self {
            Self::Sqlite(transaction) => {
                let query = sqlite_query(statement);
                let rows = query.fetch_all(&mut **transaction).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// The only row of a statement, if there is one.
    pub(crate) async fn fetch_optional(
        &mut self,
        statement: &impl SqlxBinder,
    ) -> Result<Option<Row>, DbError> {
        match self {
            Self::Sqlite(transaction) => {
                let query = sqlite_query(statement);
                Ok(query.fetch_optional(&mut **transaction).await?.map(Row::Sqlite))
            }
        }
    }

    /// The only row of a statement that always has one.
    pub(crate) async fn fetch_one(&mut self, statement: &impl SqlxBinder) -> Result<Row, DbError> {
        self.fetch_optional(statement).await?.ok_or_else(DbError::no_row)
    }

    /// Carries out a statement, and counts the rows that it changed.
    pub(crate) async fn execute(&mut self, statement: &impl SqlxBinder) -> Result<u64, DbError> {
        match self {
            Self::Sqlite(transaction) => {
                let query = sqlite_query(statement);
                Ok(query.execute(&mut **transaction).await?.rows_affected())
            }
        }
    }

    /// Names of all tables that are not the database's own.
    pub(crate) async fn table_names(&mut self) -> Result<Vec<String>, DbError> {
        match self {
            Self::Sqlite(transaction) => sqlite::table_names(transaction).await,
        }
    }

    /// Makes MLflow's tables.
    pub(crate) async fn create_schema(&mut self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(transaction) => sqlite::create_schema(transaction).await,
        }
    }

    /// Makes the changes last.
    pub(crate) async fn commit(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.commit().await?),
        }
    }
}

type SqliteQuery = sqlx::query::Query<'static, sqlx::Sqlite, SqlxValues>;

fn sqlite_query(statement: &impl SqlxBinder) -> SqliteQuery {
    let (sql, values) = statement.build_sqlx(SqliteQueryBuilder);
    let persistent = values.0.0.len() <= PREPARED_VALUES;
    // The text comes from the query builder, and values travel beside it.
    sqlx::query_with(AssertSqlSafe(sql), values).persistent(persistent)
}

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
}

impl Row {
    /// The value of a column.
    pub(crate) fn get<T: Column>(&self, column: impl Iden + Copy) -> Result<T, DbError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column.unquoted())?),
        }
    }
}

/// A type that every database can give the value of a column as.
pub(crate) trait Column:
    for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>
{
}

impl<T> Column for T where T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> {}

/// An insertion of rows, each with a value for every column.
pub(crate) fn insert<C: IntoIden, const N: usize>(
    table: impl IntoTableRef,
    columns: [C; N],
    rows: impl IntoIterator<Item = [Expr; N]>,
) -> InsertStatement {
    let mut statement = Query::insert();
    statement.into_table(table).columns(columns);
    for row in rows {
        // It panics when numbers differ, and both are N.
        statement.values_panic(row);
    }
    statement
}

/// Whether a column is one of some integers, however many there are.
pub(crate) fn is_one_of(
    column: impl IntoColumnRef,
    integers: impl ExactSizeIterator<Item = i64>,
) -> Expr {
    let column = Expr::col(column);
    if integers.len() <= IDS_IN_LIST {
        return column.is_in(integers);
    }
    // As many values as this can't travel beside the statement; integers are safe within it.
    column.is_in(integers.map(|integer| Expr::cust(integer.to_string())))
}

/// Parts of `rows` that are short enough for one insertion each; none of no rows.
pub(crate) fn row_lists<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    rows.chunks(ROWS_IN_INSERT)
}

/// Parts of `ids` that are short enough for one statement each.
pub(crate) fn id_lists<T>(ids: &[T]) -> impl Iterator<Item = &[T]> {
    ids.chunks(IDS_IN_LIST)
}
