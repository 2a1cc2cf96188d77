//! What a question or a change reads must not grow with what others write: this does what people do often, and reads the plans
//! of all statements that the store makes of it, on SQLite as it foretells them, on PostgreSQL as it carried them out.

mod asked;
mod changes;
mod known;
mod postgres;
mod questions;
mod seeds;
mod sqlite;

use super::{open_uri, request};
use crate::database::TestDatabase;
use asked::{Asked, SPANS};
use mlferry_store::StoreError;
use postgres::Catalogue;
use seeds::{number, run_id, trace_id};
use std::{collections::BTreeMap, time::Duration};
use tracing::Instrument;

/// A step of a plan that reads rows of others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scan {
    table: String,
    /// The step in the words of the database.
    how: String,
}

/// Tables that operators fill with a few rows, whatever others write.
const SMALL: [&str; 2] = ["webhooks", "webhook_events"];

/// Columns of which one value stands for what was asked for: a run, an experiment, a trace, a model. Whoever else
/// writes adds no rows below it.
const NARROW: [&str; 13] = [
    "run_uuid",
    "run_id",
    "experiment_id",
    "rowid",
    "request_id",
    "trace_id",
    "model_id",
    "name",
    "input_uuid",
    "dataset_uuid",
    "source_id",
    "destination_id",
    "scorer_id",
];

/// Collects what the plans of each question scan.
struct Reader {
    asked: Asked,
    database: TestDatabase,
    /// On PostgreSQL.
    catalogue: Option<Catalogue>,
    questions: Vec<&'static str>,
    /// The first scan of a table, by question and table.
    scans: BTreeMap<(&'static str, String), String>,
}

/// Rows that a step of a question may visit, however few the experiment has.
const FEW: u32 = 100;

impl Reader {
    /// Reads the plans of a question or a change. It must succeed, or it would be another one.
    async fn read<T>(
        &mut self,
        name: &'static str,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> T {
        self.read_within(FEW, name, Box::pin(question)).await
    }

    /// As [`read`](Self::read), of a question whose steps may visit more than a few rows.
    async fn read_within<T>(
        &mut self,
        rows: u32,
        name: &'static str,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> T {
        self.questions.push(name);
        let span = tracing::info_span!(target: SPANS, "question");
        let answer =
            question.instrument(span).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        if self.catalogue.is_some() {
            self.hear_all(name).await;
        }
        let heard = self.asked.take();
        assert!(!heard.statements.is_empty(), "{name}: nothing was asked");
        let scans = match &self.catalogue {
            None => sqlite::scans(&self.database, &heard.statements),
            Some(catalogue) => {
                heard.plans.iter().flat_map(|plan| catalogue.scans(plan, rows)).collect()
            }
        };
        for Scan { table, how } in scans {
            if SMALL.contains(&table.as_str()) {
                continue;
            }
            self.scans.entry((name, table)).or_insert(how);
        }
        answer
    }

    /// A plan comes when its statement is closed, which may be when its connection goes back to the pool.
    async fn hear_all(&self, name: &str) {
        for _ in 0..500 {
            if self.asked.missing_plans() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{name}: {:#?}", self.asked.take());
    }
}

#[tokio::test]
async fn nobody_reads_what_others_write() {
    let asked = Asked::listen();
    let database = TestDatabase::new().await;
    // The schema.
    open_uri(&database.uri()).await.unwrap().close().await;
    seeds::fill(&database).await;
    let catalogue = match &database {
        TestDatabase::Sqlite(_) => None,
        TestDatabase::Postgres(_) => {
            postgres::explain(&database).await;
            Some(Catalogue::read(&database).await)
        }
    };
    let store = open_uri(&database.uri()).await.unwrap();
    asked.take();
    let mut reader =
        Reader { asked, database, catalogue, questions: vec![], scans: BTreeMap::new() };
    questions::ask(&mut reader, &store).await;
    changes::make(&mut reader, &store).await;
    let known = known::known(&reader.database, &reader.questions);
    let new: Vec<_> = reader.scans.iter().filter(|(scan, _)| !known.contains_key(scan)).collect();
    assert!(new.is_empty(), "these read what others write: {new:#?}");
    let gone: Vec<_> = known.iter().filter(|(scan, _)| !reader.scans.contains_key(*scan)).collect();
    assert!(gone.is_empty(), "these no longer do; take them out of known.rs: {gone:#?}");
}
