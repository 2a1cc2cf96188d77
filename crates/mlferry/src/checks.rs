//! Which flags of `mlferry server` exclude each other, and which are known but not built yet.

use std::fs;

use mlferry_store::without_password;

use crate::env::{Env, NotUnicode};
use crate::flags::ServerFlags;
use crate::options::DEFAULT_BACKEND_STORE_URI;
use crate::units::parse_size_bytes;
use crate::usage::Stop;

/// Where a file store of the reference lies when nothing else is said.
pub(crate) const DEFAULT_FILE_STORE: &str = "./mlruns";

/// Refuses flags that exclude each other, in the reference's order and words (`cli/__init__.py`, `server`).
pub(crate) fn conflicts(flags: &ServerFlags, env: &Env) -> Result<(), Stop> {
    let given = |opts: &Option<String>| opts.as_ref().is_some_and(|opts| !opts.is_empty());
    if flags.dev {
        if given(&flags.gunicorn_opts) {
            return Err(Stop::usage("'--dev' and '--gunicorn-opts' cannot be specified together."));
        }
        if given(&flags.uvicorn_opts) {
            return Err(Stop::usage("'--dev' and '--uvicorn-opts' cannot be specified together."));
        }
        if flags.app_name.is_some() {
            return Err(Stop::usage(
                "'--dev' cannot be used with '--app-name'. Development mode with auto-reload is only supported for \
                 the default MLflow tracking server.",
            ));
        }
    }

    // compat: `--dev` is `--uvicorn-opts "--reload --log-level debug"`.
    let uvicorn = flags.dev || flags.uvicorn_opts.is_some();
    let servers = [flags.gunicorn_opts.is_some(), flags.waitress_opts.is_some(), uvicorn];
    if servers.iter().filter(|chosen| **chosen).count() > 1 {
        return Err(Stop::usage(
            "Cannot specify multiple server options. Choose one of: '--gunicorn-opts', '--waitress-opts', or \
             '--uvicorn-opts'.",
        ));
    }
    // compat: the same settings from the environment are fine, as containers set them for any server.
    let security = ["allowed_hosts", "cors_allowed_origins", "disable_security_middleware"];
    if (flags.gunicorn_opts.is_some() || flags.waitress_opts.is_some())
        && security.iter().any(|id| flags.typed.contains(*id))
    {
        return Err(Stop::usage(
            "Security middleware parameters (--allowed-hosts, --cors-allowed-origins, \
             --disable-security-middleware) are only supported with the default uvicorn server. They cannot be used \
             with --gunicorn-opts or --waitress-opts. To use security features, run without specifying a server \
             option (uses uvicorn by default) or explicitly use --uvicorn-opts.",
        ));
    }

    match env.get("MLFLOW_WORKSPACE") {
        Ok(None) => Ok(()),
        Ok(Some(workspace)) => Err(Stop::Refused(format!(
            "MLFLOW_WORKSPACE={workspace} is client-only. Unset it before starting the server."
        ))),
        Err(NotUnicode) => Err(Stop::Refused(
            "MLFLOW_WORKSPACE is client-only. Unset it before starting the server.".to_owned(),
        )),
    }
}

/// Refuses what a server without tracking can't have, in the reference's words (`utils/server_cli_utils.py`).
pub(crate) fn artifacts_only(flags: &ServerFlags, backend_store_uri: &str) -> Result<(), Stop> {
    if !flags.artifacts_only {
        return Ok(());
    }
    if workspaces_enabled(flags) && flags.workspace_store_uri.as_deref().is_none_or(str::is_empty) {
        return Err(Stop::usage(
            "--workspace-store-uri is required when combining --enable-workspaces with --artifacts-only so artifact \
             requests can be validated against a workspace provider.",
        ));
    }
    if ![DEFAULT_BACKEND_STORE_URI, DEFAULT_FILE_STORE].contains(&backend_store_uri) {
        let shown = without_password(backend_store_uri);
        return Err(Stop::usage(format!(
            "You are starting a tracking server in `--artifacts-only` mode and have provided a value for \
             `--backend_store_uri`: '{shown}'. A tracking server in `--artifacts-only` mode cannot have a value set \
             for `--backend_store_uri` to properly proxy access to the artifact storage location."
        )));
    }
    if flags.trace_archival_config.is_some() {
        return Err(Stop::usage(
            "--trace-archival-config cannot be combined with --artifacts-only because artifact-only servers do not \
             initialize the tracking store required for server-owned trace archival.",
        ));
    }
    Ok(())
}

