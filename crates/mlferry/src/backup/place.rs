//! What is made aside, and put in its place when it is complete.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use uuid::Uuid;

/// Files and folders that are being made, and go at the end unless they were put in their places.
///
/// It is dropped after the runtime: until then, threads may write that nobody waits for any more.
#[derive(Debug, Default)]
pub(super) struct Staging(Mutex<Vec<PathBuf>>);

impl Staging {
    /// A name beside `target` that nobody has.
    pub(super) fn beside(&self, target: &Path) -> PathBuf {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let name = format!(".{name}.mlferry-{}", Uuid::new_v4().simple());
        let path = target.with_file_name(name);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
        path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        for path in self.0.get_mut().unwrap_or_else(PoisonError::into_inner) {
            let is_folder = fs::symlink_metadata(&path).map(|found| found.is_dir());
            let removed = match is_folder {
                // It was put in its place, or never made.
                Err(_) => continue,
                Ok(true) => fs::remove_dir_all(&path),
                Ok(false) => fs::remove_file(&path),
            };
            if let Err(error) = removed {
                eprintln!("'{}' is left: {error}", path.display());
            }
        }
    }
}

/// Changes of names that belong together: they are undone unless they are kept.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// From where and to where, in their order.
    done: Vec<(PathBuf, PathBuf)>,
}

impl Renames {
    /// Gives something another name, which nobody has.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        rename_to_free(from, to)?;
        self.done.push((from.to_owned(), to.to_owned()));
        Ok(())
    }

    /// Makes the names last.
    pub(super) fn keep(mut self) -> io::Result<()> {
        for (_, to) in std::mem::take(&mut self.done) {
            if let Some(folder) = to.parent() {
                flush_folder(folder)?;
            }
        }
        Ok(())
    }
}

impl Drop for Renames {
    fn drop(&mut self) {
        for (from, to) in self.done.iter().rev() {
            if let Err(error) = rename_to_free(to, from) {
                eprintln!(
                    "'{}' could not get its name '{}' back: {error}",
                    to.display(),
                    from.display()
                );
            }
        }
    }
}

/// Renames, and never replaces anything.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network file systems know no flags.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if !to.try_exists()? => {
            fs::rename(from, to)
        }
        done => Ok(done?),
    }
}

/// Makes the names in a folder durable.
pub(super) fn flush_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_staged_goes_unless_it_was_put_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x");
        for is_kept in [false, true] {
            let staging = Staging::default();
            let staged = staging.beside(&target);
            fs::create_dir(&staged).unwrap();
            fs::write(staged.join("file"), "1").unwrap();
            fs::write(staging.beside(&target), "a file that nobody wants").unwrap();
            let mut renames = Renames::default();
            renames.rename(&staged, &target).unwrap();
            if is_kept {
                renames.keep().unwrap();
            } else {
                drop(renames);
            }
            drop(staging);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), usize::from(is_kept));
        }
        assert!(target.join("file").is_file());
    }

    #[test]
    fn nothing_is_replaced_and_what_was_done_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["old", "new", "taken"] {
            fs::write(at(name), name).unwrap();
        }
        let mut renames = Renames::default();
        renames.rename(&at("old"), &at("aside")).unwrap();
        let error = renames.rename(&at("new"), &at("taken")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        drop(renames);
        for name in ["old", "new", "taken"] {
            assert_eq!(fs::read_to_string(at(name)).unwrap(), name);
        }
        assert!(!at("aside").try_exists().unwrap());
    }
}
