//! The models that a run logged, as clients before MLflow 3 note them: a list in a tag of the run.

use crate::{DecodeRequest, Fields, InvalidParameter, RunId, python};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::fmt;

/// The run tag that holds the list, as JSON.
pub const MODEL_HISTORY_TAG: &str = "mlflow.log-model.history";

/// What a model must say of itself, be it null.
const MANDATORY: [&str; 4] = ["artifact_path", "flavors", "run_id", "utc_time_created"];

const NO_OBJECT: &str = "is not a JSON object.";

/// `POST …/runs/log-model`: adds a model to the list.
#[derive(Debug)]
pub struct LogModel {
    /// The run.
    pub run_id: RunId,
    /// What is noted of the model: a JSON object.
    pub entry: String,
}

impl DecodeRequest for LogModel {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.run_id()?;
        let model = fields.required_string("model_json")?;
        let described: Entries<'_> = serde_json::from_str(&model).map_err(|error| {
            let what = if error.is_data() { NO_OBJECT } else { "is not a valid JSON." };
            malformed(&model, what)
        })?;
        Ok(Self { run_id, entry: entry_of(&described)? })
    }
}

fn malformed(model: &str, what: &str) -> InvalidParameter {
    InvalidParameter::new(format!("Malformed model info. \n {model} \n {what}"))
}

/// The part of a model's description that the list keeps, its values as they came.
fn entry_of(model: &Entries<'_>) -> Result<String, InvalidParameter> {
    let missing: Vec<&str> =
        MANDATORY.into_iter().filter(|name| model.get(name).is_none()).collect();
    if !missing.is_empty() {
        return Err(without(&missing));
    }
    let mut entry = Vec::new();
    for name in ["run_id", "artifact_path"] {
        if let Some(value) = model.get(name).filter(|value| *value != "null") {
            entry.push(member(name, value));
        }
    }
    let created = model.get("utc_time_created").and_then(time_of);
    entry.push(member("utc_time_created", &created.ok_or_else(|| without(&["utc_time_created"]))?));
    entry.push(member("model_uuid", model.get("model_uuid").unwrap_or("null")));
    entry.push(member("flavors", &flavors_of(model.get("flavors").unwrap_or("null"))?));
    Ok(object(&entry))
}

fn without(fields: &[&str]) -> InvalidParameter {
    let fields = python::repr_list(fields);
    let fields = fields.trim_matches(['[', ']']);
    InvalidParameter::new(format!("Model json is missing mandatory fields: {{{fields}}}"))
}

/// A time as JSON text, which the reference makes of numbers too.
fn time_of(value: &str) -> Option<String> {
    match serde_json::from_str(value) {
        Ok(Value::String(time)) if !time.is_empty() => Some(value.to_owned()),
        Ok(Value::Number(time)) => Some(format!("\"{time}\"")),
        _ => None,
    }
}

/// Flavors without their `config`, which may be long.
fn flavors_of(flavors: &str) -> Result<String, InvalidParameter> {
    if flavors == "null" {
        return Ok(object(&[]));
    }
    let flavors: Entries<'_> =
        serde_json::from_str(flavors).map_err(|_| malformed(flavors, NO_OBJECT))?;
    let kept = flavors.0.iter().map(|(name, flavor)| {
        let flavor = flavor.get();
        match serde_json::from_str::<Entries<'_>>(flavor) {
            Err(_) => member(name, flavor),
            Ok(Entries(fields)) => {
                let fields = fields.iter().filter(|(name, _)| name != "config");
                let fields: Vec<_> =
                    fields.map(|(name, value)| member(name, value.get())).collect();
                member(name, &object(&fields))
            }
        }
    });
    Ok(object(&kept.collect::<Vec<_>>()))
}

fn member(name: &str, value: &str) -> String {
    format!("{}: {value}", Value::from(name))
}

fn object(members: &[String]) -> String {
    format!("{{{}}}", members.join(", "))
}

/// The members of a JSON object in the order in which they came; of a name that comes twice, the last
/// value in the first place.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl Entries<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.get())
    }
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
        let mut entries: Vec<(String, &RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            match entries.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => entries.push((name, value)),
            }
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(model: &str) -> Result<String, String> {
        let request = json!({"run_id": "r", "model_json": model}).to_string();
        LogModel::decode(&mut Fields::from_json(request.as_bytes()).unwrap())
            .map(|request| request.entry)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_entry_is_what_the_reference_writes() {
        let model = r#"{"artifact_path": "m", "flavors": {"sk": {"a": 1, "config": {"x": 2}}, "b": "c"},
            "utc_time_created": "2020", "run_id": "zz", "metadata": {"k": 1}}"#;
        assert_eq!(
            entry(model).unwrap(),
            r#"{"run_id": "zz", "artifact_path": "m", "utc_time_created": "2020", "model_uuid": null, "flavors": {"sk": {"a": 1}, "b": "c"}}"#
        );
        let model = r#"{"artifact_path": 5, "flavors": null, "utc_time_created": 7, "run_id": null,
            "model_uuid": "u", "model_uuid": "v"}"#;
        assert_eq!(
            entry(model).unwrap(),
            r#"{"artifact_path": 5, "utc_time_created": "7", "model_uuid": "v", "flavors": {}}"#
        );
    }

    #[test]
    fn what_is_no_model_is_refused() {
        for (model, message) in [
            ("{", "Malformed model info. \n { \n is not a valid JSON."),
            ("[1]", "Malformed model info. \n [1] \n is not a JSON object."),
            ("5", "Malformed model info. \n 5 \n is not a JSON object."),
            (
                r#"{"flavors": {}, "utc_time_created": "x"}"#,
                "Model json is missing mandatory fields: {'artifact_path', 'run_id'}",
            ),
            (
                r#"{"artifact_path": "", "flavors": {}, "run_id": "", "utc_time_created": null}"#,
                "Model json is missing mandatory fields: {'utc_time_created'}",
            ),
            (
                r#"{"artifact_path": "", "flavors": [], "run_id": "", "utc_time_created": "x"}"#,
                "Malformed model info. \n [] \n is not a JSON object.",
            ),
        ] {
            assert_eq!(entry(model).unwrap_err(), message);
        }
    }
}
