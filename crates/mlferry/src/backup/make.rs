//! A backup is made beside its place, and gets its name when all of it is durable.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::Context;
use mlferry_store::SqliteFile;

use super::files;
use super::manifest::{ARTIFACTS, ArtifactsPart, DATABASE, DatabasePart, LIST, Manifest};
use super::place::{Renames, Staging, flush_folder};
use super::{located, open_to_read, open_to_write};
use crate::artifacts::{counted, tell_unlisted_below};
use crate::units::format_bytes;

/// Backups hold what is in the database, webhooks and secrets included.
const OWNER_ONLY: u32 = 0o700;

/// Copies the database, and then the artifacts.
pub(super) async fn make(
    folder: &Path,
    database: &SqliteFile,
    artifacts: Option<&Path>,
    staging: &Staging,
) -> anyhow::Result<()> {
    let (target, parent) = located(folder)?;
    anyhow::ensure!(
        !target.try_exists()?,
        "'{}' is there already: name a folder that is not",
        folder.display()
    );
    if let Some(artifacts) = artifacts {
        check_apart(&parent, artifacts)?;
    }
    let staged = staging.beside(&target);
    let cannot_write = || format!("cannot write to '{}'", parent.display());
    DirBuilder::new().mode(OWNER_ONLY).create(&staged).with_context(cannot_write)?;
    let time = jiff::Timestamp::now();
    let database = copy_database(database, &staged).await?;
    println!("Copied the database of {} ({}).", format_bytes(database.bytes), database.words());
    let artifacts = match artifacts {
        Some(from) => Some(copy_artifacts(from, &staged).await?),
        None => None,
    };
    Manifest::new(time.to_string(), database, artifacts).write(&staged)?;
    flush_folder(&staged).with_context(cannot_write)?;
    let mut renames = Renames::default();
    let named = renames.rename(&staged, &target).and_then(|()| renames.keep());
    named.with_context(|| format!("cannot give the backup its name '{}'", folder.display()))?;
    println!("The backup is in '{}'.", folder.display());
    Ok(())
}

/// Refuses a backup within the artifacts that it would copy.
fn check_apart(parent: &Path, artifacts: &Path) -> anyhow::Result<()> {
    let real = |path: &Path| {
        fs::canonicalize(path).with_context(|| format!("cannot find '{}'", path.display()))
    };
    let is_within = real(parent)?.starts_with(real(artifacts)?);
    anyhow::ensure!(
        !is_within,
        "the backup would be within the artifacts in '{}': name a folder elsewhere",
        artifacts.display()
    );
    Ok(())
}

async fn copy_database(database: &SqliteFile, folder: &Path) -> anyhow::Result<DatabasePart> {
    let copy = folder.join(DATABASE);
    let contents = database.copy(&copy).await?;
    let weighed = tokio::task::spawn_blocking({
        let copy = copy.clone();
        move || files::weigh(&copy)
    });
    let (bytes, sha256) =
        weighed.await?.with_context(|| format!("cannot read '{}'", copy.display()))?;
    Ok(DatabasePart::new(bytes, sha256, contents))
}

async fn copy_artifacts(from: &Path, folder: &Path) -> anyhow::Result<ArtifactsPart> {
    tell_unlisted_below(from).await?;
    let source = open_to_read(from).await?;
    let target = open_to_write(&folder.join(ARTIFACTS)).await?;
    let copied = files::copy_all(&source, &target, &folder.join(LIST)).await?;
    target.close().await;
    println!("Copied {} of {}.", counted(copied.files, "artifact"), format_bytes(copied.bytes));
    Ok(copied)
}
