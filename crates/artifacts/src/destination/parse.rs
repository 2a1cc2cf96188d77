//! From the URI of a destination to its parts.

use super::{Destination, DestinationError, HostKind, RemoteDestination, S3Provider, StoreAddress};
use percent_encoding::percent_decode_str;
use std::{net::Ipv6Addr, path::PathBuf};

/// What no root may hold: none of it can be sent to a store as a part of a key.
const NOT_IN_ROOT: [char; 3] = ['?', '#', '\0'];
/// What would end a user's name and password in a URL.
const NOT_IN_USER: [char; 4] = ['?', '#', '\\', '@'];
/// Where Azure's accounts have their addresses, in all of its clouds. Others are refused: the credentials of this
/// server would be sent there.
const AZURE_DOMAINS: [&str; 3] =
    ["core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net"];

impl Destination {
    /// Reads a path or URI. Percent sequences are decoded in local ones, as the reference does.
    pub fn parse(uri: &str) -> Result<Self, DestinationError> {
        if uri.is_empty() {
            return Err(DestinationError::Empty);
        }
        let path = match uri.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => {
                let scheme = scheme.to_ascii_lowercase();
                if scheme != "file" {
                    return remote(uri, &scheme, rest).map(Self::Remote);
                }
                file_path(uri, rest)?
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

/// The path of a `file:` URI, from what follows the scheme.
fn file_path<'a>(uri: &str, rest: &'a str) -> Result<&'a str, DestinationError> {
    let Some(with_host) = rest.strip_prefix("//") else { return Ok(rest) };
    let start = with_host.find('/').unwrap_or(with_host.len());
    let (host, path) = with_host.split_at(start);
    if matches!(host, "" | "localhost") {
        Ok(path)
    } else {
        Err(DestinationError::ForeignHost(uri.to_owned()))
    }
}

fn remote(uri: &str, scheme: &str, rest: &str) -> Result<RemoteDestination, DestinationError> {
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => ("", rest.trim_start_matches('/')),
    };
    let missing = |what, form| DestinationError::Missing { uri: masked(uri), what, form };
    let named = |what, form| match authority {
        "" => Err(missing(what, form)),
        name => Ok(name.to_owned()),
    };
    let at_host = |form: &'static str| match authority.split_once('@') {
        Some((bucket, host)) if !bucket.is_empty() && !host.is_empty() => {
            Ok((bucket.to_owned(), host.to_owned()))
        }
        _ => Err(missing("bucket and host", form)),
    };
    let store = match scheme {
        "s3" | "s3a" => {
            let bucket = named("bucket", "s3://bucket/folder")?;
            StoreAddress::S3 { bucket, provider: S3Provider::Configured }
        }
        "r2" => {
            let (bucket, host) = at_host("r2://bucket@ACCOUNT.r2.cloudflarestorage.com/folder")?;
            StoreAddress::S3 { bucket, provider: S3Provider::R2(host) }
        }
        "b2" => {
            let (bucket, host) = at_host("b2://bucket@s3.REGION.backblazeb2.com/folder")?;
            StoreAddress::S3 { bucket, provider: S3Provider::B2(host) }
        }
        "gs" => StoreAddress::Gcs { bucket: named("bucket", "gs://bucket/folder")? },
        "wasbs" | "wasb" => {
            let (container, host) =
                at_host("wasbs://container@ACCOUNT.blob.core.windows.net/folder")?;
            StoreAddress::Azure { container, host, is_data_lake: false }
        }
        "abfss" | "abfs" => {
            let (container, host) = at_host("abfss://fs@ACCOUNT.dfs.core.windows.net/folder")?;
            StoreAddress::Azure { container, host, is_data_lake: true }
        }
        "http" | "https" | "mlflow-artifacts" => return server(uri, scheme, authority, path),
        "sftp" => host(HostKind::Sftp, &named("host", "sftp://user@host/folder")?),
        "ftp" => host(HostKind::Ftp, &named("host", "ftp://user@host/folder")?),
        "hdfs" | "viewfs" => host(HostKind::WebHdfs, &named("host", "hdfs://host:port/folder")?),
        _ => return Err(DestinationError::UnsupportedScheme(scheme.to_owned())),
    };
    check_names(uri, &store)?;
    let root = root_of(uri, path)?;
    Ok(RemoteDestination { store, root, uri: masked(uri) })
}

