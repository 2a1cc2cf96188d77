//! The lines of the table for object storage, and what one has to know to read it.

use crate::report::{Better, Measure};

pub(super) const LARGE_UPLOAD: Measure = rate("upload of 1 GiB", "MB/s", LARGE_GOAL);
pub(super) const LARGE_DOWNLOAD: Measure = rate("download of 1 GiB", "MB/s", LARGE_GOAL);
pub(super) const FIRST_BYTE: Measure = size("… and its first byte", "ms", "under 50 ms");
pub(super) const PEAK_MEMORY: Measure = size("memory, peak with 1 GiB (RSS)", "MB", "");
pub(super) const TEMPORARY: Measure = size("temporary files, peak with 1 GiB", "MB", "none");
pub(super) const WRITTEN: Measure = size("written to the disk by the server", "MB", "none");

const LARGE_GOAL: &str = "2× the reference; 0.9 of boto3";
const SMALL_GOAL: &str = "5× the reference";

/// One way to move many small files.
#[derive(Debug)]
pub(super) struct Way {
    /// Files on their way at the same time.
    pub(super) at_once: usize,
    /// The number of the first file: no two ways move the same, since Garage keeps equal blocks once.
    pub(super) first: usize,
    /// One in how many of the small files is moved so: what takes long needs fewer for a steady figure.
    pub(super) one_in: usize,
    /// The folder of the files.
    pub(super) folder: &'static str,
    pub(super) upload: Measure,
    pub(super) download: Measure,
}

/// Many at once, as several runs or a parallel client have them; and as `log_artifacts` has them.
pub(super) static WAYS: [Way; 2] = [
    Way {
        at_once: 16,
        first: 0,
        one_in: 1,
        folder: "small-16",
        upload: rate("upload of 10 KiB files, 16 at once", "files/s", SMALL_GOAL),
        download: rate("download of 10 KiB files, 16 at once", "files/s", SMALL_GOAL),
    },
    Way {
        at_once: 1,
        first: 500_000,
        one_in: 4,
        folder: "small-1",
        upload: rate("upload of 10 KiB files, one by one", "files/s", SMALL_GOAL),
        download: rate("download of 10 KiB files, one by one", "files/s", SMALL_GOAL),
    },
];

pub(super) static MEASURES: [&Measure; 10] = [
    &LARGE_UPLOAD,
    &LARGE_DOWNLOAD,
    &FIRST_BYTE,
    &WAYS[0].upload,
    &WAYS[0].download,
    &WAYS[1].upload,
    &WAYS[1].download,
    &PEAK_MEMORY,
    &TEMPORARY,
    &WRITTEN,
];

const fn rate(name: &'static str, unit: &'static str, goal: &'static str) -> Measure {
    Measure { name, unit, better: Better::Higher, goal }
}

const fn size(name: &'static str, unit: &'static str, goal: &'static str) -> Measure {
    Measure { name, unit, better: Better::Lower, goal }
}

/// What one has to know to read the table.
pub(super) const NOTES: &str = "\
- mlferry and the reference stand between the load generator and Garage, with `--artifacts-only`, an S3 destination and
  their default settings otherwise; boto3 and `mlferry artifacts cp` go to Garage themselves. Garage runs with its default
  settings as a single node on the same disk, and starts on an empty folder for every turn. It compresses what it stores and
  keeps equal blocks once, so all content is incompressible and no two files of a turn are alike.
- Through a server, 1 GiB goes through one connection; small files go through 16 connections that stay open, or one after
  another through one, as the stock client sends them: 2,000 and 500, repeated until a second is measured. The load
  generator makes up what it uploads and discards what it downloads.
- boto3: `upload_file` and `download_file` with the default `TransferConfig`, whose 10 threads share a large file. Small
  files come from 16 threads with as many pooled connections, beside the servers' 16 connections, or from one thread, beside
  their one. It uploads from the page cache and downloads to /dev/null. Timed are the transfers, not Python's start.
- `artifacts cp` is timed as a process from its start to its end; small files with `--jobs 16` and `--jobs 1`. It
  downloads into a folder and flushes what it writes, which none of the others does.
- A download of a small file from Garage takes some 40 ms of waiting: it sends the answer in two pieces without TCP_NODELAY,
  and the kernel of whoever asked is in no hurry to acknowledge the first. mlferry tells its kernel to; the others don't.
- First byte: from the request for the 1 GiB to the first byte of its content. In the first round all content is compared.
- Memory: the sum over all processes of a server of each one's peak (VmHWM) while 1 GiB goes up and comes down. Temporary
  files: the bytes below the server's TMPDIR, looked at every 5 ms meanwhile. Written: what the kernel charges the server's
  processes for (`write_bytes` of `/proc/PID/io`), which finds files anywhere; a few kB are its log. 1 MB is 10⁶ bytes.
";
