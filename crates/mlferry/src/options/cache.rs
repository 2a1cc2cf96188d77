//! The cache of what is downloaded from remote destinations.

use std::path::PathBuf;

use mlferry_artifacts::{Destination, MIN_CACHE_BYTES};

use super::set;
use crate::checks::size_of_at_least;
use crate::flags::ServerFlags;
use crate::usage::Stop;

/// Bytes of a cache when nothing else is said.
const DEFAULT_BYTES: u64 = 20 << 30;

/// A cache on a disk of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheOptions {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Its size.
    pub(crate) bytes: u64,
}

pub(super) fn cache_of(
    flags: &ServerFlags,
    destination: Option<&Destination>,
) -> Result<Option<CacheOptions>, Stop> {
    let size = set(flags.artifact_cache_size.clone());
    let Some(folder) = set(flags.artifact_cache.clone()) else {
        return match size {
            None => Ok(None),
            Some(_) => Err(Stop::usage(
                "--artifact-cache-size is of no use without --artifact-cache. Name a folder for the cache, too.",
            )),
        };
    };
    match destination {
        Some(Destination::Remote(_)) => {}
        Some(Destination::Local(path)) => {
            return Err(Stop::Refused(format!(
                "--artifact-cache would only keep a second copy of what is on this machine already, in {}. Leave it \
                 out, or name a remote --artifacts-destination.",
                path.display()
            )));
        }
        None => {
            return Err(Stop::Refused(
                "--artifact-cache is of no use with --no-serve-artifacts. Leave one of them out."
                    .to_owned(),
            ));
        }
    }
    Ok(Some(CacheOptions { folder: folder.into(), bytes: bytes_of(size.as_deref())? }))
}

fn bytes_of(size: Option<&str>) -> Result<u64, Stop> {
    let Some(text) = size else { return Ok(DEFAULT_BYTES) };
    size_of_at_least("'--artifact-cache-size'", text, (MIN_CACHE_BYTES, "64M"), "20G or 512MiB")
}
