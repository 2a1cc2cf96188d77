//! The grammar of filters of numbers over traces, spans and assessments: one comparison each.

use crate::conditions::{self, Condition, TextValue, between, key_of};
use mlferry_protocol::{InvalidParameter, WireEnum, python, trace_measures::MetricView};

/// What must be equal to a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricCondition {
    /// What.
    pub subject: MetricSubject,
    /// The text.
    pub value: String,
}

/// What a filter is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricSubject {
    /// The trace's status.
    TraceStatus,
    /// A tag of the trace, by its key.
    TraceTag(String),
    /// Metadata of the trace, by its key.
    TraceMetadata(String),
    /// The span's name.
    SpanName,
    /// The span's status.
    SpanStatus,
    /// The span's type.
    SpanType,
    /// The assessment's name.
    AssessmentName,
    /// The assessment's kind.
    AssessmentType,
}

/// What filters are about, by view, with what has keys behind its name.
const SUBJECTS: [(&str, &[(&str, bool)]); 3] = [
    ("trace", &[("status", false), ("tag", true), ("metadata", true)]),
    ("span", &[("name", false), ("status", false), ("type", false)]),
    ("assessment", &[("name", false), ("type", false)]),
];

/// Reads filters of a view.
pub fn parse_filters(
    filters: &[String],
    view: MetricView,
) -> Result<Vec<MetricCondition>, InvalidParameter> {
    conditions::check_count(filters.len())?;
    filters.iter().map(|filter| MetricCondition::parse(filter, view)).collect()
}

impl MetricCondition {
    fn parse(filter: &str, view: MetricView) -> Result<Self, InvalidParameter> {
        let condition = conditions::read_one(filter)?;
        let (entity, subject) = MetricSubject::parse(condition.identifier()?)?;
        if condition.comparator != "=" {
            return Err(InvalidParameter::new(format!(
                "Invalid comparator: '{}', only '=' operator is supported",
                condition.comparator
            )));
        }
        let value = quoted(&condition, entity)?;
        subject.check_view(view)?;
        Ok(Self { subject, value })
    }
}

fn quoted(condition: &Condition<'_>, entity: &str) -> Result<String, InvalidParameter> {
    let what = format!("{entity} value (e.g. 'my-value')");
    let value = condition.value.ok_or_else(|| {
        InvalidParameter::new(format!("Expected a quoted string value for {what}."))
    })?;
    match TextValue::read(value, || Err(value.is_not_quoted(&what)), &what)? {
        TextValue::One(text) => Ok(text),
        TextValue::Several(_) | TextValue::Absent => Err(value.is_not_quoted(&what)),
    }
}

impl MetricSubject {
    /// Reads a name; also tells the entity that messages show.
    fn parse(name: &str) -> Result<(&str, Self), InvalidParameter> {
        let mut parts = name.splitn(3, '.');
        let (Some(view), Some(entity)) = (parts.next(), parts.next()) else {
            return Err(InvalidParameter::new(format!(
                "Invalid identifier {}. Columns should be specified as \
                 'trace.<key>', 'span.<key>', 'assessment.<key>'.",
                python::repr_str(name)
            )));
        };
        let key = parts.next();
        let view = between(view, '`').unwrap_or(view);
        check_name(view, entity, key)?;
        let key = key_of(key.unwrap_or_default()).to_owned();
        let subject = match (view, entity) {
            ("trace", "tag") => Self::TraceTag(key),
            ("trace", "metadata") => Self::TraceMetadata(key),
            ("trace", _) => Self::TraceStatus,
            ("span", "name") => Self::SpanName,
            ("span", "status") => Self::SpanStatus,
            ("span", _) => Self::SpanType,
            (_, "name") => Self::AssessmentName,
            _ => Self::AssessmentType,
        };
        Ok((entity, subject))
    }

    /// Spans and assessments are only tested where they are looked at.
    fn check_view(&self, view: MetricView) -> Result<(), InvalidParameter> {
        let (what, only) = match self {
            Self::TraceStatus | Self::TraceTag(_) | Self::TraceMetadata(_) => return Ok(()),
            Self::SpanName | Self::SpanStatus | Self::SpanType => ("span", MetricView::Spans),
            Self::AssessmentName | Self::AssessmentType => ("assessment", MetricView::Assessments),
        };
        if view == only {
            return Ok(());
        }
        Err(InvalidParameter::new(format!(
            "Filtering by {what} is only supported for {} view type, got {}",
            only.name(),
            view.name()
        )))
    }
}

fn check_name(view: &str, entity: &str, key: Option<&str>) -> Result<(), InvalidParameter> {
    let Some((_, entities)) = SUBJECTS.iter().find(|(known, _)| *known == view) else {
        let known = SUBJECTS.map(|(known, _)| known);
        return Err(InvalidParameter::new(format!(
            "Invalid view type '{view}'. Valid values are dict_keys({})",
            python::repr_list(&known)
        )));
    };
    let Some((_, has_key)) = entities.iter().find(|(known, _)| *known == entity) else {
        let known: Vec<&str> = entities.iter().map(|(known, _)| *known).collect();
        return Err(InvalidParameter::new(format!(
            "Invalid entity '{entity}' specified for view type '{view}'. Valid entities are {}",
            python::repr_list(&known)
        )));
    };
    match (has_key, key) {
        (true, None) => Err(InvalidParameter::new(format!(
            "Filtering by {entity} requires a key, e.g. '{view}.{entity}.<key> = <value>'"
        ))),
        (false, Some(_)) => Err(InvalidParameter::new(format!(
            "Filtering by {entity} does not require a key, use '{view}.{entity}' instead"
        ))),
        _ => Ok(()),
    }
}
