//! The grammar of searches for model versions.

use crate::{
    NumberComparator, TextTest,
    conditions::{TextValue, Value, ValueKind, key_of, saturated},
    experiments::{entity_and_key, invalid_key, quoted_tag},
    order::{self, Order},
    registry::{self, Subject, name_test, tag_test},
};
use mlferry_protocol::{InvalidParameter, python};

/// What a model version must fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelVersionCondition {
    /// On an attribute that is a text.
    Attribute {
        /// Which one.
        attribute: ModelVersionText,
        /// What it must fulfil.
        test: TextTest,
    },
    /// On its number.
    Version {
        /// How it compares.
        comparator: NumberComparator,
        /// With what.
        value: i64,
    },
    /// On a tag, which it must have.
    Tag {
        /// The tag's key.
        key: String,
        /// What its value must fulfil.
        test: TextTest,
    },
}

/// An attribute that is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelVersionText {
    /// The name of its model.
    Name,
    /// The run that made it.
    RunId,
    /// Where it was taken from.
    SourcePath,
}

/// A key that model versions are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelVersionOrder {
    /// The key.
    pub key: ModelVersionKey,
    /// Whether the largest comes first.
    pub is_descending: bool,
}

/// What model versions are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelVersionKey {
    /// The name of their model.
    Name,
    /// Their number.
    Version,
    /// When they were made.
    CreationTime,
    /// When they were changed last.
    LastUpdatedTime,
}

const KEYS: [(&str, ModelVersionKey); 4] = [
    ("name", ModelVersionKey::Name),
    ("version_number", ModelVersionKey::Version),
    ("creation_timestamp", ModelVersionKey::CreationTime),
    ("last_updated_timestamp", ModelVersionKey::LastUpdatedTime),
];

enum Half<'a> {
    Attribute(ModelVersionText, TextValue),
    Version(Value<'a>),
    Tag(&'a str, TextValue),
}

/// Reads a filter; an empty one has no conditions.
pub fn parse_filter(filter: &str) -> Result<Vec<ModelVersionCondition>, InvalidParameter> {
    registry::read(filter, Half::read, Half::finish)
}

/// Reads the items of `order_by`.
pub fn parse_order_by(clauses: &[String]) -> Result<Vec<ModelVersionOrder>, InvalidParameter> {
    order::distinct(clauses, ModelVersionOrder::parse, |order| &order.key)
}

impl ModelVersionOrder {
    fn parse(clause: &str) -> Result<Self, InvalidParameter> {
        let Order { name, is_descending } = Order::read(clause)?;
        // The entity does not matter here: `tag.name` is the name, too.
        let (_, key) = entity_and_key(name.trim())?;
        let key = key_of(key);
        let known = KEYS.iter().find(|(name, _)| *name == key);
        let known = known.ok_or_else(|| invalid_key(key, &KEYS.map(|(name, _)| name)))?;
        Ok(Self { key: known.1, is_descending })
    }
}

impl<'a> Half<'a> {
    fn read(subject: Subject<'a>, value: Value<'a>) -> Result<Self, InvalidParameter> {
        let is_number = matches!(value.kind, ValueKind::Integer | ValueKind::Float);
        let attribute = match subject {
            Subject::Tag(key) => return quoted_tag(value).map(|value| Self::Tag(key, value)),
            Subject::Attribute("version_number") if is_number => return Ok(Self::Version(value)),
            Subject::Attribute("version_number") => {
                registry::name_value(value, || Err(no_list()))?;
                return Ok(Self::Version(value));
            }
            Subject::Attribute("name") => ModelVersionText::Name,
            Subject::Attribute("run_id") => ModelVersionText::RunId,
            Subject::Attribute("source_path") => ModelVersionText::SourcePath,
            Subject::Attribute(key) => {
                let known = ["name", "version_number", "run_id", "source_path"];
                return Err(invalid_key(key, &known));
            }
        };
        if is_number {
            return Err(InvalidParameter::new(
                "Only the '{'creation_timestamp', 'last_updated_timestamp', 'version_number'}' \
                 attributes support comparison with numeric values.",
            ));
        }
        let has_lists = attribute != ModelVersionText::SourcePath;
        let lists = || if has_lists { Ok(()) } else { Err(no_list()) };
        let value = registry::name_value(value, lists)?;
        Ok(Self::Attribute(attribute, value))
    }

    fn finish(self, comparator: &str) -> Result<ModelVersionCondition, InvalidParameter> {
        match self {
            Self::Attribute(attribute, value) => {
                let test = name_test(value, comparator)?;
                Ok(ModelVersionCondition::Attribute { attribute, test })
            }
            Self::Tag(key, value) => {
                let test = tag_test(value, comparator)?;
                Ok(ModelVersionCondition::Tag { key: key.to_owned(), test })
            }
            Self::Version(value) => {
                let comparator = NumberComparator::parse(comparator).ok_or_else(|| {
                    InvalidParameter::new(format!(
                        "Invalid comparator for attribute version_number: {comparator}"
                    ))
                })?;
                Ok(ModelVersionCondition::Version { comparator, value: version(value)? })
            }
        }
    }
}

/// Reads a number that may stand in quotes.
fn version(value: Value<'_>) -> Result<i64, InvalidParameter> {
    let (read, shown) = match value.kind {
        ValueKind::Integer => (saturated(value.text), value.text.to_owned()),
        ValueKind::Text => {
            let text = value.unquoted()?;
            (saturated(text), python::repr_str(text))
        }
        _ => (None, value.number().map_or_else(|| value.text.to_owned(), python::repr_float)),
    };
    read.ok_or_else(|| {
        InvalidParameter::new(format!(
            "Invalid value for numeric attribute 'version_number': {shown}"
        ))
    })
}

fn no_list() -> InvalidParameter {
    InvalidParameter::new(
        "Only ['name', 'run_id'] attributes support comparison with a list of quoted string \
         values.",
    )
}
