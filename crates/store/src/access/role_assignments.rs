//! Who has which role.

use super::{
    AccessError, AccessStore, or_exists,
    roles::{self, WithPermissions},
    tables::UserRoleAssignments,
    users,
};
use crate::{
    StoreError,
    db::{DbError, Transaction},
    reads::Question,
    writes::{Change, Lock},
};
use mlferry_protocol::access::{AssignRole, Assignment, UnassignRole};
use sea_query::{Expr, ExprTrait, Order, Query};

impl AccessStore {
    /// Gives a role to a user.
    pub async fn assign_role(&self, request: AssignRole) -> Result<Assignment, StoreError> {
        self.write(request).await
    }

    /// Takes a role from a user.
    pub async fn unassign_role(&self, request: UnassignRole) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Who has a role.
    pub async fn users_of_role(&self, role_id: i64) -> Result<Vec<Assignment>, StoreError> {
        self.ask(UsersOfRole(role_id)).await
    }
}

/// Who has which role: what fulfils a condition, or all.
pub(super) async fn select(
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

/// Gives a role to a user who does not have it.
pub(super) async fn insert(
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

struct UsersOfRole(i64);

impl Question for UsersOfRole {
    type Answer = Vec<Assignment>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Vec<Assignment>, StoreError> {
        roles::find(transaction, self.0, WithPermissions::No).await?;
        let which = Expr::col(UserRoleAssignments::RoleId).eq(self.0);
        Ok(select(transaction, Some(which)).await?)
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
        roles::find(transaction, role_id, WithPermissions::No).await?;
        let assigned = insert(transaction, user_id, role_id).await;
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
