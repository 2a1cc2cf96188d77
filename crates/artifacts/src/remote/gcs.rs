//! Google Cloud Storage.

use super::{
    Opened, StoreTraits, Told,
    content::UploadArgs,
    direct::{Dialect, Direct},
    http,
};
use crate::StoreSettings;
use object_store::{
    ClientOptions,
    gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder},
};
use std::{path::Path, sync::Arc};

/// Where Google's own tools keep the credentials of whoever logged in, below the home folder.
const LOGGED_IN: &str = ".config/gcloud/application_default_credentials.json";

/// Opens a bucket.
pub(super) fn open(bucket: &str, settings: &StoreSettings) -> Result<Opened, String> {
    let emulator = settings.get("STORAGE_EMULATOR_HOST").map(|host| {
        let host = host.trim_end_matches('/');
        if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
    });
    let store = build(bucket, emulator.as_deref(), emulator.is_some(), settings)?;
    let signer = match &settings.presigned_endpoint {
        Some(endpoint) => build(bucket, Some(endpoint), emulator.is_some(), settings)?,
        None => Arc::clone(&store),
    };
    Ok(Opened {
        pages: Some(Arc::clone(&store) as _),
        direct: Some(Direct {
            signer,
            own_signer: Arc::clone(&store) as _,
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
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_client_options(client_options(endpoint))
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

/// The file with credentials; without one, the machine itself is asked.
fn credentials_file(settings: &StoreSettings) -> Option<String> {
    if let Some(file) = settings.get("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(file.to_owned());
    }
    let file = Path::new(settings.get("HOME")?).join(LOGGED_IN);
    file.is_file().then(|| file.display().to_string())
}
