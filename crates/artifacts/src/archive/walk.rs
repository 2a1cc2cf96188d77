//! The files of a folder, one after the other, with the next small ones read ahead.

use super::SMALL_FILES;
use crate::{
    Artifact, ArtifactError, ArtifactPath, Entry, ListOptions, Listing, PageToken, Service, Wanted,
};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use std::{collections::VecDeque, io, time::SystemTime, vec};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;

/// Entries of the first page, so that the first byte does not wait for more; the others have as many as
/// a listing may.
const FIRST_PAGE: usize = 1000;

/// A walk through a folder and all below it.
pub(super) struct Walk {
    service: Service,
    folder: ArtifactPath,
    /// The folder in the archive that holds all members.
    top: String,
    page: vec::IntoIter<Entry>,
    /// It is asked for while the page before is sent.
    next_page: Option<AbortOnDropHandle<Result<Listing, ArtifactError>>>,
    ahead: VecDeque<Ahead>,
}

/// A file whose turn comes soon.
struct Ahead {
    name: String,
    state: State,
}

enum State {
    /// It is opened when its turn comes: a body that waits for long would be cut by its store.
    Later(ArtifactPath),
    /// A task reads it, whether or not somebody waits for it.
    Fetched(AbortOnDropHandle<Result<Option<Found>, ArtifactError>>),
}

/// A file that was opened.
struct Found {
    size: u64,
    modified: SystemTime,
    bytes: BoxStream<'static, io::Result<Bytes>>,
}

/// A member of an archive.
pub(super) struct Member {
    /// Below the archive's top folder, and with it.
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    pub(super) modified: SystemTime,
    bytes: BoxStream<'static, io::Result<Bytes>>,
    left: u64,
}

impl Member {
    pub(super) fn new(
        name: String,
        size: u64,
        modified: SystemTime,
        bytes: BoxStream<'static, io::Result<Bytes>>,
    ) -> Self {
        Self { name, size, modified, bytes, left: size }
    }

    /// The next of its bytes; an error when they are more or less than its size, which was told already.
    pub(super) async fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        let piece = self.bytes.try_next().await.map_err(|error| of_member(&self.name, error))?;
        let length = piece.as_ref().map_or(0, |piece| piece.len() as u64);
        match self.left.checked_sub(length) {
            Some(left) if piece.is_some() || left == 0 => self.left = left,
            _ => return Err(of_member(&self.name, io::Error::other("its size has changed"))),
        }
        Ok(piece)
    }

    /// Its modification time in seconds since 1970.
    pub(super) fn modified_seconds(&self) -> u64 {
        self.modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
    }
}

impl Walk {
    pub(super) async fn start(
        service: Service,
        folder: ArtifactPath,
        top: String,
    ) -> Result<Self, ArtifactError> {
        let first = first_page(&service, &folder, FIRST_PAGE).await?;
        let page = Vec::new().into_iter();
        let mut walk = Self { service, folder, top, page, next_page: None, ahead: VecDeque::new() };
        walk.turn_to(first);
        Ok(walk)
    }

    /// The next file.
    pub(super) async fn next(&mut self) -> io::Result<Option<Member>> {
        loop {
            self.look_ahead().await.map_err(io::Error::other)?;
            let Some(Ahead { name, state }) = self.ahead.pop_front() else { return Ok(None) };
            let found = match state {
                State::Later(path) => {
                    open(&self.service, path).await.map(|file| file.as_ref().map(found))
                }
                State::Fetched(task) => task.await?,
            };
            // What was deleted meanwhile is left out, as if it had been a moment earlier.
            if let Some(found) = found.map_err(|error| of_member(&name, error))? {
                let Found { size, modified, bytes } = found;
                return Ok(Some(Member::new(name, size, modified, bytes)));
            }
        }
    }

    /// Starts to read the next small files.
    async fn look_ahead(&mut self) -> Result<(), ArtifactError> {
        while self.ahead.len() < SMALL_FILES {
            let Some(entry) = self.page.next() else {
                let is_awaited = self.ahead.is_empty();
                match self.next_page.take_if(|page| is_awaited || page.is_finished()) {
                    Some(page) => {
                        let page = page.await.map_err(io::Error::from)??;
                        self.turn_to(page);
                        continue;
                    }
                    None => return Ok(()),
                }
            };
            let Some(path) = self.folder.join_found(&entry.path) else {
                tracing::warn!(path = entry.path, "left out of an archive: no path leads to it");
                continue;
            };
            let name = format!("{}/{}", self.top, entry.path);
            let state = match self.service.room.take(entry.size.unwrap_or(0)) {
                Some(room) => State::Fetched(spawn(fetch(self.service.clone(), path, room))),
                None => State::Later(path),
            };
            self.ahead.push_back(Ahead { name, state });
        }
        Ok(())
    }

    fn turn_to(&mut self, page: Listing) {
        self.page = page.entries.into_iter();
        self.next_page = page.next.map(|after| {
            let (service, folder) = (self.service.clone(), self.folder.clone());
            spawn(async move { list(&service, &folder, None, Some(after)).await })
        });
    }
}

