//! What PostgreSQL does its own way: where a database lies, how it is reached, and its error codes.

use super::{Connections, DbError, Trouble};
use crate::{activity::PoolUse, database_uri::UriParts};
use percent_encoding::percent_decode_str;
use sqlx::{
    ConnectOptions, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Selects the names of the tables in the schema that is used.
pub(super) const TABLE_NAMES: &str = "SELECT CAST(tablename AS text) FROM pg_catalog.pg_tables \
     WHERE schemaname = current_schema()";

/// Selects the names of tables and indexes in that schema which are our own.
pub(super) const OWN_NAMES: &str = "SELECT CAST(relname AS text) FROM pg_catalog.pg_class \
     WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relname LIKE 'mlferry\\_%'";

/// Held while the schema is made or migrated; the number is an arbitrary one of ours.
pub(super) const LOCK_SCHEMA: &str = "SELECT pg_advisory_xact_lock(7165123405318)";

/// Makes the next id that the database chooses larger than all that are there: ids that an insertion brings
/// along don't count for the sequence.
pub(super) const ADVANCE_EXPERIMENT_IDS: &str = "SELECT setval('experiments_experiment_id_seq', GREATEST( \
     (SELECT max(experiment_id) FROM experiments), \
     (SELECT last_value FROM experiments_experiment_id_seq)))";

/// Connections at once, unless told otherwise: a server of PostgreSQL takes 100, and several replicas
/// share it.
const CONNECTIONS: u32 = 10;

/// Most transactions that write at once: a commit waits for the disk, and what arrives meanwhile joins
/// the next one, so that more of them only make smaller groups.
const WRITERS: u32 = 4;

/// Between two attempts to reach a server that does not answer yet.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// After how long a server ends a transaction whose client fell silent, which would keep its locks.
const IDLE_TRANSACTION: &str = "60s";

/// Parameters of libpq that change nothing here.
const WITHOUT_EFFECT: [&str; 9] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "tcp_user_timeout",
];

/// Where a PostgreSQL database is reached, and as whom.
#[derive(Clone)]
pub(crate) struct PostgresLocation(PgConnectOptions);

/// Without the password.
impl fmt::Debug for PostgresLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresLocation({}:{})", self.0.get_host(), self.0.get_port())
    }
}

impl PostgresLocation {
    /// Reads what follows the scheme in a URI: `//user:password@host:port/database?sslmode=require`.
    /// What is left out comes from libpq's environment variables and `~/.pgpass`.
    pub(crate) fn parse(after_scheme: &str) -> Result<Self, String> {
        let rest = after_scheme
            .strip_prefix("//")
            .ok_or("it must be spelt postgresql://USER:PASSWORD@HOST/DATABASE")?;
        let parts = UriParts::of(rest);
        let (host, database) = match parts.place.split_once('/') {
            Some((host, database)) => (host, database),
            None => (parts.place, ""),
        };
        let mut options = PgConnectOptions::new().application_name("mlferry");
        options = at(options, host)?;
        if let Some(user) = parts.user.filter(|user| !user.is_empty()) {
            options = options.username(&decoded(user)?);
        }
        if let Some(password) = parts.password {
            options = options.password(&decoded(password)?);
        }
        if !database.is_empty() {
            options = options.database(&decoded(database)?);
        }
        for parameter in parts.query.unwrap_or_default().split('&').filter(|text| !text.is_empty())
        {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            options = with_parameter(options, name, &decoded(&value.replace('+', " "))?)?;
        }
        Ok(Self(options))
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| "what is percent-encoded in it must be UTF-8".to_owned())
}

/// Sets host and port of `host`, `host:port`, `[v6]:port`, or an encoded path of a socket's folder.
fn at(options: PgConnectOptions, text: &str) -> Result<PgConnectOptions, String> {
    if text.contains(',') {
        return Err("it names several hosts; name one, such as that of a proxy".to_owned());
    }
    let port_start = match text.rfind(']') {
        Some(bracket) => text[bracket..].find(':').map(|colon| bracket + colon),
        None => text.rfind(':'),
    };
    let (host, port) = match port_start {
        Some(colon) => (&text[..colon], &text[colon + 1..]),
        None => (text, ""),
    };
    let options = if port.is_empty() { options } else { options.port(port_of(port)?) };
    let host = decoded(host.trim_start_matches('[').trim_end_matches(']'))?;
    Ok(if host.is_empty() { options } else { on_host(options, &host) })
}

fn port_of(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("'{text}' is no port"))
}

fn on_host(options: PgConnectOptions, host: &str) -> PgConnectOptions {
    // As with libpq, a path is the folder of a socket.
    if host.starts_with('/') { options.socket(host) } else { options.host(host) }
}

