//! The audit log: who did what with which resource, one line of JSON for each request that changes something, and for each that
//! was refused.

use super::{Caller, gate::Line};
use crate::observe::Exchange;
use axum::http::{Method, StatusCode};
use mlferry_protocol::times;
use serde::Serialize;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Who may read the file: it names users and what they work on.
const FILE_MODE: u32 = 0o640;

/// A file that is written line by line, and set aside when it is large. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct AuditLog(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    file: Mutex<Rotated>,
    shows_reads: bool,
}

/// A request that is told of when it is dropped: answered, or given up as the server stops, while its change may be made all the
/// same.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) log: AuditLog,
    pub(super) line: Line,
    pub(super) method: Method,
    pub(super) exchange: Option<Arc<Exchange>>,
    pub(super) address: Option<IpAddr>,
    /// Who asks, by their own account.
    pub(super) said: Option<String>,
    /// Who asks, once that was found out.
    pub(super) caller: Option<Caller>,
    /// Absent until there is an answer.
    pub(super) status: Option<StatusCode>,
    /// Whether somebody signed on by it.
    pub(super) has_signed_on: bool,
}

impl Watched {
    fn is_told(&self) -> bool {
        let is_refused = matches!(
            self.status,
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
        );
        is_refused || self.has_signed_on || self.log.0.shows_reads || !self.line.only_shows()
    }

    fn tell(&self) {
        let user = self.caller.as_ref().and_then(Caller::identity);
        self.log.write(&Entry {
            time: times::now(),
            request_id: self.exchange.as_deref().map_or("-", Exchange::id),
            address: self.address,
            user: user.map(|user| user.user.username.as_str()).or(self.said.as_deref()),
            token: user.and_then(|user| user.token.as_ref()).map(|token| token.id.as_str()),
            method: self.method.as_str(),
            route: self.exchange.as_deref().map_or("-", |exchange| exchange.route().name()),
            resources: &self.caller.as_ref().map(Caller::trail).unwrap_or_default(),
            status: self.status.map(|status| status.as_u16()),
        });
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.is_told() {
            self.tell();
        }
    }
}

/// A request, as the log tells of it.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    /// When it was answered, or given up.
    time: String,
    /// By which the request log names it.
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    /// Who it was, or said to be where that was refused with 401.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    /// The id of the token that the user came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    method: &'a str,
    /// The line of the route table.
    route: &'a str,
    /// What the request named, as far as it was read.
    resources: &'a [String],
    /// Null where there is none.
    status: Option<u16>,
}

impl AuditLog {
    /// Opens the file to write after what it holds. Once it has `bytes`, it is renamed to `….1`, what has that name to `….2`, and
    /// so on; as many as `kept` of these stay.
    pub fn open(path: &Path, bytes: u64, kept: u32, shows_reads: bool) -> io::Result<Self> {
        let file = Mutex::new(Rotated::open(path.to_owned(), bytes, kept)?);
        Ok(Self(Arc::new(Parts { file, shows_reads })))
    }

    /// Writes a line, which is in the hands of the system when this returns. A disk that has no room stops nobody.
    fn write(&self, entry: &Entry<'_>) {
        let written = serde_json::to_vec(entry).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.0.file.lock().unwrap_or_else(PoisonError::into_inner).write(&line)
        });
        if let Err(error) = written {
            tracing::error!(%error, "a line of the audit log could not be written");
        }
    }
}

/// A file that makes room for another one when it is large.
#[derive(Debug)]
struct Rotated {
    path: PathBuf,
    file: File,
    written: u64,
    bytes: u64,
    kept: u32,
}

impl Rotated {
    fn open(path: PathBuf, bytes: u64, kept: u32) -> io::Result<Self> {
        let file = append_to(&path)?;
        let written = file.metadata()?.len();
        Ok(Self { path, file, written, bytes, kept })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.written > 0 && self.written.saturating_add(length) > self.bytes {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.written += length;
        Ok(())
    }

    /// The oldest file gives its place to the next one, and so on.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..self.kept).rev() {
            match fs::rename(self.named(number), self.named(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.kept == 0 {
            fs::remove_file(&self.path)?;
        }
        self.file = append_to(&self.path)?;
        self.written = self.file.metadata()?.len();
        Ok(())
    }

    fn named(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_makes_room_for_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let mut file = Rotated::open(path.clone(), 10, 2).unwrap();
        for line in ["one\n", "two\n", "three\n", "a long line of its own\n", "four\n"] {
            file.write(line.as_bytes()).unwrap();
        }
        assert_eq!(names(folder.path()), ["audit.log", "audit.log.1", "audit.log.2"]);
        let read = |number| fs::read_to_string(file.named(number)).unwrap();
        assert_eq!([2, 1, 0].map(read), ["three\n", "a long line of its own\n", "four\n"]);
        // Another process goes on where this one was.
        let mut again = Rotated::open(path, 10, 2).unwrap();
        again.write(b"five\n").unwrap();
        assert_eq!(fs::read_to_string(again.named(0)).unwrap(), "four\nfive\n");
    }

    #[test]
    fn without_old_files_only_the_newest_lines_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Rotated::open(folder.path().join("audit.log"), 5, 0).unwrap();
        for line in ["one\n", "two\n"] {
            file.write(line.as_bytes()).unwrap();
        }
        assert_eq!(names(folder.path()), ["audit.log"]);
        assert_eq!(fs::read_to_string(file.named(0)).unwrap(), "two\n");
    }
}
