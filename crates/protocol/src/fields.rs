//! Requests as MLflow reads them: a JSON object or a query string, looked at field by field.
//!
//! The reference parses requests with protobuf's JSON mapping and then with a schema of its own.
//! What a client can tell of both is here: `snake_case` and `camelCase` names, numbers that come
//! as strings, `null` for absent, unknown keys ignored, and the messages of the schema. Where the
//! reference swallows a malformed value and stores another one, the value is refused.

mod asked;
mod values;

pub use asked::FieldKind;
pub(crate) use asked::{Asked, AskedField};

use crate::{InvalidParameter, check_length, truncate};
use serde_json::{Map, Value};

/// A request message that can be read from its fields.
pub trait DecodeRequest: Sized {
    /// Reads the message, in the order in which the reference checks its fields.
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter>;
}

/// The fields of a request, or of an object within one.
#[derive(Debug)]
pub struct Fields {
    values: Map<String, Value>,
    /// Put before names in messages, such as `metrics[3].`.
    path: String,
    /// Query strings carry text only, and repeat a name for a list.
    from_query: bool,
    /// What a body says of what the path names, too.
    repeated: Map<String, Value>,
    long_values: LongValues,
    /// Where it is noted what is asked for, while the API is described.
    asked: Option<Asked>,
}

/// What happens to values of params and run tags that are too long: `MLFLOW_TRUNCATE_LONG_VALUES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LongValues {
    /// They are cut.
    #[default]
    Cut,
    /// They are refused.
    Refuse,
}

impl Fields {
    /// The fields of a JSON body. A JSON string is decoded once more, as old clients need it.
    pub fn from_json(body: &[u8]) -> Result<Self, InvalidParameter> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::of_object(Map::new()));
        }
        let malformed =
            |error| InvalidParameter::new(format!("The request body is not valid JSON: {error}."));
        let mut value: Value = serde_json::from_slice(body).map_err(malformed)?;
        if let Value::String(inner) = &value {
            value = serde_json::from_str(inner).map_err(malformed)?;
        }
        match value {
            Value::Object(values) => Ok(Self::of_object(values)),
            Value::Null => Ok(Self::of_object(Map::new())),
            _ => Err(InvalidParameter::new("The request body must be a JSON object.")),
        }
    }

    /// The fields of a query string's decoded pairs.
    pub fn from_query(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut values = Map::new();
        for (name, value) in pairs {
            let repeated = values.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(items) = repeated {
                items.push(Value::String(value));
            }
        }
        Self { from_query: true, ..Self::of_object(values) }
    }

    /// The fields of an object.
    #[must_use]
    pub fn of_object(values: Map<String, Value>) -> Self {
        Self {
            values,
            path: String::new(),
            from_query: false,
            repeated: Map::new(),
            long_values: LongValues::default(),
            asked: None,
        }
    }

    /// The fields of an object within this one.
    fn within(&self, path: String, values: Map<String, Value>, asked: Option<Asked>) -> Self {
        Self { path, long_values: self.long_values, asked, ..Self::of_object(values) }
    }

    /// The same fields, of which it is noted what is asked for.
    pub(crate) fn noted_in(self, asked: Option<Asked>) -> Self {
        Self { asked, ..self }
    }

    /// Notes that a field is asked for.
    fn note(&self, name: &str, kind: impl FnOnce() -> FieldKind<Asked>) {
        if let Some(asked) = &self.asked {
            asked.note(name, kind(), false);
        }
    }

    /// Where it is noted what is asked of an object, or of a list of them.
    fn asked_within(&self, name: &str, is_list: bool) -> Option<Asked> {
        self.asked.as_ref().map(|asked| asked.within(name, is_list))
    }

    /// The same fields with what stands in the path, which counts more than the body or the query.
    #[must_use]
    pub fn with_path(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in pairs {
            let camel = camel_case(&name).and_then(|camel| self.values.remove(&camel));
            let snake = self.values.insert(name.clone(), Value::String(value));
            if let Some(repeated) = snake.or(camel) {
                self.repeated.insert(name, repeated);
            }
        }
        self
    }

    /// The same fields, read with another rule for long values.
    #[must_use]
    pub fn with_long_values(self, long_values: LongValues) -> Self {
        Self { long_values, ..self }
    }

    /// Cuts `text` after `limit` characters, or refuses it; `label` names it in the refusal.
    pub(crate) fn fit(
        &self,
        label: &str,
        text: &mut String,
        limit: usize,
    ) -> Result<(), InvalidParameter> {
        match self.long_values {
            LongValues::Cut => truncate(text, limit),
            LongValues::Refuse => check_length(label, text, limit)?,
        }
        Ok(())
    }

    /// The name of a field as messages show it.
    #[must_use]
    pub fn label(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    fn take(&mut self, name: &str) -> Result<Option<Value>, InvalidParameter> {
        let snake = self.values.remove(name);
        let camel = match camel_case(name) {
            Some(camel) if !self.from_query => {
                self.values.remove(&camel).map(|value| (camel, value))
            }
            _ => None,
        };
        let value = match (snake, camel) {
            (Some(_), Some((camel, _))) => {
                return Err(InvalidParameter::new(format!(
                    "Request specifies both '{name}' and '{camel}'; provide only one of them."
                )));
            }
            (snake, camel) => snake.or_else(|| camel.map(|(_, value)| value)),
        };
        Ok(value.filter(|value| !value.is_null()))
    }

    fn take_scalar(&mut self, name: &str) -> Result<Option<Value>, InvalidParameter> {
        match self.take(name)? {
            Some(Value::Array(mut items)) if self.from_query => {
                Ok((!items.is_empty()).then(|| items.swap_remove(0)))
            }
            value => Ok(value),
        }
    }

    fn missing(&self, name: &str) -> InvalidParameter {
        InvalidParameter::missing(&self.label(name))
    }

    fn wrong_type(&self, name: &str, value: &Value) -> InvalidParameter {
        InvalidParameter::wrong_type(&self.label(name), value)
    }
}

/// `runId` for `run_id`; `None` where both spellings are the same.
fn camel_case(snake: &str) -> Option<String> {
    snake.contains('_').then(|| {
        let mut camel = String::with_capacity(snake.len());
        let mut upper = false;
        for c in snake.chars() {
            match c {
                '_' => upper = true,
                c if upper => {
                    camel.extend(c.to_uppercase());
                    upper = false;
                }
                c => camel.push(c),
            }
        }
        camel
    })
}

#[cfg(test)]
mod tests;
