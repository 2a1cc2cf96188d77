//! Records in SQL: experiments, runs and what is logged to them, in MLflow's own schema.
//!
//! [`Store`] answers for all of it. One file for each resource says what a request does, in SQL that
//! is built for whatever database stands behind; [`db`] alone knows which one that is.

mod access;
mod activity;
mod arrived_spans;
mod artifact_uri;
mod assessment_rows;
mod assessments;
mod associations;
mod backup;
mod batch;
mod changes;
mod clock;
mod conditions;
mod custom_views;
mod database_uri;
mod dataset_experiments;
mod dataset_records;
mod dataset_schema;
mod dataset_search;
mod datasets;
mod db;
mod doctor;
mod error;
mod evaluation_dataset_search;
mod evaluation_datasets;
mod experiment_search;
mod experiment_summaries;
mod experiments;
mod few_runs;
mod gc;
mod import;
mod inputs;
mod jobs;
mod lifecycle;
mod logged_model_details;
mod logged_model_search;
mod logged_models;
mod metric_groups;
mod metric_histories;
mod metric_samples;
mod metrics;
mod model_aliases;
mod model_history;
mod model_version_creation;
mod model_version_files;
mod model_version_search;
mod model_version_source;
mod model_versions;
mod online_scoring;
mod open_error;
mod owners;
mod params;
mod prompts;
mod python_json;
mod reads;
mod registered_model_search;
mod registered_models;
mod registry_details;
mod registry_tags;
mod run_arrays;
mod run_details;
mod run_locks;
mod run_names;
mod run_rows;
mod run_search;
mod runs;
mod schema;
mod scorer_endpoints;
mod scorers;
mod source_uri;
mod sources;
mod span_rows;
mod span_sums;
mod spans;
mod store;
mod tables;
mod tags;
mod trace;
mod trace_changes;
mod trace_columns;
mod trace_conditions;
mod trace_correlations;
mod trace_filter;
mod trace_metrics;
mod trace_reads;
mod trace_rows;
mod trace_search;
mod trace_updates;
mod traces;
mod traces_v2;
mod uri_parts;
mod webhook_deliveries;
mod webhook_news;
mod webhook_secrets;
mod webhooks;
mod writes;

pub use access::{
    AccessError, AccessStore, Account, HashError, SignOn, SignedOn, TokenAccount, hash_password,
    is_password,
};
pub use activity::{Groups, PoolUse, StoreActivity};
pub use backup::{
    BackupError, CopyPurpose, DatabaseContents, HeldDatabase, SqliteFile,
    contents as backup_contents,
};
pub use changes::Marks;
pub use database_uri::without_password;
pub use db::{Connections, DbError, Depth, Faults};
pub use doctor::{Checkup, FolderOwner, Located, LocatedVersion, RecordFinding, Severity};
pub use error::StoreError;
pub use gc::{Garbage, GarbageFilter, GarbageId};
pub use import::{
    Counts, ImportedExperiment, ImportedModel, ImportedRun, Owners, Place, PlacedExperiment,
    Series, SeriesPoint,
};
pub use open_error::OpenError;
pub use owners::{Owned, Ownership};
pub use runs::RunSource;
pub use schema::{Progress, SchemaReport, Step, Upgrade, check_schema, upgrade_schema};
pub use sources::{SourceOf, is_of_server};
pub use store::{Store, StoreOptions};
pub use trace_reads::TraceData;
pub use webhook_deliveries::{Claim, Delivery, Waiting};
pub use webhook_secrets::{InvalidSecretKey, SecretKey};
pub use webhooks::WebhookSecret;
