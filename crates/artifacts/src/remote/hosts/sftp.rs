//! SFTP, through the machine's own `ssh`: keys, agents, known hosts and jump hosts are those of OpenSSH.

use super::{FileHost, Found, Kind, NewFile, NotDone, folders_above, or_none, trouble};
use crate::{StoreSettings, StoreTrouble, remote::error::words_of};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{Error, Result};
use openssh::{ControlPersist, KnownHosts, SessionBuilder};
use openssh_sftp_client::{
    Error as SftpError, Sftp as Client, SftpOptions,
    error::SftpErrorKind,
    file::{File, TokioCompatFile},
    metadata::MetaData,
};
use std::{
    fmt,
    future::Future,
    io::SeekFrom,
    ops::Range,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncSeekExt, AsyncWriteExt},
    sync::Mutex,
    time::timeout,
};

/// Time for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// How long `ssh` outlives a server that was killed.
const PERSIST_SECONDS: usize = 30;
/// After so many seconds without a word, `ssh` asks whether the host is still there, three times.
const ALIVE_TIME: Duration = Duration::from_secs(10);
/// Time for an answer, and for a piece of a file.
const ANSWER_TIME: Duration = Duration::from_mins(1);
/// Time until a host has written all of a file to its disk.
const FLUSH_TIME: Duration = Duration::from_mins(5);
/// Bytes that are asked for at once; a host may give less.
const READ_BYTES: u32 = 256 * 1024;

/// A host. All that goes on shares one connection, which is opened again when it breaks.
pub(super) struct Sftp {
    /// `ssh://user@host:port`
    address: String,
    configuration: Option<PathBuf>,
    shared: Shared,
}

/// The connection.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Connection>>);

#[derive(Default)]
struct Connection {
    client: Option<Arc<Client>>,
    /// When the last attempt failed, and how.
    failure: Option<(Instant, String)>,
}

impl Shared {
    async fn forget(&self, broken: &Arc<Client>) {
        let mut connection = self.0.lock().await;
        if connection.client.as_ref().is_some_and(|current| Arc::ptr_eq(current, broken)) {
            connection.client = None;
        }
    }
}

impl Sftp {
    pub(super) fn new(host: &str, user: Option<&str>, settings: &StoreSettings) -> Self {
        let address = match user {
            Some(user) => format!("ssh://{user}@{host}"),
            None => format!("ssh://{host}"),
        };
        // OpenSSH itself asks the system for the home folder; the reference asks the variable.
        let file = settings.get("HOME").map(|home| PathBuf::from(home).join(".ssh/config"));
        Self {
            address,
            configuration: file.filter(|file| file.is_file()),
            shared: Shared::default(),
        }
    }

