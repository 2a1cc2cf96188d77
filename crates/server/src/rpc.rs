//! Requests and answers of MLflow's API: JSON bodies and query strings as typed messages.

use crate::{
    access::{Caller, Concerns},
    bodies::{Share, check_values, collect},
    error::ApiError,
};
use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request},
    http::{HeaderMap, Method, Uri, header::CONTENT_TYPE, request::Parts},
};
use mlferry_protocol::{Fields, InvalidParameter, LongValues, Message, limits};

/// What a handler of the API answers.
pub(crate) type Reply<T> = Result<Json<T>, ApiError>;

/// A request message, read as the reference reads it: a GET from its query string, or from its body
/// when it has none; everything else from its JSON body. What the path names comes first. Whoever sends it may do so.
#[derive(Debug)]
pub(crate) struct Rpc<T>(pub(crate) T);

impl<S: Sync, T: Message + Concerns + Send + Sync + 'static> FromRequest<S> for Rpc<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let caller = Caller::of(request.extensions())?;
        let long_values = request.extensions().get::<LongValues>().copied().unwrap_or_default();
        let (mut head, body) = request.into_parts();
        let path = path_pairs(&mut head).await?;
        let decode = move |fields: Fields| -> Result<T, ApiError> {
            Ok(T::decode(&mut fields.with_path(path).with_long_values(long_values))?)
        };
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let mut message = if is_read && head.uri.query().is_some_and(|query| !query.is_empty()) {
            decode(Fields::from_query(query_pairs(&head.uri)?))?
        } else {
            if matches!(head.method, Method::POST | Method::PUT) {
                check_content_type(&head.headers)?;
            }
            let share = Share::of(&head.extensions);
            let body = collect(&share, body, limits::JSON_BODY_BYTES).await?;
            let read = move |share: &Share, body: &[u8]| {
                check_values(share, body)?;
                decode(Fields::from_json(body)?)
            };
            share.read(body, read).await?
        };
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

/// The decoded pairs of a query string.
pub(crate) fn query_pairs(uri: &Uri) -> Result<Vec<(String, String)>, ApiError> {
    match Query::try_from_uri(uri) {
        Ok(Query(pairs)) => Ok(pairs),
        Err(error) => Err(ApiError::invalid_parameter(format!("Invalid query string: {error}"))),
    }
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
