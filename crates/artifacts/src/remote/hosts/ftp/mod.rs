//! FTP, without encryption, as the reference speaks it.

mod answers;

use super::{FileHost, Found, Kind, NewFile, folders_above, or_none, trouble};
use crate::StoreTrouble;
use answers::at;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream, stream::BoxStream};
use object_store::{Error, Result};
use std::{
    fmt,
    future::Future,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use suppaftp::{
    FtpError, FtpResult, Status,
    tokio::{AsyncFtpStream, AsyncNoTlsStream, TransferStream},
    types::{FileType, Response},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// Time for a connection and the greeting.
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// Time for an answer, and for a piece of a file.
const ANSWER_TIME: Duration = Duration::from_mins(1);
/// Connections that are kept for later: each carries one transfer at a time.
const KEPT: usize = 8;
/// Bytes that are read at once.
const READ_BYTES: usize = 256 * 1024;
type Data = TransferStream<AsyncNoTlsStream>;

/// A host.
pub(super) struct Ftp {
    address: String,
    user: String,
    password: String,
    kept: Arc<Mutex<Vec<AsyncFtpStream>>>,
}

impl Ftp {
    pub(super) fn new(host: &str, user: Option<&str>, password: Option<&str>) -> Self {
        let has_port = host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
        Self {
            address: if has_port { host.to_owned() } else { format!("{host}:21") },
            user: user.unwrap_or("anonymous").to_owned(),
            password: password.unwrap_or_default().to_owned(),
            kept: Arc::default(),
        }
    }

    /// A connection for one transfer. Those that were kept may have been closed by the host.
    async fn connection(&self) -> Result<AsyncFtpStream> {
        loop {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut connection) = kept else { break };
            if matches!(timeout(CONNECT_TIME, connection.noop()).await, Ok(Ok(()))) {
                return Ok(connection);
            }
        }
        let connecting = async {
            let mut connection = AsyncFtpStream::connect(&self.address).await?;
            // What it says of its own address is often one behind a router.
            connection.set_passive_nat_workaround(true);
            connection.login(&self.user, &self.password).await?;
            connection.transfer_type(FileType::Binary).await?;
            // Some want to be told; others know nothing else.
            let _ = connection.opts("UTF8", Some("ON")).await;
            Ok(connection)
        };
        match timeout(CONNECT_TIME, connecting).await {
            Ok(connected) => connected.map_err(|error| explain(&error, "")),
            Err(_) => Err(failed("the host does not answer", "")),
        }
    }

    fn keep(&self, connection: AsyncFtpStream) {
        keep(&self.kept, connection);
    }

    /// Keeps the connection unless the outcome says that it is of no more use.
    fn done<T>(&self, connection: AsyncFtpStream, outcome: FtpResult<T>, path: &str) -> Result<T> {
        if matches!(outcome, Ok(_) | Err(FtpError::UnexpectedResponse(_))) {
            self.keep(connection);
        }
        outcome.map_err(|error| explain(&error, path))
    }

    async fn make_folders_above(&self, path: &str) -> Result<()> {
        let mut connection = self.connection().await?;
        for folder in folders_above(path) {
            match in_time(connection.mkdir(at(folder))).await {
                // Most likely it is there; else what is put into it fails, and says so.
                Ok(()) | Err(FtpError::UnexpectedResponse(_)) => {}
                Err(error) => return Err(explain(&error, path)),
            }
        }
        self.keep(connection);
        Ok(())
    }

    async fn rename_once(&self, from: &str, to: &str) -> Result<()> {
        let mut connection = self.connection().await?;
        let renamed = in_time(connection.rename(at(from), at(to))).await;
        self.done(connection, renamed, to)
    }

    async fn store(&self, path: &str) -> Result<Upload> {
        let mut connection = self.connection().await?;
        match in_time(connection.put_with_stream(at(path))).await {
            Ok(data) => {
                let open = Some((connection, data));
                Ok(Upload { open, path: path.to_owned(), kept: Arc::clone(&self.kept) })
            }
            Err(error) => self.done(connection, Err(error), path),
        }
    }
}

fn keep(kept: &Mutex<Vec<AsyncFtpStream>>, connection: AsyncFtpStream) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < KEPT {
        kept.push(connection);
    }
}

async fn in_time<T>(call: impl Future<Output = FtpResult<T>>) -> FtpResult<T> {
    match timeout(ANSWER_TIME, call).await {
        Ok(outcome) => outcome,
        Err(late) => Err(FtpError::ConnectionError(late.into())),
    }
}

fn explain(error: &FtpError, path: &str) -> Error {
    let FtpError::UnexpectedResponse(response) = error else { return failed(error, path) };
    let words = words_of(response);
    match response.status {
        Status::FileUnavailable => trouble(StoreTrouble::Absent, words, path),
        Status::NotLoggedIn | Status::StoringNeedAccount => {
            trouble(StoreTrouble::Denied, words, path)
        }
        Status::ExceededStorage => trouble(StoreTrouble::Full, words, path),
        Status::BadFilename => trouble(StoreTrouble::Refused, words, path),
        _ if answers::is_unknown(error) => trouble(StoreTrouble::Unsupported, words, path),
        _ => failed(words, path),
    }
}

