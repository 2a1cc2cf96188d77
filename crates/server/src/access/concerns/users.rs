//! What messages about users, roles and permissions concern.

use super::{Want, concern, only_operators};
use mlferry_protocol::access::{
    AddRolePermission, AssignRole, CreateRole, CreateUser, CurrentUser, DeleteRole, DeleteUser,
    GetRole, GetUser, GetUserPermission, GrantUserPermission, ListRolePermissions, ListRoleUsers,
    ListRoles, ListUserPermissions, ListUserRoles, ListUsers, RemoveRolePermission,
    RevokeUserPermission, UnassignRole, UpdateRole, UpdateRolePermission, UpdateUserAdmin,
    UpdateUserPassword,
};

concern! {
    GetUser => |it, wants| wants.add(Want::Itself(it.username.clone()));
    UpdateUserPassword => |it, wants| wants.add(Want::Itself(it.username.clone()));
    ListUserPermissions => |it, wants| wants.add(Want::Oneself(it.username.clone()));
    ListUserRoles => |it, wants| wants.add(Want::Oneself(it.username.clone()));
    GetUserPermission => |it, wants| wants.add(Want::Oneself(it.username.clone()));
    GrantUserPermission => |it, wants| wants.add(Want::Resource(it.resource.clone()));
    RevokeUserPermission => |it, wants| wants.add(Want::Resource(it.resource.clone()));
}

only_operators!(DeleteUser, UpdateUserAdmin);

/// Roles count for all who have them: only who manages all there is changes them, or sees them.
macro_rules! only_managers {
    ($($message:ty),* $(,)?) => {$(
        impl crate::access::Concerns for $message {
            fn concerns(&self, wants: &mut crate::access::Wants) {
                wants.add(Want::Manager);
            }
        }
    )*};
}

only_managers!(
    CreateUser,
    CreateRole,
    GetRole,
    ListRoles,
    UpdateRole,
    DeleteRole,
    AddRolePermission,
    RemoveRolePermission,
    ListRolePermissions,
    UpdateRolePermission,
    AssignRole,
    UnassignRole,
    ListRoleUsers,
);

/// The names of all users are known to all of them, as in the reference, and everybody knows of oneself.
macro_rules! of_everybody {
    ($($message:ty),*) => {$(
        impl crate::access::Concerns for $message {
            fn concerns(&self, _: &mut crate::access::Wants) {}
        }
    )*};
}

of_everybody!(CurrentUser, ListUsers);
