//! Values on their way to SQLite and from there.

use rusqlite::{
    Error, Row,
    types::{FromSqlError, ToSql, ToSqlOutput, Type, Value as Owned, ValueRef},
};
use sea_query::Value;
use std::{ops::Range, str, sync::Arc};

/// Cells and bytes of texts in one part of an answer, roughly. Larger blocks come from the system and go back to it,
/// which takes longer, or are kept by each thread that ever had one.
const CELLS_IN_PART: usize = 512;
const TEXT_IN_PART: usize = 16 * 1024;

/// The names of the columns of an answer.
pub(super) type Columns = Arc<[String]>;

/// Some rows of an answer: few allocations, however many rows there are.
#[derive(Debug)]
pub(super) struct Part {
    columns: Columns,
    /// Those of the first row, of the second one, and so on.
    cells: Vec<Cell>,
    /// What all texts of cells are parts of.
    texts: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Range<usize>),
    Blob,
}

impl Part {
    pub(super) fn new(columns: &Columns) -> Self {
        Self { columns: Arc::clone(columns), cells: Vec::new(), texts: Vec::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.cells.len() >= CELLS_IN_PART || self.texts.len() >= TEXT_IN_PART
    }

    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<(), Error> {
        for index in 0..self.columns.len() {
            let cell = match row.get_ref(index)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(integer) => Cell::Integer(integer),
                ValueRef::Real(real) => Cell::Real(real),
                ValueRef::Text(text) => {
                    let start = self.texts.len();
                    self.texts.extend_from_slice(text);
                    Cell::Text(start..self.texts.len())
                }
                // No column of the schema holds one.
                ValueRef::Blob(_) => Cell::Blob,
            };
            self.cells.push(cell);
        }
        Ok(())
    }

    pub(super) fn into_rows(self) -> Vec<SqliteRow> {
        let width = self.columns.len().max(1);
        let part = Arc::new(self);
        let starts = (0..part.cells.len()).step_by(width);
        starts.map(|first| SqliteRow { part: Arc::clone(&part), first }).collect()
    }
}

/// A row of an answer.
#[derive(Debug)]
pub(crate) struct SqliteRow {
    part: Arc<Part>,
    /// Where its cells begin.
    first: usize,
}

impl SqliteRow {
    /// The value of the column with a number, counted from 0.
    pub(in crate::db) fn at<T: FromCell>(&self, index: usize) -> Result<T, Error> {
        let Part { columns, cells, texts } = &*self.part;
        let is_there = index < columns.len();
        let cell = cells.get(self.first + index).filter(|_| is_there);
        let value = match cell.ok_or(Error::InvalidColumnIndex(index))? {
            Cell::Null => ValueRef::Null,
            Cell::Integer(integer) => ValueRef::Integer(*integer),
            Cell::Real(real) => ValueRef::Real(*real),
            Cell::Text(part) => ValueRef::Text(texts.get(part.clone()).unwrap_or_default()),
            Cell::Blob => ValueRef::Blob(&[]),
        };
        T::from_cell(value).ok_or_else(|| unfit(index, value.data_type()))
    }

    /// The value of a column.
    pub(in crate::db) fn get<T: FromCell>(&self, name: &str) -> Result<T, Error> {
        let index = self.part.columns.iter().position(|other| other == name);
        self.at(index.ok_or_else(|| Error::InvalidColumnName(name.to_owned()))?)
    }
}

fn unfit(index: usize, found: Type) -> Error {
    Error::FromSqlConversionFailure(index, found, FromSqlError::InvalidType.into())
}

/// What a value in SQLite can be read as.
pub(crate) trait FromCell: Sized {
    /// The value, unless it is of another type.
    fn from_cell(cell: ValueRef<'_>) -> Option<Self>;
}

impl FromCell for i64 {
    fn from_cell(cell: ValueRef<'_>) -> Option<Self> {
        match cell {
            ValueRef::Integer(integer) => Some(integer),
            _ => None,
        }
    }
}

impl FromCell for i32 {
    fn from_cell(cell: ValueRef<'_>) -> Option<Self> {
        i64::from_cell(cell)?.try_into().ok()
    }
}

impl FromCell for bool {
    fn from_cell(cell: ValueRef<'_>) -> Option<Self> {
        i64::from_cell(cell).map(|integer| integer != 0)
    }
}

impl FromCell for f64 {
    fn from_cell(cell: ValueRef<'_>) -> Option<Self> {
        match cell {
            ValueRef::Real(real) => Some(real),
            // What computes with integers answers with one.
            #[expect(clippy::cast_precision_loss, reason = "as SQLite itself reads it")]
            ValueRef::Integer(integer) => Some(integer as Self),
            _ => None,
        }
    }
}

impl FromCell for String {
    fn from_cell(cell: ValueRef<'_>) -> Option<Self> {
        match cell {
            ValueRef::Text(text) => str::from_utf8(text).ok().map(ToOwned::to_owned),
            _ => None,
        }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: ValueRef<'_>) -> Option<Self> {
        match cell {
            ValueRef::Null => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

/// A value of a statement.
pub(super) struct Parameter<'a>(pub(super) &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, Error> {
        fn or_null<'a, T>(value: Option<T>, cell: impl FnOnce(T) -> ValueRef<'a>) -> ValueRef<'a> {
            value.map_or(ValueRef::Null, cell)
        }
        fn integer<'a, T: Into<i64>>(value: Option<T>) -> ValueRef<'a> {
            or_null(value, |value| ValueRef::Integer(value.into()))
        }
        let value = match self.0 {
            Value::Bool(value) => integer(*value),
            Value::TinyInt(value) => integer(*value),
            Value::SmallInt(value) => integer(*value),
            Value::Int(value) => integer(*value),
            Value::BigInt(value) => integer(*value),
            Value::TinyUnsigned(value) => integer(*value),
            Value::SmallUnsigned(value) => integer(*value),
            Value::Unsigned(value) => integer(*value),
            Value::BigUnsigned(value) => {
                let signed = value.map(i64::try_from).transpose();
                integer(signed.map_err(|error| Error::ToSqlConversionFailure(error.into()))?)
            }
            Value::Float(value) => or_null(*value, |value| ValueRef::Real(value.into())),
            Value::Double(value) => or_null(*value, ValueRef::Real),
            Value::String(value) => or_null(value.as_ref(), |text| ValueRef::Text(text.as_bytes())),
            Value::Bytes(value) => or_null(value.as_ref(), |bytes| ValueRef::Blob(bytes)),
            Value::Char(value) => {
                let text = value.map(String::from);
                return Ok(ToSqlOutput::Owned(text.map_or(Owned::Null, Owned::Text)));
            }
            other @ (Value::Enum(_) | Value::Array(..)) => {
                let reason = format!("SQLite has no column for {other:?}");
                return Err(Error::ToSqlConversionFailure(reason.into()));
            }
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}
