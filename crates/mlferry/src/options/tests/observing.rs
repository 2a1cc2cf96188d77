//! How a server is watched, as typed and as variables say.

use super::*;

#[test]
fn a_folder_for_metrics_is_not_needed() {
    let expected = "--expose-prometheus: metrics are always at /metrics; the folder './m' is not needed, and \
                    nothing is written to it.";
    let typed = options("server --expose-prometheus ./m", NO_ENV).notices;
    assert!(typed.iter().any(|notice| notice == expected), "{typed:?}");
    let variable = options("server", [("MLFLOW_EXPOSE_PROMETHEUS", "./m")]).notices;
    assert!(variable.iter().any(|notice| notice == expected), "{variable:?}");
}

#[test]
fn traces_are_sent_where_a_variable_says_so() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let with = |name, value| options("server", [endpoint, (name, value)]).has_traces;
    assert!(!options("server", NO_ENV).has_traces);
    assert!(!options("server", [("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).has_traces);
    assert!(options("server", [endpoint]).has_traces);
    assert!(with("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
    let traces_only = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces");
    assert!(options("server", [traces_only]).has_traces);
    assert!(!with("OTEL_SDK_DISABLED", "TRUE"));
    assert!(!with("OTEL_TRACES_EXPORTER", "none"));
    let grpc = [endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    assert_refused("server", grpc, "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'");
    let zipkin = [endpoint, ("OTEL_TRACES_EXPORTER", "zipkin")];
    assert_refused("server", zipkin, "OTEL_TRACES_EXPORTER is 'zipkin'");
}