/// Sets a parameter of the query, named as libpq names it.
fn with_parameter(
    options: PgConnectOptions,
    name: &str,
    value: &str,
) -> Result<PgConnectOptions, String> {
    Ok(match name {
        "sslmode" => {
            let mode = value.parse().map_err(|_| {
                format!(
                    "sslmode '{value}' is none of disable, allow, prefer, require, verify-ca and verify-full"
                )
            })?;
            options.ssl_mode(mode)
        }
        "sslrootcert" => options.ssl_root_cert(value),
        "sslcert" => options.ssl_client_cert(value),
        "sslkey" => options.ssl_client_key(value),
        "host" | "hostaddr" => on_host(options, value),
        "port" => options.port(port_of(value)?),
        "user" => options.username(value),
        "password" => options.password(value),
        "dbname" => options.database(value),
        "application_name" => options.application_name(value),
        "options" => options.options(settings(value)?),
        name if WITHOUT_EFFECT.contains(&name) => options,
        _ => return Err(format!("the parameter '{name}' is not supported")),
    })
}

/// Settings of a session in libpq's spelling, `-c name=value -c name=value`.
fn settings(text: &str) -> Result<Vec<(String, String)>, String> {
    let refused = || format!("options '{text}' must be spelt '-c NAME=VALUE'");
    let mut settings = Vec::new();
    let mut words = text.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c") {
            Some("") => words.next().ok_or_else(refused)?,
            Some(setting) => setting,
            None => word.strip_prefix("--").ok_or_else(refused)?,
        };
        let (name, value) = setting.split_once('=').ok_or_else(refused)?;
        settings.push((name.to_owned(), value.to_owned()));
    }
    Ok(settings)
}

/// A connection that statements are sent to.
#[derive(Debug)]
pub(super) enum PostgresConnection {
    /// In a transaction that has begun.
    Within(sqlx::Transaction<'static, Postgres>),
    /// Each statement for itself.
    Alone(PoolConnection<Postgres>),
}

impl PostgresConnection {
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Within(transaction) => transaction.commit().await,
            Self::Alone(_) => Ok(()),
        }
    }
}

impl AsMut<PgConnection> for PostgresConnection {
    fn as_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Within(transaction) => transaction,
            Self::Alone(connection) => connection,
        }
    }
}

/// A pool of connections, of which some write.
#[derive(Debug, Clone)]
pub(crate) struct PostgresDatabase {
    pool: PgPool,
}

impl PostgresDatabase {
    /// Connects, and waits for a server that is just starting.
    pub(super) async fn open(
        location: &PostgresLocation,
        connections: &Connections,
    ) -> Result<Self, DbError> {
        let options = session_options(location, connections);
        wait_for_server(&options, connections.acquire_timeout).await?;
        let pool = PgPoolOptions::new()
            .max_connections(connections.max.unwrap_or(CONNECTIONS).max(2))
            .acquire_timeout(connections.acquire_timeout)
            .max_lifetime(connections.max_lifetime)
            // Each test would be a round trip before every request; a lost connection shows at `BEGIN`.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    pub(super) async fn read(&self) -> Result<PostgresConnection, DbError> {
        self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    /// A connection without a transaction.
    pub(super) async fn once(&self) -> Result<PostgresConnection, DbError> {
        self.patiently(|| self.pool.acquire()).await.map(PostgresConnection::Alone)
    }

    pub(super) async fn write(&self) -> Result<PostgresConnection, DbError> {
        self.begin("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await
    }

    async fn begin(&self, statement: &'static str) -> Result<PostgresConnection, DbError> {
        // In a task of its own, which ends even if nobody waits for it any more: cut off in the middle of `BEGIN`, the driver knows of
        // no transaction to roll back, and would give the next one a connection that is in it.
        let begin = || {
            let pool = self.pool.clone();
            let begun = tokio::spawn(async move { pool.begin_with(statement).await });
            async { begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)) }
        };
        self.patiently(begin).await.map(PostgresConnection::Within)
    }

