//! Uploads: a small one in one request, a large one in parts that are sent side by side.

use super::{
    Remote,
    error::{explain, has_code, store_error, trouble_of, words_of},
    parts::{Part, PartSizes, Parts},
};
use crate::{
    ArtifactError, ArtifactPath, Metadata, PutCondition, PutOptions, StoreTrouble,
    digest::Verifier, remote::download::metadata_of,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::FuturesUnordered};
use object_store::{
    Error, GetOptions, MultipartUpload, ObjectMeta, PutMode, PutMultipartOptions, PutPayload,
    PutResult, UpdateVersion, path::Path,
};
use std::time::SystemTime;
use tokio_util::task::TaskTracker;

/// Parts of one upload that are on their way to the store at once.
const PARTS_IN_FLIGHT: usize = 4;

/// Where an upload goes, and under which condition.
struct Target<'a> {
    path: &'a ArtifactPath,
    key: Path,
    condition: PutCondition,
}

impl Remote {
    /// Stores a file. Until the store has all of it, nothing is seen of it.
    pub(crate) async fn put<S, E>(
        &self,
        path: &ArtifactPath,
        body: S,
        options: PutOptions,
    ) -> Result<Metadata, ArtifactError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let target = Target { path, key: self.key(path)?, condition: options.condition };
        let replaced = self.check_condition(&target).await?;
        let sizes = PartSizes::new(options.length, self.0.opened.traits)?;
        let verifier = Verifier::new(options.digests);
        let mut parts = Parts::new(body, options.max_bytes, verifier, self.0.slots.clone());
        let first = parts.next(sizes.at(0)?).await?;
        if !first.is_last {
            return self.put_parts(&target, parts, sizes, first).await;
        }
        parts.verifier.finish().map_err(mismatch)?;
        let stored = self.put_whole(&target, replaced, first.payload).await?;
        Ok(described(parts.bytes, &stored))
    }

    /// Sends a file in one request. What it replaces is known where there is a condition.
    async fn put_whole(
        &self,
        target: &Target<'_>,
        replaced: Option<ObjectMeta>,
        payload: PutPayload,
    ) -> Result<PutResult, ArtifactError> {
        let mode = match &target.condition {
            PutCondition::Absent => PutMode::Create,
            PutCondition::EtagIn(etags) if etags.len() == 1 => PutMode::Update(UpdateVersion {
                e_tag: Some(format!("\"{}\"", etags[0])),
                // What GCS compares.
                version: replaced.and_then(|meta| meta.version),
            }),
            _ => PutMode::Overwrite,
        };
        let is_conditional = mode != PutMode::Overwrite;
        let mut options = object_store::PutOptions::from(mode);
        options.attributes = self.0.opened.attributes(target.path);
        options.tags = self.0.opened.args.tags.clone();
        let stored = self.store().put_opts(&target.key, payload.clone(), options.clone()).await;
        let stored = match stored {
            // The condition was checked a moment ago; some stores can't hold it until the end.
            Err(error) if is_conditional && trouble_of(&error) == StoreTrouble::Unsupported => {
                options.mode = PutMode::Overwrite;
                self.store().put_opts(&target.key, payload, options).await
            }
            stored => stored,
        };
        stored.map_err(|error| explain_upload(&error, target))
    }

    /// Sends a file in parts, the next of which is gathered meanwhile.
    async fn put_parts<S, E>(
        &self,
        target: &Target<'_>,
        mut parts: Parts<S>,
        sizes: PartSizes,
        first: Part,
    ) -> Result<Metadata, ArtifactError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let options = PutMultipartOptions {
            attributes: self.0.opened.attributes(target.path),
            tags: self.0.opened.args.tags.clone(),
            ..PutMultipartOptions::default()
        };
        let upload = self.store().put_multipart_opts(&target.key, options).await;
        let upload = upload.map_err(|error| explain_upload(&error, target))?;
        let mut upload = Unfinished::new(upload, self.0.aborts.clone());
        let mut in_flight = FuturesUnordered::new();
        let mut part = first;
        for index in 1.. {
            let (sending, slot) = (upload.get().put_part(part.payload), part.slot);
            in_flight.push(async move {
                let sent = sending.await;
                drop(slot);
                sent
            });
            if part.is_last {
                break;
            }
            let next = parts.next(sizes.at(index)?);
            tokio::pin!(next);
            part = loop {
                tokio::select! {
                    biased;
                    Some(sent) = in_flight.next() => sent.map_err(|error| explain_upload(&error, target))?,
                    next = &mut next, if in_flight.len() < PARTS_IN_FLIGHT => break next?,
                }
            };
        }
        while let Some(sent) = in_flight.next().await {
            sent.map_err(|error| explain_upload(&error, target))?;
        }
        let bytes = parts.bytes;
        parts.verifier.finish().map_err(mismatch)?;
        // Again, since the body may have taken hours.
        self.check_condition(target).await?;
        let stored = upload.get().complete().await;
        let stored = stored.map_err(|error| explain_upload(&error, target))?;
        upload.keep();
        Ok(described(bytes, &stored))
    }

    /// Whether the client's condition holds now, and of what, if there is one.
    async fn check_condition(
        &self,
        target: &Target<'_>,
    ) -> Result<Option<ObjectMeta>, ArtifactError> {
        if target.condition == PutCondition::Always {
            return Ok(None);
        }
        let current = match self.stat(&target.key).await {
            Ok(meta) => Some(meta),
            Err(error) if trouble_of(&error) == StoreTrouble::Absent => None,
            Err(error) => return Err(store_error(&error)),
        };
        if target.condition.holds(current.as_ref().map(metadata_of).as_ref()) {
            Ok(current)
        } else {
            Err(ArtifactError::PreconditionFailed(target.path.clone()))
        }
    }

    /// What the store knows of an object.
    pub(super) async fn stat(&self, key: &Path) -> Result<ObjectMeta, Error> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        self.store().get_opts(key, options).await.map(|found| found.meta)
    }
}

