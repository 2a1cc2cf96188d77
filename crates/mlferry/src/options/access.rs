//! Users and what they may do: `basic_auth.ini`, as the reference reads it, and the variables that outvote it.

use std::fs;
use std::time::Duration;

use ini::{Ini, ParseOption};
use mlferry_protocol::access::Permission;

use super::variable;
use crate::env::Env;
use crate::usage::Stop;

/// The file that is read; without, the reference's own values count.
pub(crate) const CONFIG_PATH: &str = "MLFLOW_AUTH_CONFIG_PATH";

const ADMIN_USERNAME: &str = "MLFLOW_AUTH_ADMIN_USERNAME";
const ADMIN_PASSWORD: &str = "MLFLOW_AUTH_ADMIN_PASSWORD";

/// The variables that `mlferry users` reads.
pub(crate) const VARIABLES: [&str; 3] = [CONFIG_PATH, ADMIN_USERNAME, ADMIN_PASSWORD];

/// The only way to find out who somebody is.
const AUTHORIZATION_FUNCTION: &str = "mlflow.server.auth:authenticate_request_basic_auth";

/// How long a password that was right is not hashed again where the file does not say: the reference hashes it with each
/// request, which takes fifty times as long as the request itself.
const CREDENTIAL_TIME: Duration = Duration::from_mins(1);

/// For how many users that is remembered, as in the reference.
const CREDENTIAL_COUNT: usize = 10_000;

/// Keys without a meaning in a server with one workspace.
const OF_WORKSPACES: [&str; 3] =
    ["grant_default_workspace_access", "workspace_cache_max_size", "workspace_cache_ttl_seconds"];

/// What file and variables say.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessSettings {
    /// The database of users.
    pub(crate) database_uri: String,
    /// What all users may do where nothing else was granted to them.
    pub(crate) default_permission: Permission,
    /// The name of the first user.
    pub(crate) admin_username: String,
    /// The password of the first user; one is chosen where it is not given.
    pub(crate) admin_password: Option<String>,
    /// How long a password that was right is not hashed again.
    pub(crate) credential_time: Duration,
    /// For how many users at most that is remembered.
    pub(crate) credential_count: usize,
}

/// Without the password.
impl std::fmt::Debug for AccessSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessSettings")
            .field("default_permission", &self.default_permission)
            .field("admin_username", &self.admin_username)
            .finish_non_exhaustive()
    }
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self {
            database_uri: "sqlite:///basic_auth.db".to_owned(),
            default_permission: Permission::Read,
            admin_username: "admin".to_owned(),
            admin_password: None,
            credential_time: CREDENTIAL_TIME,
            credential_count: CREDENTIAL_COUNT,
        }
    }
}

/// Reads the file, if one is named, and the variables.
pub(crate) fn settings(env: &Env) -> Result<AccessSettings, Stop> {
    let mut settings = match variable(env, CONFIG_PATH)? {
        None => AccessSettings::default(),
        Some(path) => {
            let refuse =
                |why: String| Stop::Refused(format!("{CONFIG_PATH} names '{path}', {why}."));
            let text = fs::read_to_string(path)
                .map_err(|error| refuse(format!("which cannot be read: {error}")))?;
            parse(&text).map_err(refuse)?
        }
    };
    if let Some(name) = variable(env, ADMIN_USERNAME)? {
        name.clone_into(&mut settings.admin_username);
    }
    if let Some(password) = variable(env, ADMIN_PASSWORD)? {
        settings.admin_password = Some(password.to_owned());
    }
    Ok(settings)
}

