//! How people sign on to the page: the authorisation code flow (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636).
//!
//! Between its two halves nothing is kept here: what belongs to an attempt is in a cookie of the browser that made it, so that any
//! replica can go on.

use super::{
    Oidc,
    claims::Expected,
    provider::{Description, ProviderError, answer},
};
use crate::error::ApiError;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use headers::{Cookie, HeaderMapExt};
use mlferry_protocol::ErrorCode;
use mlferry_store::SignOn;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use url::{Url, form_urlencoded};

/// The cookie by which a browser is known as that of somebody who signed on.
pub(crate) const SESSION_COOKIE: &str = "mlferry_session";

/// The cookie of an attempt to sign on.
const ATTEMPT_COOKIE: &str = "mlferry_sign_on";

/// Where browsers come back to, below the start page.
pub const CALLBACK_PATH: &str = "oidc/callback";

/// How long an attempt may take: somebody may have to look for a second factor.
const ATTEMPT_TIME: Duration = Duration::from_mins(15);

/// Random bytes of what nobody must guess.
const RANDOM_BYTES: usize = 32;

/// Bytes of the path to which a browser goes afterwards: it waits in the cookie, of which browsers keep 4,096 bytes.
const PATH_BYTES: usize = 2000;

/// Letters of what the provider says of an error that are passed on.
const WORDS: usize = 300;

/// What belongs to one attempt to sign on, known to the browser that makes it alone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// What the provider sends back, so that nobody else's answer is taken for this one's.
    state: String,
    /// What stands in the token, so that it is none of another attempt.
    nonce: String,
    /// What proves to the provider that the code was meant for this attempt.
    verifier: String,
    /// Where the browser wanted to go.
    to: String,
}

/// What the provider sends a browser back with.
#[derive(Debug, Deserialize)]
pub(crate) struct Returned {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    /// Who answers, where the provider says so (RFC 9207).
    iss: Option<String>,
}

/// What the provider answers to a code.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Attempt {
    fn new(to: String) -> Result<Self, ApiError> {
        Ok(Self { state: random()?, nonce: random()?, verifier: random()?, to })
    }

    /// The attempt of a browser that comes back.
    pub(crate) fn of(headers: &HeaderMap, returned: &Returned) -> Result<Self, ApiError> {
        let again = "Sign on again from the start page.";
        let held = cookie_in(headers, ATTEMPT_COOKIE)
            .and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok())
            .and_then(|json| serde_json::from_slice::<Self>(&json).ok())
            .ok_or_else(|| {
                let why = "This browser did not ask to sign on, or took longer than 15 minutes.";
                ApiError::invalid_parameter(format!("{why} {again}"))
            })?;
        if returned.state.as_deref() != Some(held.state.as_str()) {
            let why = "The answer of the identity provider belongs to another attempt to sign on.";
            return Err(ApiError::invalid_parameter(format!("{why} {again}")));
        }
        Ok(held)
    }

    /// Where the browser wanted to go.
    pub(crate) fn to(&self) -> &str {
        // Somebody else may have written the cookie: servers of the same domain can.
        own_path(&self.to)
    }
}