/// Refuses names that would lead a URL made of them to another host.
fn check_names(uri: &str, store: &StoreAddress) -> Result<(), DestinationError> {
    let bad = |what, name: &str| {
        Err(DestinationError::BadName { uri: masked(uri), what, name: shown(name) })
    };
    match store {
        StoreAddress::S3 { bucket, .. } | StoreAddress::Gcs { bucket } if !is_bucket(bucket) => {
            bad("bucket", bucket)
        }
        StoreAddress::S3 { provider: S3Provider::R2(host) | S3Provider::B2(host), .. }
        | StoreAddress::Host { host, .. }
            if !is_host(host) =>
        {
            bad("host", host)
        }
        StoreAddress::Azure { container, .. } if !is_name(container, "$-") => {
            bad("container", container)
        }
        StoreAddress::Azure { host, is_data_lake, .. } if !is_azure(host, *is_data_lake) => {
            bad("Azure account", host)
        }
        _ => Ok(()),
    }
}

/// A bucket's name. Of dots alone, it would lead from the path of its store to another one on that host.
fn is_bucket(name: &str) -> bool {
    name.contains(|c: char| c.is_ascii_alphanumeric()) && is_name(name, "._-")
}

fn is_name(name: &str, besides: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c))
}

/// A host's name or address, with or without a port.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The colons of an address of IPv6 stand in brackets.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_named = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        // `ssh` would take a dash at the beginning for an option.
        None => !name.is_empty() && !name.starts_with('-') && is_name(name, ".-_"),
    };
    is_named && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// A name for an error, without what may be a password that slipped into it.
fn shown(name: &str) -> String {
    let after = name.rsplit_once('@').map(|(_, after)| format!("…@{after}"));
    after.unwrap_or_else(|| name.split(':').next().unwrap_or_default().to_owned())
}

fn is_azure(host: &str, is_data_lake: bool) -> bool {
    let service = if is_data_lake { "dfs" } else { "blob" };
    host.split_once('.').is_some_and(|(account, rest)| {
        let domain = rest.strip_prefix(service).and_then(|rest| rest.strip_prefix('.'));
        is_name(account, "-") && domain.is_some_and(|domain| AZURE_DOMAINS.contains(&domain))
    })
}

/// The artifact route of another server. What follows the route in an `http(s)` URI is the root.
fn server(
    uri: &str,
    scheme: &str,
    authority: &str,
    path: &str,
) -> Result<RemoteDestination, DestinationError> {
    let missing = |what, form| DestinationError::Missing { uri: masked(uri), what, form };
    let (base, root) = if scheme == "mlflow-artifacts" {
        ("", path)
    } else {
        let form = "http://host:5000/api/2.0/mlflow-artifacts/artifacts";
        match path.split_once(SERVER_ROUTE) {
            Some((base, root)) if root.is_empty() || root.starts_with('/') => (base, root),
            _ => return Err(missing("artifact route", form)),
        }
    };
    if authority.is_empty() {
        return Err(missing("host", "mlflow-artifacts://host:port/folder"));
    }
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !is_host(host) || user.contains(NOT_IN_USER) {
        let name = shown(host);
        return Err(DestinationError::BadName { uri: masked(uri), what: "host", name });
    }
    let scheme = if scheme == "https" { "https" } else { "http" };
    let url = format!("{scheme}://{authority}/{base}{SERVER_ROUTE}");
    // Clients put it into a URL as it is, which is decoded once on arrival.
    let root = root_of(uri, &percent_decode_str(root).decode_utf8_lossy())?;
    Ok(RemoteDestination { store: StoreAddress::Server { url }, root, uri: masked(uri) })
}

