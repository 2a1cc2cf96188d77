//! Command lines, as typed and with what the environment says, and what becomes of them.

use std::ffi::OsString;

use super::*;
use crate::cli::{self, Command, Parsed};
use crate::listen::{Address, TlsFiles};

const NO_ENV: [(&str, &str); 0] = [];

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
        ui: UiOptions::None,
        workers: 4,
        backend_store_uri: "sqlite:///mlflow.db".to_owned(),
        default_artifact_root: "mlflow-artifacts:/".to_owned(),
        connections: Connections::default(),
        allowed_host_schemes: Vec::new(),
        artifact_location_max_length: 2048,
        long_values: LongValues::Cut,
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
         --x-frame-options deny --log-format json --log-level WARNING --max-artifact-size 10G --shutdown-grace 2m",
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
        ],
    );
    assert_eq!(typed, from_env);
    let expected = ServerOptions {
        listen: tcp("0.0.0.0", 8080),
        ui: UiOptions::None,
        workers: 2,
        backend_store_uri: "sqlite:////d/a.db".to_owned(),
        default_artifact_root: "s3://bucket/x".to_owned(),
        connections: Connections::default(),
        allowed_host_schemes: Vec::new(),
        artifact_location_max_length: 2048,
        long_values: LongValues::Cut,
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
    assert_eq!(names.len(), 40, "{names:?}");
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
fn security_settings_are_told() {
    let cases = [
        (
            "server --disable-security-middleware --allowed-hosts '*'",
            &[
                "[MLflow] WARNING: Security middleware is DISABLED. Your MLflow server is vulnerable to various \
               attacks.",
            ][..],
        ),
        (
            "server --allowed-hosts a,b,c,d,e",
            &["[MLflow] Security middleware enabled. Allowed hosts: a, b, c, and 2 more."],
        ),
        (
            "server --allowed-hosts '*' --cors-allowed-origins 'x,*'",
            &[
                "WARNING: Accepting ALL hosts. This may leave the server vulnerable to DNS rebinding attacks.",
                "WARNING: Allowing ALL origins for CORS. This allows ANY website to access your MLflow data. This \
                 configuration is only recommended for local development.",
                "[MLflow] Security middleware enabled. Allowed hosts: *. CORS origins: x, *.",
            ],
        ),
    ];
    for (line, expected) in cases {
        let mut notices = options(line, NO_ENV).notices;
        notices.retain(|notice| !notice.contains("not provided"));
        assert_eq!(notices, expected, "{line}");
    }
    assert!(!options("server --disable-security-middleware", NO_ENV).security_middleware);
    assert_eq!(options("server --x-frame-options none", NO_ENV).x_frame_options, None);
    assert_eq!(options("server --allowed-hosts ''", NO_ENV).allowed_hosts, None);
}

#[test]
fn log_level_comes_from_the_nearest_place() {
    use LogLevel::{Debug, Error, Info, Trace, Warn};
    let level = |line, env: &[(&'static str, &'static str)]| match *env {
        [] => options(line, NO_ENV).log.level,
        [one] => options(line, [one]).log.level,
        [one, two, ..] => options(line, [one, two]).log.level,
    };
    let ours = ("MLFERRY_LOG_LEVEL", "error");
    let gunicorn = ("MLFLOW_GUNICORN_OPTS", "--log-level debug");
    assert_eq!(level("server", &[]), Info);
    assert_eq!(level("server --log-level trace --uvicorn-opts '--log-level debug'", &[]), Trace);
    assert_eq!(level("server --log-level warn --dev", &[ours]), Warn);
    assert_eq!(level("server --dev", &[ours]), Debug);
    assert_eq!(level("server --waitress-opts --log-level=debug", &[ours]), Debug);
    assert_eq!(level("server", &[ours, gunicorn]), Error);
    assert_eq!(level("server", &[gunicorn]), Debug);
    assert_eq!(level("server --log-level critical", &[gunicorn]), Error);
    let notices = options("server --dev", NO_ENV).notices;
    assert_eq!(notices[0], "--dev: logs at level debug; reload is not needed here.");
    let notices = options("server --gunicorn-opts '--timeout 5'", NO_ENV).notices;
    assert_eq!(notices[0], "--gunicorn-opts: --timeout is not needed here and has no effect.");
}

#[test]
fn wrong_values_are_named() {
    let cases = [
        ("-p abc", "Invalid value for '--port' / '-p': 'abc' is not a valid integer."),
        ("-p 70000", "Invalid value for '--port' / '-p': 70000 is not in the range 0<=x<=65535."),
        ("-p -1", "Invalid value for '--port' / '-p': -1 is not in the range 0<=x<=65535."),
        ("-w 0", "Invalid value for '--workers' / '-w': '0' is not a positive integer."),
        ("-w many", "Invalid value for '--workers' / '-w': 'many' is not a positive integer."),
        (
            "--host ''",
            "Invalid value for '--host' / '-h': it is empty. Leave it out for the default, 127.0.0.1.",
        ),
        ("--static-prefix x", "--static-prefix must begin with a '/'."),
        ("--static-prefix ''", "--static-prefix must begin with a '/'."),
        ("--static-prefix /x/", "--static-prefix should not end with a '/'."),
        ("--static-prefix /{x", "--static-prefix must not contain '{' or '}'."),
        (
            "--log-format xml",
            "Invalid value for '--log-format': 'xml' is not one of 'text', 'json'.",
        ),
        (
            "--log-level loud",
            "Invalid value for '--log-level': 'loud' is not one of 'error', 'warn', 'info', 'debug', 'trace'.",
        ),
        (
            "--uvicorn-opts '--log-level loud'",
            "Invalid value for '--uvicorn-opts': 'loud' is not a log level; use critical, error, warning, info, \
             debug or trace.",
        ),
        (
            "--max-artifact-size big",
            "Invalid value for '--max-artifact-size': 'big' is not a size above zero. Write bytes, or a unit as in \
             10G or 512MiB; leave it out for no limit.",
        ),
        (
            "--shutdown-grace soon",
            "Invalid value for '--shutdown-grace': 'soon' is not a duration. Write seconds, or a unit as in 30s or \
             2m.",
        ),
        (
            "--x-frame-options 'a\nb'",
            "Invalid value for '--x-frame-options': \"A\\nB\" cannot be sent as a header. Use SAMEORIGIN, DENY or \
             NONE.",
        ),
        ("--app-name x", "Invalid value for '--app-name': 'x' is not one of 'basic-auth'."),
        (
            "--trace-archival-config /nope",
            "Invalid value for '--trace-archival-config': File '/nope' does not exist.",
        ),
        (
            "--secrets-cache-ttl 5",
            "Invalid value for '--secrets-cache-ttl': 5 is not in the range 10<=x<=300.",
        ),
        (
            "--secrets-cache-max-size 0",
            "Invalid value for '--secrets-cache-max-size': 0 is not in the range 1<=x<=10000.",
        ),
    ];
    for (flags, expected) in cases {
        assert_usage_error(&format!("server {flags}"), expected);
    }
    assert_usage_error_with(
        "server",
        [("MLFLOW_PORT", "abc")],
        "Invalid value for '--port' / '-p': 'abc' is not a valid integer.",
    );
    assert_usage_error_with(
        "server",
        [("MLFLOW_SERVE_ARTIFACTS", "maybe")],
        "Invalid value for '--serve-artifacts': 'maybe' is not a valid boolean. Recognized values: , 0, 1, f, false, \
         n, no, off, on, t, true, y, yes",
    );
}

#[test]
fn flags_that_exclude_each_other_are_told_in_the_references_words() {
    const SEVERAL: &str = "Cannot specify multiple server options. Choose one of: '--gunicorn-opts', \
                           '--waitress-opts', or '--uvicorn-opts'.";
    const SECURITY: &str = "Security middleware parameters (--allowed-hosts, --cors-allowed-origins, \
        --disable-security-middleware) are only supported with the default uvicorn server. They cannot be used with \
        --gunicorn-opts or --waitress-opts. To use security features, run without specifying a server option (uses \
        uvicorn by default) or explicitly use --uvicorn-opts.";
    let cases = [
        ("--gunicorn-opts a --uvicorn-opts b", SEVERAL),
        ("--gunicorn-opts a --waitress-opts b", SEVERAL),
        ("--uvicorn-opts '' --waitress-opts ''", SEVERAL),
        ("--dev --waitress-opts b", SEVERAL),
        ("--gunicorn-opts a --allowed-hosts b", SECURITY),
        ("--waitress-opts a --cors-allowed-origins b", SECURITY),
        ("--gunicorn-opts a --disable-security-middleware", SECURITY),
        ("--dev --gunicorn-opts a", "'--dev' and '--gunicorn-opts' cannot be specified together."),
        ("--dev --uvicorn-opts a", "'--dev' and '--uvicorn-opts' cannot be specified together."),
        (
            "--dev --app-name basic-auth",
            "'--dev' cannot be used with '--app-name'. Development mode with auto-reload is only supported for the \
             default MLflow tracking server.",
        ),
        (
            "--artifacts-only --backend-store-uri sqlite:///x.db",
            "You are starting a tracking server in `--artifacts-only` mode and have provided a value for \
             `--backend_store_uri`: 'sqlite:///x.db'. A tracking server in `--artifacts-only` mode cannot have a \
             value set for `--backend_store_uri` to properly proxy access to the artifact storage location.",
        ),
        (
            "--artifacts-only --enable-workspaces",
            "--workspace-store-uri is required when combining --enable-workspaces with --artifacts-only so artifact \
             requests can be validated against a workspace provider.",
        ),
        (
            "--artifacts-only --trace-archival-config /dev/null",
            "--trace-archival-config cannot be combined with --artifacts-only because artifact-only servers do not \
             initialize the tracking store required for server-owned trace archival.",
        ),
    ];
    for (flags, expected) in cases {
        assert_usage_error(&format!("server {flags}"), expected);
    }
    // What the reference lets pass:
    let env = [
        ("MLFLOW_SERVER_ALLOWED_HOSTS", "a"),
        ("MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE", "true"),
    ];
    options("server --gunicorn-opts x", env);
    options("server --uvicorn-opts x --allowed-hosts a", NO_ENV);
    options("server --artifacts-only --backend-store-uri sqlite:///mlflow.db", NO_ENV);
    let off = options("server --artifacts-only --no-serve-artifacts", NO_ENV);
    assert!(off.artifacts_only && off.artifacts_destination.is_none());
}

#[test]
fn what_is_not_built_yet_is_refused_in_one_line() {
    let cases = [
        (
            "--read-replica-backend-store-uri sqlite:///r.db",
            "--read-replica-backend-store-uri is not supported",
        ),
        ("--registry-store-uri sqlite:///r.db", "--registry-store-uri 'sqlite:///r.db' differs"),
        ("--registry-store-uri postgresql://u:secret@h/d", "'postgresql://u:***@h/d'"),
        (
            "--expose-prometheus ./m",
            "--expose-prometheus is not supported by mlferry yet. Leave it out, and \
                                     MLFLOW_EXPOSE_PROMETHEUS unset, to start without.",
        ),
        (
            "--app-name basic-auth",
            "--app-name is not supported by mlferry yet. Leave it out to start without.",
        ),
        ("--trace-archival-config /dev/null", "--trace-archival-config is not supported"),
        ("--secrets-cache-ttl 60", "--secrets-cache-ttl is not supported"),
        ("--secrets-cache-max-size 1000", "--secrets-cache-max-size is not supported"),
        ("--workspace-store-uri x", "--workspace-store-uri is not supported"),
        ("--enable-workspaces", "--enable-workspaces is not supported"),
        ("--backend-store-uri mysql://u:secret@h/d", "'mysql://u:***@h/d' is not supported"),
        (
            "--backend-store-uri ./mlruns",
            "is a file store, and mlferry keeps records in a database.",
        ),
        ("--artifacts-destination dbfs:/x", "with the 'dbfs' scheme are not supported"),
        ("--artifacts-destination s3:///x", "names no bucket; write it as s3://bucket/folder"),
    ];
    for (flags, expected) in cases {
        assert_refused(&format!("server {flags}"), NO_ENV, expected);
    }
    let variables = [
        ("MLFLOW_READ_REPLICA_BACKEND_STORE_URI", "sqlite:///r.db"),
        ("MLFLOW_REGISTRY_STORE_URI", "sqlite:///r.db"),
        ("MLFLOW_EXPOSE_PROMETHEUS", "./m"),
        ("MLFLOW_TRACE_ARCHIVAL_CONFIG", "/dev/null"),
        ("MLFLOW_WORKSPACE_STORE_URI", "x"),
        ("MLFLOW_ENABLE_WORKSPACES", "TRUE"),
    ];
    for variable in variables {
        assert_refused("server", [variable], variable.0);
    }
    assert_refused(
        "server",
        [("MLFLOW_WORKSPACE", "x")],
        "MLFLOW_WORKSPACE=x is client-only. Unset it before starting the server.",
    );
    // Where the destination is not used, it does not matter.
    options("server --no-serve-artifacts --artifacts-destination s3://b", NO_ENV);
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
fn connections_are_kept_as_told() {
    let found = options(
        "server --db-pool-size 20 --db-acquire-timeout 5s --db-statement-timeout 2m --db-max-lifetime 60",
        [("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", "3")],
    );
    let expected = Connections {
        max: Some(20),
        acquire_timeout: Duration::from_secs(5),
        max_lifetime: Some(Duration::from_mins(1)),
        statement_timeout: Some(Duration::from_mins(2)),
    };
    assert_eq!(found.connections, expected);
    assert_eq!(options("server", NO_ENV).connections, Connections::default());
    for wrong in ["--db-pool-size 0", "--db-acquire-timeout x", "--db-max-lifetime 0"] {
        let text = start(&format!("server {wrong}"), NO_ENV).unwrap_err().to_string();
        assert!(text.contains(wrong.split(' ').next().unwrap()), "{text}");
    }
}

#[test]
fn variables_of_the_reference_s_pool_are_obeyed() {
    let max = |size, overflow| {
        let env = [
            ("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", size),
            ("MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW", overflow),
        ];
        options("server", env).connections.max
    };
    assert_eq!(max("5", ""), Some(15));
    assert_eq!(max("5", "0"), Some(5));
    assert_eq!(max("5", "-1"), None);
    assert_eq!(max("0", "3"), None);
    let recycle = [("MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE", "90")];
    assert_eq!(options("server", recycle).connections.max_lifetime, Some(Duration::from_secs(90)));
    let wrong = [("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", "many")];
    assert_refused("server", wrong, "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE is 'many'");
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
    for size in ["63M", "0", "lots"] {
        let expected = format!(
            "Invalid value for '--artifact-cache-size': '{size}' is not a size of at least 64M. Write bytes, or a unit \
             as in 20G or 512MiB."
        );
        assert_usage_error(&format!("{line} --artifact-cache-size {size}"), &expected);
    }
    assert_usage_error(
        "server --artifact-cache-size 1G",
        "--artifact-cache-size is of no use without --artifact-cache. Name a folder for the cache, too.",
    );
    let local =
        "already, in ./mlartifacts. Leave it out, or name a remote --artifacts-destination.";
    assert_refused("server --artifact-cache /c", NO_ENV, local);
    assert_refused(
        "server --no-serve-artifacts --artifact-cache /c",
        NO_ENV,
        "--no-serve-artifacts",
    );
}

#[test]
fn a_certificate_of_another_web_servers_options_counts_below_the_flags() {
    let files = |line: &str| options(line, NO_ENV).listen.tls;
    let pair = |certificate: &str, key: &str| {
        Some(TlsFiles { certificate: certificate.into(), key: key.into() })
    };
    assert_eq!(files("server --uvicorn-opts '--ssl-certfile c --ssl-keyfile k'"), pair("c", "k"));
    assert_eq!(files("server --gunicorn-opts '--certfile both'"), pair("both", "both"));
    let line = "server --tls-cert a --tls-key b --uvicorn-opts '--ssl-certfile c --ssl-keyfile k'";
    assert_eq!(files(line), pair("a", "b"));
    assert_eq!(files("server"), None);
    let env = [("MLFERRY_TLS_CERT", "c"), ("MLFERRY_TLS_KEY", "k")];
    assert_eq!(options("server", env).listen.tls, pair("c", "k"));
}

#[test]
fn half_a_certificate_is_a_mistake() {
    let missing_key = "--tls-cert needs its private key: give --tls-key (MLFERRY_TLS_KEY), too.";
    assert_usage_error("server --tls-cert c", missing_key);
    let missing_certificate =
        "--tls-key needs its certificate: give --tls-cert (MLFERRY_TLS_CERT), too.";
    assert_usage_error("server --tls-key k", missing_certificate);
    assert_usage_error_with("server", [("MLFERRY_TLS_KEY", "k")], missing_certificate);
}

#[test]
fn a_socket_stands_instead_of_host_and_port() {
    let address = |line: &str| options(line, NO_ENV).listen.address;
    let unix = |mode| Address::Unix { path: "/run/s".into(), mode };
    assert_eq!(address("server --unix-socket /run/s --port 1"), unix(None));
    assert_eq!(address("server --unix-socket /run/s --unix-socket-mode 660"), unix(Some(0o660)));
    for mode in ["rw", "8", "7777", "-1", ""] {
        let line = format!("server --unix-socket /run/s --unix-socket-mode '{mode}'");
        if mode.is_empty() {
            assert_eq!(address(&line), unix(None));
            continue;
        }
        assert_usage_error(
            &line,
            &format!(
                "Invalid value for '--unix-socket-mode': '{mode}' is no set of permissions. Write them in octal, \
                 such as 660."
            ),
        );
    }
    assert_usage_error(
        "server --unix-socket-mode 660",
        "--unix-socket-mode is of no use without --unix-socket. Name the socket's path, too.",
    );
    assert_usage_error(
        "server --unix-socket /run/s --tls-cert c --tls-key k",
        "A certificate is of no use with --unix-socket '/run/s': what never leaves this machine is not encrypted. \
         Leave one of them out.",
    );
}
