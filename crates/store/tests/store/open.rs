use super::{TestStore, open, open_uri, request, to_json};
use rusqlite::Connection;
use serde_json::json;
use std::time::{Duration, Instant};

const SCHEMA: &str = include_str!("../../src/schema/sqlite.sql");

#[tokio::test]
async fn an_absent_database_gets_the_whole_schema() {
    let start = Instant::now();
    let store = TestStore::on_sqlite().await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    // One of them is ours: the queue of webhooks.
    assert_eq!(store.count("SELECT count(*) FROM sqlite_master WHERE type = 'table'").await, 66);
    let sql = store.database.connection();
    let mut question = sql
        .prepare(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'mlferry_*'",
        )
        .unwrap();
    for statement in question.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        let statement = statement.unwrap();
        assert!(SCHEMA.contains(&format!("{statement};")), "{statement}");
    }
    let revision: String =
        sql.query_one("SELECT version_num FROM alembic_version", [], |row| row.get(0)).unwrap();
    assert_eq!(revision, "dc11669786a5");
    assert_eq!(store.count("SELECT count(*) FROM workspaces WHERE name = 'default'").await, 1);
}

#[tokio::test]
async fn experiment_0_is_there_from_the_start() {
    let store = TestStore::on_sqlite().await;
    let experiment =
        to_json(store.get_experiment(request(json!({"experiment_id": "0"}))).await.unwrap());
    assert_eq!(experiment["name"], "Default");
    assert_eq!(experiment["artifact_location"], "mlflow-artifacts:/0");
    assert_eq!(experiment["lifecycle_stage"], "active");
    assert_eq!(store.experiment("next").await, "1");
}

#[tokio::test]
async fn a_database_is_used_again_as_it_is() {
    let first = TestStore::on_sqlite().await;
    let id = first.experiment("kept").await;
    first.close().await;
    let path = first.database.file();
    let files = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(files, 1, "the write-ahead log is gone");
    let second = open(&path).await.unwrap();
    let experiment = second.get_experiment(request(json!({"experiment_id": id}))).await.unwrap();
    assert_eq!(experiment.name, "kept");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_without_a_close() {
    let first = TestStore::on_sqlite().await;
    let id = first.experiment("kept").await;
    let second = open(&first.database.file()).await.unwrap();
    assert!(second.get_experiment(request(json!({"experiment_id": id}))).await.is_ok());
}

#[tokio::test]
async fn a_database_in_memory_works() {
    for uri in ["sqlite://", "sqlite:///:memory:"] {
        let store = open_uri(uri).await.unwrap();
        let (a, b) = tokio::join!(
            store.create_experiment(request(json!({"name": "a"}))),
            store.get_experiment(request(json!({"experiment_id": "0"})))
        );
        assert_eq!((a.unwrap().0, b.unwrap().name.as_str()), (1, "Default"));
    }
}

#[tokio::test]
async fn programs_may_start_at_once_on_one_empty_database() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mlflow.db");
        let (a, b, c, d) = tokio::join!(open(&path), open(&path), open(&path), open(&path));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(c.is_ok() && d.is_ok());
        a.create_experiment(request(json!({"name": "a"}))).await.unwrap();
        assert!(b.get_experiment_by_name(request(json!({"experiment_name": "a"}))).await.is_ok());
    }
}

async fn refusal_of(path: &std::path::Path) -> String {
    let message = open(path).await.err().unwrap().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[tokio::test]
async fn another_revision_is_refused_with_what_helps() {
    let store = TestStore::on_sqlite().await;
    let sql = store.database.connection();
    sql.execute("UPDATE alembic_version SET version_num = 'abc123'", []).unwrap();
    let message = refusal_of(&store.database.file()).await;
    assert!(message.contains("abc123") && message.contains("dc11669786a5"), "{message}");
    assert!(message.contains("`mlflow db upgrade sqlite:///"), "{message}");
    assert!(message.contains("MLflow 3.17.2"), "{message}");
}

#[tokio::test]
async fn a_database_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let sql = Connection::open(&path).unwrap();
    sql.execute("CREATE TABLE books (title TEXT)", []).unwrap();
    let message = refusal_of(&path).await;
    assert!(message.contains("no alembic_version"), "{message}");
    let tables: i64 =
        sql.query_one("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "These are my notes, and not a database.\n".repeat(100);
    std::fs::write(&path, &notes).unwrap();
    let message = refusal_of(&path).await;
    assert!(message.contains("is no database"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

#[tokio::test]
async fn a_missing_folder_is_made_unless_a_file_is_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:///{}", folder.path().join("new/folder/mlflow.db").display());
    open_uri(&uri).await.unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let message = refusal_of(&folder.path().join("file/mlflow.db")).await;
    assert!(message.contains("cannot open the database"), "{message}");
}
