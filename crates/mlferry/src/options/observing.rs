//! How a server is watched: the reference's flag for metrics, and the variables that all of OpenTelemetry obeys.

use super::{set, variable};
use crate::config::variables;
use crate::env::Env;
use crate::flags::ServerFlags;
use crate::usage::Stop;

/// The only protocol that traces are sent with.
const PROTOCOL: &str = "http/protobuf";

/// What to say of the reference's folder for metrics.
pub(super) fn prometheus_notice(flags: &ServerFlags) -> Option<String> {
    let folder = set(flags.expose_prometheus.clone())?;
    Some(format!(
        "--expose-prometheus: metrics are always at /metrics; the folder '{folder}' is not needed, and nothing is \
         written to it."
    ))
}

/// What to say of variables that `--env-file` sets in vain, since libraries read them.
pub(super) fn out_of_reach(env: &Env) -> Vec<String> {
    // mlferry reads these itself.
    let is_read = |name| ["HOME", "MLFERRY_CONFIG"].contains(&name);
    let is_for_libraries = |name| {
        variables::find(name).is_some_and(|known| known.reader == variables::Reader::Process)
    };
    env.of_env_file()
        .filter(|(name, _)| is_for_libraries(name) && !is_read(name))
        .map(|(name, path)| {
            format!(
                "{name} in the environment file '{path}' has no effect: set it in the environment of the process."
            )
        })
        .collect()
}

/// Whether traces are sent: whether an endpoint is named and nothing forbids its use. What else the variables say is read by the library.
pub(super) fn has_traces(env: &Env) -> Result<bool, Stop> {
    let get = |name| {
        let value = variable(env, name)?.filter(|_| env.is_of_process(name));
        Ok(set(value.map(ToOwned::to_owned)))
    };
    let first = |names: [&'static str; 2]| {
        for name in names {
            if let Some(value) = get(name)? {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    };
    let is_off = get("OTEL_SDK_DISABLED")?.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let exporter = get("OTEL_TRACES_EXPORTER")?.unwrap_or_else(|| "otlp".to_owned());
    let endpoint = first(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])?;
    if is_off || exporter == "none" || endpoint.is_none() {
        return Ok(false);
    }
    if exporter != "otlp" {
        return Err(Stop::Refused(format!(
            "OTEL_TRACES_EXPORTER is '{exporter}'. It must be otlp, or none to start without traces."
        )));
    }
    let protocol = first(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"])?;
    match protocol {
        Some((name, protocol)) if protocol != PROTOCOL => Err(Stop::Refused(format!(
            "{name} is '{protocol}', and traces are only sent as {PROTOCOL}. Set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL to \
             {PROTOCOL} with an endpoint that takes it, or OTEL_TRACES_EXPORTER to none to start without traces."
        ))),
        _ => Ok(true),
    }
}
