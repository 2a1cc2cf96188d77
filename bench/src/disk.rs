//! What the disk itself can do, without a server: the ceiling for whoever flushes before answering.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// Writes all that the kernel still holds in memory, so that one server's pages don't burden the next.
/// Returns the time that took.
pub(crate) fn sync() -> Duration {
    let begin = Instant::now();
    rustix::fs::sync();
    begin.elapsed()
}

/// Time of `dd if=/dev/zero bs=1M conv=fsync` for a file of `mebibytes` in `dir`.
pub(crate) fn dd(dir: &Path, mebibytes: u64) -> Result<Duration> {
    let path = dir.join("dd.bin");
    let begin = Instant::now();
    let status = Command::new("dd")
        .arg("if=/dev/zero")
        .arg(format!("of={}", path.display()))
        .args(["bs=1M", &format!("count={mebibytes}"), "conv=fsync"])
        .stderr(Stdio::null())
        .status()
        .context("cannot run dd")?;
    let elapsed = begin.elapsed();
    ensure!(status.success(), "dd ended with {status}");
    fs::remove_file(path)?;
    Ok(elapsed)
}

/// Time to store `count` files of `size` bytes durably from `threads` threads: write under another name,
/// flush, rename, flush the folder. They stay there, in the new `folder`.
pub(crate) fn store_small_files(
    folder: &Path,
    threads: usize,
    count: usize,
    size: usize,
) -> Result<Duration> {
    fs::create_dir(folder)?;
    let content = vec![0x5a; size];
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            store_durably(folder, number, &content)?;
        }
    };
    let begin = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().map_err(|_| io::Error::other("a thread panicked"))?
        })
    })?;
    Ok(begin.elapsed())
}

fn store_durably(folder: &Path, number: usize, content: &[u8]) -> io::Result<()> {
    let staged = folder.join(format!(".{number}"));
    let mut file = File::create_new(&staged)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(staged, folder.join(number.to_string()))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_are_stored_under_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("small");
        store_small_files(&folder, 2, 5, 100).unwrap();
        let length = |number: usize| fs::metadata(folder.join(number.to_string())).unwrap().len();
        assert_eq!((0..5).map(length).sum::<u64>(), 500);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 5);
    }
}
