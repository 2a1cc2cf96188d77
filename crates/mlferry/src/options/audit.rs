//! The audit log: where it is, and how much of it is kept.

use std::path::PathBuf;

use clap::Args;

use super::set;
use crate::checks::{in_range, size_of_at_least};
use crate::usage::Stop;

/// Bytes of a file when nothing else is said.
const DEFAULT_BYTES: u64 = 100 << 20;

/// Bytes that a file may have at least: a few hundred lines.
const LEAST_BYTES: u64 = 64 << 10;

/// Older files that are kept when nothing else is said.
const DEFAULT_KEPT: u32 = 10;

/// The flags of the audit log.
#[expect(clippy::struct_field_names, reason = "each is named after its flag")]
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AuditFlags {
    /// File that gets a line of JSON for each change that a user makes, and for each request that is refused; only with
    /// --app-name (default: nothing is written)
    #[arg(long, value_name = "PATH", env = "MLFERRY_AUDIT_LOG")]
    audit_log: Option<String>,

    /// Size at which that file is renamed and another one begun, in bytes or with a unit (default: 100M)
    #[arg(long, value_name = "SIZE", env = "MLFERRY_AUDIT_LOG_SIZE")]
    audit_log_size: Option<String>,

    /// How many of the renamed files are kept (default: 10)
    #[arg(long, value_name = "INTEGER", env = "MLFERRY_AUDIT_LOG_FILES")]
    audit_log_files: Option<String>,

    /// Write a line for what is only read, too
    #[arg(long, env = "MLFERRY_AUDIT_LOG_READS")]
    audit_log_reads: bool,
}

/// An audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditOptions {
    /// The file that is written.
    pub(crate) path: PathBuf,
    /// Bytes at which it is renamed.
    pub(crate) bytes: u64,
    /// How many renamed files are kept.
    pub(crate) kept: u32,
    /// Whether requests that only read are written down, too.
    pub(crate) shows_reads: bool,
}

pub(super) fn audit_of(flags: &AuditFlags, has_users: bool) -> Result<Option<AuditOptions>, Stop> {
    let (size, files) = (set(flags.audit_log_size.clone()), set(flags.audit_log_files.clone()));
    let Some(path) = set(flags.audit_log.clone()) else {
        return if size.is_some() || files.is_some() || flags.audit_log_reads {
            Err(Stop::usage(
                "--audit-log-size, --audit-log-files and --audit-log-reads are of no use without --audit-log. Name a file, too.",
            ))
        } else {
            Ok(None)
        };
    };
    if !has_users {
        return Err(Stop::usage(
            "--audit-log tells what users do, and without --app-name basic-auth there are none. Leave it out, or add that.",
        ));
    }
    let kept = in_range("'--audit-log-files'", files.as_deref(), 0, 10_000)?;
    Ok(Some(AuditOptions {
        path: path.into(),
        bytes: bytes_of(size.as_deref())?,
        kept: kept.and_then(|kept| u32::try_from(kept).ok()).unwrap_or(DEFAULT_KEPT),
        shows_reads: flags.audit_log_reads,
    }))
}

fn bytes_of(size: Option<&str>) -> Result<u64, Stop> {
    let Some(text) = size else { return Ok(DEFAULT_BYTES) };
    size_of_at_least("'--audit-log-size'", text, (LEAST_BYTES, "64K"), "100M or 1GiB")
}
