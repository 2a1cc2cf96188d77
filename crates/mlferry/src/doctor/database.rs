//! The database: its file, its schema, and what its rows say.

use std::time::{Duration, SystemTime};

use mlferry_store::{
    Checkup, Depth, Faults, OpenError, RecordFinding, SchemaReport, Severity, StoreError,
    without_password,
};

use super::clocks::Clocks;
use super::report::{Finding, Group, Level, Report};
use super::words;

/// Looks at the database. It is returned where its rows can be asked for more.
pub(super) async fn examine(
    report: &mut Report,
    uri: &str,
    depth: Depth,
    fix: bool,
) -> Option<Checkup> {
    let checkup = match Checkup::open(uri).await {
        Ok(checkup) => checkup,
        Err(error @ OpenError::Damaged(..)) => {
            report.add(Finding::new(
                Group::Database,
                "database.file",
                Level::Problem,
                words(error),
            ));
            return None;
        }
        Err(error) => {
            report.unchecked(Group::Database, "database.open", words(error));
            return None;
        }
    };
    report.ok(Group::Database, "database.open", format!("{} answers", without_password(uri)));
    let is_usable =
        examine_file(report, &checkup, depth).await && examine_schema(report, &checkup, uri).await;
    if !is_usable {
        return None;
    }
    examine_clock(report, &checkup).await;
    examine_records(report, &checkup, fix).await;
    Some(checkup)
}

/// Whether the file can be read.
async fn examine_file(report: &mut Report, checkup: &Checkup, depth: Depth) -> bool {
    let Faults { pages, constraints } = match checkup.faults(depth).await {
        Ok(faults) => faults,
        Err(error) => {
            report.unchecked(Group::Database, "database.file", words(error));
            return false;
        }
    };
    if !constraints.is_empty() {
        let what = "rows are as their table would not take them";
        report.add(
            Finding::new(Group::Database, "database.constraints", Level::Problem, what)
                .of(constraints.len() as u64, constraints)
                .advice("No server writes such. Find out what changed the database, and correct them by SQL."),
        );
    }
    if pages.is_empty() {
        report.ok(Group::Database, "database.file", "its pages are sound");
        return true;
    }
    let what = "faults are in the file of the database";
    report.add(
        Finding::new(Group::Database, "database.file", Level::Problem, what)
            .of(pages.len() as u64, pages)
            .advice(
                "Stop the servers, keep a copy of the file and of its -wal, and restore a backup; \
                 `sqlite3 FILE .recover` rescues what can be read.",
            ),
    );
    false
}

/// Whether the tables are those that questions are asked of.
async fn examine_schema(report: &mut Report, checkup: &Checkup, uri: &str) -> bool {
    let schema = match checkup.schema().await {
        Ok(schema) => schema,
        Err(error) => {
            report.unchecked(Group::Database, "database.schema", words(error));
            return false;
        }
    };
    let SchemaReport { found, remedy, differences, .. } = &schema;
    if let Some(remedy) = remedy {
        let what = match found {
            Some(found) => format!("the schema has revision {found}, and not {}", schema.wanted),
            None => "the tables are not MLflow's".to_owned(),
        };
        let finding = Finding::new(Group::Database, "database.schema", Level::Problem, what);
        report.add(finding.advice(remedy));
        return false;
    }
    if differences.is_empty() {
        let what = format!("the schema is as MLflow makes it, at revision {}", schema.wanted);
        report.ok(Group::Database, "database.schema", what);
    } else {
        let what = "parts of the schema differ from MLflow's";
        report.add(
            Finding::new(Group::Database, "database.schema", Level::Problem, what)
                .of(differences.len() as u64, differences.clone())
                .advice(format!(
                    "Others changed it. `mlferry db check {}` lists all; compare it with a backup.",
                    without_password(uri)
                )),
        );
    }
    true
}

/// Whether the clocks of the database and of this machine agree.
async fn examine_clock(report: &mut Report, checkup: &Checkup) {
    let asked = SystemTime::now();
    let theirs = match checkup.clock_ms().await {
        Ok(Some(theirs)) => theirs,
        // It has no other clock than ours.
        Ok(None) => return,
        Err(error) => return report.unchecked(Group::Database, "database.clock", words(error)),
    };
    let theirs = Duration::from_millis(theirs.unsigned_abs());
    let theirs = SystemTime::UNIX_EPOCH + theirs;
    let clocks = Clocks { before: asked, theirs, after: SystemTime::now() };
    report.add(clocks.finding(Group::Database, "database.clock"));
}

async fn examine_records(report: &mut Report, checkup: &Checkup, fix: bool) {
    let links = checkup.broken_links().await;
    add_all(report, "links", "every row belongs to something that is there", links);
    let states = checkup.impossible_states().await;
    add_all(report, "states", "every state is one that can be", states);
    let latest = checkup.wrong_latest_metrics().await;
    let is_outdated = |found: &RecordFinding| found.check == "latest_metrics.outdated";
    if fix
        && let Ok(found) = &latest
        && let Some(outdated) = found.iter().find(|found| is_outdated(found))
    {
        let finding = of_records(outdated);
        match checkup.rebuild_latest_metrics().await {
            Ok(rebuilt) => {
                let done = format!("{rebuilt} latest values were taken from the histories.");
                report.add(finding.fixed(done));
            }
            Err(error) => report.add(finding.advice(format!("It is not mended: {}", words(error)))),
        }
        let others = found.iter().filter(|found| !is_outdated(found));
        return others.for_each(|found| report.add(of_records(found)));
    }
    add_all(report, "latest_metrics", "latest values of metrics are the latest", latest);
}

/// Adds findings, or that there are none.
fn add_all(
    report: &mut Report,
    check: &str,
    all_is_well: &str,
    found: Result<Vec<RecordFinding>, StoreError>,
) {
    let found = found.map(|found| found.iter().map(of_records).collect());
    report.add_all(Group::Records, check, all_is_well, found);
}

fn of_records(found: &RecordFinding) -> Finding {
    let level = match found.severity {
        Severity::Warning => Level::Warning,
        Severity::Problem => Level::Problem,
    };
    Finding::new(Group::Records, &found.check, level, &found.what)
        .of(found.count, found.examples.clone())
        .advice(found.advice)
}
