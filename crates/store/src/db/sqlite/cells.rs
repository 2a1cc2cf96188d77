//! Values on their way to SQLite and from there.

use rusqlite::{
    Error, Row,
    types::{FromSqlError, ToSql, ToSqlOutput, Type, Value as Owned, ValueRef},
};
use sea_query::Value;
use std::sync::Arc;

/// A value in a row of an answer.
pub(crate) type Cell = Owned;

/// A row of an answer, with the names of its columns.
#[derive(Debug)]
pub(crate) struct SqliteRow {
    cells: Box<[Cell]>,
    names: Arc<[Box<str>]>,
}

impl SqliteRow {
    pub(super) fn read(row: &Row<'_>, names: &Arc<[Box<str>]>) -> Result<Self, Error> {
        let cell = |index| {
            let value: ValueRef<'_> = row.get_ref(index)?;
            value.try_into().map_err(|error: FromSqlError| unfit(index, value.data_type(), error))
        };
        let cells = (0..names.len()).map(cell).collect::<Result<_, Error>>()?;
        Ok(Self { cells, names: Arc::clone(names) })
    }

    /// The value of the column with a number, counted from 0.
    pub(in crate::db) fn at<T: FromCell>(&self, index: usize) -> Result<T, Error> {
        let cell = self.cells.get(index).ok_or(Error::InvalidColumnIndex(index))?;
        T::from_cell(cell).ok_or_else(|| unfit(index, cell.data_type(), FromSqlError::InvalidType))
    }

    /// The value of a column.
    pub(in crate::db) fn get<T: FromCell>(&self, name: &str) -> Result<T, Error> {
        let index = self.names.iter().position(|other| **other == *name);
        self.at(index.ok_or_else(|| Error::InvalidColumnName(name.to_owned()))?)
    }
}

fn unfit(index: usize, found: Type, error: FromSqlError) -> Error {
    Error::FromSqlConversionFailure(index, found, error.into())
}

/// What a value in SQLite can be read as.
pub(crate) trait FromCell: Sized {
    /// The value, unless it is of another type.
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl FromCell for i64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Integer(integer) => Some(*integer),
            _ => None,
        }
    }
}

impl FromCell for i32 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        i64::from_cell(cell)?.try_into().ok()
    }
}

impl FromCell for bool {
    fn from_cell(cell: &Cell) -> Option<Self> {
        i64::from_cell(cell).map(|integer| integer != 0)
    }
}

impl FromCell for f64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Real(real) => Some(*real),
            // What computes with integers answers with one.
            #[expect(clippy::cast_precision_loss, reason = "as SQLite itself reads it")]
            Cell::Integer(integer) => Some(*integer as Self),
            _ => None,
        }
    }
}

impl FromCell for String {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
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
            other @ Value::Enum(_) => {
                let reason = format!("SQLite has no column for {other:?}");
                return Err(Error::ToSqlConversionFailure(reason.into()));
            }
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}
