//! Requests that the web page sends in GraphQL.

use crate::{DecodeRequest, Fields, InvalidParameter};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// `POST /graphql`.
#[derive(Debug)]
pub struct GraphQlRequest {
    /// The document.
    pub query: String,
    /// Values of the variables that its operation declares.
    pub variables: Map<String, Value>,
    /// Which of its operations is meant.
    pub operation_name: Option<String>,
}

impl DecodeRequest for GraphQlRequest {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let query = fields.required_string("query")?;
        let variables = fields.map("variables")?.unwrap_or_default();
        let operation_name = fields.string("operation_name")?.filter(|name| !name.is_empty());
        Ok(Self { query, variables, operation_name })
    }
}

/// The answer to [`GraphQlRequest`]. A refusal is one, too.
#[derive(Debug, JsonSchema, Serialize)]
pub struct GraphQlResponse {
    /// What was asked for; null where nothing of it could be answered.
    pub data: Value,
    /// What went wrong, as texts; null where nothing did.
    pub errors: Option<Vec<String>>,
}
