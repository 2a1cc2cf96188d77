//! Scorers as the JSON texts that they are kept as.

use crate::{
    InvalidParameter,
    python::{self, is_truthy, object_in},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Begins the model of a scorer that asks an endpoint of the gateway.
const GATEWAY: &str = "gateway:/";

/// Keys in the options of third-party scorers that would choose where a server sends requests.
const DESTINATION_KEYS: [&str; 5] =
    ["api_base", "base_url", "custom_llm_provider", "fallbacks", "model_list"];

/// Where a serialized scorer names its model, in the order in which the reference looks.
const MODEL_PLACES: [&str; 4] =
    [JUDGE_PLACE, "builtin_scorer_pydantic_data", MEMORY_PLACE, "third_party_scorer_data"];
const JUDGE_PLACE: &str = "instructions_judge_pydantic_data";
const MEMORY_PLACE: &str = "memory_augmented_judge_data";

/// The JSON object that describes a scorer.
#[derive(Debug, Clone, PartialEq)]
pub struct SerializedScorer {
    text: String,
    object: Map<String, Value>,
}

impl SerializedScorer {
    /// Reads the text of a request, and refuses what a server must never rebuild.
    pub(crate) fn read(text: String) -> Result<Self, InvalidParameter> {
        let value = python::loads("serialized_scorer", &text)?;
        if has_call_source(&value) {
            return Err(InvalidParameter::new(CUSTOM_SCORERS_REFUSED));
        }
        check_third_party(&value)?;
        let Value::Object(object) = value else {
            return Err(InvalidParameter::new("serialized_scorer must be a JSON object."));
        };
        Ok(Self { text, object })
    }

    /// Takes a text of the database; one that is no object has no model.
    #[must_use]
    pub fn stored(text: String) -> Self {
        let object = serde_json::from_str(&text).unwrap_or_default();
        Self { text, object }
    }

    /// The text as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text as Python writes it anew, which lists answer.
    #[must_use]
    pub fn rewritten(&self) -> String {
        if self.object.is_empty() { self.text.clone() } else { python::dumps(&self.object) }
    }

    /// The endpoint of the gateway that the scorer asks, by its id or name.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        let model = model_of(&self.object)?.as_str()?;
        let endpoint = model.strip_prefix(GATEWAY)?.trim_start_matches('/');
        (!endpoint.is_empty()).then_some(endpoint)
    }

    /// Whether it is a judge whose instructions speak of expectations.
    #[must_use]
    pub fn needs_expectations(&self) -> bool {
        let instructions = object_in(&self.object, JUDGE_PLACE)
            .and_then(|judge| judge.get("instructions")?.as_str())
            .unwrap_or_default();
        let mut openings = instructions.split("{{").skip(1);
        openings.any(|behind| {
            behind.split_once("}}").is_some_and(|(name, _)| name.trim() == "expectations")
        })
    }

    /// The text of the same scorer with another endpoint, or with no model.
    #[must_use]
    pub fn with_endpoint(&self, endpoint: Option<&str>) -> String {
        let model = endpoint.map(|endpoint| format!("{GATEWAY}{endpoint}"));
        python::dumps(&with_model(&self.object, &json!(model)))
    }

    pub(crate) fn check_model(&self) -> Result<(), InvalidParameter> {
        match model_of(&self.object) {
            Some(Value::String(model)) if model.trim().is_empty() => Err(InvalidParameter::new(
                "Scorer model cannot be empty or contain only whitespace.",
            )),
            None | Some(Value::Null | Value::String(_)) => Ok(()),
            Some(other) => Err(InvalidParameter::new(format!(
                "Scorer model must be a string, got {}.",
                python::type_name(other)
            ))),
        }
    }
}

const CUSTOM_SCORERS_REFUSED: &str = "\
Custom scorer registration (using @scorer decorator) is disabled by default outside of Databricks \
tracking environments due to security concerns. Custom scorers require arbitrary code execution \
during deserialization.\n\n\
To use custom scorers:\n\
1. Configure MLflow to use a Databricks tracking URI, or\n\
2. Manage your custom scorer code in a source code repository (e.g., GitHub) and import it \
directly, or\n\
3. On a self-managed MLflow server (or local environment) that you trust to run the scorer's code, \
set the MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS environment variable to true, or\n\
4. Use built-in scorers or make_judge() scorers instead.";

/// Whether a scorer, or one within it, carries code.
fn has_call_source(value: &Value) -> bool {
    match value {
        Value::Object(entries) => {
            entries.get("call_source").is_some_and(|source| !source.is_null())
                || entries.values().any(has_call_source)
        }
        Value::Array(items) => items.iter().any(has_call_source),
        _ => false,
    }
}

