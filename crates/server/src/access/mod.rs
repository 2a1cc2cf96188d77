//! Who a request comes from, and what it may do: `--app-name basic-auth`.
//!
//! [`gate::admit`] stands before each line of the route table: it asks who comes, and refuses what only operators may do.
//! Whether somebody may do something with one experiment, run or model, is judged by [`Caller`] once the request was read,
//! by the very message that its handler gets ([`Concerns`]). What nobody judged is not answered.

mod attempts;
mod audit;
mod caller;
mod concerns;
mod gate;
mod identities;
mod judge;
mod oidc;
mod owners;
mod sign_in;

pub use audit::AuditLog;
pub(crate) use caller::Caller;
pub(crate) use concerns::{Concerns, Want, Wants, scorer_pattern, visible_names};
pub(crate) use gate::{Gate, Line, Peer, SignedOnAs, admit};
pub(crate) use oidc::{Attempt, Oidc, Returned, SESSION_COOKIE, cookie_in};
pub use oidc::{CALLBACK_PATH, OidcOptions};

use crate::error::ApiError;
use attempts::Attempts;
use identities::Identities;
use mlferry_protocol::{
    ErrorCode,
    access::{Grants, Permission},
};
use mlferry_store::{
    AccessError, AccessStore, Account, SignOn, SignedOn, Store, StoreError, hash_password,
    is_password,
};
use owners::Owners;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task,
};

/// Passwords that are hashed at once: each takes a twentieth of a second of a core, and 32 MiB.
const HASHES_AT_ONCE: usize = 2;

/// Who may use a server, and what everybody may do there.
#[derive(Debug, Clone)]
pub struct AccessOptions {
    /// Users, roles and permissions.
    pub users: AccessStore,
    /// What all users may do where nothing else was granted to them.
    pub default_permission: Permission,
    /// How long a password that was right is not hashed again; zero hashes it with each request.
    pub credential_time: Duration,
    /// For how many users at most that is remembered.
    pub credential_count: usize,
    /// Where it is written down what users do.
    pub audit_log: Option<AuditLog>,
    /// The identity provider with which users sign on.
    pub oidc: Option<OidcOptions>,
}

/// Who knows all users. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Authority(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    users: AccessStore,
    /// Where it is asked what belongs to which experiment; absent in a server without records.
    records: Option<Store>,
    default_permission: Permission,
    identities: Identities,
    owners: Owners,
    attempts: Attempts,
    hashing: Semaphore,
    audit_log: Option<AuditLog>,
    oidc: Option<Oidc>,
}

impl Authority {
    pub(crate) fn new(options: AccessOptions, records: Option<Store>) -> Self {
        let AccessOptions {
            users,
            default_permission,
            credential_time,
            credential_count,
            audit_log,
            oidc,
        } = options;
        Self(Arc::new(Parts {
            users,
            records,
            default_permission,
            identities: Identities::new(credential_time, credential_count),
            owners: Owners::default(),
            attempts: Attempts::default(),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            audit_log,
            oidc: oidc.map(Oidc::new),
        }))
    }

    /// The identity provider with which people sign on to the page, if there is one.
    pub(crate) fn oidc_for_people(&self) -> Option<&Oidc> {
        self.0.oidc.as_ref().filter(|oidc| oidc.is_for_people())
    }

    /// The user that somebody is for whom an identity provider vouches.
    pub(crate) async fn sign_on(&self, who: &SignOn) -> Result<Account, ApiError> {
        let SignedOn { account, is_changed } = self.users().sign_on(who).await?;
        if is_changed {
            tracing::info!(
                user = account.user.username,
                "somebody signed on who is new, or has other groups than before"
            );
            self.0.identities.forget();
        }
        Ok(account)
    }

    /// Users, roles and permissions, to be read.
    pub(crate) fn users(&self) -> &AccessStore {
        &self.0.users
    }

    /// What a user may do, who must exist.
    pub(crate) async fn grants_of(&self, username: &str) -> Result<Grants, ApiError> {
        let account = self.users().account(username).await?;
        let none = || StoreError::from(AccessError::UserNotFound(username.to_owned()));
        let grants = account.ok_or_else(none)?.grants;
        Ok(Grants::new(grants, self.0.default_permission))
    }

    /// Changes users, roles or permissions. When this returns, every request is judged by the new ones, as far as this
    /// server answers it; others follow within a second.
    pub(crate) async fn change<T>(
        &self,
        change: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, ApiError> {
        let changed = change.await;
        self.0.identities.forget();
        Ok(changed?)
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, ApiError> {
        let turn = self.turn_to_hash().await;
        let hashed = turn.take(move || hash_password(&password)).await?;
        hashed.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            ApiError::new(ErrorCode::InternalError, "The password could not be hashed.")
        })
    }

    /// Whether a password is that of a hash.
    pub(crate) async fn is_password(
        &self,
        password: String,
        hash: String,
    ) -> Result<bool, ApiError> {
        self.turn_to_hash().await.compare(password, hash).await
    }

    /// Waits until a password may be hashed.
    async fn turn_to_hash(&self) -> Turn<'_> {
        // It is never closed.
        Turn { _permit: self.0.hashing.acquire().await.ok() }
    }

    /// Closes the database of users.
    pub(crate) async fn close(&self) {
        self.0.users.close().await;
    }
}

/// The turn to hash one password.
struct Turn<'a> {
    _permit: Option<SemaphorePermit<'a>>,
}

impl Turn<'_> {
    async fn compare(self, password: String, hash: String) -> Result<bool, ApiError> {
        self.take(move || is_password(&password, &hash)).await
    }

    /// Works on a thread that may block, and ends the turn.
    async fn take<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let failed = |_| ApiError::new(ErrorCode::InternalError, "The password can't be checked.");
        let done = task::spawn_blocking(work).await;
        drop(self);
        done.map_err(failed)
    }
}
