//! URIs of artifacts, taken apart.

/// Schemes in which `;` starts the parameters of a path, as Python's `urlparse` sees it.
const WITH_PARAMS: [&str; 5] = ["", "ftp", "http", "https", "sftp"];

/// A URI, taken apart as Python's `urlparse` does.
pub(crate) struct Parts<'a> {
    /// In lower case; empty for a path.
    pub(crate) scheme: String,
    /// All that follows the scheme and its colon.
    pub(crate) rest: &'a str,
    /// What follows a question mark.
    pub(crate) query: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(uri: &'a str) -> Self {
        let (scheme, rest) = match uri.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
            _ => (String::new(), uri),
        };
        let before_fragment = rest.split('#').next().unwrap_or_default();
        let query = before_fragment.split_once('?').map_or("", |(_, query)| query);
        Self { scheme, rest, query }
    }

    pub(crate) fn has_fragment_or_params(&self) -> bool {
        let path = self.rest.split('?').next().unwrap_or_default();
        let last_segment = path.rsplit('/').next().unwrap_or_default();
        self.rest.contains('#')
            || WITH_PARAMS.contains(&self.scheme.as_str()) && last_segment.contains(';')
    }

    /// What follows two slashes: user, host and port.
    pub(crate) fn authority(&self) -> Option<&'a str> {
        self.rest.strip_prefix("//")?.split(['/', '?', '#']).next()
    }

    /// Host and port, as the URI has them.
    pub(crate) fn host(&self) -> Option<&'a str> {
        let authority = self.authority()?;
        Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
    }

    /// The path, without the authority, and as it is encoded.
    pub(crate) fn path(&self) -> &'a str {
        let path = match self.authority() {
            Some(authority) => &self.rest[2 + authority.len()..],
            None => self.rest,
        };
        path.split(['?', '#']).next().unwrap_or_default()
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}
