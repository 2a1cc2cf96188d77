//! Transactions and the rows they read.

use super::{
    DbError, Dialect, Insertion,
    postgres::{self, PostgresConnection},
    row_lists,
    sqlite::{self, FromCell, SqliteRow, SqliteStatement, SqliteTransaction},
    statements::plain_value,
};
use crate::trace;
use sea_query::{
    Iden, PostgresQueryBuilder, QueryStatementWriter, SqliteQueryBuilder, Value, Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Postgres, Row as _, SqlSafeStr, postgres::PgRow};
use tracing::{Instrument, Span};

/// A statement that every database can be asked to carry out.
pub(crate) trait Statement {
    /// Its text in the SQL of a database, and its values.
    fn built(&self, dialect: Dialect) -> (String, Values);
}

impl<T: QueryStatementWriter> Statement for T {
    fn built(&self, dialect: Dialect) -> (String, Values) {
        match dialect {
            Dialect::Sqlite => self.build(SqliteQueryBuilder),
            Dialect::Postgres => self.build(PostgresQueryBuilder),
        }
    }
}

/// Statements with more values are not kept prepared: their texts hardly ever recur.
const PREPARED_VALUES: usize = 64;

/// A transaction on one connection; dropped without [`commit`](Self::commit), it changes nothing.
pub(crate) struct Transaction {
    pub(super) connection: Connection,
    /// Whether a statement changed something, or failed and so may have.
    is_touched: bool,
    has_deliveries: bool,
}

pub(super) enum Connection {
    Sqlite(SqliteTransaction),
    Postgres(PostgresConnection),
}

impl From<SqliteTransaction> for Transaction {
    fn from(transaction: SqliteTransaction) -> Self {
        Self {
            connection: Connection::Sqlite(transaction),
            is_touched: false,
            has_deliveries: false,
        }
    }
}

impl From<PostgresConnection> for Transaction {
    fn from(transaction: PostgresConnection) -> Self {
        Self {
            connection: Connection::Postgres(transaction),
            is_touched: false,
            has_deliveries: false,
        }
    }
}

