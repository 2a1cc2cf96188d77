//! From what a person types to a destination, and a file or folder in it.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use mlferry_artifacts::{
    ArtifactError, ArtifactPath, Destination, DestinationError, ListOptions, PathError,
    RemoteDestination, Service, StoreSettings, Wanted,
};

/// A destination, or a folder or file in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) destination: Destination,
    /// Whether a slash at the end says that a folder is meant.
    pub(super) is_folder: bool,
}

/// What is at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file, and its bytes.
    File(u64),
    /// A folder, perhaps an empty one.
    Folder,
    /// Nothing.
    Absent,
}

/// A location that was looked at.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) service: Service,
    /// Where in the service; `None` is its root.
    pub(super) path: Option<ArtifactPath>,
    pub(super) kind: Kind,
}

impl Location {
    /// Reads a path or URI.
    pub(super) fn parse(text: &str) -> Result<Self, DestinationError> {
        let destination = match Destination::parse(text)? {
            // On a command line, paths are what the shell completes; only URIs have percent sequences.
            Destination::Local(_) if !is_file_uri(text) => Destination::Local(text.into()),
            destination => destination,
        };
        Ok(Self { destination, is_folder: text.ends_with('/') })
    }

    /// Looks at what is there, and makes nothing.
    pub(super) async fn find(&self, settings: &StoreSettings) -> anyhow::Result<Found> {
        let found = match &self.destination {
            Destination::Local(path) => self.find_local(path, settings).await?,
            Destination::Remote(remote) => Some(self.look(remote, settings).await?),
        };
        match found {
            Some(found) if found.kind != Kind::Absent => Ok(found),
            _ => anyhow::bail!("there is nothing at '{self}'"),
        }
    }

    async fn find_local(
        &self,
        path: &Path,
        settings: &StoreSettings,
    ) -> anyhow::Result<Option<Found>> {
        let kind = local_kind(path)?;
        let real = match kind {
            Kind::Absent => return Ok(None),
            // A link may lead anywhere, when it is named itself.
            Kind::File(_) | Kind::Folder => fs::canonicalize(path),
        };
        let real = real.with_context(|| format!("cannot read '{self}'"))?;
        let (folder, path) = match kind {
            Kind::File(_) => split_local(&real)?,
            Kind::Folder | Kind::Absent => (real, None),
        };
        let service = Service::open_to_read(&Destination::Local(folder), settings).await?;
        Ok(Some(Found { service, path, kind }))
    }

    /// Looks at a place in a store, which may be absent.
    pub(super) async fn look(
        &self,
        remote: &RemoteDestination,
        settings: &StoreSettings,
    ) -> anyhow::Result<Found> {
        let (root, path) = split_remote(remote);
        let service = Service::open_to_read(&Destination::Remote(root), settings).await?;
        let kind = self.kind_of(&service, path.as_ref()).await;
        let kind = kind.with_context(|| format!("cannot read '{self}'"))?;
        Ok(Found { service, path, kind })
    }

    async fn kind_of(
        &self,
        service: &Service,
        path: Option<&ArtifactPath>,
    ) -> Result<Kind, ArtifactError> {
        let Some(path) = path else {
            // Asked at once, so that a store which can't be reached is one error.
            is_filled(service, None).await?;
            return Ok(Kind::Folder);
        };
        if self.is_folder {
            let is_filled = is_filled(service, Some(path)).await?;
            return Ok(if is_filled { Kind::Folder } else { Kind::Absent });
        }
        kind_at(service, path).await
    }

    /// Whether it is in S3, or in what speaks its language.
    pub(super) fn is_s3(&self) -> bool {
        self.has_scheme(&["s3", "s3a", "r2", "b2"])
    }

    /// Whether it is in Azure.
    pub(super) fn is_azure(&self) -> bool {
        self.has_scheme(&["wasb", "wasbs", "abfs", "abfss"])
    }

    fn has_scheme(&self, schemes: &[&str]) -> bool {
        let Destination::Remote(remote) = &self.destination else { return false };
        let uri = remote.to_string();
        let scheme = uri.split(':').next().unwrap_or_default();
        schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    }

