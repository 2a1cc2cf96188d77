//! What MLflow's migrations gave up since 2.22.5: parts of older schemas that are not kept as the owner's.

/// Table, old and new name.
pub(super) const RENAMED_COLUMNS: [(&str, &str, &str); 1] =
    [("jobs", "function_fullname", "job_name")];

/// Table and name.
pub(super) const COLUMNS: [(&str, &str); 1] = [("spans", "dimension_attributes")];

/// Indexes that were replaced by others, or by constraints.
pub(super) const INDEXES: [&str; 6] = [
    "index_jobs_function_status_creation_time",
    "index_spans_experiment_id",
    "unique_endpoint_model_mapping",
    "unique_endpoint_name",
    "unique_model_definition_name",
    "unique_secret_name",
];

/// Table and start of the definition. Their names depend on the release of PostgreSQL; on SQLite they go
/// with the table.
pub(super) const CONSTRAINTS: [(&str, &str); 6] = [
    ("experiments", "UNIQUE (name)"),
    ("registered_models", "UNIQUE (name)"),
    ("model_versions", "FOREIGN KEY (name) REFERENCES registered_models(name)"),
    ("registered_model_tags", "FOREIGN KEY (name) REFERENCES registered_models(name)"),
    ("registered_model_aliases", "FOREIGN KEY (name) REFERENCES registered_models(name)"),
    ("model_version_tags", "FOREIGN KEY (name, version) REFERENCES model_versions(name, version)"),
];
