//! Listings of another server: one folder in an answer, or with mlferry a page of a tree.

use super::{Server, client::Call, names};
use crate::{list::MAX_RECURSIVE_RESULTS, path::SEGMENTS};
use async_trait::async_trait;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::{
    Error, Extensions, ListResult, ObjectMeta, Result,
    list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore},
    path::Path,
};
use serde::Deserialize;
use std::time::SystemTime;

#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    files: Vec<File>,
    next_page_token: Option<String>,
}

/// A name in a folder.
#[derive(Debug, Deserialize)]
struct File {
    path: String,
    #[serde(default)]
    is_dir: bool,
    /// Absent where there are no bytes.
    #[serde(default, rename = "file_size")]
    size: u64,
}

/// What a listing says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    File(u64),
    Folder,
}

impl Server {
    /// What the folder above `key` says of it. A file comes before a folder of the same name.
    pub(super) async fn look_up(&self, key: &str) -> Result<Option<Listed>> {
        let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
        let answer = self.ask(folder, &[]).await?;
        let named = answer.files.iter().filter(|file| file.path == name);
        let listed =
            named.map(|file| if file.is_dir { Listed::Folder } else { Listed::File(file.size) });
        Ok(listed.min_by_key(|listed| *listed == Listed::Folder))
    }

    /// One folder.
    pub(super) async fn list_folder(&self, folder: &str) -> Result<ListResult> {
        Ok(self.ask(folder, &[]).await?.into_result(folder))
    }

    /// All files below a folder.
    pub(super) fn list_tree(
        &self,
        folder: String,
    ) -> impl Stream<Item = Result<ObjectMeta>> + Send + 'static {
        let server = self.clone();
        stream::once(async move {
            Ok::<_, Error>(if server.is_mlferry().await? {
                server.list_by_pages(folder).boxed()
            } else {
                server.walk(folder).boxed()
            })
        })
        .try_flatten()
    }

    fn list_by_pages(self, folder: String) -> impl Stream<Item = Result<ObjectMeta>> + Send {
        stream::try_unfold(Some(String::new()), move |token| {
            let (server, folder) = (self.clone(), folder.clone());
            async move {
                let Some(token) = token else { return Ok(None) };
                let most = MAX_RECURSIVE_RESULTS.to_string();
                let query = [("recursive", "true"), ("max_results", &most), ("page_token", &token)];
                let mut page = server.ask(&folder, &query).await?;
                let next = page.next_page_token.take();
                let objects = page.into_result(&folder).objects;
                Ok::<_, Error>(Some((stream::iter(objects.into_iter().map(Ok)), next)))
            }
        })
        .try_flatten()
    }

    /// Folder by folder, since the reference lists only one at a time.
    fn walk(self, folder: String) -> impl Stream<Item = Result<ObjectMeta>> + Send {
        stream::try_unfold(vec![folder], move |mut folders| {
            let server = self.clone();
            async move {
                let Some(folder) = folders.pop() else { return Ok(None) };
                let found = server.list_folder(&folder).await?;
                let deeper = found.common_prefixes.iter().map(ToString::to_string);
                // A link to a folder above has no end.
                folders.extend(deeper.filter(|folder| folder.split('/').count() <= SEGMENTS));
                Ok::<_, Error>(Some((stream::iter(found.objects.into_iter().map(Ok)), folders)))
            }
        })
        .try_flatten()
    }

    async fn ask(&self, folder: &str, query: &[(&str, &str)]) -> Result<Answer> {
        if !self.is_mlferry().await? {
            names::check_for_reference(folder)?;
        }
        let call = Call { url: self.list_url(folder, query), ..Call::default() };
        let failed = |error: reqwest::Error| super::broken(&error, folder);
        let response = match self.0.client.send(&call).await {
            Ok(response) => response,
            Err(failure) => return Err(failure.into_error(folder)),
        };
        let body = response.bytes().await.map_err(failed)?;
        serde_json::from_slice(&body).map_err(|error| Error::Generic {
            store: super::STORE,
            source: format!("the server there answered a listing that can't be read: {error}")
                .into(),
        })
    }
}

impl Answer {
    fn into_result(self, folder: &str) -> ListResult {
        let mut result = ListResult {
            common_prefixes: Vec::new(),
            objects: Vec::new(),
            extensions: Extensions::default(),
        };
        for file in self.files {
            let key = match folder {
                "" => file.path,
                folder => format!("{folder}/{}", file.path),
            };
            // What can't be asked for is not shown.
            let Ok(location) = Path::parse(&key) else { continue };
            if file.is_dir {
                result.common_prefixes.push(location);
            } else {
                result.objects.push(described(location, file.size));
            }
        }
        result
    }
}

/// A file of which only the size is known.
pub(super) fn described(location: Path, size: u64) -> ObjectMeta {
    let last_modified = SystemTime::now().into();
    ObjectMeta { location, last_modified, size, e_tag: None, version: None }
}

/// With another mlferry, the pages are its own.
#[async_trait]
impl PaginatedListStore for Server {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        options: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        let folder = prefix.unwrap_or_default().trim_end_matches('/');
        let most = options.max_keys.map(|most| most.to_string());
        let mut query = Vec::new();
        query.extend(options.delimiter.is_none().then_some(("recursive", "true")));
        query.extend(most.as_deref().map(|most| ("max_results", most)));
        query.extend(options.page_token.as_deref().map(|token| ("page_token", token)));
        let mut answer = self.ask(folder, &query).await?;
        let page_token = answer.next_page_token.take();
        Ok(PaginatedListResult { result: answer.into_result(folder), page_token })
    }
}
