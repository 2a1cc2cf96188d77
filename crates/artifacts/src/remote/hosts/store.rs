//! A host as an object store.

use super::{
    FileHost, Found, Kind,
    staging::{Staged, StagedParts},
    trouble,
};
use crate::{
    StoreTrouble,
    metadata::with_http_date,
    path::{SEGMENTS, STAGING_FOLDER},
    remote::{delete::delete_each, error::trouble_of},
};
use async_trait::async_trait;
use futures_util::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{
    Attributes, CopyOptions, Error, Extensions, GetOptions, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, path::Path,
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};
use uuid::Uuid;

/// Deletions that are under way at once.
const DELETIONS: usize = 8;
/// Folders that one listing goes through, where links to folders above can't be told from folders.
const FOLDERS: usize = 20_000;

/// A host. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Host {
    files: Arc<dyn FileHost>,
    /// The folder of unpublished uploads.
    staging: Arc<str>,
}

impl Host {
    /// Keys begin with `root`, and uploads are staged below it.
    pub(super) fn new(files: Arc<dyn FileHost>, root: &str) -> Self {
        let staging = match root {
            "" => STAGING_FOLDER.into(),
            root => format!("{root}/{STAGING_FOLDER}").into(),
        };
        Self { files, staging }
    }

    async fn stage(&self, key: &Path) -> Result<Staged> {
        let path = format!("{}/{}", self.staging, Uuid::new_v4().simple());
        Staged::begin(Arc::clone(&self.files), path, key.to_string()).await
    }

    /// One folder. A link to a folder is one, unless all below is listed: links may lead in circles.
    async fn list_folder(&self, folder: &str, with_linked_folders: bool) -> Result<ListResult> {
        let mut result = ListResult {
            common_prefixes: Vec::new(),
            objects: Vec::new(),
            extensions: Extensions::default(),
        };
        for (name, mut found) in self.files.list(folder).await? {
            let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            // What can't be asked for is not shown.
            let Ok(location) = Path::parse(&key) else { continue };
            let is_link = found.kind == Kind::Link;
            if is_link {
                let Some(target) = self.files.look(&key).await? else { continue };
                found = target;
            }
            match found.kind {
                Kind::Folder if is_link && !with_linked_folders => {}
                Kind::Folder => result.common_prefixes.push(location),
                _ => result.objects.push(described(location, &found)),
            }
        }
        Ok(result)
    }

    fn walk(self, folder: String) -> impl Stream<Item = Result<ObjectMeta>> + Send {
        stream::try_unfold((vec![folder], 0), move |(mut folders, count)| {
            let host = self.clone();
            async move {
                let Some(folder) = folders.pop() else { return Ok(None) };
                if count >= FOLDERS && !host.files.tells_links() {
                    let words = format!(
                        "more than {FOLDERS} folders are too many for one listing of this host, which may \
                         have links that lead in circles; list the folders in it one by one"
                    );
                    return Err(trouble(StoreTrouble::Refused, words, &folder));
                }
                let found = host.list_folder(&folder, false).await?;
                let deeper = found.common_prefixes.iter().map(ToString::to_string);
                // A link to a folder above has no end.
                folders.extend(deeper.filter(|folder| folder.split('/').count() <= 2 * SEGMENTS));
                let files = stream::iter(found.objects.into_iter().map(Ok));
                Ok::<_, Error>(Some((files, (folders, count + 1))))
            }
        })
        .try_flatten()
    }

    /// Deletes a file, or a folder with all that is in it. A link goes, and what it leads to stays.
    async fn delete(&self, key: Path) -> Result<Path> {
        if key.as_ref().trim().is_empty() {
            return Err(trouble(StoreTrouble::Refused, "the artifact root is no artifact", ""));
        }
        // Without a question first: a link to a folder would answer for what it leads to.
        let Err(error) = self.files.remove_file(key.as_ref()).await else { return Ok(key) };
        match self.files.look(key.as_ref()).await? {
            None => Ok(key),
            Some(found) if found.kind == Kind::Folder => {
                self.delete_tree(key.as_ref()).await?;
                Ok(key)
            }
            Some(_) => self.gone(key.as_ref(), Err(error)).await.map(|()| key),
        }
    }

