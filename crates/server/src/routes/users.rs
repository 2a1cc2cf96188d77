//! Users: made, asked about, changed and deleted.

use super::{
    Access::{Anyone, Operate, SignedIn},
    DELETE, GET, PATCH, POST, Route, others, roles, sign_on, sign_up, tokens, user_permissions,
};
use crate::{
    access::{Authority, Caller},
    error::ApiError,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty, ErrorCode,
    access::{
        CreateUser, CurrentUser, CurrentUserResponse, DeleteUser, GetUser, ListUsers,
        UpdateUserAdmin, UpdateUserPassword, UserResponse, UsersResponse, check_password,
    },
};

/// All lines about users, roles, permissions and tokens.
pub(super) fn lines() -> Vec<Route> {
    vec![
        GET.sign_on("/oidc/login", Anyone, &others::SIGN_ON, sign_on::login).bare(),
        GET.sign_on("/oidc/callback", Anyone, &others::SIGNED_ON, sign_on::callback).bare(),
        POST.sign_on("/oidc/logout", SignedIn, &others::SIGN_OUT, sign_on::logout).bare(),
        GET.users_as("/signup", SignedIn, &others::SIGN_UP, sign_up::form).bare(),
        POST.users_as(
            "/api/2.0/mlflow/users/create-ui",
            SignedIn,
            &others::SIGNED_UP,
            sign_up::create,
        )
        .bare(),
        POST.users("/2.0/mlflow/users/create", SignedIn, create),
        GET.users("/2.0/mlflow/users/get", SignedIn, get),
        GET.users("/2.0/mlflow/users/list", SignedIn, list),
        GET.users("/2.0/mlflow/users/current", SignedIn, current),
        PATCH.users("/2.0/mlflow/users/update-password", SignedIn, update_password),
        PATCH.users("/2.0/mlflow/users/update-admin", Operate, update_admin),
        DELETE.users("/2.0/mlflow/users/delete", Operate, delete),
        GET.users(
            "/3.0/mlflow/users/current/permissions",
            SignedIn,
            user_permissions::list_of_current,
        ),
        GET.users("/3.0/mlflow/users/permissions/list", SignedIn, user_permissions::list),
        GET.users("/3.0/mlflow/users/permissions/get", SignedIn, user_permissions::get),
        POST.users("/3.0/mlflow/users/permissions/grant", SignedIn, user_permissions::grant),
        POST.users("/3.0/mlflow/users/permissions/revoke", SignedIn, user_permissions::revoke),
        GET.users("/3.0/mlflow/users/roles/list", SignedIn, roles::list_of_user),
        POST.users("/3.0/mlflow/roles/create", SignedIn, roles::create),
        GET.users("/3.0/mlflow/roles/get", SignedIn, roles::get),
        GET.users("/3.0/mlflow/roles/list", SignedIn, roles::list),
        PATCH.users("/3.0/mlflow/roles/update", SignedIn, roles::update),
        DELETE.users("/3.0/mlflow/roles/delete", SignedIn, roles::delete),
        POST.users("/3.0/mlflow/roles/permissions/add", SignedIn, roles::add_permission),
        DELETE.users("/3.0/mlflow/roles/permissions/remove", SignedIn, roles::remove_permission),
        GET.users("/3.0/mlflow/roles/permissions/list", SignedIn, roles::list_permissions),
        PATCH.users("/3.0/mlflow/roles/permissions/update", SignedIn, roles::update_permission),
        POST.users("/3.0/mlflow/roles/assign", SignedIn, roles::assign),
        DELETE.users("/3.0/mlflow/roles/unassign", SignedIn, roles::unassign),
        GET.users("/3.0/mlflow/roles/users/list", SignedIn, roles::list_users),
        POST.users("/3.0/mlferry/tokens/create", SignedIn, tokens::create),
        GET.users("/3.0/mlferry/tokens/list", SignedIn, tokens::list),
        DELETE.users("/3.0/mlferry/tokens/revoke", SignedIn, tokens::revoke),
    ]
}

async fn create(
    State(authority): State<Authority>,
    Rpc(request): Rpc<CreateUser>,
) -> Reply<UserResponse> {
    let CreateUser { username, password } = request;
    let hash = authority.hash(password).await?;
    let create = authority.users().create_user(username, hash, false);
    let user = authority.change(create).await?;
    Ok(Json(UserResponse { user }))
}

async fn get(
    State(authority): State<Authority>,
    Rpc(request): Rpc<GetUser>,
) -> Reply<UserResponse> {
    let user = authority.users().get_user(&request.username).await?;
    Ok(Json(UserResponse { user }))
}

async fn list(
    State(authority): State<Authority>,
    caller: Caller,
    Rpc(ListUsers): Rpc<ListUsers>,
) -> Reply<UsersResponse> {
    let mut found = authority.users().list_users().await?;
    if caller.limits().is_some_and(|grants| !grants.manages_all()) {
        // Which roles others have is nobody else's business.
        let own = caller.signed_in()?.id;
        for other in found.users.iter_mut().filter(|listed| listed.user.id != own) {
            other.roles.clear();
        }
    }
    Ok(Json(found))
}

async fn current(
    _: State<Authority>,
    caller: Caller,
    Rpc(CurrentUser): Rpc<CurrentUser>,
) -> Reply<CurrentUserResponse> {
    let user = caller.signed_in()?.clone();
    Ok(Json(CurrentUserResponse { user, is_basic_auth: true }))
}

async fn update_password(
    State(authority): State<Authority>,
    caller: Caller,
    Rpc(request): Rpc<UpdateUserPassword>,
) -> Reply<Empty> {
    let UpdateUserPassword { username, password, current_password } = request;
    if caller.signed_in()?.username == username {
        check_current(&authority, &username, &password, current_password).await?;
    }
    check_password(&password)?;
    let hash = authority.hash(password).await?;
    authority.change(authority.users().set_password(username, hash)).await?;
    Ok(Json(Empty {}))
}

/// Who changes the own password has to know the old one: a browser that was left open is not enough.
async fn check_current(
    authority: &Authority,
    username: &str,
    password: &str,
    current: Option<String>,
) -> Result<(), ApiError> {
    let refuse = |message: &str| Err(ApiError::invalid_parameter(message));
    let Some(current) = current else {
        return refuse("Current password is required when changing your own password.");
    };
    let is_same = current == password;
    let account = authority.users().account(username).await?;
    let hash = account.map(|account| account.password_hash).unwrap_or_default();
    if !authority.is_password(current, hash).await? {
        return refuse("Current password does not match.");
    }
    if is_same {
        return refuse("New password must differ from the current password.");
    }
    Ok(())
}

async fn update_admin(
    State(authority): State<Authority>,
    Rpc(request): Rpc<UpdateUserAdmin>,
) -> Reply<Empty> {
    let UpdateUserAdmin { username, is_admin } = request;
    authority.change(authority.users().set_admin(username, is_admin)).await?;
    Ok(Json(Empty {}))
}

async fn delete(
    State(authority): State<Authority>,
    caller: Caller,
    Rpc(request): Rpc<DeleteUser>,
) -> Reply<Empty> {
    if caller.signed_in()?.username == request.username {
        return Err(ApiError::new(
            ErrorCode::BadRequest,
            "Users cannot delete their own account. Ask another admin to delete this user instead.",
        ));
    }
    authority.change(authority.users().delete_user(request.username)).await?;
    Ok(Json(Empty {}))
}
