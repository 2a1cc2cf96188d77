//! Roles.

use super::{
    AccessError, AccessStore, or_exists, role_assignments, role_permissions,
    tables::{RolePermissions, Roles, UserRoleAssignments},
    users,
};
use crate::{
    StoreError,
    db::{DbError, Row, Transaction},
    reads::Question,
    writes::{Change, Lock},
};
use mlferry_protocol::access::{CreateRole, Role, RolePermission, UpdateRole};
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

    /// The roles of a user.
    pub async fn roles_of_user(&self, username: String) -> Result<Vec<Role>, StoreError> {
        self.ask(RolesOfUser(username)).await
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
        for permission in role_permissions::select(transaction, which).await? {
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

/// A role, or the error that there is none.
pub(super) async fn find(
    transaction: &mut Transaction,
    role_id: i64,
    with: WithPermissions,
) -> Result<Role, StoreError> {
    let which = Expr::col(Roles::Id).eq(role_id);
    let found = select(transaction, Some(which), with).await?.pop();
    Ok(found.ok_or(AccessError::RoleNotFound(role_id))?)
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
        let held = role_assignments::select(transaction, Some(which)).await?;
        let which = Expr::col(Roles::Id).is_in(held.iter().map(|held| held.role_id));
        Ok(select(transaction, Some(which), WithPermissions::Yes).await?)
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
