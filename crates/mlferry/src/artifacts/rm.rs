//! `mlferry artifacts rm`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use futures_util::TryStreamExt;
use mlferry_artifacts::{
    ArtifactPath, Destination, ListOptions, RemoteDestination, STAGING_FOLDER, Service,
    StoreSettings,
};

use super::du::Weight;
use super::entries::files;
use super::location::{Found, Kind, Location, artifact_path, kind_at, split_local};
use super::output::{Output, counted, shown};
use crate::units::format_bytes;

/// The flags of `mlferry artifacts rm`.
#[derive(Args, Debug)]
pub(super) struct RmFlags {
    /// What is removed.
    #[arg(
        value_name = "DEST",
        help = "File or folder to remove: a path, or a URI such as s3://bucket/folder/file"
    )]
    pub(super) at: String,

    /// Remove a folder with all that is in it
    #[arg(long, short)]
    recursive: bool,

    /// With --recursive: empty a whole bucket or destination
    #[arg(long)]
    all: bool,

    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Removes a file or folder.
pub(super) async fn run(
    flags: &RmFlags,
    at: Location,
    settings: StoreSettings,
) -> anyhow::Result<()> {
    let found = match &at.destination {
        Destination::Local(path) => find_local(flags, path, &at, &settings).await?,
        Destination::Remote(remote) => find_remote(flags, remote, &at, &settings).await?,
    };
    let done = match &found.path {
        Some(path) if matches!(found.kind, Kind::File(_)) => {
            remove_file(flags, &found, path, &at).await
        }
        _ => remove_folder(flags, &found, &at).await,
    };
    super::close(found.service).await;
    done
}

async fn find_remote(
    flags: &RmFlags,
    remote: &RemoteDestination,
    at: &Location,
    settings: &StoreSettings,
) -> anyhow::Result<Found> {
    if remote.root().is_empty() {
        check_whole(flags, at)?;
    }
    let found = at.find(settings).await?;
    if found.kind == Kind::Folder {
        check_recursive(flags, at)?;
    }
    if let (true, Kind::Folder, Some(path)) = (at.is_folder, found.kind, &found.path) {
        let kind = kind_at(&found.service, path).await;
        let kind = kind.with_context(|| format!("cannot read '{at}'"))?;
        anyhow::ensure!(
            !matches!(kind, Kind::File(_)),
            "'{at}' shares its name with a file, which would go, too; leave the slash at the end out to remove both"
        );
    }
    Ok(found)
}

/// Looks at a path without following a link at its end: the link itself would be removed.
async fn find_local(
    flags: &RmFlags,
    path: &Path,
    at: &Location,
    settings: &StoreSettings,
) -> anyhow::Result<Found> {
    // With a slash at its end, the system would follow it nevertheless.
    let bare = path.components().as_path();
    let metadata = match fs::symlink_metadata(bare) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            anyhow::bail!("there is nothing at '{at}'")
        }
        metadata => metadata.with_context(|| format!("cannot read '{at}'"))?,
    };
    anyhow::ensure!(
        metadata.is_dir() || bare.as_os_str() == path.as_os_str(),
        "'{at}' is a file or a link; leave the slash at the end out to remove it"
    );
    let real = |path: &Path| -> anyhow::Result<PathBuf> {
        fs::canonicalize(path).with_context(|| format!("cannot read '{}'", path.display()))
    };
    let (folder, path, kind) = if metadata.is_dir() {
        check_recursive(flags, at)?;
        let real = real(path)?;
        anyhow::ensure!(real.parent().is_some(), "'/' is not removed by mlferry");
        let (parent, path) = split_local(&real)?;
        if is_whole(&real)? {
            check_whole(flags, at)?;
            (real, None, Kind::Folder)
        } else {
            (parent, path, Kind::Folder)
        }
    } else {
        let (folder, path) = split_local(path)?;
        (real(&folder)?, path, Kind::File(metadata.len()))
    };
    let service = Service::open_to_read(&Destination::Local(folder), settings).await?;
    Ok(Found { service, path, kind })
}

