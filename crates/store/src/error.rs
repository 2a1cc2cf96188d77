//! Why a request can fail; the text of an error is what a user reads.

use crate::{
    access::AccessError,
    db::{DbError, Trouble},
};
use mlferry_protocol::{
    ErrorCode, ExperimentId, InvalidParameter, RunId,
    model_versions::VersionNumber,
    python::{self, repr_str},
};
use thiserror::Error;

/// Why a request could not be carried out.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A parameter that only the store can judge.
    #[error(transparent)]
    Invalid(#[from] InvalidParameter),
    /// Something is wrong with users, roles or permissions.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No experiment has this id.
    #[error("No Experiment with id={0} exists")]
    ExperimentNotFound(ExperimentId),
    /// No experiment has this name.
    #[error("Could not find experiment with name '{0}'")]
    ExperimentNameNotFound(String),
    /// Another experiment has this name, perhaps a deleted one.
    #[error("Experiment(name={0}) already exists.")]
    ExperimentExists(String),
    /// The experiment is deleted, so nothing is added to it.
    #[error("The experiment {0} must be in the 'active' state. Current state is deleted.")]
    ExperimentDeleted(ExperimentId),
    /// The experiment is deleted, so it keeps its name.
    #[error("Cannot rename a non-active experiment.")]
    RenameOfDeleted,
    /// The experiment has no such tag.
    #[error("No tag with name: {key} in experiment with id {experiment_id}")]
    ExperimentTagNotFound {
        /// The tag.
        key: String,
        /// The experiment.
        experiment_id: ExperimentId,
    },
    /// No run has this id.
    #[error("Run with id={0} not found")]
    RunNotFound(RunId),
    /// The run is deleted, so nothing is logged to it.
    #[error("The run {0} must be in the 'active' state. Current state is deleted.")]
    RunDeleted(RunId),
    /// The run has no such tag.
    #[error("No tag with name: {key} in run with id {run_id}")]
    RunTagNotFound {
        /// The tag.
        key: String,
        /// The run.
        run_id: RunId,
    },
    /// No webhook has this id, or it is deleted.
    #[error("Webhook with ID {0} not found.")]
    WebhookNotFound(String),
    /// There is no key to encrypt a webhook's secret with.
    #[error(
        "A webhook's secret is kept encrypted, and the server has no key for it: set \
         MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY on the server, or leave the secret out."
    )]
    NoSecretKey,
    /// No logged model has this id.
    #[error("Logged model with ID '{0}' not found.")]
    LoggedModelNotFound(String),
    /// The logged model has no such tag.
    #[error("No tag with key {} found for model with ID {}.", repr_str(.key), repr_str(.model_id))]
    LoggedModelTagNotFound {
        /// The tag.
        key: String,
        /// The model.
        model_id: String,
    },
    /// The experiment has no such scorer, or the scorer no such version.
    #[error(
        "Scorer with name '{name}'{} not found for experiment {experiment_id}.",
        .version.map(|version| format!(" and version {version}")).unwrap_or_default()
    )]
    ScorerNotFound {
        /// The experiment.
        experiment_id: ExperimentId,
        /// The scorer.
        name: String,
        /// The version that was asked for, where there are others.
        version: Option<i64>,
    },
    /// The gateway has no endpoint with this name.
    #[error("GatewayEndpoint not found (name='{0}')")]
    EndpointNotFound(String),
    /// No evaluation dataset has this id.
    #[error("Evaluation dataset with id '{0}' not found")]
    EvaluationDatasetNotFound(String),
    /// No evaluation dataset has this id, so it gets no tags.
    #[error("Could not find evaluation dataset with ID {0}")]
    TaggedDatasetNotFound(String),
    /// No evaluation dataset has this id, so it changes no experiments.
    #[error("Dataset '{0}' not found")]
    SharedDatasetNotFound(String),
    /// No experiment has this id, so it gets no dataset.
    #[error("No Experiment with id={0}")]
    SharingExperimentNotFound(String),
    /// No trace has this id, so it gets no assessments.
    #[error("Trace with ID '{0}' not found.")]
    AssessedTraceNotFound(String),
    /// No trace has this id, so it has no assessments.
    #[error("Trace with request_id '{0}' not found")]
    RequestNotFound(String),
    /// The trace has no such assessment.
    #[error("Assessment with ID '{assessment_id}' not found for trace '{trace_id}'")]
    AssessmentNotFound {
        /// The assessment.
        assessment_id: String,
        /// The trace.
        trace_id: String,
    },
    /// Another assessment has the id that a client wants.
    #[error("Assessment with ID '{0}' already exists.")]
    AssessmentExists(String),
    /// Feedback gets no expectation.
    #[error("Cannot update expectation value on a Feedback assessment.")]
    NoExpectation,
    /// An expectation gets no feedback.
    #[error("Cannot update feedback value on an Expectation assessment.")]
    NoFeedback,
    /// References to issues stay as they are.
    #[error("An assessment that refers to an issue can't be changed.")]
    IssueReference,
    /// A metric or an output names a logged model that does not exist.
    #[error("Logged model with ID '{0}' not found.")]
    ModelNotFound(String),
    /// No registered model has this name.
    #[error("Registered Model with name={0} not found")]
    RegisteredModelNotFound(String),
    /// Another registered model has this name.
    #[error("Registered Model (name={0}) already exists.")]
    RegisteredModelExists(String),
    /// Another prompt has this name.
    #[error("Prompt (name={0}) already exists.")]
    PromptExists(String),
    /// Prompts and registered models share their names.
    #[error(
        "Tried to create a {wanted} with name {}, but the name is already taken by a {taker}. MLflow \
         does not allow creating a model and a prompt with the same name.",
        python::repr_str(name)
    )]
    NameTaken {
        /// The name.
        name: String,
        /// What was to get it.
        wanted: &'static str,
        /// What has it.
        taker: &'static str,
    },
    /// The registered model has no such version.
    #[error("Model Version (name={name}, version={version}) not found")]
    ModelVersionNotFound {
        /// The model.
        name: String,
        /// The version.
        version: VersionNumber,
    },
    /// The registered model has no versions, or none in a stage.
    #[error("No versions of model with name '{name}'{in_stage} found")]
    NoVersions {
        /// The model.
        name: String,
        /// The stage, in words that follow.
        in_stage: String,
    },
    /// The registered model has no versions, and so no newest one.
    #[error("Latest version not found for model {0}.")]
    NoLatestVersion(String),
    /// The registered model has no such alias.
    #[error("Registered model alias {0} not found.")]
    AliasNotFound(String),
    /// The run made this model at another step.
    #[error("Model '{model_id}' is already an output of run '{run_id}', at step {step}.")]
    OutputExists {
        /// The logged model.
        model_id: String,
        /// The run.
        run_id: RunId,
        /// The step that is recorded.
        step: i64,
    },
    /// No trace has this id.
    #[error("Trace with ID '{0}' not found.")]
    TraceNotFound(String),
    /// The trace has no such tag.
    #[error("No trace tag with key '{key}' for trace with ID '{trace_id}'")]
    TraceTagNotFound {
        /// The tag.
        key: String,
        /// The trace.
        trace_id: String,
    },
    /// The spans of the trace were moved out of the database, so it takes no more.
    #[error("Cannot update traces that are no longer DB-backed: '{0}'.")]
    TraceMoved(String),
    /// The spans of the trace were archived, so it takes no more.
    #[error("Cannot log spans to archived traces: '{0}'.")]
    TraceArchived(String),
    /// The spans of the trace are files, or were archived.
    #[error("Trace data not stored in tracking store")]
    SpansElsewhere,
    /// Some spans of the trace are still on their way.
    #[error("Trace with ID {0} is not fully exported yet, please try again later.")]
    TraceIncomplete(String),
    /// No trace has this id; the words of the request for its spans.
    #[error("Trace with ID {0} is not found.")]
    NoTrace(String),
    /// The experiment can't be removed for good while something of it is left.
    #[error("Experiment {0} still has runs.")]
    ExperimentNotEmpty(ExperimentId),
    /// Something that a later version will do.
    #[error("{0}")]
    NotImplemented(&'static str),
    /// The database failed; the source says how, for the log only.
    #[error("{}", told(.0.trouble()))]
    Database(#[source] DbError),
}

/// What a user is told of a database's trouble.
fn told(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Busy | Trouble::Conflict => "The database is busy. Please try again.",
        Trouble::Unavailable | Trouble::Lost | Trouble::Tls => {
            "The database is not available. Please try again."
        }
        Trouble::ReadOnly => "The database takes no changes.",
        Trouble::Full => "The disk that holds the database is full.",
        Trouble::Damaged => {
            "The file of the database is damaged. The server's operator should run `mlferry doctor`."
        }
        Trouble::Value => {
            "A value is too long or too large for the database, or has characters that it can't keep."
        }
        Trouble::Duplicate | Trouble::Login | Trouble::NoDatabase | Trouble::Other => {
            "The database could not carry out the request."
        }
    }
}

