//! Who makes a request, as handlers see it.

use super::{Authority, Concerns, Want, Wants, identities::Identity, scorer_pattern};
use crate::{error::ApiError, routes::Access};
use axum::{
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use mlferry_protocol::{
    ErrorCode, ExperimentId,
    access::{Action, Grants, Requirement, Resource, ResourceType, User},
};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// What shares its names in the model registry.
const NAMES: &[ResourceType] = &[ResourceType::RegisteredModel, ResourceType::Prompt];

const SCORERS: &[ResourceType] = &[ResourceType::Scorer];

/// Things that the audit log tells of one request; a batch can name a thousand.
const NAMED: usize = 100;
/// Bytes of each that are noted: whoever names things chooses how long their names are.
const NAMED_BYTES: usize = 512;

/// Who makes a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Who);

#[derive(Debug, Clone)]
enum Who {
    /// Whoever it is may do everything: the server has no users.
    Everybody,
    /// Somebody who was not asked.
    Nobody,
    /// Somebody who proved it.
    User(SignedIn),
}

/// A user, on the way through one line of the table.
#[derive(Debug, Clone)]
pub(super) struct SignedIn {
    pub(super) authority: Authority,
    pub(super) identity: Arc<Identity>,
    /// What the line does with what a request names.
    pub(super) action: Action,
    /// Whether somebody asked if this user may do that.
    is_judged: Arc<AtomicBool>,
    /// What the request named, for the audit log.
    trail: Option<Arc<Mutex<Vec<String>>>>,
}

impl Caller {
    /// Who makes a request.
    pub(crate) fn of(extensions: &Extensions) -> Result<Self, ApiError> {
        // It is missing only where the gate is, too: then nobody is let in.
        extensions.get::<Self>().cloned().ok_or_else(|| {
            ApiError::new(ErrorCode::InternalError, "The server does not know who asks.")
        })
    }

    /// Whoever calls a server without users.
    pub(crate) fn everybody() -> Self {
        Self(Who::Everybody)
    }

    /// Whoever calls what anyone may call.
    pub(super) fn nobody() -> Self {
        Self(Who::Nobody)
    }

    /// A user who calls a line of the table.
    pub(super) fn user(authority: Authority, identity: Arc<Identity>, access: Access) -> Self {
        let (action, is_open) = match access {
            Access::Edit => (Action::Update, false),
            Access::Delete => (Action::Delete, false),
            Access::Read => (Action::Read, false),
            // The gate let nobody else in than the line is for.
            Access::Anyone | Access::SignedIn | Access::Operate => (Action::Read, true),
        };
        let is_judged = Arc::new(AtomicBool::new(is_open));
        let trail = authority.0.audit_log.is_some().then(Arc::default);
        Self(Who::User(SignedIn { authority, identity, action, is_judged, trail }))
    }

    /// Whether a handler asked if the caller may do what it does.
    pub(super) fn was_judged(&self) -> bool {
        match &self.0 {
            Who::Everybody => true,
            Who::Nobody => false,
            Who::User(user) => user.is_judged.load(Ordering::Relaxed),
        }
    }

    /// Who it is, where there are users.
    pub(super) fn identity(&self) -> Option<&Identity> {
        match &self.0 {
            Who::User(user) => Some(&user.identity),
            Who::Everybody | Who::Nobody => None,
        }
    }

    /// What the request named, for the audit log.
    pub(super) fn trail(&self) -> Vec<String> {
        let Who::User(SignedIn { trail: Some(trail), .. }) = &self.0 else { return Vec::new() };
        trail.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses a request that the caller may not make, and leaves out of it what the caller may not see.
    pub(crate) async fn check<T>(&self, request: &mut T) -> Result<(), ApiError>
    where
        T: Concerns + Send + Sync,
    {
        let user = match &self.0 {
            Who::Everybody => return Ok(()),
            Who::Nobody => return Err(ApiError::forbidden()),
            Who::User(user) => user,
        };
        self.judge(|wants| request.concerns(wants)).await?;
        if !user.identity.user.is_admin {
            request.narrow(&user.identity.grants);
        }
        Ok(())
    }

    /// Refuses what the caller may not do; `say` says what that is.
    pub(crate) async fn judge(&self, say: impl FnOnce(&mut Wants) + Send) -> Result<(), ApiError> {
        let user = match &self.0 {
            Who::Everybody => return Ok(()),
            Who::Nobody => return Err(ApiError::forbidden()),
            Who::User(user) => user,
        };
        let is_limited = !user.identity.user.is_admin;
        if is_limited || user.trail.is_some() {
            let mut wants = Wants::new(user.action);
            say(&mut wants);
            user.note(wants.list.iter().filter_map(Want::named));
            if is_limited {
                user.judge(wants).await?;
            }
        }
        user.is_judged.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the user signed on with an identity provider, and goes on with a session.
    pub(crate) fn has_session(&self) -> bool {
        self.identity().is_some_and(|identity| identity.has_session)
    }

    /// The user, where there are users.
    pub(crate) fn signed_in(&self) -> Result<&User, ApiError> {
        self.identity().map(|identity| &identity.user).ok_or_else(ApiError::forbidden)
    }

    /// What the user may do, unless it is everything.
    pub(crate) fn limits(&self) -> Option<&Grants> {
        let limited = self.identity().filter(|identity| !identity.user.is_admin);
        limited.map(|identity| &identity.grants)
    }

    /// Lets the caller manage an experiment that was just made.
    pub(crate) async fn claim_experiment(&self, id: ExperimentId) -> Result<(), ApiError> {
        const KINDS: &[ResourceType] = &[ResourceType::Experiment];
        let resource = Resource { kind: ResourceType::Experiment, id: id.to_string() };
        self.claim(KINDS, resource).await
    }

    /// Lets the caller manage a registered model that was just made, or a prompt.
    pub(crate) async fn claim_name(&self, name: &str, is_prompt: bool) -> Result<(), ApiError> {
        let kind = if is_prompt { ResourceType::Prompt } else { ResourceType::RegisteredModel };
        self.claim(NAMES, Resource { kind, id: name.to_owned() }).await
    }

    /// Lets the caller manage a scorer whose first version was just registered.
    pub(crate) async fn claim_scorer(
        &self,
        experiment: ExperimentId,
        name: &str,
    ) -> Result<(), ApiError> {
        let id = scorer_pattern(experiment, name);
        self.claim(SCORERS, Resource { kind: ResourceType::Scorer, id }).await
    }

    /// Takes back what was granted on a scorer that is gone.
    pub(crate) async fn forget_scorer(
        &self,
        experiment: ExperimentId,
        name: &str,
    ) -> Result<(), ApiError> {
        self.forget(SCORERS, scorer_pattern(experiment, name)).await
    }

    /// Whether the caller may see a scorer.
    pub(crate) fn sees_scorer(&self, experiment: ExperimentId, name: &str) -> bool {
        let Some(grants) = self.limits() else { return true };
        let meets = |kind, id: &str, action| grants.meet(&Requirement::on(kind, id, action));
        meets(ResourceType::ScorerVersion, "*", Action::NotDenied)
            && meets(ResourceType::Experiment, &experiment.to_string(), Action::Read)
            && meets(ResourceType::Scorer, &scorer_pattern(experiment, name), Action::Read)
    }

    async fn claim(
        &self,
        kinds: &'static [ResourceType],
        resource: Resource,
    ) -> Result<(), ApiError> {
        let Who::User(user) = &self.0 else { return Ok(()) };
        user.note([format!("{} {}", resource.kind.name(), resource.id)]);
        let name = user.identity.user.username.clone();
        let users = user.authority.users();
        user.authority.change(users.claim(name, kinds, resource)).await
    }

    /// Takes back what was granted on a name that is free again.
    pub(crate) async fn forget_name(&self, name: String) -> Result<(), ApiError> {
        self.forget(NAMES, name).await
    }

    async fn forget(&self, kinds: &'static [ResourceType], id: String) -> Result<(), ApiError> {
        let Who::User(user) = &self.0 else { return Ok(()) };
        user.authority.change(user.authority.users().forget(kinds, id)).await
    }

    /// Lets what was granted on a name follow the model to another one.
    pub(crate) async fn rename(&self, name: String, to: &str) -> Result<(), ApiError> {
        let Who::User(user) = &self.0 else { return Ok(()) };
        if name == to {
            return Ok(());
        }
        let users = user.authority.users();
        user.authority.change(users.rename(NAMES, name, to.to_owned())).await
    }
}

impl SignedIn {
    /// Notes what the request names, each thing once.
    fn note(&self, named: impl IntoIterator<Item = String>) {
        let Some(trail) = &self.trail else { return };
        let mut trail = trail.lock().unwrap_or_else(PoisonError::into_inner);
        for mut name in named {
            name.truncate(name.floor_char_boundary(NAMED_BYTES));
            if trail.len() < NAMED && !trail.contains(&name) {
                trail.push(name);
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(&parts.extensions)
    }
}
