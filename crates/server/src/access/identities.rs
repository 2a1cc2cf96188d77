//! Who users are, for as long as it is remembered: passwords that were right, and what may be done.

use hmac::{Hmac, KeyInit, Mac};
use mlferry_protocol::access::{Grants, Token, User};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long it is believed what a user may do. Changes that this server makes count at once; those of other servers that share the
/// database, after this time.
const IDENTITY_TIME: Duration = Duration::from_secs(1);

/// A user, and what may be done by this user.
pub(crate) struct Identity {
    pub(crate) user: User,
    pub(crate) grants: Grants,
    /// What the password is compared with.
    pub(super) password_hash: String,
    /// The token that the user came with, by which less may be done.
    pub(crate) token: Option<Token>,
    /// Whether it was the cookie of a session.
    pub(crate) has_session: bool,
}

/// By what an identity is found again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The user's name; the password is compared each time.
    Name(String),
    /// The digest of a token or a session's secret, which is name and password in one.
    Token([u8; 32]),
}

impl Key {
    /// That of a token.
    pub(super) fn of_token(secret: &str) -> Self {
        Self::Token(Sha256::digest(secret).into())
    }
}

/// Without the hash.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.user)
    }
}

/// What is remembered of users.
pub(super) struct Identities {
    credential_time: Duration,
    credential_count: usize,
    /// Under which passwords are remembered: what is kept is worth nothing without it.
    key: [u8; 32],
    known: Mutex<Known>,
}

/// Without what is secret.
impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Known {
    /// How often something was changed.
    changes: u64,
    identities: HashMap<Key, (Arc<Identity>, Instant)>,
    credentials: HashMap<String, Credential>,
}

/// A password that was right.
struct Credential {
    code: Code,
    /// The hash of which it is the password.
    hash: String,
    since: Instant,
}

/// What stands for a password, and is compared in a time that does not tell where two differ.
type Code = hmac::digest::CtOutput<Hmac<Sha256>>;

impl Identities {
    pub(super) fn new(credential_time: Duration, credential_count: usize) -> Self {
        let mut key = [0; 32];
        // Without random numbers nothing is remembered that others could guess.
        let is_random = getrandom::fill(&mut key).is_ok();
        let credential_time = if is_random { credential_time } else { Duration::ZERO };
        Self { credential_time, credential_count, key, known: Mutex::default() }
    }

    /// Who somebody is, if it was asked just now.
    pub(super) fn identity(&self, key: &Key) -> Option<Arc<Identity>> {
        let known = self.lock();
        let (identity, since) = known.identities.get(key)?;
        (since.elapsed() < IDENTITY_TIME).then(|| Arc::clone(identity))
    }

    /// A mark to hand back with what is found out from now on.
    pub(super) fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Remembers who a user is, unless something was changed since it was asked.
    pub(super) fn remember(&self, key: Key, identity: &Arc<Identity>, changes: u64) {
        let mut known = self.lock();
        if known.changes != changes {
            return;
        }
        if known.identities.len() >= self.credential_count {
            known.identities.retain(|_, (_, since)| since.elapsed() < IDENTITY_TIME);
        }
        if known.identities.len() < self.credential_count {
            let entry = (Arc::clone(identity), Instant::now());
            known.identities.insert(key, entry);
        }
    }

    /// Forgets who users are: something was changed.
    pub(super) fn forget(&self) {
        let mut known = self.lock();
        known.changes += 1;
        known.identities.clear();
    }

    /// Whether a password was that of this hash when it was last compared.
    pub(super) fn is_known(&self, identity: &Identity, password: &str) -> bool {
        let Some(code) = self.code(password) else { return false };
        let known = self.lock();
        let credential = known.credentials.get(&identity.user.username);
        credential.is_some_and(|credential| {
            credential.since.elapsed() < self.credential_time
                && credential.hash == identity.password_hash
                && credential.code == code
        })
    }

    /// Remembers that a password is that of this hash.
    pub(super) fn learn(&self, identity: &Identity, password: &str) {
        let Some(code) = self.code(password) else { return };
        let mut known = self.lock();
        if known.credentials.len() >= self.credential_count {
            known.credentials.retain(|_, held| held.since.elapsed() < self.credential_time);
        }
        if known.credentials.len() < self.credential_count {
            let hash = identity.password_hash.clone();
            let credential = Credential { code, hash, since: Instant::now() };
            known.credentials.insert(identity.user.username.clone(), credential);
        }
    }

    fn code(&self, password: &str) -> Option<Code> {
        if self.credential_time.is_zero() {
            return None;
        }
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        Some(mac.chain_update(password).finalize())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlferry_protocol::access::Permission;

    fn identity(name: &str, hash: &str) -> Arc<Identity> {
        Arc::new(Identity {
            user: User { id: 1, username: name.to_owned(), is_admin: false },
            grants: Grants::new(Vec::new(), Permission::Read),
            password_hash: hash.to_owned(),
            token: None,
            has_session: false,
        })
    }

    fn named(name: &str) -> Key {
        Key::Name(name.to_owned())
    }

    #[test]
    fn a_password_counts_as_long_as_its_hash_is_the_user_s() {
        let identities = Identities::new(Duration::from_mins(1), 2);
        let alice = identity("alice", "one");
        identities.learn(&alice, "right");
        assert!(identities.is_known(&alice, "right"));
        assert!(!identities.is_known(&alice, "wrong"));
        assert!(!identities.is_known(&identity("alice", "two"), "right"));
        assert!(!identities.is_known(&identity("bob", "one"), "right"));
    }

    #[test]
    fn nothing_is_remembered_where_that_is_switched_off() {
        let identities = Identities::new(Duration::ZERO, 2);
        let alice = identity("alice", "one");
        identities.learn(&alice, "right");
        assert!(!identities.is_known(&alice, "right"));
    }

    #[test]
    fn what_was_asked_before_a_change_is_not_remembered_after_it() {
        let identities = Identities::new(Duration::from_mins(1), 2);
        let before = identities.changes();
        identities.remember(named("alice"), &identity("alice", "one"), before);
        assert!(identities.identity(&named("alice")).is_some());
        identities.forget();
        assert!(identities.identity(&named("alice")).is_none());
        identities.remember(named("alice"), &identity("alice", "one"), before);
        assert!(identities.identity(&named("alice")).is_none());
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let identities = Identities::new(Duration::from_mins(1), 1);
        for name in ["alice", "bob"] {
            let identity = identity(name, "one");
            identities.remember(named(name), &identity, 0);
            identities.learn(&identity, "right");
        }
        assert!(identities.identity(&named("bob")).is_none());
        assert!(!identities.is_known(&identity("bob", "one"), "right"));
    }
}
