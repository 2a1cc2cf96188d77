//! What was kept elsewhere, brought in.

use super::{TestStore, request, to_json};
use mlferry_protocol::{
    ExperimentId, RunId,
    datasets::{Dataset, DatasetInput, ModelInput},
    logged_models::{LoggedModelStatus, ModelOutput},
    metrics::Metric,
    params::Param,
    runs::RunStatus,
    tags::Tag,
};
use mlferry_store::{
    Counts, ImportedExperiment, ImportedModel, ImportedRun, Owners, Place, RunSource, Series,
    SeriesPoint,
};
use serde_json::{Value, json};

fn experiment(id: i64, name: &str) -> ImportedExperiment {
    ImportedExperiment {
        id: Some(id),
        name: name.to_owned(),
        artifact_location: Some(format!("file:///old/{id}")),
        is_deleted: false,
        creation_time: Some(5),
        last_update_time: Some(6),
        tags: vec![tag("a", "1")],
        datasets: vec![dataset()],
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

fn dataset() -> Dataset {
    Dataset {
        name: "d".to_owned(),
        digest: "g".to_owned(),
        source_type: "s".to_owned(),
        source: "x".to_owned(),
        schema: None,
        profile: Some("p".to_owned()),
    }
}

fn run(id: &str) -> ImportedRun {
    let point = |step: i64| SeriesPoint { timestamp: step, step, value: 0.5 };
    ImportedRun {
        id: RunId::new(id),
        name: Some("n".to_owned()),
        user_id: Some("u".to_owned()),
        status: RunStatus::Finished,
        start_time: Some(1),
        end_time: Some(2),
        is_deleted: false,
        deleted_time: None,
        artifact_uri: Some("file:///old/r".to_owned()),
        source: RunSource {
            kind: "LOCAL",
            name: String::new(),
            entry_point: String::new(),
            version: String::new(),
        },
        params: (0..1500).map(|n| Param { key: format!("p{n}"), value: n.to_string() }).collect(),
        tags: vec![tag("t", "1")],
        metrics: vec![
            Series::new("long".to_owned(), (0..2500).map(point).collect()),
            Series::new("short".to_owned(), vec![point(3), point(3), point(1)]),
        ],
        datasets: vec![DatasetInput { tags: vec![tag("k", "v")], dataset: dataset() }],
        models: vec![ModelInput { model_id: "m-2".to_owned() }],
        outputs: vec![ModelOutput { model_id: "m-1".to_owned(), step: 4 }],
    }
}

fn model(run: &str) -> ImportedModel {
    let metric = |step: i64| Metric {
        key: "m".to_owned(),
        value: f64::NAN,
        timestamp: 1,
        step,
        dataset_name: Some("d".to_owned()),
        dataset_digest: Some("g".to_owned()),
        model_id: None,
        run_id: Some(RunId::new(run)),
    };
    ImportedModel {
        id: "m-1".to_owned(),
        name: "m".to_owned(),
        artifact_location: "file:///old/m".to_owned(),
        creation_time: 1,
        last_update_time: 2,
        status: LoggedModelStatus::Ready,
        status_message: None,
        is_deleted: false,
        model_type: Some("t".to_owned()),
        source_run: Some(RunId::new(run)),
        params: vec![Param { key: "p".to_owned(), value: "1".to_owned() }],
        tags: vec![tag("t", "1"), tag("u", "2")],
        metrics: vec![metric(1), metric(2), metric(2)],
    }
}

#[tokio::test]
async fn a_run_comes_with_all_that_was_logged_to_it() {
    let store = TestStore::new().await;
    let id = store.import_experiment(experiment(7, "x")).await.unwrap().id;
    assert!(store.import_run(id, run("r1")).await.unwrap());
    let json = store.run_json("r1").await;
    assert_eq!(json["info"]["status"], "FINISHED");
    assert_eq!(json["info"]["artifact_uri"], "file:///old/r");
    assert_eq!(json["info"]["experiment_id"], "7");
    assert_eq!(json["data"]["params"].as_array().unwrap().len(), 1500);
    let steps: Vec<&Value> =
        json["data"]["metrics"].as_array().unwrap().iter().map(|metric| &metric["step"]).collect();
    assert_eq!(steps, [2499, 3]);
    assert_eq!(json["inputs"]["dataset_inputs"][0]["dataset"]["profile"], "p");
    assert_eq!(json["inputs"]["dataset_inputs"][0]["tags"], json!([{"key": "k", "value": "v"}]));
    assert_eq!(json["outputs"]["model_outputs"], json!([{"model_id": "m-1", "step": 4}]));
    assert_eq!(store.count("SELECT count(*) FROM datasets").await, 1);
}

#[tokio::test]
async fn what_is_there_already_stays_as_it_is() {
    let store = TestStore::new().await;
    let id = store.import_experiment(experiment(7, "x")).await.unwrap().id;
    assert!(store.import_run(id, run("r1")).await.unwrap());
    let before = store.run_json("r1").await;
    let mut other = run("r1");
    other.status = RunStatus::Failed;
    assert!(!store.import_run(id, other).await.unwrap());
    assert_eq!(store.run_json("r1").await, before);
    assert!(store.import_model(id, model("r1")).await.unwrap());
    assert!(!store.import_model(id, model("r1")).await.unwrap());
    assert_eq!(store.count("SELECT count(*) FROM logged_models").await, 1);
}

#[tokio::test]
async fn counts_of_the_source_and_the_database_agree() {
    let store = TestStore::new().await;
    let (experiment, run, model) = (experiment(7, "x"), run("r1"), model("r1"));
    let expected = [experiment.counts(), run.counts(), model.counts()];
    assert_eq!(
        expected[1],
        Counts { metrics: 2502, params: 1500, tags: 1, datasets: 1, models: 2 }
    );
    assert_eq!(expected[2].metrics, 2);
    let id = store.import_experiment(experiment).await.unwrap().id;
    store.import_run(id, run).await.unwrap();
    store.import_model(id, model).await.unwrap();
    let runs = [RunId::new("r1"), RunId::new("absent")];
    let mut found = store.store.count(Owners::Experiments(vec![id])).await.unwrap();
    found.extend(store.store.count(Owners::Runs(runs.to_vec())).await.unwrap());
    found.extend(store.store.count(Owners::Models(vec!["m-1".to_owned()])).await.unwrap());
    let [of_experiment, of_run, of_model] = expected.map(Some);
    assert_eq!(found, [of_experiment, of_run, None, of_model]);
}

#[tokio::test]
async fn an_experiment_keeps_its_id_where_it_is_free() {
    let store = TestStore::new().await;
    let placed = store.import_experiment(experiment(7, "x")).await.unwrap();
    assert_eq!((placed.id, placed.place), (ExperimentId(7), Place::New));
    // Those that the database numbers come after it.
    assert_eq!(store.experiment("next").await, "8");
    let taken = store.import_experiment(experiment(8, "y")).await.unwrap();
    assert_eq!((taken.id, taken.place), (ExperimentId(9), Place::New));
    let without = ImportedExperiment { id: None, ..experiment(0, "z") };
    assert_eq!(store.import_experiment(without).await.unwrap().id, ExperimentId(10));
    let json = to_json(store.get_experiment(request(json!({"experiment_id": "7"}))).await.unwrap());
    assert_eq!(json["artifact_location"], "file:///old/7");
    assert_eq!(json["creation_time"], 5);
}

#[tokio::test]
async fn ids_that_a_column_cannot_hold_are_replaced() {
    let store = TestStore::new().await;
    let large = 652_062_474_516_493_100;
    let id = store.import_experiment(experiment(large, "x")).await.unwrap().id;
    assert!(id.0 == large || id.0 == 1, "{id}");
    let again = store.import_experiment(experiment(large, "x")).await.unwrap();
    assert_eq!((again.id, again.place), (id, Place::SameName));
}

#[tokio::test]
async fn an_experiment_joins_the_one_with_its_name() {
    let store = TestStore::new().await;
    let id = store.experiment("x").await;
    let tag = json!({"experiment_id": id, "key": "a", "value": "kept"});
    store.set_experiment_tag(request(tag)).await.unwrap();
    let mut incoming = experiment(7, "x");
    incoming.tags.push(self::tag("b", "2"));
    let placed = store.import_experiment(incoming).await.unwrap();
    assert_eq!((placed.id.to_string(), placed.place), (id.clone(), Place::SameName));
    let json = to_json(store.get_experiment(request(json!({"experiment_id": id}))).await.unwrap());
    assert_eq!(json["tags"], json!([{"key": "a", "value": "kept"}, {"key": "b", "value": "2"}]));
    assert_eq!(json["artifact_location"], "mlflow-artifacts:/1");
}

#[tokio::test]
async fn the_default_experiment_is_replaced_until_it_has_runs() {
    let store = TestStore::new().await;
    let placed = store.import_experiment(experiment(0, "Renamed")).await.unwrap();
    assert_eq!((placed.id, placed.place), (ExperimentId(0), Place::Default));
    let json = to_json(store.get_experiment(request(json!({"experiment_id": "0"}))).await.unwrap());
    assert_eq!(
        (&json["name"], &json["artifact_location"]),
        (&json!("Renamed"), &json!("file:///old/0"))
    );
    store.run().await;
    let placed = store.import_experiment(experiment(0, "Renamed")).await.unwrap();
    assert_eq!((placed.id, placed.place), (ExperimentId(0), Place::SameName));
    let other = store.import_experiment(experiment(0, "Default")).await.unwrap();
    assert_eq!((other.id, other.place), (ExperimentId(1), Place::New));
}

#[tokio::test]
async fn a_deleted_run_can_be_collected_though_nobody_knows_when_it_was_deleted() {
    let store = TestStore::new().await;
    let deleted = ImportedRun { is_deleted: true, ..run("r1") };
    store.import_run(ExperimentId(0), deleted).await.unwrap();
    let garbage = store.garbage(&mlferry_store::GarbageFilter::default()).await.unwrap();
    assert_eq!(garbage.len(), 1);
}