/// Reads the text of the file. Python's reader has keys in any case, and doubles the percent signs of values.
fn parse(text: &str) -> Result<AccessSettings, String> {
    // Quotes and backslashes mean themselves.
    let options =
        ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
    let file = Ini::load_from_str_opt(text, options)
        .map_err(|error| format!("which is no INI file: {error}"))?;
    let section = file.section(Some("mlflow"));
    let section = section.ok_or("which has no section [mlflow]")?;
    let mut settings = AccessSettings::default();
    let (mut has_database, mut has_default) = (false, false);
    for (key, value) in section {
        let key = key.trim().to_lowercase();
        let value = plain(value.trim()).ok_or_else(|| {
            format!("where the value of {key} has a '%' that stands for something. Write '%%' for a percent sign")
        })?;
        match key.as_str() {
            "default_permission" => {
                has_default = true;
                settings.default_permission =
                    Permission::parse(&value).map_err(|error| format!("where {error}"))?;
            }
            "database_uri" => {
                has_database = true;
                settings.database_uri = value;
            }
            "admin_username" if !value.is_empty() => settings.admin_username = value,
            "admin_password" if !value.is_empty() => settings.admin_password = Some(value),
            "admin_username" | "admin_password" => {}
            "authorization_function" if value == AUTHORIZATION_FUNCTION => {}
            "authorization_function" => {
                return Err(format!(
                    "where authorization_function is '{value}'. mlferry runs no Python: leave it out"
                ));
            }
            "read_database_uri" => {
                return Err(
                    "where read_database_uri names a replica, which mlferry does not support: leave it out"
                        .to_owned(),
                );
            }
            "auth_cache_ttl_seconds" => {
                settings.credential_time = Duration::from_secs(number(&key, &value)?);
            }
            "auth_cache_max_size" => {
                let count = number(&key, &value)?;
                settings.credential_count = usize::try_from(count).unwrap_or(usize::MAX);
            }
            other if OF_WORKSPACES.contains(&other) => {}
            other => {
                // A name that was mistyped must not leave a server open that was meant to be closed.
                return Err(format!("where nothing is known of the key {other}"));
            }
        }
    }
    if !has_default || !has_database {
        let missing = if has_default { "database_uri" } else { "default_permission" };
        return Err(format!("where {missing} is missing"));
    }
    Ok(settings)
}

/// A value without the doubling of percent signs; nothing where one stands for something else.
fn plain(value: &str) -> Option<String> {
    let parts: Vec<&str> = value.split("%%").collect();
    let is_plain = !parts.iter().any(|part| part.contains('%'));
    is_plain.then(|| parts.join("%"))
}

fn number(key: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("where {key} is '{value}', which is no whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_s_file_is_read_as_it_is() {
        let text = "[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///basic_auth.db\n\
                    admin_username = admin\n# admin_password =\nauthorization_function = \
                    mlflow.server.auth:authenticate_request_basic_auth\ngrant_default_workspace_access = false\n";
        assert_eq!(parse(text).unwrap(), AccessSettings::default());
    }

    #[test]
    fn values_mean_themselves() {
        let text = "[mlflow]\nDefault_Permission: NO_PERMISSIONS\ndatabase_uri=postgresql://u:p%%40@h/d\n\
                    admin_password = \"a\\b;c#d\nauth_cache_ttl_seconds = 0\nauth_cache_max_size = 5\n";
        let settings = parse(text).unwrap();
        assert_eq!(settings.default_permission, Permission::NoPermissions);
        assert_eq!(settings.database_uri, "postgresql://u:p%40@h/d");
        assert_eq!(settings.admin_password.as_deref(), Some("\"a\\b;c#d"));
        assert_eq!(settings.credential_time, Duration::ZERO);
        assert_eq!(settings.credential_count, 5);
    }

    #[test]
    fn mistakes_are_told() {
        let with = |line: &str| {
            let begin = "[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///a.db\n";
            parse(&format!("{begin}{line}\n")).unwrap_err()
        };
        assert_eq!(
            with("default_permisson = READ"),
            "where nothing is known of the key default_permisson"
        );
        assert!(
            with("default_permission = WRITE").starts_with("where Invalid permission 'WRITE'.")
        );
        assert!(with("admin_password = 50%").contains("admin_password has a '%'"));
        assert!(with("authorization_function = a:b").contains("runs no Python"));
        assert!(with("read_database_uri = sqlite:///b.db").contains("replica"));
        assert!(with("auth_cache_max_size = many").contains("'many', which is no whole number"));
        assert_eq!(parse("[other]\na = b\n").unwrap_err(), "which has no section [mlflow]");
        let missing = parse("[mlflow]\ndatabase_uri = x\n").unwrap_err();
        assert_eq!(missing, "where default_permission is missing");
    }
}