/// Checks the values of flags that are refused afterwards, so that a wrong value is named first.
pub(crate) fn values_of_unbuilt(flags: &ServerFlags) -> Result<(), Stop> {
    if let Some(name) = &flags.app_name
        && name != "basic-auth"
    {
        return Err(Stop::invalid(
            "'--app-name'",
            format_args!("'{name}' is not one of 'basic-auth'."),
        ));
    }
    if let Some(path) = &flags.trace_archival_config {
        let flag = "'--trace-archival-config'";
        match fs::metadata(path) {
            Err(_) => {
                return Err(Stop::invalid(flag, format_args!("File '{path}' does not exist.")));
            }
            Ok(found) if found.is_dir() => {
                return Err(Stop::invalid(flag, format_args!("File '{path}' is a directory.")));
            }
            Ok(_) => {}
        }
    }
    in_range("'--secrets-cache-ttl'", flags.secrets_cache_ttl.as_deref(), 10, 300)?;
    in_range("'--secrets-cache-max-size'", flags.secrets_cache_max_size.as_deref(), 1, 10_000)?;
    Ok(())
}

/// Reads a size that must not be less than another one; `least` and `examples` are how a person writes them.
pub(crate) fn size_of_at_least(
    flag: &str,
    text: &str,
    (least_bytes, least): (u64, &str),
    examples: &str,
) -> Result<u64, Stop> {
    parse_size_bytes(text).filter(|bytes| *bytes >= least_bytes).ok_or_else(|| {
        Stop::invalid(
            flag,
            format_args!(
                "'{text}' is not a size of at least {least}. Write bytes, or a unit as in {examples}."
            ),
        )
    })
}

/// Reads a whole number within bounds, both included.
pub(crate) fn in_range(
    flag: &str,
    value: Option<&str>,
    least: i64,
    most: i64,
) -> Result<Option<i64>, Stop> {
    let Some(text) = value else { return Ok(None) };
    let Ok(number) = text.trim().parse::<i64>() else {
        return Err(Stop::invalid(flag, format_args!("'{text}' is not a valid integer.")));
    };
    if (least..=most).contains(&number) {
        return Ok(Some(number));
    }
    Err(Stop::invalid(flag, format_args!("{number} is not in the range {least}<=x<={most}.")))
}

/// Refuses flags whose feature is missing, whichever way they were given: a server that starts anyway would lack
/// what its operator relies on.
pub(crate) fn unbuilt(flags: &ServerFlags, backend_store_uri: &str) -> Result<(), Stop> {
    let given = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    let registry = flags.registry_store_uri.as_deref().unwrap_or_default();
    if !registry.is_empty() && registry != backend_store_uri {
        return Err(Stop::Refused(format!(
            "--registry-store-uri '{}' differs from the backend store '{}', which mlferry does not support yet: one \
             database keeps both. Leave --registry-store-uri (MLFLOW_REGISTRY_STORE_URI) out.",
            without_password(registry),
            without_password(backend_store_uri)
        )));
    }
    let table = [
        (
            given(&flags.read_replica_backend_store_uri),
            "--read-replica-backend-store-uri",
            "MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
        ),
        (
            flags.trace_archival_config.is_some(),
            "--trace-archival-config",
            "MLFLOW_TRACE_ARCHIVAL_CONFIG",
        ),
        (flags.secrets_cache_ttl.is_some(), "--secrets-cache-ttl", ""),
        (flags.secrets_cache_max_size.is_some(), "--secrets-cache-max-size", ""),
        (given(&flags.workspace_store_uri), "--workspace-store-uri", "MLFLOW_WORKSPACE_STORE_URI"),
        (workspaces_enabled(flags), "--enable-workspaces", "MLFLOW_ENABLE_WORKSPACES"),
    ];
    match table.iter().find(|(given, ..)| *given) {
        None => Ok(()),
        Some((_, flag, "")) => Err(Stop::Refused(format!(
            "{flag} is not supported by mlferry yet. Leave it out to start without."
        ))),
        Some((_, flag, variable)) => Err(Stop::Refused(format!(
            "{flag} is not supported by mlferry yet. Leave it out, and {variable} unset, to start without."
        ))),
    }
}

fn workspaces_enabled(flags: &ServerFlags) -> bool {
    flags.enable_workspaces && !flags.disable_workspaces
}
