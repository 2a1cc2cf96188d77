//! How much is logged, and how.

use crate::flags::ServerFlags;
use crate::log::{LogFormat, LogLevel, LogOptions};
use crate::server_opts::{self, ServerOpts, TlsOpts};
use crate::usage::Stop;

/// The level: the flag, then what was typed for another web server, then the variables in the same order. And the
/// certificate that the other web server was to use.
pub(super) fn log_options(
    flags: &ServerFlags,
    notices: &mut Vec<String>,
) -> Result<(LogOptions, TlsOpts), Stop> {
    let typed = |id: &str| flags.typed.contains(id);
    let own = flags.log_level.as_deref().map(log_level).transpose()?;
    let (mut other, mut other_typed) = (None, false);
    let mut other_tls = TlsOpts::default();
    let servers = [
        ("gunicorn_opts", "--gunicorn-opts", &flags.gunicorn_opts),
        ("waitress_opts", "--waitress-opts", &flags.waitress_opts),
        ("uvicorn_opts", "--uvicorn-opts", &flags.uvicorn_opts),
    ];
    for (id, flag, text) in servers {
        let Some(text) = text else { continue };
        let ServerOpts { log_level, tls, ignored } =
            server_opts::parse(text).map_err(|why| Stop::invalid(&format!("'{flag}'"), why))?;
        if log_level.is_some() {
            (other, other_typed) = (log_level, typed(id));
        }
        if tls != TlsOpts::default() {
            other_tls = tls;
        }
        notices.extend(server_opts::notice(flag, &ignored));
    }
    if flags.dev {
        (other, other_typed) = (Some(LogLevel::Debug), typed("dev"));
        notices.push("--dev: logs at level debug; reload is not needed here.".to_owned());
    }
    let own_first = typed("log_level") || !other_typed;
    let level = if own_first { own.or(other) } else { other.or(own) };
    let format = match flags.log_format.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            return Err(Stop::invalid(
                "'--log-format'",
                format_args!("'{other}' is not one of 'text', 'json'."),
            ));
        }
    };
    Ok((LogOptions { level: level.unwrap_or(LogLevel::Info), format }, other_tls))
}

fn log_level(text: &str) -> Result<LogLevel, Stop> {
    LogLevel::parse(text).ok_or_else(|| {
        Stop::invalid(
            "'--log-level'",
            format_args!("'{text}' is not one of 'error', 'warn', 'info', 'debug', 'trace'."),
        )
    })
}