/// Whether a folder is one that people hardly mean: the working directory, one above it, or what a server uses.
fn is_whole(folder: &Path) -> anyhow::Result<bool> {
    let current = std::env::current_dir().context("cannot tell the working directory")?;
    // It is there while a server keeps artifacts in the folder.
    let is_served = fs::symlink_metadata(folder.join(STAGING_FOLDER)).is_ok();
    Ok(current.starts_with(folder) || is_served)
}

fn check_whole(flags: &RmFlags, at: &Location) -> anyhow::Result<()> {
    anyhow::ensure!(
        flags.recursive && flags.all,
        "'{at}' is a whole destination; only --recursive --all empties it"
    );
    Ok(())
}

fn check_recursive(flags: &RmFlags, at: &Location) -> anyhow::Result<()> {
    anyhow::ensure!(
        flags.recursive,
        "'{at}' is a folder; --recursive removes it with all that is in it"
    );
    Ok(())
}

async fn remove_file(
    flags: &RmFlags,
    found: &Found,
    path: &ArtifactPath,
    at: &Location,
) -> anyhow::Result<()> {
    let below = ListOptions { max_results: Some(1), ..ListOptions::default() };
    // In a store, a file and a folder may have the same name, and both would be removed. A link is none.
    let is_folder_too = found.service.remote_destination().is_some()
        && !found.service.list(Some(path.clone()), below).await?.entries.is_empty();
    if is_folder_too {
        check_recursive(flags, at)?;
        return remove_folder(flags, found, at).await;
    }
    if !flags.dry_run {
        found.service.delete(path.clone()).await?;
    }
    let verb = if flags.dry_run { "Would remove" } else { "Removed" };
    let mut output = Output::new();
    output.line(format!("{verb} '{}'.", shown(&at.to_string())))?;
    Ok(output.flush()?)
}

async fn remove_folder(flags: &RmFlags, found: &Found, at: &Location) -> anyhow::Result<()> {
    let mut output = Output::new();
    let weight = weigh(flags, found, at, &mut output).await?;
    if !flags.dry_run {
        for path in paths(found).await? {
            found.service.delete(path).await?;
        }
    }
    let verb = if flags.dry_run { "Would remove" } else { "Removed" };
    let (files, bytes) = (counted(weight.files, "file"), format_bytes(weight.bytes));
    output.line(format!("{verb} {files} of {bytes} at '{}'.", shown(&at.to_string())))?;
    Ok(output.flush()?)
}

async fn weigh(
    flags: &RmFlags,
    found: &Found,
    at: &Location,
    output: &mut Output,
) -> anyhow::Result<Weight> {
    let mut weight = Weight::default();
    if let Kind::File(bytes) = found.kind {
        weight += Weight { files: 1, bytes };
        if flags.dry_run {
            output.line(format!("would remove '{}'", shown(&at.to_string())))?;
        }
    }
    let folder =
        Found { service: found.service.clone(), path: found.path.clone(), kind: Kind::Folder };
    let mut pages = files(&folder, at);
    while let Some(page) = pages.try_next().await? {
        for (path, bytes) in page {
            weight += Weight { files: 1, bytes };
            if flags.dry_run {
                output.line(format!("would remove '{}'", shown(&path)))?;
            }
        }
    }
    Ok(weight)
}

/// What is deleted: the folder itself, or all that is in a root.
async fn paths(found: &Found) -> anyhow::Result<Vec<ArtifactPath>> {
    if let Some(path) = &found.path {
        return Ok(vec![path.clone()]);
    }
    let listing = found.service.list(None, ListOptions::default()).await?;
    let mut paths = Vec::new();
    for entry in listing.entries {
        let path = artifact_path(None, &entry.path);
        paths.push(path.with_context(|| format!("'{}'", shown(&entry.path)))?);
    }
    // A file and a folder may have the same name.
    paths.dedup();
    Ok(paths)
}