fn words_of(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).trim().to_owned()
}

fn failed(words: impl fmt::Display, path: &str) -> Error {
    trouble(StoreTrouble::Unavailable, words, path)
}

#[async_trait]
impl FileHost for Ftp {
    async fn look(&self, path: &str) -> Result<Option<Found>> {
        let mut connection = self.connection().await?;
        let found = in_time(answers::look(&mut connection, path)).await;
        or_none(self.done(connection, found, path))
    }

    async fn list(&self, folder: &str) -> Result<Vec<(String, Found)>> {
        let mut connection = self.connection().await?;
        let listed = in_time(answers::list(&mut connection, folder)).await;
        Ok(or_none(self.done(connection, listed, folder))?.unwrap_or_default())
    }

    async fn read(
        &self,
        path: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let mut connection = self.connection().await?;
        let start = usize::try_from(range.start).unwrap_or(usize::MAX);
        let opening = async {
            if start > 0 {
                connection.resume_transfer(start).await?;
            }
            connection.retr_as_stream(at(path)).await
        };
        let data = match in_time(opening).await {
            Ok(data) => data,
            Err(error) => return self.done(connection, Err(error), path),
        };
        let download = Download {
            connection,
            data,
            left: range.end - range.start,
            path: path.to_owned(),
            kept: Arc::clone(&self.kept),
        };
        Ok(stream::try_unfold(download, Download::next).boxed())
    }

    async fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        match self.store(path).await {
            Err(Error::NotFound { .. }) => {
                self.make_folders_above(path).await?;
                Ok(Box::new(self.store(path).await?))
            }
            upload => Ok(Box::new(upload?)),
        }
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        if self.rename_once(from, to).await.is_ok() {
            return Ok(());
        }
        self.make_folders_above(to).await?;
        match self.rename_once(from, to).await {
            // Some replace nothing.
            Err(error) => match self.look(to).await? {
                Some(found) if found.kind == Kind::File => {
                    self.remove_file(to).await?;
                    self.rename_once(from, to).await
                }
                _ => Err(error),
            },
            renamed => renamed,
        }
    }

    async fn remove_file(&self, path: &str) -> Result<()> {
        let mut connection = self.connection().await?;
        let removed = in_time(connection.rm(at(path))).await;
        self.done(connection, removed, path)
    }

    async fn remove_folder(&self, path: &str) -> Result<()> {
        let mut connection = self.connection().await?;
        let removed = in_time(connection.rmdir(at(path))).await;
        self.done(connection, removed, path)
    }
}

impl fmt::Debug for Ftp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ftp").field(&self.address).finish()
    }
}

/// A file that is being read.
struct Download {
    connection: AsyncFtpStream,
    data: Data,
    left: u64,
    path: String,
    kept: Arc<Mutex<Vec<AsyncFtpStream>>>,
}

impl Download {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        let mut bytes = BytesMut::with_capacity(READ_BYTES);
        let read = timeout(ANSWER_TIME, self.data.read_buf(&mut bytes)).await;
        let read = read.map_err(|_| failed("the host sends no more of the file", &self.path))?;
        let count = read.map_err(|error| failed(error, &self.path))? as u64;
        if count == 0 {
            // Ended in order, the connection can be used again.
            let Self { connection, data, left, path, kept } = self;
            if left > 0 {
                return Err(failed("the file ended early", &path));
            }
            if in_time(data.finish()).await.is_ok() {
                keep(&kept, connection);
            }
            return Ok(None);
        }
        if self.left == 0 {
            // More than was wanted: the connection ends with this.
            return Ok(None);
        }
        let wanted = self.left.min(count);
        bytes.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        self.left -= wanted;
        Ok(Some((bytes.freeze(), self)))
    }
}

/// A file that is being written. Dropped before its end, the connection goes with it.
struct Upload {
    open: Option<(AsyncFtpStream, Data)>,
    path: String,
    kept: Arc<Mutex<Vec<AsyncFtpStream>>>,
}

#[async_trait]
impl NewFile for Upload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let Some((_, data)) = &mut self.open else {
            return Err(failed("the upload is over", &self.path));
        };
        match timeout(ANSWER_TIME, data.write_all(&bytes)).await {
            Ok(written) => written.map_err(|error| failed(error, &self.path)),
            Err(_) => Err(failed("the host takes no more of the file", &self.path)),
        }
    }

    async fn finish(&mut self) -> Result<()> {
        let Some((connection, data)) = self.open.take() else {
            return Err(failed("the upload is over", &self.path));
        };
        let finished = in_time(data.finish()).await;
        finished.map_err(|error| explain(&error, &self.path))?;
        keep(&self.kept, connection);
        Ok(())
    }
}
