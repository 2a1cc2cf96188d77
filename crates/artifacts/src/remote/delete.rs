//! Deletions: one object, or all whose keys lie below it.

use super::{
    Remote, StoreKind,
    error::{explain, words_of},
};
use crate::{ArtifactError, ArtifactPath, StoreTrouble};
#[cfg(any(feature = "server", feature = "sftp", feature = "ftp", feature = "hdfs"))]
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{Error, path::Path};
use std::future::ready;

/// Failures that are told by name; of more, only the number is.
const NAMED_FAILURES: usize = 5;

impl Remote {
    /// Deletes a file, or all files of a folder; what is not there is deleted already.
    ///
    /// A store that refuses some of them deletes the others, and the error names those that stay.
    pub(crate) async fn delete(&self, path: &ArtifactPath) -> Result<(), ArtifactError> {
        let key = self.key(path)?;
        if self.0.opened.traits.kind != StoreKind::Objects {
            return self.delete_at_once(path, key).await;
        }
        // Asked first: some stores fail where something lies below a key that is to be deleted.
        let file = match self.stat(&key).await {
            Ok(_) => Some(Ok(key.clone())),
            Err(error) => match explain(&error, path) {
                ArtifactError::NotFound(_) => None,
                error => return Err(error),
            },
        };
        let below = self.store().list(Some(&key)).map_ok(|meta| meta.location);
        let keys = stream::iter(file).chain(below).boxed();
        let mut deleted = self.store().delete_stream(keys);
        let (mut failures, mut first) = (Vec::new(), None);
        while let Some(result) = deleted.next().await {
            let Err(error) = result else { continue };
            if let Some((trouble, words)) = failure_of(&error, path) {
                first.get_or_insert(trouble);
                failures.push(words);
            }
        }
        let Some(trouble) = first else { return Ok(()) };
        let count = failures.len();
        failures.truncate(NAMED_FAILURES);
        let words =
            format!("{count} of the deletions below '{path}' failed: {}", failures.join("; "));
        Err(ArtifactError::Store { trouble, words })
    }

    /// Deletes whatever has the name, where a store knows folders.
    async fn delete_at_once(&self, path: &ArtifactPath, key: Path) -> Result<(), ArtifactError> {
        let deleted = self.store().delete_stream(stream::iter([Ok(key)]).boxed());
        match deleted.try_for_each(|_| ready(Ok(()))).await.map_err(|error| explain(&error, path)) {
            Err(ArtifactError::NotFound(_)) => Ok(()),
            deleted => deleted,
        }
    }
}

/// What kept a store from deleting one of many keys. What is absent is deleted already, but for the bucket itself.
fn failure_of(error: &Error, path: &ArtifactPath) -> Option<(StoreTrouble, String)> {
    match explain(error, path) {
        ArtifactError::NotFound(_) => None,
        ArtifactError::Store { trouble, words } => Some((trouble, words)),
        // A lease or a policy of the store's: the client named no condition that could hold another time.
        _ => Some((StoreTrouble::Refused, words_of(error))),
    }
}

/// Deletes one after the other: where folders are deleted by name, nobody asks for many at once.
#[cfg(any(feature = "server", feature = "sftp", feature = "ftp", feature = "hdfs"))]
pub(super) fn delete_each<S, F, Deleted>(
    store: &S,
    locations: BoxStream<'static, object_store::Result<Path>>,
    delete: F,
) -> BoxStream<'static, object_store::Result<Path>>
where
    S: Clone + Send + 'static,
    F: Fn(S, Path) -> Deleted + Send + 'static,
    Deleted: Future<Output = object_store::Result<Path>> + Send + 'static,
{
    let store = store.clone();
    locations.and_then(move |key| delete(store.clone(), key)).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_what_is_absent_keeps_a_key_from_being_deleted() {
        let path = ArtifactPath::parse("d").unwrap();
        let key = || "d/f".to_owned();
        let absent = Error::NotFound { path: key(), source: "it is gone".into() };
        assert_eq!(failure_of(&absent, &path), None);
        let leased = Error::Precondition { path: key(), source: "There is a lease.".into() };
        let expected = (StoreTrouble::Refused, "There is a lease.".to_owned());
        assert_eq!(failure_of(&leased, &path), Some(expected));
        let words = "DeleteObjects request failed for key d/f: No. (code: AccessDenied)";
        let denied = Error::Generic { store: "S3", source: words.into() };
        let expected = (StoreTrouble::Denied, words.to_owned());
        assert_eq!(failure_of(&denied, &path), Some(expected));
    }
}
