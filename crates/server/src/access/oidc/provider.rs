//! What the provider tells of itself: where people sign on, and by which keys its tokens are known.

use jsonwebtoken::{
    Algorithm,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use thiserror::Error;

/// How long the provider may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 1 << 20;

/// How long keys are believed to be the provider's. New ones are asked for when a token needs them.
const KEYS_TIME: Duration = Duration::from_hours(1);

/// How long nobody asks again, whatever tokens come: strangers write those that name keys which are not there.
const PAUSE: Duration = Duration::from_secs(10);

/// Where a provider tells of itself, below its issuer (OpenID Connect Discovery 1.0).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Why the provider could not be asked.
#[derive(Debug, Error)]
pub(super) enum ProviderError {
    /// There is no way to it, or it broke off.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// It answered with an error.
    #[error("{0} answers {1}")]
    Status(String, String),
    /// It answered with something else.
    #[error("the answer of {0} is not understood: {1}")]
    Answer(String, String),
    /// It was asked a moment ago, in vain.
    #[error("it did not answer a moment ago")]
    Pause,
}

/// What is used of what a provider tells of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Description {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    pub(super) end_session_endpoint: Option<String>,
    #[serde(default)]
    pub(super) token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    client: OnceLock<Client>,
    description: tokio::sync::OnceCell<Arc<Description>>,
    keys: Mutex<Keys>,
    /// Held by whoever asks for keys.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Keys {
    known: Option<(Arc<JwkSet>, Instant)>,
    asked: Option<Instant>,
    /// When it was last waited in vain for the provider to tell of itself.
    hung: Option<Instant>,
}

impl Provider {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            issuer,
            client: OnceLock::new(),
            description: tokio::sync::OnceCell::new(),
            keys: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the provider tells of itself, asked for until it has answered once.
    pub(super) async fn description(&self) -> Result<Arc<Description>, ProviderError> {
        let ask = async || {
            if self.lock().hung.is_some_and(|hung| hung.elapsed() < PAUSE) {
                return Err(ProviderError::Pause);
            }
            let described = self.fetch_description().await;
            if matches!(&described, Err(ProviderError::Http(error)) if error.is_timeout()) {
                self.lock().hung = Some(Instant::now());
            }
            described.map(Arc::new)
        };
        self.description.get_or_try_init(ask).await.cloned()
    }

    async fn fetch_description(&self) -> Result<Description, ProviderError> {
        let url = format!("{}{DISCOVERY}", self.issuer.trim_end_matches('/'));
        let description: Description = answer(&url, self.client()?.get(&url)).await?;
        if description.issuer != self.issuer {
            let why = format!("it is about the issuer '{}'", description.issuer);
            return Err(ProviderError::Answer(url, why));
        }
        Ok(description)
    }

    /// The key that a token names, or the only one there is. A new key is found when the first token names it.
    pub(super) async fn key(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Option<Jwk>, ProviderError> {
        if let Some(key) = self.fresh(id, algorithm) {
            return Ok(Some(key));
        }
        let old = || self.known().and_then(|(keys, _)| find(&keys, id, algorithm));
        let _turn = match (self.asking.try_lock(), old()) {
            (Ok(turn), _) => turn,
            // Somebody asks, which may take long, and a key that was good for an hour is good for a moment more.
            (Err(_), Some(key)) => return Ok(Some(key)),
            (Err(_), None) => self.asking.lock().await,
        };
        // Whoever had the turn before may have brought it.
        if let Some(key) = self.fresh(id, algorithm) {
            return Ok(Some(key));
        }
        let asked = self.ask_for_keys().await;
        if let Err(error) = &asked {
            tracing::warn!(
                "the keys of the identity provider {} are not renewed: {error}",
                self.issuer
            );
        }
        match self.known() {
            // As long as the provider is not there, its keys are what they were.
            Some(_) => Ok(old()),
            None => asked.map(|()| None),
        }
    }

    /// A key, unless it has been known for long.
    fn fresh(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Jwk> {
        let (keys, since) = self.known()?;
        (since.elapsed() < KEYS_TIME).then(|| find(&keys, id, algorithm)).flatten()
    }

    fn known(&self) -> Option<(Arc<JwkSet>, Instant)> {
        self.lock().known.clone()
    }

    async fn ask_for_keys(&self) -> Result<(), ProviderError> {
        let is_early = self.lock().asked.is_some_and(|asked| asked.elapsed() < PAUSE);
        if is_early {
            return if self.known().is_some() { Ok(()) } else { Err(ProviderError::Pause) };
        }
        let fetched = self.fetch_keys().await;
        // From the end, or those who waited would ask one that hangs again and again.
        let now = Instant::now();
        let mut keys = self.lock();
        keys.asked = Some(now);
        keys.known = Some((Arc::new(fetched?), now));
        Ok(())
    }

    async fn fetch_keys(&self) -> Result<JwkSet, ProviderError> {
        let url = &self.description().await?.jwks_uri;
        answer(url, self.client()?.get(url)).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Made for the first request, since it keeps all trusted certificates in memory.
    pub(super) fn client(&self) -> Result<&Client, ProviderError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // The TLS library asks for the process's own choice; somebody may have been faster.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build()?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Sends a request to the provider, and reads what it answers.
pub(super) async fn answer<T: DeserializeOwned>(
    url: &str,
    request: RequestBuilder,
) -> Result<T, ProviderError> {
    let mut response = request.send().await?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > ANSWER_BYTES {
            let why = format!("it has more than {ANSWER_BYTES} bytes");
            return Err(ProviderError::Answer(url.to_owned(), why));
        }
        body.extend_from_slice(&piece);
    }
    if !status.is_success() {
        // What is wrong stands in the body (RFC 6749, section 5.2), and is for the operator.
        let said = String::from_utf8_lossy(&body[..body.len().min(500)]).escape_debug().to_string();
        return Err(ProviderError::Status(url.to_owned(), format!("{status}: {said}")));
    }
    serde_json::from_slice(&body)
        .map_err(|error| ProviderError::Answer(url.to_owned(), error.to_string()))
}

/// The key with an id; of keys without one, the only one that can have signed.
fn find(keys: &JwkSet, id: Option<&str>, algorithm: Algorithm) -> Option<Jwk> {
    let is_for = |key: &&Jwk| {
        let is_to_sign =
            key.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
        let named = key.common.key_algorithm.as_ref();
        is_to_sign && named.is_none_or(|named| named.to_string() == format!("{algorithm:?}"))
    };
    if let Some(id) = id {
        return keys.find(id).filter(is_for).cloned();
    }
    let mut all = keys.keys.iter().filter(is_for);
    let only = all.next()?;
    all.next().is_none().then(|| only.clone())
}
