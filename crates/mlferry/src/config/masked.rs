//! Values without what is secret in them.

use mlferry_store::without_password;

use super::keys::{Key, Kind};
use crate::server_opts;

/// Stands for a secret.
pub(crate) const MASK: &str = "***";

/// What is shorter would be found in the middle of words.
const LEAST_SECRET: usize = 4;

/// A URI without its password, or any other text without what looks like one.
pub(crate) fn uri(text: &str) -> String {
    let is_file = text.starts_with("sqlite") || !text.contains(':');
    if is_file || text.contains("://") {
        return without_password(text);
    }
    // Something is missing, as in `postgresql:/user:password@host`, and nobody knows where the password begins.
    if text.contains('@') { MASK.to_owned() } else { text.to_owned() }
}

/// What a flag is set to.
pub(crate) fn setting(key: &Key, text: &str) -> String {
    match key.kind {
        Kind::List => text.split(',').map(uri).collect::<Vec<_>>().join(","),
        // Options of other web servers, which may hold the password of a key.
        _ if key.name.ends_with("-opts") => server_opts::without_values(text, MASK),
        _ => uri(text),
    }
}

/// What was read from a file that exists for secrets: of a URI, the rest is shown.
pub(crate) fn from_file(text: &str) -> String {
    if text.contains("://") { uri(text) } else { MASK.to_owned() }
}

/// Whether the name of a variable that we don't know says that its value is secret.
pub(crate) fn sounds_secret(name: &str) -> bool {
    ["CREDENTIAL", "KEY", "PASS", "SAS", "SECRET", "TOKEN"].iter().any(|word| name.contains(word))
}

/// A message without any of these secrets.
pub(crate) fn without<'a>(message: String, secrets: impl Iterator<Item = &'a str>) -> String {
    let mut secrets: Vec<&str> = secrets.filter(|secret| secret.len() >= LEAST_SECRET).collect();
    // One may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.into_iter().fold(message, |message, secret| {
        if message.contains(secret) { message.replace(secret, &from_file(secret)) } else { message }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for (text, expected) in [
            ("postgresql://u:secret@h/d", "postgresql://u:***@h/d"),
            ("postgresql://h/d?password=secret", "postgresql://h/d?***"),
            ("https://u:secret@h/x", "https://u:***@h/x"),
            ("postgresql:/u:secret@h/d", "***"),
            ("u:secret@h", "***"),
            ("sqlite:////srv/a:b@c.db", "sqlite:////srv/a:b@c.db"),
            ("./mlartifacts/a@b", "./mlartifacts/a@b"),
            ("s3://bucket/folder", "s3://bucket/folder"),
            ("mlflow-artifacts:/", "mlflow-artifacts:/"),
            ("0.0.0.0", "0.0.0.0"),
        ] {
            assert_eq!(uri(text), expected);
        }
    }

    #[test]
    fn lists_and_options_of_other_servers_are_masked_in_parts() {
        let shown = |name: &str, text: &str| {
            setting(keys::all().iter().find(|key| key.name == name).unwrap(), text)
        };
        assert_eq!(
            shown("cors-allowed-origins", "https://a,https://u:s@b"),
            "https://a,https://u:***@b"
        );
        assert_eq!(shown("allowed-hosts", "a.com:5000,b.com"), "a.com:5000,b.com");
        assert_eq!(
            shown("uvicorn-opts", "--log-level debug --ssl-keyfile-password secret -w 4"),
            "--log-level debug --ssl-keyfile-password *** -w ***"
        );
        assert_eq!(shown("gunicorn-opts", "--certfile=secret 'open"), "***");
    }

    #[test]
    fn messages_lose_what_was_read_from_files() {
        let message = "the store 'hunter2' of 'postgresql://u:hunter2@h/d' is not, x".to_owned();
        let secrets = ["x", "hunter2", "postgresql://u:hunter2@h/d"];
        assert_eq!(
            without(message, secrets.into_iter()),
            "the store '***' of 'postgresql://u:***@h/d' is not, x"
        );
    }
}
