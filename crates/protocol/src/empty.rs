use schemars::JsonSchema;
use serde::Serialize;

/// The answer to a request that has nothing to tell: `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Empty {}
