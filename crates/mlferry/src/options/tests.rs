//! Command lines, as typed and with what the environment says, and what becomes of them.

mod config;
mod connections;
mod listening;
mod log;
mod observing;
mod refusals;
mod security;

use std::ffi::OsString;

use mlferry_server::{AddressRules, WebhookOptions};

use super::*;
use crate::cli::{self, Command, Parsed};
use crate::listen::{Address, TlsFiles};
use crate::log::{LogFormat, LogLevel};

const NO_ENV: [(&str, &str); 0] = [];

/// What holds for webhooks where nothing is said.
fn usual_webhooks() -> WebhookVariables {
    WebhookVariables {
        delivery: WebhookOptions {
            addresses: AddressRules { schemes: vec!["https".to_owned()], allow_private: false },
            request_timeout: Duration::from_secs(30),
            max_retries: 3,
            max_workers: 10,
        },
        secret_key: None,
    }
}

fn start_in<const N: usize>(
    folder: &Path,
    line: &str,
    env: [(&str, &str); N],
) -> Result<ServerOptions, Stop> {
    let words = shlex::split(line).unwrap();
    let args: Vec<OsString> =
        ["mlferry".to_owned()].into_iter().chain(words).map(Into::into).collect();
    let Parsed { command, env, .. } = cli::parse(&args, Env::from(env))?;
    match command {
        Command::Server(flags) => resolve(*flags, &env, folder),
        other => panic!("not the server: {other:?}"),
    }
}

fn start<const N: usize>(line: &str, env: [(&str, &str); N]) -> Result<ServerOptions, Stop> {
    start_in(tempfile::tempdir().unwrap().path(), line, env)
}

fn options<const N: usize>(line: &str, env: [(&str, &str); N]) -> ServerOptions {
    start(line, env).unwrap_or_else(|stop| panic!("{line}: {stop}"))
}

#[track_caller]
fn assert_usage_error(line: &str, expected: &str) {
    assert_usage_error_with(line, NO_ENV, expected);
}

#[track_caller]
fn assert_usage_error_with<const N: usize>(line: &str, env: [(&str, &str); N], expected: &str) {
    let stop = start(line, env).expect_err(line);
    let text = format!(
        "Usage: mlferry server [OPTIONS]\nTry 'mlferry server --help' for help.\n\nError: {expected}"
    );
    assert_eq!(stop.to_string(), text, "{line}");
    assert_eq!(stop.exit_code(), 2, "{line}");
}

/// The server does not start, says so in one line that holds `expected`, and the exit code is 1.
#[track_caller]
fn assert_refused<const N: usize>(line: &str, env: [(&str, &str); N], expected: &str) {
    let stop = start(line, env).expect_err(line);
    let text = stop.to_string();
    assert!(text.starts_with("Error: ") && text.contains(expected), "{line}: {text}");
    assert!(!text.contains('\n'), "{line}: {text}");
    assert_eq!(stop.exit_code(), 1, "{line}");
}

fn tcp(host: &str, port: u16) -> ListenOptions {
    ListenOptions { address: Address::Tcp { host: host.to_owned(), port }, tls: None }
}

fn port_of(options: &ServerOptions) -> u16 {
    match options.listen.address {
        Address::Tcp { port, .. } => port,
        Address::Unix { .. } => panic!("not a port: {options:?}"),
    }
}

#[test]
fn nothing_given_means_the_references_defaults() {
    let expected = ServerOptions {
        listen: tcp("127.0.0.1", 5000),
        ui: Page::Builtin,
        workers: 4,
        backend_store_uri: "sqlite:///mlflow.db".to_owned(),
        default_artifact_root: "mlflow-artifacts:/".to_owned(),
        connections: Connections::default(),
        allowed_host_schemes: Vec::new(),
        artifact_location_max_length: 2048,
        model_source_pattern: None,
        long_values: LongValues::Cut,
        access: None,
        audit_log: None,
        oidc: None,
        webhooks: usual_webhooks(),
        artifacts_destination: Some(Destination::Local("./mlartifacts".into())),
        artifact_cache: None,
        artifacts_only: false,
        store_settings: StoreSettings::default(),
        presigned_urls: PresignedUrls {
            are_announced: false,
            download_time: Duration::from_mins(5),
        },
        static_prefix: None,
        allowed_hosts: None,
        cors_allowed_origins: None,
        security_middleware: true,
        x_frame_options: Some("SAMEORIGIN".to_owned()),
        log: LogOptions { level: LogLevel::Info, format: LogFormat::Text },
        max_artifact_size: None,
        shutdown_grace: Duration::from_secs(30),
        max_connections: 8192,
        has_traces: false,
        notices: vec![
            "Backend store URI not provided. Using sqlite:///mlflow.db".to_owned(),
            "Registry store URI not provided. Using backend store URI.".to_owned(),
            "[MLflow] Security middleware enabled with default settings (localhost-only). To allow connections from \
             other hosts, use --host 0.0.0.0 and configure --allowed-hosts and --cors-allowed-origins."
                .to_owned(),
        ],
    };
    assert_eq!(options("server", NO_ENV), expected);
    assert_eq!(options("ui", NO_ENV), expected);
    assert_eq!(options("server --disable-workspaces", NO_ENV), expected);
}

