//! Where the files of a model version lie, behind all that its location may point to.

use crate::{
    Store, StoreError, artifact_uri,
    db::Transaction,
    logged_models,
    model_version_source::named_version,
    model_versions::location_of,
    reads::Question,
    runs,
    source_uri::{ModelsUri, Pointer},
};
use mlferry_protocol::{InvalidParameter, RunId, model_versions::VersionOf};

/// How many locations may point to another one. Those that servers write need two at most; rows that were
/// written otherwise could lead in circles.
const MOST_POINTERS: usize = 8;

impl Store {
    /// Below which the files of a model version lie: a place, and never a run or another version.
    pub async fn model_version_artifact_uri(&self, of: VersionOf) -> Result<String, StoreError> {
        self.ask(FilesOf(of)).await
    }
}

/// Asks for that place.
pub(crate) struct FilesOf(pub(crate) VersionOf);

impl Question for FilesOf {
    type Answer = String;

    async fn answer(&self, transaction: &mut Transaction) -> Result<String, StoreError> {
        let mut location = location_of(transaction, &self.0).await?;
        for _ in 0..MOST_POINTERS {
            let next = match Pointer::of(&location)? {
                None => return Ok(location),
                Some(Pointer::Run { run, path }) => {
                    let run = RunId::new(run);
                    let root = runs::ArtifactUriOf(run).answer(transaction).await?;
                    if path.is_empty() { root } else { artifact_uri::append(&root, path) }
                }
                Some(Pointer::Model(ModelsUri::LoggedModel(id))) => {
                    logged_models::active(transaction, id).await?.artifact_uri
                }
                Some(Pointer::Model(uri)) => {
                    let of = named_version(transaction, &location, &uri).await?;
                    location_of(transaction, &of).await?
                }
            };
            location = next;
        }
        let VersionOf { name, version } = &self.0;
        let message = format!("The location of version {version} of '{name}' leads in circles.");
        Err(InvalidParameter::new(message).into())
    }
}
