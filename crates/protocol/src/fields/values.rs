//! The values of fields: texts, numbers, lists and objects.

use super::{FieldKind, Fields, camel_case};
use crate::{ExperimentId, InvalidParameter, RunId, WireEnum};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Fields {
    /// A text that may be absent; `""` is kept.
    pub fn string(&mut self, name: &str) -> Result<Option<String>, InvalidParameter> {
        self.note(name, || FieldKind::Text);
        self.text(name)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, InvalidParameter> {
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
        if let Some(asked) = &self.asked {
            asked.note(name, FieldKind::Text, true);
        }
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
        let old = self.text("run_uuid")?;
        let id = self.string("run_id")?.or(old).filter(|id| !id.is_empty());
        id.map(RunId::new).ok_or_else(|| self.missing("run_id"))
    }

    /// `run_id` of a request whose handler checks its form.
    pub fn checked_run_id(&mut self) -> Result<RunId, InvalidParameter> {
        RunId::checked(self.required_string("run_id")?)
    }

    /// A 64-bit integer: a number, its text, or a float without fraction.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, InvalidParameter> {
        self.note(name, || FieldKind::Integer);
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
        self.note(name, || FieldKind::Number);
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
        self.note(name, || FieldKind::Boolean);
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
        self.note(name, || FieldKind::Names(T::names()));
        let Some(value) = self.take_scalar(name)? else { return Ok(None) };
        if !value.is_string() && !value.is_number() {
            return Err(self.wrong_type(name, &value));
        }
        let known = known_value(&value);
        known.map(Some).ok_or_else(|| {
            let names = T::names();
            let reason = format!("It must be one of {}.", names.join(", "));
            InvalidParameter::value(&self.label(name), value, reason)
        })
    }

    /// One of an enumeration's values; unknown ones count as absent, as they do for protobuf.
    pub fn known_enumeration<T: WireEnum + Default>(
        &mut self,
        name: &str,
    ) -> Result<T, InvalidParameter> {
        self.note(name, || FieldKind::Names(T::names()));
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
        self.note(name, || FieldKind::Texts);
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
        self.note(name, || FieldKind::TextsByName);
        let Some(values) = self.taken_object(name)? else { return Ok(BTreeMap::new()) };
        let object = self.within(format!("{}{name}.", self.path), values, None);
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
        self.note(name, || FieldKind::Anything);
        Ok(self.take(name)?.unwrap_or_default())
    }

    /// A list of objects, each read by `read`; absent is empty.
    pub fn objects<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut Fields) -> Result<T, InvalidParameter>,
    ) -> Result<Vec<T>, InvalidParameter> {
        let asked = self.asked_within(name, true);
        let items = self.array(name)?;
        let mut objects = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let Value::Object(values) = item else { return Err(self.wrong_type(name, &item)) };
            let path = format!("{}{name}[{index}].", self.path);
            objects.push(read(&mut self.within(path, values, asked.clone()))?);
        }
        Ok(objects)
    }

    /// An object within this one, or nothing.
    pub fn object(&mut self, name: &str) -> Result<Option<Fields>, InvalidParameter> {
        let asked = self.asked_within(name, false);
        let path = format!("{}{name}.", self.path);
        Ok(self.taken_object(name)?.map(|values| self.within(path, values, asked)))
    }

    /// An object within this one as it came, or nothing.
    pub fn map(&mut self, name: &str) -> Result<Option<Map<String, Value>>, InvalidParameter> {
        self.note(name, || FieldKind::AnyObject);
        self.taken_object(name)
    }

    fn taken_object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, InvalidParameter> {
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
