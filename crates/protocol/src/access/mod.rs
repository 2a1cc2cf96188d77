//! Who may do what: permissions and what they are granted on, users, roles and tokens.

mod grants;
mod permissions;
mod roles;
mod tokens;
mod users;

pub use grants::{Grant, Grants, Requirement, Visible, VisibleNames};
pub use permissions::{Action, Permission, ResourceType};
pub use roles::{
    AddRolePermission, AssignRole, Assignment, AssignmentResponse, AssignmentsResponse, CreateRole,
    DeleteRole, GetRole, ListRolePermissions, ListRoleUsers, ListRoles, ListUserRoles,
    RemoveRolePermission, Role, RolePermission, RolePermissionResponse, RolePermissionsResponse,
    RoleResponse, RolesResponse, UnassignRole, UpdateRole, UpdateRolePermission,
};
pub use tokens::{
    CreateToken, CreatedToken, ListTokens, RevokeToken, TOKEN_PREFIX, Token, TokenScope,
    TokenTerms, TokensResponse,
};
pub use users::{
    CallerResponse, CreateUser, CurrentUser, CurrentUserResponse, DeleteUser, GetUser,
    GetUserPermission, GrantUserPermission, ListUserPermissions, ListUsers, PermissionResponse,
    PermissionsResponse, Resource, RevokeUserPermission, SignedOutResponse, UpdateUserAdmin,
    UpdateUserPassword, User, UserPermission, UserResponse, UserWithRoles, UsersResponse,
    check_password,
};
