//! Who a request comes from, by what it brings: a user's name and password, a token, or the cookie of a session.

use super::{
    Authority, Oidc, SESSION_COOKIE, Turn, cookie_in,
    identities::{Identity, Key},
};
use crate::error::ApiError;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use mlferry_protocol::{
    ErrorCode,
    access::{Grants, TOKEN_PREFIX},
};
use mlferry_store::{Account, TokenAccount};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// The reference's text for those who don't say who they are.
const CHALLENGE: &str = "You are not authenticated. Please see \
     https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow on how to authenticate.";

const NO_TOKEN: &str = "The token is unknown, was revoked, or has ended. Ask for another one.";

/// For the page, which then asks to sign on.
const NO_SESSION: &str = "You are not signed on, or no longer. Load the page again.";

/// The password that earlier releases of MLflow gave to their first user: everybody knows it, so that no operator gets in with it.
const KNOWN_PASSWORD: &str = "password1234";

/// What is compared with a password where there is no such user, so that it takes as long: a hash of nothing, with the parameters
/// of new ones.
const HASH_OF_NOBODY: &str = "scrypt:32768:8:1$xxxxxxxxxxxxxxxx$";

/// Why somebody is not let in.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Nobody says who it is, or proves it.
    Challenge,
    /// A token that is none, or none any more.
    Token,
    /// There were too many attempts.
    Pause(Duration),
    /// It could not be found out.
    Error(ApiError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Challenge => challenge("Basic realm=\"mlflow\"", CHALLENGE),
            Self::Token => challenge("Bearer realm=\"mlflow\", error=\"invalid_token\"", NO_TOKEN),
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

fn challenge(scheme: &'static str, text: &str) -> Response {
    let error = ApiError::plain(StatusCode::UNAUTHORIZED, ErrorCode::PermissionDenied, text);
    ([(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme))], error).into_response()
}

