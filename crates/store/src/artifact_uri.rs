//! Where artifacts lie: URIs of experiments, runs and models below the server's root.

use crate::{OpenError, StoreOptions, uri_parts::Parts};
use mlferry_protocol::{ExperimentId, InvalidParameter, RunId, check_length, limits};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use regex::Regex;
use std::path::{Component, Path, PathBuf};

/// Schemes whose URIs name a host that the server would have to connect to.
const HOST_ADDRESSED: [&str; 10] =
    ["ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"];

/// What a path can't hold as it is in a `file:` URI.
const NOT_IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'?');

/// The server's root for artifacts, and the folder that relative locations start from.
#[derive(Debug)]
pub(crate) struct ArtifactRoot {
    uri: String,
    /// Hosts that the operator named.
    hosts: Vec<Host>,
    current_folder: PathBuf,
    allowed_host_schemes: Vec<String>,
    location_max_length: usize,
    source_pattern: Option<Regex>,
}

impl ArtifactRoot {
    pub(crate) fn new(options: &StoreOptions) -> Result<Self, OpenError> {
        let current_folder = std::env::current_dir().map_err(OpenError::CurrentFolder)?;
        let uri = absolute(&options.default_artifact_root, &current_folder);
        let own = [Some(uri.as_str()), options.artifacts_destination.as_deref()];
        let hosts = own.into_iter().flatten().filter_map(|uri| Host::of(&Parts::of(uri))).collect();
        Ok(Self {
            uri,
            hosts,
            current_folder,
            allowed_host_schemes: options.allowed_host_schemes.clone(),
            location_max_length: options.artifact_location_max_length,
            source_pattern: options.model_source_pattern.clone(),
        })
    }

    /// The location of an experiment whose creator does not say where.
    pub(crate) fn of_experiment(&self, id: ExperimentId) -> String {
        append(&self.uri, &id.to_string())
    }

    /// Whether a location lies below this root, and thus where the operator wants it.
    pub(crate) fn holds(&self, location: &str) -> bool {
        let below = location.strip_prefix(self.uri.trim_end_matches('/'));
        below.is_some_and(|below| below.starts_with('/'))
    }

    /// The location that a client asks for, made absolute.
    pub(crate) fn accept(&self, location: &str) -> Result<String, InvalidParameter> {
        let location = absolute(location, &self.current_folder);
        let parts = Parts::of(&location);
        if parts.has_fragment_or_params() {
            return Err(InvalidParameter::new(
                "'artifact_location' URL can't include fragments or params.",
            ));
        }
        if decoded_fully(parts.query).contains("..") {
            return Err(InvalidParameter::new("Invalid query string"));
        }
        if parts.scheme == "runs" {
            return Err(InvalidParameter::new(format!(
                "Artifact location cannot be a runs:/ URI. Given: '{location}'"
            )));
        }
        if location.chars().count() > self.location_max_length {
            return Err(self.too_long());
        }
        check_length("artifact_location", &location, limits::STORED_ARTIFACT_LOCATION)?;
        self.check_host("artifact_location", &parts)?;
        Ok(location)
    }

    /// Refuses the source of a model version that is not as the operator wants sources to be.
    pub(crate) fn check_source_pattern(&self, source: &str) -> Result<(), InvalidParameter> {
        if self.source_pattern.as_ref().is_none_or(|pattern| pattern.is_match(source)) {
            return Ok(());
        }
        Err(InvalidParameter::new(format!("Invalid model version source: '{source}'.")))
    }

    /// Refuses the source of a model version at a host that is not the server's own.
    pub(crate) fn check_source_host(&self, source: &str) -> Result<(), InvalidParameter> {
        self.check_host("source", &Parts::of(source))
    }

    /// Whether `uri` is the same local folder as `folder_uri`, or lies in it. Links are not followed: who
    /// reads from there does not leave the folder either.
    pub(crate) fn is_local_within(&self, uri: &str, folder_uri: &str) -> bool {
        let path = |uri: &str| {
            let parts = Parts::of(uri);
            let path = if parts.scheme == "file" { parts.path() } else { uri };
            let decoded = percent_decode_str(path).decode_utf8_lossy();
            resolved(&self.current_folder.join(decoded.as_ref()))
        };
        path(uri).starts_with(path(folder_uri))
    }

    /// Refuses hosts other than those of the server's own root and destination, which a client could
    /// otherwise make the server connect to.
    fn check_host(&self, field: &str, parts: &Parts<'_>) -> Result<(), InvalidParameter> {
        let Some(host) = Host::of(parts) else { return Ok(()) };
        let scheme = &parts.scheme;
        if self.hosts.contains(&host) || self.allowed_host_schemes.contains(scheme) {
            return Ok(());
        }
        Err(InvalidParameter::new(format!(
            "'{field}' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses \
             a host other than the tracking server's configured artifact storage, so the server \
             would connect to the host named in the URI. Set the \
             MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to \
             allow it."
        )))
    }

