//! The comparators and values of conditions on traces.

use crate::{
    NumberComparator, TextTest,
    comparators::{not_one_of, set},
    conditions::{Condition, TextValue, Value, ValueKind, between, number_comparator},
    experiments::invalid_key,
    traces::{
        AssessmentKind, AssessmentTest, PROMPTS_TAG, RESERVED_METADATA, RUN_METADATA, SpanProperty,
        Subject, TraceCondition, TraceNumber, TraceTest, TraceText,
    },
};
use mlferry_protocol::{InvalidParameter, traces::NAME_TAG};

/// What attributes and spans are tested with.
const NAME_TESTS: [&str; 7] = ["=", "!=", "LIKE", "ILIKE", "RLIKE", "IN", "NOT IN"];

/// What tags and metadata are tested with.
const VALUE_TESTS: [&str; 7] = ["=", "!=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"];

/// What assessments are tested with.
const ASSESSMENT_TESTS: [&str; 11] =
    ["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"];

/// What attributes can be tested.
const ATTRIBUTES: [&str; 13] = [
    "request_id",
    "timestamp",
    "timestamp_ms",
    "execution_time",
    "execution_time_ms",
    "end_time",
    "end_time_ms",
    "status",
    "client_request_id",
    "name",
    "run_id",
    "prompt",
    "text",
];

/// A condition whose comparator has not been looked at: the reference does that last.
#[derive(Debug)]
pub(crate) struct Half<'a> {
    comparator: String,
    tested: Tested<'a>,
}

