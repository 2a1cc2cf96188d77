//! The URIs of the command line: which databases and artifact destinations this server can open.

use mlferry_store::without_password;

/// The scheme of a URI, in lower case; `None` for a plain path.
pub(crate) fn scheme(uri: &str) -> Option<String> {
    let (scheme, _) = uri.split_once(':')?;
    let letters = |char: char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.');
    (scheme.starts_with(|char: char| char.is_ascii_alphabetic()) && scheme.chars().all(letters))
        .then(|| scheme.to_ascii_lowercase())
}

/// Whether the URI names a folder of this machine.
pub(crate) fn is_local(uri: &str) -> bool {
    matches!(scheme(uri).as_deref(), None | Some("file"))
}

/// A backend store URI this server can open, or why it can't.
///
/// All spellings of a database in memory become `sqlite://`.
pub(crate) fn backend_store(uri: &str) -> Result<String, String> {
    let shown = without_password(uri);
    let scheme = scheme(uri);
    let dialect = scheme.as_deref().map(|scheme| scheme.split('+').next().unwrap_or(scheme));
    match dialect {
        Some("sqlite") if matches!(uri, "sqlite://" | "sqlite:///" | "sqlite:///:memory:") => {
            Ok("sqlite://".to_owned())
        }
        Some("sqlite") if uri.starts_with("sqlite:///") => Ok(uri.to_owned()),
        Some("sqlite") => Err(format!(
            "The backend store URI '{shown}' is not understood. Write sqlite:///relative.db, sqlite:////absolute.db, \
             or sqlite:// for a database in memory."
        )),
        Some("postgresql" | "postgres") => Ok(uri.to_owned()),
        Some("mysql" | "mssql") => Err(format!(
            "The backend store '{shown}' is not supported: mlferry opens SQLite and PostgreSQL databases. Pass \
             --backend-store-uri sqlite:///mlflow.db or postgresql://USER:PASSWORD@HOST/DATABASE."
        )),
        None | Some("file") => Err(format!(
            "The backend store '{shown}' is a file store, and mlferry keeps records in a database. Bring it into one \
             with `mlferry import {shown}`, and pass --backend-store-uri sqlite:///mlflow.db."
        )),
        Some(other) => Err(format!(
            "The backend store URI '{shown}' has the unknown scheme '{other}'. Pass \
             --backend-store-uri sqlite:///mlflow.db."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_and_postgresql_open_and_others_are_told_why_not() {
        for uri in [
            "sqlite:///a.db",
            "sqlite:////a/b.db",
            "sqlite://",
            "sqlite:///dir/x.db?timeout=5",
            "postgresql://u:p@h/db",
            "postgres://h/db",
            "postgresql+psycopg2://u:p@h/db",
        ] {
            assert_eq!(backend_store(uri), Ok(uri.to_owned()));
        }
        for uri in ["sqlite:///", "sqlite:///:memory:"] {
            assert_eq!(backend_store(uri), Ok("sqlite://".to_owned()));
        }
        let cases = [
            ("sqlite:a.db", "is not understood"),
            ("sqlite://host/a.db", "is not understood"),
            ("sqlite+pysqlite:///a.db", "is not understood"),
            ("mysql://u:p@h/db", "'mysql://u:***@h/db' is not supported"),
            ("mssql+pyodbc://h/db", "is not supported"),
            (
                "./mlruns",
                "with `mlferry import ./mlruns`, and pass --backend-store-uri sqlite:///mlflow.db.",
            ),
            ("/abs/mlruns", "is a file store"),
            ("file:///abs", "is a file store"),
            ("oracle://h/db", "unknown scheme 'oracle'"),
            ("http://h", "unknown scheme 'http'"),
        ];
        for (uri, expected) in cases {
            let message = backend_store(uri).unwrap_err();
            assert!(message.contains(expected), "{uri}: {message}");
            assert!(!message.contains('\n'));
        }
    }
}
