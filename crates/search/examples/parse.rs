//! Reads searches, one JSON object a line, and writes what they mean; for comparing grammars.
//!
//! In: `{"entity": "runs", "filter": "…"}` or `{"entity": "runs", "order_by": ["…"]}`. Out: `{"ok": …}`,
//! conditions in Rust's debug form, or `{"error": "…"}`.

use mlferry_protocol::InvalidParameter;
use mlferry_search::{experiments, logged_models, model_versions, registered_models, runs, traces};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::io::{BufRead, Error, stdin};

fn main() -> Result<(), Error> {
    for line in stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let entity = request["entity"].as_str().unwrap_or_default();
        let answer = match (&request["filter"], &request["order_by"]) {
            (Value::String(filter), _) => filtered(entity, filter),
            (_, order_by) => ordered(entity, &texts(order_by)),
        };
        println!(
            "{}",
            answer.map_or_else(|error| json!({"error": error.to_string()}), |ok| json!({"ok": ok}))
        );
    }
    Ok(())
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn filtered(entity: &str, filter: &str) -> Result<Vec<String>, InvalidParameter> {
    match entity {
        "runs" => runs::parse_filter(filter).map(shown),
        "experiments" => experiments::parse_filter(filter).map(shown),
        "registered_models" => registered_models::parse_filter(filter).map(shown),
        "model_versions" => model_versions::parse_filter(filter).map(shown),
        "logged_models" => logged_models::parse_filter(filter).map(shown),
        "traces" => traces::parse_filter(filter).map(shown),
        other => Err(InvalidParameter::new(format!("no entity {other}"))),
    }
}

fn ordered(entity: &str, clauses: &[String]) -> Result<Vec<String>, InvalidParameter> {
    match entity {
        "runs" => runs::parse_order_by(clauses).map(shown),
        "experiments" => experiments::parse_order_by(clauses).map(shown),
        "registered_models" => registered_models::parse_order_by(clauses).map(shown),
        "model_versions" => model_versions::parse_order_by(clauses).map(shown),
        "traces" => traces::parse_order_by(clauses).map(shown),
        other => Err(InvalidParameter::new(format!("no entity {other}"))),
    }
}

fn shown<T: Debug>(parsed: Vec<T>) -> Vec<String> {
    parsed.into_iter().map(|item| format!("{item:?}")).collect()
}
