//! From flags as typed to options that hold: values, defaults, and what to tell the operator.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod cache;
mod connections;
mod in_force;
mod log;
mod observing;
pub(crate) mod oidc;
pub(crate) mod places;
mod security;
pub(crate) mod stores;
mod webhooks;

use std::fs;
use std::path::Path;
use std::time::Duration;

use mlferry_artifacts::{Destination, StoreSettings};
use mlferry_protocol::{LongValues, limits};
use mlferry_server::{Limits, OidcOptions, Page, PresignedUrls};
use mlferry_store::Connections;

use crate::checks::{self, DEFAULT_FILE_STORE};
use crate::env::Env;
use crate::flags::ServerFlags;
use crate::listen::{self, ListenOptions};
use crate::log::LogOptions;
use crate::ui;
use crate::units::{parse_duration, parse_size_bytes};
use crate::uri;
use crate::usage::Stop;
use access::AccessSettings;
use audit::AuditOptions;
use cache::CacheOptions;
use webhooks::WebhookVariables;

/// Where records go when nothing else is said.
pub(crate) const DEFAULT_BACKEND_STORE_URI: &str = "sqlite:///mlflow.db";

/// All a server needs to know to start; every value was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerOptions {
    /// Where the server is reached.
    pub(crate) listen: ListenOptions,
    /// The web page.
    pub(crate) ui: Page,
    /// Most threads that handle requests, at least 1.
    pub(crate) workers: usize,
    /// Database for records; with `artifacts_only` it is not to be opened.
    pub(crate) backend_store_uri: String,
    /// How the connections to the database are kept.
    pub(crate) connections: Connections,
    /// Where new experiments keep their artifacts, as given: relative paths are not yet made absolute.
    pub(crate) default_artifact_root: String,
    /// Schemes of artifact locations that may name any host.
    pub(crate) allowed_host_schemes: Vec<String>,
    /// Most characters of an artifact location that a client gives.
    pub(crate) artifact_location_max_length: usize,
    /// A regular expression that sources of new model versions must match somewhere.
    pub(crate) model_source_pattern: Option<String>,
    /// What happens to values of params and run tags that are too long.
    pub(crate) long_values: LongValues,
    /// Users and what they may do; without, everybody may do everything.
    pub(crate) access: Option<AccessSettings>,
    /// Where it is written down what they do.
    pub(crate) audit_log: Option<AuditOptions>,
    /// The identity provider with which users sign on.
    pub(crate) oidc: Option<OidcOptions>,
    /// Who is told of changes in the model registry, and how.
    pub(crate) webhooks: WebhookVariables,
    /// Whether nothing but the artifact routes works.
    pub(crate) artifacts_only: bool,
    /// Where the served artifacts are; `None` where the artifact routes do not work.
    pub(crate) artifacts_destination: Option<Destination>,
    /// Where what is downloaded from a remote destination is kept.
    pub(crate) artifact_cache: Option<CacheOptions>,
    /// How artifact stores are reached.
    pub(crate) store_settings: StoreSettings,
    /// URLs that lead clients straight to the store.
    pub(crate) presigned_urls: PresignedUrls,
    /// Path in front of all routes; begins with `/` and does not end with it.
    pub(crate) static_prefix: Option<String>,
    /// Host headers to accept instead of the default ones.
    pub(crate) allowed_hosts: Option<Vec<String>>,
    /// Web origins to accept besides localhost.
    pub(crate) cors_allowed_origins: Option<Vec<String>>,
    /// Whether Host and origin are checked and security headers are sent.
    pub(crate) security_middleware: bool,
    /// Value of the X-Frame-Options header, in upper case; `None` sends none.
    pub(crate) x_frame_options: Option<String>,
    /// How to log.
    pub(crate) log: LogOptions,
    /// Most bytes of one artifact.
    pub(crate) max_artifact_size: Option<u64>,
    /// How long requests in flight may take to finish at a stop.
    pub(crate) shutdown_grace: Duration,
    /// Most connections at once.
    pub(crate) max_connections: usize,
    /// Whether traces of the server itself are sent.
    pub(crate) has_traces: bool,
    /// What the operator should read at start, in order.
    pub(crate) notices: Vec<String>,
}

