//! `mlferry backup` and `mlferry restore`: a SQLite database and a local artifact destination, copied while servers run and
//! brought back.
//!
//! The database is copied first. Records point to artifacts and never the other way, and an artifact is stored before a
//! record that needs it: what the copied records point to is there when the files are copied afterwards.

mod files;
mod list;
mod make;
mod manifest;
mod place;
mod restore;

use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use mlferry_artifacts::{Destination, Service};
use mlferry_store::{CopyPurpose, SqliteFile};

use crate::options::places::StoreFlags;
use crate::runtime::block_on;
use crate::signals::StopSignals;
use crate::usage::Stop;
use place::Staging;

/// The flags of `mlferry backup`.
#[derive(Args, Debug)]
pub(crate) struct BackupFlags {
    /// Folder that the backup becomes; it must not be there yet
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    #[command(flatten)]
    stores: StoreFlags,

    /// Copy the artifacts, too, from a destination that is a folder of this machine
    #[arg(long)]
    artifacts: bool,
}

/// The flags of `mlferry restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreFlags {
    /// Folder that `mlferry backup` made
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    #[command(flatten)]
    stores: StoreFlags,

    /// Leave the artifacts of the backup where they are
    #[arg(long)]
    database_only: bool,

    /// Put the backup in the place of a database or of artifacts that are there; these are kept beside it
    #[arg(long)]
    force: bool,
}

/// Makes a backup.
pub(crate) fn backup(flags: &BackupFlags) -> Result<(), Stop> {
    let uri = flags.stores.database()?;
    let staging = Staging::default();
    block_on(async {
        let database = SqliteFile::of(&uri, CopyPurpose::Backup)?;
        let artifacts = flags.artifacts.then(|| local_folder(&flags.stores)).transpose()?;
        let making = make::make(&flags.folder, &database, artifacts.as_deref(), &staging);
        until_stopped(making).await
    })
}

/// Brings a backup back.
pub(crate) fn restore(flags: &RestoreFlags) -> Result<(), Stop> {
    let uri = flags.stores.database()?;
    let staging = Staging::default();
    block_on(async {
        let database = SqliteFile::of(&uri, CopyPurpose::Restore)?;
        until_stopped(restore::restore(flags, &database, &staging)).await
    })
}

/// Does the work, unless the operator ends it before. What is dropped then leaves nothing.
async fn until_stopped(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut signals = StopSignals::new()?;
    tokio::select! {
        done = work => done,
        how = signals.next() => anyhow::bail!("{how}; nothing is left of what was begun"),
    }
}

/// The artifact destination, which must be a folder of this machine.
fn local_folder(stores: &StoreFlags) -> anyhow::Result<PathBuf> {
    match stores.destination()? {
        Destination::Local(path) => Ok(path),
        remote @ Destination::Remote(_) => anyhow::bail!(
            "the artifact destination '{remote}' is no folder of this machine: use the versioning or the replication of the \
             store, or copy it with `mlferry artifacts cp`"
        ),
    }
}

/// Opens a folder of this machine for files to be put into it.
async fn open_to_write(folder: &Path) -> anyhow::Result<Service> {
    let destination = Destination::Local(folder.to_owned());
    Ok(Service::open(&destination, &mlferry_artifacts::StoreSettings::default()).await?)
}

/// Opens a folder of this machine whose files are read.
async fn open_to_read(folder: &Path) -> anyhow::Result<Service> {
    let destination = Destination::Local(folder.to_owned());
    Ok(Service::open_to_read(&destination, &mlferry_artifacts::StoreSettings::default()).await?)
}

/// An absolute path, that of the end of a link where it is one, and the folder that it is in.
fn located(path: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let path = match std::fs::canonicalize(path) {
        Ok(path) => path,
        Err(_) => std::path::absolute(path).context("cannot tell the current folder")?,
    };
    let parent = path.parent().with_context(|| format!("'{}' names no file", path.display()))?;
    let parent = parent.to_owned();
    Ok((path, parent))
}
