//! Exports of spans, in both encodings and compressed in each way.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mlferry_server::fuzzing;

/// Reads the bytes as an export of each kind.
pub fn check(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    for media_type in ["application/x-protobuf", "application/json"] {
        for encoding in ["", "gzip", "deflate"] {
            if let Err(message) = fuzzing::spans(&headers(media_type, encoding), &body) {
                assert!(!message.is_empty());
            }
        }
    }
}

fn headers(media_type: &'static str, encoding: &'static str) -> HeaderMap {
    let pairs = [
        (HeaderName::from_static("x-mlflow-experiment-id"), "1"),
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_ENCODING, encoding),
    ];
    pairs.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect()
}