/// Checks the flags; `folder` is where a file store of earlier days is looked for.
pub(crate) fn resolve(flags: ServerFlags, env: &Env, folder: &Path) -> Result<ServerOptions, Stop> {
    let mut notices = Vec::new();
    let static_prefix = flags.listen.static_prefix.clone().map(static_prefix).transpose()?;
    let address = listen::address(&flags.listen)?;
    checks::values_of_unbuilt(&flags)?;
    checks::conflicts(&flags, env)?;
    let workers = positive("'--workers' / '-w'", flags.workers.as_deref(), 4)?;
    let (log, other_tls) = log::log_options(&flags, &mut notices)?;
    let listen = listen::with_tls(address, &flags.listen, other_tls)?;
    let ui = ui::resolve(&flags.ui, env, &mut notices)?;
    let connections = connections::connections(&flags, env)?;
    let store_settings = stores::settings_of(&flags, env)?;
    let presigned_urls = stores::presigned_urls(&flags, env)?;
    let allowed_hosts = list(flags.allowed_hosts.as_deref());
    let cors_allowed_origins = list(flags.cors_allowed_origins.as_deref());
    let security_middleware = !flags.disable_security_middleware;
    if security_middleware {
        notices.extend(security::wildcard_warnings(
            allowed_hosts.as_deref(),
            cors_allowed_origins.as_deref(),
        ));
    }

    let backend_store_uri = set(flags.backend_store_uri.clone()).unwrap_or_else(|| {
        let found =
            if has_file_store(folder) { DEFAULT_FILE_STORE } else { DEFAULT_BACKEND_STORE_URI };
        notices.push(format!("Backend store URI not provided. Using {found}"));
        found.to_owned()
    });
    if flags.registry_store_uri.as_deref().is_none_or(str::is_empty) {
        notices.push("Registry store URI not provided. Using backend store URI.".to_owned());
    }
    checks::artifacts_only(&flags, &backend_store_uri)?;
    checks::unbuilt(&flags, &backend_store_uri)?;
    notices.extend(observing::prometheus_notice(&flags));
    notices.extend(observing::out_of_reach(env));
    let serve_artifacts = flags.serve_artifacts && !flags.no_serve_artifacts;
    let backend_store_uri = if flags.artifacts_only {
        backend_store_uri
    } else {
        uri::backend_store(&backend_store_uri).map_err(Stop::Refused)?
    };
    let artifacts_destination = not_empty(
        "'--artifacts-destination'",
        flags.artifacts_destination.clone(),
        "./mlartifacts",
    )?;
    let artifacts_destination = serve_artifacts
        .then(|| Destination::parse(&artifacts_destination))
        .transpose()
        .map_err(|why| Stop::Refused(format!("--artifacts-destination: {why}")))?;
    let artifact_cache = cache::cache_of(&flags, artifacts_destination.as_ref())?;

    notices.push(security::notice(
        security_middleware,
        allowed_hosts.as_deref(),
        cors_allowed_origins.as_deref(),
    ));
    Ok(ServerOptions {
        listen,
        ui,
        workers,
        default_artifact_root: set(flags.default_artifact_root)
            .unwrap_or_else(|| default_artifact_root(serve_artifacts, &backend_store_uri)),
        backend_store_uri,
        connections,
        allowed_host_schemes: allowed_host_schemes(env)?,
        artifact_location_max_length: artifact_location_max_length(env)?,
        model_source_pattern: stores::model_source_pattern(env)?,
        long_values: long_values(env)?,
        access: flags.app_name.is_some().then(|| access::settings(env)).transpose()?,
        audit_log: audit::audit_of(&flags.audit, flags.app_name.is_some())?,
        oidc: oidc::oidc_of(flags.oidc, flags.app_name.is_some())?,
        webhooks: webhooks::webhooks(env)?,
        artifacts_only: flags.artifacts_only,
        artifacts_destination,
        artifact_cache,
        store_settings,
        presigned_urls,
        static_prefix,
        allowed_hosts,
        cors_allowed_origins,
        security_middleware,
        x_frame_options: security::x_frame_options(flags.x_frame_options)?,
        log,
        max_artifact_size: max_artifact_size(flags.max_artifact_size.as_deref())?,
        shutdown_grace: shutdown_grace(flags.shutdown_grace.as_deref())?,
        max_connections: positive(
            "'--max-connections'",
            flags.max_connections.as_deref(),
            Limits::CONNECTIONS,
        )?,
        has_traces: observing::has_traces(env)?,
        notices,
    })
}

