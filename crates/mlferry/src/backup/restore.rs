//! A backup is verified and copied beside the places where it belongs, and then all of it is put there.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use mlferry_store::{HeldDatabase, SqliteFile, backup_contents};

use super::manifest::{ARTIFACTS, ArtifactsPart, DATABASE, DatabasePart, LIST, Manifest};
use super::place::{Renames, Staging};
use super::{RestoreFlags, files, local_folder, located, open_to_read, open_to_write};
use crate::artifacts::counted;
use crate::units::format_bytes;

/// The ends of the names of a database and of what SQLite keeps beside it, which would be taken for that of another
/// database in its place.
const WITH_BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Verifies a backup, and puts it where the flags say.
pub(super) async fn restore(
    flags: &RestoreFlags,
    database: &SqliteFile,
    staging: &Staging,
) -> anyhow::Result<()> {
    let manifest = Manifest::read(&flags.folder)?;
    let database = DatabasePlace::look(database, flags.force).await?;
    let artifacts = match &manifest.artifacts {
        Some(part) if !flags.database_only => {
            let folder = local_folder(&flags.stores)?;
            Some((ArtifactsPlace::look(&folder, flags.force)?, part))
        }
        _ => None,
    };
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();

    let staged_database = staging.beside(&database.path);
    stage_database(&flags.folder, &manifest.database, &staged_database).await?;
    let staged_artifacts = match &artifacts {
        Some((place, part)) => {
            let staged = staging.beside(&place.path);
            stage_artifacts(&flags.folder, part, &staged).await?;
            Some((place, staged))
        }
        None => None,
    };

    // From here on nothing is waited for, so that nothing interrupts it.
    let mut renames = Renames::default();
    let mut kept = Vec::new();
    if let Some((place, staged)) = &staged_artifacts {
        kept.extend(place.put(staged, &mut renames, &time)?);
    }
    kept.extend(database.put(&staged_database, &mut renames, &time)?);
    renames.keep().context("cannot make the new names last")?;
    drop(database);

    tell(&manifest, artifacts.map(|(_, part)| part));
    for path in kept {
        // What was empty is not worth keeping.
        if fs::remove_dir(&path).is_err() {
            println!("What was there before is in '{}'.", path.display());
        }
    }
    Ok(())
}

fn tell(manifest: &Manifest, artifacts: Option<&ArtifactsPart>) {
    let Manifest { time, database, .. } = manifest;
    println!(
        "Restored the database of {time}, {} ({}).",
        format_bytes(database.bytes),
        database.words()
    );
    if let Some(part) = artifacts {
        println!("Restored {} of {}.", counted(part.files, "artifact"), format_bytes(part.bytes));
    }
}

/// Where the database belongs.
#[derive(Debug)]
struct DatabasePlace {
    path: PathBuf,
    /// What is there already, held so that no server opens it.
    held: Option<HeldDatabase>,
}

impl DatabasePlace {
    async fn look(database: &SqliteFile, force: bool) -> anyhow::Result<Self> {
        let (path, parent) = located(database.path())?;
        anyhow::ensure!(
            parent.is_dir(),
            "there is no folder '{}': make it, or correct --backend-store-uri",
            parent.display()
        );
        for end in WITH_BESIDE {
            let found = beside(&path, end);
            anyhow::ensure!(
                force || !found.try_exists()?,
                "'{}' is there already: name another database, or say --force to put the backup in its place",
                found.display()
            );
        }
        let held = if path.try_exists()? { Some(database.hold().await?) } else { None };
        Ok(Self { path, held })
    }

    /// Puts a database here, and returns where what was here is now.
    fn put(
        &self,
        staged: &Path,
        renames: &mut Renames,
        time: &str,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let mut kept = Vec::new();
        // What came since may be in use.
        anyhow::ensure!(
            self.held.is_some() || !self.path.try_exists()?,
            "'{}' came meanwhile: stop the servers that use it; all is as it was",
            self.path.display()
        );
        for end in WITH_BESIDE {
            kept.extend(put_aside(&beside(&self.path, end), renames, time)?);
        }
        renames.rename(staged, &self.path).with_context(|| cannot_put(&self.path))?;
        Ok(kept)
    }
}

/// Where the artifacts belong.
#[derive(Debug)]
struct ArtifactsPlace {
    path: PathBuf,
    /// Whether what is there may be replaced.
    force: bool,
}