impl StoreError {
    /// The code that a client gets.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(error) => error.code(),
            Self::Access(error) => error.code(),
            Self::ExperimentDeleted(_)
            | Self::RunDeleted(_)
            | Self::AliasNotFound(_)
            | Self::NoExpectation
            | Self::NoFeedback
            | Self::IssueReference
            | Self::NoSecretKey => ErrorCode::InvalidParameterValue,
            Self::ExperimentNotFound(_)
            | Self::ExperimentNameNotFound(_)
            | Self::ExperimentTagNotFound { .. }
            | Self::RunNotFound(_)
            | Self::LoggedModelNotFound(_)
            | Self::RegisteredModelNotFound(_)
            | Self::ModelVersionNotFound { .. }
            | Self::NoVersions { .. }
            | Self::NoLatestVersion(_)
            | Self::LoggedModelTagNotFound { .. }
            | Self::TraceNotFound(_)
            | Self::TraceTagNotFound { .. }
            | Self::SpansElsewhere
            | Self::TraceIncomplete(_)
            | Self::NoTrace(_)
            | Self::ScorerNotFound { .. }
            | Self::EndpointNotFound(_)
            | Self::AssessedTraceNotFound(_)
            | Self::RequestNotFound(_)
            | Self::AssessmentNotFound { .. }
            | Self::EvaluationDatasetNotFound(_)
            | Self::TaggedDatasetNotFound(_)
            | Self::SharedDatasetNotFound(_)
            | Self::SharingExperimentNotFound(_)
            | Self::RunTagNotFound { .. }
            | Self::WebhookNotFound(_) => ErrorCode::ResourceDoesNotExist,
            Self::ExperimentExists(_)
            | Self::RegisteredModelExists(_)
            | Self::PromptExists(_)
            | Self::NameTaken { .. }
            | Self::AssessmentExists(_) => ErrorCode::ResourceAlreadyExists,
            Self::RenameOfDeleted
            | Self::ExperimentNotEmpty(_)
            | Self::TraceMoved(_)
            | Self::TraceArchived(_) => ErrorCode::InvalidState,
            Self::ModelNotFound(_) | Self::OutputExists { .. } => ErrorCode::BadRequest,
            Self::NotImplemented(_) => ErrorCode::NotImplemented,
            Self::Database(error) => match error.trouble() {
                Trouble::Busy
                | Trouble::Conflict
                | Trouble::Unavailable
                | Trouble::Lost
                | Trouble::ReadOnly
                | Trouble::Tls
                | Trouble::Login
                | Trouble::NoDatabase => ErrorCode::TemporarilyUnavailable,
                Trouble::Full => ErrorCode::ResourceExhausted,
                Trouble::Value => ErrorCode::InvalidParameterValue,
                Trouble::Duplicate | Trouble::Damaged | Trouble::Other => ErrorCode::InternalError,
            },
        }
    }
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}
