//! Whether a destination can be used, asked before the server takes requests.

use super::{
    Remote, StoreKind,
    error::{store_error, words_of},
};
use crate::{ArtifactError, OpenError, path::STAGING_FOLDER};
use object_store::{Error, PutOptions, PutPayload, list::PaginatedListOptions, path::Path};
use uuid::Uuid;

impl Remote {
    /// Lists a little, and writes a small object that is deleted again.
    pub(super) async fn check(&self) -> Result<(), OpenError> {
        self.try_out().await.map_err(|(what, error)| OpenError::Unusable {
            destination: self.0.destination.to_string(),
            reason: format!(
                "the store can't be {what}: {}. --no-destination-check starts the server all the same",
                words_of(&error).trim_end_matches('.')
            ),
        })
    }

    /// Asks whether the store answers and may be listed.
    pub(crate) async fn probe(&self) -> Result<(), ArtifactError> {
        self.list_a_little().await.map_err(|error| store_error(&error))
    }

    async fn list_a_little(&self) -> Result<(), Error> {
        let prefix = self.prefix(None);
        match &self.0.opened.pages {
            Some(pages) => {
                let page =
                    PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
                let prefix = (!prefix.is_empty()).then_some(prefix.as_str());
                pages.list_paginated(prefix, page).await.map(drop)
            }
            None => match Path::parse(&prefix) {
                Ok(root) => self.store().list_with_delimiter(Some(&root)).await.map(drop),
                Err(error) => Err(error.into()),
            },
        }
    }

    async fn try_out(&self) -> Result<(), (&'static str, Error)> {
        self.list_a_little().await.map_err(|error| ("listed", error))?;
        let Some(key) = self.trial_key() else { return Ok(()) };
        let payload = PutPayload::from_static(b"mlferry asks whether it may write here");
        let written = self.store().put_opts(&key, payload, PutOptions::default()).await;
        written.map_err(|error| ("written", error))?;
        let keys = futures_util::stream::iter([Ok(key)]);
        let deleted = self.store().delete_stream(Box::pin(keys));
        let deleted: Result<Vec<_>, _> = futures_util::TryStreamExt::try_collect(deleted).await;
        // Who may write but not delete can still serve uploads and downloads.
        if let Err(error) = deleted {
            let reason = words_of(&error);
            tracing::warn!(reason, "artifacts can't be deleted from the destination");
        }
        Ok(())
    }

    /// A key that no artifact has. Other servers reserve such names, so there is none on them.
    fn trial_key(&self) -> Option<Path> {
        if self.0.opened.traits.kind == StoreKind::Server {
            return None;
        }
        let name = format!("{}{STAGING_FOLDER}/{}", self.prefix(None), Uuid::new_v4().simple());
        Path::parse(name).ok()
    }
}
