//! Roles: what is granted to all who have one.

use super::{Permission, ResourceType};
use crate::{DecodeRequest, Fields, InvalidParameter, limits, python};
use schemars::JsonSchema;
use serde::Serialize;

/// Names that begin like this belong to the roles in which grants to one user are kept.
const RESERVED: &str = "__user_";

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Role {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The workspace where it counts; here only `default` does.
    pub workspace: String,
    /// What it is for.
    pub description: Option<String>,
    /// What is granted by it.
    pub permissions: Vec<RolePermission>,
}

/// Something that a role grants.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RolePermission {
    /// Its number.
    pub id: i64,
    /// The role's number.
    pub role_id: i64,
    /// The kind of resource.
    pub resource_type: String,
    /// Its id or name, or `*` for all.
    pub resource_pattern: String,
    /// What is allowed.
    pub permission: String,
}

/// That a user has a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Assignment {
    /// Its number.
    pub id: i64,
    /// The user's number.
    pub user_id: i64,
    /// The role's number.
    pub role_id: i64,
}

/// `POST …/roles/create`.
#[derive(Debug)]
pub struct CreateRole {
    /// Its name.
    pub name: String,
    /// The workspace where it is to count.
    pub workspace: String,
    /// What it is for.
    pub description: Option<String>,
}

impl DecodeRequest for CreateRole {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = fields.present_string("name")?;
        let workspace = fields.present_string("workspace")?;
        check_role_name(&name)?;
        if workspace.trim().is_empty() {
            return Err(InvalidParameter::new("Workspace cannot be empty."));
        }
        fit("workspace", &workspace, limits::WORKSPACE_LENGTH)?;
        Ok(Self { name, workspace, description: description(fields)? })
    }
}

fn check_role_name(name: &str) -> Result<(), InvalidParameter> {
    if name.trim().is_empty() {
        return Err(InvalidParameter::new("Role name cannot be empty."));
    }
    if name.starts_with(RESERVED) {
        return Err(InvalidParameter::new(format!(
            "Role name {} uses the reserved '__user_' prefix, which is held for the per-user permission \
             representation. Choose a different name.",
            python::repr_str(name)
        )));
    }
    fit("name", name, limits::ROLE_NAME_LENGTH)
}

fn description(fields: &mut Fields) -> Result<Option<String>, InvalidParameter> {
    let description = fields.string("description")?;
    if let Some(description) = &description {
        fit("description", description, limits::ROLE_DESCRIPTION_LENGTH)?;
    }
    Ok(description)
}

/// Refuses what PostgreSQL's columns don't hold, on every database.
fn fit(name: &str, text: &str, limit: usize) -> Result<(), InvalidParameter> {
    if text.chars().count() <= limit {
        return Ok(());
    }
    Err(InvalidParameter::new(format!("Parameter '{name}' must have at most {limit} characters.")))
}

fn role_id(fields: &mut Fields) -> Result<i64, InvalidParameter> {
    number(fields, "role_id")
}

fn number(fields: &mut Fields, name: &str) -> Result<i64, InvalidParameter> {
    let number = fields.required_integer(name)?;
    // Columns of PostgreSQL hold no more.
    let is_id = i32::try_from(number).is_ok();
    is_id.then_some(number).ok_or_else(|| {
        InvalidParameter::new(format!("Parameter '{name}' must be an integer. Got: '{number}'"))
    })
}

/// Messages that name a role, and nothing else.
macro_rules! of_role {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            /// The role's number.
            pub role_id: i64,
        }

        impl DecodeRequest for $name {
            fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
                Ok(Self { role_id: role_id(fields)? })
            }
        }
    )*};
}

of_role! {
    /// `GET …/roles/get`.
    GetRole,
    /// `DELETE …/roles/delete`.
    DeleteRole,
    /// `GET …/roles/permissions/list`.
    ListRolePermissions,
    /// `GET …/roles/users/list`.
    ListRoleUsers,
}

/// `GET …/roles/list`.
#[derive(Debug)]
pub struct ListRoles {
    /// Those of these workspaces; of all where none is named.
    pub workspaces: Vec<String>,
}

impl DecodeRequest for ListRoles {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let workspaces = fields.strings("workspace")?;
        if workspaces.iter().any(|workspace| workspace.trim().is_empty()) {
            let message = "Parameter 'workspace' must be a non-empty string when provided.";
            return Err(InvalidParameter::new(message));
        }
        Ok(Self { workspaces })
    }
}

