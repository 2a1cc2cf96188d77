//! FTP, without encryption, as the reference speaks it.

mod answers;

use super::{FileHost, Found, NewFile, NotDone, folders_above, or_none, trouble};
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
            match timeout(CONNECT_TIME, connection.noop()).await {
                Ok(Ok(())) => return Ok(connection),
                // The host ended it.
                Ok(Err(_)) => {}
                // A host that is silent is so on all of them.
                Err(_) => self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear(),
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

    async fn rename_once(&self, from: &str, to: &str) -> Result<(), NotDone> {
        let mut connection = self.connection().await.map_err(NotDone::Unclear)?;
        let renamed = in_time(connection.rename(at(from), at(to))).await;
        let is_answer = matches!(renamed, Err(FtpError::UnexpectedResponse(_)));
        self.done(connection, renamed, to).map_err(|error| {
            if is_answer { NotDone::Refused(error) } else { NotDone::Unclear(error) }
        })
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
        Status::ExceededStorage | Status::RequestedActionNotTaken => {
            trouble(StoreTrouble::Full, words, path)
        }
        Status::BadFilename => trouble(StoreTrouble::Refused, words, path),
        _ if answers::is_unknown(error) => trouble(StoreTrouble::Unsupported, words, path),
        _ => failed(words, path),
    }
}

/// What a host says of all that it refuses, where it can't mean that something is absent.
fn denied(error: Error, path: &str) -> Error {
    match error {
        Error::NotFound { source, .. } => trouble(StoreTrouble::Denied, source, path),
        error => error,
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
        expected: Found,
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
            Err(error) => {
                let refused = self.done(connection, Err(error), path);
                return match refused {
                    Err(error @ Error::NotFound { .. }) if self.look(path).await?.is_some() => {
                        Err(denied(error, path))
                    }
                    refused => refused,
                };
            }
        };
        let download = Download {
            connection,
            data,
            left: range.end - range.start,
            is_to_the_end: range.end == expected.size,
            path: path.to_owned(),
            kept: Arc::clone(&self.kept),
        };
        Ok(stream::try_unfold(download, Download::next).boxed())
    }

    async fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        match self.store(path).await {
            Err(Error::NotFound { .. }) => {
                self.make_folders_above(path).await?;
                let upload = self.store(path).await.map_err(|error| denied(error, path))?;
                Ok(Box::new(upload))
            }
            upload => Ok(Box::new(upload?)),
        }
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), NotDone> {
        match self.rename_once(from, to).await {
            Err(NotDone::Refused(_)) => {
                // Why is hard to tell: most likely there is no such folder.
                self.make_folders_above(to).await.map_err(NotDone::Unclear)?;
                self.rename_once(from, to).await
            }
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

    fn tells_links(&self) -> bool {
        false
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
    /// Whether the file has no more bytes than those.
    is_to_the_end: bool,
    path: String,
    kept: Arc<Mutex<Vec<AsyncFtpStream>>>,
}

impl Download {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        let mut bytes = self.piece().await?;
        if self.left == 0 {
            // Ended in order, the connection can be used again; with more than was wanted, it ends here.
            if bytes.is_empty() && in_time(self.data.finish()).await.is_ok() {
                keep(&self.kept, self.connection);
            }
            return Ok(None);
        }
        if bytes.is_empty() {
            return Err(failed("the file ended early", &self.path));
        }
        let count = bytes.len() as u64;
        let wanted = self.left.min(count);
        self.left -= wanted;
        // Before the last piece is given away, which would end the answer to the client.
        let is_longer = self.is_to_the_end
            && self.left == 0
            && (count > wanted || !self.piece().await?.is_empty());
        if is_longer {
            return Err(failed("the file became longer while it was read", &self.path));
        }
        bytes.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        Ok(Some((bytes.freeze(), self)))
    }

    /// Some bytes; none at the end.
    async fn piece(&mut self) -> Result<BytesMut> {
        let mut bytes = BytesMut::with_capacity(READ_BYTES);
        let read = timeout(ANSWER_TIME, self.data.read_buf(&mut bytes)).await;
        let read = read.map_err(|_| failed("the host sends no more of the file", &self.path))?;
        read.map_err(|error| failed(error, &self.path))?;
        Ok(bytes)
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
            Ok(Ok(())) => Ok(()),
            // Why it stopped reading stands in its answer.
            Ok(Err(error)) => match self.finish().await {
                Err(answer) => Err(answer),
                Ok(()) => Err(failed(error, &self.path)),
            },
            Err(_) => Err(failed("the host takes no more of the file", &self.path)),
        }
    }

    async fn finish(&mut self) -> Result<()> {
        let Some((connection, data)) = self.open.take() else {
            return Err(failed("the upload is over", &self.path));
        };
        let finished = in_time(data.finish()).await;
        finished.map_err(|error| denied(explain(&error, &self.path), &self.path))?;
        keep(&self.kept, connection);
        Ok(())
    }
}
