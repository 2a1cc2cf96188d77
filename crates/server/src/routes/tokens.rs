//! Tokens by which programs sign in: made, listed and revoked by their users, and by operators for all.

use crate::{
    access::{Authority, Caller},
    error::ApiError,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    access::{CreateToken, CreatedToken, ListTokens, RevokeToken, TokensResponse},
};

pub(super) async fn create(
    State(authority): State<Authority>,
    caller: Caller,
    Rpc(CreateToken { username, terms }): Rpc<CreateToken>,
) -> Reply<CreatedToken> {
    let username = match username {
        Some(username) => username,
        None => caller.signed_in()?.username.clone(),
    };
    Ok(Json(authority.users().create_token(username, terms).await?))
}

pub(super) async fn list(
    State(authority): State<Authority>,
    caller: Caller,
    Rpc(ListTokens { username }): Rpc<ListTokens>,
) -> Reply<TokensResponse> {
    let of = match username {
        Some(username) => Some(username),
        None => own_name(&caller)?,
    };
    Ok(Json(TokensResponse { tokens: authority.users().list_tokens(of).await? }))
}

pub(super) async fn revoke(
    State(authority): State<Authority>,
    caller: Caller,
    Rpc(RevokeToken { id }): Rpc<RevokeToken>,
) -> Reply<Empty> {
    let of = own_name(&caller)?;
    authority.change(authority.users().revoke_token(id, of)).await?;
    Ok(Json(Empty {}))
}

/// The name of whoever asks, to whom the tokens of others are none; nothing for operators.
fn own_name(caller: &Caller) -> Result<Option<String>, ApiError> {
    let user = caller.signed_in()?;
    Ok((!user.is_admin).then(|| user.username.clone()))
}
