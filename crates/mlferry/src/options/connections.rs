//! How connections to the database are kept: flags of ours, and the reference's variables below them.

use std::time::Duration;

use mlferry_store::Connections;

use super::variable;
use crate::env::Env;
use crate::flags::ServerFlags;
use crate::units::parse_duration;
use crate::usage::Stop;

/// Reads the flags; where one is absent, the variable that SQLAlchemy's pool of the reference obeys.
pub(super) fn connections(flags: &ServerFlags, env: &Env) -> Result<Connections, Stop> {
    let defaults = Connections::default();
    let max = match &flags.db_pool_size {
        Some(text) => Some(count("'--db-pool-size'", text)?),
        None => pool_of_reference(env)?,
    };
    let max_lifetime = match &flags.db_max_lifetime {
        Some(text) => Some(duration("'--db-max-lifetime'", text)?),
        None => recycle_of_reference(env)?,
    };
    let acquire_timeout = match &flags.db_acquire_timeout {
        Some(text) => duration("'--db-acquire-timeout'", text)?,
        None => defaults.acquire_timeout,
    };
    let statement_timeout = match &flags.db_statement_timeout {
        Some(text) => Some(duration("'--db-statement-timeout'", text)?),
        None => None,
    };
    Ok(Connections { max, acquire_timeout, max_lifetime, statement_timeout })
}

/// SQLAlchemy opens as many connections as the pool holds, and some more when all are in use.
fn pool_of_reference(env: &Env) -> Result<Option<u32>, Stop> {
    let Some(size) = number(env, "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE")? else { return Ok(None) };
    // compat: 10 is what SQLAlchemy adds unless told otherwise; negative is without limit.
    let overflow = number(env, "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW")?.unwrap_or(10);
    let max = size.saturating_add(overflow);
    Ok(u32::try_from(max).ok().filter(|max| size > 0 && overflow >= 0 && *max > 0))
}

/// Seconds after which a connection is replaced; -1 is never.
fn recycle_of_reference(env: &Env) -> Result<Option<Duration>, Stop> {
    let seconds = number(env, "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE")?;
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(seconds.map(Duration::from_secs))
}

fn number(env: &Env, name: &str) -> Result<Option<i64>, Stop> {
    let Some(text) = variable(env, name)? else { return Ok(None) };
    let parsed = text.trim().parse();
    parsed
        .map(Some)
        .map_err(|_| Stop::Refused(format!("{name} is '{text}', which is not an integer.")))
}

fn count(flag: &str, text: &str) -> Result<u32, Stop> {
    match text.trim().parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(Stop::invalid(
            flag,
            format_args!("'{text}' is not a number of connections, at least 1."),
        )),
    }
}

fn duration(flag: &str, text: &str) -> Result<Duration, Stop> {
    match parse_duration(text) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(Stop::invalid(
            flag,
            format_args!("'{text}' is not a duration. Write seconds, or a unit as in 30s or 2m."),
        )),
    }
}
