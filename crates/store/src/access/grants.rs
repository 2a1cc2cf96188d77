//! What is granted to one user. It is kept in a role of the user's own, named `__user_<id>__`, as the reference keeps it.

use super::{
    AccessError, AccessStore, role_assignments, role_permissions,
    roles::{self, WithPermissions},
    tables::{RolePermissions, Roles, UserRoleAssignments},
    users,
};
use crate::{
    StoreError,
    db::{DbError, Transaction},
    reads::Question,
    schema::WORKSPACE,
    writes::{Change, Lock},
};
use mlferry_protocol::access::{
    GrantUserPermission, Permission, PermissionsResponse, Resource, ResourceType,
    RevokeUserPermission, UserPermission,
};
use sea_query::{Expr, ExprTrait, LikeExpr, Query, SelectStatement};

impl AccessStore {
    /// Grants something to a user who has nothing on this resource.
    pub async fn grant(&self, request: GrantUserPermission) -> Result<(), StoreError> {
        self.write(Granted { request, replaces: false }).await
    }

    /// Grants something to a user, whatever was granted on this resource before.
    pub async fn set_grant(&self, request: GrantUserPermission) -> Result<(), StoreError> {
        self.write(Granted { request, replaces: true }).await
    }

    /// Takes from a user what was granted on a resource.
    pub async fn revoke(&self, request: RevokeUserPermission) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// All that roles grant to a user.
    pub async fn permissions_of(&self, username: &str) -> Result<PermissionsResponse, StoreError> {
        self.ask(PermissionsOf(username.to_owned())).await
    }

    /// Lets the maker of a new resource manage it, and nobody by what was granted under its id or name before: another one
    /// may have had it, of a kind that shares its names.
    pub async fn claim(
        &self,
        username: String,
        kinds: &'static [ResourceType],
        resource: Resource,
    ) -> Result<(), StoreError> {
        let permission = Permission::Manage;
        let request = GrantUserPermission { username, resource, permission };
        self.write(Claimed { kinds, granted: Granted { request, replaces: true } }).await
    }

    /// Takes what was granted on a resource from all users: it is gone, and its name is free.
    pub async fn forget(
        &self,
        kinds: &'static [ResourceType],
        id: String,
    ) -> Result<(), StoreError> {
        self.write(Forgotten { kinds, id }).await
    }

    /// Lets what was granted on a resource to single users follow it to another name.
    pub async fn rename(
        &self,
        kinds: &'static [ResourceType],
        id: String,
        to: String,
    ) -> Result<(), StoreError> {
        self.write(Renamed { kinds, id, to }).await
    }
}

/// The name of the role of a user's own.
fn own_role(user_id: i64) -> String {
    format!("__user_{user_id}__")
}

/// The roles of a user's own, one for each workspace at most.
pub(super) async fn own_roles(
    transaction: &mut Transaction,
    user_id: i64,
) -> Result<Vec<i64>, DbError> {
    let which = Expr::col(Roles::Name).eq(own_role(user_id));
    let found = roles::select(transaction, Some(which), WithPermissions::No).await?;
    Ok(found.into_iter().map(|role| role.id).collect())
}

/// The role in which what is granted to a user here is kept, if there is one.
async fn own_role_here(
    transaction: &mut Transaction,
    user_id: i64,
) -> Result<Option<i64>, DbError> {
    let which =
        Expr::col(Roles::Name).eq(own_role(user_id)).and(Expr::col(Roles::Workspace).eq(WORKSPACE));
    let found = roles::select(transaction, Some(which), WithPermissions::No).await?;
    Ok(found.first().map(|role| role.id))
}

/// The same, which the user has and nobody else.
async fn own_role_of(transaction: &mut Transaction, user_id: i64) -> Result<i64, StoreError> {
    let Some(role_id) = own_role_here(transaction, user_id).await? else {
        let role_id = roles::insert(transaction, &own_role(user_id), WORKSPACE, None).await?;
        role_assignments::insert(transaction, user_id, role_id).await?;
        return Ok(role_id);
    };
    let which = Expr::col(UserRoleAssignments::RoleId).eq(role_id);
    let held = role_assignments::select(transaction, Some(which)).await?;
    if held.iter().any(|held| held.user_id != user_id) {
        return Err(AccessError::RoleOfOthers(own_role(user_id)).into());
    }
    if held.is_empty() {
        role_assignments::insert(transaction, user_id, role_id).await?;
    }
    Ok(role_id)
}

/// Whether a row of what roles grant is on a resource.
fn is_on(kind: ResourceType, id: &str) -> Expr {
    Expr::col(RolePermissions::ResourceType)
        .eq(kind.name())
        .and(Expr::col(RolePermissions::ResourcePattern).eq(id))
}

struct Granted {
    request: GrantUserPermission,
    replaces: bool,
}

impl Change for Granted {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let GrantUserPermission { username, resource: Resource { kind, id }, permission } =
            &self.request;
        // While it is held, nobody else makes its role.
        let user = users::hold(transaction, username).await?;
        let role_id = own_role_of(transaction, user.id).await?;
        if replace(transaction, role_id, is_on(*kind, id), *permission, self.replaces).await? {
            return Ok(());
        }
        let insertable = !is_there(transaction, role_id, is_on(*kind, id)).await?;
        if !insertable {
            let (username, id) = (username.clone(), id.clone());
            return Err(AccessError::PermissionExists { username, kind: kind.name(), id }.into());
        }
        role_permissions::insert(transaction, role_id, (*kind, id.as_str()), *permission).await?;
        Ok(())
    }
}

