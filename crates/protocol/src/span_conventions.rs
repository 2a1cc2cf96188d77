//! Names that other libraries give a span's attributes, translated into MLflow's when the span is stored.
//!
//! What is asked of the conventions one after the other is the same for all of them, so each is a table.

mod events;
mod gemini;
mod prefix;
mod table;

use crate::{
    otel::{OtelEvent, set},
    python::{dumps, is_truthy},
    spans::{INPUTS, MODEL, OUTPUTS, PROVIDER, TOKENS, TYPE, bare, find},
};
use serde_json::{Map, Value};
use table::{CONVENTIONS, Convention, Texts};

const FORMAT: &str = "mlflow.message.format";
const TOOLS: &str = "mlflow.chat.tools";
/// What stands for a text that nobody may see.
const REDACTED: &str = "<REDACTED>";

type Attributes = Vec<(String, String)>;

/// Adds what MLflow wants to know and other names tell.
pub(crate) fn translate(attributes: &mut Attributes, events: &[OtelEvent]) {
    if let Some(kind) = CONVENTIONS.iter().find_map(|each| each.span_type(attributes)) {
        let known = find(attributes, TYPE).map(bare);
        match attributes.iter_mut().find(|(key, _)| key == TYPE) {
            Some((_, value)) if known.as_deref() == Some("UNKNOWN") => *value = text(kind),
            Some(_) => {}
            None => attributes.push((TYPE.to_owned(), text(kind))),
        }
    }
    if find(attributes, INPUTS).is_none() {
        add_input(attributes, events);
    }
    add(attributes, OUTPUTS, |known| {
        let output = CONVENTIONS.iter().find_map(|each| each.output(known));
        output.or_else(|| events::output(known, events))
    });
    add(attributes, TOKENS, |known| CONVENTIONS.iter().find_map(|each| each.tokens(known)));
    add(attributes, FORMAT, |known| {
        CONVENTIONS.iter().find(|each| each.has_format(known)).map(|each| text(each.format))
    });
    add(attributes, TOOLS, |known| {
        CONVENTIONS.iter().find_map(|each| telling(known, each.tools)).map(str::to_owned)
    });
    add(attributes, MODEL, model);
    add(attributes, PROVIDER, |known| {
        CONVENTIONS.iter().find_map(|each| telling(known, each.provider)).map(json)
    });
}

fn add_input(attributes: &mut Attributes, events: &[OtelEvent]) {
    let mut format = "";
    let input = CONVENTIONS.iter().find_map(|each| {
        if each.counts_for(attributes) && !each.input_format.is_empty() {
            format = each.input_format;
        }
        each.input(attributes)
    });
    if !format.is_empty() {
        set(attributes, FORMAT.to_owned(), format.to_owned());
    }
    if let Some(input) = input.or_else(|| events::input(events)) {
        attributes.push((INPUTS.to_owned(), input));
    }
}

/// Adds an attribute that is not there yet.
fn add(attributes: &mut Attributes, name: &str, value: impl FnOnce(&Attributes) -> Option<String>) {
    if find(attributes, name).is_none()
        && let Some(value) = value(attributes)
    {
        attributes.push((name.to_owned(), value));
    }
}

/// A text as JSON.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// What is JSON as it is, and all else as a JSON text.
fn json(value: &str) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(value) {
        Ok(_) => value.to_owned(),
        Err(_) => text(value),
    }
}

/// Whether an attribute has one of some texts.
fn has_text(attributes: &Attributes, (name, texts): Texts) -> bool {
    find(attributes, name).is_some_and(|value| texts.contains(&bare(value).as_str()))
}

/// The value of an attribute, unless it is JSON that says nothing.
fn telling<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    find(attributes, name).filter(|value| says_something(value))
}

/// The same, by a name in which stars stand for numbers.
fn telling_any<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    if !name.contains('*') {
        return telling(attributes, name);
    }
    let mut matching = attributes.iter().filter(|(key, _)| is_like(key, name));
    matching.find(|(_, value)| says_something(value)).map(|(_, value)| value.as_str())
}

fn is_like(key: &str, pattern: &str) -> bool {
    let mut parts = key.split('.');
    pattern.split('.').all(|wanted| match parts.next() {
        Some(part) if wanted == "*" => {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
        }
        part => part == Some(wanted),
    })
}

fn says_something(value: &str) -> bool {
    serde_json::from_str(value).map_or(!value.is_empty(), |value| is_truthy(&value))
}

impl Convention {
    fn counts_for(&self, attributes: &Attributes) -> bool {
        self.only.is_none_or(|texts| has_text(attributes, texts))
            && self.except.is_none_or(|texts| !has_text(attributes, texts))
    }

