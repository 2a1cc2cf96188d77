//! The runtime of commands that work on a database or on artifacts and then end.

use std::future::Future;

use anyhow::Context;

use crate::usage::Stop;

/// Threads for work that blocks on the disk, as the server has them.
const BLOCKING_THREADS: usize = 32;

/// Does the work of a command; its error is a refusal of one line.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build();
    let done = runtime.context("cannot start").and_then(|runtime| runtime.block_on(work));
    done.map_err(|error| Stop::Refused(crate::one_line(&error)))
}
