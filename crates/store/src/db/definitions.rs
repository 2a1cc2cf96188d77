//! Statements that define tables, and what the database says of its definitions.

use super::{DbError, Transaction, transaction::Connection};
use sqlx::{AssertSqlSafe, Row as _};

impl Transaction {
    /// Carries out statements made of the names and definitions in a schema; no value of a user is in them.
    pub(crate) async fn define(&mut self, statements: String) -> Result<(), DbError> {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements));
        match &mut self.connection {
            Connection::Sqlite(transaction) => {
                statements.execute(&mut **transaction).await?;
            }
            Connection::Postgres(transaction) => {
                statements.execute(&mut **transaction).await?;
            }
        }
        Ok(())
    }

    /// Rows of `N` texts, none of them null, that a question about the schema is answered with.
    pub(crate) async fn texts<const N: usize>(
        &mut self,
        question: &'static str,
    ) -> Result<Vec<[String; N]>, DbError> {
        let mut found = Vec::new();
        match &mut self.connection {
            Connection::Sqlite(transaction) => {
                for row in sqlx::query(question).fetch_all(&mut **transaction).await? {
                    let mut texts = [const { String::new() }; N];
                    for (index, text) in texts.iter_mut().enumerate() {
                        *text = row.try_get(index)?;
                    }
                    found.push(texts);
                }
            }
            Connection::Postgres(transaction) => {
                for row in sqlx::query(question).fetch_all(&mut **transaction).await? {
                    let mut texts = [const { String::new() }; N];
                    for (index, text) in texts.iter_mut().enumerate() {
                        *text = row.try_get(index)?;
                    }
                    found.push(texts);
                }
            }
        }
        Ok(found)
    }
}
