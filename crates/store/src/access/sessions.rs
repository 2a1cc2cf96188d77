//! Sessions of people who signed on with an identity provider: rows beside those of tokens, which nobody lists. Any server on the
//! same database knows them.

use super::{
    AccessStore, Account,
    secrets::{Secret, digest, id_in},
    tables::MlferryTokens,
    tokens::{KeptSecret, account_behind},
};
use crate::{
    StoreError,
    clock::now_ms,
    db::Transaction,
    reads::Question,
    writes::{Change, Lock},
};
use sea_query::{Expr, ExprTrait, Query};
use std::time::Duration;

/// What the secrets of sessions begin with.
const SESSION_PREFIX: &str = "mlferrysession_";

/// What stands in place of a token's scope.
pub(super) const SESSION: &str = "SESSION";

impl AccessStore {
    /// Begins a session of a user, and gives the secret by which it is continued.
    pub async fn begin_session(
        &self,
        username: String,
        lifetime: Duration,
    ) -> Result<String, StoreError> {
        let Secret { id, text } = Secret::new(SESSION_PREFIX)?;
        let created_ms = now_ms();
        let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let kept = KeptSecret {
            id,
            digest: digest(&text),
            username,
            name: String::new(),
            scope: SESSION,
            experiment_ids: None,
            created_ms,
            expires_ms: Some(created_ms.saturating_add(lifetime_ms)),
        };
        self.write(kept).await?;
        Ok(text)
    }

    /// Whose session has this secret, unless it has ended.
    pub async fn session_account(&self, secret: &str) -> Result<Option<Account>, StoreError> {
        let Some(id) = id_in(SESSION_PREFIX, secret) else { return Ok(None) };
        self.ask(SessionAccountOf { id: id.to_owned(), digest: digest(secret) }).await
    }

    /// Ends a session, if it has not ended yet.
    pub async fn end_session(&self, secret: &str) -> Result<(), StoreError> {
        self.write(EndedSession { digest: digest(secret) }).await
    }
}

struct SessionAccountOf {
    id: String,
    digest: String,
}

impl Question for SessionAccountOf {
    type Answer = Option<Account>;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Option<Account>, StoreError> {
        let found = account_behind(transaction, &self.id, &self.digest).await?;
        let Some((row, account)) = found else { return Ok(None) };
        let scope: String = row.get(MlferryTokens::Scope)?;
        Ok((scope == SESSION).then_some(account))
    }
}

/// Ends all sessions of a user.
pub(super) async fn end_all(
    transaction: &mut Transaction,
    username: &str,
) -> Result<(), StoreError> {
    let of_user = Expr::col(MlferryTokens::Username).eq(username);
    end(transaction, of_user).await
}

async fn end(transaction: &mut Transaction, which: Expr) -> Result<(), StoreError> {
    let delete = Query::delete()
        .from_table(MlferryTokens::Table)
        .and_where(which)
        .and_where(Expr::col(MlferryTokens::Scope).eq(SESSION))
        .take();
    transaction.execute(&delete).await?;
    Ok(())
}

struct EndedSession {
    digest: String,
}

impl Change for EndedSession {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        end(transaction, Expr::col(MlferryTokens::Digest).eq(self.digest.as_str())).await
    }
}
