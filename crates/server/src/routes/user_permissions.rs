//! What is granted to single users.

use crate::{
    access::{Authority, Caller},
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    access::{
        Action, CurrentUser, GetUserPermission, GrantUserPermission, ListUserPermissions,
        PermissionResponse, PermissionsResponse, RevokeUserPermission,
    },
};

pub(super) async fn list_of_current(
    State(authority): State<Authority>,
    caller: Caller,
    Rpc(CurrentUser): Rpc<CurrentUser>,
) -> Reply<PermissionsResponse> {
    let user = caller.signed_in()?;
    Ok(Json(authority.users().permissions_of(&user.username).await?))
}

pub(super) async fn list(
    State(authority): State<Authority>,
    Rpc(request): Rpc<ListUserPermissions>,
) -> Reply<PermissionsResponse> {
    Ok(Json(authority.users().permissions_of(&request.username).await?))
}

pub(super) async fn get(
    State(authority): State<Authority>,
    Rpc(request): Rpc<GetUserPermission>,
) -> Reply<PermissionResponse> {
    let grants = authority.grants_of(&request.username).await?;
    let permission = grants.on(request.resource.kind, &request.resource.id);
    let allowed = permission.allows(Action::Use);
    Ok(Json(PermissionResponse { allowed, permission: permission.name() }))
}

pub(super) async fn grant(
    State(authority): State<Authority>,
    Rpc(request): Rpc<GrantUserPermission>,
) -> Reply<Empty> {
    authority.change(authority.users().grant(request)).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn revoke(
    State(authority): State<Authority>,
    Rpc(request): Rpc<RevokeUserPermission>,
) -> Reply<Empty> {
    authority.change(authority.users().revoke(request)).await?;
    Ok(Json(Empty {}))
}