/// The first files of a folder, if there is one. It may be empty where the destination has such folders.
pub(super) async fn first_page(
    service: &Service,
    folder: &ArtifactPath,
    most: usize,
) -> Result<Listing, ArtifactError> {
    let listing = list(service, folder, Some(most), None).await?;
    if listing.entries.is_empty() && listing.next.is_none() {
        match service.get(folder.clone(), Wanted::Some).await {
            Ok(_) => return Err(ArtifactError::IsFile(folder.clone())),
            Err(ArtifactError::IsFolder(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listing)
}

async fn list(
    service: &Service,
    folder: &ArtifactPath,
    max_results: Option<usize>,
    after: Option<PageToken>,
) -> Result<Listing, ArtifactError> {
    let options = ListOptions { recursive: true, max_results, after, may_exceed: true };
    service.list(Some(folder.clone()), options).await
}

/// Opens a file, unless it is gone.
async fn open(service: &Service, path: ArtifactPath) -> Result<Option<Artifact>, ArtifactError> {
    match service.get(path, Wanted::Whole).await {
        Ok(artifact) => Ok(Some(artifact)),
        Err(ArtifactError::NotFound(_) | ArtifactError::IsFolder(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn found(artifact: &Artifact) -> Found {
    let metadata = artifact.metadata();
    let (size, modified) = (metadata.size, metadata.modified());
    Found { size, modified, bytes: artifact.read(0..size) }
}

/// Reads a small file whole.
async fn fetch(
    service: Service,
    path: ArtifactPath,
    room: OwnedSemaphorePermit,
) -> Result<Option<Found>, ArtifactError> {
    let Some(artifact) = open(&service, path).await? else { return Ok(None) };
    let found = found(&artifact);
    if found.size > room.num_permits() as u64 {
        // It was replaced since it was listed.
        return Ok(Some(found));
    }
    let bytes = gathered(found.bytes, found.size).await?;
    let bytes = stream::iter([bytes]).map(move |bytes| {
        let _kept_until_sent = &room;
        Ok(bytes)
    });
    Ok(Some(Found { bytes: bytes.boxed(), ..found }))
}

/// All pieces as one that holds nothing else. Those that come over a network are slices of larger buffers,
/// which they would keep.
async fn gathered(
    mut pieces: BoxStream<'static, io::Result<Bytes>>,
    size: u64,
) -> io::Result<Bytes> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let mut bytes = BytesMut::new();
    while let Some(piece) = pieces.try_next().await? {
        match piece.try_into_mut() {
            // A file of this machine comes in a buffer of its own.
            Ok(whole) if whole.len() == size && whole.capacity() == size => bytes = whole,
            Ok(piece) => append(&mut bytes, &piece, size),
            Err(piece) => append(&mut bytes, &piece, size),
        }
    }
    Ok(bytes.freeze())
}

fn append(bytes: &mut BytesMut, piece: &[u8], size: usize) {
    bytes.reserve(size.saturating_sub(bytes.len()));
    bytes.extend_from_slice(piece);
}

fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> AbortOnDropHandle<T> {
    AbortOnDropHandle::new(tokio::spawn(work))
}

fn of_member(name: &str, error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("'{name}': {error}"))
}

#[cfg(test)]
mod tests {
    use super::{super::ROOM_BYTES, *};
    use crate::{Destination, StoreSettings};
    use std::{fs, sync::Arc};

    #[tokio::test]
    async fn what_is_read_ahead_keeps_no_larger_buffers() {
        let large = Arc::<[u8]>::from(vec![7; 1 << 20]);
        let buffer = Bytes::from_owner(Arc::clone(&large));
        let pieces = [Ok(buffer.slice(..100)), Ok(buffer.slice(5000..5100))];
        drop(buffer);
        let bytes = gathered(stream::iter(pieces).boxed(), 200).await.unwrap();
        assert_eq!(bytes, [7; 200].as_slice());
        assert_eq!(Arc::strong_count(&large), 1);
        let fitting = Bytes::from(vec![7; 200]);
        let place = fitting.as_ptr();
        let bytes = gathered(stream::iter([Ok(fitting)]).boxed(), 200).await.unwrap();
        assert_eq!(bytes.as_ptr(), place);
    }

    #[tokio::test]
    async fn what_has_grown_is_not_read_ahead() {
        let home = tempfile::tempdir().unwrap();
        let destination = Destination::Local(home.path().to_owned());
        let service = Service::open(&destination, &StoreSettings::default()).await.unwrap();
        let path = ArtifactPath::parse("a").unwrap();
        let held = || ROOM_BYTES - service.room.0.available_permits();
        for (size, kept) in [(10_000, 10_000), (10_001, 0)] {
            fs::write(home.path().join("a"), vec![7; size]).unwrap();
            let room = service.room.take(10_000).unwrap();
            let found = fetch(service.clone(), path.clone(), room).await.unwrap().unwrap();
            assert_eq!(held(), kept);
            let bytes: Vec<Bytes> = found.bytes.try_collect().await.unwrap();
            assert_eq!(bytes.concat().len(), size);
            assert_eq!(held(), 0);
        }
    }
}
