//! Roles, what they grant, and who has them.

use super::{
    AccessError, AccessStore,
    tables::{RolePermissions, Roles, UserRoleAssignments},
    users,
};
use crate::{
    StoreError,
    db::{DbError, Row, Transaction, Trouble},
    reads::Question,
    writes::{Change, Lock},
};
use mlferry_protocol::access::{
    AddRolePermission, AssignRole, Assignment, CreateRole, Permission, ResourceType, Role,
    RolePermission, UnassignRole, UpdateRole, UpdateRolePermission,
};
use sea_query::{Expr, ExprTrait, Order, Query};
use std::collections::HashMap;

impl AccessStore {
    /// Makes a role.
    pub async fn create_role(&self, request: CreateRole) -> Result<Role, StoreError> {
        self.write(request).await
    }

    /// A role with all that it grants.
    pub async fn get_role(&self, role_id: i64) -> Result<Role, StoreError> {
        self.ask(OneRole(role_id)).await
    }

    /// The roles of some workspaces, or all.
    pub async fn list_roles(&self, workspaces: Vec<String>) -> Result<Vec<Role>, StoreError> {
        self.ask(RolesOfWorkspaces(workspaces)).await
    }

    /// Changes name or description of a role.
    pub async fn update_role(&self, request: UpdateRole) -> Result<Role, StoreError> {
        self.write(request).await
    }

    /// Deletes a role, and takes it from all who have it.
    pub async fn delete_role(&self, role_id: i64) -> Result<(), StoreError> {
        self.write(DeletedRole(role_id)).await
    }

    /// Grants something to all who have a role.
    pub async fn add_role_permission(
        &self,
        request: AddRolePermission,
    ) -> Result<RolePermission, StoreError> {
        self.write(request).await
    }

    /// Takes something back that a role grants.
    pub async fn remove_role_permission(&self, id: i64) -> Result<(), StoreError> {
        self.write(RemovedPermission(id)).await
    }

    /// Changes what a role allows with a resource.
    pub async fn update_role_permission(
        &self,
        request: UpdateRolePermission,
    ) -> Result<RolePermission, StoreError> {
        self.write(request).await
    }

    /// Gives a role to a user.
    pub async fn assign_role(&self, request: AssignRole) -> Result<Assignment, StoreError> {
        self.write(request).await
    }

    /// Takes a role from a user.
    pub async fn unassign_role(&self, request: UnassignRole) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// The roles of a user.
    pub async fn roles_of_user(&self, username: String) -> Result<Vec<Role>, StoreError> {
        self.ask(RolesOfUser(username)).await
    }

    /// Who has a role.
    pub async fn users_of_role(&self, role_id: i64) -> Result<Vec<Assignment>, StoreError> {
        self.ask(UsersOfRole(role_id)).await
    }
}

/// Whether roles come with what they grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithPermissions {
    Yes,
    No,
}

/// The roles that fulfil a condition, or all.
pub(super) async fn select(
    transaction: &mut Transaction,
    which: Option<Expr>,
    with: WithPermissions,
) -> Result<Vec<Role>, DbError> {
    let select = Query::select()
        .columns([Roles::Id, Roles::Name, Roles::Workspace, Roles::Description])
        .from(Roles::Table)
        .and_where_option(which)
        .order_by(Roles::Id, Order::Asc)
        .take();
    let rows = transaction.fetch_all(&select).await?;
    let mut roles = rows.iter().map(role_of).collect::<Result<Vec<_>, _>>()?;
    if with == WithPermissions::Yes && !roles.is_empty() {
        let ids = roles.iter().map(|role| role.id);
        let which = Expr::col(RolePermissions::RoleId).is_in(ids);
        let mut of_roles: HashMap<i64, Vec<RolePermission>> = HashMap::new();
        for permission in permissions(transaction, which).await? {
            of_roles.entry(permission.role_id).or_default().push(permission);
        }
        for role in &mut roles {
            role.permissions = of_roles.remove(&role.id).unwrap_or_default();
        }
    }
    Ok(roles)
}

fn role_of(row: &Row) -> Result<Role, DbError> {
    Ok(Role {
        id: row.get(Roles::Id)?,
        name: row.get(Roles::Name)?,
        workspace: row.get(Roles::Workspace)?,
        description: row.get(Roles::Description)?,
        permissions: Vec::new(),
    })
}

async fn permissions(
    transaction: &mut Transaction,
    which: Expr,
) -> Result<Vec<RolePermission>, DbError> {
    let select = Query::select()
        .columns([
            RolePermissions::Id,
            RolePermissions::RoleId,
            RolePermissions::ResourceType,
            RolePermissions::ResourcePattern,
            RolePermissions::Permission,
        ])
        .from(RolePermissions::Table)
        .and_where(which)
        .order_by(RolePermissions::Id, Order::Asc)
        .take();
    let rows = transaction.fetch_all(&select).await?;
    rows.iter()
        .map(|row| {
            Ok(RolePermission {
                id: row.get(RolePermissions::Id)?,
                role_id: row.get(RolePermissions::RoleId)?,
                resource_type: row.get(RolePermissions::ResourceType)?,
                resource_pattern: row.get(RolePermissions::ResourcePattern)?,
                permission: row.get(RolePermissions::Permission)?,
            })
        })
        .collect()
}