/// `PATCH …/roles/update`.
#[derive(Debug)]
pub struct UpdateRole {
    /// The role's number.
    pub role_id: i64,
    /// Its new name.
    pub name: Option<String>,
    /// What it is for from now on.
    pub description: Option<String>,
}

impl DecodeRequest for UpdateRole {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let role_id = role_id(fields)?;
        let name = fields.string("name")?;
        let description = description(fields)?;
        if name.is_none() && description.is_none() {
            return Err(InvalidParameter::new(
                "At least one of 'name' or 'description' must be provided to update a role.",
            ));
        }
        name.as_deref().map_or(Ok(()), check_role_name)?;
        Ok(Self { role_id, name, description })
    }
}

/// `POST …/roles/permissions/add`.
#[derive(Debug)]
pub struct AddRolePermission {
    /// The role's number.
    pub role_id: i64,
    /// The kind of resource.
    pub kind: ResourceType,
    /// Its id or name, or `*` for all.
    pub pattern: String,
    /// What is allowed.
    pub permission: Permission,
}

impl DecodeRequest for AddRolePermission {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let role_id = role_id(fields)?;
        let kind = fields.present_string("resource_type")?;
        let pattern = fields.present_string("resource_pattern")?;
        let permission = Permission::parse(&fields.present_string("permission")?)?;
        let kind = ResourceType::parse(&kind)?;
        kind.check_permission(permission)?;
        kind.check_pattern(&pattern)?;
        fit("resource_pattern", &pattern, limits::GRANT_PATTERN_LENGTH)?;
        Ok(Self { role_id, kind, pattern, permission })
    }
}

/// `DELETE …/roles/permissions/remove`.
#[derive(Debug)]
pub struct RemoveRolePermission {
    /// The number of what was granted.
    pub role_permission_id: i64,
}

impl DecodeRequest for RemoveRolePermission {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { role_permission_id: number(fields, "role_permission_id")? })
    }
}

/// `PATCH …/roles/permissions/update`.
#[derive(Debug)]
pub struct UpdateRolePermission {
    /// The number of what was granted.
    pub role_permission_id: i64,
    /// What is allowed from now on.
    pub permission: Permission,
}

impl DecodeRequest for UpdateRolePermission {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let role_permission_id = number(fields, "role_permission_id")?;
        let permission = Permission::parse(&fields.present_string("permission")?)?;
        Ok(Self { role_permission_id, permission })
    }
}

/// `POST …/roles/assign`.
#[derive(Debug)]
pub struct AssignRole {
    /// Who gets it.
    pub username: String,
    /// The role's number.
    pub role_id: i64,
}

impl DecodeRequest for AssignRole {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { username: fields.present_string("username")?, role_id: role_id(fields)? })
    }
}

/// `DELETE …/roles/unassign`.
#[derive(Debug)]
pub struct UnassignRole {
    /// Who loses it.
    pub username: String,
    /// The role's number.
    pub role_id: i64,
}

impl DecodeRequest for UnassignRole {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { username: fields.present_string("username")?, role_id: role_id(fields)? })
    }
}

/// `GET …/users/roles/list`.
#[derive(Debug)]
pub struct ListUserRoles {
    /// The user.
    pub username: String,
}

impl DecodeRequest for ListUserRoles {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { username: fields.present_string("username")? })
    }
}

/// The answer to [`CreateRole`], [`GetRole`] and [`UpdateRole`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct RoleResponse {
    /// The role.
    pub role: Role,
}

/// The answer to [`ListRoles`] and [`ListUserRoles`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct RolesResponse {
    /// The roles.
    pub roles: Vec<Role>,
}

/// The answer to [`AddRolePermission`] and [`UpdateRolePermission`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct RolePermissionResponse {
    /// What is granted.
    pub role_permission: RolePermission,
}

/// The answer to [`ListRolePermissions`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct RolePermissionsResponse {
    /// What is granted.
    pub role_permissions: Vec<RolePermission>,
}

/// The answer to [`AssignRole`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct AssignmentResponse {
    /// That the user has the role.
    pub assignment: Assignment,
}

/// The answer to [`ListRoleUsers`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct AssignmentsResponse {
    /// Who has the role.
    pub assignments: Vec<Assignment>,
}
