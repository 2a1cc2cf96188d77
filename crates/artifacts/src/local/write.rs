//! Uploads: staged out of sight, flushed, and published by one rename.

use super::{Local, Opened, Staging, explain, flush_folder, is_absent, is_outside, metadata_of};
use crate::{
    ArtifactError, ArtifactPath, Metadata, PutCondition, PutOptions, StoreTrouble, digest::Verifier,
};
use bytes::Bytes;
use cap_std::fs::Dir;
use rustix::{
    fs::{
        AtFlags, RenameFlags, Timespec, Timestamps, fdatasync, futimens, linkat, renameat,
        renameat_with,
    },
    io::Errno,
    time::{ClockId, clock_gettime},
};
use std::{
    fs::File,
    io::{self, IoSlice, Write},
    sync::Arc,
};

/// How often a folder may be deleted between its creation and the rename into it.
const PUBLISH_ATTEMPTS: usize = 5;

/// One file on its way in. Dropping it before it is published leaves nothing behind; that touches the
/// disk, so it should not happen on a thread that other requests wait for.
pub(crate) struct Upload {
    local: Arc<Local>,
    path: ArtifactPath,
    condition: PutCondition,
    verifier: Verifier,
    staged: Option<Staged>,
    written: u64,
}

/// A file in the staging folder, removed on drop unless it was published.
struct Staged {
    opened: Arc<Opened>,
    file: Arc<File>,
    name: String,
    published: bool,
}

impl Upload {
    pub(crate) fn new(local: Arc<Local>, path: ArtifactPath, options: PutOptions) -> Self {
        let verifier = Verifier::new(options.digests);
        Self { local, path, condition: options.condition, verifier, staged: None, written: 0 }
    }

