//! An archive, unpacked into a folder while it comes in.

use super::{
    MAX_MEMBERS, SMALL_FILES,
    heads::end_of,
    member::{self, Kind, kind_of},
    source::{ExtractFormat, Meter, Source, explain},
};
use crate::{ArtifactError, ArtifactPath, PutOptions, Service};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use std::{
    collections::HashSet,
    convert::Infallible,
    error::Error,
    fmt,
    hash::{BuildHasher, RandomState},
    io,
};
use thiserror::Error;
use tokio::{io::AsyncReadExt, sync::OwnedSemaphorePermit, task::JoinSet};
use tokio_tar::{Archive, Entry};
use tokio_util::io::ReaderStream;

/// Bytes of a large member that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// The end of an archive is marked by blocks of zeros; the first was read when this is asked for.
const END_BYTES: u64 = 512;

/// Characters of a member's name in an error, and of other words about it. An archive may hold names of a
/// megabyte.
const QUOTED_CHARACTERS: usize = 500;

/// What a client says of an archive beside its bytes.
#[derive(Debug, Clone, Copy)]
pub struct ExtractOptions {
    /// How it is compressed.
    pub format: ExtractFormat,
    /// Bytes of each member that the operator allows.
    pub max_bytes: Option<u64>,
}

/// What was stored of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Files.
    pub files: u64,
    /// Bytes in all of them.
    pub bytes: u64,
}

/// Why an archive was not unpacked to its end. What was stored before stays.
#[derive(Debug, Error)]
pub struct ExtractError {
    /// The member that could not be stored, if it was not the archive as a whole. A long name is cut.
    pub member: Option<String>,
    /// Why.
    #[source]
    pub reason: ArtifactError,
    /// What is stored of the archive.
    pub stored: Extracted,
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The archive was not unpacked")?;
        if let Some(member) = &self.member {
            write!(f, " at its member '{member}'")?;
        }
        write!(f, ": {}. ", self.reason.to_string().trim_end_matches('.'))?;
        match self.stored.files {
            0 => f.write_str("Nothing of it is stored."),
            1 => f.write_str("1 file of it is stored."),
            files => write!(f, "{files} files of it are stored."),
        }
    }
}

impl Service {
    /// Unpacks a tar archive into a folder. Each file is stored as [`Service::put`] does it, as soon as
    /// it has come, and small ones side by side; none is seen before it is complete. The first member
    /// that can't be stored ends it, and what was stored before stays.
    pub async fn extract<S, E>(
        &self,
        folder: &ArtifactPath,
        body: S,
        options: ExtractOptions,
    ) -> Result<Extracted, ExtractError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let (source, meter) = Source::new(body, options.format);
        let mut unpacking = Unpacking {
            service: self,
            folder,
            max_bytes: options.max_bytes,
            meter,
            members: 0,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            in_flight: JoinSet::new(),
            stored: Extracted::default(),
        };
        let result = unpacking.unpack(source).await;
        // Also after a refusal, so that what is said to be stored is.
        let rest = unpacking.wait_for(0).await;
        let stored = unpacking.stored;
        result.and(rest).map(|()| stored).map_err(|Refusal { member, reason }| ExtractError {
            member,
            reason,
            stored,
        })
    }
}

/// Why it does not go on.
struct Refusal {
    member: Option<String>,
    reason: ArtifactError,
}

impl Refusal {
    fn of_archive(reason: ArtifactError) -> Self {
        Self { member: None, reason }
    }

    fn of_member(name: &str, reason: ArtifactError) -> Self {
        Self { member: Some(cut(name)), reason }
    }
}

/// A small member on its way to the store.
type Sent = Result<u64, Refusal>;

struct Unpacking<'a> {
    service: &'a Service,
    folder: &'a ArtifactPath,
    max_bytes: Option<u64>,
    meter: Meter,
    members: u64,
    /// Hashes of the names so far, as names would take ten times the memory. That two of a million
    /// names have the same happens to one archive in forty million, which is then refused.
    seen: HashSet<u64>,
    hasher: RandomState,
    in_flight: JoinSet<Sent>,
    stored: Extracted,
}

