//! Statements that are asked again and again about another id.

use super::Dialect;
use sea_query::{PostgresQueryBuilder, SelectStatement, SqliteQueryBuilder, Value, Values};

/// Stands for the id while the text is built; no id is like this.
const STAND_IN: &str = "\u{1a}";

/// A statement about an id, whose text is built once: to build that of a run takes a tenth of the time of its answer.
#[derive(Debug)]
pub(crate) struct Template {
    sql: String,
    values: Values,
}

impl Template {
    /// Keeps the text of what is selected for an id.
    pub(crate) fn new(dialect: Dialect, select: impl FnOnce(&str) -> SelectStatement) -> Self {
        let select = select(STAND_IN);
        let (sql, values) = match dialect {
            Dialect::Sqlite => select.build(SqliteQueryBuilder),
            Dialect::Postgres => select.build(PostgresQueryBuilder),
        };
        Self { sql, values }
    }

    /// The text, and its values for an id.
    pub(super) fn about(&self, id: &str) -> (String, Values) {
        let values = self.values.iter().map(|value| match value {
            Value::String(Some(text)) if text == STAND_IN => id.into(),
            other => other.clone(),
        });
        (self.sql.clone(), Values(values.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_query::{Alias, Expr, ExprTrait, Query};

    #[test]
    fn an_id_stands_wherever_it_was_asked_about() {
        let template = Template::new(Dialect::Sqlite, |id| {
            let is = |column: &'static str, value: &str| Expr::col(Alias::new(column)).eq(value);
            Query::select()
                .expr(Expr::val(1))
                .and_where(is("a", id))
                .and_where(is("b", "other"))
                .and_where(is("c", id))
                .take()
        });
        for id in ["one", "two"] {
            let (sql, Values(values)) = template.about(id);
            assert_eq!(sql, r#"SELECT ? WHERE "a" = ? AND "b" = ? AND "c" = ?"#);
            assert_eq!(values, [1.into(), id.into(), "other".into(), id.into()]);
        }
    }
}
