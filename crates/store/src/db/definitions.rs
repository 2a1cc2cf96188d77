//! Statements that define tables, and what the database says of its definitions.

use super::{DbError, Transaction, transaction::Connection};
use sqlx::{AssertSqlSafe, ColumnIndex, Decode, Row, Type};

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
                let rows = sqlx::query(question).fetch_all(&mut **transaction).await?;
                rows.iter().map(texts_of).collect()
            }
            Connection::Postgres(transaction) => {
                let rows = sqlx::query(question).fetch_all(&mut **transaction).await?;
                rows.iter().map(texts_of).collect()
            }
        }
    }
}

/// The first `N` columns of a row, which are texts.
fn texts_of<R: Row, const N: usize>(row: &R) -> Result<[String; N], DbError>
where
    usize: ColumnIndex<R>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let mut texts = [const { String::new() }; N];
    for (index, text) in texts.iter_mut().enumerate() {
        *text = row.try_get(index)?;
    }
    Ok(texts)
}
