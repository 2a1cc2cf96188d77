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

#[test]
fn variables_of_libraries_count_in_the_environment_of_the_process_only() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    fs::write(path, "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318\nHOME=/h\nA=1\n").unwrap();
    let line = format!("--env-file {path} server");
    let notices = |options: ServerOptions| {
        options.notices.into_iter().filter(|notice| notice.contains(path)).collect::<Vec<_>>()
    };
    let in_file = options(&line, NO_ENV);
    assert!(!in_file.has_traces);
    assert_eq!(
        notices(in_file),
        [format!(
            "OTEL_EXPORTER_OTLP_ENDPOINT in the environment file '{path}' has no effect: set it in the environment of \
             the process."
        )]
    );
    let of_process = options(&line, [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")]);
    assert!(of_process.has_traces);
    assert!(notices(of_process).is_empty());
}
