//! A socket in the file system: made, taken over from a dead server, and removed.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Connections that may wait to be accepted, as for ports.
const BACKLOG: i32 = 1024;

/// The file of a socket that is listened on; dropped, it is removed.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and number, by which it is told from a later server's.
    identity: (u64, u64),
}

/// Listens on a socket at `path`. What a dead server left there is replaced; a living one is left alone. Blocks.
pub(crate) fn listen(
    path: PathBuf,
    mode: Option<u32>,
) -> anyhow::Result<(UnixListener, SocketFile)> {
    let shown = path.display().to_string();
    let cannot = || format!("cannot listen on --unix-socket '{shown}'");
    let socket = new_socket().with_context(cannot)?;
    let address = SocketAddrUnix::new(&path)
        .with_context(|| format!("{}: at most 107 bytes fit the address of a socket", cannot()))?;
    // Two servers that start at once must not each take the other for dead.
    let _one_at_a_time = lock_folder(&path);
    remove_dead(&path, &address)?;
    net::bind(&socket, &address).with_context(cannot)?;
    let found = fs::symlink_metadata(&path).with_context(cannot)?;
    let file = SocketFile { path, identity: (found.dev(), found.ino()) };
    if let Some(mode) = mode {
        // Nobody can connect yet.
        fs::set_permissions(&file.path, Permissions::from_mode(mode)).with_context(cannot)?;
    }
    net::listen(&socket, BACKLOG).with_context(cannot)?;
    Ok((UnixListener::from(socket), file))
}

fn new_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// Removes the socket at a path if nobody listens on it.
fn remove_dead(path: &Path, address: &SocketAddrUnix) -> anyhow::Result<()> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => bail!("cannot look at --unix-socket '{shown}': {error}"),
        Ok(found) if !found.file_type().is_socket() => bail!(
            "--unix-socket '{shown}' is there already and is no socket; remove it, or choose another path"
        ),
        Ok(_) => {}
    }
    match new_socket().and_then(|probe| net::connect(&probe, address)) {
        // Somebody listens, and with `AGAIN` has no room for one more at this moment.
        Ok(()) | Err(Errno::AGAIN) => bail!(
            "--unix-socket '{shown}' is in use by a server that runs; stop it, or choose another path"
        ),
        Err(Errno::CONNREFUSED) => fs::remove_file(path)
            .with_context(|| format!("cannot remove '{shown}', which a dead server left")),
        Err(error) => bail!("cannot tell whether --unix-socket '{shown}' is in use: {error}"),
    }
}

/// Keeps other servers from starting in the same folder until it is dropped, where the folder lets itself be locked.
fn lock_folder(path: &Path) -> Option<File> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = File::open(folder).ok()?;
    flock(&folder, FlockOperation::LockExclusive).ok()?;
    Some(folder)
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |found: fs::Metadata| (found.dev(), found.ino()) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "could not remove the socket {}", self.path.display());
        }
    }
}
