//! The lines of the artifact table, and what one has to know to read it.

use crate::report::{Better, Measure};

pub(super) const LARGE_UPLOAD: Measure = Measure {
    name: "upload of 1 GiB",
    unit: "MB/s",
    better: Better::Higher,
    goal: "4× the reference; nginx, or 0.8 of the disk",
};
pub(super) const LARGE_UPLOAD_SYNCED: Measure = Measure {
    name: "… and until it is on the disk",
    unit: "MB/s",
    better: Better::Higher,
    goal: "",
};
pub(super) const LARGE_DOWNLOAD: Measure = Measure {
    name: "download of 1 GiB",
    unit: "MB/s",
    better: Better::Higher,
    goal: "5× the reference; half of nginx",
};
pub(super) const SMALL_UPLOAD: Measure = Measure {
    name: "upload of 10 KiB files",
    unit: "files/s",
    better: Better::Higher,
    goal: "20× the reference",
};
pub(super) const SMALL_UPLOAD_SYNCED: Measure = Measure {
    name: "… and until they are on the disk",
    unit: "files/s",
    better: Better::Higher,
    goal: "",
};
pub(super) const SMALL_DOWNLOAD: Measure = Measure {
    name: "download of 10 KiB files",
    unit: "files/s",
    better: Better::Higher,
    goal: "20× the reference",
};
pub(super) const LISTING: Measure =
    Measure { name: "listing of 20,000 files", unit: "ms", better: Better::Lower, goal: "" };
pub(super) const IDLE_RSS: Measure =
    Measure { name: "memory, idle (RSS)", unit: "MB", better: Better::Lower, goal: "under 25 MB" };
pub(super) const IDLE_PSS: Measure =
    Measure { name: "memory, idle (PSS)", unit: "MB", better: Better::Lower, goal: "" };
pub(super) const LOADED_RSS: Measure =
    Measure { name: "memory, after the load (RSS)", unit: "MB", better: Better::Lower, goal: "" };
pub(super) const LOADED_PSS: Measure =
    Measure { name: "memory, after the load (PSS)", unit: "MB", better: Better::Lower, goal: "" };
pub(super) const PROCESSES: Measure =
    Measure { name: "processes", unit: "", better: Better::Lower, goal: "" };
pub(super) const START: Measure =
    Measure { name: "start until the first answer", unit: "ms", better: Better::Lower, goal: "" };

pub(super) const MEASURES: [&Measure; 13] = [
    &LARGE_UPLOAD,
    &LARGE_UPLOAD_SYNCED,
    &LARGE_DOWNLOAD,
    &SMALL_UPLOAD,
    &SMALL_UPLOAD_SYNCED,
    &SMALL_DOWNLOAD,
    &LISTING,
    &IDLE_RSS,
    &IDLE_PSS,
    &LOADED_RSS,
    &LOADED_PSS,
    &PROCESSES,
    &START,
];

/// What one has to know to read the table.
pub(super) const NOTES: &str = "\
- mlferry flushes a file and its folder to the disk (fsync) before it answers an upload; the reference and nginx
  answer when the bytes are in the page cache. “Until it is on the disk” adds the time of a `sync` after the last answer.
- Disk: `dd if=/dev/zero bs=1M count=1024 conv=fsync`; and 10 KiB files written, flushed, renamed and their
  folder flushed by 16 threads without any server.
- 1 GiB goes through one connection; small files go through 16 connections that stay open, 2,000 to a folder, passes
  repeated until a second is measured. A client of one thread, on the same machine. What is downloaded was uploaded just
  before, so it comes from the page cache. Listing: median of 5 requests; nginx has no such listing.
- Every turn starts a server on an empty folder of its own; between measurements everything is synced to the disk.
- mlferry and the reference run with their default settings and `--artifacts-only`; nginx with sendfile, its WebDAV
  module, one worker a core, no access log. Memory is summed over all processes of a server; RSS counts shared pages
  in each, PSS once. 1 MB is 10⁶ bytes.
";
