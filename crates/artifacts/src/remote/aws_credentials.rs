//! AWS credentials from wherever AWS's own tools find them, refreshed before they expire.

use super::{error::Trouble, http};
use crate::{StoreSettings, StoreTrouble};
use async_trait::async_trait;
use bytes::Bytes;
use object_store::{
    CredentialProvider,
    aws::AwsCredential,
    client::{HttpClient, HttpError},
};
use reqsign_aws_core::{Credential, DefaultCredentialProvider};
use reqsign_core::{
    Context, HttpSend, ProvideCredential, SigningCredential, StaticEnv, time::Timestamp,
};
use reqsign_file_read_tokio::TokioFileRead;
use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long before their end credentials are replaced.
const REFRESH_BEFORE: Duration = Duration::from_mins(5);
/// Time for an answer of a metadata or token service. Where there is none, nobody answers at all.
const SERVICE_TIME: Duration = Duration::from_secs(5);

/// Time after a refresh that failed until the next one, while the known credentials are good.
const PAUSE: Duration = Duration::from_secs(30);

/// The chain: environment, profile, single sign-on, web identity, process, container and instance roles.
#[derive(Debug)]
pub(super) struct AwsCredentials {
    chain: DefaultCredentialProvider,
    context: Context,
    known: RwLock<Option<Known>>,
    /// Held while new ones are fetched: others would only ask for the same.
    refresh: Mutex<()>,
}

/// Credentials that were given out.
#[derive(Debug, Clone)]
struct Known {
    found: Credential,
    credential: Arc<AwsCredential>,
    /// Not before that are new ones asked for.
    next_try: Instant,
}

impl Known {
    fn lasts(&self, time: Duration) -> bool {
        self.found.is_valid_at(Timestamp::now() + time)
    }
}

impl AwsCredentials {
    pub(super) fn new(settings: &StoreSettings) -> Result<Self, String> {
        let env = StaticEnv {
            home_dir: settings.get("HOME").map(PathBuf::from),
            envs: settings.variables.clone(),
        };
        let context = Context::new()
            .with_file_read(TokioFileRead)
            .with_http_send(Http(http::client(
                &http::client_options().with_allow_http(true).with_timeout(SERVICE_TIME),
            )?))
            .with_env(env);
        Ok(Self {
            chain: DefaultCredentialProvider::new(),
            context,
            known: RwLock::default(),
            refresh: Mutex::default(),
        })
    }

    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    /// Asks the chain; to be called by one at a time.
    async fn fetch(&self) -> object_store::Result<Arc<AwsCredential>> {
        let reason = match self.chain.provide_credential(&self.context).await {
            Ok(Some(found)) => {
                let credential = Arc::new(AwsCredential {
                    key_id: found.access_key_id.clone(),
                    secret_key: found.secret_access_key.clone(),
                    token: found.session_token.clone(),
                });
                let next_try = Instant::now();
                self.keep(Known { found, credential: Arc::clone(&credential), next_try });
                return Ok(credential);
            }
            Ok(None) => None,
            Err(error) => Some(error),
        };
        let Some(known) = self.known() else {
            return Err(missing(reason.map_or_else(
                || {
                    "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                     AWS_PROFILE, or give this machine a role"
                        .into()
                },
                Into::into,
            )));
        };
        if !known.lasts(Duration::ZERO) {
            // Whoever gave them out does not answer now; the chain does not tell.
            let words = "the AWS credentials expired, and no new ones were given out".to_owned();
            return Err(Trouble { kind: StoreTrouble::Unavailable, words }.about(""));
        }
        tracing::warn!(
            "no new AWS credentials were given out; those that are known are good for some minutes"
        );
        let credential = Arc::clone(&known.credential);
        self.keep(Known { next_try: Instant::now() + PAUSE, ..known });
        Ok(credential)
    }
}

#[async_trait]
impl CredentialProvider for AwsCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let is_enough = |known: &Known| {
            known.lasts(REFRESH_BEFORE)
                || (known.lasts(Duration::ZERO) && Instant::now() < known.next_try)
        };
        let known = self.known();
        let refreshing = match known {
            Some(known) if is_enough(&known) => return Ok(known.credential),
            // One asks for new ones, and the others go on with those that are good for some minutes.
            Some(known) if known.lasts(Duration::ZERO) => match self.refresh.try_lock() {
                Ok(refreshing) => refreshing,
                Err(_) => return Ok(known.credential),
            },
            _ => self.refresh.lock().await,
        };
        // Somebody else may have fetched them meanwhile.
        let fetched = match self.known() {
            Some(known) if is_enough(&known) => Ok(known.credential),
            _ => self.fetch().await,
        };
        drop(refreshing);
        fetched
    }
}

fn missing(source: Box<dyn std::error::Error + Send + Sync>) -> object_store::Error {
    object_store::Error::Unauthenticated { path: String::new(), source }
}

/// How token and metadata services are asked.
#[derive(Debug)]
struct Http(HttpClient);

impl HttpSend for Http {
    async fn http_send(
        &self,
        request: ::http::Request<Bytes>,
    ) -> reqsign_core::Result<::http::Response<Bytes>> {
        let failed = |error: HttpError| {
            reqsign_core::Error::unexpected("a service for credentials did not answer")
                .with_source(error)
        };
        let response = self.0.execute(request.map(Into::into)).await.map_err(failed)?;
        let (head, body) = response.into_parts();
        let body = body.bytes().await.map_err(failed)?;
        Ok(::http::Response::from_parts(head, body))
    }
}