/// The value, where an empty one counts as none.
fn set(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

fn not_empty(flag: &str, value: Option<String>, default: &str) -> Result<String, Stop> {
    match value {
        None => Ok(default.to_owned()),
        Some(value) if value.is_empty() => Err(Stop::invalid(
            flag,
            format_args!("it is empty. Leave it out for the default, {default}."),
        )),
        Some(value) => Ok(value),
    }
}

pub(crate) fn static_prefix(prefix: String) -> Result<String, Stop> {
    if !prefix.starts_with('/') {
        return Err(Stop::usage("--static-prefix must begin with a '/'."));
    }
    if prefix.ends_with('/') {
        return Err(Stop::usage("--static-prefix should not end with a '/'."));
    }
    if prefix.contains(['{', '}']) {
        return Err(Stop::usage("--static-prefix must not contain '{' or '}'."));
    }
    // What can't stand in a path as it is never matches one; `:` and `*` mean something to the router.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~!$&'()+,;=@/".contains(c);
    if !prefix.chars().all(is_plain) || prefix.contains("//") {
        return Err(Stop::usage(format!(
            "--static-prefix '{prefix}' must consist of letters, digits and any of -_.~!$&'()+,;=@ \
             between single slashes."
        )));
    }
    Ok(prefix)
}

fn positive(flag: &str, text: Option<&str>, default: usize) -> Result<usize, Stop> {
    let Some(text) = text else { return Ok(default) };
    match text.trim().parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Stop::invalid(flag, format_args!("'{text}' is not a positive integer."))),
    }
}

/// The entries of a list with commas; a list without any is none.
fn list(text: Option<&str>) -> Option<Vec<String>> {
    let entries = text?.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let entries: Vec<String> = entries.map(ToOwned::to_owned).collect();
    (!entries.is_empty()).then_some(entries)
}

/// Whether `./mlruns` holds experiments of the reference's file store: a folder named by a number, with meta.yaml.
fn has_file_store(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder.join(DEFAULT_FILE_STORE)) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        !name.is_empty()
            && name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
            && fs::symlink_metadata(entry.path().join("meta.yaml")).is_ok()
    })
}

fn default_artifact_root(serve_artifacts: bool, backend_store_uri: &str) -> String {
    match (serve_artifacts, uri::is_local(backend_store_uri)) {
        (true, _) => "mlflow-artifacts:/".to_owned(),
        (false, true) => backend_store_uri.to_owned(),
        (false, false) => "./mlruns".to_owned(),
    }
}

/// A variable that no flag stands for.
fn variable<'a>(env: &'a Env, name: &str) -> Result<Option<&'a str>, Stop> {
    env.get(name)
        .map_err(|_| Stop::Refused(format!("The variable {name} is not valid UTF-8. Correct it.")))
}

fn allowed_host_schemes(env: &Env) -> Result<Vec<String>, Stop> {
    let given = variable(env, "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES")?;
    Ok(list(given).unwrap_or_default().iter().map(|scheme| scheme.to_ascii_lowercase()).collect())
}

fn artifact_location_max_length(env: &Env) -> Result<usize, Stop> {
    let name = "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH";
    let Some(given) = variable(env, name)? else { return Ok(limits::ARTIFACT_LOCATION) };
    given.trim().parse().map_err(|_| {
        Stop::Refused(format!("{name} is '{given}', which is not a number of characters."))
    })
}

fn long_values(env: &Env) -> Result<LongValues, Stop> {
    let name = "MLFLOW_TRUNCATE_LONG_VALUES";
    let Some(given) = variable(env, name)? else { return Ok(LongValues::Cut) };
    Ok(if switch(name, given)? { LongValues::Cut } else { LongValues::Refuse })
}

/// What a variable says that turns something on or off.
fn switch(name: &str, given: &str) -> Result<bool, Stop> {
    match given.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Stop::Refused(format!("{name} is '{given}'. It must be true, false, 1 or 0."))),
    }
}

fn max_artifact_size(text: Option<&str>) -> Result<Option<u64>, Stop> {
    let Some(text) = text else { return Ok(None) };
    match parse_size_bytes(text) {
        Some(bytes) if bytes > 0 => Ok(Some(bytes)),
        _ => Err(Stop::invalid(
            "'--max-artifact-size'",
            format_args!(
                "'{text}' is not a size above zero. Write bytes, or a unit as in 10G or 512MiB; leave it out for no \
                 limit."
            ),
        )),
    }
}

fn shutdown_grace(text: Option<&str>) -> Result<Duration, Stop> {
    let Some(text) = text else { return Ok(Duration::from_secs(30)) };
    parse_duration(text).ok_or_else(|| {
        Stop::invalid(
            "'--shutdown-grace'",
            format_args!("'{text}' is not a duration. Write seconds, or a unit as in 30s or 2m."),
        )
    })
}

#[cfg(test)]
mod tests;
