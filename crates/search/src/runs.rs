//! The grammar of searches for runs.

use crate::{
    NumberComparator, TextTest,
    comparators::{not_one_of, set},
    conditions::{self, Condition, Shown, TextValue, Value, between, key_of, number_comparator},
    order::{self, Order},
};
use mlferry_protocol::InvalidParameter;

/// What a run must fulfil. A metric, param or tag that the run does not have fulfils nothing but
/// [`TextTest::IsNull`].
#[derive(Debug, Clone, PartialEq)]
pub enum RunCondition {
    /// On the latest value of a metric.
    Metric {
        /// The metric's key.
        key: String,
        /// How its value compares.
        comparator: NumberComparator,
        /// With what.
        value: f64,
    },
    /// On a param.
    Param {
        /// The param's key.
        key: String,
        /// What its value must fulfil.
        test: TextTest,
    },
    /// On a tag.
    Tag {
        /// The tag's key.
        key: String,
        /// What its value must fulfil.
        test: TextTest,
    },
    /// On an attribute that is a text.
    Attribute {
        /// Which one.
        attribute: RunText,
        /// What it must fulfil.
        test: TextTest,
    },
    /// On an attribute that is a time.
    Time {
        /// Which one.
        attribute: RunTime,
        /// How it compares.
        comparator: NumberComparator,
        /// With how many milliseconds.
        value: f64,
    },
    /// On any of the datasets that the run used.
    Dataset {
        /// Which of their properties.
        property: DatasetProperty,
        /// What it must fulfil.
        test: TextTest,
    },
}

/// An attribute that is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunText {
    /// The run's id.
    Id,
    /// Its name: in a filter the tag `mlflow.runName`, in an order the column.
    Name,
    /// Its status.
    Status,
    /// Where its artifacts are.
    ArtifactUri,
    /// Who started it.
    UserId,
}

/// An attribute that is a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunTime {
    /// When it started.
    Start,
    /// When it ended.
    End,
}

/// A property of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetProperty {
    /// Its name.
    Name,
    /// Its digest.
    Digest,
    /// What the run used it for: the input's tag `mlflow.data.context`.
    Context,
}

/// A key that runs are ordered by, absent values last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOrder {
    /// The key.
    pub key: RunOrderKey,
    /// Whether the largest comes first.
    pub is_descending: bool,
}

/// What runs are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RunOrderKey {
    /// The latest value of a metric: numbers, then NaN, then runs without it, in both directions.
    Metric(String),
    /// A param's value.
    Param(String),
    /// A tag's value.
    Tag(String),
    /// An attribute that is a text.
    Attribute(RunText),
    /// An attribute that is a time.
    Time(RunTime),
}

/// Reads a filter; an empty one has no conditions.
pub fn parse_filter(filter: &str) -> Result<Vec<RunCondition>, InvalidParameter> {
    let conditions = conditions::read(filter, Shown::Quoted)?;
    let halves = conditions.iter().map(Half::read).collect::<Result<Vec<_>, _>>()?;
    halves.into_iter().map(Half::finish).collect()
}

/// Reads the items of `order_by`.
pub fn parse_order_by(clauses: &[String]) -> Result<Vec<RunOrder>, InvalidParameter> {
    order::distinct(clauses, RunOrder::parse, |order| &order.key)
}

impl RunOrder {
    fn parse(clause: &str) -> Result<Self, InvalidParameter> {
        let Order { name, is_descending } = Order::read(clause)?;
        let key = match Subject::parse(name.trim(), &ORDER_ATTRIBUTES)? {
            Subject::Metric(key) => RunOrderKey::Metric(key.to_owned()),
            Subject::Param(key) => RunOrderKey::Param(key.to_owned()),
            Subject::Tag(key) => RunOrderKey::Tag(key.to_owned()),
            Subject::Attribute(_, Attribute::Text(attribute)) => RunOrderKey::Attribute(attribute),
            Subject::Attribute(_, Attribute::Time(attribute)) => RunOrderKey::Time(attribute),
            Subject::Dataset(_) => {
                return Err(InvalidParameter::new("Invalid identifier type 'dataset'"));
            }
        };
        Ok(Self { key, is_descending })
    }
}

