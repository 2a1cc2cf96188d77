//! Tokens of users: made, listed, revoked, and asked about with each request.

use super::{
    AccessError, AccessStore, Account,
    passwords::is_same,
    secrets::{Secret, digest, id_in},
    sessions::SESSION,
    tables::{MlferryTokens, Users},
    users,
};
use crate::{
    StoreError,
    clock::now_ms,
    db::{DbError, Row, Transaction},
    reads::Question,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, WireEnum,
    access::{CreatedToken, TOKEN_PREFIX, Token, TokenScope, TokenTerms},
};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

const COLUMNS: [MlferryTokens; 9] = [
    MlferryTokens::Id,
    MlferryTokens::Digest,
    MlferryTokens::UserId,
    MlferryTokens::Username,
    MlferryTokens::Name,
    MlferryTokens::Scope,
    MlferryTokens::ExperimentIds,
    MlferryTokens::CreatedMs,
    MlferryTokens::ExpiresMs,
];

/// A token that a request came with, and its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAccount {
    /// The token.
    pub token: Token,
    /// The user that it stands for.
    pub account: Account,
}

impl AccessStore {
    /// Makes a token for a user.
    pub async fn create_token(
        &self,
        username: String,
        terms: TokenTerms,
    ) -> Result<CreatedToken, StoreError> {
        let Secret { id, text: secret } = Secret::new(TOKEN_PREFIX)?;
        let created_ms = now_ms();
        let ends = |seconds: i64| created_ms.saturating_add(seconds.saturating_mul(1000));
        let token = Token {
            id,
            name: terms.name,
            username,
            scope: terms.scope,
            experiment_ids: terms.experiment_ids,
            creation_time: created_ms,
            expiration_time: terms.lifetime_seconds.map(ends),
        };
        let kept = KeptSecret {
            id: token.id.clone(),
            digest: digest(&secret),
            username: token.username.clone(),
            name: token.name.clone(),
            scope: token.scope.name(),
            experiment_ids: token.experiment_ids.as_deref().map(write_ids),
            created_ms,
            expires_ms: token.expiration_time,
        };
        self.write(kept).await?;
        Ok(CreatedToken { token, secret })
    }

    /// The tokens of a user, or of all; the oldest first.
    pub async fn list_tokens(&self, username: Option<String>) -> Result<Vec<Token>, StoreError> {
        self.ask(TokensOf(username)).await
    }

    /// Ends a token; of a user, if one is named.
    pub async fn revoke_token(&self, id: String, of: Option<String>) -> Result<(), StoreError> {
        self.write(RevokedToken { id, of }).await
    }

    /// The token with this secret, unless it has ended, and its user.
    pub async fn token_account(&self, secret: &str) -> Result<Option<TokenAccount>, StoreError> {
        let Some(id) = id_in(TOKEN_PREFIX, secret) else { return Ok(None) };
        let question = TokenAccountOf { id: id.to_owned(), digest: digest(secret) };
        self.ask(question).await
    }
}

/// Tokens whose user is there: MLflow deletes users without their tokens, and gives their numbers to others.
fn select() -> SelectStatement {
    Query::select()
        .columns(COLUMNS.map(|column| (MlferryTokens::Table, column)))
        .from(MlferryTokens::Table)
        .inner_join(
            Users::Table,
            Expr::col((Users::Table, Users::Id))
                .equals((MlferryTokens::Table, MlferryTokens::UserId))
                .and(
                    Expr::col((Users::Table, Users::Username))
                        .equals((MlferryTokens::Table, MlferryTokens::Username)),
                ),
        )
        .take()
}

/// A token; nothing, if only a newer mlferry knows what it is good for.
fn token_of(row: &Row) -> Result<Option<Token>, DbError> {
    let scope: String = row.get(MlferryTokens::Scope)?;
    let experiments: Option<String> = row.get(MlferryTokens::ExperimentIds)?;
    let experiments = experiments.map(|ids| read_ids(&ids));
    let (Some(scope), true) =
        (TokenScope::from_name(&scope), experiments.as_ref().is_none_or(Option::is_some))
    else {
        return Ok(None);
    };
    Ok(Some(Token {
        id: row.get(MlferryTokens::Id)?,
        name: row.get(MlferryTokens::Name)?,
        username: row.get(MlferryTokens::Username)?,
        scope,
        experiment_ids: experiments.flatten(),
        creation_time: row.get(MlferryTokens::CreatedMs)?,
        expiration_time: row.get(MlferryTokens::ExpiresMs)?,
    }))
}

