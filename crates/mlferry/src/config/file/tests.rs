//! What configuration files say, and what is complained of.

use super::*;

fn texts(entries: &BTreeMap<String, Entry>) -> Vec<(&str, &str)> {
    entries.iter().map(|(name, entry)| (name.as_str(), entry.text.as_str())).collect()
}

#[test]
fn values_become_what_a_person_would_type() {
    let text = "\u{feff}# A comment
backend-store-uri = 'sqlite:///a.db'
allowed_hosts = [\"a.com\", \"b.com:*\"]
cors-allowed-origins = \"https://a,https://b\"
port = 0x10
artifacts-only = true
no-serve-artifacts = true
disable_workspaces = false
max-artifact-size = 1_000
db-acquire-timeout = 1.5
db-max-lifetime = \"2m\"
presigned-urls = true

[environment]
AWS_REGION = \"eu-central-1\"
MLFLOW_S3_IGNORE_TLS = true
MLFLOW_SQLALCHEMYSTORE_POOL_SIZE = 7
AWS_SECRET_ACCESS_KEY_FILE = \"/run/secrets/key\"
";
    let file = ConfigFile::parse("c.toml", text).unwrap();
    assert_eq!(
        texts(&file.settings),
        [
            ("allowed-hosts", "a.com,b.com:*"),
            ("artifacts-only", "true"),
            ("backend-store-uri", "sqlite:///a.db"),
            ("cors-allowed-origins", "https://a,https://b"),
            ("db-acquire-timeout", "1.5"),
            ("db-max-lifetime", "2m"),
            ("enable-workspaces", "true"),
            ("max-artifact-size", "1000"),
            ("port", "16"),
            ("presigned-urls", "on"),
            ("serve-artifacts", "false"),
        ]
    );
    assert_eq!(
        texts(&file.environment),
        [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_SECRET_ACCESS_KEY_FILE", "/run/secrets/key"),
            ("MLFLOW_S3_IGNORE_TLS", "true"),
            ("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", "7"),
        ]
    );
    assert_eq!(file.settings["allowed-hosts"].key, "allowed_hosts");
    assert_eq!(file.environment["AWS_REGION"].key, "environment.AWS_REGION");
    assert_eq!(ConfigFile::parse("c.toml", "").unwrap().settings.len(), 0);
}

#[test]
fn mistakes_are_told_with_line_and_key_and_without_values() {
    let cases = [
        ("prot = 1", "c.toml, line 1: there is no setting 'prot'. Did you mean 'port'?"),
        (
            "\nzzz = 1",
            "c.toml, line 2: there is no setting 'zzz'. `mlferry config reference` lists all of them.",
        ),
        (
            "MLFLOW_PORT = 1",
            "c.toml, line 1: there is no setting 'MLFLOW_PORT'. As a key it is port.",
        ),
        (
            "AWS_REGION = 'x'",
            "c.toml, line 1: there is no setting 'AWS_REGION'. Variables go below a line [environment].",
        ),
        (
            "[zz]\nport = 1",
            "c.toml, line 1: there is no setting 'zz': the only table is [environment], and settings stand above it.",
        ),
        ("port = 'secret'", "c.toml, line 1: port is a string, and must be a whole number."),
        (
            "artifacts_only = 1",
            "c.toml, line 1: artifacts_only is an integer, and must be true or false.",
        ),
        ("host = ['secret']", "c.toml, line 1: host is an array, and must be text in quotes."),
        (
            "allowed-hosts = ['a', 1]",
            "c.toml, line 1: allowed-hosts is an array, and must be a list of texts, such as [\"a\", \"b\"].",
        ),
        (
            "max-artifact-size = 1.5",
            "c.toml, line 1: max-artifact-size is a float, and must be a number of bytes, or text with a unit such \
             as \"10G\".",
        ),
        (
            "log-level = 'info'\n\nlog_level = 'warn'",
            "c.toml, line 3: log_level is the same setting as log-level in line 1. Keep one of them.",
        ),
        (
            "no-serve-artifacts = true\nserve-artifacts = true",
            "c.toml, line 2: serve-artifacts is the same setting as no-serve-artifacts in line 1. Keep one of them.",
        ),
        (
            "port = 1\n[environment]\nMLFLOW_PORT = 2",
            "c.toml, line 3: environment.MLFLOW_PORT is the same setting as port in line 1. Keep one of them.",
        ),
        (
            "[environment]\nMLFLOW_PORT_FILE = 'x'\nMLFLOW_PORT = 2",
            "c.toml, line 3: environment.MLFLOW_PORT is the same setting as environment.MLFLOW_PORT_FILE in line 2. \
             Keep one of them.",
        ),
        (
            "[environment]\nAWS_SECRT_ACCESS_KEY = 'secret'",
            "c.toml, line 2: AWS_SECRT_ACCESS_KEY is no variable that mlferry reads. Did you mean \
             'AWS_SECRET_ACCESS_KEY'?",
        ),
        (
            "[environment]\nport = 1",
            "c.toml, line 2: port is no variable, but a setting: move it above [environment].",
        ),
        (
            "[environment]\nHTTPS_PROXY = 'x'",
            "c.toml, line 2: HTTPS_PROXY is read before this file, or by a library. Set it in the environment of \
             the process.",
        ),
        (
            "[environment]\nAWS_REGION = ['secret']",
            "c.toml, line 2: AWS_REGION is an array, and must be text in quotes.",
        ),
        (
            "environment = 'secret'",
            "c.toml, line 1: environment is a string, and must be a table: a line [environment].",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(ConfigFile::parse("c.toml", text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn what_is_not_toml_is_told_in_one_line_without_its_text() {
    for (text, line) in [
        ("backend-store-uri = secret", "line 1"),
        ("port = 1\nhost = 'secret", "line 2"),
        ("port = 1\nport = 2", "line 2"),
        ("x = \"\\secret\"", "line 1"),
        ("= 'secret'", "line 1"),
    ] {
        let why = ConfigFile::parse("c.toml", text).unwrap_err();
        assert!(why.starts_with(&format!("c.toml, {line}: this is not TOML: ")), "{text}: {why}");
        assert!(!why.contains("secret") && !why.contains('\n'), "{text}: {why}");
    }
}

#[test]
fn a_file_that_is_not_there_or_no_text_is_named() {
    assert_eq!(
        ConfigFile::read("/nope").unwrap_err(),
        "Configuration file '/nope' does not exist."
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), [0xff]).unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(
        ConfigFile::read(path).unwrap_err(),
        format!("Configuration file '{path}' is no text.")
    );
}
