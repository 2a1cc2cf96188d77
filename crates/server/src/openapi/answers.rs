//! What is answered: one schema for each kind of answer, and one for all errors.

use crate::routes::{Access, Content, Needs, Operation, Route};
use mlferry_protocol::ErrorBody;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

/// What each status of a refusal means.
const REFUSALS: [(u16, &str); 16] = [
    (400, "The request is not understood, or something with that name exists."),
    (401, "The server has users, and the request does not prove that it comes from one."),
    (
        403,
        "The host, the page or the user that the request comes from is not allowed, or the artifact store refuses it.",
    ),
    (404, "There is nothing with that name or id."),
    (408, "The body of the request did not come."),
    (409, "The request contradicts the state of things, or another one was faster."),
    (412, "The file is not the one that the request expects."),
    (413, "The body of the request is too large."),
    (416, "The range that is asked for lies beyond the file's end."),
    (422, "The spans can't be kept."),
    (429, "There are too many requests."),
    (431, "The headers of the request are too large."),
    (500, "The server failed."),
    (501, "It is not part of this version, or the artifact store can't do it."),
    (503, "The database or the artifact store does not answer now, or the server's mode lacks it."),
    (507, "The disk or the artifact store is full."),
];

/// Refusals that every line has.
const OF_ALL: [u16; 8] = [400, 403, 408, 413, 429, 431, 500, 503];
/// Refusals of lines that read or write records.
const OF_RECORDS: [u16; 3] = [404, 409, 507];
/// Refusals of lines that also reach an artifact store.
const OF_STORES: [u16; 1] = [501];

/// The name of the only way to sign in.
const BASIC: &str = "basic";

/// How somebody signs in to call a line: where the server has no users, not at all.
pub(super) fn security(route: &Route) -> Value {
    match (route.access, &route.needs) {
        (Access::Anyone, _) => json!([]),
        (_, Needs::Users(_) | Needs::SignOn(_)) => json!([{BASIC: []}]),
        _ => json!([{}, {BASIC: []}]),
    }
}

/// The answers of a line, by status.
pub(super) fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    match route.operation {
        Operation::Rpc { answer, .. } => {
            let schema = answer(generator);
            let content = json!({"application/json": {"schema": schema}});
            responses.insert("200".to_owned(), json!({"description": "OK", "content": content}));
        }
        Operation::Other(other) => {
            for (status, content) in other.answers {
                responses.insert(status.to_string(), good(content, generator));
            }
        }
        Operation::LeftOut(_) => {}
    }
    for status in refusals(route) {
        let reference = json!({"$ref": format!("#/components/responses/{status}")});
        responses.entry(status.to_string()).or_insert(reference);
    }
    responses.sort_keys();
    Value::Object(responses)
}

fn good(content: &Content, generator: &mut SchemaGenerator) -> Value {
    match content {
        Content::Empty => json!({"description": "OK"}),
        Content::Bytes(media_type) => json!({"description": "OK", "content": {*media_type: {}}}),
        Content::Json(schema) => {
            let content = json!({"application/json": {"schema": schema(generator)}});
            json!({"description": "OK", "content": content})
        }
    }
}

fn refusals(route: &Route) -> Vec<u16> {
    let mut statuses = OF_ALL.to_vec();
    if route.access != Access::Anyone {
        statuses.push(401);
    }
    match route.operation {
        Operation::Other(other) => statuses.extend(other.refusals),
        Operation::LeftOut(_) => statuses.push(501),
        Operation::Rpc { .. } => {
            statuses.extend(OF_RECORDS);
            if !matches!(route.needs, Needs::Records(_)) {
                statuses.extend(OF_STORES);
            }
        }
    }
    statuses
}

/// What the document refers to.
pub(super) fn components(generator: &mut SchemaGenerator) -> Value {
    let error = generator.subschema_for::<ErrorBody<'_>>();
    let refusal = |(status, description): (u16, &str)| {
        let content = json!({"application/json": {"schema": error}});
        (status.to_string(), json!({"description": description, "content": content}))
    };
    let responses: Map<String, Value> = REFUSALS.into_iter().map(refusal).collect();
    let mut schemas = generator.take_definitions(true);
    schemas.sort_keys();
    let basic = json!({
        "type": "http",
        "scheme": "basic",
        "description": "A user and a password, of servers with `--app-name basic-auth`.",
    });
    json!({"schemas": schemas, "responses": responses, "securitySchemes": {BASIC: basic}})
}
