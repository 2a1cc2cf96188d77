//! Limits of the API, each with its source: the reference's own check or its column's width.

use crate::InvalidParameter;

/// Characters of an experiment's name: the width of `experiments.name`, which `PostgreSQL` enforces.
pub const EXPERIMENT_NAME: usize = 256;
/// Characters of an experiment's name that the reference checks for.
pub const EXPERIMENT_NAME_CHECKED: usize = 500;
/// Characters of `artifact_location` given by a client: `MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH`.
pub const ARTIFACT_LOCATION: usize = 2048;
/// Characters of an experiment tag's value.
pub const EXPERIMENT_TAG_VALUE: usize = 20_000;
/// Characters of a run's name: the width of `runs.name`, which the reference leaves to the database.
pub const RUN_NAME: usize = 250;
/// Characters of a run's `user_id`: the width of `runs.user_id`.
pub const USER_ID: usize = 256;
/// Characters of the key of a metric, param or tag.
pub const KEY: usize = 250;
/// Characters of a param's value; longer ones are cut (`MLFLOW_TRUNCATE_LONG_VALUES`).
pub const PARAM_VALUE: usize = 6000;
/// Characters of a run tag's value; longer ones are cut (`MLFLOW_TRUNCATE_LONG_VALUES`).
pub const TAG_VALUE: usize = 8000;
/// Metrics in one `log-batch`, and metrics, params and tags together.
pub const BATCH_METRICS: usize = 1000;
/// Params in one `log-batch`.
pub const BATCH_PARAMS: usize = 100;
/// Tags in one `log-batch`.
pub const BATCH_TAGS: usize = 100;
/// Datasets in one `log-inputs`.
pub const BATCH_DATASETS: usize = 1000;
/// Characters of a dataset's name.
pub const DATASET_NAME: usize = 500;
/// Characters of a dataset's digest.
pub const DATASET_DIGEST: usize = 36;
/// Characters of a dataset's source.
pub const DATASET_SOURCE: usize = 65_535;
/// Characters of a dataset's schema.
pub const DATASET_SCHEMA: usize = 1_048_575;
/// Characters of a dataset's profile.
pub const DATASET_PROFILE: usize = 16_777_215;
/// Characters of a dataset's source type: the width of `datasets.dataset_source_type`.
pub const DATASET_SOURCE_TYPE: usize = 36;
/// Characters of an input tag's key.
pub const INPUT_TAG_KEY: usize = 255;
/// Characters of an input tag's value.
pub const INPUT_TAG_VALUE: usize = 500;
/// Characters of a logged model's id: the width of `logged_models.model_id` and of `inputs`.
pub const MODEL_ID: usize = 36;
/// Characters of a logged model's name: the width of `logged_models.name`.
pub const MODEL_NAME: usize = 500;
/// Characters of a logged model's type: the width of `logged_models.model_type`.
pub const MODEL_TYPE: usize = 500;
/// Characters of the run that made a logged model: the width of `logged_models.source_run_id`.
pub const SOURCE_RUN_ID: usize = 32;
/// Characters of the key of a logged model's param or tag: the width of their columns.
pub const MODEL_KEY: usize = 255;
/// Characters of a logged model's location: the width of `logged_models.artifact_location`.
pub const MODEL_ARTIFACT_LOCATION: usize = 1000;
/// Characters of an experiment's location: the width of `experiments.artifact_location`.
pub const STORED_ARTIFACT_LOCATION: usize = 256;
/// Characters of a run's artifact URI: the width of `runs.artifact_uri`.
pub const RUN_ARTIFACT_URI: usize = 200;
/// Custom views of an experiment, which are tags: the reference's `MAX_CUSTOM_VIEWS_PER_EXPERIMENT`.
pub const CUSTOM_VIEWS: usize = 50;
/// Characters of a registered model's name: the width of `registered_models.name`.
pub const REGISTERED_MODEL_NAME: usize = 256;
/// Characters of the description of a registered model or a model version: the widths of the columns.
pub const MODEL_DESCRIPTION: usize = 5000;
/// Characters of a tag's value in the model registry that the reference checks for.
pub const MODEL_TAG_VALUE: usize = 100_000;
/// Characters of a registered model's tag's value: the width of `registered_model_tags.value`.
pub const REGISTERED_MODEL_TAG_VALUE: usize = 5000;
/// Characters of an alias of a model version.
pub const MODEL_ALIAS: usize = 255;
/// Characters of where a model version comes from: the width of `model_versions.source`, and of
/// `storage_location`.
pub const MODEL_SOURCE: usize = 500;
/// Characters of a link to a model version's run: the width of `model_versions.run_link`.
pub const MODEL_RUN_LINK: usize = 500;
/// Characters of the id of a model version's run: the width of `model_versions.run_id`.
pub const MODEL_RUN_ID: usize = 32;
/// Registered models in one page of a search.
pub const SEARCH_REGISTERED_MODELS_RESULTS: i64 = 1000;
/// Registered models in a page when the client does not say.
pub const SEARCH_REGISTERED_MODELS_DEFAULT_RESULTS: i64 = 100;
/// Model versions in one page of a search, and as many when the client does not say.
pub const SEARCH_MODEL_VERSIONS_RESULTS: i64 = 200_000;
/// Experiments whose datasets one request asks for.
pub const SEARCH_DATASETS_EXPERIMENTS: usize = 20;
/// Datasets in one answer.
pub const SEARCH_DATASETS_RESULTS: u64 = 1000;
/// Experiments whose runs one request counts.
pub const SUMMARIZED_EXPERIMENTS: usize = 200;
/// Experiments and runs that one page watches.
pub const WATCHED: usize = 100;
/// Runs of a watched experiment that are looked at, the newest ones: a page shows as many at first.
pub const WATCHED_NEWEST_RUNS: u64 = 200;
/// Runs whose histories one request asks for.
pub const HISTORY_RUNS: usize = 100;
/// Values in the histories of many runs together.
pub const HISTORY_BULK_RESULTS: u64 = 25_000;
/// Values of each run in a sample of histories.
pub const HISTORY_INTERVAL_RESULTS: u16 = 2500;
/// Characters of a scorer's name: the width of `scorers.scorer_name`.
pub const SCORER_NAME: usize = 256;
/// Characters of an evaluation dataset's name: the width of `evaluation_datasets.name`.
pub const EVALUATION_DATASET_NAME: usize = 255;
/// Characters of the key of an evaluation dataset's tag: its column's width.
pub const DATASET_TAG_KEY: usize = 255;
/// Characters of the value of an evaluation dataset's tag: its column's width.
pub const DATASET_TAG_VALUE: usize = 5000;
/// Characters of who made or changed an evaluation dataset or its records: the columns' width.
pub const DATASET_USER: usize = 255;
/// Characters of what names the source of a record: the width of `evaluation_dataset_records.source_id`.
pub const SOURCE_ID: usize = 36;
/// Characters of an id in `entity_associations`: its columns' width.
pub const ASSOCIATED_ID: usize = 36;
/// Evaluation datasets in a page when the client does not say.
pub const SEARCH_EVALUATION_DATASETS_DEFAULT_RESULTS: u64 = 1000;
/// Records of an evaluation dataset in a page when the client does not say.
pub const DATASET_RECORDS_DEFAULT_RESULTS: u64 = 1000;
/// Characters of an assessment's id: the width of `assessments.assessment_id` and `overrides`.
pub const ASSESSMENT_ID: usize = 50;
/// Characters of a span's id: the width of `assessments.span_id`.
pub const SPAN_ID: usize = 50;
/// Characters of who assesses: the width of `assessments.source_id`.
pub const ASSESSMENT_SOURCE_ID: usize = 250;
/// Characters of the id of the run that assesses: the width of `assessments.run_id`.
pub const ASSESSMENT_RUN_ID: usize = 32;
/// Characters of a webhook's name.
pub const WEBHOOK_NAME: usize = 63;
/// Characters of a webhook's address: the width of `webhooks.url`.
pub const WEBHOOK_URL: usize = 500;
/// Characters of a webhook's description: the width of `webhooks.description`.
pub const WEBHOOK_DESCRIPTION: usize = 1000;
/// Bytes of a webhook's secret: encrypted, more would be wider than `webhooks.secret`, which takes 1,000 characters.
pub const WEBHOOK_SECRET_BYTES: usize = 687;
/// Webhooks in one page of a list.
pub const LIST_WEBHOOKS_RESULTS: u64 = 1000;
/// Webhooks in a page when the client does not say.
pub const LIST_WEBHOOKS_DEFAULT_RESULTS: u64 = 100;
/// Seconds for which a presigned URL may be good: object stores allow no more than a week.
pub const PRESIGNED_SECONDS: i64 = 604_800;
/// Seconds for which a URL for a download is good when neither client nor operator says.
pub const PRESIGNED_DOWNLOAD_DEFAULT_SECONDS: i64 = 300;
/// Seconds for which a URL for an upload is good when the client does not say.
pub const PRESIGNED_UPLOAD_DEFAULT_SECONDS: i64 = 900;
/// Runs or experiments in one page of a search.
pub const SEARCH_MAX_RESULTS: i64 = 50_000;
/// Runs in a page when the client does not say.
pub const SEARCH_RUNS_DEFAULT_RESULTS: i64 = 1000;
/// Characters of a trace's id: the width of `trace_info.request_id`.
pub const TRACE_ID: usize = 50;
/// Characters of the id that a client gives a trace: the width of `trace_info.client_request_id`.
pub const TRACE_CLIENT_REQUEST_ID: usize = 50;
/// Characters of a trace's name: `MAX_CHARS_IN_TRACE_INFO_TAGS_VALUE`.
pub const TRACE_NAME: usize = 4096;
/// Characters of a trace's session: `MAX_CHARS_IN_TRACE_INFO_METADATA`.
pub const TRACE_SESSION: usize = 250;
/// Characters of a value of a trace's tags and metadata; longer ones are cut (`MAX_TRACE_TAG_VAL_LENGTH`).
pub const TRACE_TAG_VALUE: usize = 8000;
/// Characters of a tag's value in answers.
pub const TRACE_TAG_SHOWN: usize = 4096;
/// Characters of metadata in answers.
pub const TRACE_METADATA_SHOWN: usize = 250;
/// Characters of a preview: the width of `trace_info.request_preview`.
pub const TRACE_PREVIEW: usize = 1000;
/// Traces that one request links to a run: `MAX_TRACE_LINKS_PER_REQUEST`.
pub const TRACE_LINKS: usize = 100;
/// Traces in one page of a search.
pub const SEARCH_TRACES_RESULTS: i64 = 500;
/// Traces in a page when the client does not say.
pub const SEARCH_TRACES_DEFAULT_RESULTS: i64 = 100;
/// Groups in an answer of `traces/metrics` when the client does not say: `MAX_RESULTS_QUERY_TRACE_METRICS`.
pub const TRACE_METRICS_DEFAULT_RESULTS: i64 = 1000;
/// Different aggregations in one request: each is a few columns of a statement, of which SQLite takes 2,000.
pub const TRACE_METRIC_AGGREGATIONS: usize = 100;
/// Bytes of a file sent to `upload-artifact`.
pub const UPLOAD_ARTIFACT_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of a JSON request body: 1,000 metrics with the longest keys fit many times over; the
/// largest message is `log-inputs` with a 16 MiB profile.
pub const JSON_BODY_BYTES: usize = 64 * 1024 * 1024;
/// Values in a request body: each takes up to two hundred bytes in memory, be it one byte on the way. The limit is ours;
/// a full `log-batch` has 6,000.
pub const BODY_VALUES: usize = 2_000_000;
/// Characters of a password at least: the reference's own check.
pub const PASSWORD_LEAST_LENGTH: usize = 12;
/// Bytes of a password. The limit is ours: all of them are hashed.
pub const PASSWORD_BYTES: usize = 1024;
/// Characters of a username: the width of `users.username`.
pub const USERNAME_LENGTH: usize = 255;
/// Characters of what a permission is granted on: the width of `role_permissions.resource_pattern`.
pub const GRANT_PATTERN_LENGTH: usize = 255;
/// Characters of a token's name: the width of `mlferry_tokens.name`, which is ours.
pub const TOKEN_NAME_LENGTH: usize = 255;
/// Experiments to which a token can be limited. The limit is ours: all of them are compared with each request.
pub const TOKEN_EXPERIMENTS: usize = 1_000;
/// Seconds that a token can last: ten years. The limit is ours.
pub const TOKEN_LIFETIME_SECONDS: i64 = 10 * 365 * 24 * 3600;
/// Characters of a workspace's name: the width of `roles.workspace`.
pub const WORKSPACE_LENGTH: usize = 63;
/// Characters of a role's name: the width of `roles.name`.
pub const ROLE_NAME_LENGTH: usize = 255;
/// Characters of a role's description: the width of `roles.description`.
pub const ROLE_DESCRIPTION_LENGTH: usize = 1024;

/// Refuses more than `limit` of `what` in one request.
pub(crate) fn check_batch(what: &str, count: usize, limit: usize) -> Result<(), InvalidParameter> {
    if count <= limit {
        return Ok(());
    }
    Err(InvalidParameter::new(format!(
        "A batch logging request can contain at most {limit} {what}. Got {count} {what}. \
         Please split up {what} across multiple requests and try again."
    )))
}