fn write_ids(ids: &[ExperimentId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn read_ids(text: &str) -> Option<Vec<ExperimentId>> {
    text.split(',').map(|id| id.parse().ok().map(ExperimentId)).collect()
}

struct TokenAccountOf {
    id: String,
    digest: String,
}

impl Question for TokenAccountOf {
    type Answer = Option<TokenAccount>;
    const IS_SHORT: bool = true;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Option<TokenAccount>, StoreError> {
        let found = account_behind(transaction, &self.id, &self.digest).await?;
        let Some((row, account)) = found else { return Ok(None) };
        Ok(token_of(&row)?.map(|token| TokenAccount { token, account }))
    }
}

/// The row of a secret that has not ended, and its user.
pub(super) async fn account_behind(
    transaction: &mut Transaction,
    id: &str,
    digest: &str,
) -> Result<Option<(Row, Account)>, StoreError> {
    let which = Expr::col((MlferryTokens::Table, MlferryTokens::Id)).eq(id);
    let select = select().and_where(which).take();
    let Some(row) = transaction.fetch_optional(&select).await? else { return Ok(None) };
    let kept: String = row.get(MlferryTokens::Digest)?;
    let end: Option<i64> = row.get(MlferryTokens::ExpiresMs)?;
    let is_good = is_same(kept.as_bytes(), digest.as_bytes());
    if !is_good || end.is_some_and(|end| end <= now_ms()) {
        return Ok(None);
    }
    let username: String = row.get(MlferryTokens::Username)?;
    let account = users::account_of(transaction, &username).await?;
    Ok(account.map(|account| (row, account)))
}

struct TokensOf(Option<String>);

impl Question for TokensOf {
    type Answer = Vec<Token>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<Token>, StoreError> {
        let mut select = select();
        if let Some(username) = &self.0 {
            users::find(transaction, username).await?;
            let column = (MlferryTokens::Table, MlferryTokens::Username);
            select.and_where(Expr::col(column).eq(username.as_str()));
        }
        for column in [MlferryTokens::CreatedMs, MlferryTokens::Id] {
            select.order_by((MlferryTokens::Table, column), Order::Asc);
        }
        let rows = transaction.fetch_all(&select).await?;
        let tokens = rows.iter().filter_map(|row| token_of(row).transpose());
        Ok(tokens.collect::<Result<_, _>>()?)
    }
}

/// What is kept of the secret of a token or a session.
pub(super) struct KeptSecret {
    pub(super) id: String,
    pub(super) digest: String,
    pub(super) username: String,
    pub(super) name: String,
    pub(super) scope: &'static str,
    pub(super) experiment_ids: Option<String>,
    pub(super) created_ms: i64,
    pub(super) expires_ms: Option<i64>,
}

impl Change for KeptSecret {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let user = users::hold(transaction, &self.username).await?;
        delete_useless(transaction).await?;
        let insert = Query::insert()
            .into_table(MlferryTokens::Table)
            .columns(COLUMNS)
            .values_panic([
                self.id.as_str().into(),
                self.digest.as_str().into(),
                user.id.into(),
                self.username.as_str().into(),
                self.name.as_str().into(),
                self.scope.into(),
                self.experiment_ids.clone().into(),
                self.created_ms.into(),
                self.expires_ms.into(),
            ])
            .take();
        transaction.execute(&insert).await?;
        Ok(())
    }
}

struct RevokedToken {
    id: String,
    of: Option<String>,
}

impl Change for RevokedToken {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let mut delete = Query::delete()
            .from_table(MlferryTokens::Table)
            .and_where(Expr::col(MlferryTokens::Id).eq(self.id.as_str()))
            .take();
        if let Some(username) = &self.of {
            delete.and_where(Expr::col(MlferryTokens::Username).eq(username.as_str()));
        }
        if transaction.execute(&delete).await? == 0 {
            return Err(AccessError::TokenNotFound(self.id.clone()).into());
        }
        Ok(())
    }
}

/// Deletes the tokens of a user who is about to go.
pub(super) async fn delete_of(transaction: &mut Transaction, user_id: i64) -> Result<(), DbError> {
    let delete = Query::delete()
        .from_table(MlferryTokens::Table)
        .and_where(Expr::col(MlferryTokens::UserId).eq(user_id))
        .take();
    transaction.execute(&delete).await?;
    Ok(())
}

/// Deletes what users left who are gone: whoever gets their number and name must not get their tokens. And sessions that have
/// ended, which nobody would ever see again.
async fn delete_useless(transaction: &mut Transaction) -> Result<(), DbError> {
    let users = Query::select().column(Users::Id).from(Users::Table).take();
    let has_ended = Expr::col(MlferryTokens::Scope)
        .eq(SESSION)
        .and(Expr::col(MlferryTokens::ExpiresMs).lte(now_ms()));
    let delete = Query::delete()
        .from_table(MlferryTokens::Table)
        .and_where(Expr::col(MlferryTokens::UserId).not_in_subquery(users).or(has_ended))
        .take();
    transaction.execute(&delete).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experiments_are_read_as_they_were_written() {
        let ids = vec![ExperimentId(0), ExperimentId(12)];
        assert_eq!(read_ids(&write_ids(&ids)), Some(ids));
        assert_eq!(read_ids(""), None);
        assert_eq!(read_ids("1,x"), None);
    }
}