    fn too_long(&self) -> InvalidParameter {
        InvalidParameter::new(format!(
            "Invalid artifact path length. The length of the artifact path cannot be greater than \
             {} characters. To configure this limit, please set the \
             MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.",
            self.location_max_length
        ))
    }
}

/// The URI of a run's artifacts, in an experiment's location.
pub(crate) fn of_run(experiment_location: &str, run: &RunId) -> String {
    append(experiment_location, &format!("{run}/artifacts"))
}

/// The URI of a logged model's artifacts, in an experiment's location.
pub(crate) fn of_model(experiment_location: &str, model: &str) -> String {
    append(experiment_location, &format!("models/{model}/artifacts"))
}

/// The URI of a trace's artifacts, in an experiment's location.
pub(crate) fn of_trace(experiment_location: &str, trace_id: &str) -> String {
    append(experiment_location, &format!("traces/{trace_id}/artifacts"))
}

/// Refuses a location that the server made for an experiment, or a run's URI in it, where it is wider than
/// its column. SQLite has no widths: there, only what a client chose is refused, as on the others.
pub(crate) fn check_width(
    what: &str,
    uri: &str,
    limit: usize,
    has_widths: bool,
) -> Result<(), InvalidParameter> {
    let length = uri.chars().count();
    if !has_widths || length <= limit {
        return Ok(());
    }
    Err(InvalidParameter::new(format!(
        "The {what} would be '{uri}', which has {length} characters; the database keeps {limit}. Choose a \
         shorter artifact location."
    )))
}

/// `below` under `uri`; a query string stays at the end.
pub(crate) fn append(uri: &str, below: &str) -> String {
    let is_local = Parts::of(uri).scheme.is_empty();
    let (path, query) = match uri.find('?') {
        // In a local path, a question mark is a character like any other.
        Some(index) if !is_local => uri.split_at(index),
        _ => (uri, ""),
    };
    format!("{}/{below}{query}", path.trim_end_matches('/'))
}

/// A local path, or a `file:` URI, as it is without the current folder.
fn absolute(uri: &str, current_folder: &Path) -> String {
    let parts = Parts::of(uri);
    match parts.scheme.as_str() {
        "" if !uri.starts_with('/') => joined(current_folder, uri).display().to_string(),
        "file" if !parts.rest.starts_with('/') => {
            let path = joined(current_folder, parts.rest).display().to_string();
            format!("file://{}", utf8_percent_encode(&path, NOT_IN_PATH))
        }
        _ => uri.to_owned(),
    }
}

/// `relative` below `folder`; `.` goes and `..` stays, since links may be in between.
fn joined(folder: &Path, relative: &str) -> PathBuf {
    let kept = Path::new(relative).components().filter(|part| *part != Component::CurDir);
    folder.join(kept.collect::<PathBuf>())
}

/// A path without `.` and `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut kept = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    kept
}

/// `text` with all layers of percent-encoding removed, or as many as a client could mean.
fn decoded_fully(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..10 {
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            break;
        }
        text = decoded;
    }
    text
}

/// A host that the server would connect to for a URI.
#[derive(Debug, PartialEq, Eq)]
struct Host {
    family: String,
    address: String,
}

