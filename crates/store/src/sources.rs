//! Which files somebody gets hold of by naming their place: it decides who may name it.

use crate::{
    Store, StoreError,
    source_uri::{ModelsUri, SourceKind, is_within},
};
use mlferry_protocol::{
    RunId, experiments::GetExperiment, model_versions::CreateModelVersion, tags,
};

/// Where the files of a new model version are, as far as it decides who may make it.
#[derive(Debug, PartialEq, Eq)]
pub enum SourceOf {
    /// In a version of another model, by its name.
    Model(String),
    /// Where the run or the logged model has them that the request names, or nowhere: a version is refused that says
    /// otherwise.
    Own,
    /// Anywhere else.
    Elsewhere,
}

impl Store {
    /// Where the files of a new model version are.
    pub async fn source_of(&self, request: &CreateModelVersion) -> Result<SourceOf, StoreError> {
        // What prompts name as their source is no place.
        if tags::are_of_prompt(&request.tags) {
            return Ok(SourceOf::Own);
        }
        let source = request.source.as_str();
        Ok(match SourceKind::of(source)? {
            SourceKind::Models => match ModelsUri::parse(source)? {
                ModelsUri::LoggedModel(_) => SourceOf::Own,
                ModelsUri::Version { name, .. }
                | ModelsUri::Alias { name, .. }
                | ModelsUri::Stage { name, .. }
                | ModelsUri::Latest { name } => SourceOf::Model(name.to_owned()),
            },
            SourceKind::Runs | SourceKind::Proxied | SourceKind::Local => SourceOf::Own,
            SourceKind::Other => {
                let mut roots = Vec::new();
                let given = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
                if let Some(run) = given(&request.run_id) {
                    roots.push(self.run_artifact_uri(&RunId::new(run)).await?);
                }
                if let Some(model) = given(&request.model_id) {
                    roots.push(self.logged_model_artifact_uri(&model).await?);
                }
                let is_own = roots.iter().any(|root| is_within(source, root));
                if is_own { SourceOf::Own } else { SourceOf::Elsewhere }
            }
        })
    }

    /// Whether the files of a trace lie where those of its experiment do. Clients may write into a trace that they lie
    /// elsewhere.
    pub async fn has_own_files(&self, trace_id: &str) -> Result<bool, StoreError> {
        let Some(files) = self.trace_artifact_uri(trace_id).await? else { return Ok(true) };
        let owned = crate::Owned { traces: vec![trace_id.to_owned()], ..crate::Owned::default() };
        let owners = self.owners(owned).await?;
        let Some(experiment_id) = owners.of_traces.get(trace_id).copied() else {
            return Ok(false);
        };
        let experiment = self.get_experiment(GetExperiment { experiment_id }).await?;
        let location = experiment.artifact_location.unwrap_or_default();
        Ok(is_within(&files, &format!("{}/traces/{trace_id}", location.trim_end_matches('/'))))
    }
}

/// Whether a location lies in a server's own storage, or on the machine itself.
#[must_use]
pub fn is_of_server(location: &str) -> bool {
    !matches!(SourceKind::of(location), Ok(SourceKind::Other))
}
