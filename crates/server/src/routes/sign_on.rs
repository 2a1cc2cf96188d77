//! Signing on to the page with an identity provider, and out again.

use crate::{
    access::{Attempt, Authority, Caller, Oidc, Returned, SESSION_COOKIE, SignedOnAs, cookie_in},
    error::ApiError,
};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use mlferry_protocol::access::SignedOutResponse;
use serde::Deserialize;

/// Who knows the users, and who vouches for them.
#[derive(Debug, Clone)]
pub(crate) struct SingleSignOn {
    pub(crate) authority: Authority,
    pub(crate) oidc: Oidc,
}

/// What begins an attempt to sign on.
#[derive(Debug, Deserialize)]
pub(super) struct Begin {
    /// Where the browser wants to go afterwards.
    #[serde(default)]
    to: String,
}

/// Sends a browser to the identity provider.
pub(super) async fn login(
    State(SingleSignOn { oidc, .. }): State<SingleSignOn>,
    begin: Result<Query<Begin>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(Begin { to }) =
        begin.map_err(|error| ApiError::invalid_parameter(error.body_text()))?;
    let (location, cookie) = oidc.begin(&to).await?;
    Ok(go_to(&location, [cookie]))
}

/// Takes a browser back from there.
pub(super) async fn callback(
    State(SingleSignOn { authority, oidc }): State<SingleSignOn>,
    headers: HeaderMap,
    returned: Result<Query<Returned>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(returned) =
        returned.map_err(|error| ApiError::invalid_parameter(error.body_text()))?;
    let attempt = Attempt::of(&headers, &returned)?;
    let who = oidc.finish(&attempt, returned).await?;
    let account = authority.sign_on(&who).await?;
    let name = account.user.username;
    let session = authority.users().begin_session(name.clone(), oidc.session_time()).await?;
    let cookies = [oidc.session_cookie(&session)?, oidc.no_attempt()?];
    // This path is one below the start page.
    let to = if attempt.to().is_empty() { "../" } else { attempt.to() };
    let mut response = go_to(to, cookies);
    response.extensions_mut().insert(SignedOnAs(name));
    Ok(response)
}

/// Ends a session.
pub(super) async fn logout(
    State(SingleSignOn { authority, oidc }): State<SingleSignOn>,
    _: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(secret) = cookie_in(&headers, SESSION_COOKIE) {
        authority.change(authority.users().end_session(&secret)).await?;
    }
    let location = oidc.sign_out_url().await;
    let cookie = AppendHeaders([(header::SET_COOKIE, oidc.no_session()?)]);
    Ok((cookie, Json(SignedOutResponse { location })).into_response())
}

fn go_to<const N: usize>(location: &str, cookies: [HeaderValue; N]) -> Response {
    let cookies = cookies.map(|cookie| (header::SET_COOKIE, cookie));
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers, AppendHeaders(cookies)).into_response()
}
