//! Plans of SQLite, by `EXPLAIN QUERY PLAN`, whose lines are described in <https://www.sqlite.org/eqp.html>.

use super::{NARROW, Scan};
use crate::database::TestDatabase;
use regex::Regex;
use std::collections::BTreeMap;

/// What the plans of these statements scan.
pub(super) fn scans(database: &TestDatabase, statements: &[String]) -> Vec<Scan> {
    let connection = database.connection();
    // As the store's own have it.
    connection.pragma_update(None, "case_sensitive_like", true).unwrap();
    // Plans name checks of references that an insertion makes only where one is broken.
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    let texts = |sql: &str, column: usize| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.raw_query().mapped(|row| row.get(column)).collect::<Result<_, _>>().unwrap()
    };
    let tables = texts("SELECT name FROM sqlite_schema WHERE type = 'table'", 0);
    let mut scans = Vec::new();
    for statement in statements {
        let names = names(statement, &tables);
        // Plans depend on no values: the store leaves no statistics behind, and its patterns are bound.
        let lines = texts(&format!("EXPLAIN QUERY PLAN {statement}"), 3);
        scans.extend(lines.iter().filter_map(|line| scan(line, &names)));
    }
    scans
}

/// The tables of a statement, by their own names and those that it gives them.
fn names(statement: &str, tables: &[String]) -> BTreeMap<String, String> {
    let alias = Regex::new(r#""(\w+)" AS "(\w+)""#).unwrap();
    let aliases = alias.captures_iter(statement).map(|found| (found[2].into(), found[1].into()));
    let own = tables.iter().map(|table| (table.clone(), table.clone()));
    aliases.filter(|(_, table)| tables.contains(table)).chain(own).collect()
}

/// What a line of a plan scans: a table from end to end, or entries of an index that others have, too. Results of
/// subqueries and lists of values are no tables.
fn scan(line: &str, names: &BTreeMap<String, String>) -> Option<Scan> {
    let (kind, rest) = line.split_once(' ')?;
    let table = names.get(rest.split(' ').next()?)?;
    // An index that is made for the statement is made of the whole table.
    let is_narrow = kind == "SEARCH"
        && !line.contains(" AUTOMATIC ")
        && NARROW.iter().any(|column| equals(line, column));
    (!is_narrow).then(|| Scan { table: table.clone(), how: line.to_owned() })
}

/// Whether a search is for one value of a column.
fn equals(line: &str, column: &str) -> bool {
    line.contains(&format!("({column}=?")) || line.contains(&format!(" AND {column}=?"))
}

#[test]
fn a_search_that_others_lengthen_is_a_scan() {
    let tables = ["runs", "latest_metrics", "tags", "t"].map(str::to_owned);
    let text = r#"SELECT "a" AS "tags" FROM "runs" LEFT JOIN "latest_metrics" AS "order_0" ON 1"#;
    let names = names(text, &tables);
    let found = |line| scan(line, &names).map(|scan| scan.table);
    assert_eq!(found("SCAN runs"), Some("runs".into()));
    assert_eq!(found("SCAN order_0 USING INDEX a"), Some("latest_metrics".into()));
    assert_eq!(
        found("SEARCH tags USING INDEX sqlite_autoindex_tags_1 (key=?)"),
        Some("tags".into())
    );
    assert_eq!(found("SEARCH t USING AUTOMATIC COVERING INDEX (run_uuid=?)"), Some("t".into()));
    assert_eq!(found("SEARCH t USING INDEX a (timestamp_ms>?)"), Some("t".into()));
    assert_eq!(found("SEARCH order_0 USING INDEX a (key=? AND run_uuid=?) LEFT-JOIN"), None);
    assert_eq!(found("SEARCH t USING INDEX a (experiment_id=? AND timestamp_ms>?)"), None);
    assert_eq!(found("SCAN (subquery-2)"), None);
    assert_eq!(found("SCAN page VIRTUAL TABLE INDEX 1:"), None);
    assert_eq!(found("USE TEMP B-TREE FOR ORDER BY"), None);
}
