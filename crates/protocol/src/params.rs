//! Params of runs and logged models.

use crate::{
    DecodeRequest, Fields, InvalidParameter, RunId, check_key, check_length, limits, python,
    tags::repeated_keys,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A param, written once and never changed.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Param {
    /// Unique in its run.
    pub key: String,
    /// Any text.
    pub value: String,
}

impl Param {
    /// Reads a param; a value that is too long is cut, or refused.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let key = fields.required_string("key")?;
        let mut value = fields.string("value")?.unwrap_or_default();
        check_key(&fields.label("key"), "Param key", &key)?;
        fields.fit("Param value", &mut value, limits::PARAM_VALUE)?;
        Ok(Self { key, value })
    }

    /// A param of a logged model, whose value may be as long as it likes.
    pub(crate) fn of_model(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let key = fields.required_string("key")?;
        let value = fields.string("value")?.unwrap_or_default();
        check_length(&fields.label("key"), &key, limits::MODEL_KEY)?;
        Ok(Self { key, value })
    }
}

/// Refuses two params with one key, of which each could be meant.
pub(crate) fn check_distinct_params(params: &[Param]) -> Result<(), InvalidParameter> {
    let repeated = repeated_keys(params.iter().map(|param| param.key.as_str()));
    if repeated.is_empty() {
        return Ok(());
    }
    Err(InvalidParameter::new(format!(
        "Duplicate parameter keys have been submitted: {}. Please ensure the request contains only \
         one param value per param key.",
        python::repr_list(&repeated)
    )))
}

/// `POST …/runs/log-parameter`.
#[derive(Debug)]
pub struct LogParam {
    /// The run.
    pub run_id: RunId,
    /// What it gets.
    pub param: Param,
}

impl DecodeRequest for LogParam {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { run_id: fields.run_id()?, param: Param::read(fields)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LongValues;

    #[test]
    fn a_long_value_is_cut_and_a_long_key_refused() {
        let decode = |key: &str, value: &str| {
            let json = format!(r#"{{"run_id": "r", "key": "{key}", "value": "{value}"}}"#);
            LogParam::decode(&mut Fields::from_json(json.as_bytes()).unwrap())
        };
        for length in [5999, 6000] {
            assert_eq!(decode("k", &"x".repeat(length)).unwrap().param.value.len(), length);
        }
        assert_eq!(decode("k", &"x".repeat(6001)).unwrap().param.value.len(), 6000);
        assert!(decode(&"k".repeat(250), "v").is_ok());
        assert_eq!(
            decode(&"k".repeat(251), "v").unwrap_err().to_string(),
            "'Param key' exceeds the maximum length of 250 characters"
        );
    }

    #[test]
    fn an_operator_may_want_long_values_refused() {
        let decode = |length: usize| {
            let json =
                format!(r#"{{"run_id": "r", "key": "k", "value": "{}"}}"#, "x".repeat(length));
            let fields = Fields::from_json(json.as_bytes()).unwrap();
            LogParam::decode(&mut fields.with_long_values(LongValues::Refuse))
        };
        assert!(decode(6000).is_ok());
        assert_eq!(
            decode(6001).unwrap_err().to_string(),
            "'Param value' exceeds the maximum length of 6000 characters"
        );
    }
}