#[test]
fn the_seeds_command_line_works_as_typed() {
    let root = "http://localhost:5000/api/2.0/mlflow-artifacts/artifacts/experiments";
    let line = format!(
        "server --serve-artifacts --artifacts-destination ./mlartifacts --default-artifact-root {root} \
         --gunicorn-opts \"--log-level debug\""
    );
    let options = options(&line, NO_ENV);
    assert_eq!(options.log.level, LogLevel::Debug);
    assert_eq!(options.default_artifact_root, root);
    assert_eq!(options.notices.len(), 3, "{:?}", options.notices);
}

#[test]
fn every_flag_is_read() {
    let typed = options(
        "server --backend-store-uri sqlite:////d/a.db --registry-store-uri sqlite:////d/a.db \
         --default-artifact-root s3://bucket/x --artifacts-destination file:///srv/a -h 0.0.0.0 -p 8080 -w 2 \
         --static-prefix /ml --allowed-hosts 'a.com, b.com:*' --cors-allowed-origins https://a.com \
         --x-frame-options deny --log-format json --log-level WARNING --max-artifact-size 10G --shutdown-grace 2m \
         --max-connections 500",
        NO_ENV,
    );
    let from_env = options(
        "server",
        [
            ("MLFLOW_BACKEND_STORE_URI", "sqlite:////d/a.db"),
            ("MLFLOW_REGISTRY_STORE_URI", "sqlite:////d/a.db"),
            ("MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://bucket/x"),
            ("MLFLOW_SERVE_ARTIFACTS", "1"),
            ("MLFLOW_ARTIFACTS_ONLY", "off"),
            ("MLFLOW_ARTIFACTS_DESTINATION", "file:///srv/a"),
            ("MLFLOW_HOST", "0.0.0.0"),
            ("MLFLOW_PORT", "8080"),
            ("MLFLOW_WORKERS", "2"),
            ("MLFLOW_STATIC_PREFIX", "/ml"),
            ("MLFLOW_SERVER_ALLOWED_HOSTS", "a.com, b.com:*"),
            ("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "https://a.com"),
            ("MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE", "No"),
            ("MLFLOW_SERVER_X_FRAME_OPTIONS", "deny"),
            ("MLFLOW_ENABLE_WORKSPACES", "false"),
            ("MLFERRY_LOG_FORMAT", "json"),
            ("MLFERRY_LOG_LEVEL", "WARNING"),
            ("MLFERRY_MAX_ARTIFACT_SIZE", "10G"),
            ("MLFERRY_SHUTDOWN_GRACE", "2m"),
            ("MLFERRY_MAX_CONNECTIONS", "500"),
        ],
    );
    assert_eq!(typed, from_env);
    let expected = ServerOptions {
        listen: tcp("0.0.0.0", 8080),
        ui: Page::Builtin,
        workers: 2,
        backend_store_uri: "sqlite:////d/a.db".to_owned(),
        default_artifact_root: "s3://bucket/x".to_owned(),
        connections: Connections::default(),
        allowed_host_schemes: Vec::new(),
        artifact_location_max_length: 2048,
        model_source_pattern: None,
        long_values: LongValues::Cut,
        access: None,
        audit_log: None,
        oidc: None,
        webhooks: usual_webhooks(),
        artifacts_destination: Some(Destination::Local("/srv/a".into())),
        artifact_cache: None,
        artifacts_only: false,
        store_settings: StoreSettings::default(),
        presigned_urls: PresignedUrls {
            are_announced: false,
            download_time: Duration::from_mins(5),
        },
        static_prefix: Some("/ml".to_owned()),
        allowed_hosts: Some(vec!["a.com".to_owned(), "b.com:*".to_owned()]),
        cors_allowed_origins: Some(vec!["https://a.com".to_owned()]),
        security_middleware: true,
        x_frame_options: Some("DENY".to_owned()),
        log: LogOptions { level: LogLevel::Warn, format: LogFormat::Json },
        max_artifact_size: Some(10 << 30),
        shutdown_grace: Duration::from_mins(2),
        max_connections: 500,
        has_traces: false,
        notices: vec![
            "[MLflow] Security middleware enabled. Allowed hosts: a.com, b.com:*. CORS origins: https://a.com."
                .to_owned(),
        ],
    };
    assert_eq!(typed, expected);
}

#[test]
fn empty_variables_count_as_unset() {
    let command = cli::command();
    let help = command.clone().find_subcommand_mut("server").unwrap().render_help().to_string();
    let names: Vec<&str> = help
        .split("[env:")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(']')?.0.trim()))
        .collect();
    assert_eq!(names.len(), 56, "{names:?}");
    for name in names {
        assert_eq!(options("server", [(name, "")]), options("server", NO_ENV), "{name}");
    }
    assert_eq!(options("server", [("MLFLOW_WORKSPACE", "")]), options("server", NO_ENV));
}

