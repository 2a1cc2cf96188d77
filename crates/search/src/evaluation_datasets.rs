//! The grammar of searches for evaluation datasets.

use crate::{
    NumberComparator, TextTest,
    comparators::set,
    conditions::{self, Condition, Shown, TextValue, Value, ValueKind, key_of, saturated},
    experiments::quoted_tag,
    order::{self, Order},
};
use mlferry_protocol::{InvalidParameter, python};

/// What an evaluation dataset must fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatasetCondition {
    /// On an attribute that is a text.
    Text(DatasetKey, TextTest),
    /// On a time.
    Time(DatasetKey, NumberComparator, i64),
    /// On a tag, which it must have.
    Tag {
        /// The tag's key.
        key: String,
        /// What its value must fulfil.
        test: TextTest,
    },
}

/// An attribute of an evaluation dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetKey {
    /// Its name.
    Name,
    /// When it was made.
    CreatedTime,
    /// When it was changed last.
    LastUpdateTime,
    /// Who made it.
    CreatedBy,
    /// Who changed it last.
    LastUpdatedBy,
}

/// A key that evaluation datasets are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetOrder {
    /// The key.
    pub key: DatasetKey,
    /// Whether the largest comes first.
    pub is_descending: bool,
}

/// Attributes by name; those that datasets are ordered by come first.
const KEYS: [(&str, DatasetKey); 5] = [
    ("name", DatasetKey::Name),
    ("created_time", DatasetKey::CreatedTime),
    ("last_update_time", DatasetKey::LastUpdateTime),
    ("created_by", DatasetKey::CreatedBy),
    ("last_updated_by", DatasetKey::LastUpdatedBy),
];
const ORDER_KEYS: usize = 3;

/// What texts and tags are tested with.
const TEXT_TESTS: [&str; 4] = ["=", "!=", "LIKE", "ILIKE"];

enum Subject<'a> {
    /// With its name.
    Attribute(&'a str, DatasetKey),
    Tag(&'a str),
}

impl<'a> Subject<'a> {
    fn parse(name: &'a str, keys: &[(&str, DatasetKey)]) -> Result<Self, InvalidParameter> {
        match name.split_once('.') {
            None => {
                let known = keys.iter().find(|(known, _)| *known == name);
                known.map(|(_, key)| Self::Attribute(name, *key)).ok_or_else(|| {
                    let known: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
                    let known = set(&known);
                    InvalidParameter::new(format!(
                        "Invalid attribute key '{name}' specified. Valid keys are: {known}"
                    ))
                })
            }
            Some(("tags", key)) => Ok(Self::Tag(key_of(key))),
            Some((entity, _)) => {
                Err(InvalidParameter::new(format!("Invalid identifier token '{entity}' specified")))
            }
        }
    }
}

/// Reads a filter; an empty one has no conditions.
pub fn parse_filter(filter: &str) -> Result<Vec<DatasetCondition>, InvalidParameter> {
    let conditions = conditions::read(filter, Shown::Bare)?;
    let halves = conditions.iter().map(Half::read).collect::<Result<Vec<_>, _>>()?;
    halves.into_iter().map(Half::finish).collect()
}

/// Reads the items of `order_by`, in which a key may recur.
pub fn parse_order_by(clauses: &[String]) -> Result<Vec<DatasetOrder>, InvalidParameter> {
    order::several(clauses, |clause| {
        let Order { name, is_descending } = Order::read(clause)?;
        match Subject::parse(name.trim(), &KEYS[..ORDER_KEYS])? {
            Subject::Attribute(_, key) => Ok(DatasetOrder { key, is_descending }),
            Subject::Tag(_) => Err(InvalidParameter::new("Invalid order_by entity: tag")),
        }
    })
}

/// A condition whose comparator has not been looked at: the reference does that last.
struct Half<'a> {
    comparator: String,
    tested: Tested<'a>,
}