impl Transaction {
    /// The SQL that its database speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.connection {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// All rows of a statement that reads.
    pub(crate) async fn fetch_all(
        &mut self,
        statement: &impl Statement,
    ) -> Result<Vec<Row>, DbError> {
        let rows = match &mut self.connection {
            Connection::Sqlite(transaction) => {
                let (statement, span) = sqlite_statement(statement);
                let rows = span.in_scope(|| transaction.fetch(&statement, usize::MAX));
                rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect()).map_err(DbError::from)
            }
            Connection::Postgres(transaction) => {
                let (query, span) = postgres_query(statement);
                let rows = query.fetch_all(transaction.as_mut()).instrument(span).await;
                rows.map(|rows| rows.into_iter().map(Row::Postgres).collect())
                    .map_err(DbError::from)
            }
        };
        self.note_failure(rows)
    }

    /// The only row of a statement that reads, if there is one.
    pub(crate) async fn fetch_optional(
        &mut self,
        statement: &impl Statement,
    ) -> Result<Option<Row>, DbError> {
        let row = match &mut self.connection {
            Connection::Sqlite(transaction) => {
                let (statement, span) = sqlite_statement(statement);
                let rows = span.in_scope(|| transaction.fetch(&statement, 1));
                rows.map(|mut rows| rows.pop().map(Row::Sqlite)).map_err(DbError::from)
            }
            Connection::Postgres(transaction) => {
                let (query, span) = postgres_query(statement);
                let row = query.fetch_optional(transaction.as_mut()).instrument(span).await;
                row.map(|row| row.map(Row::Postgres)).map_err(DbError::from)
            }
        };
        self.note_failure(row)
    }

    /// The only row that a change returns.
    pub(crate) async fn execute_returning(
        &mut self,
        statement: &impl Statement,
    ) -> Result<Row, DbError> {
        self.is_touched = true;
        self.fetch_optional(statement).await?.ok_or_else(DbError::no_row)
    }

    /// All rows that a change returns.
    pub(crate) async fn execute_returning_all(
        &mut self,
        statement: &impl Statement,
    ) -> Result<Vec<Row>, DbError> {
        self.is_touched = true;
        self.fetch_all(statement).await
    }

    /// Carries out a change, and counts the rows that it changed.
    pub(crate) async fn execute(&mut self, statement: &impl Statement) -> Result<u64, DbError> {
        self.is_touched = true;
        match &mut self.connection {
            Connection::Sqlite(transaction) => {
                let (statement, span) = sqlite_statement(statement);
                Ok(span.in_scope(|| transaction.execute(&statement))?)
            }
            Connection::Postgres(transaction) => {
                let (query, span) = postgres_query(statement);
                let done = query.execute(transaction.as_mut()).instrument(span).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Inserts rows, and counts those that were written.
    pub(crate) async fn insert(&mut self, insertion: &Insertion) -> Result<u64, DbError> {
        self.is_touched = true;
        let mut written = 0;
        match &mut self.connection {
            Connection::Sqlite(transaction) => {
                let Some((sql, span)) = sqlite_insertion(insertion) else { return Ok(0) };
                let rows = plain_rows(insertion);
                written = span.in_scope(|| transaction.execute_for_each(&sql, rows))?;
            }
            Connection::Postgres(transaction) => {
                for rows in row_lists(insertion.rows()) {
                    let (query, span) = postgres_query(&insertion.with_arrays(rows));
                    let done = query.execute(transaction.as_mut()).instrument(span).await?;
                    written += done.rows_affected();
                }
            }
        }
        Ok(written)
    }

    /// Inserts rows, and returns what the insertion says of those that were written.
    pub(crate) async fn insert_returning(
        &mut self,
        insertion: &Insertion,
    ) -> Result<Vec<Row>, DbError> {
        self.is_touched = true;
        let mut returned = Vec::new();
        match &mut self.connection {
            Connection::Sqlite(transaction) => {
                let Some((sql, span)) = sqlite_insertion(insertion) else { return Ok(returned) };
                let rows = plain_rows(insertion);
                let rows = span.in_scope(|| transaction.fetch_for_each(&sql, rows))?;
                returned.extend(rows.into_iter().map(Row::Sqlite));
            }
            Connection::Postgres(transaction) => {
                for rows in row_lists(insertion.rows()) {
                    let (query, span) = postgres_query(&insertion.with_arrays(rows));
                    let rows = query.fetch_all(transaction.as_mut()).instrument(span).await?;
                    returned.extend(rows.into_iter().map(Row::Postgres));
                }
            }
        }
        Ok(returned)
    }

    /// Carries out statements of our own that take no values.
    pub(crate) async fn run_script(&mut self, script: &'static str) -> Result<(), DbError> {
        self.run(script).await
    }

    /// Carries out statements without values, whose text is safe.
    pub(super) async fn run(&mut self, statements: impl SqlSafeStr) -> Result<(), DbError> {
        self.is_touched = true;
        match &mut self.connection {
            Connection::Sqlite(transaction) => {
                transaction.run(statements.into_sql_str().as_str())?;
            }
            Connection::Postgres(transaction) => {
                sqlx::raw_sql(statements).execute(transaction.as_mut()).await?;
            }
        }
        Ok(())
    }

    /// Names of all tables that are not the database's own.
    pub(crate) async fn table_names(&mut self) -> Result<Vec<String>, DbError> {
        self.names(sqlite::TABLE_NAMES, postgres::TABLE_NAMES).await
    }

    /// Names of all tables and indexes of our own.
    pub(crate) async fn own_names(&mut self) -> Result<Vec<String>, DbError> {
        self.names(sqlite::OWN_NAMES, postgres::OWN_NAMES).await
    }

    async fn names(
        &mut self,
        of_sqlite: &'static str,
        of_postgres: &'static str,
    ) -> Result<Vec<String>, DbError> {
        let question = match self.dialect() {
            Dialect::Sqlite => of_sqlite,
            Dialect::Postgres => of_postgres,
        };
        Ok(self.texts(question).await?.into_iter().map(|[name]| name).collect())
    }

    /// Waits until no other process makes or migrates the schema, and keeps others from it.
    pub(crate) async fn lock_schema(&mut self) -> Result<(), DbError> {
        match self.dialect() {
            // A writer is alone already.
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => self.run_script(postgres::LOCK_SCHEMA).await,
        }
    }

    /// The largest id that an experiment can have.
    pub(crate) fn max_experiment_id(&self) -> i64 {
        match self.dialect() {
            Dialect::Sqlite => i64::MAX,
            Dialect::Postgres => i32::MAX.into(),
        }
    }

    /// Makes the database choose ids of new experiments that are larger than all that are there.
    pub(crate) async fn advance_experiment_ids(&mut self) -> Result<(), DbError> {
        match self.dialect() {
            // It does so by itself.
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => self.run_script(postgres::ADVANCE_EXPERIMENT_IDS).await,
        }
    }

    /// Whether a change that fails now can have left something behind.
    pub(crate) fn is_touched(&self) -> bool {
        self.is_touched
    }

    /// Whether there will be something to send once this is committed.
    pub(crate) fn has_deliveries(&self) -> bool {
        self.has_deliveries
    }

    /// Notes that there will be something to send.
    pub(crate) fn note_deliveries(&mut self) {
        self.has_deliveries = true;
    }

    /// Marks a place to which the transaction can go back.
    pub(crate) async fn set_savepoint(&mut self) -> Result<(), DbError> {
        self.run_script("SAVEPOINT one_change").await
    }

    /// Keeps what was done since the savepoint.
    pub(crate) async fn release_savepoint(&mut self) -> Result<(), DbError> {
        self.run_script("RELEASE SAVEPOINT one_change").await
    }

    /// Undoes what was done since the savepoint.
    pub(crate) async fn undo_to_savepoint(&mut self) -> Result<(), DbError> {
        self.run_script("ROLLBACK TO SAVEPOINT one_change; RELEASE SAVEPOINT one_change").await
    }

    /// Makes the changes last.
    pub(crate) async fn commit(self) -> Result<(), DbError> {
        match self.connection {
            Connection::Sqlite(transaction) => Ok(transaction.commit()?),
            Connection::Postgres(transaction) => Ok(transaction.commit().await?),
        }
    }

    /// A statement that fails ends a transaction of PostgreSQL.
    fn note_failure<T>(&mut self, result: Result<T, DbError>) -> Result<T, DbError> {
        self.is_touched |= result.is_err();
        result
    }
}

/// A statement as the driver takes it, and the span in which it is carried out.
fn sqlite_statement(statement: &impl Statement) -> (SqliteStatement, Span) {
    let (sql, values) = statement.built(Dialect::Sqlite);
    let span = trace::statement(Dialect::Sqlite, &sql);
    let recurs = values.0.len() <= PREPARED_VALUES;
    (SqliteStatement { sql, values, recurs }, span)
}

/// The text that inserts one row, and the span in which all are inserted; absent where there is none. It takes longer to read the
/// text of a row than to write the row: one text serves all.
fn sqlite_insertion(insertion: &Insertion) -> Option<(String, Span)> {
    let first = insertion.rows().first()?;
    let (statement, span) = sqlite_statement(&insertion.of(std::slice::from_ref(first)));
    Some((statement.sql, span))
}

/// The values of an insertion's rows.
fn plain_rows(insertion: &Insertion) -> impl Iterator<Item = impl Iterator<Item = Option<&Value>>> {
    insertion.rows().iter().map(|row| row.iter().map(plain_value))
}

type PostgresQuery = sqlx::query::Query<'static, Postgres, SqlxValues>;

fn postgres_query(statement: &impl Statement) -> (PostgresQuery, Span) {
    let (sql, values) = statement.built(Dialect::Postgres);
    let persistent = values.0.len() <= PREPARED_VALUES;
    let span = trace::statement(Dialect::Postgres, &sql);
    // The text comes from the query builder, and values travel beside it.
    (sqlx::query_with(AssertSqlSafe(sql), SqlxValues(values)).persistent(persistent), span)
}

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of the column with a number, counted from 0, for columns that have no name.
    pub(crate) fn get_at<T: Column>(&self, index: usize) -> Result<T, DbError> {
        match self {
            Self::Sqlite(row) => Ok(row.at(index)?),
            Self::Postgres(row) => Ok(row.try_get_unchecked(index)?),
        }
    }

    /// The value of a column.
    pub(crate) fn get<T: Column>(&self, column: impl Iden + Copy) -> Result<T, DbError> {
        self.get_named(column.unquoted())
    }

    /// The value of what has a name and is no column of a table.
    pub(crate) fn get_named<T: Column>(&self, name: &str) -> Result<T, DbError> {
        match self {
            Self::Sqlite(row) => Ok(row.get(name)?),
            // Unchecked, since the driver wants integers to be as wide as their column, and the schema is
            // known: the revision was checked.
            Self::Postgres(row) => Ok(row.try_get_unchecked(name)?),
        }
    }

    /// The values of an array, which only PostgreSQL has; none of an absent one.
    pub(crate) fn list<T>(&self, name: &str) -> Result<Vec<T>, DbError>
    where
        Vec<T>: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        match self {
            Self::Sqlite(_) => Err(DbError::corrupt("SQLite has no arrays")),
            Self::Postgres(row) => {
                let list: Option<Vec<T>> = row.try_get_unchecked(name)?;
                Ok(list.unwrap_or_default())
            }
        }
    }
}

/// A type that every database can give the value of a column as.
pub(crate) trait Column:
    FromCell + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>
{
}

impl<T> Column for T where T: FromCell + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> {}
