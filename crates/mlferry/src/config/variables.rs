//! The environment variables that mlferry reads besides those that stand in for flags.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::keys::{self, Kind};
pub(crate) use crate::env::secret_files::SUFFIX;

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its name.
    pub(crate) name: Cow<'static, str>,
    /// Who reads it.
    pub(crate) reader: Reader,
    /// What its value is.
    pub(crate) value: Value,
    /// What it means.
    pub(crate) about: &'static str,
}

/// Who reads a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// mlferry, where no flag exists.
    Mlferry,
    /// The destinations of artifacts.
    Stores,
    /// A library, from the environment of the process, or mlferry before it has read any file.
    Process,
}

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// What may be shown.
    Plain,
    /// What must not be shown.
    Secret,
    /// The path of a file or a folder, which no other file needs to hold.
    Path,
}

use Reader::{Mlferry, Process, Stores};
use Value::{Path, Plain, Secret};

/// All of them, by reader.
const TABLE: &[(&str, Reader, Value, &str)] = &[
    (
        "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES",
        Mlferry,
        Plain,
        "Schemes, separated by commas, of artifact locations that may name any host",
    ),
    (
        "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH",
        Mlferry,
        Plain,
        "Most characters of an artifact location that a client gives (default: 2048)",
    ),
    (
        "MLFLOW_AUTH_ADMIN_PASSWORD",
        Mlferry,
        Secret,
        "With --app-name basic-auth: the password of the first user (default: one is chosen and shown)",
    ),
    (
        "MLFLOW_AUTH_ADMIN_USERNAME",
        Mlferry,
        Plain,
        "With --app-name basic-auth: the name of the first user (default: admin)",
    ),
    (
        "MLFLOW_AUTH_CONFIG_PATH",
        Mlferry,
        Path,
        "With --app-name basic-auth: the file basic_auth.ini (default: the reference's values)",
    ),
    (
        "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX",
        Mlferry,
        Plain,
        "Regular expression that sources of new model versions must match somewhere",
    ),
    (
        "MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS",
        Mlferry,
        Plain,
        "Seconds for which a presigned URL is good for downloads (default: 300)",
    ),
    (
        "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW",
        Mlferry,
        Plain,
        "Connections to the database beyond MLFLOW_SQLALCHEMYSTORE_POOL_SIZE (default: 10)",
    ),
    (
        "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE",
        Mlferry,
        Plain,
        "Seconds after which a connection is replaced, where --db-max-lifetime is not given",
    ),
    (
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE",
        Mlferry,
        Plain,
        "Connections to the database, where --db-pool-size is not given",
    ),
    (
        "MLFLOW_TRUNCATE_LONG_VALUES",
        Mlferry,
        Plain,
        "Whether values of params and tags that are too long are cut, and not refused (default: true)",
    ),
    (
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES",
        Mlferry,
        Plain,
        "Schemes, separated by commas, of the URLs of webhooks (default: https)",
    ),
    (
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS",
        Mlferry,
        Plain,
        "Whether webhooks may lead to private networks and to this machine (default: false)",
    ),
    (
        "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS",
        Mlferry,
        Plain,
        "Messages to webhooks that are under way at once (default: 10)",
    ),
    (
        "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES",
        Mlferry,
        Plain,
        "How often a message to a webhook is sent again (default: 3)",
    ),
    (
        "MLFLOW_WEBHOOK_REQUEST_TIMEOUT",
        Mlferry,
        Plain,
        "Seconds that the receiver of a webhook may take (default: 30)",
    ),
    (
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY",
        Mlferry,
        Secret,
        "The Fernet key that secrets of webhooks are encrypted with; all servers of a database need the same",
    ),
    ("MLFLOW_WORKSPACE", Mlferry, Plain, "Meant for clients: the server refuses to start with it"),
    (
        "CONDA_PREFIX",
        Mlferry,
        Path,
        "The active environment of conda, in which an installed mlflow is looked for",
    ),
    (
        "VIRTUAL_ENV",
        Mlferry,
        Path,
        "The active environment of Python, in which an installed mlflow is looked for",
    ),
    ("AWS_ACCESS_KEY_ID", Stores, Plain, "S3: the name of an access key"),
    ("AWS_CA_BUNDLE", Stores, Path, "S3: certificates to trust instead of the system's"),
    ("AWS_CONFIG_FILE", Stores, Path, "S3: profiles (default: ~/.aws/config)"),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        Stores,
        Secret,
        "S3: what the credentials of a container are asked for with",
    ),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        Stores,
        Path,
        "S3: the same, in a file that is read anew each time",
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        Stores,
        Plain,
        "S3: where the credentials of a container are",
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        Stores,
        Plain,
        "S3: where the credentials of a container are on ECS",
    ),
    ("AWS_DEFAULT_REGION", Stores, Plain, "S3: the region, where AWS_REGION is not set"),
    ("AWS_EC2_METADATA_DISABLED", Stores, Plain, "S3: whether the machine's role is not asked for"),
    (
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        Stores,
        Plain,
        "S3: where the machine's role is asked for, instead of the link-local address",
    ),
    (
        "AWS_ENDPOINT_URL",
        Stores,
        Plain,
        "S3: address of the store, where no other variable says it",
    ),
    (
        "AWS_ENDPOINT_URL_S3",
        Stores,
        Plain,
        "S3: address of the store, where MLFLOW_S3_ENDPOINT_URL is not set",
    ),
    ("AWS_EXTERNAL_ID", Stores, Plain, "S3: the external id for AWS_ROLE_ARN"),
    ("AWS_PROFILE", Stores, Plain, "S3: the profile (default: default)"),
    ("AWS_REGION", Stores, Plain, "S3: the region"),
    ("AWS_ROLE_ARN", Stores, Plain, "S3: the role to take by web identity"),
    ("AWS_ROLE_SESSION_NAME", Stores, Plain, "S3: what a session with AWS_ROLE_ARN is called"),
    ("AWS_SECRET_ACCESS_KEY", Stores, Secret, "S3: the access key"),
    ("AWS_SESSION_TOKEN", Stores, Secret, "S3: the token that goes with a temporary access key"),
    (
        "AWS_SHARED_CREDENTIALS_FILE",
        Stores,
        Path,
        "S3: access keys of profiles (default: ~/.aws/credentials)",
    ),
    (
        "AWS_STS_REGIONAL_ENDPOINTS",
        Stores,
        Plain,
        "S3: whether roles are taken in the region: 'regional' or 'legacy'",
    ),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", Stores, Path, "S3: the token of a web identity"),
    ("AZURE_AUTHORITY_HOST", Stores, Plain, "Azure: who identifies clients"),
    ("AZURE_CLIENT_ID", Stores, Plain, "Azure: the identity"),
    ("AZURE_CLIENT_SECRET", Stores, Secret, "Azure: the identity's secret"),
    ("AZURE_FEDERATED_TOKEN_FILE", Stores, Path, "Azure: the token of a workload identity"),
    ("AZURE_STORAGE_ACCESS_KEY", Stores, Secret, "Azure: the account's key"),
    ("AZURE_STORAGE_CONNECTION_STRING", Stores, Secret, "Azure: account, key and address in one"),
    ("AZURE_STORAGE_SAS_TOKEN", Stores, Secret, "Azure: a shared access signature"),
    ("AZURE_TENANT_ID", Stores, Plain, "Azure: the identity's tenant"),
    (
        "GOOGLE_APPLICATION_CREDENTIALS",
        Stores,
        Path,
        "Google: the credentials (default: gcloud's, else the machine's)",
    ),
    ("HADOOP_USER_NAME", Stores, Plain, "HDFS: the user, where MLFLOW_KERBEROS_USER is not set"),
    (
        "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE",
        Stores,
        Plain,
        "S3: where the bucket's name goes: 'path', 'virtual' or 'auto' (default: auto)",
    ),
    (
        "MLFLOW_EXPERIMENTAL_S3_SIGNATURE_VERSION",
        Stores,
        Plain,
        "S3: 'unsigned' sends requests without any credentials",
    ),
    (
        "MLFLOW_HTTP_REQUEST_TIMEOUT",
        Stores,
        Plain,
        "Another server: seconds to wait for an answer (default: 120)",
    ),
    ("MLFLOW_KERBEROS_USER", Stores, Plain, "HDFS: the user"),
    ("MLFLOW_S3_ENDPOINT_URL", Stores, Plain, "S3: address of the store"),
    ("MLFLOW_S3_EXPECTED_BUCKET_OWNER", Stores, Plain, "S3: account that has to own the bucket"),
    ("MLFLOW_S3_IGNORE_TLS", Stores, Plain, "S3: whether any certificate is trusted"),
    (
        "MLFLOW_S3_UPLOAD_EXTRA_ARGS",
        Stores,
        Secret,
        "S3: what all uploads have, as a JSON object; it may hold a key for encryption",
    ),
    (
        "MLFLOW_TRACKING_CLIENT_CERT_PATH",
        Stores,
        Path,
        "Another server: certificate and key to show",
    ),
    (
        "MLFLOW_TRACKING_INSECURE_TLS",
        Stores,
        Plain,
        "Another server, Azure: whether any certificate is trusted",
    ),
    ("MLFLOW_TRACKING_PASSWORD", Stores, Secret, "Another server: the password"),
    ("MLFLOW_TRACKING_SERVER_CERT_PATH", Stores, Path, "Another server: certificates to trust"),
    ("MLFLOW_TRACKING_TOKEN", Stores, Secret, "Another server: a bearer token"),
    ("MLFLOW_TRACKING_USERNAME", Stores, Plain, "Another server: the user"),
    ("REQUESTS_CA_BUNDLE", Stores, Path, "S3: certificates, where AWS_CA_BUNDLE is not set"),
    ("STORAGE_EMULATOR_HOST", Stores, Plain, "Google: address of an emulator"),
    (
        "MLFERRY_CONFIG",
        Process,
        Path,
        "The configuration file, where --config is not given; --env-file may set it, too",
    ),
    ("HOME", Process, Path, "Where ~ is, for profiles and keys"),
    ("ALL_PROXY", Process, Plain, "A proxy for stores, where no other variable names one"),
    ("HTTPS_PROXY", Process, Plain, "A proxy for stores with TLS"),
    ("HTTP_PROXY", Process, Plain, "A proxy for stores without TLS"),
    ("LISTEN_FDS", Process, Plain, "Sockets that a service manager hands over"),
    ("NOTIFY_SOCKET", Process, Path, "Where a service manager hears that the server is ready"),
    ("NO_PROXY", Process, Plain, "Hosts that are reached without a proxy"),
    (
        "OTEL_BSP_EXPORT_TIMEOUT",
        Process,
        Plain,
        "Traces: milliseconds for the export of a batch (default: 30000)",
    ),
    (
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        Process,
        Plain,
        "Traces: most spans of a batch (default: 512)",
    ),
    ("OTEL_BSP_MAX_QUEUE_SIZE", Process, Plain, "Traces: most spans that wait (default: 2048)"),
    (
        "OTEL_BSP_SCHEDULE_DELAY",
        Process,
        Plain,
        "Traces: milliseconds between batches (default: 5000)",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        Process,
        Plain,
        "Traces: where to, without /v1/traces; without an endpoint, none are sent",
    ),
    ("OTEL_EXPORTER_OTLP_HEADERS", Process, Secret, "Traces: headers to send along"),
    (
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        Process,
        Plain,
        "Traces: the protocol, which must be http/protobuf",
    ),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", Process, Plain, "Traces: milliseconds for a request"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Process, Plain, "Traces: where to, as it is"),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", Process, Secret, "Traces: as OTEL_EXPORTER_OTLP_HEADERS"),
    (
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        Process,
        Plain,
        "Traces: as OTEL_EXPORTER_OTLP_PROTOCOL",
    ),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", Process, Plain, "Traces: as OTEL_EXPORTER_OTLP_TIMEOUT"),
    ("OTEL_RESOURCE_ATTRIBUTES", Process, Plain, "Traces: what else to say of the server"),
    ("OTEL_SDK_DISABLED", Process, Plain, "Traces: true sends none"),
    ("OTEL_SERVICE_NAME", Process, Plain, "Traces: what the server is called (default: mlferry)"),
    ("OTEL_TRACES_EXPORTER", Process, Plain, "Traces: none sends none (default: otlp)"),
    ("OTEL_TRACES_SAMPLER", Process, Plain, "Traces: which of them are taken"),
    ("OTEL_TRACES_SAMPLER_ARG", Process, Plain, "Traces: the sampler's argument, such as a share"),
    ("PGDATABASE", Process, Plain, "PostgreSQL: the database, where the URI names none"),
    ("PGHOST", Process, Plain, "PostgreSQL: the host, where the URI names none"),
    ("PGHOSTADDR", Process, Plain, "PostgreSQL: the host's address"),
    ("PGOPTIONS", Process, Plain, "PostgreSQL: options of the session"),
    ("PGPASSFILE", Process, Path, "PostgreSQL: passwords (default: ~/.pgpass)"),
    ("PGPASSWORD", Process, Secret, "PostgreSQL: the password, where the URI holds none"),
    ("PGPORT", Process, Plain, "PostgreSQL: the port, where the URI names none"),
    ("PGSSLCERT", Process, Path, "PostgreSQL: certificate to show"),
    ("PGSSLKEY", Process, Path, "PostgreSQL: key of PGSSLCERT"),
    ("PGSSLMODE", Process, Plain, "PostgreSQL: whether TLS is used"),
    ("PGSSLROOTCERT", Process, Path, "PostgreSQL: certificates to trust"),
    ("PGUSER", Process, Plain, "PostgreSQL: the user, where the URI names none"),
    ("SSL_CERT_DIR", Process, Path, "Folder of certificates to trust instead of the system's"),
    ("SSL_CERT_FILE", Process, Path, "Certificates to trust instead of the system's"),
    ("TZ", Process, Plain, "Time zone of the log"),
    ("WATCHDOG_USEC", Process, Plain, "How often a service manager wants to hear from the server"),
];

