//! Reads the schema files: what they make, part by part.

use super::shape::{Kind, Part, Shape, normal};
use crate::db::Dialect;

/// Tables and indexes of our own, which the reference neither makes nor minds: what webhooks are still to be told, and
/// ways to what belongs to one experiment or run, or to what few have, without a look at all others.
pub(super) const OWN_PARTS: [&str; 8] = [
    "mlferry_webhook_deliveries",
    "mlferry_webhook_deliveries_due",
    "mlferry_runs_by_start",
    "mlferry_logged_models_by_experiment",
    "mlferry_experiment_tags_by_experiment",
    "mlferry_model_versions_by_run",
    "mlferry_spans_by_name",
    "mlferry_params_by_value",
];

/// The statements that make them, on either database. The table refers to none of MLflow's, so that none of its
/// migrations finds it in the way. The first index of runs has been replaced by one that also tells which are deleted.
pub(super) const OWN: &str = "CREATE TABLE IF NOT EXISTS mlferry_webhook_deliveries ( \
     delivery_id VARCHAR(36) NOT NULL PRIMARY KEY, webhook_id VARCHAR(256) NOT NULL, body TEXT NOT NULL, \
     created_ms BIGINT NOT NULL, due_ms BIGINT NOT NULL, attempts BIGINT NOT NULL); \
     CREATE INDEX IF NOT EXISTS mlferry_webhook_deliveries_due ON mlferry_webhook_deliveries (due_ms); \
     DROP INDEX IF EXISTS mlferry_runs_by_experiment; \
     CREATE INDEX IF NOT EXISTS mlferry_runs_by_start ON runs (experiment_id, start_time DESC, run_uuid, lifecycle_stage); \
     CREATE INDEX IF NOT EXISTS mlferry_logged_models_by_experiment \
     ON logged_models (experiment_id, creation_timestamp_ms DESC, model_id); \
     CREATE INDEX IF NOT EXISTS mlferry_experiment_tags_by_experiment ON experiment_tags (experiment_id); \
     CREATE INDEX IF NOT EXISTS mlferry_model_versions_by_run ON model_versions (run_id); \
     CREATE INDEX IF NOT EXISTS mlferry_spans_by_name ON spans (experiment_id, substr(name, 1, 250), trace_id); \
     CREATE INDEX IF NOT EXISTS mlferry_params_by_value ON params (key, substr(value, 1, 250), run_uuid)";

/// Those of them that make what is not there yet, or take away what others have replaced.
pub(super) fn own(there: &[String]) -> impl Iterator<Item = &'static str> {
    let is_there = |name: &str| there.iter().any(|known| known == name);
    OWN.split("; ").filter(move |statement| match statement.split_once(" IF NOT EXISTS ") {
        Some((_, rest)) => !rest.split(' ').next().is_some_and(is_there),
        None => statement.strip_prefix("DROP INDEX IF EXISTS ").is_some_and(is_there),
    })
}

/// The statements that make MLflow's tables.
pub(super) fn tables(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => include_str!("sqlite.sql"),
        Dialect::Postgres => include_str!("postgres.sql"),
    }
}

/// The schema that the statements make.
pub(super) fn wanted(dialect: Dialect) -> Shape {
    let mut shape = Shape::default();
    for statement in statements(tables(dialect)) {
        add(&mut shape, statement);
    }
    shape
}

/// The statements of a script, each without its semicolon. A body in `$$` or of a trigger is no end of one.
fn statements(script: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for line in script.split_inclusive('\n') {
        end += line.len();
        let statement = script[start..end].trim();
        if statement.is_empty() || statement.starts_with("--") && statement.lines().count() == 1 {
            start = end;
            continue;
        }
        let is_in_body = statement.matches("$$").count() == 1
            || statement.contains("BEGIN\n")
                && !statement.ends_with("END;")
                && !statement.contains("$$");
        if line.trim_end().ends_with(';') && !is_in_body {
            found.push(statement.trim_end_matches(';'));
            start = end;
        }
    }
    found
}

/// Adds what a statement makes.
fn add(shape: &mut Shape, statement: &str) {
    let words: Vec<&str> =
        statement.split([' ', '\n', '(']).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        ["CREATE", "FUNCTION", name, ..] => {
            shape.0.push(Part::new(Kind::Function, "", name, statement));
        }
        ["CREATE", "TABLE", name, ..] => {
            shape.0.push(Part::new(Kind::Table, name, name, statement));
            shape.0.extend(parts_of_table(name, statement));
        }
        ["CREATE", "INDEX", name, "ON", table, ..]
        | ["CREATE", "UNIQUE", "INDEX", name, "ON", table, ..] => {
            shape.0.push(Part::new(Kind::Index, table, name, statement));
        }
        ["CREATE", "TRIGGER", name, "BEFORE", "UPDATE", "ON", table, ..] => {
            shape.0.push(Part::new(Kind::Trigger, table, name, statement));
        }
        ["ALTER", "TABLE", "ONLY", table, "ADD", "CONSTRAINT", name, ..] => {
            let text = statement.split_once("ADD ").map_or("", |(_, text)| text);
            shape.0.push(Part::new(Kind::Constraint, table, name, text));
        }
        ["ALTER", "TABLE", table, "ALTER", "COLUMN", column, "ADD", "GENERATED", ..] => {
            // The column is told by its table's statement, which does not say all.
            let column = Part::new(Kind::Column, table, column, "");
            extend(shape, &column, |text| *text += " GENERATED BY DEFAULT AS IDENTITY");
            let table = Part::new(Kind::Table, table, table, "");
            extend(shape, &table, |text| *text = format!("{text}; {statement}"));
        }
        ["ALTER", "TABLE", "ONLY", table, "ALTER", "COLUMN", column, "SET", "DEFAULT", ..] => {
            let column = Part::new(Kind::Column, table, column, "");
            let default = statement.split_once("SET ").map_or("", |(_, default)| default);
            extend(shape, &column, |text| {
                *text = text.replace(" NOT NULL", &format!(" {default} NOT NULL"));
            });
        }
        _ => {}
    }
}

