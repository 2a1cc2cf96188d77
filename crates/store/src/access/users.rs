//! Users, and what is asked of them with each request.

use super::{
    AccessError, AccessStore, grants, or_exists, role_assignments,
    roles::{self, WithPermissions},
    sessions,
    tables::{OLD_TABLES, OldPermissions, RolePermissions, Roles, UserRoleAssignments, Users},
    tokens,
};
use crate::{
    StoreError,
    db::{DbError, Row, Transaction},
    reads::Question,
    schema::WORKSPACE,
    writes::{Change, Lock},
};
use mlferry_protocol::access::{
    Grant, Permission, ResourceType, Role, User, UserWithRoles, UsersResponse,
};
use sea_query::{Alias, Expr, ExprTrait, LockType, Order, Query, SelectStatement};
use std::{collections::HashMap, fmt};

/// All that is asked of a user with each request.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// What the password is compared with.
    pub password_hash: String,
    /// What was granted by all roles.
    pub grants: Vec<Grant>,
}

/// Without the hash.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({:?}, {} grants)", self.user, self.grants.len())
    }
}

impl AccessStore {
    /// What is known of the user with a name.
    pub async fn account(&self, username: &str) -> Result<Option<Account>, StoreError> {
        self.ask(AccountOf(username.to_owned())).await
    }

    /// The user with a name.
    pub async fn get_user(&self, username: &str) -> Result<User, StoreError> {
        self.ask(NamedUser(username.to_owned())).await
    }

    /// All users with all of their roles.
    pub async fn list_users(&self) -> Result<UsersResponse, StoreError> {
        self.ask(AllUsers).await
    }

    /// Makes a user whose password has this hash.
    pub async fn create_user(
        &self,
        username: String,
        password_hash: String,
        is_admin: bool,
    ) -> Result<User, StoreError> {
        self.write(NewUser { username, password_hash, is_admin }).await
    }

    /// Gives a user another password, of which this is the hash.
    pub async fn set_password(
        &self,
        username: String,
        password_hash: String,
    ) -> Result<(), StoreError> {
        self.write(ChangedUser { username, change: UserChange::PasswordHash(password_hash) }).await
    }

    /// Says whether a user may do everything.
    pub async fn set_admin(&self, username: String, is_admin: bool) -> Result<(), StoreError> {
        self.write(ChangedUser { username, change: UserChange::IsAdmin(is_admin) }).await
    }

    /// Deletes a user, with all that was granted to this user alone.
    pub async fn delete_user(&self, username: String) -> Result<(), StoreError> {
        self.write(DeletedUser(username)).await
    }
}

fn select_users() -> SelectStatement {
    Query::select()
        .columns([Users::Id, Users::Username, Users::PasswordHash, Users::IsAdmin])
        .from(Users::Table)
        .take()
}

fn user_of(row: &Row) -> Result<User, DbError> {
    let username: Option<String> = row.get(Users::Username)?;
    let is_admin: Option<bool> = row.get(Users::IsAdmin)?;
    Ok(User {
        id: row.get(Users::Id)?,
        username: username.unwrap_or_default(),
        is_admin: is_admin.unwrap_or_default(),
    })
}

async fn row_of(
    transaction: &mut Transaction,
    username: &str,
    lock: Option<LockType>,
) -> Result<Option<Row>, DbError> {
    let mut select = select_users().and_where(Expr::col(Users::Username).eq(username)).take();
    if let Some(lock) = lock {
        select.lock(lock);
    }
    transaction.fetch_optional(&select).await
}

/// The user with a name, who must exist.
pub(super) async fn find(
    transaction: &mut Transaction,
    username: &str,
) -> Result<User, StoreError> {
    found(row_of(transaction, username, None).await?, username)
}

/// The same, whom nobody else deletes until the end.
pub(super) async fn hold(
    transaction: &mut Transaction,
    username: &str,
) -> Result<User, StoreError> {
    found(row_of(transaction, username, Some(LockType::Update)).await?, username)
}

fn found(row: Option<Row>, username: &str) -> Result<User, StoreError> {
    let row = row.ok_or_else(|| AccessError::UserNotFound(username.to_owned()))?;
    Ok(user_of(&row)?)
}

struct AccountOf(String);

impl Question for AccountOf {
    type Answer = Option<Account>;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Option<Account>, StoreError> {
        account_of(transaction, &self.0).await
    }
}

/// What is known of the user with a name.
pub(super) async fn account_of(
    transaction: &mut Transaction,
    username: &str,
) -> Result<Option<Account>, StoreError> {
    let Some(row) = row_of(transaction, username, None).await? else { return Ok(None) };
    let user = user_of(&row)?;
    let password_hash: Option<String> = row.get(Users::PasswordHash)?;
    let grants = grants_of(transaction, user.id).await?;
    Ok(Some(Account { user, password_hash: password_hash.unwrap_or_default(), grants }))
}

