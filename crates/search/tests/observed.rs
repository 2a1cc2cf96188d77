//! What the reference answered to searches, as recorded with a running one.
//!
//! `observed.tsv` holds a search a line: what is searched, `filter` or `order_by`, its JSON, and `ok` or
//! the message; where ours differs on purpose, the reference's answer is a fifth column. Python's sets have no order, so that only their elements are compared.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use mlferry_protocol::InvalidParameter;
use mlferry_search::{experiments, logged_models, model_versions, registered_models, runs, traces};

#[test]
fn searches_are_taken_and_refused_as_the_reference_does() {
    let mut wrong = Vec::new();
    for line in include_str!("observed.tsv").lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [entity, kind, json, expected] = columns[..4].try_into().unwrap();
        let answer = answer(entity, kind, json);
        let answer = answer.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        if sorted_sets(&answer) != sorted_sets(expected) {
            wrong.push(format!("{entity} {json}\n  expected {expected}\n  but got  {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn answer(entity: &str, kind: &str, json: &str) -> Result<(), InvalidParameter> {
    if kind == "filter" {
        let filter: String = serde_json::from_str(json).unwrap();
        return match entity {
            "runs" => runs::parse_filter(&filter).map(drop),
            "experiments" => experiments::parse_filter(&filter).map(drop),
            "registered_models" => registered_models::parse_filter(&filter).map(drop),
            "model_versions" => model_versions::parse_filter(&filter).map(drop),
            "logged_models" => logged_models::parse_filter(&filter).map(drop),
            _ => traces::parse_filter(&filter).map(drop),
        };
    }
    let clauses: Vec<String> = serde_json::from_str(json).unwrap();
    match entity {
        "runs" => runs::parse_order_by(&clauses).map(drop),
        "experiments" => experiments::parse_order_by(&clauses).map(drop),
        "registered_models" => registered_models::parse_order_by(&clauses).map(drop),
        "model_versions" => model_versions::parse_order_by(&clauses).map(drop),
        "logged_models" => logged_models::LoggedModelOrderKey::parse(&clauses[0]).map(drop),
        _ => traces::parse_order_by(&clauses).map(drop),
    }
}

/// The text with the elements of each `{…}` in alphabetical order.
fn sorted_sets(text: &str) -> String {
    let mut parts = text.split_inclusive(['{', '}']).map(str::to_owned).collect::<Vec<_>>();
    for part in &mut parts {
        if let Some(set) = part.strip_suffix('}') {
            let mut elements: Vec<&str> = set.split(", ").collect();
            elements.sort_unstable();
            *part = elements.join(", ") + "}";
        }
    }
    parts.concat()
}
