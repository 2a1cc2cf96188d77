//! The grammar of searches for traces.

use crate::{
    NumberComparator, TextComparator,
    comparators::set,
    conditions::{self, between, key_of},
    order::{self, Order},
    trace_values::Half,
};
use mlferry_protocol::{
    InvalidParameter,
    traces::{COST_METADATA, NAME_TAG, TOKENS_METADATA},
};

/// What a trace must fulfil. A tag, metadata or assessment that it does not have fulfils nothing but
/// [`TraceTest::IsNull`].
#[derive(Debug, Clone, PartialEq)]
pub enum TraceCondition {
    /// On an attribute that is a text.
    Attribute {
        /// Which one.
        attribute: TraceText,
        /// What it must fulfil.
        test: TraceTest,
    },
    /// On an attribute that is a number.
    Number {
        /// Which one.
        attribute: TraceNumber,
        /// How it compares.
        comparator: NumberComparator,
        /// With what.
        value: f64,
    },
    /// On a tag.
    Tag {
        /// The tag's key.
        key: String,
        /// What its value must fulfil.
        test: TraceTest,
    },
    /// On metadata.
    Metadata {
        /// The metadata's key.
        key: String,
        /// What its value must fulfil.
        test: TraceTest,
    },
    /// A version of a prompt is linked to it: `name/version`.
    Prompt(String),
    /// An issue refers to it.
    Issue(String),
    /// On one of its spans.
    Span {
        /// Which property of the span.
        property: SpanProperty,
        /// What it must fulfil.
        test: TraceTest,
    },
    /// On the JSON text of one of its spans.
    SpanContent {
        /// [`TextComparator::Like`] or [`TextComparator::ILike`].
        comparator: TextComparator,
        /// The pattern.
        pattern: String,
    },
    /// On what was judged of it.
    Assessment {
        /// Feedback, or what was expected.
        kind: AssessmentKind,
        /// The assessment's name.
        name: String,
        /// What its value must fulfil.
        test: AssessmentTest,
    },
}

/// What a text must fulfil; as [`crate::TextTest`], with patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceTest {
    /// It fulfils a test that other searches have, too.
    Text(crate::TextTest),
    /// It matches a regular expression (`RLIKE`).
    Matches(String),
}

/// What an assessment's value must fulfil.
#[derive(Debug, Clone, PartialEq)]
pub enum AssessmentTest {
    /// As a text; never one of several.
    Text(TraceTest),
    /// As a number: less or greater.
    Number(NumberComparator, f64),
}

/// An attribute that is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceText {
    /// The trace's id.
    Id,
    /// Its status.
    Status,
    /// The id that the client gave.
    ClientRequestId,
}

/// An attribute that is a number of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceNumber {
    /// When it started.
    Timestamp,
    /// How long it took.
    ExecutionTime,
    /// When it ended.
    EndTime,
}

/// A property of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanProperty {
    /// Its name.
    Name,
    /// Its type.
    Type,
    /// Its status.
    Status,
    /// One of its attributes; never tested with a list.
    Attribute(String),
}

/// The kind of an assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssessmentKind {
    /// What somebody thinks of it.
    Feedback,
    /// What should have come out.
    Expectation,
}

/// A key that traces are ordered by, absent values last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceOrder {
    /// The key.
    pub key: TraceOrderKey,
    /// Whether the largest comes first.
    pub is_descending: bool,
}

/// What traces are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TraceOrderKey {
    /// Their id.
    Id,
    /// Their experiment.
    ExperimentId,
    /// Their status.
    Status,
    /// When they started.
    Timestamp,
    /// How long they took.
    ExecutionTime,
    /// When they ended.
    EndTime,
    /// A tag's value.
    Tag(String),
    /// A metadata's value.
    Metadata(String),
}

/// The metadata that holds the run that a trace belongs to.
pub const RUN_METADATA: &str = "mlflow.sourceRun";
/// The tag that once held the prompts that are linked to a trace.
pub(crate) const PROMPTS_TAG: &str = "mlflow.linkedPrompts";
/// Metadata that is kept in columns of its own.
pub(crate) const RESERVED_METADATA: [&str; 2] = [TOKENS_METADATA, COST_METADATA];