/// What a condition or an order is about.
#[derive(Debug, Clone, Copy)]
enum Subject<'a> {
    Metric(&'a str),
    Param(&'a str),
    Tag(&'a str),
    /// With the name that it was given.
    Attribute(&'a str, Attribute),
    Dataset(DatasetProperty),
}

#[derive(Debug, Clone, Copy)]
enum Attribute {
    Text(RunText),
    Time(RunTime),
}

/// Names of attributes, and those that they have in the UI.
const FILTER_ATTRIBUTES: [(&str, Attribute); 12] = [
    ("run_id", Attribute::Text(RunText::Id)),
    ("run_name", Attribute::Text(RunText::Name)),
    ("run name", Attribute::Text(RunText::Name)),
    ("Run name", Attribute::Text(RunText::Name)),
    ("Run Name", Attribute::Text(RunText::Name)),
    ("status", Attribute::Text(RunText::Status)),
    ("artifact_uri", Attribute::Text(RunText::ArtifactUri)),
    ("user_id", Attribute::Text(RunText::UserId)),
    ("start_time", Attribute::Time(RunTime::Start)),
    ("created", Attribute::Time(RunTime::Start)),
    ("Created", Attribute::Time(RunTime::Start)),
    ("end_time", Attribute::Time(RunTime::End)),
];

/// As [`FILTER_ATTRIBUTES`], without the other names of `run_name`.
const ORDER_ATTRIBUTES: [(&str, Attribute); 9] = [
    ("run_id", Attribute::Text(RunText::Id)),
    ("run_name", Attribute::Text(RunText::Name)),
    ("status", Attribute::Text(RunText::Status)),
    ("artifact_uri", Attribute::Text(RunText::ArtifactUri)),
    ("user_id", Attribute::Text(RunText::UserId)),
    ("start_time", Attribute::Time(RunTime::Start)),
    ("created", Attribute::Time(RunTime::Start)),
    ("Created", Attribute::Time(RunTime::Start)),
    ("end_time", Attribute::Time(RunTime::End)),
];

const DATASET_PROPERTIES: [(&str, DatasetProperty); 3] = [
    ("name", DatasetProperty::Name),
    ("digest", DatasetProperty::Digest),
    ("context", DatasetProperty::Context),
];

/// What params and tags are tested with.
const VALUE_TESTS: [&str; 6] = ["=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"];

/// What attributes and datasets are tested with.
const NAME_TESTS: [&str; 6] = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];

impl<'a> Subject<'a> {
    fn parse(name: &'a str, attributes: &[(&str, Attribute)]) -> Result<Self, InvalidParameter> {
        let (entity, key) = name.split_once('.').unwrap_or(("attribute", name));
        let entity = between(entity, '`').unwrap_or(entity);
        let key = key_of(key);
        match entity {
            "metric" | "metrics" => Ok(Self::Metric(key)),
            "parameter" | "parameters" | "param" | "params" => Ok(Self::Param(key)),
            "tag" | "tags" => Ok(Self::Tag(key)),
            "attribute" | "attributes" | "attr" | "run" => {
                known("attribute", key, attributes).map(|attribute| Self::Attribute(key, attribute))
            }
            "dataset" | "datasets" => known("dataset", key, &DATASET_PROPERTIES).map(Self::Dataset),
            entity => Err(InvalidParameter::new(format!(
                "Invalid entity type '{entity}'. Valid values are \
                 ['metric', 'parameter', 'tag', 'attribute', 'dataset']"
            ))),
        }
    }

    fn is_never_null(self) -> InvalidParameter {
        let (kind, key) = match self {
            Self::Metric(key) => ("metric", key),
            Self::Param(key) => ("parameter", key),
            Self::Tag(key) => ("tag", key),
            Self::Attribute(key, _) => ("attribute", key),
            Self::Dataset(DatasetProperty::Name) => ("dataset", "name"),
            Self::Dataset(DatasetProperty::Digest) => ("dataset", "digest"),
            Self::Dataset(DatasetProperty::Context) => ("dataset", "context"),
        };
        InvalidParameter::new(format!(
            "IS NULL / IS NOT NULL is only supported for tags and params, not for '{kind}' '{key}'"
        ))
    }
}

/// What a key stands for.
fn known<T: Copy>(kind: &str, key: &str, table: &[(&str, T)]) -> Result<T, InvalidParameter> {
    table.iter().find(|(name, _)| *name == key).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let keys: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
        InvalidParameter::new(format!(
            "Invalid {kind} key '{key}' specified. Valid keys are '{}'",
            set(&keys)
        ))
    })
}

