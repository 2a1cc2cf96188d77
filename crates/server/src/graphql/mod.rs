//! The few questions that the web page asks in GraphQL.
//!
//! The calls behind them are those of the API, and the schema says how their answers are shown. What a client
//! can tell of the reference is kept: a refusal is an answer with status 200, and errors are texts.

mod bounds;
mod checks;
mod document;
mod execute;
mod inputs;
mod schema;
mod table;

use crate::{access::Caller, error::ApiError, routes::RunArtifacts};
use document::{Document, Operation};
use mlferry_protocol::graphql::{GraphQlRequest, GraphQlResponse};
use serde_json::Value;

/// Bytes of a document: those of the page have two thousand.
const DOCUMENT_BYTES: usize = 64 * 1024;

/// Answers a document, or says why it asks for nothing. What is no document at all is refused.
pub(crate) async fn answer(
    artifacts: &RunArtifacts,
    caller: &Caller,
    request: &GraphQlRequest,
) -> Result<GraphQlResponse, ApiError> {
    if request.query.len() > DOCUMENT_BYTES {
        return Err(ApiError::invalid_parameter(format!(
            "The query is larger than the {DOCUMENT_BYTES} bytes that are accepted here."
        )));
    }
    let parsed = document::parse(&request.query)
        .map_err(|error| ApiError::invalid_parameter(format!("Syntax Error: {error}")))?;
    let document = Document::of(&parsed);
    let (data, errors) = match prepare(&document, request) {
        Ok((operation, kind, variables)) => {
            execute::execute((artifacts, caller), &document, operation, kind, &variables).await
        }
        Err(errors) => (Value::Null, errors),
    };
    Ok(GraphQlResponse { data, errors: Some(errors).filter(|errors| !errors.is_empty()) })
}

/// The operation that is meant, with the values of its variables.
fn prepare<'a, 'd>(
    document: &'a Document<'d>,
    request: &GraphQlRequest,
) -> Result<(&'a Operation<'d>, schema::Operation, inputs::Variables), Vec<String>> {
    bounds::check(document).map_err(|error| vec![error])?;
    let errors = checks::check(document);
    if !errors.is_empty() {
        return Err(errors);
    }
    let operation = chosen(document, request.operation_name.as_deref());
    let operation = operation.map_err(|error| vec![error])?;
    let none = "Schema is not configured to execute subscription operation.";
    let kind = operation.kind.ok_or_else(|| vec![none.to_owned()])?;
    let variables = inputs::variables(operation, &request.variables)?;
    Ok((operation, kind, variables))
}

/// Whether a document is one that would be answered.
#[cfg(feature = "fuzzing")]
pub(crate) fn is_answered(request: &GraphQlRequest) -> bool {
    request.query.len() <= DOCUMENT_BYTES
        && document::parse(&request.query)
            .is_ok_and(|parsed| prepare(&Document::of(&parsed), request).is_ok())
}

fn chosen<'a, 'd>(
    document: &'a Document<'d>,
    name: Option<&str>,
) -> Result<&'a Operation<'d>, String> {
    match (name, document.operations.as_slice()) {
        (Some(name), operations) => {
            let found = operations.iter().find(|operation| operation.name == Some(name));
            found.ok_or_else(|| format!("Unknown operation named '{name}'."))
        }
        (None, [operation]) => Ok(operation),
        (None, []) => Err("Must provide an operation.".to_owned()),
        (None, _) => {
            Err("Must provide operation name if query contains multiple operations.".to_owned())
        }
    }
}
