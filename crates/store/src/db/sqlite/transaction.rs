//! A transaction on one connection, and its statements.

use super::{
    cells::{Columns, Parameter, Part, SqliteRow},
    pool::Pooled,
};
use rusqlite::{CachedStatement, Connection, Error, Statement, ffi};
use sea_query::{Value, Values};
use std::mem;

/// A transaction; dropped without [`commit`](Self::commit), it changes nothing.
#[derive(Debug)]
pub(in crate::db) struct SqliteTransaction {
    connection: Pooled,
    is_open: bool,
}

/// A statement as SQLite takes it: its text, its values, and whether its text will recur.
#[derive(Debug)]
pub(in crate::db) struct SqliteStatement {
    pub(in crate::db) sql: String,
    pub(in crate::db) values: Values,
    pub(in crate::db) recurs: bool,
}

impl SqliteTransaction {
    pub(super) fn begin(connection: Pooled, statement: &'static str) -> Result<Self, Error> {
        let mut transaction = Self { connection, is_open: false };
        transaction.connection()?.prepare_cached(statement)?.raw_execute()?;
        transaction.is_open = true;
        Ok(transaction)
    }

    fn connection(&self) -> Result<&Connection, Error> {
        let misuse = || Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_MISUSE), None);
        self.connection.get().ok_or_else(misuse)
    }

    /// At most `most` rows of a statement.
    pub(in crate::db) fn fetch(
        &mut self,
        statement: &SqliteStatement,
        most: usize,
    ) -> Result<Vec<SqliteRow>, Error> {
        let mut found = Vec::new();
        rows_of(&mut *self.prepare(statement)?, most, &mut found)?;
        Ok(found)
    }

    /// Carries out a statement, and counts the rows that it changed.
    pub(in crate::db) fn execute(&mut self, statement: &SqliteStatement) -> Result<u64, Error> {
        let mut prepared = self.prepare(statement)?;
        Ok(prepared.raw_execute()? as u64)
    }

    /// Carries out a statement for each of some lists of values, and counts the rows that it changed. A value is
    /// absent where it is no value that can travel beside the text.
    pub(in crate::db) fn execute_for_each<'a>(
        &mut self,
        sql: &str,
        lists: impl Iterator<Item = impl Iterator<Item = Option<&'a Value>>>,
    ) -> Result<u64, Error> {
        let mut prepared = self.connection()?.prepare_cached(sql)?;
        let mut changed = 0;
        for values in lists {
            bind(&mut prepared, sql, values)?;
            changed += prepared.raw_execute()? as u64;
        }
        Ok(changed)
    }

    /// Carries out a statement that returns rows, as [`execute_for_each`](Self::execute_for_each) does, and returns them.
    pub(in crate::db) fn fetch_for_each<'a>(
        &mut self,
        sql: &str,
        lists: impl Iterator<Item = impl Iterator<Item = Option<&'a Value>>>,
    ) -> Result<Vec<SqliteRow>, Error> {
        let mut prepared = self.connection()?.prepare_cached(sql)?;
        let mut found = Vec::new();
        for values in lists {
            bind(&mut prepared, sql, values)?;
            rows_of(&mut prepared, usize::MAX, &mut found)?;
        }
        Ok(found)
    }

    /// Carries out statements that take no values.
    pub(in crate::db) fn run(&mut self, statements: &str) -> Result<(), Error> {
        self.connection()?.execute_batch(statements)
    }

    pub(in crate::db) fn commit(mut self) -> Result<(), Error> {
        self.connection()?.prepare_cached("COMMIT")?.raw_execute()?;
        self.is_open = false;
        Ok(())
    }

    fn prepare(&self, statement: &SqliteStatement) -> Result<Prepared<'_>, Error> {
        let connection = self.connection()?;
        let mut prepared = if statement.recurs {
            Prepared::Kept(connection.prepare_cached(&statement.sql)?)
        } else {
            Prepared::Once(connection.prepare(&statement.sql)?)
        };
        for (index, value) in statement.values.iter().enumerate() {
            prepared.raw_bind_parameter(index + 1, Parameter(value))?;
        }
        Ok(prepared)
    }
}

/// Gives a statement values, of which one is absent where it can't travel beside the text.
fn bind<'a>(
    prepared: &mut Statement<'_>,
    sql: &str,
    values: impl Iterator<Item = Option<&'a Value>>,
) -> Result<(), Error> {
    for (index, value) in values.enumerate() {
        let value = value.ok_or_else(|| Error::InvalidParameterName(sql.to_owned()))?;
        prepared.raw_bind_parameter(index + 1, Parameter(value))?;
    }
    Ok(())
}

/// Adds at most `most` rows of a statement that has its values.
fn rows_of(
    prepared: &mut Statement<'_>,
    most: usize,
    found: &mut Vec<SqliteRow>,
) -> Result<(), Error> {
    let columns: Columns = prepared.column_names().map(ToOwned::to_owned).collect();
    let mut part = Part::new(&columns);
    let mut rows = prepared.raw_query();
    for _ in 0..most {
        let Some(row) = rows.next()? else { break };
        part.add(row)?;
        if part.is_full() {
            found.extend(mem::replace(&mut part, Part::new(&columns)).into_rows());
        }
    }
    found.extend(part.into_rows());
    Ok(())
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        // SQLite itself ends a transaction after some errors, such as a full disk.
        let is_left = |connection: &Connection| !connection.is_autocommit();
        let rolled_back = match self.connection.get() {
            Some(connection) if self.is_open && is_left(connection) => {
                let rollback = connection.prepare_cached("ROLLBACK");
                rollback.and_then(|mut rollback| rollback.raw_execute().map(|_| ()))
            }
            _ => Ok(()),
        };
        if let Err(error) = rolled_back {
            tracing::warn!(%error, "a transaction could not be rolled back; its connection is closed");
            self.connection.give_up();
        }
    }
}

/// A prepared statement, kept by its connection or not.
enum Prepared<'c> {
    Kept(CachedStatement<'c>),
    Once(Statement<'c>),
}

impl<'c> std::ops::Deref for Prepared<'c> {
    type Target = Statement<'c>;

    fn deref(&self) -> &Statement<'c> {
        match self {
            Self::Kept(statement) => statement,
            Self::Once(statement) => statement,
        }
    }
}

impl std::ops::DerefMut for Prepared<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Kept(statement) => statement,
            Self::Once(statement) => statement,
        }
    }
}