impl Oidc {
    /// Where a browser signs on that wants to go to `to` afterwards, and the cookie that it keeps meanwhile.
    pub(crate) async fn begin(&self, to: &str) -> Result<(String, HeaderValue), ApiError> {
        let options = &self.0.options;
        let redirect_url = self.redirect_url()?;
        let attempt = Attempt::new(own_path(to).to_owned())?;
        let description = self.description().await?;
        let mut url = Url::parse(&description.authorization_endpoint).map_err(|error| {
            let endpoint = description.authorization_endpoint.clone();
            self.unreachable(&ProviderError::Answer(endpoint, error.to_string()))
        })?;
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&attempt.verifier));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &options.client_id)
            .append_pair("redirect_uri", redirect_url.as_str())
            .append_pair("scope", &options.scopes)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let held = serde_json::to_vec(&attempt).map_err(|_| no_cookie())?;
        let held = BASE64_URL_SAFE_NO_PAD.encode(held);
        Ok((url.into(), self.cookie(ATTEMPT_COOKIE, &held, ATTEMPT_TIME)?))
    }

    /// Who came back, by the code that the provider gave.
    pub(crate) async fn finish(
        &self,
        attempt: &Attempt,
        returned: Returned,
    ) -> Result<SignOn, ApiError> {
        if returned.iss.is_some_and(|issuer| issuer != self.0.options.issuer) {
            return Err(refused("another identity provider answers than the one that was asked"));
        }
        let code = match (returned.code, returned.error) {
            (Some(code), None) => code,
            (_, error) => {
                let said = returned.error_description.or(error).unwrap_or_default();
                let said: String = said.chars().take(WORDS).collect();
                return Err(refused(&format!("the identity provider says: {said}")));
            }
        };
        let description = self.description().await?;
        let tokens = self.exchange(&description, &code, &attempt.verifier).await?;
        let expected =
            Expected { audience: &self.0.options.client_id, nonce: Some(&attempt.nonce) };
        let who = self.verified(&tokens.id_token, expected).await?;
        who.ok_or_else(|| {
            refused(
                "what the identity provider says of you can't be used; the server's log says why",
            )
        })
    }

    async fn exchange(
        &self,
        description: &Description,
        code: &str,
        verifier: &str,
    ) -> Result<Tokens, ApiError> {
        let options = &self.0.options;
        let redirect_url = self.redirect_url()?.as_str();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_url),
            ("code_verifier", verifier),
            ("client_id", &options.client_id),
        ];
        let url = &description.token_endpoint;
        let client = self.0.provider.client().map_err(|error| self.unreachable(&error))?;
        let mut request = client.post(url).header(header::ACCEPT, "application/json");
        let methods = &description.token_endpoint_auth_methods_supported;
        // What is meant where nothing is said (OpenID Connect Discovery 1.0, section 3).
        let is_basic = methods.is_empty() || methods.iter().any(|one| one == "client_secret_basic");
        if let Some(secret) = &options.client_secret {
            if is_basic {
                request = request.basic_auth(encoded(&options.client_id), Some(encoded(secret)));
            } else {
                form.push(("client_secret", secret));
            }
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request =
            request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        match answer(url, request).await {
            Ok(tokens) => Ok(tokens),
            // A code that was used, or was somebody else's, is no fault of the provider.
            Err(error @ ProviderError::Status(..)) => {
                tracing::warn!("somebody can't sign on: {error}");
                Err(refused(
                    "the identity provider does not accept the code that it gave; sign on again",
                ))
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    /// Where a browser goes that signs out; absent where the provider has no such place.
    pub(crate) async fn sign_out_url(&self) -> Option<String> {
        let description = self.description().await.ok()?;
        let mut url = Url::parse(description.end_session_endpoint.as_deref()?).ok()?;
        url.query_pairs_mut().append_pair("client_id", &self.0.options.client_id);
        Some(url.into())
    }

    /// The cookie of a session.
    pub(crate) fn session_cookie(&self, secret: &str) -> Result<HeaderValue, ApiError> {
        self.cookie(SESSION_COOKIE, secret, self.session_time())
    }

    /// What makes a browser forget its session.
    pub(crate) fn no_session(&self) -> Result<HeaderValue, ApiError> {
        self.cookie(SESSION_COOKIE, "", Duration::ZERO)
    }

    /// What makes a browser forget its attempt to sign on.
    pub(crate) fn no_attempt(&self) -> Result<HeaderValue, ApiError> {
        self.cookie(ATTEMPT_COOKIE, "", Duration::ZERO)
    }

    /// A cookie that no script reads, and that no page of another site sends with a change.
    fn cookie(&self, name: &str, value: &str, time: Duration) -> Result<HeaderValue, ApiError> {
        let secure = if self.redirect_url()?.scheme() == "https" { "; Secure" } else { "" };
        let seconds = time.as_secs();
        let path = self.root_path()?;
        HeaderValue::try_from(format!(
            "{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
        ))
        .map_err(|_| no_cookie())
    }

    /// Where people go who are not signed on, and want to go to `to`.
    pub(in crate::access) fn sign_on_path(&self, to: &str) -> Option<String> {
        let to: String = form_urlencoded::byte_serialize(to.as_bytes()).collect();
        Some(format!("{}oidc/login?to={to}", self.root_path().ok()?))
    }

    /// The path of the start page, as browsers see it.
    fn root_path(&self) -> Result<&str, ApiError> {
        Ok(self.redirect_url()?.path().strip_suffix(CALLBACK_PATH).unwrap_or("/"))
    }

    fn redirect_url(&self) -> Result<&Url, ApiError> {
        self.0.options.redirect_url.as_ref().ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotImplemented,
                "People can't sign on to this server, since it was started without --oidc-redirect-url.",
            )
        })
    }

    async fn description(&self) -> Result<std::sync::Arc<Description>, ApiError> {
        self.0.provider.description().await.map_err(|error| self.unreachable(&error))
    }
}

/// The value of a cookie.
pub(crate) fn cookie_in(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.typed_get::<Cookie>()?.get(name)?.to_owned();
    (!value.is_empty()).then_some(value)
}

/// A path of this server; whatever else somebody may have written into a link leads to the start page.
fn own_path(to: &str) -> &str {
    let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_own = to.starts_with('/') && !to.starts_with("//");
    if is_own && is_plain && to.len() <= PATH_BYTES { to } else { "" }
}

/// As a client writes its id and its secret (RFC 6749, section 2.3.1).
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn random() -> Result<String, ApiError> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| {
        ApiError::new(ErrorCode::InternalError, "The system gives no random numbers.")
    })?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn refused(why: &str) -> ApiError {
    // As JSON, since some of it was written by others.
    ApiError::with_status(
        StatusCode::FORBIDDEN,
        ErrorCode::PermissionDenied,
        format!("You can't sign on: {why}."),
    )
}

fn no_cookie() -> ApiError {
    ApiError::new(ErrorCode::InternalError, "The cookie for signing on can't be written.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for own in ["/", "/mlflow/", "/#/runs/1", "/graphql?a=b&c=%20"] {
            assert_eq!(own_path(own), own);
        }
        for other in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a b", "a", "/a\n"]
        {
            assert_eq!(own_path(other), "", "{other:?}");
        }
        assert_eq!(own_path(&format!("/{}", "a".repeat(2000))), "");
    }
}
