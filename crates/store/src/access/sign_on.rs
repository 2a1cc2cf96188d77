//! People whom an identity provider vouches for: they become users when they first come, and get the roles of their groups each time.

use super::{
    AccessError, AccessStore, Account, role_assignments,
    roles::{self, WithPermissions},
    tables::{Roles, UserRoleAssignments, Users},
    users,
};
use crate::{
    StoreError,
    db::Transaction,
    reads::Question,
    schema::WORKSPACE,
    writes::{Change, Lock},
};
use mlferry_protocol::{access::Role, python::hex};
use sea_query::{Expr, ExprTrait, Query};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// What stands in place of a hash: no password has one without `$`, neither here nor in MLflow.
const BINDING_PREFIX: &str = "oidc:";

/// Somebody whom an identity provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOn {
    /// The name of the user.
    pub username: String,
    /// The provider, by the URL of its issuer.
    pub issuer: String,
    /// How the provider knows this person, whatever name it goes by.
    pub subject: String,
    /// Names of the roles that groups of the provider have, all of them; other roles are left alone.
    pub roles_of_groups: Vec<String>,
    /// Those of them that this person has.
    pub roles: HashSet<String>,
    /// Whether the user may do everything; absent where the provider does not say.
    pub is_admin: Option<bool>,
}

/// Somebody who has signed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOn {
    /// The user that this is.
    pub account: Account,
    /// Whether the user, or what may be done by this user, was another one before.
    pub is_changed: bool,
}

impl SignOn {
    /// By what a user is known as this very person: a name may pass to somebody else.
    fn binding(&self) -> String {
        let digest = Sha256::new()
            .chain_update(&self.issuer)
            .chain_update([0])
            .chain_update(&self.subject)
            .finalize();
        format!("{BINDING_PREFIX}{}", hex(&digest))
    }

    fn is(&self, account: &Account) -> Result<(), AccessError> {
        if account.password_hash == self.binding() {
            return Ok(());
        }
        Err(AccessError::OtherUser(self.username.clone()))
    }
}

impl AccessStore {
    /// The user that somebody is, with the roles that go with it; made, if there is none yet. One that is somebody else, or has a
    /// password, is refused.
    pub async fn sign_on(&self, who: &SignOn) -> Result<SignedOn, StoreError> {
        // Two of the first requests of somebody may come at once.
        for _ in 0..2 {
            if let Some(account) = self.ask(Arrived(who.clone())).await? {
                return Ok(SignedOn { account, is_changed: false });
            }
            match self.write(Arriving(who.clone())).await {
                Err(StoreError::Access(AccessError::UserExists(_))) => {}
                arrived => {
                    return arrived.map(|account| SignedOn { account, is_changed: true });
                }
            }
        }
        Err(AccessError::UserExists(who.username.clone()).into())
    }
}

/// Numbers of roles that come or go as somebody signs on.
#[derive(Default)]
struct Difference {
    gained: Vec<i64>,
    lost: Vec<i64>,
}

/// What a user has to get of the roles that groups have, and what to lose.
async fn difference(
    transaction: &mut Transaction,
    who: &SignOn,
    user_id: i64,
) -> Result<Difference, StoreError> {
    if who.roles_of_groups.is_empty() {
        return Ok(Difference::default());
    }
    let names = who.roles_of_groups.iter().map(String::as_str);
    let which = Expr::col(Roles::Name).is_in(names).and(Expr::col(Roles::Workspace).eq(WORKSPACE));
    let roles = roles::select(transaction, Some(which), WithPermissions::No).await?;
    let which = Expr::col(UserRoleAssignments::UserId).eq(user_id);
    let assigned = role_assignments::select(transaction, Some(which)).await?;
    let assigned: HashSet<i64> = assigned.into_iter().map(|it| it.role_id).collect();
    let changed =
        roles.iter().filter(|it| who.roles.contains(&it.name) != assigned.contains(&it.id));
    let (gained, lost): (Vec<_>, Vec<_>) = changed.partition(|it| who.roles.contains(&it.name));
    let ids = |roles: Vec<&Role>| roles.into_iter().map(|it| it.id).collect();
    Ok(Difference { gained: ids(gained), lost: ids(lost) })
}

/// Asks whether there is nothing to do.
struct Arrived(SignOn);

impl Question for Arrived {
    type Answer = Option<Account>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Option<Account>, StoreError> {
        let Self(who) = self;
        let Some(account) = users::account_of(transaction, &who.username).await? else {
            return Ok(None);
        };
        who.is(&account)?;
        let Difference { gained, lost } = difference(transaction, who, account.user.id).await?;
        let is_up_to_date = who.is_admin.is_none_or(|is_admin| is_admin == account.user.is_admin)
            && gained.is_empty()
            && lost.is_empty();
        Ok(is_up_to_date.then_some(account))
    }
}

struct Arriving(SignOn);

impl Change for Arriving {
    type Output = Account;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Account, StoreError> {
        let Self(who) = self;
        let user = match users::account_of(transaction, &who.username).await? {
            Some(account) => {
                who.is(&account)?;
                users::hold(transaction, &who.username).await?
            }
            None => users::insert(transaction, &who.username, &who.binding(), false).await?,
        };
        if let Some(is_admin) = who.is_admin.filter(|is_admin| *is_admin != user.is_admin) {
            let update = Query::update()
                .table(Users::Table)
                .value(Users::IsAdmin, is_admin)
                .and_where(Expr::col(Users::Id).eq(user.id))
                .take();
            transaction.execute(&update).await?;
        }
        let Difference { gained, lost } = difference(transaction, who, user.id).await?;
        for role in gained {
            role_assignments::insert(transaction, user.id, role).await?;
        }
        if !lost.is_empty() {
            let delete = Query::delete()
                .from_table(UserRoleAssignments::Table)
                .and_where(Expr::col(UserRoleAssignments::UserId).eq(user.id))
                .and_where(Expr::col(UserRoleAssignments::RoleId).is_in(lost))
                .take();
            transaction.execute(&delete).await?;
        }
        let account = users::account_of(transaction, &who.username).await?;
        Ok(account.ok_or_else(|| AccessError::UserNotFound(who.username.clone()))?)
    }
}
