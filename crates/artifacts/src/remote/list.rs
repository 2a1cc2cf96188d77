//! Listings, page by page as the store gives them.

use super::{Remote, error::store_error};
use crate::{
    ArtifactError, ArtifactPath, Entry, ListOptions, Listing, MAX_RECURSIVE_RESULTS, PageToken,
    path::is_hidden,
};
use futures_util::TryStreamExt;
use object_store::{
    ListResult,
    list::{PaginatedListOptions, PaginatedListStore},
    path::Path,
};

/// Keys that a store is asked for at once: what S3 gives at most.
const KEYS: usize = 1000;

impl Remote {
    /// Lists a folder; `None` is the root. What is not there, and what is a file, is empty.
    ///
    /// A whole folder is sorted; pages come in the order of the store.
    pub(crate) async fn list(
        &self,
        folder: Option<&ArtifactPath>,
        options: &ListOptions,
    ) -> Result<Listing, ArtifactError> {
        let prefix = self.prefix(folder);
        match &self.0.opened.pages {
            Some(pages) => list_pages(pages.as_ref(), &prefix, options).await,
            None => self.list_whole(&prefix, options).await,
        }
    }

    /// Whether there is anything below `path`.
    pub(super) async fn is_folder(&self, path: &ArtifactPath) -> Result<bool, ArtifactError> {
        let options = ListOptions { max_results: Some(1), ..ListOptions::default() };
        Ok(!self.list(Some(path), &options).await?.entries.is_empty())
    }

    /// Lists through a store that knows no pages: all of it, of which one page is answered, unless it may be more.
    async fn list_whole(
        &self,
        prefix: &str,
        options: &ListOptions,
    ) -> Result<Listing, ArtifactError> {
        let at = Path::parse(prefix).map_err(|error| store_error(&error.into()))?;
        let found = if options.recursive {
            let objects = self.store().list(Some(&at)).try_collect().await;
            objects.map(|objects| ListResult {
                objects,
                common_prefixes: Vec::new(),
                extensions: object_store::Extensions::default(),
            })
        } else {
            self.store().list_with_delimiter(Some(&at)).await
        };
        let found = found.map_err(|error| store_error(&error))?;
        let mut entries = entries_of(&found, prefix);
        sort(&mut entries);
        let after = options.after.as_ref().map(|PageToken(path)| path.as_str());
        if let Some(after) = after {
            let start = entries.partition_point(|entry| is_before(&entry.path, after));
            entries.drain(..start);
        }
        let is_whole = options.recursive && options.may_exceed;
        let most = page_size(options).filter(|_| !is_whole).unwrap_or(usize::MAX);
        let has_more = entries.len() > most;
        entries.truncate(most);
        let last = entries.last().filter(|_| has_more);
        let next = last.map(|last| PageToken(last.path.clone()));
        Ok(Listing { entries, next })
    }
}

async fn list_pages(
    store: &dyn PaginatedListStore,
    prefix: &str,
    options: &ListOptions,
) -> Result<Listing, ArtifactError> {
    let most = page_size(options);
    let mut listing = Listing::default();
    let mut token = options.after.as_ref().map(|PageToken(token)| token.clone());
    loop {
        let room = most.map_or(KEYS, |most| (most - listing.entries.len()).min(KEYS));
        let page = PaginatedListOptions {
            delimiter: (!options.recursive).then_some("/".into()),
            max_keys: Some(room),
            page_token: token.take(),
            ..PaginatedListOptions::default()
        };
        let prefix_given = (!prefix.is_empty()).then_some(prefix);
        let page = store.list_paginated(prefix_given, page).await;
        let page = page.map_err(|error| store_error(&error))?;
        listing.entries.append(&mut entries_of(&page.result, prefix));
        token = page.page_token.filter(|token| !token.is_empty());
        if token.is_none() || most.is_some_and(|most| listing.entries.len() >= most) {
            break;
        }
    }
    // The files of a tree stay in the order of their keys, so that its pages follow each other.
    if !options.recursive {
        sort(&mut listing.entries);
    }
    listing.next = token.map(PageToken);
    Ok(listing)
}

/// Entries that one answer may have.
fn page_size(options: &ListOptions) -> Option<usize> {
    match options.max_results {
        Some(most) if options.recursive => Some(most.min(MAX_RECURSIVE_RESULTS)),
        None if options.recursive => Some(MAX_RECURSIVE_RESULTS),
        most => most,
    }
}

fn sort(entries: &mut [Entry]) {
    // A file and a folder may have the same name, as in the reference.
    entries.sort_by(|left, right| {
        left.path.split('/').cmp(right.path.split('/')).then(right.size.cmp(&left.size))
    });
}

fn is_before(path: &str, after: &str) -> bool {
    path.split('/').cmp(after.split('/')).is_le()
}

/// What was found, with paths below the listed folder.
fn entries_of(found: &ListResult, prefix: &str) -> Vec<Entry> {
    // What marks a folder lies at the folder's own key.
    let below = |path: &Path| {
        let below = path.as_ref().strip_prefix(prefix).filter(|below| !below.is_empty())?;
        (!below.split('/').any(is_hidden)).then(|| below.to_owned())
    };
    let folders = found
        .common_prefixes
        .iter()
        .filter_map(|folder| Some(Entry { path: below(folder)?, size: None }));
    let files = found
        .objects
        .iter()
        .filter_map(|file| Some(Entry { path: below(&file.location)?, size: Some(file.size) }));
    folders.chain(files).collect()
}
