//! How artifact stores are reached, from flags and the variables that MLflow and the stores' own tools read.

use std::time::Duration;

use mlferry_artifacts::StoreSettings;
use mlferry_protocol::limits;
use mlferry_server::PresignedUrls;
use regex::Regex;

use super::{set, variable};
use crate::config::variables;
use crate::env::Env;
use crate::flags::ServerFlags;
use crate::usage::Stop;

/// How the names of variables begin that stores, and the tools of their makers, read.
const PREFIXES: [&str; 12] = [
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "HOME",
    "MLFLOW_BOTO_",
    "MLFLOW_EXPERIMENTAL_S3_",
    "MLFLOW_GCS_",
    "MLFLOW_KERBEROS_",
    "MLFLOW_S3_",
    "MLFLOW_TRACKING_",
    "REQUESTS_CA_BUNDLE",
    "STORAGE_EMULATOR_HOST",
];

/// Whether a store, or the library that reaches it, may read this variable.
pub(crate) fn is_read(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || variables::is_for_stores(name)
}

/// What only the environment says.
pub(crate) fn settings(env: &Env) -> StoreSettings {
    let variables = env.texts().filter(|(name, value)| is_read(name) && !value.is_empty());
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    StoreSettings { variables, ..StoreSettings::default() }
}

/// What a server is told.
pub(super) fn settings_of(flags: &ServerFlags, env: &Env) -> Result<StoreSettings, Stop> {
    let presigned_endpoint = set(flags.presigned_endpoint.clone());
    if let Some(endpoint) = &presigned_endpoint
        && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
    {
        return Err(Stop::invalid(
            "'--presigned-endpoint'",
            format_args!("'{endpoint}' is no address. Write it as https://store.example.com."),
        ));
    }
    let is_unchecked = flags.no_destination_check;
    Ok(StoreSettings { presigned_endpoint, is_unchecked, ..settings(env) })
}

pub(super) fn presigned_urls(flags: &ServerFlags, env: &Env) -> Result<PresignedUrls, Stop> {
    let are_announced = match flags.presigned_urls.as_deref() {
        None | Some("" | "off") => false,
        Some("on") => true,
        Some(other) => {
            return Err(Stop::invalid(
                "'--presigned-urls'",
                format_args!("'{other}' is not one of 'off', 'on'."),
            ));
        }
    };
    let name = "MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS";
    let seconds = match variable(env, name)? {
        None => limits::PRESIGNED_DOWNLOAD_DEFAULT_SECONDS,
        Some(given) => match given.trim().parse() {
            Ok(seconds) if (1..=limits::PRESIGNED_SECONDS).contains(&seconds) => seconds,
            _ => {
                return Err(Stop::Refused(format!(
                    "{name} is '{given}'. It must be a number of seconds from 1 to {}.",
                    limits::PRESIGNED_SECONDS
                )));
            }
        },
    };
    let download_time = Duration::from_secs(seconds.unsigned_abs());
    Ok(PresignedUrls { are_announced, download_time })
}

/// A regular expression that sources of new model versions must match somewhere.
pub(super) fn model_source_pattern(env: &Env) -> Result<Option<String>, Stop> {
    let name = "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX";
    let Some(given) = variable(env, name)?.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    // Better not to start than to let pass what Python would refuse.
    Regex::new(given).map(|_| Some(given.to_owned())).map_err(|_| {
        Stop::Refused(format!(
            "{name} is '{given}', which is no regular expression that mlferry knows: it has no look-around and \
             no back-references."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_see_their_own_variables_and_no_others() {
        let env = Env::from([
            ("AWS_PROFILE", "x"),
            ("AWS_REGION", ""),
            ("AZURE_STORAGE_CONNECTION_STRING", "x"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "x"),
            ("HADOOP_USER_NAME", "x"),
            ("HOME", "x"),
            ("MLFLOW_BACKEND_STORE_URI", "x"),
            ("MLFLOW_HTTP_REQUEST_TIMEOUT", "x"),
            ("MLFLOW_KERBEROS_USER", "x"),
            ("MLFLOW_S3_ENDPOINT_URL", "x"),
            ("MLFLOW_TRACKING_TOKEN", "x"),
            ("PATH", "x"),
        ]);
        let variables = settings(&env).variables;
        let mut read: Vec<_> = variables.keys().map(String::as_str).collect();
        read.sort_unstable();
        let expected = [
            "AWS_PROFILE",
            "AZURE_STORAGE_CONNECTION_STRING",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "HADOOP_USER_NAME",
            "HOME",
            "MLFLOW_HTTP_REQUEST_TIMEOUT",
            "MLFLOW_KERBEROS_USER",
            "MLFLOW_S3_ENDPOINT_URL",
            "MLFLOW_TRACKING_TOKEN",
        ];
        assert_eq!(read, expected);
    }
}
