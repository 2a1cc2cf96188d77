//! The grammar of searches for registered models.

use crate::{
    TextTest,
    comparators::set,
    conditions::TextValue,
    experiments::{invalid_key, quoted_tag},
    order::{self, Order},
    registry::{self, Subject, name_test, tag_test},
};
use mlferry_protocol::InvalidParameter;

/// What a registered model must fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegisteredModelCondition {
    /// On its name.
    Name(TextTest),
    /// On a tag, which it must have.
    Tag {
        /// The tag's key.
        key: String,
        /// What its value must fulfil.
        test: TextTest,
    },
}

/// A key that registered models are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisteredModelOrder {
    /// The key.
    pub key: RegisteredModelKey,
    /// Whether the largest comes first.
    pub is_descending: bool,
}

/// What registered models are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegisteredModelKey {
    /// Their name.
    Name,
    /// When they were changed last.
    LastUpdatedTime,
}

enum Half<'a> {
    Name(TextValue),
    Tag(&'a str, TextValue),
}

/// Reads a filter; an empty one has no conditions.
pub fn parse_filter(filter: &str) -> Result<Vec<RegisteredModelCondition>, InvalidParameter> {
    registry::read(
        filter,
        |subject, value| match subject {
            Subject::Attribute("name") => registry::name_value(value, || Ok(())).map(Half::Name),
            Subject::Attribute(key) => Err(invalid_key(key, &["name"])),
            Subject::Tag(key) => quoted_tag(value).map(|value| Half::Tag(key, value)),
        },
        |half, comparator| match half {
            Half::Name(value) => name_test(value, comparator).map(RegisteredModelCondition::Name),
            Half::Tag(key, value) => {
                let test = tag_test(value, comparator)?;
                Ok(RegisteredModelCondition::Tag { key: key.to_owned(), test })
            }
        },
    )
}

/// Reads the items of `order_by`.
pub fn parse_order_by(clauses: &[String]) -> Result<Vec<RegisteredModelOrder>, InvalidParameter> {
    order::distinct(clauses, RegisteredModelOrder::parse, |order| &order.key)
}

impl RegisteredModelOrder {
    fn parse(clause: &str) -> Result<Self, InvalidParameter> {
        let Order { name, is_descending } = Order::read(clause)?;
        let key = match name.trim() {
            "name" => RegisteredModelKey::Name,
            "timestamp" | "last_updated_timestamp" => RegisteredModelKey::LastUpdatedTime,
            other => {
                return Err(InvalidParameter::new(format!(
                    "Invalid order by key '{other}' specified. Valid keys are '{}'",
                    set(&["name", "timestamp"])
                )));
            }
        };
        Ok(Self { key, is_descending })
    }
}
