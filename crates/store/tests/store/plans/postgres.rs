//! Plans of PostgreSQL, as `auto_explain` tells them of what really ran, with the rows that each step visited.

use super::{Scan, seeds::EXPERIMENTS};
use crate::database::TestDatabase;
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
    /// The table and the first column of each index.
    indexes: BTreeMap<String, (String, String)>,
}

impl Catalogue {
    pub(super) async fn read(database: &TestDatabase) -> Self {
        let rows = "SELECT relname::text, reltuples::text, '' FROM pg_class \
                    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        let indexes = "SELECT index.relname::text, heap.relname::text, attname::text FROM pg_index \
                       JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_class AS heap ON heap.oid = indrelid \
                       JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]";
        let rows = database.texts(rows).await.into_iter();
        let indexes = database.texts(indexes).await.into_iter();
        Self {
            rows: rows.map(|[table, count, _]| (table, count.parse().unwrap())).collect(),
            indexes: indexes.map(|[index, table, first]| (index, (table, first))).collect(),
        }
    }

    /// What a plan scans.
    pub(super) fn scans(&self, notice: &str) -> Vec<Scan> {
        let (_, plan) = notice.split_once('{').unwrap_or_else(|| panic!("no plan: {notice}"));
        let plan: Value = serde_json::from_str(&format!("{{{plan}")).unwrap();
        let mut scans = Vec::new();
        self.walk(&plan["Plan"], &mut scans);
        scans
    }

    fn walk(&self, node: &Value, scans: &mut Vec<Scan>) {
        scans.extend(self.scan(node));
        for child in node["Plans"].as_array().map_or(&[][..], Vec::as_slice) {
            self.walk(child, scans);
        }
    }

    /// What a step of a plan scans: a table or an index from end to end, or far more rows than one experiment has.
    fn scan(&self, node: &Value) -> Option<Scan> {
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
        let walks_index =
            index.is_some_and(|(_, first)| !text("Index Cond").contains(first.as_str()));
        // Tens of the experiments would have so many.
        let is_much = visited > (20.0 * total / f64::from(EXPERIMENTS)).max(100.0);
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