/// Where servers serve artifacts, without the slash at its beginning.
const SERVER_ROUTE: &str = "api/2.0/mlflow-artifacts/artifacts";

fn host(kind: HostKind, authority: &str) -> StoreAddress {
    let (credentials, host) = match authority.rsplit_once('@') {
        Some((credentials, host)) => (Some(credentials), host),
        None => (None, authority),
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = match credentials.map(|both| both.split_once(':').ok_or(both)) {
        Some(Ok((user, password))) => (Some(decoded(user)), Some(decoded(password))),
        Some(Err(user)) => (Some(decoded(user)), None),
        None => (None, None),
    };
    StoreAddress::Host { kind, user, password, host: host.to_owned() }
}

fn root_of(uri: &str, path: &str) -> Result<String, DestinationError> {
    let root = path.trim_matches('/');
    let is_bad = root.contains(NOT_IN_ROOT)
        || (!root.is_empty() && root.split('/').any(|name| matches!(name, "" | "." | "..")));
    if is_bad {
        return Err(DestinationError::BadRoot(masked(uri)));
    }
    Ok(root.to_owned())
}

/// The URI with a password in it replaced. A password with a slash in it, which should have been
/// encoded, is none to the parser, and must be shown to nobody, either.
pub(super) fn masked(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    match rest.rsplit_once('@').map(|(user, host)| (user.split_once(':'), host)) {
        Some((Some((user, _)), host)) => format!("{scheme}://{user}:***@{host}"),
        _ => uri.to_owned(),
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

    fn parsed(uri: &str) -> RemoteDestination {
        match Destination::parse(uri) {
            Ok(Destination::Remote(remote)) => remote,
            other => panic!("{uri}: {other:?}"),
        }
    }

    #[test]
    fn buckets_and_their_folders_are_told_apart() {
        let s3 = |bucket: &str| StoreAddress::S3 {
            bucket: bucket.into(),
            provider: S3Provider::Configured,
        };
        for (uri, store, root) in [
            ("s3://bkt", s3("bkt"), ""),
            ("s3://bkt/", s3("bkt"), ""),
            ("s3://bkt/a b/c%20d/", s3("bkt"), "a b/c%20d"),
            ("gs://bkt/x", StoreAddress::Gcs { bucket: "bkt".into() }, "x"),
            (
                "wasbs://c@acct.blob.core.windows.net/x",
                StoreAddress::Azure {
                    container: "c".into(),
                    host: "acct.blob.core.windows.net".into(),
                    is_data_lake: false,
                },
                "x",
            ),
            (
                "r2://bkt@acct.r2.cloudflarestorage.com/x",
                StoreAddress::S3 {
                    bucket: "bkt".into(),
                    provider: S3Provider::R2("acct.r2.cloudflarestorage.com".into()),
                },
                "x",
            ),
            (
                "http://h:5000/P/api/2.0/mlflow-artifacts/artifacts/x/y",
                StoreAddress::Server {
                    url: "http://h:5000/P/api/2.0/mlflow-artifacts/artifacts".into(),
                },
                "x/y",
            ),
            (
                "mlflow-artifacts://h:5000/x",
                StoreAddress::Server {
                    url: "http://h:5000/api/2.0/mlflow-artifacts/artifacts".into(),
                },
                "x",
            ),
        ] {
            let remote = parsed(uri);
            assert_eq!((remote.store, remote.root.as_str()), (store, root), "{uri}");
        }
    }

    #[test]
    fn a_password_is_read_and_never_shown() {
        let remote = parsed("sftp://me:s%40crt@host:2222/x");
        assert_eq!(remote.to_string(), "sftp://me:***@host:2222/x");
        let expected = StoreAddress::Host {
            kind: HostKind::Sftp,
            user: Some("me".into()),
            password: Some("s@crt".into()),
            host: "host:2222".into(),
        };
        assert_eq!(remote.store, expected);
        for uri in [
            "ftp://me:s3/cret@host/x",
            "s3://KEY:s3cret@bucket/x",
            "http://me:s3cret@h:99999/api/2.0/mlflow-artifacts/artifacts",
            "sftp://me:s3cret@h:port/x",
        ] {
            let error = Destination::parse(uri).unwrap_err().to_string();
            assert!(!error.contains("cret"), "{uri}: {error}");
        }
    }

    #[test]
    fn hosts_have_names_or_addresses_and_perhaps_a_port() {
        for host in ["h", "h:21", "a-b.c_d", "10.0.0.1:9", "[::1]", "[fe80::1]:22"] {
            assert!(is_host(host), "{host}");
        }
        for host in
            ["", ":21", "h:", "h:x", "h:99999", "-oProxyCommand", "[::1", "::1", "h/", "[x]"]
        {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn what_lies_below_another_destination_is_found() {
        let below = |uri: &str, other: &str| parsed(uri).below(&parsed(other)).map(str::to_owned);
        assert_eq!(below("s3://b/root/1/r", "s3://b/root").as_deref(), Some("1/r"));
        assert_eq!(below("s3://b/root", "s3://b/root").as_deref(), Some(""));
        assert_eq!(below("s3://b/1", "s3://b").as_deref(), Some("1"));
        assert_eq!(below("s3://b/rooted", "s3://b/root"), None);
        assert_eq!(below("s3://c/root", "s3://b/root"), None);
        assert_eq!(parsed("s3://b/root/x").at_root().to_string(), "s3://b/");
        let server = "http://h:5000/api/2.0/mlflow-artifacts/artifacts";
        assert_eq!(parsed(&format!("{server}/a%20b/1")).at_root().to_string(), server);
        assert_eq!(
            below(&format!("{server}/a%20b/1"), &format!("{server}/a b")).as_deref(),
            Some("1")
        );
    }

    #[test]
    fn what_names_no_place_is_refused_with_a_form_to_follow() {
        for (uri, what) in [
            ("s3:///x", "bucket"),
            ("s3:x", "bucket"),
            ("wasbs://container/x", "bucket and host"),
            ("http://h:5000/x", "artifact route"),
            ("mlflow-artifacts:/x", "host"),
        ] {
            let error = Destination::parse(uri).unwrap_err().to_string();
            assert!(error.contains(&format!("names no {what}; write it as")), "{error}");
        }
        for (uri, what) in [
            ("s3://me@evil.example#", "bucket"),
            ("s3://evil.example\\/x", "bucket"),
            ("gs://b:1/x", "bucket"),
            ("s3://../b/x", "bucket"),
            ("gs://./x", "bucket"),
            ("b2://..@s3.eu-central-003.backblazeb2.com/x", "bucket"),
            ("wasbs://c@evil.example/x", "Azure account"),
            ("wasbs://c@acct.blob.core.windows.net.evil.example/x", "Azure account"),
            ("abfss://c@acct.blob.core.windows.net/x", "Azure account"),
            ("r2://b@evil.example#/x", "host"),
            ("http://me@evil.example#@h/api/2.0/mlflow-artifacts/artifacts", "host"),
            ("http://h#/api/2.0/mlflow-artifacts/artifacts", "host"),
            ("sftp://h#/x", "host"),
        ] {
            let error = Destination::parse(uri).unwrap_err().to_string();
            assert!(error.contains(&format!("has the {what} '")), "{uri}: {error}");
        }
        for uri in ["s3://b/a//c", "s3://b/../c", "gs://b/x?y", "s3://b/x#y"] {
            let refused = Destination::parse(uri);
            assert_eq!(refused, Err(DestinationError::BadRoot(uri.into())), "{uri}");
        }
        assert_eq!(
            Destination::parse("dbfs:/x"),
            Err(DestinationError::UnsupportedScheme("dbfs".into()))
        );
        assert_eq!(
            Destination::parse("file://nas/x"),
            Err(DestinationError::ForeignHost("file://nas/x".into()))
        );
        assert_eq!(Destination::parse(""), Err(DestinationError::Empty));
    }
}