fn extend(shape: &mut Shape, part: &Part, change: impl Fn(&mut String)) {
    for known in &mut shape.0 {
        if known.kind == part.kind && known.table == part.table && known.name == part.name {
            change(&mut known.text);
        }
    }
}

/// The columns and constraints in the parentheses of a `CREATE TABLE`.
pub(super) fn parts_of_table(table: &str, statement: &str) -> Vec<Part> {
    let body = statement.split_once('(').map_or("", |(_, body)| body);
    let body = body.rsplit_once(')').map_or("", |(body, _)| body);
    definitions(body).into_iter().map(|definition| part_of_table(table, definition)).collect()
}

fn part_of_table(table: &str, definition: &str) -> Part {
    let mut words = definition.split_whitespace();
    let first = words.next().unwrap_or_default();
    match first.split('(').next() {
        Some("CONSTRAINT") => {
            Part::new(Kind::Constraint, table, words.next().unwrap_or_default(), definition)
        }
        Some("PRIMARY" | "FOREIGN" | "UNIQUE" | "CHECK") => {
            Part::new(Kind::Constraint, table, &normal(definition), definition)
        }
        _ => Part::new(Kind::Column, table, first, definition),
    }
}

/// The text between commas that are neither in parentheses nor in quotes.
fn definitions(body: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut depth, mut is_quoted) = (0, 0_usize, false);
    for (index, char) in body.char_indices() {
        match char {
            '\'' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(body[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    found.push(body[start..].trim());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::beginning_of;

    #[test]
    fn every_statement_of_both_files_is_understood() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let wanted = wanted(dialect);
            assert_eq!(wanted.of_kind(Kind::Table).count(), 65, "{dialect:?}");
            assert_eq!(wanted.of_kind(Kind::Index).count(), 84, "{dialect:?}");
            assert_eq!(wanted.of_kind(Kind::Trigger).count(), 1, "{dialect:?}");
            let names = |shape: &Shape| {
                let columns = shape.of_kind(Kind::Column);
                let mut names: Vec<String> = columns.map(ToString::to_string).collect();
                names.sort();
                names
            };
            assert_eq!(names(&wanted), names(&super::wanted(Dialect::Sqlite)));
        }
    }

    #[test]
    fn all_parts_of_our_own_are_made() {
        assert_eq!(OWN.matches(" IF NOT EXISTS ").count(), OWN_PARTS.len());
        for part in OWN_PARTS {
            assert!(OWN.contains(&format!(" IF NOT EXISTS {part} ")), "{part}");
        }
    }

    #[test]
    fn only_what_is_missing_of_our_own_is_made() {
        assert_eq!(own(&[]).count(), OWN_PARTS.len());
        let mut there = OWN_PARTS.map(ToOwned::to_owned).to_vec();
        assert_eq!(own(&there).count(), 0);
        there.push("mlferry_runs_by_experiment".to_owned());
        assert_eq!(
            own(&there).collect::<Vec<_>>(),
            ["DROP INDEX IF EXISTS mlferry_runs_by_experiment"]
        );
        let last = there.iter().position(|name| name == "mlferry_params_by_value").unwrap();
        there.remove(last);
        assert_eq!(own(&there).count(), 2);
    }

    #[test]
    fn searches_ask_for_beginnings_as_indexes_have_them() {
        let [name, value] = ["name", "value"].map(beginning_of);
        for columns in [
            format!("mlferry_spans_by_name ON spans (experiment_id, {name}, trace_id)"),
            format!("mlferry_params_by_value ON params (key, {value}, run_uuid)"),
        ] {
            assert!(OWN.contains(&columns), "{columns}");
        }
    }

    #[test]
    fn what_is_added_to_a_column_later_belongs_to_it() {
        let wanted = wanted(Dialect::Postgres);
        let text = |table: &str, name: &str| {
            wanted.find(&Part::new(Kind::Column, table, name, "")).unwrap().text.clone()
        };
        assert_eq!(
            text("experiments", "experiment_id"),
            "experiment_id integer DEFAULT nextval('experiments_experiment_id_seq'::regclass) NOT NULL"
        );
        assert!(
            text("sql_span_cost_daily_rollups", "id").ends_with("GENERATED BY DEFAULT AS IDENTITY")
        );
    }

    #[test]
    fn commas_within_definitions_separate_nothing() {
        let parts = parts_of_table(
            "t",
            "CREATE TABLE t (a VARCHAR(5) DEFAULT 'x,)', CHECK (a IN ('b', 'c')), b INT)",
        );
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["a", "CHECK a IN 'b','c'", "b"]);
    }
}
