//! The grammar of searches for logged models, which has rules of its own.

use crate::{
    NumberComparator, TextComparator, TextTest,
    conditions::{self, Condition, ValueKind},
    list::{self, Element},
    order,
    pieces::{NoStatement, Statement},
};
use mlferry_protocol::{InvalidParameter, python};

/// What a logged model must fulfil. A param or tag that it does not have fulfils nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum LoggedModelCondition {
    /// On an attribute that is a text.
    Attribute {
        /// Which one.
        attribute: LoggedModelText,
        /// What it must fulfil; never [`TextTest::IsNull`].
        test: TextTest,
    },
    /// On an attribute that is a time.
    Time {
        /// Which one.
        attribute: LoggedModelTime,
        /// How it compares.
        comparator: NumberComparator,
        /// With how many milliseconds.
        value: f64,
    },
    /// On any of the values of a metric.
    Metric {
        /// The metric's key.
        key: String,
        /// How it compares.
        comparator: NumberComparator,
        /// With what.
        value: f64,
    },
    /// On a param.
    Param {
        /// The param's key.
        key: String,
        /// What its value must fulfil; never [`TextTest::IsNull`].
        test: TextTest,
    },
    /// On a tag.
    Tag {
        /// The tag's key.
        key: String,
        /// What its value must fulfil; never [`TextTest::IsNull`].
        test: TextTest,
    },
}

/// An attribute that is compared as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedModelText {
    /// The model's id.
    Id,
    /// Its experiment.
    ExperimentId,
    /// Its name.
    Name,
    /// Where its artifacts are.
    ArtifactLocation,
    /// Its status, a number.
    Status,
    /// What its status means.
    StatusMessage,
    /// Its type.
    ModelType,
    /// The run that made it.
    SourceRunId,
    /// Whether it is deleted.
    LifecycleStage,
}

/// An attribute that is a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedModelTime {
    /// When it was made.
    Creation,
    /// When it was changed last.
    LastUpdate,
}

/// What logged models are ordered by, absent values last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedModelOrderKey {
    /// An attribute that is a text.
    Attribute(LoggedModelText),
    /// An attribute that is a time.
    Time(LoggedModelTime),
    /// The latest value of a metric.
    Metric(String),
}

#[derive(Debug, Clone, Copy)]
enum Attribute {
    Text(LoggedModelText),
    Time(LoggedModelTime),
}

/// Names of attributes: those of columns, and three that are easier to write.
const ATTRIBUTES: [(&str, Attribute); 14] = [
    ("name", Attribute::Text(LoggedModelText::Name)),
    ("model_id", Attribute::Text(LoggedModelText::Id)),
    ("experiment_id", Attribute::Text(LoggedModelText::ExperimentId)),
    ("artifact_location", Attribute::Text(LoggedModelText::ArtifactLocation)),
    ("status", Attribute::Text(LoggedModelText::Status)),
    ("status_message", Attribute::Text(LoggedModelText::StatusMessage)),
    ("model_type", Attribute::Text(LoggedModelText::ModelType)),
    ("source_run_id", Attribute::Text(LoggedModelText::SourceRunId)),
    ("lifecycle_stage", Attribute::Text(LoggedModelText::LifecycleStage)),
    ("creation_timestamp_ms", Attribute::Time(LoggedModelTime::Creation)),
    ("last_updated_timestamp_ms", Attribute::Time(LoggedModelTime::LastUpdate)),
    ("creation_time", Attribute::Time(LoggedModelTime::Creation)),
    ("creation_timestamp", Attribute::Time(LoggedModelTime::Creation)),
    ("last_updated_timestamp", Attribute::Time(LoggedModelTime::LastUpdate)),
];

/// Reads a filter; an empty one has no conditions.
pub fn parse_filter(filter: &str) -> Result<Vec<LoggedModelCondition>, InvalidParameter> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let refuse = |expected: &str| {
        let shown = python::repr_str(filter);
        InvalidParameter::new(format!("Invalid filter string: {shown}. {expected}"))
    };
    let statement = Statement::read(filter).map_err(|reason| match reason {
        NoStatement::TooLong => NoStatement::too_long("filter"),
        NoStatement::Blank | NoStatement::Several => refuse("Expected a single SQL expression."),
    })?;
    let (conditions, others) = conditions::split(&statement);
    if !others.is_empty() {
        return Err(refuse(
            "Expected a list of comparisons separated by 'AND' \
             (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
        ));
    }
    conditions::within_limit(conditions)?.iter().map(LoggedModelCondition::read).collect()
}

/// Reads the `field_name` of each item of `order_by`.
pub fn parse_order_by(field_names: &[&str]) -> Result<Vec<LoggedModelOrderKey>, InvalidParameter> {
    order::several(field_names, LoggedModelOrderKey::parse)
}