/// Who has which role: what fulfils a condition, or all.
pub(super) async fn assignments(
    transaction: &mut Transaction,
    which: Option<Expr>,
) -> Result<Vec<Assignment>, DbError> {
    let select = Query::select()
        .columns([
            UserRoleAssignments::Id,
            UserRoleAssignments::UserId,
            UserRoleAssignments::RoleId,
        ])
        .from(UserRoleAssignments::Table)
        .and_where_option(which)
        .order_by(UserRoleAssignments::Id, Order::Asc)
        .take();
    let rows = transaction.fetch_all(&select).await?;
    rows.iter()
        .map(|row| {
            Ok(Assignment {
                id: row.get(UserRoleAssignments::Id)?,
                user_id: row.get(UserRoleAssignments::UserId)?,
                role_id: row.get(UserRoleAssignments::RoleId)?,
            })
        })
        .collect()
}

async fn find(
    transaction: &mut Transaction,
    role_id: i64,
    with: WithPermissions,
) -> Result<Role, StoreError> {
    let which = Expr::col(Roles::Id).eq(role_id);
    let found = select(transaction, Some(which), with).await?.pop();
    Ok(found.ok_or(AccessError::RoleNotFound(role_id))?)
}

async fn find_permission(
    transaction: &mut Transaction,
    id: i64,
) -> Result<RolePermission, StoreError> {
    let found = permissions(transaction, Expr::col(RolePermissions::Id).eq(id)).await?.pop();
    Ok(found.ok_or(AccessError::RolePermissionNotFound(id))?)
}

/// Deletes a role with all that refers to it.
pub(super) async fn delete(transaction: &mut Transaction, role_id: i64) -> Result<(), DbError> {
    let permissions = Query::delete()
        .from_table(RolePermissions::Table)
        .and_where(Expr::col(RolePermissions::RoleId).eq(role_id))
        .take();
    transaction.execute(&permissions).await?;
    let assignments = Query::delete()
        .from_table(UserRoleAssignments::Table)
        .and_where(Expr::col(UserRoleAssignments::RoleId).eq(role_id))
        .take();
    transaction.execute(&assignments).await?;
    let role =
        Query::delete().from_table(Roles::Table).and_where(Expr::col(Roles::Id).eq(role_id)).take();
    transaction.execute(&role).await?;
    Ok(())
}

/// Makes a role that has no name yet in its workspace.
pub(super) async fn insert(
    transaction: &mut Transaction,
    name: &str,
    workspace: &str,
    description: Option<String>,
) -> Result<i64, DbError> {
    let insert = Query::insert()
        .into_table(Roles::Table)
        .columns([Roles::Name, Roles::Workspace, Roles::Description])
        .values_panic([name.into(), workspace.into(), description.into()])
        .returning_col(Roles::Id)
        .take();
    transaction.execute_returning(&insert).await?.get(Roles::Id)
}

/// Adds something to what a role grants.
pub(super) async fn insert_permission(
    transaction: &mut Transaction,
    role_id: i64,
    (kind, pattern): (ResourceType, &str),
    permission: Permission,
) -> Result<i64, DbError> {
    let insert = Query::insert()
        .into_table(RolePermissions::Table)
        .columns([
            RolePermissions::RoleId,
            RolePermissions::ResourceType,
            RolePermissions::ResourcePattern,
            RolePermissions::Permission,
        ])
        .values_panic([
            role_id.into(),
            kind.name().into(),
            pattern.into(),
            permission.name().into(),
        ])
        .returning_col(RolePermissions::Id)
        .take();
    transaction.execute_returning(&insert).await?.get(RolePermissions::Id)
}

/// Gives a role to a user who does not have it.
pub(super) async fn insert_assignment(
    transaction: &mut Transaction,
    user_id: i64,
    role_id: i64,
) -> Result<Assignment, DbError> {
    let insert = Query::insert()
        .into_table(UserRoleAssignments::Table)
        .columns([UserRoleAssignments::UserId, UserRoleAssignments::RoleId])
        .values_panic([user_id.into(), role_id.into()])
        .returning_col(UserRoleAssignments::Id)
        .take();
    let id = transaction.execute_returning(&insert).await?.get(UserRoleAssignments::Id)?;
    Ok(Assignment { id, user_id, role_id })
}

/// The error of a change that would have made something twice.
fn or_exists(error: DbError, exists: impl FnOnce() -> AccessError) -> StoreError {
    match error.trouble() {
        Trouble::Duplicate => exists().into(),
        _ => error.into(),
    }
}

struct OneRole(i64);

impl Question for OneRole {
    type Answer = Role;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Role, StoreError> {
        find(transaction, self.0, WithPermissions::Yes).await
    }
}

struct RolesOfWorkspaces(Vec<String>);

impl Question for RolesOfWorkspaces {
    type Answer = Vec<Role>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<Role>, StoreError> {
        let names = self.0.iter().map(String::as_str);
        let which = (!self.0.is_empty()).then(|| Expr::col(Roles::Workspace).is_in(names));
        Ok(select(transaction, which, WithPermissions::Yes).await?)
    }
}

