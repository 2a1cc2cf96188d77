//! Users at the start of a server: their database, and the first of them.

use anyhow::Context;
use mlferry_protocol::access::CreateUser;
use mlferry_server::{AccessOptions, AuditLog, OidcOptions};
use mlferry_store::{
    AccessError, AccessStore, Connections, StoreError, hash_password, is_password,
};
use uuid::Uuid;

use crate::options::access::AccessSettings;
use crate::options::audit::AuditOptions;

/// The password that earlier releases of MLflow gave to their first user. Everybody knows it.
pub(crate) const KNOWN_PASSWORD: &str = "password1234";

/// Opens the database of users, and makes the first one where there is none.
pub(crate) async fn open(
    settings: &AccessSettings,
    audit_log: Option<&AuditOptions>,
    oidc: Option<OidcOptions>,
) -> anyhow::Result<AccessOptions> {
    let users = AccessStore::open(&settings.database_uri, &Connections::default()).await?;
    first_user(&users, settings).await.context("cannot prepare the first user")?;
    if let Some(oidc) = oidc.as_ref().filter(|oidc| !oidc.group_roles.is_empty()) {
        warn_of_unknown_roles(&users, oidc).await?;
    }
    Ok(AccessOptions {
        users,
        default_permission: settings.default_permission,
        credential_time: settings.credential_time,
        credential_count: settings.credential_count,
        audit_log: audit_log.map(open_log).transpose()?,
        oidc,
    })
}

/// Roles that groups are to have may be made later; a name that was mistyped never is.
async fn warn_of_unknown_roles(users: &AccessStore, oidc: &OidcOptions) -> anyhow::Result<()> {
    let known = users.list_roles(Vec::new()).await?;
    for (group, role) in &oidc.group_roles {
        if !known.iter().any(|one| one.name == *role) {
            tracing::warn!(
                "the group '{group}' gives nothing until there is a role '{role}' (--oidc-group-roles)"
            );
        }
    }
    Ok(())
}

fn open_log(options: &AuditOptions) -> anyhow::Result<AuditLog> {
    let AuditOptions { path, bytes, kept, shows_reads } = options;
    AuditLog::open(path, *bytes, *kept, *shows_reads)
        .with_context(|| format!("cannot write the audit log {}", path.display()))
}

async fn first_user(users: &AccessStore, settings: &AccessSettings) -> anyhow::Result<()> {
    let name = &settings.admin_username;
    let given = settings.admin_password.as_deref();
    if let Some(account) = users.account(name).await? {
        // Whoever comes from an old release without a way in gets one by the password that is given here.
        if account.user.is_admin && is_password(KNOWN_PASSWORD, &account.password_hash) {
            if let Some(given) = given.filter(|given| *given != KNOWN_PASSWORD) {
                let CreateUser { username, password } = checked(name, given)?;
                users.set_password(username, hash_password(&password)?).await?;
                tracing::warn!(
                    "the password of '{name}' was one that everybody knows, and is now the one given"
                );
            } else {
                tracing::warn!(
                    "'{name}' has a password that everybody knows, with which nobody is let in: set another one with \
                     `mlferry users passwd {name}`"
                );
            }
        }
        return Ok(());
    }
    let Some(given) = given else {
        if users.list_users().await?.users.iter().any(|listed| listed.user.is_admin) {
            return Ok(());
        }
        let password = new_password();
        make(users, name, &password).await?;
        // Shown once, and to nobody who reads the log later.
        eprintln!("Made the user '{name}', who may do everything, with the password {password}");
        return Ok(());
    };
    anyhow::ensure!(
        given != KNOWN_PASSWORD,
        "the password given for '{name}' is one that everybody knows: choose another one"
    );
    make(users, name, given).await
}

/// A name and a password with which a user may be made.
pub(crate) fn checked(name: &str, password: &str) -> anyhow::Result<CreateUser> {
    Ok(CreateUser::new(name.to_owned(), password.to_owned())?)
}

async fn make(users: &AccessStore, name: &str, password: &str) -> anyhow::Result<()> {
    let CreateUser { username, password } = checked(name, password)?;
    match users.create_user(username, hash_password(&password)?, true).await {
        Ok(_) => {
            tracing::info!("Made the user '{name}', who may do everything");
            Ok(())
        }
        // Another server was faster.
        Err(StoreError::Access(AccessError::UserExists(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A password that nobody guesses: 122 random bits.
pub(crate) fn new_password() -> String {
    Uuid::new_v4().simple().to_string()
}
