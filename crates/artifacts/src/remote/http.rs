//! The HTTP client that stores are reached with.

use crate::StoreSettings;
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    client::{HttpClient, HttpConnector, ReqwestConnector},
};
use std::time::Duration;

/// Time for a connection to a store.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time without a byte of a store's answer.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// How often a request is repeated.
pub(super) const RETRIES: usize = 6;
/// Time after which a request is not repeated any more: clients give up after two minutes.
pub(super) const RETRY_TIME: Duration = Duration::from_mins(1);
/// The pause before the first repetition; it doubles each time.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
pub(super) const LAST_PAUSE: Duration = Duration::from_secs(10);

/// How stores are talked to.
///
/// There is no time limit for a request as a whole: a client may take hours for a download.
pub(super) fn client_options() -> ClientOptions {
    provide_crypto();
    ClientOptions::new()
        .with_connect_timeout(CONNECT_TIME)
        .with_timeout_disabled()
        .with_read_timeout(IDLE_TIME)
        .with_http1_only()
        .with_user_agent(USER_AGENT)
}

/// The same for a client of our own, but for the time limit.
#[cfg(feature = "server")]
pub(super) fn reqwest_builder() -> reqwest::ClientBuilder {
    provide_crypto();
    reqwest::Client::builder().connect_timeout(CONNECT_TIME).http1_only().user_agent(USER_AGENT)
}

const USER_AGENT: http::HeaderValue =
    http::HeaderValue::from_static(concat!("mlferry/", env!("CARGO_PKG_VERSION")));

/// When requests are repeated.
pub(super) fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LAST_PAUSE, base: 2.0 },
        max_retries: RETRIES,
        retry_timeout: RETRY_TIME,
    }
}

/// A client for the few requests that no store's own client makes.
pub(super) fn client(options: &ClientOptions) -> Result<HttpClient, String> {
    ReqwestConnector::default().connect(options).map_err(|error| super::error::words_of(&error))
}

/// The certificates in the file that a variable names, besides the system's.
pub(super) fn with_certificates(
    mut options: ClientOptions,
    settings: &StoreSettings,
    variables: &[&str],
) -> Result<ClientOptions, String> {
    let Some(file) = settings.first(variables) else { return Ok(options) };
    let pem = std::fs::read(file).map_err(|error| format!("cannot read '{file}': {error}"))?;
    let certificates = object_store::Certificate::from_pem_bundle(&pem)
        .map_err(|error| format!("'{file}' holds no certificates: {error}"))?;
    for certificate in certificates {
        options = options.with_root_certificate(certificate);
    }
    Ok(options)
}

/// The TLS library asks for the process's own choice of cryptography, which is made once.
fn provide_crypto() {
    // Somebody was faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
