//! What every family of workloads can be told, and where it works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;
use tempfile::TempDir;

/// The options that all workloads share.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// How often each has its turn; the medians are reported
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,

    /// Write the tables into this file too, between the markers of these workloads
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// A sixteenth of the sizes: to try the program, not to measure
    #[arg(long, conflicts_with = "out")]
    pub(crate) quick: bool,

    /// Folder for the servers' files; its disk is the one that is measured
    #[arg(long, default_value = "target", value_name = "DIR")]
    dir: PathBuf,

    /// The mlferry executable
    #[arg(long, default_value = "target/release/mlferry", value_name = "PATH")]
    pub(crate) mlferry: PathBuf,

    /// The reference's executable
    #[arg(long, default_value = ".venv/bin/mlflow", value_name = "PATH")]
    pub(crate) mlflow: PathBuf,
}

impl RunOptions {
    /// A temporary folder on the disk under test.
    pub(crate) fn temp_dir(&self) -> Result<TempDir> {
        fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot create {}", self.dir.display()))?;
        let parent = std::path::absolute(&self.dir)?;
        let dir = tempfile::Builder::new().prefix("mlferry-bench-").tempdir_in(parent);
        let dir = dir.context("cannot create a temporary folder")?;
        // See `new_home`. Other file systems know no such attribute, and have no need of it.
        let _ = Command::new("chattr").arg("+T").arg(dir.path()).stderr(Stdio::null()).status();
        Ok(dir)
    }

    /// How the tables are to be read.
    pub(crate) fn reading(&self) -> String {
        let rounds = if self.rounds == 1 { "round" } else { "rounds" };
        format!(
            "Median of {} {rounds}. A ratio above 1 says how many times better mlferry is, also where less is better.",
            self.rounds
        )
    }

    /// What a table of a quick run has to say above all.
    pub(crate) const fn warning(&self) -> &'static str {
        if self.quick {
            "**A quick run with a sixteenth of all sizes: these are not figures.**\n\n"
        } else {
            ""
        }
    }
}

/// A new folder for one turn of a server, below [`RunOptions::temp_dir`].
///
/// For minutes after many files were removed, by an earlier run or a compiler, ext4 creates new ones in the same
/// block group up to ten times slower, because it passes over inodes that were in use a moment ago. The
/// attribute `T` of the parent makes ext4 choose a block group by the folder's name: a new name, a new place.
pub(crate) fn new_home(dir: &Path, name: &str) -> Result<PathBuf> {
    let home = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(dir);
    // The folder goes with its parent.
    Ok(home.context("cannot create a temporary folder")?.keep())
}

/// A program that was named by path or by its bare name. Programs run in folders of their own, where a relative
/// path would lead nowhere.
pub(crate) fn program(named: &Path) -> Result<PathBuf> {
    if named.components().count() > 1 {
        return Ok(std::path::absolute(named)?);
    }
    Ok(named.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_left_to_the_path_of_the_shell() {
        assert_eq!(program(Path::new("garage")).unwrap(), Path::new("garage"));
        assert!(program(Path::new("a/garage")).unwrap().is_absolute());
    }
}
