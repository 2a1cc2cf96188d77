//! Parts of statements that many resources build.

use super::Dialect;
use sea_query::{
    Expr, ExprTrait, InsertStatement, IntoColumnRef, IntoIden, IntoTableRef, OnConflict, Query,
};

/// Rows in one statement: with up to a dozen columns, well below the limits below.
const ROWS_IN_INSERT: usize = 1000;

/// Ids in one `IN (…)`, well below the 32,766 values that SQLite takes in one statement, and the 65,535
/// of PostgreSQL.
const IDS_IN_LIST: usize = 10_000;

/// An insertion of rows, each with a value for every column.
#[derive(Debug)]
pub(crate) struct Insertion {
    /// All but the rows.
    statement: InsertStatement,
    rows: Vec<Vec<Expr>>,
}

impl Insertion {
    /// Says what happens with rows that are there already; otherwise the insertion fails.
    pub(crate) fn on_conflict(&mut self, conflict: OnConflict) -> &mut Self {
        self.statement.on_conflict(conflict);
        self
    }

    pub(super) fn rows(&self) -> &[Vec<Expr>] {
        &self.rows
    }

    /// The statement that inserts some of the rows.
    pub(super) fn of(&self, rows: &[Vec<Expr>]) -> InsertStatement {
        let mut statement = self.statement.clone();
        for row in rows {
            // It panics when numbers differ from those of columns, and `insert` takes only such.
            statement.values_panic(row.iter().cloned());
        }
        statement
    }
}

/// An insertion of rows, for [`Transaction::insert`](super::Transaction::insert).
pub(crate) fn insert<C: IntoIden, const N: usize>(
    table: impl IntoTableRef,
    columns: [C; N],
    rows: impl IntoIterator<Item = [Expr; N]>,
) -> Insertion {
    let statement = Query::insert().into_table(table).columns(columns).take();
    Insertion { statement, rows: rows.into_iter().map(Vec::from).collect() }
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

/// Whether a column is one of some texts, however many there are: they travel as one value, so that the statement's
/// text is the same for all numbers above one.
pub(crate) fn is_one_of_texts(dialect: Dialect, column: Expr, texts: &[impl AsRef<str>]) -> Expr {
    if let [only] = texts {
        return column.eq(only.as_ref());
    }
    let list: serde_json::Value = texts.iter().map(AsRef::as_ref).collect();
    let template = match dialect {
        Dialect::Sqlite => "? IN (SELECT value FROM json_each(?))",
        // Of an array, unlike of a question, it guesses that it is short.
        Dialect::Postgres => "$1 = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))",
    };
    Expr::cust_with_exprs(template, [column, Expr::val(list.to_string())])
}

/// A text as the value of a column that holds JSON.
pub(crate) fn json(dialect: Dialect, text: String) -> Expr {
    match dialect {
        // It keeps the text as it is.
        Dialect::Sqlite => text.into(),
        Dialect::Postgres => Expr::val(text).cast_as("json"),
    }
}

/// Parts of `rows` that are short enough for one insertion each; none of no rows.
pub(crate) fn row_lists<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    rows.chunks(ROWS_IN_INSERT)
}

/// Parts of `ids` that are short enough for one statement each.
pub(crate) fn id_lists<T>(ids: &[T]) -> impl Iterator<Item = &[T]> {
    ids.chunks(IDS_IN_LIST)
}
