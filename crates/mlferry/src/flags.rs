//! The flags of `mlferry server` as typed: text only, checked in [`crate::options`].
//!
//! `env = …` names the variable that stands in for an absent flag; [`crate::cli`] reads it, not clap. The long name
//! is a key of the configuration file, whose kind of value [`crate::config::keys::Kind`] tells by the name of the
//! flag's value: give paths of files PATH, FILE or DIR, and what takes commas LIST.

use std::collections::BTreeSet;

use clap::{ArgAction, Args};

use crate::listen::ListenFlags;
use crate::options::audit::AuditFlags;
use crate::options::oidc::OidcFlags;
use crate::ui::UiFlags;

/// What stood on the command line or in the environment.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the reference")]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are the help, which shows them as they stand"
)]
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServerFlags {
    /// URI of the database that keeps experiments and runs: 'sqlite:///relative.db', 'sqlite:////absolute.db', or
    /// 'sqlite://' for one in memory that is gone at exit (default: sqlite:///mlflow.db)
    #[arg(long, value_name = "URI", env = "MLFLOW_BACKEND_STORE_URI")]
    pub(crate) backend_store_uri: Option<String>,

    /// URI of a read-only replica of the database. Not supported yet: the server refuses to start
    #[arg(long, value_name = "URI", env = "MLFLOW_READ_REPLICA_BACKEND_STORE_URI")]
    pub(crate) read_replica_backend_store_uri: Option<String>,

    /// URI of the database that keeps registered models; for now it must be the backend store's (default: the same)
    #[arg(long, value_name = "URI", env = "MLFLOW_REGISTRY_STORE_URI")]
    pub(crate) registry_store_uri: Option<String>,

    /// Where new experiments store their artifacts. Experiments that exist keep their place (default:
    /// mlflow-artifacts:/, this server, or ./mlruns with --no-serve-artifacts)
    #[arg(long, value_name = "URI", env = "MLFLOW_DEFAULT_ARTIFACT_ROOT")]
    pub(crate) default_artifact_root: Option<String>,

    /// Serve uploads, downloads and lists of artifacts, out of --artifacts-destination (default: on)
    #[arg(
        long,
        env = "MLFLOW_SERVE_ARTIFACTS",
        default_value = "true",
        overrides_with = "no_serve_artifacts"
    )]
    pub(crate) serve_artifacts: bool,

    /// Leave artifacts to the clients, which then need access to the artifact root
    #[arg(long, overrides_with = "serve_artifacts")]
    pub(crate) no_serve_artifacts: bool,

    /// Serve artifacts and nothing else: no experiments, no runs, no database
    #[arg(long, env = "MLFLOW_ARTIFACTS_ONLY")]
    pub(crate) artifacts_only: bool,

    /// Folder or file: URI that holds the served artifacts (default: ./mlartifacts)
    #[arg(long, value_name = "URI", env = "MLFLOW_ARTIFACTS_DESTINATION")]
    pub(crate) artifacts_destination: Option<String>,

    /// Where the server is reached.
    #[command(flatten)]
    pub(crate) listen: ListenFlags,

    /// Most threads that handle requests (default: 4, at most the number of cores is used)
    #[arg(short, long, value_name = "INTEGER", env = "MLFLOW_WORKERS")]
    pub(crate) workers: Option<String>,

    /// Host headers to accept, separated by commas, such as 'mlflow.example.com,10.0.0.1:5000,app-*.example.com';
    /// '*' accepts all, which allows DNS rebinding (default: localhost and private addresses)
    #[arg(long, value_name = "LIST", env = "MLFLOW_SERVER_ALLOWED_HOSTS")]
    pub(crate) allowed_hosts: Option<String>,

    /// Web origins that may change data, separated by commas, such as 'https://app.example.com'; '*' allows all
    /// (default: those of localhost)
    #[arg(long, value_name = "LIST", env = "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS")]
    pub(crate) cors_allowed_origins: Option<String>,

    /// DANGEROUS: accept any Host header and any web origin, and send no security headers
    #[arg(long, env = "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE")]
    pub(crate) disable_security_middleware: bool,

    /// Value of the X-Frame-Options header, such as DENY; NONE sends no such header (default: SAMEORIGIN)
    #[arg(long, value_name = "TEXT", env = "MLFLOW_SERVER_X_FRAME_OPTIONS")]
    pub(crate) x_frame_options: Option<String>,

    /// The web page.
    #[command(flatten)]
    pub(crate) ui: UiFlags,

    /// Options meant for gunicorn: --log-level, --certfile and --keyfile are obeyed, the others have no effect
    #[arg(long, value_name = "TEXT", env = "MLFLOW_GUNICORN_OPTS")]
    pub(crate) gunicorn_opts: Option<String>,

    /// Options meant for waitress: --log-level is obeyed, the others have no effect
    #[arg(long, value_name = "TEXT")]
    pub(crate) waitress_opts: Option<String>,

    /// Options meant for uvicorn: --log-level, --ssl-certfile and --ssl-keyfile are obeyed, the others have no effect
    #[arg(long, value_name = "TEXT", env = "MLFLOW_UVICORN_OPTS")]
    pub(crate) uvicorn_opts: Option<String>,

    /// Log at level debug; cannot be used with --gunicorn-opts or --uvicorn-opts
    #[arg(long)]
    pub(crate) dev: bool,

    /// Folder for Prometheus metrics, which has no effect: they are always at /metrics
    #[arg(long, value_name = "TEXT", env = "MLFLOW_EXPOSE_PROMETHEUS")]
    pub(crate) expose_prometheus: Option<String>,

    /// Application to run: 'basic-auth', with users and permissions (docs/access.md)
    #[arg(long, value_name = "NAME")]
    pub(crate) app_name: Option<String>,

    /// What users do.
    #[command(flatten)]
    pub(crate) audit: AuditFlags,

    /// Who vouches for users.
    #[command(flatten)]
    pub(crate) oidc: OidcFlags,

    /// YAML file that sets up trace archival. Not supported yet: the server refuses to start
    #[arg(long, value_name = "PATH", env = "MLFLOW_TRACE_ARCHIVAL_CONFIG")]
    pub(crate) trace_archival_config: Option<String>,

    /// Seconds a secret stays in the cache, 10 to 300. Not supported yet: the server refuses to start
    #[arg(long, value_name = "INTEGER")]
    pub(crate) secrets_cache_ttl: Option<String>,

    /// Most secrets in the cache, 1 to 10000. Not supported yet: the server refuses to start
    #[arg(long, value_name = "INTEGER")]
    pub(crate) secrets_cache_max_size: Option<String>,

    /// URI of the workspace provider. Not supported yet: the server refuses to start
    #[arg(long, value_name = "URI", env = "MLFLOW_WORKSPACE_STORE_URI")]
    pub(crate) workspace_store_uri: Option<String>,

    /// Keep experiments and models in workspaces. Not supported yet: the server refuses to start
    #[arg(long, env = "MLFLOW_ENABLE_WORKSPACES", overrides_with = "disable_workspaces")]
    pub(crate) enable_workspaces: bool,

    /// Do without workspaces (default)
    #[arg(long, overrides_with = "enable_workspaces")]
    pub(crate) disable_workspaces: bool,

    /// Shape of log lines: 'text', or 'json' with one object a line (default: text)
    #[arg(long, value_name = "FORMAT", env = "MLFERRY_LOG_FORMAT")]
    pub(crate) log_format: Option<String>,

    /// Least level that is logged: error, warn, info, debug or trace; debug shows each request (default: info)
    #[arg(long, value_name = "LEVEL", env = "MLFERRY_LOG_LEVEL")]
    pub(crate) log_level: Option<String>,

    /// Largest artifact that may be uploaded, in bytes or with a unit: 10G and 10GiB are powers of 1024, 10GB of
    /// 1000 (default: no limit)
    #[arg(long, value_name = "SIZE", env = "MLFERRY_MAX_ARTIFACT_SIZE")]
    pub(crate) max_artifact_size: Option<String>,

    /// How long requests in flight may take to finish when the server is told to stop, in seconds or as 30s or 2m
    /// (default: 30s)
    #[arg(long, value_name = "DURATION", env = "MLFERRY_SHUTDOWN_GRACE")]
    pub(crate) shutdown_grace: Option<String>,

    /// Most connections at once; who comes beyond them is answered 429, which clients repeat. Where few files may be
    /// open, it is less (default: 8192)
    #[arg(long, value_name = "INTEGER", env = "MLFERRY_MAX_CONNECTIONS")]
    pub(crate) max_connections: Option<String>,

    /// Whether clients are told that they may upload parts to, and download from, the artifact store itself: 'on'
    /// where they reach it, 'off' where they don't (default: off)
    #[arg(long, value_name = "on|off", env = "MLFERRY_PRESIGNED_URLS")]
    pub(crate) presigned_urls: Option<String>,

    /// Address of the artifact store for clients, where it differs from the one that this server uses
    #[arg(long, value_name = "URL", env = "MLFERRY_PRESIGNED_ENDPOINT")]
    pub(crate) presigned_endpoint: Option<String>,

    /// Start even if the artifact destination does not answer, or refuses to be written
    #[arg(long, env = "MLFERRY_NO_DESTINATION_CHECK")]
    pub(crate) no_destination_check: bool,

    /// Folder on a disk of this machine that keeps what is downloaded from a remote --artifacts-destination, so that the
    /// next download of it only asks the store whether it is still the same (default: nothing is kept)
    #[arg(long, value_name = "DIR", env = "MLFERRY_ARTIFACT_CACHE")]
    pub(crate) artifact_cache: Option<String>,

    /// Disk space that --artifact-cache takes, at once and for good, in bytes or with a unit (default: 20G)
    #[arg(long, value_name = "SIZE", env = "MLFERRY_ARTIFACT_CACHE_SIZE")]
    pub(crate) artifact_cache_size: Option<String>,

    /// Most connections to the database at once (default: 10 for PostgreSQL, 5 for SQLite)
    #[arg(long, value_name = "INTEGER", env = "MLFERRY_DB_POOL_SIZE")]
    pub(crate) db_pool_size: Option<String>,

    /// How long a request waits for a connection to the database, in seconds or as 30s or 2m (default: 30s)
    #[arg(long, value_name = "DURATION", env = "MLFERRY_DB_ACQUIRE_TIMEOUT")]
    pub(crate) db_acquire_timeout: Option<String>,

    /// How long one statement may take on PostgreSQL (default: as long as its server lets it)
    #[arg(long, value_name = "DURATION", env = "MLFERRY_DB_STATEMENT_TIMEOUT")]
    pub(crate) db_statement_timeout: Option<String>,

    /// After how long a connection to PostgreSQL is replaced by a new one (default: not at all)
    #[arg(long, value_name = "DURATION", env = "MLFERRY_DB_MAX_LIFETIME")]
    pub(crate) db_max_lifetime: Option<String>,

    /// Show this message and exit
    #[arg(long, action = ArgAction::Help)]
    pub(crate) help: Option<bool>,

    /// Ids of the flags that stood on the command line, rather than in the environment.
    #[arg(skip)]
    pub(crate) typed: BTreeSet<String>,
}
