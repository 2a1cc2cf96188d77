//! Statements that are asked again and again about another id.

use super::{Dialect, transaction::Statement};
use sea_query::{SelectStatement, Value, Values};

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
        let (sql, values) = select(STAND_IN).built(dialect);
        Self { sql, values }
    }

    /// The statement about an id.
    pub(crate) const fn about<'a>(&'a self, id: &'a str) -> About<'a> {
        About { template: self, id }
    }
}

/// A statement about one id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    template: &'a Template,
    id: &'a str,
}

impl Statement for About<'_> {
    /// The text that is kept, which is in the SQL of one database only.
    fn built(&self, _: Dialect) -> (String, Values) {
        let values = self.template.values.iter().map(|value| match value {
            Value::String(Some(text)) if text == STAND_IN => self.id.into(),
            other => other.clone(),
        });
        (self.template.sql.clone(), Values(values.collect()))
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
            let (sql, Values(values)) = template.about(id).built(Dialect::Sqlite);
            assert_eq!(sql, r#"SELECT ? WHERE "a" = ? AND "b" = ? AND "c" = ?"#);
            assert_eq!(values, [1.into(), id.into(), "other".into(), id.into()]);
        }
    }
}
