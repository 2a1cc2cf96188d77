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
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// The region of buckets on AWS for which nobody says another one.
const DEFAULT_REGION: &str = "us-east-1";
/// Hosts of AWS itself.
const AWS_DOMAIN: &str = "amazonaws.com";

/// How the regions of AWS begin that are no part of its public cloud.
const OTHER_CLOUDS: [&str; 4] = ["cn-", "us-gov-", "us-iso", "eusc-"];
/// Time for AWS to tell a bucket's region. Who lets no server out to it does not even refuse.
const REGION_TIME: Duration = Duration::from_secs(5);

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
        let is_virtual = match settings.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE") {
            _ if matches!(provider, S3Provider::R2(_)) => true,
            _ if matches!(provider, S3Provider::B2(_)) => false,
            Some("virtual") => true,
            Some("path") => false,
            // The reference's S3 library chooses so, too.
            _ => is_aws(endpoint.as_deref()),
        };
        Self { endpoint, is_virtual }
    }
}

fn is_aws(endpoint: Option<&str>) -> bool {
    endpoint.is_none_or(|endpoint| endpoint.contains(AWS_DOMAIN))
}

/// The region of a bucket. On AWS, what the environment says is often that of this machine, not the bucket's.
async fn region(bucket: &str, address: &Address, settings: &StoreSettings) -> String {
    let told = settings.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
    let endpoint = address.endpoint.as_deref();
    let in_host = endpoint.and_then(region_in);
    if !is_aws(endpoint) {
        return told.or(in_host).unwrap_or(DEFAULT_REGION).to_owned();
    }
    if let Some(region) = in_host {
        return region.to_owned();
    }
    let resolved = resolved(bucket, told).await;
    resolved.unwrap_or_else(|| told.unwrap_or(DEFAULT_REGION).to_owned())
}

/// Asks AWS, which tells anybody.
async fn resolved(bucket: &str, told: Option<&str>) -> Option<String> {
    // Those are clouds of their own, of whose buckets the public one knows nothing.
    if told.is_some_and(|told| OTHER_CLOUDS.iter().any(|begin| told.starts_with(begin))) {
        return None;
    }
    let options = http::client_options();
    match timeout(REGION_TIME, resolve_bucket_region(bucket, &options)).await {
        Ok(Ok(region)) => Some(region),
        Ok(Err(error)) => {
            tracing::debug!(%error, "could not ask AWS for the bucket's region");
            None
        }
        Err(_) => None,
    }
}

/// The region in a host's name: s3.us-west-004.backblazeb2.com, s3.dualstack.eu-central-1.amazonaws.com,
/// s3-us-west-2.amazonaws.com. R2 has only one.
fn region_in(endpoint: &str) -> Option<&str> {
    if endpoint.contains(".r2.cloudflarestorage.com") {
        return Some("auto");
    }
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let is_service = |name: &str| name == "s3" || name.starts_with("s3-");
    // Before the service stands the bucket, which may have any name.
    let mut names = host.split('.').skip_while(|name| !is_service(name));
    names.find_map(|name| {
        let name = name.strip_prefix("s3-").unwrap_or(name);
        is_region(name).then_some(name)
    })
}

/// Whether it looks like eu-central-1.
fn is_region(name: &str) -> bool {
    let parts: Vec<_> = name.split('-').collect();
    let [area, places @ .., number] = parts.as_slice() else { return false };
    let is_word = |part: &&str| part.bytes().all(|byte| byte.is_ascii_lowercase());
    (2..=4).contains(&area.len())
        && !places.is_empty()
        && is_word(area)
        && places.iter().all(|place| !place.is_empty() && is_word(place))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> StoreSettings {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        StoreSettings { variables: variables.collect(), ..StoreSettings::default() }
    }

    #[test]
    fn a_region_is_read_from_hosts_that_name_one() {
        for (endpoint, region) in [
            ("https://s3.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("https://s3.dualstack.us-west-2.amazonaws.com", Some("us-west-2")),
            ("https://s3-us-west-2.amazonaws.com/", Some("us-west-2")),
            ("https://s3.us-gov-west-1.amazonaws.com:443", Some("us-gov-west-1")),
            ("https://my-bucket-1.s3.ap-south-1.amazonaws.com", Some("ap-south-1")),
            ("https://s3.us-west-004.backblazeb2.com", Some("us-west-004")),
            ("https://s3.amazonaws.com", None),
            ("https://my-bucket-1.s3.amazonaws.com", None),
            ("https://s3.wasabisys.com", None),
            ("https://s3-accelerate.amazonaws.com", None),
            ("http://s3.local:9000", None),
            ("http://127.0.0.1:9000", None),
        ] {
            assert_eq!(region_in(endpoint), region, "{endpoint}");
        }
    }

    #[tokio::test]
    async fn what_the_environment_says_counts_where_the_host_says_nothing() {
        for (endpoint, told, expected) in [
            ("https://s3.eu-central-1.amazonaws.com", "us-west-2", "eu-central-1"),
            ("https://s3.eu-central-1.wasabisys.com", "us-west-2", "us-west-2"),
            ("https://s3.eu-central-1.wasabisys.com", "", "eu-central-1"),
            ("http://s3.local:9000", "", DEFAULT_REGION),
            ("https://s3.cn.amazonaws.com.cn", "cn-north-1", "cn-north-1"),
        ] {
            let settings = settings(&[("MLFLOW_S3_ENDPOINT_URL", endpoint), ("AWS_REGION", told)]);
            let address = Address::of(&S3Provider::Configured, &settings);
            assert_eq!(region("b", &address, &settings).await, expected, "{endpoint} {told}");
        }
    }

    #[test]
    fn the_bucket_is_in_the_host_on_aws_and_in_the_path_elsewhere() {
        for (variables, is_virtual) in [
            (&[][..], true),
            (&[("AWS_ENDPOINT_URL", "https://s3.amazonaws.com")], true),
            (&[("AWS_ENDPOINT_URL", "http://s3.local")], false),
            (
                &[
                    ("AWS_ENDPOINT_URL", "http://s3.local"),
                    ("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "virtual"),
                ],
                true,
            ),
        ] {
            let address = Address::of(&S3Provider::Configured, &settings(variables));
            assert_eq!(address.is_virtual, is_virtual, "{variables:?}");
        }
        let of = |endpoint, is_virtual| endpoint_of_bucket(endpoint, "b", is_virtual);
        assert_eq!(of("http://s3.local", true), "http://b.s3.local");
        assert_eq!(of("http://b.s3.local", true), "http://b.s3.local");
        assert_eq!(of("http://s3.local", false), "http://s3.local");
    }
}
