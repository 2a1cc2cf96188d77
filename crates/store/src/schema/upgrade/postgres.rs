//! PostgreSQL changes tables in place, which copies no rows.

use super::{Failure, inspect, retired};
use crate::{
    db::Transaction,
    schema::shape::{Difference, Kind, Part, Shape},
};

/// A change waits this long for others that use a table, who should have been stopped, but takes as long
/// as it needs, whatever the account's setting.
pub(super) const LIMIT_WAITING: &str =
    "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0";

/// Brings columns and constraints to their wanted definition.
pub(super) async fn alter_tables(
    transaction: &mut Transaction,
    wanted: &Shape,
) -> Result<(), Failure> {
    let found = inspect::found(transaction).await?;
    let differences = found.differences(wanted);
    let outdated: Vec<&Part> =
        differences.iter().filter(|part| is_outdated(part)).map(Difference::part).collect();
    // A key can only go after those that refer to it, and come before them.
    for part in foreign_keys_first(&outdated) {
        let Part { table, name, .. } = part;
        let kind = if part.kind == Kind::Column { "COLUMN" } else { "CONSTRAINT" };
        transaction.define(format!("ALTER TABLE {table} DROP {kind} \"{name}\"")).await?;
    }
    for difference in &differences {
        if let Difference::Differs { wanted, .. } = difference
            && wanted.kind == Kind::Column
        {
            alter_column(transaction, wanted).await?;
        }
    }
    let found = inspect::found(transaction).await?;
    let missing: Vec<&Part> = wanted
        .of_kind(Kind::Constraint)
        .filter(|constraint| found.find(constraint).is_none())
        .collect();
    for part in foreign_keys_first(&missing).into_iter().rev() {
        transaction.define(format!("ALTER TABLE {} ADD {}", part.table, part.text)).await?;
    }
    Ok(())
}

/// Whether the part has to go. What the owner added stays.
fn is_outdated(difference: &Difference<'_>) -> bool {
    let part = difference.part();
    match (part.kind, difference) {
        (Kind::Constraint, Difference::Differs { .. }) => true,
        (Kind::Constraint, Difference::Extra(_)) => {
            let definition = part.text.split_once(&part.name).map_or("", |(_, rest)| rest);
            let definition = definition.trim_start_matches(['"', ' ']);
            let mut retired = retired::CONSTRAINTS.iter();
            retired.any(|(table, start)| part.table == *table && definition.starts_with(start))
        }
        (Kind::Column, Difference::Extra(_)) => {
            retired::COLUMNS.contains(&(part.table.as_str(), part.name.as_str()))
        }
        _ => false,
    }
}

fn foreign_keys_first<'a>(parts: &[&'a Part]) -> Vec<&'a Part> {
    let (mut first, rest): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| part.text.contains(" FOREIGN KEY "));
    first.extend(rest);
    first
}

/// Sets type and nullability; a type is only ever widened. Defaults never changed.
async fn alter_column(transaction: &mut Transaction, wanted: &Part) -> Result<(), Failure> {
    let Part { table, name, text, .. } = wanted;
    let definition = text.split_once(' ').map_or("", |(_, definition)| definition);
    let kind = definition.split(" NOT NULL").next().unwrap_or_default();
    let kind = kind.split(" DEFAULT ").next().unwrap_or_default();
    let null = if definition.contains(" NOT NULL") { "SET" } else { "DROP" };
    let statement = format!(
        "ALTER TABLE {table} ALTER COLUMN \"{name}\" TYPE {kind}, ALTER COLUMN \"{name}\" {null} NOT NULL"
    );
    Ok(transaction.define(statement).await?)
}
