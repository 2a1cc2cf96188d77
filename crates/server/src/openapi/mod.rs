//! The API as OpenAPI 3.1, made of the route table, of what the handlers' types say, and of what decoding asks for: it
//! can't say anything that the code does not do.

mod answers;
mod requests;

use crate::routes::{Operation, Route, table};
use answers::{components, responses, security};
use mlferry_protocol::MLFLOW_VERSION;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The description of every route that is answered, as an OpenAPI document.
#[must_use]
pub fn openapi() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    let mut generator = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in table() {
        for prefix in route.twins.prefixes() {
            let path = format!("{prefix}{}", route.path);
            let operation = operation(&route, &path, &mut generator);
            let methods = paths.entry(shown(&path)).or_insert_with(|| json!({}));
            methods[route.method.as_str().to_ascii_lowercase()] = operation;
        }
    }
    paths.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mlferry",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "The REST API of MLflow {MLFLOW_VERSION}, as mlferry answers it. Fields have their names in snake \
                 case; bodies take them in camel case, too, integers also as texts, and `null` for what is absent. \
                 Where `--static-prefix` is set, it comes before every path. What is about users and roles is there with \
                 `--app-name basic-auth`."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": components(&mut generator),
    })
}

/// A path in the notation of OpenAPI, which knows no names for all that follows.
fn shown(path: &str) -> String {
    path.replace("{*", "{")
}

/// The names in a path.
fn names_in(path: &str) -> Vec<&str> {
    let parts = path.split('{').skip(1).filter_map(|part| part.split('}').next());
    parts.map(|name| name.trim_start_matches('*')).collect()
}

fn operation(route: &Route, path: &str, generator: &mut SchemaGenerator) -> Value {
    let in_path = names_in(path);
    let mut operation = json!({
        "operationId": id_of(route, path),
        "summary": summary(route),
        "tags": [tag_of(route)],
        "security": security(route),
        "responses": responses(route, generator),
    });
    let (parameters, body) = requests::of(route, &in_path);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    operation
}

/// A name that no other operation has: a method and a path.
fn id_of(route: &Route, path: &str) -> String {
    let method = route.method.as_str().to_ascii_lowercase();
    let path = path.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("{method}{path}")
}

fn summary(route: &Route) -> String {
    match route.operation {
        Operation::Rpc { message, .. } => in_words(message.name),
        Operation::Other(other) => other.does.to_owned(),
        Operation::LeftOut(name) => format!("{name} not part of this version of mlferry"),
    }
}

/// `LogBatch` as `Log batch`.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for (index, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && index > 0 {
            words.push(' ');
            words.push(c.to_ascii_lowercase());
        } else {
            words.push(c);
        }
    }
    words
}

/// The kind of things that a path is about.
fn tag_of(route: &Route) -> &'static str {
    if matches!(route.operation, Operation::LeftOut(_)) {
        return "left out";
    }
    let names = route.path.split('/').filter(|name| !name.is_empty());
    let is_version = |name: &str| matches!(name, "2.0" | "3.0" | "v1");
    let mut names = names.skip_while(|name| is_version(name) || *name == "mlflow");
    names.next().unwrap_or("page")
}

#[cfg(test)]
mod tests;
