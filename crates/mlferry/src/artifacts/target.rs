//! Where a file, or all files of a folder, are copied to, or compared with.

use std::path::{Path, PathBuf};

use anyhow::Context;
use mlferry_artifacts::{ArtifactPath, Destination, RemoteDestination, Service, StoreSettings};

use super::location::{
    Found, Kind, Location, artifact_path, kind_at, local_kind, real_path, split_local,
};

/// What a target is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Files are copied to it.
    Copy,
    /// The same, but only to tell what would be done.
    DryRun,
    /// It is compared.
    Compare,
}

/// The other side of a copy or comparison.
#[derive(Debug)]
pub(super) struct Target {
    /// `None` where a folder of this machine is not there, and is not to be made.
    pub(super) service: Option<Service>,
    /// The file, where the first side is one, or the folder; `None` is the root of the service.
    pub(super) path: Option<ArtifactPath>,
    /// What is there.
    pub(super) kind: Kind,
    /// Whether what was named is there: that, or the folder into which a file goes.
    pub(super) is_named: bool,
}

/// The first side, and what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) at: &'a Location,
    pub(super) found: &'a Found,
}

impl Source<'_> {
    /// The name under which a file is put into a folder; `None` for folders.
    fn file_name(self) -> Option<String> {
        let Kind::File(_) = self.found.kind else { return None };
        // A link's own name counts, not that of what it leads to.
        let own = self.at.local().and_then(Path::file_name).and_then(|name| name.to_str());
        let name = own.or(self.found.path.as_ref().map(ArtifactPath::name));
        name.map(str::to_owned)
    }
}

impl Target {
    /// Finds it as `cp` does: a file goes into a folder that is there, or that a slash at the end names.
    pub(super) async fn find(
        to: &Location,
        from: Source<'_>,
        settings: &StoreSettings,
        purpose: Purpose,
    ) -> anyhow::Result<Self> {
        match &to.destination {
            Destination::Local(path) => Self::find_local(path, to, from, settings, purpose).await,
            Destination::Remote(remote) => {
                Self::find_remote(remote, to, from, settings, purpose).await
            }
        }
    }

    async fn find_local(
        path: &Path,
        to: &Location,
        from: Source<'_>,
        settings: &StoreSettings,
        purpose: Purpose,
    ) -> anyhow::Result<Self> {
        let kind = local_kind(path)?;
        let is_named = kind != Kind::Absent;
        let (root, file, kind) = match (from.file_name(), kind) {
            (None, Kind::File(_)) => anyhow::bail!(a_folder_to_a_file(from, to)),
            (None, kind) => (path.to_owned(), None, kind),
            (Some(name), kind) if kind == Kind::Folder || to.is_folder => {
                let file = path.join(&name);
                let name = artifact_path(None, &name).with_context(|| format!("'{}'", from.at))?;
                (path.to_owned(), Some(name), local_kind(&file)?)
            }
            (Some(_), kind) => {
                let (folder, name) = split_local(path)?;
                (folder, name, kind)
            }
        };
        refuse_folder_in_the_way(file.as_ref(), kind)?;
        if purpose != Purpose::Compare {
            let whole = file.as_ref().map_or(root.clone(), |file| root.join(file.as_str()));
            check_apart_local(&whole, to, from)?;
        }
        let destination = Destination::Local(root.clone());
        let service = match purpose {
            Purpose::Copy => Some(Service::open(&destination, settings).await?),
            _ if !root.is_dir() => None,
            _ => Some(Service::open_to_read(&destination, settings).await?),
        };
        Ok(Self { service, path: file, kind, is_named })
    }