/// The variables for which there is no flag, by reader.
pub(crate) fn all() -> impl Iterator<Item = Known> {
    TABLE.iter().map(|(name, reader, value, about)| Known {
        name: Cow::Borrowed(name),
        reader: *reader,
        value: *value,
        about,
    })
}

/// A variable that mlferry reads: one of the table, one of a flag, or the file of either.
pub(crate) fn find(name: &str) -> Option<Known> {
    if let Some(known) = all().find(|known| known.name == name) {
        return Some(known);
    }
    let is_known = keys::by_variable(name).is_some()
        || name.strip_suffix(SUFFIX).is_some_and(|base| in_files().contains(base));
    let value = if name.ends_with(SUFFIX) { Path } else { Plain };
    let name = Cow::Owned(name.to_owned());
    is_known.then_some(Known { name, reader: Mlferry, value, about: "" })
}

/// The names of all variables that are worth a suggestion.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|(_, reader, ..)| *reader != Process).map(|(name, ..)| *name)
}

/// Whether a destination reads this variable.
pub(crate) fn is_for_stores(name: &str) -> bool {
    TABLE.iter().any(|(known, reader, ..)| *known == name && *reader == Stores)
}

/// The variables that can be given as files. Where `NAME_FILE` has a meaning of its own, it keeps that.
pub(crate) fn in_files() -> &'static BTreeSet<&'static str> {
    static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        let of_flags = keys::all().iter().filter(|key| key.kind != Kind::Path);
        let of_flags = of_flags.filter_map(|key| key.variable.as_deref());
        let others =
            TABLE.iter().filter(|(_, reader, value, _)| *reader != Process && *value != Path);
        let names = of_flags.chain(others.map(|(name, ..)| *name));
        let has_own_meaning =
            |name: &str| TABLE.iter().any(|(known, ..)| known.strip_suffix(SUFFIX) == Some(name));
        names.filter(|name| !has_own_meaning(name)).collect()
    });
    &NAMES
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path as FsPath, PathBuf};

    use super::*;

    #[test]
    fn names_with_a_meaning_of_their_own_are_no_files_of_secrets() {
        let in_files = in_files();
        for name in ["MLFLOW_BACKEND_STORE_URI", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_TOKEN"] {
            assert!(in_files.contains(name), "{name}");
        }
        for name in [
            "AWS_CONFIG",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_SHARED_CREDENTIALS",
            "AWS_WEB_IDENTITY_TOKEN",
            "AZURE_FEDERATED_TOKEN",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "MLFERRY_ARTIFACT_CACHE",
            "MLFERRY_CONFIG",
            "PGPASS",
            "SSL_CERT",
        ] {
            assert!(!in_files.contains(name), "{name}");
        }
    }

    #[test]
    fn each_variable_is_there_once() {
        let names: BTreeSet<&str> = TABLE.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), TABLE.len());
        for key in keys::all() {
            let variable = key.variable.as_deref().unwrap_or_default();
            assert!(!names.contains(variable), "{variable} is that of --{}", key.name);
        }
    }

    /// Whatever looks like the name of a variable in our sources is one that we know.
    #[test]
    fn every_variable_of_the_sources_is_known() {
        const BEGINNINGS: [&str; 8] =
            ["AWS_", "AZURE_", "GOOGLE_", "HADOOP_", "MLFERRY_", "MLFLOW_", "OTEL_", "STORAGE_"];
        let crates = FsPath::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut looked_at = 0;
        for file in ["mlferry", "server", "store", "artifacts"]
            .iter()
            .flat_map(|name| sources(&crates.join(name).join("src")))
        {
            let text = fs::read_to_string(&file).unwrap();
            // Tests have variables of their own.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in text.split('"') {
                let is_name = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit();
                let is_variable = BEGINNINGS.iter().any(|begin| word.starts_with(begin))
                    && word.chars().all(|char| is_name(char) || char == '_')
                    && !word.ends_with('_');
                if is_variable {
                    looked_at += 1;
                    let is_of_gc = word == "MLFLOW_TRACKING_URI";
                    assert!(find(word).is_some() || is_of_gc, "{word} in {}", file.display());
                }
            }
        }
        assert!(looked_at > 50, "{looked_at}");
    }

    fn sources(folder: &FsPath) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("tests") || path.ends_with("tests.rs") {
                continue;
            }
            if path.is_dir() {
                files.extend(sources(&path));
            } else {
                files.push(path);
            }
        }
        files
    }
}
