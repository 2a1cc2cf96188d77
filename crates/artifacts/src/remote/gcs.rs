//! Google Cloud Storage.

use super::{
    Opened, StoreTraits, Told,
    connection::StoreConnector,
    content::UploadArgs,
    direct::{Dialect, Direct},
    http,
};
use crate::{StoreSettings, counters::CountedStore};
use ::http::{HeaderValue, header::ACCEPT_ENCODING};
use async_trait::async_trait;
use object_store::{
    ClientOptions,
    gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder},
    path::Path as ObjectPath,
    signer::{Method, SignedUrlOptions, Signer, Url},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{path::Path, sync::Arc, time::Duration};

/// Where Google's own tools keep the credentials of whoever logged in, below the home folder.
const LOGGED_IN: &str = ".config/gcloud/application_default_credentials.json";

/// All but the characters that no URL needs to encode, and the slash.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Opens a bucket.
pub(super) fn open(bucket: &str, settings: &StoreSettings) -> Result<Opened, String> {
    let emulator = settings.get("STORAGE_EMULATOR_HOST").map(|host| {
        let host = host.trim_end_matches('/');
        if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
    });
    let store = build(bucket, emulator.as_deref(), emulator.is_some(), settings)?;
    let own_signer = Arc::new(KeySigner(Arc::clone(&store)));
    let signer = match &settings.presigned_endpoint {
        Some(endpoint) => {
            Arc::new(KeySigner(build(bucket, Some(endpoint), emulator.is_some(), settings)?))
        }
        None => Arc::clone(&own_signer),
    };
    Ok(Opened {
        pages: Some(Arc::clone(&store) as _),
        direct: Some(Direct {
            signer,
            own_signer,
            parts: Arc::clone(&store) as _,
            dialect: Dialect::Signed,
            client: http::client(&client_options(emulator.as_deref()))?,
        }),
        store,
        traits: StoreTraits { told: Told::Type, ..StoreTraits::default() },
        args: UploadArgs::default(),
    })
}

fn build(
    bucket: &str,
    endpoint: Option<&str>,
    is_emulator: bool,
    settings: &StoreSettings,
) -> Result<Arc<GoogleCloudStorage>, String> {
    // Without it, what is stored compressed is sent decompressed, and not as long as it was said to be.
    let as_stored = StoreConnector::to(endpoint, settings.counters.of(CountedStore::Gcs))
        .sending(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_client_options(client_options(endpoint))
        .with_http_connector(as_stored)
        .with_retry(http::retries())
        // Whoever emulates the store knows nobody.
        .with_skip_signature(is_emulator);
    if let Some(endpoint) = endpoint {
        builder = builder.with_base_url(endpoint);
    }
    if let Some(file) = credentials_file(settings) {
        builder = builder.with_application_credentials(file);
    }
    builder.build().map(Arc::new).map_err(|error| super::error::words_of(&error))
}

fn client_options(endpoint: Option<&str>) -> ClientOptions {
    let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    http::client_options().with_allow_http(is_plain)
}

/// Signs URLs for keys of any name: the library puts keys into URLs as they are.
#[derive(Debug)]
struct KeySigner(Arc<GoogleCloudStorage>);

#[async_trait]
impl Signer for KeySigner {
    async fn signed_url(
        &self,
        method: Method,
        path: &ObjectPath,
        time: Duration,
    ) -> object_store::Result<Url> {
        self.signed_url_opts(method, path, time, &SignedUrlOptions::new()).await
    }

    async fn signed_url_opts(
        &self,
        method: Method,
        path: &ObjectPath,
        time: Duration,
        options: &SignedUrlOptions,
    ) -> object_store::Result<Url> {
        let encoded = utf8_percent_encode(path.as_ref(), ENCODED).to_string();
        self.0.signed_url_opts(method, &ObjectPath::parse(encoded)?, time, options).await
    }
}

/// The file with credentials; without one, the machine itself is asked.
fn credentials_file(settings: &StoreSettings) -> Option<String> {
    if let Some(file) = settings.get("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(file.to_owned());
    }
    let file = Path::new(settings.get("HOME")?).join(LOGGED_IN);
    file.is_file().then(|| file.display().to_string())
}
