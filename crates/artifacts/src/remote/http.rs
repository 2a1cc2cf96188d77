//! The HTTP client that stores are reached with.

use crate::StoreSettings;
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    client::{HttpClient, HttpConnector, ReqwestConnector},
};
#[cfg(any(feature = "server", feature = "hdfs"))]
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

/// Time for a connection to a store.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time without a byte of a store's answer.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(30);
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
#[cfg(any(feature = "server", feature = "hdfs"))]
pub(super) fn reqwest_builder() -> reqwest::ClientBuilder {
    provide_crypto();
    reqwest::Client::builder().connect_timeout(CONNECT_TIME).http1_only().user_agent(USER_AGENT)
}

pub(super) const USER_AGENT: http::HeaderValue =
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

/// Everything in a path that a URL could read as something else.
#[cfg(any(feature = "server", feature = "hdfs"))]
const IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A key as it stands in the path of a URL.
#[cfg(any(feature = "server", feature = "hdfs"))]
pub(super) fn in_path(key: &str) -> String {
    utf8_percent_encode(key, IN_PATH).to_string()
}

/// A value as it stands in the query of a URL.
#[cfg(any(feature = "server", feature = "hdfs"))]
pub(super) fn in_query(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

#[cfg(all(test, any(feature = "server", feature = "hdfs")))]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_once_and_whole() {
        assert_eq!(in_path("a b/x%41?#[ü]~.txt"), "a%20b/x%2541%3F%23%5B%C3%BC%5D~.txt");
        assert_eq!(in_query("a/b&c"), "a%2Fb%26c");
    }
}