impl ArtifactsPlace {
    fn look(folder: &Path, force: bool) -> anyhow::Result<Self> {
        let (path, parent) = located(folder)?;
        anyhow::ensure!(
            parent.is_dir(),
            "there is no folder '{}': make it, or correct --artifacts-destination",
            parent.display()
        );
        let mut entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path, force });
            }
            entries => entries.with_context(|| format!("cannot read '{}'", path.display()))?,
        };
        anyhow::ensure!(
            force || entries.next().is_none(),
            "'{}' is not empty: name another artifact destination, or say --force to put the backup in its place",
            path.display()
        );
        let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
        anyhow::ensure!(
            device(&path)? == device(&parent)?,
            "'{}' is where a file system is mounted, and can't be replaced: restore into a folder below it, or with \
             --database-only, and copy the artifacts with `mlferry artifacts cp`",
            path.display()
        );
        Ok(Self { path, force })
    }

    /// Puts artifacts here, and returns where what was here is now.
    fn put(
        &self,
        staged: &Path,
        renames: &mut Renames,
        time: &str,
    ) -> anyhow::Result<Option<PathBuf>> {
        let kept = put_aside(&self.path, renames, time)?;
        if let Some(kept) = &kept
            && !self.force
        {
            anyhow::ensure!(
                fs::read_dir(kept)?.next().is_none(),
                "artifacts came to '{}' meanwhile: stop the servers that use it; all is as it was",
                self.path.display()
            );
        }
        renames.rename(staged, &self.path).with_context(|| cannot_put(&self.path))?;
        Ok(kept)
    }
}

fn cannot_put(path: &Path) -> String {
    format!("cannot put the backup at '{}'; all is as it was", path.display())
}

/// Gives what is at a path another name, and returns that.
fn put_aside(path: &Path, renames: &mut Renames, time: &str) -> anyhow::Result<Option<PathBuf>> {
    if !path.try_exists()? {
        return Ok(None);
    }
    let aside = beside(path, &format!(".before-{time}"));
    let moved = renames.rename(path, &aside);
    moved.with_context(|| format!("cannot put '{}' aside; all is as it was", path.display()))?;
    Ok(Some(aside))
}

/// A path with something behind its last name.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

async fn stage_database(
    backup: &Path,
    expected: &DatabasePart,
    staged: &Path,
) -> anyhow::Result<()> {
    let from = backup.join(DATABASE);
    let copying = tokio::task::spawn_blocking({
        let (from, to) = (from.clone(), staged.to_owned());
        move || files::copy_file(&from, &to)
    });
    let copied = copying.await?;
    let copied = copied.with_context(|| format!("cannot copy '{}'", from.display()))?;
    anyhow::ensure!(
        copied == (expected.bytes, expected.sha256.clone()),
        "'{}' is not what was backed up: it was changed or damaged since",
        from.display()
    );
    let contents = backup_contents(staged).await?;
    anyhow::ensure!(
        DatabasePart::new(copied.0, copied.1, contents) == *expected,
        "'{}' does not hold what the manifest says",
        from.display()
    );
    Ok(())
}

async fn stage_artifacts(
    backup: &Path,
    expected: &ArtifactsPart,
    staged: &Path,
) -> anyhow::Result<()> {
    let list = backup.join(LIST);
    let weighed = tokio::task::spawn_blocking({
        let list = list.clone();
        move || files::weigh(&list)
    });
    let (_, sha256) =
        weighed.await?.with_context(|| format!("cannot read '{}'", list.display()))?;
    anyhow::ensure!(
        sha256 == expected.list_sha256,
        "'{}' is not what was backed up: it was changed or damaged since",
        list.display()
    );
    let source = open_to_read(&backup.join(ARTIFACTS)).await?;
    let files = open_to_write(staged).await?;
    files::copy_listed(&source, &files, &list, expected).await?;
    files.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlferry_store::CopyPurpose;

    #[tokio::test]
    async fn a_database_that_came_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, staged) = (folder.path().join("m.db"), folder.path().join("staged"));
        let uri = format!("sqlite:///{}", path.display());
        let file = SqliteFile::of(&uri, CopyPurpose::Restore).unwrap();
        fs::write(&staged, "new").unwrap();
        for force in [false, true] {
            let place = DatabasePlace::look(&file, force).await.unwrap();
            fs::write(&path, "a server's").unwrap();
            let mut renames = Renames::default();
            let error = place.put(&staged, &mut renames, "now").unwrap_err().to_string();
            assert!(error.contains("all is as it was"), "{error}");
            drop(renames);
            assert_eq!(fs::read_to_string(&path).unwrap(), "a server's");
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn artifacts_that_came_meanwhile_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, staged) = (folder.path().join("artifacts"), folder.path().join("staged"));
        fs::create_dir(&path).unwrap();
        fs::create_dir(&staged).unwrap();
        let place = ArtifactsPlace::look(&path, false).unwrap();
        fs::write(path.join("file"), "a client's").unwrap();
        let mut renames = Renames::default();
        let error = place.put(&staged, &mut renames, "now").unwrap_err().to_string();
        assert!(error.contains("artifacts came to"), "{error}");
        drop(renames);
        assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "a client's");
    }
}