    /// What became of a deletion: some hosts say of all that they refuse that it is not there.
    async fn gone(&self, path: &str, outcome: Result<()>) -> Result<()> {
        let Err(Error::NotFound { source, .. }) = &outcome else { return outcome };
        if self.files.look(path).await?.is_none() {
            return Ok(());
        }
        let words = format!("'{path}' can't be deleted: {source}");
        Err(trouble(StoreTrouble::Denied, words, path))
    }

    async fn delete_tree(&self, top: &str) -> Result<()> {
        match self.files.remove_tree(top).await {
            Ok(false) => {}
            outcome => return self.gone(top, outcome.map(|_| ())).await,
        }
        // Each folder twice: the second time it is empty.
        let mut folders = vec![(top.to_owned(), false)];
        while let Some((folder, is_empty)) = folders.pop() {
            if is_empty {
                self.gone(&folder, self.files.remove_folder(&folder).await).await?;
                continue;
            }
            if folder != top && self.removed_as_link(&folder).await? {
                continue;
            }
            folders.push((folder.clone(), true));
            let listed = self.files.list(&folder).await?;
            let (deeper, files): (Vec<_>, Vec<_>) =
                listed.iter().partition(|(_, found)| found.kind == Kind::Folder);
            let path = |name: &str| format!("{folder}/{name}");
            folders.extend(deeper.iter().map(|(name, _)| (path(name), false)));
            stream::iter(files.iter().map(|(name, _)| Ok::<_, Error>(path(name))))
                .try_for_each_concurrent(DELETIONS, |file| async move {
                    self.gone(&file, self.files.remove_file(&file).await).await
                })
                .await?;
        }
        Ok(())
    }

    /// Removes a link that looks like the folder it leads to, which is not entered then.
    async fn removed_as_link(&self, folder: &str) -> Result<bool> {
        if self.files.tells_links() {
            return Ok(false);
        }
        match self.files.remove_file(folder).await {
            Ok(()) => Ok(true),
            // So it is a real one. After any other error it may be a link.
            Err(error)
                if matches!(trouble_of(&error), StoreTrouble::Absent | StoreTrouble::Refused) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// Hosts have no entity tags. Size and time make one that is as good as the host's clock for files;
/// without a time there is none.
fn described(location: Path, found: &Found) -> ObjectMeta {
    let time = found.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let e_tag = (!time.is_zero()).then(|| format!("\"{:x}-{:x}\"", time.as_micros(), found.size));
    ObjectMeta {
        location,
        // The library's own type panics at times that are far off.
        last_modified: with_http_date(found.modified).into(),
        size: found.size,
        e_tag,
        version: None,
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.files)
    }
}

#[async_trait]
impl ObjectStore for Host {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if options.mode != PutMode::Overwrite {
            let words = "a host has no conditional writes";
            return Err(trouble(StoreTrouble::Unsupported, words, location.as_ref()));
        }
        let mut staged = self.stage(location).await?;
        for piece in payload {
            staged.write(piece).await?;
        }
        staged.publish().await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let staged = self.stage(location).await?;
        Ok(Box::new(StagedParts::new(staged, location.clone())))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = location.as_ref();
        let found = self.files.look(path).await?.filter(|found| found.kind == Kind::File);
        let absent = || trouble(StoreTrouble::Absent, "the host has no such file", path);
        let found = found.ok_or_else(absent)?;
        let meta = described(location.clone(), &found);
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            _ if options.head => 0..0,
            None => 0..meta.size,
            Some(range) => range
                .as_range(meta.size)
                .map_err(|error| trouble(StoreTrouble::Refused, error, path))?,
        };
        let body = if range.is_empty() {
            stream::empty().boxed()
        } else {
            self.files.read(path, range.clone(), found).await?
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(body),
            meta,
            range,
            attributes: Attributes::default(),
            extensions: Extensions::default(),
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        delete_each(self, locations, |host, key| async move { host.delete(key).await })
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.clone().walk(prefix.map(ToString::to_string).unwrap_or_default()).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.list_folder(prefix.map_or("", AsRef::as_ref), true).await
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        let (operation, implementer) = ("copy".to_owned(), self.to_string());
        Err(Error::NotImplemented { operation, implementer })
    }
}
