//! What options are in force, in the words in which a flag would say it.

use std::path::Path;
use std::time::Duration;

use mlferry_server::Page;

use super::ServerOptions;
use crate::listen::Address;
use crate::log::{LogFormat, LogLevel};

impl ServerOptions {
    /// The value of a flag that was not given, by its long name; `None` where nothing is in force, or a word says it
    /// better.
    pub(crate) fn in_force(&self, flag: &str) -> Option<String> {
        Some(match flag {
            "backend-store-uri" | "registry-store-uri" => self.backend_store_uri.clone(),
            "default-artifact-root" => self.default_artifact_root.clone(),
            "serve-artifacts" => self.artifacts_destination.is_some().to_string(),
            "artifacts-only" => self.artifacts_only.to_string(),
            "artifacts-destination" => self.artifacts_destination.as_ref()?.to_string(),
            "host" | "port" => match &self.listen.address {
                Address::Tcp { host, .. } if flag == "host" => host.clone(),
                Address::Tcp { port, .. } => port.to_string(),
                Address::Unix { .. } => return None,
            },
            "tls-cert" => path(&self.listen.tls.as_ref()?.certificate),
            "tls-key" => path(&self.listen.tls.as_ref()?.key),
            "ui" => match self.ui {
                Page::Builtin => "builtin".to_owned(),
                Page::Stock(_) => "stock".to_owned(),
                Page::None => "none".to_owned(),
            },
            "ui-path" => match &self.ui {
                Page::Stock(folder) => path(folder),
                Page::Builtin | Page::None => return None,
            },
            "workers" => self.workers.to_string(),
            "disable-security-middleware" => (!self.security_middleware).to_string(),
            "x-frame-options" => self.x_frame_options.clone().unwrap_or_else(|| "NONE".to_owned()),
            "log-format" => match self.log.format {
                LogFormat::Text => "text".to_owned(),
                LogFormat::Json => "json".to_owned(),
            },
            "log-level" => match self.log.level {
                LogLevel::Error => "error".to_owned(),
                LogLevel::Warn => "warn".to_owned(),
                LogLevel::Info => "info".to_owned(),
                LogLevel::Debug => "debug".to_owned(),
                LogLevel::Trace => "trace".to_owned(),
            },
            "max-artifact-size" => self.max_artifact_size?.to_string(),
            "shutdown-grace" => seconds(self.shutdown_grace),
            "max-connections" => self.max_connections.to_string(),
            "presigned-urls" => on_off(self.presigned_urls.are_announced),
            "no-destination-check" => self.store_settings.is_unchecked.to_string(),
            "artifact-cache-size" => self.artifact_cache.as_ref()?.bytes.to_string(),
            "audit-log-size" => self.audit_log.as_ref()?.bytes.to_string(),
            "audit-log-files" => self.audit_log.as_ref()?.kept.to_string(),
            "oidc-audience" => self.oidc.as_ref()?.audience.clone(),
            "oidc-scopes" => self.oidc.as_ref()?.scopes.replace(' ', ","),
            "oidc-username-claim" => self.oidc.as_ref()?.username_claim.clone(),
            "oidc-groups-claim" => self.oidc.as_ref()?.groups_claim.clone(),
            "oidc-session-time" => seconds(self.oidc.as_ref()?.session_time),
            "db-pool-size" => self.connections.max?.to_string(),
            "db-acquire-timeout" => seconds(self.connections.acquire_timeout),
            "db-statement-timeout" => seconds(self.connections.statement_timeout?),
            "db-max-lifetime" => seconds(self.connections.max_lifetime?),
            _ => return None,
        })
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn on_off(is_on: bool) -> String {
    if is_on { "on" } else { "off" }.to_owned()
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}
