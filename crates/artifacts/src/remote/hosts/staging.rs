//! Uploads on their way to a host.

use super::{FileHost, Kind, NewFile, rename, trouble};
use crate::StoreTrouble;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use object_store::{
    Error, Extensions, MultipartUpload, PutPayload, PutResult, Result, UploadPart, path::Path,
};
use std::sync::Arc;
use tokio::{
    runtime::Handle,
    sync::{Mutex, oneshot},
};

/// A file in the staging folder. It is removed when it is dropped before it was published.
pub(super) struct Staged {
    host: Arc<dyn FileHost>,
    /// Where it is.
    path: String,
    /// Where it will be.
    target: String,
    file: Option<Box<dyn NewFile>>,
    is_there: bool,
}

impl Staged {
    pub(super) async fn begin(
        host: Arc<dyn FileHost>,
        path: String,
        target: String,
    ) -> Result<Self> {
        // Before it is awaited: who gives up meanwhile may leave a file.
        let mut staged = Self { host, path, target, file: None, is_there: true };
        staged.file = Some(staged.host.create(&staged.path).await?);
        Ok(staged)
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.file {
            Some(file) => file.write(bytes).await,
            None => Err(over()),
        }
    }

    /// Gives the file its name, after the host has all of it.
    pub(super) async fn publish(&mut self) -> Result<PutResult> {
        self.file.as_mut().ok_or_else(over)?.finish().await?;
        self.file = None;
        let (host, path, target) = (Arc::clone(&self.host), self.path.clone(), self.target.clone());
        // To its end, even if nobody waits for it: the old file may be aside for a moment.
        let renaming =
            tokio::spawn(async move { rename::publish(host.as_ref(), &path, &target).await });
        if let Err(error) = renaming.await.map_err(|_| over())? {
            return Err(in_the_way(self.host.as_ref(), &self.target).await.unwrap_or(error));
        }
        self.is_there = false;
        Ok(PutResult { e_tag: None, version: None, extensions: Extensions::default() })
    }

    /// Removes what was written.
    pub(super) async fn remove(&mut self) -> Result<()> {
        self.file = None;
        if std::mem::take(&mut self.is_there) {
            self.host.remove_file(&self.path).await?;
        }
        Ok(())
    }
}

/// What hinders the file from having its name.
async fn in_the_way(host: &dyn FileHost, target: &str) -> Option<Error> {
    let refused = |words: String| Some(trouble(StoreTrouble::Refused, words, target));
    if host.look(target).await.ok()?.is_some_and(|found| found.kind == Kind::Folder) {
        return refused(format!("'{target}' is a directory there"));
    }
    for (end, _) in target.match_indices('/') {
        let above = &target[..end];
        if host.look(above).await.ok()?.is_some_and(|found| found.kind == Kind::File) {
            return refused(format!("'{above}' is a file there, not a directory"));
        }
    }
    None
}

impl Drop for Staged {
    fn drop(&mut self) {
        // An open file may not be deletable.
        self.file = None;
        let Ok(runtime) = Handle::try_current() else { return };
        if self.is_there {
            let (host, path) = (Arc::clone(&self.host), std::mem::take(&mut self.path));
            runtime.spawn(async move {
                // It may never have been created.
                let _ = host.remove_file(&path).await;
            });
        }
    }
}

fn over() -> Error {
    trouble(StoreTrouble::Unavailable, "the upload is over", "")
}

/// An upload whose parts are written one after the other.
pub(super) struct StagedParts {
    staged: Arc<Mutex<Staged>>,
    /// Says when all parts so far are written: they are polled side by side.
    turn: Option<oneshot::Receiver<()>>,
    path: Path,
}

impl StagedParts {
    pub(super) fn new(staged: Staged, path: Path) -> Self {
        let (begin, turn) = oneshot::channel();
        let _ = begin.send(());
        Self { staged: Arc::new(Mutex::new(staged)), turn: Some(turn), path }
    }
}

impl std::fmt::Debug for StagedParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StagedParts").field("path", &self.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl MultipartUpload for StagedParts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (done, next) = oneshot::channel();
        let turn = self.turn.replace(next);
        let staged = Arc::clone(&self.staged);
        async move {
            if let Some(turn) = turn {
                turn.await.map_err(|_| over())?;
            }
            let mut staged = staged.lock().await;
            for piece in data {
                staged.write(piece).await?;
            }
            let _ = done.send(());
            Ok(())
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let turn = self.turn.take().ok_or_else(over)?;
        turn.await.map_err(|_| over())?;
        self.staged.lock().await.publish().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.turn = None;
        self.staged.lock().await.remove().await
    }
}
