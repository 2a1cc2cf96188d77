//! Requests as MLflow reads them: a JSON object or a query string, looked at field by field.
//!
//! The reference parses requests with protobuf's JSON mapping and then with a schema of its own.
//! What a client can tell of both is here: `snake_case` and `camelCase` names, numbers that come
//! as strings, `null` for absent, unknown keys ignored, and the messages of the schema. Where the
//! reference swallows a malformed value and stores another one, the value is refused.

use crate::{ExperimentId, InvalidParameter, RunId, WireEnum, check_length, truncate};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

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
        }
    }

    /// The fields of an object within this one.
    fn within(&self, path: String, values: Map<String, Value>) -> Self {
        Self { path, long_values: self.long_values, ..Self::of_object(values) }
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

    /// A text that may be absent; `""` is kept.
    pub fn string(&mut self, name: &str) -> Result<Option<String>, InvalidParameter> {
        match self.take_scalar(name)? {
            None => Ok(None),
            Some(Value::String(text)) => self.without_nul(name, text).map(Some),
            Some(other) => Err(self.wrong_type(name, &other)),
        }
    }

    /// Refuses the one character that not every database keeps.
    fn without_nul(&self, name: &str, text: String) -> Result<String, InvalidParameter> {
        if text.contains('\0') {
            let reason = "Texts must not hold the NUL character.";
            return Err(InvalidParameter::value(&self.label(name), text, reason));
        }
        Ok(text)
    }

    /// A text that must be there and not empty.
    pub fn required_string(&mut self, name: &str) -> Result<String, InvalidParameter> {
        self.string(name)?.filter(|text| !text.is_empty()).ok_or_else(|| self.missing(name))
    }

    /// A text that must be there, though it may be empty.
    pub fn present_string(&mut self, name: &str) -> Result<String, InvalidParameter> {
        self.string(name)?.ok_or_else(|| self.missing(name))
    }

    /// What the path names, where the reference wants the body to name it, too, and believes now the one
    /// and now the other; here they must agree.
    pub fn repeated_in_body(&mut self, name: &str) -> Result<String, InvalidParameter> {
        let in_path = self.required_string(name)?;
        match self.repeated.remove(name) {
            Some(Value::String(text)) if text == in_path => Ok(in_path),
            None | Some(Value::Null) => Err(self.missing(name)),
            Some(Value::String(text)) if text.is_empty() => Err(self.missing(name)),
            Some(other) => {
                let reason = format!("The path names another one, '{in_path}'.");
                Err(InvalidParameter::value(&self.label(name), other, reason))
            }
        }
    }

    /// `experiment_id`, which must be there.
    pub fn experiment_id(&mut self) -> Result<ExperimentId, InvalidParameter> {
        ExperimentId::parse(&self.required_string("experiment_id")?)
    }

    /// `experiment_ids`; absent is empty, and ids that no experiment can have are left out.
    pub fn experiment_ids(&mut self) -> Result<Vec<ExperimentId>, InvalidParameter> {
        ExperimentId::parse_list(&self.strings("experiment_ids")?)
    }

    /// `run_id`, or its old name `run_uuid`.
    pub fn run_id(&mut self) -> Result<RunId, InvalidParameter> {
        let old = self.string("run_uuid")?;
        let id = self.string("run_id")?.or(old).filter(|id| !id.is_empty());
        id.map(RunId::new).ok_or_else(|| self.missing("run_id"))
    }

    /// `run_id` of a request whose handler checks its form.
    pub fn checked_run_id(&mut self) -> Result<RunId, InvalidParameter> {
        RunId::checked(self.required_string("run_id")?)
    }

    /// A 64-bit integer: a number, its text, or a float without fraction.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, InvalidParameter> {
        let Some(value) = self.take_scalar(name)? else { return Ok(None) };
        let parsed = match &value {
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(integral)),
            Value::String(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| text.parse().ok().and_then(integral))
            }
            _ => None,
        };
        match parsed {
            Some(integer) => Ok(Some(integer)),
            None => Err(self.wrong_type(name, &value)),
        }
    }

    /// An integer that must be there.
    pub fn required_integer(&mut self, name: &str) -> Result<i64, InvalidParameter> {
        self.integer(name)?.ok_or_else(|| self.missing(name))
    }

    /// A double: a number, its text, `"NaN"`, `"Infinity"`, `"-Infinity"`, or a bool as 0 and 1.
    pub fn number(&mut self, name: &str) -> Result<Option<f64>, InvalidParameter> {
        let Some(value) = self.take_scalar(name)? else { return Ok(None) };
        let parsed = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Bool(bool) => Some(f64::from(u8::from(*bool))),
            _ => None,
        };
        match parsed {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong_type(name, &value)),
        }
    }

    /// A double that must be there.
    pub fn required_number(&mut self, name: &str) -> Result<f64, InvalidParameter> {
        self.number(name)?.ok_or_else(|| self.missing(name))
    }

    /// A bool; in a query string `true` or `false` in any case.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, InvalidParameter> {
        match self.take_scalar(name)? {
            None => Ok(None),
            Some(Value::Bool(bool)) => Ok(Some(bool)),
            Some(Value::String(text)) if self.from_query => {
                match text.to_ascii_lowercase().as_str() {
                    "true" => Ok(Some(true)),
                    "false" => Ok(Some(false)),
                    _ => Err(InvalidParameter::new(format!(
                        "Invalid boolean value: {text}, must be 'true' or 'false'."
                    ))),
                }
            }
            Some(other) => Err(self.wrong_type(name, &other)),
        }
    }

    /// One of an enumeration's values, by name or number; others are refused.
    pub fn enumeration<T: WireEnum>(&mut self, name: &str) -> Result<Option<T>, InvalidParameter> {
        let Some(value) = self.take_scalar(name)? else { return Ok(None) };
        if !value.is_string() && !value.is_number() {
            return Err(self.wrong_type(name, &value));
        }
        let known = known_value(&value);
        known.map(Some).ok_or_else(|| {
            let names: Vec<&str> = T::VALUES.iter().map(|(.., name)| *name).collect();
            let reason = format!("It must be one of {}.", names.join(", "));
            InvalidParameter::value(&self.label(name), value, reason)
        })
    }

    /// One of an enumeration's values; unknown ones count as absent, as they do for protobuf.
    pub fn known_enumeration<T: WireEnum + Default>(
        &mut self,
        name: &str,
    ) -> Result<T, InvalidParameter> {
        let value = self.take_scalar(name)?;
        Ok(value.as_ref().and_then(known_value).unwrap_or_default())
    }

    /// Whether a list is there, be it empty.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let is_there = |name: &str| self.values.get(name).is_some_and(|value| !value.is_null());
        is_there(name) || !self.from_query && camel_case(name).is_some_and(|camel| is_there(&camel))
    }

    fn array(&mut self, name: &str) -> Result<Vec<Value>, InvalidParameter> {
        match self.take(name)? {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(self.wrong_type(name, &other)),
        }
    }

    /// A list of texts; absent is empty.
    pub fn strings(&mut self, name: &str) -> Result<Vec<String>, InvalidParameter> {
        let items = self.array(name)?;
        if !items.iter().all(Value::is_string) {
            return Err(self.wrong_type(name, &Value::Array(items)));
        }
        let texts = items.into_iter().filter_map(|item| match item {
            Value::String(text) => Some(text),
            _ => None,
        });
        texts.map(|text| self.without_nul(name, text)).collect()
    }

    /// An object whose values are texts; absent is empty.
    pub fn texts(&mut self, name: &str) -> Result<BTreeMap<String, String>, InvalidParameter> {
        let Some(object) = self.object(name)? else { return Ok(BTreeMap::new()) };
        let texts = object.values.iter().map(|(key, value)| match value {
            Value::String(text) => {
                let key = object.without_nul(key, key.clone())?;
                Ok((key, object.without_nul(name, text.clone())?))
            }
            other => Err(object.wrong_type(key, other)),
        });
        texts.collect()
    }

    /// Any JSON value; absent is null.
    pub fn json(&mut self, name: &str) -> Result<Value, InvalidParameter> {
        Ok(self.take(name)?.unwrap_or_default())
    }

    /// A list of objects, each read by `read`; absent is empty.
    pub fn objects<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut Fields) -> Result<T, InvalidParameter>,
    ) -> Result<Vec<T>, InvalidParameter> {
        let items = self.array(name)?;
        let mut objects = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let Value::Object(values) = item else { return Err(self.wrong_type(name, &item)) };
            let path = format!("{}{name}[{index}].", self.path);
            objects.push(read(&mut self.within(path, values))?);
        }
        Ok(objects)
    }

    /// An object within this one, or nothing.
    pub fn object(&mut self, name: &str) -> Result<Option<Fields>, InvalidParameter> {
        let path = format!("{}{name}.", self.path);
        Ok(self.map(name)?.map(|values| self.within(path, values)))
    }

    /// An object within this one as it came, or nothing.
    pub fn map(&mut self, name: &str) -> Result<Option<Map<String, Value>>, InvalidParameter> {
        match self.take(name)? {
            None => Ok(None),
            Some(Value::Object(values)) => Ok(Some(values)),
            Some(other) => Err(self.wrong_type(name, &other)),
        }
    }
}

