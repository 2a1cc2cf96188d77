//! The judgement: what a request concerns against what was granted to the user.

use super::{
    Want, Wants,
    caller::SignedIn,
    concerns::{AssessmentAction, experiments_named, scorer_pattern},
};
use crate::error::ApiError;
use mlferry_artifacts::ArtifactPath;
use mlferry_protocol::{
    ErrorCode, ExperimentId,
    access::{Action, Grants, Requirement, Resource, ResourceType as Kind},
    evaluation_datasets::GetDatasetExperimentIds,
    experiments::GetExperimentByName,
    model_versions::CreateModelVersion,
};
use mlferry_store::{Owned, Ownership, SourceOf, Store, StoreError};

/// What lies below the folder of an experiment among the artifacts.
const PARTS_OF_FOLDER: [Kind; 3] = [Kind::Run, Kind::Trace, Kind::LoggedModel];

impl SignedIn {
    /// Refuses what the user may not do.
    pub(super) async fn judge(&self, wants: Wants) -> Result<(), ApiError> {
        let grants = &self.identity.grants;
        let list = self.look_up(wants.list).await?;
        let owners = match (&self.authority.0.records, owned(&list)) {
            (Some(records), Some(owned)) => self.owners(records, owned).await?,
            _ => Ownership::default(),
        };
        let bench = Bench { grants, owners: &owners, user: &self.identity.user.username };
        let are_allowed = list.iter().all(|want| bench.allows(want));
        if are_allowed { Ok(()) } else { Err(ApiError::forbidden()) }
    }

    /// What belongs to what, asked of the records as far as it is not remembered.
    async fn owners(&self, records: &Store, mut owned: Owned) -> Result<Ownership, ApiError> {
        let memory = &self.authority.0.owners;
        let known = memory.take_known(&mut owned);
        if owned.is_empty() {
            return Ok(known);
        }
        let mut found = records.owners(owned).await?;
        memory.learn(&found);
        found.of_runs.extend(known.of_runs);
        Ok(found)
    }

    /// Replaces what has to be found first by what it turns out to be.
    async fn look_up(&self, wants: Vec<Want>) -> Result<Vec<Want>, ApiError> {
        let mut list = Vec::with_capacity(wants.len());
        for want in wants {
            match (want, &self.authority.0.records) {
                (Want::ExperimentNamed(experiment_name, action), Some(records)) => {
                    let request = GetExperimentByName { experiment_name };
                    let id = records.get_experiment_by_name(request).await?.experiment_id;
                    list.push(Want::Experiment(id, action));
                }
                (Want::TraceFiles(id), Some(records)) => {
                    let has_own_files = match records.has_own_files(&id).await {
                        // What does not exist is not told from what may not be seen.
                        Err(error) if error.code() == ErrorCode::ResourceDoesNotExist => false,
                        found => found?,
                    };
                    if !has_own_files {
                        list.push(Want::Operator);
                    }
                    list.push(Want::Trace(id, Action::Read));
                }
                (Want::Dataset(dataset_id, action), Some(records)) => {
                    let request = GetDatasetExperimentIds { dataset_id };
                    let experiments = records.evaluation_dataset_experiments(request).await?;
                    list.extend(experiments_named(&experiments, action));
                }
                (Want::NewVersion(request), Some(records)) => {
                    add_sources(records, &request, &mut list).await?;
                    list.push(Want::NewVersion(request));
                }
                (want, _) => list.push(want),
            }
        }
        Ok(list)
    }
}

/// Adds what a new version is made of, which its maker must be able to read.
async fn add_sources(
    records: &Store,
    request: &CreateModelVersion,
    list: &mut Vec<Want>,
) -> Result<(), ApiError> {
    match records.source_of(request).await {
        Ok(SourceOf::Model(name)) => list.push(Want::Version(name, Action::Read)),
        Ok(SourceOf::Own) => {}
        // What is named by the request and does not exist is not told from what may not be seen.
        Ok(SourceOf::Elsewhere) | Err(StoreError::RunNotFound(_)) => {
            list.push(Want::Operator);
        }
        Err(error) => return Err(error.into()),
    }
    let given = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
    list.extend(given(&request.run_id).map(|run| Want::Run(run, Action::Read)));
    list.extend(given(&request.model_id).map(|id| Want::LoggedModel(id, Action::Read)));
    Ok(())
}

