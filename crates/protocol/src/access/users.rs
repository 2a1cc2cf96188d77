//! Users, and what is granted to each of them.

use super::{Permission, ResourceType, Role};
use crate::{DecodeRequest, Fields, InvalidParameter, limits};
use schemars::JsonSchema;
use serde::Serialize;

/// A user, without the hash of the password.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct User {
    /// The number by which roles know the user.
    pub id: i64,
    /// The name to sign in with.
    pub username: String,
    /// Whether the user may do everything.
    pub is_admin: bool,
}

/// Refuses a password that is too short, as the reference does.
pub fn check_password(password: &str) -> Result<(), InvalidParameter> {
    if password.chars().count() < limits::PASSWORD_LEAST_LENGTH {
        return Err(InvalidParameter::new(format!(
            "Password must be at least {} characters.",
            limits::PASSWORD_LEAST_LENGTH
        )));
    }
    if password.len() > limits::PASSWORD_BYTES {
        return Err(InvalidParameter::new(format!(
            "Password must be at most {} bytes.",
            limits::PASSWORD_BYTES
        )));
    }
    Ok(())
}

/// `POST …/users/create`.
pub struct CreateUser {
    /// The name to sign in with.
    pub username: String,
    /// The password.
    pub password: String,
}

impl DecodeRequest for CreateUser {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let username = fields.present_string("username")?;
        let password = fields.present_string("password")?;
        Self::new(username, password)
    }
}

impl CreateUser {
    /// A user that may be made, if nobody else has the name.
    pub fn new(username: String, password: String) -> Result<Self, InvalidParameter> {
        if username.is_empty() || password.is_empty() {
            return Err(InvalidParameter::new("Username and password cannot be empty."));
        }
        // What can't be sent with HTTP Basic, or hides behind another name, is no name to sign in with.
        let is_plain = !username.contains(|c: char| c == ':' || c.is_control());
        if !is_plain || username.chars().count() > limits::USERNAME_LENGTH {
            return Err(InvalidParameter::new(format!(
                "Invalid username '{}'. It must have at most {} characters, and neither colons nor control characters.",
                username.escape_debug(),
                limits::USERNAME_LENGTH
            )));
        }
        check_password(&password)?;
        Ok(Self { username, password })
    }
}

/// Without the password.
impl std::fmt::Debug for CreateUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreateUser({:?})", self.username)
    }
}

/// `GET …/users/get`.
#[derive(Debug)]
pub struct GetUser {
    /// The user.
    pub username: String,
}

impl DecodeRequest for GetUser {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { username: fields.present_string("username")? })
    }
}

/// The answer to [`CreateUser`] and [`GetUser`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct UserResponse {
    /// The user.
    pub user: User,
}

/// `GET …/users/list`.
#[derive(Debug)]
pub struct ListUsers;

impl DecodeRequest for ListUsers {
    fn decode(_: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self)
    }
}

/// A user with the roles that the caller may know of.
#[derive(Debug, JsonSchema, Serialize)]
pub struct UserWithRoles {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// Roles.
    pub roles: Vec<Role>,
}

/// The answer to [`ListUsers`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct UsersResponse {
    /// All users.
    pub users: Vec<UserWithRoles>,
}

/// `GET …/users/current` and `…/users/current/permissions`.
#[derive(Debug)]
pub struct CurrentUser;

impl DecodeRequest for CurrentUser {
    fn decode(_: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self)
    }
}

/// The answer to `GET …/users/current`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct CurrentUserResponse {
    /// Who asks.
    pub user: User,
    /// Whether the page may offer to sign out and to change the password.
    pub is_basic_auth: bool,
}

/// The answer to `GET …/mlferry/caller`: who a page is shown to.
#[derive(Debug, JsonSchema, Serialize)]
pub struct CallerResponse {
    /// The name of the user; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Whether it is an operator.
    pub is_admin: bool,
    /// Whether the user signed on with an identity provider, and can sign out.
    pub has_session: bool,
}

/// The answer to `POST …/oidc/logout`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct SignedOutResponse {
    /// Where the user signs out of the identity provider, too; absent where it has no such place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// `PATCH …/users/update-password`.
pub struct UpdateUserPassword {
    /// The user.
    pub username: String,
    /// The new password.
    pub password: String,
    /// The old one, which users who change their own have to know.
    pub current_password: Option<String>,
}

impl DecodeRequest for UpdateUserPassword {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self {
            username: fields.present_string("username")?,
            password: fields.present_string("password")?,
            current_password: fields.string("current_password")?.filter(|text| !text.is_empty()),
        })
    }
}

