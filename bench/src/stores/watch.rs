//! Bytes in a folder while something else goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};

/// The time between two looks. 1 GiB takes much longer to write.
const STEP: Duration = Duration::from_millis(5);

/// A thread that looks again and again, until it is asked for what it saw.
#[derive(Debug)]
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Watch {
    /// Begins to look at all files below `folder`.
    pub(super) fn start(folder: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut peak = 0;
            while !stopped.load(Ordering::Relaxed) {
                peak = peak.max(bytes_below(&folder));
                thread::sleep(STEP);
            }
            peak.max(bytes_below(&folder))
        });
        Self { stop, thread }
    }

    /// The most bytes that lay there at one time.
    pub(super) fn peak(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the watch of temporary files panicked"))
    }
}

/// What vanishes while we look no longer counts.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_outlives_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        fs::create_dir_all(&folder).unwrap();
        let watch = Watch::start(dir.path().to_owned());
        fs::write(folder.join("file"), [0; 77]).unwrap();
        thread::sleep(40 * STEP);
        fs::remove_file(folder.join("file")).unwrap();
        assert_eq!(watch.peak().unwrap(), 77);
        assert_eq!(bytes_below(dir.path()), 0);
    }
}
