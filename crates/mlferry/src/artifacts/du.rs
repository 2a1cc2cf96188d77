//! `mlferry artifacts du`.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use clap::Args;
use futures_util::TryStreamExt;
use mlferry_artifacts::StoreSettings;
use serde::Serialize;

use super::entries::files;
use super::location::Location;
use super::output::{Output, counted, shown};
use crate::units::format_bytes;

/// The flags of `mlferry artifacts du`.
#[derive(Args, Debug)]
pub(super) struct DuFlags {
    /// What is weighed.
    #[arg(
        value_name = "DEST",
        help = "Folder or file: a path, or a URI such as s3://bucket/folder"
    )]
    pub(super) at: String,

    /// How many levels of folders are shown; 0 shows only the sum
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    depth: usize,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
    }
}

/// Folders by the names on the way to them, so that one is followed by those in it.
#[derive(Debug, Default)]
struct Sums {
    folders: BTreeMap<Vec<String>, Weight>,
    total: Weight,
}

impl Sums {
    /// Counts a file in each of its folders that is shown.
    fn add(&mut self, path: &str, bytes: u64, depth: usize) {
        let weight = Weight { files: 1, bytes };
        self.total += weight;
        let (folder, _) = path.rsplit_once('/').unwrap_or_default();
        let names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
        for level in 1..=names.len().min(depth) {
            let folder = names[..level].iter().map(|name| (*name).to_owned()).collect();
            *self.folders.entry(folder).or_default() += weight;
        }
    }
}

/// One line of JSON; the sum of all has no path.
#[derive(Debug, Serialize)]
struct Line<'a> {
    path: Option<&'a str>,
    files: u64,
    bytes: u64,
}

/// Weighs a place.
pub(super) async fn run(
    flags: &DuFlags,
    at: Location,
    settings: StoreSettings,
) -> anyhow::Result<()> {
    let found = at.find(&settings).await?;
    let mut sums = Sums::default();
    let mut pages = files(&found, &at);
    while let Some(page) = pages.try_next().await? {
        for (path, size) in page {
            sums.add(&path, size, flags.depth);
        }
    }
    let mut output = Output::new();
    let folders = sums.folders.iter().map(|(names, weight)| (Some(names.join("/")), *weight));
    for (folder, weight) in folders.chain([(None, sums.total)]) {
        let line = if flags.json {
            json(folder.as_deref(), weight)?
        } else {
            text(folder.as_deref(), weight)
        };
        output.line(line)?;
    }
    output.flush()?;
    super::close(found.service).await;
    Ok(())
}

fn json(path: Option<&str>, Weight { files, bytes }: Weight) -> serde_json::Result<String> {
    serde_json::to_string(&Line { path, files, bytes })
}

fn text(folder: Option<&str>, weight: Weight) -> String {
    let name = folder.map_or_else(|| "in all".to_owned(), |folder| format!("{}/", shown(folder)));
    format!("{:>12}  {:>14}  {name}", format_bytes(weight.bytes), counted(weight.files, "file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_in_each_folder_above_it_that_is_shown() {
        let mut sums = Sums::default();
        for (path, bytes) in [("a/b/c/x", 1), ("a/y", 10), ("z", 100), ("a.b/x", 1000)] {
            sums.add(path, bytes, 2);
        }
        let shown: Vec<_> =
            sums.folders.iter().map(|(names, weight)| (names.join("/"), weight.bytes)).collect();
        let expected = [("a", 11), ("a/b", 1), ("a.b", 1000)];
        assert_eq!(shown, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
        assert_eq!(sums.total, Weight { files: 4, bytes: 1111 });
    }
}