    /// Appends bytes. The first call checks whether the artifact could be published at all.
    pub(crate) fn write(&mut self, chunks: &[Bytes]) -> Result<(), ArtifactError> {
        let staged = match &mut self.staged {
            Some(staged) => staged,
            none => {
                check(&self.local.opened(), &self.path, &self.condition)?;
                none.insert(Staged::create(&self.local)?)
            }
        };
        for chunk in chunks {
            self.verifier.update(chunk);
            self.written += chunk.len() as u64;
        }
        write_all(&staged.file, chunks).map_err(|error| explain(error, &self.path))
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// What flushes the bytes written so far, while more are written.
    pub(crate) fn flusher(&self) -> Option<impl FnOnce() -> Result<(), ArtifactError> + use<>> {
        let file = Arc::clone(&self.staged.as_ref()?.file);
        let path = self.path.clone();
        Some(move || fdatasync(&file).map_err(|error| explain(error.into(), &path)))
    }

    /// Flushes what was written, and gives it its name.
    pub(crate) fn publish(mut self) -> Result<Metadata, ArtifactError> {
        if self.staged.is_none() {
            self.write(&[])?;
        }
        let Self { path, condition, verifier, staged: Some(mut staged), .. } = self else {
            unreachable!("write() stages a file or fails");
        };
        verifier
            .finish()
            .map_err(|(expected, actual)| ArtifactError::DigestMismatch { expected, actual })?;
        let metadata = staged.flush().map_err(|error| explain(error, &path))?;
        for _ in 1..PUBLISH_ATTEMPTS {
            match staged.publish(&path, &condition) {
                // Somebody deleted the folder between our making it and using it.
                Err(ArtifactError::NotFound(_)) => {}
                result => return result.map(|()| metadata),
            }
        }
        match staged.publish(&path, &condition) {
            // It is no answer to an upload that something is not there.
            Err(ArtifactError::NotFound(_)) => {
                let words = format!(
                    "the folder of '{path}' was deleted each time the upload was put there; send it again"
                );
                Err(ArtifactError::Store { trouble: StoreTrouble::Unavailable, words })
            }
            result => result.map(|()| metadata),
        }
    }
}

impl Staged {
    fn create(local: &Local) -> io::Result<Self> {
        let mut opened = local.opened();
        let (file, name) = match opened.staging().and_then(Staging::create) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                opened = local.reopen()?;
                opened.staging()?.create()?
            }
            created => created?,
        };
        Ok(Self { opened, file: Arc::new(file), name, published: false })
    }

    /// Makes the bytes durable, under a modification time that no other upload has.
    ///
    /// The kernel's own stamp moves only every few milliseconds; two uploads of the same size within
    /// one step would have the same entity tag if the file system also reused the inode.
    fn flush(&self) -> io::Result<Metadata> {
        let now = clock_gettime(ClockId::Realtime);
        let now = Timespec { tv_sec: now.tv_sec, tv_nsec: now.tv_nsec };
        futimens(&self.file, &Timestamps { last_access: now, last_modification: now })?;
        fdatasync(&self.file)?;
        let metadata = cap_std::fs::Metadata::from_file(&self.file)?;
        Ok(metadata_of(&metadata))
    }

    fn publish(
        &mut self,
        path: &ArtifactPath,
        condition: &PutCondition,
    ) -> Result<(), ArtifactError> {
        let opened = &self.opened;
        let folder = make_folder(&opened.root, path).map_err(|error| blocked(error, path))?;
        if *condition != PutCondition::Always {
            // Again, since the body may have taken hours.
            check(opened, path, condition)?;
        }
        let renamed = match condition {
            PutCondition::Absent => self.rename_to_free(&folder, path.name()),
            _ => self.rename(&folder, path.name()),
        };
        renamed.map_err(|error| blocked(error, path))?;
        self.published = true;
        flush_folder(&folder).map_err(|error| {
            tracing::error!(%path, "an upload is in place, but its folder could not be flushed");
            explain(error, path)
        })
    }

    fn rename(&self, folder: &Dir, name: &str) -> io::Result<()> {
        Ok(renameat(self.opened.staging()?.folder(), &self.name, folder, name)?)
    }

    /// Renames, and never replaces anything.
    fn rename_to_free(&self, folder: &Dir, name: &str) -> io::Result<()> {
        let staging = self.opened.staging()?.folder();
        match renameat_with(staging, &self.name, folder, name, RenameFlags::NOREPLACE) {
            // NFS and some others know no flags.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.link_to_free(folder, name),
            renamed => Ok(renamed?),
        }
    }

    /// The same by way of a second name, which replaces nothing either.
    fn link_to_free(&self, folder: &Dir, name: &str) -> io::Result<()> {
        let staging = self.opened.staging()?;
        match linkat(staging.folder(), &self.name, folder, name, AtFlags::empty()) {
            // What file systems say that know no second names.
            Err(Errno::PERM | Errno::NOSYS) => return Err(Errno::OPNOTSUPP.into()),
            linked => linked?,
        }
        staging.discard(&self.name);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published
            && let Ok(staging) = self.opened.staging()
        {
            staging.discard(&self.name);
        }
    }
}

/// Whether `path` can be written: no folder has its name, no link leads out, and the client's
/// condition holds.
fn check(
    opened: &Opened,
    path: &ArtifactPath,
    condition: &PutCondition,
) -> Result<(), ArtifactError> {
    let current = match opened.root.metadata(path.as_str()) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(ArtifactError::FolderInTheWay(path.clone()));
        }
        Ok(metadata) => Some(metadata_of(&metadata)),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOTDIR) => {
            return Err(ArtifactError::FileInTheWay(path.clone()));
        }
        Err(error) if is_absent(&error) => None,
        Err(error) => return Err(explain(error, path)),
    };
    if condition.holds(current.as_ref()) {
        Ok(())
    } else {
        Err(ArtifactError::PreconditionFailed(path.clone()))
    }
}