#[test]
fn what_is_typed_wins_over_the_environment() {
    assert_eq!(port_of(&options("server --port 1", [("MLFLOW_PORT", "2")])), 1);
    let unread = [("MLFLOW_PORT", "none of your business")];
    assert_eq!(port_of(&options("server --port 1", unread)), 1);
    assert!(
        options("server --serve-artifacts", [("MLFLOW_SERVE_ARTIFACTS", "false")])
            .artifacts_destination
            .is_some()
    );
    assert!(
        options("server --no-serve-artifacts", [("MLFLOW_SERVE_ARTIFACTS", "true")])
            .artifacts_destination
            .is_none()
    );
    assert!(options("server", [("MLFLOW_SERVE_ARTIFACTS", "N")]).artifacts_destination.is_none());
    let off = [("MLFLOW_ENABLE_WORKSPACES", "true")];
    assert_eq!(options("server --disable-workspaces", off), options("server", NO_ENV));
}

#[test]
fn the_last_of_repeated_flags_wins() {
    assert_eq!(port_of(&options("server -p 1 --port 2", NO_ENV)), 2);
    assert!(
        options("server --no-serve-artifacts --serve-artifacts", NO_ENV)
            .artifacts_destination
            .is_some()
    );
    assert!(
        options("server --serve-artifacts --no-serve-artifacts", NO_ENV)
            .artifacts_destination
            .is_none()
    );
    assert!(options("server --artifacts-only --artifacts-only", NO_ENV).artifacts_only);
}

#[test]
fn clicks_forms_of_values_are_read() {
    for line in ["server -p5001", "server -p 5001", "server --port=5001", "server --port ' 5001 '"]
    {
        assert_eq!(port_of(&options(line, NO_ENV)), 5001, "{line}");
    }
}

#[test]
fn default_artifact_root_follows_the_mode() {
    let cases = [
        ("server", "mlflow-artifacts:/"),
        ("server --default-artifact-root ''", "mlflow-artifacts:/"),
        ("server --no-serve-artifacts", "./mlruns"),
        ("server --no-serve-artifacts --default-artifact-root /r", "/r"),
        ("server --default-artifact-root s3://b", "s3://b"),
        ("server --artifacts-only --no-serve-artifacts --backend-store-uri ./mlruns", "./mlruns"),
    ];
    for (line, expected) in cases {
        assert_eq!(options(line, NO_ENV).default_artifact_root, expected, "{line}");
    }
}

#[test]
fn a_file_store_of_earlier_days_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("mlruns/x1")).unwrap();
    fs::write(folder.path().join("mlruns/x1/meta.yaml"), "").unwrap();
    fs::create_dir_all(folder.path().join("mlruns/7")).unwrap();
    assert_eq!(start_in(folder.path(), "server", NO_ENV).unwrap(), options("server", NO_ENV));

    fs::write(folder.path().join("mlruns/7/meta.yaml"), "").unwrap();
    let stop = start_in(folder.path(), "server", NO_ENV).unwrap_err();
    assert_eq!(
        stop.to_string(),
        "Error: The backend store './mlruns' is a file store, and mlferry keeps records in a database. Bring it into one \
         with `mlferry import ./mlruns`, and pass --backend-store-uri sqlite:///mlflow.db."
    );
    let artifacts_only = start_in(folder.path(), "server --artifacts-only", NO_ENV).unwrap();
    assert_eq!(artifacts_only.notices[0], "Backend store URI not provided. Using ./mlruns");
    let given = "server --backend-store-uri sqlite:///mlflow.db";
    assert_eq!(start_in(folder.path(), given, NO_ENV).unwrap(), options(given, NO_ENV));
}

#[test]
fn an_env_file_stands_below_the_environment() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "MLFLOW_PORT=1\nMLFLOW_HOST=file\nMLFLOW_ARTIFACTS_ONLY=yes\n").unwrap();
    let line = format!("--env-file {} server", file.path().display());
    let found = options(&line, [("MLFLOW_PORT", "2")]);
    assert_eq!((&found.listen, found.artifacts_only), (&tcp("file", 2), true));
    assert_eq!(options(&format!("{line} --host typed"), NO_ENV).listen, tcp("typed", 1));
    fs::write(file.path(), "MLFLOW_WORKSPACE=w\n").unwrap();
    assert_refused(&line, NO_ENV, "MLFLOW_WORKSPACE=w is client-only.");
}

#[test]
fn a_cache_has_a_folder_and_a_size() {
    let line = "server --artifacts-destination s3://b/x --artifact-cache /srv/cache";
    let cache = |options: ServerOptions| options.artifact_cache.map(|cache| cache.bytes);
    assert_eq!(cache(options(line, NO_ENV)), Some(20 << 30));
    assert_eq!(
        cache(options(&format!("{line} --artifact-cache-size 1GB"), NO_ENV)),
        Some(1_000_000_000)
    );
    let env = [("MLFERRY_ARTIFACT_CACHE", "/c"), ("MLFERRY_ARTIFACT_CACHE_SIZE", "64M")];
    assert_eq!(cache(options("server --artifacts-destination gs://b", env)), Some(64 << 20));
}
