//! S3, and what speaks its language.

use super::{
    Opened, StoreTraits, Told,
    aws_credentials::AwsCredentials,
    connection::StoreConnector,
    content::UploadArgs,
    direct::{Dialect, Direct},
    http,
};
use crate::{StoreSettings, counters::CountedStore, destination::S3Provider};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use object_store::{
    ClientOptions,
    aws::{AmazonS3, AmazonS3Builder, resolve_bucket_region},
};
use std::sync::Arc;

/// The region of buckets on AWS for which nobody says another one.
const DEFAULT_REGION: &str = "us-east-1";
/// Hosts of AWS itself.
const AWS_DOMAIN: &str = "amazonaws.com";

/// Names the account that must own the bucket.
const EXPECTED_OWNER: HeaderName = HeaderName::from_static("x-amz-expected-bucket-owner");

/// Opens a bucket.
pub(super) async fn open(
    bucket: &str,
    provider: &S3Provider,
    settings: &StoreSettings,
) -> Result<Opened, String> {
    let address = Address::of(provider, settings);
    let region = region(bucket, &address, settings).await;
    let args = match settings.get(UploadArgs::VARIABLE) {
        Some(json) => UploadArgs::read(json)?,
        None => UploadArgs::default(),
    };
    let builder =
        |endpoint: Option<&str>| builder(bucket, &region, endpoint, &address, settings, &args);
    let store = build(builder(address.endpoint.as_deref())?)?;
    let signer = match &settings.presigned_endpoint {
        Some(endpoint) => build(builder(Some(endpoint))?)?,
        None => Arc::clone(&store),
    };
    let direct = Direct {
        signer,
        own_signer: Arc::clone(&store) as _,
        parts: Arc::clone(&store) as _,
        dialect: Dialect::Signed,
        client: http::client(&client_options(address.endpoint.as_deref(), settings)?)?,
    };
    Ok(Opened {
        pages: Some(Arc::clone(&store) as _),
        // Where each request needs the operator's key, none can come from a client.
        direct: (!args.has_customer_key).then_some(direct),
        store,
        args,
        traits: StoreTraits {
            has_uniform_parts: matches!(provider, S3Provider::R2(_)),
            told: Told::TypeAndEncoding,
            ..StoreTraits::default()
        },
    })
}

fn build(builder: AmazonS3Builder) -> Result<Arc<AmazonS3>, String> {
    builder.build().map(Arc::new).map_err(|error| super::error::words_of(&error))
}

/// Where requests go.
struct Address {
    /// `None` is AWS.
    endpoint: Option<String>,
    /// Whether the bucket is in the host's name, or in the path.
    is_virtual: bool,
}

impl Address {
    fn of(provider: &S3Provider, settings: &StoreSettings) -> Self {
        let endpoint = match provider {
            S3Provider::Configured => settings
                .first(&["MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
                .map(|endpoint| endpoint.trim_end_matches('/').to_owned()),
            S3Provider::R2(host) | S3Provider::B2(host) => Some(format!("https://{host}")),
        };
        let is_aws = endpoint.as_ref().is_none_or(|endpoint| endpoint.contains(AWS_DOMAIN));
        let is_virtual = match settings.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE") {
            _ if matches!(provider, S3Provider::R2(_)) => true,
            _ if matches!(provider, S3Provider::B2(_)) => false,
            Some("virtual") => true,
            Some("path") => false,
            // The reference's S3 library chooses so, too.
            _ => is_aws,
        };
        Self { endpoint, is_virtual }
    }
}

async fn region(bucket: &str, address: &Address, settings: &StoreSettings) -> String {
    if let Some(region) = settings.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]) {
        return region.to_owned();
    }
    match &address.endpoint {
        Some(endpoint) if endpoint.contains(".r2.cloudflarestorage.com") => "auto".to_owned(),
        // s3.us-west-004.backblazeb2.com, s3.eu-central-1.amazonaws.com
        Some(endpoint) if endpoint.contains("//s3.") => {
            let rest = endpoint.split("//s3.").nth(1).unwrap_or_default();
            rest.split('.').next().unwrap_or(DEFAULT_REGION).to_owned()
        }
        Some(_) => DEFAULT_REGION.to_owned(),
        None => match resolve_bucket_region(bucket, &http::client_options()).await {
            Ok(region) => region,
            Err(error) => {
                tracing::debug!(%error, "could not ask AWS for the bucket's region");
                DEFAULT_REGION.to_owned()
            }
        },
    }
}

fn builder(
    bucket: &str,
    region: &str,
    endpoint: Option<&str>,
    address: &Address,
    settings: &StoreSettings,
    args: &UploadArgs,
) -> Result<AmazonS3Builder, String> {
    // With a dot in it, a bucket is no single name in the certificate's domain.
    let is_virtual = address.is_virtual && !(bucket.contains('.') && endpoint.is_none());
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_virtual_hosted_style_request(is_virtual)
        // Over TLS the bytes are protected already; without it, hashing them costs a core, and whoever
        // changes them in flight could change all else that is not signed.
        .with_unsigned_payload(true)
        .with_http_connector(StoreConnector::to(endpoint, settings.counters.of(CountedStore::S3)))
        .with_retry(http::retries());
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint_of_bucket(endpoint, bucket, is_virtual));
    }
    if settings.get("MLFLOW_EXPERIMENTAL_S3_SIGNATURE_VERSION") == Some("unsigned") {
        builder = builder.with_skip_signature(true);
    } else {
        builder = builder.with_credentials(Arc::new(AwsCredentials::new(settings)?));
    }
    let mut client = client_options(endpoint, settings)?;
    if let Some(owner) = settings.get("MLFLOW_S3_EXPECTED_BUCKET_OWNER") {
        let owner = HeaderValue::from_str(owner)
            .map_err(|_| "MLFLOW_S3_EXPECTED_BUCKET_OWNER is no account id".to_owned())?;
        // Such headers are signed.
        client = client.with_default_headers(HeaderMap::from_iter([(EXPECTED_OWNER, owner)]));
    }
    for (key, value) in &args.settings {
        let key = key.parse().map_err(|error| format!("{}: {error}", UploadArgs::VARIABLE))?;
        builder = builder.with_config(key, value);
    }
    Ok(builder.with_client_options(client))
}

fn client_options(
    endpoint: Option<&str>,
    settings: &StoreSettings,
) -> Result<ClientOptions, String> {
    let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = http::client_options()
        .with_allow_http(is_plain)
        .with_allow_invalid_certificates(settings.is_true("MLFLOW_S3_IGNORE_TLS"));
    http::with_certificates(options, settings, &["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
}

/// In virtual-host style, the library wants the bucket in the endpoint.
fn endpoint_of_bucket(endpoint: &str, bucket: &str, is_virtual: bool) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if is_virtual && !host.starts_with(&format!("{bucket}.")) => {
            format!("{scheme}://{bucket}.{host}")
        }
        _ => endpoint.to_owned(),
    }
}