/// Without the passwords.
impl std::fmt::Debug for UpdateUserPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UpdateUserPassword({:?})", self.username)
    }
}

/// `PATCH …/users/update-admin`.
#[derive(Debug)]
pub struct UpdateUserAdmin {
    /// The user.
    pub username: String,
    /// Whether the user may do everything from now on.
    pub is_admin: bool,
}

impl DecodeRequest for UpdateUserAdmin {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let username = fields.present_string("username")?;
        let is_admin = fields.boolean("is_admin")?;
        let is_admin = is_admin.ok_or_else(|| InvalidParameter::missing("is_admin"))?;
        Ok(Self { username, is_admin })
    }
}

/// `DELETE …/users/delete`.
#[derive(Debug)]
pub struct DeleteUser {
    /// The user.
    pub username: String,
}

impl DecodeRequest for DeleteUser {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { username: fields.present_string("username")? })
    }
}

/// What something is granted on to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its kind, never the workspace.
    pub kind: ResourceType,
    /// Its id or name, or `*` for all.
    pub id: String,
}

impl Resource {
    /// A resource that a client or an operator names.
    pub fn parse(kind: &str, id: String) -> Result<Self, InvalidParameter> {
        let kind = ResourceType::parse(kind)?;
        if kind == ResourceType::Workspace {
            return Err(InvalidParameter::new(
                "resource_type 'workspace' is not supported by the per-user permission convenience APIs. Use \
                 set_workspace_permission / delete_workspace_permission for workspace-wide grants.",
            ));
        }
        kind.check_pattern(&id)?;
        if id.is_empty() || id.chars().count() > limits::GRANT_PATTERN_LENGTH {
            return Err(InvalidParameter::new(format!(
                "Invalid resource_id '{id}'. It must have 1 to {} characters.",
                limits::GRANT_PATTERN_LENGTH
            )));
        }
        if kind == ResourceType::Scorer && id != "*" && !id.contains('/') {
            return Err(InvalidParameter::new(
                "Invalid scorer resource_id. Expected '<experiment_id>/<scorer_name>'.",
            ));
        }
        Ok(Self { kind, id })
    }

    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let kind = fields.present_string("resource_type")?;
        Self::parse(&kind, fields.present_string("resource_id")?)
    }
}

/// `POST …/users/permissions/grant`.
#[derive(Debug)]
pub struct GrantUserPermission {
    /// Who gets it.
    pub username: String,
    /// On what.
    pub resource: Resource,
    /// What is allowed from now on.
    pub permission: Permission,
}

impl DecodeRequest for GrantUserPermission {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let username = fields.present_string("username")?;
        let resource = Resource::read(fields)?;
        let permission = Permission::parse(&fields.present_string("permission")?)?;
        resource.kind.check_permission(permission)?;
        Ok(Self { username, resource, permission })
    }
}

/// `POST …/users/permissions/revoke`.
#[derive(Debug)]
pub struct RevokeUserPermission {
    /// Who loses it.
    pub username: String,
    /// On what.
    pub resource: Resource,
}

impl DecodeRequest for RevokeUserPermission {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let username = fields.present_string("username")?;
        Ok(Self { username, resource: Resource::read(fields)? })
    }
}

/// `GET …/users/permissions/get`.
#[derive(Debug)]
pub struct GetUserPermission {
    /// Who wants to do something.
    pub username: String,
    /// With what.
    pub resource: Resource,
}

impl DecodeRequest for GetUserPermission {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let username = fields.present_string("username")?;
        Ok(Self { username, resource: Resource::read(fields)? })
    }
}

/// The answer to [`GetUserPermission`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct PermissionResponse {
    /// Whether it is enough to call what can be called.
    pub allowed: bool,
    /// The name of the permission.
    pub permission: &'static str,
}

/// `GET …/users/permissions/list`.
#[derive(Debug)]
pub struct ListUserPermissions {
    /// The user.
    pub username: String,
}

impl DecodeRequest for ListUserPermissions {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { username: fields.present_string("username")? })
    }
}

/// Something that a user may do, and the role by which it was granted.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UserPermission {
    /// The role's number.
    pub role_id: i64,
    /// The role's name.
    pub role_name: String,
    /// The role's workspace.
    pub workspace: String,
    /// The kind of resource.
    pub resource_type: String,
    /// Its id or name, or `*` for all.
    pub resource_pattern: String,
    /// What is allowed.
    pub permission: String,
}

/// The answer to [`ListUserPermissions`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct PermissionsResponse {
    /// Whether the user may do everything.
    pub is_admin: bool,
    /// What was granted.
    pub permissions: Vec<UserPermission>,
}
