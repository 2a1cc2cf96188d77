//! The gate before each line of the route table: who comes, and whether a handler judged what is answered.

use super::{Authority, Caller, identities::Identity};
use crate::{error::ApiError, routes::Access};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use mlferry_protocol::{ErrorCode, access::Grants};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// The reference's text for those who don't say who they are.
const CHALLENGE: &str = "You are not authenticated. Please see \
     https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow on how to authenticate.";

/// The password that earlier releases of MLflow gave to their first user: everybody knows it, so that no operator gets in with it.
const KNOWN_PASSWORD: &str = "password1234";

/// What is compared with a password where there is no such user, so that it takes as long: a hash of nothing, with the parameters
/// of new ones.
const HASH_OF_NOBODY: &str = "scrypt:32768:8:1$xxxxxxxxxxxxxxxx$";

/// The address of whoever is connected; absent where it has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

/// One line of the table, and who knows its callers.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) authority: Authority,
    pub(crate) access: Access,
}

/// Lets a request in, if it comes from somebody who may call this line at all.
pub(crate) async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let Gate { authority, access } = gate;
    if access == Access::Anyone {
        request.extensions_mut().insert(Caller::nobody());
        return next.run(request).await;
    }
    let address = request.extensions().get::<Peer>().and_then(|peer| peer.0);
    let identity = match authority.identify(request.headers(), address).await {
        Ok(identity) => identity,
        Err(refusal) => return refusal.into_response(),
    };
    if access == Access::Operate && !identity.user.is_admin {
        return ApiError::forbidden().into_response();
    }
    let caller = Caller::user(authority, identity, access);
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    if is_refused || caller.was_judged() {
        return response;
    }
    tracing::error!(
        "a handler answered without asking whether the caller may know; please report this"
    );
    ApiError::forbidden().into_response()
}

/// Why somebody is not let in.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Nobody says who it is, or proves it.
    Challenge,
    /// There were too many attempts.
    Pause(Duration),
    /// It could not be found out.
    Error(ApiError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Challenge => {
                let status = StatusCode::UNAUTHORIZED;
                let error = ApiError::plain(status, ErrorCode::PermissionDenied, CHALLENGE);
                let challenge = HeaderValue::from_static("Basic realm=\"mlflow\"");
                ([(header::WWW_AUTHENTICATE, challenge)], error).into_response()
            }
            Self::Pause(left) => {
                let seconds = left.as_secs().max(1);
                let message =
                    format!("Too many failed attempts to sign in. Try again in {seconds} s.");
                let status = StatusCode::TOO_MANY_REQUESTS;
                let error = ApiError::plain(status, ErrorCode::ResourceExhausted, message);
                ([(header::RETRY_AFTER, seconds.to_string())], error).into_response()
            }
            Self::Error(error) => error.into_response(),
        }
    }
}

impl Authority {
    /// Who a request comes from, by its user and password.
    pub(super) async fn identify(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<Arc<Identity>, Refusal> {
        let (name, password) = credentials(headers).ok_or(Refusal::Challenge)?;
        let identity = self.identity_of(&name).await.map_err(Refusal::Error)?;
        if let Some(identity) = &identity
            && self.0.identities.is_known(identity, &password)
        {
            return Ok(Arc::clone(identity));
        }
        if let Some(left) = self.0.attempts.pause(&name, address) {
            return Err(Refusal::Pause(left));
        }
        let is_right = self.is_right(identity.as_deref(), &password).await;
        if let Some(identity) = identity
            && matches!(is_right, Ok(true))
        {
            self.0.identities.learn(&identity, &password);
            self.0.attempts.succeeded(&name, address);
            return Ok(identity);
        }
        is_right.map_err(Refusal::Error)?;
        self.0.attempts.failed(&name, address);
        tracing::warn!(user = name.escape_debug().to_string(), "a wrong user or password");
        Err(Refusal::Challenge)
    }

    /// Who has a name, if anybody.
    async fn identity_of(&self, name: &str) -> Result<Option<Arc<Identity>>, ApiError> {
        let identities = &self.0.identities;
        if let Some(identity) = identities.identity(name) {
            return Ok(Some(identity));
        }
        let changes = identities.changes();
        let Some(account) = self.users().account(name).await? else { return Ok(None) };
        let identity = Arc::new(Identity {
            user: account.user,
            grants: Grants::new(account.grants, self.0.default_permission),
            password_hash: account.password_hash,
        });
        identities.remember(&identity, changes);
        Ok(Some(identity))
    }

    async fn is_right(
        &self,
        identity: Option<&Identity>,
        password: &str,
    ) -> Result<bool, ApiError> {
        let hash =
            identity.map_or(HASH_OF_NOBODY, |identity| identity.password_hash.as_str()).to_owned();
        let is_right = self.is_password(password.to_owned(), hash).await?;
        let is_known =
            password == KNOWN_PASSWORD && identity.is_some_and(|identity| identity.user.is_admin);
        if is_right && is_known {
            tracing::warn!(
                "an operator tried to sign in with the password that earlier releases of MLflow came with; it lets \
                 nobody in: set another one with `mlferry users passwd`"
            );
        }
        Ok(is_right && !is_known)
    }
}

/// User and password of a request. What can't be in the database is nobody's.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let given = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = given.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    let is_text = !text.contains('\0') && !name.is_empty();
    is_text.then(|| (name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &'static str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        credentials(&headers)
    }

    #[test]
    fn user_and_password_are_read_from_the_header() {
        let expected = Some(("alice".to_owned(), "a:b".to_owned()));
        assert_eq!(read("Basic YWxpY2U6YTpi"), expected);
        assert_eq!(read("bASIC  YWxpY2U6YTpi "), expected);
        for other in [
            "",
            "Basic",
            "Basic ",
            "Bearer YWxpY2U6YTpi",
            "Basic !!",
            "Basic YWxpY2U=",
            "Basic OmI=",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(credentials(&HeaderMap::new()), None);
    }
}
