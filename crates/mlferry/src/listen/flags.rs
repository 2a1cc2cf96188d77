//! The flags that say where the server is reached; `mlferry healthcheck` reads them, too.

use clap::Args;

/// What stood on the command line or in the environment.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ListenFlags {
    /// Network interface to listen on; '0.0.0.0' is all of them. Which names clients may use for this server is
    /// set by --allowed-hosts (default: 127.0.0.1)
    #[arg(short = 'h', long, value_name = "HOST", env = "MLFLOW_HOST")]
    pub(crate) host: Option<String>,

    /// Port to listen on; 0 takes a free one (default: 5000)
    #[arg(short, long, value_name = "INTEGER", env = "MLFLOW_PORT")]
    pub(crate) port: Option<String>,

    /// Path of a socket to listen on instead of --host and --port, for programs of this machine
    #[arg(long, value_name = "PATH", env = "MLFERRY_UNIX_SOCKET")]
    pub(crate) unix_socket: Option<String>,

    /// Who may connect to --unix-socket, such as 660 for its user and group (default: as the umask has it)
    #[arg(long, value_name = "OCTAL", env = "MLFERRY_UNIX_SOCKET_MODE")]
    pub(crate) unix_socket_mode: Option<String>,

    /// File with the server's certificate and those that lead to its authority, in PEM: HTTPS is spoken. It is read
    /// again when it changes, and on SIGHUP
    #[arg(long, value_name = "FILE", env = "MLFERRY_TLS_CERT")]
    pub(crate) tls_cert: Option<String>,

    /// File with the private key of --tls-cert, in PEM and not encrypted
    #[arg(long, value_name = "FILE", env = "MLFERRY_TLS_KEY")]
    pub(crate) tls_key: Option<String>,

    /// Path that all routes start with, such as '/mlflow'
    #[arg(long, value_name = "TEXT", env = "MLFLOW_STATIC_PREFIX")]
    pub(crate) static_prefix: Option<String>,
}
