//! Plans of PostgreSQL, as `auto_explain` tells them of what really ran, with the rows that each step visited.

use super::{NARROW, Scan, seeds::EXPERIMENTS};
use crate::database::TestDatabase;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// Makes the connections that come tell a plan for each statement, as a notice.
pub(super) async fn explain(database: &TestDatabase) {
    let set = |parameter: &str, value: &str| {
        format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {parameter} = {value}', current_database()); END $$;"
        )
    };
    let parameters = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_level", "notice"),
        ("auto_explain.log_format", "json"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_timing", "off"),
    ];
    let script: Vec<String> = parameters.map(|(name, value)| set(name, value)).into();
    database.execute(script.concat()).await;
}

/// What one has to know of a database to judge plans.
#[derive(Debug)]
pub(super) struct Catalogue {
    /// Rows of each table.
    rows: BTreeMap<String, f64>,
    /// The table and the columns of each index, in their order; an expression has no name.
    indexes: BTreeMap<String, (String, Vec<String>)>,
}

impl Catalogue {
    pub(super) async fn read(database: &TestDatabase) -> Self {
        let rows = "SELECT relname::text, reltuples::text, '' FROM pg_class \
                    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        let indexes = "SELECT index.relname::text, heap.relname::text, \
                       string_agg(coalesce(attname::text, ''), ' ' ORDER BY place) FROM pg_index \
                       JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_class AS heap ON heap.oid = indrelid \
                       CROSS JOIN unnest(indkey) WITH ORDINALITY AS columns (number, place) \
                       LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = number GROUP BY 1, 2";
        let rows = database.texts(rows).await.into_iter();
        let indexes = database.texts(indexes).await.into_iter();
        Self {
            rows: rows.map(|[table, count, _]| (table, count.parse().unwrap())).collect(),
            indexes: indexes
                .map(|[index, table, columns]| {
                    (index, (table, columns.split(' ').map(str::to_owned).collect()))
                })
                .collect(),
        }
    }

    /// What a plan scans, of which each step may visit a `few` rows.
    pub(super) fn scans(&self, notice: &str, few: u32) -> Vec<Scan> {
        let (_, plan) = notice.split_once('{').unwrap_or_else(|| panic!("no plan: {notice}"));
        let plan: Value = serde_json::from_str(&format!("{{{plan}")).unwrap();
        let mut scans = Vec::new();
        self.walk(&plan["Plan"], few, &mut scans);
        scans
    }

    fn walk(&self, node: &Value, few: u32, scans: &mut Vec<Scan>) {
        scans.extend(self.scan(node, few));
        for child in node["Plans"].as_array().map_or(&[][..], Vec::as_slice) {
            self.walk(child, few, scans);
        }
    }

    /// What a step of a plan scans: a table or an index from end to end, entries of an index that it passes over, or far more rows than one experiment has.
    fn scan(&self, node: &Value, few: u32) -> Option<Scan> {
        let text = |field: &str| node[field].as_str().unwrap_or_default();
        let index = self.indexes.get(text("Index Name"));
        let table = match text("Relation Name") {
            // The part of a bitmap scan that reads an index.
            "" => index?.0.as_str(),
            table => table,
        };
        let number = |field: &str| node[field].as_f64().unwrap_or(0.0);
        let removed = number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
        let visited = (number("Actual Rows") + removed) * number("Actual Loops");
        let total = self.rows.get(table).copied().unwrap_or(0.0);
        let kind = text("Node Type");
        let walks_index = index.is_some_and(|(_, columns)| walks(columns, text("Index Cond")));
        // Tens of the experiments would have so many.
        let is_much = visited > (20.0 * total / f64::from(EXPERIMENTS)).max(f64::from(few));
        (kind == "Seq Scan" || walks_index || is_much).then(|| Scan {
            table: table.to_owned(),
            how: format!(
                "{kind} {} ({}), {visited} of {total} rows",
                text("Index Name"),
                text("Index Cond")
            ),
        })
    }
}

/// Whether a search in an index passes over entries of others: its condition does not name the first column, or a column behind
/// one that it does not name, and those before are not narrow.
fn walks(columns: &[String], condition: &str) -> bool {
    let is_named = |column: &String| {
        let word = Regex::new(&format!(r"\b{column}\b")).unwrap();
        column.is_empty() || word.is_match(condition)
    };
    let named = columns.iter().take_while(|column| is_named(column)).count();
    let (named, others) = columns.split_at(named);
    let is_narrow = named.iter().any(|column| NARROW.contains(&column.as_str()));
    named.is_empty() || !is_narrow && others.iter().any(|it| !it.is_empty() && is_named(it))
}
