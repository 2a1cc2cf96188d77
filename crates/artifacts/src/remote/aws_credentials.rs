//! AWS credentials from wherever AWS's own tools find them, refreshed before they expire.

use super::http;
use crate::StoreSettings;
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
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How long before their end credentials are replaced.
const REFRESH_BEFORE: Duration = Duration::from_mins(5);
/// Time for an answer of a metadata or token service. Where there is none, nobody answers at all.
const SERVICE_TIME: Duration = Duration::from_secs(5);

/// The chain: environment, profile, single sign-on, web identity, process, container and instance roles.
#[derive(Debug)]
pub(super) struct AwsCredentials {
    chain: DefaultCredentialProvider,
    context: Context,
    current: Mutex<Option<(Credential, Arc<AwsCredential>)>>,
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
        Ok(Self { chain: DefaultCredentialProvider::new(), context, current: Mutex::default() })
    }
}

#[async_trait]
impl CredentialProvider for AwsCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        // Held while new ones are fetched: others would only ask for the same.
        let mut current = self.current.lock().await;
        if let Some((known, credential)) = current.as_ref()
            && known.is_valid_at(Timestamp::now() + REFRESH_BEFORE)
        {
            return Ok(Arc::clone(credential));
        }
        match (self.chain.provide_credential(&self.context).await, current.as_ref()) {
            (Ok(Some(found)), _) => {
                let credential = Arc::new(AwsCredential {
                    key_id: found.access_key_id.clone(),
                    secret_key: found.secret_access_key.clone(),
                    token: found.session_token.clone(),
                });
                *current = Some((found, Arc::clone(&credential)));
                Ok(credential)
            }
            // Those that are known are still good for a while.
            (_, Some((known, credential))) if known.is_valid_at(Timestamp::now()) => {
                Ok(Arc::clone(credential))
            }
            (Ok(None), _) => Err(missing(
                "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                 AWS_PROFILE, or give this machine a role"
                    .into(),
            )),
            (Err(error), _) => Err(missing(error.into())),
        }
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
