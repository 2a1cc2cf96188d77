//! Roles, what they grant, and who has them.

use crate::{
    access::Authority,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    access::{
        AddRolePermission, AssignRole, AssignmentResponse, AssignmentsResponse, CreateRole,
        DeleteRole, GetRole, ListRolePermissions, ListRoleUsers, ListRoles, ListUserRoles,
        RemoveRolePermission, RolePermissionResponse, RolePermissionsResponse, RoleResponse,
        RolesResponse, UnassignRole, UpdateRole, UpdateRolePermission,
    },
};

pub(super) async fn create(
    State(authority): State<Authority>,
    Rpc(request): Rpc<CreateRole>,
) -> Reply<RoleResponse> {
    let role = authority.change(authority.users().create_role(request)).await?;
    Ok(Json(RoleResponse { role }))
}

pub(super) async fn get(
    State(authority): State<Authority>,
    Rpc(request): Rpc<GetRole>,
) -> Reply<RoleResponse> {
    let role = authority.users().get_role(request.role_id).await?;
    Ok(Json(RoleResponse { role }))
}

pub(super) async fn list(
    State(authority): State<Authority>,
    Rpc(request): Rpc<ListRoles>,
) -> Reply<RolesResponse> {
    let roles = authority.users().list_roles(request.workspaces).await?;
    Ok(Json(RolesResponse { roles }))
}

pub(super) async fn list_of_user(
    State(authority): State<Authority>,
    Rpc(request): Rpc<ListUserRoles>,
) -> Reply<RolesResponse> {
    let roles = authority.users().roles_of_user(request.username).await?;
    Ok(Json(RolesResponse { roles }))
}

pub(super) async fn update(
    State(authority): State<Authority>,
    Rpc(request): Rpc<UpdateRole>,
) -> Reply<RoleResponse> {
    let role = authority.change(authority.users().update_role(request)).await?;
    Ok(Json(RoleResponse { role }))
}

pub(super) async fn delete(
    State(authority): State<Authority>,
    Rpc(request): Rpc<DeleteRole>,
) -> Reply<Empty> {
    authority.change(authority.users().delete_role(request.role_id)).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn add_permission(
    State(authority): State<Authority>,
    Rpc(request): Rpc<AddRolePermission>,
) -> Reply<RolePermissionResponse> {
    let role_permission = authority.change(authority.users().add_role_permission(request)).await?;
    Ok(Json(RolePermissionResponse { role_permission }))
}

pub(super) async fn remove_permission(
    State(authority): State<Authority>,
    Rpc(request): Rpc<RemoveRolePermission>,
) -> Reply<Empty> {
    let id = request.role_permission_id;
    authority.change(authority.users().remove_role_permission(id)).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn list_permissions(
    State(authority): State<Authority>,
    Rpc(request): Rpc<ListRolePermissions>,
) -> Reply<RolePermissionsResponse> {
    let role_permissions = authority.users().get_role(request.role_id).await?.permissions;
    Ok(Json(RolePermissionsResponse { role_permissions }))
}

pub(super) async fn update_permission(
    State(authority): State<Authority>,
    Rpc(request): Rpc<UpdateRolePermission>,
) -> Reply<RolePermissionResponse> {
    let update = authority.users().update_role_permission(request);
    let role_permission = authority.change(update).await?;
    Ok(Json(RolePermissionResponse { role_permission }))
}

pub(super) async fn assign(
    State(authority): State<Authority>,
    Rpc(request): Rpc<AssignRole>,
) -> Reply<AssignmentResponse> {
    let assignment = authority.change(authority.users().assign_role(request)).await?;
    Ok(Json(AssignmentResponse { assignment }))
}

pub(super) async fn unassign(
    State(authority): State<Authority>,
    Rpc(request): Rpc<UnassignRole>,
) -> Reply<Empty> {
    authority.change(authority.users().unassign_role(request)).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn list_users(
    State(authority): State<Authority>,
    Rpc(request): Rpc<ListRoleUsers>,
) -> Reply<AssignmentsResponse> {
    let assignments = authority.users().users_of_role(request.role_id).await?;
    Ok(Json(AssignmentsResponse { assignments }))
}
