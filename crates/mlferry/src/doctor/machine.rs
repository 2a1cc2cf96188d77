//! What this machine gives a server: open files, and room on its disks.

use std::path::{Path, PathBuf};

use anyhow::Context;
use mlferry_artifacts::Destination;
use mlferry_store::{CopyPurpose, SqliteFile};
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

use super::report::{Finding, Group, Level, Report};
use crate::units::format_bytes;

/// Open files that a busy server needs: a connection and a file for each of some thousand clients.
const OPEN_FILES: u64 = 4096;

/// Below these, a disk is filling up, or is as good as full.
const LITTLE_BYTES: u64 = 1 << 30;
const NO_BYTES: u64 = 64 << 20;

/// The same for inodes, which each file takes one of.
const FEW_INODES: u64 = 10_000;
const NO_INODES: u64 = 500;

/// Looks at the limits of this process, and at the disks that a server on this machine writes to.
pub(super) fn examine(
    report: &mut Report,
    uri: &str,
    destination: &Destination,
) -> anyhow::Result<()> {
    examine_open_files(report);
    let mut places = Vec::new();
    if let Ok(file) = SqliteFile::of(uri, CopyPurpose::Backup) {
        let file = std::path::absolute(file.path()).context("cannot tell the current folder")?;
        places.push(("room.database", "the database", file));
    }
    if let Destination::Local(path) = destination {
        let path = std::path::absolute(path).context("cannot tell the current folder")?;
        places.push(("room.artifacts", "artifacts", path));
    }
    places.push(("room.temporary", "temporary files", std::env::temp_dir()));
    for (check, what, path) in places {
        examine_room(report, check, what, &existing(&path));
    }
    Ok(())
}

fn examine_open_files(report: &mut Report) {
    // A server raises its limit as far as it may.
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < OPEN_FILES => report.add(
            Finding::new(
                Group::Machine,
                "limits.open_files",
                Level::Warning,
                format!("a process started from here may have {most} files open"),
            )
            .advice(format!(
                "A busy server needs {OPEN_FILES}: raise `ulimit -Hn`, or LimitNOFILE of its systemd unit."
            )),
        ),
        most => {
            let most = most.map_or_else(|| "any number of".to_owned(), |most| most.to_string());
            let what = format!("a process started from here may have {most} files open");
            report.ok(Group::Machine, "limits.open_files", what);
        }
    }
}

/// The place, or what is there of the way to it.
fn existing(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|path| path.is_dir());
    there.unwrap_or(Path::new("/")).to_owned()
}

fn examine_room(report: &mut Report, check: &str, what: &str, folder: &Path) {
    let room = match statvfs(folder) {
        Ok(room) => room,
        Err(error) => {
            let why =
                format!("the room for {what} in '{}' is not known: {error}", folder.display());
            return report.unchecked(Group::Machine, check, why);
        }
    };
    let bytes = room.f_bavail.saturating_mul(room.f_frsize);
    // Some file systems make inodes as they are needed, and say that they have none.
    let inodes = (room.f_files > 0).then_some(room.f_favail);
    let level = level_of(bytes, inodes);
    let of_inodes = inodes.map(|inodes| format!(" and {inodes} inodes")).unwrap_or_default();
    let words =
        format!("{}{of_inodes} are free for {what} in '{}'", format_bytes(bytes), folder.display());
    let finding = Finding::new(Group::Machine, check, level, words);
    report.add(match level {
        Level::Ok => finding,
        _ => finding.advice(
            "What does not fit is refused with 507. Make room, or move it to a larger disk.",
        ),
    });
}

fn level_of(bytes: u64, inodes: Option<u64>) -> Level {
    let inodes = inodes.unwrap_or(u64::MAX);
    if bytes < NO_BYTES || inodes < NO_INODES {
        return Level::Problem;
    }
    if bytes < LITTLE_BYTES || inodes < FEW_INODES { Level::Warning } else { Level::Ok }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_little_before_there_is_none() {
        for (bytes, inodes, level) in [
            (LITTLE_BYTES, None, Level::Ok),
            (LITTLE_BYTES, Some(FEW_INODES), Level::Ok),
            (LITTLE_BYTES - 1, None, Level::Warning),
            (u64::MAX, Some(FEW_INODES - 1), Level::Warning),
            (NO_BYTES - 1, None, Level::Problem),
            (u64::MAX, Some(0), Level::Problem),
        ] {
            assert_eq!(level_of(bytes, inodes), level, "{bytes} {inodes:?}");
        }
    }

    #[test]
    fn what_is_not_there_lies_in_what_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("a/b")), folder.path());
        assert_eq!(existing(folder.path()), folder.path());
    }
}