    /// Takes a connection for something that has not begun yet, so that a lost one is replaced by the next one; after a
    /// restart of the server all of the pool may be lost. A server that is down is waited for.
    async fn patiently<T, F: Future<Output = Result<T, sqlx::Error>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, DbError> {
        let options = self.pool.options();
        let deadline = Instant::now() + options.get_acquire_timeout();
        let mut lost_connections = 0;
        loop {
            match attempt().await.map_err(DbError::from) {
                Err(error) if error.trouble() == Trouble::Lost && Instant::now() < deadline => {
                    lost_connections += 1;
                    if lost_connections > options.get_max_connections() {
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
                taken => return taken,
            }
        }
    }

    pub(super) fn writers(&self) -> usize {
        // One connection at least is left to those who read.
        let max = self.pool.options().get_max_connections();
        usize::try_from(WRITERS.min(max - 1)).unwrap_or(1)
    }

    pub(super) fn pool_use(&self) -> PoolUse {
        let open = u64::from(self.pool.size());
        PoolUse {
            open,
            // The two are not counted at the same moment.
            idle: open.min(self.pool.num_idle() as u64),
            max: self.pool.options().get_max_connections().into(),
            waiting: 0,
        }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

fn session_options(location: &PostgresLocation, connections: &Connections) -> PgConnectOptions {
    let options = location
        .0
        .clone()
        .options([
            ("idle_in_transaction_session_timeout", IDLE_TRANSACTION),
            // PostgreSQL thinks searches of many runs far more costly than they are, and would take longer to compile one
            // than to carry it out.
            ("jit", "off"),
        ])
        .disable_statement_logging();
    match connections.statement_timeout {
        Some(timeout) => options.options([("statement_timeout", timeout.as_millis().to_string())]),
        None => options,
    }
}

/// Waits until the server takes connections. What time won't heal, such as a wrong password, is an error at once.
async fn wait_for_server(options: &PgConnectOptions, limit: Duration) -> Result<(), DbError> {
    let start = Instant::now();
    let mut has_told = false;
    loop {
        let Err(error) = options.connect().await.map_err(DbError::from) else { return Ok(()) };
        let may_heal = matches!(error.trouble(), Trouble::Lost | Trouble::Busy);
        if !may_heal || start.elapsed() + RETRY_DELAY > limit {
            return Err(error);
        }
        if !has_told {
            tracing::info!(%error, "waiting for the database");
            has_told = true;
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// What an error code means for the caller:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn trouble_of(code: &str) -> Trouble {
    match code {
        // Serialization failure, deadlock.
        "40001" | "40P01" => Trouble::Conflict,
        // The server is shut down, crashed, or starting.
        "57P01" | "57P02" | "57P03" | "25P03" => Trouble::Lost,
        // Canceled by a timeout, lock not available, too many connections.
        "57014" | "55P03" | "53300" => Trouble::Busy,
        "25006" => Trouble::ReadOnly,
        "53100" => Trouble::Full,
        "3D000" => Trouble::NoDatabase,
        _ if code.starts_with("28") => Trouble::Login,
        _ if code.starts_with("08") => Trouble::Lost,
        // Data that a column can't hold.
        _ if code.starts_with("22") => Trouble::Value,
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> PgConnectOptions {
        PostgresLocation::parse(uri.split_once(':').unwrap().1).unwrap().0
    }

    #[test]
    fn all_parts_of_a_uri_count() {
        let options = parse("postgresql://me:s%40:/?x@db.example:6543/ml%20flow?sslmode=require");
        assert_eq!(options.get_username(), "me");
        assert_eq!(options.get_host(), "db.example");
        assert_eq!(options.get_port(), 6543);
        assert_eq!(options.get_database(), Some("ml flow"));
        assert_eq!(format!("{:?}", options.get_ssl_mode()), "Require");
        // The driver does not tell the password, but how it prints itself for a URI.
        assert!(options.to_url_lossy().as_str().contains("s%40%3A%2F%3Fx"));
    }

    #[test]
    fn hosts_come_in_many_spellings() {
        assert_eq!(parse("postgresql://[::1]:7/d").get_host(), "::1");
        assert_eq!(parse("postgresql://[::1]:7/d").get_port(), 7);
        let socket = |uri| parse(uri).get_socket().cloned().unwrap();
        assert_eq!(socket("postgresql:///d?host=/run/pg"), std::path::Path::new("/run/pg"));
        assert_eq!(socket("postgresql://u@%2Frun%2Fpg/d"), std::path::Path::new("/run/pg"));
        assert_eq!(parse("postgresql://h/d?port=9&user=x").get_port(), 9);
    }

    #[test]
    fn settings_of_the_session_are_passed_on() {
        let options = parse("postgresql://h/d?options=-c%20search_path%3Dml+--lock_timeout%3D5s");
        assert_eq!(options.get_options(), Some("-c search_path=ml -c lock_timeout=5s"));
    }

    #[test]
    fn mistakes_are_named() {
        for (uri, message) in [
            ("postgresql:h/d", "spelt postgresql://"),
            ("postgresql://a,b/d", "several hosts"),
            ("postgresql://h:x1/d", "'x1' is no port"),
            ("postgresql://h/d?sslmode=perhaps", "sslmode 'perhaps'"),
            ("postgresql://h/d?service=x", "'service' is not supported"),
            ("postgresql://h/d?options=x", "'-c NAME=VALUE'"),
            ("postgresql://%FF@h/d", "UTF-8"),
        ] {
            let refused = PostgresLocation::parse(uri.split_once(':').unwrap().1).unwrap_err();
            assert!(refused.contains(message), "{uri}: {refused}");
        }
    }

    #[test]
    fn what_time_heals_is_told_from_what_it_does_not() {
        assert_eq!(trouble_of("40P01"), Trouble::Conflict);
        assert_eq!(trouble_of("57P01"), Trouble::Lost);
        assert_eq!(trouble_of("08006"), Trouble::Lost);
        assert_eq!(trouble_of("53100"), Trouble::Full);
        assert_eq!(trouble_of("22001"), Trouble::Value);
        assert_eq!(trouble_of("28P01"), Trouble::Login);
        assert_eq!(trouble_of("42601"), Trouble::Other);
    }
}