/// Reads a filter; an empty one has no conditions.
pub fn parse_filter(filter: &str) -> Result<Vec<TraceCondition>, InvalidParameter> {
    let conditions = conditions::read_for_traces(filter)?;
    let halves = conditions.iter().map(Half::read).collect::<Result<Vec<_>, _>>()?;
    halves.into_iter().map(Half::finish).collect()
}

/// Reads the items of `order_by`.
pub fn parse_order_by(clauses: &[String]) -> Result<Vec<TraceOrder>, InvalidParameter> {
    order::distinct(clauses, TraceOrder::parse, |order| &order.key)
}

/// What a condition or an order is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    Attribute(&'a str),
    Tag(&'a str),
    Metadata(&'a str),
    Span(&'a str),
    Assessment(AssessmentKind, &'a str),
    Issue(&'a str),
}

impl<'a> Subject<'a> {
    pub(crate) fn parse(name: &'a str) -> Result<Self, InvalidParameter> {
        let (entity, key) = name.split_once('.').unwrap_or(("attribute", name));
        let entity = between(entity, '`').unwrap_or(entity);
        let key = key_of(key);
        match entity {
            "attribute" | "attributes" | "trace" => Ok(Self::Attribute(key)),
            "tag" | "tags" => Ok(Self::Tag(key)),
            "metadata" | "request_metadata" => Ok(Self::Metadata(key)),
            "span" => Ok(Self::Span(key)),
            "feedback" => Ok(Self::Assessment(AssessmentKind::Feedback, key)),
            "expectation" => Ok(Self::Assessment(AssessmentKind::Expectation, key)),
            "issue" => Ok(Self::Issue(key)),
            entity => Err(InvalidParameter::new(format!(
                "Invalid entity type '{entity}'. Valid values are {}",
                set(&ENTITIES)
            ))),
        }
    }
}

const ENTITIES: [&str; 11] = [
    "attribute",
    "attributes",
    "trace",
    "tag",
    "tags",
    "metadata",
    "request_metadata",
    "span",
    "feedback",
    "expectation",
    "issue",
];

/// What traces can be ordered by.
const ORDER_KEYS: [&str; 11] = [
    "experiment_id",
    "timestamp",
    "timestamp_ms",
    "execution_time",
    "execution_time_ms",
    "end_time",
    "end_time_ms",
    "status",
    "request_id",
    "name",
    "run_id",
];

impl TraceOrder {
    fn parse(clause: &str) -> Result<Self, InvalidParameter> {
        let Order { name, is_descending } = Order::read(clause)?;
        let not_ordered =
            |kind: &str| InvalidParameter::new(format!("Invalid identifier type '{kind}'"));
        let key = match Subject::parse(name.trim())? {
            Subject::Attribute("request_id") => TraceOrderKey::Id,
            Subject::Attribute("experiment_id") => TraceOrderKey::ExperimentId,
            Subject::Attribute("status") => TraceOrderKey::Status,
            Subject::Attribute("timestamp" | "timestamp_ms") => TraceOrderKey::Timestamp,
            Subject::Attribute("execution_time" | "execution_time_ms") => {
                TraceOrderKey::ExecutionTime
            }
            Subject::Attribute("end_time" | "end_time_ms") => TraceOrderKey::EndTime,
            Subject::Attribute("name") => TraceOrderKey::Tag(NAME_TAG.to_owned()),
            Subject::Attribute("run_id") => TraceOrderKey::Metadata(RUN_METADATA.to_owned()),
            Subject::Attribute(key) => {
                return Err(crate::experiments::invalid_key(key, &ORDER_KEYS));
            }
            Subject::Metadata(key) if RESERVED_METADATA.contains(&key) => {
                return Err(InvalidParameter::new(format!(
                    "Ordering by reserved metadata '{key}' is not supported because it is \
                     represented by multiple columns."
                )));
            }
            Subject::Tag(key) => TraceOrderKey::Tag(key.to_owned()),
            Subject::Metadata(key) => TraceOrderKey::Metadata(key.to_owned()),
            Subject::Span(_) => return Err(not_ordered("span")),
            Subject::Issue(_) => return Err(not_ordered("issue")),
            Subject::Assessment(kind, _) => return Err(not_ordered(kind.name())),
        };
        Ok(Self { key, is_descending })
    }
}

impl AssessmentKind {
    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Expectation => "expectation",
        }
    }
}