/// Changes what is granted, if that is wanted and there is something.
async fn replace(
    transaction: &mut Transaction,
    role_id: i64,
    is_on: Expr,
    permission: Permission,
    is_wanted: bool,
) -> Result<bool, DbError> {
    if !is_wanted {
        return Ok(false);
    }
    let update = Query::update()
        .table(RolePermissions::Table)
        .value(RolePermissions::Permission, permission.name())
        .and_where(Expr::col(RolePermissions::RoleId).eq(role_id))
        .and_where(is_on)
        .take();
    Ok(transaction.execute(&update).await? > 0)
}

async fn is_there(
    transaction: &mut Transaction,
    role_id: i64,
    is_on: Expr,
) -> Result<bool, DbError> {
    let select = Query::select()
        .column(RolePermissions::Id)
        .from(RolePermissions::Table)
        .and_where(Expr::col(RolePermissions::RoleId).eq(role_id))
        .and_where(is_on)
        .take();
    Ok(transaction.fetch_optional(&select).await?.is_some())
}

impl Change for RevokeUserPermission {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let Self { username, resource: Resource { kind, id } } = self;
        let user = users::find(transaction, username).await?;
        let revoked = match own_role_here(transaction, user.id).await? {
            None => 0,
            Some(role_id) => {
                let delete = Query::delete()
                    .from_table(RolePermissions::Table)
                    .and_where(Expr::col(RolePermissions::RoleId).eq(role_id))
                    .and_where(is_on(*kind, id))
                    .take();
                transaction.execute(&delete).await?
            }
        };
        if revoked == 0 {
            let (username, id) = (username.clone(), id.clone());
            return Err(AccessError::PermissionNotFound { username, kind: kind.name(), id }.into());
        }
        Ok(())
    }
}

struct PermissionsOf(String);

impl Question for PermissionsOf {
    type Answer = PermissionsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<PermissionsResponse, StoreError> {
        let user = users::find(transaction, &self.0).await?;
        let which = Expr::col(UserRoleAssignments::UserId).eq(user.id);
        let held = role_assignments::select(transaction, Some(which)).await?;
        let which = Expr::col(Roles::Id).is_in(held.iter().map(|held| held.role_id));
        let roles = roles::select(transaction, Some(which), WithPermissions::Yes).await?;
        let mut permissions = Vec::new();
        for role in roles {
            permissions.extend(role.permissions.into_iter().map(|permission| UserPermission {
                role_id: role.id,
                role_name: role.name.clone(),
                workspace: role.workspace.clone(),
                resource_type: permission.resource_type,
                resource_pattern: permission.resource_pattern,
                permission: permission.permission,
            }));
        }
        Ok(PermissionsResponse { is_admin: user.is_admin, permissions })
    }
}

/// The roles in which what is granted to single users is kept. What roles of operators grant on a resource that goes or gets
/// another name stays, as in the reference.
fn own_roles_of_all() -> SelectStatement {
    // An underscore stands for any character here, but with the escape.
    let is_own = LikeExpr::new("|_|_user|_%|_|_").escape('|');
    Query::select()
        .column(Roles::Id)
        .from(Roles::Table)
        .and_where(Expr::col(Roles::Workspace).eq(WORKSPACE))
        .and_where(Expr::col(Roles::Name).like(is_own))
        .take()
}

/// Takes what was granted on a resource from single users.
async fn forget(
    transaction: &mut Transaction,
    kinds: &[ResourceType],
    id: &str,
) -> Result<(), DbError> {
    for kind in kinds {
        let delete = Query::delete()
            .from_table(RolePermissions::Table)
            .and_where(Expr::col(RolePermissions::RoleId).in_subquery(own_roles_of_all()))
            .and_where(is_on(*kind, id))
            .take();
        transaction.execute(&delete).await?;
    }
    Ok(())
}

struct Claimed {
    kinds: &'static [ResourceType],
    granted: Granted,
}

impl Change for Claimed {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        forget(transaction, self.kinds, &self.granted.request.resource.id).await?;
        self.granted.apply(transaction).await
    }
}

struct Forgotten {
    kinds: &'static [ResourceType],
    id: String,
}

impl Change for Forgotten {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        Ok(forget(transaction, self.kinds, &self.id).await?)
    }
}

struct Renamed {
    kinds: &'static [ResourceType],
    id: String,
    to: String,
}

impl Change for Renamed {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        // What was granted under the new name on a thing that is gone must not come back.
        forget(transaction, self.kinds, &self.to).await?;
        for kind in self.kinds {
            let update = Query::update()
                .table(RolePermissions::Table)
                .value(RolePermissions::ResourcePattern, self.to.as_str())
                .and_where(Expr::col(RolePermissions::RoleId).in_subquery(own_roles_of_all()))
                .and_where(is_on(*kind, &self.id))
                .take();
            transaction.execute(&update).await?;
        }
        Ok(())
    }
}