impl Host {
    /// The host of a URI whose scheme addresses one.
    fn of(parts: &Parts<'_>) -> Option<Self> {
        if !HOST_ADDRESSED.contains(&parts.scheme.as_str()) {
            return None;
        }
        let address = parts.host().unwrap_or_default().to_ascii_lowercase();
        // Without a host, this scheme means the server that is asked.
        if parts.scheme == "mlflow-artifacts" && address.is_empty() {
            return None;
        }
        let family = if parts.scheme == "https" { "http" } else { &parts.scheme };
        Some(Self { family: family.to_owned(), address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlferry_protocol::limits;

    fn root(uri: &str) -> ArtifactRoot {
        let mut root = ArtifactRoot::new(&StoreOptions {
            allowed_host_schemes: vec!["sftp".to_owned()],
            artifacts_destination: Some("abfss://fs@own.dfs.core.windows.net/x".to_owned()),
            ..StoreOptions::new("sqlite://".to_owned(), uri.to_owned())
        })
        .unwrap();
        root.current_folder = PathBuf::from("/srv");
        root
    }

    #[test]
    fn experiments_and_runs_lie_below_the_root() {
        let run = RunId::new("r");
        for (location, expected) in [
            ("mlflow-artifacts:/8", "mlflow-artifacts:/8/r/artifacts"),
            ("s3://b", "s3://b/r/artifacts"),
            ("s3://b/x/?q=1", "s3://b/x/r/artifacts?q=1"),
            ("s3://b/x;p=1", "s3://b/x;p=1/r/artifacts"),
            ("/tmp/a?x=1", "/tmp/a?x=1/r/artifacts"),
            ("/tmp//x/", "/tmp//x/r/artifacts"),
        ] {
            assert_eq!(of_run(location, &run), expected);
        }
        for (uri, expected) in [
            ("mlflow-artifacts:/", "mlflow-artifacts:/7"),
            ("mlflow-artifacts://h:5", "mlflow-artifacts://h:5/7"),
            ("s3://b/p?x=1", "s3://b/p/7?x=1"),
            ("/abs", "/abs/7"),
            ("http://h:5000/api/e", "http://h:5000/api/e/7"),
        ] {
            assert_eq!(root(uri).of_experiment(ExperimentId(7)), expected);
        }
    }

    #[test]
    fn relative_locations_become_absolute() {
        let root = root("mlflow-artifacts:/");
        for (given, expected) in [
            ("relative/x", "/srv/relative/x"),
            ("./a/../b", "/srv/a/../b"),
            ("~/x", "/srv/~/x"),
            ("file:rel", "file:///srv/rel"),
            ("file:///tmp/q", "file:///tmp/q"),
            ("foo://x", "foo://x"),
            ("mlflow-artifacts:/../..", "mlflow-artifacts:/../.."),
            ("/tmp/a?x=1", "/tmp/a?x=1"),
        ] {
            assert_eq!(root.accept(given).unwrap(), expected);
        }
    }

    #[test]
    fn fragments_params_parents_in_the_query_and_runs_are_refused() {
        let root = root("mlflow-artifacts:/");
        for (given, message) in [
            ("s3://b/x#f", "'artifact_location' URL can't include fragments or params."),
            ("/tmp/a;b", "'artifact_location' URL can't include fragments or params."),
            ("s3://b/x?a=..%252f", "Invalid query string"),
            ("runs:/x", "Artifact location cannot be a runs:/ URI. Given: 'runs:/x'"),
        ] {
            assert_eq!(root.accept(given).unwrap_err().to_string(), message);
        }
        let refusal = |length: usize| {
            let location = format!("s3://{}", "x".repeat(length - 5));
            root.accept(&location).err().map(|error| error.to_string())
        };
        assert_eq!(refusal(limits::STORED_ARTIFACT_LOCATION - 1), None);
        assert_eq!(refusal(limits::STORED_ARTIFACT_LOCATION), None);
        let words = "'artifact_location' exceeds the maximum length of 256 characters";
        assert_eq!(refusal(limits::STORED_ARTIFACT_LOCATION + 1).as_deref(), Some(words));
        assert_eq!(refusal(limits::ARTIFACT_LOCATION).as_deref(), Some(words));
        let words = refusal(limits::ARTIFACT_LOCATION + 1).unwrap_or_default();
        assert!(words.starts_with("Invalid artifact path length."), "{words}");
    }

    #[test]
    fn widths_are_those_of_columns_where_there_are_any() {
        let refusal = |length: usize, has_widths| {
            check_width("URI", &"ü".repeat(length), 200, has_widths).err().map(|e| e.to_string())
        };
        assert_eq!(refusal(199, true), None);
        assert_eq!(refusal(200, true), None);
        assert!(refusal(201, true).unwrap_or_default().contains("201 characters"));
        assert_eq!(refusal(201, false), None);
    }

    #[test]
    fn a_root_holds_what_lies_below_it() {
        let root = root("s3://bucket/a/");
        for (location, is_held) in
            [("s3://bucket/a/1", true), ("s3://bucket/a", false), ("s3://bucket/ab/1", false)]
        {
            assert_eq!(root.holds(location), is_held, "{location}");
        }
    }

    #[test]
    fn hosts_other_than_the_servers_own_are_refused() {
        let own = root("mlflow-artifacts:/");
        for given in ["ftp://h/p", "HTTP://h/p", "mlflow-artifacts://h/p", "hdfs:/p", "b2://x"] {
            let message = own.accept(given).unwrap_err().to_string();
            assert!(message.contains("addresses a host other than"), "{given}: {message}");
        }
        assert!(own.accept("sftp://h/p").is_ok(), "the operator allows it");
        let http = root("http://Host:5000/api/2.0/mlflow-artifacts/artifacts");
        assert!(http.accept("http://user@host:5000/other").is_ok());
        assert!(http.accept("http://host:5001/other").is_err());
    }
}