    async fn client(&self) -> Result<Arc<Client>> {
        let asked = Instant::now();
        let mut connection = self.shared.0.lock().await;
        if let Some(client) = &connection.client {
            return Ok(Arc::clone(client));
        }
        // Who waited for an attempt that failed does not make the next one.
        if let Some((failed_at, words)) = &connection.failure
            && *failed_at >= asked
        {
            return Err(failed(words, ""));
        }
        let connected = timeout(2 * CONNECT_TIME, self.connect()).await;
        match connected.unwrap_or_else(|_| Err(failed("the host does not answer", ""))) {
            Ok(client) => {
                connection.client = Some(Arc::clone(&client));
                Ok(client)
            }
            Err(error) => {
                connection.failure = Some((Instant::now(), words_of(&error)));
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Arc<Client>> {
        let mut builder = SessionBuilder::default();
        builder
            .known_hosts_check(KnownHosts::Strict)
            .connect_timeout(CONNECT_TIME)
            .server_alive_interval(ALIVE_TIME)
            .control_persist(ControlPersist::IdleFor(
                PERSIST_SECONDS.try_into().map_err(|error| failed(error, ""))?,
            ))
            // Its default is in the home folder, which a service may not write.
            .control_directory(std::env::temp_dir());
        if let Some(file) = &self.configuration {
            builder.config_file(file);
        }
        let session = builder.connect(&self.address).await;
        let session = session.map_err(|error| failed(with_causes(&error), ""))?;
        let client = Client::from_session(session, SftpOptions::default()).await;
        client.map(Arc::new).map_err(|error| failed(error, ""))
    }

    /// Makes a call that may be made twice: the connection may have broken since the last one.
    async fn call<T, F, Answer>(&self, path: &str, call: F) -> Result<T>
    where
        F: Fn(Arc<Client>, String) -> Answer + Send,
        Answer: Future<Output = Result<T, SftpError>> + Send,
        T: Send,
    {
        let client = self.client().await?;
        match self.answered(&client, path, call(Arc::clone(&client), at(path))).await {
            Err(NotDone::Unclear(_)) => {
                let client = self.client().await?;
                let answer = call(Arc::clone(&client), at(path));
                Ok(self.answered(&client, path, answer).await?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Waits for an answer. Without one, the connection is given up.
    async fn answered<T: Send>(
        &self,
        client: &Arc<Client>,
        path: &str,
        answer: impl Future<Output = Result<T, SftpError>> + Send,
    ) -> Result<T, NotDone> {
        let failure = match timeout(ANSWER_TIME, answer).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) if is_answer(&error) => {
                return Err(NotDone::Refused(explain(error, path)));
            }
            Ok(Err(error)) => explain(error, path),
            Err(_) => failed("the host does not answer", path),
        };
        self.shared.forget(client).await;
        Err(NotDone::Unclear(failure))
    }

    async fn rename_once(&self, from: &str, to: &str) -> Result<(), NotDone> {
        let client = self.client().await.map_err(NotDone::Unclear)?;
        let mut files = client.fs();
        self.answered(&client, to, files.rename(at(from), at(to))).await
    }

    async fn make_folders_above(&self, path: &str) -> Result<()> {
        // From the inside out, since most are there already.
        let mut missing = Vec::new();
        for folder in folders_above(path).rev() {
            let made = self
                .call(folder, |client, path| async move { client.fs().create_dir(path).await })
                .await;
            match made {
                Ok(()) => break,
                Err(Error::NotFound { .. }) => missing.push(folder),
                // Most likely it is there.
                Err(error) => match self.look(folder).await? {
                    Some(_) => break,
                    None => return Err(error),
                },
            }
        }
        for folder in missing.into_iter().rev() {
            let made = self
                .call(folder, |client, path| async move { client.fs().create_dir(path).await })
                .await;
            // Another upload may have been faster.
            if let Err(error) = made
                && self.look(folder).await?.is_none()
            {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// A path as the host knows it.
fn at(path: &str) -> String {
    format!("/{path}")
}

/// Whether the host answered at all.
fn is_answer(error: &SftpError) -> bool {
    matches!(error, SftpError::SftpError(..) | SftpError::UnsupportedExtension(_))
}

fn explain(error: SftpError, path: &str) -> Error {
    match &error {
        SftpError::SftpError(kind, message) => match kind {
            SftpErrorKind::NoSuchFile => {
                trouble(StoreTrouble::Absent, "the host has no such file", path)
            }
            SftpErrorKind::PermDenied => {
                trouble(StoreTrouble::Denied, format!("'/{path}': permission denied"), path)
            }
            SftpErrorKind::OpUnsupported => trouble(StoreTrouble::Unsupported, message, path),
            _ => failed(format!("'/{path}': {message}"), path),
        },
        _ => failed(error, path),
    }
}

fn failed(words: impl fmt::Display, path: &str) -> Error {
    trouble(StoreTrouble::Unavailable, words, path)
}

/// What `ssh` said stands in the cause of the error.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn found(meta: &MetaData) -> Found {
    let kind = match meta.file_type() {
        Some(kind) if kind.is_dir() => Kind::Folder,
        Some(kind) if kind.is_symlink() => Kind::Link,
        _ => Kind::File,
    };
    let modified = meta.modified().map_or(
        std::time::SystemTime::UNIX_EPOCH,
        openssh_sftp_client::UnixTimeStamp::as_system_time,
    );
    Found { kind, size: meta.len().unwrap_or_default(), modified }
}

#[async_trait]
impl FileHost for Sftp {
    async fn look(&self, path: &str) -> Result<Option<Found>> {
        let meta =
            self.call(path, |client, path| async move { client.fs().metadata(path).await }).await;
        Ok(or_none(meta)?.map(|meta| found(&meta)))
    }

    async fn list(&self, folder: &str) -> Result<Vec<(String, Found)>> {
        let listing = |client: Arc<Client>, folder| async move {
            let folder = client.fs().open_dir(folder).await?;
            folder.read_dir().try_collect::<Vec<_>>().await
        };
        let entries = match self.call(folder, listing).await {
            Ok(entries) => entries,
            Err(Error::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => {
                return match self.look(folder).await? {
                    Some(found) if found.kind == Kind::Folder => Err(error),
                    _ => Ok(Vec::new()),
                };
            }
        };
        let named = entries.iter().filter_map(|entry| {
            let name = entry.filename().to_str()?;
            (name != "." && name != "..").then(|| (name.to_owned(), found(&entry.metadata())))
        });
        Ok(named.collect())
    }

    async fn read(
        &self,
        path: &str,
        range: Range<u64>,
        expected: Found,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let opening = |client: Arc<Client>, path| async move {
            let mut file = client.open(path).await?;
            let meta = file.metadata().await?;
            Ok((client, file, meta))
        };
        let (client, file, meta) = self.call(path, opening).await?;
        expected.check_still(Some(found(&meta)), path)?;
        let (path, shared) = (path.to_owned(), self.shared.clone());
        Ok(stream::try_unfold((file, range), move |(mut file, left)| {
            let (path, shared, client) = (path.clone(), shared.clone(), Arc::clone(&client));
            async move {
                if left.is_empty() {
                    return Ok(None);
                }
                let wanted = u32::try_from(left.end - left.start).unwrap_or(READ_BYTES);
                // Each time: the library counts what it asked for, not what came.
                let sought = file.seek(SeekFrom::Start(left.start)).await;
                sought.map_err(|error| failed(error, &path))?;
                let read = file.read(wanted.min(READ_BYTES), BytesMut::new());
                let Ok(read) = timeout(ANSWER_TIME, read).await else {
                    shared.forget(&client).await;
                    return Err(failed("the host sends no more of the file", &path));
                };
                let Some(bytes) = read.map_err(|error| explain(error, &path))? else {
                    return Err(failed("the file became shorter while it was read", &path));
                };
                let start = left.start + bytes.len() as u64;
                Ok(Some((bytes.freeze(), (file, start..left.end))))
            }
        })
        .boxed())
    }

    async fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        let open = |client: Arc<Client>, path| async move {
            let file = client.options().write(true).create(true).truncate(true).open(path).await?;
            Ok((client, file))
        };
        let (client, file) = match self.call(path, open).await {
            Err(Error::NotFound { .. }) => {
                self.make_folders_above(path).await?;
                self.call(path, open).await?
            }
            file => file?,
        };
        let file = Box::pin(TokioCompatFile::new(file));
        Ok(Box::new(Upload { file, path: path.to_owned(), client, shared: self.shared.clone() }))
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), NotDone> {
        match self.rename_once(from, to).await {
            Err(NotDone::Refused(Error::NotFound { .. })) => {
                self.make_folders_above(to).await.map_err(NotDone::Unclear)?;
                self.rename_once(from, to).await
            }
            outcome => outcome,
        }
    }

    async fn remove_file(&self, path: &str) -> Result<()> {
        self.call(path, |client, path| async move { client.fs().remove_file(path).await }).await
    }

    async fn remove_folder(&self, path: &str) -> Result<()> {
        self.call(path, |client, path| async move { client.fs().remove_dir(path).await }).await
    }

    fn tells_links(&self) -> bool {
        true
    }
}

impl fmt::Debug for Sftp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sftp").field(&self.address).finish()
    }
}

/// A file that is being written; several writes are on their way at once.
struct Upload {
    file: Pin<Box<TokioCompatFile>>,
    path: String,
    client: Arc<Client>,
    shared: Shared,
}

#[async_trait]
impl NewFile for Upload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let Ok(written) = timeout(ANSWER_TIME, self.file.write_all(&bytes)).await else {
            self.shared.forget(&self.client).await;
            return Err(failed("the host takes no more of the file", &self.path));
        };
        written.map_err(|error| failed(error, &self.path))
    }

    async fn finish(&mut self) -> Result<()> {
        let Self { file, path, client, shared } = self;
        let finishing = async {
            file.flush().await.map_err(|error| failed(error, path))?;
            if client.support_fsync() {
                let file: &mut File = file.as_mut().as_mut_file();
                file.sync_all().await.map_err(|error| explain(error, path))?;
            }
            Ok(())
        };
        let Ok(finished) = timeout(FLUSH_TIME, finishing).await else {
            shared.forget(client).await;
            return Err(failed("the host does not say that it has the file", path));
        };
        finished
    }
}