impl Authority {
    /// Who a request comes from.
    pub(super) async fn identify(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<Arc<Identity>, Refusal> {
        let Some(given) = headers.get(header::AUTHORIZATION) else {
            let found = self.by_session(headers).await.map_err(Refusal::Error)?;
            return found.ok_or(Refusal::Challenge);
        };
        let given = given.as_bytes();
        if let Some(token) = after_scheme(given, b"bearer ") {
            // Nobody guesses a token, so that attempts are not counted.
            let found = self.bearer(token).await.map_err(Refusal::Error)?;
            return found.ok_or(Refusal::Token);
        }
        let (name, password) = credentials(given).ok_or(Refusal::Challenge)?;
        self.by_password(name, password, address).await
    }

    /// Who a token stands for, if it is one.
    async fn bearer(&self, token: &[u8]) -> Result<Option<Arc<Identity>>, ApiError> {
        let Ok(secret) = std::str::from_utf8(token) else { return Ok(None) };
        let find = async || match &self.0.oidc {
            Some(oidc) if !secret.starts_with(TOKEN_PREFIX) => {
                self.by_foreign_token(oidc, secret).await
            }
            _ => Ok(self.users().token_account(secret).await?.map(|found| self.by_token(found))),
        };
        self.remembered(Key::of_token(secret), find()).await
    }

    /// Who somebody is, found out unless it was just now.
    async fn remembered(
        &self,
        key: Key,
        find: impl Future<Output = Result<Option<Identity>, ApiError>>,
    ) -> Result<Option<Arc<Identity>>, ApiError> {
        let identities = &self.0.identities;
        if let Some(identity) = identities.identity(&key) {
            return Ok(Some(identity));
        }
        let changes = identities.changes();
        let Some(identity) = find.await?.map(Arc::new) else { return Ok(None) };
        identities.remember(key, &identity, changes);
        Ok(Some(identity))
    }

    /// Who comes with a token of the identity provider.
    async fn by_foreign_token(
        &self,
        oidc: &Oidc,
        token: &str,
    ) -> Result<Option<Identity>, ApiError> {
        let Some(who) = oidc.by_token(token).await? else { return Ok(None) };
        Ok(Some(self.identity_with(self.sign_on(&who).await?)))
    }

    /// Whose session a browser goes on with.
    async fn by_session(&self, headers: &HeaderMap) -> Result<Option<Arc<Identity>>, ApiError> {
        let secret = self.oidc_for_people().and_then(|_| cookie_in(headers, SESSION_COOKIE));
        let Some(secret) = secret else { return Ok(None) };
        let find = async || {
            let account = self.users().session_account(&secret).await?;
            Ok(account.map(|it| Identity { has_session: true, ..self.identity_with(it) }))
        };
        self.remembered(Key::of_token(&secret), find()).await
    }

    /// What somebody gets who is not let in. People in front of a browser are sent to the identity provider, where there is one; a
    /// browser would ask them for a password that they don't have.
    pub(super) fn turn_away(&self, refusal: Refusal, request: &Request) -> Response {
        let headers = request.headers();
        match (self.oidc_for_people(), refusal) {
            (Some(oidc), Refusal::Challenge) if !headers.contains_key(header::AUTHORIZATION) => {
                if is_navigation(request)
                    && let Some(path) = request.uri().path_and_query()
                    && let Some(location) = oidc.sign_on_path(path.as_str())
                {
                    return (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
                }
                if headers.contains_key("sec-fetch-site") {
                    return challenge("Bearer realm=\"mlflow\"", NO_SESSION);
                }
                Refusal::Challenge.into_response()
            }
            (_, refusal) => refusal.into_response(),
        }
    }

    /// Who comes with a token. Operators are none where it is for some experiments.
    fn by_token(&self, TokenAccount { token, account }: TokenAccount) -> Identity {
        let mut identity = self.identity_with(account);
        if let Some(experiments) = &token.experiment_ids {
            let all = Grants::everything();
            let grants = if identity.user.is_admin { &all } else { &identity.grants };
            identity.grants = grants.within(experiments);
            identity.user.is_admin = false;
        }
        Identity { token: Some(token), ..identity }
    }

    fn identity_with(&self, Account { user, password_hash, grants }: Account) -> Identity {
        let grants = Grants::new(grants, self.0.default_permission);
        Identity { user, grants, password_hash, token: None, has_session: false }
    }

    async fn by_password(
        &self,
        name: String,
        password: String,
        address: Option<IpAddr>,
    ) -> Result<Arc<Identity>, Refusal> {
        let identity = self.identity_of(&name).await.map_err(Refusal::Error)?;
        let judged = || {
            if let Some(identity) = &identity
                && self.0.identities.is_known(identity, &password)
            {
                return Some(Ok(Arc::clone(identity)));
            }
            self.0.attempts.pause(&name, address).map(|left| Err(Refusal::Pause(left)))
        };
        if let Some(judged) = judged() {
            return judged;
        }
        let turn = self.turn_to_hash().await;
        // Of many that came at once, those before may have shown it to be right, or guessed too often.
        if let Some(judged) = judged() {
            return judged;
        }
        let is_right = is_right(identity.as_deref(), &password, turn).await;
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
        let find = async || Ok(self.users().account(name).await?.map(|it| self.identity_with(it)));
        self.remembered(Key::Name(name.to_owned()), find()).await
    }
}

/// Whether a password is that of the user, if there is one.
async fn is_right(
    identity: Option<&Identity>,
    password: &str,
    turn: Turn<'_>,
) -> Result<bool, ApiError> {
    // Who has no password is told from nobody by no shorter time.
    let hash = identity.map(|identity| identity.password_hash.as_str());
    let hash = hash.filter(|hash| hash.contains('$')).unwrap_or(HASH_OF_NOBODY);
    let is_right = turn.compare(password.to_owned(), hash.to_owned()).await?;
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

/// Whether somebody in front of a browser wants to see what is answered.
fn is_navigation(request: &Request) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    request.method() == Method::GET && accepted.is_some_and(|types| types.contains("text/html"))
}

/// The name that somebody signs in with, whether it is right or not.
pub(super) fn name_in(headers: &HeaderMap) -> Option<String> {
    credentials(headers.get(header::AUTHORIZATION)?.as_bytes()).map(|(name, _)| name)
}

/// What comes after the name of a scheme, which is written in any case.
fn after_scheme<'a>(given: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (begin, rest) = given.split_at_checked(scheme.len())?;
    begin.eq_ignore_ascii_case(scheme).then(|| rest.trim_ascii())
}

/// User and password of a request. What can't be in the database is nobody's.
fn credentials(given: &[u8]) -> Option<(String, String)> {
    let decoded = STANDARD.decode(after_scheme(given, b"basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    let is_text = !text.contains('\0') && !name.is_empty();
    is_text.then(|| (name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, String)> {
        credentials(value.as_bytes())
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
    }
}
