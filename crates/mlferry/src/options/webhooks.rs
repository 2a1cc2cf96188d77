//! Who is told of changes in the model registry, and how: the reference's variables.

use std::time::Duration;

use mlferry_server::{AddressRules, WebhookOptions};
use mlferry_store::SecretKey;

use super::{list, switch, variable};
use crate::env::Env;
use crate::usage::Stop;

/// What the variables say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebhookVariables {
    /// How webhooks are told.
    pub(crate) delivery: WebhookOptions,
    /// What their secrets are encrypted with.
    pub(crate) secret_key: Option<SecretKey>,
}

pub(super) fn webhooks(env: &Env) -> Result<WebhookVariables, Stop> {
    let schemes = list(variable(env, "MLFLOW_WEBHOOK_ALLOWED_SCHEMES")?);
    let schemes = schemes.unwrap_or_else(|| vec!["https".to_owned()]);
    let addresses = AddressRules {
        schemes: schemes.iter().map(|scheme| scheme.to_ascii_lowercase()).collect(),
        allow_private: allows_private(env)?,
    };
    let timeout_s = number(env, "MLFLOW_WEBHOOK_REQUEST_TIMEOUT", 30, 1)?;
    let max_workers = number(env, "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS", 10, 1)?;
    Ok(WebhookVariables {
        delivery: WebhookOptions {
            addresses,
            request_timeout: Duration::from_secs(timeout_s.into()),
            max_retries: number(env, "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", 3, 0)?,
            max_workers: usize::try_from(max_workers).unwrap_or(usize::MAX),
        },
        secret_key: secret_key(env)?,
    })
}

fn number(env: &Env, name: &str, default: u32, least: u32) -> Result<u32, Stop> {
    let Some(given) = variable(env, name)?.filter(|given| !given.is_empty()) else {
        return Ok(default);
    };
    given.trim().parse().ok().filter(|number| *number >= least).ok_or_else(|| {
        Stop::Refused(format!("{name} is '{given}'. It must be an integer, at least {least}."))
    })
}

fn allows_private(env: &Env) -> Result<bool, Stop> {
    let name = "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS";
    let given = variable(env, name)?.filter(|given| !given.is_empty());
    given.map_or(Ok(false), |given| switch(name, given))
}

fn secret_key(env: &Env) -> Result<Option<SecretKey>, Stop> {
    let name = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY";
    let given = variable(env, name)?.filter(|given| !given.is_empty());
    // The message must not show what was given.
    let parsed = given.map(str::parse).transpose();
    parsed.map_err(|why| Stop::Refused(format!("{name} is not a key: {why}.")))
}