    fn span_type(&self, attributes: &Attributes) -> Option<&'static str> {
        if !self.counts_for(attributes) {
            return None;
        }
        let mut kinds = self.kind.iter().filter_map(|name| find(attributes, name).map(bare));
        let by_kind = kinds.find_map(|kind| {
            let kind = if self.ignores_case { kind.to_lowercase() } else { kind };
            self.kinds.iter().find(|(name, _)| *name == kind)
        });
        let by_presence = || {
            attributes
                .iter()
                .find_map(|(key, _)| self.has_type.iter().find(|(name, _)| name.fits(key)))
        };
        by_kind.map(|(_, kind)| *kind).or_else(|| by_presence().map(|(_, kind)| *kind))
    }

    fn has_format(&self, attributes: &Attributes) -> bool {
        self.counts_for(attributes)
            && attributes.iter().any(|(key, _)| self.has_format.iter().any(|name| name.fits(key)))
    }

    fn input(&self, attributes: &Attributes) -> Option<String> {
        let input = self.first(attributes, self.inputs, self.shape_input);
        let input = input.or_else(|| self.parts_of_input(attributes));
        input.or_else(|| self.under(attributes, self.input_prefix))
    }

    fn parts_of_input(&self, attributes: &Attributes) -> Option<String> {
        if self.input_parts.is_empty() || !self.counts_for(attributes) {
            return None;
        }
        let parts = self.input_parts.iter().filter_map(|name| {
            let value = self.shown(telling(attributes, name)?)?;
            Some(((*name).to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
        });
        let parts: Map<String, Value> = parts.collect();
        (!parts.is_empty()).then(|| dumps(&parts))
    }

    fn output(&self, attributes: &Attributes) -> Option<String> {
        let output = self.first(attributes, self.outputs, self.shape_output);
        output.or_else(|| self.under(attributes, self.output_prefix))
    }

    fn under(&self, attributes: &Attributes, prefix: &str) -> Option<String> {
        let counts = !prefix.is_empty() && self.counts_for(attributes);
        counts.then(|| prefix::object(attributes, prefix)).flatten()
    }

    /// The first of some attributes that says something.
    fn first(
        &self,
        attributes: &Attributes,
        names: &[&str],
        shape: Option<fn(&str) -> String>,
    ) -> Option<String> {
        if !self.counts_for(attributes) {
            return None;
        }
        let value = names.iter().find_map(|name| self.shown(telling_any(attributes, name)?))?;
        Some(shape.map_or_else(|| value.to_owned(), |shape| shape(value)))
    }

    /// The value, unless it stands for one that nobody may see.
    fn shown<'a>(&self, value: &'a str) -> Option<&'a str> {
        Some(value).filter(|value| !self.hides || bare(value) != REDACTED)
    }

    /// The numbers of tokens as the JSON that MLflow keeps.
    fn tokens(&self, attributes: &Attributes) -> Option<String> {
        if !self.counts_for(attributes) {
            return None;
        }
        let count = |names: &[&str]| {
            let value = names.iter().find_map(|name| find(attributes, name))?;
            bare(value).trim().parse::<i64>().ok()
        };
        let (read, creation) = (count(self.cache_read), count(self.cache_creation));
        let (mut input, output) = (count(self.input_tokens), count(self.output_tokens));
        if self.adds_cache {
            let cached = [read, creation].into_iter().flatten();
            input = input.map(|input| cached.fold(input, i64::saturating_add));
        }
        let total = count(self.total_tokens).or_else(|| input?.checked_add(output?));
        if input.is_none() && output.is_none() && total.is_none() {
            return None;
        }
        let counts = [
            ("input_tokens", input),
            ("output_tokens", output),
            ("total_tokens", total),
            ("cache_read_input_tokens", read),
            ("cache_creation_input_tokens", creation),
        ];
        let counts =
            counts.into_iter().filter_map(|(key, count)| Some((key.to_owned(), count?.into())));
        Some(dumps(&counts.collect::<Map<_, _>>()))
    }
}

/// The model that a span used, which may be named in what it was given.
fn model(attributes: &Attributes) -> Option<String> {
    let mut names = CONVENTIONS.iter().flat_map(|convention| convention.models);
    if let Some(name) = names.find_map(|name| telling(attributes, name)) {
        return Some(json(name));
    }
    [INPUTS, OUTPUTS].into_iter().find_map(|name| {
        let value: Value = serde_json::from_str(find(attributes, name)?).ok()?;
        let model = value.get("model")?.as_str()?;
        (!model.is_empty()).then(|| text(model))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(pairs: &[(&str, &str)]) -> Attributes {
        let mut attributes =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        translate(&mut attributes, &[]);
        attributes.split_off(pairs.len())
    }

    #[test]
    fn names_of_other_libraries_are_translated() {
        let added = translated(&[
            ("gen_ai.operation.name", "\"chat\""),
            ("gen_ai.usage.input_tokens", "3"),
            ("gen_ai.usage.output_tokens", "\"4\""),
            ("gen_ai.request.model", "\"m\""),
            ("input.value", "\"\""),
            ("gen_ai.prompt.0.content", "\"hello\""),
        ]);
        let added: Vec<(&str, &str)> =
            added.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            added,
            [
                (TYPE, "\"CHAT_MODEL\""),
                (INPUTS, "\"hello\""),
                (TOKENS, "{\"input_tokens\": 3, \"output_tokens\": 4, \"total_tokens\": 7}"),
                (MODEL, "\"m\""),
            ]
        );
    }

    #[test]
    fn what_the_client_said_stays() {
        assert!(translated(&[(INPUTS, "\"a\""), ("input.value", "\"b\"")]).is_empty());
        assert!(translated(&[("x", "1")]).is_empty());
    }
}
