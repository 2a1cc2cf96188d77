//! The grammar of searches for experiments.

use crate::{
    IdTest, NumberComparator, TextTest,
    comparators::{not_one_of, set},
    conditions::{
        self, Condition, Shown, TextValue, Value, ValueKind, key_of, number_comparator, saturated,
    },
    order::{self, Order},
};
use mlferry_protocol::{ExperimentId, InvalidParameter, python};

/// What an experiment must fulfil. A tag that it does not have fulfils nothing but
/// [`TextTest::IsNull`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExperimentCondition {
    /// On its id.
    Id(IdTest),
    /// On its name; [`TextTest::Compare`] only.
    Name(TextTest),
    /// On one of its times.
    Time {
        /// Which one.
        time: ExperimentTime,
        /// How it compares.
        comparator: NumberComparator,
        /// With how many milliseconds.
        value: i64,
    },
    /// On a tag.
    Tag {
        /// The tag's key.
        key: String,
        /// What its value must fulfil.
        test: TextTest,
    },
}

/// A time of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExperimentTime {
    /// When it was made.
    Creation,
    /// When it was changed last.
    LastUpdate,
}

/// A key that experiments are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExperimentOrder {
    /// The key.
    pub key: ExperimentKey,
    /// Whether the largest comes first.
    pub is_descending: bool,
}

/// An attribute of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExperimentKey {
    /// Its id.
    Id,
    /// Its name.
    Name,
    /// One of its times.
    Time(ExperimentTime),
}

const KEYS: [(&str, ExperimentKey); 4] = [
    ("name", ExperimentKey::Name),
    ("experiment_id", ExperimentKey::Id),
    ("creation_time", ExperimentKey::Time(ExperimentTime::Creation)),
    ("last_update_time", ExperimentKey::Time(ExperimentTime::LastUpdate)),
];

/// What names are tested with.
const NAME_TESTS: [&str; 6] = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];

/// What tags are tested with.
const TAG_TESTS: [&str; 6] = ["=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"];

/// Reads a filter; an empty one has no conditions.
pub fn parse_filter(filter: &str) -> Result<Vec<ExperimentCondition>, InvalidParameter> {
    let conditions = conditions::read(filter, Shown::Bare)?;
    let halves = conditions.iter().map(Half::read).collect::<Result<Vec<_>, _>>()?;
    halves.into_iter().map(Half::finish).collect()
}

/// Reads the items of `order_by`, in which a key may recur.
pub fn parse_order_by(clauses: &[String]) -> Result<Vec<ExperimentOrder>, InvalidParameter> {
    order::several(clauses, ExperimentOrder::parse)
}

impl ExperimentOrder {
    fn parse(clause: &str) -> Result<Self, InvalidParameter> {
        let Order { name, is_descending } = Order::read(clause)?;
        match Subject::parse(name.trim())? {
            Subject::Attribute(_, key) => Ok(Self { key, is_descending }),
            Subject::Tag(_) => Err(InvalidParameter::new("Invalid order_by entity: tag")),
        }
    }
}

enum Subject<'a> {
    /// With its name.
    Attribute(&'a str, ExperimentKey),
    Tag(&'a str),
}

impl<'a> Subject<'a> {
    fn parse(name: &'a str) -> Result<Self, InvalidParameter> {
        let (entity, key) = entity_and_key(name)?;
        let key = key_of(key);
        match entity {
            Entity::Tag => Ok(Self::Tag(key)),
            Entity::Attribute => {
                let known = KEYS.iter().find(|(name, _)| *name == key);
                let known = known.ok_or_else(|| invalid_key(key, &KEYS.map(|(name, _)| name)))?;
                Ok(Self::Attribute(known.0, known.1))
            }
        }
    }
}

/// What the grammars of experiments and of the registry know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entity {
    Attribute,
    Tag,
}

/// What stands before the first dot, and what behind it.
pub(crate) fn entity_and_key(name: &str) -> Result<(Entity, &str), InvalidParameter> {
    match name.split_once('.') {
        None => Ok((Entity::Attribute, name)),
        Some(("attribute", key)) => Ok((Entity::Attribute, key)),
        Some(("tag" | "tags", key)) => Ok((Entity::Tag, key)),
        Some((entity, _)) => Err(InvalidParameter::new(format!(
            "Invalid entity type '{entity}'. \
             Valid entity types are ('attribute', 'tag', 'tags')"
        ))),
    }
}

pub(crate) fn invalid_key(key: &str, known: &[&str]) -> InvalidParameter {
    let known = set(known);
    InvalidParameter::new(format!(
        "Invalid attribute key '{key}' specified. Valid keys are '{known}'"
    ))
}