/// The value of an enumeration that a name, a number, or a number's text stands for.
fn known_value<T: WireEnum>(value: &Value) -> Option<T> {
    match value {
        Value::String(text) => {
            T::from_name(text).or_else(|| text.parse().ok().and_then(T::from_number))
        }
        Value::Number(number) => number.as_i64().and_then(T::from_number),
        _ => None,
    }
}

/// The integer that a float is, if it is one that 64 bits hold.
fn integral(float: f64) -> Option<i64> {
    // 2^63 is exact as a double; i64::MAX is not. An integer just below -2^63 is read as that double.
    let limit = 9_223_372_036_854_775_808.0_f64;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (float.fract() == 0.0 && float > -limit && float < limit).then_some(float as i64)
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
mod tests {
    use super::*;
    use crate::ViewType;

    fn fields(json: &str) -> Fields {
        Fields::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn both_spellings_of_a_name_are_read_but_not_together() {
        assert_eq!(fields(r#"{"run_name": "a"}"#).string("run_name").unwrap().unwrap(), "a");
        assert_eq!(fields(r#"{"runName": "a"}"#).string("run_name").unwrap().unwrap(), "a");
        assert_eq!(
            fields(r#"{"run_name": "a", "runName": "a"}"#)
                .string("run_name")
                .unwrap_err()
                .to_string(),
            "Request specifies both 'run_name' and 'runName'; provide only one of them."
        );
    }

    #[test]
    fn no_text_holds_the_nul_character() {
        let mut fields =
            Fields::from_json(br#"{"a": "x\u0000y", "b": ["\u0000"], "c": "x\\u0000"}"#).unwrap();
        assert!(fields.string("a").unwrap_err().to_string().contains("NUL"));
        assert!(fields.strings("b").is_err());
        assert_eq!(fields.string("c").unwrap().unwrap(), r"x\u0000");
    }

    #[test]
    fn integers_come_as_numbers_texts_and_whole_floats() {
        let values = [("5", 5), ("\"5\"", 5), ("1000.0", 1000), ("-3", -3), ("\" 7 \"", 7)];
        for (json, expected) in values {
            let read = fields(&format!(r#"{{"step": {json}}}"#)).integer("step").unwrap();
            assert_eq!(read, Some(expected), "{json}");
        }
        let ends = [("9223372036854775807", i64::MAX), ("\"-9223372036854775808\"", i64::MIN)];
        for (json, expected) in ends {
            let read = fields(&format!(r#"{{"step": {json}}}"#)).integer("step").unwrap();
            assert_eq!(read, Some(expected), "{json}");
        }
        let beyond = ["9223372036854775808", "\"9223372036854775808\"", "\"-9223372036854775809\""];
        for json in ["1.5", "\"x\"", "true", "[]", "-9223372036854775809"].iter().chain(&beyond) {
            assert!(fields(&format!(r#"{{"step": {json}}}"#)).integer("step").is_err(), "{json}");
        }
    }

    #[test]
    fn doubles_may_be_not_a_number() {
        assert!(fields(r#"{"value": "NaN"}"#).number("value").unwrap().unwrap().is_nan());
        assert_eq!(
            fields(r#"{"value": "-Infinity"}"#).number("value").unwrap(),
            Some(f64::NEG_INFINITY)
        );
        assert_eq!(fields(r#"{"value": true}"#).number("value").unwrap(), Some(1.0));
        assert_eq!(
            fields(r#"{"value": "abc"}"#).number("value").unwrap_err().to_string(),
            "Invalid value \"abc\" for parameter 'value' supplied:  Hint: Value was of type 'str'. \
             See the API docs for more information about request parameters."
        );
    }

    #[test]
    fn enumerations_come_as_names_numbers_and_texts_of_numbers() {
        for json in [r#""ALL""#, "3", r#""3""#] {
            let read = || fields(&format!(r#"{{"view_type": {json}}}"#));
            assert_eq!(read().enumeration("view_type").unwrap(), Some(ViewType::All), "{json}");
            assert_eq!(read().known_enumeration("view_type"), Ok(ViewType::All), "{json}");
        }
        for json in [r#""all""#, "9", r#""9""#, "1.5", "true"] {
            let read = || fields(&format!(r#"{{"view_type": {json}}}"#));
            assert!(read().enumeration::<ViewType>("view_type").is_err(), "{json}");
            assert_eq!(read().known_enumeration("view_type"), Ok(ViewType::ActiveOnly), "{json}");
        }
    }

    #[test]
    fn a_required_list_may_come_in_camel_case() {
        assert!(fields(r#"{"runIds": []}"#).has("run_ids"));
        assert!(!fields(r#"{"run_ids": null}"#).has("run_ids"));
        let pair = ("runIds".to_owned(), "a".to_owned());
        assert!(!Fields::from_query([pair]).has("run_ids"));
    }

    #[test]
    fn a_list_that_holds_more_than_texts_is_shown_as_a_whole() {
        let refused = fields(r#"{"order_by": ["a", 5]}"#).strings("order_by").unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("Invalid value [\"a\",5] for parameter 'order_by' supplied")
        );
        assert!(refused.to_string().contains("Value was of type 'list'"));
    }

    #[test]
    fn objects_in_a_list_are_named_by_their_place() {
        let mut request = fields(r#"{"metrics": [{"key": "a"}, {"value": 1}]}"#);
        let error = request.objects("metrics", |metric| metric.required_string("key")).unwrap_err();
        assert!(
            error.to_string().starts_with("Missing value for required parameter 'metrics[1].key'.")
        );
    }

    #[test]
    fn a_query_repeats_a_name_for_a_list() {
        let pairs = [("run_ids", "a"), ("run_ids", "b"), ("max_results", "5"), ("flag", "TRUE")];
        let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut query = Fields::from_query(owned);
        assert_eq!(query.strings("run_ids").unwrap(), ["a", "b"]);
        assert_eq!(query.integer("max_results").unwrap(), Some(5));
        assert_eq!(query.boolean("flag").unwrap(), Some(true));
    }

    #[test]
    fn malformed_json_is_refused_and_an_empty_body_is_an_empty_message() {
        assert!(Fields::from_json(b"{\"a\": NaN}").is_err());
        assert!(Fields::from_json(b"[1]").is_err());
        assert!(Fields::from_json(b" ").unwrap().string("a").unwrap().is_none());
        let mut twice = Fields::from_json(br#""{\"name\": \"x\"}""#).unwrap();
        assert_eq!(twice.required_string("name").unwrap(), "x");
    }
}
