//! The artifact service: one destination, used from async code.

use crate::{
    ArtifactError, ArtifactPath, Counters, Destination, DirectUrl, ExpectedDigests, ListOptions,
    Listing, Metadata, OpenError, OpenUpload, PartUrls, PutCondition, RemoteDestination, SentPart,
    StoreSettings,
    archive::Room,
    local::{Leftover, LocalFile, LocalStore},
    remote::{DOWNLOAD, Remote, RemoteFile, UPLOAD},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use std::{
    io,
    ops::Range,
    time::{Duration, SystemTime},
};

/// What a client says of an upload beside its bytes.
#[derive(Debug, Default)]
pub struct PutOptions {
    /// What must hold of the file that is replaced, if any.
    pub condition: PutCondition,
    /// Checksums that the bytes must have.
    pub digests: ExpectedDigests,
    /// Bytes that the operator allows.
    pub max_bytes: Option<u64>,
    /// Bytes that the client announces.
    pub length: Option<u64>,
}

/// What of a file will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// One part.
    Part(Part),
    /// Several parts, or nothing: only the metadata is asked for at once.
    Some,
}

/// A part of a file whose size is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// From the first to before the second; the end may lie behind the file's.
    Between(u64, u64),
    /// From there to the end.
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

/// The artifacts of one destination. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    place: Place,
    /// What archives hold in memory.
    pub(crate) room: Room,
    counters: Counters,
}

#[derive(Debug, Clone)]
enum Place {
    Local(LocalStore),
    Remote(Remote),
}

impl Service {
    /// Opens a destination and checks that it can be written.
    pub async fn open(
        destination: &Destination,
        settings: &StoreSettings,
    ) -> Result<Self, OpenError> {
        let place = match destination {
            Destination::Local(path) => Place::Local(LocalStore::open(path.clone()).await?),
            Destination::Remote(remote) => Place::Remote(Remote::open(remote, settings).await?),
        };
        Ok(Self { place, room: Room::default(), counters: settings.counters.clone() })
    }

    /// Opens a destination of which things are read or deleted: nothing is made there, and it is not
    /// asked whether it answers.
    pub async fn open_to_read(
        destination: &Destination,
        settings: &StoreSettings,
    ) -> Result<Self, OpenError> {
        let place = match destination {
            Destination::Local(path) => Place::Local(LocalStore::open_to_read(path.clone()).await?),
            Destination::Remote(remote) => {
                let settings = StoreSettings { is_unchecked: true, ..settings.clone() };
                Place::Remote(Remote::open(remote, &settings).await?)
            }
        };
        Ok(Self { place, room: Room::default(), counters: settings.counters.clone() })
    }

    /// Ends the use of the destination; to be called when no upload is in flight.
    pub async fn close(self) {
        match self.place {
            Place::Local(local) => local.close().await,
            Place::Remote(remote) => remote.close().await,
        }
    }

    /// Asks whether the destination answers, as cheaply as it can be asked.
    pub async fn probe(&self) -> Result<(), ArtifactError> {
        match &self.place {
            Place::Local(local) => local.probe().await,
            Place::Remote(remote) => remote.probe().await,
        }
    }

    /// Where a destination lies that is no folder of this machine.
    #[must_use]
    pub fn remote_destination(&self) -> Option<&RemoteDestination> {
        match &self.place {
            Place::Local(_) => None,
            Place::Remote(remote) => Some(remote.destination()),
        }
    }

