//! Database URIs: which database one names, and how it is shown to people.

use crate::db::{PostgresLocation, SqliteLocation};

/// A database that this program can open.
#[derive(Debug, Clone)]
pub(crate) enum DatabaseUri {
    Sqlite(SqliteLocation),
    Postgres(Box<PostgresLocation>),
}

impl DatabaseUri {
    /// Reads a URI in the reference's spellings, `postgresql+psycopg2://` included; an error says what is
    /// wrong with it.
    pub(crate) fn parse(uri: &str) -> Result<Self, String> {
        let (scheme, rest) = uri.split_once(':').ok_or_else(unknown)?;
        // What follows a plus is the driver, and here there is only one.
        match scheme.split('+').next() {
            Some("sqlite") => {
                SqliteLocation::parse(rest).map(Self::Sqlite).map_err(ToOwned::to_owned)
            }
            Some("postgresql" | "postgres") => {
                PostgresLocation::parse(rest).map(Box::new).map(Self::Postgres)
            }
            _ => Err(unknown()),
        }
    }
}

impl DatabaseUri {
    /// Whether the database can be there; one on a server is asked for when it is opened.
    pub(crate) fn may_exist(&self) -> bool {
        match self {
            Self::Sqlite(SqliteLocation::File(path)) => path.try_exists().unwrap_or(true),
            Self::Sqlite(SqliteLocation::Memory) => false,
            Self::Postgres(_) => true,
        }
    }
}

fn unknown() -> String {
    "use sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE".to_owned()
}

/// A database URI that may be shown: passwords and the values of a query are masked.
#[must_use]
pub fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    if scheme.starts_with("sqlite") {
        // A path, which may hold any character.
        return uri.to_owned();
    }
    let parts = UriParts::of(rest);
    let login = match (parts.user, parts.password) {
        (Some(user), Some(_)) => format!("{user}:***@"),
        (Some(user), None) => format!("{user}@"),
        (None, _) => String::new(),
    };
    let query = if parts.query.is_some() { "?***" } else { "" };
    format!("{scheme}://{login}{}{query}", parts.place)
}

/// The URI of a database on a server with neither password nor options, for a command that a person may type.
pub(crate) fn without_credentials(uri: &str) -> String {
    let (_, rest) = uri.split_once("://").unwrap_or(("", uri));
    let parts = UriParts::of(rest);
    let user = parts.user.map(|user| format!("{user}@")).unwrap_or_default();
    format!("postgresql://{user}{}", parts.place)
}

/// What follows `//` in the URI of a database that is reached over a network, still encoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UriParts<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    /// Host, port and database.
    pub(crate) place: &'a str,
    pub(crate) query: Option<&'a str>,
}

impl<'a> UriParts<'a> {
    /// Splits a URI. Passwords may hold any character, since people forget to encode them.
    pub(crate) fn of(text: &'a str) -> Self {
        let (login, rest) = match login_end(text) {
            Some(end) => (Some(&text[..end]), &text[end + 1..]),
            None => (None, text),
        };
        let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
            Some(Ok((user, password))) => (Some(user), Some(password)),
            Some(Err(user)) => (Some(user), None),
            None => (None, None),
        };
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (rest, None),
        };
        Self { user, password, place, query }
    }
}

/// Where the `@` behind a login stands.
fn login_end(text: &str) -> Option<usize> {
    let name_end = text.find([':', '/', '?', '@'])?;
    let after = &text[name_end + 1..];
    match text.as_bytes()[name_end] {
        b'@' => Some(name_end),
        b':' if !starts_with_port(after) => {
            let first = text.find('@')?;
            // An `@` of a query ends no password.
            let query = text[first..].find('?').map_or(text.len(), |query| first + query);
            text[..query].rfind('@')
        }
        _ => None,
    }
}

/// Whether a text is a port and what may follow one.
fn starts_with_port(text: &str) -> bool {
    let rest = text.trim_start_matches(|char: char| char.is_ascii_digit());
    rest.is_empty() || rest.starts_with(['/', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        for (uri, shown) in [
            ("postgresql://u:p@h:5432/db", "postgresql://u:***@h:5432/db"),
            ("postgresql://u:p@ss@h/db", "postgresql://u:***@h/db"),
            ("postgresql://u:pa/ss@h/db", "postgresql://u:***@h/db"),
            ("postgresql://u:pa?ss@h/db", "postgresql://u:***@h/db"),
            ("postgresql://h/db?user=x&password=secret", "postgresql://h/db?***"),
            ("postgresql://h/db?user=x&password=se@ret", "postgresql://h/db?***"),
            ("postgresql://h:5432/db?password=se@ret", "postgresql://h:5432/db?***"),
            ("postgresql://u:p@/db?host=/run", "postgresql://u:***@/db?***"),
            ("postgresql://u@h/db", "postgresql://u@h/db"),
            ("sqlite:////a/b@c:d", "sqlite:////a/b@c:d"),
            ("sqlite:////data/me@x/m.db", "sqlite:////data/me@x/m.db"),
            ("./x", "./x"),
        ] {
            assert_eq!(without_password(uri), shown);
        }
    }

    #[test]
    fn a_command_names_no_password() {
        for (uri, shown) in [
            ("postgresql+psycopg2://u:p@h:5432/db?sslmode=require", "postgresql://u@h:5432/db"),
            ("postgres://h/db?password=secret", "postgresql://h/db"),
        ] {
            assert_eq!(without_credentials(uri), shown);
        }
    }

    #[test]
    fn databases_are_known_by_their_scheme() {
        for uri in ["sqlite:///a.db", "sqlite://"] {
            assert!(matches!(DatabaseUri::parse(uri), Ok(DatabaseUri::Sqlite(_))), "{uri}");
        }
        for uri in ["postgresql://h/d", "postgres://h/d", "postgresql+psycopg2://h/d"] {
            assert!(matches!(DatabaseUri::parse(uri), Ok(DatabaseUri::Postgres(_))), "{uri}");
        }
        for uri in ["./mlruns", "mysql://h/d", ""] {
            assert!(DatabaseUri::parse(uri).unwrap_err().contains("sqlite:///PATH"), "{uri}");
        }
    }
}