    /// The folder of this machine that it is.
    pub(super) fn local(&self) -> Option<&Path> {
        match &self.destination {
            Destination::Local(path) => Some(path),
            Destination::Remote(_) => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.destination.fmt(f)
    }
}

/// What a path of a service is.
pub(super) async fn kind_at(service: &Service, path: &ArtifactPath) -> Result<Kind, ArtifactError> {
    match service.get(path.clone(), Wanted::Some).await {
        Ok(artifact) => Ok(Kind::File(artifact.metadata().size)),
        Err(ArtifactError::IsFolder(_)) => Ok(Kind::Folder),
        Err(ArtifactError::NotFound(_)) => Ok(Kind::Absent),
        Err(error) => Err(error),
    }
}

async fn is_filled(
    service: &Service,
    folder: Option<&ArtifactPath>,
) -> Result<bool, ArtifactError> {
    let options = ListOptions { max_results: Some(1), ..ListOptions::default() };
    Ok(!service.list(folder.cloned(), options).await?.entries.is_empty())
}

/// What a path of this machine is.
pub(super) fn local_kind(path: &Path) -> anyhow::Result<Kind> {
    let kind = |metadata: Metadata| match metadata {
        metadata if metadata.is_dir() => Ok(Kind::Folder),
        metadata if metadata.is_file() => Ok(Kind::File(metadata.len())),
        _ => Err(anyhow::anyhow!("'{}' is neither a file nor a folder", path.display())),
    };
    match fs::metadata(path) {
        Ok(metadata) => kind(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Absent),
        Err(error) => Err(error).with_context(|| format!("cannot read '{}'", path.display())),
    }
}

/// A file's folder, and its name in it.
pub(super) fn split_local(path: &Path) -> anyhow::Result<(PathBuf, Option<ArtifactPath>)> {
    let Some(name) = path.file_name() else {
        anyhow::bail!("'{}' names no file", path.display());
    };
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = name.to_str().with_context(|| format!("'{}' is not UTF-8", path.display()))?;
    Ok((folder, Some(artifact_path(None, name)?)))
}

/// The store as a whole, and what is meant in it. What no artifact path can say is a root of its own.
pub(super) fn split_remote(
    remote: &RemoteDestination,
) -> (RemoteDestination, Option<ArtifactPath>) {
    match ArtifactPath::parse(remote.root()) {
        Ok(path) if path.as_str() == remote.root() => (remote.at_root(), Some(path)),
        _ => (remote.clone(), None),
    }
}

/// The path of a file below a folder; an error says that no artifact may have its name.
pub(super) fn artifact_path(
    folder: Option<&ArtifactPath>,
    below: &str,
) -> Result<ArtifactPath, BadName> {
    let below = ArtifactPath::parse_file(below).map_err(BadName)?;
    Ok(match folder {
        Some(folder) => folder.join(&below),
        None => below,
    })
}

/// A name that no artifact may have.
#[derive(Debug)]
pub(super) struct BadName(PathError);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no artifact may have its name ({})", self.0)
    }
}

impl std::error::Error for BadName {}

/// A path of this machine without links, as far as it is there.
pub(super) fn real_path(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut there = absolute.as_path();
    let mut rest = Vec::new();
    loop {
        match fs::canonicalize(there) {
            Ok(mut real) => {
                real.extend(rest.iter().rev());
                return Ok(real);
            }
            Err(error) => match (there.parent(), there.file_name()) {
                (Some(parent), Some(name)) => {
                    rest.push(name);
                    there = parent;
                }
                _ => return Err(error),
            },
        }
    }
}

fn is_file_uri(text: &str) -> bool {
    text.get(.."file:".len()).is_some_and(|it| it.eq_ignore_ascii_case("file:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> (String, Option<String>) {
        let Destination::Remote(remote) = Location::parse(text).unwrap().destination else {
            panic!("{text} is local");
        };
        let (root, path) = split_remote(&remote);
        (root.to_string(), path.map(|path| path.to_string()))
    }

    #[test]
    fn a_place_in_a_store_is_split_into_the_store_and_a_path() {
        for (text, root, path) in [
            ("s3://b", "s3://b", None),
            ("s3://b/", "s3://b/", None),
            ("s3://b/a.txt", "s3://b/", Some("a.txt")),
            ("s3://b/x y/ü%20/a+b.txt", "s3://b/", Some("x y/ü%20/a+b.txt")),
            ("gs://b/a/", "gs://b/", Some("a")),
            (
                "wasbs://c@a.blob.core.windows.net/a/b",
                "wasbs://c@a.blob.core.windows.net/",
                Some("a/b"),
            ),
            (
                "mlflow-artifacts://h:1/a",
                "http://h:1/api/2.0/mlflow-artifacts/artifacts",
                Some("a"),
            ),
            ("s3://b/x%2e%2e/%2e%2e", "s3://b/x%2e%2e/%2e%2e", None),
            ("s3://b/a%23b", "s3://b/a%23b", None),
        ] {
            let expected = (root.to_owned(), path.map(str::to_owned));
            assert_eq!(remote(text), expected, "{text}");
        }
    }

    #[test]
    fn a_local_path_is_taken_as_it_is_and_a_uri_is_decoded() {
        for (text, path, is_folder) in [
            ("a%20b", "a%20b", false),
            ("./a:b/", "./a:b/", true),
            ("/srv/x", "/srv/x", false),
            ("file:///srv/a%20b", "/srv/a b", false),
            ("FILE:/srv/a%20b/", "/srv/a b/", true),
        ] {
            let expected = Location { destination: Destination::Local(path.into()), is_folder };
            assert_eq!(Location::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_local_file_is_split_into_its_folder_and_its_name() {
        for (text, folder, name) in [("a.txt", ".", "a.txt"), ("/x/y/a b", "/x/y", "a b")] {
            let (found, path) = split_local(Path::new(text)).unwrap();
            let path = path.unwrap();
            assert_eq!((found.as_path(), path.as_str()), (Path::new(folder), name));
        }
        assert!(split_local(Path::new("/")).is_err());
        let refused = split_local(Path::new("/x/a#b")).unwrap_err().to_string();
        assert!(refused.contains("no artifact may have its name"), "{refused}");
    }

    #[test]
    fn passwords_are_not_shown() {
        let location = Location::parse("sftp://me:secret@h/x").unwrap();
        assert_eq!(location.to_string(), "sftp://me:***@h/x");
    }

    #[test]
    fn only_buckets_of_s3_are_in_s3() {
        for (text, expected) in
            [("s3://b/x", true), ("S3A://b", true), ("gs://s3", false), ("s3", false)]
        {
            assert_eq!(Location::parse(text).unwrap().is_s3(), expected, "{text}");
        }
    }

    #[test]
    fn a_real_path_may_end_in_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(folder.path()).unwrap();
        let found = real_path(&folder.path().join("a/b")).unwrap();
        assert_eq!(found, real.join("a/b"));
    }
}