struct RolesOfUser(String);

impl Question for RolesOfUser {
    type Answer = Vec<Role>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<Role>, StoreError> {
        let user = users::find(transaction, &self.0).await?;
        let which = Expr::col(UserRoleAssignments::UserId).eq(user.id);
        let held = assignments(transaction, Some(which)).await?;
        let which = Expr::col(Roles::Id).is_in(held.iter().map(|held| held.role_id));
        Ok(select(transaction, Some(which), WithPermissions::Yes).await?)
    }
}

struct UsersOfRole(i64);

impl Question for UsersOfRole {
    type Answer = Vec<Assignment>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<Assignment>, StoreError> {
        find(transaction, self.0, WithPermissions::No).await?;
        let which = Expr::col(UserRoleAssignments::RoleId).eq(self.0);
        Ok(assignments(transaction, Some(which)).await?)
    }
}

impl Change for CreateRole {
    type Output = Role;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Role, StoreError> {
        let (name, workspace) = (self.name.clone(), self.workspace.clone());
        let description = self.description.clone();
        let id = insert(transaction, &name, &workspace, description.clone()).await;
        let id = id.map_err(|error| {
            let (name, workspace) = (name.clone(), workspace.clone());
            or_exists(error, || AccessError::RoleExists { name, workspace })
        })?;
        Ok(Role { id, name, workspace, description, permissions: Vec::new() })
    }
}

impl Change for UpdateRole {
    type Output = Role;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Role, StoreError> {
        let role = find(transaction, self.role_id, WithPermissions::No).await?;
        let mut update = Query::update()
            .table(Roles::Table)
            .and_where(Expr::col(Roles::Id).eq(self.role_id))
            .take();
        if let Some(name) = &self.name {
            update.value(Roles::Name, name.as_str());
        }
        if let Some(description) = &self.description {
            update.value(Roles::Description, description.as_str());
        }
        transaction.execute(&update).await.map_err(|error| {
            let name = self.name.clone().unwrap_or_default();
            or_exists(error, || AccessError::RoleNameTaken { name, workspace: role.workspace })
        })?;
        find(transaction, self.role_id, WithPermissions::Yes).await
    }
}

struct DeletedRole(i64);

impl Change for DeletedRole {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        find(transaction, self.0, WithPermissions::No).await?;
        Ok(delete(transaction, self.0).await?)
    }
}

impl Change for AddRolePermission {
    type Output = RolePermission;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<RolePermission, StoreError> {
        let Self { role_id, kind, pattern, permission } = self;
        find(transaction, *role_id, WithPermissions::No).await?;
        let on = (*kind, pattern.as_str());
        let id = insert_permission(transaction, *role_id, on, *permission).await;
        let id = id.map_err(|error| {
            or_exists(error, || AccessError::RolePermissionExists {
                role_id: *role_id,
                kind: kind.name(),
                pattern: pattern.clone(),
            })
        })?;
        find_permission(transaction, id).await
    }
}

struct RemovedPermission(i64);

impl Change for RemovedPermission {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let delete = Query::delete()
            .from_table(RolePermissions::Table)
            .and_where(Expr::col(RolePermissions::Id).eq(self.0))
            .take();
        if transaction.execute(&delete).await? == 0 {
            return Err(AccessError::RolePermissionNotFound(self.0).into());
        }
        Ok(())
    }
}

impl Change for UpdateRolePermission {
    type Output = RolePermission;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<RolePermission, StoreError> {
        let id = self.role_permission_id;
        let found = find_permission(transaction, id).await?;
        if let Some(kind) = ResourceType::from_name(&found.resource_type) {
            kind.check_permission(self.permission)?;
        }
        let update = Query::update()
            .table(RolePermissions::Table)
            .value(RolePermissions::Permission, self.permission.name())
            .and_where(Expr::col(RolePermissions::Id).eq(id))
            .take();
        transaction.execute(&update).await?;
        find_permission(transaction, id).await
    }
}

impl Change for AssignRole {
    type Output = Assignment;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Assignment, StoreError> {
        let user_id = users::hold(transaction, &self.username).await?.id;
        let role_id = self.role_id;
        find(transaction, role_id, WithPermissions::No).await?;
        let assigned = insert_assignment(transaction, user_id, role_id).await;
        assigned.map_err(|error| {
            or_exists(error, || AccessError::AssignmentExists { user_id, role_id })
        })
    }
}

impl Change for UnassignRole {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let user_id = users::find(transaction, &self.username).await?.id;
        let role_id = self.role_id;
        let delete = Query::delete()
            .from_table(UserRoleAssignments::Table)
            .and_where(Expr::col(UserRoleAssignments::UserId).eq(user_id))
            .and_where(Expr::col(UserRoleAssignments::RoleId).eq(role_id))
            .take();
        if transaction.execute(&delete).await? == 0 {
            return Err(AccessError::AssignmentNotFound { user_id, role_id }.into());
        }
        Ok(())
    }
}
