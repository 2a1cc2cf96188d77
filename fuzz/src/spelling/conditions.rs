//! Conditions of each kind of search.

use super::{
    Spelled, among, compared, compared_number, joined, keyed, symbol, tested, text_symbol,
};
use mlferry_search::{
    TextTest,
    evaluation_datasets::DatasetCondition,
    experiments::{ExperimentCondition, ExperimentTime},
    logged_models::{LoggedModelCondition, LoggedModelTime},
    model_versions::{ModelVersionCondition, ModelVersionText},
    registered_models::RegisteredModelCondition,
    runs::{DatasetProperty, RunCondition, RunTime},
    trace_metrics::{MetricCondition, MetricSubject},
    traces::{AssessmentTest, SpanProperty, TraceCondition, TraceNumber, TraceTest, TraceText},
};

fn name(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

impl Spelled for RunCondition {
    fn spellings(&self) -> Vec<String> {
        match self {
            Self::Metric { key, comparator, value } => {
                joined(&keyed("metrics.", key), &compared_number(*comparator, *value))
            }
            Self::Param { key, test } => joined(&keyed("params.", key), &tested(test)),
            Self::Tag { key, test } => joined(&keyed("tags.", key), &tested(test)),
            Self::Attribute { attribute, test } => {
                joined(&name(super::orders::of_run(*attribute)), &tested(test))
            }
            Self::Time { attribute, comparator, value } => {
                let time = match attribute {
                    RunTime::Start => "start_time",
                    RunTime::End => "end_time",
                };
                joined(&name(time), &compared_number(*comparator, *value))
            }
            Self::Dataset { property, test } => {
                let property = match property {
                    DatasetProperty::Name => "dataset.name",
                    DatasetProperty::Digest => "dataset.digest",
                    DatasetProperty::Context => "dataset.context",
                };
                joined(&name(property), &tested(test))
            }
        }
    }
}

impl Spelled for ExperimentCondition {
    fn spellings(&self) -> Vec<String> {
        match self {
            Self::Id(test) => {
                let ids: Vec<_> = test.ids.iter().map(|id| format!("'{id}'")).collect();
                let comparator = if test.negated { "NOT IN" } else { "IN" };
                vec![format!("experiment_id {comparator} ({})", ids.join(","))]
            }
            Self::Name(test) => joined(&name("name"), &tested(test)),
            Self::Time { time, comparator, value } => {
                let time = match time {
                    ExperimentTime::Creation => "creation_time",
                    ExperimentTime::LastUpdate => "last_update_time",
                };
                vec![format!("{time} {} {value}", symbol(*comparator))]
            }
            Self::Tag { key, test } => joined(&keyed("tags.", key), &tested(test)),
        }
    }
}

impl Spelled for RegisteredModelCondition {
    fn spellings(&self) -> Vec<String> {
        match self {
            Self::Name(test) => joined(&name("name"), &tested(test)),
            Self::Tag { key, test } => joined(&keyed("tags.", key), &tested(test)),
        }
    }
}

impl Spelled for ModelVersionCondition {
    fn spellings(&self) -> Vec<String> {
        match self {
            Self::Attribute { attribute, test } => {
                let attribute = match attribute {
                    ModelVersionText::Name => "name",
                    ModelVersionText::RunId => "run_id",
                    ModelVersionText::SourcePath => "source_path",
                };
                joined(&name(attribute), &tested(test))
            }
            Self::Version { comparator, value } => {
                vec![format!("version_number {} {value}", symbol(*comparator))]
            }
            Self::Tag { key, test } => joined(&keyed("tags.", key), &tested(test)),
        }
    }
}

impl Spelled for LoggedModelCondition {
    fn spellings(&self) -> Vec<String> {
        match self {
            Self::Attribute { attribute, test } => {
                joined(&name(super::orders::of_logged_model(*attribute)), &tested(test))
            }
            Self::Time { attribute, comparator, value } => {
                let time = match attribute {
                    LoggedModelTime::Creation => "creation_time",
                    LoggedModelTime::LastUpdate => "last_updated_timestamp",
                };
                joined(&name(time), &compared_number(*comparator, *value))
            }
            Self::Metric { key, comparator, value } => {
                joined(&keyed("metrics.", key), &compared_number(*comparator, *value))
            }
            Self::Param { key, test } => joined(&keyed("params.", key), &tested(test)),
            Self::Tag { key, test } => joined(&keyed("tags.", key), &tested(test)),
        }
    }
}

impl Spelled for DatasetCondition {
    fn spellings(&self) -> Vec<String> {
        match self {
            Self::Text(key, test) => joined(&name(super::orders::of_dataset(*key)), &tested(test)),
            Self::Time(key, comparator, value) => {
                let key = super::orders::of_dataset(*key);
                vec![format!("{key} {} {value}", symbol(*comparator))]
            }
            Self::Tag { key, test } => joined(&keyed("tags.", key), &tested(test)),
        }
    }
}

impl Spelled for TraceCondition {
    fn spellings(&self) -> Vec<String> {
        match self {
            Self::Attribute { attribute, test } => {
                let attribute = match attribute {
                    TraceText::Id => "request_id",
                    TraceText::Status => "status",
                    TraceText::ClientRequestId => "client_request_id",
                };
                joined(&name(attribute), &trace_tested(test))
            }
            Self::Number { attribute, comparator, value } => {
                let attribute = match attribute {
                    // The name without a unit is also a type of SQL, and no name before a fraction.
                    TraceNumber::Timestamp => "timestamp_ms",
                    TraceNumber::ExecutionTime => "execution_time",
                    TraceNumber::EndTime => "end_time",
                };
                joined(&name(attribute), &compared_number(*comparator, *value))
            }
            Self::Tag { key, test } => joined(&keyed("tags.", key), &trace_tested(test)),
            Self::Metadata { key, test } => joined(&keyed("metadata.", key), &trace_tested(test)),
            Self::Prompt(version) => joined(&name("prompt"), &compared("=", version)),
            Self::Issue(id) => joined(&name("issue.id"), &compared("=", id)),
            Self::Span { property, test } => joined(&span(property), &trace_tested(test)),
            Self::SpanContent { comparator, pattern } => {
                joined(&name("span.content"), &compared(text_symbol(*comparator), pattern))
            }
            Self::Assessment { kind, name, test } => {
                let names = keyed(&format!("{}.", kind.name()), name);
                match test {
                    AssessmentTest::Text(test) => joined(&names, &trace_tested(test)),
                    AssessmentTest::Number(comparator, value) => {
                        joined(&names, &compared_number(*comparator, *value))
                    }
                }
            }
        }
    }
}

fn span(property: &SpanProperty) -> Vec<String> {
    match property {
        SpanProperty::Name => name("span.name"),
        SpanProperty::Type => name("span.type"),
        SpanProperty::Status => name("span.status"),
        SpanProperty::Attribute(key) => {
            let mut names = keyed("span.attributes.", key);
            names.extend(keyed("span.", &format!("attributes.{key}")));
            names
        }
    }
}

fn trace_tested(test: &TraceTest) -> Vec<String> {
    match test {
        TraceTest::Text(TextTest::OneOf { values, negated }) => vec![among(values, *negated)],
        TraceTest::Text(test) => tested(test),
        TraceTest::Matches(pattern) => compared("RLIKE", pattern),
    }
}

impl Spelled for MetricCondition {
    fn spellings(&self) -> Vec<String> {
        let names = match &self.subject {
            MetricSubject::TraceStatus => name("trace.status"),
            MetricSubject::TraceTag(key) => keyed("trace.tag.", key),
            MetricSubject::TraceMetadata(key) => keyed("trace.metadata.", key),
            MetricSubject::SpanName => name("span.name"),
            MetricSubject::SpanStatus => name("span.status"),
            MetricSubject::SpanType => name("span.type"),
            MetricSubject::AssessmentName => name("assessment.name"),
            MetricSubject::AssessmentType => name("assessment.type"),
        };
        joined(&names, &compared("=", &self.value))
    }
}
