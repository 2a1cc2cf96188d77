//! MLflow's error codes and the JSON body of an error.

use crate::python;
use schemars::JsonSchema;
use serde::Serialize;
use thiserror::Error;

/// The `error_code` of an answer; only those that mlferry sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The request can't be carried out as asked.
    BadRequest,
    /// A route that does not exist.
    EndpointNotFound,
    /// A feature that is switched off.
    FeatureDisabled,
    /// A fault of the server.
    InternalError,
    /// A parameter is missing, of the wrong type, or out of range.
    InvalidParameterValue,
    /// What is asked contradicts the state of the resource.
    InvalidState,
    /// The files of something that exists are not there.
    NotFound,
    /// A feature that this server or this artifact store does not have.
    NotImplemented,
    /// The caller may not do this.
    PermissionDenied,
    /// Something with that name exists.
    ResourceAlreadyExists,
    /// Another writer was faster, or a precondition failed.
    ResourceConflict,
    /// Nothing with that name or id exists.
    ResourceDoesNotExist,
    /// A limit of the server is reached.
    ResourceExhausted,
    /// The database or the artifact store can't answer now; a retry may succeed.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The HTTP status that the reference sends with this code.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::BadRequest | Self::InvalidParameterValue | Self::ResourceAlreadyExists => 400,
            Self::PermissionDenied => 403,
            Self::EndpointNotFound | Self::NotFound | Self::ResourceDoesNotExist => 404,
            Self::ResourceConflict => 409,
            Self::ResourceExhausted => 429,
            Self::FeatureDisabled | Self::InternalError | Self::InvalidState => 500,
            Self::NotImplemented => 501,
            Self::TemporarilyUnavailable => 503,
        }
    }

    /// `sqlstate` and `error_class` of the body; codes without a mapping have neither.
    #[must_use]
    pub fn classification(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::BadRequest | Self::InvalidParameterValue => {
                Some(("KAM00", "INVALID_PARAMETER_VALUE"))
            }
            Self::ResourceAlreadyExists => Some(("KAM00", "RESOURCE_ALREADY_EXISTS")),
            Self::EndpointNotFound | Self::NotFound | Self::ResourceDoesNotExist => {
                Some(("KAM00", "RESOURCE_NOT_FOUND"))
            }
            Self::PermissionDenied => Some(("KAM00", "PERMISSION_DENIED")),
            Self::FeatureDisabled => Some(("KAM00", "FEATURE_DISABLED")),
            Self::InternalError | Self::InvalidState | Self::TemporarilyUnavailable => {
                Some(("XXM00", "CLIENT_INTERNAL_ERROR"))
            }
            Self::NotImplemented | Self::ResourceConflict | Self::ResourceExhausted => None,
        }
    }
}

/// The JSON body of every error, keys in the reference's order.
#[derive(Debug, Clone, JsonSchema, Serialize)]
pub struct ErrorBody<'a> {
    error_code: ErrorCode,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_class: Option<&'static str>,
}

impl<'a> ErrorBody<'a> {
    /// The body for a code and the text that the user reads.
    #[must_use]
    pub fn new(error_code: ErrorCode, message: &'a str) -> Self {
        let classification = error_code.classification();
        Self {
            error_code,
            message,
            sqlstate: classification.map(|(sqlstate, _)| sqlstate),
            error_class: classification.map(|(_, class)| class),
        }
    }
}

/// A request that is refused as it stands, with `INVALID_PARAMETER_VALUE` unless a parameter names what
/// cannot exist; the text is what the user reads.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct InvalidParameter {
    code: ErrorCode,
    message: String,
}

/// Ends every message of the reference's request schema.
const SEE_API_DOCS: &str = "See the API docs for more information about request parameters.";

impl InvalidParameter {
    /// A refusal in free words.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidParameterValue, message: message.into() }
    }

    /// An integer that no experiment has as its id, since no database holds it.
    pub(crate) fn no_experiment(id: &str) -> Self {
        let message = format!("No Experiment with id={id} exists");
        Self { code: ErrorCode::ResourceDoesNotExist, message }
    }

    /// The code that a client gets.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// `parameter` is absent, null or empty.
    #[must_use]
    pub fn missing(parameter: &str) -> Self {
        Self::new(format!("Missing value for required parameter '{parameter}'. {SEE_API_DOCS}"))
    }

    /// `value` has a JSON type that `parameter` does not take.
    #[must_use]
    pub fn wrong_type(parameter: &str, value: &serde_json::Value) -> Self {
        let type_name = python::type_name(value);
        // The reference shows objects with their keys in order.
        let value = python::sorted(value);
        Self::new(format!(
            "Invalid value {value} for parameter '{parameter}' supplied:  \
             Hint: Value was of type '{type_name}'. {SEE_API_DOCS}"
        ))
    }

    /// A refusal of the request schema that has words of its own.
    pub fn schema(message: impl std::fmt::Display) -> Self {
        Self::new(format!("{message} {SEE_API_DOCS}"))
    }

    /// `value`, shown as JSON, is refused for `reason`.
    pub fn value(
        parameter: &str,
        value: impl Into<serde_json::Value>,
        reason: impl std::fmt::Display,
    ) -> Self {
        let value = python::sorted(&value.into());
        Self::new(format!("Invalid value {value} for parameter '{parameter}' supplied: {reason}"))
    }

    /// `parameter` is longer than `limit` characters.
    #[must_use]
    pub fn too_long(parameter: &str, limit: usize) -> Self {
        Self::new(format!("'{parameter}' exceeds the maximum length of {limit} characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_body_has_the_keys_of_the_reference_in_its_order() {
        let body =
            ErrorBody::new(ErrorCode::ResourceDoesNotExist, "No Experiment with id=9 exists");
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"No Experiment with id=9 exists","sqlstate":"KAM00","error_class":"RESOURCE_NOT_FOUND"}"#
        );
        let body = ErrorBody::new(ErrorCode::NotImplemented, "no");
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"error_code":"NOT_IMPLEMENTED","message":"no"}"#
        );
    }

    #[test]
    fn a_wrong_type_is_named_as_python_names_it() {
        assert_eq!(
            InvalidParameter::wrong_type("tags", &json!({"key": "a"})).to_string(),
            "Invalid value {\"key\":\"a\"} for parameter 'tags' supplied:  Hint: Value was of type \
             'dict'. See the API docs for more information about request parameters."
        );
    }
}
