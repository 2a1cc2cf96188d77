//! Files on their way into a backup, and out of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use mlferry_artifacts::{ArtifactError, ArtifactPath, ExpectedDigest, PutOptions, Service, Wanted};
use mlferry_protocol::python::hex;
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;

use super::list::{self, ListWriter, Listed};
use super::manifest::ArtifactsPart;
use crate::artifacts::{pages, side_by_side};

/// Files that are copied at the same time.
const JOBS: usize = 16;

/// Bytes of a database that are copied at once.
const PIECE: usize = 1 << 20;

/// A file that was copied.
struct Copied {
    path: String,
    bytes: u64,
    sha256: String,
}

/// Copies all artifacts of one folder to another, and lists them with their checksums. What is deleted meanwhile is left
/// out.
pub(super) async fn copy_all(
    from: &Service,
    to: &Service,
    list: &Path,
) -> anyhow::Result<ArtifactsPart> {
    let context = || format!("cannot write '{}'", list.display());
    let mut writer = ListWriter::create(list).with_context(context)?;
    let (mut files, mut bytes) = (0, 0);
    let paths = pages(from.clone(), None, true)
        .map_ok(|page| {
            let files = page.into_iter().filter(|entry| entry.size.is_some());
            stream::iter(files.map(|entry| Ok(entry.path)))
        })
        .try_flatten();
    let work = |path: Result<String, ArtifactError>| {
        let (from, to) = (from.clone(), to.clone());
        async move { copy(&from, &to, path?).await }
    };
    let tasks = TaskTracker::new();
    let mut done = side_by_side(paths, JOBS, &tasks, work).boxed();
    while let Some(copied) = done.next().await {
        let Some(copied) = copied?? else { continue };
        writer.add(&copied.sha256, &copied.path).with_context(context)?;
        files += 1;
        bytes += copied.bytes;
    }
    let list_sha256 = writer.finish().with_context(context)?;
    Ok(ArtifactsPart { files, bytes, list_sha256 })
}

async fn copy(from: &Service, to: &Service, name: String) -> anyhow::Result<Option<Copied>> {
    let context = || format!("cannot copy the artifact '{name}'");
    let path = ArtifactPath::parse_file(&name).with_context(context)?;
    let artifact = match from.get(path.clone(), Wanted::Whole).await {
        Err(ArtifactError::NotFound(_)) => return Ok(None),
        artifact => artifact.with_context(context)?,
    };
    let size = artifact.metadata().size;
    let mut digest = Sha256::new();
    let bytes = artifact.read(0..size).inspect_ok(|bytes| digest.update(bytes));
    let options = PutOptions { length: Some(size), ..PutOptions::default() };
    to.put(path, bytes, options).await.with_context(context)?;
    let sha256 = hex(&digest.finalize());
    Ok(Some(Copied { path: name, bytes: size, sha256 }))
}

/// Copies the listed artifacts of a backup, all of which must have their checksums.
pub(super) async fn copy_listed(
    from: &Service,
    to: &Service,
    list: &Path,
    expected: &ArtifactsPart,
) -> anyhow::Result<()> {
    let listed = stream::iter(list::read(list)?);
    let work = |listed: anyhow::Result<Listed>| {
        let (from, to) = (from.clone(), to.clone());
        async move { copy_checked(&from, &to, listed?).await }
    };
    let tasks = TaskTracker::new();
    let mut done = side_by_side(listed, JOBS, &tasks, work).boxed();
    let (mut files, mut bytes) = (0, 0);
    while let Some(copied) = done.next().await {
        bytes += copied??;
        files += 1;
    }
    anyhow::ensure!(
        (files, bytes) == (expected.files, expected.bytes),
        "'{}' lists {files} files of {bytes} bytes, and the manifest says {} of {}",
        list.display(),
        expected.files,
        expected.bytes
    );
    Ok(())
}

async fn copy_checked(from: &Service, to: &Service, listed: Listed) -> anyhow::Result<u64> {
    let Listed { sha256, path: name } = listed;
    let context = || format!("cannot restore the artifact '{name}'");
    let path = ArtifactPath::parse_file(&name).with_context(context)?;
    let artifact = from.get(path.clone(), Wanted::Whole).await.with_context(context)?;
    let size = artifact.metadata().size;
    let digests = vec![ExpectedDigest::Sha256(sha256)];
    let options = PutOptions { length: Some(size), digests, ..PutOptions::default() };
    to.put(path, artifact.read(0..size), options).await.with_context(context)?;
    Ok(size)
}

/// The bytes and the checksum of a file.
pub(super) fn weigh(path: &Path) -> io::Result<(u64, String)> {
    pass(&mut File::open(path)?, &mut io::sink())
}

/// Copies a file to one that is not there yet, durably but for its name, and returns its bytes and checksum.
pub(super) fn copy_file(from: &Path, to: &Path) -> io::Result<(u64, String)> {
    let mut target = File::options().write(true).create_new(true).open(to)?;
    let copied = pass(&mut File::open(from)?, &mut target)?;
    target.sync_all()?;
    Ok(copied)
}

fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut piece, mut digest, mut total) = (vec![0; PIECE], Sha256::new(), 0);
    loop {
        let bytes = match from.read(&mut piece) {
            Ok(0) => return Ok((total, hex(&digest.finalize()))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        digest.update(&piece[..bytes]);
        to.write_all(&piece[..bytes])?;
        total += bytes as u64;
    }
}
