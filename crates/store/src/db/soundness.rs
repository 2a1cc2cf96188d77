//! What only a database product itself can tell of its soundness.

use super::{DbError, Dialect, Transaction, Trouble};

/// How thoroughly SQLite looks at its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every page is read.
    Quick,
    /// Indexes are compared with their tables, too.
    Full,
}

/// What SQLite finds wrong, a line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Damage to the file.
    pub pages: Vec<String>,
    /// Rows that a table would not have taken.
    pub constraints: Vec<String>,
}

/// Rows of a table that name rows of another one which are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokenKey {
    pub(crate) table: String,
    pub(crate) parent: String,
    pub(crate) rows: u64,
}

/// Faults that are told at most; a file that has more needs no longer list.
const QUICK: &str = "PRAGMA quick_check(20)";
const FULL: &str = "PRAGMA integrity_check(20)";

/// How lines begin that are about values, and not about pages.
const OF_ROWS: [&str; 2] = ["CHECK constraint failed in ", "NULL value in "];

const BROKEN_KEYS: &str =
    "SELECT \"table\", parent, CAST(count(*) AS text) FROM pragma_foreign_key_check GROUP BY 1, 2";

const CLOCK: &str =
    "SELECT CAST(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) AS text)";

impl Transaction {
    /// What SQLite finds wrong. PostgreSQL has no such question.
    pub(crate) async fn faults(&mut self, depth: Depth) -> Result<Faults, DbError> {
        let question = match (self.dialect(), depth) {
            (Dialect::Postgres, _) => return Ok(Faults::default()),
            (Dialect::Sqlite, Depth::Quick) => QUICK,
            (Dialect::Sqlite, Depth::Full) => FULL,
        };
        let lines = match self.texts(question).await {
            Ok(lines) => lines.into_iter().map(|[line]| line).filter(|line| line != "ok").collect(),
            // It could not even be asked.
            Err(error) if error.trouble() == Trouble::Damaged => vec![error.to_string()],
            Err(error) => return Err(error),
        };
        let is_of_row = |line: &String| OF_ROWS.iter().any(|begin| line.starts_with(begin));
        let (constraints, pages) = lines.into_iter().partition(is_of_row);
        Ok(Faults { pages, constraints })
    }

    /// Foreign keys that do not hold, of any table. PostgreSQL never lets one in.
    pub(crate) async fn broken_keys(&mut self) -> Result<Vec<BrokenKey>, DbError> {
        if self.dialect() == Dialect::Postgres {
            return Ok(Vec::new());
        }
        let broken = self.texts(BROKEN_KEYS).await?.into_iter().map(|[table, parent, rows]| {
            let rows = rows.parse().map_err(|_| DbError::corrupt("a count is no number"))?;
            Ok(BrokenKey { table, parent, rows })
        });
        broken.collect()
    }

    /// The clock of the database's machine in milliseconds, where that may be another one.
    pub(crate) async fn clock_ms(&mut self) -> Result<Option<i64>, DbError> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(None);
        }
        let [[text]] = self.texts(CLOCK).await?.try_into().map_err(|_| DbError::no_row())?;
        text.parse().map(Some).map_err(|_| DbError::corrupt("the clock is no number"))
    }
}