/// Translates what a store says of an upload.
fn explain_upload(error: &Error, target: &Target<'_>) -> ArtifactError {
    let again = |words| ArtifactError::Store { trouble: StoreTrouble::Unavailable, words };
    match explain(error, target.path) {
        // That something is absent, as an upload that it has forgotten, is nothing that the client could mend.
        ArtifactError::NotFound(_) => again(words_of(error)),
        // Azure forgets the blocks of all others when one upload to a blob ends.
        ArtifactError::Store { words, .. } if has_code(error, "InvalidBlockList") => again(words),
        // Who creates a file at the same moment is as good as who did so before.
        ArtifactError::Store { trouble: StoreTrouble::Unavailable, .. }
            if matches!(error, Error::AlreadyExists { .. })
                && target.condition != PutCondition::Always =>
        {
            ArtifactError::PreconditionFailed(target.path.clone())
        }
        error => error,
    }
}

fn mismatch((expected, actual): (crate::ExpectedDigest, crate::ExpectedDigest)) -> ArtifactError {
    ArtifactError::DigestMismatch { expected, actual }
}

fn described(size: u64, stored: &PutResult) -> Metadata {
    let etag = stored.e_tag.as_deref().and_then(super::download::strong);
    Metadata { size, etag, modified: SystemTime::now() }
}

/// An upload in parts that is given up at the store when it is dropped before its end.
struct Unfinished {
    upload: Option<Box<dyn MultipartUpload>>,
    aborts: TaskTracker,
}

impl Unfinished {
    fn new(upload: Box<dyn MultipartUpload>, aborts: TaskTracker) -> Self {
        Self { upload: Some(upload), aborts }
    }

    fn get(&mut self) -> &mut dyn MultipartUpload {
        self.upload.as_deref_mut().expect("only keep() takes it, and takes self with it")
    }

    fn keep(mut self) {
        self.upload = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        self.aborts.spawn(async move {
            if let Err(error) = upload.abort().await {
                let reason = super::error::words_of(&error);
                tracing::warn!(reason, "an upload that broke is left at the store; `mlferry artifacts sweep` removes it");
            }
        });
    }
}
