//! What lies in a folder of this machine and is no artifact, so that no listing shows it.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use mlferry_artifacts::is_hidden;

use super::output::shown;

const NEITHER: &str = "it is neither a file nor a folder";

/// Whatever a copy of `folder` would leave out silently, and why.
pub(super) fn below(folder: &Path) -> io::Result<Vec<String>> {
    let root = fs::canonicalize(folder)?;
    // What listings see a link's end through.
    let resolver = Dir::open_ambient_dir(&root, ambient_authority())?;
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // Uploads that are under way.
            if is_hidden(&entry.file_name().to_string_lossy()) {
                continue;
            }
            let path = entry.path();
            let name = path.strip_prefix(&root).unwrap_or(&path);
            if let Some(why) = reason(&entry, name, &resolver)? {
                found.push(format!("'{}' is left out: {why}", shown(&name.to_string_lossy())));
            } else if entry.file_type()?.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn reason(entry: &DirEntry, name: &Path, root: &Dir) -> io::Result<Option<&'static str>> {
    if entry.file_name().to_str().is_none() {
        return Ok(Some("its name is not UTF-8"));
    }
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return Ok(match root.metadata(name) {
            Ok(metadata) if metadata.is_dir() => Some("links to folders are not followed"),
            Ok(metadata) => (!metadata.is_file()).then_some(NEITHER),
            Err(_) if fs::metadata(entry.path()).is_err() => Some("the link leads nowhere"),
            Err(_) => Some("the link is absolute, or leads out of the folder"),
        });
    }
    Ok((!kind.is_dir() && !kind.is_file()).then_some(NEITHER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_no_artifact_is_told_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("d/.mlferry-staging")).unwrap();
        fs::write(at("d/a.txt"), "a").unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
        for (target, link) in [
            ("d/a.txt", "inside"),
            ("d", "folder"),
            ("/etc/hostname", "out"),
            ("nowhere", "broken"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        symlink(at("d/a.txt"), at("absolute")).unwrap();
        let expected = [
            "'absolute' is left out: the link is absolute, or leads out of the folder",
            "'broken' is left out: the link leads nowhere",
            "'folder' is left out: links to folders are not followed",
            "'out' is left out: the link is absolute, or leads out of the folder",
            "'\u{fffd}' is left out: its name is not UTF-8",
        ];
        assert_eq!(below(folder.path()).unwrap(), expected);
    }
}
