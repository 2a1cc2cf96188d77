//! Requests and answers of MLflow's API: JSON bodies and query strings as typed messages.

use crate::{
    access::{Caller, Concerns},
    error::ApiError,
};
use axum::{
    Json,
    body::Body,
    extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request},
    http::{HeaderMap, Method, Uri, header::CONTENT_TYPE, request::Parts},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use mlferry_protocol::{DecodeRequest, Fields, InvalidParameter, LongValues, limits};

/// What a handler of the API answers.
pub(crate) type Reply<T> = Result<Json<T>, ApiError>;

/// A request message, read as the reference reads it: a GET from its query string, or from its body
/// when it has none; everything else from its JSON body. What the path names comes first. Whoever sends it may do so.
#[derive(Debug)]
pub(crate) struct Rpc<T>(pub(crate) T);

impl<S: Sync, T: DecodeRequest + Concerns + Send + Sync> FromRequest<S> for Rpc<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let caller = Caller::of(request.extensions())?;
        let long_values = request.extensions().get::<LongValues>().copied().unwrap_or_default();
        let (mut head, body) = request.into_parts();
        let path = path_pairs(&mut head).await?;
        let fields = fields_of(Request::from_parts(head, body)).await?;
        let mut message = T::decode(&mut fields.with_path(path).with_long_values(long_values))?;
        caller.check(&mut message).await?;
        Ok(Self(message))
    }
}

/// What stands in the places of the path that the route table names.
async fn path_pairs(head: &mut Parts) -> Result<Vec<(String, String)>, ApiError> {
    let params = RawPathParams::from_request_parts(head, &()).await;
    let params = params.map_err(|error| ApiError::invalid_parameter(error.to_string()))?;
    Ok(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

async fn fields_of(request: Request) -> Result<Fields, ApiError> {
    let (head, body) = request.into_parts();
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    if is_read && head.uri.query().is_some_and(|query| !query.is_empty()) {
        return Ok(Fields::from_query(query_pairs(&head.uri)?));
    }
    if matches!(head.method, Method::POST | Method::PUT) {
        check_content_type(&head.headers)?;
    }
    let body = collect(body, limits::JSON_BODY_BYTES).await?;
    check_values(&body)?;
    Ok(Fields::from_json(&body)?)
}

/// The decoded pairs of a query string.
pub(crate) fn query_pairs(uri: &Uri) -> Result<Vec<(String, String)>, ApiError> {
    match Query::try_from_uri(uri) {
        Ok(Query(pairs)) => Ok(pairs),
        Err(error) => Err(ApiError::invalid_parameter(format!("Invalid query string: {error}"))),
    }
}

/// A body of at most `limit` bytes.
pub(crate) async fn collect(body: Body, limit: usize) -> Result<bytes::Bytes, ApiError> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::payload_too_large(format!(
            "The request body is larger than the {limit} bytes that are accepted here."
        ))),
        Err(error) => Err(ApiError::new(
            mlferry_protocol::ErrorCode::BadRequest,
            format!("The request body could not be read: {error}."),
        )),
    }
}

/// Refuses a body of so many values that it would take many times its size in memory. They are counted by what divides
/// them, within texts as well: of some of these, the JSON that they hold is read, too.
pub(crate) fn check_values(body: &[u8]) -> Result<(), ApiError> {
    let is_divider = |byte: &&u8| matches!(byte, b',' | b':' | b'[');
    let is_small = body.len() <= limits::BODY_VALUES;
    if is_small || body.iter().filter(is_divider).count() <= limits::BODY_VALUES {
        return Ok(());
    }
    Err(too_many_values())
}

/// The refusal of a body that holds too much.
pub(crate) fn too_many_values() -> ApiError {
    ApiError::payload_too_large(format!(
        "The request body holds more than the {} values that are accepted at once; send it in several requests.",
        limits::BODY_VALUES
    ))
}

fn check_content_type(headers: &HeaderMap) -> Result<(), InvalidParameter> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return Err(InvalidParameter::new("Bad Request. Content-Type header is missing."));
    };
    let media_type = content_type.as_bytes().split(|byte| *byte == b';').next();
    if media_type != Some(b"application/json") {
        return Err(InvalidParameter::new(
            "Bad Request. Content-Type must be one of ['application/json'].",
        ));
    }
    Ok(())
}
