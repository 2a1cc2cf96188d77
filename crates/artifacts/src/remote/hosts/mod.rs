//! Hosts that keep files in folders: what they speak differs, and what is made of it does not.
//!
//! An upload is written to a staging folder that no path names and listings hide, and renamed when all
//! of it is there.

#[cfg(feature = "ftp")]
mod ftp;
mod rename;
#[cfg(feature = "sftp")]
mod sftp;
mod staging;
mod store;
#[cfg(feature = "hdfs")]
mod webhdfs;

use super::{Opened, StoreKind, StoreTraits, content::UploadArgs, error::Trouble};
use crate::{
    StoreSettings, StoreTrouble,
    destination::{HostKind, StoreAddress},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::{Error, Result};
use std::{fmt, ops::Range, sync::Arc, time::SystemTime};
use store::Host;

/// What a host speaks. Paths have no slash at their beginning; they start at the host's own root.
#[async_trait]
trait FileHost: fmt::Debug + Send + Sync + 'static {
    /// What has a name, behind a link or not; `None` if nothing has.
    async fn look(&self, path: &str) -> Result<Option<Found>>;

    /// The names in a folder, without `.` and `..`. What is absent, or a file, has none.
    async fn list(&self, folder: &str) -> Result<Vec<(String, Found)>>;

    /// The bytes of a range that lies within the file as it was found; an error if it has become another.
    async fn read(
        &self,
        path: &str,
        range: Range<u64>,
        expected: Found,
    ) -> Result<BoxStream<'static, Result<Bytes>>>;

    /// Begins a file that is not there yet, and makes the folders above it.
    async fn create(&self, path: &str) -> Result<Box<dyn NewFile>>;

    /// Gives a file another name, once. The folders above are made. A file that has the name is
    /// replaced, or the host refuses.
    async fn rename(&self, from: &str, to: &str) -> Result<(), NotDone>;

    /// Deletes a file or a link; an error if it is a folder or absent.
    async fn remove_file(&self, path: &str) -> Result<()>;

    /// Deletes an empty folder.
    async fn remove_folder(&self, path: &str) -> Result<()>;

    /// Whether listings tell links from what they lead to.
    fn tells_links(&self) -> bool;

    /// Deletes a folder with all that is in it, if the host does that itself: whether it did.
    async fn remove_tree(&self, _path: &str) -> Result<bool> {
        Ok(false)
    }
}

/// A file that is being written.
#[async_trait]
trait NewFile: Send {
    /// Appends bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Waits until the host has all of it.
    async fn finish(&mut self) -> Result<()>;
}

/// What a host has not done, as far as is known.
#[derive(Debug)]
enum NotDone {
    /// The host says so.
    Refused(Error),
    /// Its answer never came: it may have done it.
    Unclear(Error),
}

impl From<NotDone> for Error {
    fn from(failure: NotDone) -> Self {
        match failure {
            NotDone::Refused(error) | NotDone::Unclear(error) => error,
        }
    }
}

/// What was found, where nothing may be there.
#[cfg(any(feature = "ftp", feature = "sftp"))]
fn or_none<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a host knows of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    kind: Kind,
    size: u64,
    modified: SystemTime,
}

impl Found {
    /// An error if the file at `path` is another one by now.
    #[cfg(any(feature = "sftp", feature = "hdfs"))]
    fn check_still(self, now: Option<Self>, path: &str) -> Result<()> {
        if now == Some(self) {
            return Ok(());
        }
        Err(trouble(StoreTrouble::Unavailable, "the file was replaced while it was opened", path))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// It may lead to either; only listings tell them.
    #[cfg_attr(
        not(any(feature = "sftp", feature = "ftp")),
        allow(dead_code, reason = "others follow links by themselves")
    )]
    Link,
}

/// Opens a host.
#[allow(unused_variables, reason = "each kind needs some of them")]
pub(super) fn open(
    address: &StoreAddress,
    root: &str,
    settings: &StoreSettings,
) -> Result<Opened, String> {
    let StoreAddress::Host { kind, user, password, host } = address else {
        return Err("the URI names no host".to_owned());
    };
    let files: Arc<dyn FileHost> = match kind {
        #[cfg(feature = "sftp")]
        HostKind::Sftp => {
            if password.is_some() {
                return Err(
                    "a password in an sftp: URI can't be used, since OpenSSH asks for it at a \
                     terminal only; give the user a key, in ~/.ssh/config or an agent"
                        .to_owned(),
                );
            }
            Arc::new(sftp::Sftp::new(host, user.as_deref(), settings))
        }
        #[cfg(feature = "ftp")]
        HostKind::Ftp => Arc::new(ftp::Ftp::new(host, user.as_deref(), password.as_deref())),
        #[cfg(feature = "hdfs")]
        HostKind::WebHdfs => Arc::new(webhdfs::WebHdfs::new(host, user.as_deref(), settings)?),
        #[allow(unreachable_patterns, reason = "where all features are on")]
        kind => return Err(super::open::not_built_host(*kind)),
    };
    Ok(Opened {
        store: Arc::new(Host::new(files, root)),
        pages: None,
        direct: None,
        traits: StoreTraits { kind: StoreKind::Host, ..StoreTraits::default() },
        args: UploadArgs::default(),
    })
}

fn trouble(kind: StoreTrouble, words: impl fmt::Display, path: &str) -> Error {
    Trouble { kind, words: words.to_string() }.about(path)
}

/// The folders above a path, the outermost first.
#[cfg_attr(
    not(any(feature = "sftp", feature = "ftp")),
    allow(dead_code, reason = "HDFS makes them by itself")
)]
fn folders_above(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_above_a_path_come_from_the_outside_in() {
        assert_eq!(folders_above("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(folders_above("a").count(), 0);
    }
}
