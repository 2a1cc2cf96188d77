//! Parts of statements that many resources build.

use super::Dialect;
use sea_query::{
    Alias, ArrayType, Expr, ExprTrait, Func, FunctionCall, InsertStatement, IntoColumnRef,
    IntoIden, IntoTableRef, OnConflict, Query, SelectStatement, Value, extension::postgres::PgFunc,
};

/// Rows in one statement: with up to a dozen columns, well below the limits below.
const ROWS_IN_INSERT: usize = 1000;

/// Integers in one `IN (…)` that travel beside the statement, which may ask for them several times.
const INTEGERS_IN_LIST: usize = 1_000;

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

    /// Says which column of the rows that were written is returned.
    pub(crate) fn returning(&mut self, column: impl IntoColumnRef) -> &mut Self {
        self.statement.returning_col(column);
        self
    }

    pub(super) fn rows(&self) -> &[Vec<Expr>] {
        &self.rows
    }

    /// The statement of PostgreSQL that inserts some of the rows: several as an array for each column, where that can
    /// be, so that its text is the same for all numbers of rows.
    pub(super) fn with_arrays(&self, rows: &[Vec<Expr>]) -> InsertStatement {
        let arrays = if rows.len() > 1 { arrays_of(rows) } else { None };
        arrays.and_then(|arrays| self.of_selected(arrays)).unwrap_or_else(|| self.of(rows))
    }

    /// A statement of PostgreSQL that selects the rows: an array for each column, where that can be.
    pub(crate) fn arrays(&self) -> Option<SelectStatement> {
        arrays_of(&self.rows)
    }

    /// The statement that inserts what is selected instead of the rows; absent where that has other columns.
    pub(crate) fn of_selected(&self, select: SelectStatement) -> Option<InsertStatement> {
        let mut statement = self.statement.clone();
        statement.select_from(select).ok()?;
        Some(statement)
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

fn arrays_of(rows: &[Vec<Expr>]) -> Option<SelectStatement> {
    let columns = 0..rows.first()?.len();
    let columns = columns.map(|column| elements_of(rows, column)).collect::<Option<Vec<Expr>>>()?;
    Some(Query::select().exprs(columns).take())
}

/// The types of columns that travel as arrays, with their names in PostgreSQL.
fn type_of(value: &Value) -> Option<(ArrayType, &'static str)> {
    match value {
        Value::Bool(_) => Some((ArrayType::Bool, "bool")),
        Value::Int(_) => Some((ArrayType::Int, "int4")),
        Value::BigInt(_) => Some((ArrayType::BigInt, "int8")),
        Value::Double(_) => Some((ArrayType::Double, "float8")),
        Value::String(_) => Some((ArrayType::String, "text")),
        _ => None,
    }
}

/// Takes the values of a column out of rows, to select one after another from one value; absent where one is no value, or not
/// known to be of the same type as the others.
fn elements_of(rows: &[Vec<Expr>], column: usize) -> Option<Expr> {
    let values = rows.iter().map(|row| plain_value(row.get(column)?));
    let values: Vec<&Value> = values.collect::<Option<_>>()?;
    let (array_type, name) = type_of(values.first()?)?;
    if values.iter().any(|value| type_of(value).is_none_or(|(_, other)| other != name)) {
        return None;
    }
    let absent = values.iter().filter(|value| **value == &value.as_null()).count();
    if absent == values.len() {
        return Some(Expr::cust("NULL").cast_as(name));
    }
    if absent > 0 {
        // The driver's arrays have no absent elements, and those of JSON do.
        let list = values.iter().map(|value| in_json(value)).collect::<Option<Vec<_>>>()?;
        let list = json(Dialect::Postgres, serde_json::Value::from(list).to_string());
        let elements = Func::cust("json_array_elements_text").arg(list);
        return Some(Expr::from(elements).cast_as(name));
    }
    let array = Value::Array(array_type, Some(Box::new(values.into_iter().cloned().collect())));
    Some(Func::cust("unnest").arg(array).into())
}

/// A value as PostgreSQL finds it in a list of JSON, null where it is absent; nothing where JSON has no such value.
fn in_json(value: &Value) -> Option<serde_json::Value> {
    match value {
        Value::Bool(value) => Some((*value).into()),
        Value::Int(value) => Some((*value).into()),
        Value::BigInt(value) => Some((*value).into()),
        Value::Double(Some(value)) if !value.is_finite() => None,
        Value::Double(value) => Some((*value).into()),
        // Refused otherwise, too, and in other words.
        Value::String(Some(text)) if text.contains('\0') => None,
        Value::String(value) => Some(value.as_deref().into()),
        _ => None,
    }
}

/// The value that an expression is, where [`json`] or another function adds nothing to it.
pub(super) fn plain_value(expr: &Expr) -> Option<&Value> {
    match expr {
        Expr::Value(value) => Some(value),
        _ => None,
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
    if integers.len() <= INTEGERS_IN_LIST {
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
    match dialect {
        Dialect::Sqlite => {
            let list: serde_json::Value = texts.iter().map(AsRef::as_ref).collect();
            let list = Expr::val(list.to_string());
            Expr::cust_with_exprs("? IN (SELECT value FROM json_each(?))", [column, list])
        }
        Dialect::Postgres => {
            let list: Vec<String> = texts.iter().map(|text| text.as_ref().to_owned()).collect();
            column.eq(PgFunc::any(list))
        }
    }
}

/// A list of values, however long, to select from.
pub(crate) struct List {
    /// The function that makes rows of them.
    pub(crate) rows: FunctionCall,
    /// The column that has them, where the rows are called by the name that was given.
    pub(crate) column: Alias,
}

/// Values to select from, in rows that are called `name`.
pub(crate) fn list<T>(dialect: Dialect, values: &[T], name: &str) -> List
where
    T: Clone + Into<serde_json::Value>,
    Vec<T>: Into<Expr>,
{
    match dialect {
        Dialect::Sqlite => {
            let values = serde_json::Value::from(values).to_string();
            List { rows: Func::cust("json_each").arg(values), column: Alias::new("value") }
        }
        Dialect::Postgres => {
            // There, the only column of a function's rows is called as they are.
            List { rows: Func::cust("unnest").arg(values.to_vec()), column: Alias::new(name) }
        }
    }
}

/// A condition that most rows fulfil. SQLite, which keeps no statistics, would rather look for what fulfils it by an index
/// that begins with its column, and read what all others have there.
pub(crate) fn fulfilled_by_most(dialect: Dialect, condition: Expr) -> Expr {
    match dialect {
        Dialect::Sqlite => Func::cust("likelihood").args([condition, Expr::cust("1.0")]).into(),
        Dialect::Postgres => condition,
    }
}

/// Whether a column has a value that most rows may have. PostgreSQL, whose statistics may be older than the value, would take it
/// for one that no row has, and any index would do: hidden in a subquery, it is one as frequent as others.
pub(crate) fn is_frequent(dialect: Dialect, column: Expr, value: &str) -> Expr {
    match dialect {
        Dialect::Sqlite => fulfilled_by_most(dialect, column.eq(value)),
        Dialect::Postgres => Expr::cust_with_exprs("$1 = (SELECT $2)", [column, Expr::val(value)]),
    }
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
