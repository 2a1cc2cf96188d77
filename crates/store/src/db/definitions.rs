//! Statements that define tables, and what the database says of its definitions.

use super::{DbError, Transaction, sqlite::SqliteStatement, transaction::Connection};
use sea_query::Values;
use sqlx::{AssertSqlSafe, Row, postgres::PgRow};

impl Transaction {
    /// Carries out statements made of the names and definitions in a schema; no value of a user is in them.
    pub(crate) async fn define(&mut self, statements: String) -> Result<(), DbError> {
        self.run(AssertSqlSafe(statements)).await
    }

    /// Rows of `N` texts, none of them null, that a question about the schema is answered with.
    pub(crate) async fn texts<const N: usize>(
        &mut self,
        question: &'static str,
    ) -> Result<Vec<[String; N]>, DbError> {
        match &mut self.connection {
            Connection::Sqlite(transaction) => {
                let sql = question.to_owned();
                let statement = SqliteStatement { sql, values: Values(Vec::new()), recurs: false };
                let rows = transaction.fetch(&statement, usize::MAX)?;
                rows.iter().map(|row| texts_of(|index| Ok(row.at(index)?))).collect()
            }
            Connection::Postgres(transaction) => {
                let rows = sqlx::query(question).fetch_all(transaction.as_mut()).await?;
                rows.iter().map(|row: &PgRow| texts_of(|index| Ok(row.try_get(index)?))).collect()
            }
        }
    }
}

/// The first `N` columns of a row, which are texts.
fn texts_of<const N: usize>(
    column: impl Fn(usize) -> Result<String, DbError>,
) -> Result<[String; N], DbError> {
    let mut texts = [const { String::new() }; N];
    for (index, text) in texts.iter_mut().enumerate() {
        *text = column(index)?;
    }
    Ok(texts)
}
