//! Copies of SQLite databases that are in use, and databases that are held.

use super::{TestDatabase, TestStore, open_uri, request};
use mlferry_store::{BackupError, CopyPurpose, SqliteFile, backup_contents};
use rusqlite::Connection;
use serde_json::json;
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

fn file_of(store: &TestStore) -> SqliteFile {
    SqliteFile::of(&store.database.uri(), CopyPurpose::Backup).unwrap()
}

fn count(path: &Path, query: &str) -> i64 {
    Connection::open(path).unwrap().query_one(query, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_under_load_has_all_that_was_acknowledged_before_it_began() {
    let store = TestStore::on_sqlite().await;
    let run = store.run().await;
    let folder = tempfile::tempdir().unwrap();
    let (is_over, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let write = async {
        let mut step = 0_u64;
        while !is_over.load(Ordering::Relaxed) {
            let param = json!({"key": format!("p{step}"), "value": "1"});
            let metric = json!({"key": "m", "value": step, "timestamp": 1, "step": step});
            let batch = json!({"run_id": run, "params": [param], "metrics": [metric]});
            store.log_batch(request(batch)).await.unwrap();
            step += 1;
            acknowledged.store(step, Ordering::Relaxed);
        }
    };
    let copy = async {
        for number in 0..5 {
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            let before = acknowledged.load(Ordering::Relaxed);
            let to = folder.path().join(format!("{number}.db"));
            let contents = file_of(&store).copy(&to).await.unwrap();
            assert!(contents.rows.contains(&("runs", 1)), "{contents:?}");
            let copied = count(&to, "SELECT count(*) FROM metrics");
            assert!(copied.unsigned_abs() >= before, "{copied} {before}");
            // A batch is there wholly or not at all.
            assert_eq!(count(&to, "SELECT count(*) FROM params"), copied);
            let latest = "SELECT max(step) + 1 FROM latest_metrics";
            assert_eq!(count(&to, latest), copied);
            let ok = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'";
            assert_eq!(count(&to, ok), 1);
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(write, copy);
    assert!(acknowledged.into_inner() > 5);
}

#[tokio::test]
async fn a_copy_is_one_file_that_a_store_opens() {
    let store = TestStore::on_sqlite().await;
    let run = store.run().await;
    let folder = tempfile::tempdir().unwrap();
    // Names of files may hold anything.
    let copy = folder.path().join("a?b #%20.db");
    let contents = file_of(&store).copy(&copy).await.unwrap();
    assert_eq!(contents.revision, "dc11669786a5");
    assert_eq!(contents, backup_contents(&copy).await.unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let mode: String = Connection::open(&copy)
        .unwrap()
        .query_one("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "delete");
    let plain = folder.path().join("copy.db");
    fs::rename(&copy, &plain).unwrap();
    let other = open_uri(&format!("sqlite:///{}", plain.display())).await.unwrap();
    other.get_run(request(json!({"run_id": run}))).await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_of_mlflow_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
    let file =
        SqliteFile::of(&format!("sqlite:///{}", from.display()), CopyPurpose::Backup).unwrap();
    let absent = file.copy(&to).await.unwrap_err().to_string();
    assert!(absent.contains("has no tables of MLflow"), "{absent}");
    Connection::open(&from).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    let foreign = file.copy(&to).await.unwrap_err().to_string();
    assert!(foreign.contains("not MLflow's"), "{foreign}");
    fs::write(&from, "no database at all, but long enough to be one, perhaps").unwrap();
    let none = file.copy(&to).await.unwrap_err().to_string();
    assert!(none.contains("is no database"), "{none}");
    assert!(!to.try_exists().unwrap());
}

#[tokio::test]
async fn other_databases_have_other_tools() {
    let uri = "postgresql+psycopg2://me:secret@host:5433/mlflow?sslmode=require";
    for (purpose, command) in [
        (CopyPurpose::Backup, "pg_dump --format=custom"),
        (CopyPurpose::Restore, "pg_restore --clean"),
    ] {
        let words = SqliteFile::of(uri, purpose).unwrap_err().to_string();
        assert!(words.contains(command), "{words}");
        assert!(words.contains("'postgresql://me@host:5433/mlflow'"), "{words}");
    }
    let memory = SqliteFile::of("sqlite://", CopyPurpose::Backup);
    assert!(matches!(memory, Err(BackupError::Memory)));
}

#[tokio::test]
async fn a_database_in_use_can_t_be_held_and_one_that_is_held_can_t_be_used() {
    let store = TestStore::on_sqlite().await;
    store.run().await;
    let file = file_of(&store);
    assert!(matches!(file.hold().await, Err(BackupError::InUse(_))));
    store.run().await;
    store.close().await;
    let held = file.hold().await.unwrap();
    let other = Connection::open(file.path()).unwrap();
    other.busy_timeout(std::time::Duration::from_millis(10)).unwrap();
    let query = "SELECT count(*) FROM runs";
    assert!(other.query_one(query, [], |row| row.get::<_, i64>(0)).is_err());
    let TestDatabase::Sqlite(folder) = &store.database else { unreachable!() };
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "all of it is in one file");
    drop(held);
    assert_eq!(other.query_one(query, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[tokio::test]
async fn what_is_no_database_is_held_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    fs::write(&path, "no database at all, but long enough to be one, perhaps").unwrap();
    let file = SqliteFile::of(&format!("sqlite:///{}", path.display()), CopyPurpose::Restore);
    file.unwrap().hold().await.unwrap();
}