    async fn find_remote(
        remote: &RemoteDestination,
        to: &Location,
        from: Source<'_>,
        settings: &StoreSettings,
        purpose: Purpose,
    ) -> anyhow::Result<Self> {
        let Found { service, path, kind } = to.look(remote, settings).await?;
        let is_named = kind != Kind::Absent;
        let (path, kind) = match (from.file_name(), kind) {
            (None, Kind::File(_)) => anyhow::bail!(a_folder_to_a_file(from, to)),
            (Some(name), kind) if kind == Kind::Folder || to.is_folder => {
                let file = artifact_path(path.as_ref(), &name);
                let file = file.with_context(|| format!("'{}'", from.at))?;
                let kind = kind_at(&service, &file).await;
                let kind = kind.with_context(|| format!("cannot read '{to}'"))?;
                refuse_folder_in_the_way(Some(&file), kind)?;
                (Some(file), kind)
            }
            (_, kind) => (path, kind),
        };
        if purpose != Purpose::Compare {
            check_apart_remote(&service, path.as_ref(), to, from)?;
        }
        if purpose == Purpose::Copy && remote.is_host() {
            // Uploads wait below the root: where the user may write, and where `sweep` looks.
            let (root, path) = split_host(&service, path, from.file_name().is_some())?;
            super::close(service).await;
            let service = Service::open_to_read(&Destination::Remote(root), settings).await?;
            return Ok(Self { service: Some(service), path, kind, is_named });
        }
        Ok(Self { service: Some(service), path, kind, is_named })
    }
}

/// The counterpart of `split_local`: the folder of a host that is written to as the root, and the file in it.
fn split_host(
    service: &Service,
    path: Option<ArtifactPath>,
    is_file: bool,
) -> anyhow::Result<(RemoteDestination, Option<ArtifactPath>)> {
    let remote = service.remote_destination().context("it is no host")?;
    let Some(path) = path else { return Ok((remote.clone(), None)) };
    if !is_file {
        return Ok((remote.with_root(&key(remote, Some(&path))), None));
    }
    let folder = path.folder().map(|folder| artifact_path(None, folder)).transpose()?;
    let root = remote.with_root(&key(remote, folder.as_ref()));
    Ok((root, Some(artifact_path(None, path.name())?)))
}

fn a_folder_to_a_file(from: Source<'_>, to: &Location) -> String {
    format!("'{to}' is a file, and '{}' a folder", from.at)
}

fn refuse_folder_in_the_way(file: Option<&ArtifactPath>, kind: Kind) -> anyhow::Result<()> {
    match file {
        Some(file) if kind == Kind::Folder => {
            anyhow::bail!("a folder has the name '{file}' under which the file should be stored")
        }
        _ => Ok(()),
    }
}

fn check_apart_local(whole: &Path, to: &Location, from: Source<'_>) -> anyhow::Result<()> {
    let Some(from_path) = from.at.local() else { return Ok(()) };
    let real = |path: &Path| -> anyhow::Result<PathBuf> {
        real_path(path).with_context(|| format!("cannot read '{}'", path.display()))
    };
    let (left, right) = (real(from_path)?, real(whole)?);
    let overlaps = left.starts_with(&right) || right.starts_with(&left);
    refuse_overlap(overlaps, to, from)
}

fn check_apart_remote(
    service: &Service,
    path: Option<&ArtifactPath>,
    to: &Location,
    from: Source<'_>,
) -> anyhow::Result<()> {
    let from_path = from.found.path.as_ref();
    let overlaps = match (from.found.service.remote_destination(), service.remote_destination()) {
        (Some(left), Some(right)) => {
            let is_same_store = left.at_root().below(&right.at_root()).is_some();
            is_same_store && overlap(&key(left, from_path), &key(right, path))
        }
        _ => false,
    };
    refuse_overlap(overlaps, to, from)
}

fn refuse_overlap(overlaps: bool, to: &Location, from: Source<'_>) -> anyhow::Result<()> {
    let from = from.at;
    anyhow::ensure!(!overlaps, "'{from}' and '{to}' are the same, or one is inside the other");
    Ok(())
}

fn key(destination: &RemoteDestination, path: Option<&ArtifactPath>) -> String {
    let names = [destination.root(), path.map_or("", ArtifactPath::as_str)];
    names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join("/")
}

/// Whether two keys are the same, or one is a folder that holds the other.
fn overlap(left: &str, right: &str) -> bool {
    let holds = |folder: &str, key: &str| {
        let below = key.strip_prefix(folder);
        folder.is_empty() || below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    holds(left, right) || holds(right, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_overlap_when_one_holds_the_other() {
        for (left, right, expected) in [
            ("", "a", true),
            ("a", "a", true),
            ("a/b", "a", true),
            ("a", "a/b", true),
            ("a", "ab", false),
            ("a/b", "a/c", false),
        ] {
            assert_eq!(overlap(left, right), expected, "{left} {right}");
        }
    }
}