/// What has to be asked of the records before anything can be judged; nothing, if nothing has.
fn owned(wants: &[Want]) -> Option<Owned> {
    let mut owned = Owned::default();
    for want in wants {
        match want {
            Want::Run(id, _) => owned.runs.push(id.clone()),
            Want::LoggedModel(id, _) => owned.logged_models.push(id.clone()),
            Want::Trace(id, _) | Want::TraceIfThere(id) | Want::Assessment(id, _) => {
                owned.traces.push(id.clone());
            }
            Want::Model(name, _) | Want::Version(name, _) | Want::WholeModel(name) => {
                owned.names.push(name.clone());
            }
            Want::NewVersion(request) => owned.names.push(request.name.clone()),
            _ => {}
        }
    }
    (!owned.is_empty()).then_some(owned)
}

/// All that a judgement rests on.
struct Bench<'a> {
    grants: &'a Grants,
    owners: &'a Ownership,
    user: &'a str,
}

impl Bench<'_> {
    fn allows(&self, want: &Want) -> bool {
        match want {
            // What could not be looked up belongs to nobody.
            Want::Operator
            | Want::ExperimentNamed(..)
            | Want::TraceFiles(_)
            | Want::Dataset(..) => false,
            Want::Manager => self.grants.manages_all(),
            Want::Itself(name) => name == self.user,
            Want::Oneself(name) => name == self.user || self.grants.manages_all(),
            Want::Experiment(id, action) => self.experiment(*id, *action),
            Want::WholeExperiment(id, action) => {
                self.experiment(*id, *action)
                    && Kind::IN_EXPERIMENTS
                        .iter()
                        .all(|kind| self.part(*kind, *action, *id, *action))
            }
            Want::NewIn(id, kind) => self.experiment(*id, Action::Update) && self.not_denied(*kind),
            Want::New(kind, name) => {
                let id = name.as_deref().filter(|name| !name.is_empty()).unwrap_or("*");
                !self.grants.is_confined() && self.meets(*kind, id, Action::NotDenied)
            }
            Want::PartsOf(id, kind, action) => self.in_experiment(*kind, *action, Some(id)),
            Want::Run(id, action) => {
                self.in_experiment(Kind::Run, *action, self.owners.of_runs.get(id))
            }
            Want::LoggedModel(id, action) => {
                let owner = self.owners.of_logged_models.get(id);
                self.in_experiment(Kind::LoggedModel, *action, owner)
            }
            Want::Trace(id, action) => {
                self.in_experiment(Kind::Trace, *action, self.owners.of_traces.get(id))
            }
            Want::TraceIfThere(id) => {
                let owner = self.owners.of_traces.get(id);
                owner.is_none() || self.in_experiment(Kind::Trace, Action::Update, owner)
            }
            Want::Assessment(trace, action) => {
                self.owners.of_traces.get(trace).is_some_and(|id| self.assessment(*id, *action))
            }
            Want::Scorer(id, name) => {
                self.scorer(*id, name, Action::Read, (Action::NotDenied, Action::NotDenied))
            }
            Want::NewScorer(id, name) => {
                self.experiment(*id, Action::Update)
                    && self.meets(Kind::Scorer, &scorer_pattern(*id, name), Action::NotDenied)
                    && self.not_denied(Kind::ScorerVersion)
            }
            Want::ScorerDeletion(id, name, version) => {
                let action = if version.is_some() { Action::Read } else { Action::Delete };
                self.scorer(*id, name, action, (Action::Delete, Action::Delete))
            }
            Want::TracesOf(id) => {
                self.in_experiment(Kind::Trace, Action::Delete, Some(id))
                    && self.part(Kind::Assessment, Action::Delete, *id, Action::Update)
            }
            Want::Model(name, action) => self.meets(self.kind_of(name), name, *action),
            Want::Version(name, action) => self.version(name, *action),
            Want::NewVersion(request) => {
                let name = &request.name;
                self.meets(self.kind_of(name), name, Action::Update)
                    && self.not_denied(version_kind(self.kind_of(name)))
            }
            Want::WholeModel(name) => {
                let kind = self.kind_of(name);
                let versions = Requirement::part(
                    version_kind(kind),
                    Action::Delete,
                    (kind, name.as_str()),
                    Action::Delete,
                );
                self.meets(kind, name, Action::Delete) && self.grants.meet(&versions)
            }
            Want::Path(path, action) => self.path(path.as_ref(), *action),
            Want::NotDenied(kind) => self.not_denied(*kind),
            Want::Resource(resource) => self.manages(resource),
        }
    }

    fn meets(&self, kind: Kind, id: &str, action: Action) -> bool {
        self.grants.meet(&Requirement::on(kind, id, action))
    }

    fn not_denied(&self, kind: Kind) -> bool {
        self.meets(kind, "*", Action::NotDenied)
    }

    fn experiment(&self, id: ExperimentId, action: Action) -> bool {
        self.meets(Kind::Experiment, &id.to_string(), action)
    }

    /// What is in an experiment, by the grants on its kind or, without any, by those on the experiment.
    fn part(
        &self,
        kind: Kind,
        action: Action,
        experiment: ExperimentId,
        action_of_experiment: Action,
    ) -> bool {
        let id = experiment.to_string();
        let parent = (Kind::Experiment, id.as_str());
        self.grants.meet(&Requirement::part(kind, action, parent, action_of_experiment))
    }

    /// The same, in an experiment that may be seen. What is in none is nobody's, so that nobody finds out what there is.
    fn in_experiment(&self, kind: Kind, action: Action, owner: Option<&ExperimentId>) -> bool {
        owner.is_some_and(|id| {
            self.experiment(*id, Action::Read) && self.part(kind, action, *id, action)
        })
    }

    /// A scorer of an experiment that may be seen, and what is done with its versions, by the grants on these or, without any, by
    /// those on the scorer.
    fn scorer(
        &self,
        experiment: ExperimentId,
        name: &str,
        action: Action,
        (of_versions, or_else): (Action, Action),
    ) -> bool {
        let pattern = scorer_pattern(experiment, name);
        let parent = (Kind::Scorer, pattern.as_str());
        let versions = Requirement::part(Kind::ScorerVersion, of_versions, parent, or_else);
        self.experiment(experiment, Action::Read)
            && self.meets(Kind::Scorer, &pattern, action)
            && self.grants.meet(&versions)
    }

    fn assessment(&self, id: ExperimentId, action: AssessmentAction) -> bool {
        let of_experiment = |action, other| self.part(Kind::Assessment, action, id, other);
        self.in_experiment(Kind::Trace, Action::Read, Some(&id))
            && match action {
                AssessmentAction::Create => {
                    self.not_denied(Kind::Assessment)
                        && (self.experiment(id, Action::Update)
                            || self.meets(Kind::Trace, "*", Action::Update))
                }
                AssessmentAction::Read => of_experiment(Action::Read, Action::Read),
                AssessmentAction::Update => of_experiment(Action::Update, Action::Update),
                AssessmentAction::Delete => of_experiment(Action::Delete, Action::Update),
            }
    }

    /// Whether a name is that of a model or of a prompt; one that is free is a model's.
    fn kind_of(&self, name: &str) -> Kind {
        if self.owners.prompts.contains(name) { Kind::Prompt } else { Kind::RegisteredModel }
    }

    fn version(&self, name: &str, action: Action) -> bool {
        let kind = self.kind_of(name);
        let versions = version_kind(kind);
        self.meets(kind, name, Action::Read)
            && match action {
                Action::Read => self.not_denied(versions),
                _ => self.grants.meet(&Requirement::part(versions, action, (kind, name), action)),
            }
    }

    /// A place among the artifacts belongs to the experiment whose number is its first folder. Others are nobody's.
    fn path(&self, path: Option<&ArtifactPath>, action: Action) -> bool {
        let Some(path) = path else { return false };
        let mut names = path.as_str().split('/');
        let first = names.next().unwrap_or_default();
        // `01` and `+1` are other folders than `1`, and no experiment has a number below 0.
        let id =
            first.parse().ok().map(ExperimentId).filter(|id| id.0 >= 0 && id.to_string() == first);
        let Some(id) = id else { return false };
        let kinds: &[Kind] = match (names.next(), names.next()) {
            (Some("models"), _) => &[Kind::LoggedModel],
            (Some("traces"), _) => &[Kind::Trace],
            (Some(_), _) => &[Kind::Run],
            // An archive or a listing of it, or its deletion, spans them all.
            (None, _) => &PARTS_OF_FOLDER,
        };
        kinds.iter().all(|kind| self.in_experiment(*kind, action, Some(&id)))
    }

    /// Who may say who may do what: whoever manages the resource, and for all of a kind, whoever manages all there is.
    fn manages(&self, resource: &Resource) -> bool {
        let Resource { kind, id } = resource;
        self.grants.manages_all() || id != "*" && self.meets(*kind, id, Action::Manage)
    }
}

fn version_kind(kind: Kind) -> Kind {
    match kind {
        Kind::Prompt => Kind::PromptVersion,
        _ => Kind::RegisteredModelVersion,
    }
}

#[cfg(test)]
mod tests;