    /// Stores a file. When this returns, its bytes and its name are durable; if it fails before the
    /// file is published, or is dropped, nothing of it remains.
    pub async fn put<S, E>(
        &self,
        path: ArtifactPath,
        body: S,
        options: PutOptions,
    ) -> Result<Metadata, ArtifactError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let upload = self.counters.begin_upload();
        let stored = match &self.place {
            Place::Local(local) => local.put(path, body, options).await,
            Place::Remote(remote) => remote.put(&path, body, options).await,
        };
        if stored.is_ok() {
            upload.succeed();
        }
        stored
    }

    /// Opens a file to be read.
    pub async fn get(&self, path: ArtifactPath, wanted: Wanted) -> Result<Artifact, ArtifactError> {
        let (file, metadata) = match &self.place {
            Place::Local(local) => {
                let (file, metadata) = local.get(path).await?;
                (File::Local(file), metadata)
            }
            Place::Remote(remote) => {
                let (file, metadata) = remote.get(&path, wanted).await?;
                (File::Remote(file), metadata)
            }
        };
        Ok(Artifact { file, metadata })
    }

    /// Lists a folder; `None` is the root. What does not exist is an empty folder.
    pub async fn list(
        &self,
        folder: Option<ArtifactPath>,
        options: ListOptions,
    ) -> Result<Listing, ArtifactError> {
        match &self.place {
            Place::Local(local) => local.list(folder, options).await,
            Place::Remote(remote) => remote.list(folder.as_ref(), &options).await,
        }
    }

    /// Deletes a file, or a folder with all that is in it. What does not exist is deleted already.
    pub async fn delete(&self, path: ArtifactPath) -> Result<(), ArtifactError> {
        match &self.place {
            Place::Local(local) => local.delete(path).await,
            Place::Remote(remote) => remote.delete(&path).await,
        }
    }

    /// Removes the folders above a path that was deleted, from the inside out, as far as they are empty.
    /// Object stores have no empty folders.
    pub async fn prune_above(&self, path: ArtifactPath) -> Result<(), ArtifactError> {
        match &self.place {
            Place::Local(local) => local.prune_above(path).await,
            Place::Remote(_) => Ok(()),
        }
    }

    /// Whether clients can be sent straight to the store.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        matches!(&self.place, Place::Remote(remote) if remote.is_direct())
    }

    fn direct(&self, what: &'static str) -> Result<&Remote, ArtifactError> {
        match &self.place {
            Place::Local(_) => Err(ArtifactError::NotDirect(what)),
            Place::Remote(remote) => Ok(remote),
        }
    }

    /// Begins an upload in parts that the client sends to the store, and says where to.
    pub async fn create_upload(
        &self,
        path: &ArtifactPath,
        part_count: u32,
    ) -> Result<PartUrls, ArtifactError> {
        self.direct(UPLOAD)?.create_upload(path, part_count).await
    }

    /// Makes the parts that a client has sent one file.
    pub async fn complete_upload(
        &self,
        path: &ArtifactPath,
        upload_id: Option<&str>,
        parts: Vec<SentPart>,
    ) -> Result<(), ArtifactError> {
        self.direct(UPLOAD)?.complete_upload(path, upload_id, parts).await
    }

    /// Gives an upload in parts up.
    pub async fn abort_upload(
        &self,
        path: &ArtifactPath,
        upload_id: Option<&str>,
    ) -> Result<(), ArtifactError> {
        self.direct(UPLOAD)?.abort_upload(path, upload_id).await
    }

    /// A URL from which a file can be downloaded for some time, with this `Content-Disposition`, and its size.
    pub async fn download_url(
        &self,
        path: &ArtifactPath,
        time: Duration,
        disposition: &str,
    ) -> Result<(DirectUrl, u64), ArtifactError> {
        self.direct(DOWNLOAD)?.download_url(path, time, disposition).await
    }

    /// A URL to which a file can be uploaded for some time.
    pub async fn upload_url(
        &self,
        path: &ArtifactPath,
        time: Duration,
    ) -> Result<DirectUrl, ArtifactError> {
        self.direct(UPLOAD)?.upload_url(path, time).await
    }

    /// Uploads in parts that were begun before `before` and never completed.
    pub async fn open_uploads(&self, before: SystemTime) -> Result<Vec<OpenUpload>, ArtifactError> {
        match &self.place {
            // They are swept when the folder is opened.
            Place::Local(_) => Ok(Vec::new()),
            Place::Remote(remote) => remote.open_uploads(before).await,
        }
    }

    /// What servers that were killed left of uploads in a folder of this machine. The next start of a server there
    /// removes it.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, ArtifactError> {
        match &self.place {
            Place::Local(local) => local.leftovers().await,
            Place::Remote(_) => Ok(Vec::new()),
        }
    }

    /// Removes what killed servers left, and nothing of living ones.
    pub async fn sweep_leftovers(&self) -> Result<(), ArtifactError> {
        match &self.place {
            Place::Local(local) => local.sweep_leftovers().await,
            Place::Remote(_) => Ok(()),
        }
    }

    /// Whether this process may write to a folder of this machine. Of a store, only a write could tell.
    pub async fn is_writable(&self) -> Option<bool> {
        match &self.place {
            Place::Local(local) => Some(local.is_writable().await),
            Place::Remote(_) => None,
        }
    }

    /// What the clock of a store says, to the second, where that is not this machine's and its answers tell.
    pub async fn clock(&self) -> Result<Option<SystemTime>, ArtifactError> {
        match &self.place {
            Place::Local(_) => Ok(None),
            Place::Remote(remote) => remote.clock().await,
        }
    }

    /// Gives up an upload that was found.
    pub async fn abort_open_upload(&self, upload: &OpenUpload) -> Result<(), ArtifactError> {
        match &self.place {
            Place::Local(_) => Ok(()),
            Place::Remote(remote) => remote.abort_open_upload(upload).await,
        }
    }
}

/// A file that is open for reading; what is read is what was there when it was opened.
#[derive(Debug, Clone)]
pub struct Artifact {
    file: File,
    metadata: Metadata,
}

#[derive(Debug, Clone)]
enum File {
    Local(LocalFile),
    Remote(RemoteFile),
}

impl Artifact {
    /// Size, time and entity tag.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The bytes of `range`, which must lie within the file, in pieces of moderate size.
    #[must_use]
    pub fn read(&self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        match &self.file {
            File::Local(file) => file.read(range).boxed(),
            File::Remote(file) => file.read(range).boxed(),
        }
    }
}
