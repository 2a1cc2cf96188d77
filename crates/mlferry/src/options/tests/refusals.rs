//! Command lines that are refused, and in which words.

use super::*;

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
            "--max-connections 0",
            "Invalid value for '--max-connections': '0' is not a positive integer.",
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
fn a_cache_that_is_too_small_or_of_no_use_is_refused() {
    let line = "server --artifacts-destination s3://b/x --artifact-cache /srv/cache";
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
