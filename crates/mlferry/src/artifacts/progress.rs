//! A progress bar, on a terminal only.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

/// How far a copy or comparison is. Elsewhere than on a terminal, nothing is shown.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    found: AtomicU64,
    done: AtomicU64,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(0);
        // Without a style of its own, it has the library's.
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:30} {binary_bytes}/{binary_total_bytes}, {binary_bytes_per_sec}, {eta} left, {msg}",
        ) {
            bar.set_style(style);
        }
        Self { bar, found: AtomicU64::new(0), done: AtomicU64::new(0) }
    }

    /// Files that will be worked on, and their bytes.
    pub(super) fn add_found(&self, files: u64, bytes: u64) {
        self.found.fetch_add(files, Ordering::Relaxed);
        self.show_files();
        self.bar.inc_length(bytes);
    }

    /// Bytes that have passed.
    pub(super) fn add_bytes(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Bytes that will have to pass once more.
    pub(super) fn take_bytes_back(&self, bytes: u64) {
        self.bar.dec(bytes);
    }

    /// One file is done.
    pub(super) fn finish_file(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.show_files();
    }

    fn show_files(&self) {
        if !self.bar.is_hidden() {
            let [done, found] =
                [&self.done, &self.found].map(|count| count.load(Ordering::Relaxed));
            self.bar.set_message(format!("{done}/{found} files"));
        }
    }

    /// Prints something above the bar.
    pub(super) fn print<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
