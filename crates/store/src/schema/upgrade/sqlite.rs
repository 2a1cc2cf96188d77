//! SQLite can't change a column or a constraint: a table that has to is made anew, and its rows are copied.

use super::{Failure, inspect, retired};
use crate::{
    db::{DbError, Dialect, Transaction},
    schema::shape::{Difference, Kind, Part, Shape},
};
use std::collections::BTreeSet;

/// Makes every table anew whose columns or constraints are not as wanted.
pub(super) async fn rebuild_tables(
    transaction: &mut Transaction,
    wanted: &Shape,
) -> Result<(), Failure> {
    let found = inspect::found(transaction).await?;
    let tables: BTreeSet<String> = found
        .differences(wanted)
        .iter()
        .filter(|difference| is_in_definition(difference))
        .map(|difference| difference.part().table.clone())
        .collect();
    for table in wanted.of_kind(Kind::Table).filter(|table| tables.contains(&table.table)) {
        rebuild(transaction, table, &found, wanted).await?;
    }
    Ok(())
}

/// Whether the difference is one that only a new table ends. Columns of the owner are none.
fn is_in_definition(difference: &Difference<'_>) -> bool {
    let part = difference.part();
    match (part.kind, difference) {
        (Kind::Column, Difference::Extra(column)) => is_retired(column),
        (Kind::Column | Kind::Constraint, _) => true,
        _ => false,
    }
}

fn is_retired(column: &Part) -> bool {
    retired::COLUMNS.contains(&(column.table.as_str(), column.name.as_str()))
}

/// The old table steps aside under another name, which changes nothing in other tables: the connection
/// was opened so.
async fn rebuild(
    transaction: &mut Transaction,
    table: &Part,
    found: &Shape,
    wanted: &Shape,
) -> Result<(), Failure> {
    let name = &table.table;
    let mut statements = vec![
        format!("ALTER TABLE \"{name}\" RENAME TO \"mlferry_old_{name}\""),
        table.text.clone(),
    ];
    for column in found.of_table(Kind::Column, name) {
        if wanted.find(column).is_none() && !is_retired(column) {
            statements.push(format!("ALTER TABLE \"{name}\" ADD COLUMN {}", column.text));
        }
    }
    let columns: Vec<String> = found
        .of_table(Kind::Column, name)
        .filter(|column| !is_retired(column) && !column.text.contains("GENERATED ALWAYS"))
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    let columns = columns.join(", ");
    statements.push(format!(
        "INSERT INTO \"{name}\" ({columns}) SELECT {columns} FROM \"mlferry_old_{name}\""
    ));
    statements.push(format!("DROP TABLE \"mlferry_old_{name}\""));
    Ok(transaction.define(statements.join(";\n")).await?)
}

/// How many rows of each table lack a row that they refer to. Older releases didn't always enforce it, so
/// there may be some; a migration must not make more.
pub(super) async fn orphans(transaction: &mut Transaction) -> Result<Vec<[String; 3]>, DbError> {
    match transaction.dialect() {
        Dialect::Sqlite => transaction
            .texts(
                "SELECT \"table\", parent, CAST(COUNT(*) AS TEXT) FROM pragma_foreign_key_check \
                     GROUP BY 1, 2 ORDER BY 1, 2",
            )
            .await,
        // There, each statement is checked.
        Dialect::Postgres => Ok(Vec::new()),
    }
}

/// Whether there are more orphans than before.
pub(super) fn has_more(now: &[[String; 3]], before: &[[String; 3]]) -> bool {
    now.iter().any(|[table, parent, count]| {
        let count_of = |text: &String| text.parse::<u64>().unwrap_or_default();
        let known = before.iter().find(|row| row[0] == *table && row[1] == *parent);
        count_of(count) > known.map_or(0, |row| count_of(&row[2]))
    })
}
