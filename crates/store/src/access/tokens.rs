//! Tokens of users: made, listed, revoked, and asked about with each request. Of a secret only its digest is kept: nobody guesses 256
//! random bits, so that one round of SHA-256 is enough.

use super::{
    AccessError, AccessStore, Account,
    passwords::is_same,
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
    python::hex,
};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a token's id.
const ID_DIGITS: usize = 16;

/// Hexadecimal digits of what is secret.
const SECRET_DIGITS: usize = 64;

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
        let id = random(ID_DIGITS)?;
        let secret = format!("{TOKEN_PREFIX}{id}_{}", random(SECRET_DIGITS)?);
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
        self.write(NewToken { token: token.clone(), digest: digest(&secret) }).await?;
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
        let Some(id) = id_in(secret) else { return Ok(None) };
        let question = TokenAccountOf { id: id.to_owned(), digest: digest(secret) };
        self.ask(question).await
    }
}

/// Random hexadecimal digits.
fn random(digits: usize) -> Result<String, AccessError> {
    let mut bytes = vec![0; digits / 2];
    getrandom::fill(&mut bytes).map_err(|_| AccessError::NoRandomNumbers)?;
    Ok(hex(&bytes))
}

fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

/// The id in a secret that has the form of one.
fn id_in(secret: &str) -> Option<&str> {
    let (id, rest) = secret.strip_prefix(TOKEN_PREFIX)?.split_once('_')?;
    let is_hex =
        |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex(id, ID_DIGITS) && is_hex(rest, SECRET_DIGITS)).then_some(id)
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
        let which = Expr::col((MlferryTokens::Table, MlferryTokens::Id)).eq(self.id.as_str());
        let select = select().and_where(which).take();
        let Some(row) = transaction.fetch_optional(&select).await? else { return Ok(None) };
        let kept: String = row.get(MlferryTokens::Digest)?;
        if !is_same(kept.as_bytes(), self.digest.as_bytes()) {
            return Ok(None);
        }
        let Some(token) = token_of(&row)? else { return Ok(None) };
        if token.expiration_time.is_some_and(|end| end <= now_ms()) {
            return Ok(None);
        }
        let account = users::account_of(transaction, &token.username).await?;
        Ok(account.map(|account| TokenAccount { token, account }))
    }
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

struct NewToken {
    token: Token,
    digest: String,
}

impl Change for NewToken {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let Self { token, digest } = self;
        let user = users::hold(transaction, &token.username).await?;
        // Left by users who are gone: whoever gets their number and name must not get their tokens.
        delete_orphans(transaction).await?;
        let insert = Query::insert()
            .into_table(MlferryTokens::Table)
            .columns(COLUMNS)
            .values_panic([
                token.id.as_str().into(),
                digest.as_str().into(),
                user.id.into(),
                token.username.as_str().into(),
                token.name.as_str().into(),
                token.scope.name().into(),
                token.experiment_ids.as_deref().map(write_ids).into(),
                token.creation_time.into(),
                token.expiration_time.into(),
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

async fn delete_orphans(transaction: &mut Transaction) -> Result<(), DbError> {
    let users = Query::select().column(Users::Id).from(Users::Table).take();
    let delete = Query::delete()
        .from_table(MlferryTokens::Table)
        .and_where(Expr::col(MlferryTokens::UserId).not_in_subquery(users))
        .take();
    transaction.execute(&delete).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_of_a_secret_is_looked_up() {
        let secret = |id: &str, rest: &str| format!("{TOKEN_PREFIX}{id}_{rest}");
        let [id, rest] = [random(ID_DIGITS).unwrap(), random(SECRET_DIGITS).unwrap()];
        assert_eq!(id_in(&secret(&id, &rest)), Some(id.as_str()));
        for other in [
            String::new(),
            TOKEN_PREFIX.to_owned(),
            secret(&id, ""),
            secret("", &rest),
            secret(&id, &rest[1..]),
            secret(&id, &format!("{rest}0")),
            secret("0123456789abcdeg", &rest),
            format!("other_{id}_{rest}"),
        ] {
            assert_eq!(id_in(&other), None, "{other}");
        }
    }

    #[test]
    fn experiments_are_read_as_they_were_written() {
        let ids = vec![ExperimentId(0), ExperimentId(12)];
        assert_eq!(read_ids(&write_ids(&ids)), Some(ids));
        assert_eq!(read_ids(""), None);
        assert_eq!(read_ids("1,x"), None);
    }
}