impl Unpacking<'_> {
    async fn unpack(&mut self, source: Source) -> Result<(), Refusal> {
        let of_archive = |error| Refusal::of_archive(explain(error));
        let mut archive = Archive::new(source);
        let mut entries = archive.entries().map_err(of_archive)?;
        let mut next = 0;
        loop {
            self.meter.expect_head(next);
            let Some(entry) = entries.next().await else { break };
            let mut entry = entry.map_err(of_archive)?;
            next = end_of(entry.raw_file_position(), entry.effective_size());
            let name = entry.path_bytes().map_err(of_archive)?.into_owned();
            let shown = String::from_utf8_lossy(&name).into_owned();
            let of_member = |reason| Refusal::of_member(&shown, reason);
            match self.check(&mut entry, &name).await.map_err(of_member)? {
                Kind::Passed => {}
                Kind::File(path) => self.store(&shown, path, entry).await?,
            }
        }
        drop(entries);
        match archive.into_inner() {
            Ok(source) => self.check_end(source).await.map_err(Refusal::of_archive),
            Err(_) => Err(Refusal::of_archive(bad("it could not be read to its end"))),
        }
    }

    /// What is to be done with a member.
    async fn check(
        &mut self,
        entry: &mut Entry<Archive<Source>>,
        name: &[u8],
    ) -> Result<Kind, ArtifactError> {
        self.members += 1;
        if self.members > MAX_MEMBERS {
            return Err(bad(format!("an archive may have {MAX_MEMBERS} members; send several")));
        }
        let kind = entry.header().entry_type();
        let is_global = kind.is_pax_global_extensions();
        if let Some(attributes) = entry.pax_extensions().await.map_err(explain)? {
            for attribute in attributes {
                let attribute = attribute.map_err(explain)?;
                let key = attribute.key_bytes();
                if key.starts_with(b"GNU.sparse.") {
                    return Err(bad(member::sparse()));
                }
                // Readers differ in what they make of these for all members.
                if is_global && matches!(key, b"path" | b"linkpath" | b"size") {
                    return Err(bad("it sets a name or size for all members"));
                }
            }
        }
        if is_global {
            return Ok(Kind::Passed);
        }
        let size = entry.effective_size();
        let Kind::File(path) = kind_of(kind, name, size).map_err(bad)? else {
            return Ok(Kind::Passed);
        };
        if let Some(limit) = self.max_bytes.filter(|limit| size > *limit) {
            return Err(ArtifactError::TooLarge { limit });
        }
        if !self.seen.insert(self.hasher.hash_one(path.as_str())) {
            return Err(bad("the archive holds it twice"));
        }
        // The folder counts, too, where a path has too many names.
        let path = ArtifactPath::parse(self.folder.join(&path).as_str());
        path.map(Kind::File).map_err(|error| bad(error.to_string()))
    }

    async fn store(
        &mut self,
        name: &str,
        path: ArtifactPath,
        entry: Entry<Archive<Source>>,
    ) -> Result<(), Refusal> {
        let size = entry.effective_size();
        self.meter.expect_member(size);
        let options =
            PutOptions { length: Some(size), max_bytes: self.max_bytes, ..PutOptions::default() };
        let Some(room) = self.service.room.take(size) else {
            let body = ReaderStream::with_capacity(entry, READ_BYTES);
            let stored = self.service.put(path, body, options).await;
            let stored = stored.map_err(|error| Refusal::of_member(name, unwrapped(error)))?;
            self.count(stored.size);
            return Ok(());
        };
        let bytes = read(entry, size).await;
        let bytes = bytes.map_err(|error| Refusal::of_member(name, explain(error)))?;
        self.wait_for(SMALL_FILES - 1).await?;
        self.send(name.to_owned(), path, bytes, options, room);
        Ok(())
    }

    /// Stores a small member beside others.
    fn send(
        &mut self,
        name: String,
        path: ArtifactPath,
        bytes: Bytes,
        options: PutOptions,
        room: OwnedSemaphorePermit,
    ) {
        let service = self.service.clone();
        self.in_flight.spawn(async move {
            let body = stream::iter([Ok::<_, Infallible>(bytes)]);
            let stored = service.put(path, body, options).await;
            drop(room);
            match stored {
                Ok(stored) => Ok(stored.size),
                Err(reason) => Err(Refusal::of_member(&name, reason)),
            }
        });
    }

    /// Waits until at most `most` members are on their way. The first failure of one is told when all
    /// that was asked for is done.
    async fn wait_for(&mut self, most: usize) -> Result<(), Refusal> {
        let mut result = Ok(());
        while self.in_flight.len() > most
            && let Some(sent) = self.in_flight.join_next().await
        {
            match sent {
                Ok(Ok(bytes)) => self.count(bytes),
                Ok(Err(refusal)) => result = result.and(Err(refusal)),
                Err(error) => {
                    let reason = ArtifactError::Io(error.into());
                    result = result.and(Err(Refusal::of_archive(reason)));
                }
            }
        }
        result
    }

    fn count(&mut self, bytes: u64) {
        self.stored.files += 1;
        self.stored.bytes += bytes;
    }

    /// Whether the archive is complete: only its marked end tells it from one that was cut between two
    /// members.
    async fn check_end(&self, mut source: Source) -> Result<(), ArtifactError> {
        self.meter.expect_tail();
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        let mut tail = 0;
        loop {
            buffer.clear();
            match source.read_buf(&mut buffer).await.map_err(explain)? {
                0 if tail < END_BYTES => return Err(bad("it ends too early; send all of it")),
                0 => return Ok(()),
                read => tail += read as u64,
            }
            if buffer.iter().any(|byte| *byte != 0) {
                return Err(bad("something follows its end; send one archive at a time"));
            }
        }
    }
}

/// Reads a small member whole.
async fn read(mut entry: Entry<Archive<Source>>, size: u64) -> io::Result<Bytes> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(size).unwrap_or(0));
    while (bytes.len() as u64) < size {
        if entry.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes.freeze())
}

/// What broke a body that was read from an archive.
fn unwrapped(error: ArtifactError) -> ArtifactError {
    match error {
        ArtifactError::BodyIncomplete(source) => match source.downcast::<io::Error>() {
            Ok(error) => explain(*error),
            Err(source) => ArtifactError::BodyIncomplete(source),
        },
        error => error,
    }
}

fn bad(reason: impl AsRef<str>) -> ArtifactError {
    ArtifactError::BadArchive(cut(reason.as_ref()))
}

/// A text for an error, without its end if it is long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