/// A condition whose comparator has not been looked at: the reference does that last.
struct Half<'a> {
    comparator: String,
    tested: Tested<'a>,
}

enum Tested<'a> {
    Metric(&'a str, f64),
    Param(&'a str, TextValue),
    Tag(&'a str, TextValue),
    Attribute(RunText, TextValue),
    Time(RunTime, f64),
    Dataset(DatasetProperty, TextValue),
}

impl<'a> Half<'a> {
    fn read(condition: &Condition<'a>) -> Result<Self, InvalidParameter> {
        let subject = Subject::parse(condition.identifier()?, &FILTER_ATTRIBUTES)?;
        let tested = match condition.value {
            Some(value) => Tested::read(subject, value)?,
            None => match subject {
                Subject::Param(key) => Tested::Param(key, TextValue::Absent),
                Subject::Tag(key) => Tested::Tag(key, TextValue::Absent),
                other => return Err(other.is_never_null()),
            },
        };
        Ok(Self { comparator: condition.comparator.to_uppercase(), tested })
    }

    fn finish(self) -> Result<RunCondition, InvalidParameter> {
        let comparator = self.comparator.as_str();
        match self.tested {
            Tested::Metric(key, value) => {
                let comparator = number_comparator(comparator, "")?;
                Ok(RunCondition::Metric { key: key.to_owned(), comparator, value })
            }
            Tested::Time(attribute, value) => {
                let comparator = number_comparator(comparator, "")?;
                Ok(RunCondition::Time { attribute, comparator, value })
            }
            Tested::Param(key, value) => {
                let test = test(value, comparator, &VALUE_TESTS, "'")?;
                Ok(RunCondition::Param { key: key.to_owned(), test })
            }
            Tested::Tag(key, value) => {
                let test = test(value, comparator, &VALUE_TESTS, "")?;
                Ok(RunCondition::Tag { key: key.to_owned(), test })
            }
            Tested::Attribute(attribute, value) => {
                let test = test(value, comparator, &NAME_TESTS, "'")?;
                Ok(RunCondition::Attribute { attribute, test })
            }
            Tested::Dataset(property, value) => {
                let test = test(value, comparator, &NAME_TESTS, "")?;
                Ok(RunCondition::Dataset { property, test })
            }
        }
    }
}

impl<'a> Tested<'a> {
    fn read(subject: Subject<'a>, value: Value<'_>) -> Result<Self, InvalidParameter> {
        Ok(match subject {
            Subject::Metric(key) => Self::Metric(key, number(value, "metric")?),
            Subject::Param(key) => Self::Param(key, quoted(value, "parameter")?),
            Subject::Tag(key) => Self::Tag(key, quoted(value, "tag")?),
            Subject::Attribute(key, Attribute::Time(time)) => {
                Self::Time(time, number(value, &format!("numeric attribute: {key}"))?)
            }
            Subject::Attribute(_, Attribute::Text(attribute)) => {
                let lists = || if attribute == RunText::Id { Ok(()) } else { Err(only_ids()) };
                Self::Attribute(attribute, TextValue::read(value, lists, "attributes")?)
            }
            Subject::Dataset(property) => {
                Self::Dataset(property, TextValue::read(value, || Ok(()), "dataset attributes")?)
            }
        })
    }
}

fn number(value: Value<'_>, what: &str) -> Result<f64, InvalidParameter> {
    value.number().ok_or_else(|| {
        InvalidParameter::new(format!(
            "Expected numeric value type for {what}. Found {}",
            value.text
        ))
    })
}

fn quoted(value: Value<'_>, what: &str) -> Result<TextValue, InvalidParameter> {
    let what = format!("{what} (e.g. 'my-value')");
    TextValue::read(value, || Err(value.is_not_quoted(&what)), &what)
}

fn only_ids() -> InvalidParameter {
    InvalidParameter::new(
        "Only ['run_id'] attributes support comparison with a list of quoted string values.",
    )
}

fn test(
    value: TextValue,
    comparator: &str,
    known: &[&str],
    end: &str,
) -> Result<TextTest, InvalidParameter> {
    if known.contains(&comparator) {
        value.test(comparator)
    } else {
        Err(not_one_of(comparator, known, end))
    }
}
