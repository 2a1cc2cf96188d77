//! Requests: whatever a body or a query string holds, it is read or refused with a reason.

use mlferry_protocol::{Fields, MESSAGES, MessageInfo};
use mlferry_server::fuzzing;

/// The first line names the request, or chooses one whatever it is; the rest is its body, and its query string.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (name, rest) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let message = message(name);
    if let Ok(fields) = Fields::from_json(rest) {
        decode(message, fields);
    }
    if let Ok(fields) = Fields::from_json(rest) {
        // All routes have such names in their paths, or none of them.
        decode(message, fields.with_path(IN_PATHS.map(|name| (name.to_owned(), "x".to_owned()))));
    }
    let query = [b"/?", rest].concat();
    if let Some(pairs) = http::Uri::try_from(query).ok().and_then(|uri| fuzzing::query_pairs(&uri))
    {
        decode(message, Fields::from_query(pairs));
    }
}

const IN_PATHS: [&str; 8] = [
    "trace_id",
    "request_id",
    "assessment_id",
    "dataset_id",
    "model_id",
    "tag_key",
    "key",
    "webhook_id",
];

fn message(name: &[u8]) -> &'static MessageInfo {
    let named = MESSAGES.iter().find(|message| message.name.as_bytes() == name);
    let sum = name.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    named.unwrap_or(&MESSAGES[sum % MESSAGES.len()])
}

fn decode(message: &MessageInfo, mut fields: Fields) {
    if let Err(error) = (message.decode)(&mut fields) {
        assert!(!error.to_string().is_empty(), "{}", message.name);
    }
}
