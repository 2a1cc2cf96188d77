//! Database URIs, as far as they are shown to people.

/// A database URI that may be shown: passwords and the values of a query are masked.
#[must_use]
pub fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    if scheme.starts_with("sqlite") {
        // A path, which may hold any character.
        return uri.to_owned();
    }
    let (place, query) = match rest.split_once('?') {
        Some((place, _)) => (place, "?***"),
        None => (rest, ""),
    };
    // Passwords may hold `/` and `@`, so the last `@` counts wherever it stands.
    let shown = match place.rsplit_once('@') {
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}"),
            None => place.to_owned(),
        },
        None => place.to_owned(),
    };
    format!("{scheme}://{shown}{query}")
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
            ("postgresql://h/db?user=x&password=secret", "postgresql://h/db?***"),
            ("postgresql://u@h/db", "postgresql://u@h/db"),
            ("sqlite:////a/b@c:d", "sqlite:////a/b@c:d"),
            ("sqlite:////data/me@x/m.db", "sqlite:////data/me@x/m.db"),
            ("./x", "./x"),
        ] {
            assert_eq!(without_password(uri), shown);
        }
    }
}
