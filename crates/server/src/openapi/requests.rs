//! What requests hold: parameters in the path, the query and the headers, and the body.

use crate::routes::{Operation, Parameter, Route};
use axum::http::Method;
use mlferry_protocol::{Field, FieldKind, MessageInfo, Shape};
use serde_json::{Map, Value, json};

/// The parameters of a line, and its body.
pub(super) fn of(route: &Route, in_path: &[&str]) -> (Vec<Value>, Option<Value>) {
    let mut parameters: Vec<Value> = in_path.iter().map(|name| path_parameter(name)).collect();
    let body = match route.operation {
        Operation::Rpc { message, .. } => {
            let mut shape = message.shape(in_path);
            shape.0.retain(|field| field.is_repeated || !in_path.contains(&field.name.as_str()));
            if route.method == Method::GET {
                parameters.extend(shape.0.iter().map(query_parameter));
                None
            } else {
                (!shape.0.is_empty()).then(|| json_body(&message, &shape))
            }
        }
        Operation::Other(other) => {
            parameters.extend(other.query.iter().map(|parameter| text(parameter, "query")));
            parameters.extend(other.headers.iter().map(|parameter| text(parameter, "header")));
            (!other.body.is_empty()).then(|| bytes_body(other.body))
        }
        Operation::LeftOut(_) => None,
    };
    (parameters, body)
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

fn query_parameter(field: &Field) -> Value {
    json!({
        "name": field.name,
        "in": "query",
        "required": field.is_required,
        "schema": schema(&field.kind),
    })
}

fn text(parameter: &Parameter, place: &str) -> Value {
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.is_required,
        "description": parameter.says,
        "schema": {"type": "string"},
    })
}

fn bytes_body(types: &[&str]) -> Value {
    let content = types.iter().map(|media_type| ((*media_type).to_owned(), json!({})));
    json!({"content": content.collect::<Map<_, _>>()})
}

fn json_body(message: &MessageInfo, shape: &Shape) -> Value {
    let has = |name: &String| shape.0.iter().any(|field| field.name == *name);
    let examples = message.examples.iter().enumerate().filter_map(|(index, text)| {
        let mut example: Map<String, Value> = serde_json::from_str(text).ok()?;
        example.retain(|name, _| has(name));
        Some((format!("example{}", index + 1), json!({"value": example})))
    });
    json!({
        "required": shape.0.iter().any(|field| field.is_required),
        "content": {
            "application/json": {
                "schema": object(shape),
                "examples": examples.collect::<Map<_, _>>(),
            },
        },
    })
}

fn object(shape: &Shape) -> Value {
    let properties = shape.0.iter().map(|field| (field.name.clone(), schema(&field.kind)));
    let required: Vec<&str> =
        shape.0.iter().filter(|field| field.is_required).map(|field| field.name.as_str()).collect();
    let mut object = json!({"type": "object", "properties": properties.collect::<Map<_, _>>()});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn schema(kind: &FieldKind<Shape>) -> Value {
    match kind {
        FieldKind::Text => json!({"type": "string"}),
        FieldKind::Integer => json!({"type": "integer", "format": "int64"}),
        FieldKind::Number => json!({
            "anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
        }),
        FieldKind::Boolean => json!({"type": "boolean"}),
        FieldKind::Names(names) => json!({"type": "string", "enum": names}),
        FieldKind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        FieldKind::TextsByName => {
            json!({"type": "object", "additionalProperties": {"type": "string"}})
        }
        FieldKind::Object(shape) => object(shape),
        FieldKind::Objects(shape) => json!({"type": "array", "items": object(shape)}),
        FieldKind::AnyObject => json!({"type": "object"}),
        FieldKind::Anything => json!({}),
    }
}
