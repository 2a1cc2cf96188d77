//! What messages about users, roles, permissions and tokens concern.

use super::{Want, concern, only_operators};
use mlferry_protocol::access::{
    AddRolePermission, AssignRole, CreateRole, CreateToken, CreateUser, CurrentUser, DeleteRole,
    DeleteUser, GetRole, GetUser, GetUserPermission, GrantUserPermission, ListRolePermissions,
    ListRoleUsers, ListRoles, ListTokens, ListUserPermissions, ListUserRoles, ListUsers,
    RemoveRolePermission, RevokeToken, RevokeUserPermission, UnassignRole, UpdateRole,
    UpdateRolePermission, UpdateUserAdmin, UpdateUserPassword,
};

concern! {
    GetUser => |it, wants| wants.add(Want::Itself(it.username.clone()));
    UpdateUserPassword => |it, wants| wants.add(Want::Itself(it.username.clone()));
    ListUserPermissions => |it, wants| wants.add(Want::Oneself(it.username.clone()));
    ListUserRoles => |it, wants| wants.add(Want::Oneself(it.username.clone()));
    GetUserPermission => |it, wants| wants.add(Want::Oneself(it.username.clone()));
    // Without a name they are about oneself.
    CreateToken => |it, wants| wants.extend(it.username.clone().map(Want::Itself));
    ListTokens => |it, wants| wants.extend(it.username.clone().map(Want::Itself));
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

// The tokens of others are left out where one is revoked.
of_everybody!(CurrentUser, ListUsers, RevokeToken);
