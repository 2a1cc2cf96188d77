//! Configuration files, secrets in files, and what is told of defaults.

use super::*;
use crate::config::keys;

/// Starts with a configuration file, and says why not without its path.
fn start_with(config: &str, line: &str, env: &[(&str, &str)]) -> Result<ServerOptions, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, config).unwrap();
    let line = format!("--config {} {line}", path.display());
    let started = match *env {
        [] => start(&line, NO_ENV),
        [one] => start(&line, [one]),
        [one, two, ..] => start(&line, [one, two]),
    };
    started.map_err(|stop| stop.to_string().replace(path.to_str().unwrap(), "c.toml"))
}

#[test]
fn a_configuration_file_stands_below_flags_and_environment() {
    let config = "port = 1\nhost = 'file'\nallowed_hosts = ['a', 'b']\ndev = true\n\
                  [environment]\nMLFLOW_WORKERS = 7\nAWS_REGION = 'r'\nMLFLOW_TRUNCATE_LONG_VALUES = false\n";
    let found = start_with(config, "server", &[]).unwrap();
    assert_eq!((&found.listen, found.workers), (&tcp("file", 1), 7));
    assert_eq!(found.allowed_hosts.unwrap(), ["a", "b"]);
    assert_eq!(found.log.level, LogLevel::Debug);
    assert_eq!(found.long_values, LongValues::Refuse);
    assert_eq!(found.store_settings.variables["AWS_REGION"], "r");

    let variables = [("MLFLOW_PORT", "2"), ("MLFLOW_HOST", "")];
    let found = start_with(config, "server", &variables).unwrap();
    assert_eq!(found.listen, tcp("file", 2));
    let variables = [("MLFLOW_WORKERS", "3"), ("AWS_REGION", "process")];
    let found = start_with(config, "server -p 4 --host typed", &variables).unwrap();
    assert_eq!((&found.listen, found.workers), (&tcp("typed", 4), 3));
    assert_eq!(found.store_settings.variables["AWS_REGION"], "process");
    // The level of the environment, though `dev` outvotes it where it is typed.
    let level =
        |line| start_with(config, line, &[("MLFERRY_LOG_LEVEL", "error")]).unwrap().log.level;
    assert_eq!(level("server"), LogLevel::Error);
    assert_eq!(level("server --dev"), LogLevel::Debug);
}

#[test]
fn switches_and_their_opposites_have_one_precedence() {
    let is_served = |config: &str, line: &str, env: &[(&str, &str)]| {
        start_with(config, line, env).unwrap().artifacts_destination.is_some()
    };
    for off in ["serve-artifacts = false", "no-serve-artifacts = true"] {
        assert!(!is_served(off, "server", &[]));
        assert!(is_served(off, "server --serve-artifacts", &[]));
        assert!(is_served(off, "server", &[("MLFLOW_SERVE_ARTIFACTS", "true")]));
    }
    assert!(!is_served("serve-artifacts = true", "server --no-serve-artifacts", &[]));
    assert!(!is_served("serve-artifacts = true", "server", &[("MLFLOW_SERVE_ARTIFACTS", "0")]));
}

#[test]
fn the_configuration_file_can_be_named_in_three_places() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "port = 1").unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(port_of(&options(&format!("server --config {path}"), NO_ENV)), 1);
    assert_eq!(port_of(&options(&format!("--config=/nope server --config {path}"), NO_ENV)), 1);
    assert_eq!(port_of(&options("server", [("MLFERRY_CONFIG", path)])), 1);
    assert_eq!(
        port_of(&options(&format!("--config {path} server"), [("MLFERRY_CONFIG", "/nope")])),
        1
    );
    let env_file = tempfile::NamedTempFile::new().unwrap();
    fs::write(env_file.path(), format!("MLFERRY_CONFIG={path}")).unwrap();
    let line = format!("--env-file {} server", env_file.path().display());
    assert_eq!(port_of(&options(&line, NO_ENV)), 1);
    let why = start("server", [("MLFERRY_CONFIG", "/nope")]).unwrap_err().to_string();
    let expected = "Invalid value for '--config': Configuration file '/nope' does not exist.";
    assert!(why.ends_with(expected), "{why}");
}

#[test]
fn mistakes_of_a_configuration_file_stop_the_start() {
    let refused = |config| start_with(config, "server", &[]).unwrap_err();
    assert_eq!(
        refused("prot = 1"),
        "Error: c.toml, line 1: there is no setting 'prot'. Did you mean 'port'?"
    );
    assert!(refused("port = 70000").ends_with("70000 is not in the range 0<=x<=65535."));
    // `mlferry completions` and the like have nothing to do with it.
    let args = ["mlferry", "--config", "/nope", "man"].map(OsString::from);
    cli::parse(&args, Env::default()).unwrap();
}

