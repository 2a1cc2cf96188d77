//! What is in a folder, page by page.

use std::collections::HashMap;

use anyhow::Context;
use futures_util::stream::{self, BoxStream, Stream};
use futures_util::{StreamExt, TryStreamExt};
use mlferry_artifacts::{
    ArtifactError, ArtifactPath, Entry, ListOptions, MAX_RECURSIVE_RESULTS, Service,
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::location::{Found, Kind, Location};
use super::progress::Progress;

/// The names in a folder, or with `recursive` the files of all folders below.
pub(crate) fn pages(
    service: Service,
    folder: Option<ArtifactPath>,
    recursive: bool,
) -> impl Stream<Item = Result<Vec<Entry>, ArtifactError>> + Send + 'static {
    let first = ListOptions {
        recursive,
        max_results: Some(MAX_RECURSIVE_RESULTS),
        after: None,
        may_exceed: true,
    };
    stream::try_unfold(Some(first), move |options| {
        let (service, folder) = (service.clone(), folder.clone());
        async move {
            let Some(options) = options else { return Ok(None) };
            let listing = service.list(folder, options.clone()).await?;
            let after = listing.next.map(|next| ListOptions { after: Some(next), ..options });
            Ok(Some((listing.entries, after)))
        }
    })
}

/// Files of a place, with their paths below it and their bytes.
pub(super) type Files = BoxStream<'static, anyhow::Result<Vec<(String, u64)>>>;

/// All files of a place, page by page. A file is its own only one, under the empty path.
pub(super) fn files(found: &Found, at: &Location) -> Files {
    if let Kind::File(size) = found.kind {
        return stream::iter([Ok(vec![(String::new(), size)])]).boxed();
    }
    let context = format!("cannot list '{at}'");
    let of_page = |page: Vec<Entry>| -> Vec<(String, u64)> {
        page.into_iter().filter_map(|entry| Some((entry.path, entry.size?))).collect()
    };
    pages(found.service.clone(), found.path.clone(), true)
        .map_ok(of_page)
        .map(move |page| page.with_context(|| context.clone()))
        .boxed()
}

/// A file of one side, with what has its name at the other.
#[derive(Debug)]
pub(super) struct Item {
    /// Its path below the folder; empty where there is only one file.
    pub(super) below: String,
    pub(super) size: u64,
    /// Bytes of what has its name at the other side.
    pub(super) present: Option<u64>,
}

/// The files of one side, each of which takes what has its name out of `others`.
pub(super) fn paired<'a>(
    pages: Files,
    others: &'a mut HashMap<String, u64>,
    progress: &'a Progress,
) -> impl Stream<Item = anyhow::Result<Item>> + Send + 'a {
    pages
        .map_ok(|page| {
            progress.add_found(page.len() as u64, page.iter().map(|(_, size)| size).sum());
            stream::iter(page.into_iter().map(Ok))
        })
        .try_flatten()
        .map_ok(|(below, size)| {
            let present = others.remove(&below);
            Item { below, size, present }
        })
}

/// Works on some items at the same time, each in a task of its own. The results come as they are ready.
pub(crate) fn side_by_side<I, T, W>(
    items: impl Stream<Item = I> + Send,
    jobs: usize,
    tasks: &TaskTracker,
    work: impl Fn(I) -> W + Send,
) -> impl Stream<Item = anyhow::Result<T>> + Send
where
    I: Send,
    T: Send + 'static,
    W: Future<Output = T> + Send + 'static,
{
    let tasks = tasks.clone();
    items
        .map(move |item| AbortOnDropHandle::new(tasks.spawn(work(item))))
        .buffer_unordered(jobs)
        .map(|done| done.context("a task failed"))
}
