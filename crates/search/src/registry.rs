//! What the grammars of registered models and model versions share.

use crate::{
    TextTest,
    conditions::{self, Condition, Shown, TextValue, Value, ValueKind, key_of},
    experiments::{Entity, entity_and_key},
};
use mlferry_protocol::InvalidParameter;

/// What a condition is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// An attribute, as it was written.
    Attribute(&'a str),
    /// A tag's key.
    Tag(&'a str),
}

/// Reads a filter's conditions; all subjects and values are looked at before any comparator.
pub(crate) fn read<'a, H, C>(
    filter: &'a str,
    half: impl Fn(Subject<'a>, Value<'a>) -> Result<H, InvalidParameter>,
    finish: impl Fn(H, &str) -> Result<C, InvalidParameter>,
) -> Result<Vec<C>, InvalidParameter> {
    let conditions = conditions::read(filter, Shown::Bare)?;
    let halves = conditions.iter().map(|condition| {
        let (subject, value) = subject_and_value(condition)?;
        Ok((half(subject, value)?, condition.comparator.to_uppercase()))
    });
    let halves = halves.collect::<Result<Vec<_>, InvalidParameter>>()?;
    halves.into_iter().map(|(half, comparator)| finish(half, &comparator)).collect()
}

fn subject_and_value<'a>(
    condition: &Condition<'a>,
) -> Result<(Subject<'a>, Value<'a>), InvalidParameter> {
    let name = condition.identifier()?;
    let Some(value) = condition.value else {
        return Err(InvalidParameter::new(format!(
            "{} is not supported in searches of the model registry, here for '{name}'",
            condition.comparator
        )));
    };
    let (entity, key) = entity_and_key(name)?;
    Ok(match entity {
        Entity::Attribute => (Subject::Attribute(key), value),
        Entity::Tag => (Subject::Tag(key_of(key)), value),
    })
}

/// The test of a tag.
pub(crate) fn tag_test(value: TextValue, comparator: &str) -> Result<TextTest, InvalidParameter> {
    if ["=", "!=", "LIKE", "ILIKE"].contains(&comparator) {
        return value.test(comparator);
    }
    Err(InvalidParameter::new(format!("Invalid comparator for tag: {comparator}")))
}

/// The test of an attribute that is a text.
pub(crate) fn name_test(value: TextValue, comparator: &str) -> Result<TextTest, InvalidParameter> {
    if ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"].contains(&comparator) {
        return value.test(comparator);
    }
    Err(InvalidParameter::new(format!("Invalid comparator for attribute: {comparator}")))
}

/// The value of an attribute that is a text.
pub(crate) fn name_value(
    value: Value<'_>,
    lists: impl FnOnce() -> Result<(), InvalidParameter>,
) -> Result<TextValue, InvalidParameter> {
    if value.kind == ValueKind::List || value.kind == ValueKind::Text {
        return TextValue::read(value, lists, "attributes");
    }
    Err(InvalidParameter::new(format!(
        "Expected a quoted string value or a list of quoted string values for attributes. \
         Got value {}",
        value.text
    )))
}
