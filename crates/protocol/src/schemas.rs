//! JSON schemas of what is not written field by field.

use crate::{
    ExperimentId, PageToken, WireEnum,
    access::TokenScope,
    artifacts::UrlHeaders,
    assessments::{Assessment, AssessmentSource},
    dataset_records::RecordCursor,
    logged_models::LoggedModelStatus,
    metrics::HistoryStart,
    model_versions::VersionNumber,
    runs::RunStatus,
    tags::Tag,
    traces::{TraceInfo, TraceState},
    traces_v2::TraceInfoV2,
    webhook_events::{WebhookAction, WebhookEntity, WebhookEvent},
    webhooks::WebhookStatus,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Gives types a schema, which stands where they are used or has their name.
macro_rules! schemas {
    (inline: $is_inline:literal; $($type:ident = |$generator:ident| $schema:expr;)+) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                $is_inline
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

/// One of an enumeration's names.
pub(crate) fn name_of<T: WireEnum>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": T::names()})
}

fn text() -> Schema {
    json_schema!({"type": "string"})
}

fn time() -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

fn texts_by_name() -> Schema {
    json_schema!({"type": "object", "additionalProperties": {"type": "string"}})
}

schemas! {
    inline: true;
    ExperimentId = |_generator| text();
    VersionNumber = |_generator| text();
    PageToken = |_generator| text();
    HistoryStart = |_generator| text();
    RecordCursor = |_generator| text();
    UrlHeaders = |_generator| texts_by_name();
    RunStatus = |generator| name_of::<Self>(generator);
    TokenScope = |generator| name_of::<Self>(generator);
    LoggedModelStatus = |generator| name_of::<Self>(generator);
    WebhookStatus = |generator| name_of::<Self>(generator);
    TraceState = |generator| name_of::<Self>(generator);
    WebhookEvent = |generator| json_schema!({
        "type": "object",
        "properties": {
            "entity": name_of::<WebhookEntity>(generator),
            "action": name_of::<WebhookAction>(generator),
        },
        "required": ["entity", "action"],
    });
}

schemas! {
    inline: false;
    TraceInfo = |generator| json_schema!({
        "type": "object",
        "description": "What is known of a trace.",
        "properties": {
            "trace_id": text(),
            "client_request_id": text(),
            "trace_location": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "const": "MLFLOW_EXPERIMENT"},
                    "mlflow_experiment": {
                        "type": "object",
                        "properties": {"experiment_id": text()},
                        "required": ["experiment_id"],
                    },
                },
                "required": ["type", "mlflow_experiment"],
            },
            "request_time": time(),
            "execution_duration": {"type": "string", "description": "Seconds, such as `1.500s`."},
            "state": generator.subschema_for::<TraceState>(),
            "trace_metadata": texts_by_name(),
            "assessments": {"type": "array", "items": generator.subschema_for::<Assessment>()},
            "tags": texts_by_name(),
            "request_preview": text(),
            "response_preview": text(),
        },
        "required": ["trace_id", "trace_location", "request_time", "state"],
    });
    TraceInfoV2 = |generator| json_schema!({
        "type": "object",
        "description": "What is known of a trace, as version 2 of the API says it.",
        "properties": {
            "request_id": text(),
            "experiment_id": text(),
            "timestamp_ms": {"type": "integer", "format": "int64"},
            "execution_time_ms": {"type": "integer", "format": "int64"},
            "status": text(),
            "request_metadata": {"type": "array", "items": generator.subschema_for::<Tag>()},
            "tags": {"type": "array", "items": generator.subschema_for::<Tag>()},
        },
        "required": ["request_id", "experiment_id", "timestamp_ms", "execution_time_ms", "status"],
    });
    Assessment = |generator| json_schema!({
        "type": "object",
        "description": "An assessment of a trace, with one of `feedback`, `expectation` and `issue`.",
        "properties": {
            "assessment_id": text(),
            "assessment_name": text(),
            "trace_id": text(),
            "span_id": text(),
            "source": generator.subschema_for::<AssessmentSource>(),
            "create_time": time(),
            "last_update_time": time(),
            "feedback": {"type": "object"},
            "expectation": {"type": "object"},
            "issue": {"type": "object"},
            "rationale": text(),
            "metadata": {"type": "object"},
            "overrides": text(),
            "valid": {"type": "boolean"},
        },
        "required": [
            "assessment_id",
            "assessment_name",
            "trace_id",
            "source",
            "create_time",
            "last_update_time",
            "valid",
        ],
    });
}
