use super::*;
use crate::app::route_table;
use mlferry_protocol::MESSAGES;
use std::collections::BTreeSet;

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, operation)| (path.clone(), method.clone(), operation.clone()))
    });
    all.collect()
}

#[test]
fn every_route_is_described_once() {
    let document = openapi();
    let described: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(path, method, _)| (path, method.to_ascii_uppercase()))
        .collect();
    let routes: BTreeSet<_> = route_table()
        .into_iter()
        .map(|route| (shown(&route.path), route.method.to_string()))
        .collect();
    assert_eq!(described, routes);
    let ids =
        operations(&document).into_iter().map(|(.., operation)| operation["operationId"].clone());
    let ids: BTreeSet<_> = ids.map(|id| id.to_string()).collect();
    assert_eq!(ids.len(), routes.len());
}

#[test]
fn every_request_is_taken_by_a_route() {
    let taken: BTreeSet<_> = table()
        .into_iter()
        .filter_map(|route| match route.operation {
            Operation::Rpc { message, .. } => Some(message.name),
            Operation::Other(_) | Operation::LeftOut(_) => None,
        })
        .collect();
    let all: BTreeSet<_> = MESSAGES.iter().map(|message| message.name).collect();
    // What they answer is a file, or has no end, which their types do not tell.
    let others = BTreeSet::from(["DownloadLoggedModelArtifact", "WatchChanges"]);
    assert_eq!(&all - &taken, others);
}

#[test]
fn every_reference_leads_somewhere() {
    let document = openapi();
    let mut waiting = vec![&document];
    let mut found = 0;
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(object) => {
                if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                    found += 1;
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                waiting.extend(object.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(found > 1000, "{found}");
}

#[test]
fn a_query_holds_no_objects() {
    for route in table() {
        let names = names_in(route.path);
        let (parameters, _) = requests::of(&route, &names);
        for parameter in parameters {
            assert_ne!(parameter["schema"]["type"], "object", "{}: {parameter}", route.path);
            assert_ne!(parameter["schema"]["items"]["type"], "object", "{}", route.path);
        }
    }
}

#[test]
fn a_request_and_its_answer_have_their_fields() {
    let document = openapi();
    let create = &document["paths"]["/api/2.0/mlflow/experiments/create"]["post"];
    let body = &create["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["required"], json!(["name"]));
    assert_eq!(body["properties"]["artifact_location"], json!({"type": "string"}));
    let tag = &body["properties"]["tags"]["items"];
    assert_eq!(tag["required"], json!(["key"]));
    let answer = &create["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(answer, &json!({"$ref": "#/components/schemas/CreateExperimentResponse"}));
    let answer = &document["components"]["schemas"]["CreateExperimentResponse"];
    assert_eq!(answer["properties"]["experiment_id"]["type"], "string");
    assert_eq!(answer["required"], json!(["experiment_id"]));
    let trace = &document["paths"]["/api/3.0/mlflow/traces/{trace_id}/tags"]["patch"];
    assert_eq!(trace["parameters"][0]["in"], "path");
    let body = &trace["requestBody"]["content"]["application/json"]["schema"];
    assert!(body["properties"].get("trace_id").is_none(), "{body}");
}

#[test]
fn who_may_call_a_route_has_to_sign_in_where_there_are_users() {
    let document = openapi();
    let of = |path: &str, method: &str| document["paths"][path][method].clone();
    let health = of("/health", "get");
    assert_eq!(health["security"], json!([]));
    assert!(health["responses"].get("401").is_none(), "{health}");
    let search = of("/api/2.0/mlflow/runs/search", "post");
    assert_eq!(search["security"], json!([{}, {"basic": []}]));
    assert!(search["responses"].get("401").is_some(), "{search}");
    assert_eq!(of("/api/2.0/mlflow/users/get", "get")["security"], json!([{"basic": []}]));
    assert_eq!(document["components"]["securitySchemes"]["basic"]["scheme"], "basic");
}
