//! Documents of GraphQL, with their variables.

use mlferry_protocol::graphql::GraphQlRequest;
use mlferry_server::fuzzing;

/// Reads a document; a line `#` before its end divides it from its variables, as JSON.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (query, variables) = text.split_once("\n#\n").unwrap_or((text, ""));
    let request = GraphQlRequest {
        query: query.to_owned(),
        variables: serde_json::from_str(variables).unwrap_or_default(),
        operation_name: None,
    };
    let is_answered = fuzzing::is_answered(&request);
    assert_eq!(fuzzing::is_answered(&request), is_answered);
}