enum Tested<'a> {
    Text(DatasetKey, TextValue),
    Time(DatasetKey, &'a str, Value<'a>),
    Tag(&'a str, TextValue),
}

impl<'a> Half<'a> {
    fn read(condition: &Condition<'a>) -> Result<Self, InvalidParameter> {
        let subject = Subject::parse(condition.identifier()?, &KEYS)?;
        let comparator = condition.comparator.clone();
        let tested = match (&subject, condition.value) {
            (Subject::Attribute(name, _), None) => {
                return Err(InvalidParameter::new(format!(
                    "IS NULL / IS NOT NULL is only supported for tags and params, \
                     not for 'attribute' '{name}'"
                )));
            }
            (Subject::Tag(key), None) => Tested::Tag(key, TextValue::Absent),
            (Subject::Tag(key), Some(value)) => Tested::Tag(key, quoted_tag(value)?),
            (Subject::Attribute(name, key), Some(value)) => {
                Tested::attribute(name, *key, value, &comparator)?
            }
        };
        Ok(Self { comparator, tested })
    }

    fn finish(self) -> Result<DatasetCondition, InvalidParameter> {
        let comparator = self.comparator.as_str();
        let is_text_test = TEXT_TESTS.contains(&comparator);
        match self.tested {
            Tested::Text(DatasetKey::Name, value) if comparator == "IN" => {
                value.test(comparator).map(|test| DatasetCondition::Text(DatasetKey::Name, test))
            }
            Tested::Text(key, value) if is_text_test => {
                value.test(comparator).map(|test| DatasetCondition::Text(key, test))
            }
            Tested::Text(..) => Err(InvalidParameter::new(format!(
                "Invalid comparator for string attribute: {comparator}"
            ))),
            Tested::Time(key, name, value) => {
                let comparator = NumberComparator::parse(comparator).ok_or_else(|| {
                    InvalidParameter::new(format!(
                        "Invalid comparator for numeric attribute: {comparator}"
                    ))
                })?;
                Ok(DatasetCondition::Time(key, comparator, integer(name, value)?))
            }
            Tested::Tag(key, value) if is_text_test => {
                let test = value.test(comparator)?;
                Ok(DatasetCondition::Tag { key: key.to_owned(), test })
            }
            Tested::Tag(..) => {
                Err(InvalidParameter::new(format!("Invalid comparator for tag: {comparator}")))
            }
        }
    }
}

impl<'a> Tested<'a> {
    fn attribute(
        name: &'a str,
        key: DatasetKey,
        value: Value<'a>,
        comparator: &str,
    ) -> Result<Self, InvalidParameter> {
        if matches!(key, DatasetKey::CreatedTime | DatasetKey::LastUpdateTime) {
            return match value.number() {
                Some(_) => Ok(Self::Time(key, name, value)),
                None => Err(InvalidParameter::new(format!(
                    "Expected numeric value type for numeric attribute: {name}. Found {}",
                    value.text
                ))),
            };
        }
        let only_names = || {
            if key == DatasetKey::Name {
                return Ok(());
            }
            Err(InvalidParameter::new(
                "Only ['name'] attributes support comparison with a list of quoted string values.",
            ))
        };
        let text = TextValue::read(value, only_names, "attributes")?;
        if matches!(text, TextValue::Several(_)) && comparator != "IN" {
            return Err(InvalidParameter::new(
                "List values for 'name' are only supported with the IN comparator.",
            ));
        }
        Ok(Self::Text(key, text))
    }
}

fn integer(name: &str, value: Value<'_>) -> Result<i64, InvalidParameter> {
    let whole = if value.kind == ValueKind::Integer { saturated(value.text) } else { None };
    whole.ok_or_else(|| {
        let shown = value.number().map_or_else(|| value.text.to_owned(), python::repr_float);
        InvalidParameter::new(format!("Invalid value for numeric attribute '{name}': '{shown}'"))
    })
}
