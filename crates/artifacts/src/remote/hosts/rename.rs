//! How a staged file gets its name, in place of the file that had it before.

use super::{FileHost, Kind, NotDone, trouble};
use crate::StoreTrouble;
use object_store::{Error, Result};

/// Gives the staged file `from` its name.
///
/// Whatever fails, `to` leads to the old file or to the new one. Nothing is deleted before the new one
/// has its name: where a host replaces nothing by itself, the old one is moved aside, and back if the new
/// one can't be moved.
pub(super) async fn publish(host: &dyn FileHost, from: &str, to: &str) -> Result<()> {
    let mut outcome = host.rename(from, to).await;
    if let Err(NotDone::Unclear(_)) = outcome {
        if is_carried_out(host, from, to).await {
            return Ok(());
        }
        outcome = host.rename(from, to).await;
    }
    match outcome {
        Ok(()) => Ok(()),
        Err(NotDone::Refused(error)) => replace(host, from, to, error).await,
        Err(NotDone::Unclear(_)) if is_carried_out(host, from, to).await => Ok(()),
        Err(NotDone::Unclear(error)) => Err(error),
    }
}

/// Nobody but this upload knows the name of its staged file.
async fn is_carried_out(host: &dyn FileHost, from: &str, to: &str) -> bool {
    matches!(host.look(from).await, Ok(None))
        && matches!(host.look(to).await, Ok(Some(found)) if found.kind == Kind::File)
}

async fn replace(host: &dyn FileHost, from: &str, to: &str, refused: Error) -> Result<()> {
    if host.look(from).await?.is_none() {
        return Err(refused);
    }
    let has_file = async || {
        let found = host.look(to).await?;
        Ok::<_, Error>(found.map(|found| found.kind == Kind::File))
    };
    match has_file().await? {
        Some(true) => {}
        Some(false) => return Err(refused),
        // Another upload may just have moved it aside.
        None => return host.rename(from, to).await.map_err(Error::from),
    }
    let aside = format!("{from}.old");
    if host.rename(to, &aside).await.is_err() && !is_carried_out(host, to, &aside).await {
        return Err(refused);
    }
    let Err(failure) = host.rename(from, to).await else {
        // If it stays, a sweep finds it.
        let _ = host.remove_file(&aside).await;
        return Ok(());
    };
    if matches!(failure, NotDone::Unclear(_)) && is_carried_out(host, from, to).await {
        let _ = host.remove_file(&aside).await;
        return Ok(());
    }
    if host.rename(&aside, to).await.is_ok() {
        return Err(failure.into());
    }
    // It may have been moved back all the same, or another upload was faster.
    if matches!(has_file().await, Ok(Some(true))) {
        let _ = host.remove_file(&aside).await;
        return Err(failure.into());
    }
    let words = format!("'{to}' can't be replaced; what it was before is kept as '{aside}'");
    Err(trouble(StoreTrouble::Unavailable, words, to))
}