#[test]
fn secrets_come_from_files() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "postgresql://u:hunter2@h/d\n").unwrap();
    let path = file.path().to_str().unwrap();
    let found = options("server", [("MLFLOW_BACKEND_STORE_URI_FILE", path)]);
    assert_eq!(found.backend_store_uri, "postgresql://u:hunter2@h/d");
    let config = format!("[environment]\nMLFLOW_BACKEND_STORE_URI_FILE = '{path}'");
    let found = start_with(&config, "server", &[]).unwrap();
    assert_eq!(found.backend_store_uri, "postgresql://u:hunter2@h/d");
    let found = options("server", [("AWS_SECRET_ACCESS_KEY_FILE", path)]);
    assert_eq!(
        found.store_settings.variables["AWS_SECRET_ACCESS_KEY"],
        "postgresql://u:hunter2@h/d"
    );
    // What is typed needs no file, and what has a meaning of its own is none.
    let typed = "server --backend-store-uri sqlite:///a.db";
    assert_eq!(
        options(typed, [("MLFLOW_BACKEND_STORE_URI_FILE", "/nope")]).backend_store_uri,
        "sqlite:///a.db"
    );
    options("server", [("AWS_SHARED_CREDENTIALS_FILE", "/nope"), ("SOMETHING_FILE", "/nope")]);
    assert_refused(
        "server",
        [("AWS_SECRET_ACCESS_KEY_FILE", "/nope")],
        "names '/nope', which cannot be read",
    );
    assert_refused(
        "server",
        [("MLFLOW_TRACKING_TOKEN", "a"), ("MLFLOW_TRACKING_TOKEN_FILE", path)],
        "MLFLOW_TRACKING_TOKEN and MLFLOW_TRACKING_TOKEN_FILE are both set (environment).",
    );
    assert_refused(
        "server",
        [("MLFERRY_ARTIFACT_CACHE_FILE", path)],
        "MLFERRY_ARTIFACT_CACHE_FILE is not read, since MLFERRY_ARTIFACT_CACHE names a file or a folder itself.",
    );
}

/// The defaults that the help names, and with it `docs/configure.md`, are those that hold.
#[test]
fn a_default_that_is_typed_changes_nothing() {
    // With a cache, an audit log and an issuer, since what is said of them is of no use otherwise.
    let base = "server --artifacts-destination s3://b/x --artifact-cache /c --app-name basic-auth --audit-log /a \
                --oidc-issuer https://i --oidc-client-id c";
    let mut tried = 0;
    for key in keys::all() {
        let Some(default) = &key.default else { continue };
        let literal = default.split(", ").next().unwrap_or_default();
        if literal.contains(' ') {
            // A sentence.
            continue;
        }
        let base = if key.name == "artifacts-destination" { "server" } else { base };
        let typed = match key.kind {
            keys::Kind::Switch => format!("{base} --{}", key.name),
            _ => format!("{base} --{} {literal}", key.name),
        };
        let mut typed = options(&typed, NO_ENV);
        let mut untyped = options(base, NO_ENV);
        (typed.notices, untyped.notices) = (Vec::new(), Vec::new());
        assert_eq!(typed, untyped, "--{} {literal}", key.name);
        tried += 1;
    }
    assert!(tried >= 12, "{tried}");
}

#[test]
fn what_is_in_force_is_said_as_a_flag_would() {
    let base = "server --artifacts-destination s3://b/x --artifact-cache /c --app-name basic-auth --audit-log /a \
                --oidc-issuer https://i --oidc-client-id c --max-artifact-size 5 --db-pool-size 7 \
                --db-statement-timeout 1.5 --db-max-lifetime 2m";
    let mut before = options(base, NO_ENV);
    let mut line = vec![base.to_owned()];
    let mut said = Vec::new();
    for key in keys::all() {
        let Some(value) = before.in_force(&key.name) else { continue };
        said.push(key.name.clone());
        match (key.kind, value.as_str()) {
            (keys::Kind::Switch, "true") => line.push(format!("--{}", key.name)),
            (keys::Kind::Switch, _) => {}
            _ => line.push(format!("--{} {value}", key.name)),
        }
    }
    let mut after = options(&line.join(" "), NO_ENV);
    (before.notices, after.notices) = (Vec::new(), Vec::new());
    assert_eq!(before, after, "{line:?}");
    // A flag with a default that is no sentence, and is not said here, would be shown as absent.
    for key in keys::all() {
        let literal =
            key.default.as_deref().unwrap_or(" ").split(", ").next().unwrap_or_default().to_owned();
        assert!(
            literal.contains(' ') || said.contains(&key.name),
            "--{}: add it to in_force.rs",
            key.name
        );
    }
}

#[test]
fn variables_of_stores_reach_them_whatever_they_begin_with() {
    for name in ["AWS_ANYTHING", "HADOOP_USER_NAME", "MLFLOW_HTTP_REQUEST_TIMEOUT"] {
        assert_eq!(options("server", [(name, "x")]).store_settings.variables[name], "x");
    }
    let others = options("server", [("MLFLOW_PORT", "1"), ("PATH", "x")]);
    assert!(others.store_settings.variables.is_empty());
}