#[derive(Debug)]
enum Tested<'a> {
    Attribute(TraceText, TextValue),
    Number(TraceNumber, Option<f64>),
    Tag(&'a str, TextValue),
    Metadata(&'a str, TextValue),
    Span(&'a str, TextValue),
    Assessment(AssessmentKind, &'a str, AssessmentValue),
    Issue(&'a str, TextValue),
}

#[derive(Debug)]
enum AssessmentValue {
    Text(TextValue),
    Number(f64),
}

impl<'a> Half<'a> {
    pub(crate) fn read(condition: &Condition<'a>) -> Result<Self, InvalidParameter> {
        let subject = Subject::parse(condition.identifier()?)?;
        let comparator = condition.comparator.to_uppercase();
        let value = condition.value;
        let tested = match subject {
            Subject::Attribute(key) => Tested::attribute(key, value)?,
            Subject::Tag(key) => Tested::Tag(key, text(value, Lists::Taken, "tag")?),
            Subject::Metadata(key) => {
                Tested::Metadata(key, text(value, Lists::Refused, "request_metadata")?)
            }
            Subject::Span(key) => {
                let value = text(value, Lists::Taken, "span")?;
                check_span(key, &comparator)?;
                Tested::Span(key, value)
            }
            Subject::Assessment(kind, name) => {
                Tested::Assessment(kind, name, assessment_value(kind, &comparator, value)?)
            }
            Subject::Issue(key) => Tested::Issue(key, text(value, Lists::Refused, "issue")?),
        };
        Ok(Self { comparator, tested })
    }

    pub(crate) fn finish(self) -> Result<TraceCondition, InvalidParameter> {
        let comparator = self.comparator.as_str();
        match self.tested {
            Tested::Attribute(attribute, value) => {
                let test = test(value, comparator, &NAME_TESTS, "'")?;
                Ok(TraceCondition::Attribute { attribute, test })
            }
            Tested::Number(attribute, value) => {
                let known = number_comparator(comparator, "")?;
                let value =
                    value.ok_or_else(|| not_one_of(comparator, &NumberComparator::SYMBOLS, ""))?;
                Ok(TraceCondition::Number { attribute, comparator: known, value })
            }
            Tested::Tag(PROMPTS_TAG, value) => prompt(value, comparator),
            Tested::Tag(key, value) => {
                let test = test(value, comparator, &VALUE_TESTS, "")?;
                Ok(TraceCondition::Tag { key: key.to_owned(), test })
            }
            Tested::Metadata(key, value) => metadata(key, value, comparator),
            Tested::Span(key, value) => span(key, value, comparator),
            Tested::Assessment(kind, name, value) => assessment(kind, name, value, comparator),
            Tested::Issue(key, value) => issue(key, value, comparator),
        }
    }
}

impl<'a> Tested<'a> {
    fn attribute(key: &'a str, value: Option<Value<'a>>) -> Result<Self, InvalidParameter> {
        let number = |attribute| Ok(Self::Number(attribute, value.map(number).transpose()?));
        let one_of_many = |lists| attribute_text(value, lists);
        match key {
            "timestamp" | "timestamp_ms" => number(TraceNumber::Timestamp),
            "execution_time" | "execution_time_ms" => number(TraceNumber::ExecutionTime),
            "end_time" | "end_time_ms" => number(TraceNumber::EndTime),
            "request_id" => Ok(Self::Attribute(TraceText::Id, one_of_many(Lists::Taken)?)),
            "status" => Ok(Self::Attribute(TraceText::Status, one_of_many(Lists::Taken)?)),
            "client_request_id" => {
                Ok(Self::Attribute(TraceText::ClientRequestId, one_of_many(Lists::Taken)?))
            }
            // What these are kept in.
            "name" => Ok(Self::Tag(NAME_TAG, one_of_many(Lists::Taken)?)),
            "run_id" => Ok(Self::Metadata(RUN_METADATA, one_of_many(Lists::Taken)?)),
            "prompt" => Ok(Self::Tag(PROMPTS_TAG, one_of_many(Lists::Refused)?)),
            "text" => Ok(Self::Span("content", one_of_many(Lists::Refused)?)),
            key => Err(invalid_key(key, &ATTRIBUTES)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    Taken,
    Refused,
}

fn text(value: Option<Value<'_>>, lists: Lists, what: &str) -> Result<TextValue, InvalidParameter> {
    let Some(value) = value else { return Ok(TextValue::Absent) };
    let what = format!("{what} (e.g. 'my-value')");
    let refuse = || if lists == Lists::Taken { Ok(()) } else { Err(value.is_not_quoted(&what)) };
    TextValue::read(value, refuse, &what)
}

fn attribute_text(value: Option<Value<'_>>, lists: Lists) -> Result<TextValue, InvalidParameter> {
    let Some(value) = value else { return Ok(TextValue::Absent) };
    match value.kind {
        ValueKind::List if lists == Lists::Refused => Err(InvalidParameter::new(format!(
            "Only attributes in {} supports comparison with a list of quoted string values.",
            set(&["name", "status", "request_id", "run_id", "client_request_id"])
        ))),
        ValueKind::Text | ValueKind::List => TextValue::read(value, || Ok(()), ""),
        ValueKind::Integer | ValueKind::Float => Err(InvalidParameter::new(format!(
            "Only the '{}' attributes support comparison with numeric values.",
            set(&ATTRIBUTES[1..7])
        ))),
        ValueKind::Other => Err(neither_quoted_nor_list(value)),
    }
}

fn neither_quoted_nor_list(value: Value<'_>) -> InvalidParameter {
    InvalidParameter::new(format!(
        "Expected a quoted string value or a list of quoted string values for attributes. \
         Got value {}",
        value.text
    ))
}

/// A number, which may stand in quotes.
fn number(value: Value<'_>) -> Result<f64, InvalidParameter> {
    let read = match value.kind {
        ValueKind::Text => value.unquoted()?.trim().parse().ok(),
        ValueKind::List => {
            return attribute_text(Some(value), Lists::Refused).and(Ok(0.0));
        }
        _ => value.number(),
    };
    read.filter(|number: &f64| number.is_finite()).ok_or_else(|| {
        InvalidParameter::new(format!(
            "Expected numeric value type for numeric attribute. Found {}",
            value.text
        ))
    })
}

/// Reads a test; `end` closes the list of those that would do, which messages about tags leave open.
fn test(
    value: TextValue,
    comparator: &str,
    known: &[&str],
    end: &str,
) -> Result<TraceTest, InvalidParameter> {
    if !known.contains(&comparator) {
        return Err(not_one_of(comparator, known, end));
    }
    match (comparator, value) {
        ("RLIKE", TextValue::One(pattern)) => Ok(TraceTest::Matches(pattern)),
        (comparator, value) => value.test(comparator).map(TraceTest::Text),
    }
}

fn prompt(value: TextValue, comparator: &str) -> Result<TraceCondition, InvalidParameter> {
    let form = "prompt = \"name/version\"";
    match (comparator, value) {
        ("=", TextValue::One(value)) if value.matches('/').count() == 1 => {
            Ok(TraceCondition::Prompt(value))
        }
        ("=", TextValue::One(value)) => Err(InvalidParameter::new(format!(
            "Invalid prompts filter value '{value}'. Expected format: {form}"
        ))),
        (comparator, _) if VALUE_TESTS.contains(&comparator) => {
            Err(InvalidParameter::new(format!(
                "Invalid comparator '{comparator}' for prompts filter. \
                 Only '=' is supported with format: {form}"
            )))
        }
        (comparator, _) => Err(not_one_of(comparator, &VALUE_TESTS, "")),
    }
}

fn metadata(
    key: &str,
    value: TextValue,
    comparator: &str,
) -> Result<TraceCondition, InvalidParameter> {
    let test = test(value, comparator, &VALUE_TESTS, "'")?;
    let is_simple = ["=", "!=", "IS NULL", "IS NOT NULL"].contains(&comparator);
    if RESERVED_METADATA.contains(&key) && !is_simple {
        return Err(InvalidParameter::new(format!(
            "Comparator '{comparator}' is not supported for reserved metadata '{key}'. \
             Only '=', '!=', 'IS NULL', and 'IS NOT NULL' are supported."
        )));
    }
    Ok(TraceCondition::Metadata { key: key.to_owned(), test })
}

fn check_span(key: &str, comparator: &str) -> Result<(), InvalidParameter> {
    let known: &[&str] = match key {
        "content" => &["LIKE", "ILIKE"],
        "attributes." => {
            return Err(InvalidParameter::new(
                "Span attribute name cannot be empty after 'attributes.'",
            ));
        }
        // In a list, an attribute would have to be a part of the span's text.
        key if key.starts_with("attributes.") => &NAME_TESTS[..5],
        "name" | "type" | "status" => &NAME_TESTS,
        key => {
            return Err(InvalidParameter::new(format!(
                "Invalid span attribute '{key}'. \
                 Supported attributes: name, status, type, attributes.<attribute_name>."
            )));
        }
    };
    if known.contains(&comparator) {
        return Ok(());
    }
    Err(InvalidParameter::new(format!(
        "span.{key} comparator '{comparator}' not one of '{}'",
        set(known)
    )))
}

fn span(key: &str, value: TextValue, comparator: &str) -> Result<TraceCondition, InvalidParameter> {
    check_span(key, comparator)?;
    let property = match key {
        "content" => return span_content(value, comparator),
        "name" => SpanProperty::Name,
        "type" => SpanProperty::Type,
        "status" => SpanProperty::Status,
        key => {
            let attribute = key.strip_prefix("attributes.").unwrap_or(key);
            SpanProperty::Attribute(between(attribute, '`').unwrap_or(attribute).to_owned())
        }
    };
    Ok(TraceCondition::Span { property, test: test(value, comparator, &NAME_TESTS, "'")? })
}

fn span_content(value: TextValue, comparator: &str) -> Result<TraceCondition, InvalidParameter> {
    match value.test(comparator)? {
        TextTest::Compare(comparator, pattern) => {
            Ok(TraceCondition::SpanContent { comparator, pattern })
        }
        TextTest::OneOf { .. } | TextTest::IsNull { .. } => {
            Err(InvalidParameter::new("span.content is compared with one pattern."))
        }
    }
}

fn assessment_value(
    kind: AssessmentKind,
    comparator: &str,
    value: Option<Value<'_>>,
) -> Result<AssessmentValue, InvalidParameter> {
    let Some(value) = value else { return Ok(AssessmentValue::Text(TextValue::Absent)) };
    let kind = kind.name();
    if !["<", "<=", ">", ">="].contains(&comparator) {
        return text(Some(value), Lists::Refused, kind).map(AssessmentValue::Text);
    }
    value.number().map(AssessmentValue::Number).ok_or_else(|| {
        InvalidParameter::new(format!(
            "Expected a numeric value for {kind} when using comparator '{comparator}'. \
             Got value {}",
            value.text
        ))
    })
}

fn assessment(
    kind: AssessmentKind,
    name: &str,
    value: AssessmentValue,
    comparator: &str,
) -> Result<TraceCondition, InvalidParameter> {
    if name.is_empty() {
        return Err(InvalidParameter::new("Assessment field name cannot be empty"));
    }
    let refuse = || {
        InvalidParameter::new(format!(
            "assessment.{name} comparator '{comparator}' not one of '{}'",
            set(&ASSESSMENT_TESTS)
        ))
    };
    let test = match value {
        AssessmentValue::Number(value) => {
            let comparator = NumberComparator::parse(comparator).ok_or_else(refuse)?;
            AssessmentTest::Number(comparator, value)
        }
        AssessmentValue::Text(value) if ASSESSMENT_TESTS.contains(&comparator) => {
            AssessmentTest::Text(test(value, comparator, &VALUE_TESTS, "'")?)
        }
        AssessmentValue::Text(_) => return Err(refuse()),
    };
    Ok(TraceCondition::Assessment { kind, name: name.to_owned(), test })
}

fn issue(
    key: &str,
    value: TextValue,
    comparator: &str,
) -> Result<TraceCondition, InvalidParameter> {
    match (key, comparator, value) {
        ("id", "=", TextValue::One(id)) => Ok(TraceCondition::Issue(id)),
        ("id", comparator, _) => Err(InvalidParameter::new(format!(
            "issue.id comparator '{comparator}' not one of '{}'",
            set(&["="])
        ))),
        (key, ..) => Err(InvalidParameter::new(format!(
            "Invalid issue attribute '{key}'. Supported attributes: id"
        ))),
    }
}
