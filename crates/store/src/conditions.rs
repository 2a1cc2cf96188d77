//! Conditions of searches as SQL.

use crate::{
    db::{self, Dialect},
    tables::LatestMetrics,
};
use mlferry_protocol::access::Visible;
use mlferry_search::{NumberComparator, TextComparator, TextTest};
use regex::Regex;
use sea_query::{
    BinOper, Expr, ExprTrait, Func, IntoIden, JoinType, SelectStatement,
    extension::postgres::PgExpr,
};

/// Characters of a text that an index has: PostgreSQL takes no long texts into one.
const INDEXED_CHARACTERS: usize = 250;

/// Texts in one `IN (…)`. The values of a longer list travel as one, since databases count values.
const TEXTS_IN_LIST: usize = 32;

/// The beginning of a column's text, as indexes of beginnings have it.
pub(crate) fn beginning_of(column: &str) -> String {
    format!("substr({column}, 1, {INDEXED_CHARACTERS})")
}

/// Whether a column's text begins as another one, as far as indexes of beginnings tell.
pub(crate) fn begins_as(column: &str, text: &str) -> Expr {
    let beginning: String = text.chars().take(INDEXED_CHARACTERS).collect();
    Expr::cust(beginning_of(column)).eq(beginning)
}

/// Whether a column that begins as this text has no other text.
pub(crate) fn is_its_beginning(text: &str) -> bool {
    text.chars().nth(INDEXED_CHARACTERS - 1).is_none()
}

/// How a number compares with another one.
pub(crate) fn number_test(
    number: Expr,
    comparator: NumberComparator,
    value: impl Into<Expr>,
) -> Expr {
    match comparator {
        NumberComparator::Equal => number.eq(value),
        NumberComparator::NotEqual => number.ne(value),
        NumberComparator::Less => number.lt(value),
        NumberComparator::LessOrEqual => number.lte(value),
        NumberComparator::Greater => number.gt(value),
        NumberComparator::GreaterOrEqual => number.gte(value),
    }
}

/// What the latest value of a metric must fulfil. NaN, which stands as zero beside a mark, differs from every number.
pub(crate) fn metric_test(comparator: NumberComparator, value: f64) -> Expr {
    let is_nan = Expr::col(LatestMetrics::IsNan);
    let compares = number_test(Expr::col(LatestMetrics::Value), comparator, value);
    match comparator {
        NumberComparator::NotEqual => compares.or(is_nan),
        _ => compares.and(is_nan.not()),
    }
}

/// What a text must fulfil. An absent one fulfils nothing but [`TextTest::IsNull`].
pub(crate) fn text_test(dialect: Dialect, column: Expr, test: &TextTest) -> Expr {
    match test {
        TextTest::Compare(TextComparator::Equal, value) => column.eq(value.as_str()),
        TextTest::Compare(TextComparator::NotEqual, value) => column.ne(value.as_str()),
        // A backslash means itself on SQLite, and takes the next character as it is on PostgreSQL: both
        // by default, and so in the reference.
        TextTest::Compare(TextComparator::Like, pattern) => column.like(pattern.as_str()),
        TextTest::Compare(TextComparator::ILike, pattern) => match dialect {
            Dialect::Sqlite => Expr::from(Func::lower(column))
                .binary(BinOper::Like, Func::lower(Expr::val(pattern.as_str()))),
            Dialect::Postgres => column.ilike(pattern.as_str()),
        },
        TextTest::OneOf { values, negated } => {
            let is_one = is_one_of_values(dialect, column, values);
            if *negated { is_one.not() } else { is_one }
        }
        TextTest::IsNull { negated: false } => column.is_null(),
        TextTest::IsNull { negated: true } => column.is_not_null(),
    }
}

/// Leaves out what the caller may not see, by the name in a column.
pub(crate) fn visible_test(dialect: Dialect, column: Expr, visible: &Visible) -> Option<Expr> {
    match visible {
        Visible::All => None,
        Visible::Only(names) => Some(db::is_one_of_texts(dialect, column, names)),
        Visible::AllBut(names) => Some(db::is_one_of_texts(dialect, column, names).not()),
    }
}

/// Whether a text matches a regular expression, which each database reads in its own way. One that SQLite
/// can't read is matched by nothing, as in the reference.
pub(crate) fn matches(dialect: Dialect, column: Expr, pattern: &str) -> Expr {
    let operator = match dialect {
        Dialect::Sqlite if Regex::new(pattern).is_err() => return Expr::val(1).eq(0),
        Dialect::Sqlite => "REGEXP",
        Dialect::Postgres => "~",
    };
    column.binary(BinOper::Custom(operator), Expr::val(pattern))
}

fn is_one_of_values(dialect: Dialect, column: Expr, values: &[String]) -> Expr {
    if values.len() <= TEXTS_IN_LIST {
        return column.is_in(values.iter().map(String::as_str));
    }
    db::is_one_of_texts(dialect, column, values)
}

/// Whether there are rows of another table, which are looked for by an index for each row that may be found.
///
/// PostgreSQL would rather join the two where it thinks it cheaper: it would read what all experiments have under the
/// key, and without statistics, which a new database lacks, not even by an index. `OFFSET 0` keeps it from that.
pub(crate) fn has_rows(dialect: Dialect, mut rows: SelectStatement) -> Expr {
    match dialect {
        Dialect::Sqlite => Expr::exists(rows),
        Dialect::Postgres => Expr::exists(rows.offset(0).take()),
    }
}

/// Joins what `rows` finds for each row before it, on PostgreSQL and for the same reason.
pub(crate) fn join_rows(
    select: &mut SelectStatement,
    kind: JoinType,
    mut rows: SelectStatement,
    name: impl IntoIden,
) {
    select.join_lateral(kind, rows.offset(0).take(), name, Expr::cust("TRUE"));
}

/// What the value in a row of another table must fulfil, which may not be there.
///
/// `rows` finds the row, and `value` is its column.
pub(crate) fn row_test(
    dialect: Dialect,
    mut rows: SelectStatement,
    value: Expr,
    test: &TextTest,
) -> Expr {
    match test {
        TextTest::IsNull { negated: false } => has_rows(dialect, rows).not(),
        TextTest::IsNull { negated: true } => has_rows(dialect, rows),
        test => has_rows(dialect, rows.and_where(text_test(dialect, value, test)).take()),
    }
}
