//! The URIs that model versions may come from, taken apart as the reference does.

use crate::uri_parts::Parts;
use mlferry_protocol::InvalidParameter;
use percent_encoding::percent_decode_str;

/// Where servers of MLflow keep artifacts, as a path below their address.
const ROUTE: [&str; 4] = ["api", "2.0", "mlflow-artifacts", "artifacts"];

/// The kinds of sources that are looked at differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// A file or folder of the machine itself.
    Local,
    /// `runs:/id/path`.
    Runs,
    /// `models:/…`.
    Models,
    /// What a server of MLflow keeps.
    Proxied,
    /// Anything else.
    Other,
}

impl SourceKind {
    /// The kind of a source. Files of other hosts are refused.
    pub(crate) fn of(source: &str) -> Result<Self, InvalidParameter> {
        let parts = Parts::of(source);
        Ok(match parts.scheme.as_str() {
            "file" if is_remote(&parts) => {
                return Err(InvalidParameter::new(format!(
                    "{source} is not a valid remote uri. For remote access on windows, please consider \
                     using a different scheme such as SMB (e.g. smb://<hostname>/<path>)."
                )));
            }
            "" | "file" => Self::Local,
            "runs" => Self::Runs,
            "models" => Self::Models,
            "mlflow-artifacts" => Self::Proxied,
            "http" | "https" => {
                let path: Vec<_> = names(&parts).collect();
                let is_route = path.windows(ROUTE.len()).any(|part| part == ROUTE);
                if is_route { Self::Proxied } else { Self::Other }
            }
            _ => Self::Other,
        })
    }
}

fn is_remote(parts: &Parts<'_>) -> bool {
    let host = parts.host().unwrap_or_default().to_ascii_lowercase();
    let own = [".", "localhost", "127.0.0.1"];
    !host.is_empty() && !own.iter().any(|own| host.starts_with(own))
}

/// Refuses a source whose path is not plainly absolute: in several layers of encoding, it could lead elsewhere.
pub(crate) fn check_absolute(source: &str) -> Result<(), InvalidParameter> {
    let decoded = until_same(source, |text| unquoted(&text.replace('+', " ")));
    let path = Parts::of(&decoded).path().trim_end_matches('/');
    let is_absolute = path.starts_with('/') && !path.split('/').any(|name| name == ".");
    if is_absolute && !path.contains('\0') && !decoded.split('/').any(|name| name == "..") {
        return Ok(());
    }
    Err(InvalidParameter::new(format!(
        "Invalid model version source: '{source}'. If supplying a source as an http, https, local file path, \
         ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path \
         references present. Please provide an absolute path."
    )))
}

fn unquoted(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Decodes `text` until that changes nothing more.
fn until_same(text: &str, decode: impl Fn(&str) -> String) -> String {
    let mut decoded = text.to_owned();
    loop {
        let next = decode(&decoded);
        if next == decoded {
            return decoded;
        }
        decoded = next;
    }
}

/// The names of a path, with all layers of encoding removed.
fn names(parts: &Parts<'_>) -> impl Iterator<Item = String> {
    let names = parts.path().split('/').filter(|name| !name.is_empty());
    names.map(|name| until_same(name, unquoted))
}

/// Whether a source is `root`, or lies below it.
pub(crate) fn is_within(source: &str, root: &str) -> bool {
    let (source, root) = (Parts::of(source), Parts::of(root));
    let authority = |parts: &Parts<'_>| parts.authority().unwrap_or_default().to_lowercase();
    let names_of_root: Vec<_> = names(&root).collect();
    source.scheme == root.scheme
        && authority(&source) == authority(&root)
        && !names_of_root.is_empty()
        && names(&source).take(names_of_root.len()).eq(names_of_root)
}

fn has_authority(parts: &Parts<'_>) -> bool {
    parts.authority().is_some_and(|authority| !authority.is_empty())
}

/// The run that a `runs:` URI names.
pub(crate) fn run_of(source: &str) -> Option<&str> {
    let parts = Parts::of(source);
    if has_authority(&parts) {
        return None;
    }
    run_and_path(&parts).map(|(run, _)| run)
}

/// The run of a `runs:` URI, and the path of the artifact in it, which may be empty.
fn run_and_path<'a>(parts: &Parts<'a>) -> Option<(&'a str, &'a str)> {
    let path = parts.path().strip_prefix('/')?;
    let (run, below) = path.split_once('/').unwrap_or((path, ""));
    (!run.is_empty()).then_some((run, below))
}

/// Where a location leads that is no place of its own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pointer<'a> {
    /// Into the artifacts of a run.
    Run { run: &'a str, path: &'a str },
    /// To a logged model, or a version of a registered one.
    Model(ModelsUri<'a>),
}

impl<'a> Pointer<'a> {
    /// Where a location leads; nothing where it is a place.
    pub(crate) fn of(location: &'a str) -> Result<Option<Self>, InvalidParameter> {
        let parts = Parts::of(location);
        match parts.scheme.as_str() {
            "runs" => Ok(run_and_path(&parts).map(|(run, path)| Self::Run { run, path })),
            "models" => ModelsUri::parse(location).map(|uri| Some(Self::Model(uri))),
            _ => Ok(None),
        }
    }
}