impl LoggedModelOrderKey {
    /// Reads the `field_name` of an item of `order_by`.
    pub fn parse(field_name: &str) -> Result<Self, InvalidParameter> {
        let refuse = |end: &str| {
            InvalidParameter::new(format!("Invalid order by field name: {field_name}{end}"))
        };
        match field_name.split_once('.') {
            Some(("metrics", key)) => Ok(Self::Metric(key.to_owned())),
            Some(_) => Err(refuse(". Only metrics are supported.")),
            None => match attribute(field_name).ok_or_else(|| refuse(""))? {
                Attribute::Text(attribute) => Ok(Self::Attribute(attribute)),
                Attribute::Time(attribute) => Ok(Self::Time(attribute)),
            },
        }
    }
}

enum Subject<'a> {
    Attribute(&'a str, Attribute),
    Metric(&'a str),
    Param(&'a str),
    Tag(&'a str),
}

impl<'a> Subject<'a> {
    fn parse(name: &'a str) -> Result<Self, InvalidParameter> {
        let is_entity = |entity: &str| {
            !entity.is_empty() && entity.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        let parts =
            name.split_once('.').filter(|(entity, key)| is_entity(entity) && !key.is_empty());
        let (entity, key) = parts.unwrap_or(("attributes", name));
        let key = key.trim_matches('`');
        match entity {
            "attributes" => match attribute(key) {
                Some(attribute) => Ok(Self::Attribute(key, attribute)),
                None => {
                    Err(crate::experiments::invalid_key(key, &ATTRIBUTES.map(|(name, _)| name)))
                }
            },
            "metrics" => Ok(Self::Metric(key)),
            "params" => Ok(Self::Param(key)),
            "tags" => Ok(Self::Tag(key)),
            entity => Err(InvalidParameter::new(format!(
                "Invalid entity type: '{entity}'. \
                 Expected one of ['attributes', 'metrics', 'params', 'tags']."
            ))),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Attribute(key, _) => format!("attributes.{key}"),
            Self::Metric(key) => format!("metrics.{key}"),
            Self::Param(key) => format!("params.{key}"),
            Self::Tag(key) => format!("tags.{key}"),
        }
    }

    fn refuse(&self, comparator: &str, known: &str) -> InvalidParameter {
        InvalidParameter::new(format!(
            "Invalid comparison operator for {}: '{comparator}'. Expected one of {known}.",
            self.shown()
        ))
    }
}

fn attribute(name: &str) -> Option<Attribute> {
    ATTRIBUTES.iter().find(|(known, _)| *known == name).map(|(_, attribute)| *attribute)
}

impl LoggedModelCondition {
    fn read(condition: &Condition<'_>) -> Result<Self, InvalidParameter> {
        let name = condition.left();
        let Some(value) = condition.value else {
            return Err(InvalidParameter::new(format!(
                "Invalid comparison: {name}{}. Expected a comparison with 3 tokens.",
                condition.comparator
            )));
        };
        let subject = Subject::parse(name)?;
        let comparator = condition.comparator.to_uppercase();
        let number = || {
            let known = "('<', '<=', '>', '>=', '=', '!=')";
            let symbol = NumberComparator::parse(&comparator);
            let symbol = symbol.ok_or_else(|| subject.refuse(&comparator, known))?;
            let number = value.text.trim().parse::<f64>().map_err(|_| {
                InvalidParameter::new(format!(
                    "Expected numeric value type for {}. Found {}",
                    subject.shown(),
                    value.text
                ))
            })?;
            Ok((symbol, number))
        };
        let text = || {
            let known = "('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN')";
            let refuse = || subject.refuse(&comparator, known);
            let is_list = value.kind == ValueKind::List;
            match (comparator.as_str(), TextComparator::parse(&comparator)) {
                ("IN" | "NOT IN", _) => {
                    let values = list::elements(value.text)?.into_iter().map(Element::into_text);
                    Ok(TextTest::OneOf { values: values.collect(), negated: comparator != "IN" })
                }
                (_, Some(known)) if !is_list => {
                    Ok(TextTest::Compare(known, value.text.trim_matches('\'').to_owned()))
                }
                _ => Err(refuse()),
            }
        };
        match subject {
            Subject::Attribute(_, Attribute::Text(attribute)) => {
                Ok(Self::Attribute { attribute, test: text()? })
            }
            Subject::Attribute(_, Attribute::Time(attribute)) => {
                let (comparator, value) = number()?;
                Ok(Self::Time { attribute, comparator, value })
            }
            Subject::Metric(key) => {
                let (comparator, value) = number()?;
                Ok(Self::Metric { key: key.to_owned(), comparator, value })
            }
            Subject::Param(key) => Ok(Self::Param { key: key.to_owned(), test: text()? }),
            Subject::Tag(key) => Ok(Self::Tag { key: key.to_owned(), test: text()? }),
        }
    }
}
