//! Single sign-on by OpenID Connect: people sign on to the page with an identity provider, and programs come with its JSON Web
//! Tokens. Who they are becomes a user of this server, and what their groups may do becomes roles of this user.

mod claims;
mod flow;
mod keys;
mod provider;

pub use flow::CALLBACK_PATH;
pub(crate) use flow::{Attempt, Returned, SESSION_COOKIE, cookie_in};

use crate::error::ApiError;
use claims::Expected;
use mlferry_protocol::ErrorCode;
use mlferry_store::SignOn;
use provider::{Provider, ProviderError};
use std::{fmt, sync::Arc, time::Duration};
use url::Url;

/// An identity provider, and what is made of those for whom it vouches.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcOptions {
    /// The URL of the issuer, exactly as it stands in its tokens.
    pub issuer: String,
    /// The id of this server as a client of the provider.
    pub client_id: String,
    /// What proves that it is this server; absent for a client without a secret.
    pub client_secret: Option<String>,
    /// For whom the tokens of programs are made.
    pub audience: String,
    /// Where the provider sends browsers back to, as it knows it; without, people can't sign on to the page.
    pub redirect_url: Option<Url>,
    /// What is asked of the provider, separated by spaces.
    pub scopes: String,
    /// The claim that names users.
    pub username_claim: String,
    /// The claim with groups; a claim within another one is named with dots.
    pub groups_claim: String,
    /// Groups whose members may do everything. Without any, operators say who is one.
    pub admin_groups: Vec<String>,
    /// The role that each group has.
    pub group_roles: Vec<(String, String)>,
    /// How long people stay signed on.
    pub session_time: Duration,
}

/// Without the secret.
impl fmt::Debug for OidcOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcOptions")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// The identity provider of a server. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Oidc(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    options: OidcOptions,
    provider: Provider,
}

impl Oidc {
    pub(super) fn new(options: OidcOptions) -> Self {
        keys::install();
        let provider = Provider::new(options.issuer.clone());
        Self(Arc::new(Parts { options, provider }))
    }

    /// Whether people sign on to the page.
    pub(super) fn is_for_people(&self) -> bool {
        self.0.options.redirect_url.is_some()
    }

    /// How long they stay signed on.
    pub(crate) fn session_time(&self) -> Duration {
        self.0.options.session_time
    }

    /// Whom the token of a program stands for; nobody, if it is none of the provider's, or not for this server.
    pub(super) async fn by_token(&self, token: &str) -> Result<Option<SignOn>, ApiError> {
        let expected = Expected { audience: &self.0.options.audience, nonce: None };
        self.verified(token, expected).await
    }

    /// Whom a token stands for that is what was expected.
    async fn verified(
        &self,
        token: &str,
        expected: Expected<'_>,
    ) -> Result<Option<SignOn>, ApiError> {
        let claims = claims::verify(&self.0.provider, token, expected).await;
        let who = claims.map_err(|error| self.unreachable(&error))?.and_then(|claims| {
            let who = self.sign_on(claims);
            if let Err(missing) = &who {
                tracing::warn!(
                    "nobody can sign on with a token of the identity provider: {missing}"
                );
            }
            who.ok()
        });
        Ok(who)
    }

    fn unreachable(&self, error: &ProviderError) -> ApiError {
        let issuer = &self.0.options.issuer;
        tracing::error!("the identity provider {issuer} can't be asked: {error}");
        ApiError::new(
            ErrorCode::TemporarilyUnavailable,
            format!(
                "The identity provider {issuer} does not answer as it should. Try again later."
            ),
        )
    }
}