/// What all roles of a user grant. What only a newer MLflow knows grants nothing.
async fn grants_of(transaction: &mut Transaction, user_id: i64) -> Result<Vec<Grant>, DbError> {
    let columns = [
        RolePermissions::ResourceType,
        RolePermissions::ResourcePattern,
        RolePermissions::Permission,
    ];
    let select = Query::select()
        .columns(columns.map(|column| (RolePermissions::Table, column)))
        .from(UserRoleAssignments::Table)
        .inner_join(
            Roles::Table,
            Expr::col((Roles::Table, Roles::Id))
                .equals((UserRoleAssignments::Table, UserRoleAssignments::RoleId)),
        )
        .inner_join(
            RolePermissions::Table,
            Expr::col((RolePermissions::Table, RolePermissions::RoleId))
                .equals((Roles::Table, Roles::Id)),
        )
        .and_where(Expr::col((UserRoleAssignments::Table, UserRoleAssignments::UserId)).eq(user_id))
        .and_where(Expr::col((Roles::Table, Roles::Workspace)).eq(WORKSPACE))
        .take();
    let mut grants = Vec::new();
    for row in transaction.fetch_all(&select).await? {
        let kind: String = row.get(RolePermissions::ResourceType)?;
        let permission: String = row.get(RolePermissions::Permission)?;
        let named = ResourceType::from_name(&kind).zip(Permission::from_name(&permission));
        if let Some((kind, permission)) = named {
            let pattern = row.get(RolePermissions::ResourcePattern)?;
            grants.push(Grant { kind, pattern, permission });
        }
    }
    Ok(grants)
}

struct NamedUser(String);

impl Question for NamedUser {
    type Answer = User;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<User, StoreError> {
        find(transaction, &self.0).await
    }
}

struct AllUsers;

impl Question for AllUsers {
    type Answer = UsersResponse;

    async fn answer(&self, transaction: &mut Transaction) -> Result<UsersResponse, StoreError> {
        let select = select_users().order_by(Users::Id, Order::Asc).take();
        let users: Vec<User> =
            transaction.fetch_all(&select).await?.iter().map(user_of).collect::<Result<_, _>>()?;
        let roles = roles::select(transaction, None, WithPermissions::Yes).await?;
        let roles: HashMap<i64, Role> = roles.into_iter().map(|role| (role.id, role)).collect();
        let mut of_users: HashMap<i64, Vec<Role>> = HashMap::new();
        for assignment in role_assignments::select(transaction, None).await? {
            if let Some(role) = roles.get(&assignment.role_id) {
                of_users.entry(assignment.user_id).or_default().push(role.clone());
            }
        }
        let users = users.into_iter().map(|user| {
            let roles = of_users.remove(&user.id).unwrap_or_default();
            UserWithRoles { user, roles }
        });
        Ok(UsersResponse { users: users.collect() })
    }
}

struct NewUser {
    username: String,
    password_hash: String,
    is_admin: bool,
}

impl Change for NewUser {
    type Output = User;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<User, StoreError> {
        insert(transaction, &self.username, &self.password_hash, self.is_admin).await
    }
}

/// Makes a user whose name nobody has.
pub(super) async fn insert(
    transaction: &mut Transaction,
    username: &str,
    password_hash: &str,
    is_admin: bool,
) -> Result<User, StoreError> {
    let insert = Query::insert()
        .into_table(Users::Table)
        .columns([Users::Username, Users::PasswordHash, Users::IsAdmin])
        .values_panic([username.into(), password_hash.into(), is_admin.into()])
        .returning_col(Users::Id)
        .take();
    let row = transaction.execute_returning(&insert).await;
    let row =
        row.map_err(|error| or_exists(error, || AccessError::UserExists(username.to_owned())))?;
    Ok(User { id: row.get(Users::Id)?, username: username.to_owned(), is_admin })
}

enum UserChange {
    PasswordHash(String),
    IsAdmin(bool),
}

struct ChangedUser {
    username: String,
    change: UserChange,
}

impl Change for ChangedUser {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let mut update = Query::update()
            .table(Users::Table)
            .and_where(Expr::col(Users::Username).eq(self.username.as_str()))
            .take();
        match &self.change {
            UserChange::PasswordHash(hash) => update.value(Users::PasswordHash, hash.as_str()),
            UserChange::IsAdmin(is_admin) => update.value(Users::IsAdmin, *is_admin),
        };
        if transaction.execute(&update).await? == 0 {
            return Err(AccessError::UserNotFound(self.username.clone()).into());
        }
        if matches!(self.change, UserChange::PasswordHash(_)) {
            // Nobody else vouches for the user from now on.
            sessions::end_all(transaction, &self.username).await?;
        }
        Ok(())
    }
}

struct DeletedUser(String);

impl Change for DeletedUser {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let user = hold(transaction, &self.0).await?;
        for role in grants::own_roles(transaction, user.id).await? {
            roles::delete(transaction, role).await?;
        }
        let unassign = Query::delete()
            .from_table(UserRoleAssignments::Table)
            .and_where(Expr::col(UserRoleAssignments::UserId).eq(user.id))
            .take();
        transaction.execute(&unassign).await?;
        tokens::delete_of(transaction, user.id).await?;
        for table in OLD_TABLES {
            let delete = Query::delete()
                .from_table(Alias::new(table))
                .and_where(Expr::col(OldPermissions::UserId).eq(user.id))
                .take();
            transaction.execute(&delete).await?;
        }
        let delete = Query::delete()
            .from_table(Users::Table)
            .and_where(Expr::col(Users::Id).eq(user.id))
            .take();
        transaction.execute(&delete).await?;
        Ok(())
    }
}