/// Refuses options that choose where requests go, in a third-party scorer wherever it stands.
fn check_third_party(value: &Value) -> Result<(), InvalidParameter> {
    let nested: Vec<&Value> = match value {
        Value::Object(entries) => {
            if let Some(Value::Object(data)) = entries.get("third_party_scorer_data") {
                check_options(data.get("kwargs").unwrap_or(&Value::Null))?;
            }
            entries.values().collect()
        }
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    nested.into_iter().try_for_each(check_third_party)
}

fn check_options(options: &Value) -> Result<(), InvalidParameter> {
    if !options.is_null() && !options.is_object() {
        return Err(InvalidParameter::new(format!(
            "third_party_scorer_data.kwargs must be a JSON object, got {}.",
            python::type_name(options)
        )));
    }
    let mut found = BTreeSet::new();
    find_destinations(options, &mut found);
    if found.is_empty() {
        return Ok(());
    }
    let found: Vec<String> = found.into_iter().map(python::repr_str).collect();
    Err(InvalidParameter::new(format!(
        "third_party_scorer_data.kwargs must not contain {}: these options choose where the scorer's \
         LLM client sends requests. Configure the judge endpoint on the server instead, for example \
         through a gateway endpoint ('gateway:/<name>') or the provider's environment variables.",
        found.join(", ")
    )))
}

fn find_destinations<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    let mut note = |key: &'a str| {
        if DESTINATION_KEYS.contains(&key) {
            found.insert(key);
        }
    };
    match value {
        Value::Object(entries) => {
            entries.keys().for_each(|key| note(key));
            for value in entries.values() {
                find_destinations(value, found);
            }
        }
        Value::Array(items) => {
            // A list of pairs is a map to Python, too.
            for item in items {
                if let Value::Array(pair) = item
                    && let [Value::String(key), _] = pair.as_slice()
                {
                    note(key);
                }
            }
            for item in items {
                find_destinations(item, found);
            }
        }
        _ => {}
    }
}

fn model_of(object: &Map<String, Value>) -> Option<&Value> {
    for place in MODEL_PLACES {
        let Some(data) = object_in(object, place) else { continue };
        if place == MEMORY_PLACE {
            return data.get("base_judge").and_then(Value::as_object).and_then(model_of);
        }
        return data.get("model");
    }
    None
}

fn with_model(object: &Map<String, Value>, model: &Value) -> Map<String, Value> {
    let mut changed = object.clone();
    let place = MODEL_PLACES.into_iter().find(|place| object.get(*place).is_some_and(is_truthy));
    let Some((place, Some(data))) =
        place.map(|place| (place, changed.get_mut(place).and_then(Value::as_object_mut)))
    else {
        return changed;
    };
    if place == MEMORY_PLACE {
        let judge = data.get("base_judge").and_then(Value::as_object).cloned().unwrap_or_default();
        data.insert("base_judge".to_owned(), Value::Object(with_model(&judge, model)));
    } else {
        data.insert("model".to_owned(), model.clone());
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_of_a_judge_is_found_and_replaced_wherever_it_stands() {
        for (text, replaced) in [
            (
                r#"{"instructions_judge_pydantic_data": {"model": "gateway:/a", "x": 1}}"#,
                r#"{"instructions_judge_pydantic_data": {"model": "gateway:/b", "x": 1}}"#,
            ),
            (
                r#"{"memory_augmented_judge_data": {"base_judge": {"builtin_scorer_pydantic_data": {"model": "gateway:/a"}}}}"#,
                r#"{"memory_augmented_judge_data": {"base_judge": {"builtin_scorer_pydantic_data": {"model": "gateway:/b"}}}}"#,
            ),
        ] {
            let scorer = SerializedScorer::stored(text.to_owned());
            assert_eq!(scorer.endpoint(), Some("a"));
            assert_eq!(scorer.with_endpoint(Some("b")).as_str(), replaced);
        }
        let other = r#"{"builtin_scorer_pydantic_data": {"model": "openai:/gpt"}}"#;
        assert_eq!(SerializedScorer::stored(other.to_owned()).endpoint(), None);
    }

    #[test]
    fn code_and_destinations_are_refused_at_any_depth() {
        for text in [
            r#"{"call_source": "return 1"}"#,
            r#"{"ensemble_scorer_data": {"scorers": [{"call_source": ""}]}}"#,
            r#"{"third_party_scorer_data": {"kwargs": {"x": {"api_base": "http://a"}}}}"#,
            r#"{"third_party_scorer_data": {"kwargs": {"x": [["base_url", "http://a"]]}}}"#,
            r#"{"third_party_scorer_data": {"kwargs": [1]}}"#,
            "[1]",
            "{",
        ] {
            assert!(SerializedScorer::read(text.to_owned()).is_err(), "{text}");
        }
        let good = r#"{"call_source": null, "third_party_scorer_data": {"kwargs": {"a": 1}}}"#;
        assert!(SerializedScorer::read(good.to_owned()).is_ok());
    }
}