/// Translates what keeps a file from being published.
fn blocked(error: io::Error, path: &ArtifactPath) -> ArtifactError {
    match Errno::from_io_error(&error) {
        Some(Errno::NOTDIR) => ArtifactError::FileInTheWay(path.clone()),
        Some(Errno::ISDIR) => ArtifactError::FolderInTheWay(path.clone()),
        Some(Errno::EXIST) => ArtifactError::PreconditionFailed(path.clone()),
        Some(Errno::XDEV) => unsupported(format!(
            "the folder of '{path}' is on another file system than the artifact destination, or mounted \
             there by itself, and nothing can be moved into it; all folders of a destination must lie on \
             one file system"
        )),
        Some(Errno::OPNOTSUPP) => unsupported(format!(
            "the file system of the artifact destination can't make sure that '{path}' replaces nothing; \
             upload it without that condition"
        )),
        _ => explain(error, path),
    }
}

/// What no repetition changes.
fn unsupported(words: String) -> ArtifactError {
    ArtifactError::Store { trouble: StoreTrouble::Unsupported, words }
}

/// Opens the folder of `path`; missing ones are made, each durable in its parent.
///
/// A folder that another upload has made an instant ago may not be durable in its parent yet. File
/// systems with a journal commit it with the flush of the folder itself, which comes before a 200.
fn make_folder(root: &Dir, path: &ArtifactPath) -> io::Result<Dir> {
    let Some(folder) = path.folder() else { return root.try_clone() };
    match root.open_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_outside(&error) => {}
        result => return result,
    }
    let ends = folder.match_indices('/').map(|(end, _)| end).chain([folder.len()]);
    let mut parent = root.try_clone()?;
    for end in ends {
        let folder = &folder[..end];
        match root.create_dir(folder) {
            Ok(()) => flush_folder(&parent)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        parent = root.open_dir(folder)?;
    }
    Ok(parent)
}

fn write_all(mut file: &File, chunks: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn path(text: &str) -> ArtifactPath {
        ArtifactPath::parse(text).unwrap()
    }

    fn open(root: &Path) -> Arc<Local> {
        Arc::new(Local::open(root.to_owned()).unwrap())
    }

    #[test]
    fn a_link_replaces_nothing_and_takes_the_staged_name_away() {
        let folder = tempfile::tempdir().unwrap();
        let local = open(folder.path());
        let root = &local.opened().root;
        for (content, is_new) in [("first", true), ("second", false)] {
            let mut staged = Staged::create(&local).unwrap();
            write_all(&staged.file, &[Bytes::from_static(content.as_bytes())]).unwrap();
            let linked = staged.link_to_free(root, "f").map_err(|error| blocked(error, &path("f")));
            if is_new {
                linked.unwrap();
                staged.published = true;
                assert!(staged.opened.staging().unwrap().folder().metadata(&staged.name).is_err());
            } else {
                assert!(matches!(linked, Err(ArtifactError::PreconditionFailed(_))));
                assert!(staged.opened.staging().unwrap().folder().metadata(&staged.name).is_ok());
            }
        }
        assert_eq!(fs::read_to_string(folder.path().join("f")).unwrap(), "first");
    }

    #[test]
    fn what_the_file_system_can_not_do_is_refused_for_good() {
        for (errno, hint) in [(Errno::XDEV, "one file system"), (Errno::OPNOTSUPP, "condition")] {
            let refused = blocked(errno.into(), &path("d/f"));
            let ArtifactError::Store { trouble: StoreTrouble::Unsupported, words } = refused else {
                panic!("{refused}");
            };
            assert!(words.contains("d/f") && words.contains(hint), "{words}");
        }
    }

    #[test]
    fn an_upload_whose_folder_is_gone_is_to_be_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let mut upload = Upload::new(open(&root), path("d/f"), PutOptions::default());
        upload.write(&[Bytes::from_static(b"x")]).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let refused = upload.publish().unwrap_err();
        assert!(
            matches!(&refused, ArtifactError::Store { trouble: StoreTrouble::Unavailable, .. }),
            "{refused}"
        );
    }
}
