//! MLflow's messages, names, limits and error codes as Rust types.
//!
//! A value of a type from this crate is valid: text from a client becomes one of them at the door
//! and is not checked again further in.

pub mod access;
pub mod artifacts;
pub mod assessments;
pub mod batch;
pub mod changes;
pub mod custom_views;
pub mod dataset_records;
pub mod datasets;
mod empty;
mod enums;
mod error;
pub mod evaluation_datasets;
pub mod experiment_summaries;
pub mod experiments;
mod fields;
pub mod graphql;
mod ids;
pub mod judgements;
pub mod limits;
pub mod logged_model_search;
pub mod logged_models;
mod messages;
pub mod metric_histories;
pub mod metrics;
pub mod model_history;
pub mod model_versions;
mod names;
mod number;
pub mod otel;
mod paging;
pub mod params;
pub mod python;
pub mod registered_models;
pub mod runs;
mod schemas;
pub mod scorers;
pub mod serialized_scorers;
pub mod server_info;
mod shapes;
mod span_conventions;
pub mod span_messages;
pub mod spans;
pub mod tags;
pub mod times;
pub mod trace_changes;
pub mod trace_correlations;
pub mod trace_measures;
pub mod trace_metrics;
mod trace_previews;
pub mod traces;
pub mod traces_v2;
pub mod webhook_events;
pub mod webhooks;

pub use empty::Empty;
pub use enums::{ViewType, WireEnum};
pub use error::{ErrorBody, ErrorCode, InvalidParameter};
pub use fields::{DecodeRequest, FieldKind, Fields, LongValues};
pub use ids::{ExperimentId, RunId};
pub use messages::{MESSAGES, Message, MessageInfo};
pub use names::{check_key, check_length, check_name, truncate};
pub use number::double;
pub use paging::PageToken;
pub use shapes::{Field, Shape};

/// Version of MLflow whose API, schema and messages are spoken, as `GET /version` answers it.
pub const MLFLOW_VERSION: &str = "3.17.2";
