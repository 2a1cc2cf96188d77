//! What roles grant.

use super::{
    AccessError, AccessStore, or_exists,
    roles::{self, WithPermissions},
    tables::RolePermissions,
};
use crate::{
    StoreError,
    db::{DbError, Transaction},
    writes::{Change, Lock},
};
use mlferry_protocol::access::{
    AddRolePermission, Permission, ResourceType, RolePermission, UpdateRolePermission,
};
use sea_query::{Expr, ExprTrait, Order, Query};

impl AccessStore {
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
}

/// What roles grant: what fulfils a condition.
pub(super) async fn select(
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

async fn find(transaction: &mut Transaction, id: i64) -> Result<RolePermission, StoreError> {
    let found = select(transaction, Expr::col(RolePermissions::Id).eq(id)).await?.pop();
    Ok(found.ok_or(AccessError::RolePermissionNotFound(id))?)
}

/// Adds something to what a role grants.
pub(super) async fn insert(
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

impl Change for AddRolePermission {
    type Output = RolePermission;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<RolePermission, StoreError> {
        let Self { role_id, kind, pattern, permission } = self;
        roles::find(transaction, *role_id, WithPermissions::No).await?;
        let on = (*kind, pattern.as_str());
        let id = insert(transaction, *role_id, on, *permission).await;
        let id = id.map_err(|error| {
            or_exists(error, || AccessError::RolePermissionExists {
                role_id: *role_id,
                kind: kind.name(),
                pattern: pattern.clone(),
            })
        })?;
        find(transaction, id).await
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
        let found = find(transaction, id).await?;
        if let Some(kind) = ResourceType::from_name(&found.resource_type) {
            kind.check_permission(self.permission)?;
        }
        let update = Query::update()
            .table(RolePermissions::Table)
            .value(RolePermissions::Permission, self.permission.name())
            .and_where(Expr::col(RolePermissions::Id).eq(id))
            .take();
        transaction.execute(&update).await?;
        find(transaction, id).await
    }
}
