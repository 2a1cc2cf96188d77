//! Where a server keeps its artifacts: the URI of `--artifacts-destination`.

use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use thiserror::Error;

/// A place that holds artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder of this machine; relative paths start at the working directory.
    Local(PathBuf),
}

/// A URI that names no destination this server can use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DestinationError {
    /// The scheme belongs to a store that this version does not reach.
    #[error(
        "artifact destinations with the '{0}' scheme are not available in this version of mlferry; \
         use a local path or a file: URI"
    )]
    UnsupportedScheme(String),
    /// A `file:` URI names another machine.
    #[error("the file: URI '{0}' names a host; only files of this machine can be served")]
    ForeignHost(String),
    /// The text is empty.
    #[error("the artifact destination is empty; give a local path or a file: URI")]
    Empty,
}

impl Destination {
    /// Reads a path or URI. Percent sequences are decoded in both, as the reference does.
    pub fn parse(uri: &str) -> Result<Self, DestinationError> {
        if uri.is_empty() {
            return Err(DestinationError::Empty);
        }
        let path = match uri.split_once(':') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
                match rest.strip_prefix("//") {
                    None => rest,
                    Some(with_host) => {
                        let start = with_host.find('/').unwrap_or(with_host.len());
                        let (host, path) = with_host.split_at(start);
                        if !matches!(host, "" | "localhost") {
                            return Err(DestinationError::ForeignHost(uri.to_owned()));
                        }
                        path
                    }
                }
            }
            Some((scheme, _)) if is_scheme(scheme) => {
                return Err(DestinationError::UnsupportedScheme(scheme.to_owned()));
            }
            _ => uri,
        };
        if path.is_empty() {
            return Err(DestinationError::Empty);
        }
        let decoded = percent_decode_str(path).decode_utf8_lossy().into_owned();
        Ok(Self::Local(PathBuf::from(decoded)))
    }
}

/// Whether the text before the first colon is a URI scheme (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_file_uris_are_local() {
        for (uri, path) in [
            ("./mlartifacts", "./mlartifacts"),
            ("/srv/a b", "/srv/a b"),
            ("/srv/a%20b", "/srv/a b"),
            ("file:///srv/x", "/srv/x"),
            ("file:/srv/x", "/srv/x"),
            ("file://localhost/srv/x", "/srv/x"),
            ("file:rel/x", "rel/x"),
            ("./a:b", "./a:b"),
        ] {
            assert_eq!(Destination::parse(uri), Ok(Destination::Local(path.into())), "{uri}");
        }
    }

    #[test]
    fn other_schemes_and_hosts_are_named_in_the_refusal() {
        assert_eq!(
            Destination::parse("s3://bucket/x"),
            Err(DestinationError::UnsupportedScheme("s3".into()))
        );
        assert_eq!(
            Destination::parse("file://nas/x"),
            Err(DestinationError::ForeignHost("file://nas/x".into()))
        );
        assert_eq!(Destination::parse(""), Err(DestinationError::Empty));
    }
}