/// What a `models:` URI names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ModelsUri<'a> {
    /// A logged model, by its id.
    LoggedModel(&'a str),
    /// A version by its number, which may have too many digits.
    Version { name: &'a str, version: &'a str },
    /// A version by an alias.
    Alias { name: &'a str, alias: &'a str },
    /// The newest version of a stage, if it is one.
    Stage { name: &'a str, stage: &'a str },
    /// The newest version.
    Latest { name: &'a str },
}

impl<'a> ModelsUri<'a> {
    /// Reads a URI of this registry.
    pub(crate) fn parse(uri: &'a str) -> Result<Self, InvalidParameter> {
        let parts = Parts::of(uri);
        if has_authority(&parts) {
            return Err(InvalidParameter::new(format!(
                "Invalid model version source: '{uri}'. Registered model sources must use the active model \
                 registry."
            )));
        }
        let read = || {
            // A fragment is part of a name here.
            let path = parts.rest.split('?').next()?;
            let path = path.strip_prefix('/')?.trim_start_matches('/');
            match path.split_once('/') {
                None => Self::of_one_name(path),
                Some((name, suffix)) => Self::of_name_and_suffix(name, suffix),
            }
        };
        read().ok_or_else(|| no_such_resource(uri, "model_id"))
    }

    fn of_one_name(text: &'a str) -> Option<Self> {
        match text.rsplit_once('@') {
            _ if is_blank(text) => None,
            None => Some(Self::LoggedModel(text)),
            Some((name, alias)) => (!is_blank(alias)).then_some(Self::Alias { name, alias }),
        }
    }

    fn of_name_and_suffix(name: &'a str, suffix: &'a str) -> Option<Self> {
        if is_blank(name) || is_blank(suffix) || suffix.contains('/') {
            return None;
        }
        Some(if suffix.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Version { name, version: suffix }
        } else if suffix.to_lowercase() == "latest" {
            Self::Latest { name }
        } else {
            Self::Stage { name, stage: suffix }
        })
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// A source that is not that of the run or model which the request names.
pub(crate) fn no_such_resource(source: &str, parameter: &str) -> InvalidParameter {
    InvalidParameter::new(format!(
        "Invalid model version source: '{source}'. The {parameter} request parameter must identify the \
         resource that contains the source."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_must_be_plainly_absolute() {
        for good in
            ["s3://b/x", "s3://b/x/", "s3://b//x", "runs:/r/m", "http://h/a%20b?x=1", "s3://b/a+b"]
        {
            assert!(check_absolute(good).is_ok(), "{good}");
        }
        for bad in [
            "s3://b/../x",
            "s3://b/x/..",
            "s3://b/%2e%2e/x",
            "s3://b/%252e%252e%252fx",
            "s3://b/./x",
            "s3://b",
            "s3://b/",
            "s3:x",
            "http://h/x?a=/../y",
            "http://h/x%00",
        ] {
            assert!(check_absolute(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_lies_below_a_root_is_told_by_whole_names() {
        let root = "mlflow-artifacts:/1/R/artifacts";
        assert!(is_within("mlflow-artifacts:/1/R/artifacts", root));
        assert!(is_within("mlflow-artifacts:/1//R/art%69facts/m", root));
        for outside in [
            "mlflow-artifacts:/1/R/artifacts-2",
            "mlflow-artifacts:/1/R",
            "mlflow-artifacts://h/1/R/artifacts",
            "http:/1/R/artifacts",
        ] {
            assert!(!is_within(outside, root), "{outside}");
        }
        assert!(!is_within("mlflow-artifacts:/1", "mlflow-artifacts:/"));
    }

    #[test]
    fn sources_are_told_apart() {
        for (source, kind) in [
            ("/tmp/x", SourceKind::Local),
            ("x", SourceKind::Local),
            ("file:///x", SourceKind::Local),
            ("file://localhost/x", SourceKind::Local),
            ("runs:/r/x", SourceKind::Runs),
            ("models:/m/1", SourceKind::Models),
            ("mlflow-artifacts:/x", SourceKind::Proxied),
            ("https://h/p/api/2.0/mlflow-artifacts/artifacts/x", SourceKind::Proxied),
            ("https://h/api/2.0/mlflow%2Dartifacts/artifacts/x", SourceKind::Proxied),
            ("https://h/x", SourceKind::Other),
            ("S3://b/x", SourceKind::Other),
        ] {
            assert_eq!(SourceKind::of(source), Ok(kind), "{source}");
        }
        assert!(SourceKind::of("file://host/x").is_err());
    }

    #[test]
    fn a_models_uri_names_a_model_or_a_version() {
        let parse = |uri: &'static str| ModelsUri::parse(uri).ok();
        assert_eq!(parse("models:/m-1"), Some(ModelsUri::LoggedModel("m-1")));
        assert_eq!(
            parse("models:/a b/12"),
            Some(ModelsUri::Version { name: "a b", version: "12" })
        );
        assert_eq!(parse("models:/m/LATEST"), Some(ModelsUri::Latest { name: "m" }));
        assert_eq!(
            parse("models:/m/Staging"),
            Some(ModelsUri::Stage { name: "m", stage: "Staging" })
        );
        assert_eq!(parse("models:/a@b@c"), Some(ModelsUri::Alias { name: "a@b", alias: "c" }));
        for bad in
            ["models:/", "models:m", "models:/m/1/x", "models:/m/", "models:/m@ ", "models://h/m/1"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_location_may_point_into_a_run() {
        assert_eq!(Pointer::of("runs:/r/a/b"), Ok(Some(Pointer::Run { run: "r", path: "a/b" })));
        assert_eq!(Pointer::of("runs:/r"), Ok(Some(Pointer::Run { run: "r", path: "" })));
        assert_eq!(Pointer::of("s3://b/x"), Ok(None));
        assert_eq!(run_of("runs://h/r/a"), None);
    }
}
