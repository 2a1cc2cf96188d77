//! Schemas of evaluation datasets: the types of the fields of their records.

use mlferry_protocol::dataset_records::NewRecord;
use serde_json::{Map, Value, json};

/// The schema of a dataset with the fields of more records; nothing of no records and no schema.
pub(crate) fn schema_with(schema: Option<&str>, records: &[NewRecord]) -> Option<Value> {
    let known = schema.filter(|schema| !schema.is_empty());
    if known.is_none() && records.is_empty() {
        return None;
    }
    let known = known.and_then(|text| serde_json::from_str(text).ok()).filter(Value::is_object);
    let mut schema = known.unwrap_or_else(
        || json!({"inputs": {}, "outputs": {}, "expectations": {}, "version": "1.0"}),
    );
    for record in records {
        add_fields(&mut schema["inputs"], &record.inputs);
        match &record.outputs {
            Some(Value::Object(outputs)) => add_fields(&mut schema["outputs"], outputs),
            None | Some(Value::Null) => {}
            Some(outputs) => {
                if schema["outputs"].as_object().is_none_or(Map::is_empty)
                    && !schema["outputs"].is_string()
                {
                    schema["outputs"] = type_of(outputs).into();
                }
            }
        }
        if let Some(expectations) = &record.expectations {
            add_fields(&mut schema["expectations"], expectations);
        }
    }
    Some(schema)
}

fn add_fields(types: &mut Value, fields: &Map<String, Value>) {
    let Value::Object(types) = types else { return };
    for (key, field) in fields {
        if !types.contains_key(key) {
            types.insert(key.clone(), type_of(field).into());
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_is_none_begins_anew() {
        let inputs = Map::from_iter([("question".to_owned(), json!("why?"))]);
        let records = [NewRecord {
            inputs,
            outputs: None,
            expectations: None,
            tags: Map::new(),
            source: None,
            user: None,
        }];
        let fresh = schema_with(None, &records);
        for schema in ["[]", "\"x\"", "1", "{", "null"] {
            assert_eq!(schema_with(Some(schema), &records), fresh, "{schema}");
        }
    }
}