/// A condition whose comparator has not been looked at: the reference does that last.
struct Half<'a> {
    comparator: String,
    tested: Tested<'a>,
}

enum Tested<'a> {
    Id(TextValue),
    Name(TextValue),
    /// With the time's name.
    Time(ExperimentTime, &'a str, Value<'a>),
    Tag(&'a str, TextValue),
}

impl<'a> Half<'a> {
    fn read(condition: &Condition<'a>) -> Result<Self, InvalidParameter> {
        let subject = Subject::parse(condition.identifier()?)?;
        let tested = match condition.value {
            Some(value) => Tested::read(&subject, value)?,
            None => match subject {
                Subject::Tag(key) => Tested::Tag(key, TextValue::Absent),
                Subject::Attribute(name, _) => {
                    return Err(InvalidParameter::new(format!(
                        "IS NULL / IS NOT NULL is only supported for tags, \
                         not for attribute '{name}'"
                    )));
                }
            },
        };
        Ok(Self { comparator: condition.comparator.clone(), tested })
    }

    fn finish(self) -> Result<ExperimentCondition, InvalidParameter> {
        let comparator = self.comparator.as_str();
        match self.tested {
            Tested::Id(value) => id_test(value, comparator).map(ExperimentCondition::Id),
            Tested::Name(value) if NAME_TESTS.contains(&comparator) => {
                value.test(comparator).map(ExperimentCondition::Name)
            }
            Tested::Name(_) => Err(not_one_of(comparator, &NAME_TESTS, "'")),
            Tested::Time(time, name, value) => {
                let comparator = number_comparator(comparator, "")?;
                Ok(ExperimentCondition::Time { time, comparator, value: integer(name, value)? })
            }
            Tested::Tag(key, value) if TAG_TESTS.contains(&comparator) => {
                let test = value.test(comparator)?;
                Ok(ExperimentCondition::Tag { key: key.to_owned(), test })
            }
            Tested::Tag(..) => {
                Err(InvalidParameter::new(format!("Invalid comparator for tag: {comparator}")))
            }
        }
    }
}

impl<'a> Tested<'a> {
    fn read(subject: &Subject<'a>, value: Value<'a>) -> Result<Self, InvalidParameter> {
        let only_ids = || {
            Err(InvalidParameter::new(
                "Only ['experiment_id'] attributes support comparison with a list of quoted \
                 string values.",
            ))
        };
        match *subject {
            Subject::Attribute(_, ExperimentKey::Id) => {
                TextValue::read(value, || Ok(()), "attributes").map(Self::Id)
            }
            Subject::Attribute(_, ExperimentKey::Name) => {
                TextValue::read(value, only_ids, "attributes").map(Self::Name)
            }
            Subject::Attribute(name, ExperimentKey::Time(time)) => match value.number() {
                Some(_) => Ok(Self::Time(time, name, value)),
                None => Err(InvalidParameter::new(format!(
                    "Expected numeric value type for numeric attribute: {name}. Found {}",
                    value.text
                ))),
            },
            Subject::Tag(key) => quoted_tag(value).map(|value| Self::Tag(key, value)),
        }
    }
}

/// The value of a tag, which is never a list.
pub(crate) fn quoted_tag(value: Value<'_>) -> Result<TextValue, InvalidParameter> {
    let what = "tag (e.g. 'my-value')";
    TextValue::read(value, || Err(value.is_not_quoted(what)), what)
}

fn id_test(value: TextValue, comparator: &str) -> Result<IdTest, InvalidParameter> {
    let (texts, negated) = match (comparator, value) {
        ("=", TextValue::One(text)) => (vec![text], false),
        ("!=", TextValue::One(text)) => (vec![text], true),
        ("IN", TextValue::Several(texts)) => (texts, false),
        ("NOT IN", TextValue::Several(texts)) => (texts, true),
        _ => {
            return Err(InvalidParameter::new(format!(
                "Invalid comparator for experiment_id: {comparator}"
            )));
        }
    };
    let ids = texts.iter().map(|text| ExperimentId::parse(text).map(|id| id.0));
    Ok(IdTest { ids: ids.collect::<Result<_, _>>()?, negated })
}

fn integer(name: &str, value: Value<'_>) -> Result<i64, InvalidParameter> {
    let whole = if value.kind == ValueKind::Integer { saturated(value.text) } else { None };
    whole.ok_or_else(|| {
        let shown = value.number().map_or_else(|| value.text.to_owned(), python::repr_float);
        InvalidParameter::new(format!("Invalid value for numeric attribute '{name}': '{shown}'"))
    })
}
