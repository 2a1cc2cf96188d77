//! `mlferry artifacts ls`.

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use mlferry_artifacts::{Entry, StoreSettings};
use serde::Serialize;

use super::entries::pages;
use super::location::{Found, Kind, Location};
use super::output::{Output, shown};
use crate::units::format_bytes;

/// The flags of `mlferry artifacts ls`.
#[derive(Args, Debug)]
pub(super) struct LsFlags {
    /// What is listed.
    #[arg(
        value_name = "DEST",
        help = "Folder or file: a path, or a URI such as s3://bucket/folder"
    )]
    pub(super) at: String,

    /// List the files of all folders below, too
    #[arg(long, short)]
    recursive: bool,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// One line of JSON, with MLflow's names of its fields.
#[derive(Debug, Serialize)]
struct Line<'a> {
    path: &'a str,
    is_dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

/// Lists a folder, or shows a file.
pub(super) async fn run(
    flags: &LsFlags,
    at: Location,
    settings: StoreSettings,
) -> anyhow::Result<()> {
    let Found { service, path, kind } = at.find(&settings).await?;
    let mut pages = match (kind, &path) {
        (Kind::File(size), Some(path)) => {
            let file = Entry { path: path.name().to_owned(), size: Some(size) };
            stream::iter([Ok(vec![file])]).boxed()
        }
        _ => pages(service.clone(), path.clone(), flags.recursive).boxed(),
    };
    let mut output = Output::new();
    while let Some(page) = pages.try_next().await? {
        for entry in &page {
            output.line(if flags.json { json(entry)? } else { text(entry) })?;
        }
        output.flush()?;
    }
    super::close(service).await;
    Ok(())
}

fn json(entry: &Entry) -> serde_json::Result<String> {
    let Entry { path, size } = entry;
    serde_json::to_string(&Line { path, is_dir: size.is_none(), file_size: *size })
}

fn text(entry: &Entry) -> String {
    let name = shown(&entry.path);
    match entry.size {
        Some(size) => format!("{:>12}  {name}", format_bytes(size)),
        None => format!("{:>12}  {name}/", ""),
    }
}
